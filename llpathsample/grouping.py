"""Groups of minima by free-energy barriers (REGROUPFREE of PATHSAMPLE; Carr and Wales, J. Phys. Chem. B 112, 8760).

A group J has F_J = -T ln sum_i z_i over its minima; between two of them, with the summed rate k_LJ from J to L, lies
F_J - T (ln k_LJ - ln T), the same from either side. Two groups become one if both barriers are at most a threshold;
then rates are those of the new groups, until nothing changes.
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


def free_energy_groups(
    network: Network, temperature: float, threshold: float, products: np.ndarray, reactants: np.ndarray
) -> Groups:
    """Groups within barriers of at most `threshold`; a product and a reactant (ids) never come into one."""
    weights = log_weights(network, temperature)
    forth, _ = log_rates(network, temperature)
    edges = np.flatnonzero(network.ends[:, 0] != network.ends[:, 1])
    ends = network.ends[edges]
    flow = weights[ends[:, 0]] + forth[edges]  # the same from either side: detailed balance
    kinds = np.zeros((len(weights), 2), dtype=bool)
    kinds[products, 0] = True
    kinds[reactants, 1] = True
    labels = np.arange(len(weights))
    while True:
        groups = _groups(labels, weights, ends, flow, temperature)
        owners = np.zeros((len(groups.free_energies), 2), dtype=bool)
        for kind in (0, 1):
            np.logical_or.at(owners[:, kind], groups.labels, kinds[:, kind])
        merged = _merged(groups, threshold, owners)
        if merged is None:
            return groups
        labels = merged[groups.labels]


def _groups(
    labels: np.ndarray, weights: np.ndarray, ends: np.ndarray, flow: np.ndarray, temperature: float
) -> Groups:
    """Groups by labels, numbered anew, with their free energies and transitions."""
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    numbers = rank[numbers]
    count = len(first)
    free = -temperature * log_sums(weights, numbers, count)
    between = np.sort(numbers[ends], axis=1)
    outer = between[:, 0] != between[:, 1]
    keys, places = np.unique(between[outer, 0] * count + between[outer, 1], return_inverse=True)
    barriers = -temperature * (log_sums(flow[outer], places, len(keys)) - np.log(temperature))
    return Groups(numbers, free, np.column_stack([keys // count, keys % count]), barriers)


def _merged(groups: Groups, threshold: float, owners: np.ndarray) -> np.ndarray | None:
    """The new label of each group, None if no two become one; by rising larger barrier."""
    larger = groups.barriers - groups.free_energies[groups.ends].min(axis=1, initial=np.inf)
    order = np.argsort(larger, kind="stable")
    order = order[larger[order] <= threshold]
    if not owners[:, 0].any() or not owners[:, 1].any():
        if not order.size:
            return None
        pairs = groups.ends[order]
        count = len(groups.free_energies)
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
        return connected_components(graph.tocsr(), directed=False)[1]
    parents = list(range(len(groups.free_energies)))
    owners = owners.copy()
    changed = False
    for a, b in groups.ends[order].tolist():
        low, high = sorted((_root(parents, a), _root(parents, b)))
        both = owners[low] | owners[high]
        if low != high and not both.all():
            parents[high] = low
            owners[low] = both
            changed = True
    return np.array([_root(parents, group) for group in range(len(parents))]) if changed else None


def _root(parents: list[int], group: int) -> int:
    """The lowest of the groups that became one with a group; the ways there become shorter."""
    while parents[group] != group:
        parents[group] = parents[parents[group]]
        group = parents[group]
    return group
