"""The two minima that a transition state joins: push off along its unstable mode, run downhill."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from llcommon.errors import ConfigError
from llcommon.losses._pieces import Descent
from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set, box, frozen_directions
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.flow import gradient_flow
from llcommon.optimise.points import ORDER_TOLERANCE, minimum_at
from llcommon.optimise.quench import Quencher, QuenchResult
from llcommon.optimise.steepest import descend
from llcommon.optimise.vectors import remove_components
from llcommon.records import Minimum, TransitionState
from llcommon.settings import ConnectSettings, Settings
from llcommon.status import Status

# Longest step of a quench downhill. Of 80 sides of iris TS, 79 reach the minimum of steepest descent with any cap
# from 0.05 to 0.4, and the run costs a third at 0.4.
DOWNHILL_STEP = 0.4
# Up to this many coordinates the path of steepest descent costs no more than three times a quench.
_FLOW_LIMIT = 150
# Displacement from a transition state, for a path scale of 1, as the numbers of the flow.
_PUSHOFF = 0.02
# The flow downhill: error of a step, length of a step, Newton step to the minimum that ends it. Of 1196 sides of iris
# TS (lambda 1e-4 and 1e-5) 1187 end where an integration to 1e-7 by SciPy ends, and nine ran along ridges that equal
# units make, which one of the two left by rounding; both keep them now. Any error from 3e-4 to 3e-2 does as well. A
# flow that ends at a Newton step of 1 took one side of 1088 to a minimum 1.1 from the right one, whatever its
# accuracy; to end at 0.2 costs nothing, as Newton's steps from there are fewer. Of quenches 3 to 4 % end elsewhere.
_FLOW_ERROR = 3e-3
_FLOW_STEP = 0.5
_FLOW_END = 0.2
_MOST_FLOW_STEPS = 2000
_MOST_HOLDS = 20  # times for each coordinate that bounds hold others than before
# Longest arc of one step of steepest descent in a large model.
_DESCENT_ARC = 0.2
_MOST_DOUBLINGS = 10
_MOST_SADDLES = 4  # on the way down from one side
_THIRD_DIFFERENCE = 1e-3  # displacement of the difference of Hessians along the path, coordinate distance
_BEND_STEPS = 30
_BEND_RESIDUAL = 0.05


KnownMinimum = Callable[[float, np.ndarray], Minimum | None]


def nothing_known(loss: float, x: np.ndarray) -> None:
    """For searches that keep no minima."""


@dataclass(frozen=True)
class Side:
    """One side of a transition state: its minimum, or None and the status that says why."""

    minimum: Minimum | None
    status: Status
    evaluations: int


def path_bend(model: LossModel, state: TransitionState, mode: np.ndarray) -> np.ndarray:
    """Curvature vector, (N,), of the steepest-descent path at a transition state with the unstable unit vector `mode`.

    With the negative eigenvalue l and the third derivative twice along the mode, T v v, it solves
    (H - 2 l) bend = -(T v v) across the mode (Page and McIver, J. Chem. Phys. 88, 922, 1988), here by a few conjugate
    gradients on Hessian-vector products; it is zero where that system is not positive definite, and on a crease.
    """
    if model.pieces is not None:
        return np.zeros(model.dimension)
    fixed = np.vstack([frozen_directions(model, state.coordinates, state.active), mode])
    offset = _THIRD_DIFFERENCE * mode
    ahead = model.hessian_vector(state.coordinates + offset, mode)
    behind = model.hessian_vector(state.coordinates - offset, mode)
    residual = (behind - ahead) / (2.0 * _THIRD_DIFFERENCE)
    remove_components(fixed, residual)
    bend = np.zeros(model.dimension)
    direction = residual.copy()
    square = residual @ residual
    enough = _BEND_RESIDUAL**2 * square
    for _ in range(_BEND_STEPS):
        if not square > enough:
            break
        product = model.hessian_vector(state.coordinates, direction) - 2.0 * state.negative_eigenvalue * direction
        remove_components(fixed, product)
        along = direction @ product
        if not along > 0.0:
            return np.zeros(model.dimension)
        bend += (square / along) * direction
        residual -= (square / along) * product
        before = square
        square = residual @ residual
        direction = residual + (square / before) * direction
    return bend if np.isfinite(bend).all() else np.zeros(model.dimension)


def pushoff_of(model: LossModel, connect: ConnectSettings) -> float:
    """Displacement from a transition state: that of the settings, or else by the scale of the model."""
    return _PUSHOFF * model.path_scale if connect.pushoff is None else connect.pushoff


def push_off(
    model: LossModel, state: TransitionState, direction: np.ndarray, length: float, bend: np.ndarray | None = None
) -> np.ndarray | None:
    """A point beside a transition state from which the loss falls, shape (N,), or None.

    direction: unit vector (N,). bend: curvature of the path, (N,), for a step of second order. The displacement starts
    at `length` and is doubled until the loss has fallen by more than its rounding; if it never does, the valley may be
    narrower than that, and shorter displacements are tried. None if there is none.
    """
    rounding = 1e-13 * (1.0 + abs(state.loss))
    lower, upper = box(model)
    longer = [length * 2.0**k for k in range(_MOST_DOUBLINGS)]
    shorter = [length * 0.5**k for k in range(1, _MOST_DOUBLINGS)]
    for length in longer + shorter:
        step = length * direction
        if bend is not None:
            sideways = 0.5 * length * length * bend
            # Beyond half the step the second order is no correction any more.
            step = step + sideways * min(1.0, 0.5 * length / max(float(np.linalg.norm(sideways)), 1e-300))
        point = np.clip(state.coordinates + step, lower, upper)
        if model.value(point) < state.loss - rounding:
            return point
    return None


class Downhill:
    """Runs down both sides of transition states of one model."""

    def __init__(self, model: LossModel, settings: Settings) -> None:
        """Errors: ConfigError if steepest descent is asked for in a box of many coordinates."""
        self.model = model
        self._gradient = np.empty(model.dimension)
        self.curvature = settings.curvature
        self.pushoff = pushoff_of(model, settings.connect)
        chosen = settings.connect.downhill
        self.bounded = model.bounds() is not None
        self.box = box(model)
        self.small = model.dimension <= _FLOW_LIMIT
        self.steepest = chosen == "steepest-descent" or (chosen == "auto" and self.small)
        self.radius = settings.quench.radius
        self.most = settings.quench.maximum_iterations
        if self.steepest and self.bounded and not self.small:
            raise ConfigError(
                f"[connect] downhill steepest-descent knows no bounds of more than {_FLOW_LIMIT} coordinates, which "
                "this model has: use quench"
            )
        quench = settings.quench
        self.tolerance = quench.rms
        self.sloppy = quench.sloppy_rms
        # Whatever way down was chosen for searches, a side must stay in its basin.
        short = replace(quench, method="auto", maximum_step=min(DOWNHILL_STEP, quench.maximum_step))
        self.quencher = Quencher(model, short)

    def _run(self, start: np.ndarray, symmetric: bool) -> QuenchResult:
        """Down from `start`, (N,), to a stationary point. symmetric: a symmetry of the model may leave it alone."""
        if not self.steepest:
            return self.quencher.quench(start)
        if self.small:
            across = np.empty((0, self.model.dimension))
            if symmetric:
                # The exact path keeps the symmetry of its start, ridge or not; rounding would not.
                across = self.model.asymmetric_directions(start, ORDER_TOLERANCE)
            return self._flow(start, across)
        path = descend(self.model, start, _DESCENT_ARC, self.sloppy, self.curvature)
        if path.status is not Status.CONVERGED:
            return QuenchResult(path.status, path.losses[-1], path.points[-1], np.inf, path.evaluations)
        end = self.quencher.tight(path.points[-1])
        return replace(end, evaluations=end.evaluations + path.evaluations)

    def from_point(self, start: np.ndarray) -> QuenchResult:
        """Down from any point, (N,), to the stationary point in whose basin it lies; by the model's own way if it has
        one."""
        if self.model.pieces is not None:
            return self.quencher.quench(start)
        return self._run(start, False)

    def _flow(self, start: np.ndarray, frozen: np.ndarray) -> QuenchResult:
        """By the gradient flow from `start`, (N,), and Newton's steps at its end; not along the rows of `frozen`."""
        model = self.model
        point = np.array(start, dtype=np.float64)
        held = np.zeros(model.dimension, dtype=np.int64)
        evaluations = 0
        hessians = 0
        for _ in range(_MOST_HOLDS * model.dimension):
            if self.bounded:
                held = active_set(model, point, model.value_and_gradient(point)[1]).astype(np.int64)
                evaluations += 1
            status, loss, size, used, formed = gradient_flow(
                model.kernel,
                model.hessian_kernel,
                *model.hessian_packed(),
                frozen,
                *self.box,
                held,
                point,
                self._gradient,
                self.tolerance,
                _FLOW_ERROR * model.path_scale,
                _FLOW_STEP,
                _FLOW_END * model.path_scale,
                _MOST_FLOW_STEPS,
                self.radius,
            )
            evaluations += used
            hessians += formed
            if status != Status.HIT_BOUND:
                break
        if Status(status) is not Status.CONVERGED:
            return QuenchResult(Status(status), loss, point, size, evaluations, hessians)
        end = self.quencher.tight(point)
        return replace(end, evaluations=end.evaluations + evaluations, hessians=end.hessians + hessians)

    def _leave_saddle(self, x: np.ndarray, loss: float, rms: float) -> np.ndarray | None:
        """A point beside the saddle x, (N,), below it, or None if it is none."""
        found = spectrum(self.model, x, self.curvature, vectors=True)
        if not found.values.size or not found.values[0] < 0.0:
            return None
        mode = found.vectors[:, 0].copy()
        mode *= np.sign(mode[np.argmax(np.abs(mode))])
        saddle = TransitionState(loss, x, rms, np.nan, float(found.values[0]), np.nan)
        return push_off(self.model, saddle, mode, self.pushoff)

    def side(
        self,
        state: TransitionState,
        direction: np.ndarray,
        bend: np.ndarray | None = None,
        known: KnownMinimum = nothing_known,
    ) -> Side:
        """The minimum downhill from `state` along the unit vector `direction`, shape (N,).

        A path may come down to another saddle, above all where a symmetry of the loss keeps it on a ridge; it is
        followed on from there along the unstable mode.
        """
        start = push_off(self.model, state, direction, self.pushoff, bend)
        evaluations = 0
        status = Status.NO_DESCENT
        for _ in range(_MOST_SADDLES + 1):
            if start is None:
                break
            result = self._run(start, state.order > 1)
            evaluations += result.evaluations
            if result.status is not Status.CONVERGED:
                return Side(None, result.status, evaluations)
            minimum = known(result.loss, result.coordinates)
            status = Status.CONVERGED
            if minimum is None:
                minimum, status = minimum_at(self.model, result.coordinates, self.tolerance, self.curvature)
            if minimum is not None and minimum.loss >= state.loss:
                return Side(None, Status.SIDE_FAILED, evaluations)
            if status is not Status.WRONG_INDEX:
                return Side(minimum, status, evaluations)
            start = self._leave_saddle(result.coordinates, result.loss, result.rms)
        return Side(None, status, evaluations)

    def _end(self, descent: Descent, known: KnownMinimum) -> Side:
        """The side of a transition state that a model of pieces ran down itself."""
        if descent.status is not Status.CONVERGED:
            return Side(None, descent.status, descent.evaluations)
        minimum = known(descent.loss, descent.coordinates)
        status = Status.CONVERGED
        if minimum is None:
            minimum, status = minimum_at(self.model, descent.coordinates, self.tolerance, self.curvature)
        return Side(minimum, status, descent.evaluations)

    def both_sides(
        self, state: TransitionState, mode: np.ndarray, known: KnownMinimum = nothing_known
    ) -> tuple[Side, Side]:
        """The plus side (along `mode`) and the minus side.

        known(loss, x): the stored minimum that is the same point, or None; it needs no verification again.
        """
        if self.model.pieces is not None:
            plus, minus = self.model.pieces.sides(state.coordinates, mode, self.most)
            return self._end(plus, known), self._end(minus, known)
        bend = path_bend(self.model, state, mode)
        return self.side(state, mode, bend, known), self.side(state, -mode, bend, known)
