"""Steepest descent, followed step by step to a minimum.

Steps are those of Page and McIver (J. Chem. Phys. 88, 922, 1988): on the local quadratic model of the loss the
steepest-descent curve is known in closed form, x(t) = x_0 - sum_i (1 - exp(-l_i t)) / l_i (v_i.g) v_i, so the step is
as long as the model is good, stiff valleys included, where an explicit integrator would crawl. The eigenpairs (l, v)
are those of the Hessian or, for a large model, Ritz pairs in the Krylov space of the gradient, where the curve starts.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.curvature import is_large
from llcommon.optimise.lanczos import extend_basis
from llcommon.settings import CurvatureSettings
from llcommon.status import Status

_MOST_STEPS = 5000
_MODEL_ERROR = 0.02  # of the quadratic model over one step, as a share of the change it predicts
_TIMES = 512  # points of the arc-length integral of one step
_KRYLOV_STEPS = 40


@dataclass(frozen=True)
class Descent:
    """A path downhill. arcs: (k,), from `first_arc` on; losses: (k,); points: (k, N); evaluations: gradients."""

    arcs: list[float]
    losses: list[float]
    points: list[np.ndarray]
    status: Status
    evaluations: int


@dataclass(frozen=True)
class _Step:
    move: np.ndarray
    length: float


def _eigenpairs(model: LossModel, x: np.ndarray, gradient: np.ndarray, dense: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ascending eigenvalues (k,) and eigenvectors (N, k) that the curve through x, (N,), depends on."""
    if dense:
        return np.linalg.eigh(model.hessian(x))
    most = min(_KRYLOV_STEPS, model.dimension - 1)
    basis = np.zeros((most + 1, model.dimension))
    basis[0] = gradient / np.linalg.norm(gradient)
    projected = np.zeros((most + 1, most + 1))
    nothing = np.empty((0, model.dimension))
    start = np.ascontiguousarray(x, dtype=np.float64)
    size, _ = extend_basis(
        model.hessian_vector_kernel, *model.packed, nothing, start, basis, projected, 0, most, 0.0
    )
    values, weights = np.linalg.eigh(projected[:size, :size])
    return values, basis[:size].T @ weights


def _descent_step(values: np.ndarray, vectors: np.ndarray, gradient: np.ndarray, longest: float) -> _Step:
    """The piece of the quadratic model's descent curve of arc length `longest`, or all that is left of it."""
    slopes = vectors.T @ gradient
    if values[0] > 0.0:
        newton = -(vectors @ (slopes / values))
        length = float(np.linalg.norm(newton))
        if length <= 0.1 * longest:
            return _Step(newton, length)
    # Geometric times: the curve runs fast along stiff modes first, then slowly along soft ones.
    scale = np.abs(values).max()
    latest = 40.0 / max(np.abs(values).min(), 1e-12 * scale)
    times = np.concatenate([[0.0], np.geomspace(1e-4 / scale, latest, _TIMES)])
    exponents = np.clip(np.outer(times, -values), None, 200.0)
    speeds = np.sqrt(np.square(slopes * np.exp(exponents)).sum(axis=1))
    arcs = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(times) * (speeds[1:] + speeds[:-1]))])
    time = float(np.interp(longest, arcs, times))
    safe = np.where(values == 0.0, 1.0, values)
    growth = np.where(values == 0.0, time, -np.expm1(np.clip(-values * time, None, 200.0)) / safe)
    move = -(vectors @ (growth * slopes))
    return _Step(move, float(min(longest, arcs[-1])))


def descend(
    model: LossModel,
    start: np.ndarray,
    step: float,
    tolerance: float,
    settings: CurvatureSettings,
    first_arc: float = 0.0,
) -> Descent:
    """The path of steepest descent from start, shape (N,), to a root mean square gradient of `tolerance`.

    step: longest arc of one step, coordinate distance; settings: [curvature]. Status CONVERGED, also at the rounding
    floor of the loss, NOT_FINITE or STEP_LIMIT.
    """
    dense = not is_large(model, settings)
    x = np.array(start, dtype=np.float64)
    arc = first_arc
    loss, gradient = model.value_and_gradient(x)
    evaluations = 1
    arcs, losses, points = [arc], [loss], [x]
    longest = step
    for _ in range(_MOST_STEPS):
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            return Descent(arcs, losses, points, Status.NOT_FINITE, evaluations)
        if not gradient.any():
            return Descent(arcs, losses, points, Status.CONVERGED, evaluations)
        values, vectors = _eigenpairs(model, x, gradient, dense)
        # Beside the transition state the gradient is as small as it is beside a minimum.
        if values[0] > 0.0 and math.sqrt(gradient @ gradient / x.size) <= tolerance:
            return Descent(arcs, losses, points, Status.CONVERGED, evaluations)
        while True:
            piece = _descent_step(values, vectors, gradient, longest)
            trial = x + piece.move
            trial_loss, trial_gradient = model.value_and_gradient(trial)
            evaluations += 1
            predicted = gradient @ piece.move
            predicted += 0.5 * float(np.square(vectors.T @ piece.move) @ values)
            error = abs(trial_loss - loss - predicted)
            if trial_loss < loss and error <= _MODEL_ERROR * abs(predicted) or longest < 1e-9 * step:
                break
            if abs(predicted) <= 1e-14 * (1.0 + abs(loss)):
                return Descent(arcs, losses, points, Status.CONVERGED, evaluations)
            longest *= 0.5
        x = trial
        loss = trial_loss
        gradient = trial_gradient
        arc += piece.length
        arcs.append(arc)
        losses.append(loss)
        points.append(x)
        longest = min(step, 2.0 * longest)
    return Descent(arcs, losses, points, Status.STEP_LIMIT, evaluations)
