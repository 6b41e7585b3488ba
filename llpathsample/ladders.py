"""Ladders of loss thresholds at which superbasins are looked at: round numbers, or the caller's own."""

import math

import numpy as np

from llcommon.errors import ConfigError
from llpathsample.network import Merges
from llpathsample.treekernels import join_equal

ROUND_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def round_ladder(low: float, high: float, levels: int) -> np.ndarray:
    """Rising thresholds at round numbers: the lowest above `low`, the highest the first above `high`.

    At most `levels` of them, and rarely fewer than two thirds of that. Raises ConfigError for levels < 2.
    """
    if levels < 2:
        raise ConfigError(f"levels is {levels}: a ladder needs at least 2 thresholds")
    scale = max(abs(low), abs(high))
    span = high - low
    if span <= 1e-12 * scale or span == 0.0:
        # Below the smallest normal number there are no round numbers to be had.
        span = 0.1 * scale if scale > 1e-300 else 1.0
    exponent = math.floor(math.log10(span / levels))
    for power in range(exponent, exponent + 3):
        for mantissa in ROUND_STEPS:
            step = mantissa * 10.0**power
            if step < span / levels:
                continue
            # Division may round across a threshold, so one more on each side is looked at.
            numbers = range(math.floor(low / step) - 1, math.floor(high / step) + 3)
            values = np.unique([float(f"{number * mantissa:.1f}e{power}") for number in numbers])
            first = np.searchsorted(values, low, side="right")
            last = np.searchsorted(values, high, side="right")
            if last - first < levels:
                return values[first : last + 1]
    raise AssertionError("a step of 1000 times span / levels leaves at most two thresholds")


def checked_ladder(thresholds: np.ndarray | None) -> np.ndarray | None:
    """The caller's thresholds, rising and distinct, or None; ConfigError if empty or not finite."""
    if thresholds is None:
        return None
    ladder = np.unique(np.asarray(thresholds, dtype=np.float64))
    if ladder.size == 0 or not np.isfinite(ladder).all():
        raise ConfigError("thresholds must be one or more finite losses: correct the list")
    return ladder


def onto_ladder(merges: Merges, ladder: np.ndarray | None) -> Merges:
    """Lift merges to the first threshold strictly above; merges at one height on one branch become one."""
    leaves = merges.leaves.size
    height = merges.loss.copy()
    if ladder is not None:
        step = np.searchsorted(ladder, height[leaves:], side="right")
        height[leaves:] = np.append(ladder, np.inf)[step]
    parent = merges.parent.copy()
    stands_for = np.empty(parent.size, dtype=np.int64)
    join_equal(parent, height, leaves, stands_for)
    kept = np.flatnonzero(stands_for == np.arange(parent.size))
    number = np.full(parent.size + 1, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    return Merges(height[kept], number[parent[kept]], merges.leaves)
