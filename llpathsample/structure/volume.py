"""The weight of a basin beyond the harmonic approximation, by annealed importance sampling.

Wanted is, over the basin of attraction B of a minimum (`basin`),

    Z = integral over B of exp(-(L(x) - L_min) / T) dx,          or its volume, T infinite, if a radius or a box limits it.

From the Gaussian of the harmonic approximation, made narrow enough that half of it or more lies in B, and whose integral
is known, densities lead there in steps j:

    f_j(x) = 1_B(x) exp(-a_j h(x) - b_j (L(x) - L_min)),    h the harmonic loss, (a, b) from (a_0, 0) to (0, 1 / T).

Each of many independent trajectories draws a point from the Gaussian; in each step its weight is multiplied by
f_j / f_(j-1) at the point, which then makes Metropolis moves that leave f_j alone. The mean weight is the ratio of Z and the
integral of the Gaussian, without bias however few the steps (R. M. Neal, Stat. Comput. 11, 125, 2001); the trajectories
are independent, so resampling them gives the error. It is the path of umbrella sampling and thermodynamic integration
for basin volumes (N. Xu, D. Frenkel and A. J. Liu, Phys. Rev. Lett. 106, 245502, 2011; S. Martiniani, K. J. Schrenk, J.
D. Stevenson, D. J. Wales and D. Frenkel, Phys. Rev. E 93, 012906, 2016) without an equilibration that must be believed.

Moves are those of a preconditioned walk, z' = sqrt(1 - (a + b) d^2) z + d xi, which alone would keep the harmonic part of
f_j (S. L. Cotter, G. O. Roberts, A. M. Stuart and D. White, Stat. Sci. 28, 424, 2013). A pilot of its own random numbers
chooses a_0, the steps and the lengths d; what it draws is not used again.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from llcommon.rng import generator
from llpathsample.structure.basin import Basin, Point

_PILOT = 16  # trajectories
_INSIDE = 0.5  # share of the first Gaussian in the basin
_EVENNESS = 0.9  # of the pilot's weights in one step: effective over true number
_MOST_STEPS = 400
_MOST_WIDTHS = 80
_RESAMPLES = 1000
_FEW = 10.0  # effective trajectories below which an error bar is not to be believed
_LEAST_ACCEPTED, _MOST_ACCEPTED = 0.2, 0.5


@dataclass(frozen=True)
class Ladder:
    """The steps of a basin: harmonic and loss, (s,), the factors a_j and b_j, the first those of the Gaussian; lengths
    (s,) of moves at each, the first unused. descents: what the pilot took."""

    harmonic: np.ndarray
    loss: np.ndarray
    lengths: np.ndarray
    moves: int
    descents: int


@dataclass(frozen=True)
class Trajectory:
    """ln of the weight, -inf if it began outside; moves that were accepted and made, and descents."""

    log_weight: float
    accepted: int
    tried: int
    descents: int


@dataclass(frozen=True)
class Estimate:
    """log_integral: ln Z, or ln of the volume. log_ratio: ln of Z over its harmonic approximation, NaN of a volume.
    error: standard error of both. effective: number of trajectories of equal weight that would tell as much.
    trajectories, outside: how many there were, and how many began outside of the basin. descents: quenches, the
    pilot's too."""

    log_integral: float
    log_ratio: float
    error: float
    effective: float
    trajectories: int
    outside: int
    acceptance: float
    steps: int
    descents: int

    @property
    def reliable(self) -> bool:
        """Whether there are enough trajectories for the error to be believed."""
        return self.effective >= _FEW


def ladder_of(basin: Basin, temperature: float, moves: int, seed: int, key: int) -> Ladder | None:
    """The steps for a basin, by a pilot; None if no Gaussian fits into it, or the steps become too many.

    temperature: inf for the volume. moves: of each trajectory in each step. key: number of the basin; the same basin,
    key and seed give the same steps.
    """
    before = basin.descents
    rng = generator(seed, "basin volume", "pilot", key)
    width = _first_width(basin, temperature, rng)
    if width is None:
        return None
    first, points = width
    goal = 0.0 if np.isinf(temperature) else 1.0 / temperature
    harmonic, loss, lengths = [first], [0.0], [0.0]
    done, length = 0.0, 1.0 / np.sqrt(first)
    while done < 1.0:
        if len(harmonic) > _MOST_STEPS:
            return None
        done = _next(points, first, goal, done)
        a, b = first * (1.0 - done), goal * done
        longest = 1.0 / np.sqrt(a + b) if a + b > 0.0 else np.inf
        length = min(length, longest)
        for _ in range(max(moves, 2)):
            walked = [_moved(basin, point, a, b, length, rng) for point in points]
            share = np.mean([new is not old for new, old in zip(walked, points, strict=True)])
            points = walked
            if share < _LEAST_ACCEPTED:
                length *= 0.6
            elif share > _MOST_ACCEPTED:
                length = min(1.5 * length, longest)
        harmonic.append(a)
        loss.append(b)
        lengths.append(length)
    steps = (np.array(column) for column in (harmonic, loss, lengths))
    return Ladder(*steps, moves, basin.descents - before)


def _first_width(basin: Basin, temperature: float, rng: np.random.Generator) -> tuple[float, list[Point]] | None:
    """a_0 of the widest Gaussian of some that lies in the basin by half, no wider than the temperature's; and points of
    it inside."""
    factor = 2.0 ** (1.0 / max(1.0, np.sqrt(basin.dimension) / 4.0))
    draws = rng.standard_normal((_PILOT, basin.dimension))
    volume = bool(np.isinf(temperature))
    a = basin.dimension / max(2.0 * abs(basin.loss), 1e-3) if volume else 1.0 / temperature

    def inside(a: float) -> list[Point]:
        found = [basin.at(draw / np.sqrt(a)) for draw in draws]
        return [point for point in found if point is not None and basin.holds(point)]

    points = inside(a)
    widening = volume and len(points) >= _INSIDE * _PILOT
    step = 1.0 / factor if widening else factor
    for _ in range(_MOST_WIDTHS):
        enough = len(points) >= _INSIDE * _PILOT
        if enough and not widening:
            return a, points
        further = inside(a * step)
        if widening and len(further) < _INSIDE * _PILOT:
            return a, points
        a, points = a * step, further
        step = step**1.3 if abs(np.log(step)) < 3.0 else step
    return None


def _next(points: list[Point], first: float, goal: float, done: float) -> float:
    """How far along the way the next step may go for weights that stay even."""
    slopes = np.array([goal * point.rise - first * point.harmonic for point in points])

    def even(to: float) -> bool:
        weights = -(to - done) * slopes
        total = 2.0 * logsumexp(weights) - logsumexp(2.0 * weights)
        return bool(np.exp(total) >= _EVENNESS * len(points))

    if even(1.0):
        return 1.0
    # Bisection of the remaining way on a logarithmic scale, as it may have to be divided by many powers of ten.
    low, high = -50.0, 0.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if even(done + (1.0 - done) * np.exp(middle)) else (low, middle)
    return done + (1.0 - done) * float(np.exp(low))


def _moved(basin: Basin, point: Point, a: float, b: float, length: float, rng: np.random.Generator) -> Point:
    """The point after one Metropolis move; the same object if it was refused."""
    keep = np.sqrt(max(0.0, 1.0 - (a + b) * length**2))
    proposed = basin.at(keep * point.z + length * rng.standard_normal(len(point.z)))
    chance = np.log(rng.random())
    if proposed is None:
        return point
    # The walk keeps (a + b) h; what is left of ln f is b (h - rise).
    gain = b * ((proposed.harmonic - proposed.rise) - (point.harmonic - point.rise))
    if chance >= gain or not basin.holds(proposed):
        return point
    return proposed


def trajectory(basin: Basin, ladder: Ladder, seed: int, key: int, number: int) -> Trajectory:
    """One trajectory up a ladder; seed, key and number alone decide what is drawn."""
    rng = generator(seed, "basin volume", key, number)
    before = basin.descents
    point = basin.at(rng.standard_normal(basin.dimension) / np.sqrt(ladder.harmonic[0]))
    if point is None or not basin.holds(point):
        return Trajectory(-np.inf, 0, 0, basin.descents - before)
    log_weight, accepted, tried = 0.0, 0, 0
    steps = list(zip(ladder.harmonic.tolist(), ladder.loss.tolist(), ladder.lengths.tolist(), strict=True))
    for (a_before, b_before, _), (a, b, length) in zip(steps[:-1], steps[1:], strict=True):
        log_weight -= (a - a_before) * point.harmonic + (b - b_before) * point.rise
        for _ in range(ladder.moves):
            moved = _moved(basin, point, a, b, length, rng)
            accepted += moved is not point
            tried += 1
            point = moved
    return Trajectory(log_weight, accepted, tried, basin.descents - before)


def estimate(
    basin_dimension: int,
    lpphe: float,
    temperature: float,
    ladder: Ladder,
    trajectories: list[Trajectory],
    seed: int,
    key: int,
) -> Estimate:
    """Z and its error by trajectories, of which one at least must have begun inside."""
    weights = np.array([one.log_weight for one in trajectories])
    count = len(weights)
    half = 0.5 * basin_dimension
    mean = logsumexp(weights) - np.log(count)
    log_integral = mean + half * np.log(2.0 * np.pi / ladder.harmonic[0]) - 0.5 * lpphe
    harmonic = half * np.log(2.0 * np.pi * temperature) - 0.5 * lpphe
    rng = generator(seed, "basin volume", "resampling", key)
    shifted = np.exp(weights - weights.max())
    means = shifted[rng.integers(count, size=(_RESAMPLES, count))].mean(axis=1)
    # Resamples that consist of trajectories from outside alone have no logarithm.
    error = float(np.std(np.log(means[means > 0.0]), ddof=1)) if count > 1 else float("nan")
    tried = sum(one.tried for one in trajectories)
    return Estimate(
        log_integral=float(log_integral),
        log_ratio=float(log_integral - harmonic) if np.isfinite(temperature) else float("nan"),
        error=error,
        effective=float(np.exp(2.0 * logsumexp(weights) - logsumexp(2.0 * weights))),
        trajectories=count,
        outside=int(np.isneginf(weights).sum()),
        acceptance=sum(one.accepted for one in trajectories) / max(tried, 1),
        steps=len(ladder.harmonic) - 1,
        descents=ladder.descents + sum(one.descents for one in trajectories),
    )
