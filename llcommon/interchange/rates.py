"""Harmonic rate constants of a network as sparse matrices, and PyGT's files of them.

The rate constant of a step is that of `llcommon.rateconstants`. Rates of the same step through several transition
states add up; a degenerate transition state, whose sides are one minimum, leads nowhere. Everything is kept as
logarithms, because the numbers themselves underflow. The occupations of the minima, ln p_a = -L_a / T - LPPHE_a / 2
- ln o_a + constant, obey detailed balance with these rates.

Unit of a rate: 1 / the time in which a mode of eigenvalue 1 turns by one radian. T is in units of the loss.
"""

import io
import math
from dataclasses import dataclass

import numpy as np

from llcommon.errors import InputError
from llcommon.rateconstants import harmonic
from llcommon.superposition import log_sums


@dataclass(frozen=True)
class Rates:
    """Rates of n minima at one temperature.

    source, target: (e,) ids; each step once, ordered by source and then target. log_rate: (e,). log_escape: (n,) ln of
    the sum of rates out of each minimum, -inf if there are none. log_occupation: (n,), normalised.
    """

    temperature: float
    source: np.ndarray
    target: np.ndarray
    log_rate: np.ndarray
    log_escape: np.ndarray
    log_occupation: np.ndarray

    @property
    def log_branching(self) -> np.ndarray:
        """(e,) ln of the probability that a step from the source is this one."""
        return self.log_rate - self.log_escape[self.source]


def rates_of(landscape, temperature: float) -> Rates:
    """The rates of a landscape. InputError for points without LPPHE."""
    minima, states = landscape.minima, landscape.transition_states
    for name, table in (("minimum", minima), ("transition state", states)):
        bad = np.flatnonzero(~np.isfinite(table.lpphe))
        if bad.size:
            raise InputError(f"{name} {bad[0]} has no LPPHE, which rates need; see `list`")
    ends = states.minima
    edges = np.flatnonzero(ends[:, 0] != ends[:, 1])
    source = np.concatenate([ends[edges, 0], ends[edges, 1]])
    target = np.concatenate([ends[edges, 1], ends[edges, 0]])
    through = np.concatenate([edges, edges])
    points = harmonic(
        (minima.loss, minima.lpphe, minima.log_order), (states.loss, states.lpphe, states.log_order), temperature
    )
    log_rate = points.log_rates(through, source)
    steps, places = np.unique(np.column_stack([source, target]), axis=0, return_inverse=True)
    summed = log_sums(log_rate, places.ravel(), len(steps))
    weights = points.log_weights
    largest = weights.max()
    count = len(minima)
    return Rates(
        temperature=temperature,
        source=steps[:, 0],
        target=steps[:, 1],
        log_rate=summed,
        log_escape=log_sums(summed, steps[:, 0], count),
        log_occupation=weights - largest - math.log(np.exp(weights - largest).sum()),
    )


def sparse_matrix(rates: Rates):
    """K, (n, n) in compressed columns: K[b, a] is the rate a -> b, the diagonal minus the sum of its column."""
    from scipy.sparse import coo_array

    count = len(rates.log_escape)
    everyone = np.arange(count)
    rows = np.concatenate([rates.target, everyone])
    columns = np.concatenate([rates.source, everyone])
    values = np.concatenate([np.exp(rates.log_rate), -np.exp(rates.log_escape)])
    return coo_array((values, (rows, columns)), shape=(count, count)).tocsc()


def rates_content(landscape, temperature: float) -> bytes:
    """A NumPy archive that `scipy.sparse.load_npz` reads as K, with the logarithms and more beside it.

    Further arrays: source, target, log_rate, log_branching of each step; log_waiting_time (inf for a minimum without a
    way out) and log_occupation of each minimum; temperature.
    """
    rates = rates_of(landscape, temperature)
    matrix = sparse_matrix(rates)
    stream = io.BytesIO()
    np.savez(
        stream,
        format=matrix.format.encode("ascii"),
        shape=np.array(matrix.shape),
        data=matrix.data,
        indices=matrix.indices,
        indptr=matrix.indptr,
        _is_array=np.array(True),
        source=rates.source,
        target=rates.target,
        log_rate=rates.log_rate,
        log_branching=rates.log_branching,
        log_waiting_time=-rates.log_escape,
        log_occupation=rates.log_occupation,
        temperature=np.float64(temperature),
    )
    return stream.getvalue()


def pygt_files(landscape, temperature: float) -> dict[str, str]:
    """ts_conns.dat, ts_weights.dat and stat_prob.dat of PyGT.

    A line of ts_conns.dat names two minima, from 1; the two lines of ts_weights.dat that belong to it are ln of the
    rate from the first to the second and of that back, as PyGT's reader takes them.
    """
    rates = rates_of(landscape, temperature)
    steps = zip(rates.source.tolist(), rates.target.tolist(), strict=True)
    log_rate = dict(zip(steps, rates.log_rate.tolist(), strict=True))
    pairs = [pair for pair in log_rate if pair[0] < pair[1]]
    return {
        "ts_conns.dat": "".join(f"{a + 1} {b + 1}\n" for a, b in pairs),
        "ts_weights.dat": "".join(f"{log_rate[a, b]!r}\n{log_rate[b, a]!r}\n" for a, b in pairs),
        "stat_prob.dat": "".join(f"{value!r}\n" for value in rates.log_occupation.tolist()),
    }
