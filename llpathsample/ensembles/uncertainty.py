"""How sure scores and their differences are.

- delete-d jackknife: J. Shao and C. F. J. Wu, Ann. Stat. 17, 1176 (1989)
- paired bootstrap over rows, percentiles: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993
- corrected resampled t: C. Nadeau and Y. Bengio, Machine Learning 52, 239 (2003)
"""

from dataclasses import dataclass

import numpy as np

from llcommon.rng import generator

RESAMPLES = 10_000
LEVEL = 0.95
_BLOCK = 1 << 22  # counts at once


@dataclass(frozen=True)
class Differences:
    """Of k scores from that of a reference. mean, low, high: (k,), with the ends of single 95 % intervals. p: (k,),
    two-sided, not corrected for their number."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def jackknife_error(values: np.ndarray, kept: int, deleted: int) -> np.ndarray:
    """Standard error of a score on kept + deleted rows from its values on several parts of `kept` of them each.

    values: (r, ...). NaN of a single part. With half of the rows deleted it is the standard deviation of the parts.
    """
    if len(values) < 2:
        return np.full(np.shape(values)[1:], np.nan)
    return np.sqrt(kept / deleted * np.mean((values - values.mean(axis=0)) ** 2, axis=0))


def bootstrap(
    differences: np.ndarray, seed: int, weights: np.ndarray | None = None, resamples: int = RESAMPLES
) -> Differences:
    """Of weighted means over rows. differences: (n, k), of each row; weights: (n,), None for equal ones; rows without
    weight do not count. The same resamples of rows serve all k.

    p is twice the share of resamples on the other side of zero, where zero itself counts for both sides; or that of
    Student's t with the standard deviation of the resamples, if it is larger: where few rows make most of a mean, as
    with the log loss, the first is too sure.
    """
    from scipy.stats import t as student

    weights = np.ones(len(differences)) if weights is None else weights
    counting = weights > 0.0  # a resample of other rows alone would have no mean
    differences, weights = differences[counting], weights[counting]
    rows, count = differences.shape
    weighted = np.column_stack([differences * weights[:, None], weights])
    rng = generator(seed, "paired bootstrap")
    means = np.empty((resamples, count))
    block = max(1, _BLOCK // rows)
    chances = np.full(rows, 1.0 / rows)
    for first in range(0, resamples, block):
        some = min(block, resamples - first)
        sums = rng.multinomial(rows, chances, size=some) @ weighted
        means[first : first + some] = sums[:, :-1] / sums[:, -1:]
    low, high = np.quantile(means, [0.5 * (1.0 - LEVEL), 0.5 * (1.0 + LEVEL)], axis=0)
    # Sums of equal numbers in another order are zero but for rounding.
    noise = 1e-12 * np.abs(differences).max(axis=0, initial=0.0)
    sides = np.minimum((means <= noise).sum(axis=0), (means >= -noise).sum(axis=0))
    mean = weighted[:, :-1].sum(axis=0) / weights.sum()
    error = np.maximum(means.std(axis=0), np.maximum(noise, np.finfo(np.float64).tiny))
    p = np.maximum(2.0 * (sides + 1) / (resamples + 1), 2.0 * student.sf(np.abs(mean) / error, rows - 1))
    return Differences(mean, low, high, np.minimum(1.0, p))


def corrected_t(differences: np.ndarray, test_rows: float, training_rows: float) -> Differences:
    """Of means over folds, whose training parts overlap. differences: (j, k), of each fold.

    Variance of the mean: (1 / j + test_rows / training_rows) s^2 (Nadeau and Bengio 2003, equation 9), with Student's t
    of j - 1 degrees of freedom. NaN of a single fold.
    """
    from scipy.stats import t as student

    folds = len(differences)
    mean = differences.mean(axis=0)
    if folds < 2:
        unknown = np.full(len(mean), np.nan)
        return Differences(mean, unknown, unknown, unknown)
    error = np.sqrt((1.0 / folds + test_rows / training_rows) * differences.var(axis=0, ddof=1))
    reach = student.ppf(0.5 * (1.0 + LEVEL), folds - 1) * error
    sure = np.where(mean == 0.0, 1.0, 0.0)  # without any spread
    p = np.where(error > 0.0, 2.0 * student.sf(np.abs(mean) / np.where(error > 0.0, error, 1.0), folds - 1), sure)
    return Differences(mean, mean - reach, mean + reach, p)
