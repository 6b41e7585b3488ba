"""The loss models: found by listing this folder.

A module whose name does not start with an underscore (and is not `base`) defines one or more
subclasses of LossModel, each with a line `name = "..."` in its body. That line is read from the
source: listing or looking up a model imports no other, because an import compiles its kernels.

Models of users are named by file and class, or by an entry point of an installed package: see the package `user`.
"""

import ast
import functools
import importlib
from pathlib import Path

from llcommon.config import FreeTable
from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.losses.user import source
from llcommon.losses.user.source import Source


def _names_in(source: str) -> list[str]:
    """The model names that the classes of a module declare."""
    names = []
    for declaration in ast.parse(source).body:
        if not isinstance(declaration, ast.ClassDef):
            continue
        for statement in declaration.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                    names.append(name)
    return names


@functools.cache
def _module_of() -> dict[str, str]:
    """Model names and the modules that define them."""
    modules = {}
    for path in Path(__file__).parent.glob("[!_]*.py"):
        for name in _names_in(path.read_text(encoding="utf-8")):
            modules[name] = path.stem
    return modules


def known_models() -> list[str]:
    """Names of all loss models, sorted."""
    return sorted(_module_of())


def model_class(name: str) -> type[LossModel]:
    """The class of a model by its name; KeyError if there is none."""
    module = importlib.import_module(f"llcommon.losses.{_module_of()[name]}")
    classes = (value for value in vars(module).values() if isinstance(value, type))
    return next(cls for cls in classes if issubclass(cls, LossModel) and cls.name == name)


def is_user_model(name: str) -> bool:
    """Whether a name is none of the toolchain's own models, and means a Python file or an installed entry point."""
    return name not in _module_of() and source.is_user_model(name)


def parameters_of(name: str) -> type:
    """The dataclass behind the `[loss]` table of a model; KeyError if there is none. No user's code is run."""
    return FreeTable if is_user_model(name) else model_class(name).Parameters


def build_user(found: Source, parameters: dict, data=None) -> LossModel:
    """The model of a user's source from its `[loss]` table (without `model`) and its data, if it takes any.

    The source is run. Errors: ConfigError for parameters or data that do not fit, InputError for what is wrong in it.
    """
    from llcommon.losses.user.model import UserModel

    return UserModel(found, FreeTable(parameters), data)


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
