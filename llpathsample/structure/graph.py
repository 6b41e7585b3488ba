"""The simple graph of a network: minima as nodes, an edge wherever transition states join two of them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SimpleGraph:
    """A graph without loops and parallel edges.

    count: number of nodes. pairs: (e, 2) nodes of each edge, the lower first, in ascending order. place: (m,) edge of
    each TS, -1 for degenerate ones, which join a minimum to itself.
    """

    count: int
    pairs: np.ndarray
    place: np.ndarray

    @staticmethod
    def of(count: int, ends: np.ndarray) -> "SimpleGraph":
        """The graph of `count` minima and TS with these ends, (m, 2)."""
        ends = np.asarray(ends, dtype=np.int64).reshape(-1, 2)
        low, high = ends.min(axis=1), ends.max(axis=1)
        edges = np.flatnonzero(low != high)
        keys, places = np.unique(low[edges] * count + high[edges], return_inverse=True)
        place = np.full(len(ends), -1, dtype=np.int64)
        place[edges] = places
        return SimpleGraph(count, np.column_stack([keys // max(count, 1), keys % max(count, 1)]), place)

    def degrees(self) -> np.ndarray:
        """Number of neighbours of each node, (n,)."""
        return np.bincount(self.pairs.ravel(), minlength=self.count)

    def induced(self, kept: np.ndarray) -> "SimpleGraph":
        """The graph of some nodes (k,), ascending, which are numbered anew; of edges left out, TS have the place -1."""
        number = np.full(self.count, -1)
        number[kept] = np.arange(len(kept))
        pairs = number[self.pairs]
        inside = (pairs >= 0).all(axis=1)
        places = np.append(np.where(inside, np.cumsum(inside) - 1, -1), -1)
        return SimpleGraph(len(kept), pairs[inside], places[self.place])

    def as_igraph(self):
        """The graph as one of igraph, with the same numbers of nodes and edges."""
        import igraph

        return igraph.Graph(n=self.count, edges=self.pairs)


@contextmanager
def igraph_random(seed: int) -> Iterator[random.Random]:
    """Have igraph draw from a stream of its own while this lasts; a `random.Random`, equal for equal seeds."""
    import igraph

    stream = random.Random(seed)
    igraph.set_random_number_generator(stream)
    try:
        yield stream
    finally:
        # What igraph uses when nobody asks for anything else.
        igraph.set_random_number_generator(random)
