"""Adam (Kingma and Ba, ICLR 2015, algorithm 1) on the whole data, for comparison.

A fixed learning rate circles the minimum at about its own distance. So the rate is halved, and the search goes back
to the lowest point with its moments forgotten, whenever that point has not been undercut for a while.
"""

import math

import numpy as np

from llcommon.optimise.vectors import copy_into, dot, norm, rms
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

_SQUARES_KEPT = 0.999
_LEAST_SCALE = 1e-8
_PATIENCE = 100  # steps without a lower loss
_MOST_HALVINGS = 40


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, F8, F8, I8, F8)
def adam(
    kernel, reals, integers, workspace, x, gradient, tolerance, learning_rate, momentum, maximum_step, iterations,
    radius,
):  # fmt: skip
    """Quenches x in place until |g|/sqrt(N) <= tolerance; x ends at, and gradient is that of, the lowest point.

    momentum: decay of the mean gradient per step (beta_1). Returns (status, loss, rms gradient, evaluations).
    `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    mean = np.zeros(n)
    square = np.zeros(n)
    step = np.empty(n)
    trial = x.copy()
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    copy_into(gradient, trial_gradient)
    size = rms(gradient)
    evaluations = 1
    rate = learning_rate
    mean_left = 1.0
    square_left = 1.0
    waiting = 0
    halvings = 0
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        mean_left *= momentum
        square_left *= _SQUARES_KEPT
        for i in range(n):
            mean[i] += (1.0 - momentum) * (trial_gradient[i] - mean[i])
            square[i] += (1.0 - _SQUARES_KEPT) * (trial_gradient[i] * trial_gradient[i] - square[i])
            spread = math.sqrt(square[i] / (1.0 - square_left))
            step[i] = rate * mean[i] / (1.0 - mean_left) / (spread + _LEAST_SCALE)
        length = norm(step)
        if length > maximum_step:
            step *= maximum_step / length
        trial -= step
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        evaluations += 1
        if trial_loss < loss and math.isfinite(dot(trial_gradient, trial_gradient)):
            waiting = 0
            copy_into(trial, x)
            copy_into(trial_gradient, gradient)
            loss = trial_loss
            size = rms(gradient)
            if dot(x, x) > radius * radius:
                return _LEFT_RADIUS, loss, size, evaluations
            continue
        waiting += 1
        if waiting == _PATIENCE or not math.isfinite(trial_loss):
            waiting = 0
            rate *= 0.5
            halvings += 1
            if halvings == _MOST_HALVINGS:
                return _NO_DESCENT, loss, size, evaluations
            mean[:] = 0.0
            square[:] = 0.0
            mean_left = 1.0
            square_left = 1.0
            copy_into(x, trial)
            copy_into(gradient, trial_gradient)
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
