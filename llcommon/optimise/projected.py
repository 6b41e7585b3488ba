"""L-BFGS in a box: a two-metric projection (Bertsekas, SIAM J. Control Optim. 20, 221, 1982).

Coordinates that a bound holds are left out of the memory and of the step; the others follow the step of L-BFGS, cut
off at the box, and are shortened until the loss does not rise, as in `steps.take_step`. In the interior this is the
quench of `lbfgs`, so a box does not change the basins within it.
"""

import math

import numpy as np

from llcommon.optimise.box import clip
from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.steps import FIRST_SCALE, LEAST_CURVATURE, MOST_STRETCH, STRETCH
from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, rms
from llcommon.seam import F8, I8, INTEGERS, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

_ROUNDING = 1e-14
_MOST_REDUCTIONS = 12


@algorithm(types.boolean, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, INTEGERS)
def split(x, gradient, lower, upper, reduced, held):
    """reduced becomes the gradient of the free coordinates, 0 for held ones; held: 1 for those; True if it changed."""
    changed = False
    for i in range(x.size):
        pressed = (x[i] <= lower[i] and gradient[i] > 0.0) or (x[i] >= upper[i] and gradient[i] < 0.0)
        reduced[i] = 0.0 if pressed else gradient[i]
        now = 1 if pressed else 0
        changed = changed or held[i] != now
        held[i] = now
    return changed


@algorithm(I8, MATRIX, MATRIX, VECTOR, I8, I8, INTEGERS)
def forget_held(steps, changes, curvature, stored, head, held):
    """Takes held coordinates out of the memory, oldest pair first again; returns how many pairs remain of use.

    Pairs as of `apply_inverse`; those without positive curvature in what is left are dropped with all before them.
    """
    memory = steps.shape[0]
    useful = 0
    for back in range(stored):
        j = (head - 1 - back) % memory
        for i in range(held.size):
            if held[i] == 1:
                steps[j, i] = 0.0
                changes[j, i] = 0.0
        product = dot(steps[j], changes[j])
        square = dot(changes[j], changes[j])
        if not (product > LEAST_CURVATURE * square and square > 0.0):
            break
        curvature[j] = 1.0 / product
        useful += 1
    return useful


@algorithm(
    types.Tuple((types.boolean, F8, I8)),
    KERNEL, *PACKED, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, F8, F8, VECTOR, VECTOR,
)  # fmt: skip
def step_in_box(
    kernel, reals, integers, workspace, lower, upper, x, reduced, direction, loss, maximum_step, trial, trial_gradient
):
    """As `steps.take_step`, each point tried put into the box; reduced: the gradient of the free coordinates."""
    slope = dot(direction, reduced)
    if slope < 0.0:
        direction *= -1.0
        slope = -slope
    length = norm(direction)
    if length > maximum_step:
        direction *= maximum_step / length
        slope *= maximum_step / length
    trial_loss = loss
    for number in range(1, _MOST_REDUCTIONS + 1):
        copy_into(x, trial)
        add_scaled(-1.0, direction, trial)
        clip(trial, lower, upper, -1)
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        rise = trial_loss - loss
        if rise <= _ROUNDING * (1.0 + abs(loss)):
            return True, trial_loss, number
        shrink = 0.1
        if math.isfinite(rise):
            shrink = min(0.5, max(0.1, 0.5 * slope / (rise + slope)))
        direction *= shrink
        slope *= shrink
    return False, trial_loss, _MOST_REDUCTIONS


@algorithm(types.Tuple((I8, F8, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, VECTOR, VECTOR, F8, I8, F8, I8, F8)
def projected_lbfgs(
    kernel, reals, integers, workspace, lower, upper, x, gradient, tolerance, memory, maximum_step, iterations, radius
):
    """Quenches x, put into the box first, in place until the free part of g has |g|/sqrt(N) <= tolerance.

    lower, upper: the box, (N,). gradient receives the last one, whole. Returns (status, loss, rms of the free part,
    evaluations). `radius`: |x| beyond which the quench has run away.
    """
    n = x.size
    steps = np.empty((memory, n))
    changes = np.empty((memory, n))
    curvature = np.empty(memory)
    weight = np.empty(memory)
    direction = np.empty(n)
    reduced = np.empty(n)
    held = np.zeros(n, dtype=np.int64)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    clip(x, lower, upper, -1)
    loss = kernel(x, gradient, reals, integers, workspace)
    evaluations = 1
    stored = 0
    head = 0
    scale = FIRST_SCALE
    stretch = 1.0
    split(x, gradient, lower, upper, reduced, held)
    size = rms(reduced)
    if not (math.isfinite(loss) and math.isfinite(size)):
        return _NOT_FINITE, loss, size, evaluations
    for _ in range(iterations):
        if size <= tolerance:
            return _CONVERGED, loss, size, evaluations
        copy_into(reduced, direction)
        first = scale * min(1.0, 1.0 / norm(reduced)) if stored == 0 else scale
        apply_inverse(steps, changes, curvature, weight, stored, head, first, direction)
        direction *= stretch
        accepted, trial_loss, used = step_in_box(
            kernel, reals, integers, workspace, lower, upper, x, reduced, direction, loss, maximum_step, trial,
            trial_gradient,
        )  # fmt: skip
        evaluations += used
        if not accepted:
            if stored == 0:
                return _NO_DESCENT, loss, size, evaluations
            stored = 0
            head = 0
            stretch = 1.0
            continue
        for i in range(n):
            steps[head, i] = trial[i] - x[i]
            changes[head, i] = trial_gradient[i] - gradient[i] if held[i] == 0 else 0.0
        product = dot(steps[head], changes[head])
        square = dot(changes[head], changes[head])
        copy_into(trial, x)
        copy_into(trial_gradient, gradient)
        loss = trial_loss
        changed = split(x, gradient, lower, upper, reduced, held)
        size = rms(reduced)
        if not math.isfinite(size):
            return _NOT_FINITE, loss, size, evaluations
        if dot(x, x) > radius * radius:
            return _LEFT_RADIUS, loss, size, evaluations
        # As in `lbfgs`.
        if product > LEAST_CURVATURE * square and square > 0.0:
            scale = product / square
            curvature[head] = 1.0 / product
            head = (head + 1) % memory
            stored = min(stored + 1, memory)
            stretch = 1.0
        else:
            stretch = min(stretch * STRETCH, MOST_STRETCH)
        if changed:
            stored = forget_held(steps, changes, curvature, stored, head, held)
    if size <= tolerance:
        return _CONVERGED, loss, size, evaluations
    return _STEP_LIMIT, loss, size, evaluations
