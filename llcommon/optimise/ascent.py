"""The loss around a point: at given displacements, and at its largest on a ball.

The largest loss on the ball |d| <= p around a minimum is the sharpness of Foret, Kleiner, Mobahi and Neyshabur (ICLR
2021) and, on a box, of Keskar et al. (ICLR 2017). It is looked for by projected gradient ascent: d <- P(d + t g), P
onto ball and box. For large t this is d <- p g / |g|, the power method, which never falls on a convex loss (Journee,
Nesterov, Richtarik and Sepulchre, J. Mach. Learn. Res. 11, 517, 2010); t is shortened until it does not fall on any
other. What comes out is a value that the loss takes on the ball, so never above the true maximum.
"""

import math

import numpy as np
from numba import njit

from llcommon.optimise.vectors import copy_into, dot, norm, remove_components
from llcommon.seam import F8, I8, KERNEL, MATRIX, OPTIONS, PACKED, VECTOR, algorithm, types

_CALLED = {key: value for key, value in OPTIONS.items() if key != "nogil"}
_LONGEST = 4.0  # first step, in units of the radius: nearly the power method
_GROWTH = 4.0
_SHORTENING = 0.25
_SHORTEST = 1e-10  # step, in units of the radius, below which nothing rises any more
_MOST_STEP = 1e6


@algorithm(types.void, KERNEL, *PACKED, VECTOR, MATRIX, VECTOR)
def losses_beside(kernel, reals, integers, workspace, x, displacements, losses):
    """losses[k] becomes L(x + displacements[k]). x: (N,); displacements: (k, N); losses: (k,)."""
    gradient = np.empty(x.size)
    point = np.empty(x.size)
    for k in range(losses.size):
        for i in range(x.size):
            point[i] = x[i] + displacements[k, i]
        losses[k] = kernel(point, gradient, reals, integers, workspace)


@njit(types.void(VECTOR, F8, VECTOR, VECTOR, VECTOR), **_CALLED)
def _onto_ball(move, radius, x, lower, upper):
    """Shortens `move`, (N,), in place to the radius, and to what keeps x + move in the box, which x is in."""
    length = norm(move)
    if length > radius:
        for i in range(move.size):
            move[i] *= radius / length
    for i in range(move.size):
        if x[i] + move[i] > upper[i]:
            move[i] = upper[i] - x[i]
        elif x[i] + move[i] < lower[i]:
            move[i] = lower[i] - x[i]


@njit(F8(KERNEL, *PACKED, VECTOR, VECTOR, VECTOR, VECTOR), **_CALLED)
def _loss_at(kernel, reals, integers, workspace, x, move, point, gradient):
    """L(x + move), its gradient in `gradient`; inf where it is not finite. point: scratch."""
    for i in range(x.size):
        point[i] = x[i] + move[i]
    loss = kernel(point, gradient, reals, integers, workspace)
    return loss if math.isfinite(loss) else math.inf


@algorithm(types.Tuple((F8, I8)), KERNEL, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, F8, VECTOR, I8, F8)
def ascend(kernel, reals, integers, workspace, frozen, lower, upper, x, radius, move, most, tolerance):
    """Takes `move`, (N,), in place uphill to a local maximum of L(x + move) on the ball of `radius` and in the box.

    frozen: orthonormal rows that `move` is kept off; lower, upper, x: (N,), x in the box; most: steps. It ends where
    a step gains less than `tolerance` of what all did. Returns (loss there, inf where it is not finite; evaluations).
    """
    n = x.size
    point = np.empty(n)
    gradient = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    for i in range(n):
        trial[i] = 0.0
    start = _loss_at(kernel, reals, integers, workspace, x, trial, point, gradient)
    remove_components(frozen, move)
    _onto_ball(move, radius, x, lower, upper)
    loss = _loss_at(kernel, reals, integers, workspace, x, move, point, gradient)
    evaluations = 2
    length = _LONGEST
    for _ in range(most):
        if not math.isfinite(loss):
            break
        remove_components(frozen, gradient)
        size = math.sqrt(dot(gradient, gradient))
        if not (size > 0.0 and math.isfinite(size)):
            break
        risen = False
        trial_loss = loss
        while not risen and length > _SHORTEST:
            for i in range(n):
                trial[i] = move[i] + length * radius / size * gradient[i]
            _onto_ball(trial, radius, x, lower, upper)
            trial_loss = _loss_at(kernel, reals, integers, workspace, x, trial, point, trial_gradient)
            evaluations += 1
            risen = trial_loss > loss
            if not risen:
                length *= _SHORTENING
        if not risen:
            break
        gain = trial_loss - loss
        copy_into(trial, move)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        length = min(length * _GROWTH, _MOST_STEP)
        if gain <= tolerance * abs(loss - start):
            break
    return loss, evaluations
