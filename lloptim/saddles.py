"""From a candidate to a verified minimum - transition state - minimum triple."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set, box, frozen_directions
from llcommon.optimise.downhill import Downhill, KnownMinimum, nothing_known
from llcommon.optimise.lanczos import basis_length
from llcommon.optimise.points import transition_state_at
from llcommon.optimise.saddle import follow_eigenvector
from llcommon.records import TransitionState, Triple
from llcommon.settings import Settings
from llcommon.status import Status

# Largest trust radius of a saddle search, coordinate distance.
_LARGEST_TRUST = 1.0
# Up to this many coordinates all eigenvectors of the Hessian cost less than the products that stand in for them: dense
# and Krylov searches take 7.6 and 9.0 ms for 105 weights, 20 and 20 ms for 173, 148 and 38 ms for 343 (wine, 1e-4).
DENSE_LIMIT = 150
# Krylov spaces hold each of their vectors and its product.
_SHARE_OF_BASIS = 2


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
        self.lower, self.upper = box(model)
        bounded = model.bounds() is not None
        chosen = settings.connect.saddle_search
        self.dense = chosen == "dense" or (chosen == "auto" and model.dimension <= DENSE_LIMIT)
        self._most_rounds = 2 * model.dimension + 4 if bounded else 1
        self.curvature = settings.curvature
        self.downhill = Downhill(model, settings)
        self._gradient = np.empty(model.dimension)

    def search(
        self,
        start: np.ndarray,
        direction: np.ndarray,
        known: Callable[[float, np.ndarray], bool] = lambda loss, x: False,
    ) -> SaddleResult:
        """The transition state uphill from start along `direction` at first; both of shape (N,).

        known(loss, x): whether a stored transition state is the same point; the verification, dear for a large model,
        is then left out and the status DUPLICATE.

        In a box, a coordinate that comes to its bound is held there, and let go if the loss falls inwards at what
        the others converge to. A model of pieces climbs to its own passes.
        """
        if self.model.pieces is not None:
            return self._climb(start, direction, known)
        point = np.clip(np.asarray(start, dtype=np.float64), self.lower, self.upper)
        mode = np.array(direction, dtype=np.float64)
        held = active_set(self.model, point, self.model.value_and_gradient(point)[1])
        evaluations = 0
        hessians = 0
        status = Status.HIT_BOUND
        for _ in range(self._most_rounds):
            frozen = frozen_directions(self.model, point, held)
            if len(frozen) == self.model.dimension:
                break
            run = self._dense if self.dense else self._krylov
            status, used, formed = run(point, mode, frozen)
            evaluations += used
            hessians += formed
            if status is Status.HIT_BOUND:
                held = np.where(point <= self.lower, -1, np.where(point >= self.upper, 1, held)).astype(np.int8)
                continue
            if status is not Status.CONVERGED or not held.any():
                break
            pressed = active_set(self.model, point, self.model.value_and_gradient(point)[1])
            if np.array_equal(pressed, held):
                break
            held = pressed
            status = Status.HIT_BOUND
        if status is Status.NOT_FINITE:
            status = self.model.failure(point)
        if status is not Status.CONVERGED:
            return SaddleResult(status, None, None, evaluations, hessians)
        return replace(self.verified(point, known), evaluations=evaluations, hessians=hessians)

    def _climb(self, start: np.ndarray, direction: np.ndarray, known: Callable[[float, np.ndarray], bool]):
        """`search` for a model of pieces."""
        status, point, evaluations = self.model.pieces.climb(start, direction)
        if point is None:
            return SaddleResult(status, None, None, evaluations, 0)
        found = self.verified(point, known)
        return replace(found, evaluations=evaluations)

    def verified(
        self, point: np.ndarray, known: Callable[[float, np.ndarray], bool] = lambda loss, x: False
    ) -> SaddleResult:
        """The transition state at a point, (N,), where one should be; known: as for `search`."""
        if known(self.model.value(point), point):
            return SaddleResult(Status.DUPLICATE, None, None, 0, 0)
        state, mode, status = transition_state_at(self.model, point, self.settings.rms, self.curvature)
        return SaddleResult(status, state, mode, 0, 0)

    def _dense(self, point: np.ndarray, mode: np.ndarray, frozen: np.ndarray) -> tuple[Status, int, int]:
        """Eigenvector following on exact Hessians; (status, gradient evaluations, Hessians)."""
        status, _, _, evaluations, hessians = follow_eigenvector(
            self.model.kernel,
            self.model.hessian_kernel,
            *self.model.hessian_packed(),
            frozen,
            self.lower,
            self.upper,
            point,
            self._gradient,
            mode,
            self.settings.rms,
            _LARGEST_TRUST,
            self.settings.saddle_steps,
            self.radius,
        )
        return Status(status), evaluations, hessians

    def _krylov(self, point: np.ndarray, mode: np.ndarray, frozen: np.ndarray) -> tuple[Status, int, int]:
        """Eigenvector following on Hessian-vector products, each counted as two gradients, the time it takes."""
        # Compiled at import: small models never need it.
        from llcommon.optimise.krylov import krylov_search

        status, _, _, evaluations, products = krylov_search(
            self.model.kernel,
            self.model.hessian_vector_kernel,
            *self.model.packed,
            frozen,
            self.lower,
            self.upper,
            point,
            self._gradient,
            mode,
            self.settings.rms,
            _LARGEST_TRUST,
            basis_length(self.model.dimension) // _SHARE_OF_BASIS,
            self.settings.saddle_steps,
            self.radius,
        )
        return Status(status), evaluations + 2 * products, 0

    def triple(self, state: TransitionState, mode: np.ndarray, known: KnownMinimum = nothing_known) -> TripleResult:
        """The minima on both sides of a transition state; mode: its unstable direction (N,); known: as for Downhill."""
        plus, minus = self.downhill.both_sides(state, mode, known)
        evaluations = plus.evaluations + minus.evaluations
        for side in (plus, minus):
            if side.minimum is None:
                return TripleResult(side.status, None, evaluations)
        return TripleResult(Status.CONVERGED, Triple(plus.minimum, state, minus.minimum), evaluations)
