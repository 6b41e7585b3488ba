"""Groups of minima: by free-energy barriers, by rates, by the losses of transition states; and the network of groups.

A group J has F_J = -T ln sum_i z_i over its minima; between two of them, with the summed rate k_LJ from J to L, lies
F_J - T (ln k_LJ - ln T), the same from either side (units with h = k_B = 1). Two groups become one if both barriers are
at most a threshold; then rates are those of the new groups, until nothing changes (REGROUPFREE of PATHSAMPLE; Carr and
Wales, J. Phys. Chem. B 112, 8760, 2008). A barrier x is a rate of T exp(-x / T), so that groups by rates, of which both
are at least a threshold, are these too.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from llcommon.superposition import log_sums
from llpathsample.kinetics.chain import log_rates
from llpathsample.ktn import Network
from llpathsample.thermodynamics.observables import log_weights


@dataclass(frozen=True)
class Groups:
    """labels: (n,) group of each minimum, from 0 by their lowest ids. free_energies: (g,). ends: (e, 2) groups that are
    directly joined, each pair once; barriers: (e,) free energy of the transition between."""

    labels: np.ndarray
    free_energies: np.ndarray
    ends: np.ndarray
    barriers: np.ndarray

    def members(self, minima: np.ndarray) -> np.ndarray:
        """Groups, ascending, that hold one of these minima."""
        return np.unique(self.labels[minima])

    def log_rates(self, temperature: float) -> tuple[np.ndarray, np.ndarray]:
        """ln of the rates between joined groups, (e,): from the first to the second, and back."""
        return tuple(
            np.log(temperature) - (self.barriers - self.free_energies[self.ends[:, side]]) / temperature
            for side in (0, 1)
        )

    def network(self, temperature: float) -> Network:
        """The groups as a network whose occupations and rates are theirs at this temperature, and at no other.

        Losses are free energies; the LPPHE 2 ln(2 pi T) of minima and 0 of TS make the harmonic rate constant
        T exp(-dF / T), as in the databases that PATHSAMPLE writes of groups.
        """
        count = len(self.free_energies)
        between = len(self.barriers)
        stiffness = np.full(count, 2.0 * np.log(2.0 * np.pi * temperature))
        return Network(
            self.free_energies, stiffness, np.zeros(count), self.barriers, np.zeros(between), np.zeros(between),
            self.ends,
        )  # fmt: skip


def free_energy_groups(
    network: Network, temperature: float, threshold: float, products: np.ndarray, reactants: np.ndarray
) -> Groups:
    """Groups within barriers of at most `threshold`; a product and a reactant (ids) never come into one."""
    flows = _Flows.of(network, temperature)
    owners = _owners(len(network.losses), products, reactants)
    groups = flows.groups(np.arange(len(network.losses)))
    while True:
        held = np.zeros((len(groups.free_energies), 2), dtype=bool)
        for kind in (0, 1):
            held[groups.labels[owners[:, kind]], kind] = True
        larger = groups.barriers - groups.free_energies[groups.ends].min(axis=1, initial=np.inf)
        order = np.argsort(larger, kind="stable")
        order = order[larger[order] <= threshold]
        merged = _merged(groups.ends[order], held)
        if (merged == np.arange(len(merged))).all():
            return groups
        groups = flows.groups(merged[groups.labels])


def rate_groups(
    network: Network, temperature: float, threshold: float, products: np.ndarray, reactants: np.ndarray
) -> Groups:
    """Groups of which both rates to each other are at least `threshold`, above zero; else as `free_energy_groups`."""
    barrier = -temperature * (np.log(threshold) - np.log(temperature))
    return free_energy_groups(network, temperature, barrier, products, reactants)


def loss_groups(
    network: Network, temperature: float, threshold: float, products: np.ndarray, reactants: np.ndarray
) -> Groups:
    """Superbasins: groups that TS of losses of at most `threshold` join, lower ones first; a product and a reactant
    never come into one."""
    ends = network.ends[network.ends[:, 0] != network.ends[:, 1]]
    heights = network.ts_losses[network.ends[:, 0] != network.ends[:, 1]]
    order = np.argsort(heights, kind="stable")
    order = order[heights[order] <= threshold]
    labels = _merged(ends[order], _owners(len(network.losses), products, reactants))
    return _Flows.of(network, temperature).groups(labels)


def lowest_members(losses: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The lowest minimum of each of `count` groups, of equal ones the first; losses, labels: of all minima, (n,)."""
    order = np.argsort(losses, kind="stable")
    lowest = np.empty(count, dtype=np.int64)
    lowest[labels[order][::-1]] = order[::-1]
    return lowest


def _owners(count: int, products: np.ndarray, reactants: np.ndarray) -> np.ndarray:
    owners = np.zeros((count, 2), dtype=bool)
    owners[products, 0] = True
    owners[reactants, 1] = True
    return owners


@dataclass(frozen=True)
class _Flows:
    """weights: (n,) ln z. ends: (e, 2) minima of the TS that lead elsewhere; flow: (e,) ln of z k over each, the same
    from either side by detailed balance."""

    weights: np.ndarray
    ends: np.ndarray
    flow: np.ndarray
    temperature: float

    @staticmethod
    def of(network: Network, temperature: float) -> "_Flows":
        weights = log_weights(network, temperature)
        forth, _ = log_rates(network, temperature)
        edges = np.flatnonzero(network.ends[:, 0] != network.ends[:, 1])
        ends = network.ends[edges]
        return _Flows(weights, ends, weights[ends[:, 0]] + forth[edges], temperature)

    def groups(self, labels: np.ndarray) -> Groups:
        """Groups by labels, numbered anew, with their free energies and transitions."""
        _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        numbers = rank[numbers]
        count = len(first)
        free = -self.temperature * log_sums(self.weights, numbers, count)
        low, high = np.sort(numbers[self.ends], axis=1).T
        outer = low != high
        keys, places = np.unique(low[outer] * count + high[outer], return_inverse=True)
        flow = log_sums(self.flow[outer], places, len(keys))
        barriers = -self.temperature * (flow - np.log(self.temperature))
        ends = np.column_stack([keys // max(count, 1), keys % max(count, 1)])
        return Groups(numbers, free, ends, barriers)


def _merged(pairs: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """A label of each group after pairs (p, 2) became one in turn; the lowest group of those that did."""
    if owners.any(axis=0).all():
        # Compiled code loads where sets are to be kept apart only.
        from llpathsample.kinetics._merging import merged_labels

        return merged_labels(np.ascontiguousarray(pairs), np.ascontiguousarray(owners))
    count = len(owners)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    numbers = connected_components(graph.tocsr(), directed=False)[1]
    return np.unique(numbers, return_index=True)[1][numbers]
