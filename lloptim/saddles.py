"""From a candidate to a verified minimum - transition state - minimum triple."""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.hybrid import hybrid_search
from llcommon.optimise.points import transition_state_at
from llcommon.optimise.quench import DENSE_LIMIT
from llcommon.optimise.saddle import follow_eigenvector
from llcommon.records import TransitionState, Triple
from llcommon.settings import Settings
from llcommon.status import Status

# Largest trust radius of a saddle search, coordinate distance.
_LARGEST_TRUST = 0.5
# Hybrid search of large models: longest step uphill, steps across the mode in one cycle.
_LARGEST_CLIMB = 0.2
_RELAXATIONS = 20


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
        if self.model.dimension <= DENSE_LIMIT:
            status, evaluations, hessians = self._dense(point, mode)
        else:
            status, evaluations, hessians = self._iterative(point, mode)
        if Status(status) is not Status.CONVERGED:
            return SaddleResult(Status(status), None, None, evaluations, hessians)
        state, mode, verdict = transition_state_at(self.model, point, self.settings.rms)
        return SaddleResult(verdict, state, mode, evaluations, hessians)

    def _dense(self, point: np.ndarray, mode: np.ndarray) -> tuple[int, int, int]:
        """Eigenvector following on exact Hessians; (status, gradient evaluations, Hessians)."""
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
        return status, evaluations, hessians

    def _iterative(self, point: np.ndarray, mode: np.ndarray) -> tuple[int, int, int]:
        """Hybrid eigenvector following on Hessian-vector products, each counted as two gradients."""
        status, _, evaluations, products = hybrid_search(
            self.model.kernel,
            self.model.hessian_vector_kernel,
            *self.model.packed,
            self.zero_modes,
            point,
            self._gradient,
            mode,
            self.settings.rms,
            _LARGEST_CLIMB,
            _RELAXATIONS,
            self.settings.saddle_steps,
            self.radius,
        )
        return status, evaluations + 2 * products, 0

    def triple(self, state: TransitionState, mode: np.ndarray) -> TripleResult:
        """The minima on both sides of a transition state; mode: its unstable direction (N,)."""
        plus, minus = self.downhill.both_sides(state, mode)
        evaluations = plus.evaluations + minus.evaluations
        for side in (plus, minus):
            if side.minimum is None:
                return TripleResult(side.status, None, evaluations)
        return TripleResult(Status.CONVERGED, Triple(plus.minimum, state, minus.minimum), evaluations)
