"""Hessian eigenvalues of a point: all of them, or the two lowest where the Hessian is too large to form.

How certain the sign of an eigenvalue is depends on three things: the rounding of Hessian and eigensolver, the residual
of an iterative eigenvector, and how far the point is from the stationary point that it stands for.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from llcommon.losses.base import LossModel
from llcommon.optimise.box import frozen_directions
from llcommon.optimise.lanczos import lowest_pairs
from llcommon.optimise.quadrature import lanczos_quadrature
from llcommon.settings import CurvatureSettings

# Eigenvalues below this share of the largest are noise of a double-precision Hessian and eigensolver.
_EIGENVALUE_NOISE = 1e-13
# The change of curvature on the way to the true stationary point is evaluated within this distance.
_LONGEST_CORRECTION = 0.05


@dataclass(frozen=True)
class Spectrum:
    """Hessian eigenvalues; declared zero modes and coordinates held by a bound left out.

    values: ascending, (k,): all of them, or the two lowest of a large model. tolerances: (k,), for each the size below
    which it has no certain sign. vectors: (N, k), columns; None if not asked for. total: how many eigenvalues there
    are. scale: size of the largest. correction: the Newton step -H^-1 g, (N,), or None.
    """

    values: np.ndarray
    tolerances: np.ndarray
    vectors: np.ndarray | None
    total: int
    scale: float
    correction: np.ndarray | None = None

    @property
    def index(self) -> int:
        """Number of eigenvalues that are certainly negative."""
        return int((self.values < -self.tolerances).sum())

    @property
    def flat(self) -> int:
        """Number of eigenvalues without a certain sign."""
        return int((np.abs(self.values) <= self.tolerances).sum())

    @property
    def tolerance(self) -> float:
        """Size below which the eigenvalue that is nearest to zero has no certain sign."""
        if not self.values.size:
            return 0.0
        return float(self.tolerances[np.argmin(np.abs(self.values))])

    @property
    def complete(self) -> bool:
        """Whether these are all eigenvalues."""
        return len(self.values) == self.total


@dataclass(frozen=True)
class Density:
    """Density of states. nodes: eigenvalues, or nodes of a quadrature, ascending; weights: how many each stands for."""

    nodes: np.ndarray
    weights: np.ndarray
    probes: int


def is_large(model: LossModel, settings: CurvatureSettings) -> bool:
    """Whether points of this model are examined without a dense Hessian."""
    return model.dimension > settings.dense_limit


def _noise(model: LossModel) -> float:
    """Share of the largest eigenvalue below which one has no certain sign."""
    return max(_EIGENVALUE_NOISE, model.hessian_noise)


def _lifted(model: LossModel, x: np.ndarray, active: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, int]:
    """The Hessian of the free coordinates with the zero modes above all else, which coordinates these are, and how
    many eigenvalues are not zero modes."""
    hessian = model.hessian(x)
    free = np.arange(model.dimension)
    modes = model.zero_modes(x)
    if active is not None and active.any():
        free = np.flatnonzero(active == 0)
        frozen = frozen_directions(model, x, active)
        modes = frozen[: len(frozen) - (model.dimension - len(free)), free]
        hessian = np.ascontiguousarray(hessian[np.ix_(free, free)])
    if len(modes):
        strength = 1.0 + 2.0 * np.abs(hessian).sum(axis=1).max()
        pulled = hessian @ modes.T
        if np.abs(pulled).max() > _EIGENVALUE_NOISE * strength:
            # Zero modes that turn are none of the Hessian away from a stationary point: what couples to them goes.
            hessian -= modes.T @ pulled.T + pulled @ modes - modes.T @ (modes @ pulled) @ modes
        hessian += strength * (modes.T @ modes)
    return hessian, free, len(free) - len(modes)


def _nothing(total: int) -> Spectrum:
    """For a Hessian that is not finite."""
    return Spectrum(np.full(total, np.nan), np.full(total, np.inf), None, total, np.nan)


def _dense(model: LossModel, x, active, vectors: bool, gradient) -> Spectrum:
    hessian, free, total = _lifted(model, x, active)
    if not np.isfinite(hessian).all():
        return _nothing(total)
    columns = None
    if vectors:
        values, small = np.linalg.eigh(hessian)
        columns = np.zeros((model.dimension, total))
        columns[free] = small[:, :total]
    else:
        values = np.linalg.eigvalsh(hessian)
    values = values[:total]
    scale = float(np.abs(values).max(initial=0.0))
    tolerances = np.full(total, _noise(model) * scale)
    found = Spectrum(values, tolerances, columns, total, scale)
    if gradient is None or not total:
        return found
    if vectors:
        least = max(scale * np.finfo(np.float64).eps, np.finfo(np.float64).tiny)
        curvature = np.where(np.abs(values) > tolerances, values, least)
        return replace(found, correction=-columns @ ((columns.T @ gradient) / curvature))
    return _softest(found, hessian, free, gradient)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """The solution for a symmetric matrix, or None if it is not positive definite."""
    # LAPACK itself: the checks of scipy.linalg cost as much as a factorisation of a small network's Hessian.
    factor, failed = dpotrf(matrix.T, lower=0)
    return None if failed else dpotrs(factor, right, lower=0)[0]


def _softest(found: Spectrum, hessian: np.ndarray, free: np.ndarray, gradient: np.ndarray) -> Spectrum:
    """`found` with the lowest eigenvector and the Newton step, by two factorisations; as it is if not convex.

    hessian: of the free coordinates, overwritten.
    """
    lowest = found.values[0]
    if not lowest > 10.0 * found.tolerances[0]:
        return found
    # One step of inverse iteration beside the eigenvalue; any start that is not orthogonal to it will do.
    correction = _solved(hessian, -gradient[free])
    hessian[np.diag_indices(len(hessian))] -= lowest - max(1e-6 * lowest, found.tolerances[0])
    vector = _solved(hessian, np.cos(np.arange(len(free))))
    if correction is None or vector is None:
        return found
    vectors = np.zeros((len(gradient), 1))
    vectors[free, 0] = vector / np.linalg.norm(vector)
    step = np.zeros(len(gradient))
    step[free] = correction
    return replace(found, vectors=vectors, correction=step)


def _iterative(model: LossModel, x, settings: CurvatureSettings, active, gradient) -> Spectrum:
    frozen = frozen_directions(model, x, active)
    total = model.dimension - len(frozen)
    if not total:
        return Spectrum(np.empty(0), np.empty(0), np.empty((model.dimension, 0)), 0, 0.0)
    pairs = lowest_pairs(model, x, frozen, 2, settings.residual, settings.products, settings.seed, gradient)
    if not np.isfinite(pairs.values).all():
        return _nothing(min(2, total))
    tolerances = _noise(model) * pairs.scale + pairs.residuals
    return Spectrum(pairs.values, tolerances, pairs.vectors.T, total, pairs.scale, pairs.correction)


def spectrum(
    model: LossModel,
    x: np.ndarray,
    settings: CurvatureSettings | None = None,
    vectors: bool = False,
    active: np.ndarray | None = None,
) -> Spectrum:
    """Eigenvalues (and eigenvectors) of the Hessian at x, shape (N,), as the point stands.

    active: (N,) as of `box.active_set`: coordinates that count as fixed.
    """
    settings = settings or CurvatureSettings()
    if is_large(model, settings):
        return _iterative(model, x, settings, active, None)
    return _dense(model, x, active, vectors, None)


def spectrum_at_stationary(
    model: LossModel,
    x: np.ndarray,
    gradient: np.ndarray,
    settings: CurvatureSettings,
    active: np.ndarray | None,
    index: int,
) -> Spectrum:
    """As `spectrum`, for the stationary point that x, (N,), with its small gradient, (N,), stands for.

    index: 0 if x is thought to be a minimum, 1 for a transition state; then the vectors are there. To first order an
    eigenvalue changes on the way by v^T (H(x + s) - H(x)) v with the Newton step s: that is added to the tolerances
    of the lowest eigenvalues, which decide the sign. A correction too long to be evaluated is extrapolated.
    """
    if is_large(model, settings):
        found = _iterative(model, x, settings, active, gradient)
    else:
        found = _dense(model, x, active, index > 0, gradient)
        if found.correction is None and found.total and np.isfinite(found.scale):
            found = _dense(model, x, active, True, gradient)
    if found.correction is None:
        return found
    length = float(np.linalg.norm(found.correction))
    if not length > 0.0:
        return found
    share = min(1.0, _LONGEST_CORRECTION / length)
    beside = x + share * found.correction
    tolerances = found.tolerances.copy()
    for k in range(min(index + 1, found.vectors.shape[1], len(tolerances))):
        vector = np.ascontiguousarray(found.vectors[:, k])
        change = abs(float(vector @ model.hessian_vector(beside, vector)) - found.values[k])
        tolerances[k] += change / share if np.isfinite(change) else np.inf
    return replace(found, tolerances=tolerances)


def density(
    model: LossModel,
    x: np.ndarray,
    settings: CurvatureSettings | None = None,
    active: np.ndarray | None = None,
) -> Density:
    """Density of states of the Hessian at x, shape (N,): every eigenvalue, or a quadrature if the model is large."""
    settings = settings or CurvatureSettings()
    found = spectrum(model, x, settings, active=active)
    if found.complete:
        return Density(found.values, np.ones(len(found.values)), 0)
    left_out = np.vstack([frozen_directions(model, x, active), found.vectors.T])
    sums = lanczos_quadrature(
        model, x, left_out, settings.probes, settings.quadrature_steps, settings.seed
    )
    nodes = np.concatenate([found.values, *(rule.nodes for rule in sums.rules)])
    ones = np.ones(len(found.values))
    weights = np.concatenate([ones, *(rule.weights / len(sums.rules) for rule in sums.rules)])
    order = np.argsort(nodes, kind="stable")
    return Density(nodes[order], weights[order], len(sums.rules))
