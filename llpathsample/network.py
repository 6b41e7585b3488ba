"""Connectivity of the kinetic transition network: components, barriers, lowest-barrier paths.

Minima are nodes 0..n-1, transition states (TS) are edges. A TS with two equal ends is a
degenerate rearrangement and never an edge; several TS may join one pair. Everything here
rests on the minimum spanning forest by TS loss: the path between two minima inside it has
the lowest possible highest TS (and, that one passed, the lowest possible second highest,
and so on). Ties between equal TS losses go to the lowest TS id, so results are unique.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from llcommon.errors import ConfigError, InputError
from llpathsample.treekernels import join, meeting_heights, merge, number_sets


@dataclass(frozen=True)
class PathResult:
    """A discrete path: minima[0], ts[0], minima[1], ..., ts[-1], minima[-1].

    minima: ids in order, one more than ts. ts: ids in order.
    barrier: loss of the highest TS on the path; the minimum's own loss when the path is one point.
    """

    minima: list[int]
    ts: list[int]
    barrier: float


@dataclass(frozen=True)
class _Hanging:
    """The spanning tree that contains one root, hung from it.

    order: (c,) ids of the component in breadth-first order, root first.
    parent: (n,) id of the neighbour towards the root; negative at the root and outside.
    parent_ts: (n,) id of the TS to the parent; -1 at the root and outside.
    """

    order: np.ndarray
    parent: np.ndarray
    parent_ts: np.ndarray


def checked_minimum(n: int, minimum: int, name: str) -> int:
    """The id as an int; raises ConfigError unless 0 <= minimum < n."""
    if not 0 <= minimum < n:
        raise ConfigError(
            f"{name} is minimum {minimum}, but the landscape holds {n} minima numbered from 0: "
            "choose an id that `list` shows"
        )
    return int(minimum)


def _checked_ends(n: int, ts_minima: np.ndarray) -> np.ndarray:
    """The minima of the TS, int64 (m, 2); raises InputError on an unknown one."""
    ends = np.ascontiguousarray(ts_minima, dtype=np.int64).reshape(-1, 2)
    if ends.size and (ends.min() < 0 or ends.max() >= n):
        foreign = np.flatnonzero(((ends < 0) | (ends >= n)).any(axis=1))[0]
        first, second = ends[foreign]
        raise InputError(
            f"transition state {foreign} joins minima {first} and {second}, but there are {n} minima "
            "numbered from 0: the network is damaged, run `check` on its file"
        )
    return ends


def checked_edges(n: int, ts_minima: np.ndarray) -> np.ndarray:
    """Ids of the TS that are edges, ascending, shape (e,); raises InputError on an unknown minimum."""
    ends = _checked_ends(n, ts_minima)
    return np.flatnonzero(ends[:, 0] != ends[:, 1])


def components(n: int, ts_minima: np.ndarray) -> np.ndarray:
    """Component of each of the n minima, int64 (n,), numbered 0, 1, ... by their lowest id.

    ts_minima: (m, 2) ids. Raises InputError if a TS names an unknown minimum.
    """
    above = np.full(n, -1, dtype=np.int64)
    # A copy, as kernels take no array that is read-only.
    join(_checked_ends(n, ts_minima).copy(), above, np.empty(n, dtype=np.int64))
    labels = np.empty(n, dtype=np.int64)
    number_sets(above, labels)
    return labels


def component_of(n: int, ts_minima: np.ndarray, root: int) -> np.ndarray:
    """Ids of the minima that a path joins to root, root among them, ascending, int64 (c,)."""
    root = checked_minimum(n, root, "the root")
    labels = components(n, ts_minima)
    return np.flatnonzero(labels == labels[root])


def spanning_forest(n: int, ts_losses: np.ndarray, ts_minima: np.ndarray) -> np.ndarray:
    """Ids of the TS in the minimum spanning forest by TS loss, by rising loss, int64 (n - components,).

    It is Kruskal's forest with ties decided for the lowest TS id.
    Raises InputError if a TS names an unknown minimum or its loss is not finite.
    """
    edges, pairs = _by_loss(n, ts_losses, ts_minima)
    chosen = np.empty(n, dtype=np.int64)
    count = join(pairs, np.full(n, -1, dtype=np.int64), chosen)
    return edges[chosen[:count]]


def _by_loss(n: int, ts_losses: np.ndarray, ts_minima: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the edges by rising loss, then id, (e,), and their minima, (e, 2)."""
    edges = checked_edges(n, ts_minima)
    losses = np.asarray(ts_losses, dtype=np.float64)[edges]
    finite = np.isfinite(losses)
    if not finite.all():
        damaged = edges[~finite][0]
        raise InputError(
            f"transition state {damaged} has the loss {ts_losses[damaged]}: "
            "a network needs finite losses, remove it or run `check` on its file"
        )
    edges = edges[np.argsort(losses, kind="stable")]
    return edges, np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)[edges]


@dataclass(frozen=True)
class Merges:
    """How chosen minima come together as TS are admitted by rising loss: a binary tree of l leaves and k nodes.

    leaves: (l,) ids of the minima. loss: (k,) own loss of a leaf, of the TS that merges of any other node; the leaves
    first, in their order. parent: (k,) greater than the own index, -1 at the top.
    """

    loss: np.ndarray
    parent: np.ndarray
    leaves: np.ndarray

    def barriers(self, leaf: int) -> np.ndarray:
        """Minimax barriers between each leaf and one of them, its own loss there, inf where no path leads: (l,)."""
        heights = np.empty(self.loss.size)
        meeting_heights(self.parent, self.loss, leaf, heights)
        return heights[: self.leaves.size]


def merge_tree(losses: np.ndarray, ts_losses: np.ndarray, ts_minima: np.ndarray, leaves: np.ndarray) -> Merges:
    """Merges of the minima `leaves`, (l,) ids, by the TS in the order of `spanning_forest`.

    losses: (n,). ts_losses: (m,). ts_minima: (m, 2). Other minima connect, but parts without leaves add nothing.
    Errors: as spanning_forest.
    """
    losses = np.asarray(losses, dtype=np.float64)
    edges, pairs = _by_loss(losses.size, ts_losses, ts_minima)
    node_of = np.full(losses.size, -1, dtype=np.int64)
    node_of[leaves] = np.arange(leaves.size)
    parent = np.full(2 * leaves.size, -1, dtype=np.int64)
    loss = np.empty(2 * leaves.size)
    loss[: leaves.size] = losses[leaves]
    heights = np.asarray(ts_losses, dtype=np.float64)[edges]
    count = merge(pairs, heights, node_of, np.full(losses.size, -1, dtype=np.int64), parent, loss)
    return Merges(loss[:count].copy(), parent[:count].copy(), leaves)


def _hang(n: int, ts_losses: np.ndarray, ts_minima: np.ndarray, root: int) -> _Hanging:
    """Hang the spanning tree of root's component from root."""
    forest = spanning_forest(n, ts_losses, ts_minima)
    pairs = np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)[forest]
    first, second = pairs[:, 0], pairs[:, 1]
    graph = coo_array((np.ones(forest.size), (first, second)), shape=(n, n)).tocsr()
    order, parent = breadth_first_order(graph, root, directed=False)
    parent_ts = np.full(n, -1, dtype=np.int64)
    downwards = parent[second] == first
    parent_ts[second[downwards]] = forest[downwards]
    upwards = parent[first] == second
    parent_ts[first[upwards]] = forest[upwards]
    return _Hanging(order, parent, parent_ts)


def minimax_barriers(
    losses: np.ndarray, ts_losses: np.ndarray, ts_minima: np.ndarray, root: int
) -> np.ndarray:
    """Lowest possible highest TS on a path from each minimum to root, float64 (n,), in units of the loss.

    inf where no path leads to root; the minimum's own loss at root.
    losses: (n,). ts_losses: (m,). ts_minima: (m, 2).
    """
    losses = np.asarray(losses, dtype=np.float64)
    root = checked_minimum(losses.size, root, "the root")
    return merge_tree(losses, ts_losses, ts_minima, np.arange(losses.size)).barriers(root)


def lowest_barrier_path(
    losses: np.ndarray, ts_losses: np.ndarray, ts_minima: np.ndarray, a: int, b: int
) -> PathResult | None:
    """The path from minimum a to minimum b whose highest TS is lowest, or None if they are not connected.

    Among the paths with that highest TS it is the one with the lowest second highest TS, and so on
    (the path in the minimum spanning tree); between equal losses the lowest TS id wins.
    """
    losses = np.asarray(losses, dtype=np.float64)
    a = checked_minimum(losses.size, a, "the start of the path")
    b = checked_minimum(losses.size, b, "the end of the path")
    if a == b:
        return PathResult([a], [], float(losses[a]))
    hanging = _hang(losses.size, ts_losses, ts_minima, b)
    if hanging.parent_ts[a] < 0:
        return None
    minima = [a]
    ts = []
    while minima[-1] != b:
        ts.append(int(hanging.parent_ts[minima[-1]]))
        minima.append(int(hanging.parent[minima[-1]]))
    barrier = float(np.asarray(ts_losses, dtype=np.float64)[ts].max())
    return PathResult(minima, ts, barrier)
