"""Truncated Newton quench: conjugate gradients on Hessian-vector products in a trust region, for large models.

Each step solves H s = g by conjugate gradients until the residual is small enough for superlinear convergence
(Dembo, Eisenstat and Steihaug, SIAM J. Numer. Anal. 19, 400, 1982), the curvature turns negative or the step
leaves the trust region (Steihaug, SIAM J. Numer. Anal. 20, 626, 1983). The directions of one solution, with their
products, precondition the next as the memory of L-BFGS does (Morales and Nocedal, SIAM J. Optim. 10, 1079, 2000).

Frozen directions take no part, and a step ends at a bound of the box, as in `newton`.
"""

import math

import numpy as np

from llcommon.optimise.box import clip, room
from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.steps import LEAST_CURVATURE
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components, rms
from llcommon.seam import F8, HESSIAN_VECTOR, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_HIT_BOUND = int(Status.HIT_BOUND)

_ROUNDING = 1e-14
_LOOSEST_RESIDUAL = 0.5
_TIGHTEST_RESIDUAL = 3e-4


@algorithm(F8, VECTOR, VECTOR, F8)
def length_to_sphere(step, direction, trust):
    """t >= 0 with |step + t direction| = trust, for |step| <= trust."""
    square = dot(direction, direction)
    half = dot(step, direction)
    inside = max(trust * trust - dot(step, step), 0.0)
    root = math.sqrt(half * half + square * inside)
    # The form without cancellation, whatever the sign of `half`.
    return inside / (half + root) if half > 0.0 else (root - half) / square


@algorithm(I8, I8, MATRIX, MATRIX, VECTOR)
def thin_out(stored, steps, changes, curvature):
    """Keeps every other of the `stored` pairs, the first included; returns how many are left."""
    kept = 0
    for row in range(0, stored, 2):
        steps[kept] = steps[row]
        changes[kept] = changes[row]
        curvature[kept] = curvature[row]
        kept += 1
    return kept


@algorithm(
    types.Tuple((F8, types.boolean, I8, I8)),
    HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, F8, F8, I8, MATRIX, MATRIX, VECTOR, I8, F8, MATRIX, MATRIX, VECTOR,
    MATRIX, VECTOR, VECTOR,
)  # fmt: skip
def solve_in_trust_region(
    hessian_vector, reals, integers, workspace, frozen, x, gradient, share, trust, most, steps, changes, curvature,
    stored, scale, next_steps, next_changes, next_curvature, scratch, weight, step,
):  # fmt: skip
    """step becomes an approximate solution of P H P step = gradient, |step| <= trust; P: off the rows of `frozen`.

    share: of |gradient|, the residual that ends it; most: products at most. steps, changes (memory, N), curvature
    (memory,), stored, scale: the preconditioner as of `apply_inverse`; next_...: receive pairs for another one.
    scratch: (4, N); weight: (memory,). Returns (predicted fall of the loss, whether the trust region or a direction
    of negative curvature ended it, products, pairs received).
    """
    residual = scratch[0]
    direction = scratch[1]
    product = scratch[2]
    image = scratch[3]
    step[:] = 0.0
    copy_into(gradient, residual)
    copy_into(residual, image)
    apply_inverse(steps, changes, curvature, weight, stored, stored, scale, image)
    copy_into(image, direction)
    along = dot(residual, image)
    goal = share * norm(gradient)
    kept = 0
    stride = 1
    predicted = 0.0
    for number in range(most):
        hessian_vector(x, direction, product, reals, integers, workspace)
        remove_components(frozen, product)
        bend = dot(direction, product)
        length = along / bend
        stopped = not bend > LEAST_CURVATURE * norm(direction) * norm(product)
        if not stopped:
            copy_into(step, image)
            add_scaled(length, direction, image)
            stopped = norm(image) >= trust
        if stopped:
            length = length_to_sphere(step, direction, trust)
        predicted += length * dot(direction, residual) - 0.5 * length * length * bend
        add_scaled(length, direction, step)
        if stopped:
            return predicted, True, number + 1, kept
        add_scaled(-length, product, residual)
        if number % stride == 0 and kept == next_steps.shape[0]:
            kept = thin_out(kept, next_steps, next_changes, next_curvature)
            stride *= 2
        if number % stride == 0:
            next_steps[kept] = direction
            next_changes[kept] = product
            next_curvature[kept] = 1.0 / bend
            kept += 1
        if norm(residual) <= goal:
            return predicted, False, number + 1, kept
        copy_into(residual, image)
        apply_inverse(steps, changes, curvature, weight, stored, stored, scale, image)
        before = along
        along = dot(residual, image)
        direction *= along / before
        add_scaled(1.0, image, direction)
    return predicted, False, most, kept


@algorithm(
    types.Tuple((I8, F8, F8, I8)),
    KERNEL, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, F8, I8, F8, I8, F8,
)  # fmt: skip
def truncated_newton(
    kernel, hessian_vector, reals, integers, workspace, frozen, lower, upper, x, gradient, tolerance, memory,
    maximum_step, iterations, radius,
):  # fmt: skip
    """Takes x in place to |g|/sqrt(N) <= tolerance, and on to the rounding floor.

    frozen: orthonormal rows, (number, N), along which x stays and g does not count; lower, upper: the box, (N,), which
    holds x. memory: pairs of the preconditioner, at least 1; iterations: gradients and products at most. Returns
    (status, loss, rms gradient, evaluations), a Hessian-vector product counted as one (it takes as long as one or
    two); HIT_BOUND once a step ends at the box. gradient receives the whole one.
    """
    n = x.size
    steps = np.empty((memory, n))
    changes = np.empty((memory, n))
    curvature = np.empty(memory)
    next_steps = np.empty((memory, n))
    next_changes = np.empty((memory, n))
    next_curvature = np.empty(memory)
    weight = np.empty(memory)
    scratch = np.empty((4, n))
    step = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    reduced = np.empty(n)
    trial_reduced = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    copy_into(gradient, reduced)
    remove_components(frozen, reduced)
    size = rms(reduced)
    trust = maximum_step
    stored = 0
    scale = 1.0
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    while evaluations < iterations:
        if size == 0.0:
            return _CONVERGED, loss, size, evaluations
        share = min(_LOOSEST_RESIDUAL, max(_TIGHTEST_RESIDUAL, math.sqrt(size)))
        predicted, stopped, products, kept = solve_in_trust_region(
            hessian_vector, reals, integers, workspace, frozen, x, reduced, share, trust, iterations - evaluations,
            steps, changes, curvature, stored, scale, next_steps, next_changes, next_curvature, scratch, weight, step,
        )  # fmt: skip
        evaluations += products
        if not math.isfinite(predicted):
            return _NOT_FINITE, loss, size, evaluations
        remove_components(frozen, step)
        step *= -1.0
        room_left, stopping = room(x, step, lower, upper)
        if room_left == 0.0:
            return _HIT_BOUND, loss, size, evaluations
        # Along the way to the solution the loss falls first fastest: a part of the step gains its share at least.
        predicted *= room_left
        copy_into(x, trial)
        add_scaled(room_left, step, trial)
        clip(trial, lower, upper, stopping)
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        evaluations += 1
        copy_into(trial_gradient, trial_reduced)
        remove_components(frozen, trial_reduced)
        trial_size = rms(trial_reduced)
        gain = loss - trial_loss
        floor = _ROUNDING * (1.0 + abs(loss))
        # What the loss cannot tell any more, the gradient still can.
        near_floor = predicted <= 100.0 * floor and trial_size < size
        finite = math.isfinite(trial_loss) and math.isfinite(trial_size)
        if not finite or (gain < 0.25 * predicted and not near_floor):
            trust = 0.25 * min(trust, norm(step))
        elif stopped and (gain > 0.75 * predicted or near_floor):
            trust = min(2.0 * trust, maximum_step)
        if not finite or (gain <= 1e-4 * predicted and not near_floor):
            if predicted <= floor:
                # No step helps: that is the rounding floor if the tolerance is met.
                status = _CONVERGED if size <= tolerance else _NO_DESCENT
                return status, loss, size, evaluations
            continue
        stalled = trial_size > 0.5 * size
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        copy_into(trial_reduced, reduced)
        loss = trial_loss
        size = trial_size
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
        if stopping >= 0:
            return _HIT_BOUND, loss, size, evaluations
        if size <= tolerance and (stalled or size <= 1e-3 * tolerance):
            return _CONVERGED, loss, size, evaluations
        if kept > 0:
            steps, next_steps = next_steps, steps
            changes, next_changes = next_changes, changes
            curvature, next_curvature = next_curvature, curvature
            stored = kept
            last = dot(changes[kept - 1], changes[kept - 1])
            scale = 1.0 / (curvature[kept - 1] * last)
    status = _CONVERGED if size <= tolerance else _STEP_LIMIT
    return status, loss, size, evaluations
