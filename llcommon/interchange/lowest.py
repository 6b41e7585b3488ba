"""GMIN's files `lowest` and `coords`.

lowest: for each minimum, the lowest first, a line with N, a line `Energy of minimum  n= E first found at step s after f
function calls`, and N coordinates, one a line (for atoms three, after a name). coords: coordinates, one a line.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from llcommon.errors import InputError
from llcommon.interchange.fortran import Line, lines_of, one_a_line, real
from llcommon.interchange.printed import Database, Printed, minima_alone

_ENERGY = re.compile(r"=\s*(\S+)")


def read_lowest(path: Path, dimension: int) -> Database:
    """The minima of a file `lowest` of points of N = dimension coordinates. InputError for what is wrong."""
    lines = list(lines_of(path))
    rows, points = [], []
    place = 0
    while place < len(lines):
        count = lines[place].whole(0)
        if count != dimension:
            raise lines[place].fault(f"says {count} coordinates where the model has {dimension}; it is of another one")
        block = lines[place + 1 : place + 2 + dimension]
        if len(block) < 1 + dimension:
            raise lines[place].fault(f"begins a minimum of fewer than {dimension} coordinates; the file is cut short")
        energy = _energy(block[0])
        rows.append((lines[place].number, energy.real(0), energy.half_digit(0), np.nan, 1))
        points.append([_coordinate(line) for line in block[1:]])
        place += 2 + dimension
    if not rows:
        raise InputError(f"{path} is empty; it should hold minima")
    return minima_alone(Printed.from_rows(path, rows, np.array(points)))


def _energy(line: Line) -> Line:
    """The word behind the equals sign, as a line of its own."""
    match = _ENERGY.search(" ".join(line.words))
    if not match:
        raise line.fault("should say `Energy of minimum n= E`; the points before it have another number of coordinates")
    return Line(line.path, line.number, [match[1]])


def _coordinate(line: Line) -> float:
    if len(line.words) != 1:
        raise line.fault(f"has {len(line.words)} words where one coordinate belongs; correct it")
    return line.real(0)


def lowest(losses: np.ndarray, points: np.ndarray) -> Iterable[str]:
    """The file `lowest`, minimum by minimum; points: (n, N) in the order of the suite."""
    for number, row in enumerate(np.argsort(losses, kind="stable"), start=1):
        head = f"{points.shape[1]:>12}\nEnergy of minimum {number:>6}= {real(losses[row])} first found at step "
        yield f"{head}{0:>8} after {0:>20} function calls\n{one_a_line(points[row])}"
