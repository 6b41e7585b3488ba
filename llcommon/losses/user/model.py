"""A user's class as a loss model that compiled algorithms can evaluate.

Of the class only `dimension` and `value_and_gradient(x)` are asked. What else it offers under the names below is used;
what it leaves out is as of any loss model without symmetry, zero modes and bounds. docs/model-user.md lists it all.
"""

import ctypes
import math
import operator

import numpy as np

from llcommon.config import FreeTable
from llcommon.losses.base import LossModel
from llcommon.losses.user import symmetry
from llcommon.losses.user.differences import NOISE, difference_hessian, difference_product
from llcommon.losses.user.failure import UserLossError, keep
from llcommon.losses.user.kernels import (
    CALL,
    DONE,
    FAILED,
    INTERRUPTED,
    user_hessian,
    user_hessian_vector,
    user_kernel,
)
from llcommon.losses.user.object import UserObject, locked
from llcommon.losses.user.source import Source

# A symmetry is told by all of these, or by `images` alone.
_SYMMETRY = ("align", "canonical", "random_image", "stabiliser_order", "log_group_order")


class _Views(dict):
    """Arrays of one shape by their address in memory, each valid for as long as compiled code holds that memory.

    To make one takes as long as the rest of a call. Compiled code gives the same few addresses again and again; an
    array whose memory is given back is not looked at before the address is given anew.
    """

    most = 64

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self._shape = shape
        self._memory = ctypes.c_double * math.prod(shape)

    def __missing__(self, address: int) -> np.ndarray:
        if len(self) >= self.most:
            self.clear()
        array = np.frombuffer(self._memory.from_address(address)).reshape(self._shape)
        self[address] = array
        return array


class UserModel(LossModel):
    """A loss model that an object of a user's class computes; see the module's docstring.

    source: where the class comes from. parameters: a FreeTable, the keyword arguments of the class.
    Errors of every method: UserLossError, one sentence, if the user's code raises or returns what it may not.
    """

    def __init__(self, source: Source, parameters: FreeTable, data) -> None:
        """data: a Data, or None. Errors: also ConfigError for parameters or data that do not fit the class."""
        self.source = source
        self.name = source.name
        self.parameters = parameters
        self.data = data
        self.user = UserObject(source, parameters.values, data)
        self.dimension = self._dimension()
        self._everywhere = np.full(self.dimension, np.inf)
        self._box = self._own_bounds()
        # Zero modes of rotations turn with x: then the class has a method of x.
        self.turning = self.user.takes_arguments("zero_modes")
        self._modes = self._own_zero_modes()
        self.smooth = bool(self.user.own("smooth", True))
        self.suggested_step = self._own_number("suggested_step", LossModel.suggested_step)
        self.suggested_temperature = self._own_number("suggested_temperature", LossModel.suggested_temperature)
        self.differences = not (self.user.offers("hessian") or self.user.offers("hessian_vector"))
        self.hessian_noise = NOISE if self.differences else 0.0
        self._check_symmetry()
        self._connect_kernels()

    def __getstate__(self) -> dict:
        """What the model is made of anew elsewhere, the source's text included."""
        return {"source": self.source, "parameters": self.parameters, "data": self.data}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["source"], state["parameters"], state["data"])

    # --- making -----------------------------------------------------------------------

    def _dimension(self) -> int:
        dimension = self.user.own("dimension", None)
        if isinstance(dimension, bool) or not hasattr(dimension, "__index__") or operator.index(dimension) < 1:
            raise UserLossError(f"{self.name}: dimension must be a whole number, at least 1, not {dimension!r}")
        return operator.index(dimension)

    def _own_number(self, name: str, default: float) -> float:
        return float(self.user.numbers(name, self.user.own(name, default), ()))

    def _own_bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        given = self.user.own("bounds", None)
        if given is None:
            return None
        message = f"{self.name}: bounds must be two arrays (lower, upper) of {self.dimension} numbers, lower <= upper"
        try:
            lower, upper = (
                np.array(np.broadcast_to(np.asarray(side, dtype=np.float64), self.dimension)) for side in given
            )
        except (TypeError, ValueError) as error:
            raise UserLossError(message) from error
        if not (lower <= upper).all():
            raise UserLossError(message)
        return lower, upper

    def _own_zero_modes(self) -> np.ndarray:
        """Those that are the same everywhere; none if they turn with x."""
        if not self.user.has("zero_modes") or self.turning:
            return np.empty((0, self.dimension))
        return self._orthonormal(self.user.own("zero_modes", None))

    def _orthonormal(self, given) -> np.ndarray:
        try:
            modes = np.ascontiguousarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            modes = np.empty(0)
        orthonormal = modes.ndim == 2 and modes.shape[1] == self.dimension
        if not orthonormal or not np.allclose(modes @ modes.T, np.eye(len(modes)), rtol=0.0, atol=1e-10):
            message = f"zero_modes must be orthonormal rows, an array of shape (number, {self.dimension})"
            raise UserLossError(f"{self.name}: {message}")
        return modes

    def _check_symmetry(self) -> None:
        offered = [name for name in _SYMMETRY if self.user.has(name)]
        self.symmetric = bool(offered) or self.user.offers("images") or len(self._modes) > 0
        missing = [name for name in _SYMMETRY if name not in offered]
        if offered and missing and not self.user.offers("images"):
            needed = f"{', '.join(_SYMMETRY[:-1])} and {_SYMMETRY[-1]}"
            raise UserLossError(
                f"{self.name} offers {offered[0]} but no {missing[0]}: a symmetry is told by {needed}, or by images"
            )

        if self.turning and not offered:
            raise UserLossError(
                f"{self.name} offers zero_modes that turn with x but no align, which must bring points together there"
            )

    def _connect_kernels(self) -> None:
        # Kept here: compiled code only knows their addresses.
        self._callbacks = [CALL(function) for function in (self._on_value, self._on_hessian, self._on_product)]
        addresses = [ctypes.cast(callback, ctypes.c_void_p).value for callback in self._callbacks]
        self._numbers = _Views(1)
        self._vectors = _Views(self.dimension)
        self._matrices = _Views(self.dimension, self.dimension)
        self.kernel = user_kernel
        self.hessian_kernel = user_hessian
        self.hessian_vector_kernel = user_hessian_vector
        self.integers = np.array(addresses, dtype=np.int64)
        self.reals = np.empty(0)
        self.workspace = np.empty(1)

    # --- derivatives ---------------------------------------------------------------------

    def _gradient(self, x: np.ndarray) -> np.ndarray:
        return self.user.loss_and_gradient(locked(x), self.dimension)[1].copy()

    def _own_hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense, (N, N), symmetric, at a read-only x."""
        n = self.dimension
        if self.user.offers("hessian"):
            matrix = self.user.numbers("hessian", self.user.ask("hessian", x), (n, n))
        elif self.user.offers("hessian_vector"):
            matrix = np.array([self._own_product(x, locked(unit)) for unit in np.eye(n)])
        else:
            return difference_hessian(self._gradient, x, *self._limits())
        return 0.5 * (matrix + matrix.T)

    def _own_product(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Hessian times v, (N,), at a read-only x."""
        if self.user.offers("hessian_vector"):
            return self.user.numbers("hessian_vector", self.user.ask("hessian_vector", x, v), (self.dimension,))
        if self.user.offers("hessian"):
            return self._own_hessian(x) @ v
        return difference_product(self._gradient, x, v, *self._limits())

    def _limits(self) -> tuple[np.ndarray, np.ndarray]:
        return (-self._everywhere, self._everywhere) if self._box is None else self._box

    # --- called by compiled code ----------------------------------------------------------

    # Each gives a status: no exception may go into compiled code.

    def _on_value(self, x: int, gradient: int, value: int) -> int:
        try:
            loss, slope = self.user.loss_and_gradient(locked(self._vectors[x]), self.dimension)
            self._vectors[gradient][:] = slope
            self._numbers[value][0] = loss
        except BaseException as error:
            return _status_of(error)
        return DONE

    def _on_hessian(self, x: int, nothing: int, out: int) -> int:
        try:
            self._matrices[out][:] = self._own_hessian(locked(self._vectors[x]))
        except BaseException as error:
            return _status_of(error)
        return DONE

    def _on_product(self, x: int, v: int, out: int) -> int:
        try:
            self._vectors[out][:] = self._own_product(locked(self._vectors[x]), locked(self._vectors[v]))
        except BaseException as error:
            return _status_of(error)
        return DONE

    # --- declarations -----------------------------------------------------------------------

    def notes(self) -> list[str]:
        if not self.differences:
            return []
        return [f"{self.name} offers no hessian: central differences of its gradients stand in for it"]

    def check(self, derivatives: bool) -> None:
        from llcommon.losses.user.checks import check

        check(self, derivatives)

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        return self._orthonormal(self.user.ask("zero_modes", locked(x))) if self.turning else self._modes.copy()

    def on_kink(self, x: np.ndarray, tolerance: float) -> bool:
        return bool(self.user.ask("on_kink", locked(x), tolerance)) if self.user.offers("on_kink") else False

    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        return None if self._box is None else (self._box[0].copy(), self._box[1].copy())

    def coordinate_names(self) -> list[str]:
        names = self.user.own("coordinate_names", None)
        if names is None:
            return super().coordinate_names()
        if not isinstance(names, list | tuple) or not len(set(map(str, names))) == len(names) == self.dimension:
            raise UserLossError(f"{self.name}: coordinate_names must be {self.dimension} different names")
        return [str(name) for name in names]

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """The user's, or uniform between two bounds, beside a single one, and normal where there is none."""
        if self.user.offers("random_start"):
            start = self.user.numbers("random_start", self.user.ask("random_start", rng), (self.dimension,))
            return start.copy()
        normal = rng.standard_normal(self.dimension)
        if self._box is None:
            return normal
        lower, upper = self._box
        share = rng.random(self.dimension)
        with np.errstate(invalid="ignore"):
            between = lower + share * (upper - lower)
        above = np.where(np.isfinite(lower), lower + np.abs(normal), normal)
        beside = np.where(np.isfinite(upper), upper - np.abs(normal), above)
        return np.where(np.isfinite(lower) & np.isfinite(upper), between, beside)

    # --- symmetry -----------------------------------------------------------------------------

    def _images(self, x: np.ndarray) -> np.ndarray:
        """All symmetry images of x, shape (k, N)."""
        images = np.asarray(self.user.ask("images", locked(x)))
        number = len(images) if images.ndim else 0
        return self.user.numbers("images", images, (max(1, number), self.dimension))

    def _moved(self, name: str, *arguments) -> np.ndarray:
        return self.user.numbers(name, self.user.ask(name, *arguments), (self.dimension,)).copy()

    def log_group_order(self) -> float:
        if self.user.offers("images"):
            return float(np.log(len(self._images(np.zeros(self.dimension)))))
        return self._own_number("log_group_order", 0.0)

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """As of the base class; along zero modes that are the same everywhere x goes to where reference is."""
        if self.user.offers("images"):
            image = symmetry.nearest(self._images(x), reference, self._modes)
        elif self.user.offers("align"):
            image = self._moved("align", locked(reference), locked(x))
        else:
            image = super().align(reference, x)
        return image + symmetry.along(self._modes, reference - image) if len(self._modes) else image

    def canonical(self, x: np.ndarray) -> np.ndarray:
        across = np.asarray(x, dtype=np.float64) - symmetry.along(self._modes, x)
        if self.user.offers("images"):
            return symmetry.first(self._images(across))
        if self.user.offers("canonical"):
            return self._moved("canonical", locked(across))
        return super().canonical(across)

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.user.offers("images"):
            images = self._images(x)
            return images[rng.integers(len(images))].copy()
        if self.user.offers("random_image"):
            return self._moved("random_image", locked(x), rng)
        return super().random_image(x, rng)

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        if self.user.offers("images"):
            return symmetry.number_alike(self._images(x), x, tolerance)
        if not self.user.offers("stabiliser_order"):
            return 1
        order = self.user.ask("stabiliser_order", locked(x), tolerance)
        return int(self.user.numbers("stabiliser_order", order, ()))

    # --- predictions ----------------------------------------------------------------------------

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        return self._outputs("predict", x, features)

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        return self._outputs("log_probabilities", x, features)

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return self._arrays("named_arrays", x) or super().named_arrays(x)

    def torch_state(self, x: np.ndarray) -> dict[str, np.ndarray] | None:
        return self._arrays("torch_state", x)

    def _arrays(self, name: str, x: np.ndarray) -> dict[str, np.ndarray] | None:
        """Arrays by name of the method `name`, or None if there is none or it returns that."""
        arrays = self.user.ask(name, locked(x)) if self.user.offers(name) else None
        if arrays is None:
            return None
        if not isinstance(arrays, dict):
            raise UserLossError(f"{self.source.class_name}.{name} must return a dictionary of arrays by name, or None")
        return {str(key): self.user.numbers(name, array, np.shape(array)) for key, array in arrays.items()}

    def _outputs(self, name: str, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """What the user's model says of raw feature rows, shape (n, outputs), or None if it has no such method."""
        if not self.user.offers(name):
            return None
        outputs = self.user.ask(name, locked(x), locked(features))
        if outputs is None:
            return None
        outputs = np.asarray(outputs)
        if outputs.ndim == 1:
            outputs = outputs[:, None]
        width = outputs.shape[1] if outputs.ndim == 2 else 1
        if self.data is not None and self.data.labels is not None:
            width = len(self.data.class_names)
        return self.user.numbers(name, outputs, (len(features), width))


def _status_of(error: BaseException) -> int:
    """The status of what a user's code raised, which is kept; INTERRUPTED is nobody's fault."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    keep(error)
    return FAILED
