"""The source of a user's loss model: read from a file or an installed entry point, run, and its class found.

A file stands for itself: it is run as a module of its own from its text, whose name is made of the text's SHA-256, and
sees installed packages but no neighbouring files. So the text that a landscape file keeps is all that is needed.
"""

import builtins
import functools
import hashlib
import importlib.util
import inspect
import linecache
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from importlib import metadata
from pathlib import Path

from llcommon.config import read_bytes, setting, suggestion
from llcommon.errors import ConfigError, InputError
from llcommon.losses.user.failure import UserLossError, described, sentence

GROUP = "landscape.losses"  # of entry points
FILE = "file"
ENTRY_POINT = "entry point"

# What the attribute `target` of a class may be, and whether the target column holds numbers then; None: there is none.
_TARGETS = {"classes": False, "numbers": True, "none": None}


@dataclass(frozen=True)
class Source:
    """name: `[loss] model`, such as "my_loss.py:MyLoss". kind: FILE or ENTRY_POINT. text: of the Python file."""

    name: str
    kind: str
    text: str

    @property
    def sha256(self) -> str:
        """Of the text, 64 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def filename(self) -> str:
        """What messages call the file."""
        return self.name.rpartition(":")[0] if self.kind == FILE else self.name

    @property
    def class_name(self) -> str:
        """What messages call the class."""
        return self.name.rpartition(":")[2]


def is_file_name(name: str) -> bool:
    """Whether `[loss] model` means a Python file: "file.py:Class", or what was meant to be that."""
    return ":" in name or name.endswith(".py")


@functools.cache
def entry_points() -> dict[str, metadata.EntryPoint]:
    """The loss models that installed packages offer, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def is_user_model(name: str) -> bool:
    """Whether `[loss] model` means a file or an installed entry point."""
    return is_file_name(name) or name in entry_points()


def read_source(name: str, folder: Path) -> Source:
    """The source that `[loss] model` names, its path relative to `folder`.

    Errors: InputError for a file that is missing or no text, ConfigError for a name without a class.
    """
    if not is_file_name(name):
        return _installed_source(name)
    path, _, class_name = name.rpartition(":")
    if not path.endswith(".py") or not class_name.isidentifier():
        path = name if name.endswith(".py") else "my_loss.py"
        raise ConfigError(f"[loss] model {name} names no class in a Python file; write it as {path}:MyLoss")
    try:
        text = read_bytes(folder / path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the Python file as UTF-8") from error
    return Source(name, FILE, text)


def _installed_source(name: str) -> Source:
    """Of an entry point: the text of the module that it names, empty for a compiled one."""
    module = entry_points()[name].module
    try:
        found = importlib.util.find_spec(module)
    except ImportError as error:
        raise InputError(f"the loss model {name} is installed wrongly: {described(error)}") from error
    origin = None if found is None else found.origin
    text = ""
    if origin is not None and origin.endswith(".py"):
        text = read_bytes(origin).decode("utf-8-sig", errors="replace")
    return Source(name, ENTRY_POINT, text)


# --- running --------------------------------------------------------------------------------------


@functools.cache
def load(source: Source) -> Callable:
    """Run the source; the class, or the function, that makes the model. UserLossError if it cannot be had."""
    if source.kind == ENTRY_POINT:
        return _installed_class(source)
    module = types.ModuleType(f"landscape_loss_{source.sha256[:16]}")
    filename = source.filename
    # Tracebacks show lines of the text that ran, wherever the file is now.
    linecache.cache[filename] = (len(source.text), None, source.text.splitlines(keepends=True), filename)
    try:
        code = compile(source.text, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"line {line} of {filename}" if line else filename
        raise UserLossError(f"{place} is not valid Python ({getattr(error, 'msg', error)}); correct it") from error
    sys.modules[module.__name__] = module  # dataclasses and pickles look their module up by name
    module.print = _print_aside
    try:
        exec(code, module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        hint = "correct it"
        if isinstance(error, ImportError):
            hint = "a user's model is one file: it may import installed packages, but no file beside it"
        raise UserLossError(f"{sentence('it', error, filename)}; {hint}") from error
    return _class_in(module, source)


def _print_aside(*values, **options) -> None:
    """The user's `print`: to standard error, because standard output is for results."""
    builtins.print(*values, **{"file": sys.stderr, **options})


def _class_in(module: types.ModuleType, source: Source) -> Callable:
    made = getattr(module, source.class_name, None)
    if made is None:
        here = [
            name
            for name, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        ]
        hint = suggestion(source.class_name, here)
        raise ConfigError(f"{source.filename} has no class {source.class_name}; {hint}")
    if not callable(made):
        raise ConfigError(f"{source.class_name} of {source.filename} is neither a class nor a function")
    return made


def _installed_class(source: Source) -> Callable:
    if source.name not in entry_points():
        raise InputError(f"the loss model {source.name} is not installed here; install the package that offers it")
    if _installed_source(source.name).sha256 != source.sha256:
        raise InputError(f"the installed loss model {source.name} is another version than the one wanted; install that")
    try:
        return entry_points()[source.name].load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserLossError(f"the loss model {source.name} cannot be loaded: {described(error)}") from error


# --- what the class asks for ----------------------------------------------------------------------


@dataclass(frozen=True)
class Wishes:
    """What a class says before an object of it exists.

    name: of the model. takes_data, needs_data: whether it has a parameter `data`, and one without default.
    numeric_target: whether the target column holds numbers and not classes; None if there is none. suggested_step,
    suggested_temperature: of basin-hopping.
    """

    name: str
    takes_data: bool
    needs_data: bool
    numeric_target: bool | None
    suggested_step: float
    suggested_temperature: float

    @property
    def takes_target(self) -> bool:
        """Whether a column is to be predicted."""
        return self.numeric_target is not None


def wishes_of(source: Source) -> Wishes:
    """Read off the class. Errors: UserLossError, ConfigError."""
    made = load(source)
    parameter = _signature(made).parameters.get("data")
    target = getattr(made, "target", "classes")
    if not isinstance(target, str) or target not in _TARGETS:
        raise UserLossError(f"{source.name}: target must be one of {', '.join(_TARGETS)}, not {target!r}")
    needs = parameter is not None and parameter.default is inspect.Parameter.empty
    suggested = [_plain_number(made, name) for name in ("suggested_step", "suggested_temperature")]
    return Wishes(source.name, parameter is not None, needs, _TARGETS[target], *suggested)


def _plain_number(made: Callable, name: str) -> float:
    """An attribute of the class, or 1 if it has none that is a number."""
    value = getattr(made, name, 1.0)
    return float(value) if isinstance(value, int | float) else 1.0


def _signature(made: Callable) -> inspect.Signature:
    try:
        return inspect.signature(made)
    except (TypeError, ValueError):
        return inspect.Signature()


def _named_parameters(source: Source) -> dict[str, inspect.Parameter]:
    """Those that `[loss]` keys may set, by name."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = _signature(load(source)).parameters
    return {name: parameter for name, parameter in parameters.items() if name != "data" and parameter.kind in kinds}


def parameters_class(source: Source) -> type:
    """A settings dataclass of the class's parameters, for a template; those whose default TOML cannot say left out."""
    fields = []
    for name, parameter in _named_parameters(source).items():
        default = parameter.default
        help = f"parameter of {source.class_name}"
        if default is inspect.Parameter.empty:
            fields.append((name, str, setting(help=help)))
        elif default is None:
            fields.append((name, str | None, setting(None, help=help)))
        elif type(default) in (bool, int, float, str):
            fields.append((name, type(default), setting(default, help=help)))
    return make_dataclass("Parameters", fields, frozen=True)


def check_parameters(source: Source, values: dict) -> None:
    """Raise ConfigError, listing every problem, for `[loss]` keys that the class does not take or lacks."""
    kinds = inspect.Parameter
    named = _named_parameters(source)
    problems = []
    if not any(parameter.kind is kinds.VAR_KEYWORD for parameter in _signature(load(source)).parameters.values()):
        problems += [
            f"[loss] {name} is not a parameter of {source.name}; {suggestion(name, named)}"
            for name in values
            if name not in named
        ]
    problems += [
        f"[loss] {name} is missing and has no default in {source.name}"
        for name, parameter in named.items()
        if parameter.default is kinds.empty and name not in values
    ]
    if problems:
        raise ConfigError("\n".join(problems))
