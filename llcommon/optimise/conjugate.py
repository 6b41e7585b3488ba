"""Nonlinear conjugate gradients (Hager and Zhang, SIAM J. Optim. 16, 170, 2005) with a line search on the slope.

The line search ends where the slope along the direction has shrunk to a tenth and the loss has fallen enough, or,
where the loss only shows rounding, where the slopes say so (their approximate Wolfe conditions, eq. 2.7 and 2.8).
"""

import math

import numpy as np

from llcommon.optimise.steps import FIRST_SCALE
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, rms
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

_ROUNDING = 1e-14
_MOST_TRIALS = 25
_ENOUGH_FALL = 0.1
_ENOUGH_FLATTENING = 0.1
_LEAST_MIXING = 0.01
_GROWTH = 4.0


@algorithm(
    types.Tuple((types.boolean, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, F8, F8, VECTOR, VECTOR
)
def line_search(
    kernel, reals, integers, workspace, x, direction, loss, slope, first, longest, trial, trial_gradient
):
    """Searches x + t direction, 0 < t <= longest, slope < 0 at t = 0, from t = first; trial receives the point.

    Returns (accepted, loss there, t, evaluations). A step of the longest length is accepted on falling loss alone.
    """
    floor = _ROUNDING * (1.0 + abs(loss))
    low = 0.0
    low_slope = slope
    high = math.inf
    high_slope = 0.0
    length = min(first, longest)
    trial_loss = loss
    for number in range(1, _MOST_TRIALS + 1):
        copy_into(x, trial)
        add_scaled(length, direction, trial)
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        trial_slope = dot(trial_gradient, direction)
        finite = math.isfinite(trial_loss) and math.isfinite(trial_slope)
        falls = trial_loss <= loss + _ENOUGH_FALL * length * slope
        hidden = trial_loss <= loss + floor and trial_slope <= (2.0 * _ENOUGH_FALL - 1.0) * slope
        enough = finite and (falls or hidden)
        if enough and (abs(trial_slope) <= -_ENOUGH_FLATTENING * slope or (trial_slope < 0.0 and length == longest)):
            return True, trial_loss, length, number
        if enough and trial_slope < 0.0:
            # Still falling: this far at least.
            step = length - low
            stretch = _GROWTH
            if trial_slope > low_slope:
                stretch = min(_GROWTH, max(0.1, -trial_slope / (trial_slope - low_slope)))
            low = length
            low_slope = trial_slope
            if high == math.inf:
                length = min(longest, length + stretch * step)
                continue
        else:
            high = length
            high_slope = trial_slope if finite and trial_slope > 0.0 else math.inf
        share = 0.5
        if high_slope != math.inf:
            # The secant through both slopes, kept off the ends.
            share = min(0.9, max(0.1, low_slope / (low_slope - high_slope)))
        elif not finite:
            share = 0.1
        length = low + share * (high - low)
    return trial_loss < loss, trial_loss, length, _MOST_TRIALS


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, I8, F8)
def conjugate_gradient(kernel, reals, integers, workspace, x, gradient, tolerance, maximum_step, iterations, radius):
    """Quenches x in place until |g|/sqrt(N) <= tolerance; gradient receives the last gradient.

    Returns (status, loss, rms gradient, evaluations). `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    direction = np.empty(n)
    change = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    size = rms(gradient)
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    fresh = True
    first = 0.0
    slope = 0.0
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        if fresh:
            copy_into(gradient, direction)
            direction *= -1.0
            slope = -dot(gradient, gradient)
            if first == 0.0:
                first = FIRST_SCALE * min(1.0, 1.0 / norm(gradient))
        accepted, trial_loss, length, used = line_search(
            kernel, reals, integers, workspace, x, direction, loss, slope, first, maximum_step / norm(direction),
            trial, trial_gradient,
        )  # fmt: skip
        evaluations += used
        if not accepted:
            if fresh:
                return _NO_DESCENT, loss, size, evaluations
            fresh = True
            first = 0.0
            continue
        copy_into(trial_gradient, change)
        change -= gradient
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = rms(gradient)
        if not math.isfinite(size):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
        bend = dot(direction, change)
        before = dot(direction, direction)
        mixing = 0.0
        if bend > 0.0:
            mixing = dot(change, gradient) - 2.0 * dot(change, change) * dot(direction, gradient) / bend
            mixing = max(mixing / bend, -1.0 / (math.sqrt(before) * min(_LEAST_MIXING, norm(gradient))))
        direction *= mixing
        add_scaled(-1.0, gradient, direction)
        last_slope = slope
        slope = dot(direction, gradient)
        fresh = not slope < 0.0
        if fresh:
            slope = -dot(gradient, gradient)
        # The fall along the next direction is about that along the last.
        first = length * min(_GROWTH, last_slope / slope) if slope < 0.0 else 0.0
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
