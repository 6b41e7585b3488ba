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
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from llcommon.errors import ConfigError, InputError


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


def checked_edges(n: int, ts_minima: np.ndarray) -> np.ndarray:
    """Ids of the TS that are edges, ascending, shape (e,); raises InputError on an unknown minimum."""
    ts_minima = np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)
    foreign = np.flatnonzero(((ts_minima < 0) | (ts_minima >= n)).any(axis=1))
    if foreign.size:
        first, second = ts_minima[foreign[0]]
        raise InputError(
            f"transition state {foreign[0]} joins minima {first} and {second}, but there are {n} minima "
            "numbered from 0: the network is damaged, run `check` on its file"
        )
    return np.flatnonzero(ts_minima[:, 0] != ts_minima[:, 1])


def _labels(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Component label of each of n nodes, numbered in the order of the lowest member."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    graph = coo_array((np.ones(first.size, dtype=np.int8), (first, second)), shape=(n, n)).tocsr()
    _, raw = connected_components(graph, directed=False)
    _, lowest_member, inverse = np.unique(raw, return_index=True, return_inverse=True)
    rank = np.empty(lowest_member.size, dtype=np.int64)
    rank[np.argsort(lowest_member)] = np.arange(lowest_member.size)
    return rank[inverse]


def components(n: int, ts_minima: np.ndarray) -> np.ndarray:
    """Component of each of the n minima, int64 (n,), numbered 0, 1, ... by their lowest id.

    ts_minima: (m, 2) ids. Raises InputError if a TS names an unknown minimum.
    """
    edges = checked_edges(n, ts_minima)
    pairs = np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)[edges]
    return _labels(n, pairs[:, 0], pairs[:, 1])


def component_of(n: int, ts_minima: np.ndarray, root: int) -> np.ndarray:
    """Ids of the minima that a path joins to root, root among them, ascending, int64 (c,)."""
    root = checked_minimum(n, root, "the root")
    labels = components(n, ts_minima)
    return np.flatnonzero(labels == labels[root])


def spanning_forest(n: int, ts_losses: np.ndarray, ts_minima: np.ndarray) -> np.ndarray:
    """Ids of the TS in the minimum spanning forest by TS loss, by rising loss, int64 (n - components,).

    It is Kruskal's forest with ties decided for the lowest TS id. Loss ranks serve as weights:
    they are distinct and positive, as the sparse solver needs, where losses may be zero or equal.
    Raises InputError if a TS names an unknown minimum or its loss is not finite.
    """
    edges = checked_edges(n, ts_minima)
    ts_losses = np.asarray(ts_losses, dtype=np.float64)
    if not np.isfinite(ts_losses[edges]).all():
        damaged = edges[~np.isfinite(ts_losses[edges])][0]
        raise InputError(
            f"transition state {damaged} has the loss {ts_losses[damaged]}: "
            "a network needs finite losses, remove it or run `check` on its file"
        )
    if edges.size == 0:
        return np.empty(0, dtype=np.int64)
    by_loss = edges[np.argsort(ts_losses[edges], kind="stable")]
    pairs = np.asarray(ts_minima, dtype=np.int64).reshape(-1, 2)[by_loss]
    low = pairs.min(axis=1)
    high = pairs.max(axis=1)
    _, lowest_of_pair = np.unique(low * n + high, return_index=True)
    weights = lowest_of_pair + 1.0
    graph = coo_array((weights, (low[lowest_of_pair], high[lowest_of_pair])), shape=(n, n)).tocsr()
    ranks = np.sort(minimum_spanning_tree(graph).data).astype(np.int64) - 1
    return by_loss[ranks]


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
    hanging = _hang(losses.size, ts_losses, ts_minima, root)
    reached = hanging.order[1:]
    parents = hanging.parent[reached].tolist()
    steps = np.asarray(ts_losses, dtype=np.float64)[hanging.parent_ts[reached]].tolist()
    highest = [-np.inf] * losses.size
    for minimum, parent, step in zip(reached.tolist(), parents, steps, strict=True):
        above = highest[parent]
        highest[minimum] = step if step > above else above
    barriers = np.full(losses.size, np.inf)
    barriers[reached] = np.array(highest)[reached]
    barriers[root] = losses[root]
    return barriers


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
