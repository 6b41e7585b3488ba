"""What every loss model offers, and what it declares about itself.

Algorithms ask these questions only; there is no isinstance on a loss model anywhere.
"""

from typing import ClassVar

import numpy as np


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
    # False where the loss has kinks; an instance may say so by itself. See `on_kink`.
    smooth: bool = True

    # Scales that searches start from: basin-hopping step (per coordinate), its temperature.
    suggested_step: float = 1.0
    suggested_temperature: float = 1.0

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

    def zero_modes(self) -> np.ndarray:
        """Orthonormal directions along which L is constant everywhere, shape (number, N)."""
        return np.empty((0, self.dimension))

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

    def canonical(self, x: np.ndarray) -> np.ndarray:
        """One representative of the images of x; idempotent."""
        return np.array(x, dtype=np.float64)

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

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """ln of the class probabilities of `predict`, shape (n, classes), exact where they round to 0 or 1; None if its
        outputs are no probabilities."""
        return None
