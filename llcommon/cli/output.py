"""What commands write: data to standard output, everything said about it to standard error."""

import contextlib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import click

SCHEMA_VERSION = 1  # of every JSON document; raised when a key changes its meaning

QUIET = -1
NORMAL = 0
VERBOSE = 1
_CLEAR_LINE = "\r\x1b[K"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    unit: empty for ids, counts and dimensionless numbers. values: one for each row.
    """

    name: str
    unit: str
    values: Iterable


# --- standard output ------------------------------------------------------------------------


def write_table(columns: Iterable[Column], as_json: bool, extra: Mapping | None = None) -> None:
    """Write rows to standard output: TSV with a header, or one JSON document.

    Floats are written with the fewest digits that give the same number back, NaN and infinities as
    `nan` and `inf` (in JSON as null). The document has the keys schema_version, units (of columns
    that have one) and rows (a list of objects), and those of `extra`, which TSV leaves out.
    """
    columns = list(columns)
    names = [column.name for column in columns]
    if as_json:
        rows = zip(*(_plain(column.values) for column in columns), strict=True)
        units = {column.name: column.unit for column in columns if column.unit}
        records = [dict(zip(names, row, strict=True)) for row in rows]
        write_json({**(extra or {}), "units": units, "rows": records})
        return
    header = [f"{column.name} [{column.unit}]" if column.unit else column.name for column in columns]
    lines = ["\t".join(header)]
    lines += map("\t".join, zip(*(_cells(column.values) for column in columns), strict=True))
    click.echo("\n".join(lines))


def write_properties(properties: Mapping, as_json: bool) -> None:
    """Write named values: TSV with the columns `property` and `value`, or one JSON document.

    In TSV a list takes a row for each element, named `name[0]`, `name[1]` and so on, and a mapping
    one for each key, named `name.key`.
    """
    if as_json:
        write_json(properties)
        return
    rows = list(_flattened("", properties))
    name_column = Column("property", "", [name for name, _ in rows])
    value_column = Column("value", "", [value for _, value in rows])
    write_table([name_column, value_column], as_json=False)


def write_json(document: Mapping) -> None:
    """Write one JSON document with `schema_version` to standard output; NaN and infinities as null."""
    content = {"schema_version": SCHEMA_VERSION, **document}
    click.echo(json.dumps(_json_ready(content), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(values):
    """NumPy arrays and scalars as Python lists and numbers (without importing NumPy)."""
    return values.tolist() if hasattr(values, "tolist") else values


def _flattened(name: str, value):
    """Pairs of a name and a single value for everything inside nested mappings and lists."""
    value = _plain(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flattened(f"{name}.{key}" if name else str(key), item)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _flattened(f"{name}[{position}]", item)
    else:
        yield name, value


def _json_ready(value):
    """The value with what JSON lacks replaced."""
    value = _plain(value)
    if isinstance(value, Mapping):
        return {str(key): _json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cells(values) -> Iterable[str]:
    """The values of a column as TSV cells; columns of numbers, the long ones, without a question for each."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    return map(repr if kind in ("f", "i", "u") else _cell, _plain(values))


def _cell(value) -> str:
    """A value as one TSV cell."""
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return repr(value)


# --- standard error -------------------------------------------------------------------------


class _Console:
    """How much is said, and the progress bar on the last line of the terminal, if there is one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As at the start of a program."""
        self.verbosity = NORMAL
        self.debug = False
        self.bar_text = ""

    def write(self, text: str) -> None:
        """Write to standard error; a reader that went away must not end a search."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def line(self, message: str) -> None:
        """Write a line above the progress bar."""
        if self.bar_text:
            self.write(_CLEAR_LINE + message + "\n" + self.bar_text)
        else:
            self.write(message + "\n")

    def draw_bar(self, text: str) -> None:
        """Show `text` as the last line of the terminal; an empty text removes it."""
        self.bar_text = text
        self.write(_CLEAR_LINE + text)


console = _Console()


def log(message: str, level: int = NORMAL) -> None:
    """Write a line to standard error if -q and -v let it: level 0 unless -q, 1 with -v, 2 with -vv."""
    if level <= console.verbosity:
        console.line(message)
