"""BFGS quench with the full inverse Hessian, for small models (Nocedal and Wright, Numerical Optimization, ch. 6).

A step costs one sweep through an N x N matrix: the rank-two update of the last step is applied while the
product with the new change of the gradient is formed, and the product with the gradient follows from its
predecessor. Before an update the inverse is scaled by tau = s.y / (y.H y) (Oren and Luenberger, Manage. Sci. 20,
845, 1974) where that is above one: a quench meets the soft directions last, and without the scaling it takes twice
the steps to learn their length. Steps are those of `steps.take_step`.
"""

import math

import numpy as np
from numba import njit

from llcommon.optimise.steps import FIRST_SCALE, LEAST_CURVATURE, MOST_STRETCH, STRETCH, take_step
from llcommon.optimise.vectors import copy_into, dot, rms
from llcommon.seam import F8, I8, KERNEL, MATRIX, PACKED, SUMMING, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

# Steps after which the product with the gradient is formed anew, so that rounding does not pile up.
_REFRESH = 50


@njit(types.void(MATRIX, F8, VECTOR, VECTOR, F8, F8, VECTOR, VECTOR), **SUMMING)
def update_and_multiply(inverse, tau, step, product, along, across, change, out):
    """inverse = tau inverse + along step step^T - across (product step^T + step product^T); out = inverse change.

    product is that with the scaled inverse.
    """
    n = step.size
    for i in range(n):
        row = inverse[i]
        from_step = along * step[i] - across * product[i]
        from_product = -across * step[i]
        total = 0.0
        for j in range(n):
            entry = tau * row[j] + from_step * step[j] + from_product * product[j]
            row[j] = entry
            total += entry * change[j]
        out[i] = total


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, I8, F8)
def bfgs(kernel, reals, integers, workspace, x, gradient, tolerance, maximum_step, iterations, radius):
    """Quenches x in place until |g|/sqrt(N) <= tolerance; gradient receives the last gradient.

    Returns (status, loss, rms gradient, evaluations). `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    inverse = np.zeros((n, n))
    step = np.zeros(n)
    product = np.zeros(n)
    last_product = np.empty(n)
    change = np.empty(n)
    image = np.empty(n)  # inverse times the gradient: the Newton-like step
    direction = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    tau = 1.0
    along = 0.0
    across = 0.0
    age = 0  # updates since the inverse was a multiple of the identity
    scale = FIRST_SCALE
    stretch = 1.0  # of the next step, after steps along negative curvature, which teach no length
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    size = rms(gradient)
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        if age == 0:
            copy_into(gradient, image)
            image *= scale * min(1.0, 1.0 / math.sqrt(dot(gradient, gradient)))
        for i in range(n):
            direction[i] = stretch * image[i]
        accepted, trial_loss, used = take_step(
            kernel, reals, integers, workspace, x, gradient, direction, loss, maximum_step, trial, trial_gradient
        )
        evaluations += used
        if not accepted:
            if age == 0:
                return _NO_DESCENT, loss, size, evaluations
            age = 0
            stretch = 1.0
            continue
        for i in range(n):
            change[i] = trial_gradient[i] - gradient[i]
        curvature = -dot(direction, change)
        square = dot(change, change)
        useful = curvature > LEAST_CURVATURE * square and square > 0.0
        if age == 0:
            if useful:
                scale = curvature / square
                inverse[:] = 0.0
                for i in range(n):
                    inverse[i, i] = scale
                    product[i] = scale * change[i]
                    image[i] = scale * gradient[i]
        else:
            # `step` and `product` still hold the last update: it is applied on the way.
            copy_into(product, last_product)
            update_and_multiply(inverse, tau, step, last_product, along, across, change, product)
        # Beside a saddle, along negative curvature, there is no length to learn: lengthen the stride.
        stretch = 1.0 if useful else min(stretch * STRETCH, MOST_STRETCH)
        tau = 1.0
        along = 0.0
        across = 0.0
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = rms(gradient)
        if not math.isfinite(size):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
        if age > 0 or useful:
            image += product
        if useful:
            age += 1
            for i in range(n):
                step[i] = -direction[i]
            tau = max(1.0, curvature / dot(change, product))
            product *= tau
            image *= tau
            along = (curvature + dot(change, product)) / (curvature * curvature)
            across = 1.0 / curvature
            on_step = dot(step, gradient)
            on_product = dot(product, gradient)
            for i in range(n):
                image[i] += (along * on_step - across * on_product) * step[i] - across * on_step * product[i]
            if age % _REFRESH == 0:
                update_and_multiply(inverse, tau, step, product, along, across, gradient, image)
                tau = 1.0
                along = 0.0
                across = 0.0
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
