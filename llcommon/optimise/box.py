"""Coordinates that a search must not move: held by a bound of the model's box, or along a zero mode.

In a box a stationary point is one of the free coordinates alone: each other coordinate sits on a bound and the
negative gradient presses it there (Karush-Kuhn-Tucker). The number of negative curvatures, LPPHE and modes are those
of the Hessian of the free coordinates. Searches take a set of frozen directions, orthonormal rows: the unit vectors
of held coordinates, or the declared zero modes.
"""

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.vectors import add_scaled, dot, symmetric_times
from llcommon.seam import F8, I8, MATRIX, VECTOR, algorithm, types


def box(model: LossModel) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds, each (N,); infinite where there is none."""
    bounds = model.bounds()
    if bounds is None:
        return np.full(model.dimension, -np.inf), np.full(model.dimension, np.inf)
    lower, upper = bounds
    return np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)


def active_set(model: LossModel, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Which bounds hold x, shape (N,) int8: -1 a lower, 1 an upper one, 0 a free coordinate.

    A coordinate is held if it lies on the bound and the loss falls, by `gradient` (N,), only beyond it.
    """
    lower, upper = box(model)
    held = np.zeros(model.dimension, dtype=np.int8)
    held[(x <= lower) & (gradient > 0.0)] = -1
    held[(x >= upper) & (gradient < 0.0)] = 1
    return held


def frozen_directions(model: LossModel, x: np.ndarray, active: np.ndarray | None) -> np.ndarray:
    """Orthonormal rows, shape (number, N), that a search from x, (N,), leaves out: zero modes and held coordinates.

    active: (N,) as of `active_set`, or None. A zero mode that a held coordinate takes part in is none any more.
    """
    modes = model.zero_modes(x)
    if active is None or not active.any():
        return modes
    held = np.flatnonzero(active)
    if len(modes):
        modes = modes[np.abs(modes[:, held]).max(axis=1) == 0.0]
    return np.vstack([modes, np.eye(model.dimension)[held]])


@algorithm(types.void, MATRIX, MATRIX, F8, VECTOR)
def restrict(frozen, matrix, strength, scratch):
    """matrix becomes P matrix P + strength (1 - P), P the projector off the orthonormal rows of `frozen`.

    matrix: symmetric, (N, N), in place; scratch: (N,).
    """
    for k in range(frozen.shape[0]):
        mode = frozen[k]
        symmetric_times(matrix, mode, scratch)
        along = dot(mode, scratch)
        for i in range(mode.size):
            scratch[i] -= 0.5 * (along + strength) * mode[i]
        for i in range(mode.size):
            add_scaled(-mode[i], scratch, matrix[i])
            add_scaled(-scratch[i], mode, matrix[i])


@algorithm(types.Tuple((F8, I8)), VECTOR, VECTOR, VECTOR, VECTOR)
def room(x, move, lower, upper):
    """Largest share t <= 1 of `move` that keeps x + t move in the box, and the coordinate that stops it, or -1."""
    share = 1.0
    stopping = -1
    for i in range(x.size):
        limit = share
        if x[i] + move[i] > upper[i]:
            limit = (upper[i] - x[i]) / move[i]
        elif x[i] + move[i] < lower[i]:
            limit = (lower[i] - x[i]) / move[i]
        if limit < share:
            share = max(limit, 0.0)
            stopping = i
    return share, stopping


@algorithm(types.void, VECTOR, VECTOR, VECTOR, I8)
def clip(x, lower, upper, stopping):
    """Puts x into the box in place, and coordinate `stopping` of `room`, unless -1, on its nearer bound exactly."""
    for i in range(x.size):
        if x[i] > upper[i]:
            x[i] = upper[i]
        elif x[i] < lower[i]:
            x[i] = lower[i]
    if stopping >= 0:
        i = stopping
        x[i] = upper[i] if upper[i] - x[i] < x[i] - lower[i] else lower[i]
