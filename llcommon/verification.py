"""Everything in a landscape verified anew: values, gradients, Hessian indices, connections."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.downhill import Downhill, Side
from llcommon.optimise.points import minimum_at, slope_at, transition_state_at
from llcommon.records import Minimum, TransitionState
from llcommon.rng import generator
from llcommon.settings import CurvatureSettings
from llcommon.status import Status
from llcommon.store import Landscape

MINIMUM = "minimum"
TRANSITION_STATE = "transition state"
CONNECTION = "connection"

# Differences that another processor or another version of a numerical library may make.
_LOSS_ROUNDING = 1e-11
_EIGENVALUE_ROUNDING = 1e-9
_LPPHE_ROUNDING = 1e-8
RMS_MARGIN = 1.1
# Standard errors that two estimates of LPPHE may differ by, and the share of one that estimates from the same probes
# may: what the number of Lanczos steps, which rounding can change, makes of them.
_MOST_ERRORS = 4.0
_SAME_PROBES = 0.2

_REASONS = {
    Status.NOT_FINITE: "its loss, gradient or Hessian is not finite",
    Status.NOT_POSITIVE_DEFINITE: "its covariance is not positive definite",
    Status.STEP_LIMIT: "its gradient is not zero within the tolerance",
    Status.NO_DESCENT: "the loss does not fall beside it",
    Status.SIDE_FAILED: "the run downhill ended above it",
    Status.LEFT_RADIUS: "the run downhill left the allowed radius",
    Status.ON_KINK: "it lies on a kink of the loss",
    Status.FLAT: "the sign of a Hessian eigenvalue, or of the pull off a bound, is not certain, or the stationary "
    "point is elsewhere",
}

# Of a loss that is pieced together of smooth parts.
_REASONS_OF_PIECES = {
    Status.NOT_FINITE: "its loss is not finite",
    Status.STEP_LIMIT: "it is not at rest within the tolerance",
    Status.WRONG_INDEX: "it does not lie on as many creases of the loss as it should, none or one",
    Status.FLAT: "the loss is flat along some coordinates",
}


@dataclass(frozen=True)
class Failure:
    """What is wrong with one point. kind: MINIMUM, TRANSITION_STATE or CONNECTION (id: of its TS)."""

    kind: str
    id: int
    problem: str

    def __str__(self) -> str:
        subject = TRANSITION_STATE if self.kind == CONNECTION else self.kind
        return f"{subject} {self.id}: {self.problem}"


@dataclass
class Verification:
    """checked: how many of each kind were verified. failures: what was found, in order."""

    checked: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def failed(self, kind: str) -> int:
        """Number of points of one kind with at least one failure."""
        return len({failure.id for failure in self.failures if failure.kind == kind})


def chosen_transition_states(landscape: Landscape, sample: int | None, seed: int) -> list[int]:
    """Ids, ascending, of all transition states, or of `sample` random ones."""
    number = len(landscape.transition_states)
    if sample is None or sample >= number:
        return list(range(number))
    rng = generator(seed, "verification")
    return sorted(rng.choice(number, size=sample, replace=False).tolist())


def verify(
    landscape: Landscape,
    transition_states: Iterable[int],
    report: Callable[[int], None] = lambda done: None,
) -> Verification:
    """Verify all minima and the transition states with these ids, with the landscape's own tolerances.

    From the stored coordinates: the loss, a gradient of zero, the number of negative Hessian
    eigenvalues, LPPHE, the eigenvalues stored, the symmetry order, that no other point is the same, and
    that both sides of a transition state run down to its two minima. report(points done) is called
    after every point.
    """
    verification = Verification({MINIMUM: 0, TRANSITION_STATE: 0, CONNECTION: 0})
    verifier = _Verifier(landscape, verification)
    done = 0
    for minimum_id in range(len(landscape.minima)):
        verifier.minimum(minimum_id)
        done += 1
        report(done)
    for ts_id in transition_states:
        verifier.transition_state(ts_id)
        done += 1
        report(done)
    return verification


class _Verifier:
    """Verifies points of one landscape one by one."""

    def __init__(self, landscape: Landscape, verification: Verification) -> None:
        self.landscape = landscape
        self.model = landscape.model
        self.verification = verification
        settings = landscape.settings
        self.minimum_rms = settings.quench.rms * RMS_MARGIN
        self.ts_rms = settings.connect.rms * RMS_MARGIN
        self.curvature = settings.curvature
        self.downhill = Downhill(landscape.model, settings)

    def _fail(self, kind: str, point_id: int, problem: str) -> None:
        self.verification.failures.append(Failure(kind, point_id, problem))

    def minimum(self, minimum_id: int) -> None:
        """Verify one minimum."""
        self.verification.checked[MINIMUM] += 1
        stored = self.landscape.minimum(minimum_id)
        found, status = minimum_at(self.model, stored.coordinates, self.minimum_rms, self.curvature)
        if found is None:
            problem = not_stationary(self.model, stored.coordinates, status, 0, self.curvature)
            self._fail(MINIMUM, minimum_id, problem)
            return
        for problem in _differences(self.model, stored, found, ("smallest_eigenvalue",), self.curvature):
            self._fail(MINIMUM, minimum_id, problem)
        twin = self.landscape.find_minimum(found.loss, stored.coordinates)
        if twin is not None and twin != minimum_id:
            self._fail(MINIMUM, minimum_id, f"it is the same point as minimum {twin}")

    def transition_state(self, ts_id: int) -> None:
        """Verify one transition state and, if it is one, its connection."""
        self.verification.checked[TRANSITION_STATE] += 1
        stored = self.landscape.transition_state(ts_id)
        found, mode, status = transition_state_at(self.model, stored.coordinates, self.ts_rms, self.curvature)
        if found is None:
            problem = not_stationary(self.model, stored.coordinates, status, 1, self.curvature)
            self._fail(TRANSITION_STATE, ts_id, problem)
            return
        names = ("negative_eigenvalue", "next_eigenvalue")
        for problem in _differences(self.model, stored, found, names, self.curvature):
            self._fail(TRANSITION_STATE, ts_id, problem)
        twin = self.landscape.find_transition_state(found.loss, stored.coordinates)
        if twin is not None and twin != ts_id:
            self._fail(TRANSITION_STATE, ts_id, f"it is the same point as transition state {twin}")
        self._connection(ts_id, found, mode)

    def _connection(self, ts_id: int, state: TransitionState, mode: np.ndarray) -> None:
        """Run down both sides and compare with the two minima stored; which side is plus may differ."""
        self.verification.checked[CONNECTION] += 1
        reached = []
        for name, side in zip(("plus", "minus"), self.downhill.both_sides(state, mode), strict=True):
            minimum_id = self._known_minimum(side)
            if minimum_id is None:
                reason = "it is not stored" if side.minimum else _reason(side.status)
                self._fail(CONNECTION, ts_id, f"the {name} side does not reach a stored minimum ({reason})")
                return
            reached.append(minimum_id)
        stored = self.landscape.transition_states.minima[ts_id].tolist()
        if sorted(reached) != sorted(stored):
            there = f"minima {reached[0]} and {reached[1]}"
            self._fail(CONNECTION, ts_id, f"it joins {there}, not {stored[0]} and {stored[1]} as stored")

    def _known_minimum(self, side: Side) -> int | None:
        if side.minimum is None:
            return None
        return self.landscape.find_minimum(side.minimum.loss, side.minimum.coordinates)


def _reason(status: Status) -> str:
    return _REASONS.get(status, status.label)


def not_stationary(
    model: LossModel, x: np.ndarray, status: Status, wanted: int, settings: CurvatureSettings
) -> str:
    """Why the point x, shape (N,), is not stationary with `wanted` negative eigenvalues."""
    if model.pieces is not None:
        return _REASONS_OF_PIECES.get(status, status.label)
    slope = slope_at(model, x)
    if status is Status.STEP_LIMIT:
        return f"its root mean square gradient is {slope.rms:.3g}, which is above the tolerance"
    if status is not Status.WRONG_INDEX:
        return _reason(status)
    found = spectrum(model, x, settings, active=slope.active)
    number = f"{found.index}" if found.complete or found.index < len(found.values) else f"{found.index} or more"
    return f"its Hessian has {number} negative eigenvalues where {wanted} belongs"


def _differences(
    model: LossModel,
    stored: Minimum | TransitionState,
    found: Minimum | TransitionState,
    eigenvalues: tuple[str, ...],
    settings: CurvatureSettings,
):
    """A sentence for each stored value that is not the one found; eigenvalues: names of those."""
    if not _close(stored.loss, found.loss, _LOSS_ROUNDING):
        yield _unlike("loss", stored.loss, found.loss)
    estimated = max(stored.lpphe_probes, found.lpphe_probes) > 0
    for name in eigenvalues:
        old = getattr(stored, name)
        new = getattr(found, name)
        # Both are within the residual that the settings allow of the true one.
        iterative = 2.0 * settings.residual * abs(new) if estimated else 0.0
        if not (_close(old, new, _EIGENVALUE_ROUNDING) or abs(old - new) <= iterative):
            yield _unlike(name.replace("_", " "), old, new)
    if not abs(stored.lpphe - found.lpphe) <= _allowed_lpphe(model, stored, found, settings):
        yield _unlike("LPPHE", stored.lpphe, found.lpphe)
    if stored.order != found.order or not _close(stored.log_order, found.log_order, _LOSS_ROUNDING):
        yield _unlike("symmetry order", stored.order, found.order)
    if stored.active is not None and found.active is not None and not np.array_equal(stored.active, found.active):
        yield "other coordinates are held by their bounds than stored"


def _allowed_lpphe(
    model: LossModel,
    stored: Minimum | TransitionState,
    found: Minimum | TransitionState,
    settings: CurvatureSettings,
) -> float:
    """How far two values of LPPHE of one point may be apart."""
    rounding = _LPPHE_ROUNDING * max(1.0, abs(found.lpphe))
    if stored.lpphe_probes or found.lpphe_probes:
        error = float(np.hypot(stored.lpphe_error, found.lpphe_error))
        share = _SAME_PROBES if stored.lpphe_probes == found.lpphe_probes else _MOST_ERRORS
        return rounding + share * error
    if abs(stored.lpphe - found.lpphe) <= rounding or model.pieces is not None:
        return rounding
    # Nearly flat directions make LPPHE uncertain: the spectrum tells how much.
    surroundings = spectrum(model, found.coordinates, settings, active=found.active)
    return rounding + float((surroundings.tolerances / np.abs(surroundings.values)).sum())


def _close(stored: float, found: float, rounding: float) -> bool:
    """Equal, infinities included, to within `rounding` absolutely or relatively; NaN is close to nothing."""
    return stored == found or abs(stored - found) <= rounding * max(1.0, abs(found))


def _unlike(name: str, stored: float, found: float) -> str:
    return f"its {name} is {found!r} and not {stored!r} as stored"
