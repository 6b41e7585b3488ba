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


def distinct_transition_states(triples: list[Triple], tolerance: float = 1e-6) -> list[StationaryPoint]:
    """Transition states with exactly one negative eigenvalue, one for each loss within tolerance."""
    verified = [triple.transition_state for triple in triples if triple.transition_state.index == 1]
    distinct: list[StationaryPoint] = []
    for point in sorted(verified, key=lambda point: point.loss):
        if not distinct or point.loss - distinct[-1].loss > tolerance:
            distinct.append(point)
    return distinct


def joins(
    triples: list[Triple], start: np.ndarray, finish: np.ndarray, loss_tolerance=1e-6, distance_tolerance=0.1
) -> bool:
    """Whether verified transition states join start to finish (both in the suite's order).

    Minima are the same if both loss and Euclidean distance agree; start and finish are known by
    distance alone.
    """
    places: list[tuple[float | None, np.ndarray]] = [(None, start), (None, finish)]
    parents = [0, 1]

    def place_of(point: StationaryPoint) -> int:
        for number, (loss, x) in enumerate(places):
            same_loss = loss is None or abs(loss - point.loss) <= loss_tolerance
            if same_loss and np.linalg.norm(x - point.x) <= distance_tolerance:
                return number
        places.append((point.loss, point.x))
        parents.append(len(parents))
        return len(places) - 1

    def root(number: int) -> int:
        while parents[number] != number:
            number = parents[number]
        return number

    for triple in triples:
        if triple.transition_state.index == 1:
            parents[root(place_of(triple.plus))] = root(place_of(triple.minus))
    return root(0) == root(1)
