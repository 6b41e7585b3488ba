"""Verification of stationary points: gradient norm, index of the Hessian, and what is stored with them.

Nothing enters a landscape that has not passed here.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set, box, frozen_directions
from llcommon.optimise.curvature import Spectrum, spectrum, spectrum_at_stationary
from llcommon.optimise.quadrature import lanczos_quadrature
from llcommon.records import Minimum, TransitionState
from llcommon.settings import CurvatureSettings
from llcommon.status import Status

__all__ = ["minimum_at", "spectrum", "transition_state_at"]

# Two unit vectors of weights are equal, or a unit dead, within this much per weight.
ORDER_TOLERANCE = 1e-5
# A kink of the loss nearer than this makes its derivatives worthless; a quench knows its end better.
KINK_TOLERANCE = 1e-6
# A Newton step longer than this says that the stationary point is not here: where a loss falls like exp(-a x), as
# without an L2 term, every such step is 1 / a long, however small the gradient.
_LONGEST_STEP = 0.05
# A wide network has minima with dozens of equal units; a landscape file holds no larger order than this.
LARGEST_ORDER = 2**63 - 1


@dataclass(frozen=True)
class Slope:
    """First-order picture of a point.

    gradient: of the free coordinates, (N,), zero for held ones. rms: its root mean square over the free ones. active:
    (N,) as of `box.active_set`, or None for a model without bounds.
    """

    loss: float
    gradient: np.ndarray
    rms: float
    active: np.ndarray | None


@dataclass(frozen=True)
class LogProduct:
    """LPPHE with its standard error and number of probes, both 0 if it is exact. lowest: smallest node seen."""

    value: float
    error: float
    probes: int
    lowest: float


def slope_at(model: LossModel, x: np.ndarray) -> Slope:
    """Loss and gradient of the free coordinates at x, shape (N,)."""
    loss, gradient = model.value_and_gradient(x)
    active = None
    free = model.dimension
    if model.bounds() is not None:
        active = active_set(model, x, gradient)
        gradient[active != 0] = 0.0
        free = int((active == 0).sum())
    return Slope(loss, gradient, float(np.sqrt(gradient @ gradient / max(free, 1))), active)


def _at_rest(model: LossModel, x: np.ndarray, slope: Slope, tolerance: float) -> Status:
    """CONVERGED if x is a stationary point within the tolerance of the root mean square gradient, or why not."""
    if not (np.isfinite(slope.loss) and np.isfinite(slope.rms)):
        return model.failure(x)
    if slope.rms > tolerance:
        return Status.STEP_LIMIT
    if slope.active is not None:
        lower, upper = box(model)
        full = model.value_and_gradient(x)[1]
        # On a bound that does not press: whether the coordinate is held is not certain.
        loose = np.abs(full) <= tolerance * np.sqrt(model.dimension)
        if (((x <= lower) | (x >= upper)) & loose).any():
            return Status.FLAT
    return Status.ON_KINK if model.on_kink(x, KINK_TOLERANCE) else Status.CONVERGED


def _verdict(found: Spectrum, index: int) -> Status:
    """CONVERGED if exactly `index` eigenvalues are negative, the signs of all certain, and the point is here."""
    if not np.isfinite(found.values).all():
        return Status.NOT_FINITE
    if found.index > index or found.index + found.flat < index:
        return Status.WRONG_INDEX
    astray = found.correction is not None and np.linalg.norm(found.correction) > _LONGEST_STEP
    return Status.FLAT if found.flat or astray else Status.CONVERGED


def _log_product(
    model: LossModel, x: np.ndarray, found: Spectrum, active: np.ndarray | None, settings: CurvatureSettings
) -> LogProduct:
    """LPPHE from the whole spectrum, or from the lowest eigenvalues and a quadrature of the rest."""
    positive = found.values[found.values > 0.0]
    known = float(np.log(positive).sum())
    if found.complete:
        return LogProduct(known, 0.0, 0, np.inf)
    left_out = np.vstack([frozen_directions(model, x, active), found.vectors.T])
    sums = lanczos_quadrature(model, x, left_out, settings.probes, settings.quadrature_steps, settings.seed)
    rest, error = sums.log_sum(float(found.values[-1]))
    return LogProduct(known + rest, error, settings.probes, sums.lowest)


def _examine(
    model: LossModel, x: np.ndarray, tolerance: float, settings: CurvatureSettings | None, index: int
) -> tuple[Status, dict | None, Spectrum | None]:
    """Whether x is a stationary point of this index; if so what minima and transition states have in common."""
    settings = settings or CurvatureSettings()
    slope = slope_at(model, x)
    status = _at_rest(model, x, slope, tolerance)
    if status is not Status.CONVERGED:
        return status, None, None
    found = spectrum_at_stationary(model, x, slope.gradient, settings, slope.active, index)
    status = _verdict(found, index)
    if status is not Status.CONVERGED:
        return status, None, None
    product = _log_product(model, x, found, slope.active, settings)
    if product.lowest < -found.tolerances.max(initial=0.0):
        # A copy of a degenerate eigenvalue that Lanczos from one start did not see.
        return Status.WRONG_INDEX, None, None
    order = model.stabiliser_order(x, ORDER_TOLERANCE)
    common = {
        "loss": slope.loss,
        "coordinates": np.array(x, dtype=np.float64),
        "rms": slope.rms,
        "lpphe": product.value,
        "order": min(order, LARGEST_ORDER),
        "log_order": math.log(order),
        "eigenvalue_tolerance": found.tolerance,
        "lpphe_error": product.error,
        "lpphe_probes": product.probes,
        "active": slope.active,
    }
    return Status.CONVERGED, common, found


def minimum_at(
    model: LossModel, x: np.ndarray, tolerance: float, settings: CurvatureSettings | None = None
) -> tuple[Minimum | None, Status]:
    """The minimum at x, shape (N,), or None and why x is none.

    tolerance: largest root mean square gradient of the free coordinates; settings: [curvature]. STEP_LIMIT: the
    gradient is larger; NOT_FINITE; WRONG_INDEX: an eigenvalue beyond the declared zero modes is negative; FLAT: the
    sign of one is not certain, or a coordinate on a bound is not pressed to it. Without any free coordinate the
    spectrum is empty, LPPHE 0 and the smallest eigenvalue infinite. A model of pieces judges for itself.
    """
    if model.pieces is not None:
        return model.pieces.minimum_at(x, tolerance)
    status, common, found = _examine(model, x, tolerance, settings, 0)
    if common is None:
        return None, status
    smallest = float(found.values[0]) if found.total else np.inf
    return Minimum(smallest_eigenvalue=smallest, **common), status


def transition_state_at(
    model: LossModel, x: np.ndarray, tolerance: float, settings: CurvatureSettings | None = None
) -> tuple[TransitionState | None, np.ndarray | None, Status]:
    """The transition state at x, shape (N,), with its unstable mode (N,), or None, None and why x is none.

    Exactly one eigenvalue beyond the declared zero modes is negative, all others certainly positive; statuses as for
    `minimum_at`. The sign of the mode is fixed by its largest component, which is made positive. A model of pieces
    judges for itself; the mode is then across the crease, and its curvature minus infinity.
    """
    if model.pieces is not None:
        return model.pieces.transition_state_at(x, tolerance)
    status, common, found = _examine(model, x, tolerance, settings, 1)
    if common is None:
        return None, None, status
    mode = found.vectors[:, 0].copy()
    mode *= np.sign(mode[np.argmax(np.abs(mode))])
    state = TransitionState(
        negative_eigenvalue=float(found.values[0]),
        next_eigenvalue=float(found.values[1]) if found.total > 1 else np.inf,
        **common,
    )
    return state, mode, status
