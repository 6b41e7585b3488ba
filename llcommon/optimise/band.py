"""Doubly nudged elastic band (Trygubenko and Wales, J. Chem. Phys. 120, 2082, 2004).

Images x_1 .. x_P between fixed end points feel the true gradient across the band, spring forces
along it, and that part of the spring force across the band which does not oppose the true gradient.
Tangents are the improved ones of Henkelman and Jonsson (J. Chem. Phys. 113, 9978, 2000). All images
move together by L-BFGS with the step of each image capped; a band has no loss function of its own, so
there is no line search.
"""

import math

import numpy as np

from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm
from llcommon.seam import F8, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)

_MEMORY = 6
_FIRST_SCALE = 0.1
# Springs: excess of a gap over the mean that is stiffened, by which factor, up to which multiple of the softest.
_UNEVEN = 0.1
_STIFFEN = 1.05
_STIFFEST = 100.0


@algorithm(types.void, MATRIX, VECTOR, I8, VECTOR)
def improved_tangent(images, losses, i, tangent):
    """Unit tangent at image i: towards the higher neighbour, or a weighted mean of both at an extremum."""
    before = losses[i - 1]
    here = losses[i]
    after = losses[i + 1]
    if before < here < after:
        forward = 1.0
        backward = 0.0
    elif before > here > after:
        forward = 0.0
        backward = 1.0
    else:
        larger = max(abs(before - here), abs(after - here))
        smaller = min(abs(before - here), abs(after - here))
        forward = larger if before < after else smaller
        backward = smaller if before < after else larger
        if larger == 0.0:
            forward = 1.0
            backward = 1.0
    for j in range(tangent.size):
        tangent[j] = forward * (images[i + 1, j] - images[i, j]) + backward * (images[i, j] - images[i - 1, j])
    length = norm(tangent)
    if length > 0.0:
        tangent /= length


@algorithm(types.void, MATRIX, MATRIX, VECTOR, VECTOR, types.boolean, I8, MATRIX)
def band_gradient(images, gradients, losses, springs, double, climber, out):
    """The nudged gradient of every inner image into out, shape (images + 2, N).

    springs: force constants of the gaps, (images + 1,). double: also keep that part of the spring force across the
    band which does not oppose the true gradient. climber: image that climbs, or 0: it feels no spring, and the true
    gradient with its part along the band reversed (Henkelman, Uberuaga and Jonsson, J. Chem. Phys. 113, 9901, 2000).
    """
    count, n = images.shape
    tangent = np.empty(n)
    sideways = np.empty(n)
    for i in range(1, count - 1):
        improved_tangent(images, losses, i, tangent)
        along_band = dot(gradients[i], tangent)
        across = out[i]
        copy_into(gradients[i], across)
        if i == climber:
            add_scaled(-2.0 * along_band, tangent, across)
            continue
        add_scaled(-along_band, tangent, across)
        before = 0.0
        after = 0.0
        for j in range(n):
            backward = images[i, j] - images[i - 1, j]
            forward = images[i + 1, j] - images[i, j]
            before += backward * backward
            after += forward * forward
            sideways[j] = springs[i - 1] * backward - springs[i] * forward
        if double:
            add_scaled(-dot(sideways, tangent), tangent, sideways)
            overlap = dot(sideways, across)
            square = dot(across, across)
            # Double nudging: only the part of the spring force that works against the true gradient goes.
            if overlap < 0.0 and square > 0.0:
                add_scaled(-overlap / square, across, sideways)
            across += sideways
        along = springs[i - 1] * math.sqrt(before) - springs[i] * math.sqrt(after)
        add_scaled(along, tangent, across)


@algorithm(types.void, MATRIX, VECTOR)
def adjust_springs(images, springs):
    """Stiffens the springs of gaps that are longer than the mean by more than a tenth, in place.

    The rule of the original suite's ADJUSTK: a factor 1.05 at a time, at most 100 times the softest spring.
    """
    gaps = springs.size
    total = 0.0
    for i in range(gaps):
        square = 0.0
        for j in range(images.shape[1]):
            difference = images[i + 1, j] - images[i, j]
            square += difference * difference
        total += math.sqrt(square)
    mean = total / gaps
    softest = springs.min()
    for i in range(gaps):
        square = 0.0
        for j in range(images.shape[1]):
            difference = images[i + 1, j] - images[i, j]
            square += difference * difference
        if math.sqrt(square) > (1.0 + _UNEVEN) * mean:
            springs[i] = min(springs[i] * _STIFFEN, _STIFFEST * softest)


@algorithm(I8, KERNEL, *PACKED, MATRIX, MATRIX, VECTOR)
def evaluate_images(kernel, reals, integers, workspace, images, gradients, losses):
    """Losses and gradients of the inner images; returns how many are not finite."""
    bad = 0
    for i in range(1, images.shape[0] - 1):
        losses[i] = kernel(images[i], gradients[i], reals, integers, workspace)
        if not math.isfinite(losses[i]):
            bad += 1
    return bad


@algorithm(types.void, VECTOR, VECTOR, MATRIX, MATRIX)
def leave_out_pressing(lower, upper, images, band):
    """Takes out of the band gradient, in place, the components that press an inner image against its bound.

    Out of the whole, not of the true gradient: without the part that presses, its projection along the tangent would
    pull an image off the bound, only for the gradient to push it back.
    """
    for i in range(1, images.shape[0] - 1):
        for j in range(lower.size):
            at_lower = images[i, j] <= lower[j] and band[i, j] > 0.0
            at_upper = images[i, j] >= upper[j] and band[i, j] < 0.0
            if at_lower or at_upper:
                band[i, j] = 0.0


@algorithm(I8, VECTOR)
def highest_inner(losses):
    """Number of the highest inner image if it is higher than both ends, else 0."""
    best = 1
    for i in range(2, losses.size - 1):
        if losses[i] > losses[best]:
            best = i
    return best if losses[best] > max(losses[0], losses[-1]) else 0


@algorithm(
    types.Tuple((I8, F8, I8)),
    KERNEL, *PACKED, VECTOR, VECTOR, MATRIX, VECTOR, VECTOR, types.boolean, I8, I8, F8, I8, F8,
)  # fmt: skip
def optimise_band(
    kernel,
    reals,
    integers,
    workspace,
    lower,
    upper,
    images,
    losses,
    springs,
    double,
    climb_after,
    adjust_every,
    tolerance,
    iterations,
    maximum_step,
):
    """Relaxes the inner rows of images (P + 2, N) in place; losses (P + 2,) must hold those of both ends.

    lower, upper: the box that images are kept in, (N,). springs: force constants of the gaps, (P + 1,), adjusted in
    place every `adjust_every` steps (0: never). double: doubly nudged. climb_after: steps after which the highest image
    climbs (negative: never). Returns (status, rms of the band gradient, evaluations).
    """
    count, n = images.shape
    inner = count - 2
    size = inner * n
    gradients = np.zeros((count, n))
    band = np.zeros((count, n))
    old = np.empty(size)
    direction = np.empty(size)
    steps = np.empty((_MEMORY, size))
    changes = np.empty((_MEMORY, size))
    curvature = np.empty(_MEMORY)
    weight = np.empty(_MEMORY)
    stored = 0
    head = 0
    scale = _FIRST_SCALE
    if evaluate_images(kernel, reals, integers, workspace, images, gradients, losses) > 0:
        return _NOT_FINITE, math.inf, inner
    evaluations = inner
    climber = highest_inner(losses) if climb_after == 0 else 0
    band_gradient(images, gradients, losses, springs, double, climber, band)
    leave_out_pressing(lower, upper, images, band)
    force = band[1 : count - 1].reshape(size)
    moving = images[1 : count - 1].reshape(size)
    measure = math.sqrt(dot(force, force) / size)
    for iteration in range(iterations):
        if measure <= tolerance and (climb_after < 0 or climber > 0):
            return _CONVERGED, measure, evaluations
        copy_into(force, direction)
        first = scale * min(1.0, 1.0 / norm(force)) if stored == 0 else scale
        apply_inverse(steps, changes, curvature, weight, stored, head, first, direction)
        if dot(direction, force) < 0.0:
            direction *= -1.0
        longest = 0.0
        for i in range(inner):
            longest = max(longest, norm(direction[i * n : (i + 1) * n]))
        if longest > maximum_step:
            direction *= maximum_step / longest
        for i in range(inner):
            for j in range(n):
                k = i * n + j
                moved = min(max(moving[k] - direction[k], lower[j]), upper[j])
                direction[k] = moving[k] - moved
                moving[k] = moved
        copy_into(force, old)
        if evaluate_images(kernel, reals, integers, workspace, images, gradients, losses) > 0:
            return _NOT_FINITE, math.inf, evaluations
        evaluations += inner
        climbs_now = highest_inner(losses) if 0 <= climb_after <= iteration + 1 else 0
        stiffened = adjust_every > 0 and (iteration + 1) % adjust_every == 0
        if stiffened:
            adjust_springs(images, springs)
        band_gradient(images, gradients, losses, springs, double, climbs_now, band)
        leave_out_pressing(lower, upper, images, band)
        measure = math.sqrt(dot(force, force) / size)
        for i in range(size):
            steps[head, i] = -direction[i]
            changes[head, i] = force[i] - old[i]
        product = dot(steps[head], changes[head])
        square = dot(changes[head], changes[head])
        if product > 1e-8 * square and square > 0.0 and not stiffened and climbs_now == climber:
            scale = product / square
            curvature[head] = 1.0 / product
            head = (head + 1) % _MEMORY
            stored = min(stored + 1, _MEMORY)
        else:
            # The force field is not a gradient, or another one now: forget a model of what it was.
            stored = 0
            head = 0
        climber = climbs_now
    return _STEP_LIMIT, measure, evaluations
