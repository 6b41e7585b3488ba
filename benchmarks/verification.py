"""Is a point a transition state, is a pair joined? NumPy only: no program compared judges its own points here.

The Hessian is the exact one of the loss of `scipy_numpy.py`, its eigenvalues those of a dense decomposition.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.attempt import Attempt, Triple
from benchmarks.curvature import NumpyCurvature
from benchmarks.problem import Problem
from benchmarks.scipy_numpy import NumpyLoss

CONVERGED = 1e-6  # largest root mean square gradient of a point as it was handed over
_SETTLED = 1e-10  # and where Newton steps take it
_NEWTON_STEPS = 5
_NEAR = 0.5  # longest way there
# Two points are one if losses and places, after alignment and Newton steps, agree within
SAME_LOSS = 1e-8
SAME_PLACE = 1e-3
# and minima, which are taken as they were handed over, within
MINIMUM_LOSS = 1e-6
MINIMUM_PLACE = 0.1


@dataclass(frozen=True)
class Verified:
    """A point as it was handed over, and the stationary point that Newton steps lead to.

    rms: root mean square of the gradient at x; polished_rms, polished_loss, eigenvalues (N,) ascending: at polished.
    """

    x: np.ndarray
    rms: float
    polished: np.ndarray
    polished_loss: float
    polished_rms: float
    eigenvalues: np.ndarray

    @property
    def index(self) -> int:
        """Number of negative eigenvalues."""
        return int(np.count_nonzero(self.eigenvalues < 0.0))

    @property
    def stationary(self) -> bool:
        """Whether x is converged, and near a stationary point."""
        near = np.linalg.norm(self.polished - self.x) <= _NEAR
        return bool(self.rms <= CONVERGED and self.polished_rms <= _SETTLED and near)

    @property
    def is_transition_state(self) -> bool:
        return self.stationary and self.index == 1

    @property
    def is_minimum(self) -> bool:
        return self.stationary and self.index == 0


def verify(problem: Problem, x: np.ndarray) -> Verified:
    """Gradient at x itself; Newton steps, gradient and eigenvalues there."""
    loss = NumpyLoss(problem)
    curvature = NumpyCurvature(problem)
    scale = np.sqrt(problem.dimension)
    gradient = loss(x)[1]
    rms = float(np.linalg.norm(gradient) / scale)
    polished = x
    for _ in range(_NEWTON_STEPS):
        step = np.linalg.solve(curvature.hessian(polished), gradient)
        polished = polished - step
        value, gradient = loss(polished)
        if not np.linalg.norm(gradient) > 1e-4 * _SETTLED * scale:
            break
    polished_rms = float(np.linalg.norm(gradient) / scale)
    finite = np.isfinite(polished_rms)
    eigenvalues = np.linalg.eigvalsh(curvature.hessian(polished)) if finite else np.full(problem.dimension, np.nan)
    return Verified(x, rms, polished, value, polished_rms, eigenvalues)


def same(problem: Problem, point: Verified, other: Verified) -> bool:
    """Whether two points are one: the loss and, after alignment by units and signs, the place agree."""
    if abs(point.polished_loss - other.polished_loss) > SAME_LOSS:
        return False
    moved = problem.align(other.polished, point.polished)
    return bool(np.linalg.norm(moved - other.polished) <= SAME_PLACE)


def distinct(problem: Problem, points: list[Verified]) -> list[Verified]:
    """One point of each class of those that are one."""
    chosen: list[Verified] = []
    for point in sorted(points, key=lambda point: point.polished_loss):
        for other in reversed(chosen):
            if point.polished_loss - other.polished_loss > SAME_LOSS:
                chosen.append(point)
                break
            if same(problem, point, other):
                break
        else:
            chosen.append(point)
    return chosen


def joined(problem: Problem, triples: list[Triple], start: np.ndarray, finish: np.ndarray) -> bool:
    """Whether the triples make a chain from start to finish.

    Minima are one if loss and aligned place agree within MINIMUM_LOSS and MINIMUM_PLACE: a chain that ends in a
    symmetry image of the finish joins the pair, whoever found it.
    """
    loss = NumpyLoss(problem)
    places = [(loss(x)[0], x) for x in (start, finish)]
    labels = [0, 1]

    def place_of(x: np.ndarray) -> int:
        value = loss(x)[0]
        for number, (other_value, other) in enumerate(places):
            if abs(value - other_value) > MINIMUM_LOSS:
                continue
            if np.linalg.norm(problem.align(other, x) - other) <= MINIMUM_PLACE:
                return number
        places.append((value, x))
        labels.append(len(labels))
        return len(labels) - 1

    for triple in triples:
        plus, minus = labels[place_of(triple.plus)], labels[place_of(triple.minus)]
        labels = [plus if label == minus else label for label in labels]
    return labels[0] == labels[1]


@dataclass(frozen=True)
class Judged:
    """An attempt and what is true of it.

    transition_states: those verified, repetitions included; distinct: one of each class, within the pair; joined: by
    verified ones alone.
    """

    attempt: Attempt
    transition_states: list[Verified]
    distinct: list[Verified]
    joined: bool


def judge(problem: Problem, attempt: Attempt, start: np.ndarray, finish: np.ndarray) -> Judged:
    """Verify every transition state of an attempt on the pair (start, finish)."""
    points = [verify(problem, triple.transition_state) for triple in attempt.triples]
    good = [point for point in points if point.is_transition_state]
    pairs = zip(attempt.triples, points, strict=True)
    triples = [triple for triple, point in pairs if point.is_transition_state]
    return Judged(attempt, good, distinct(problem, good), joined(problem, triples, start, finish))
