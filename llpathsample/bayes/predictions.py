"""Predictions of a weighted set of points, each a normal distribution for each row: the mixture and its scores.

The predictive density of row j is p(y_j) = sum_s w_s N(y_j; mu_sj, v_sj): a mixture of normal densities, summed in
logarithms, not the normal density of the same mean and variance, which is shown beside it (`matched`). Each row is
predicted by itself; densities are those of the target in its own units.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from llcommon.superposition import log_sum
from llpathsample.bayes.problem import Problem

LEVEL = 0.95  # of intervals


@dataclass(frozen=True)
class Predictions:
    """log_weights: (s,), the sum of their exp is 1. means, variances: (s, m), noise included."""

    log_weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True)
class Scores:
    """How well m rows were predicted.

    log_density: (m,) ln p(y_j). matched: mean over rows of the log density of the normal distribution with the mean and
    variance of the mixture. rmse: of the mean of the mixture. coverage: share of rows inside the central 95 % interval
    of the mixture. monte_carlo_error: standard error of the mean of log_density by the sampling of points; 0 where they
    were not sampled.
    """

    log_density: np.ndarray
    matched: float
    rmse: float
    coverage: float
    monte_carlo_error: float = 0.0

    @property
    def mean(self) -> float:
        """Mean log density of a row."""
        return float(self.log_density.mean())

    @property
    def error(self) -> float:
        """Its standard error over test rows; NaN for a single one."""
        return standard_error(self.log_density)


def standard_error(values: np.ndarray) -> float:
    """Of the mean of independent values (m,); NaN for a single one."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def predictions_at(problem: Problem, points: np.ndarray, log_weights: np.ndarray) -> Predictions:
    """What points (s, N) with weights (s,) in any common unit predict for the test rows."""
    means = np.empty((len(points), len(problem.features)))
    variances = np.empty_like(means)
    for row, point in enumerate(points):
        mean, variance = problem.model.predictive(np.ascontiguousarray(point), problem.features)
        means[row], variances[row] = mean[:, 0], variance[:, 0]
    return Predictions(log_weights - log_sum(log_weights), means, variances)


def point_densities(found: Predictions, targets: np.ndarray) -> np.ndarray:
    """ln N(y_j; mu_sj, v_sj), (s, m)."""
    return -0.5 * (np.log(2.0 * np.pi * found.variances) + (targets - found.means) ** 2 / found.variances)


def log_density(found: Predictions, targets: np.ndarray) -> np.ndarray:
    """ln p(y_j) of the mixture, (m,)."""
    return np.logaddexp.reduce(found.log_weights[:, None] + point_densities(found, targets), axis=0)


def influence(found: Predictions, targets: np.ndarray) -> np.ndarray:
    """Mean over rows of p_s(y_j) / p(y_j), (s,): the derivative of the mean log density by the weight of each point.

    The error of the mean log density by the sampling of points is that of the mean of these, to first order.
    """
    return np.exp(point_densities(found, targets) - log_density(found, targets)).mean(axis=1)


def scores(found: Predictions, targets: np.ndarray, monte_carlo_error: float = 0.0) -> Scores:
    """Scores of a mixture on targets (m,)."""
    weights = np.exp(found.log_weights)
    mean = weights @ found.means
    variance = weights @ (found.variances + (found.means - mean) ** 2)
    matched = -0.5 * (np.log(2.0 * np.pi * variance) + (targets - mean) ** 2 / variance)
    below = weights @ ndtr((targets - found.means) / np.sqrt(found.variances))
    tail = 0.5 * (1.0 - LEVEL)
    return Scores(
        log_density=log_density(found, targets),
        matched=float(matched.mean()),
        rmse=float(np.sqrt(np.mean((targets - mean) ** 2))),
        coverage=float(np.mean((below >= tail) & (below <= 1.0 - tail))),
        monte_carlo_error=monte_carlo_error,
    )
