"""The gradient flow dx/dt = -g(x), whose path is that of steepest descent, integrated to the basin of a minimum.

The flow is stiff: soft and stiff curvatures are many orders apart. Steps are those of RODAS, a Rosenbrock method of
order four in six stages with the exact Hessian, L-stable and stiffly accurate: the last stage is the difference to an
embedded solution of order three and estimates the error (Hairer and Wanner, Solving Ordinary Differential Equations II,
ch. IV.7 and VI.4). A step takes one Hessian, one factorisation and six gradients. Steps of implicit Euler extrapolated
to third order, with three factorisations each, took twice the time for the same sides.

In a box the flow is the projected one: a coordinate that comes to its bound stays there as long as the loss falls
beyond it. Each run of the flow has one set of such coordinates and ends where the set changes; `box.active_set` gives
the next.
"""

import math

import numpy as np

from llcommon.optimise.box import clip, room
from llcommon.optimise.factor import factorise, solve_factorised
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components, rms, symmetric_times
from llcommon.seam import F8, HESSIAN, I8, INTEGERS, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_NO_DESCENT = int(Status.NO_DESCENT)
_HIT_BOUND = int(Status.HIT_BOUND)

_MOST_TRIES = 60  # of one step
_ROUNDING = 1e-14
_RESTING_STEPS = 5
_FIRST_LENGTH = 0.03  # of the first step were it straight, coordinate distance
_SMALLEST_GRADIENT = 1e-12  # smaller ones tell no time
_ARRIVAL = 0.9  # share of a step that leads to a bound; one that crosses it earlier is shortened
_BEYOND = 1.05

# Coefficients of RODAS in the form that needs no product with the Hessian: with u_j the stages and h the time step,
# (1 / (h _GAMMA) + H) u_i = -g(x + sum_j _PLACES[i, j] u_j) + sum_j _COUPLINGS[i, j] u_j / h. The last place plus the
# last stage is the new point.
_STAGES = 6
_GAMMA = 0.25
_LAST = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950)
_PLACES = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1.544, 0.0, 0.0, 0.0, 0.0],
        [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
        [*_LAST, 0.0],
        [*_LAST, 1.0],
    ]
)
_COUPLINGS = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [-5.6688, 0.0, 0.0, 0.0, 0.0],
        [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
        [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
    ]
)


@algorithm(types.boolean, MATRIX, F8, MATRIX)
def shifted_factor(curvature, shift, factor):
    """The upper Cholesky factor of curvature + shift into `factor`; False if that is not positive definite."""
    n = curvature.shape[0]
    for i in range(n):
        for j in range(i, n):
            factor[i, j] = curvature[i, j]
        factor[i, i] += shift
    return factorise(factor)


@algorithm(types.void, VECTOR, INTEGERS)
def keep_free(gradient, held):
    """Sets the components of held coordinates to zero in place; held: (N,), not 0 for those."""
    for k in range(held.size):
        if held[k] != 0:
            gradient[k] = 0.0


@algorithm(types.void, MATRIX, INTEGERS)
def decouple(curvature, held):
    """Puts rows and columns of held coordinates of the Hessian in place by those of the unit matrix."""
    for k in range(held.size):
        if held[k] != 0:
            curvature[k, :] = 0.0
            curvature[:, k] = 0.0
            curvature[k, k] = 1.0


@algorithm(types.boolean, VECTOR, INTEGERS)
def let_go(gradient, held):
    """Whether the loss falls off the bound of a coordinate held by its lower (-1) or upper (1) one."""
    for k in range(held.size):
        if held[k] * gradient[k] > 0.0:
            return True
    return False


@algorithm(
    types.Tuple((types.boolean, I8, F8)), KERNEL, *PACKED, INTEGERS, MATRIX, VECTOR, VECTOR, F8, MATRIX, MATRIX, VECTOR,
    VECTOR,
)  # fmt: skip
def rosenbrock_step(kernel, reals, integers, workspace, held, curvature, x, gradient, time, factor, stages, slope, end):
    """One step of the flow over `time` from x with its gradient and Hessian, all (N,) or (N, N), to `end`, (N,).

    Returns (False if the factorisation failed, gradients used, estimate of the error of the point). held: coordinates
    that stay, with a gradient of zero and decoupled; stages: (6, N); factor, slope: scratch.
    """
    if not shifted_factor(curvature, 1.0 / (_GAMMA * time), factor):
        return False, 0, math.inf
    copy_into(gradient, slope)
    for i in range(_STAGES):
        if i > 0:
            copy_into(x, end)
            for j in range(i):
                add_scaled(_PLACES[i, j], stages[j], end)
            kernel(end, slope, reals, integers, workspace)
            keep_free(slope, held)
        stage = stages[i]
        for k in range(x.size):
            stage[k] = -slope[k]
        for j in range(i):
            add_scaled(_COUPLINGS[i, j] / time, stages[j], stage)
        solve_factorised(factor, stage)
    last = stages[_STAGES - 1]
    add_scaled(1.0, last, end)
    return True, _STAGES - 1, norm(last)


@algorithm(types.boolean, MATRIX, VECTOR, VECTOR, F8, MATRIX, VECTOR)
def near_minimum(curvature, gradient, move, nearby, factor, scratch):
    """Whether the Hessian is positive definite and Newton's step, H^-1 gradient, no longer than `nearby`.

    move: the last step, (N,), or zero. By Schwarz's inequality |H^-1 g| >= |g . move| / |H move|, which tells most
    points that are not near without a factorisation. scratch: (N,).
    """
    symmetric_times(curvature, move, scratch)
    bend = dot(move, scratch)
    if bend < 0.0 or abs(dot(gradient, move)) > nearby * norm(scratch):
        return False
    if not shifted_factor(curvature, 0.0, factor):
        return False
    copy_into(gradient, scratch)
    solve_factorised(factor, scratch)
    return norm(scratch) <= nearby


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN, *PACKED, MATRIX, VECTOR, VECTOR, INTEGERS, VECTOR, VECTOR, F8, F8, F8, F8, I8, F8,
)  # fmt: skip
def gradient_flow(
    kernel, hessian, reals, integers, workspace, frozen, lower, upper, held, x, gradient, tolerance, accuracy, longest,
    nearby, limit, radius,
):
    """Takes x in place down the path of steepest descent into the basin of a minimum.

    It ends where the Hessian is positive definite and Newton's step to the minimum shorter than `nearby`, or where a
    root mean square gradient below `tolerance` does not grow: beside a saddle that the path leads to. frozen:
    orthonormal directions, rows, along which the exact path does not move, but rounding might. lower, upper: the box,
    (N,), which holds x; held: (N,), -1 or 1 for coordinates that their lower or upper bound holds, else 0; the path
    ends with HIT_BOUND where a free one comes to its bound, which it is then on, or a held one would leave. accuracy:
    error of one step; longest: length of one; both coordinate distances. limit: steps. Returns (status, loss, rms
    gradient of the free coordinates, gradient evaluations, Hessian evaluations).
    """
    n = x.size
    curvature = np.empty((n, n))
    factor = np.empty((n, n))
    stages = np.empty((_STAGES, n))
    slope = np.empty(n)
    end = np.empty(n)
    end_gradient = np.empty(n)
    move = np.zeros(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    keep_free(gradient, held)
    remove_components(frozen, gradient)
    evaluations = 1
    hessians = 0
    size = rms(gradient)
    before = size
    resting = 0
    time = _FIRST_LENGTH / max(norm(gradient), _SMALLEST_GRADIENT)
    for _ in range(limit):
        if not (math.isfinite(loss) and math.isfinite(size)):
            return _NOT_FINITE, loss, size, evaluations, hessians
        resting = resting + 1 if size <= tolerance and size <= before else 0
        if resting > _RESTING_STEPS:
            return _CONVERGED, loss, size, evaluations, hessians
        before = size
        hessian(x, curvature, reals, integers, workspace)
        decouple(curvature, held)
        hessians += 1
        if near_minimum(curvature, gradient, move, nearby, factor, slope):
            return _CONVERGED, loss, size, evaluations, hessians
        accepted = False
        leaving = False
        stopping = -1
        tries = 0
        while not accepted:
            tries += 1
            if tries > _MOST_TRIES:
                return _NO_DESCENT, loss, size, evaluations, hessians
            solved, used, error = rosenbrock_step(
                kernel, reals, integers, workspace, held, curvature, x, gradient, time, factor, stages, slope, end
            )
            evaluations += used
            if not solved or not math.isfinite(error):
                time *= 0.25
                continue
            for k in range(n):
                move[k] = end[k] - x[k]
            remove_components(frozen, move)
            share, stopping = room(x, move, lower, upper)
            if share < _ARRIVAL:
                # A little beyond the bound, or steps that end short of it would never arrive.
                time *= max(_BEYOND * share, 0.1)
                continue
            for k in range(n):
                move[k] *= share
                end[k] = x[k] + move[k]
            clip(end, lower, upper, stopping)
            length = norm(move)
            end_loss = kernel(end, end_gradient, reals, integers, workspace)
            leaving = let_go(end_gradient, held)
            keep_free(end_gradient, held)
            remove_components(frozen, end_gradient)
            evaluations += 1
            end_size = rms(end_gradient)
            fell = end_loss - loss <= _ROUNDING * (1.0 + abs(loss))
            accepted = error <= accuracy and length <= longest and fell
            change = 0.9 * (accuracy / max(error, 1e-300)) ** 0.25
            if accepted and end_size > size:
                # Beside a saddle the slope grows with every step: the length of the next is what the last one tells.
                change *= size / end_size
            change = min(4.0, max(0.2, change))
            if length > longest:
                change = min(change, 0.8 * longest / length)
            time *= change if accepted or change < 1.0 else 0.5
        copy_into(end, x)
        copy_into(end_gradient, gradient)
        loss = end_loss
        size = end_size
        if norm(x) > radius:
            return _LEFT_RADIUS, loss, size, evaluations, hessians
        if stopping >= 0 or leaving:
            return _HIT_BOUND, loss, size, evaluations, hessians
    return _STEP_LIMIT, loss, size, evaluations, hessians
