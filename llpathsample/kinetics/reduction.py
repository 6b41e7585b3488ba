"""A network of a few minima and sets in place of a large one, all others taken out (star-mesh transformation)."""

import numpy as np

from llcommon.superposition import log_sums
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, eliminate, plan
from llpathsample.kinetics.steps import Steps
from llpathsample.network import components

# Of ln: no product of two numbers over their sum leaves the doubles then.
_LINEAR_RANGE = 650.0


def log_mesh(steps: Steps, kept: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    """ln of the flows between the minima `kept` and sets of minima, each of which is one node, when all others have been
    taken out: (k, k) with k = len(kept) + len(sets), symmetric, -inf on the diagonal."""
    size = len(kept) + len(sets)
    owner = np.full(len(steps.log_weights), -1)
    owner[kept] = np.arange(len(kept))
    for number, members in enumerate(sets):
        owner[members] = len(kept) + number
    others = np.flatnonzero(owner < 0)
    owner[others] = size + np.arange(len(others))
    count = size + len(others)
    pairs, places = _unique_pairs(owner[steps.ends], count)
    labels = components(count, pairs)
    joined = np.isin(labels, labels[:size])  # what nothing kept is joined to cannot be taken out, and does not matter
    numbers = np.cumsum(joined) - 1
    inside = joined[pairs[:, 0]]
    flows = log_sums(steps.log_flow[places >= 0], places[places >= 0], len(pairs))[inside]
    mesh = np.full((size, size), -np.inf)
    if flows.size:
        count = int(joined.sum())
        graph = plan(count, numbers[pairs[inside]], np.arange(size))
        base = flows.min()
        arithmetic = LINEAR if np.ptp(flows) < _LINEAR_RANGE else LOGARITHMIC
        own = flows - base if arithmetic.logarithmic else np.exp(flows - base)
        found = eliminate(graph, arithmetic, own, np.full(count, arithmetic.one))
        values = arithmetic.logarithms(found.conductances) + base
        first, second = graph.pairs.T
        mesh[first, second] = mesh[second, first] = values
    return mesh


def _unique_pairs(ends: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of different nodes, the lower first, each once, and the place of each of `ends` (e, 2) among them, -1 for
    those that are one node."""
    low, high = np.sort(ends, axis=1).T
    outer = low != high
    keys, found = np.unique(low[outer] * count + high[outer], return_inverse=True)
    places = np.full(len(ends), -1)
    places[outer] = found
    return np.column_stack([keys // count, keys % count]), places


def taken_out(mesh: np.ndarray, node: int) -> tuple[np.ndarray, float]:
    """A mesh (k, k) without one of its nodes, (k - 1, k - 1), and ln of the sum of flows that this had."""
    row = np.delete(mesh[node], node)
    total = float(np.logaddexp.reduce(row))
    rest = np.delete(np.delete(mesh, node, axis=0), node, axis=1)
    if total == -np.inf:
        return rest, total
    rest = np.logaddexp(rest, row[:, None] + row - total)
    np.fill_diagonal(rest, -np.inf)
    return rest, total
