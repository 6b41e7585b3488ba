"""What a network tells at a temperature, by harmonic superposition: occupations, heat capacity, frustration, rates.

Temperatures have the units of the loss. All that is exponential is kept as logarithms, so nothing overflows or
vanishes however cold it is. `order` is that of a point's stabiliser: a minimum has |G| / order images.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.special import logsumexp

from llcommon import superposition
from llcommon.errors import InputError
from llcommon.store import Landscape
from llcommon.superposition import log_sums
from llpathsample.network import minimax_barriers

_GRID = 241  # temperatures at which the heat capacity's peaks are looked for
_RANGE = (1e-4, 1e1)  # of these, in units of the spread of losses
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_REFINEMENTS = 60


@dataclass(frozen=True)
class Network:
    """Arrays of a landscape. minima: losses, lpphe, log_orders, (n,); TS likewise with ends (m, 2)."""

    losses: np.ndarray
    lpphe: np.ndarray
    log_orders: np.ndarray
    ts_losses: np.ndarray
    ts_lpphe: np.ndarray
    ts_log_orders: np.ndarray
    ends: np.ndarray

    @staticmethod
    def of(landscape: Landscape) -> "Network":
        """The arrays of a landscape; InputError if an LPPHE is missing."""
        minima, states = landscape.minima, landscape.transition_states
        for table, name in ((minima, "minimum"), (states, "transition state")):
            missing = np.flatnonzero(~np.isfinite(table.lpphe))
            if missing.size:
                raise InputError(f"{name} {missing[0]} has no log product of eigenvalues, which rates need")
        return Network(
            minima.loss, minima.lpphe, minima.log_order, states.loss, states.lpphe, states.log_order, states.minima
        )

    @staticmethod
    def complete(landscape: Landscape) -> tuple["Network", np.ndarray]:
        """The arrays of the minima with an LPPHE and of the TS with one between them; ids of these minima, (n,)."""
        minima, states = landscape.minima, landscape.transition_states
        ids = np.flatnonzero(np.isfinite(minima.lpphe))
        places = np.full(len(minima), -1)
        places[ids] = np.arange(len(ids))
        ends = places[states.minima]
        kept = np.flatnonzero(np.isfinite(states.lpphe) & (ends >= 0).all(axis=1))
        own = (table[ids] for table in (minima.loss, minima.lpphe, minima.log_order))
        return Network(*own, states.loss[kept], states.lpphe[kept], states.log_order[kept], ends[kept]), ids


def log_weights(network: Network, temperature: float) -> np.ndarray:
    """ln of the superposition weights of the minima but for a common factor, (n,)."""
    return superposition.log_weights(network.losses, network.lpphe, network.log_orders, temperature)


def log_occupations(network: Network, temperature: float) -> np.ndarray:
    """ln of the equilibrium occupation probabilities, (n,)."""
    weights = log_weights(network, temperature)
    return weights - logsumexp(weights)


def heat_capacity(network: Network, temperature: float) -> float:
    """Configurational heat capacity without its constant kappa / 2: Var(L) / T^2 (k_B = 1)."""
    shares = np.exp(log_occupations(network, temperature))
    centred = network.losses - network.losses.min()
    centred = centred - shares @ centred
    return float(shares @ (centred / temperature) ** 2)


def heat_capacity_peak(network: Network) -> float | None:
    """Temperature of the highest peak of the heat capacity; None without any."""
    spread = float(np.ptp(network.losses))
    if not spread > 0.0:
        return None
    grid = spread * np.geomspace(*_RANGE, _GRID)
    values = [heat_capacity(network, temperature) for temperature in grid.tolist()]
    inner = [k for k in range(1, _GRID - 1) if values[k - 1] < values[k] >= values[k + 1]]
    if not inner:
        return None
    best = max(inner, key=lambda k: values[k])
    logarithm = _maximum(
        lambda t: heat_capacity(network, float(np.exp(t))), np.log(grid[best - 1]), np.log(grid[best + 1])
    )
    return float(np.exp(logarithm))


def _maximum(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one maximum between low and high has it, by golden section."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = function(a), function(b)
    for _ in range(_REFINEMENTS):
        if at_a < at_b:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = function(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = function(a)
    return 0.5 * (low + high)


def frustration(network: Network, temperature: float) -> float | None:
    """Frustration index f / (1 - p_0) (de Souza et al., J. Chem. Phys. 146, 124103, 2017), downhill barriers.

    Minima that no path joins to the global minimum, or of the same loss, are left out of the sum. None if there are no
    others.
    """
    root = int(np.argmin(network.losses))
    barriers = minimax_barriers(network.losses, network.ts_losses, network.ends, root)
    gaps = network.losses - network.losses[root]
    kept = np.isfinite(barriers) & (gaps > 0.0)
    if not kept.any():
        return None
    shares = log_occupations(network, temperature)
    # 1 - p_0 is the sum over the others, exact also where p_0 rounds to one.
    others = logsumexp(np.delete(shares, root))
    ratios = (barriers[kept] - network.losses[kept]) / gaps[kept]
    return float(np.exp(shares[kept] - others) @ ratios)


# --- rates ----------------------------------------------------------------------------------------


def log_rates(network: Network, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """ln of the rate constants over each TS, (m,): from its plus side, and from its minus side (theory.md, 4).

    -inf for degenerate TS, which lead nowhere else.
    """
    own = network.ts_losses / temperature + 0.5 * network.ts_lpphe + network.ts_log_orders + np.log(2.0 * np.pi)
    sides = []
    for side in (0, 1):
        minimum = network.ends[:, side]
        start = network.losses[minimum] / temperature + 0.5 * network.lpphe[minimum] + network.log_orders[minimum]
        # k carries n_t / n_a = o_a / o_t.
        rates = start - own
        rates[network.ends[:, 0] == network.ends[:, 1]] = -np.inf
        sides.append(rates)
    return sides[0], sides[1]


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
