"""The path of steepest descent through a transition state, followed on both sides to its minima.

Steps are those of Page and McIver (J. Chem. Phys. 88, 922, 1988): on the local quadratic model of the loss
the steepest-descent curve is known in closed form, x(t) = x_0 - sum_i (1 - exp(-l_i t)) / l_i (v_i.g) v_i, so the
step is as long as the model is good, stiff valleys included, where an explicit integrator would crawl.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.errors import NothingFound
from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import push_off
from llcommon.records import TransitionState

_MOST_STEPS = 5000
_MODEL_ERROR = 0.02  # of the quadratic model over one step, as a share of the change it predicts
_QUADRATURE = 64  # points of the arc-length integral of one step


@dataclass(frozen=True)
class Pathway:
    """A path from the plus side over the transition state (arc length 0) to the minus side.

    arc_length: (k,), negative on the plus side. losses: (k,). points: (k, N).
    """

    arc_length: np.ndarray
    losses: np.ndarray
    points: np.ndarray

    @property
    def length(self) -> float:
        """Integrated path length."""
        return float(self.arc_length[-1] - self.arc_length[0])

    @property
    def displacement(self) -> float:
        """Distance of the two ends."""
        return float(np.linalg.norm(self.points[-1] - self.points[0]))

    @property
    def cooperativity(self) -> float:
        """Share of coordinates that take part: (sum d_i^2)^2 / (N sum d_i^4), d the end-to-end displacement.

        One if all coordinates move equally, 1/N if one moves alone (Stillinger and Weber, Phys. Rev. A 28, 2408,
        1983, for weights in place of atoms).
        """
        squares = np.square(self.points[-1] - self.points[0])
        fourth = float(np.square(squares).sum())
        return float(squares.sum()) ** 2 / (squares.size * fourth) if fourth > 0.0 else 0.0


@dataclass(frozen=True)
class _Step:
    move: np.ndarray
    length: float
    at_end: bool


def _descent_step(values: np.ndarray, vectors: np.ndarray, gradient: np.ndarray, longest: float) -> _Step:
    """The piece of the quadratic model's descent curve of arc length `longest`, or all that is left of it."""
    slopes = vectors.T @ gradient
    newton = None
    if values[0] > 0.0:
        newton = -(vectors @ (slopes / values))
        if np.linalg.norm(newton) <= 0.1 * longest:
            return _Step(newton, float(np.linalg.norm(newton)), True)
    # Geometric times: the curve runs fast along stiff modes first, then slowly along soft ones.
    scale = np.abs(values).max()
    latest = 40.0 / max(np.abs(values).min(), 1e-12 * scale)
    times = np.concatenate([[0.0], np.geomspace(1e-4 / scale, latest, 40 * _QUADRATURE)])
    exponents = np.clip(np.outer(times, -values), None, 200.0)
    speeds = np.sqrt(np.square(slopes * np.exp(exponents)).sum(axis=1))
    arcs = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(times) * (speeds[1:] + speeds[:-1]))])
    time = float(np.interp(longest, arcs, times))
    safe = np.where(values == 0.0, 1.0, values)
    growth = np.where(values == 0.0, time, -np.expm1(np.clip(-values * time, None, 200.0)) / safe)
    move = -(vectors @ (growth * slopes))
    return _Step(move, float(min(longest, arcs[-1])), False)


def _side(model: LossModel, start: np.ndarray, first_length: float, step: float, tolerance: float):
    """Arc lengths, losses and points from beside a transition state down to a minimum."""
    x = start
    arc = first_length
    loss, gradient = model.value_and_gradient(x)
    arcs, losses, points = [arc], [loss], [x]
    longest = step
    for _ in range(_MOST_STEPS):
        if math.sqrt(gradient @ gradient / x.size) <= tolerance:
            return arcs, losses, points
        values, vectors = np.linalg.eigh(model.hessian(x))
        while True:
            piece = _descent_step(values, vectors, gradient, longest)
            trial = x + piece.move
            trial_loss, trial_gradient = model.value_and_gradient(trial)
            predicted = gradient @ piece.move
            predicted += 0.5 * float(np.square(vectors.T @ piece.move) @ values)
            error = abs(trial_loss - loss - predicted)
            if trial_loss < loss and error <= _MODEL_ERROR * abs(predicted) or longest < 1e-9 * step:
                break
            if abs(predicted) <= 1e-14 * (1.0 + abs(loss)):
                return arcs, losses, points
            longest *= 0.5
        x = trial
        loss = trial_loss
        gradient = trial_gradient
        arc += piece.length
        arcs.append(arc)
        losses.append(loss)
        points.append(x)
        longest = min(step, 2.0 * longest)
    raise NothingFound(f"the path did not reach a minimum in {_MOST_STEPS} steps; try a longer --step")


def steepest_descent_path(
    model: LossModel, state: TransitionState, mode: np.ndarray, pushoff: float, step: float, tolerance: float
) -> Pathway:
    """Both sides of a transition state; mode: its unstable unit vector (N,), the plus side along it.

    pushoff: displacement from the transition state; step: longest arc of one step; tolerance: rms gradient
    that ends a side. Errors: NothingFound if a side ends nowhere.
    """
    sides = []
    for direction in (mode, -mode):
        start = push_off(model, state, direction, pushoff)
        if start is None:
            raise NothingFound("the loss does not fall beside the transition state; try a longer connect.pushoff")
        first = float(np.linalg.norm(start - state.coordinates))
        sides.append(_side(model, start, first, step, tolerance))
    plus, minus = sides
    arcs = [-arc for arc in reversed(plus[0])] + [0.0] + minus[0]
    losses = list(reversed(plus[1])) + [state.loss] + minus[1]
    points = list(reversed(plus[2])) + [state.coordinates] + minus[2]
    return Pathway(np.array(arcs), np.array(losses), np.array(points))
