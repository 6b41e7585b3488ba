"""Where the branches of a tree stand: columns of leaves, superbasins over them, the heights where branches spread."""

import numpy as np

from llpathsample.network import Merges
from llpathsample.treekernels import count_leaves, place, stand_above

# Height over which the branches of an exact merge spread, and steps where nothing sets a scale.
EXACT_STEPS = 40
# How far a branch makes up for a heavy neighbour: a share of its own size. Unlimited, the second
# funnel of a landscape would push all branches of the first one to its far side.
LARGEST_LEAN = 0.15


def sizes(parent: np.ndarray, leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of leaves below each node, and the lowest of them as a leaf index (leaves go by rising loss)."""
    size = np.zeros(parent.size, dtype=np.int64)
    size[:leaves] = 1
    best = np.full(parent.size, leaves, dtype=np.int64)
    best[:leaves] = np.arange(leaves)
    count_leaves(parent, size, best)
    return size, best


def shoulders(merges: Merges, ladder: np.ndarray | None) -> tuple[float, np.ndarray]:
    """Height of one step at the top, and for each node the loss down to which its branches spread.

    Exact: no deeper than the highest superbasin below, so branches of two merges never meet.
    """
    loss = merges.loss
    if ladder is not None:
        bottom = ladder[0] - (ladder[1] - ladder[0] if ladder.size > 1 else max(ladder[0] - loss[0], 0.0))
        below = np.searchsorted(ladder, loss, side="left")
        shoulder = np.append(bottom, ladder)[np.minimum(below, ladder.size)]
        lower = ladder[-2] if ladder.size > 1 else bottom
        return float(ladder[-1] - lower), shoulder
    step = (loss.max() - loss.min()) / EXACT_STEPS
    if step == 0.0:
        step = max(abs(loss.max()), 1.0) / EXACT_STEPS
    shoulder = loss - step
    inner = np.arange(merges.leaves.size, loss.size)
    inner = inner[merges.parent[inner] >= 0]
    np.maximum.at(shoulder, merges.parent[inner], loss[inner])
    return float(step), shoulder


def columns(parent: np.ndarray, size: np.ndarray, best: np.ndarray, straight_trunk: bool) -> np.ndarray:
    """Horizontal position of each node: leaves in columns of width 1, a subtree in adjacent columns.

    Under every superbasin the branch with its lowest minimum stands in the middle; the others go by falling
    size to the lighter side, the larger nearer to the middle. What is uneven on one merge
    is made up for on the next one down the middle branch.
    """
    nodes = parent.size
    by_size = np.argsort(best - size * (nodes + 1))
    left = np.empty(nodes)
    middle = np.empty(nodes, dtype=np.int64)
    place(parent, size, best, by_size, LARGEST_LEAN, left, middle)
    x = left + size / 2.0
    if straight_trunk:
        stand_above(middle, x)
    return x
