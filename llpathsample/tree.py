"""The disconnectivity graph: superbasins at loss thresholds, and where their branches stand.

At a threshold E the minima joined by transition states (TS) strictly below E form one
superbasin. Raising E merges superbasins, which makes a tree whose leaves end at the losses of
the minima. Two ladders of thresholds: `exact`, where every merge stands at the loss of its TS,
and equal steps, where it stands at the first threshold strictly above it.

Sources: O. M. Becker and M. Karplus, J. Chem. Phys. 106, 1495 (1997); D. J. Wales, M. A. Miller
and T. R. Walsh, Nature 394, 758 (1998).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from llcommon.errors import ConfigError, InputError, NothingFound
from llpathsample.ladders import checked_ladder, onto_ladder, round_ladder
from llpathsample.network import Merges, checked_edges, checked_minimum, components, merge_tree, spanning_forest
from llpathsample.structure.basins import bottoms
from llpathsample.treekernels import add_up
from llpathsample.treelayout import columns, shoulders, sizes

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Tree:
    """A disconnectivity graph with its layout; arrays over k nodes, the leaves first, by rising loss.

    loss: (k,) threshold of a superbasin, own loss of a leaf.
    parent: (k,) index of the superbasin above, -1 at the top; always greater than the own index.
    x: (k,) horizontal position; in columns every leaf owns one of width 1, and the drawing begins at 0.
    minimum: (k,) id of a leaf's minimum, -1 at superbasins.
    lowest: (k,) id of the lowest minimum in the superbasin.
    size: (k,) number of drawn minima in the superbasin.
    shoulder: (k,) loss down to which the branches of a superbasin spread, before they go straight down.
    levels: (l,) rising thresholds of the ladder; of an exact tree the distinct losses of its merges.
    top: loss from which the uppermost branches hang. root: id of the minimum that decided what is connected.
    barrier: (l,) minimax barrier between each leaf and the lowest one, the loss of a TS or, of the lowest, its own; inf
    where no path leads.
    in_columns: whether x are columns, not values of a property.
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
    barrier: np.ndarray
    in_columns: bool = True

    @property
    def leaves(self) -> np.ndarray:
        """Indices of the leaves, by rising loss."""
        return np.flatnonzero(self.minimum >= 0)

    def along(self, values: np.ndarray, superbasins: Literal["mean", "lowest"] = "mean") -> "Tree":
        """The tree with every leaf at the value of its minimum, of values (n,), on the horizontal axis.

        superbasins: whether they stand at the mean of what is below, or at the value of their lowest minimum. Raises
        ConfigError if a drawn minimum has no finite value.
        """
        values = np.asarray(values, dtype=np.float64)
        leaves = self.leaves
        missing = leaves[~np.isfinite(values[self.minimum[leaves]])]
        if missing.size:
            number = self.minimum[missing[0]]
            raise ConfigError(f"minimum {number} has no finite value for the horizontal axis: leave it out of the tree")
        if superbasins == "lowest":
            return replace(self, x=values[self.lowest], in_columns=False)
        return replace(self, x=branch_means(self, values), in_columns=False)

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


def branch_means(tree: Tree, values: np.ndarray) -> np.ndarray:
    """Mean over the drawn minima below each node of a value per minimum (n,), shape (k,); NaN spreads."""
    total = np.zeros(tree.loss.size)
    leaves = tree.leaves
    total[leaves] = np.asarray(values, dtype=np.float64)[tree.minimum[leaves]]
    add_up(tree.parent, total)
    return total / tree.size


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
    monotonic: bool = False,
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
    lowest: draw only so many lowest minima. only: draw only these ids. monotonic: of all these draw only the bottoms of
    monotonic sequences, which have no direct connection to a lower minimum. All three after the merges are known.
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
    ends = bottoms(losses, pairs) if monotonic else None
    forest = spanning_forest(losses.size, raised, pairs)
    pairs, raised = pairs[forest], raised[forest]
    if not unconnected:
        labels = components(losses.size, pairs)
        present &= labels == labels[root]
    drawn = _drawn(losses, present, lowest, only)
    if monotonic:
        drawn = drawn[np.isin(drawn, ends)]
    ladder = checked_ladder(thresholds)
    if ladder is not None:
        drawn = drawn[losses[drawn] < ladder[-1]]
    if drawn.size == 0:
        raise NothingFound("no minimum is left to draw: choose more minima, or higher thresholds")
    merges = merge_tree(losses, raised, pairs, drawn)
    if ladder is None and levels is not None:
        ladder = round_ladder(losses[drawn[0]], merges.loss.max(), levels)
    return _laid_out(merges, ladder, root, straight_trunk)


def tree_as_json(tree: Tree) -> dict:
    """The tree as plain numbers: schema_version, root, top, levels, nodes (no parent, minimum or barrier: null)."""
    barriers = tree.barrier.tolist()
    described = zip(
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
            "barrier": barriers[node] if minimum >= 0 and barriers[node] < np.inf else None,
        }
        for node, (parent, loss, x, minimum, lowest, size) in enumerate(described)
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
        only = np.asarray(only, dtype=np.int64)
        for minimum in only[(only < 0) | (only >= losses.size)][:1].tolist():
            checked_minimum(losses.size, minimum, "a minimum to draw")
        chosen[only] = True
        present = present & chosen
    if lowest is not None and lowest < 1:
        raise ConfigError(f"lowest is {lowest}: draw at least 1 minimum")
    ids = np.flatnonzero(present)
    by_loss = ids[np.argsort(losses[ids], kind="stable")]
    return by_loss[:lowest]


def _laid_out(binary: Merges, ladder: np.ndarray | None, root: int, straight_trunk: bool) -> Tree:
    """Lift the merges onto the ladder, place the branches and describe every node."""
    merges = onto_ladder(binary, ladder)
    leaves = merges.leaves.size
    size, best = sizes(merges.parent, leaves)
    minimum = np.full(size.size, -1, dtype=np.int64)
    minimum[:leaves] = merges.leaves
    step, shoulder = shoulders(merges, ladder)
    return Tree(
        loss=merges.loss,
        parent=merges.parent,
        x=columns(merges.parent, size, best, straight_trunk),
        minimum=minimum,
        lowest=merges.leaves[best],
        size=size,
        shoulder=shoulder,
        levels=np.unique(merges.loss[leaves:]) if ladder is None else ladder,
        top=float(merges.loss.max() + step),
        root=root,
        barrier=binary.barriers(0),
    )
