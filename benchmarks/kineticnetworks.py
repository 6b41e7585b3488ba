"""Networks as large as one likes for kinetics: random, geometric and scale-free graphs with invented points.

Losses of minima are uniform in [0, 5), transition states lie exponentially distributed above the higher of their
minima, 3 on average; LPPHE are normally distributed with a deviation of 2.
"""

import numpy as np
from scipy.spatial import cKDTree

from llpathsample.ktn import Network

KINDS = ("random", "geometric", "scale-free")
_NEIGHBOURS = 4


def network(kind: str, count: int, seed: int = 1) -> Network:
    """A connected network of `count` minima."""
    rng = np.random.default_rng(seed)
    ends = np.unique(np.sort(_GRAPHS[kind](count, rng), axis=1), axis=0)
    ends = ends[ends[:, 0] != ends[:, 1]]
    losses = 5.0 * rng.random(count)
    heights = losses[ends].max(axis=1) + 3.0 * rng.exponential(size=len(ends))
    lpphe = 2.0 * rng.standard_normal(count)
    return Network(
        losses, lpphe, np.zeros(count), heights, 2.0 * rng.standard_normal(len(ends)), np.zeros(len(ends)), ends
    )


def _random(count: int, rng: np.random.Generator) -> np.ndarray:
    """A ring and as many pairs of any two: an expander, the hardest to eliminate."""
    ring = np.column_stack([np.arange(count), (np.arange(count) + 1) % count])
    return np.vstack([ring, rng.integers(0, count, (count, 2))])


def _geometric(count: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a square with their nearest neighbours, and a line through all of them from left to right."""
    points = rng.random((count, 2))
    points = points[np.lexsort((points[:, 0], np.floor(np.sqrt(count) * points[:, 1])))]
    _, nearest = cKDTree(points).query(points, _NEIGHBOURS + 1)
    near = np.column_stack([np.repeat(np.arange(count), _NEIGHBOURS), nearest[:, 1:].ravel()])
    return np.vstack([near, np.column_stack([np.arange(count - 1), np.arange(1, count)])])


def _scale_free(count: int, rng: np.random.Generator) -> np.ndarray:
    """Every new minimum joins two old ones, in proportion to their degrees (Barabasi and Albert)."""
    ends = np.empty((2 * count - 3, 2), dtype=np.int64)
    ends[0] = 0, 1
    filled = 1
    for new in range(2, count):
        for _ in range(2):
            ends[filled] = new, ends[rng.integers(2 * new - 3) // 2, rng.integers(2)]
            filled += 1
    return ends


_GRAPHS = {"random": _random, "geometric": _geometric, "scale-free": _scale_free}


def sets(net: Network, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A: the `size` lowest minima, B: as many around the middle."""
    order = np.argsort(net.losses)
    middle = len(order) // 2
    return np.sort(order[:size]), np.sort(order[middle : middle + size])
