"""The loss models: one file each, found by listing this folder.

A module whose name does not start with an underscore (and is not `base`) defines one or more
subclasses of LossModel with a `name`.
"""

import functools
import importlib
import pkgutil
from pathlib import Path

from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel

# Modules that define more than one model are listed by the names inside them, without
# importing the others: looking a model up must not compile every kernel of the house.
_FOLDER = str(Path(__file__).parent)


def _modules() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules([_FOLDER]))
    return sorted(name for name in names if not name.startswith("_") and name != "base")


@functools.cache
def _models_of(module: str) -> dict[str, type[LossModel]]:
    loaded = importlib.import_module(f"llcommon.losses.{module}")
    classes = (value for value in vars(loaded).values() if isinstance(value, type))
    return {cls.name: cls for cls in classes if issubclass(cls, LossModel) and cls.name}


def known_models() -> list[str]:
    """Names of all loss models, sorted."""
    return sorted(name for module in _modules() for name in _models_of(module))


def model_class(name: str) -> type[LossModel]:
    """The class of a model by its name; KeyError if there is none."""
    if name in _modules() and name in _models_of(name):
        return _models_of(name)[name]
    for module in _modules():
        if name in _models_of(module):
            return _models_of(module)[name]
    raise KeyError(name)


def parameters_of(name: str) -> type:
    """The dataclass behind the `[loss]` table of a model; KeyError if there is none."""
    return model_class(name).Parameters


def build(name: str, parameters: dict, data=None) -> LossModel:
    """A model from its `[loss]` table (without `model`) and its data.

    Errors: ConfigError if a parameter is unknown or out of range, or if data do not fit.
    """
    from llcommon.config import parse_table

    cls = model_class(name)
    problems: list[str] = []
    values = parse_table(cls.Parameters, parameters, "[loss]", problems)
    if problems:
        raise ConfigError("\n".join(problems))
    if cls.takes_data and data is None:
        raise ConfigError(f"the loss model {name} needs training data: give [data] file")
    return cls(values, data if cls.takes_data else None)
