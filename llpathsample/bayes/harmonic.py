"""The minima of a posterior as one density to draw from: what their curvatures say of it, with heavy tails.

Around each minimum, and each of its images under the symmetry of the model, the free coordinates have a Student
distribution whose scale is that of Laplace's approximation, T H^-1; a coordinate on a bound has an exponential one
from there, of the rate |g| / T, cut off at the other bound. A uniform share of the box keeps the weights of importance
sampling bounded (the defensive mixture of T. Hesterberg, Technometrics 37, 185, 1995). Half of the draws come from
minima by their harmonic weights, most others from all minima alike: a minimum that the harmonic approximation thinks
little of is tried, too.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from llcommon.mixing import log_volume
from llcommon.superposition import log_sum
from llpathsample.bayes.problem import Problem

BY_WEIGHT, ALIKE, UNIFORM = 0.5, 0.4, 0.1  # shares of the draws
FREEDOM = 5.0  # degrees of freedom of the Student distribution: its variance is finite, its tails are heavy
_IMAGES = 64  # random images of which each distinct one is kept
_SAME = 1e-9


@dataclass(frozen=True)
class Peak:
    """The density around one image of a minimum.

    centre: (N,). free: places (f,) of the coordinates that no bound holds, root: (f, f) with root root^T their
    scale matrix, inverse: its inverse, log_scale: ln |det root|. held: places (h,) on a bound, rates: (h,) |g| / T,
    inward: (h,) 1 on a lower bound and -1 on an upper one, widths: (h,) of the box.
    """

    centre: np.ndarray
    free: np.ndarray
    root: np.ndarray
    inverse: np.ndarray
    log_scale: float
    held: np.ndarray
    rates: np.ndarray
    inward: np.ndarray
    widths: np.ndarray

    def draw(self, count: int, rng) -> np.ndarray:
        """(count, N) points; rng: a Generator or a RandomState."""
        points = np.tile(self.centre, (count, 1))
        stretched = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))
        normal = rng.standard_normal((count, len(self.free)))
        points[:, self.free] += stretched[:, None] * (normal @ self.root.T)
        share = rng.random((count, len(self.held)))
        reach = -np.expm1(-self.rates * self.widths)
        points[:, self.held] -= self.inward * np.log1p(-share * reach) / self.rates
        return points

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """ln of the density at points (s, N) of the box, (s,)."""
        free = len(self.free)
        away = (points[:, self.free] - self.centre[self.free]) @ self.inverse.T
        norm = gammaln(0.5 * (FREEDOM + free)) - gammaln(0.5 * FREEDOM) - 0.5 * free * np.log(FREEDOM * np.pi)
        value = norm - self.log_scale - 0.5 * (FREEDOM + free) * np.log1p((away**2).sum(axis=1) / FREEDOM)
        depth = self.inward * (points[:, self.held] - self.centre[self.held])
        normalised = np.log(self.rates) - np.log(-np.expm1(-self.rates * self.widths))
        return value + (normalised - self.rates * depth).sum(axis=1)


@dataclass(frozen=True)
class Harmonic:
    """log_weights: (k,) of the minima, the sum of their exp is 1. log_evidence: ln of the integral of exp(-L / T) over
    the box by the harmonic volumes of all images. peaks: one for each image; shares: (p,) of the draws from each."""

    log_weights: np.ndarray
    log_evidence: float
    peaks: list[Peak]
    shares: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def draw(self, count: int, rng) -> np.ndarray:
        """(count, N) points; some lie outside of the box, where the posterior is zero."""
        ends = np.cumsum(np.append(self.shares, UNIFORM))
        chosen = np.searchsorted(ends, rng.random(count) * ends[-1], side="right")
        points = rng.uniform(self.lower, self.upper, (count, len(self.lower)))
        for number, peak in enumerate(self.peaks):
            rows = np.flatnonzero(chosen == number)
            points[rows] = peak.draw(len(rows), rng)
        return points

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """ln of the density of `draw` at points (s, N) of the box, (s,)."""
        terms = [np.log(share) + peak.log_density(points) for share, peak in zip(self.shares, self.peaks, strict=True)]
        uniform = np.log(UNIFORM) - np.log(self.upper - self.lower).sum()
        return np.logaddexp.reduce([*terms, np.full(len(points), uniform)], axis=0)


def harmonic_of(problem: Problem) -> Harmonic:
    """The minima of a problem as a density."""
    model, temperature = problem.model, problem.temperature
    logarithms = np.array(
        [log_volume(model, minimum, temperature) - minimum.loss / temperature for minimum in problem.minima]
    )
    log_weights = logarithms - log_sum(logarithms)
    peaks, owners = [], []
    for number, minimum in enumerate(problem.minima):
        for image in _images(model, minimum.coordinates):
            peaks.append(_peak(problem, image))
            owners.append(number)
    copies = np.bincount(owners)[owners]
    weights = np.exp(log_weights)[owners] / copies
    shares = BY_WEIGHT * weights + ALIKE / len(peaks)
    evidence = log_sum(logarithms) + model.log_group_order()
    return Harmonic(log_weights, float(evidence), peaks, shares, *problem.box)


def _images(model, x: np.ndarray) -> list[np.ndarray]:
    """Distinct images of a point."""
    images = [np.array(x, dtype=np.float64)]
    if model.log_group_order() > 0.0:
        rng = np.random.default_rng(1)
        for _ in range(_IMAGES):
            image = model.random_image(x, rng)
            if all(np.abs(image - other).max() > _SAME for other in images):
                images.append(image)
    return images


def _peak(problem: Problem, x: np.ndarray) -> Peak:
    lower, upper = problem.box
    _, gradient = problem.model.value_and_gradient(x)
    slope = gradient / problem.temperature
    held = np.flatnonzero(((x <= lower) & (slope > 0.0)) | ((x >= upper) & (slope < 0.0)))
    free = np.setdiff1d(np.arange(len(x)), held)
    hessian = problem.model.hessian(x)[np.ix_(free, free)] / problem.temperature
    values, vectors = np.linalg.eigh(hessian)
    # Where the loss is nearly flat, the box limits the posterior and not the curvature.
    widest = 0.5 * float(np.linalg.norm((upper - lower)[free]))
    deviations = 1.0 / np.sqrt(np.maximum(values, widest**-2.0)) if free.size else np.empty(0)
    return Peak(
        centre=x,
        free=free,
        root=vectors * deviations,
        inverse=(vectors / deviations).T,
        log_scale=float(np.log(deviations).sum()),
        held=held,
        rates=np.abs(slope[held]),
        inward=np.where(slope[held] > 0.0, 1.0, -1.0),
        widths=(upper - lower)[held],
    )
