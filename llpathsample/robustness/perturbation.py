"""How much the loss changes where a minimum is displaced: on average over directions, and at worst.

For a displacement u, |u| = p, uniform in direction among the d that are free, L(x + u) - L(x) = u^T H u / 2 + ..., with
the mean p^2 tr H / (2 d) and the largest value p^2 lambda_max / 2. Both are measured besides:

- the mean over random directions, taken in opposite pairs, which cancels odd orders. u^T H u / 2, whose mean is known,
  is taken off as a control variate with the factor that makes the variance least; that of one half of the directions
  is used for the other half, so that the mean stays unbiased. The directions are the same for all minima.
- the largest value on the ball by projected gradient ascent (`llcommon.optimise.ascent`) from both signs of the leading
  eigenvectors, from the highest of the random displacements and from where the next smaller ball had it: a value that
  the loss takes, so a lower bound of the maximum.

In a box, displacements that would leave it end on its sides. Where the loss is not finite it counts as infinite.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.ascent import ascend, losses_beside
from llcommon.optimise.box import box, frozen_directions
from llpathsample.robustness.curvature import Curvature

_MOST_STEPS = 200
_TOLERANCE = 1e-7  # of the rise of the loss
_BLOCK_BYTES = 64e6  # of displaced points at a time


@dataclass(frozen=True)
class Change:
    """By how much the loss changes at the radius p. expected: measured mean with its standard error `error`; worst:
    largest change found on the ball; the others by the Hessian."""

    radius: float
    expected_quadratic: float
    expected: float
    error: float
    worst_quadratic: float
    worst: float


def directions(normal: np.ndarray, frozen: np.ndarray, gaussian: bool) -> np.ndarray:
    """Random displacements, (s, N), off the orthonormal rows of `frozen`, from standard normal numbers of that shape.

    All of length 1; if gaussian, normal with a mean square length of 1.
    """
    rows = normal - (normal @ frozen.T) @ frozen
    if gaussian:
        return rows / np.sqrt(rows.shape[1] - len(frozen))
    return rows / np.linalg.norm(rows, axis=1)[:, None]


def changes(
    model: LossModel,
    x: np.ndarray,
    active: np.ndarray | None,
    found: Curvature,
    radii: np.ndarray,
    normal: np.ndarray,
    gaussian: bool = False,
    starts: int = 3,
) -> list[Change]:
    """Changes of the loss at rising radii around the minimum x, (N,), whose curvature is `found`.

    active: as of `box.active_set`, or None. normal: (s, N) standard normal numbers, for 2 s displacements. starts: how
    many of the highest of these an ascent begins from.
    """
    frozen = frozen_directions(model, x, active)
    bounds = box(model)
    loss = model.value(x)
    unit = directions(normal, frozen, gaussian)
    quadratic = None
    if found.hessian is not None:
        quadratic = 0.5 * np.einsum("si,si->s", unit @ found.hessian, unit)
    best = np.zeros((0, model.dimension))
    rows = []
    for radius in radii.tolist():
        up, down = (_losses(model, x, sign * radius * unit, bounds) - loss for sign in (1.0, -1.0))
        mean = radius**2 * found.trace.value / (2.0 * found.dimension)
        expected, error = _expected(0.5 * (up + down), None if quadratic is None else radius**2 * quadratic, mean)
        both = np.concatenate([up, down])
        highest = np.argsort(-both, kind="stable")[:starts]
        sides = np.vstack([unit, -unit])[highest] * radius
        points = np.vstack([radius * found.leading, -radius * found.leading, sides, best])
        worst = _worst(model, x, frozen, bounds, radius, points, loss)
        rows.append(Change(radius, mean, expected, error, 0.5 * radius**2 * found.largest, worst[0]))
        best = worst[1][None, :]
    return rows


def _losses(model: LossModel, x: np.ndarray, moves: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Losses at the displaced points, (s,), inf where they are not finite."""
    losses = np.empty(len(moves))
    block = max(1, int(_BLOCK_BYTES / (8.0 * x.size)))
    for first in range(0, len(moves), block):
        inside = np.clip(x + moves[first : first + block], *bounds) - x
        some = np.empty(len(inside))
        losses_beside(model.kernel, *model.packed, x, np.ascontiguousarray(inside), some)
        losses[first : first + block] = some
    return np.where(np.isfinite(losses), losses, np.inf)


def _expected(pairs: np.ndarray, control: np.ndarray | None, mean: float) -> tuple[float, float]:
    """Mean of `pairs`, (s,), and its standard error, with a control variate, (s,), whose expectation is `mean`."""
    if not np.isfinite(pairs).all():
        return float("inf"), float("nan")
    rest = pairs
    if control is not None and len(pairs) >= 4:
        off = control - mean
        factors = np.empty(len(pairs))
        halves = np.arange(len(pairs)) % 2
        for half in (0, 1):
            others = halves != half
            spread = off[others] - off[others].mean()
            size = float(spread @ spread)
            factors[~others] = float(spread @ pairs[others]) / size if size > 0.0 else 0.0
        rest = pairs - factors * off
    return float(rest.mean()), float(rest.std(ddof=1) / np.sqrt(len(rest)))


def _worst(
    model: LossModel,
    x: np.ndarray,
    frozen: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    radius: float,
    starts: np.ndarray,
    loss: float,
) -> tuple[float, np.ndarray]:
    """The largest change found by ascents from the rows of `starts`, and the displacement there, (N,)."""
    highest, place = -np.inf, np.zeros(x.size)
    for start in starts:
        move = np.array(start)
        reached, _ = ascend(
            model.kernel, *model.packed, frozen, *bounds, x, radius, move, _MOST_STEPS, _TOLERANCE
        )
        if reached > highest:
            highest, place = reached, move
    return float(highest - loss), place
