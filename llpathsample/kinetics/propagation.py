"""First-passage times by powers of the transition matrix, where amplitudes of the spectrum are lost to rounding.

The matrix of the probabilities to go from i to j within t, A among the j as an absorbing state, is squared again and
again: its elements are sums of products that are not negative, and rows are brought to a sum of 1 each time, as in the
elimination of Grassmann, Taksar and Heyman. So small probabilities keep their relative accuracy, and what is slow is
not lost behind what is fast (entrywise accurate exponentials of such matrices: J. Xue and Q. Ye, Math. Comp. 82, 1577,
2013).
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline

from llcommon.status import Status
from llpathsample.kinetics.passage import Chain, Moments

_TERMS = 16  # of the exponential series at a quarter of the shortest waiting time
_FIRST = 0.25
_NOTHING = 1e-290  # smaller probabilities are dropped: they are slow to multiply, and count for nothing
_MOST_SQUARINGS = 900
_LATE = 1e-7  # survival, and its product with the time, at which it ends
_RATE_RANGE = 600.0
_TOLERANCE = 1e-3  # relative error of the mean by integration


@dataclass(frozen=True)
class Propagated:
    """First-passage times at four times an octave, in units of their mean; as `Spectrum` but for the exponentials.

    log_unit: ln of the mean. log_times: (k,) ln t, rising; survivals, densities (in ln t): (k,). mean_error: of the
    mean by integration of the interpolated survival. status: CONVERGED, or UNRESOLVED.
    """

    log_unit: float
    log_times: np.ndarray
    survivals: np.ndarray
    densities: np.ndarray
    mean_error: float
    status: Status

    @property
    def resolved(self) -> bool:
        """Whether the distribution can be told."""
        return self.status == Status.CONVERGED

    def survival(self, times: np.ndarray) -> np.ndarray:
        """Probability not to have come to A at times, in units of the mean."""
        places = np.log(np.asarray(times))
        inside = CubicHermiteSpline(self.log_times, self.survivals, -self.densities)(places)
        inside = np.where(places < self.log_times[0], self.survivals[0], inside)
        return np.clip(np.where(places > self.log_times[-1], 0.0, inside), 0.0, 1.0)

    def density(self, times: np.ndarray) -> np.ndarray:
        """Probability density in ln t at times, in units of the mean."""
        places = np.log(np.asarray(times))
        inside = (places >= self.log_times[0]) & (places <= self.log_times[-1])
        return np.where(inside, np.maximum(CubicSpline(self.log_times, self.densities)(places), 0.0), 0.0)

    def log_span(self) -> tuple[float, float]:
        """ln of the earliest and the latest time that are told, in units of the mean."""
        return float(self.log_times[0]), float(self.log_times[-1])


def propagate(chain: Chain, exact: Moments) -> Propagated:
    """The distribution of first-passage times of a chain. O(k^3) for every factor of 2 between the shortest waiting
    time and the longest passages."""
    size = len(chain.minima)
    first, second = chain.pairs.T
    inside = second < size
    tails = np.concatenate([first, second[inside]])
    heads = np.concatenate([second, first[inside]])
    log_rates = np.concatenate([chain.log_flow, chain.log_flow[inside]]) - chain.log_weights[tails]
    fastest = log_rates.max()
    rates = np.zeros((size + 1, size + 1))
    rates[tails, heads] = np.where(log_rates > fastest - _RATE_RANGE, np.exp(log_rates - fastest), 0.0)
    leaving = rates.sum(axis=1)
    step = _FIRST / leaving.max()
    slow = max(exact.log_square - exact.log_mean, exact.log_mean)  # ln of a time that some passages may take
    squarings = int((slow + fastest - np.log(step)) / np.log(2.0)) + 64
    empty = np.empty(0)
    if squarings > _MOST_SQUARINGS or not (leaving[:size] > 0.0).all():
        return Propagated(exact.log_mean, empty, empty, empty, np.nan, Status.UNRESOLVED)
    moves = _first_step(rates, leaving, step)
    start = np.append(np.exp(chain.log_start), 0.0)
    rows, powers = [], []
    log_step = np.log(step) - fastest - exact.log_mean
    for octave in range(squarings):
        powers = [*powers[-2:], moves]
        for fraction, point in _points(start, powers):
            log_time = log_step + octave * np.log(2.0) + np.log(fraction)
            flux = point @ rates[:, size]
            density = 0.0 if flux == 0.0 else np.exp(np.log(flux) + log_time + exact.log_mean + fastest)
            rows.append((log_time, point[:size].sum(), density))
        if rows[-1][1] * (1.0 + np.exp(min(rows[-1][0], 700.0))) < _LATE:
            break
        moves = _squared(moves)
    log_times, survivals, densities = np.array(rows).T
    found = Propagated(exact.log_mean, log_times, survivals, densities, np.nan, Status.CONVERGED)
    mean_error = abs(_integral(found) - 1.0)
    status = Status.CONVERGED if mean_error < _TOLERANCE else Status.UNRESOLVED
    return Propagated(exact.log_mean, log_times, survivals, densities, mean_error, status)


def _first_step(rates: np.ndarray, leaving: np.ndarray, step: float) -> np.ndarray:
    """Transition probabilities within a short time, from the series of a matrix without negative elements."""
    largest = leaving.max()
    base = rates * step
    np.fill_diagonal(base, (largest - leaving) * step)
    total = np.eye(len(rates))
    term = np.eye(len(rates))
    for order in range(1, _TERMS):
        term = term @ base / order
        total += term
    return _normalised(total)


def _squared(moves: np.ndarray) -> np.ndarray:
    return _normalised(moves @ moves)


def _normalised(moves: np.ndarray) -> np.ndarray:
    moves[moves < _NOTHING] = 0.0
    return moves / moves.sum(axis=1)[:, None]


def _points(start: np.ndarray, powers: list[np.ndarray]):
    """Probabilities at 1, 1.25, 1.5 and 1.75 of the time of the last of the powers, where those before are known."""
    whole = start @ powers[-1]
    yield 1.0, whole
    if len(powers) == 3:
        half = whole @ powers[-2]
        yield 1.25, whole @ powers[-3]
        yield 1.5, half
        yield 1.75, half @ powers[-3]


def _integral(found: Propagated) -> float:
    """The mean: the integral of the survival over the time."""
    x = np.linspace(*found.log_span(), 40 * len(found.log_times))
    times = np.exp(x)
    values = found.survival(times) * times
    return float(times[0] + np.sum(0.5 * (values[1:] + values[:-1]) * np.diff(x)))
