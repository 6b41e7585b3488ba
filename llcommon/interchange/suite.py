"""The database of PATHSAMPLE: min.data, ts.data, points.min, points.ts, min.A, min.B, pairs.data.

min.data has a line for each minimum: energy, ln of the product of the positive Hessian eigenvalues (LPPHE), point-group
order, three principal moments of inertia. ts.data: the same with the numbers of the two minima after the order, and
perhaps the negative eigenvalue as a ninth column. Minima are numbered from 1 by their lines. points.min and points.ts
are flat arrays of little-endian float64, N for each point, without any marks. min.A and min.B: a count, then as many
numbers of minima. pairs.data: two numbers of minima a line.
"""

from pathlib import Path

import numpy as np

from llcommon.config import read_bytes
from llcommon.errors import InputError
from llcommon.interchange.fortran import Line, column, lines_of
from llcommon.interchange.printed import Database, Printed

MIN_DATA = "min.data"
TS_DATA = "ts.data"
POINTS_MIN = "points.min"
POINTS_TS = "points.ts"
PAIRS_DATA = "pairs.data"
SETS = {"A": "min.A", "B": "min.B"}

_BYTES = 8
# What PATHSAMPLE reads as a point-group order; the rest of a larger one goes into the log product.
_LARGEST_ORDER = 2**31 - 1
_MINIMUM_COLUMNS = (6, 7)
_STATE_COLUMNS = (8, 9)


# --- reading --------------------------------------------------------------------------


def read_database(folder: Path, dimension: int) -> Database:
    """The database in a folder. dimension: N of the points, 0 to leave them alone. InputError for what is wrong."""
    minima = _read_minima(folder / MIN_DATA)
    states, ends, negative = _read_states(folder / TS_DATA, len(minima))
    if dimension:
        minima.coordinates = read_points(folder / POINTS_MIN, len(minima), dimension, MIN_DATA)
        states.coordinates = np.empty((0, dimension))
        if len(states):
            states.coordinates = read_points(folder / POINTS_TS, len(states), dimension, TS_DATA)
    found = Database(minima, states, ends, negative)
    found.pairs = _read_pairs(folder / PAIRS_DATA, len(minima))
    for name, file in SETS.items():
        if (folder / file).is_file():
            found.sets[name] = read_set(folder / file, len(minima))
    return found


def _read_minima(path: Path) -> Printed:
    rows = []
    for line in lines_of(path):
        _check_columns(line, _MINIMUM_COLUMNS)
        rows.append(_common(line))
    if not rows:
        raise InputError(f"{path} is empty; a database needs minima")
    return Printed.from_rows(path, rows)


def _read_states(path: Path, minima: int) -> tuple[Printed, np.ndarray, np.ndarray]:
    """Transition states, their minima (m, 2) and negative eigenvalues; none if there is no file."""
    rows, ends, negative = [], [], []
    for line in lines_of(path) if path.exists() else ():
        _check_columns(line, _STATE_COLUMNS)
        rows.append(_common(line))
        ends.append([_minimum(line, place, minima) for place in (3, 4)])
        negative.append(line.real(8) if len(line.words) == 9 else np.nan)
    return Printed.from_rows(path, rows), np.array(ends, dtype=np.int64).reshape(-1, 2), np.array(negative)


def _check_columns(line: Line, allowed: tuple[int, ...]) -> None:
    if len(line.words) not in allowed:
        wanted = " or ".join(str(count) for count in allowed)
        raise line.fault(f"has {len(line.words)} columns where {wanted} belong; correct it")


def _common(line: Line) -> tuple[int, float, float, float, int]:
    """What minima and transition states have in common."""
    order = line.whole(2)
    if order < 1:
        raise line.fault(f"has the point-group order {order}; it must be at least 1")
    return line.number, line.real(0), line.half_digit(0), line.real(1), order


def _minimum(line: Line, place: int, minima: int) -> int:
    """The row of the minimum that is named at a place of a line."""
    number = line.whole(place)
    if not 1 <= number <= minima:
        raise line.fault(f"names minimum {number} where there are {minima}, numbered from 1; correct it")
    return number - 1


def read_points(path: Path, count: int, dimension: int, table: str) -> np.ndarray:
    """Coordinates, (count, dimension), of a binary file; table: name of the file that says how many there are."""
    content = read_bytes(path)
    needed = _BYTES * count * dimension
    if len(content) != needed:
        held = len(content) / (_BYTES * dimension)
        raise InputError(
            f"{path} holds {held:.6g} points of {dimension} coordinates ({len(content)} bytes) where {table} lists "
            f"{count} ({needed} bytes); it is cut short, or the model is another one"
        )
    points = np.frombuffer(content, dtype="<f8").reshape(count, dimension)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise InputError(f"{path}: point {bad[0] + 1} is not finite; remove it from the database")
    return points.astype(np.float64)


def read_set(path: Path, minima: int) -> np.ndarray:
    """Rows, ascending, of the minima in a set: a count, then the numbers in any arrangement."""
    rows = []
    count = None
    for line in lines_of(path):
        start = 0
        if count is None:
            count = line.whole(0)
            start = 1
        rows += [_minimum(line, place, minima) for place in range(start, len(line.words))]
    if count is None or len(rows) != count:
        said = "no count" if count is None else f"a count of {count} and {len(rows)} minima"
        raise InputError(f"{path} holds {said}; write the count, then as many numbers of minima")
    return np.unique(np.array(rows, dtype=np.int64))


def _read_pairs(path: Path, minima: int) -> np.ndarray:
    """Rows of the minima of each pair tried, (p, 2); none if there is no file."""
    pairs = []
    for line in lines_of(path) if path.exists() else ():
        _check_columns(line, (2,))
        pairs.append([_minimum(line, place, minima) for place in (0, 1)])
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


# --- writing --------------------------------------------------------------------------


def in_suite_order(landscape, points: np.ndarray) -> np.ndarray:
    """Coordinates, (n, N) or (N,), in the order of the suite, or our own if it lacks the model."""
    order = landscape.declared.suite_order()
    return points if order is None else points[..., order]


def in_our_order(landscape, points: np.ndarray) -> np.ndarray:
    """The inverse of `in_suite_order`."""
    order = landscape.declared.suite_order()
    if order is None:
        return points
    ours = np.empty_like(points)
    ours[..., order] = points
    return ours


def _order_and_product(order: int, log_order: float, lpphe: float) -> tuple[int, float]:
    """Order and log product; an order too large for Fortran is 1 there, and in the product that weighs the same:
    a minimum counts by exp(-product / 2) / order."""
    if order <= _LARGEST_ORDER:
        return order, lpphe
    return 1, lpphe + 2.0 * log_order


def _row(table, row: int, ends: str = "") -> str:
    order, lpphe = _order_and_product(int(table.order[row]), float(table.log_order[row]), float(table.lpphe[row]))
    return f"{column(table.loss[row])}{column(lpphe)}{order:>12}{ends}   1.0 1.0 1.0"


def min_data(landscape):
    """Lines of min.data; the moments of inertia are filled with 1, which nothing depends on."""
    for row in range(len(landscape.minima)):
        yield _row(landscape.minima, row) + "\n"


def ts_data(landscape, negative: bool = False):
    """Lines of ts.data; negative: with the negative eigenvalue, as the keyword IMFRQ of PATHSAMPLE wants it."""
    states = landscape.transition_states
    for row, (plus, minus) in enumerate(states.minima.tolist()):
        line = _row(states, row, f"{plus + 1:>10}{minus + 1:>10}")
        yield line + (column(states.negative_eigenvalue[row]) if negative else "") + "\n"


def points_bytes(landscape, table) -> bytes:
    """points.min or points.ts."""
    return np.ascontiguousarray(in_suite_order(landscape, table.coordinates), dtype="<f8").tobytes()


def set_text(ids) -> str:
    """min.A or min.B."""
    return f"{len(ids):>10}\n" + "".join(f"{number + 1:>10}\n" for number in ids)


def pairs_data(landscape):
    """Lines of pairs.data, each pair once; a minimum with its own images is none there."""
    for a, b in landscape.pairs.ids.tolist():
        if a != b:
            yield f"{a + 1:>8}{b + 1:>8}\n"
