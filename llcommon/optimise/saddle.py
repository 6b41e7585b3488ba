"""Saddle search by eigenvector following on the exact dense Hessian.

The eigenvector to climb is the one that overlaps most with a given direction (the tangent of a band) at first, and
with the one climbed last afterwards (Cerjan and Miller, J. Chem. Phys. 75, 2800, 1981), chosen among those of negative
curvature once there are any. In the eigenbasis the step is Newton's with the signs set so that the loss rises along
that eigenvector and falls along all others, shortened by a shift common to all modes (trust-region image
minimisation, Helgaker, Chem. Phys. Lett. 182, 503, 1991). A saddle has no merit function: the trust radius follows the
error of the predicted gradient, measured as the length of the Newton step that would correct it relative to the step
taken (the affine-invariant contraction of Deuflhard, Newton Methods for Nonlinear Problems, 2004). The plain relative
error of the gradient would be ruled by the stiff directions and shrink every step along a bent soft valley.

Of about 90 band candidates each on iris 4-10-3, following the lowest mode instead fails for 1, 2, 8 and 13 % at
lambda 1e-3, 1e-4, 1e-5 and 1e-6; this search for none, none, none and 1 %.
"""

import math

import numpy as np

from llcommon.optimise.box import restrict, room
from llcommon.optimise.factor import factorise, solve_factorised
from llcommon.optimise.tridiagonal import (
    MOST_NEGATIVE,
    ROWS,
    into_basis,
    largest_possible,
    number_below,
    out_of_basis,
    partial_correction,
    partial_spectrum,
    partial_step,
)
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components, rms, symmetric_times
from llcommon.seam import F8, HESSIAN, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_WRONG_INDEX = int(Status.WRONG_INDEX)
_FELL = int(Status.FELL_TO_MINIMUM)
_HIT_BOUND = int(Status.HIT_BOUND)
_FLAT = int(Status.FLAT)

CONVEX_CYCLES = 25  # consecutive cycles without negative curvature before the search is given up
SMALLEST_TRUST = 1e-6
MOST_PUSHES = 4
PUSH = 0.15  # displacement off a saddle of higher index, in units of the largest trust radius
FIRST_TRUST = 0.25  # radius of the first cycle, in units of the largest
WORST_ERROR = 2.0  # of the predicted gradient, for a step that is kept
_LIFT = 3.0  # how much the climbed mode is lifted, in units of its curvature, for the factorisation
_NOISE = 1e-13  # eigenvalues below this share of the largest have no certain sign
_RIDGE_STEP = 0.1  # least step down the negative modes that are not climbed, all together, in units of the trust radius


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


@algorithm(types.void, VECTOR, VECTOR, I8, F8, VECTOR)
def leave_ridges(values, slopes, climbed, trust, step):
    """Lengthens the parts of `step` (eigenbasis) down negative modes other than `climbed`.

    On a ridge, above all on one that a symmetry of the loss makes, the slope across vanishes and with it the Newton
    step: without a push the search would climb along the ridge to a saddle of higher index.
    """
    negative = 0
    for i in range(values.size):
        if values[i] < 0.0 and i != climbed:
            negative += 1
    if negative == 0:
        return
    least = _RIDGE_STEP * trust / math.sqrt(negative)
    for i in range(values.size):
        if values[i] < 0.0 and i != climbed and abs(step[i]) < least:
            step[i] = -least if slopes[i] >= 0.0 else least


@algorithm(I8, VECTOR, MATRIX, VECTOR)
def mode_to_climb(values, vectors, previous):
    """Row of `vectors` to climb: the one most like `previous`, of those with negative curvature if there are any.

    values: ascending. Changing over to the lowest mode whenever two eigenvalues cross would make a search walk in
    circles.
    """
    negative = 0
    while negative < values.size and values[negative] < 0.0:
        negative += 1
    if negative == 0:
        return most_overlapping(vectors, previous)
    return most_overlapping(vectors[:negative], previous)


@algorithm(F8, KERNEL, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, I8, VECTOR, VECTOR)
def evaluate_move(
    kernel, reals, integers, workspace, frozen, lower, upper, x, move, stopping, trial, trial_gradient
):
    """The loss at trial = x + move, (N,), exactly on the bound of coordinate `stopping` (-1: none).

    trial_gradient receives the gradient in the directions that are not frozen.
    """
    for i in range(x.size):
        trial[i] = x[i] + move[i]
    if stopping >= 0:
        trial[stopping] = upper[stopping] if move[stopping] > 0.0 else lower[stopping]
    loss = kernel(trial, trial_gradient, reals, integers, workspace)
    remove_components(frozen, trial_gradient)
    return loss


@algorithm(F8, KERNEL, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, F8)
def leave_saddle(kernel, reals, integers, workspace, frozen, lower, upper, x, gradient, mode, largest_trust):
    """Off a saddle of higher index along a negative mode, as far as the box allows; the loss there."""
    length, _ = room(x, mode * (PUSH * largest_trust), lower, upper)
    add_scaled(length * PUSH * largest_trust, mode, x)
    loss = kernel(x, gradient, reals, integers, workspace)
    remove_components(frozen, gradient)
    return loss


@algorithm(F8, F8, F8, F8, F8)
def next_trust(trust, error, length, largest_trust):
    """The trust radius after a step of this length, whose predicted gradient had this error."""
    if error < 0.25:
        return max(trust, min(largest_trust, 2.0 * length))
    if not error <= 0.75:
        return max(0.4 * min(trust, length), SMALLEST_TRUST)
    return trust


@algorithm(types.boolean, MATRIX, VECTOR, VECTOR, MATRIX, VECTOR, VECTOR)
def newton_to_saddle(curvature, mode, gradient, factor, scratch, move):
    """Newton's step -H^-1 gradient into `move` if H has exactly one negative eigenvalue; else False.

    mode: unit vector of negative curvature. Beside a saddle this is `image_step` without a shift, for a Cholesky
    factorisation instead of all eigenvectors: H + s mode mode^T, left in `factor`, is positive definite only if no more
    than one eigenvalue is negative, and the Sherman-Morrison formula leads back to H. scratch: (N,).
    """
    symmetric_times(curvature, mode, scratch)
    along = dot(mode, scratch)
    if not along < 0.0:
        return False
    strength = -_LIFT * along
    for i in range(mode.size):
        for j in range(mode.size):
            factor[i, j] = curvature[i, j] + strength * mode[i] * mode[j]
    if not factorise(factor):
        return False
    copy_into(mode, scratch)
    solve_factorised(factor, scratch)
    ratio = 1.0 - strength * dot(mode, scratch)
    if not ratio < 0.0:
        return False
    copy_into(gradient, move)
    solve_factorised(factor, move)
    add_scaled(strength * dot(mode, move) / ratio, scratch, move)
    move *= -1.0
    return True


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, F8, F8, I8, F8,
)  # fmt: skip
def follow_eigenvector(
    kernel,
    hessian,
    reals,
    integers,
    workspace,
    frozen,
    lower,
    upper,
    x,
    gradient,
    mode,
    tolerance,
    largest_trust,
    limit,
    radius,
):
    """Takes x in place to an index-one saddle with |g|/sqrt(N) <= tolerance, and on to the rounding floor.

    frozen: orthonormal directions, rows, in which x does not move; lower, upper: the box, (N,); a search that comes
    to a bound ends there with HIT_BOUND. `mode` holds the direction to climb first and receives the one climbed last;
    gradient receives that in the directions that are not frozen. Returns
    (status, loss, rms gradient, gradient evaluations, Hessian evaluations).
    """
    n = x.size
    curvature = np.empty((n, n))
    factor = np.empty((n, n))
    values = np.empty(n)
    vectors = np.empty((n, n))
    slopes = np.empty(n)
    step = np.empty(n)
    move = np.empty(n)
    predicted = np.empty(n)
    bands = np.empty((ROWS, n))
    rows = np.empty((MOST_NEGATIVE, n))
    rest = np.empty(n)
    others = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    remove_components(frozen, gradient)
    evaluations = 1
    hessians = 0
    size = rms(gradient)
    trust = FIRST_TRUST * largest_trust
    convex = 0
    pushes = 0
    stalled = False
    single = False  # exactly one negative eigenvalue, at the last point looked at
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations, hessians
    for cycle in range(limit):
        hessian(x, curvature, reals, integers, workspace)
        hessians += 1
        largest = 0.0
        for i in range(n):
            largest = max(largest, abs(curvature[i, i]))
        if not math.isfinite(largest):
            return _NOT_FINITE, loss, size, evaluations, hessians
        restrict(frozen, curvature, 1.0 + largest, step)
        newton = single and newton_to_saddle(curvature, mode, gradient, factor, step, move)
        newton = newton and norm(move) <= trust
        climbed = 0
        noise = 0.0
        negative = 0  # modes that are known one by one, if these are not all
        if not newton and convex == 0:
            negative = partial_spectrum(curvature, factor, bands, values, rows, vectors, step)
        if negative > 0:
            noise = _NOISE * largest_possible(bands)
            single = negative == 1 and values[0] < -noise and number_below(bands, noise) == 1
            values[negative:] = 0.0  # not known, but not negative
            copy_into(gradient, rest)
            into_basis(factor, bands, rest)
            remove_components(rows[:negative], rest)
        elif not newton:
            values[:], columns = np.linalg.eigh(curvature)
            vectors[:] = columns.T
            noise = _NOISE * max(abs(values[0]), abs(values[n - 1]))
            single = values[0] < -noise and (n == 1 or values[1] > noise)
        known = negative if negative > 0 else n
        if not newton:
            climbed = mode_to_climb(values[:known], vectors[:known], mode)
            copy_into(vectors[climbed], mode)
            for i in range(known):
                slopes[i] = dot(vectors[i], gradient)
        # A search may start in a minimum; one that comes to a minimum has fallen there.
        if size <= tolerance and (single or cycle > 0 or values[0] <= 0.0):
            if not single and values[0] > noise:
                return _FELL, loss, size, evaluations, hessians
            if not single and (values[0] >= -noise or values[1] >= -noise):
                return _FLAT, loss, size, evaluations, hessians
            if not single:
                if pushes == MOST_PUSHES:
                    return _WRONG_INDEX, loss, size, evaluations, hessians
                # A saddle of higher index: leave it downhill along the second negative mode.
                pushes += 1
                loss = leave_saddle(
                    kernel, reals, integers, workspace, frozen, lower, upper, x, gradient, vectors[1], largest_trust
                )
                evaluations += 1
                size = rms(gradient)
                trust = FIRST_TRUST * largest_trust
                continue
            if stalled or size <= 1e-3 * tolerance:
                return _CONVERGED, loss, size, evaluations, hessians
        convex = convex + 1 if not single and values[0] > 0.0 else 0
        if convex > CONVEX_CYCLES:
            return _FELL, loss, size, evaluations, hessians
        accepted = False
        stopping = -1
        trial_loss = loss
        while not accepted:
            shift = 0.0
            if negative > 0:
                shift = partial_step(
                    bands, values[:negative], rows[:negative], slopes[:negative], rest, climbed, trust,
                    step[:negative], others, predicted,
                )  # fmt: skip
                copy_into(others, move)
                out_of_basis(factor, bands, move)
            elif not newton:
                shift = image_step(values, slopes, climbed, trust, step)
                move[:] = 0.0
            if not newton:
                leave_ridges(values[:known], slopes[:known], climbed, trust, step[:known])
                for i in range(known):
                    add_scaled(step[i], vectors[i], move)
            share, stopping = room(x, move, lower, upper)
            if stopping >= 0:
                move *= share
            symmetric_times(curvature, move, predicted)
            trial_loss = evaluate_move(
                kernel, reals, integers, workspace, frozen, lower, upper, x, move, stopping, trial, trial_gradient
            )
            evaluations += 1
            for i in range(n):
                predicted[i] = trial_gradient[i] - gradient[i] - predicted[i]
            length = norm(move)
            if newton:
                solve_factorised(factor, predicted)
                error = norm(predicted) / max(length, 1e-300)
            elif negative > 0:
                into_basis(factor, bands, predicted)
                error = partial_correction(bands, values[:negative], rows[:negative], shift, predicted)
                error /= max(length, 1e-300)
            else:
                error = correction_length(values, vectors, shift, predicted) / max(length, 1e-300)
            if math.isfinite(error) and (error <= WORST_ERROR or trust <= SMALLEST_TRUST or size <= tolerance):
                accepted = True
            elif trust <= SMALLEST_TRUST:
                return _NOT_FINITE, loss, size, evaluations, hessians
            trust = next_trust(trust, error, length, largest_trust)
            if newton and not accepted:
                break
        if not accepted:
            # Newton's step was no good: once more with all eigenvectors.
            single = False
            continue
        trial_size = rms(trial_gradient)
        stalled = size <= tolerance and single and trial_size > 0.5 * size
        if stalled and trial_size > size:
            continue
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = trial_size
        if stopping >= 0:
            return _HIT_BOUND, loss, size, evaluations, hessians
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations, hessians
    return _STEP_LIMIT, loss, size, evaluations, hessians
