"""From a candidate to a verified minimum - transition state - minimum triple."""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.points import transition_state_at
from llcommon.optimise.saddle import follow_eigenvector
from llcommon.records import TransitionState, Triple
from llcommon.settings import Settings
from llcommon.status import Status

# Largest trust radius of a saddle search, coordinate distance.
_LARGEST_TRUST = 0.5


@dataclass(frozen=True)
class SaddleResult:
    """Outcome of a saddle search: a verified transition state with its mode (N,), or the status."""

    status: Status
    transition_state: TransitionState | None
    mode: np.ndarray | None
    evaluations: int
    hessians: int


@dataclass(frozen=True)
class TripleResult:
    """Outcome of the runs down both sides: the triple, or None and the status of the side that failed."""

    status: Status
    triple: Triple | None
    evaluations: int


class SaddleSearch:
    """Saddle searches, and runs downhill from what they find, for one model and its settings."""

    def __init__(self, model: LossModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings.connect
        self.radius = settings.quench.radius
        self.zero_modes = model.zero_modes()
        self.downhill = Downhill(model, settings.quench, settings.connect.pushoff)
        self._gradient = np.empty(model.dimension)

    def search(self, start: np.ndarray, direction: np.ndarray) -> SaddleResult:
        """The transition state uphill from start along `direction` at first; both of shape (N,)."""
        point = np.array(start, dtype=np.float64)
        mode = np.array(direction, dtype=np.float64)
        status, _, _, evaluations, hessians = follow_eigenvector(
            self.model.kernel,
            self.model.hessian_kernel,
            *self.model.hessian_packed(),
            self.zero_modes,
            point,
            self._gradient,
            mode,
            self.settings.rms,
            _LARGEST_TRUST,
            self.settings.saddle_steps,
            self.radius,
        )
        if Status(status) is not Status.CONVERGED:
            return SaddleResult(Status(status), None, None, evaluations, hessians)
        state, mode, verdict = transition_state_at(self.model, point, self.settings.rms)
        return SaddleResult(verdict, state, mode, evaluations, hessians)

    def triple(self, state: TransitionState, mode: np.ndarray) -> TripleResult:
        """The minima on both sides of a transition state; mode: its unstable direction (N,)."""
        plus, minus = self.downhill.both_sides(state, mode)
        evaluations = plus.evaluations + minus.evaluations
        for side in (plus, minus):
            if side.minimum is None:
                return TripleResult(side.status, None, evaluations)
        return TripleResult(Status.CONVERGED, Triple(plus.minimum, state, minus.minimum), evaluations)
