"""A network of a few minima and sets in place of a large one, all others taken out (star-mesh transformation)."""

from dataclasses import dataclass

import numpy as np

from llcommon.superposition import log_sums
from llpathsample.kinetics._edges import unique_pairs
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, SMALLEST, Arithmetic, eliminate, plan
from llpathsample.kinetics.steps import Steps
from llpathsample.network import components

# Of ln: no product of two numbers over their sum leaves the doubles then.
_LINEAR_RANGE = 650.0


@dataclass(frozen=True)
class _Graph:
    """Minima kept and sets, each one node, and all others that are joined to one of these.

    numbers: (n,) node of each minimum, -1 for those that are not joined. pairs, flows: (e, 2) and (e,) nodes and ln W.
    """

    numbers: np.ndarray
    count: int
    pairs: np.ndarray
    flows: np.ndarray

    @staticmethod
    def of(steps: Steps, kept: np.ndarray, sets: list[np.ndarray]) -> "_Graph":
        size = len(kept) + len(sets)
        owner = np.full(len(steps.log_weights), -1)
        owner[kept] = np.arange(len(kept))
        for number, members in enumerate(sets):
            owner[members] = len(kept) + number
        others = np.flatnonzero(owner < 0)
        owner[others] = size + np.arange(len(others))
        count = size + len(others)
        pairs, places = unique_pairs(owner[steps.ends], count)
        labels = components(count, pairs)
        joined = np.isin(labels, labels[:size])
        numbers = np.where(joined, np.cumsum(joined) - 1, -1)
        inside = joined[pairs[:, 0]]
        flows = log_sums(steps.log_flow[places >= 0], places[places >= 0], len(pairs))[inside]
        return _Graph(numbers[owner], int(joined.sum()), numbers[pairs[inside]], flows)

    @property
    def narrow(self) -> bool:
        """Whether plain doubles hold the flows."""
        return bool(np.ptp(self.flows) < _LINEAR_RANGE)

    def eliminated(self, kept: int, arithmetic: Arithmetic):
        """All but the first nodes eliminated."""
        order = plan(self.count, self.pairs, np.arange(kept))
        own = self.flows - self.flows.min()
        own = own if arithmetic.logarithmic else np.exp(own)
        return eliminate(order, arithmetic, own, np.full(self.count, arithmetic.one))


def log_mesh(steps: Steps, kept: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    """ln of the flows between the minima `kept` and sets of minima, each of which is one node, when all others have
    been taken out: (k, k) with k = len(kept) + len(sets), symmetric, -inf on the diagonal."""
    size = len(kept) + len(sets)
    mesh = np.full((size, size), -np.inf)
    graph = _Graph.of(steps, kept, sets)
    if graph.flows.size:
        found = graph.eliminated(size, LINEAR if graph.narrow else LOGARITHMIC)
        first, second = found.plan.pairs.T
        values = found.arithmetic.logarithms(found.conductances) + graph.flows.min()
        mesh[first, second] = mesh[second, first] = values
    return mesh


def log_committor(steps: Steps, goal: np.ndarray, barred: np.ndarray) -> np.ndarray:
    """ln of the probability to come to a minimum of `goal` before one of `barred` from each minimum, (n,): 0 and -inf
    within these sets, -inf where no way leads."""
    graph = _Graph.of(steps, np.empty(0, dtype=np.int64), [goal, barred])
    found = np.full(len(graph.numbers), -np.inf)
    joined = graph.numbers >= 0
    for arithmetic in (LINEAR, LOGARITHMIC) if graph.narrow else (LOGARITHMIC,):
        values = np.full(graph.count, arithmetic.nothing)
        values[0] = arithmetic.one
        reached = graph.eliminated(2, arithmetic).extended(values, False) if graph.flows.size else values
        if arithmetic.logarithmic or not (reached[2:] < SMALLEST).any():
            found[joined] = arithmetic.logarithms(reached)[graph.numbers[joined]]
            break
    return found


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
