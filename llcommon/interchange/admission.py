"""Points of other programs on their way into a landscape: verified one by one, or taken as a table.

What is stored has passed the same verification as what our own searches find: the loss at the coordinates agrees with
the printed one to its last digit, the gradient is zero within the tolerances of the landscape, the Hessian has the
right number of negative eigenvalues, and both sides of a transition state run down to the minima that the file says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from llcommon.interchange.printed import Database, Printed
from llcommon.interchange.suite import in_our_order
from llcommon.optimise.curvature import spectrum_at_stationary
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.points import minimum_at, slope_at, transition_state_at
from llcommon.records import Minimum, TransitionState
from llcommon.status import Status
from llcommon.store import SET_PREFIX, Landscape, Score
from llcommon.verification import not_stationary

# Sums in another order than the other program's round otherwise.
_ROUNDING = 1e-12
# Newton steps of a refinement, and how far it may lead away from what was printed.
_MOST_STEPS = 20
_FARTHEST = 0.1

Point = Minimum | TransitionState


@dataclass(frozen=True)
class Refusal:
    """A point that was not stored. kind: "minimum" or "transition state"; number: in the file, from 1; place: where."""

    kind: str
    number: int
    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind} {self.number}: {self.problem}"


@dataclass
class Admission:
    """What came of an import.

    minimum_ids: (n,) id in the landscape of each minimum of the file, -1 if it was refused; several are one where the
    file holds symmetry images. reconverged: points that were moved; rejoined: transition states that join other minima
    than the file says; notes: sentences about what was left out otherwise.
    """

    minimum_ids: np.ndarray
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reconverged: int = 0
    rejoined: int = 0


def admit(
    landscape: Landscape, database: Database, reconverge: bool, report: Callable[[int], None] = lambda done: None
) -> Admission:
    """Verify the points of a database and store those that pass.

    reconverge: whether points whose gradient is too large are refined by Newton's method, and transition states whose
    sides lead to other minima are stored with those. report(points done) is called after every point.
    """
    admission = Admission(np.full(len(database.minima), -1, dtype=np.int64))
    examiner = _Examiner(landscape, admission, reconverge)
    for row in range(len(database.minima)):
        examiner.minimum(database, row)
        report(row + 1)
    for row in range(len(database.states)):
        examiner.transition_state(database, row)
        report(len(database.minima) + row + 1)
    _note_pairs(landscape, database.pairs, admission.minimum_ids)
    _note_sets(landscape, database.sets, admission)
    return admission


class _Examiner:
    """Verifies the points of one database."""

    def __init__(self, landscape: Landscape, admission: Admission, reconverge: bool) -> None:
        self.landscape = landscape
        self.model = landscape.model
        self.admission = admission
        self.reconverge = reconverge
        self.settings = landscape.settings
        self.downhill = Downhill(landscape.model, landscape.settings)

    def _refuse(self, kind: str, points: Printed, row: int, problem: str) -> None:
        self.admission.refusals.append(Refusal(kind, row + 1, points.place(row), problem))

    def _coordinates(self, database: Database, points: Printed, row: int) -> np.ndarray:
        x = points.coordinates[row]
        return in_our_order(self.landscape, x) if database.suite_order else x.copy()

    def minimum(self, database: Database, row: int) -> None:
        """Verify and store one minimum."""
        points = database.minima
        x = self._coordinates(database, points, row)
        problem = self._unlike(points, row, x)
        found = None
        if problem is None:
            found, _, problem = self._stationary(x, 0)
        if found is None:
            self._refuse("minimum", points, row, problem)
            return
        self.admission.minimum_ids[row] = self.landscape.add_minimum(found).id

    def transition_state(self, database: Database, row: int) -> None:
        """Verify and store one transition state with the minima that it joins."""
        points = database.states
        x = self._coordinates(database, points, row)
        problem = self._unlike(points, row, x)
        state = None
        if problem is None:
            state, mode, problem = self._stationary(x, 1)
        if state is not None:
            problem = self._store(state, mode, database.ends[row])
        if problem is not None:
            self._refuse("transition state", points, row, problem)

    def _unlike(self, points: Printed, row: int, x: np.ndarray) -> str | None:
        """What is wrong if the loss at x, (N,), is not the printed one."""
        printed = float(points.loss[row])
        loss = self.model.value(x)
        allowed = 1.000001 * points.half_digit[row] + _ROUNDING * max(1.0, abs(printed))
        if np.isnan(printed) or abs(loss - printed) <= allowed:
            return None
        return (
            f"the loss at its coordinates is {loss!r} and not {printed!r} as printed: it belongs to another model or "
            "other data, or its coordinates are in another order"
        )

    def _stationary(self, x: np.ndarray, index: int) -> tuple[Point | None, np.ndarray | None, str | None]:
        """The stationary point of this index at x, (N,), refined if need and leave be, and its unstable mode; or None
        and what is wrong."""
        found, mode, status = self._point_at(x, index)
        if status is Status.STEP_LIMIT and self.reconverge and self.model.pieces is None:
            refined = self._refined(x, index)
            again, mode, later = self._point_at(refined, index)
            if again is not None:
                self.admission.reconverged += 1
                return again, mode, None
            problem = not_stationary(self.model, refined, later, index, self.settings.curvature)
            return None, None, f"it was refined, but {problem}"
        if found is not None:
            return found, mode, None
        problem = not_stationary(self.model, x, status, index, self.settings.curvature)
        if status is Status.STEP_LIMIT and self.model.pieces is None:
            problem += f", {self._tolerance(index):g}; --reconverge refines such points"
        return None, None, problem

    def _tolerance(self, index: int) -> float:
        return self.settings.connect.rms if index else self.settings.quench.rms

    def _point_at(self, x: np.ndarray, index: int) -> tuple[Point | None, np.ndarray | None, Status]:
        """The verified point of this index at x, its unstable mode (of a transition state), and the outcome."""
        arguments = (self.model, x, self._tolerance(index), self.settings.curvature)
        if index:
            return transition_state_at(*arguments)
        minimum, status = minimum_at(*arguments)
        return minimum, None, status

    def _refined(self, x: np.ndarray, index: int) -> np.ndarray:
        """x, (N,), after Newton steps, as long as they make the gradient smaller."""
        best = x
        slope = slope_at(self.model, best)
        for _ in range(_MOST_STEPS):
            found = spectrum_at_stationary(
                self.model, best, slope.gradient, self.settings.curvature, slope.active, index
            )
            if found.correction is None or not np.isfinite(found.correction).all():
                break
            trial = best + found.correction
            beside = slope_at(self.model, trial)
            if not beside.rms < slope.rms or np.linalg.norm(trial - x) > _FARTHEST:
                break
            best, slope = trial, beside
        return best

    def _store(self, state: TransitionState, mode: np.ndarray, ends: np.ndarray) -> str | None:
        """Store a verified transition state if it joins the minima in rows `ends` of the file; what is wrong if not."""
        sides = self.downhill.both_sides(state, mode)
        for name, side in zip(("plus", "minus"), sides, strict=True):
            if side.minimum is None:
                return f"the run down its {name} side did not end in a minimum ({side.status.label})"
        known = [self.landscape.find_minimum(side.minimum.loss, side.minimum.coordinates) for side in sides]
        said = self.admission.minimum_ids[ends].tolist()
        if None not in known and sorted(known) == sorted(said):
            self.landscape.add_transition_state(state, *said)
            return None
        if not self.reconverge:
            reached = " and ".join("one that is not stored" if one is None else f"minimum {one}" for one in known)
            names = " and ".join(f"{row + 1}" for row in ends.tolist())
            return (
                f"its sides run down to {reached} of the landscape, which the file's minima {names} are not; "
                "--reconverge stores it with the minima that it joins"
            )
        self.admission.rejoined += 1
        reached = [self.landscape.add_minimum(side.minimum).id for side in sides]
        self.landscape.add_transition_state(state, *reached)
        return None


# --- as a table -----------------------------------------------------------------------


def tabulate(landscape: Landscape, database: Database) -> Admission:
    """Store a database as it is in a landscape of the model `tabulated`: nothing is verified, merged or left out."""
    for row in range(len(database.minima)):
        landscape.add_minimum(
            Minimum(
                visits=1,
                rms=np.nan,
                smallest_eigenvalue=np.nan,
                **_tabulated(database.minima, row),
            )
        )
    for row, ends in enumerate(database.ends.tolist()):
        state = TransitionState(
            rms=np.nan,
            negative_eigenvalue=float(database.negative[row]),
            next_eigenvalue=np.nan,
            **_tabulated(database.states, row),
        )
        landscape.add_transition_state(state, *ends)
    admission = Admission(np.arange(len(database.minima)))
    _note_pairs(landscape, database.pairs, admission.minimum_ids)
    _note_sets(landscape, database.sets, admission)
    return admission


def _tabulated(points: Printed, row: int) -> dict:
    order = int(points.order[row])
    return {
        "loss": float(points.loss[row]),
        "coordinates": np.empty(0),
        "lpphe": float(points.lpphe[row]),
        "order": order,
        "log_order": float(np.log(order)),
    }


# --- pairs and sets -------------------------------------------------------------------


def _note_pairs(landscape: Landscape, pairs: np.ndarray, ids: np.ndarray) -> None:
    """Mark the pairs tried; how one ended was not kept, unless a transition state joins the two."""
    joined = {tuple(sorted(ends)) for ends in landscape.transition_states.minima.tolist()}
    for a, b in ids[pairs].tolist():
        if a < 0 or b < 0 or a == b:
            continue
        connected = tuple(sorted((a, b))) in joined
        landscape.mark_pair(a, b, connected, Status.CONVERGED if connected else Status.JOB_FAILED)


def _note_sets(landscape: Landscape, sets: dict[str, np.ndarray], admission: Admission) -> None:
    """Keep sets of minima as columns of the landscape, 1 for their members; none if they have a minimum in common."""
    members = {name: np.unique(admission.minimum_ids[rows]) for name, rows in sets.items()}
    members = {name: ids[ids >= 0] for name, ids in members.items()}
    counts = np.bincount(np.concatenate([np.empty(0, dtype=np.int64), *members.values()]))
    if counts.max(initial=0) > 1:
        shared = int(np.argmax(counts))
        admission.notes.append(
            f"minimum {shared} would be in more than one of the sets {' and '.join(members)}, so they are left out"
        )
        return
    for name, ids in members.items():
        values = np.full(len(landscape.minima), np.nan)
        values[ids] = 1.0
        landscape.scores.set(Score(f"{SET_PREFIX}{name}", "", f"1 for the minima of set {name}"), values)


def stored_set(landscape: Landscape, name: str) -> np.ndarray | None:
    """Ids, ascending, of the minima in a set of a landscape, or None if it has no such set."""
    column = f"{SET_PREFIX}{name}"
    if column not in (score.name for score in landscape.scores.described()):
        return None
    return np.flatnonzero(landscape.scores.values(column, len(landscape.minima)) == 1.0)
