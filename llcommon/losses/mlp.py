"""Multilayer perceptrons with an L2 term.

    z_1 = W_1^T x + b_1,  z_{l+1} = W_{l+1}^T f(z_l) + b_{l+1},  l = 1 .. h       (h hidden layers, also none)
    cross-entropy:  L = -(1/n) sum_d ln softmax(z)_{d, class(d)} + lambda |w|^2
    mse:            L =  (1/n) sum_d |z_d - t_d|^2               + lambda |w|^2

with f = tanh or logistic. |w|^2 runs over all weights and biases (no factor 1/2, as in the MLPVB3
potential of GMIN), or without the biases. With a class target and mse, t is one-hot.

Dimension N = sum over layers of (inputs + 1) * outputs. Coordinates: see `_mlp_kernels`.
Symmetry: permutations of the units of each hidden layer, and signs for tanh; also permutations of
features and classes that leave the data as it is (`_data_symmetry`), which measured data hardly has.
Adding a constant to all outgoing weights of a last hidden unit, or to all output biases, leaves a
softmax unchanged: those directions have curvature 2 lambda, and are zero modes where no L2 term acts.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.config import setting
from llcommon.errors import ConfigError
from llcommon.losses import _mlp_export as export
from llcommon.losses import _mlp_symmetry as symmetry
from llcommon.losses._data_symmetry import DataPermutation, data_permutations
from llcommon.losses._mlp_hessian import hessian_chunk, hessian_workspace, mlp_hessian
from llcommon.losses._mlp_kernels import (
    CROSS_ENTROPY,
    LOGISTIC,
    MSE,
    TANH,
    mlp_hessian_vector,
    mlp_kernel,
    mlp_rows,
    vector_workspace,
)
from llcommon.losses.base import LossModel
from llcommon.seam import first_class

_ACTIVATIONS = {"tanh": TANH, "logistic": LOGISTIC}
_LOSSES = {"cross-entropy": CROSS_ENTROPY, "mse": MSE}


@dataclass(frozen=True)
class MLPParameters:
    """The `[loss]` table of an mlp."""

    hidden: list[int] = setting([10], help="units of each hidden layer; [] for none", minimum=1)
    activation: str = setting("tanh", help="activation of hidden units", choices=tuple(_ACTIVATIONS))
    loss: str = setting("cross-entropy", help="what is fitted", choices=tuple(_LOSSES))
    lambda_: float = setting(
        1e-4, key="lambda", help="strength of the L2 term lambda |w|^2 (no factor 1/2)", minimum=0.0
    )
    regularise_biases: bool = setting(True, help="whether the L2 term includes the biases")


class MLP(LossModel):
    """A multilayer perceptron on a table of data; see the module's docstring."""

    name = "mlp"
    Parameters = MLPParameters
    suggested_step = 2.0
    suggested_temperature = 1e-3

    def __init__(self, parameters: MLPParameters, data) -> None:
        self.parameters = parameters
        self.data = data
        inputs = data.inputs()
        rows = inputs.shape[0]
        outputs = self._output_count(parameters, data)
        self.widths = (inputs.shape[1], *parameters.hidden, outputs)
        self.odd = parameters.activation == "tanh"
        pairs = zip(self.widths[:-1], self.widths[1:], strict=True)
        self.dimension = sum((a + 1) * b for a, b in pairs)
        labels = data.labels if data.labels is not None else np.zeros(0, dtype=np.int64)
        header = [
            rows,
            len(self.widths) - 1,
            _ACTIVATIONS[parameters.activation],
            _LOSSES[parameters.loss],
            int(parameters.regularise_biases),
            hessian_chunk(self.widths, rows),
            *self.widths,
        ]
        self.integers = np.concatenate([np.array(header, dtype=np.int64), labels.astype(np.int64)])
        blocks = [np.array([parameters.lambda_]), inputs.T.ravel(), np.ones(rows)]
        if parameters.loss == "mse":
            blocks.append(self._targets(data, outputs).T.ravel())
        self.reals = np.concatenate(blocks)
        answers = data.labels if data.labels is not None else data.targets
        classes = outputs if data.labels is not None else 0
        self.data_symmetry = data_permutations(inputs, answers, classes)
        self.kernel = first_class(mlp_kernel)
        self.hessian_kernel = first_class(mlp_hessian)
        self.hessian_vector_kernel = first_class(mlp_hessian_vector)
        self.rows = rows
        self.rows_kernel = first_class(mlp_rows)
        self._vector_size = vector_workspace(self.widths, rows)
        self.workspace = np.empty(self._vector_size)

    def hessian_packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The packed arguments with the larger workspace of the dense Hessian, made at first need."""
        size = max(self._vector_size, hessian_workspace(self.widths, int(self.integers[0])))
        if self.workspace.size < size:
            self.workspace = np.empty(size)
        return self.packed

    @staticmethod
    def _output_count(parameters: MLPParameters, data) -> int:
        if data.labels is not None:
            return len(data.class_names)
        if parameters.loss == "cross-entropy":
            raise ConfigError(
                'the target is numeric, which loss = "cross-entropy" cannot fit: use loss = "mse" in [loss]'
            )
        return 1

    @staticmethod
    def _targets(data, outputs: int) -> np.ndarray:
        if data.labels is not None:
            return np.eye(outputs)[data.labels]
        return data.targets[:, None]

    def matrices(self, x: np.ndarray) -> list[np.ndarray]:
        """The weight matrices (inputs + 1, outputs) of x, last row the biases; views."""
        return symmetry.split(np.asarray(x, dtype=np.float64), self.widths)

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        """Softmax gauge directions that no L2 term lifts, shape (number, N), the same everywhere."""
        if self.parameters.loss != "cross-entropy":
            return np.empty((0, self.dimension))
        inputs = self.widths[-2]
        rows = range(inputs + 1) if self.parameters.lambda_ == 0.0 else [inputs]
        if self.parameters.lambda_ > 0.0 and self.parameters.regularise_biases:
            rows = []
        modes = np.zeros((len(rows), self.dimension))
        for mode, row in zip(modes, rows, strict=True):
            self.matrices(mode)[-1][row] = 1.0 / np.sqrt(self.widths[-1])
        return modes

    def rotating_blocks(self) -> list[np.ndarray]:
        """For every hidden unit the weights into it with its bias, and the weights out of the last hidden units."""
        places = self._places()
        blocks = [column for matrix in places[:-1] for column in matrix.T]
        if len(places) > 1:
            blocks += list(places[-1][:-1])
        return blocks

    def _places(self) -> list[np.ndarray]:
        """The weight matrices (inputs + 1, outputs) with the index of each coordinate in its place."""
        return [matrix.astype(np.int64) for matrix in self.matrices(np.arange(self.dimension))]

    def layers(self) -> list[np.ndarray]:
        """The weights into each layer with its biases."""
        return [places.ravel() for places in self._places()]

    def units(self) -> list[np.ndarray]:
        """For every hidden unit all weights into and out of it with its bias; without hidden units every output's."""
        places = self._places()
        if len(places) == 1:
            return list(places[0].T)
        pairs = zip(places[:-1], places[1:], strict=True)
        return [
            np.concatenate([below[:, unit], above[unit]])
            for below, above in pairs
            for unit in range(below.shape[1])
        ]

    def fans(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(places[:-1], places[-1]) for places in self._places()]

    def coordinate_names(self) -> list[str]:
        """layer/from/to of each weight: layers from 1, features and classes by name, units from 0, `bias` for one."""
        outputs = self.data.class_names if self.data.labels is not None else (self.data.target_name,)
        hidden = [[f"unit{number}" for number in range(units)] for units in self.widths[1:-1]]
        places = [list(self.data.feature_names), *hidden, list(outputs)]
        names = []
        for layer, (below, above) in enumerate(zip(places[:-1], places[1:], strict=True), start=1):
            names += [f"{layer}/{source}/{target}" for source in [*below, "bias"] for target in above]
        return names

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Independent normal weights of unit variance."""
        return rng.standard_normal(self.dimension)

    def special_starts(self, rng: np.random.Generator) -> list[np.ndarray]:
        """A network of tiny weights: below it lies the collapsed minimum, if there is one, in a small basin."""
        return [1e-2 * rng.standard_normal(self.dimension)]

    def _data_image(self, x: np.ndarray, permutation: DataPermutation) -> np.ndarray:
        """x with its input rows and output columns permuted like the data."""
        matrices = [matrix.copy() for matrix in self.matrices(x)]
        matrices[0][:-1] = matrices[0][permutation.features]
        if len(permutation.classes) == self.widths[-1]:
            matrices[-1] = matrices[-1][:, permutation.classes]
        return symmetry.join(matrices)

    def log_group_order(self) -> float:
        return symmetry.log_group_order(self.widths, self.odd) + float(np.log(len(self.data_symmetry)))

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        best = None
        shortest = np.inf
        target = self.matrices(reference)
        for permutation in self.data_symmetry:
            image = x if permutation is self.data_symmetry[0] else self._data_image(x, permutation)
            aligned = symmetry.join(symmetry.align(target, self.matrices(image), self.odd))
            if len(self.data_symmetry) == 1:
                return aligned
            distance = np.linalg.norm(aligned - reference)
            if distance < shortest:
                best = aligned
                shortest = distance
        return best

    def canonical(self, x: np.ndarray) -> np.ndarray:
        images = []
        for permutation in self.data_symmetry:
            image = self.matrices(self._data_image(x, permutation))
            images.append(symmetry.join(symmetry.canonical(image, self.odd)))
        return min(images, key=lambda image: image.tolist())

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        operations = []
        for units in self.parameters.hidden:
            signs = rng.choice([-1.0, 1.0], size=units) if self.odd else np.ones(units)
            operations.append(symmetry.SignedPermutation(rng.permutation(units), signs))
        permutation = self.data_symmetry[rng.integers(len(self.data_symmetry))]
        return symmetry.join(symmetry.apply(self.matrices(self._data_image(x, permutation)), operations))

    def asymmetric_directions(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Those of dead units and of sets of equal units; symmetries that permute the data are left out."""
        places = self._places()
        directions = [np.empty((0, self.dimension))]
        for below, above in zip(places[:-1], places[1:], strict=True):
            units = np.concatenate([below, above[:-1].T]).T
            for contrast in symmetry.contrasts(x[units], self.odd, tolerance):
                rows = np.zeros((units.shape[1], self.dimension))
                for unit, share in enumerate(contrast):
                    rows[np.arange(len(rows)), units[unit]] = share
                directions.append(rows)
        stacked = np.concatenate(directions)
        if len(places) <= 2 or not len(stacked):
            return stacked
        # Weights between two hidden layers belong to a unit of either.
        _, sizes, rows = np.linalg.svd(stacked, full_matrices=False)
        return rows[sizes > 0.5]

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        order = symmetry.stabiliser_order(self.matrices(x), self.odd, tolerance)
        # Operations that permute the data too, up to one of the hidden units: so many cosets as there are images of x
        # under the data's permutations that the hidden units can undo.
        cosets = 1
        for permutation in self.data_symmetry[1:]:
            image = self.matrices(self._data_image(x, permutation))
            undone = symmetry.join(symmetry.align(self.matrices(x), image, self.odd))
            cosets += bool(np.abs(undone - x).max() <= tolerance)
        return order * cosets

    def _last_outputs(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """z of the last layer for raw feature rows, shape (n, outputs)."""
        below = self.data.transform(features)
        matrices = self.matrices(x)
        for layer, matrix in enumerate(matrices):
            below = below @ matrix[:-1] + matrix[-1]
            if layer < len(matrices) - 1:
                below = np.tanh(below) if self.odd else 0.5 + 0.5 * np.tanh(0.5 * below)
        return below

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Class probabilities (cross-entropy) or outputs (mse) for raw feature rows, shape (n, outputs)."""
        outputs = self._last_outputs(x, features)
        if self.parameters.loss == "mse":
            return outputs
        weights = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Log-softmax of the outputs, shape (n, classes); None for mse."""
        if self.parameters.loss == "mse":
            return None
        outputs = self._last_outputs(x, features)
        below_largest = outputs - outputs.max(axis=1, keepdims=True)
        return below_largest - np.log(np.exp(below_largest).sum(axis=1, keepdims=True))

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return export.named_arrays(self.matrices(x))

    def _raw_matrices(self, x: np.ndarray) -> list[np.ndarray]:
        """The weight matrices of x for raw features."""
        return export.raw_matrices(self.matrices(x), self.data.shift, self.data.scale)

    def scikit_learn(self, x: np.ndarray):
        """MLPClassifier, or for mse MLPRegressor; None for activations that scikit-learn lacks."""
        matrices = self._raw_matrices(x)
        settings = self.parameters
        if settings.loss == "mse":
            return export.scikit_regressor(matrices, settings.activation, settings.lambda_, self.rows)
        classes = self.data.class_names
        return export.scikit_classifier(matrices, settings.activation, classes, settings.lambda_, self.rows)

    def torch_state(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Of `Sequential(Linear, activation, Linear, ...)`, whose output goes into the softmax, if there is one."""
        return export.torch_state(self._raw_matrices(x))

    def suite_order(self) -> np.ndarray | None:
        """That of MLPVB3; None unless there is one hidden layer."""
        return export.suite_order(self.widths)
