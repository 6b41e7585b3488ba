"""Newton finish of a quench on the exact dense Hessian, to the rounding floor of the gradient.

A shift mu >= 0 on the Hessian plays the part of the trust region (Levenberg; Nocedal and Wright,
Numerical Optimization, ch. 4): it grows until H + mu is positive definite, the step short and the
loss falling as predicted, and dies out near a minimum, where convergence is quadratic. From a
saddle the shifted steps run down: only minima end it.

As long as a step without a shift is followed by much shorter ones with the same factor (the simplified Newton method;
Deuflhard, Newton Methods for Nonlinear Problems, 2004, ch. 2.1), no new Hessian is formed: it costs as much as eight.

Frozen directions take no part, and a step ends at a bound of the box: the caller holds that coordinate and goes on.
"""

import math

import numpy as np

from llcommon.optimise.box import clip, restrict, room
from llcommon.optimise.factor import factorise, solve_factorised
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components, rms, symmetric_times
from llcommon.seam import F8, HESSIAN, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_HIT_BOUND = int(Status.HIT_BOUND)

_ROUNDING = 1e-14
_MOST_SHIFTS = 60
_CONTRACTION = 0.2  # of a step by the next one with the same factor, for the factor to be kept
_MOST_REPEATS = 30


@algorithm(
    types.Tuple((F8, F8, I8)),
    KERNEL, *PACKED, MATRIX, VECTOR, VECTOR, MATRIX, VECTOR, VECTOR, VECTOR, F8, F8, VECTOR, VECTOR, VECTOR, VECTOR,
)  # fmt: skip
def repeat_steps(
    kernel, reals, integers, workspace, frozen, lower, upper, factor, x, gradient, reduced, loss, length, step, trial,
    trial_gradient, trial_reduced,
):  # fmt: skip
    """More Newton steps in place with the factor of the last one, as long as they contract and lessen the gradient.

    loss, gradient, reduced: those at x; length: of the last step. step, trial, trial_gradient, trial_reduced: scratch,
    (N,). Returns (loss, rms of `reduced`, gradient evaluations).
    """
    size = rms(reduced)
    evaluations = 0
    for _ in range(_MOST_REPEATS):
        copy_into(reduced, step)
        solve_factorised(factor, step)
        remove_components(frozen, step)
        step *= -1.0
        latest = norm(step)
        if not latest <= _CONTRACTION * length or room(x, step, lower, upper)[1] >= 0:
            break
        copy_into(x, trial)
        add_scaled(1.0, step, trial)
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        evaluations += 1
        copy_into(trial_gradient, trial_reduced)
        remove_components(frozen, trial_reduced)
        trial_size = rms(trial_reduced)
        if not (trial_size <= 0.5 * size and trial_loss - loss <= _ROUNDING * (1.0 + abs(loss))):
            break
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        copy_into(trial_reduced, reduced)
        loss = trial_loss
        size = trial_size
        length = latest
    return loss, size, evaluations


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, F8, F8, I8, F8,
)  # fmt: skip
def newton(
    kernel, hessian, reals, integers, workspace, frozen, lower, upper, x, gradient, tolerance, maximum_step, limit,
    radius,
):  # fmt: skip
    """Takes x in place to a minimum with |g|/sqrt(N) <= tolerance, and on to the rounding floor.

    frozen: orthonormal rows, (number, N), along which x stays and g does not count; lower, upper: the box, (N,), which
    holds x. Returns (status, loss, rms gradient, gradient evaluations, Hessian evaluations); HIT_BOUND once a step
    ends at the box. gradient receives the whole one.
    """
    n = x.size
    curvature = np.empty((n, n))
    shifted = np.empty((n, n))
    step = np.empty(n)
    product = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    reduced = np.empty(n)
    trial_reduced = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    hessians = 0
    copy_into(gradient, reduced)
    remove_components(frozen, reduced)
    size = rms(reduced)
    shift = 0.0
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations, hessians
    for _ in range(limit):
        hessian(x, curvature, reals, integers, workspace)
        hessians += 1
        trace = 0.0
        for i in range(n):
            trace += abs(curvature[i, i])
        restrict(frozen, curvature, trace / n, product)
        smallest_shift = 1e-12 * (1.0 + trace / n)
        accepted = False
        plain = False
        for _attempt in range(_MOST_SHIFTS):
            shifted[:] = curvature
            for i in range(n):
                shifted[i, i] += shift
            if not factorise(shifted):
                shift = max(4.0 * shift, 1e-4 * trace / n, smallest_shift)
                continue
            copy_into(reduced, step)
            solve_factorised(shifted, step)
            remove_components(frozen, step)
            length = norm(step)
            if length > 1.1 * maximum_step:
                # Newton's step on 1 / |step(shift)| (More and Sorensen, SIAM J. Sci. Stat. Comput. 4, 553, 1983).
                copy_into(step, product)
                solve_factorised(shifted, product)
                bend = dot(step, product)
                shift += max((length / maximum_step - 1.0) * length * length / bend, smallest_shift)
                continue
            if length > maximum_step:
                step *= maximum_step / length
                length = maximum_step
            step *= -1.0
            share, stopping = room(x, step, lower, upper)
            if share == 0.0:
                return _HIT_BOUND, loss, size, evaluations, hessians
            step *= -share
            copy_into(x, trial)
            add_scaled(-1.0, step, trial)
            clip(trial, lower, upper, stopping)
            trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
            evaluations += 1
            copy_into(trial_gradient, trial_reduced)
            remove_components(frozen, trial_reduced)
            symmetric_times(curvature, step, product)
            predicted = dot(reduced, step) - 0.5 * dot(step, product)
            gain = loss - trial_loss
            trial_size = rms(trial_reduced)
            floor = _ROUNDING * (1.0 + abs(loss))
            near_floor = predicted <= 100.0 * floor and trial_size < size
            if math.isfinite(trial_size) and (gain > 1e-4 * predicted or near_floor):
                plain = shift == 0.0 and length < maximum_step
                if gain > 0.75 * predicted or near_floor:
                    shift = 0.0
                elif gain > 0.5 * predicted:
                    shift = 0.0 if shift < smallest_shift else 0.2 * shift
                accepted = True
                break
            if predicted <= floor:
                break
            shift = max(4.0 * shift, 1e-4 * trace / n, smallest_shift)
        if not accepted:
            # No step helps: that is the rounding floor if the tolerance is met.
            status = _CONVERGED if size <= tolerance else _NO_DESCENT
            return status, loss, size, evaluations, hessians
        stalled = trial_size > 0.5 * size
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        copy_into(trial_reduced, reduced)
        loss = trial_loss
        size = trial_size
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations, hessians
        if stopping >= 0:
            return _HIT_BOUND, loss, size, evaluations, hessians
        if plain and not stalled:
            loss, size, used = repeat_steps(
                kernel, reals, integers, workspace, frozen, lower, upper, shifted, x, gradient, reduced, loss, length,
                step, trial, trial_gradient, trial_reduced,
            )  # fmt: skip
            evaluations += used
        if size <= tolerance and plain and (stalled or size <= 1e-3 * tolerance):
            return _CONVERGED, loss, size, evaluations, hessians
    status = _CONVERGED if size <= tolerance else _STEP_LIMIT
    return status, loss, size, evaluations, hessians
