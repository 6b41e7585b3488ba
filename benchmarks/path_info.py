"""OPTIM's path.info, written with DUMPALLPATHS: triples plus-minimum, transition state, minus-minimum.

Each stationary point is a line with the loss, a line with the point-group order and symbol, then N Hessian
eigenvalues in descending order and N coordinates, three numbers a line.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StationaryPoint:
    """Loss, point-group order, Hessian eigenvalues (N,) descending, coordinates (N,) in the suite's order."""

    loss: float
    order: int
    eigenvalues: np.ndarray
    x: np.ndarray

    @property
    def index(self) -> int:
        """Number of negative eigenvalues."""
        return int(np.count_nonzero(self.eigenvalues < 0.0))


@dataclass(frozen=True)
class Triple:
    """One pathway: the minima on both sides of a transition state."""

    plus: StationaryPoint
    transition_state: StationaryPoint
    minus: StationaryPoint


def _numbers(lines: list[str], dimension: int) -> np.ndarray:
    """The numbers in lines, checked to be `dimension` of them."""
    values = np.array([float(word) for line in lines for word in line.split()])
    if values.size != dimension:
        raise ValueError(f"path.info: expected {dimension} numbers, found {values.size}")
    return values


def read(text: str, dimension: int) -> list[Triple]:
    """All complete triples of a path.info; an incomplete tail (a job that was stopped) is dropped."""
    lines = text.splitlines()
    rows = -(-dimension // 3)
    block = 2 + 2 * rows
    points = []
    for begin in range(0, len(lines) - block + 1, block):
        loss = float(lines[begin])
        order = int(lines[begin + 1].split()[0])
        eigenvalues = _numbers(lines[begin + 2 : begin + 2 + rows], dimension)
        x = _numbers(lines[begin + 2 + rows : begin + block], dimension)
        points.append(StationaryPoint(loss, order, eigenvalues, x))
    complete = len(points) - len(points) % 3
    return [Triple(*points[first : first + 3]) for first in range(0, complete, 3)]
