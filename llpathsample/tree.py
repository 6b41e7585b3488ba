"""The disconnectivity graph: superbasins at loss thresholds, and where their branches stand.

At a threshold E the minima joined by transition states (TS) strictly below E form one
superbasin. Raising E merges superbasins, which makes a tree whose leaves end at the losses of
the minima. Two ladders of thresholds: `exact`, where every merge stands at the loss of its TS,
and equal steps, where it stands at the first threshold strictly above it.

Sources: O. M. Becker and M. Karplus, J. Chem. Phys. 106, 1495 (1997); D. J. Wales, M. A. Miller
and T. R. Walsh, Nature 394, 758 (1998).
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.errors import ConfigError, InputError, NothingFound
from llpathsample.network import Merges, checked_edges, checked_minimum, components, merge_tree, spanning_forest
from llpathsample.treekernels import count_leaves, join_equal, place, stand_above

SCHEMA_VERSION = 1
ROUND_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
# Height over which the branches of an exact merge spread, and steps where nothing sets a scale.
EXACT_STEPS = 40
# How far a branch makes up for a heavy neighbour: a share of its own size. Unlimited, the second
# funnel of a landscape would push all branches of the first one to its far side.
LARGEST_LEAN = 0.15


@dataclass(frozen=True)
class Tree:
    """A disconnectivity graph with its layout; arrays over k nodes, the leaves first, by rising loss.

    loss: (k,) threshold of a superbasin, own loss of a leaf.
    parent: (k,) index of the superbasin above, -1 at the top; always greater than the own index.
    x: (k,) horizontal position; every leaf owns a column of width 1, the drawing begins at 0.
    minimum: (k,) id of a leaf's minimum, -1 at superbasins.
    lowest: (k,) id of the lowest minimum in the superbasin.
    size: (k,) number of drawn minima in the superbasin.
    shoulder: (k,) loss down to which the branches of a superbasin spread, before they go straight down.
    levels: (l,) rising thresholds of the ladder; of an exact tree the distinct losses of its merges.
    top: loss from which the uppermost branches hang. root: id of the minimum that decided what is connected.
    """

    loss: np.ndarray
    parent: np.ndarray
    x: np.ndarray
    minimum: np.ndarray
    lowest: np.ndarray
    size: np.ndarray
    shoulder: np.ndarray
    levels: np.ndarray
    top: float
    root: int

    @property
    def leaves(self) -> np.ndarray:
        """Indices of the leaves, by rising loss."""
        return np.flatnonzero(self.minimum >= 0)

    def branches(self) -> tuple[np.ndarray, np.ndarray]:
        """Straight lines (s, 2, 2) as (x, loss) pairs from top to bottom, and the node (s,) each leads to."""
        has_parent = self.parent >= 0
        parent = np.where(has_parent, self.parent, 0)
        start_x = np.where(has_parent, self.x[parent], self.x)
        start_loss = np.where(has_parent, self.loss[parent], self.top)
        elbow = np.where(has_parent, np.maximum(self.shoulder[parent], self.loss), self.top)
        spreading = np.stack([start_x, start_loss, self.x, elbow], axis=1)
        falling = np.stack([self.x, elbow, self.x, self.loss], axis=1)
        lines = np.concatenate([spreading, falling]).reshape(-1, 2, 2)
        nodes = np.tile(np.arange(self.loss.size), 2)
        visible = (lines[:, 0] != lines[:, 1]).any(axis=1)
        return lines[visible], nodes[visible]

    def segments(self) -> np.ndarray:
        """The straight lines of the drawing, shape (s, 2, 2): two ends, each (x in columns, loss)."""
        return self.branches()[0]


def superbasin_tree(
    losses: np.ndarray,
    ts_losses: np.ndarray,
    ts_minima: np.ndarray,
    *,
    root: int | None = None,
    levels: int | None = 40,
    thresholds: np.ndarray | None = None,
    highest_ts: float | None = None,
    lowest: int | None = None,
    only: np.ndarray | None = None,
    min_connections: int = 0,
    unconnected: bool = False,
    straight_trunk: bool = True,
) -> Tree:
    """Disconnectivity graph of the minima connected to root.

    losses: (n,). ts_losses: (m,). ts_minima: (m, 2), equal ends are no edges. A TS below one of
    its minima (rounding) counts as high as that minimum.
    root: id that decides what is connected; default the global minimum.
    levels: at most so many thresholds, equally spaced at round numbers from the lowest minimum to
    just above the highest merge; None for exact merges.
    thresholds: own ladder in place of `levels`, any order; what merges only above its top stays apart, and
    minima at or above its top are not drawn.
    highest_ts: TS above this loss are left out.
    lowest: draw only so many lowest minima. only: draw only these ids. Both after the merges are known.
    min_connections: minima with fewer edges are taken out of the network, again and again until all that
    remain have as many; root stays.
    unconnected: draw the other components too, each hanging from the top.
    straight_trunk: a superbasin stands above its lowest minimum, else above the middle of its columns.
    Raises NothingFound without minima, ConfigError for an impossible option, InputError for a damaged
    network.
    """
    losses = np.asarray(losses, dtype=np.float64)
    _check_losses(losses)
    ts_minima = np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)
    root = int(np.argmin(losses)) if root is None else checked_minimum(losses.size, root, "the root")
    edges = checked_edges(losses.size, ts_minima)
    pairs = ts_minima[edges]
    raised = np.maximum(np.asarray(ts_losses, dtype=np.float64)[edges], losses[pairs].max(axis=1))
    if highest_ts is not None:
        pairs, raised = pairs[raised <= highest_ts], raised[raised <= highest_ts]
    present, pairs, raised = _well_connected(losses.size, pairs, raised, min_connections, root)
    forest = spanning_forest(losses.size, raised, pairs)
    pairs, raised = pairs[forest], raised[forest]
    if not unconnected:
        labels = components(losses.size, pairs)
        present &= labels == labels[root]
    drawn = _drawn(losses, present, lowest, only)
    ladder = _checked_ladder(thresholds)
    if ladder is not None:
        drawn = drawn[losses[drawn] < ladder[-1]]
    if drawn.size == 0:
        raise NothingFound("no minimum is left to draw: choose more minima, or higher thresholds")
    merges = merge_tree(losses, raised, pairs, drawn)
    if ladder is None and levels is not None:
        ladder = round_ladder(losses[drawn[0]], merges.loss.max(), levels)
    return _laid_out(losses, _onto_ladder(merges, ladder), ladder, root, straight_trunk)


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


def tree_as_json(tree: Tree) -> dict:
    """The tree as plain numbers: schema_version, root, top, levels, nodes (no parent or minimum: null)."""
    columns = zip(
        tree.parent.tolist(),
        tree.loss.tolist(),
        tree.x.tolist(),
        tree.minimum.tolist(),
        tree.lowest.tolist(),
        tree.size.tolist(),
        strict=True,
    )
    nodes = [
        {
            "node": node,
            "parent": None if parent < 0 else parent,
            "loss": loss,
            "x": x,
            "minimum": None if minimum < 0 else minimum,
            "lowest": lowest,
            "size": size,
        }
        for node, (parent, loss, x, minimum, lowest, size) in enumerate(columns)
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "root": tree.root,
        "top": tree.top,
        "levels": tree.levels.tolist(),
        "nodes": nodes,
    }


def _check_losses(losses: np.ndarray) -> None:
    """Raise unless there are minima and all their losses are finite."""
    if losses.size == 0:
        raise NothingFound("the landscape holds no minima: find some before drawing the tree")
    if not np.isfinite(losses).all():
        damaged = int(np.flatnonzero(~np.isfinite(losses))[0])
        raise InputError(
            f"minimum {damaged} has the loss {losses[damaged]}: a tree needs finite losses, run `check` on its file"
        )


def _checked_ladder(thresholds: np.ndarray | None) -> np.ndarray | None:
    """The caller's thresholds, rising and distinct, or None; ConfigError if empty or not finite."""
    if thresholds is None:
        return None
    ladder = np.unique(np.asarray(thresholds, dtype=np.float64))
    if ladder.size == 0 or not np.isfinite(ladder).all():
        raise ConfigError("thresholds must be one or more finite losses: correct the list")
    return ladder


def _well_connected(
    n: int, pairs: np.ndarray, ts_losses: np.ndarray, min_connections: int, root: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which minima keep at least min_connections edges among themselves, and the edges that remain."""
    present = np.ones(n, dtype=bool)
    while min_connections > 0:
        degree = np.bincount(pairs.ravel(), minlength=n)
        sparse = present & (degree < min_connections)
        sparse[root] = False
        if not sparse.any():
            break
        present &= ~sparse
        kept = present[pairs].all(axis=1)
        pairs, ts_losses = pairs[kept], ts_losses[kept]
    return present, pairs, ts_losses


def _drawn(losses: np.ndarray, present: np.ndarray, lowest: int | None, only: np.ndarray | None) -> np.ndarray:
    """Ids of the minima that become leaves, by rising loss and then id."""
    if only is not None:
        chosen = np.zeros(losses.size, dtype=bool)
        for minimum in np.asarray(only, dtype=np.int64).tolist():
            chosen[checked_minimum(losses.size, minimum, "a minimum to draw")] = True
        present = present & chosen
    if lowest is not None and lowest < 1:
        raise ConfigError(f"lowest is {lowest}: draw at least 1 minimum")
    ids = np.flatnonzero(present)
    by_loss = ids[np.argsort(losses[ids], kind="stable")]
    return by_loss[:lowest]


def _onto_ladder(merges: Merges, ladder: np.ndarray | None) -> Merges:
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


def _laid_out(losses: np.ndarray, merges: Merges, ladder: np.ndarray | None, root: int, straight_trunk: bool) -> Tree:
    """Place the branches and describe every node."""
    leaves = merges.leaves.size
    size, best = _sizes(merges.parent, leaves)
    x = _columns(merges.parent, size, best, straight_trunk)
    minimum = np.full(size.size, -1, dtype=np.int64)
    minimum[:leaves] = merges.leaves
    step, shoulder = _shoulders(merges, ladder)
    return Tree(
        loss=merges.loss,
        parent=merges.parent,
        x=x,
        minimum=minimum,
        lowest=merges.leaves[best],
        size=size,
        shoulder=shoulder,
        levels=np.unique(merges.loss[leaves:]) if ladder is None else ladder,
        top=float(merges.loss.max() + step),
        root=root,
    )


def _sizes(parent: np.ndarray, leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of leaves below each node, and the lowest of them as a leaf index (leaves go by rising loss)."""
    size = np.zeros(parent.size, dtype=np.int64)
    size[:leaves] = 1
    best = np.full(parent.size, leaves, dtype=np.int64)
    best[:leaves] = np.arange(leaves)
    count_leaves(parent, size, best)
    return size, best


def _shoulders(merges: Merges, ladder: np.ndarray | None) -> tuple[float, np.ndarray]:
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


def _columns(parent: np.ndarray, size: np.ndarray, best: np.ndarray, straight_trunk: bool) -> np.ndarray:
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
