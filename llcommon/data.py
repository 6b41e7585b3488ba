"""Training and test data: columns of a CSV or TSV file, their scaling, and the errors a file can have.

Features are kept raw as read, with a shift and a scale for each column: the model sees
(features - shift) / scale, and new rows are treated alike by `Data.transform`.
"""

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llcommon.config import canonical_json, read_bytes, shown, suggestion
from llcommon.errors import ConfigError, InputError
from llcommon.settings import DataSettings

_DELIMITERS = (",", "\t", ";")
_EMPTY = "is empty; a header and rows of data are needed"
_MISSING = frozenset({"", "?", "na", "n/a", "null", "none"})
_INTEGER = re.compile(r"[+-]?[0-9]+")
_CHOOSE_COLUMNS = "correct it or choose other columns by target and features in [data]"
_CORRECT_IT = "correct it or remove the line"


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that predictions can be compared with.

    features: (m, d) float64, raw, columns in the order of the model's feature names. labels: (m,) int64, indices into
    its class names, or None. targets: (m,) float64 or None. source, sha256: as of Data.
    """

    features: np.ndarray
    labels: np.ndarray | None
    targets: np.ndarray | None
    source: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Data:
    """Rows that a loss model is trained on.

    feature_names: d names. features: (n, d) float64, raw. shift, scale: (d,) float64.
    scaling: name of the scaling that gave shift and scale. target_name: column predicted, "" for none.
    class_names: names of the classes, empty for numeric targets. labels: (n,) int64, indices
    into class_names, or None. targets: (n,) float64 or None. source: name of the file without
    its folder. sha256: of the bytes of the file.
    """

    feature_names: tuple[str, ...]
    features: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    scaling: str
    target_name: str
    class_names: tuple[str, ...]
    labels: np.ndarray | None
    targets: np.ndarray | None
    source: str
    sha256: str

    def inputs(self) -> np.ndarray:
        """What the model sees: scaled features, (n, d)."""
        return self.transform(self.features)

    def transform(self, raw: np.ndarray) -> np.ndarray:
        """Raw feature rows (m, d), columns in the order of feature_names, scaled as the training rows."""
        raw = np.asarray(raw, dtype=np.float64)
        number = len(self.feature_names)
        if raw.ndim != 2 or raw.shape[1] != number:
            raise ValueError(f"feature rows must have shape (m, {number}), not {raw.shape}")
        return (raw - self.shift) / self.scale

    def rows(self) -> Rows:
        """The training rows themselves."""
        return Rows(self.features, self.labels, self.targets, self.source, self.sha256)

    def content_sha256(self) -> str:
        """SHA-256 (hex) over names and arrays: equal content, whatever file it came from."""
        names = [self.feature_names, self.scaling, self.target_name, self.class_names]
        digest = hashlib.sha256(canonical_json(names).encode())
        for array in (self.features, self.shift, self.scale, self.labels, self.targets):
            if array is None:
                digest.update(b"none")
                continue
            digest.update(canonical_json(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Table:
    """Cells of a file as text: `rows[i]` began to be read on line `lines[i]` of the file."""

    path: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]


@dataclass(frozen=True)
class _Scaling:
    """Shift and scale (d,) of feature columns, and which columns cannot be told apart from constants."""

    shift: np.ndarray
    scale: np.ndarray
    constant: np.ndarray


def read_csv(path: str | Path, settings: DataSettings, numeric_target: bool | None) -> Data:
    """The training data in a CSV or TSV file with a header (comma, semicolon or tab; UTF-8).

    `numeric_target` False: the target column holds classes by name, in sorted order (by number
    if all are integers); True: numbers; None: there is none, and a column that the settings call
    so is left out. Raises InputError naming file, line and column of what
    is wrong in the file, and ConfigError for columns that `settings` name and the file lacks.
    """
    content = read_bytes(path)
    table = _read_table(path, content)
    target = _target_column(table, settings, numeric_target is not None)
    names = _feature_columns(table, settings, target)
    if len(table.rows) < 2:
        message = f"{path} has {len(table.rows)} rows of data under its header; at least 2 are needed"
        raise InputError(message)
    features = np.empty((len(table.rows), len(names)))
    for j, name in enumerate(names):
        features[:, j] = _numbers(table, name, _CHOOSE_COLUMNS)
    labels = targets = None
    class_names: tuple[str, ...] = ()
    if numeric_target:
        targets = _numbers(table, target, _CHOOSE_COLUMNS)
    elif numeric_target is not None:
        class_names, labels = _classes(table, target)
    scaling = _scaling(features, settings.scaling)
    kept = _kept_columns(table, names, scaling, settings)
    return Data(
        feature_names=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        features=np.ascontiguousarray(features[:, kept]),
        shift=scaling.shift[kept],
        scale=scaling.scale[kept],
        scaling=settings.scaling,
        target_name="" if numeric_target is None else target,
        class_names=class_names,
        labels=labels,
        targets=targets,
        source=Path(path).name,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def read_rows(path: str | Path, data: Data) -> Rows:
    """Rows of another file for a model of `data`: its columns by name, in any order; further ones are passed over.

    Values are raw as in the training file; a class must be one of the training data. Raises InputError naming file,
    line and column of what is wrong.
    """
    content = read_bytes(path)
    table = _read_table(path, content)
    _check_columns(table, data, [*data.feature_names, *filter(None, [data.target_name])])
    features = _known_features(table, data)
    labels = targets = None
    if data.class_names:
        labels = _known_labels(table, data)
    elif data.target_name:
        targets = _numbers(table, data.target_name, _CORRECT_IT)
    return Rows(features, labels, targets, Path(path).name, hashlib.sha256(content).hexdigest())


def read_features(path: str | Path, data: Data) -> np.ndarray:
    """Raw features (m, d) of another file for a model of `data`, as of `read_rows`, but without the target."""
    table = _read_table(path, read_bytes(path))
    _check_columns(table, data, list(data.feature_names))
    return _known_features(table, data)


def csv_of(data: Data, numbers: np.ndarray) -> str:
    """Some rows of the data, by their numbers, as a CSV file that reads back to the last bit."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*data.feature_names, data.target_name])
    for number in numbers.tolist():
        target = repr(float(data.targets[number])) if data.labels is None else data.class_names[data.labels[number]]
        writer.writerow([*map(repr, data.features[number].tolist()), target])
    return stream.getvalue()


# --- cells ----------------------------------------------------------------------------------


def _read_table(path: str | Path, content: bytes) -> _Table:
    """Header and rows of a file; InputError if it is not a rectangular table with a header."""
    text = _text(path, content)
    lines_of_text = io.StringIO(text, newline="")
    delimiter = _delimiter(path, text)
    reader = csv.reader(lines_of_text, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if len(cells) > 1 or any(cells):  # blank lines are passed over
                rows.append(cells)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"{path}: line {line} cannot be read as a table ({error}); check its quotation marks"
        raise InputError(message) from error
    if not rows:
        raise InputError(f"{path} {_EMPTY}")
    header = rows.pop(0)
    lines.pop(0)
    _check_header(path, header)
    for cells, line in zip(rows, lines, strict=True):
        if len(cells) != len(header):
            counts = f"{len(cells)} cells where the header has {len(header)}"
            raise InputError(f"{path}: line {line} has {counts}; correct that line")
    return _Table(str(path), header, rows, lines)


def _text(path: str | Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"{path} is not UTF-8 text (line {line}); save the table as CSV in UTF-8"
        raise InputError(message) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path} is not a text file (line {line}); save the table as CSV in UTF-8")
    if not text.strip():
        raise InputError(f"{path} {_EMPTY}")
    return text


def _delimiter(path: str | Path, text: str) -> str:
    """A tab by the file's suffix; else what occurs most often in the header, a comma if nothing does."""
    if Path(path).suffix.lower() in (".tsv", ".tab"):
        return "\t"
    header = text.lstrip().splitlines()[0]
    return max(_DELIMITERS, key=header.count)


def _check_header(path: str | Path, header: list[str]) -> None:
    if all(_is_number(cell) for cell in header):
        raise InputError(f"{path} has no header; write the names of the columns in its first line")
    for position, name in enumerate(header, start=1):
        if not name:
            raise InputError(f"{path}: column {position} has no name; name it in the header")
        if name in header[: position - 1]:
            message = f"{path}: the column name {name} occurs twice in the header; rename one of the columns"
            raise InputError(message)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _cells(table: _Table, name: str) -> list[str]:
    position = table.header.index(name)
    return [row[position] for row in table.rows]


def _numbers(table: _Table, name: str, remedy: str) -> np.ndarray:
    """The column as (n,) float64; InputError names the first cell that is not a finite number.

    remedy: what to do about a cell that is no number.
    """
    values = np.empty(len(table.rows))
    for i, cell in enumerate(_cells(table, name)):
        where = f"{table.path}: line {table.lines[i]}, column {name}"
        if cell.lower() in _MISSING:
            raise InputError(f"{where} has no value; fill it in or remove the line")
        if not _is_number(cell) or "_" in cell:  # Python reads 1_000 as a number, nobody else does
            raise InputError(f"{where} holds {shown(cell)}, which is not a number; {remedy}")
        values[i] = float(cell)
        if not math.isfinite(values[i]):
            fault = f"holds {shown(cell)}, which is not a finite number"
            raise InputError(f"{where} {fault}; correct it or remove the line")
    return values


def _named_classes(table: _Table, name: str) -> list[str]:
    """The cells of the column; InputError names the first that is empty."""
    cells = _cells(table, name)
    for cell, line in zip(cells, table.lines, strict=True):
        if not cell:
            where = f"{table.path}: line {line}, column {name}"
            raise InputError(f"{where} has no class; fill it in or remove the line")
    return cells


def _classes(table: _Table, name: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names in order and the label (n,) int64 of each row."""
    cells = _named_classes(table, name)
    classes = sorted(set(cells))
    if all(_INTEGER.fullmatch(label) for label in classes):
        classes.sort(key=int)
    if len(classes) == 1:
        where = f"{table.path}: column {name}"
        raise InputError(f"{where} holds only the class {shown(classes[0])}; at least 2 are needed")
    index = {label: i for i, label in enumerate(classes)}
    return tuple(classes), np.array([index[cell] for cell in cells], dtype=np.int64)


# --- columns ----------------------------------------------------------------------------------


def _target_column(table: _Table, settings: DataSettings, needed: bool) -> str | None:
    """The column that is no feature, None for none; unset it is the last one where it is needed."""
    if settings.target is None:
        return table.header[-1] if needed else None
    if settings.target not in table.header:
        hint = suggestion(settings.target, table.header)
        raise ConfigError(f"[data] target {settings.target} is not a column of {table.path}; {hint}")
    return settings.target


def _feature_columns(table: _Table, settings: DataSettings, target: str | None) -> list[str]:
    if settings.features is None:
        names = [name for name in table.header if name != target]
        if not names:
            message = f"{table.path} has only the column {target}; a feature and a target column are needed"
            raise InputError(message)
        return names
    names = list(settings.features)
    if not names:
        raise ConfigError("[data] features is an empty list; name at least one column or leave it out")
    for position, name in enumerate(names):
        if name not in table.header:
            hint = suggestion(name, table.header)
            raise ConfigError(f"[data] features: {name} is not a column of {table.path}; {hint}")
        if name in names[:position]:
            raise ConfigError(f"[data] features names {name} twice; name each column once")
        if name == target:
            remedy = "leave it out or name another target"
            raise ConfigError(f"[data] features: {name} is the target column; {remedy}")
    return names


def _check_columns(table: _Table, data: Data, needed: list[str]) -> None:
    """Raise InputError if the table lacks a column of the training data that is needed."""
    missing = [name for name in needed if name not in table.header]
    if missing:
        columns = "the column" if len(missing) == 1 else "the columns"
        others = [name for name in table.header if name not in needed]
        near = suggestion(missing[0], others) if others else ""
        hint = f"; {near}" if near.startswith("did you mean") else "; add what is missing"
        trained = f"which the training data {data.source} have"
        raise InputError(f"{table.path} lacks {columns} {', '.join(missing)}, {trained}{hint}")


def _known_features(table: _Table, data: Data) -> np.ndarray:
    """The feature columns (m, d) of the training data; InputError for the first cell that cannot be used."""
    if not table.rows:
        raise InputError(f"{table.path} has no rows of data under its header; at least 1 is needed")
    features = np.empty((len(table.rows), len(data.feature_names)))
    for j, name in enumerate(data.feature_names):
        features[:, j] = _numbers(table, name, _CORRECT_IT)
    _check_scalable(table, data, features)
    return features


def _known_labels(table: _Table, data: Data) -> np.ndarray:
    """The label (n,) int64 of each row; InputError names the first class that the training data do not have."""
    index = {label: i for i, label in enumerate(data.class_names)}
    cells = _named_classes(table, data.target_name)
    for cell, line in zip(cells, table.lines, strict=True):
        if cell not in index:
            where = f"{table.path}: line {line}, column {data.target_name}"
            fault = f"holds the class {shown(cell)}, which the training data {data.source} do not have"
            raise InputError(f"{where} {fault} ({suggestion(cell, data.class_names)}); {_CORRECT_IT}")
    return np.array([index[cell] for cell in cells], dtype=np.int64)


def _check_scalable(table: _Table, data: Data, features: np.ndarray) -> None:
    """Raise InputError for the first value that the scaling of the training data makes infinite."""
    with np.errstate(over="ignore"):
        places = np.argwhere(~np.isfinite(data.transform(features)))
    if places.size:
        row, column = places[0]
        where = f"{table.path}: line {table.lines[row]}, column {data.feature_names[column]}"
        raise InputError(f"{where} is too large to be scaled as the training data; {_CORRECT_IT}")


# --- scaling ----------------------------------------------------------------------------------


def _scaling(features: np.ndarray, scaling: str) -> _Scaling:
    """Shift and scale by the rows given; population variance, as scikit-learn's StandardScaler."""
    number = features.shape[1]
    shift = np.zeros(number)
    scale = np.ones(number)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if scaling == "standardise":
            shift = features.mean(axis=0)
            scale = np.sqrt(np.mean((features - shift) ** 2, axis=0))
        elif scaling == "mean-abs":
            scale = np.abs(features).mean(axis=0)
    # Rounding can leave equal values a scale above zero, and unequal ones (1e-200) a scale of zero.
    constant = np.all(features == features[0], axis=0) | (scale == 0.0)
    return _Scaling(shift, scale, constant)


def _kept_columns(table: _Table, names: list[str], scaling: _Scaling, settings: DataSettings) -> np.ndarray:
    """Mask (d,) of the columns that stay; InputError for a column that cannot be scaled."""
    kept = ~scaling.constant if settings.drop_constant else np.ones(len(names), dtype=bool)
    if not kept.any():
        raise InputError(f"{table.path}: all feature columns are constant; nothing can be learnt from them")
    for j in np.flatnonzero(kept):
        where = f"{table.path}: column {names[j]}"
        if scaling.scale[j] == 0.0 or (scaling.constant[j] and settings.scaling == "standardise"):
            fault = f"is constant, so it cannot be scaled by {settings.scaling}"
            remedy = "leave it out by features in [data] or set drop_constant = true"
            raise InputError(f"{where} {fault}; {remedy}")
        if not np.isfinite(scaling.scale[j]) or not np.isfinite(scaling.shift[j]):
            remedy = "use other units or scaling = \"none\" in [data]"
            raise InputError(f"{where} has values too large to be scaled by {settings.scaling}; {remedy}")
    return kept
