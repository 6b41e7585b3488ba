"""Spearman's rank correlations over minima, and how far they can be trusted.

- rho: Pearson's correlation of mid-ranks (Spearman, Am. J. Psychol. 15, 72, 1904).
- partial: that of two measures with a third held fixed, (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)).
- intervals: bootstrap over minima, bias-corrected and accelerated (Efron, J. Am. Stat. Assoc. 82, 171, 1987; without
  acceleration above _MOST_LEFT_OUT minima, where it is gone), 95 %; percentiles where all replicates are on one side.
- p: both sides, by permutations: (1 + count) / (1 + permutations) (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9,
  39, 2010); adjusted for the number of measures by Holm, Scand. J. Stat. 6, 65 (1979).

All of it takes minima for independent draws, which they are not: those of one funnel share most of their weights, and a
search prefers some. Intervals are then too narrow. Resamples of whole groups of minima (Field and Welsh, J. R. Stat.
Soc. B 69, 369, 2007) leave what is alike together; p remains that of single minima. For a handful of independent data
sets `llpathsample.bayes.correlations` has intervals by formula.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from llcommon.estimates import Interval, holm
from llcommon.metrics import average_ranks
from llcommon.rng import generator

LEAST = 5  # minima for a correlation
_MOST_LEFT_OUT = 2000
_BLOCK = 400_000  # numbers of one measure at a time
_TAILS = (0.025, 0.975)
_LEVEL = 0.05


@dataclass(frozen=True)
class Correlation:
    """One measure beside a score. minima: how many count; p, p_holm: of rho, as they are and adjusted; partial: with
    the loss held fixed."""

    measure: str
    score: str
    minima: int
    rho: Interval
    p: float
    p_holm: float
    partial: Interval

    @property
    def decided(self) -> bool:
        """Whether chance does not explain it: its adjusted p is at most 0.05, and its interval leaves zero out."""
        return self.p_holm <= _LEVEL and (self.rho.low > 0.0 or self.rho.high < 0.0)


class _Ranked:
    """One measure, ready for ranks in resamples."""

    def __init__(self, values: np.ndarray) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        new = np.ones(len(values), dtype=bool)
        new[1:] = ordered[1:] != ordered[:-1]
        self.first = np.flatnonzero(new)
        self.group = np.cumsum(new) - 1

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """Mid-ranks, (b, n), where each value occurs as often as `weights`, (b, n), says."""
        counts = np.add.reduceat(weights[:, self.order], self.first, axis=1)
        middle = np.cumsum(counts, axis=1) - 0.5 * (counts - 1.0)
        ranks = np.empty_like(weights)
        ranks[:, self.order] = middle[:, self.group]
        return ranks


def rank_correlations(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlations (b, v, v) of v measures, (v, n), in b resamples; NaN beside a measure that is constant there.

    weights: (b, n), how often each of n minima is taken.
    """
    ranked = [_Ranked(row) for row in values]
    weights = np.asarray(weights, dtype=np.float64)
    found = np.empty((len(weights), len(values), len(values)))
    block = max(1, _BLOCK // values.shape[1])
    for begin in range(0, len(weights), block):
        some = weights[begin : begin + block]
        middle = 0.5 * (some.sum(axis=1) + 1.0)
        roots = np.sqrt(some)
        table = np.stack([(one.ranks(some) - middle[:, None]) * roots for one in ranked], axis=1)
        products = table @ table.transpose(0, 2, 1)
        sizes = np.sqrt(np.einsum("bvv->bv", products))
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = products / (sizes[:, :, None] * sizes[:, None, :])
        found[begin : begin + block] = np.clip(shares, -1.0, 1.0)
    return found


def partial_correlation(xy: np.ndarray, xz: np.ndarray, yz: np.ndarray) -> np.ndarray:
    """Correlation of x and y with z held fixed; NaN where z tells x or y wholly."""
    left = (1.0 - np.square(xz)) * (1.0 - np.square(yz))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (xy - xz * yz) / np.sqrt(np.where(left > 1e-12, left, np.nan))
    return np.clip(found, -1.0, 1.0)


def interval(value: float, replicates: np.ndarray, left_out: np.ndarray) -> Interval:
    """The 95 % interval of `value` by its bootstrap replicates, (b,), and by its values without each minimum, (n,) or
    (0,); replicates that are NaN do not count."""
    replicates = np.sort(replicates[np.isfinite(replicates)])
    if not np.isfinite(value) or len(replicates) < 2:
        return Interval(value, float("nan"), float("nan"))
    below = np.mean(replicates < value) + 0.5 * np.mean(replicates == value)
    levels = np.array(_TAILS)
    if 0.0 < below < 1.0:
        bias = ndtri(below)
        shift = bias + ndtri(levels)
        levels = ndtr(bias + shift / (1.0 - _acceleration(left_out) * shift))
    low, high = np.quantile(replicates, levels)
    return Interval(value, float(low), float(high))


def _acceleration(left_out: np.ndarray) -> float:
    known = left_out[np.isfinite(left_out)]
    if len(known) < 2:
        return 0.0
    deviations = known.mean() - known
    size = float(np.sum(deviations**2))
    return float(np.sum(deviations**3) / (6.0 * size**1.5)) if size > 0.0 else 0.0


def permutation_p(values: np.ndarray, score: np.ndarray, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Share of permutations of a score, (n,), whose rank correlation with each measure, (v, n), is as large as its own
    in size, (v,)."""
    ranks = np.array([average_ranks(row) for row in values])
    ranks -= ranks.mean(axis=1, keepdims=True)
    own = average_ranks(score)
    own -= own.mean()
    observed = np.abs(ranks @ own)
    slack = 1e-9 * np.sqrt(np.sum(ranks**2, axis=1) * np.sum(own**2))
    count = np.zeros(len(values))
    block = max(1, _BLOCK // len(own))
    for begin in range(0, permutations, block):
        shuffled = rng.permuted(np.tile(own, (min(block, permutations - begin), 1)), axis=1)
        count += (np.abs(ranks @ shuffled.T) >= (observed - slack)[:, None]).sum(axis=1)
    return (1.0 + count) / (1.0 + permutations)


def correlate(
    measures: dict[str, np.ndarray],
    scores: dict[str, np.ndarray],
    loss: np.ndarray,
    resamples: int,
    seed: int,
    groups: np.ndarray | None = None,
) -> list[Correlation]:
    """Every measure beside every score over the minima where all of them are known, score by score.

    Values: (n,) each, loss too; infinite ones count as the largest. resamples: of the bootstrap, and permutations.
    groups: (n,) labels of minima that are resampled together, None for none. Below LEAST minima, and beside what is
    constant, correlations are NaN; below LEAST groups intervals are.
    """
    table = np.array([*measures.values(), *scores.values(), loss])
    known = ~np.isnan(table).any(axis=0)
    table = table[:, known]
    count = table.shape[1]
    if count < LEAST:
        return [_unknown(measure, score, count) for score in scores for measure in measures]
    rng = generator(seed, "robustness", "bootstrap")
    labels = np.arange(count) if groups is None else np.unique(groups[known], return_inverse=True)[1]
    units = int(labels.max()) + 1
    weights = rng.multinomial(units, np.full(units, 1.0 / units), size=resamples)[:, labels]
    own = rank_correlations(table, np.ones((1, count)))[0]
    drawn = rank_correlations(table, weights if units >= LEAST else weights[:0])
    few = LEAST <= units <= _MOST_LEFT_OUT
    without = rank_correlations(table, (1.0 - np.eye(units))[:, labels]) if few else drawn[:0]
    z = len(table) - 1
    rows = []
    for place, score in enumerate(scores):
        y = len(measures) + place
        chances = permutation_p(
            table[: len(measures)], table[y], resamples, generator(seed, "robustness", "permutations", score)
        )
        chances[~np.isfinite(own[: len(measures), y])] = np.nan
        adjusted = holm(chances)
        for x, measure in enumerate(measures):
            rho = interval(float(own[x, y]), drawn[:, x, y], without[:, x, y])
            partial = interval(
                *(partial_correlation(r[..., x, y], r[..., x, z], r[..., y, z]) for r in (own, drawn, without))
            )
            row = Correlation(measure, score, count, rho, float(chances[x]), float(adjusted[x]), partial)
            rows.append(row)
    return rows


def _unknown(measure: str, score: str, count: int) -> Correlation:
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    return Correlation(measure, score, count, nothing, float("nan"), float("nan"), nothing)
