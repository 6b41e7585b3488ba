"""FIRE: damped dynamics that stop when they go uphill (Bitzek et al., Phys. Rev. Lett. 97, 170201, 2006).

Unit masses and the paper's parameters; semi-implicit Euler steps, each no longer than the cap. At a step uphill the
velocity is forgotten, and the half step back of Guenole et al. (Comput. Mater. Sci. 175, 109584, 2020) is taken.
"""

import math

import numpy as np

from llcommon.optimise.vectors import add_scaled, dot, norm, rms
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

_PATIENCE = 5  # steps downhill before the time step grows
_GROWTH = 1.1
_SHRINKAGE = 0.5
_FIRST_STEERING = 0.1
_LESS_STEERING = 0.99
_LONGEST_TIME = 10.0  # in units of the first time step


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, F8, F8, F8, I8, F8)
def fire(kernel, reals, integers, workspace, x, gradient, tolerance, time_step, maximum_step, iterations, radius):
    """Quenches x in place until |g|/sqrt(N) <= tolerance; gradient receives the last gradient.

    time_step: the first one; the longest is ten times that. Returns (status, loss, rms gradient, evaluations).
    `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    velocity = np.zeros(n)
    time = time_step
    steering = _FIRST_STEERING
    downhill = 0
    loss = kernel(x, gradient, reals, integers, workspace)
    size = rms(gradient)
    evaluations = 1
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        if dot(velocity, gradient) <= 0.0:
            downhill += 1
            if downhill > _PATIENCE:
                time = min(_GROWTH * time, _LONGEST_TIME * time_step)
                steering *= _LESS_STEERING
        else:
            add_scaled(-0.5 * time, velocity, x)
            velocity[:] = 0.0
            downhill = 0
            time *= _SHRINKAGE
            steering = _FIRST_STEERING
        add_scaled(-time, gradient, velocity)
        speed = norm(velocity)
        velocity *= 1.0 - steering
        add_scaled(-steering * speed / norm(gradient), gradient, velocity)
        length = time * norm(velocity)
        if length > maximum_step:
            velocity *= maximum_step / length
        add_scaled(time, velocity, x)
        loss = kernel(x, gradient, reals, integers, workspace)
        evaluations += 1
        size = rms(gradient)
        if not (math.isfinite(loss) and math.isfinite(size)):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
