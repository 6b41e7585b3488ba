"""Everything in a landscape verified anew: values, gradients, Hessian indices, connections."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import Downhill, Side
from llcommon.optimise.points import minimum_at, spectrum, transition_state_at
from llcommon.records import Minimum, TransitionState
from llcommon.rng import generator
from llcommon.status import Status
from llcommon.store import Landscape

MINIMUM = "minimum"
TRANSITION_STATE = "transition state"
CONNECTION = "connection"

# Differences that another processor or another version of a numerical library may make.
_LOSS_ROUNDING = 1e-11
_EIGENVALUE_ROUNDING = 1e-9
_LPPHE_ROUNDING = 1e-8
_RMS_MARGIN = 1.1

_REASONS = {
    Status.NOT_FINITE: "its loss, gradient or Hessian is not finite",
    Status.STEP_LIMIT: "its gradient is not zero within the tolerance",
    Status.NO_DESCENT: "the loss does not fall beside it",
    Status.SIDE_FAILED: "the run downhill ended above it",
    Status.LEFT_RADIUS: "the run downhill left the allowed radius",
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
        self.minimum_rms = settings.quench.rms * _RMS_MARGIN
        self.ts_rms = settings.connect.rms * _RMS_MARGIN
        self.downhill = Downhill(landscape.model, settings.quench, settings.connect.pushoff)

    def _fail(self, kind: str, point_id: int, problem: str) -> None:
        self.verification.failures.append(Failure(kind, point_id, problem))

    def minimum(self, minimum_id: int) -> None:
        """Verify one minimum."""
        self.verification.checked[MINIMUM] += 1
        stored = self.landscape.minimum(minimum_id)
        found, status = minimum_at(self.model, stored.coordinates, self.minimum_rms)
        if found is None:
            problem = _not_stationary(self.model, stored.coordinates, status, 0)
            self._fail(MINIMUM, minimum_id, problem)
            return
        for problem in _differences(self.model, stored, found, ("smallest_eigenvalue",)):
            self._fail(MINIMUM, minimum_id, problem)
        twin = self.landscape.find_minimum(found.loss, stored.coordinates)
        if twin is not None and twin != minimum_id:
            self._fail(MINIMUM, minimum_id, f"it is the same point as minimum {twin}")

    def transition_state(self, ts_id: int) -> None:
        """Verify one transition state and, if it is one, its connection."""
        self.verification.checked[TRANSITION_STATE] += 1
        stored = self.landscape.transition_state(ts_id)
        found, mode, status = transition_state_at(self.model, stored.coordinates, self.ts_rms)
        if found is None:
            problem = _not_stationary(self.model, stored.coordinates, status, 1)
            self._fail(TRANSITION_STATE, ts_id, problem)
            return
        for problem in _differences(self.model, stored, found, ("negative_eigenvalue", "next_eigenvalue")):
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


def _not_stationary(model: LossModel, x: np.ndarray, status: Status, wanted: int) -> str:
    """Why the point x, shape (N,), is not stationary with `wanted` negative eigenvalues."""
    if status is Status.STEP_LIMIT:
        gradient = model.value_and_gradient(x)[1]
        size = float(np.sqrt(gradient @ gradient / gradient.size))
        return f"its root mean square gradient is {size:.3g}, which is above the tolerance"
    if status is not Status.WRONG_INDEX:
        return _reason(status)
    found = spectrum(model, x)
    if found.index != wanted:
        return f"its Hessian has {found.index} negative eigenvalues where {wanted} belongs"
    return f"its Hessian has {found.flat} eigenvalues that cannot be told from zero"


def _differences(
    model: LossModel,
    stored: Minimum | TransitionState,
    found: Minimum | TransitionState,
    eigenvalues: tuple[str, ...],
):
    """A sentence for each stored value that is not the one found; eigenvalues: names of those."""
    if not _close(stored.loss, found.loss, _LOSS_ROUNDING):
        yield _unlike("loss", stored.loss, found.loss)
    for name in eigenvalues:
        old = getattr(stored, name)
        new = getattr(found, name)
        if not _close(old, new, _EIGENVALUE_ROUNDING):
            yield _unlike(name.replace("_", " "), old, new)
    allowed = _LPPHE_ROUNDING * max(1.0, abs(found.lpphe))
    if not abs(stored.lpphe - found.lpphe) <= allowed:
        # Nearly flat directions make LPPHE uncertain: the spectrum tells how much.
        surroundings = spectrum(model, found.coordinates)
        allowed += float((surroundings.noise / np.abs(surroundings.values)).sum())
        if not abs(stored.lpphe - found.lpphe) <= allowed:
            yield _unlike("LPPHE", stored.lpphe, found.lpphe)
    if stored.order != found.order:
        yield _unlike("symmetry order", stored.order, found.order)


def _close(stored: float, found: float, rounding: float) -> bool:
    """Equal, infinities included, to within `rounding` absolutely or relatively; NaN is close to nothing."""
    return stored == found or abs(stored - found) <= rounding * max(1.0, abs(found))


def _unlike(name: str, stored: float, found: float) -> str:
    return f"its {name} is {found!r} and not {stored!r} as stored"
