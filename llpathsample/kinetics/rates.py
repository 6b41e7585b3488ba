"""Rate constants, mean first passage times and committors between sets A and B of minima (theory.md, 4).

"AB" means A <- B: from the reactants B to the products A; "BA" the other way. p_a = pi_a / Pi_A is the local weight of
a minimum in its set, T_x(S) the mean first passage time from x to the set S, all other minima (I) taken out by
elimination:

    MFPT_BA = sum_a p_a T_a(B)      k*_BA = 1 / MFPT_BA      k_F,BA = sum_a p_a / T_a(B)
    k_SS,BA = sum_ab W'_ab / Pi_A   k_NSS,BA = sum_a p_a (sum_b W'_ab) / C'_a

with the conductances W' and capacities C' that elimination of I leaves (Wales, J. Chem. Phys. 130, 204111, 2009).
Everything is returned as a logarithm: passage times of 1e676 occur.
"""

import functools
from dataclasses import dataclass

import numpy as np

from llcommon.errors import NothingFound
from llcommon.superposition import log_sum, log_sums
from llpathsample.kinetics._edges import unique_pairs
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, SMALLEST, Arithmetic, Plan, eliminate, plan
from llpathsample.ktn import Network
from llpathsample.network import components, minimax_barriers

# Within these ranges no product of two conductances over their sum leaves the doubles, so nothing is lost.
CONDUCTANCE_RANGE = 690.0
CAPACITY_RANGE = 650.0
# Logarithms of the doubles that keep all their digits.
SMALLEST_LOG, LARGEST_LOG = -708.0, 709.0


@dataclass(frozen=True)
class Direction:
    """ln of what leads from one set to another; -inf of times and rates that are none.

    steady_state: k_SS. non_steady_state: k_NSS. inverse_time: k* = 1 / MFPT. first_passage: k_F. share: ln of the
    equilibrium occupation of the set it starts from, among the minima kept.
    """

    steady_state: float
    non_steady_state: float
    inverse_time: float
    first_passage: float
    share: float

    @property
    def passage_time(self) -> float:
        """ln of the mean first passage time, MFPT."""
        return -self.inverse_time


@dataclass(frozen=True)
class Passage:
    """Kinetics between A and B at one temperature.

    log_time_to_a, log_time_to_b: (n,) mean first passage times, -inf within the set, NaN for minima left out;
    log_committor_a, log_committor_b: (n,) ln of the probability to come to that set before the other, likewise. forth:
    A <- B; back: B <- A. log_occupations: (n,) ln pi, -inf for minima left out. logarithmic: whether plain doubles did
    not suffice.
    """

    temperature: float
    log_occupations: np.ndarray
    log_time_to_a: np.ndarray
    log_time_to_b: np.ndarray
    log_committor_a: np.ndarray
    log_committor_b: np.ndarray
    forth: Direction
    back: Direction
    logarithmic: bool


@dataclass(frozen=True)
class _Side:
    """The kept network of A and B with one of them lumped into one node, which alone stays.

    numbers: (k,) of all kept nodes, the lumped ones the last. pairs_kept: which pairs of kept nodes lead between two of
    these; places: the edge of `plan` that each adds to.
    """

    numbers: np.ndarray
    pairs_kept: np.ndarray
    places: np.ndarray
    edges: int
    plan: Plan


class Routes:
    """A network between two sets of minima: what is the same at every temperature.

    a, b: ids of the minima of A and B that are used, both in components that hold some of either. minima: ids of the
    minima in these components; the others are left out. Raises NothingFound if no path leads from B to A.
    """

    def __init__(self, network: Network, a: np.ndarray, b: np.ndarray) -> None:
        self.network = network
        count = len(network.losses)
        labels = components(count, network.ends)
        met = [np.zeros(count, dtype=bool) for _ in range(2)]
        for part, members in zip(met, (a, b), strict=True):
            part[labels[members]] = True
        joined = (met[0] & met[1])[labels]
        if not joined.any():
            raise NothingFound("no path of transition states joins sets A and B; grow the network, or name others")
        self.minima = np.flatnonzero(joined)
        self.a, self.b = a[joined[a]], b[joined[b]]
        self._place = np.full(count, -1)
        self._place[self.minima] = np.arange(len(self.minima))
        self._states = np.flatnonzero((network.ends[:, 0] != network.ends[:, 1]) & joined[network.ends[:, 0]])
        size = len(self.minima)
        self._pairs, self._edges = unique_pairs(self._place[network.ends[self._states]], size)
        self._in_a, self._in_b = self._place[self.a], self._place[self.b]
        self._kind = np.zeros(size, dtype=np.int64)
        self._kind[self._in_a], self._kind[self._in_b] = 1, 2
        self._kept = np.flatnonzero(self._kind)

    @functools.cached_property
    def _plan(self) -> Plan:
        """The order of elimination of all that is in neither set; made only when rates are wanted."""
        return plan(len(self._kind), self._pairs, self._kept)

    @functools.cached_property
    def _to_a(self) -> "_Side":
        return self._side(1)

    @functools.cached_property
    def _to_b(self) -> "_Side":
        return self._side(2)

    @property
    def bytes(self) -> int:
        """Memory that one temperature needs, roughly."""
        return self._plan.bytes + self._to_a.plan.bytes + self._to_b.plan.bytes

    @property
    def dense(self) -> int:
        """Order of the largest dense matrix on the way."""
        return max(part.dense for part in (self._plan, self._to_a.plan, self._to_b.plan))

    @functools.cached_property
    def _reaches(self) -> dict[int, np.ndarray]:
        """(n,) by set (1: A, 2: B), which minima of neither set may come there first: what they are joined to without
        passing through a set touches it."""
        kinds, pairs = self._kind, self._pairs
        parts = components(len(kinds), pairs[(kinds[pairs] == 0).all(axis=1)])
        reaches = {}
        for kind in (1, 2):
            touching = np.concatenate([pairs[kinds[pairs[:, 1 - side]] == kind, side] for side in (0, 1)])
            touching = touching[kinds[touching] == 0]
            reaches[kind] = (kinds == 0) & np.isin(parts, parts[touching])
        return reaches

    def _side(self, target: int) -> _Side:
        """What is kept with the set `target` (1: A, 2: B) as one node."""
        others = self._kind[self._kept] != target
        count = int(others.sum())
        numbers = np.where(others, np.cumsum(others) - 1, count)
        place = np.empty(len(self._kind), dtype=np.int64)
        place[self._kept] = numbers
        pairs, places = unique_pairs(place[self._plan.pairs], count + 1)
        kept = np.flatnonzero(places >= 0)
        return _Side(numbers, kept, places[kept], len(pairs), plan(count + 1, pairs, np.array([count])))

    def at(self, temperature: float) -> Passage:
        """All rates, passage times and committors at a temperature."""
        harmonic = self.network.harmonic(temperature)
        weights = harmonic.log_weights[self.minima]
        conductances = log_sums(harmonic.log_conductances[self._states], self._edges, len(self._pairs))
        narrow = np.ptp(conductances) < CONDUCTANCE_RANGE and np.ptp(weights) < CAPACITY_RANGE
        if narrow:
            found = self._solved(LINEAR, weights, conductances, temperature)
            if found is not None:
                return found
        return self._solved(LOGARITHMIC, weights, conductances, temperature)

    def _solved(
        self, arithmetic: Arithmetic, weights: np.ndarray, conductances: np.ndarray, temperature: float
    ) -> Passage | None:
        """By one of the two arithmetics; None if a committor is too small for the linear one."""
        # Logarithms keep their digits where they are small, so what is occupied most counts as one.
        base = unit = weights.max()
        if not arithmetic.logarithmic:
            base, unit = weights.min(), conductances.min()
        capacities, own = weights - base, conductances - unit
        if not arithmetic.logarithmic:
            capacities, own = np.exp(capacities), np.exp(own)
        log_time_unit = base - unit
        whole = eliminate(self._plan, arithmetic, own, capacities)
        committors = {kind: self._committor(whole, kind) for kind in (1, 2)}
        if not arithmetic.logarithmic:
            for kind, values in committors.items():
                small = (values < SMALLEST) & (self._kind == 0)
                if small.any() and (small & self._reaches[kind]).any():
                    return None
        times = {}
        for kind, side in ((1, self._to_a), (2, self._to_b)):
            times[kind] = arithmetic.logarithms(self._times(whole, side)) + log_time_unit
        occupations = weights - log_sum(weights)
        across = self._across(whole)
        kept_capacities = arithmetic.logarithms(whole.capacities) + base
        forth = self._direction(self._in_b, occupations, weights, across + unit, kept_capacities, times[1])
        back = self._direction(self._in_a, occupations, weights, across + unit, kept_capacities, times[2])
        log_committors = {kind: arithmetic.logarithms(values) for kind, values in committors.items()}
        return Passage(
            temperature, self._all(occupations, -np.inf), self._all(times[1]), self._all(times[2]),
            self._all(log_committors[1]), self._all(log_committors[2]), forth, back, arithmetic.logarithmic,
        )  # fmt: skip

    def _committor(self, whole, kind: int) -> np.ndarray:
        """(n,) probability to come to one set before the other."""
        values = np.full(len(self._kind), whole.arithmetic.nothing)
        values[self._kind == kind] = whole.arithmetic.one
        return whole.extended(values, False)

    def _times(self, whole, side: _Side) -> np.ndarray:
        """(n,) mean first passage times to the lumped set."""
        arithmetic = whole.arithmetic
        own = arithmetic.sums(whole.conductances[side.pairs_kept], side.places, side.edges)
        capacities = np.full(len(side.plan.order), arithmetic.one)  # of the lumped node it does not matter
        capacities[side.numbers] = whole.capacities[self._kept]
        last = eliminate(side.plan, arithmetic, own, capacities)
        times = last.extended(np.full(len(capacities), arithmetic.nothing), True)
        values = np.full(len(self._kind), arithmetic.nothing)
        values[self._kept] = times[side.numbers]
        return whole.extended(values, True)

    def _across(self, whole) -> np.ndarray:
        """(n,) ln of the conductance from a minimum of either set to all of the other."""
        pairs = self._plan.pairs
        over = np.flatnonzero(self._kind[pairs[:, 0]] != self._kind[pairs[:, 1]])
        values = whole.arithmetic.logarithms(whole.conductances[over])
        places = pairs[over].T.ravel()
        return log_sums(np.concatenate([values, values]), places, len(self._kind))

    def _direction(self, source, occupations, weights, across, capacities, log_times) -> Direction:
        """What leads out of a set."""
        total = log_sum(weights[source])
        shares = weights[source] - total
        log_times = log_times[source]
        return Direction(
            steady_state=log_sum(across[source]) - total,
            non_steady_state=log_sum(shares + across[source] - capacities[source]),
            inverse_time=-log_sum(shares + log_times),
            first_passage=log_sum(shares - log_times),
            share=log_sum(occupations[source]),
        )

    def _all(self, values: np.ndarray, other: float = np.nan) -> np.ndarray:
        """Values of the minima used as those of all."""
        found = np.full(len(self._place), other)
        found[self.minima] = values
        return found


def log_rate_constants(network: Network, temperature: float, products: np.ndarray, reactants: np.ndarray) -> Direction:
    """ln of the rate constants from the reactants B to the products A (ids); -inf if no path leads there."""
    try:
        return Routes(network, products, reactants).at(temperature).forth
    except NothingFound:
        return Direction(*[-np.inf] * 5)


def barrier_between(routes: Routes) -> float:
    """The highest of the barriers, each on the lowest path, from a minimum of A to B and from one of B to A.

    Passage times go by it: those of a set by its deepest trap.
    """
    network = routes.network.among(routes.minima)
    a, b = (np.searchsorted(routes.minima, members) for members in (routes.a, routes.b))
    height = max(_highest_barrier(network, a, b), _highest_barrier(network, b, a))
    return height if height > 0.0 else max(float(np.ptp(network.ts_losses)), 1.0)


def _highest_barrier(network: Network, starts: np.ndarray, goals: np.ndarray) -> float:
    """What the minimum that has to climb highest climbs on its lowest path to a goal."""
    merged = np.arange(len(network.losses))
    merged[goals] = goals[0]
    losses = np.where(merged == goals[0], network.losses[goals].min(), network.losses)
    heights = minimax_barriers(losses, network.ts_losses, merged[network.ends], int(goals[0]))
    return float((heights[starts] - network.losses[starts]).max())


def arrhenius_temperatures(barrier: float) -> np.ndarray:
    """13 temperatures of equal ratios from 1/50 to 1/2 of a barrier, where a network is neither frozen nor free."""
    return np.geomspace(barrier / 50.0, barrier / 2.0, 13)


def middle_temperature(barrier: float) -> float:
    """The middle one of `arrhenius_temperatures`, a tenth of the barrier."""
    return barrier / 10.0
