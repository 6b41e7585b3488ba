"""Gradient descent with momentum (Polyak, USSR Comput. Math. Math. Phys. 4, 1, 1964), for comparison.

What is trained by stochastic gradients elsewhere uses the whole data here: a landscape is that of one loss, and a
mini-batch has another. A step that would raise the loss is not taken: the velocity is forgotten first (the restart
of O'Donoghue and Candes, Found. Comput. Math. 15, 715, 2015) and, without one, the learning rate halved, so that any
learning rate ends.
"""

import math

import numpy as np

from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, rms
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

_ROUNDING = 1e-14
_MOST_HALVINGS = 60


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, F8, F8, I8, F8)
def sgd(
    kernel, reals, integers, workspace, x, gradient, tolerance, learning_rate, momentum, maximum_step, iterations,
    radius,
):  # fmt: skip
    """Quenches x in place until |g|/sqrt(N) <= tolerance; gradient receives the last gradient.

    momentum: share of the last step that is kept. Returns (status, loss, rms gradient, evaluations). `radius`: |x|
    beyond which the quench has run away.
    """
    n = x.size
    step = np.zeros(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    rate = learning_rate
    fresh = True
    halvings = 0
    loss = kernel(x, gradient, reals, integers, workspace)
    size = rms(gradient)
    evaluations = 1
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        step *= momentum
        add_scaled(-rate, gradient, step)
        length = norm(step)
        if length > maximum_step:
            step *= maximum_step / length
        copy_into(x, trial)
        trial += step
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        evaluations += 1
        if not trial_loss <= loss + _ROUNDING * (1.0 + abs(loss)):
            step[:] = 0.0
            if fresh:
                rate *= 0.5
                halvings += 1
                if halvings == _MOST_HALVINGS:
                    return _NO_DESCENT, loss, size, evaluations
            fresh = True
            continue
        fresh = False
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = rms(gradient)
        if not math.isfinite(size):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
