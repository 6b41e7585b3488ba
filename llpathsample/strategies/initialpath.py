"""initial-path: a first path between the sets A and B (DIJINIT of PATHSAMPLE).

Of all chains of minima from A to B the one of least weight, where minima that are connected already lie at no weight
from each other, and a missing edge has one that rises with its distance (Carr, Trygubenko and Wales, J. Chem. Phys.
122, 234903, 2005). All missing edges of the best chain are tried; then the next best chain is found.
"""

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from llpathsample.growing import GrowingNetwork
from llpathsample.neighbours import NearestMembers
from llpathsample.strategies.base import Busy, Choice, Strategy

_FAR = 1e4  # what a pair of no neighbours is from each other, in longest distances of neighbours


class InitialPath(Strategy):
    """Edges are those between a minimum and its `shortlist` nearest (all, of few minima), and far ones that lead from
    the lowest of A everywhere. A pair that was tried weighs more than any chain of untried ones."""

    name = "initial-path"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self.members = NearestMembers(network.neighbours)

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Pairs of the best chain that are not in flight, so few that the window can hold the rest."""
        start, goal = self.network.set_a(), self.network.set_b()
        if not goal.size or self._connected(start, goal):
            return []
        chain = self.missing(start, goal)
        most = min(most, math.ceil(len(chain) / self.settings.window))
        free = [pair for pair in chain if pair not in busy and pair[::-1] not in busy]
        return [Choice(a, b, self.landscape.pair_attempts(a, b)) for a, b in free[:most]]

    def _connected(self, start: np.ndarray, goal: np.ndarray) -> bool:
        labels = self.network.labels
        return bool(np.isin(labels[goal], labels[start]).any())

    def end(self) -> str:
        """Why there is nothing more to choose."""
        connected = self._connected(self.network.set_a(), self.network.set_b())
        return "connected-path" if connected else super().end()

    def missing(self, start: np.ndarray, goal: np.ndarray) -> list[tuple[int, int]]:
        """The missing edges (ids, the lower first) of the best chain between two sets; empty if there is no chain."""
        pairs, weights = self._edges(start)
        if not len(pairs):
            return []
        labels = self.network.labels.copy()
        first = int(labels[start].min())
        labels[np.isin(labels, labels[start])] = first
        ends = np.sort(labels[pairs], axis=1)
        # Of several edges between two components the lightest, then that of the lowest ids.
        order = np.lexsort((pairs[:, 1], pairs[:, 0], weights))
        keys = ends[order, 0] * len(labels) + ends[order, 1]
        best = order[np.unique(keys, return_index=True)[1]]
        best = best[ends[best, 0] != ends[best, 1]]
        size = (len(labels), len(labels))
        graph = csr_array((weights[best], (ends[best, 0], ends[best, 1])), shape=size)
        lengths, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
        edges = {(int(a), int(b)): tuple(pairs[edge].tolist()) for edge, (a, b) in zip(best, ends[best], strict=True)}
        goals = np.unique(labels[goal])
        place = int(goals[np.argmin(lengths[goals])])
        chain = []
        while place != first:
            previous = int(before[place])
            if previous < 0:
                return []
            chain.append(edges[min(previous, place), max(previous, place)])
            place = previous
        return chain[::-1]

    def _edges(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of minima of different components that may be tried, (e, 2), and their weights."""
        distances = self._distances(start)
        tried, rows, lengths = [], [], []
        for (a, b), distance in sorted(distances.items()):
            attempts = self.landscape.pair_attempts(a, b)
            if attempts < self.settings.attempts:
                tried.append(attempts)
                rows.append((a, b))
                lengths.append(distance)
        if not rows:
            return np.empty((0, 2), dtype=np.int64), np.empty(0)
        pairs = np.array(rows)
        weights = self._weights(pairs, np.array(lengths))
        # More than any chain without it, however long.
        penalty = len(self.landscape.minima) * weights.max()
        return pairs, weights + penalty * np.array(tried)

    def _distances(self, start: np.ndarray) -> dict[tuple[int, int], float]:
        """Distances of the pairs of different components that are edges; inf for far ones."""
        count = len(self.landscape.minima)
        labels = self.network.labels
        self.members.add(np.arange(len(self.members.members), count))
        found: dict[tuple[int, int], float] = {}
        for minimum in range(count):
            for distance, other in self.members.nearest(minimum, count):
                if labels[minimum] != labels[other]:
                    found[min(minimum, other), max(minimum, other)] = distance
        centre = int(self.network.by_loss(start)[0])
        by_loss = self.network.by_loss(np.arange(count))
        firsts = by_loss[np.unique(labels[by_loss], return_index=True)[1]]  # the lowest of each component
        for other in firsts[labels[firsts] != labels[centre]].tolist():
            found.setdefault((min(centre, other), max(centre, other)), math.inf)
        return found

    def _weights(self, pairs: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Weights of edges by `metric`, above zero."""
        known = np.isfinite(distances)
        longest = float(distances[known].max()) if known.any() else 1.0
        distances = np.where(known, distances, _FAR * longest)
        if self.settings.metric == "index":
            return (pairs[:, 1] - pairs[:, 0]).astype(np.float64)
        if self.settings.metric == "exp":
            # Relative to the longest of neighbours, so that nothing overflows.
            return np.exp(np.clip(distances - longest, -600.0, 300.0))
        power = self.settings.power
        return distances + 1.0 if power == 0 else np.maximum(distances, 1e-300) ** power
