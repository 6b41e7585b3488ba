"""Elimination of nodes from a network of conductances (star-mesh transformation), sparse first, then dense.

A network that obeys detailed balance is one of conductances W_xy = pi_x k(y <- x), symmetric, and capacities
C_x = pi_x. Elimination keeps what the other nodes do: graph transformation (Wales, J. Chem. Phys. 130, 204111, 2009) in
half the memory and arithmetic, as self-loops need not be stored. The order and the entries that it makes are found once
(`plan`); a plan serves every temperature.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from llcommon.superposition import log_sums
from llpathsample.kinetics import _linear, _logarithmic
from llpathsample.kinetics._edges import all_pairs, neighbours_of, pairs_by_rank, upper_triangle
from llpathsample.kinetics._ordering import minimum_degree, ranked
from llpathsample.kinetics._sharing import share_out

# One by one until the fewest neighbours are this share of the nodes left: of no account within a factor of two.
_SHARE = 0.06
_NO_MATRIX = np.empty((0, 0))

# A probability below it is computed by logarithms: plain doubles lose digits further down.
SMALLEST = 1e-290


@dataclass(frozen=True)
class Arithmetic:
    """How a network is kept: as numbers or as their logarithms."""

    kernels: ModuleType
    logarithmic: bool

    def sums(self, values: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
        """Sums of values by place, (count,)."""
        if self.logarithmic:
            return log_sums(values, places, count)
        return np.bincount(places, values, minlength=count)

    def logarithms(self, values: np.ndarray) -> np.ndarray:
        """ln of values, -inf of nothing."""
        if self.logarithmic:
            return values
        with np.errstate(divide="ignore"):
            return np.log(values)

    def quotients(self, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """above / below."""
        return above - below if self.logarithmic else above / below

    @property
    def nothing(self) -> float:
        """What stands for zero."""
        return -np.inf if self.logarithmic else 0.0

    @property
    def one(self) -> float:
        """What stands for one."""
        return 0.0 if self.logarithmic else 1.0


LINEAR = Arithmetic(_linear, False)
LOGARITHMIC = Arithmetic(_logarithmic, True)


@dataclass(frozen=True)
class Plan:
    """How the nodes of a graph are eliminated that are not kept.

    order: (n,) nodes by rank, the kept ones last; count: those eliminated by sparse rows, inner: all eliminated. Rows
    and columns by rank as of `_ordering.ranked`. own_starts, own_columns: edges of the graph itself by the lower rank,
    own: their numbers. pairs: (e, 2) kept nodes, as given, that may have a conductance at the end.
    """

    order: np.ndarray
    count: int
    inner: int
    starts: np.ndarray
    columns: np.ndarray
    column_starts: np.ndarray
    column_rows: np.ndarray
    column_places: np.ndarray
    own_starts: np.ndarray
    own_columns: np.ndarray
    own: np.ndarray
    pairs: np.ndarray

    @property
    def dense(self) -> int:
        """Order of the dense matrix; 0 if all are eliminated by sparse rows."""
        return len(self.order) - self.count if self.count < self.inner else 0

    @property
    def bytes(self) -> int:
        """Memory of one elimination."""
        return 8 * (3 * len(self.columns) + self.dense**2 + 4 * len(self.own) + 8 * len(self.order))


def plan(count: int, pairs: np.ndarray, kept: np.ndarray, share: float = _SHARE) -> Plan:
    """The plan of a graph of `count` nodes.

    pairs: (e, 2), each pair of different nodes once; kept: (k,) nodes that stay, each other one connected to one of
    them. share: of the nodes left, beyond which the rest is dense.
    """
    stays = np.zeros(count, dtype=np.int64)
    stays[kept] = 1
    order, sparse, row_starts, rows = minimum_degree(*neighbours_of(pairs, count), stays, share)
    structure = ranked(order, row_starts, rows)
    inner = count - len(kept)
    if sparse < inner:
        left = all_pairs(order[inner:])
    else:
        starts, columns = structure[:2]
        lengths = np.diff(starts[inner:])
        left = np.column_stack([np.repeat(order[inner:], lengths), order[columns[starts[inner] :]]])
    return Plan(order, sparse, inner, *structure, *pairs_by_rank(pairs, order), left)


@dataclass(frozen=True)
class Elimination:
    """A network whose nodes have been eliminated but the kept ones.

    conductances: (e,) of `plan.pairs`; capacities: (n,) of the kept nodes, and of the others at their elimination.
    """

    plan: Plan
    arithmetic: Arithmetic
    conductances: np.ndarray
    capacities: np.ndarray
    _flow: np.ndarray
    _sums: np.ndarray
    _matrix: np.ndarray

    def extended(self, values: np.ndarray, timed: bool) -> np.ndarray:
        """(n,) what holds at all nodes, given values (n,) at the kept ones: their mean at the first kept node that is
        reached, plus the mean time until then if `timed`."""
        plan = self.plan
        ranked_values = np.full(len(plan.order), self.arithmetic.nothing)
        if timed:
            inside = slice(0, plan.inner)
            waits = self.arithmetic.quotients(self.capacities[plan.order[inside]], self._sums[inside])
            ranked_values[inside] = waits
        ranked_values[plan.inner :] = values[plan.order[plan.inner :]]
        self.arithmetic.kernels.substitute_back(
            plan.count, plan.inner, plan.starts, plan.columns, self._flow, self._sums, self._matrix, ranked_values
        )
        found = np.empty_like(ranked_values)
        found[plan.order] = ranked_values
        return found

    def first_kept(self, start: np.ndarray) -> np.ndarray:
        """(n,) probabilities to be at each kept node when the first one is met, 0 at the others, of a start with
        probabilities (n,)."""
        plan = self.plan
        chances = start[plan.order]
        share_out(
            plan.count, plan.inner, plan.starts, plan.columns, self._flow, self._sums, self._matrix,
            self.arithmetic.logarithmic, chances,
        )  # fmt: skip
        found = np.empty_like(chances)
        found[plan.order] = chances
        return found


def eliminate(plan: Plan, arithmetic: Arithmetic, conductances: np.ndarray, capacities: np.ndarray) -> Elimination:
    """Eliminate as planned. conductances: (e,) of the pairs of the graph; capacities: (n,). O(n^3 / 3) for a dense
    graph of n nodes."""
    flow = np.empty(len(plan.columns))
    sums = np.empty(len(plan.order))
    ranked_capacities = capacities[plan.order]
    matrix = np.empty((plan.dense, plan.dense)) if plan.dense else _NO_MATRIX
    kernels = arithmetic.kernels
    kernels.eliminate_sparse(
        plan.count, plan.starts, plan.columns, plan.column_starts, plan.column_rows, plan.column_places,
        plan.own_starts, plan.own_columns, conductances[plan.own], flow, sums,
        ranked_capacities, matrix,
    )  # fmt: skip
    if plan.dense:
        inside = plan.inner - plan.count
        kernels.eliminate_dense(inside, matrix, sums[plan.count :], ranked_capacities[plan.count :])
        left = upper_triangle(matrix, inside)
    else:
        left = flow[plan.starts[plan.inner] :]
    found = np.empty_like(ranked_capacities)
    found[plan.order] = ranked_capacities
    return Elimination(plan, arithmetic, left, found, flow, sums, matrix)
