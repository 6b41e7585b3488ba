"""Whether the heat capacity would change with more minima: that of the lowest n, for growing n."""

from dataclasses import dataclass

import numpy as np

from llpathsample.thermodynamics.curves import Curves
from llpathsample.thermodynamics.features import Peak, prominence, prominent

SETTLED = 0.01  # of the highest peak
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Convergence:
    """The heat capacity of the lowest minima alone; arrays (k,), one entry for each number of minima.

    counts: numbers of minima, rising, the last is all. deviations: largest difference of the capacity from that of all,
    over all temperatures, as a share of the latter's maximum. peaks: numbers of peaks. temperatures, heights: of the
    highest peak, NaN without any. settled: the least of the counts from which on the deviation stays within SETTLED.
    """

    counts: np.ndarray
    deviations: np.ndarray
    peaks: np.ndarray
    temperatures: np.ndarray
    heights: np.ndarray
    settled: int


def numbers_of_minima(count: int) -> list[int]:
    """1, 2, 5, 10, 20, ... below count, and count."""
    powers = range(len(str(count)))
    return [step * 10**power for power in powers for step in _STEPS if step * 10**power < count] + [count]


def convergence(counts: list[int], found: list[Curves]) -> Convergence:
    """By the curves of the lowest minima for each count, the last of which is all; see `features.resolved`."""
    whole = found[-1].capacity
    highest = float(whole.max())
    off = np.array([float(np.abs(part.capacity - whole).max()) for part in found])
    deviations = off / highest if highest > 0.0 else np.zeros(len(found))
    unsettled = np.flatnonzero(deviations > SETTLED)
    tops = [prominent(_summits(part)) for part in found]
    none = Peak(np.nan, np.nan, np.nan)
    best = [max(top, key=lambda peak: peak.height, default=none) for top in tops]
    return Convergence(
        counts=np.array(counts),
        deviations=deviations,
        peaks=np.array([len(top) for top in tops]),
        temperatures=np.array([peak.temperature for peak in best]),
        heights=np.array([peak.height for peak in best]),
        settled=int(counts[unsettled[-1] + 1 if unsettled.size else 0]),
    )


def _summits(part: Curves) -> list[Peak]:
    """Each maximum, from the cubics through values and slopes at both ends of a step."""
    logs, capacity, slope = np.log(part.temperatures), part.capacity, part.slope
    found = []
    for k in np.flatnonzero((slope[:-1] > 0.0) & (slope[1:] <= 0.0)).tolist():
        width = logs[k + 1] - logs[k]
        rise = capacity[k + 1] - capacity[k]
        # C = C_k + b u + c u^2 + d u^3 with u from 0 to 1; where its derivative goes from above zero to below.
        b, end = width * slope[k], width * slope[k + 1]
        c, d = 3.0 * rise - 2.0 * b - end, b + end - 2.0 * rise
        discriminant = np.sqrt(max(c * c - 3.0 * b * d, 0.0))
        u = b / (discriminant - c) if discriminant > c else 1.0
        u = min(max(u, 0.0), 1.0)
        temperature, height = float(np.exp(logs[k] + u * width)), float(capacity[k] + u * (b + u * (c + u * d)))
        found.append(Peak(temperature, height, prominence(part, temperature, height)))
    return found
