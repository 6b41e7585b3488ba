"""Hybrid eigenvector following (Munro and Wales, Phys. Rev. B 59, 3969, 1999) with Hessian-vector products.

Cycles of: the lowest eigenvector by a few warm-started Lanczos steps, one step uphill along it, and an
L-BFGS minimisation in the space orthogonal to it. For models whose dense Hessian is too dear; on small ones
`saddle.follow_eigenvector` converges more often (iris, lambda 1e-4: 97 % of band candidates against 86 %).
"""

import math

import numpy as np

from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.vectors import add_scaled, dot, norm, remove_components, rms
from llcommon.seam import F8, HESSIAN_VECTOR, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)
_FELL = int(Status.FELL_TO_MINIMUM)

_LANCZOS_STEPS = 8
_LANCZOS_TOLERANCE = 0.02  # residual of the eigenvector relative to the eigenvalue
_MEMORY = 12
_CONVEX_CYCLES = 15  # consecutive cycles without negative curvature before the search is given up
_TANGENT_CAP = 0.2  # longest step in the tangent space, coordinate distance
_SMALLEST_CLIMB = 1e-3


@algorithm(types.Tuple((F8, I8)), HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, I8, F8)
def lowest_mode(product, reals, integers, workspace, zero_modes, x, mode, most, tolerance):
    """Improves `mode`, a unit vector (N,), towards the lowest eigenvector of the Hessian at x.

    Lanczos with full orthogonalisation from the given mode, at most `most` steps, until the residual is
    `tolerance` times the eigenvalue. Returns (eigenvalue, Hessian-vector products).
    """
    n = x.size
    basis = np.empty((most + 1, n))
    tridiagonal = np.zeros((most, most))
    remove_components(zero_modes, mode)
    mode /= norm(mode)
    basis[0] = mode
    value = 0.0
    used = 0
    weights = np.ones(1)
    for k in range(most):
        following = basis[k + 1]
        product(x, basis[k], following, reals, integers, workspace)
        remove_components(zero_modes, following)
        used += 1
        tridiagonal[k, k] = dot(following, basis[k])
        for _ in range(2):
            for j in range(k + 1):
                add_scaled(-dot(following, basis[j]), basis[j], following)
        size = norm(following)
        values, vectors = np.linalg.eigh(tridiagonal[: k + 1, : k + 1])
        value = values[0]
        weights = vectors[:, 0].copy()
        if size * abs(weights[k]) <= tolerance * abs(value) or k + 1 == min(most, n - zero_modes.shape[0]):
            break
        following /= size
        tridiagonal[k, k + 1] = size
        tridiagonal[k + 1, k] = size
    mode[:] = 0.0
    for j in range(used):
        add_scaled(weights[j], basis[j], mode)
    mode /= norm(mode)
    return value, used


@algorithm(types.Tuple((F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, VECTOR, F8, I8)
def relax_across(kernel, reals, integers, workspace, x, gradient, mode, tolerance, steps):
    """L-BFGS from x in place in the space orthogonal to the unit vector `mode`.

    gradient (N,) holds the full gradient at x before and after. Stops when the part across the mode has the root mean
    square `tolerance`, or after `steps`. Returns (loss, evaluations).
    """
    n = x.size
    moves = np.empty((_MEMORY, n))
    changes = np.empty((_MEMORY, n))
    curvature = np.empty(_MEMORY)
    weight = np.empty(_MEMORY)
    across = gradient.copy()
    add_scaled(-dot(mode, across), mode, across)
    direction = np.empty(n)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    trial_across = np.empty(n)
    stored = 0
    head = 0
    scale = 0.1
    evaluations = 0
    loss = math.nan
    for _ in range(steps):
        if rms(across) <= tolerance:
            break
        direction[:] = across
        first = scale * min(1.0, 1.0 / norm(across)) if stored == 0 else scale
        apply_inverse(moves, changes, curvature, weight, stored, head, first, direction)
        if dot(direction, across) < 0.0:
            direction *= -1.0
        length = norm(direction)
        if length > _TANGENT_CAP:
            direction *= _TANGENT_CAP / length
        accepted = False
        for _reduction in range(6):
            trial[:] = x
            add_scaled(-1.0, direction, trial)
            trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
            evaluations += 1
            trial_across[:] = trial_gradient
            add_scaled(-dot(mode, trial_across), mode, trial_across)
            if math.isfinite(trial_loss) and (math.isnan(loss) or trial_loss <= loss + 1e-14 * (1.0 + abs(loss))):
                accepted = True
                break
            direction *= 0.25
        if not accepted:
            break
        product = 0.0
        square = 0.0
        for i in range(n):
            moves[head, i] = trial[i] - x[i]
            changes[head, i] = trial_across[i] - across[i]
            product += moves[head, i] * changes[head, i]
            square += changes[head, i] * changes[head, i]
        x[:] = trial
        gradient[:] = trial_gradient
        across[:] = trial_across
        loss = trial_loss
        if product > 1e-12 * square and square > 0.0:
            scale = product / square
            curvature[head] = 1.0 / product
            head = (head + 1) % _MEMORY
            stored = min(stored + 1, _MEMORY)
    return loss, evaluations


@algorithm(
    types.Tuple((I8, F8, I8, I8)),
    KERNEL, HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, VECTOR, VECTOR, F8, F8, I8, I8, F8,
)  # fmt: skip
def hybrid_search(
    kernel,
    product,
    reals,
    integers,
    workspace,
    zero_modes,
    x,
    gradient,
    mode,
    tolerance,
    climb,
    relaxations,
    limit,
    radius,
):
    """Takes x in place near an index-one saddle, to |g|/sqrt(N) <= tolerance with negative curvature.

    mode: unit vector (N,), the direction to climb in the first cycle; receives the lowest eigenvector. climb: longest
    step uphill; relaxations: L-BFGS steps across the mode in one cycle; limit: cycles. Returns (status, rms gradient,
    gradient evaluations, Hessian-vector products).
    """
    kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    products = 0
    convex = 0
    trust = climb
    for cycle in range(limit):
        size = rms(gradient)
        if not math.isfinite(size):
            return _NOT_FINITE, size, evaluations, products
        # The first cycle climbs along what it was given: a tangent of a band, say.
        most = 1 if cycle == 0 else _LANCZOS_STEPS
        value, used = lowest_mode(product, reals, integers, workspace, zero_modes, x, mode, most, _LANCZOS_TOLERANCE)
        products += used
        if size <= tolerance and value < 0.0:
            return _CONVERGED, size, evaluations, products
        convex = convex + 1 if value > 0.0 else 0
        if convex > _CONVEX_CYCLES:
            return _FELL, size, evaluations, products
        slope = dot(gradient, mode)
        if value > 0.0:
            step = math.copysign(trust, slope)
        else:
            ratio = slope / value
            step = -2.0 * ratio / (1.0 + math.sqrt(1.0 + 4.0 * ratio * ratio))
            step = max(-trust, min(trust, step))
        add_scaled(step, mode, x)
        kernel(x, gradient, reals, integers, workspace)
        evaluations += 1
        if value < 0.0 and step != 0.0:
            error = abs(1.0 - (dot(gradient, mode) - slope) / (step * value))
            trust = max(trust / 1.5, _SMALLEST_CLIMB) if error > 1.0 else min(1.5 * trust, climb)
        # Across the mode no further than what the slope along it makes worthwhile.
        wanted = max(0.1 * abs(slope) / math.sqrt(x.size), 0.3 * tolerance)
        _, used = relax_across(kernel, reals, integers, workspace, x, gradient, mode, wanted, relaxations)
        evaluations += used
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, rms(gradient), evaluations, products
    return _STEP_LIMIT, rms(gradient), evaluations, products
