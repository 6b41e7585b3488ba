"""Settings that are dataclasses: one declaration gives the TOML keys, their checks and their help.

A table of a TOML file is described by a dataclass whose fields are made by `setting`:

    @dataclass(frozen=True)
    class SearchSettings:
        steps: int = setting(500, help="basin-hopping steps of a chain", minimum=1)

`parse_table` turns the table into an instance and lists every problem as one sentence,
`table_of` is its inverse, `template_table` writes a commented table for a user to edit.
Annotations: int, float, bool, str, a list of one of these, and any of them `| None`
(then the default must be None, because TOML has no null and None is left out).
"""

import copy
import dataclasses
import difflib
import functools
import hashlib
import json
import math
import re
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llcommon.errors import ConfigError, InputError

REQUIRED = object()

_SINGULAR = {int: "an integer", float: "a number", bool: "true or false", str: "a string in quotes"}
_PLURAL = {int: "integers", float: "numbers", bool: "true or false", str: "strings in quotes"}
_LARGEST_INTEGER = 2**63 - 1  # TOML promises 64 bits, and so does the landscape file
_LONGEST_SHOWN = 60
_WIDTH = 110  # of the comments of a template


@dataclass(frozen=True)
class Rule:
    """What `setting` was told about a key."""

    help: str
    unit: str
    minimum: float | None
    maximum: float | None
    above: float | None
    below: float | None
    choices: tuple | None
    key: str | None


@dataclass(frozen=True)
class Key:
    """A TOML key: its name, the field behind it and what a value must be."""

    name: str
    field: str
    kind: type
    is_list: bool
    required: bool
    default: object
    rule: Rule


@dataclass(frozen=True)
class FreeTable:
    """A table whose keys are known only to whoever uses it. values: what both TOML and JSON can say."""

    values: dict


def setting(
    default=REQUIRED,
    *,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Iterable | None = None,
    key: str | None = None,
):
    """A dataclass field that is a TOML key.

    `minimum` and `maximum` belong to the range, `above` and `below` do not; for lists they
    and `choices` hold for each element. `key` is the TOML key where it is not the field's name.
    """
    allowed = None if choices is None else tuple(choices)
    metadata = {"rule": Rule(help, unit, minimum, maximum, above, below, allowed, key)}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


# --- what a dataclass declares ------------------------------------------------------------


@functools.cache
def keys_of(cls: type) -> tuple[Key, ...]:
    """The keys of a settings dataclass in order; TypeError if it is declared wrongly."""
    annotations = typing.get_type_hints(cls)
    return tuple(_key_of(field, annotations[field.name]) for field in dataclasses.fields(cls))


def _key_of(field: dataclasses.Field, annotation) -> Key:
    rule = field.metadata["rule"]
    default = REQUIRED
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    kinds = [annotation]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not types.NoneType]
        if default is not None:
            raise TypeError(f"{field.name}: an optional setting has the default None")
    is_list = typing.get_origin(kinds[0]) is list
    kind = typing.get_args(kinds[0])[0] if is_list else kinds[0]
    if len(kinds) != 1 or kind not in _SINGULAR:
        raise TypeError(f"{field.name}: {annotation} is not a kind of setting")
    name = rule.key or field.name
    return Key(name, field.name, kind, is_list, default is REQUIRED, default, rule)


# --- tables to instances and back ---------------------------------------------------------


def parse_table(cls: type, table: dict, where: str, problems: list[str]):
    """An instance of the settings dataclass `cls` from a TOML table, or None.

    Every problem is appended to `problems` as one sentence that starts with `where` (file and
    section). A class checks keys against each other in `__post_init__`: a ValueError raised
    there carries the rest of the sentence.
    """
    found_before = len(problems)
    if cls is FreeTable:
        problems += [f"{where} {problem}" for name in table for problem in _free_problems(name, table[name])]
        return FreeTable(copy.deepcopy(table)) if len(problems) == found_before else None
    keys = {key.name: key for key in keys_of(cls)}
    for name in table:
        if name not in keys:
            problems.append(f"{where} {name} is not a known key; {suggestion(name, keys)}")
    values = {}
    for name, key in keys.items():
        if name not in table:
            if key.required:
                problems.append(f"{where} {name} is missing and has no default ({key.rule.help})")
            continue
        try:
            values[key.field] = _convert(key, table[name])
        except ValueError as error:
            problems.append(f"{where} {error}")
    if len(problems) > found_before:
        return None
    try:
        return cls(**values)
    except ValueError as error:
        problems.append(f"{where} {error}")
        return None


def _free_problems(name: str, value):
    """A sentence for each part of a value that no file could keep."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _free_problems(f"{name}.{key}", item)
    elif isinstance(value, list):
        for position, item in enumerate(value, start=1):
            yield from _free_problems(f"element {position} of {name}", item)
    elif type(value) is float and not math.isfinite(value):
        yield f"{name} must be a finite number, not {value}"
    elif type(value) is int and not -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER:
        yield f"{name} must be an integer of at most 64 bits, not {shown(value)}"
    elif type(value) not in (bool, int, float, str):
        yield f"{name} must be a number, a string, true or false, a list or a table, not {shown(value)}"


def _convert(key: Key, value):
    """The value in the key's type; ValueError with "<key> must be ..." if it cannot be that."""
    if not key.is_list:
        return _convert_scalar(key, key.name, value)
    if not isinstance(value, list):
        raise ValueError(f"{key.name} must be a list of {_PLURAL[key.kind]}, not {shown(value)}")
    return [
        _convert_scalar(key, f"element {position} of {key.name}", element)
        for position, element in enumerate(value, start=1)
    ]


def _convert_scalar(key: Key, subject: str, value):
    wanted = (int, float) if key.kind is float else (key.kind,)
    if type(value) not in wanted:
        raise ValueError(f"{subject} must be {_SINGULAR[key.kind]}, not {shown(value)}")
    if type(value) is int and not -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER:
        raise ValueError(f"{subject} must be an integer of at most 64 bits, not {shown(value)}")
    if key.kind is float:
        value = float(value)
        if not math.isfinite(value):
            raise ValueError(f"{subject} must be a finite number, not {value}")
    _check_range(key.rule, subject, value)
    return value


def _check_range(rule: Rule, subject: str, value) -> None:
    """ValueError if the value is none of the choices or out of its range."""
    if rule.choices is not None and value not in rule.choices:
        near = nearest(value, rule.choices) if isinstance(value, str) else None
        hint = f"; did you mean {near}?" if near else ""
        raise ValueError(f"{subject} must be {_choices_text(rule)}, not {shown(value)}{hint}")
    wrong = None
    if rule.minimum is not None and value < rule.minimum:
        wrong = f"at least {toml_value(rule.minimum)}"
    elif rule.above is not None and value <= rule.above:
        wrong = f"above {toml_value(rule.above)}"
    elif rule.maximum is not None and value > rule.maximum:
        wrong = f"at most {toml_value(rule.maximum)}"
    elif rule.below is not None and value >= rule.below:
        wrong = f"below {toml_value(rule.below)}"
    if wrong:
        raise ValueError(f"{subject} must be {wrong}, not {shown(value)}")


def table_of(instance) -> dict:
    """The TOML table (JSON-able, None left out) that parse_table turns into an equal instance."""
    if isinstance(instance, FreeTable):
        return copy.deepcopy(instance.values)
    table = {}
    for key in keys_of(type(instance)):
        value = getattr(instance, key.field)
        if value is not None:
            table[key.name] = list(value) if key.is_list else value
    return table


def apply_overrides(
    tables: dict, overrides: Iterable[str], problems: list[str], sections: Iterable[str] = ()
) -> None:
    """Put "section.key=value" options into `tables`, in place; problems are listed as sentences.

    The value is read as a TOML value and, where that fails, taken as a string. `sections` are
    known sections besides those in `tables`.
    """
    known = list(dict.fromkeys([*tables, *sections]))
    for override in overrides:
        path, equals, text = override.partition("=")
        section, dot, key = path.strip().partition(".")
        if not (equals and dot and section and key):
            problems.append(f"--set {override} must have the form section.key=value")
        elif section not in known:
            hint = suggestion(section, known)
            problems.append(f"--set {override}: {section} is not a known section; {hint}")
        elif not isinstance(tables.setdefault(section, {}), dict):
            problems.append(f"--set {override}: {section} is not a table in the file")
        else:
            tables[section][key] = _override_value(text.strip())


def _override_value(text: str):
    try:
        document = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    # More than one key: the text went on after a line break, so it was not one value.
    return document["value"] if len(document) == 1 else text


# --- text -------------------------------------------------------------------------------------


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word fewest edits from `word`, regardless of case, or None if none is similar."""
    originals = {candidate.lower(): candidate for candidate in known}
    lowered = word.lower()
    similar = difflib.get_close_matches(lowered, list(originals), n=5)
    if not similar:
        return None

    def difference(candidate: str) -> tuple[int, int, bool]:
        # On a tie the same length wins, a wrong letter is likelier than a missing one, and then the same letters do.
        return _edits(lowered, candidate), abs(len(lowered) - len(candidate)), sorted(lowered) != sorted(candidate)

    return originals[min(similar, key=difference)]


def _edits(first: str, second: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions between two words."""
    previous = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        current = [i]
        for j, other in enumerate(second, start=1):
            substituted = previous[j - 1] + (letter != other)
            current.append(min(previous[j] + 1, current[j - 1] + 1, substituted))
        previous = current
    return previous[-1]


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, or all of them."""
    known = list(known)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {near}?"
    return f"known: {', '.join(known)}" if known else "there is none"


def toml_value(value) -> str:
    """A bool, int, float, str, or list or dict of them, as a TOML value; dates in ISO form."""
    if isinstance(value, str):
        # JSON and TOML escape alike, but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(element) for element in value) + "]"
    if isinstance(value, dict):
        items = ", ".join(f"{toml_value(key)} = {toml_value(item)}" for key, item in value.items())
        return "{" + items + "}"
    return str(value)


def shown(value) -> str:
    """A value as a message quotes it: in TOML form, on one line, cut short if it is long."""
    text = toml_value(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _choices_text(rule: Rule) -> str:
    names = [toml_value(choice) for choice in rule.choices]
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _comment(key: Key) -> str:
    """Help, unit, range or choices of a key as one line."""
    rule = key.rule
    facts = [rule.unit] if rule.unit else []
    if rule.choices is not None:
        facts.append(_choices_text(rule))
    bounds = [
        ("at least", rule.minimum),
        ("above", rule.above),
        ("at most", rule.maximum),
        ("below", rule.below),
    ]
    facts += [f"{word} {toml_value(bound)}" for word, bound in bounds if bound is not None]
    if key.required:
        facts.append("required")
    return f"# {rule.help} ({'; '.join(facts)})" if facts else f"# {rule.help}"


def template_keys(cls: type, values: dict | None = None) -> str:
    """The body of a commented TOML table: a comment line and `key = value` for each key.

    `values` (by TOML key) take the place of defaults; a key without a value is commented out.
    """
    given = values or {}
    lines = []
    for key in keys_of(cls):
        value = given.get(key.name, key.default)
        lines += textwrap.wrap(_comment(key), _WIDTH, subsequent_indent="# ")
        unset = value is None or value is REQUIRED
        lines.append(f"# {key.name} = " if unset else f"{key.name} = {toml_value(value)}")
    return "".join(line + "\n" for line in lines)


def template_table(section: str, cls: type, values: dict | None = None) -> str:
    """A commented TOML table `[section]` of a settings dataclass, ready to edit."""
    return f"[{section}]\n{template_keys(cls, values)}"


# --- files and fingerprints ---------------------------------------------------------------------


def read_bytes(path: str | Path) -> bytes:
    """The bytes of an input file; InputError if it is missing, a folder or unreadable."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the name and the folder") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; name a file in it") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{path} cannot be read ({reason}); check the file and its permissions") from error


def read_toml(path: str | Path) -> dict:
    """The tables of a TOML file (UTF-8, with or without a byte-order mark).

    InputError if it is missing, a folder or unreadable; ConfigError with line and column if it
    is not TOML.
    """
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"{path}: line {line}, column {column} is not UTF-8 text; save the file as UTF-8"
        raise ConfigError(message) from error
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(_syntax_message(path, text, str(error))) from error


def _syntax_message(path: str | Path, text: str, report: str) -> str:
    """One sentence with line and column from the report of the TOML parser."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", report)
    what = re.sub(r" \(at [^()]*\)$", "", report)
    what = what[:1].lower() + what[1:]
    if place:
        line, column = place.groups()
    else:
        line = text.count("\n") + 1
        column = len(text) - text.rfind("\n")
    return f"{path}: line {line}, column {column} is not valid TOML: {what}"


def canonical_json(obj) -> str:
    """The one JSON text of a JSON-able object: keys sorted, no spaces, floats by repr.

    ValueError for NaN and infinities, which JSON does not have.
    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(obj) -> str:
    """SHA-256 (hex) of the canonical JSON of an object."""
    return hashlib.sha256(canonical_json(obj).encode()).hexdigest()
