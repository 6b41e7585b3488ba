"""Quenches: from any point down to a verified minimum, by the method that its size calls for."""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.bfgs import bfgs
from llcommon.optimise.lbfgs import lbfgs
from llcommon.optimise.newton import newton
from llcommon.settings import QuenchSettings
from llcommon.status import Status

# Above this many coordinates a dense factorisation costs more than the gradients it saves.
DENSE_LIMIT = 1000
# Up to this many the full inverse Hessian of BFGS is cheaper to keep than a memory of as many steps.
BFGS_LIMIT = 150
_MOST_NEWTON_STEPS = 200


@dataclass(frozen=True)
class QuenchResult:
    """Where a quench ended. coordinates: (N,); hessians: number of dense Hessians used."""

    status: Status
    loss: float
    coordinates: np.ndarray
    rms: float
    evaluations: int
    hessians: int = 0


class Quencher:
    """Quenches of one loss model under the `[quench]` settings.

    L-BFGS, or BFGS up to BFGS_LIMIT coordinates, takes a point to `sloppy_rms`. For models of up to DENSE_LIMIT
    coordinates Newton steps on the exact Hessian take it from there to the rounding floor, for larger ones
    L-BFGS goes on to `rms`.
    """

    def __init__(self, model: LossModel, settings: QuenchSettings, maximum_step: float | None = None) -> None:
        """maximum_step: replaces that of the settings, for runs that must stay in their basin."""
        self.model = model
        self.settings = settings
        self.maximum_step = maximum_step or settings.maximum_step
        # Many small gradients are saved by a long memory; for large N the recursion itself costs.
        automatic = min(50, max(5, model.dimension // 2)) if model.dimension <= 500 else 20
        self.memory = settings.memory or automatic
        self.full = settings.memory == 0 and model.dimension <= BFGS_LIMIT
        self.zero_modes = model.zero_modes()
        self.dense = model.dimension <= DENSE_LIMIT
        self._gradient = np.empty(model.dimension)

    def sloppy(self, x: np.ndarray, rms: float | None = None) -> QuenchResult:
        """(L-)BFGS from x, shape (N,), to `rms` (default `sloppy_rms`). x itself is left alone."""
        point = np.array(x, dtype=np.float64)
        start = (self.model.kernel, *self.model.packed, point, self._gradient)
        tolerance = self.settings.sloppy_rms if rms is None else rms
        limits = (self.maximum_step, self.settings.maximum_iterations, self.settings.radius)
        if self.full:
            status, loss, size, evaluations = bfgs(*start, tolerance, *limits)
        else:
            status, loss, size, evaluations = lbfgs(*start, tolerance, self.memory, *limits)
        return QuenchResult(Status(status), loss, point, size, evaluations)

    def tight(self, x: np.ndarray) -> QuenchResult:
        """From a point near a minimum, shape (N,), to `rms` and on to the rounding floor."""
        if not self.dense:
            return self.sloppy(x, self.settings.rms)
        point = np.array(x, dtype=np.float64)
        status, loss, size, evaluations, hessians = newton(
            self.model.kernel,
            self.model.hessian_kernel,
            *self.model.hessian_packed(),
            self.zero_modes,
            point,
            self._gradient,
            self.settings.rms,
            self.maximum_step,
            _MOST_NEWTON_STEPS,
            self.settings.radius,
        )
        return QuenchResult(Status(status), loss, point, size, evaluations, hessians)

    def quench(self, x: np.ndarray) -> QuenchResult:
        """Sloppy, then tight: the whole way from x, shape (N,), to a stationary point.

        At the rounding floor of L-BFGS (NO_DESCENT) the exact Hessian may still help, so the tight part
        follows then too.
        """
        first = self.sloppy(x)
        if first.status not in (Status.CONVERGED, Status.NO_DESCENT, Status.STEP_LIMIT):
            return first
        second = self.tight(first.coordinates)
        return QuenchResult(
            second.status,
            second.loss,
            second.coordinates,
            second.rms,
            first.evaluations + second.evaluations,
            second.hessians,
        )
