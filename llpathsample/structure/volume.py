"""The weight of a basin beyond the harmonic approximation, by populations of points that grow from the harmonic to it.

Wanted is, over the basin of attraction B of a minimum (`basin`),

    Z = integral over B of exp(-(L(x) - L_min) / T) dx,

or its volume, T infinite, if a radius or a box limits it. From the Gaussian of the harmonic approximation, made narrow
enough that half of it or more lies in B, and whose integral is known, densities lead there in steps j:

    f_j(x) = 1_B(x) exp(-a_j h(x) - b_j (L(x) - L_min)),    h the harmonic loss, (a, b) from (a_0, 0) to (0, 1 / T).

A population of points is drawn from the Gaussian; in each step every point takes a weight f_j / f_(j-1), points are
drawn anew by these weights once they are uneven, and all make Metropolis moves that leave f_j alone. The product of the
mean weights estimates the ratio of Z and the integral of the Gaussian without bias, however few the points and steps
(P. Del Moral, A. Doucet and A. Jasra, J. R. Stat. Soc. B 68, 411, 2006; in physics population annealing, K. Hukushima
and Y. Iba, AIP Conf. Proc. 690, 200, 2003). Several populations are independent of each other, so their spread is the
error. It is the path of umbrella sampling and thermodynamic integration for basin volumes (N. Xu, D. Frenkel and A. J.
Liu, Phys. Rev. Lett. 106, 245502, 2011; S. Martiniani, K. J. Schrenk, J. D. Stevenson, D. J. Wales and D. Frenkel,
Phys. Rev. E 93, 012906, 2016) without chains whose equilibration must be believed.

Moves are those of a preconditioned walk, z' = sqrt(1 - (a + b) d^2) z + d xi, which alone would keep the harmonic part
of f_j (S. L. Cotter, G. O. Roberts, A. M. Stuart and D. White, Stat. Sci. 28, 424, 2013). A pilot of its own random
numbers chooses a_0, the steps and the lengths d; what it draws is not used again.

Unbiased is the mean over ever so many populations. A part of B that no population reaches, behind a narrow neck, is
missing from the estimate and from the spread: then it is too small by more than the error says. So `direct` checks it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from llcommon.rng import generator
from llpathsample.structure.basin import Basin, Point

_PILOT = 32  # points
_TRIAL = 16  # of them that look for the first Gaussian
_INSIDE = 0.5  # share of the first Gaussian in the basin
_VARIANCE = 0.1  # of the pilot's ln weights in one step
_FLAT = 0.5  # exponent of a Gaussian up to which it makes no difference
_UNEVEN = 0.5  # effective over true number of points below which they are drawn anew
_MOST_STEPS = 1000
_MOST_WIDTHS = 60
_HALVINGS = 4
_LEAST_ACCEPTED, _MOST_ACCEPTED = 0.2, 0.5
RELIABLE = 0.5  # standard error of ln Z up to which it says something


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
class Population:
    """log_ratio: ln of its estimate of Z over the integral of the first Gaussian, -inf if no point began inside.
    outside: how many points did not. Moves accepted and tried, and descents made. survivors: how many of the first
    points the last ones come from."""

    log_ratio: float
    outside: int
    accepted: int
    tried: int
    survivors: int
    descents: int


@dataclass(frozen=True)
class Estimate:
    """log_integral: ln Z, or ln of the volume. log_harmonic: of its harmonic approximation, inf of a volume, NaN where
    a bound holds a coordinate.
    error: standard error of ln Z, by the spread of the populations, NaN of a single one. populations: how many;
    outside: share of first points outside of the basin; survivors: on average. descents: ways down followed, those of
    the pilot too."""

    log_integral: float
    log_harmonic: float
    error: float
    populations: int
    outside: float
    acceptance: float
    survivors: float
    steps: int
    descents: int

    @property
    def log_ratio(self) -> float:
        """ln of Z over its harmonic approximation; -inf of a volume."""
        return self.log_integral - self.log_harmonic


def ladder_of(basin: Basin, temperature: float, moves: int, seed: int, key: int) -> Ladder | None:
    """The steps for a basin, by a pilot; None if no Gaussian fits into it, or the steps become too many.

    temperature: inf for the volume. moves: of each trajectory in each step. key: number of the basin; the same basin,
    key and seed give the same steps.
    """
    before = basin.descents
    rng = generator(seed, "basin volume", "pilot", key)
    first = _first_width(basin, temperature, rng)
    if first is None:
        return None
    goal = 0.0 if np.isinf(temperature) else 1.0 / temperature
    points, _ = _first_points(basin, first, _PILOT, rng)
    if len(points) < 2:
        return None
    harmonic, loss, lengths = [first], [0.0], [0.0]
    done, length = 0.0, 1.0 / np.sqrt(first)
    while done < 1.0:
        if len(harmonic) > _MOST_STEPS:
            return None
        deviation = float(np.std(_slopes(points, first, goal), ddof=1))
        further = done + np.sqrt(_VARIANCE) / deviation if deviation > 0.0 else 1.0
        done = min(1.0, further, _widest(points, first, goal, done))
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


def _first_width(basin: Basin, temperature: float, rng: np.random.Generator) -> float | None:
    """a_0 of the widest Gaussian that lies in the basin by half or more, no wider than the temperature's; None if none
    is found."""
    draws = rng.standard_normal((_TRIAL, basin.dimension))

    def fits(a: float) -> bool:
        found = [basin.drawn(a, draw) for draw in draws]
        return sum(basin.holds(point) for point in found if point is not None) >= _INSIDE * _TRIAL

    volume = bool(np.isinf(temperature))
    a = basin.dimension / max(2.0 * abs(basin.loss), 1e-3) if volume else 1.0 / temperature
    fitting = fits(a)
    if fitting and not volume:
        return a
    factor = 2.0 ** (-1.0 if fitting else 1.0)
    for _ in range(_MOST_WIDTHS):
        before, a = a, a * factor
        if fits(a) != fitting:
            break
    else:
        return None
    # Between the two the share inside falls through one half.
    narrow, wide = max(a, before), min(a, before)
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(narrow * wide))
        narrow, wide = (middle, wide) if fits(middle) else (narrow, middle)
    return narrow


def _widest(points: list[Point], first: float, goal: float, done: float) -> float:
    """How far the next step may go for points to spread as far as it lets them.

    a + b falls to half at most, as what the points do not yet reach is not in the variance of their weights; to zero
    only where the Gaussian is flat over all of them.
    """
    now = first * (1.0 - done) + goal * done
    if goal == 0.0 and now * max(point.harmonic for point in points) < _FLAT:
        return 1.0
    fall = first - goal
    return done + 0.5 * now / fall if fall > 0.0 else 1.0


def _slopes(points: list[Point], first: float, goal: float) -> np.ndarray:
    """Falls of ln f_j along the way from (first, 0) to (0, goal), (p,)."""
    return np.array([first * point.harmonic - goal * point.rise for point in points])


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


def _first_points(basin: Basin, first: float, count: int, rng: np.random.Generator) -> tuple[list[Point], int]:
    """Those of `count` points of the first Gaussian that lie in the basin, and how many do not."""
    drawn = [basin.drawn(first, rng.standard_normal(basin.dimension)) for _ in range(count)]
    points = [point for point in drawn if point is not None and basin.holds(point)]
    return points, count - len(points)


def population(basin: Basin, ladder: Ladder, count: int, seed: int, key: int, number: int) -> Population:
    """`count` points up a ladder; seed, key and number alone decide what is drawn."""
    rng = generator(seed, "basin volume", key, number)
    before = basin.descents
    points, outside = _first_points(basin, float(ladder.harmonic[0]), count, rng)
    if not points:
        return Population(-np.inf, outside, 0, 0, 0, basin.descents - before)
    log_ratio = np.log(len(points) / count)
    weights, origins = np.zeros(len(points)), np.arange(len(points))
    first, goal = float(ladder.harmonic[0]), float(ladder.loss[-1])
    accepted, tried, done = 0, 0, 0.0
    columns = (ladder.harmonic[1:].tolist(), ladder.loss[1:].tolist(), ladder.lengths[1:].tolist())
    for a, b, length in zip(*columns, strict=True):
        now = 1.0 - a / first
        weights += (now - done) * _slopes(points, first, goal)
        done = now
        if _effective(weights) < _UNEVEN * len(points):
            log_ratio += logsumexp(weights) - np.log(len(points))
            chosen = _drawn_anew(weights, rng)
            points, origins = [points[k] for k in chosen.tolist()], origins[chosen]
            weights = np.zeros(len(points))
        for _ in range(ladder.moves):
            walked = [_moved(basin, point, a, b, length, rng) for point in points]
            accepted += sum(new is not old for new, old in zip(walked, points, strict=True))
            tried += len(points)
            points = walked
    log_ratio += logsumexp(weights) - np.log(len(points))
    survivors = len(np.unique(origins))
    return Population(float(log_ratio), outside, accepted, tried, survivors, basin.descents - before)


def _effective(log_weights: np.ndarray) -> float:
    """Number of equal weights that would tell as much."""
    return float(np.exp(2.0 * logsumexp(log_weights) - logsumexp(2.0 * log_weights)))


def _drawn_anew(log_weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many places as there are weights, each as often as its weight says, by systematic resampling."""
    shares = np.exp(log_weights - logsumexp(log_weights))
    marks = (rng.random() + np.arange(len(shares))) / len(shares)
    return np.minimum(np.searchsorted(np.cumsum(shares), marks), len(shares) - 1)


def log_harmonic(dimension: int, log_determinant: float, held: int, temperature: float) -> float:
    """ln of the harmonic integral; inf of a volume, NaN where a bound holds a coordinate. Arguments of `estimate`."""
    return float("nan") if held else float(0.5 * (dimension * np.log(2.0 * np.pi * temperature) - log_determinant))


def estimate(
    dimension: int,
    log_determinant: float,
    held: int,
    temperature: float,
    ladder: Ladder,
    populations: list[Population],
    count: int,
) -> Estimate | None:
    """Z and its error by populations of `count` points each; None if none of them began inside.

    dimension, log_determinant, held: of the basin. temperature: inf for the volume.
    """
    ratios = np.array([one.log_ratio for one in populations])
    if not np.isfinite(ratios).any():
        return None
    half = 0.5 * dimension
    shares = np.exp(ratios - ratios.max())
    mean = shares.mean()
    number = len(shares)
    error = float(shares.std(ddof=1) / mean / np.sqrt(number)) if number > 1 else float("nan")
    first = half * np.log(2.0 * np.pi / ladder.harmonic[0]) - 0.5 * log_determinant - held * np.log(2.0)
    return Estimate(
        log_integral=float(np.log(mean) + ratios.max() + first),
        log_harmonic=log_harmonic(dimension, log_determinant, held, temperature),
        error=error,
        populations=number,
        outside=sum(one.outside for one in populations) / (number * count),
        acceptance=sum(one.accepted for one in populations) / max(sum(one.tried for one in populations), 1),
        survivors=float(np.mean([one.survivors for one in populations])),
        steps=len(ladder.harmonic) - 1,
        descents=ladder.descents + sum(one.descents for one in populations),
    )
