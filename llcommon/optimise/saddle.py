"""Saddle search by eigenvector following on the exact dense Hessian.

The eigenvector to climb is the one that overlaps most with a given direction (the tangent of a band)
for the first steps, the lowest one afterwards. In the eigenbasis the step is Newton's with the signs
set so that the loss rises along that eigenvector and falls along all others, shortened by a shift
common to all modes (trust-region image minimisation, Helgaker, Chem. Phys. Lett. 182, 503, 1991). A
saddle has no merit function: the trust radius follows the error of the predicted gradient, measured as
the length of the Newton step that would correct it relative to the step taken (the affine-invariant
contraction of Deuflhard, Newton Methods for Nonlinear Problems, 2004). The plain relative error of the
gradient would be ruled by the stiff directions and shrink every step along a bent soft valley.
"""

import math

import numpy as np

from llcommon.optimise.newton import lift_zero_modes
from llcommon.optimise.vectors import add_scaled, dot, norm, rms, symmetric_times
from llcommon.seam import F8, HESSIAN, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_WRONG_INDEX = int(Status.WRONG_INDEX)
_FELL = int(Status.FELL_TO_MINIMUM)

_FOLLOWED_STEPS = 8  # cycles that follow the given direction by overlap
_CONVEX_CYCLES = 25  # consecutive cycles without negative curvature before the search is given up
_SMALLEST_TRUST = 1e-6
_MOST_PUSHES = 4
_PUSH = 0.3  # displacement off a saddle of higher index, in units of the largest trust radius


@algorithm(F8, VECTOR, VECTOR, I8, F8, VECTOR)
def image_step(values, slopes, climbed, trust, step):
    """Step in the eigenbasis: up along `climbed`, down along the others, no longer than `trust`.

    With weights w_i = |slope_i| / (|value_i| + mu) the shift mu >= 0 is the one for which the
    length is `trust`, found by Newton steps on 1/length, or 0 if the step is short enough. Returns mu.
    """
    n = values.size
    floor = 0.0
    for i in range(n):
        floor = max(floor, abs(values[i]))
    floor = max(1e-13 * floor, 1e-300)
    shift = 0.0
    for _ in range(60):
        square = 0.0
        bend = 0.0
        for i in range(n):
            curvature = max(abs(values[i]), floor) + shift
            part = slopes[i] / curvature
            square += part * part
            bend += part * part / curvature
        length = math.sqrt(square)
        if length <= trust * 1.001:
            break
        shift += (length / trust - 1.0) * square / bend
    for i in range(n):
        curvature = max(abs(values[i]), floor) + shift
        step[i] = -slopes[i] / curvature
    step[climbed] = -step[climbed]
    # In a convex region the slope along the mode may be as good as zero: climb at least half the radius, and
    # leave the rest of it to the other modes.
    if values[climbed] > 0.0 and abs(step[climbed]) < 0.5 * trust:
        step[climbed] = 0.0
        others = norm(step)
        room = math.sqrt(0.75) * trust
        if others > room:
            for i in range(n):
                step[i] *= room / others
        step[climbed] = 0.5 * trust if slopes[climbed] >= 0.0 else -0.5 * trust
    return shift


@algorithm(F8, VECTOR, MATRIX, F8, VECTOR)
def correction_length(values, vectors, shift, residual):
    """Length of the shifted Newton step (|H| + shift)^-1 residual, eigenvectors in the rows of `vectors`."""
    largest = 0.0
    for i in range(values.size):
        largest = max(largest, abs(values[i]))
    total = 0.0
    for i in range(values.size):
        part = dot(vectors[i], residual) / (max(abs(values[i]), 1e-13 * largest) + shift)
        total += part * part
    return math.sqrt(total)


@algorithm(I8, MATRIX, VECTOR)
def most_overlapping(vectors, direction):
    """Row of `vectors` with the largest |overlap| with direction."""
    best = 0
    largest = -1.0
    for i in range(vectors.shape[0]):
        overlap = abs(dot(vectors[i], direction))
        if overlap > largest:
            largest = overlap
            best = i
    return best


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, F8, F8, I8, F8,
)  # fmt: skip
def follow_eigenvector(
    kernel, hessian, reals, integers, workspace, zero_modes, x, gradient, mode, tolerance, largest_trust, limit, radius
):
    """Takes x in place to an index-one saddle with |g|/sqrt(N) <= tolerance, and on to the rounding floor.

    `mode` holds the direction to climb first and receives the lowest eigenvector. Returns
    (status, loss, rms gradient, gradient evaluations, Hessian evaluations).
    """
    n = x.size
    curvature = np.empty((n, n))
    slopes = np.empty(n)
    step = np.empty(n)
    move = np.empty(n)
    predicted = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    hessians = 0
    size = rms(gradient)
    trust = 0.25 * largest_trust
    convex = 0
    pushes = 0
    stalled = False
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations, hessians
    for cycle in range(limit):
        hessian(x, curvature, reals, integers, workspace)
        hessians += 1
        largest = 0.0
        for i in range(n):
            largest = max(largest, abs(curvature[i, i]))
        lift_zero_modes(zero_modes, curvature, 1.0 + largest)
        values, columns = np.linalg.eigh(curvature)
        vectors = np.ascontiguousarray(columns.T)
        climbed = most_overlapping(vectors, mode) if cycle < _FOLLOWED_STEPS and pushes == 0 else 0
        mode[:] = vectors[climbed]
        for i in range(n):
            slopes[i] = dot(vectors[i], gradient)
        # A search may start in a minimum; one that comes to a minimum has fallen there.
        if size <= tolerance and not (cycle == 0 and values[0] > 0.0):
            if values[0] >= 0.0:
                return _FELL, loss, size, evaluations, hessians
            if n > 1 and values[1] <= 0.0:
                if pushes == _MOST_PUSHES:
                    return _WRONG_INDEX, loss, size, evaluations, hessians
                # A saddle of higher index: leave it downhill along the second negative mode.
                pushes += 1
                add_scaled(_PUSH * largest_trust, vectors[1], x)
                loss = kernel(x, gradient, reals, integers, workspace)
                evaluations += 1
                size = rms(gradient)
                trust = 0.25 * largest_trust
                continue
            if stalled or size <= 1e-3 * tolerance:
                mode[:] = vectors[0]
                return _CONVERGED, loss, size, evaluations, hessians
        convex = convex + 1 if values[0] > 0.0 else 0
        if convex > _CONVEX_CYCLES:
            return _FELL, loss, size, evaluations, hessians
        accepted = False
        while not accepted:
            shift = image_step(values, slopes, climbed, trust, step)
            move[:] = 0.0
            for i in range(n):
                for j in range(n):
                    move[j] += step[i] * vectors[i, j]
            symmetric_times(curvature, move, predicted)
            for i in range(n):
                trial[i] = x[i] + move[i]
            trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
            evaluations += 1
            for i in range(n):
                predicted[i] = trial_gradient[i] - gradient[i] - predicted[i]
            error = correction_length(values, vectors, shift, predicted) / max(norm(move), 1e-300)
            length = norm(move)
            if math.isfinite(error) and (error <= 2.0 or trust <= _SMALLEST_TRUST or size <= tolerance):
                accepted = True
            elif trust <= _SMALLEST_TRUST:
                return _NOT_FINITE, loss, size, evaluations, hessians
            if error < 0.25:
                trust = max(trust, min(largest_trust, 2.0 * length))
            elif not error <= 0.75:
                trust = max(0.4 * min(trust, length), _SMALLEST_TRUST)
        trial_size = rms(trial_gradient)
        stalled = size <= tolerance and values[0] < 0.0 and trial_size > 0.5 * size
        if stalled and trial_size > size:
            continue
        x[:] = trial
        gradient[:] = trial_gradient
        loss = trial_loss
        size = trial_size
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations, hessians
    return _STEP_LIMIT, loss, size, evaluations, hessians
