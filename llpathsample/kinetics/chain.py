"""The Markov chain of a network: rate constants of its steps, their probabilities, and the best path.

All that is exponential is kept as logarithms, so nothing overflows or vanishes however cold it is.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.special import logsumexp

from llcommon.superposition import log_sums
from llpathsample.ktn import Network
from llpathsample.thermodynamics.observables import log_weights


def log_rates(network: Network, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """ln of the rate constants over each TS, (m,): from its plus side, and from its minus side (theory.md, 4).

    -inf for degenerate TS, which lead nowhere else.
    """
    points = network.harmonic(temperature)
    everyone = np.arange(len(network.ts_losses))
    edges = network.ends[:, 0] != network.ends[:, 1]
    forth, back = (
        np.where(edges, points.log_rates(everyone, network.ends[:, side]), -np.inf) for side in (0, 1)
    )
    return forth, back


@dataclass(frozen=True)
class Branching:
    """Steps start -> end (e,), each pair once, and ln of their probabilities; waits: ln of the waiting times of all
    minima, (n,), inf where nothing leads on."""

    start: np.ndarray
    end: np.ndarray
    log_probability: np.ndarray
    waits: np.ndarray

    def by_start(self) -> list[dict[int, float]]:
        """ln of the probabilities by start and end."""
        steps: list[dict[int, float]] = [{} for _ in range(len(self.waits))]
        columns = (self.start.tolist(), self.end.tolist(), self.log_probability.tolist())
        for start, end, value in zip(*columns, strict=True):
            steps[start][end] = value
        return steps


def branching(network: Network, temperature: float) -> Branching:
    """The Markov chain of the network: rates of several TS between two minima add up."""
    count = len(network.losses)
    edges = network.ends[:, 0] != network.ends[:, 1]
    first, second = network.ends[edges].T
    forth, back = log_rates(network, temperature)
    steps = np.concatenate([first * count + second, second * count + first])
    keys, places = np.unique(steps, return_inverse=True)
    rates = log_sums(np.concatenate([forth[edges], back[edges]]), places, len(keys))
    start, end = keys // max(count, 1), keys % max(count, 1)
    totals = log_sums(rates, start, count)
    return Branching(start, end, rates - totals[start], -totals)


def best_path(network: Network, temperature: float, products: np.ndarray, reactants: np.ndarray) -> list[int]:
    """The path from B to A of the largest product of branching probabilities, from the share of its start in B on: ids
    of minima, from B to A; empty if no path leads there."""
    chain = branching(network, temperature)
    count = len(chain.waits)
    origin = count
    shares = log_weights(network, temperature)[reactants]
    shares = shares - logsumexp(shares)
    kept = ~np.isin(chain.start, products)  # a path ends where it first comes to A
    rows = np.concatenate([np.full(len(reactants), origin), chain.start[kept]])
    columns = np.concatenate([reactants, chain.end[kept]])
    weights = -np.concatenate([shares, chain.log_probability[kept]])
    # Explicit zeros would be no edges.
    graph = csr_array((np.maximum(weights, 1e-300), (rows, columns)), shape=(count + 1, count + 1))
    lengths, before = dijkstra(graph, indices=origin, return_predecessors=True)
    last = int(products[np.argmin(lengths[products])])
    if not np.isfinite(lengths[last]):
        return []
    path = [last]
    while before[path[-1]] != origin:
        path.append(int(before[path[-1]]))
    return path[::-1]
