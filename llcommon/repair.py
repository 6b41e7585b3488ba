"""A landscape put right: what does not verify converges anew, or goes; and what is stored of points, recomputed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from llcommon.idrules import renumbered
from llcommon.losses.base import LossModel
from llcommon.optimise.box import box, frozen_directions
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.points import minimum_at, slope_at, transition_state_at
from llcommon.optimise.quench import DENSE_LIMIT, Quencher
from llcommon.records import Minimum, Triple
from llcommon.status import Status
from llcommon.store import SET_PREFIX, Landscape
from llcommon.verification import MINIMUM, RMS_MARGIN, TRANSITION_STATE, Verification

KEPT = "kept"
CONVERGED = "converged again"
MERGED = "same point"
FOLLOWED = "sides followed again"
DROPPED = "dropped"

_MOST_STEPS = 30
_LONGEST_STEP = 0.3  # of Newton's, a distance in coordinates
_NO_CURVATURE = 1e-12  # share of the largest eigenvalue


@dataclass(frozen=True)
class Repaired:
    """What became of one point. kind: MINIMUM or TRANSITION_STATE; new_id: None if it was dropped.

    outcome: KEPT, CONVERGED, MERGED, FOLLOWED (of a TS that is one) or DROPPED. reason: why it was dropped, or "".
    """

    kind: str
    old_id: int
    new_id: int | None
    outcome: str
    reason: str = ""


@dataclass
class Repair:
    """landscape: the repaired one. points: what became of every point, minima first, in the order of their ids. notes:
    what a user must know of the settings."""

    landscape: Landscape
    points: list[Repaired] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        """Number of points with an outcome."""
        return sum(point.outcome == outcome for point in self.points)


def repaired(
    landscape: Landscape, verification: Verification, report: Callable[[int], None] = lambda done: None
) -> Repair:
    """A landscape of what verifies, and of what converges again from the points that did not.

    verification: of this landscape. A minimum that failed is quenched, a transition state (TS) taken to the nearest
    stationary point by Newton's steps, and the sides of every TS that failed, or lost a minimum, are followed again.
    Points that verified keep their bits, and all their order. Pairs, training runs, counters, provenance, sets of
    minima and the ids in [grow] come along; scores of minima that had to converge again do not, nor does a checkpoint.
    report(points done) is called after each.
    """
    repair = _Repairer(landscape, verification)
    total = len(landscape.minima)
    for minimum_id in range(total):
        repair.minimum(minimum_id)
        report(minimum_id + 1)
    repair.join_twins()
    for ts_id in range(len(landscape.transition_states)):
        repair.transition_state(ts_id)
        report(total + ts_id + 1)
    repair.notes()
    return Repair(repair.new, repair.points, repair.settle())


class _Repairer:
    """Fills a new landscape with the points of an old one, one by one."""

    def __init__(self, landscape: Landscape, verification: Verification) -> None:
        self.old = landscape
        self.model = landscape.model
        self.settings = landscape.settings
        self.new = Landscape(landscape.settings, landscape.model, landscape.data)
        failures = verification.failures
        self.bad_minima = {failure.id for failure in failures if failure.kind == MINIMUM}
        self.bad_states = {failure.id for failure in failures if failure.kind != MINIMUM}
        self.places = np.full(len(landscape.minima) + 1, -1)
        self.twins: dict[int, int] = {}  # minima that turned out to be others, which verified
        self.points: list[Repaired] = []
        self.quencher = Quencher(self.model, self.settings.quench)
        self.downhill = Downhill(self.model, self.settings)

    def _note(self, kind: str, old_id: int, new_id: int | None, outcome: str, reason: str = "") -> None:
        self.points.append(Repaired(kind, old_id, new_id, outcome, reason))

    def minimum(self, minimum_id: int) -> None:
        """Add one minimum, quenched first if it did not verify."""
        stored = self.old.minimum(minimum_id)
        if minimum_id not in self.bad_minima:
            added = self.new.add_minimum(stored)
            self.places[minimum_id] = added.id
            self._note(MINIMUM, minimum_id, added.id, KEPT if added.is_new else MERGED)
            return
        result = self.quencher.quench(stored.coordinates)
        found, status = None, result.status
        if status is Status.CONVERGED:
            found, status = minimum_at(
                self.model, result.coordinates, self.settings.quench.rms, self.settings.curvature
            )
        if found is None:
            self._note(MINIMUM, minimum_id, None, DROPPED, status.label)
            return
        twin = self.old.find_minimum(found.loss, found.coordinates)
        if twin is not None and twin not in self.bad_minima:
            # That one verified, so it is the one to stay, whichever comes first.
            self.twins[minimum_id] = twin
            return
        added = self.new.add_minimum(replace(found, visits=stored.visits))
        self.places[minimum_id] = added.id
        self._note(MINIMUM, minimum_id, added.id, CONVERGED if added.is_new else MERGED)

    def join_twins(self) -> None:
        """Let minima that turned out to be others be these."""
        for minimum_id, twin in self.twins.items():
            place = int(self.places[twin])
            self.places[minimum_id] = place
            visits = int(self.new.minima.visits[place] + self.old.minima.visits[minimum_id])
            self.new.minima.replace("visits", place, visits)
            self._note(MINIMUM, minimum_id, place, MERGED)
        self.points.sort(key=lambda point: point.old_id)

    def _known(self, loss: float, x: np.ndarray) -> Minimum | None:
        known = self.new.find_minimum(loss, x)
        return None if known is None else replace(self.new.minimum(known), visits=0)

    def transition_state(self, ts_id: int) -> None:
        """Add one TS, with new sides if it did not verify or lost a minimum."""
        stored = self.old.transition_state(ts_id)
        ends = self.places[self.old.transition_states.minima[ts_id]]
        if ts_id not in self.bad_states and (ends >= 0).all():
            plus, minus = (replace(self.new.minimum(int(end)), visits=0) for end in ends)
            added = self.new.add_triple(Triple(plus, stored, minus))
            self._note(TRANSITION_STATE, ts_id, added.ts_id, KEPT if added.new_ts else MERGED)
            return
        tolerance, curvature = self.settings.connect.rms, self.settings.curvature
        outcome = FOLLOWED
        state, mode, status = transition_state_at(self.model, stored.coordinates, tolerance, curvature)
        if state is None:
            outcome = CONVERGED
            point = stationary_near(self.model, stored.coordinates, tolerance)
            state, mode, status = transition_state_at(self.model, point, tolerance, curvature)
        if state is None:
            self._note(TRANSITION_STATE, ts_id, None, DROPPED, status.label)
            return
        sides = self.downhill.both_sides(state, mode, self._known)
        failed = [side.status.label for side in sides if side.minimum is None]
        if failed:
            self._note(TRANSITION_STATE, ts_id, None, DROPPED, f"a side ends with {failed[0]}")
            return
        added = self.new.add_triple(Triple(sides[0].minimum, state, sides[1].minimum))
        self._note(TRANSITION_STATE, ts_id, added.ts_id, outcome if added.new_ts else MERGED)

    def notes(self) -> None:
        """Bring along what belongs to the minima and to the landscape as a whole."""
        new, old = self.new, self.old
        new.counters = dict(old.counters)
        new.provenance = list(old.provenance)
        pairs = old.pairs
        for row, ids in enumerate(pairs.ids.tolist()):
            a, b = (int(self.places[i]) for i in ids)
            if a >= 0 and b >= 0 and (a != b or ids[0] == ids[1]):
                status, attempts = int(pairs.status[row]), int(pairs.attempts[row])
                new.mark_pair(a, b, bool(pairs.connected[row]), status, attempts)
        for row in range(len(old.training)):
            values = {name: getattr(old.training, name)[row] for name in old.training.names}
            new.training.append(**{**values, "minimum": self.places[values["minimum"]]})
        left = [point for point in self.points if point.kind == MINIMUM and point.outcome != DROPPED]
        kept = [point for point in left if point.outcome == KEPT]
        for score in old.scores.described():
            values = np.full(len(new.minima), np.nan)
            stored = old.scores.values(score.name, len(old.minima))
            # To which set a minimum belongs is no measurement: it stays true of what it became.
            for point in left if score.name.startswith(SET_PREFIX) else kept:
                values[point.new_id] = np.fmax(values[point.new_id], stored[point.old_id])
            new.scores.set(score, values)

    def settle(self) -> list[str]:
        """Let the ids in [grow] follow the minima; what a user must know of it."""
        grow, notes = renumbered(self.settings.grow, self.places[:-1])
        self.new.settings = replace(self.settings, grow=grow)
        return notes


def stationary_near(model: LossModel, x: np.ndarray, tolerance: float) -> np.ndarray:
    """The stationary point, of whatever index, that Newton's steps lead to from x, (N,); where they end if it is none.

    tolerance: of the root mean square gradient; one step more settles what is within it. x itself for a model of
    pieces, for one too large for dense Hessians, and where derivatives on the way are not finite.
    """
    point = np.array(x, dtype=np.float64)
    if model.pieces is not None or model.dimension > DENSE_LIMIT:
        return point
    for _ in range(_MOST_STEPS):
        slope = slope_at(model, point)
        if not np.isfinite(slope.rms):
            return np.array(x, dtype=np.float64)
        hessian = model.hessian(point)
        if not np.isfinite(hessian).all():
            return np.array(x, dtype=np.float64)
        point = np.clip(point - _newton_step(model, point, slope, hessian), *box(model))
        if slope.rms <= tolerance:
            break
    return point


def _newton_step(model: LossModel, x: np.ndarray, slope, hessian: np.ndarray) -> np.ndarray:
    """H^-1 gradient, (N,), across zero modes and held coordinates, at most _LONGEST_STEP long."""
    frozen = frozen_directions(model, x, slope.active)
    free = np.eye(model.dimension) - frozen.T @ frozen
    values, vectors = np.linalg.eigh(free @ hessian @ free)
    curved = np.abs(values) > _NO_CURVATURE * np.abs(values).max()
    step = vectors[:, curved] @ ((vectors[:, curved].T @ (free @ slope.gradient)) / values[curved])
    return step * min(1.0, _LONGEST_STEP / max(float(np.linalg.norm(step)), 1e-300))


# --- recomputing ------------------------------------------------------------------------------


@dataclass(frozen=True)
class NotRecomputed:
    """A point that is left as it was. kind: MINIMUM or TRANSITION_STATE."""

    kind: str
    id: int
    status: Status


def recompute(
    landscape: Landscape,
    minima: Iterable[int],
    transition_states: Iterable[int],
    rms: float | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> list[NotRecomputed]:
    """Compute anew what is stored of these points, by the landscape's [curvature] settings; those where this fails.

    LPPHE with its error, eigenvalues, symmetry orders, gradients and held coordinates are replaced; losses, coordinates
    and visits stay. rms: largest root mean square gradient; None: that of the settings. report(points done).
    """
    settings = landscape.settings
    failures: list[NotRecomputed] = []
    done = 0
    for minimum_id in minima:
        x = landscape.minima.coordinates[minimum_id].copy()
        found, status = minimum_at(landscape.model, x, rms or settings.quench.rms * RMS_MARGIN, settings.curvature)
        if found is None:
            failures.append(NotRecomputed(MINIMUM, minimum_id, status))
        else:
            _replace(landscape.minima, minimum_id, found)
        done += 1
        report(done)
    for ts_id in transition_states:
        x = landscape.transition_states.coordinates[ts_id].copy()
        tolerance = rms or settings.connect.rms * RMS_MARGIN
        found, _, status = transition_state_at(landscape.model, x, tolerance, settings.curvature)
        if found is None:
            failures.append(NotRecomputed(TRANSITION_STATE, ts_id, status))
        else:
            _replace(landscape.transition_states, ts_id, found)
        done += 1
        report(done)
    return failures


def _replace(table, row: int, found) -> None:
    """All of a row but what says which point it is."""
    for name in table.names:
        if name not in ("loss", "coordinates", "visits", "minima"):
            table.replace(name, row, getattr(found, name))
