"""The quadratic multinomial model: a softmax of polynomials of second degree, MLQ of the Cambridge suite.

    z_k = c_k + sum_i b_ki x_i + sum_{i <= j} a_kij x_i x_j,   p = softmax(z)
    L = -(1/n) sum_d ln p_{d, class(d)} + lambda |w|^2

with the d scaled features x_i of a row and one polynomial for each of K classes; w: all coefficients, or those without
the constants. Dimension N = K (1 + d (d + 3) / 2).

It is a perceptron without hidden layers on the features and their products, and runs on its kernels. Coordinates: a
matrix of one row for each term (x_1 .. x_d, then x_i x_j with i <= j in lexical order, then the constant) and one
column for each class, flattened row by row. The suite has the constant first, and one class after the other.

L is convex: one minimum and nothing else, or none where lambda = 0 and polynomials separate the classes. Flat are the
directions common to all classes, as of any softmax, and combinations of terms that vanish in every row (x^2 - x if x
is 0 or 1): zero modes where no L2 term acts. Symmetry: that of the data, as of `mlp`.
"""

from dataclasses import dataclass, replace

import numpy as np

from llcommon.config import setting
from llcommon.data import Data
from llcommon.errors import ConfigError
from llcommon.losses import mlp
from llcommon.losses.base import LossModel


@dataclass(frozen=True)
class MLQParameters:
    """The `[loss]` table of a quadratic multinomial."""

    lambda_: float = setting(
        1e-4, key="lambda", help="strength of the L2 term lambda |w|^2 (no factor 1/2)", minimum=0.0
    )
    regularise_biases: bool = setting(True, help="whether the L2 term includes the constants")


def terms(inputs: np.ndarray) -> np.ndarray:
    """Features and their products, (n, d (d + 3) / 2), of scaled feature rows, (n, d); without the constant."""
    first, second = np.triu_indices(inputs.shape[1])
    return np.column_stack([inputs, inputs[:, first] * inputs[:, second]])


def _table_of_terms(data: Data) -> Data:
    """The table that has the terms of a table for its features."""
    names = data.feature_names
    first, second = np.triu_indices(len(names))
    products = [f"{names[i]}*{names[j]}" for i, j in zip(first, second, strict=True)]
    features = terms(data.inputs())
    return replace(
        data,
        feature_names=(*names, *products),
        features=features,
        shift=np.zeros(features.shape[1]),
        scale=np.ones(features.shape[1]),
        scaling="none",
    )


class QuadraticMultinomial(LossModel):
    """A softmax of quadratic polynomials of the features; see the module's docstring."""

    name = "mlq"
    Parameters = MLQParameters
    suggested_step = 2.0
    suggested_temperature = 1e-3

    def __init__(self, parameters: MLQParameters, data: Data) -> None:
        if data.labels is None:
            raise ConfigError("the target is numeric, and mlq fits classes only: choose another target in [data]")
        self.parameters = parameters
        self.data = data
        network = mlp.MLPParameters(
            hidden=[],
            loss="cross-entropy",
            lambda_=parameters.lambda_,
            regularise_biases=parameters.regularise_biases,
        )
        self._network = mlp.MLP(network, _table_of_terms(data))
        self.dimension = self._network.dimension
        self.kernel = self._network.kernel
        self.hessian_kernel = self._network.hessian_kernel
        self.hessian_vector_kernel = self._network.hessian_vector_kernel
        self.reals = self._network.reals
        self.integers = self._network.integers
        self.workspace = self._network.workspace
        self.rows = self._network.rows
        self.rows_kernel = self._network.rows_kernel
        if parameters.lambda_ == 0.0:
            self._flat = self._flat_directions(terms(data.inputs()))

    def hessian_packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._network.hessian_packed()

    def _flat_directions(self, table: np.ndarray) -> np.ndarray:
        """Orthonormal directions, (number, N), that change no probability in any row of `table`, (n, terms)."""
        table = np.column_stack([table, np.ones(len(table))])
        _, sizes, basis = np.linalg.svd(np.linalg.qr(table, mode="r"))
        rank = int((sizes > max(table.shape) * np.finfo(np.float64).eps * sizes[0]).sum())
        classes = self.dimension // table.shape[1]
        common = np.full((1, classes), 1.0 / np.sqrt(classes))
        return np.vstack([np.kron(basis[:rank], common), np.kron(basis[rank:], np.eye(classes))])

    def coefficients(self, x: np.ndarray) -> np.ndarray:
        """The coefficients of x by term, the constant last, and class, (d (d + 3) / 2 + 1, K); a view."""
        return self._network.matrices(x)[0]

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        """Directions common to all classes, and of terms that are linearly dependent, which no L2 term lifts."""
        if self.parameters.lambda_ > 0.0:
            return self._network.zero_modes(x)
        return self._flat

    def penalty_curvature(self) -> np.ndarray:
        return self._network.penalty_curvature()

    def units(self) -> list[np.ndarray]:
        """The polynomial of each class."""
        return self._network.units()

    def fans(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return self._network.fans()

    def coordinate_names(self) -> list[str]:
        """term/class of each coefficient: features and classes by name, `bias` for the constants."""
        return [name.removeprefix("1/") for name in self._network.coordinate_names()]

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Independent normal coefficients of unit variance."""
        return self._network.random_start(rng)

    def special_starts(self, rng: np.random.Generator) -> list[np.ndarray]:
        """No coefficients at all: all classes alike."""
        return [np.zeros(self.dimension)]

    # --- symmetry ---------------------------------------------------------------------

    def log_group_order(self) -> float:
        return self._network.log_group_order()

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        image = self._network.align(reference, x)
        modes = self.zero_modes(reference)
        return image + modes.T @ (modes @ (reference - image)) if len(modes) else image

    def carried(self, reference: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray:
        images = self._network.carried(reference, x, points)
        modes = self.zero_modes(reference)
        if len(modes):
            (image,) = self._network.carried(reference, x, x[None])
            images = images + modes.T @ (modes @ (reference - image))
        return images

    def canonical(self, x: np.ndarray) -> np.ndarray:
        return self._network.canonical(x)

    def embedding(self, x: np.ndarray) -> np.ndarray:
        modes = self.zero_modes(x)
        return self._network.embedding(x - modes.T @ (modes @ x))

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self._network.random_image(x, rng)

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        return self._network.stabiliser_order(x, tolerance)

    # --- predictions ------------------------------------------------------------------

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Class probabilities for raw feature rows, shape (n, classes)."""
        return self._network.predict(x, terms(self.data.transform(features)))

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        return self._network.log_probabilities(x, terms(self.data.transform(features)))

    # --- in the terms of other programs ---------------------------------------------------

    def suite_order(self) -> np.ndarray:
        """That of MLQ: class by class its constant, the features and their products."""
        classes = len(self.data.class_names)
        return np.roll(np.arange(self.dimension).reshape(-1, classes).T, 1, axis=1).ravel()

    def suite_keywords(self) -> tuple[str, ...] | None:
        """MLQ; None where it regularises less than MLQ does."""
        if not self.parameters.regularise_biases:
            return None
        inputs, classes = len(self.data.feature_names), len(self.data.class_names)
        return (f"MLQ {inputs} 1 {classes} {self.rows} {self.parameters.lambda_!r}".upper(),)
