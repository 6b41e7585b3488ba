"""Mean first passage times between all pairs of minima, by divide and conquer.

Half of the nodes are eliminated, (1 - P_11) T_12 = P_12 T_22 + t gives the times from them to the others from those
among the others, which are found in the same way in what elimination leaves; then the halves change places. All is sums
of positive terms, 2.5 N^3 of them in matrix products, so times keep their relative accuracy.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dtrsm

from llcommon.superposition import log_sum, log_sums
from llpathsample.kinetics._edges import unique_pairs
from llpathsample.kinetics._pairs import add_product, resolve
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, Arithmetic
from llpathsample.kinetics.rates import CAPACITY_RANGE, CONDUCTANCE_RANGE
from llpathsample.ktn import Network
from llpathsample.network import components

_MATRICES = 4.5  # of (n, n) doubles that are held at the most


@dataclass(frozen=True)
class AllPairs:
    """log_times[x, y]: ln of the mean first passage time from minimum x to y, (n, n); -inf on the diagonal, inf where
    no path leads. log_occupations: (n,) ln pi. logarithmic: whether plain doubles did not suffice."""

    temperature: float
    log_times: np.ndarray
    log_occupations: np.ndarray
    logarithmic: bool

    def log_kemeny(self) -> np.ndarray:
        """(n,) ln of sum_y pi_y T_x(y), Kemeny's constant: the same for all x of a connected network."""
        # Row by row, as the table may fill the memory.
        return np.array([log_sum(row + self.log_occupations) for row in self.log_times])


def memory_of_all_pairs(count: int) -> int:
    """Bytes that the times between so many minima take, at the most."""
    return int(8 * _MATRICES * count**2)


def all_passage_times(network: Network, temperature: float) -> AllPairs:
    """Of all minima of a network."""
    harmonic = network.harmonic(temperature)
    weights = harmonic.log_weights
    count = len(weights)
    times = np.full((count, count), np.inf)
    labels = components(count, network.ends)
    logarithmic = False
    for label in range(labels.max(initial=-1) + 1):
        members = np.flatnonzero(labels == label)
        inside = np.flatnonzero(labels[network.ends[:, 0]] == label)
        size = len(members)
        pairs, places = unique_pairs(np.searchsorted(members, network.ends[inside]), size)
        between = places >= 0
        conductances = log_sums(harmonic.log_conductances[inside[between]], places[between], len(pairs))
        own = weights[members]
        cold = size > 1 and (np.ptp(conductances) >= CONDUCTANCE_RANGE or np.ptp(own) >= CAPACITY_RANGE)
        arithmetic = LOGARITHMIC if cold else LINEAR
        logarithmic |= bool(cold)
        found = times if size == count else np.empty((size, size))
        _fill_component(arithmetic, pairs, conductances, own, found)
        if size < count:
            times[np.ix_(members, members)] = found
    return AllPairs(temperature, times, weights - log_sum(weights), logarithmic)


def _fill_component(arithmetic: Arithmetic, pairs, conductances, weights, times: np.ndarray) -> None:
    """ln of the times of a connected network into `times`."""
    size = len(weights)
    unit, base = conductances.min() if conductances.size else 0.0, weights.min()
    matrix = np.full((size, size), arithmetic.nothing)
    matrix[pairs[:, 0], pairs[:, 1]] = conductances - unit if arithmetic.logarithmic else np.exp(conductances - unit)
    capacities = weights - base if arithmetic.logarithmic else np.exp(weights - base)
    _fill(arithmetic, matrix, capacities, times)
    if not arithmetic.logarithmic:
        with np.errstate(divide="ignore"):
            np.log(times, out=times)
    times += base - unit


def _fill(arithmetic: Arithmetic, matrix: np.ndarray, capacities: np.ndarray, times: np.ndarray) -> None:
    """times (n, n) of a network: upper triangle of a matrix of conductances, capacities (n,)."""
    size = len(matrix)
    if size == 1:
        times[0, 0] = arithmetic.nothing
        return
    if size == 2:
        waits = arithmetic.quotients(capacities, matrix[0, 1])
        times[:] = arithmetic.nothing
        times[0, 1], times[1, 0] = waits
        return
    half = size // 2
    for gone, left in ((slice(0, half), slice(half, size)), (slice(half, size), slice(0, half))):
        count = gone.stop - gone.start
        work = np.empty_like(matrix, order="C")
        work[:count, :count] = matrix[gone, gone]
        work[:count, count:] = matrix[gone, left] if gone.start == 0 else matrix[left, gone].T
        work[count:, count:] = matrix[left, left]
        own = np.concatenate([capacities[gone], capacities[left]])
        sums = np.empty(size)
        arithmetic.kernels.eliminate_dense(count, work, sums, own)
        _fill(arithmetic, work[count:, count:], own[count:], times[left, left])
        waits = arithmetic.quotients(own[:count], sums[:count])
        found = _resolved(arithmetic, work, sums[:count], waits)
        if arithmetic.logarithmic:
            across = np.repeat(found[:, -1:], size - count, axis=1)
            add_product(np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(times[left, left]), across)
            times[gone, left] = across
        else:
            np.matmul(found[:, :-1], times[left, left], out=times[gone, left])
            times[gone, left] += found[:, -1:]


def _resolved(arithmetic: Arithmetic, work: np.ndarray, sums: np.ndarray, waits: np.ndarray) -> np.ndarray:
    """Where those eliminated come first among the others, and when: (1 - P_11)^-1 [P_12, t], (count, n - count + 1)."""
    count = len(sums)
    found = np.empty((count, len(work) - count + 1))
    found[:, -1] = waits
    if arithmetic.logarithmic:
        found[:, :-1] = work[:count, count:] - sums[:, np.newaxis]
        resolve(work, sums, found)
        return found
    np.divide(work[:count, count:], sums[:, np.newaxis], out=found[:, :-1])
    with np.errstate(all="ignore"):  # below the diagonal may be anything
        inner = work[:count, :count] / -sums[:, np.newaxis]
    # BLAS takes columns first: the transposed system, without a copy.
    return dtrsm(1.0, inner.T, found.T, side=1, lower=1, diag=1, overwrite_b=1).T
