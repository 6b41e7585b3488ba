"""The memory of L-BFGS: the two-loop recursion (Nocedal, Math. Comput. 35, 773, 1980) over a ring of past steps."""

from numba import njit

from llcommon.optimise.vectors import add_scaled, dot
from llcommon.seam import F8, I8, MATRIX, SUMMING, VECTOR, types

_CALLED = {key: value for key, value in SUMMING.items() if key != "nogil"}


@njit(types.void(MATRIX, MATRIX, VECTOR, VECTOR, I8, I8, F8, VECTOR), **_CALLED)
def apply_inverse(steps, changes, curvature, weight, stored, head, scale, direction):
    """direction becomes the approximate inverse Hessian times direction, (N,), in place.

    steps, changes: rings of past steps and gradient changes, (memory, N), of which `stored` rows ending before row
    `head` count; curvature: 1 / (step . change) of each; weight: scratch, (memory,); scale: of the initial inverse.
    """
    memory = steps.shape[0]
    for back in range(stored):
        j = (head - 1 - back) % memory
        weight[j] = curvature[j] * dot(steps[j], direction)
        add_scaled(-weight[j], changes[j], direction)
    for i in range(direction.size):
        direction[i] *= scale
    for ahead in range(stored):
        j = (head - stored + ahead) % memory
        add_scaled(weight[j] - curvature[j] * dot(changes[j], direction), steps[j], direction)
