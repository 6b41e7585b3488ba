"""Quenches: from any point down to a verified minimum, by the method that its size calls for."""

from dataclasses import dataclass

import numpy as np

from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set, frozen_directions
from llcommon.optimise.methods import (
    BOUNDED,
    COARSE,
    COARSE_RMS,
    EXACT,
    FAST,
    METHODS,
    newton_from,
    setup_for,
    truncated_newton_from,
)
from llcommon.settings import QuenchSettings
from llcommon.status import Status

# Above this many coordinates a dense Hessian is too dear for a search that needs many.
DENSE_LIMIT = 1000
# Up to this many Newton steps on the dense Hessian finish a quench.
NEWTON_LIMIT = 150
# Up to this many the full inverse Hessian of BFGS is cheaper to keep than a memory of as many steps.
BFGS_LIMIT = 150
_MOST_NEWTON_STEPS = 200
_HANDOVER = 10.0  # of `rms`: where a fast method leaves the rest to Newton steps
_LARGE = 100_000


@dataclass(frozen=True)
class QuenchResult:
    """Where a quench ended. coordinates: (N,); hessians: number of dense Hessians used.

    rms: of the gradient, in a box of its free part (root of the sum over free coordinates / N). A coordinate that a
    bound holds lies exactly on it.
    """

    status: Status
    loss: float
    coordinates: np.ndarray
    rms: float
    evaluations: int
    hessians: int = 0


def memory_for(dimension: int) -> int:
    """Steps that L-BFGS remembers.

    Measured: wine (343 weights) 135/110/114 evaluations to an RMS gradient of 1e-6 with 20/50/100 steps, in 2.1, 2.1
    and 2.8 ms; digits (2410 weights, lambda 1e-4) 3339/1807/1347/1115 evaluations to 1e-9 with 20/50/100/200 steps,
    in 1.9, 1.2, 0.9 and 1.0 s. From 10^5 weights on the memory itself takes too much room.
    """
    if dimension <= 500:
        return min(50, max(5, dimension // 2))
    return 100 if dimension <= _LARGE else 20


class Quencher:
    """Quenches of one loss model under the `[quench]` settings.

    The method takes a point to `sloppy_rms`; the finish, the same for all methods, takes it from there to the
    rounding floor, so that a minimum does not depend on the method that found it.

    Method auto is BFGS up to BFGS_LIMIT coordinates, L-BFGS above, and in a box L-BFGS with projection. The finish is
    Newton's method on the dense Hessian up to NEWTON_LIMIT coordinates, above it L-BFGS to `rms` and truncated Newton
    from there. In a box the finish works in the space of the coordinates that no bound holds. A model of pieces has a
    quench of its own, which method auto leaves all to, and which is the finish of the others. Measured, CPU time of a
    quench from a random start:

    iris 4-10-3 (83 weights), lambda 1e-4/1e-6: BFGS to 1e-6, then Newton 2.1/4.6 ms and 4/26 Hessians, whose first
    steps lead 1/35 of 200 quenches into another minimum than BFGS alone finds; BFGS to 1e-8, then Newton 2.0/3.5 ms,
    2 Hessians, and none of the 200 elsewhere; BFGS to 1e-9, then truncated Newton 2.4/3.6 ms.
    wine 13-20-3 (343 weights), lambda 1e-4/1e-6: L-BFGS to 1e-6, then Newton 29/130 ms and 9/38 Hessians; L-BFGS to
    1e-8, then Newton 10/16 ms; L-BFGS to 1e-9, then truncated Newton 5.0/6.3 ms. BFGS takes twice the time of L-BFGS.
    digits 64-32-10 (2410 weights), lambda 1e-3/1e-4, evaluations and products: L-BFGS to 1e-9, then truncated Newton
    1682/2007 in 1.60/1.75 s; from 1e-8 on 1691/1910 in 1.66/1.70 s; from 1e-6 on 1847/2315 in 1.83/2.13 s; from the
    start 1872/2535 in 1.88/2.43 s. All of them ended at an RMS gradient below 1e-12.
    """

    def __init__(self, model: LossModel, settings: QuenchSettings, maximum_step: float | None = None) -> None:
        """maximum_step: replaces that of the settings, for runs that must stay in their basin.

        ConfigError if the model has bounds and the method knows none.
        """
        self.model = model
        self.settings = settings
        self.maximum_step = maximum_step or settings.maximum_step
        self.bounded = model.bounds() is not None
        self.method = self._choose()
        # Whether the model knows the way down itself.
        self.own = model.pieces is not None and settings.method == "auto"
        self.dense = model.dimension <= NEWTON_LIMIT
        memory = settings.memory or memory_for(model.dimension)
        self._setup = setup_for(self.method, model, settings, memory, self.maximum_step)
        self._gradient = np.empty(model.dimension)

    def _choose(self) -> str:
        """The method by its own name."""
        method = self.settings.method
        if method == "auto":
            if self.bounded:
                return "projected"
            small = self.model.dimension <= BFGS_LIMIT and self.settings.memory == 0
            return "bfgs" if small else "lbfgs"
        if self.bounded and method not in BOUNDED:
            raise ConfigError(
                f"[quench] method {method} knows no bounds, which this model has: use auto or lbfgs-b"
            )
        return method

    def _own(self, x: np.ndarray) -> QuenchResult:
        """By the model's own way down from x, shape (N,)."""
        start = np.array(x, dtype=np.float64)
        end = self.model.pieces.quench(start, self.settings.maximum_iterations)
        return QuenchResult(end.status, end.loss, end.coordinates, end.rms, end.evaluations)

    def _handover(self) -> float:
        """RMS gradient at which the method leaves the rest to the finish."""
        if self.method in EXACT or (self.method in FAST and not self.dense):
            # A finish that begins with L-BFGS would only begin it anew.
            return self.settings.rms
        if self.method in FAST:
            return min(self.settings.sloppy_rms, _HANDOVER * self.settings.rms)
        return self._sloppy_rms()

    def _sloppy_rms(self) -> float:
        least = COARSE_RMS if self.method in COARSE else 0.0
        return max(self.settings.sloppy_rms, least)

    def _named(self, status: int, point: np.ndarray) -> Status:
        """The status of a run that ended at `point`, (N,); the model says why its loss is not finite there."""
        return self.model.failure(point) if status == Status.NOT_FINITE else Status(status)

    def sloppy(self, x: np.ndarray, rms: float | None = None) -> QuenchResult:
        """By the method from x, shape (N,), to `rms` (default `sloppy_rms`). x itself is left alone."""
        if self.own:
            return self._own(x)
        point = np.array(x, dtype=np.float64)
        tolerance = self._sloppy_rms() if rms is None else rms
        status, loss, size, evaluations, hessians = METHODS[self.method](
            self._setup, point, self._gradient, tolerance
        )
        return QuenchResult(self._named(status, point), loss, point, size, evaluations, hessians)

    def tight(self, x: np.ndarray) -> QuenchResult:
        """From a point near a minimum, shape (N,), to `rms` and on to the rounding floor."""
        if self.model.pieces is not None:
            return self._own(x)
        point = np.array(x, dtype=np.float64)
        used = 0
        if not self.dense:
            name = "projected" if self.bounded else "lbfgs"
            status, loss, size, used, _ = METHODS[name](self._setup, point, self._gradient, self.settings.rms)
            if status not in (Status.CONVERGED, Status.NO_DESCENT):
                return QuenchResult(self._named(status, point), loss, point, size, used)
        if self.bounded:
            finished = self._finish_in_box(point)
        else:
            finished = self._finish(point, self.model.zero_modes(point))
        status, loss, size, evaluations, hessians = finished
        return QuenchResult(self._named(status, point), loss, point, size, used + evaluations, hessians)

    def _finish(self, point: np.ndarray, frozen: np.ndarray) -> tuple[int, float, float, int, int]:
        """The finish beside the rows of `frozen`, in place: (status, loss, rms, evaluations, Hessians)."""
        start = (self._setup, point, self._gradient, self.settings.rms, frozen)
        if self.dense:
            return newton_from(*start, _MOST_NEWTON_STEPS)
        return truncated_newton_from(*start)

    def _finish_in_box(self, point: np.ndarray) -> tuple[int, float, float, int, int]:
        """The finish with an active set (Nocedal and Wright, Numerical Optimization, ch. 16), in place.

        A coordinate that meets its bound is held there. Once the free ones have converged the one that is drawn
        inwards most is let go, until none is: the conditions of Karush, Kuhn and Tucker.
        """
        model = self.model
        lower, upper = self._setup.lower, self._setup.upper
        np.clip(point, lower, upper, out=point)
        loss, gradient = model.value_and_gradient(point)
        evaluations = 1
        hessians = 0
        size = np.inf
        held = active_set(model, point, gradient)
        for _ in range(10 * (10 + model.dimension)):
            status, loss, size, used, dense = self._finish(point, frozen_directions(model, point, held))
            evaluations += used
            hessians += dense
            if status == Status.HIT_BOUND:
                held[(held == 0) & (point <= lower)] = -1
                held[(held == 0) & (point >= upper)] = 1
                continue
            if status != Status.CONVERGED:
                return status, loss, size, evaluations, hessians
            now = active_set(model, point, self._gradient)
            drawn = np.where((held != 0) & (now == 0), np.abs(self._gradient), 0.0)
            free = self._gradient[now == 0]
            rest = float(np.sqrt(free @ free / model.dimension))
            if rest <= self.settings.rms:
                return status, loss, rest, evaluations, hessians
            held[int(np.argmax(drawn))] = 0
        return int(Status.STEP_LIMIT), loss, size, evaluations, hessians

    def quench(self, x: np.ndarray) -> QuenchResult:
        """The method, then the finish: the whole way from x, shape (N,), to a stationary point.

        At the rounding floor of the method (NO_DESCENT) or its limit of steps the exact derivatives may still help,
        so the finish follows then too.
        """
        if self.own:
            return self._own(x)
        first = self.sloppy(x, self._handover())
        if first.status not in (Status.CONVERGED, Status.NO_DESCENT, Status.STEP_LIMIT):
            return first
        if first.status is Status.CONVERGED and self.method in EXACT:
            return first
        second = self.tight(first.coordinates)
        return QuenchResult(
            second.status,
            second.loss,
            second.coordinates,
            second.rms,
            first.evaluations + second.evaluations,
            first.hessians + second.hessians,
        )
