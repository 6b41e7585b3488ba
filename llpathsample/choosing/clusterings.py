"""Criteria for a number K of clusters that need no landscape: silhouette, gap statistic, BIC; and K-means from starts.

Gap statistic (R. Tibshirani, G. Walther, T. Hastie, J. R. Stat. Soc. B 63, 411, 2001): with W_K the lowest sum of
squares and W*_K that of each of B reference sets, drawn uniformly in the box that is aligned with the principal
components of the data and bounds them there,

    Gap(K) = mean ln W*_K - ln W_K,   s_K = sqrt(1 + 1 / B) sd(ln W*_K)

and the choice is the lowest K with Gap(K) >= Gap(K') - s_K', K' the next K that was looked at.

BIC of spherical Gaussians of one variance with shares n_k / n, each row in its nearest cluster, as X-means has it (D.
Pelleg and A. Moore, ICML 2000), but with the estimates of greatest likelihood, so that the variance is W_K / (n d):

    BIC(K) = K (d + 1) ln n - 2 l,   l = sum_k n_k ln(n_k / n) - n d / 2 (ln(2 pi W_K / (n d)) + 1)

The lowest is chosen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from llcommon.data import Data
from llcommon.estimates import Estimate, Interval, frequencies, good_turing, wilson
from llcommon.losses import build
from llcommon.optimise.quench import Quencher
from llcommon.rng import generator
from llcommon.settings import QuenchSettings
from llcommon.status import Status

_SILHOUETTE_ROWS = 5000
_SAME = 1e-9  # of a loss: two ends of quenches this near are one minimum


@dataclass(frozen=True)
class Starts:
    """Where quenches from k-means++ starts ended.

    losses: (s,) in the order of the starts, NaN where one failed. share: of those that came to the lowest minimum
    known. unseen: probability that the next one ends in a minimum that none of these has met (Good and Turing).
    minima, visits, points: (m,), (m,), (m, N) of the distinct minima met, by rising loss.
    """

    losses: np.ndarray
    share: Interval
    unseen: Estimate
    minima: np.ndarray
    visits: np.ndarray
    points: np.ndarray

    def best_of(self, count: int) -> float:
        """Lowest loss of the first `count` starts."""
        return float(np.nanmin(self.losses[:count]))


@dataclass(frozen=True)
class Gap:
    """values, errors: Gap(K) and s_K, (k,), for rising K. drops, drop_errors: Gap(K) less that of the K before, and
    sqrt(1 + 1/B) times the standard deviation of that difference over reference sets; NaN for the first."""

    clusters: tuple[int, ...]
    values: np.ndarray
    errors: np.ndarray
    drops: np.ndarray
    drop_errors: np.ndarray

    def choice(self) -> int | None:
        """The lowest K whose gap is at least that of the next less its error; None if there is none."""
        for place in range(len(self.clusters) - 1):
            if self.values[place] >= self.values[place + 1] - self.errors[place + 1]:
                return self.clusters[place]
        return None


def scatter(inputs: np.ndarray) -> float:
    """Sum of squares about the mean, which is W_1."""
    return float(((inputs - inputs.mean(axis=0)) ** 2).sum())


def quench_starts(
    data: Data, clusters: int, count: int, seed: int, *keys: int | str, lowest: float = math.inf
) -> Starts:
    """Quench K-means from `count` random starts. lowest: loss of the lowest minimum known from elsewhere."""
    model = build("kmeans", {"clusters": clusters}, data)
    quencher = Quencher(model, QuenchSettings())
    rng = generator(seed, *keys, clusters)
    losses, points = np.full(count, np.nan), np.full((count, model.dimension), np.nan)
    for place in range(count):
        found = quencher.quench(model.random_start(rng))
        if found.status is Status.CONVERGED:
            losses[place], points[place] = found.loss, found.coordinates
    return _starts(losses, points, lowest)


def _starts(losses: np.ndarray, points: np.ndarray, lowest: float) -> Starts:
    order = np.argsort(losses, kind="stable")[: np.isfinite(losses).sum()]
    ended = losses[order]
    # Equal losses are one minimum here: two clusterings of the same sum of squares, as of symmetric data, are not told
    # apart.
    new = np.diff(ended, prepend=-np.inf) > _SAME * np.maximum(np.abs(ended), 1e-300)
    visits = np.bincount(np.cumsum(new) - 1)
    best = min(lowest, float(ended[0]))
    hits = int((ended <= best + _SAME * max(abs(best), 1e-300)).sum())
    share, unseen = wilson(hits, len(ended)), good_turing(frequencies(visits))
    return Starts(losses, share, unseen, ended[new], visits, points[order[new]])


def reference_sets(inputs: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Tables (n, d) drawn uniformly in the box along the principal components of the inputs (n, d)."""
    mean = inputs.mean(axis=0)
    directions = np.linalg.svd(inputs - mean, full_matrices=False)[2]
    turned = (inputs - mean) @ directions.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    sets = []
    for number in range(count):
        rng = generator(seed, "gap", number)
        sets.append(rng.uniform(low, high, size=turned.shape) @ directions + mean)
    return sets


def as_data(data: Data, inputs: np.ndarray) -> Data:
    """Data whose inputs are these, (n, d), in place of the rows of `data`."""
    number = inputs.shape[1]
    return replace(data, features=inputs, shift=np.zeros(number), scale=np.ones(number), scaling="none")


def log_losses_of(data: Data, clusters: Sequence[int], starts: int, seed: int, number: int) -> np.ndarray:
    """ln W*_K of reference set `number`, (k,), the lowest of `starts` quenches each; K = 1 is exact. -inf where each
    row is a cluster."""
    losses = np.empty(len(clusters))
    for place, count in enumerate(clusters):
        if count == 1:
            losses[place] = scatter(data.inputs())
        else:
            losses[place] = quench_starts(data, count, starts, seed, "reference", number).best_of(starts)
    return log_of(losses)


def log_of(losses: np.ndarray) -> np.ndarray:
    """ln W, -inf of 0."""
    with np.errstate(divide="ignore"):
        return np.log(losses)


def gap_statistic(clusters: list[int], log_losses: np.ndarray, references: np.ndarray) -> Gap:
    """clusters: K, rising; log_losses: ln W_K, (k,); references: ln W*_K, (B, k), B at least 2.

    inf where W_K alone is 0, NaN where W*_K is.
    """
    stretch = math.sqrt(1.0 + 1.0 / len(references))
    references = np.where(np.isfinite(references), references, np.nan)
    values = references.mean(axis=0) - log_losses
    falls = np.diff(references, axis=1)
    none = np.array([np.nan])
    return Gap(
        clusters=tuple(clusters),
        values=values,
        errors=stretch * references.std(axis=0),
        drops=np.concatenate([none, _differences(values)]),
        drop_errors=np.concatenate([none, stretch * falls.std(axis=0)]),
    )


def _differences(values: np.ndarray) -> np.ndarray:
    """Of neighbours, (k - 1,); NaN of two that are infinite."""
    with np.errstate(invalid="ignore"):
        return np.diff(values)


def bic(loss: float, sizes: np.ndarray, features: int) -> float:
    """BIC of clusters of these sizes, (K,), with the sum of squares `loss`; -inf if that is 0."""
    rows, clusters = int(sizes.sum()), len(sizes)
    if not loss > 0.0:
        return -math.inf
    shares = sizes / rows
    variance = loss / (rows * features)
    likelihood = float((sizes * np.log(shares)).sum())
    likelihood -= 0.5 * rows * features * (math.log(2.0 * math.pi * variance) + 1.0)
    return clusters * (features + 1) * math.log(rows) - 2.0 * likelihood


def silhouette(inputs: np.ndarray, labels: np.ndarray, seed: int) -> float:
    """Mean silhouette (P. J. Rousseeuw, J. Comput. Appl. Math. 20, 53, 1987); NaN for one cluster, or as many as rows.

    Of more than 5000 rows a random sample of so many is taken.
    """
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(inputs):
        return float("nan")
    if len(inputs) > _SILHOUETTE_ROWS:
        chosen = np.sort(generator(seed, "silhouette").permutation(len(inputs))[:_SILHOUETTE_ROWS])
        inputs, labels = inputs[chosen], labels[chosen]
        if not 1 < len(np.unique(labels)) < len(inputs):
            return float("nan")
    return float(silhouette_score(inputs, labels))
