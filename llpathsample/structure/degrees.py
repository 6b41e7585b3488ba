"""The distribution of degrees: a power-law tail by maximum likelihood, beside others that it must be told from.

The tail is the degrees k >= xmin, with p(k) = k^-alpha / zeta(alpha, xmin). For each xmin the exponent is that of
largest likelihood; the xmin is taken whose fit has the smallest Kolmogorov-Smirnov distance from the tail. Its p value
is the share of synthetic samples (those below xmin drawn from the data, the tail from the fit) that lie further from
their own fits. Other distributions of the same tail are compared by Vuong's likelihood-ratio test.

Source: A. Clauset, C. R. Shalizi and M. E. J. Newman, SIAM Rev. 51, 661 (2009).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import erfc, gammaln, log_ndtr, pdtrc, zeta

from llcommon.rng import generator

EXPONENTS = (1.01, 8.0)  # of power laws that are looked for
FEWEST = 100  # nodes of a tail about which something can be said (Clauset et al., sections 3.5 and 4.2)
LEAST_SPAN = 10.0  # largest degree over xmin, likewise: a decade
_GRID = np.linspace(*EXPONENTS, 350)
_EXACT = 10_000
_LARGEST = 1e12
_PLAUSIBLE = 0.1


@dataclass(frozen=True)
class Alternative:
    """A distribution of the same tail. parameters: by name. log_ratio: ln likelihood of the power law less that of this
    one: above zero the power law fits better; p: probability of a ratio so far from zero if both fit equally well."""

    name: str
    parameters: dict[str, float]
    log_ratio: float
    p: float


@dataclass(frozen=True)
class PowerLaw:
    """alpha, its standard error; xmin; tail: number of degrees of at least xmin; distance: of Kolmogorov and Smirnov;
    p: of the fit, NaN without synthetic samples; samples: how many of these."""

    alpha: float
    error: float
    xmin: int
    tail: int
    largest: int
    distance: float
    p: float
    samples: int
    alternatives: tuple[Alternative, ...]

    @property
    def verdict(self) -> str:
        """What may be said, in words."""
        seen = f"{self.tail} minima of degree {self.xmin} to {self.largest}"
        if self.tail < FEWEST:
            return f"not decidable from {seen}; {FEWEST} are the least"
        if self.p < _PLAUSIBLE:
            return f"not a power law (p = {self.p:.2g})"
        better = [other.name for other in self.alternatives if other.log_ratio < 0.0 and other.p < _PLAUSIBLE]
        if better:
            return f"not a power law: better are {', '.join(better)}"
        if self.largest < LEAST_SPAN * self.xmin:
            return f"not decidable from {seen}; a decade of degrees is the least"
        worse = [other.name for other in self.alternatives if other.log_ratio > 0.0 and other.p < _PLAUSIBLE]
        open_ = [other.name for other in self.alternatives if other.name not in worse]
        return "a power law is possible" + (f", as are {', '.join(open_)}" if open_ else f", not {', '.join(worse)}")


def degree_counts(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The degrees above 0 that occur, ascending, and how often each does."""
    return np.unique(degrees[degrees > 0], return_counts=True)


def power_law(degrees: np.ndarray, samples: int = 200, seed: int = 1) -> PowerLaw | None:
    """The power law that fits the degrees (n,) above 0 best, and what else might; None with fewer than two kinds.

    samples: synthetic ones for the p value. The same seed gives the same p.
    """
    values, counts = degree_counts(degrees)
    if len(values) < 2:
        return None
    fits = _Fits()
    xmin, distance = fits.best(values, counts)
    inside = values >= xmin
    tail_values, tail_counts = values[inside], counts[inside]
    alpha, error = _exponent(tail_values, tail_counts, xmin)
    logarithms = -alpha * np.log(tail_values) - np.log(zeta(alpha, xmin))
    others = tuple(_compared(name, tail_values, tail_counts, xmin, logarithms) for name in _ALTERNATIVES)
    rng = generator(seed, "power law")
    source = _Synthetic(values, counts, xmin, alpha)
    further = [source.distance(fits, rng) >= distance for _ in range(samples)]
    return PowerLaw(
        alpha,
        error,
        int(xmin),
        int(tail_counts.sum()),
        int(values[-1]),
        float(distance),
        float(np.mean(further)) if samples else float("nan"),
        samples,
        others,
    )


class _Fits:
    """Fits on a grid of exponents; zeta(exponent, k) is kept for every k that was needed."""

    def __init__(self) -> None:
        self._columns: dict[int, np.ndarray] = {}

    def _zeta(self, degrees: np.ndarray) -> np.ndarray:
        """zeta of all exponents of the grid and of these degrees, (g, k)."""
        for degree in degrees.tolist():
            if degree not in self._columns:
                self._columns[degree] = zeta(_GRID, float(degree))
        return np.column_stack([self._columns[degree] for degree in degrees.tolist()])

    def best(self, values: np.ndarray, counts: np.ndarray) -> tuple[int, float]:
        """xmin and the distance of its fit. The last degree alone is no tail: two kinds at least."""
        sizes = np.cumsum(counts[::-1])[::-1]
        sums = np.cumsum((counts * np.log(values))[::-1])[::-1]
        at, after = self._zeta(values), self._zeta(values + 1)
        likelihood = -sizes[:-1] * np.log(at[:, :-1]) - _GRID[:, None] * sums[:-1]
        rows = np.argmax(likelihood, axis=0)
        distances = []
        for start, row in enumerate(rows.tolist()):
            norm = at[row, start]
            above = np.append(sizes[start + 1 :], 0) / sizes[start]
            # Between two degrees that occur the fit falls further, so both sides of each step are compared.
            right = np.abs(after[row, start:] / norm - above).max()
            left = np.abs(at[row, start:] / norm - sizes[start:] / sizes[start]).max()
            distances.append(max(right, left))
        place = int(np.argmin(distances))
        return int(values[place]), float(distances[place])


def _exponent(values: np.ndarray, counts: np.ndarray, xmin: int) -> tuple[float, float]:
    """Exponent of largest likelihood, and its standard error from the curvature there."""
    size, sum_of_logs = counts.sum(), counts @ np.log(values)

    def cost(alpha: float) -> float:
        return float(size * np.log(zeta(alpha, xmin)) + alpha * sum_of_logs)

    alpha = float(minimize_scalar(cost, bounds=EXPONENTS, method="bounded", options={"xatol": 1e-8}).x)
    step = 1e-3 * (alpha - 1.0)
    curvature = (cost(alpha + step) - 2.0 * cost(alpha) + cost(alpha - step)) / step**2
    return alpha, float(1.0 / np.sqrt(curvature)) if curvature > 0.0 else float("nan")


class _Synthetic:
    """Samples like the data below xmin, and like the power law from there."""

    def __init__(self, values: np.ndarray, counts: np.ndarray, xmin: int, alpha: float) -> None:
        below = values < xmin
        self.size = int(counts.sum())
        self.head, self.shares = values[below], counts[below] / self.size
        self.xmin, self.alpha = xmin, alpha
        self.survival = zeta(alpha, np.arange(xmin + 1.0, xmin + 1.0 + _EXACT)) / zeta(alpha, xmin)

    def distance(self, fits: _Fits, rng: np.random.Generator) -> float:
        """Distance of a new sample from its own fit."""
        counts = rng.multinomial(self.size, np.append(self.shares, max(1.0 - self.shares.sum(), 0.0)))
        tail = self.tail(int(counts[-1]), rng)
        drawn = np.concatenate([np.repeat(self.head, counts[:-1]), tail])
        values, counts = np.unique(drawn, return_counts=True)
        return fits.best(values, counts)[1] if len(values) > 1 else 0.0

    def tail(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draws from the discrete power law, exact for the first of its values and continuous above."""
        uniform = rng.random(size)
        # P(K > k) falls, so the draw is the first k with P(K > k) < u.
        place = np.searchsorted(-self.survival, -uniform, side="right")
        beyond = (self.xmin - 0.5) * uniform ** (-1.0 / (self.alpha - 1.0)) + 0.5
        return np.where(place < _EXACT, self.xmin + place, np.minimum(beyond, _LARGEST)).astype(np.int64)


# --- other distributions of the tail, k >= xmin ---------------------------------------------------


def _exponential(values: np.ndarray, counts: np.ndarray, xmin: int) -> tuple[dict[str, float], np.ndarray]:
    """p(k) = (1 - e^-rate) e^(-rate (k - xmin))."""
    rate = np.log1p(counts.sum() / (counts @ (values - xmin)))
    return {"rate": float(rate)}, np.log(-np.expm1(-rate)) - rate * (values - xmin)


def _poisson(values: np.ndarray, counts: np.ndarray, xmin: int) -> tuple[dict[str, float], np.ndarray]:
    """p(k) = mean^k e^-mean / k!, divided by the share of k >= xmin."""

    def logarithms(log_mean: float) -> np.ndarray:
        mean = np.exp(log_mean)
        share = pdtrc(xmin - 1, mean)
        return values * log_mean - mean - gammaln(values + 1.0) - np.log(np.maximum(share, 1e-300))

    top = np.log(values[-1] + 1.0)
    found = minimize_scalar(lambda x: -(counts @ logarithms(x)), bounds=(-7.0, top), method="bounded")
    return {"mean": float(np.exp(found.x))}, logarithms(found.x)


def _lognormal(values: np.ndarray, counts: np.ndarray, xmin: int) -> tuple[dict[str, float], np.ndarray]:
    """The share of a log-normal variable between k - 1/2 and k + 1/2, divided by that above xmin - 1/2."""

    def logarithms(parameters: np.ndarray) -> np.ndarray:
        mean, width = parameters[0], np.exp(parameters[1])
        # By the upper tails, which do not round to one.
        lower = log_ndtr(-(np.log(values - 0.5) - mean) / width)
        upper = log_ndtr(-(np.log(values + 0.5) - mean) / width)
        norm = log_ndtr(-(np.log(xmin - 0.5) - mean) / width)
        return lower + np.log(-np.expm1(np.minimum(upper - lower, -1e-300))) - norm

    size = counts.sum()
    mean = counts @ np.log(values) / size
    width = np.sqrt(counts @ (np.log(values) - mean) ** 2 / size)
    start = np.array([mean, np.log(max(width, 0.1))])

    def cost(parameters: np.ndarray) -> float:
        # Means far below the data make a power law of it without end; Clauset et al. bound them too.
        if abs(parameters[0]) > 20.0 or abs(parameters[1]) > 5.0:
            return 1e300
        value = -(counts @ logarithms(parameters))
        return float(value) if np.isfinite(value) else 1e300

    found = minimize(cost, start, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-6, "fatol": 1e-8})
    return {"mean_log": float(found.x[0]), "width_log": float(np.exp(found.x[1]))}, logarithms(found.x)


_ALTERNATIVES: dict[str, Callable] = {"exponential": _exponential, "log-normal": _lognormal, "Poisson": _poisson}


def _compared(name: str, values: np.ndarray, counts: np.ndarray, xmin: int, own: np.ndarray) -> Alternative:
    """An alternative, fitted, and Vuong's test of the power law, of logarithms `own`, against it."""
    parameters, other = _ALTERNATIVES[name](values, counts, xmin)
    difference = own - other
    size = counts.sum()
    ratio = float(counts @ difference)
    deviation = float(np.sqrt(counts @ (difference - ratio / size) ** 2))
    p = float(erfc(abs(ratio) / (np.sqrt(2.0) * deviation))) if deviation > 0.0 else 1.0
    return Alternative(name, parameters, ratio, p)


def fitted_share(fit: PowerLaw, name: str, degrees: np.ndarray) -> np.ndarray:
    """P(K >= k | K >= xmin) of the degrees (k,), all at least xmin, by "power law" or the name of an alternative."""
    if name == "power law":
        return zeta(fit.alpha, degrees.astype(float)) / zeta(fit.alpha, fit.xmin)
    (parameters,) = (other.parameters for other in fit.alternatives if other.name == name)
    if name == "exponential":
        return np.exp(-parameters["rate"] * (degrees - fit.xmin))
    if name == "Poisson":
        return pdtrc(degrees - 1, parameters["mean"]) / pdtrc(fit.xmin - 1, parameters["mean"])
    depth = [(parameters["mean_log"] - np.log(k - 0.5)) / parameters["width_log"] for k in (degrees, fit.xmin)]
    return np.exp(log_ndtr(depth[0]) - log_ndtr(depth[1]))
