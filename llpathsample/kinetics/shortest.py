"""Shortest paths of a directed graph: all lengths to one node, and the K shortest paths without loops.

K shortest: J. Y. Yen, Management Science 17, 712 (1971), with E. L. Lawler's rule (Management Science 18, 401, 1972) of
where a path may part from those found before. Every single search is directed by the exact lengths to the goal in the
whole graph, which are lower bounds when nodes are barred: it opens little but the path that it finds.
"""

import bisect
import heapq
from dataclasses import dataclass

import numpy as np

from llcommon.seam import F8, I8, INTEGERS, VECTOR, algorithm


@dataclass(frozen=True)
class Graph:
    """Edges in rows: those from node i are places[i]:places[i + 1] of heads (e,), ascending, and costs (e,), which are
    not negative. reverse, back: for each head the edges that end there, and the nodes where these begin."""

    places: np.ndarray
    heads: np.ndarray
    costs: np.ndarray

    @staticmethod
    def of(count: int, tails: np.ndarray, heads: np.ndarray, costs: np.ndarray) -> "Graph":
        """The graph of `count` nodes and these edges, no two of which join the same nodes the same way."""
        order = np.lexsort((heads, tails))
        places = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(tails, minlength=count), out=places[1:])
        return Graph(places, heads[order].astype(np.int64), np.maximum(costs[order], 0.0))

    def reversed(self) -> "Graph":
        """The graph with all edges turned round."""
        count = len(self.places) - 1
        tails = np.repeat(np.arange(count), np.diff(self.places))
        return Graph.of(count, self.heads, tails, self.costs)


@algorithm(VECTOR, INTEGERS, INTEGERS, VECTOR, I8)
def _lengths(places, heads, costs, root):
    """Dijkstra's algorithm: lengths (n,) of the shortest paths from root, inf where none leads."""
    lengths = np.full(len(places) - 1, np.inf)
    lengths[root] = 0.0
    queue = [(0.0, root)]
    while len(queue) > 0:
        length, node = heapq.heappop(queue)
        if length > lengths[node]:
            continue
        for place in range(places[node], places[node + 1]):
            longer = length + costs[place]
            if longer < lengths[heads[place]]:
                lengths[heads[place]] = longer
                heapq.heappush(queue, (longer, heads[place]))
    return lengths


@algorithm(INTEGERS, INTEGERS, INTEGERS, VECTOR, VECTOR, INTEGERS, INTEGERS, I8, I8, F8)
def _spur(places, heads, costs, remaining, barred_nodes, barred_heads, start, goal, limit):
    """The shortest path from start to goal that meets no barred node and whose first step is to no barred head.

    remaining: (n,) lower bounds of the lengths to the goal. Empty if there is none of a length of at most `limit`.
    """
    count = len(places) - 1
    lengths = np.full(count, np.inf)
    before = np.full(count, -1, dtype=np.int64)
    for node in barred_nodes:
        lengths[node] = -1.0  # nothing is shorter
    lengths[start] = 0.0
    queue = [(remaining[start], 0.0, start)]
    while len(queue) > 0:
        bound, length, node = heapq.heappop(queue)
        if bound > limit:
            break
        if length > lengths[node]:
            continue
        if node == goal:
            steps = 1
            while before[node] >= 0:
                node = before[node]
                steps += 1
            path = np.empty(steps, dtype=np.int64)
            node = goal
            for step in range(steps - 1, -1, -1):
                path[step] = node
                node = before[node]
            return path
        for place in range(places[node], places[node + 1]):
            head = heads[place]
            longer = length + costs[place]
            if longer >= lengths[head] or remaining[head] == np.inf:
                continue
            if node == start:
                barred = False
                for other in barred_heads:
                    barred = barred or other == head
                if barred:
                    continue
            lengths[head] = longer
            before[head] = node
            heapq.heappush(queue, (longer + remaining[head], longer, head))
    return np.empty(0, dtype=np.int64)


def lengths_to(graph: Graph, goal: int) -> np.ndarray:
    """Lengths (n,) of the shortest paths to a node, inf where none leads."""
    back = graph.reversed()
    return _lengths(back.places, back.heads, back.costs, goal)


def shortest_paths(graph: Graph, start: int, goal: int, most: int) -> list[tuple[int, ...]]:
    """Up to `most` paths without loops, by rising length; of equal ones the first by their nodes."""
    remaining = lengths_to(graph, goal)
    if not np.isfinite(remaining[start]):
        return []
    count = len(graph.places) - 1
    keys = np.repeat(np.arange(count), np.diff(graph.places)) * count + graph.heads

    def lengths(path: tuple[int, ...]) -> np.ndarray:
        """From the start to every node of a path."""
        nodes = np.array(path)
        return np.cumsum(np.append(0.0, graph.costs[np.searchsorted(keys, nodes[:-1] * count + nodes[1:])]))

    def search(prefix: tuple[int, ...], barred: set[int], limit: float):
        found = _spur(
            graph.places, graph.heads, graph.costs, remaining, np.array(prefix[:-1], dtype=np.int64),
            np.array(sorted(barred), dtype=np.int64), prefix[-1], goal, limit,
        )  # fmt: skip
        if not found.size:
            return None
        path = prefix[:-1] + tuple(found.tolist())
        return float(lengths(path)[-1]), path, len(prefix) - 1

    waiting = [search((start,), set(), np.inf)]  # rising, no more than are still needed
    found: list[tuple[int, ...]] = []
    left: dict[tuple[int, ...], set[int]] = {}  # where the paths found go on from each of their beginnings
    while waiting and len(found) < most:
        _, path, parted = waiting.pop(0)
        found.append(path)
        needed = most - len(found)
        if not needed:
            break
        for place in range(len(path) - 1):
            left.setdefault(path[: place + 1], set()).add(path[place + 1])
        before = lengths(path).tolist()
        for place in range(parted, len(path) - 1):
            prefix = path[: place + 1]
            # What is longer than as many as are still needed can be left alone.
            worst = waiting[needed - 1][0] if len(waiting) >= needed else np.inf
            candidate = search(prefix, left[prefix], worst * (1.0 + 1e-12) - before[place])
            if candidate is not None:
                bisect.insort(waiting, candidate)
                del waiting[needed:]
    return found
