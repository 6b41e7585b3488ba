"""Which bottoms of monotonic sequences are bottoms of funnels: how far one must climb from them to come lower.

Rising through the transition states, each superbasin keeps its lowest minimum. Where two meet, the higher of these has
come to its escape: the lowest possible highest TS on a path to any lower minimum. The escape barrier of a bottom, its
escape less its own loss, in units of the typical step down (the median over TS of their height above the higher of
their minima) is its barrier ratio. A bottom with a ratio near 1 only lacks the transition state that leads on; one with
a large ratio is the bottom of a funnel. No single ratio tells them apart, so funnels are counted for several.
"""

from dataclasses import dataclass

import numpy as np

from llpathsample.network import checked_edges, components, spanning_forest
from llpathsample.structure.basins import Descent, sequence_basins

RATIOS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Escapes:
    """escape: (n,) loss of the lowest possible highest TS from each minimum to any lower one, inf without a path there;
    over: (n,) lowest minimum of the superbasin that it meets there, -1 if there is none."""

    escape: np.ndarray
    over: np.ndarray


@dataclass(frozen=True)
class Basins:
    """Monotonic sequence basins; arrays by bottom, (b,), by rising loss.

    bottom: ids. size: minima that lead there. exit: loss of the lowest TS that leaves the basin, inf if none does.
    escape, over: as of `Escapes`. ratio: escape barrier in units of `step`, NaN where step is NaN. labels: (n,) bottom
    of each minimum. component: (b,) of the network. step: the typical step down, NaN without TS.
    """

    labels: np.ndarray
    bottom: np.ndarray
    size: np.ndarray
    exit: np.ndarray
    escape: np.ndarray
    over: np.ndarray
    ratio: np.ndarray
    component: np.ndarray
    step: float

    def funnels(self, ratio: float) -> int:
        """Bottoms with at least this barrier ratio, those of other components among them."""
        return int((self.ratio >= ratio).sum()) if np.isfinite(self.step) else len(self.bottom)


def escapes(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray) -> Escapes:
    """Escapes of all minima; losses: (n,), ts_losses: (m,), ends: (m, 2). Of equal minima the one of lower id is lower.

    A TS below one of its minima (rounding) counts as it is stored.
    """
    count = len(losses)
    forest = spanning_forest(count, ts_losses, ends)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(losses, kind="stable")] = np.arange(count)
    ranks = rank.tolist()
    above = list(range(count))
    escape, over = [np.inf] * count, [-1] * count
    # The representative of a superbasin is its lowest minimum.
    for (a, b), height in zip(ends[forest].tolist(), ts_losses[forest].tolist(), strict=True):
        while above[a] != a:
            above[a] = a = above[above[a]]
        while above[b] != b:
            above[b] = b = above[above[b]]
        low, high = (a, b) if ranks[a] < ranks[b] else (b, a)
        above[high] = low
        escape[high], over[high] = height, low
    return Escapes(np.array(escape), np.array(over, dtype=np.int64))


def typical_step(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray) -> float:
    """Median height of the TS that are edges above the higher of their minima; NaN without any."""
    edges = checked_edges(len(losses), ends)
    return float(np.median(ts_losses[edges] - losses[ends[edges]].max(axis=1))) if len(edges) else float("nan")


def basins_of(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, descent: Descent = "loss") -> Basins:
    """The monotonic sequence basins of a network; arguments as of `sequence_basins`."""
    labels = sequence_basins(losses, ts_losses, ends, descent)
    bottom, size = np.unique(labels, return_counts=True)
    order = np.argsort(losses[bottom], kind="stable")
    bottom, size = bottom[order], size[order]
    leaving = np.full(len(losses), np.inf)
    between = labels[ends[:, 0]] != labels[ends[:, 1]]
    for side in (0, 1):
        np.minimum.at(leaving, labels[ends[between, side]], ts_losses[between])
    found = escapes(losses, ts_losses, ends)
    step = typical_step(losses, ts_losses, ends)
    barrier = found.escape[bottom] - losses[bottom]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.isinf(barrier), np.inf, barrier / step)
    return Basins(
        labels,
        bottom,
        size,
        leaving[bottom],
        found.escape[bottom],
        found.over[bottom],
        ratio,
        components(len(losses), ends)[bottom],
        step,
    )


def superbasins(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, threshold: float) -> np.ndarray:
    """Superbasin at a threshold of each minimum below it, (n,), numbered by their lowest ids; -1 of those not below.

    Minima are joined by TS strictly below the threshold.
    """
    below = losses < threshold
    joined = ends[(ts_losses < threshold) & below[ends].all(axis=1)]
    labels = np.full(len(losses), -1, dtype=np.int64)
    found = components(len(losses), joined)[below]
    labels[below] = np.unique(found, return_inverse=True)[1]
    return labels


def barriers_between(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Lowest possible highest TS on a path between each two of the chosen minima (c,), (c, c); inf without a path,
    their own losses on the diagonal."""
    barriers = np.full((len(chosen), len(chosen)), np.inf)
    np.fill_diagonal(barriers, losses[chosen])
    forest = spanning_forest(len(losses), ts_losses, ends)
    above = list(range(len(losses)))
    members: dict[int, list[int]] = {minimum: [place] for place, minimum in enumerate(chosen.tolist())}
    for (a, b), height in zip(ends[forest].tolist(), ts_losses[forest].tolist(), strict=True):
        while above[a] != a:
            above[a] = a = above[above[a]]
        while above[b] != b:
            above[b] = b = above[above[b]]
        above[b] = a
        mine, theirs = members.pop(a, []), members.pop(b, [])
        if mine and theirs:
            barriers[np.ix_(mine, theirs)] = height
            barriers[np.ix_(theirs, mine)] = height
        if mine or theirs:
            members[a] = mine + theirs
    return barriers
