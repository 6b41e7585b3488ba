"""The weight of a basin by points drawn at once from a density that covers all of it, each followed down.

With q the density, N points x_k and weights w_k = 1_B(x_k) exp(-(L(x_k) - L_min) / T) / q(x_k), their mean estimates

    Z = integral over B of exp(-(L(x) - L_min) / T) dx

without bias, and wherever the basin may be, as q vanishes nowhere that counts: a part of B behind a narrow neck is
found like any other. Of a volume in a box or ball, q is uniform there, and the estimate is the share of points that
lead to the minimum, its error that of a binomial share. Otherwise half of the points come from Student's distribution
of three degrees of freedom in the harmonic coordinates, so that no tail is out of reach, half from the box or ball, and
all of them from Student's where there is neither (a defensive mixture: T. Hesterberg, Technometrics 37, 185, 1995).

Its weakness is the number of hits, which falls exponentially with the number of coordinates. So it is believed where it
has ENOUGH of them, else it is what populations (`volume`) are checked by.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp
from scipy.stats import binom

from llcommon.rng import generator
from llpathsample.structure.basin import Basin

CHUNK = 25  # points of one task
ENOUGH = 30.0  # effective hits from which the estimate is believed: an error of a fifth or less
_FREEDOM = 3.0  # degrees of, of Student's distribution
_SOME = 4.0  # effective hits from which the error means something
_ERRORS = 3.0  # by which two estimates may differ
_CHANCE = 1e-3  # of a count so far from what another estimate expects


@dataclass(frozen=True)
class Direct:
    """log_integral: ln Z, -inf without a hit. error: its standard error, inf without a hit. points: drawn; hits: in the
    basin; effective: of these, by their weights. uniform: whether all points weigh alike. log_whole: ln of the volume
    they are drawn from if so, else NaN."""

    log_integral: float
    error: float
    points: int
    hits: int
    effective: float
    uniform: bool
    log_whole: float

    @property
    def enough(self) -> bool:
        """Whether this is the estimate to believe."""
        return self.effective >= ENOUGH

    @property
    def some(self) -> bool:
        """Whether it is better than one that contradicts it."""
        return self.effective >= _SOME

    def contradicts(self, log_integral: float, error: float) -> bool:
        """Whether another estimate of Z, a standard error of its logarithm with it, cannot be right beside this one.

        Without an error it could be anything. Uniform points: by the chance of as many hits, or as few. Else this
        estimate may be too low because no point met what weighs most, so that only a higher one counts: by its error,
        and with few hits by Markov's inequality.
        """
        slack = _ERRORS * error if np.isfinite(error) else np.inf
        if self.uniform:
            least, most = (min(1.0, float(np.exp(log_integral + shift - self.log_whole))) for shift in (-slack, slack))
            too_many = binom.sf(self.hits - 1, self.points, most) < _CHANCE
            return bool(too_many or binom.cdf(self.hits, self.points, least) < _CHANCE)
        excess = self.log_integral - log_integral
        if self.some:
            return bool(excess > np.hypot(slack, _ERRORS * self.error))
        return bool(excess > slack - np.log(_CHANCE))


def log_space(basin: Basin) -> float:
    """ln of the volume of the ball or box that uniform points fill; NaN if there is neither."""
    if np.isfinite(basin.radius):
        half = 0.5 * basin.dimension
        return float(half * np.log(np.pi) - gammaln(half + 1.0) + basin.dimension * np.log(basin.radius))
    if basin.finite and basin.dimension == len(basin.minimum):
        return float(np.log(basin.box[1] - basin.box[0]).sum())
    return float("nan")


def drawn_weights(basin: Basin, temperature: float, count: int, seed: int, key: int, number: int) -> np.ndarray:
    """ln w of `count` points, (count,), -inf outside of the basin; seed, key and number decide what is drawn.

    temperature: inf for the volume, of a basin that a ball or a box limits.
    """
    rng = generator(seed, "basin volume", "direct", key, number)
    log_whole = log_space(basin)
    volume, bounded = bool(np.isinf(temperature)), bool(np.isfinite(log_whole))
    return np.array([
        _log_weight(basin, _uniform(basin, rng) if bounded and (volume or k % 2) else _student(basin, temperature, rng),
                    temperature, log_whole)
        for k in range(count)
    ])  # fmt: skip


def _uniform(basin: Basin, rng: np.random.Generator) -> np.ndarray:
    """Coordinates z of a uniform point of the ball, or else of the box."""
    if np.isfinite(basin.radius):
        direction = rng.standard_normal(basin.dimension)
        reach = basin.radius * rng.random() ** (1.0 / basin.dimension) / np.linalg.norm(direction)
        return direction * reach / basin.lengths
    return basin.axes.T @ (rng.uniform(*basin.box) - basin.minimum) / basin.lengths**2


def _student(basin: Basin, temperature: float, rng: np.random.Generator) -> np.ndarray:
    scale = np.sqrt(temperature * _FREEDOM / rng.chisquare(_FREEDOM))
    return basin.inwards(scale * rng.standard_normal(basin.dimension))


def _log_weight(basin: Basin, z: np.ndarray, temperature: float, log_whole: float) -> float:
    point = basin.at(z)
    if point is None or not basin.holds(point):
        return -np.inf
    if np.isinf(temperature):
        return log_whole
    size = basin.dimension
    student = gammaln(0.5 * (_FREEDOM + size)) - gammaln(0.5 * _FREEDOM) + basin.held * np.log(2.0)
    student -= 0.5 * size * np.log(_FREEDOM * np.pi * temperature) - 0.5 * basin.log_determinant
    student -= 0.5 * (_FREEDOM + size) * np.log1p(2.0 * point.harmonic / (_FREEDOM * temperature))
    density = np.logaddexp(student, -log_whole) - np.log(2.0) if np.isfinite(log_whole) else student
    return float(-point.rise / temperature - density)


def direct_estimate(log_weights: np.ndarray, log_whole: float, temperature: float) -> Direct:
    """Z by the weights of all points, (k,), k at least 1. log_whole: of `log_space`."""
    count, hits = len(log_weights), int(np.isfinite(log_weights).sum())
    uniform = bool(np.isinf(temperature))
    whole = log_whole if uniform else float("nan")
    if not hits:
        return Direct(-np.inf, np.inf, count, 0, 0.0, uniform, whole)
    shares = np.exp(log_weights - log_weights.max())
    mean = float(shares.mean())
    # Where all uniform points are hits the spread vanishes: as if one was none.
    spread = float(shares.std(ddof=1)) if count > 1 else 1.0
    if uniform:
        spread = max(spread, 1.0 / np.sqrt(count))
    effective = float(np.exp(2.0 * logsumexp(log_weights) - logsumexp(2.0 * log_weights)))
    log_integral = float(np.log(mean) + log_weights.max())
    return Direct(log_integral, float(spread / mean / np.sqrt(count)), count, hits, effective, uniform, whole)
