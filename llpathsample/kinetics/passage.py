"""First-passage times from B to A: their distribution from the spectrum of the absorbing generator, and their moments.

With A absorbing, minima i between and in B, k_ij the rate i -> j and pi the equilibrium occupations, the generator is
made symmetric by detailed balance: H_ij = -sqrt(k_ij k_ji), H_ii = sum_j k_ij. From the eigenvectors u_l of H with
eigenvalues lambda_l, starting from the local equilibrium p of B, the chain has not yet come to A at the time t with the
probability

    S(t) = sum_l c_l exp(-lambda_l t),    c_l = (sum_i sqrt(pi_i) u_il) (sum_i p_i u_il / sqrt(pi_i))

(Swinburne, Kannan, Sharpe and Wales, J. Chem. Phys. 153, 134115, 2020). Eigenvalues of H span as many orders of
magnitude as the rates, so an ordinary eigensolver loses the slow ones. Here H = P L D L^T P^T with complete pivoting,
where every element is a sum of positive terms, and lambda_l are the squares of the singular values of L D^(1/2) by
one-sided Jacobi rotations: they have almost all their digits however wide the spectrum (Demmel, Gu, Eisenstat,
Slapnicar, Veselic and Drmac, Linear Algebra Appl. 299, 21, 1999; Demmel and Koev, Numer. Math. 98, 99, 2004). What may
be lost are amplitudes c_l, where B is hardly ever occupied: their sum tells.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dgejsv
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import logsumexp

from llcommon.status import Status
from llcommon.superposition import log_sums
from llpathsample.kinetics._factor import factorise
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, eliminate, plan
from llpathsample.kinetics.steps import steps_of
from llpathsample.ktn import Network
from llpathsample.network import components

# Of ln: what of conductances and capacities plain doubles hold for certain.
_LINEAR_RANGE = 600.0
# Of ln of symmetrised rates and of occupations: beyond it what is factorised leaves the doubles.
_RATE_RANGE, _OCCUPATION_RANGE = 690.0, 1200.0
_NARROW = 1e6  # largest over smallest pivot
_EXACT = 1e-10  # error of the sum of amplitudes with which the quicker way is good enough
# Relative error of the sum of amplitudes and of the mean that counts as resolved.
TOLERANCE = 1e-6
_EARLIEST, _LATEST = -800.0, 40.0  # ln of a time, and a time over that of the slowest exponential


@dataclass(frozen=True)
class Chain:
    """A network with A absorbing, all that can be met on the way from B: k minima.

    minima: (k,) ids. pairs: (e, 2) places of minima that are joined, or of one and k, which is A; log_flow: (e,) ln W.
    log_weights: (k,) ln pi but for a constant. log_start: (k,) ln of the probability to start there, -inf outside B.
    """

    minima: np.ndarray
    pairs: np.ndarray
    log_flow: np.ndarray
    log_weights: np.ndarray
    log_start: np.ndarray


@dataclass(frozen=True)
class Moments:
    """ln of the mean first-passage time and of the mean of its square."""

    log_mean: float
    log_square: float

    @property
    def variation(self) -> float:
        """Standard deviation over mean: 1 of an exponential distribution."""
        with np.errstate(over="ignore"):
            return float(np.sqrt(max(np.expm1(self.log_square - 2.0 * self.log_mean), 0.0)))


@dataclass(frozen=True)
class Spectrum:
    """First-passage times as a sum of exponentials, in units of their mean.

    log_unit: ln of that mean. rates: (k,) eigenvalues, rising; amplitudes: (k,). rounding: how far the amplitudes are
    from 1 in all, or their mean time, relatively, from that of the chain by elimination, whichever is more. mean_error,
    square_error: of the first two moments, relative, against those of the whole network, from which those of a reduced
    chain may differ. status: CONVERGED, or UNRESOLVED if `rounding` is more than TOLERANCE, or nothing can be computed.
    """

    log_unit: float
    rates: np.ndarray
    amplitudes: np.ndarray
    rounding: float
    mean_error: float
    square_error: float
    status: Status

    @property
    def resolved(self) -> bool:
        """Whether the distribution can be told."""
        return self.status == Status.CONVERGED

    def survival(self, times: np.ndarray) -> np.ndarray:
        """Probability not to have come to A at times, in units of the mean."""
        return np.exp(-np.multiply.outer(np.asarray(times), self.rates)) @ self.amplitudes

    def density(self, times: np.ndarray) -> np.ndarray:
        """Probability density in ln t at times, in units of the mean."""
        scaled = np.multiply.outer(np.asarray(times), self.rates)
        return (scaled * np.exp(-scaled)) @ self.amplitudes

    def modes(self, share: float = 0.01) -> int:
        """How many exponentials have an amplitude of at least `share`."""
        return int((np.abs(self.amplitudes) >= share).sum())

    def log_span(self) -> tuple[float, float]:
        """ln of times, in units of the mean, before and after which all has been told."""
        return _EARLIEST, float(np.log(_LATEST / self.rates[0]))


def quantile(distribution, probability: float) -> float:
    """The time, in units of the mean, by which A is reached with that probability; of a Spectrum or a Propagated."""
    low, high = distribution.log_span()
    for _ in range(80):
        middle = 0.5 * (low + high)
        if distribution.survival(np.exp(middle)) > 1.0 - probability:
            low = middle
        else:
            high = middle
    return float(np.exp(0.5 * (low + high)))


def grid(distribution, points: int = 400) -> np.ndarray:
    """Times, in units of the mean, of equal ratios, over which a distribution is worth a look."""
    low, high = np.log(quantile(distribution, 1e-4)), np.log(quantile(distribution, 1.0 - 1e-4))
    margin = 0.05 * (high - low) + 0.5
    return np.exp(np.linspace(low - margin, high + margin, points))


def peaks(distribution, least: float = 0.001) -> np.ndarray:
    """Times, in units of the mean, at which the density in ln t has a maximum of at least `least`."""
    times = grid(distribution, 2000)
    density = distribution.density(times)
    inner = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:]) & (density[1:-1] >= least)
    return times[1:-1][inner]


def absorbing_chain(network: Network, temperature: float, products: np.ndarray, reactants: np.ndarray) -> Chain:
    """The chain from B to A; products, reactants: ids of minima, all of which TS join to the other set."""
    steps = steps_of(network, temperature)
    count = len(steps.log_weights)
    closed = np.zeros(count, dtype=bool)
    closed[products] = True
    inner = ~closed[steps.ends].any(axis=1)
    first, second = steps.ends[inner].T
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    minima = np.flatnonzero(np.isin(labels, labels[reactants]) & ~closed)
    size = len(minima)
    place = np.full(count, -1)
    place[minima] = np.arange(size)
    place[products] = size
    pairs = np.sort(place[steps.ends], axis=1)
    met = (pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])
    keys, places = np.unique(pairs[met, 0] * (size + 1) + pairs[met, 1], return_inverse=True)
    start = np.full(size, -np.inf)
    start[place[reactants]] = steps.log_weights[reactants] - logsumexp(steps.log_weights[reactants])
    return Chain(
        minima, np.column_stack([keys // (size + 1), keys % (size + 1)]),
        log_sums(steps.log_flow[met], places, len(keys)), steps.log_weights[minima], start,
    )  # fmt: skip


def reduced_chain(chain: Chain, most: int) -> Chain:
    """The chain of at most `most` minima, those of B, if they are no more than half of that, and those with the longest
    waiting times; the others are taken out.

    Mean first-passage times between what is left stay as they are. The waiting times, in which the others are now
    contained, are taken for exponential, so the distribution is that of the chain only for times much longer than the
    waiting times of those taken out; the second moment tells.
    """
    size = len(chain.minima)
    if size <= most:
        return chain
    places = np.concatenate([chain.pairs[:, 0], chain.pairs[:, 1]])
    waits = chain.log_weights - log_sums(np.tile(chain.log_flow, 2), places, size + 1)[:-1]
    starting = np.isfinite(chain.log_start)
    if starting.sum() <= most // 2:
        waits[starting] = np.inf  # then not even the start is approximate
    kept = np.sort(np.lexsort((np.arange(size), -waits))[:most])
    order = plan(size + 1, chain.pairs, np.append(kept, size))
    base, unit = chain.log_weights.max(), chain.log_flow.min()
    weights, flow = np.append(chain.log_weights - base, 0.0), chain.log_flow - unit
    arithmetic = LINEAR if max(np.ptp(flow), np.ptp(weights)) < _LINEAR_RANGE else LOGARITHMIC
    if not arithmetic.logarithmic:
        weights, flow = np.exp(weights), np.exp(flow)
    found = eliminate(order, arithmetic, flow, weights)
    start = found.first_kept(np.exp(np.append(chain.log_start, -np.inf)))[kept]
    number = np.full(size + 1, -1)
    number[np.append(kept, size)] = np.arange(most + 1)
    left = arithmetic.logarithms(found.conductances)
    flowing = np.isfinite(left)
    with np.errstate(divide="ignore"):
        start = np.log(start)
    return Chain(
        chain.minima[kept], np.sort(number[order.pairs[flowing]], axis=1), left[flowing] + unit,
        arithmetic.logarithms(found.capacities)[kept] + base, start,
    )  # fmt: skip


def moments(chain: Chain) -> Moments:
    """The first two moments, by elimination of all minima: exact but for rounding, at any temperature."""
    size = len(chain.minima)
    order = plan(size + 1, chain.pairs, np.array([size]))
    base, unit = chain.log_weights.max(), chain.log_flow.min()
    weights, flow = chain.log_weights - base, chain.log_flow - unit
    times = _times(order, flow, weights)
    squares = _times(order, flow, weights + np.log(2.0) + times)
    scale = base - unit
    return Moments(
        float(logsumexp(chain.log_start + times) + scale), float(logsumexp(chain.log_start + squares) + 2.0 * scale)
    )


def _times(order, flow: np.ndarray, capacities: np.ndarray) -> np.ndarray:
    """ln of the mean of what is collected until A is reached, (k,), from ln W and ln of W-weighted gains per visit."""
    all_capacities = np.append(capacities, 0.0)
    narrow = np.ptp(flow) < _LINEAR_RANGE and np.ptp(all_capacities) < _LINEAR_RANGE
    arithmetic = LINEAR if narrow else LOGARITHMIC
    if narrow:
        shift = capacities.max()
        all_capacities = np.exp(np.append(capacities - shift, 0.0))
        found = eliminate(order, arithmetic, np.exp(flow), all_capacities)
        return arithmetic.logarithms(found.extended(np.zeros(len(all_capacities)), True))[:-1] + shift
    found = eliminate(order, arithmetic, flow, all_capacities)
    return found.extended(np.full(len(all_capacities), -np.inf), True)[:-1]


def spectrum(chain: Chain, exact: Moments) -> Spectrum:
    """The distribution of first-passage times; exact: moments of the chain, or of that which it was reduced from.

    O(k^3), k^2 doubles five times over: seconds at a thousand minima.
    """
    matrix, sinks, potentials, log_fastest = _symmetrised(chain)
    if matrix is None:
        return _unresolved(exact)
    pivots, order = factorise(matrix, sinks.copy(), potentials.copy())
    factor = matrix * np.sqrt(pivots)
    occupied = np.exp(potentials)[order]
    started = np.exp(chain.log_start - potentials)[order]
    projections = _Projections(
        occupied, sinks[order] * occupied, started, _solved(matrix, pivots, started), float(started @ occupied)
    )
    own = moments(chain)
    found = None
    if pivots.max() < _NARROW * pivots.min():
        # H itself has digits enough, and is ten times quicker to take apart.
        values, vectors = np.linalg.eigh(factor @ factor.T)
        found = values, projections.amplitudes(values, vectors)
    if found is None or abs(found[1].sum() - projections.total) > _EXACT:
        values, vectors, _, _, _, info = dgejsv(factor, joba=0, jobu=0, jobv=3)
        if info != 0:
            return _unresolved(exact)
        found = values**2, projections.amplitudes(values**2, vectors)
    rising = np.argsort(found[0], kind="stable")
    eigenvalues, amplitudes = found[0][rising], found[1][rising]
    if not eigenvalues[0] > 0.0:
        return _unresolved(exact)
    log_rates = np.log(eigenvalues) + log_fastest + exact.log_mean
    # Relative to the slowest, so that nothing overflows.
    waits = np.exp(log_rates[0] - log_rates)
    log_mean = exact.log_mean - log_rates[0] + np.log(abs(amplitudes @ waits))
    log_square = 2.0 * (exact.log_mean - log_rates[0]) + np.log(2.0 * abs(amplitudes @ waits**2))
    rounding = max(abs(float(amplitudes.sum()) - projections.total), abs(float(np.expm1(log_mean - own.log_mean))))
    status = Status.CONVERGED if rounding <= TOLERANCE else Status.UNRESOLVED
    mean_error = abs(float(np.expm1(log_mean - exact.log_mean)))
    square_error = abs(float(np.expm1(log_square - exact.log_square)))
    return Spectrum(exact.log_mean, np.exp(log_rates), amplitudes, rounding, mean_error, square_error, status)


@dataclass(frozen=True)
class _Projections:
    """What eigenvectors are multiplied by for their amplitudes: f = sqrt(pi), H f, s = p / sqrt(pi), H^-1 s, each (k,);
    and f s, the sum of amplitudes.

    An eigenvector is known to rounding in its largest elements, so f u has an error as f. But f u = (H f) u / lambda
    too, and s u = lambda (H^-1 s) u: of the two the one with the smaller error is taken for each eigenvalue.
    """

    occupied: np.ndarray
    leaving: np.ndarray
    started: np.ndarray
    spent: np.ndarray
    total: float

    def amplitudes(self, values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """(k,) of eigenvalues (k,) and the eigenvectors in columns (k, k)."""

        def norm(projection: np.ndarray) -> float:
            return float(np.abs(projection).max(initial=0.0))

        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(
                norm(self.leaving) < values * norm(self.occupied),
                (self.leaving @ vectors) / values,
                self.occupied @ vectors,
            )
        right = np.where(
            values * norm(self.spent) < norm(self.started), values * (self.spent @ vectors), self.started @ vectors
        )
        return left * right


def _solved(lower: np.ndarray, pivots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """H^-1 of values (k,), which are not negative: then nothing is subtracted."""
    inner = solve_triangular(lower, values, lower=True, unit_diagonal=True) / pivots
    return solve_triangular(lower, inner, lower=True, trans="T", unit_diagonal=True)


def _symmetrised(chain: Chain):
    """Symmetrised rates (k, k), rates to A (k,), half of ln pi (k,), and ln of the unit of the rates; the first is None
    if plain doubles do not hold them: if rates that they lack are all that joins some minimum to A."""
    size = len(chain.minima)
    potentials = 0.5 * (chain.log_weights - chain.log_weights.max())
    inside = chain.pairs[:, 1] < size
    first, second = chain.pairs[inside].T
    rates = chain.log_flow[inside] - 0.5 * (chain.log_weights[first] + chain.log_weights[second])
    leaving = chain.pairs[~inside, 0]
    sinks = chain.log_flow[~inside] - chain.log_weights[leaving]
    fastest = max(rates.max(initial=-np.inf), sinks.max(initial=-np.inf))
    held = np.empty(len(chain.pairs), dtype=bool)
    held[inside], held[~inside] = rates - fastest > -_RATE_RANGE, sinks - fastest > -_RATE_RANGE
    whole = not components(size + 1, chain.pairs[held]).any()
    if not whole or 2.0 * np.ptp(potentials) > _OCCUPATION_RANGE:
        return None, None, potentials, fastest
    matrix, out = np.zeros((size, size)), np.zeros(size)
    matrix[first, second] = matrix[second, first] = np.exp(rates - fastest)
    out[leaving] = np.exp(sinks - fastest)
    return matrix, out, potentials, fastest


def _unresolved(exact: Moments) -> Spectrum:
    nothing, nan = np.empty(0), float("nan")
    return Spectrum(exact.log_mean, nothing, nothing, nan, nan, nan, Status.UNRESOLVED)
