"""The gradient flow dx/dt = -g(x), whose path is that of steepest descent, integrated to the basin of a minimum.

The flow is stiff: soft and stiff curvatures are many orders apart. Steps of the linearly implicit Euler rule with the
exact Hessian, (1 + h H) dx = -h g, are extrapolated in h/1, h/2, h/3 to third order (Deuflhard and Nowak, in Large
Scale Scientific Computing, 1987; Hairer and Wanner, Solving Ordinary Differential Equations II, ch. IV.9); the last
difference of the extrapolation estimates the error. A step takes one Hessian, four gradients and three factorisations.
"""

import math

import numpy as np

from llcommon.optimise.factor import factorise, solve_factorised
from llcommon.optimise.vectors import norm, rms
from llcommon.seam import F8, HESSIAN, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_NO_DESCENT = int(Status.NO_DESCENT)

_ORDERS = 3
_MOST_TRIES = 60  # of one step
_ROUNDING = 1e-14
_RESTING_STEPS = 5


@algorithm(types.boolean, MATRIX, F8, MATRIX)
def implicit_factor(curvature, time, factor):
    """The Cholesky factor of 1 + time curvature into `factor`; False if that is not positive definite."""
    n = curvature.shape[0]
    for i in range(n):
        for j in range(n):
            factor[i, j] = time * curvature[i, j]
        factor[i, i] += 1.0
    return factorise(factor)


@algorithm(
    types.Tuple((types.boolean, I8, F8)), KERNEL, *PACKED, MATRIX, VECTOR, VECTOR, F8, MATRIX, MATRIX, VECTOR, VECTOR
)
def extrapolated_step(
    kernel, reals, integers, workspace, curvature, x, gradient, time, factor, table, slope, move
):
    """One step of the flow over `time` from x with its gradient and Hessian, all (N,) or (N, N).

    The last row of `table`, (3, N), receives the point reached. Returns (False if a factorisation failed, gradients
    used, estimate of the error of the point). factor, slope, move: scratch.
    """
    evaluations = 0
    for j in range(_ORDERS):
        part = time / (j + 1)
        if not implicit_factor(curvature, part, factor):
            return False, evaluations, math.inf
        point = table[j]
        point[:] = x
        slope[:] = gradient
        for i in range(j + 1):
            if i > 0:
                kernel(point, slope, reals, integers, workspace)
                evaluations += 1
            for k in range(x.size):
                move[k] = part * slope[k]
            solve_factorised(factor, move)
            for k in range(x.size):
                point[k] -= move[k]
    error = 0.0
    for k in range(x.size):
        second = 2.0 * table[1, k] - table[0, k]
        third = 3.0 * table[2, k] - 2.0 * table[1, k]
        best = third + 0.5 * (third - second)
        error += (best - third) * (best - third)
        table[2, k] = best
    return True, evaluations, math.sqrt(error)


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN, *PACKED, VECTOR, VECTOR, F8, F8, F8, F8, I8, F8,
)  # fmt: skip
def gradient_flow(
    kernel, hessian, reals, integers, workspace, x, gradient, tolerance, accuracy, longest, nearby, limit, radius
):
    """Takes x in place down the path of steepest descent into the basin of a minimum.

    It ends where the Hessian is positive definite and Newton's step to the minimum shorter than `nearby`, or where a
    root mean square gradient below `tolerance` does not grow: beside a saddle that the path leads to. accuracy: error
    of one step; longest: length of one; both coordinate distances. limit: steps. Returns (status, loss, rms gradient,
    gradient evaluations, Hessian evaluations).
    """
    n = x.size
    curvature = np.empty((n, n))
    factor = np.empty((n, n))
    table = np.empty((_ORDERS, n))
    slope = np.empty(n)
    move = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    hessians = 0
    size = rms(gradient)
    before = size
    resting = 0
    time = 0.0
    for _ in range(limit):
        if not (math.isfinite(loss) and math.isfinite(size)):
            return _NOT_FINITE, loss, size, evaluations, hessians
        resting = resting + 1 if size <= tolerance and size <= before else 0
        if resting > _RESTING_STEPS:
            return _CONVERGED, loss, size, evaluations, hessians
        before = size
        hessian(x, curvature, reals, integers, workspace)
        hessians += 1
        factor[:] = curvature
        if factorise(factor):
            move[:] = gradient
            solve_factorised(factor, move)
            if norm(move) <= nearby:
                return _CONVERGED, loss, size, evaluations, hessians
        if time == 0.0:
            largest = 0.0
            for i in range(n):
                largest = max(largest, abs(curvature[i, i]))
            # No further than an error, and not past what the stiffest direction needs.
            time = min(accuracy / max(norm(gradient), 1e-300), 10.0 / max(largest, 1e-6))
        accepted = False
        tries = 0
        while not accepted:
            tries += 1
            if tries > _MOST_TRIES:
                return _NO_DESCENT, loss, size, evaluations, hessians
            solved, used, error = extrapolated_step(
                kernel, reals, integers, workspace, curvature, x, gradient, time, factor, table, slope, move
            )
            evaluations += used
            if not solved or not math.isfinite(error):
                time *= 0.25
                continue
            for k in range(n):
                move[k] = table[2, k] - x[k]
            length = norm(move)
            factor_of_time = min(4.0, max(0.2, 0.9 * (accuracy / max(error, 1e-300)) ** (1.0 / 3.0)))
            if length > longest:
                factor_of_time = min(factor_of_time, 0.8 * longest / length)
            trial_loss = kernel(table[2], trial_gradient, reals, integers, workspace)
            evaluations += 1
            fell = trial_loss - loss <= _ROUNDING * (1.0 + abs(loss))
            accepted = error <= accuracy and length <= longest and fell
            time *= factor_of_time if accepted or factor_of_time < 1.0 else 0.5
        x[:] = table[2]
        gradient[:] = trial_gradient
        loss = trial_loss
        size = rms(gradient)
        if norm(x) > radius:
            return _LEFT_RADIUS, loss, size, evaluations, hessians
    return _STEP_LIMIT, loss, size, evaluations, hessians
