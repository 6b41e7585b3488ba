"""An object of a user's class, asked with care: whatever goes wrong in it is a UserLossError of one sentence."""

import copy
import inspect
from dataclasses import replace

import numpy as np

from llcommon.errors import ConfigError
from llcommon.losses.user.failure import UserLossError, sentence
from llcommon.losses.user.source import Source, check_parameters, load, wishes_of

_FLOATS = (float, np.float64)
_NOTHING = object()


class UserObject:
    """See the module's docstring. Arrays that it is asked with must be locked."""

    def __init__(self, source: Source, parameters: dict, data) -> None:
        """parameters: keyword arguments of the class; data: a Data, or None.

        Errors: UserLossError; ConfigError for parameters or data that the class does not take or lacks.
        """
        self.source = source
        self._offered: dict[str, bool] = {}
        check_parameters(source, parameters)
        wishes = wishes_of(source)
        keywords = copy.deepcopy(parameters)
        if data is not None and not wishes.takes_data:
            raise ConfigError(f"{source.name} has no parameter data: leave out [data] file")
        if data is None and wishes.needs_data:
            raise ConfigError(f"the loss model {source.name} needs training data: give [data] file")
        if data is not None:
            keywords["data"] = _read_only(data)
        try:
            self._object = load(source)(**keywords)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            made = f"making {source.class_name}"
            raise UserLossError(f"{sentence(made, error, source.filename)}; correct it") from error
        if not self.offers("value_and_gradient"):
            raise UserLossError(f"{source.class_name} of {source.filename} has no method value_and_gradient")
        self._function = self._object.value_and_gradient

    def offers(self, name: str) -> bool:
        """Whether there is a method of this name; looked up once."""
        if name not in self._offered:
            self._offered[name] = callable(self._attribute(name, None))
        return self._offered[name]

    def has(self, name: str) -> bool:
        """Whether there is an attribute, property or method of this name."""
        return self._attribute(name, _NOTHING) is not _NOTHING

    def takes_arguments(self, name: str) -> bool:
        """Whether there is a method of this name that wants arguments."""
        return self.offers(name) and bool(inspect.signature(self._attribute(name, None)).parameters)

    def own(self, name: str, default):
        """An attribute or property, or what the method of that name returns; the default if there is none."""
        value = self._attribute(name, default)
        return self.ask(name) if callable(value) else value

    def _attribute(self, name: str, default):
        try:
            return getattr(self._object, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # A property that is there and fails must not pass for one that is not there.
            absent = inspect.getattr_static(self._object, name, _NOTHING) is _NOTHING
            if isinstance(error, AttributeError) and absent:
                return default
            raise self._failed(name, error) from error

    def ask(self, name: str, *arguments):
        """What a method returns."""
        try:
            return getattr(self._object, name)(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._failed(name, error) from error

    def loss_and_gradient(self, x: np.ndarray, dimension: int) -> tuple[float, np.ndarray]:
        """Both at x, (N,); the gradient may be an array that the object keeps."""
        try:
            result = self._function(x)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._failed("value_and_gradient", error) from error
        if type(result) is not tuple or len(result) != 2:
            raise UserLossError(
                f"{self.source.class_name}.value_and_gradient of {self.source.filename} returned "
                f"{_kind_of(result)}; a tuple (value, gradient) is needed"
            )
        loss, gradient = result
        if type(loss) not in _FLOATS:
            loss = float(self.numbers("value_and_gradient", loss, ()))
        if type(gradient) is not np.ndarray or gradient.dtype != np.float64 or gradient.shape != (dimension,):
            gradient = self.numbers("value_and_gradient", gradient, (dimension,))
        return loss, gradient

    def numbers(self, name: str, value, shape: tuple[int, ...]) -> np.ndarray:
        """What the method `name` returned, as float64 of this shape."""
        try:
            array = np.asarray(value)
        except Exception as error:
            raise self._failed(name, error) from error
        wrong = None
        if array.dtype.kind not in "iuf":
            wrong = f"values of type {array.dtype if array.dtype != object else type(value).__name__}"
        elif array.dtype.kind == "f" and array.dtype.itemsize < 8:
            wrong = f"values in {array.dtype}, too coarse for a landscape"
        elif array.shape != shape:
            wrong = f"an array of shape {array.shape}" if array.shape else "a single number"
        if wrong:
            wanted = f"an array of shape {shape}" if shape else "a number"
            raise UserLossError(
                f"{self.source.class_name}.{name} of {self.source.filename} returned {wrong}; {wanted} in float64 "
                "is needed"
            )
        return np.ascontiguousarray(array, dtype=np.float64).reshape(shape)

    def _failed(self, name: str, error: BaseException) -> UserLossError:
        what = f"{self.source.class_name}.{name}"
        told = sentence(what, error, self.source.filename)
        if isinstance(error, ValueError) and "read-only" in str(error):
            return UserLossError(f"{told.partition(what)[0]}{what} changes its argument; let it work on a copy")
        return UserLossError(f"{told}; correct it")


def locked(array: np.ndarray) -> np.ndarray:
    """A copy that cannot be changed, which the user's code may keep."""
    copied = np.array(array, dtype=np.float64)
    copied.setflags(write=False)
    return copied


def _read_only(data):
    """The data with arrays that cannot be changed: they are those of the landscape."""
    arrays = {}
    for name in ("features", "shift", "scale", "labels", "targets"):
        array = getattr(data, name)
        if array is not None:
            array = array.view()
            array.flags.writeable = False
        arrays[name] = array
    return replace(data, **arrays)


def _kind_of(value) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "nothing" if value is None else f"a {type(value).__name__}"
