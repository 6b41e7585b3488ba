"""The steps of a network at a temperature in symmetric form: what flows between two minima in equilibrium.

W_ij = pi_i k_ij is the same in both directions, by detailed balance. Taking a minimum x out of the network, so that
what went through it goes at once, is W_ij += W_ix W_xj / sum_l W_xl (star-mesh transformation): nothing is subtracted,
so every digit stays, and all is kept as logarithms.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.superposition import log_sums
from llpathsample.kinetics.chain import log_rates
from llpathsample.ktn import Network
from llpathsample.network import components
from llpathsample.thermodynamics.observables import log_weights


@dataclass(frozen=True)
class Steps:
    """log_weights: (n,) ln pi but for a constant. ends: (e, 2) pairs of minima that TS join, each once, the lower id
    first. log_flow: (e,) ln W of all their TS. dominant: (e,) the TS that most of it goes over."""

    log_weights: np.ndarray
    ends: np.ndarray
    log_flow: np.ndarray
    dominant: np.ndarray

    def directed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """tails, heads, ln W, (2e,), of both directions."""
        first, second = self.ends.T
        return np.concatenate([first, second]), np.concatenate([second, first]), np.tile(self.log_flow, 2)

    def log_escape(self) -> np.ndarray:
        """ln of sum_j W_ij of each minimum, (n,); -inf where nothing leads on."""
        tails, _, flow = self.directed()
        return log_sums(flow, tails, len(self.log_weights))


def steps_of(network: Network, temperature: float) -> Steps:
    """The steps of a network at a temperature; degenerate TS are none."""
    count = len(network.losses)
    weights = log_weights(network, temperature)
    states = np.flatnonzero(network.ends[:, 0] != network.ends[:, 1])
    forth, _ = log_rates(network, temperature)
    flow = weights[network.ends[states, 0]] + forth[states]
    low, high = np.sort(network.ends[states], axis=1).T
    keys, places = np.unique(low * count + high, return_inverse=True)
    by_flow = np.lexsort((-states, flow))  # the largest last, of equal ones the lowest id
    dominant = np.empty(len(keys), dtype=np.int64)
    dominant[places[by_flow]] = states[by_flow]
    ends = np.column_stack([keys // max(count, 1), keys % max(count, 1)])
    return Steps(weights, ends, log_sums(flow, places, len(keys)), dominant)


def joined_sets(network: Network, products: np.ndarray, reactants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The minima of sets A and B, ids, that TS join to one of the other set, whatever is between."""
    labels = components(len(network.losses), network.ends)
    both = np.intersect1d(labels[products], labels[reactants])
    return products[np.isin(labels[products], both)], reactants[np.isin(labels[reactants], both)]
