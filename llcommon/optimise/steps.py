"""What the quenches share: the cap and the acceptance of a step.

As customary for energy landscapes, a step is accepted if the loss does not rise; the cap on its length, not a
Wolfe condition, keeps a quench in the basin where it started.
"""

import math

from llcommon.optimise.vectors import add_scaled, copy_into, dot
from llcommon.seam import F8, I8, KERNEL, PACKED, VECTOR, algorithm, types

# A rise of the loss below this share of its size is rounding, not a bad step.
_ROUNDING = 1e-14
_MOST_REDUCTIONS = 12

FIRST_SCALE = 0.1  # of the first step, in units of the gradient
STRETCH = 4.0  # of the next step, where the last one met negative curvature
MOST_STRETCH = 1e12
LEAST_CURVATURE = 1e-12  # of a step, relative to the change of the gradient, to learn from it


@algorithm(types.Tuple((types.boolean, F8, I8)), KERNEL, *PACKED, VECTOR, VECTOR, VECTOR, F8, F8, VECTOR, VECTOR)
def take_step(kernel, reals, integers, workspace, x, gradient, direction, loss, maximum_step, trial, trial_gradient):
    """Steps from x along -direction, turned downhill and capped in place, shortened until the loss does not rise.

    trial and trial_gradient receive the point reached; `direction` is then what was subtracted. Returns
    (accepted, loss there, evaluations).
    """
    slope = dot(direction, gradient)
    if slope < 0.0:
        direction *= -1.0
        slope = -slope
    length = math.sqrt(dot(direction, direction))
    if length > maximum_step:
        direction *= maximum_step / length
        slope *= maximum_step / length
    evaluations = 0
    trial_loss = loss
    for _ in range(_MOST_REDUCTIONS):
        copy_into(x, trial)
        add_scaled(-1.0, direction, trial)
        trial_loss = kernel(trial, trial_gradient, reals, integers, workspace)
        evaluations += 1
        rise = trial_loss - loss
        if rise <= _ROUNDING * (1.0 + abs(loss)):
            return True, trial_loss, evaluations
        # Minimum of the parabola through both losses and the slope, kept within [0.1, 0.5].
        shrink = 0.1
        if math.isfinite(rise):
            shrink = min(0.5, max(0.1, 0.5 * slope / (rise + slope)))
        direction *= shrink
        slope *= shrink
    return False, trial_loss, evaluations
