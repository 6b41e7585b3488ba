"""Second derivatives by differences of gradients, inside a box.

Central differences with a step of the cube root of the rounding unit; beside a bound, where one of the two points
would lie outside, three-point differences on the inner side, of the same order. Errors are about 1e-10 of the largest
curvature.
"""

from collections.abc import Callable

import numpy as np

Gradient = Callable[[np.ndarray], np.ndarray]

_STEP = np.cbrt(np.finfo(np.float64).eps)
# Share of the largest eigenvalue below which one of a Hessian by differences has no certain sign: ten times the error.
NOISE = 1e-9


def _slope(gradient: Gradient, x: np.ndarray, direction: np.ndarray, step: float, back: float, ahead: float):
    """d gradient(x + t direction) / dt at t = 0; only -back <= t <= ahead may be visited. None if no way is open."""
    if back >= step and ahead >= step:
        return (gradient(x + step * direction) - gradient(x - step * direction)) / (2.0 * step)
    side = 1.0 if ahead >= back else -1.0
    step = min(step, 0.5 * max(ahead, back))
    if not step > 0.0:
        return None
    near = gradient(x + side * step * direction)
    far = gradient(x + side * 2.0 * step * direction)
    return side * (4.0 * near - far - 3.0 * gradient(x)) / (2.0 * step)


def difference_hessian(gradient: Gradient, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The Hessian at x, shape (N, N), symmetric; lower, upper: the box, each (N,), which holds x.

    Row and column of a coordinate that its bounds hold in place are zero.
    """
    n = len(x)
    rows = np.zeros((n, n))
    for i in range(n):
        # A power of two times a rounded number: what is added to x is what is divided by.
        step = _STEP * max(1.0, abs(x[i]))
        step = (x[i] + step) - x[i]
        direction = np.zeros(n)
        direction[i] = 1.0
        row = _slope(gradient, x, direction, step, x[i] - lower[i], upper[i] - x[i])
        if row is not None:
            rows[i] = row
    return 0.5 * (rows + rows.T)


def difference_product(
    gradient: Gradient, x: np.ndarray, v: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """The Hessian at x times v, shape (N,); lower, upper: the box, each (N,), which holds x."""
    length = float(np.abs(v).max(initial=0.0))
    if not length > 0.0:
        return np.zeros(len(x))
    direction = v / length
    step = _STEP * max(1.0, float(np.abs(x).max()))
    slope = _slope(gradient, x, direction, step, *_room(x, direction, lower, upper))
    if slope is None:
        # In a corner, where the direction leads out both ways, the coordinates one by one.
        return difference_hessian(gradient, x, lower, upper) @ v
    return length * slope


def _room(x: np.ndarray, direction: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """How far x may go back and ahead along the direction within the box."""
    moving = direction != 0.0
    with np.errstate(over="ignore"):
        down = (lower - x)[moving] / direction[moving]
        up = (upper - x)[moving] / direction[moving]
    return float(np.minimum(-np.minimum(down, up), np.inf).min()), float(np.maximum(down, up).min())
