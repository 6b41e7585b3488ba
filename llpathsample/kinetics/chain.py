"""The Markov chain of a network: rate constants of its steps, and those between sets of minima.

All that is exponential is kept as logarithms, so nothing overflows or vanishes however cold it is.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.special import logsumexp

from llcommon.rateconstants import Harmonic, harmonic
from llcommon.superposition import log_sums
from llpathsample.ktn import Network
from llpathsample.thermodynamics.observables import log_weights


def log_rates(network: Network, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """ln of the rate constants over each TS, (m,): from its plus side, and from its minus side (theory.md, 4).

    -inf for degenerate TS, which lead nowhere else.
    """
    points = of_network(network, temperature)
    everyone = np.arange(len(network.ts_losses))
    edges = network.ends[:, 0] != network.ends[:, 1]
    forth, back = (
        np.where(edges, points.log_rates(everyone, network.ends[:, side]), -np.inf) for side in (0, 1)
    )
    return forth, back


def of_network(network: Network, temperature: float) -> Harmonic:
    """Weights of the minima and conductances of the TS."""
    return harmonic(
        (network.losses, network.lpphe, network.log_orders),
        (network.ts_losses, network.ts_lpphe, network.ts_log_orders),
        temperature,
    )


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


@dataclass(frozen=True)
class RateConstants:
    """ln of k from B to A: steady state, and non-steady state; -inf if no path leads there."""

    steady_state: float
    non_steady_state: float


def log_rate_constants(network: Network, temperature: float, products: np.ndarray, reactants: np.ndarray):
    """Rate constants from the reactants B to the products A, by graph transformation (Wales, J. Chem. Phys. 130,
    204111, 2009).

    All other minima are taken out one by one, those with the fewest neighbours first; 1 - P_xx is the sum of the other
    branches, so nothing is subtracted.
    """
    chain = branching(network, temperature)
    steps, waits = chain.by_start(), chain.waits.copy()
    ends = {*products.tolist(), *reactants.tolist()}
    original = waits.copy()
    _remove(steps, waits, [minimum for minimum in range(len(steps)) if minimum not in ends])
    weights = log_weights(network, temperature)[reactants]
    weights = weights - logsumexp(weights)
    goal = set(products.tolist())
    steady, relaxing = [], []
    for share, minimum in zip(weights.tolist(), reactants.tolist(), strict=True):
        ways = [probability for other, probability in steps[minimum].items() if other in goal]
        if ways:
            committed = share + float(logsumexp(ways))
            steady.append(committed - original[minimum])
            relaxing.append(committed - waits[minimum])
    if not steady:
        return RateConstants(-np.inf, -np.inf)
    return RateConstants(float(logsumexp(steady)), float(logsumexp(relaxing)))


def _remove(steps: list[dict[int, float]], waits: np.ndarray, minima: list[int]) -> None:
    """Take minima out of a network of ln P (steps, by start) and ln waiting times, in place."""
    sources: list[set[int]] = [set() for _ in steps]
    for start, ways in enumerate(steps):
        for other in ways:
            sources[other].add(start)
    queue = [(len(steps[minimum]), minimum) for minimum in minima if steps[minimum]]
    heapq.heapify(queue)
    while queue:
        degree, minimum = heapq.heappop(queue)
        ways = {other: value for other, value in steps[minimum].items() if other != minimum}
        if len(ways) > degree:
            heapq.heappush(queue, (len(ways), minimum))
            continue
        if ways:
            leaving = float(logsumexp(list(ways.values())))
            for source in sorted(sources[minimum] - {minimum}):
                through = steps[source].pop(minimum) - leaving
                waits[source] = np.logaddexp(waits[source], through + waits[minimum])
                for other, value in ways.items():
                    known = steps[source].get(other, -np.inf)
                    steps[source][other] = float(np.logaddexp(known, through + value))
                    sources[other].add(source)
        for other in ways:
            sources[other].discard(minimum)
        steps[minimum] = {}
        sources[minimum] = set()


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
