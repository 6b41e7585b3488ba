"""L-BFGS quench (Liu and Nocedal, Math. Program. 45, 503, 1989) with the steps of `steps.take_step`."""

import math

import numpy as np

from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.steps import FIRST_SCALE, LEAST_CURVATURE, MOST_STRETCH, STRETCH, take_step
from llcommon.optimise.vectors import copy_into, dot, rms
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, I8, F8, I8, F8)
def lbfgs(kernel, reals, integers, workspace, x, gradient, tolerance, memory, maximum_step, iterations, radius):
    """Quenches x in place until |g|/sqrt(N) <= tolerance; gradient receives the last gradient.

    Returns (status, loss, rms gradient, evaluations). `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    steps = np.empty((memory, n))
    changes = np.empty((memory, n))
    curvature = np.empty(memory)
    weight = np.empty(memory)
    direction = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    stored = 0
    head = 0
    scale = FIRST_SCALE
    stretch = 1.0  # of the next step, after steps along negative curvature, which teach no length
    size = rms(gradient)
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        copy_into(gradient, direction)
        first = scale * min(1.0, 1.0 / math.sqrt(dot(gradient, gradient))) if stored == 0 else scale
        apply_inverse(steps, changes, curvature, weight, stored, head, first, direction)
        direction *= stretch
        accepted, trial_loss, used = take_step(
            kernel, reals, integers, workspace, x, gradient, direction, loss, maximum_step, trial, trial_gradient
        )
        evaluations += used
        if not accepted:
            if stored == 0:
                return _NO_DESCENT, loss, size, evaluations
            stored = 0
            head = 0
            stretch = 1.0
            continue
        steps[head] = trial
        steps[head] -= x
        changes[head] = trial_gradient
        changes[head] -= gradient
        product = dot(steps[head], changes[head])
        square = dot(changes[head], changes[head])
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = rms(gradient)
        if not math.isfinite(size):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
        # Without positive curvature along the step the update would spoil the model: skip it.
        if product > LEAST_CURVATURE * square and square > 0.0:
            scale = product / square
            curvature[head] = 1.0 / product
            head = (head + 1) % memory
            stored = min(stored + 1, memory)
            stretch = 1.0
        else:
            # Beside a saddle, along negative curvature, there is no length to learn: lengthen the stride.
            stretch = min(stretch * STRETCH, MOST_STRETCH)
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
