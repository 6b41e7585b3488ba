"""What every loss model offers, and what it declares about itself.

Algorithms ask these questions only; there is no isinstance on a loss model anywhere.
"""

from typing import ClassVar

import numpy as np

from llcommon.losses._pieces import Pieces
from llcommon.status import Status


class LossModel:
    """A loss function L(x) of N coordinates behind the numerical seam.

    Subclasses set the class attributes `name`, `Parameters` (the dataclass behind the
    `[loss]` table) and `takes_data`, fill the instance attributes in `__init__(parameters, data)`
    and override what differs from the defaults: no symmetry, no zero modes, no bounds, smooth.

    Instance attributes: dimension (N); kernel, hessian_kernel, hessian_vector_kernel (compiled
    functions of `llcommon.seam`); reals (float64), integers (int64): packed data and shape;
    workspace (float64): scratch, so one model object serves one thread.

    A model whose loss is a mean over rows of data, or over pairs of them (and a term without them), also sets: rows,
    their number; rows_kernel, which packs some of them.
    """

    name: ClassVar[str] = ""
    Parameters: ClassVar[type] = object
    takes_data: ClassVar[bool] = True
    takes_target: ClassVar[bool] = True  # of a model that takes data: whether one column is to be predicted
    # False where the loss has kinks; an instance may say so by itself. See `on_kink`.
    smooth: bool = True
    # Whether `align` may move a point; without a symmetry two points are compared as they stand.
    symmetric: bool = True
    # Share of the largest Hessian eigenvalue below which one has no certain sign, if more than rounding makes it so.
    hessian_noise: float = 0.0
    # The Python source of a model that is not part of the toolchain (llcommon.losses.user.source.Source).
    source: object = None

    # What searches start from: basin-hopping step (per coordinate), its temperature, kinds of step.
    suggested_step: float = 1.0
    suggested_temperature: float = 1.0
    suggested_moves: ClassVar[tuple[str, ...]] = ("uniform",)
    # The temperature at which exp(-L / T) is, but for a factor, the likelihood of the coordinates; None if it is none.
    likelihood_temperature: float | None = None
    # Of paths downhill: a model with narrower valleys than others has a smaller one.
    path_scale: float = 1.0

    parameters: object
    data: object = None
    dimension: int
    kernel: object
    hessian_kernel: object
    hessian_vector_kernel: object
    reals: np.ndarray
    integers: np.ndarray
    workspace: np.ndarray
    rows: int = 0
    rows_kernel: object = None
    # Number of the class that the loss ranks above all others, whose AUC is then its score; None: all classes alike.
    ranked_class: int | None = None
    # The exact methods of a loss that is pieced together of smooth parts; None for one that is smooth.
    pieces: Pieces | None = None

    @property
    def packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(reals, integers, workspace): the trailing arguments of every kernel."""
        return self.reals, self.integers, self.workspace

    def hessian_packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `packed`, with a workspace that is large enough for the dense Hessian."""
        return self.packed

    def __getstate__(self) -> dict:
        """Compiled kernels do not travel between processes; they are found again by name."""
        return {"parameters": self.parameters, "data": self.data}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["parameters"], state["data"])

    @classmethod
    def numeric_target(cls, table: dict) -> bool | None:
        """Whether the target column holds numbers (or classes), by the `[loss]` table; None if that leaves it open."""
        loss = table.get("loss")
        return None if loss is None else loss == "mse"

    def ready(self) -> "LossModel":
        """The model itself; a model in a file whose source has not been run gives one that can be evaluated."""
        return self

    def check(self, derivatives: bool) -> None:
        """Raise InputError if the model does not keep what models promise; for those that no test has seen.

        derivatives: whether they are compared with differences.
        """

    # --- values -----------------------------------------------------------------------

    def value(self, x: np.ndarray) -> float:
        """L(x)."""
        return self.value_and_gradient(x)[0]

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """L(x) and its gradient, shape (N,)."""
        x = np.ascontiguousarray(x, dtype=np.float64)
        gradient = np.empty(self.dimension)
        value = self.kernel(x, gradient, *self.packed)
        return value, gradient

    def value_and_gradient_of(self, rows: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss of some rows of the data alone, by their numbers, at x, and its gradient, shape (N,)."""
        reals = np.empty_like(self.reals)
        integers = np.empty_like(self.integers)
        self.rows_kernel(np.ascontiguousarray(rows, dtype=np.int64), self.reals, self.integers, reals, integers)
        x = np.ascontiguousarray(x, dtype=np.float64)
        gradient = np.empty(self.dimension)
        value = self.kernel(x, gradient, reals, integers, self.workspace)
        return value, gradient

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense Hessian at x, shape (N, N), exact and symmetric."""
        x = np.ascontiguousarray(x, dtype=np.float64)
        out = np.empty((self.dimension, self.dimension))
        self.hessian_kernel(x, out, *self.hessian_packed())
        return out

    def hessian_vector(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Hessian at x times v, shape (N,), exact."""
        x = np.ascontiguousarray(x, dtype=np.float64)
        v = np.ascontiguousarray(v, dtype=np.float64)
        out = np.empty(self.dimension)
        self.hessian_vector_kernel(x, v, out, *self.packed)
        return out

    # --- declarations -----------------------------------------------------------------

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        """Orthonormal directions, shape (number, N), of a continuous symmetry of L at x, shape (N,).

        The gradient at x has no part along them, and the Hessian of a stationary point is zero on them. They may turn
        with x, as those of rotations do; a search that keeps across those of its start loses no stationary point.
        """
        return np.empty((0, self.dimension))

    def degrees_of_freedom(self, x: np.ndarray) -> int:
        """Coordinates less the zero modes at x, (N,): as many eigenvalues are in the LPPHE of a point inside bounds."""
        return self.dimension - len(self.zero_modes(x))

    def on_kink(self, x: np.ndarray, tolerance: float) -> bool:
        """Whether a kink of the loss lies within `tolerance` (coordinate distance) of x, (N,); never by default.

        Gradient and Hessian there do not tell what is around: such a point is verified neither as a minimum nor as a
        transition state.
        """
        return False

    def cautions(self) -> list[str]:
        """Sentences, without a full stop, that a user should read before a search of this loss; none by default."""
        return []

    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Lower and upper bounds, each (N,), or None."""
        return None

    @property
    def bounded(self) -> bool:
        """Whether there are bounds."""
        return self.bounds() is not None

    def notes(self) -> list[str]:
        """Sentences that a reader of the results must know, such as what is not exact; none by default."""
        return []

    def penalty_curvature(self) -> np.ndarray:
        """Second derivatives, (N,), of a quadratic term of the loss that asks nothing of data, as an L2 term; 0 where
        there is none."""
        return np.zeros(self.dimension)

    def rotating_blocks(self) -> list[np.ndarray]:
        """Blocks of coordinates, as index arrays, whose length matters more than each coordinate; none by default.

        An interpolation may turn them instead of going straight.
        """
        return []

    def layers(self) -> list[np.ndarray]:
        """Index arrays of coordinates of one kind and size, which together are all; one by default."""
        return [np.arange(self.dimension)]

    def units(self) -> list[np.ndarray]:
        """Index arrays of coordinates that belong together, equal lengths where they may change places.

        By default every coordinate by itself.
        """
        return [np.array([number]) for number in range(self.dimension)]

    def fans(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weight matrices, for initialisations by their shape: places (inputs, outputs) of the weights, and places of
        the biases. By default one column of all coordinates, without biases."""
        return [(np.arange(self.dimension)[:, None], np.empty(0, dtype=np.int64))]

    def coordinate_names(self) -> list[str]:
        """A readable name for each coordinate, different ones."""
        return [f"x{number}" for number in range(self.dimension)]

    def failure(self, x: np.ndarray) -> Status:
        """Why the loss at x is not finite, for a search that ends because of it."""
        return Status.NOT_FINITE

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A random point from which a quench is sensible, shape (N,)."""
        raise NotImplementedError

    def special_starts(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Points, each (N,), worth one quench before any random search; none by default."""
        return []

    # --- symmetry ---------------------------------------------------------------------

    def log_group_order(self) -> float:
        """ln |G| of the model's symmetry group."""
        return 0.0

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The symmetry image of x nearest to reference, shape (N,)."""
        return np.array(x, dtype=np.float64)

    def carried(self, reference: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        """Points (k, N) under the operation that takes x, (N,), to its image nearest to reference: as one body, so that
        their distances from x and from each other stay.

        None if the model does not know its operations apart from their images, as by default one with a symmetry.
        """
        unaligned = not self.symmetric or type(self).align is LossModel.align
        return np.array(points, dtype=np.float64) if unaligned else None

    def superposed(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray | None:
        """The image of x nearest to reference by continuous symmetries alone, shape (N,); x itself where there are
        none, None if the model has some and does not know."""
        return None if len(self.zero_modes(x)) else np.array(x, dtype=np.float64)

    def canonical(self, x: np.ndarray) -> np.ndarray:
        """One representative of the images of x; idempotent."""
        return np.array(x, dtype=np.float64)

    def embedding(self, x: np.ndarray) -> np.ndarray | None:
        """Numbers (k,) that are the same for all images of x, and nearly so for what is near to one.

        Their Euclidean distance is at most that of the aligned points: it tells fast who cannot be a neighbour. None if
        the model knows no such numbers; by default x itself of a model without symmetry.
        """
        unaligned = not self.symmetric or type(self).align is LossModel.align
        return np.array(x, dtype=np.float64) if unaligned else None

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x under a random element of the symmetry group."""
        return np.array(x, dtype=np.float64)

    def asymmetric_directions(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Orthonormal directions, (k, N), across the subspace that the symmetries of x (as of `stabiliser_order`) leave
        alone: the gradient at x has no part along them. None by default."""
        return np.empty((0, self.dimension))

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        """Number of group elements that leave x where it is (per coordinate, within tolerance)."""
        return 1

    # --- known answers and predictions --------------------------------------------------

    def known_points(self) -> list[tuple[np.ndarray, float, int]]:
        """(x, loss, index) of stationary points known from the literature; for tests."""
        return []

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Model outputs for raw feature rows (n, d) at coordinates x, or None if it has none."""
        return None

    def predictive_variance(self, x: np.ndarray, features: np.ndarray, noise: bool = True) -> np.ndarray | None:
        """Variances of the outputs of `predict`, of its shape, or None if the model has none.

        noise: of a new measured target; False: of what the model says without the noise of a measurement.
        """
        return None

    def predictive(
        self, x: np.ndarray, features: np.ndarray, noise: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """`predict` and `predictive_variance` at once, for models that share the work; None if either is None."""
        mean = self.predict(x, features)
        variance = None if mean is None else self.predictive_variance(x, features, noise)
        return None if variance is None else (mean, variance)

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """ln of the class probabilities of `predict`, shape (n, classes), exact where they round to 0 or 1; None if its
        outputs are no probabilities."""
        return None

    def substituted(self, x: np.ndarray, features: np.ndarray, column: int, values: np.ndarray) -> np.ndarray | None:
        """Predictions for raw feature rows (n, d) with each of `values`, (v,), in one column of all of them: ln p as of
        `log_probabilities`, or where there is none the outputs of `predict`, (v, n, outputs); None if the model has
        none. A model that need not go through whole rows again is faster than this."""
        moved = np.tile(features, (len(values), 1))
        moved[:, column] = np.repeat(values, len(features))
        outputs = self.log_probabilities(x, moved)
        outputs = self.predict(x, moved) if outputs is None else outputs
        return None if outputs is None else outputs.reshape(len(values), len(features), -1)

    # --- in the terms of other programs ---------------------------------------------------

    def output_names(self) -> list[str]:
        """A name for each column of `predict`: the classes, or the target."""
        return list(self.data.class_names) or [self.data.target_name]

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """x taken apart under the names of its parts; by default one array of parameters."""
        return {"parameters": np.array(x, dtype=np.float64)}

    def scikit_learn(self, x: np.ndarray):
        """A fitted scikit-learn estimator that predicts from raw feature rows as x does; None if there is none."""
        return None

    def torch_state(self, x: np.ndarray) -> dict[str, np.ndarray] | None:
        """State of a PyTorch module that predicts from raw feature rows as x does, by name; None if there is none."""
        return None

    def suite_order(self) -> np.ndarray | None:
        """Places (N,) so that x[places] is in the order of the original suite; None if that lacks the model."""
        return None

    def suite_keywords(self) -> tuple[str, ...] | None:
        """Keyword lines that name the model to the original suite; the last one is that which PATHSAMPLE takes the
        number of coordinates from. None if the suite lacks it."""
        return None
