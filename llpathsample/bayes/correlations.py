"""Whether measures of landscapes go with gains over data sets: rank correlations, with intervals for few of them.

Data sets are independent of each other, and a handful, of which resamples would hardly differ: the intervals are by
formula. Those over many minima of one landscape, which share ties and groups, are resampled
(`llpathsample.robustness.correlations`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from llcommon.metrics import rank_correlation
from llpathsample.bayes.comparison import Comparison
from llpathsample.bayes.measures import FUNNEL_RATIO
from llpathsample.bayes.predictions import LEVEL

LEAST = 4  # data sets with two different values, for an interval


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation over data sets, with its 95 % interval; NaN where there is none."""

    gain: str
    measure: str
    data_sets: int
    value: float
    low: float
    high: float


def measures_of(found: Comparison) -> dict[str, float]:
    """What a gain is compared with, by name."""
    of = found.data.measures
    return {
        "minima": float(of.minima),
        "funnels": float(of.funnels[FUNNEL_RATIO]),
        "basins": float(of.basins),
        "frustration": of.frustration,
        "equivalent_minima": of.equivalent_minima,
        "rows": float(len(found.data.problem.model.data.targets)),
        "rows_per_coordinate": len(found.data.problem.model.data.targets) / found.data.problem.model.dimension,
    }


def correlations(found: list[Comparison]) -> list[Correlation]:
    """Of both gains with each measure."""
    gains = {
        "marginal": np.array([one.of_marginalising.mean for one in found]),
        "mixed": np.array([one.of_mixing.mean for one in found]),
    }
    tables = [measures_of(one) for one in found]
    result = []
    for gain, values in gains.items():
        for measure in tables[0]:
            beside = np.array([table[measure] for table in tables])
            kept = np.isfinite(values) & np.isfinite(beside)
            value, low, high = interval(values[kept], beside[kept])
            result.append(Correlation(gain, measure, int(kept.sum()), value, low, high))
    return result


def interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Spearman's rank correlation of two (n,) and the ends of its confidence interval.

    By Fisher's transformation with the variance (1 + r^2 / 2) / (n - 3) (D. G. Bonett and T. A. Wright, Psychometrika
    65, 23, 2000). NaN for fewer than LEAST values, or if all of one are equal; ends that are NaN where the ranks are
    the same or opposite, as the variance is not known then.
    """
    if len(first) < LEAST or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return float("nan"), float("nan"), float("nan")
    value = rank_correlation(first, second)
    if abs(value) >= 1.0:
        return value, float("nan"), float("nan")
    reach = float(norm.ppf(0.5 * (1.0 + LEVEL))) * np.sqrt((1.0 + 0.5 * value**2) / (len(first) - 3.0))
    centre = np.arctanh(value)
    return value, float(np.tanh(centre - reach)), float(np.tanh(centre + reach))
