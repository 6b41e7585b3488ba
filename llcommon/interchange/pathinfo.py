"""OPTIM's path.info and min.data.info.

path.info, written with DUMPALLPATHS: triples of plus-minimum, transition state and minus-minimum. Each point is a line
with the energy, a line with the point-group order and its symbol (one or two words), then N Hessian eigenvalues in
descending order and N coordinates, three numbers a line. min.data.info: for each minimum a line as in min.data, then N
coordinates, one or three a line.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from llcommon.errors import InputError
from llcommon.interchange.fortran import Line, column, lines_of, one_a_line, rows_of_three
from llcommon.interchange.printed import Database, Printed, minima_alone

_POINTS = 3  # of a triple


# --- reading --------------------------------------------------------------------------


class _Ended(Exception):
    """The file ends within a point."""


class _Reader:
    """Takes points of N coordinates off the lines of a file."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self.lines = lines_of(path)

    def next(self) -> Line | None:
        """The next line, None at the end."""
        return next(self.lines, None)

    def numbers(self, what: str) -> np.ndarray:
        """N numbers from as many lines as they fill."""
        values: list[float] = []
        while len(values) < self.dimension:
            line = self.next()
            if line is None:
                raise _Ended
            values += line.reals()
            if len(values) > self.dimension:
                belong = f"the model has {self.dimension} coordinates; it is of another model"
                raise line.fault(f"brings {len(values)} {what} where {belong}")
        return np.array(values)


def _one(reader: _Reader, first: Line) -> tuple[tuple, np.ndarray, float]:
    """Row as of `Printed.from_rows`, coordinates and lowest eigenvalue of a point that begins with the line `first`."""
    if len(first.words) != 1:
        raise first.fault("should hold an energy alone; the points before it have more or fewer numbers than the model")
    second = reader.next()
    if second is None:
        raise _Ended
    order = second.whole(0)
    eigenvalues = reader.numbers("eigenvalues")
    x = reader.numbers("coordinates")
    lpphe = float(np.log(eigenvalues[eigenvalues > 0.0]).sum())
    return (first.number, first.real(0), first.half_digit(0), lpphe, order), x, float(eigenvalues[-1])


def read_path_info(path: Path, dimension: int) -> Database:
    """The complete triples of a path.info of points of N = dimension coordinates; the last, if it is cut short, is left
    out. InputError for what is wrong."""
    reader = _Reader(path, dimension)
    rows, points, lowest = [], [], []
    try:
        while (first := reader.next()) is not None:
            row, x, eigenvalue = _one(reader, first)
            rows.append(row)
            points.append(x)
            lowest.append(eigenvalue)
    except _Ended:
        rows.append(None)
    whole = len(points) - len(points) % _POINTS
    if not whole:
        raise InputError(f"{path} holds no complete triple of minimum, transition state and minimum")
    coordinates = np.array(points)
    states = np.arange(1, whole, _POINTS)
    sides = np.setdiff1d(np.arange(whole), states)
    database = Database(
        Printed.from_rows(path, [rows[k] for k in sides], coordinates[sides]),
        Printed.from_rows(path, [rows[k] for k in states], coordinates[states]),
        np.arange(len(sides)).reshape(-1, 2),
        np.array(lowest)[states],
    )
    if len(rows) > whole:
        left = len(rows) - whole
        database.notes.append(f"{path} ends within a triple: {left} point{'s' if left > 1 else ''} of it left out")
    return database


def read_min_data_info(path: Path, dimension: int) -> Database:
    """The minima of a min.data.info, or of several written one after the other. InputError for what is wrong."""
    reader = _Reader(path, dimension)
    rows, points = [], []
    while (first := reader.next()) is not None:
        if len(first.words) != 6:
            raise first.fault(
                f"has {len(first.words)} columns where the six of a minimum belong; points of {dimension} coordinates "
                "are needed"
            )
        rows.append((first.number, first.real(0), first.half_digit(0), first.real(1), first.whole(2)))
        try:
            points.append(reader.numbers("coordinates"))
        except _Ended as error:
            short = f"begins a minimum of fewer than {dimension} coordinates; the file is cut short"
            raise first.fault(short) from error
    if not rows:
        raise InputError(f"{path} is empty; it should hold minima")
    return minima_alone(Printed.from_rows(path, rows, np.array(points)))


# --- writing --------------------------------------------------------------------------


def _block(loss: float, order: int, eigenvalues: np.ndarray, x: np.ndarray) -> str:
    head = f"{column(loss)}\n{order:>6} C1\n"
    return head + rows_of_three(np.sort(eigenvalues)[::-1]) + rows_of_three(x)


def path_info(
    minima, states, points_of: Callable[[np.ndarray], np.ndarray], eigenvalues_of: Callable[[np.ndarray], np.ndarray]
) -> Iterable[str]:
    """path.info, triple by triple.

    minima, states: tables of a landscape; points_of(x): x in the order of the suite; eigenvalues_of(x): of the Hessian.
    """
    blocks: dict[int, str] = {}

    def of(table, row: int) -> str:
        x = table.coordinates[row].copy()
        return _block(table.loss[row], int(table.order[row]), eigenvalues_of(x), points_of(x))

    for row, ends in enumerate(states.minima.tolist()):
        for minimum in ends:
            if minimum not in blocks:
                blocks[minimum] = of(minima, minimum)
        yield blocks[ends[0]] + of(states, row) + blocks[ends[1]]


def min_data_info(lines: Iterable[str], points: np.ndarray) -> Iterable[str]:
    """min.data.info, minimum by minimum; lines: those of min.data; points: (n, N) in the order of the suite."""
    for line, x in zip(lines, points, strict=True):
        yield line + one_a_line(x)

