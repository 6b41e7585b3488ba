"""Measures of the curvature at a minimum, from the whole spectrum or, for large models, from products with vectors.

H is the Hessian of the loss across declared zero modes and coordinates held by a bound, d its dimension; D = H - C is
that of the loss without its quadratic penalty, C diagonal (2 lambda for the L2 term of a network). With eigenvalues m
of H and e of D and the weights w at the minimum:

    trace                tr H = sum m
    largest_eigenvalue   max m, lambda_max
    effective_dimension  sum e+ / (e+ + alpha), e+ = max(e, 0)   (MacKay, Neural Comput. 4, 415, 1992; Maddox, Benton
                         and Wilson, arXiv:2003.02139, 2020): how many directions the data decide against alpha
    condition_number     max m / min m
    soft_modes           how many e are below alpha: directions that the data do not decide
    relative_trace       sum w_i^2 D_ii, the expected change by noise in proportion to each weight, times two
                         (Kwon, Kim, Park and Choi, ICML 2021; Petzka et al., NeurIPS 2021, for whole layers)
    relative_curvature   w^T D w, the change by scaling all weights at once, times two; for the expected Hessian of a
                         likelihood it is the squared Fisher-Rao norm of Liang, Poggio, Rakhlin and Stokes, AISTATS 2019

Any minimum of a relu network can be made as sharp as one likes without a change of what it computes (Dinh, Pascanu, S.
Bengio and Y. Bengio, ICML 2017): the first five measures change then. The last two do not, as w_i^2 D_ii and w^T D w
stay where coordinates are rescaled and the data part of the loss is not.

For large models sums over the spectrum come from stochastic Lanczos quadrature, whose rule is exact for the trace up to
the scatter between probes (Hutchinson, Commun. Stat. Simul. Comput. 19, 433, 1990).
"""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import frozen_directions
from llcommon.optimise.curvature import is_large
from llcommon.optimise.lanczos import highest_pair
from llcommon.optimise.quadrature import lanczos_quadrature
from llcommon.rng import generator
from llcommon.settings import CurvatureSettings

_LEADING = 2  # eigenvectors that are kept


@dataclass(frozen=True)
class Estimated:
    """A number and its standard error, 0 if it is exact."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Curvature:
    """See the module's docstring. dimension: d; norm: |w|; leading: (k, N), eigenvectors of the largest eigenvalues,
    the largest first; hessian: (N, N), off the frozen directions, or None for a large model; probes: 0 if exact."""

    dimension: int
    norm: float
    trace: Estimated
    largest: float
    effective_dimension: Estimated
    condition_number: float
    soft_modes: Estimated
    relative_trace: Estimated
    relative_curvature: float
    leading: np.ndarray
    hessian: np.ndarray | None
    probes: int


def largest_eigenvalue(
    model: LossModel, x: np.ndarray, active: np.ndarray | None, settings: CurvatureSettings
) -> float:
    """The largest eigenvalue of D at x, (N,); active: as of `box.active_set`."""
    frozen = frozen_directions(model, x, active)
    penalty = model.penalty_curvature()
    if is_large(model, settings):
        # The penalty is far below what data bend.
        return highest_pair(model, x, frozen, seed=settings.seed)[0]
    return float(np.linalg.eigvalsh(_projected(model.hessian(x) - np.diag(penalty), frozen))[-1])


def curvature(
    model: LossModel,
    x: np.ndarray,
    active: np.ndarray | None,
    lowest: float,
    alpha: float,
    settings: CurvatureSettings,
) -> Curvature:
    """All measures at the minimum x, (N,). active: as of `box.active_set`, or None; lowest: its smallest eigenvalue;
    alpha: as above, in units of the curvature."""
    frozen = frozen_directions(model, x, active)
    if is_large(model, settings):
        return _iterative(model, x, frozen, lowest, alpha, settings)
    return _dense(model, x, frozen, alpha)


def _projected(matrix: np.ndarray, frozen: np.ndarray) -> np.ndarray:
    """P matrix P, P off the orthonormal rows of `frozen`."""
    if not len(frozen):
        return matrix
    matrix = matrix - frozen.T @ (frozen @ matrix)
    return matrix - (matrix @ frozen.T) @ frozen


def _off(frozen: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return vector - frozen.T @ (frozen @ vector)


def _dense(model: LossModel, x: np.ndarray, frozen: np.ndarray, alpha: float) -> Curvature:
    penalty = model.penalty_curvature()
    whole = model.hessian(x)
    hessian = _projected(whole, frozen)
    dimension = model.dimension - len(frozen)
    # Frozen directions are put above all others, and cut off.
    lift = 1.0 + 2.0 * float(np.abs(hessian).sum(axis=1).max(initial=0.0))
    values, vectors = np.linalg.eigh(hessian + lift * frozen.T @ frozen)
    values, vectors = values[:dimension], vectors[:, :dimension]
    data = whole - np.diag(penalty)
    if np.all(penalty == penalty[0]):
        bare = values - penalty[0]
    else:
        bare = np.linalg.eigvalsh(_projected(data, frozen) + lift * frozen.T @ frozen)[:dimension]
    positive = np.maximum(bare, 0.0)
    own = _off(frozen, x)
    count = min(_LEADING, dimension)
    return Curvature(
        dimension=dimension,
        norm=float(np.linalg.norm(x)),
        trace=Estimated(float(values.sum())),
        largest=float(values[-1]) if dimension else 0.0,
        effective_dimension=Estimated(float((positive / (positive + alpha)).sum())),
        condition_number=float(values[-1] / values[0]) if dimension and values[0] > 0.0 else float("inf"),
        soft_modes=Estimated(float((bare < alpha).sum())),
        relative_trace=Estimated(float(x**2 @ np.diag(_projected(data, frozen)))),
        relative_curvature=float(own @ data @ own),
        leading=np.ascontiguousarray(vectors[:, ::-1][:, :count].T),
        hessian=hessian,
        probes=0,
    )


def _estimated(sums: list[float]) -> Estimated:
    return Estimated(float(np.mean(sums)), float(np.std(sums, ddof=1) / np.sqrt(len(sums))))


def _iterative(
    model: LossModel, x: np.ndarray, frozen: np.ndarray, lowest: float, alpha: float, settings: CurvatureSettings
) -> Curvature:
    penalty = model.penalty_curvature()
    # What the penalty bends on average; exact where it bends all coordinates alike.
    shift = float(penalty.mean())
    probes, steps, seed = settings.probes, settings.quadrature_steps, settings.seed
    rules = lanczos_quadrature(model, x, frozen, probes, steps, seed).rules
    largest, vector, _ = highest_pair(model, x, frozen, seed=seed)
    own = _off(frozen, x)
    positive = [np.maximum(rule.nodes - shift, 0.0) for rule in rules]
    pairs = list(zip(rules, positive, strict=True))
    rng = generator(seed, "relative trace")
    relative = []
    for _ in range(probes):
        scaled = _off(frozen, x * (rng.integers(0, 2, model.dimension) * 2.0 - 1.0))
        relative.append(float(scaled @ (model.hessian_vector(x, scaled) - penalty * scaled)))
    return Curvature(
        dimension=model.dimension - len(frozen),
        norm=float(np.linalg.norm(x)),
        trace=_estimated([float(rule.weights @ rule.nodes) for rule in rules]),
        largest=largest,
        effective_dimension=_estimated([float(rule.weights @ (e / (e + alpha))) for rule, e in pairs]),
        condition_number=largest / lowest if lowest > 0.0 else float("inf"),
        soft_modes=_estimated([float(rule.weights[rule.nodes - shift < alpha].sum()) for rule in rules]),
        relative_trace=_estimated(relative),
        relative_curvature=float(own @ (model.hessian_vector(x, own) - penalty * own)),
        leading=vector[None, :],
        hessian=None,
        probes=probes,
    )
