"""Estimates by formula, each with its source: what visits tell about minima not found, shares, several tests at once.

Those of visits take quenches for independent draws of minima, each minimum with a probability of its own (the volume of
its basin, in a multi-start search). Nothing here knows of landscapes or files.
"""

import math
from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Frequencies:
    """draws: n, sum of all visits; observed: distinct minima; singletons, doubletons: minima visited once, twice."""

    draws: int
    observed: int
    singletons: int
    doubletons: int


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Interval:
    """A value with a 95 % confidence interval."""

    value: float
    low: float
    high: float


def frequencies(visits: np.ndarray) -> Frequencies:
    """Count the minima by visits (n,), integers; a minimum with none was not drawn and does not count."""
    visits = np.asarray(visits, dtype=np.int64)
    return Frequencies(
        draws=int(visits.sum()),
        observed=int((visits > 0).sum()),
        singletons=int((visits == 1).sum()),
        doubletons=int((visits == 2).sum()),
    )


def good_turing(counts: Frequencies) -> Estimate:
    """Probability that the next draw is a minimum not seen before: f1 / n (Good, Biometrika 40, 237, 1953).

    Its standard error is sqrt(f1 (1 - f1 / n) + 2 f2) / n (Esty, Annals of Statistics 11, 905, 1983), that of the
    normal limit for many draws; without singletons and doubletons it is 0. ValueError without draws.
    """
    if counts.draws < 1:
        raise ValueError("an estimate needs at least one draw")
    probability = counts.singletons / counts.draws
    spread = counts.singletons * (1.0 - probability) + 2.0 * counts.doubletons
    return Estimate(probability, math.sqrt(spread) / counts.draws)


def chao1(counts: Frequencies) -> Interval:
    """Lower bound of the number of minima, seen and unseen, with its 95 % interval.

    S = D + f1 (f1 - 1) / (2 (f2 + 1)), the bias-corrected form of Chao, Scandinavian Journal of Statistics 11, 265
    (1984). The interval is log-normal in the unseen part T = S - D, from D + T / K to D + T K with
    K = exp(1.96 sqrt(ln(1 + var / T^2))) (Chao, Biometrics 43, 783, 1987). If nothing seems unseen, T = 0, it is that
    of `_complete_interval`. ValueError without draws.
    """
    if counts.draws < 1:
        raise ValueError("an estimate needs at least one draw")
    singletons = float(counts.singletons)
    unseen = singletons * (singletons - 1.0) / (2.0 * (counts.doubletons + 1.0))
    total = counts.observed + unseen
    if unseen == 0.0:
        return _complete_interval(counts)
    variance = _chao1_variance(counts, total)
    factor = math.exp(NORMAL_95 * math.sqrt(math.log1p(variance / unseen**2)))
    return Interval(total, counts.observed + unseen / factor, counts.observed + unseen * factor)


def _chao1_variance(counts: Frequencies, total: float) -> float:
    """Variance of the bias-corrected Chao1 with singletons (Colwell, EstimateS, appendix B, equations 6 and 7)."""
    once = float(counts.singletons)
    twice = counts.doubletons + 1.0
    variance = once * (once - 1.0) / (2.0 * twice) + once * (2.0 * once - 1.0) ** 2 / (4.0 * twice**2)
    if counts.doubletons == 0:
        return max(0.0, variance - once**4 / (4.0 * total))
    return variance + once**2 * counts.doubletons * (once - 1.0) ** 2 / (4.0 * twice**4)


def _complete_interval(counts: Frequencies) -> Interval:
    """Interval where Chao1 gives what was observed (Colwell, EstimateS, appendix B, equations 8 and 14).

    With P = exp(-n / D), a minimum's chance to be missed if all were equally likely, D / (1 - P) minima are expected
    with variance D P (1 - P); the interval is never below D.
    """
    observed = float(counts.observed)
    missed = math.exp(-counts.draws / observed)
    centre = observed / (1.0 - missed)
    half = NORMAL_95 * math.sqrt(observed * missed * (1.0 - missed)) / (1.0 - missed)
    return Interval(observed, max(observed, centre - half), centre + half)


def wilson(successes: int, trials: int) -> Interval:
    """Share of successes with its 95 % score interval (Wilson, Journal of the American Statistical Association 22,
    209, 1927).

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), z = 1.96. ValueError unless
    0 <= successes <= trials and trials > 0.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials} is no share")
    share = successes / trials
    square = NORMAL_95**2 / trials
    centre = share + square / 2.0
    half = NORMAL_95 * math.sqrt(share * (1.0 - share) / trials + square / (4.0 * trials))
    scale = 1.0 + square
    # At 0 and 1 an end of the interval is the share itself, which rounding must not move past it.
    low = min(share, max(0.0, (centre - half) / scale))
    high = max(share, min(1.0, (centre + half) / scale))
    return Interval(share, low, high)


def holm(p: np.ndarray) -> np.ndarray:
    """p values of several tests, (k,), adjusted for their number (S. Holm, Scand. J. Stat. 6, 65, 1979).

    The chance that any true null hypothesis has one of at most alpha is at most alpha. NaN are no tests, and stay.
    """
    adjusted = np.full(len(p), np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted
