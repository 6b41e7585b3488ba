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
from llcommon.optimise.vectors import add_scaled, dot, norm
from llcommon.seam import F8, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)

_MEMORY = 6
_FIRST_SCALE = 0.1


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


@algorithm(types.void, MATRIX, MATRIX, VECTOR, F8, MATRIX)
def band_gradient(images, gradients, losses, spring, out):
    """The doubly nudged gradient of every inner image into out, shape (images + 2, N)."""
    count, n = images.shape
    tangent = np.empty(n)
    springs = np.empty(n)
    for i in range(1, count - 1):
        improved_tangent(images, losses, i, tangent)
        before = 0.0
        after = 0.0
        for j in range(n):
            backward = images[i, j] - images[i - 1, j]
            forward = images[i + 1, j] - images[i, j]
            before += backward * backward
            after += forward * forward
            springs[j] = spring * (backward - forward)
        across = out[i]
        across[:] = gradients[i]
        add_scaled(-dot(gradients[i], tangent), tangent, across)
        add_scaled(-dot(springs, tangent), tangent, springs)
        overlap = dot(springs, across)
        square = dot(across, across)
        # Double nudging: only the part of the spring force that works against the true gradient goes.
        if overlap < 0.0 and square > 0.0:
            add_scaled(-overlap / square, across, springs)
        along = -spring * (math.sqrt(after) - math.sqrt(before))
        for j in range(n):
            across[j] += springs[j] + along * tangent[j]


@algorithm(I8, KERNEL, *PACKED, MATRIX, MATRIX, VECTOR)
def evaluate_images(kernel, reals, integers, workspace, images, gradients, losses):
    """Losses and gradients of the inner images; returns how many are not finite."""
    bad = 0
    for i in range(1, images.shape[0] - 1):
        losses[i] = kernel(images[i], gradients[i], reals, integers, workspace)
        if not math.isfinite(losses[i]):
            bad += 1
    return bad


@algorithm(types.Tuple((I8, F8, I8)), KERNEL, *PACKED, MATRIX, VECTOR, F8, F8, I8, F8)
def optimise_band(kernel, reals, integers, workspace, images, losses, spring, tolerance, iterations, maximum_step):
    """Relaxes the inner rows of images (P + 2, N) in place; losses (P + 2,) must hold those of both ends.

    Returns (status, rms of the band gradient, evaluations).
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
    band_gradient(images, gradients, losses, spring, band)
    force = band[1 : count - 1].reshape(size)
    measure = math.sqrt(dot(force, force) / size)
    for _ in range(iterations):
        if measure <= tolerance:
            return _CONVERGED, measure, evaluations
        direction[:] = force
        first = scale * min(1.0, 1.0 / norm(force)) if stored == 0 else scale
        apply_inverse(steps, changes, curvature, weight, stored, head, first, direction)
        if dot(direction, force) < 0.0:
            direction *= -1.0
        longest = 0.0
        for i in range(inner):
            longest = max(longest, norm(direction[i * n : (i + 1) * n]))
        if longest > maximum_step:
            direction *= maximum_step / longest
        moving = images[1 : count - 1].reshape(size)
        add_scaled(-1.0, direction, moving)
        old[:] = force
        if evaluate_images(kernel, reals, integers, workspace, images, gradients, losses) > 0:
            return _NOT_FINITE, math.inf, evaluations
        evaluations += inner
        band_gradient(images, gradients, losses, spring, band)
        measure = math.sqrt(dot(force, force) / size)
        for i in range(size):
            steps[head, i] = -direction[i]
            changes[head, i] = force[i] - old[i]
        product = dot(steps[head], changes[head])
        square = dot(changes[head], changes[head])
        if product > 1e-8 * square and square > 0.0:
            scale = product / square
            curvature[head] = 1.0 / product
            head = (head + 1) % _MEMORY
            stored = min(stored + 1, _MEMORY)
        else:
            # The force field is not a gradient: forget a model that turned against it.
            stored = 0
            head = 0
    return _STEP_LIMIT, measure, evaluations
