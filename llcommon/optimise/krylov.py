"""Saddle search by eigenvector following within Krylov spaces, for models whose dense Hessian is too dear.

The same search as `saddle.follow_eigenvector`, its steps taken in the Ritz basis of a subspace that every cycle builds
anew from the mode climbed, the other soft modes of the last cycle and the gradient. Residuals of the mode (relative
to its eigenvalue) and of the step (relative to the gradient) are added with their Krylov spaces until both are small
enough, as in Davidson's method and in truncated Newton methods (Dembo, Eisenstat and Steihaug, SIAM J. Numer. Anal. 19,
400, 1982). An eigenvector to an absolute tolerance, or a first-order relaxation across it, fails where soft and stiff
curvatures are many orders apart.

Of 250 to 315 band candidates each on iris 4-10-3 this search takes all to a verified transition state at lambda 1e-3
and 1e-4, all but one at 1e-5 and 98 % at 1e-6, with 16 to 29 gradients and 345, 490, 660 and 850 products each.
"""

import math

import numpy as np

from llcommon.optimise.box import room
from llcommon.optimise.saddle import (
    CONVEX_CYCLES,
    FIRST_TRUST,
    MOST_PUSHES,
    SMALLEST_TRUST,
    WORST_ERROR,
    evaluate_move,
    image_step,
    leave_ridges,
    leave_saddle,
    mode_to_climb,
    next_trust,
)
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components, rms
from llcommon.seam import F8, HESSIAN_VECTOR, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_WRONG_INDEX = int(Status.WRONG_INDEX)
_FELL = int(Status.FELL_TO_MINIMUM)
_HIT_BOUND = int(Status.HIT_BOUND)

_WARM = 6  # soft Ritz vectors that the next cycle starts from, beside the mode
_MODE_RESIDUAL = 0.3  # relative to the eigenvalue
_STEP_RESIDUAL = 0.1  # relative to the gradient
_TIGHTEST = 1e-3  # such residual of a step near the saddle
_FINAL_RESIDUAL = 0.05  # of both, where the two lowest eigenvalues decide
_LEAST_NEW = 1e-10  # part of a vector outside the basis, relative to it, to be worth adding
_CHUNK = 4  # products between two looks at the Ritz pairs
_SUBSPACE = (MATRIX, MATRIX, MATRIX, VECTOR)  # basis, images, projected, along; see add_vector


@algorithm(I8, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, *_SUBSPACE, I8, VECTOR)
def add_vector(
    product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, size, vector
):
    """Row `size` of the basis from `vector`, (N,), which is overwritten; returns the new size.

    Row k of `images`, (m, N), is the Hessian at x times row k of `basis`; projected, (m, m): the Hessian in the basis;
    along, (m,): the gradient in it. What lies in the basis already is not added.
    """
    before = norm(vector)
    if size == basis.shape[0] or not before > 0.0:
        return size
    for _ in range(2):
        remove_components(frozen, vector)
        remove_components(basis[:size], vector)
    after = norm(vector)
    if not after > _LEAST_NEW * before:
        return size
    for i in range(vector.size):
        vector[i] /= after
    remove_components(basis[:size], vector)
    basis[size] = vector
    product(x, basis[size], images[size], reals, integers, workspace)
    remove_components(frozen, images[size])
    for k in range(size + 1):
        projected[k, size] = dot(basis[k], images[size])
        projected[size, k] = projected[k, size]
    along[size] = dot(basis[size], gradient)
    return size + 1


@algorithm(I8, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, *_SUBSPACE, I8, VECTOR, I8)
def add_krylov(
    product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, size, vector, number
):
    """Adds `vector`, the Hessian times it and so on, `number` rows at most; as add_vector."""
    for _ in range(number):
        larger = add_vector(
            product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, size, vector
        )
        if larger == size:
            return size
        size = larger
        copy_into(images[size - 1], vector)
    return size


@algorithm(types.void, MATRIX, VECTOR, I8, VECTOR)
def combine(rows, weights, size, out):
    """out = sum of weights[k] rows[k], k < size."""
    out[:] = 0.0
    for k in range(size):
        add_scaled(weights[k], rows[k], out)


@algorithm(F8, MATRIX, MATRIX, VECTOR, F8, I8, VECTOR)
def ritz_residual(basis, images, weights, value, size, out):
    """out = H y - value y for the Ritz vector with these weights; returns its norm."""
    combine(images, weights, size, out)
    for k in range(size):
        add_scaled(-value * weights[k], basis[k], out)
    return norm(out)


@algorithm(I8, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, *_SUBSPACE, VECTOR, MATRIX, VECTOR)
def first_vectors(
    product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, mode, warm, scratch
):
    """A subspace of the mode, (N,), the gradient and the rows of `warm`, (k, N); returns its dimension."""
    used = 0
    for k in range(warm.shape[0] + 2):
        if k == 0:
            copy_into(mode, scratch)
        elif k == 1:
            copy_into(gradient, scratch)
        else:
            copy_into(warm[k - 2], scratch)
        used = add_vector(
            product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, used, scratch
        )
    return used


@algorithm(types.Tuple((F8, VECTOR)), VECTOR, MATRIX, VECTOR, I8, F8)
def ritz_step(values, vectors, slopes, climbed, trust):
    """The step up along one Ritz vector and down the others: its shift, and its coefficients in the basis, (m,)."""
    step = np.empty(values.size)
    shift = image_step(values, slopes, climbed, trust, step)
    leave_ridges(values, slopes, climbed, trust, step)
    coefficients = np.zeros(values.size)
    for i in range(values.size):
        add_scaled(step[i], vectors[i], coefficients)
    return shift, coefficients


@algorithm(
    types.Tuple((I8, I8, VECTOR, MATRIX, VECTOR)),
    HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, *_SUBSPACE, I8, F8, F8, types.boolean, VECTOR,
)  # fmt: skip
def complete_subspace(
    product,
    reals,
    integers,
    workspace,
    frozen,
    x,
    gradient,
    basis,
    images,
    projected,
    along,
    used,
    trust,
    wanted,
    final,
    residual,
):
    """Enlarges a subspace until it holds the mode and the step well enough, or is full.

    wanted: part of the gradient that the step may leave outside. final: the two lowest eigenvectors are wanted instead
    of the mode. residual: scratch, (N,). Returns (dimension, Ritz vector that is climbed, Ritz values, Ritz vectors in
    rows of coefficients, slopes along them).
    """
    slope = norm(gradient)
    allowed = _FINAL_RESIDUAL if final else _MODE_RESIDUAL
    while True:
        values, columns = np.linalg.eigh(projected[:used, :used])
        vectors = np.ascontiguousarray(columns.T)
        previous = np.zeros(used)
        previous[0] = 1.0
        climbed = mode_to_climb(values, vectors, previous)
        slopes = np.empty(used)
        for i in range(used):
            slopes[i] = dot(vectors[i], along[:used])
        if used == basis.shape[0]:
            break
        before = used
        number = max(_CHUNK, used // 4)
        first = 0 if final else climbed
        last = min(1, before - 1) if final else climbed
        for i in range(first, last + 1):
            size = ritz_residual(basis, images, vectors[i], values[i], before, residual)
            if size > allowed * abs(values[i]):
                used = add_krylov(
                    product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, used,
                    residual, number,
                )  # fmt: skip
        _, coefficients = ritz_step(values, vectors, slopes, climbed, trust)
        combine(images, coefficients, before, residual)
        add_scaled(1.0, gradient, residual)
        remove_components(basis[:before], residual)
        if norm(residual) > wanted * slope:
            used = add_krylov(
                product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, used,
                residual, number,
            )  # fmt: skip
        if used == before:
            break
    return used, climbed, values, vectors, slopes


@algorithm(F8, MATRIX, VECTOR, MATRIX, F8, VECTOR)
def correction_length(basis, values, vectors, shift, error):
    """Length of the shifted Newton step that corrects an error of the gradient, (N,).

    basis: (m, N) rows; values, vectors: Ritz pairs in it. Outside the basis the curvature counts as their mean.
    """
    used = values.size
    inside = np.empty(used)
    outside = dot(error, error)
    for k in range(used):
        inside[k] = dot(basis[k], error)
        outside -= inside[k] * inside[k]
    mean = 0.0
    for i in range(used):
        mean += abs(values[i]) / used
    largest = max(abs(values[0]), abs(values[used - 1]))
    square = max(outside, 0.0) / (mean + shift) ** 2
    for i in range(used):
        part = dot(vectors[i], inside) / (max(abs(values[i]), 1e-13 * largest) + shift)
        square += part * part
    return math.sqrt(square)


@algorithm(
    types.Tuple((I8, F8, F8, I8, I8)),
    KERNEL, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, F8, F8, I8, I8, F8,
)  # fmt: skip
def krylov_search(
    kernel,
    product,
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
    most,
    limit,
    radius,
):
    """Takes x in place to an index-one saddle with |g|/sqrt(N) <= tolerance, and on to the rounding floor.

    frozen, lower, upper, x, gradient, mode, radius: as for `saddle.follow_eigenvector`; most: largest dimension of a
    subspace. Returns (status, loss, rms gradient, gradient evaluations, Hessian-vector products).
    """
    n = x.size
    most = min(most, n - frozen.shape[0])
    basis = np.empty((most, n))
    images = np.empty((most, n))
    projected = np.empty((most, most))
    along = np.empty(most)
    warm = np.zeros((_WARM, n))
    scratch = np.empty(n)
    move = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    loss = kernel(x, gradient, reals, integers, workspace)
    remove_components(frozen, gradient)
    evaluations = 1
    products = 0
    size = rms(gradient)
    trust = FIRST_TRUST * largest_trust
    convex = 0
    pushes = 0
    stalled = False
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations, products
    # Some direction beside mode and gradient, lest a symmetry hides a soft mode from both.
    for i in range(n):
        warm[0, i] = math.cos(1.0 + i * i)
    kept = 1
    wanted = _STEP_RESIDUAL
    for cycle in range(limit):
        used = first_vectors(
            product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, mode,
            warm[:kept], scratch,
        )  # fmt: skip
        final = size <= tolerance
        if used == 0 or not math.isfinite(projected[0, 0]):
            return _NOT_FINITE, loss, size, evaluations, products
        used, climbed, values, vectors, slopes = complete_subspace(
            product, reals, integers, workspace, frozen, x, gradient, basis, images, projected, along, used, trust,
            wanted, final, scratch,
        )  # fmt: skip
        products += used
        combine(basis, vectors[climbed], used, mode)
        kept = 0
        for i in range(used):
            if i != climbed and kept < _WARM:
                combine(basis, vectors[i], used, warm[kept])
                kept += 1
        # A search may start in a minimum; one that comes to a minimum has fallen there.
        if final and not (cycle == 0 and values[0] > 0.0):
            if values[0] >= 0.0:
                return _FELL, loss, size, evaluations, products
            if used > 1 and values[1] <= 0.0:
                if pushes == MOST_PUSHES:
                    return _WRONG_INDEX, loss, size, evaluations, products
                # A saddle of higher index: leave it downhill along the second negative mode.
                pushes += 1
                combine(basis, vectors[1], used, move)
                loss = leave_saddle(
                    kernel, reals, integers, workspace, frozen, lower, upper, x, gradient, move, largest_trust
                )
                evaluations += 1
                size = rms(gradient)
                trust = FIRST_TRUST * largest_trust
                continue
            if stalled or size <= 1e-3 * tolerance:
                combine(basis, vectors[0], used, mode)
                return _CONVERGED, loss, size, evaluations, products
        convex = convex + 1 if values[0] > 0.0 else 0
        if convex > CONVEX_CYCLES:
            return _FELL, loss, size, evaluations, products
        accepted = False
        stopping = -1
        trial_loss = loss
        shift = 0.0
        error = math.inf
        while not accepted:
            shift, coefficients = ritz_step(values, vectors, slopes, climbed, trust)
            combine(basis, coefficients, used, move)
            combine(images, coefficients, used, scratch)
            share, stopping = room(x, move, lower, upper)
            if stopping >= 0:
                move *= share
                scratch *= share
            trial_loss = evaluate_move(
                kernel, reals, integers, workspace, frozen, lower, upper, x, move, stopping, trial, trial_gradient
            )
            evaluations += 1
            for i in range(n):
                scratch[i] = trial_gradient[i] - gradient[i] - scratch[i]
            length = norm(move)
            error = correction_length(basis, values, vectors, shift, scratch) / max(length, 1e-300)
            if math.isfinite(error) and (error <= WORST_ERROR or trust <= SMALLEST_TRUST or size <= tolerance):
                accepted = True
            elif trust <= SMALLEST_TRUST:
                return _NOT_FINITE, loss, size, evaluations, products
            trust = next_trust(trust, error, length, largest_trust)
        trial_size = rms(trial_gradient)
        stalled = size <= tolerance and values[0] < 0.0 and trial_size > 0.5 * size
        # Where whole Newton steps converge fast it pays to solve for them.
        fast = shift == 0.0 and error < 0.25
        wanted = max(_TIGHTEST, min(_STEP_RESIDUAL, trial_size / size)) if fast else _STEP_RESIDUAL
        if stalled and trial_size > size:
            continue
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        size = trial_size
        if stopping >= 0:
            return _HIT_BOUND, loss, size, evaluations, products
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations, products
    return _STEP_LIMIT, loss, size, evaluations, products
