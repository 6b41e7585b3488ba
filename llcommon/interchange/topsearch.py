"""The text files of topsearch (IBM), as its KineticTransitionNetwork dumps and reads them.

min.data: number and energy of each minimum; min.coords: a row of coordinates for each; ts.data: the two minima of each
transition state and its energy; ts.coords; pairlist: pairs of minima tried. Numbers from 0. It keeps one transition
state for a pair of minima, and energies to five decimals; we write all digits.
"""

from pathlib import Path

import numpy as np

from llcommon.errors import InputError
from llcommon.interchange.fortran import Line, lines_of
from llcommon.interchange.printed import Database, Printed

NAMES = ("min.data", "min.coords", "ts.data", "ts.coords", "pairlist")
_DIGITS = "%.18e"


# --- reading --------------------------------------------------------------------------


def read_topsearch(folder: Path, dimension: int) -> Database:
    """The network in a folder, coordinates in the order of our model; dimension: N. InputError for what is wrong."""
    rows = []
    for number, line in enumerate(lines_of(folder / "min.data")):
        _check_columns(line, 2)
        if line.whole(0) != number:
            raise line.fault(f"is of minimum {line.words[0]} where {number} belongs; the file is not one of topsearch")
        rows.append((line.number, line.real(1), line.half_digit(1), np.nan, 1))
    minima = Printed.from_rows(folder / "min.data", rows, _points(folder / "min.coords", len(rows), dimension))
    if not rows:
        raise InputError(f"{folder / 'min.data'} is empty; a network needs minima")
    count = len(rows)
    rows, ends = [], []
    for line in lines_of(folder / "ts.data"):
        _check_columns(line, 3)
        ends.append([_minimum(line, place, count) for place in (0, 1)])
        rows.append((line.number, line.real(2), line.half_digit(2), np.nan, 1))
    states = Printed.from_rows(folder / "ts.data", rows, _points(folder / "ts.coords", len(rows), dimension))
    pairs = []
    for line in lines_of(folder / "pairlist") if (folder / "pairlist").is_file() else ():
        _check_columns(line, 2)
        pairs.append([_minimum(line, place, count) for place in (0, 1)])
    return Database(
        minima,
        states,
        np.array(ends, dtype=np.int64).reshape(-1, 2),
        np.full(len(rows), np.nan),
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        suite_order=False,
    )


def _check_columns(line: Line, count: int) -> None:
    if len(line.words) != count:
        raise line.fault(f"has {len(line.words)} columns where {count} belong; the file is not one of topsearch")


def _minimum(line: Line, place: int, count: int) -> int:
    number = line.whole(place)
    if not 0 <= number < count:
        raise line.fault(f"names minimum {number} where there are {count}, numbered from 0; correct it")
    return number


def _points(path: Path, count: int, dimension: int) -> np.ndarray:
    points = []
    for line in lines_of(path) if count else ():
        if len(line.words) != dimension:
            raise line.fault(f"has {len(line.words)} coordinates where the model has {dimension}; it is of another one")
        points.append(line.reals())
    if len(points) != count:
        raise InputError(f"{path} holds {len(points)} points where there should be {count}; it is cut short")
    return np.array(points).reshape(count, dimension)


# --- writing --------------------------------------------------------------------------


def kept_states(landscape) -> list[int]:
    """Ids of the transition states that topsearch has room for: the lowest of each pair of different minima."""
    states = landscape.transition_states
    lowest: dict[tuple[int, int], int] = {}
    for row in np.argsort(states.loss, kind="stable").tolist():
        a, b = sorted(states.minima[row].tolist())
        if a != b:
            lowest.setdefault((a, b), row)
    return sorted(lowest.values())


def topsearch_files(landscape) -> dict[str, list[str]]:
    """Contents of the files by name."""
    minima, states = landscape.minima, landscape.transition_states
    kept = kept_states(landscape)
    ends = states.minima[kept].reshape(-1, 2).tolist()
    losses = states.loss[kept].tolist()
    return {
        "min.data": [f"{row} {_DIGITS % loss}\n" for row, loss in enumerate(minima.loss.tolist())],
        "min.coords": _rows(minima.coordinates),
        "ts.data": [f"{a} {b} {_DIGITS % loss}\n" for (a, b), loss in zip(ends, losses, strict=True)],
        "ts.coords": _rows(states.coordinates[kept]),
        "pairlist": [f"{a} {b}\n" for a, b in landscape.pairs.ids.tolist()],
    }


def _rows(points: np.ndarray) -> list[str]:
    return [" ".join(_DIGITS % value for value in point) + "\n" for point in points.tolist()]
