"""Training as it is done elsewhere, epoch by epoch: plain SGD with momentum, Adam, L-BFGS.

    sgd    v <- m v - r g, x <- x + v                       (Polyak, USSR Comput. Math. Math. Phys. 4, 1, 1964)
    adam   as algorithm 1 of Kingma and Ba, ICLR 2015, with beta_2 = 0.999 and epsilon = 1e-8
    lbfgs  x <- x - r H g on the whole data, shortened until the loss does not rise; an epoch is one iteration

g is the gradient of the mean loss over the rows of a mini-batch plus the L2 term. Every epoch takes each row once, in a
random order drawn anew, and the last batch may be smaller. Unlike the quenches of `sgd` and `adam`, which never let the
loss rise, these do what the learning rate says, and may diverge. In a box, sgd and adam are put back onto its sides.
"""

import math

import numpy as np
from numba import njit

from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.optimise.memory import apply_inverse
from llcommon.optimise.steps import FIRST_SCALE, LEAST_CURVATURE, take_step
from llcommon.optimise.vectors import copy_into, dot, rms
from llcommon.seam import (
    F8,
    I8,
    INTEGERS,
    KERNEL,
    MATRIX,
    OPTIONS,
    PACKED,
    ROWS,
    VECTOR,
    algorithm,
    first_class,
    rows_kernel,
    types,
)
from llcommon.searchsettings import TrainSettings
from llcommon.settings import QuenchSettings
from llcommon.status import Status

GOING_ON = -1
_CONVERGED = int(Status.CONVERGED)
_NO_DESCENT = int(Status.NO_DESCENT)
_NOT_FINITE = int(Status.NOT_FINITE)
_LEFT_RADIUS = int(Status.LEFT_RADIUS)

RATES = {"sgd": 0.1, "adam": 0.01, "lbfgs": 1.0}  # where [train] learning_rate is unset
MEMORY = 20  # steps that L-BFGS remembers
_MOST_ORDERS = 1_000_000  # row numbers drawn in advance
_SQUARES_KEPT = 0.999
_LEAST_SCALE = 1e-8
_CALLED = {key: value for key, value in OPTIONS.items() if key != "nogil"}


@rows_kernel
def no_rows(chosen, reals, integers, reals_out, integers_out):
    """The rows kernel of a model without rows, which is never called."""


@njit(I8(I8, VECTOR, F8), **_CALLED)
def _state_of(status, x, radius):
    """The status after an epoch that ended at x: `status` unless x ran away."""
    square = dot(x, x)
    if not math.isfinite(square):
        return _NOT_FINITE
    return _LEFT_RADIUS if square > radius * radius else status


@njit(**_CALLED)
def _gradient(kernel, pack, reals, integers, workspace, order, first, batch, some_reals, some_integers, x, gradient):
    """Gradient at x of the batch of rows that begins at order[first]; of the whole loss if batch is 0."""
    if batch == 0:
        kernel(x, gradient, reals, integers, workspace)
        return
    pack(order[first : min(first + batch, order.size)], reals, integers, some_reals, some_integers)
    kernel(x, gradient, some_reals, some_integers, workspace)


@njit(**_CALLED)
def _into_box(x, lower, upper):
    """Each coordinate onto the side that it went beyond, in place; NaN stays."""
    for i in range(x.size):
        x[i] = lower[i] if x[i] < lower[i] else x[i]
        x[i] = upper[i] if x[i] > upper[i] else x[i]


ORDERS = types.int64[:, ::1]
_BATCHES = (KERNEL, ROWS, *PACKED, ORDERS, I8, VECTOR, INTEGERS)
_OUTCOME = types.Tuple((I8, I8))


@algorithm(_OUTCOME, *_BATCHES, VECTOR, VECTOR, VECTOR, F8, F8, F8, VECTOR, VECTOR)
def sgd_epochs(
    kernel, pack, reals, integers, workspace, orders, batch, some_reals, some_integers, x, gradient, velocity, rate,
    momentum, radius, lower, upper,
):  # fmt: skip
    """Epochs from x with velocity, both (N,), in place. Returns (GOING_ON or why the run ends, epochs done).

    orders: (epochs, rows), the rows in the order to be taken, batch: how many at a time; batch 0: one step an epoch on
    the whole loss, orders being (epochs, 0). some_reals, some_integers: room for a packed batch; gradient: scratch.
    """
    for epoch in range(orders.shape[0]):
        order = orders[epoch]
        for first in range(0, max(1, order.size), max(1, batch)):
            _gradient(
                kernel, pack, reals, integers, workspace, order, first, batch, some_reals, some_integers, x, gradient
            )
            for i in range(x.size):
                velocity[i] = momentum * velocity[i] - rate * gradient[i]
                x[i] += velocity[i]
            _into_box(x, lower, upper)
        status = _state_of(GOING_ON, x, radius)
        if status != GOING_ON:
            return status, epoch + 1
    return GOING_ON, orders.shape[0]


@algorithm(_OUTCOME, *_BATCHES, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, F8, F8, F8, VECTOR, VECTOR)
def adam_epochs(
    kernel, pack, reals, integers, workspace, orders, batch, some_reals, some_integers, x, gradient, mean, square, left,
    rate, momentum, radius, lower, upper,
):  # fmt: skip
    """As sgd_epochs. mean, square: (N,), of the gradients; left: (2,), beta_1^t and beta_2^t after t steps."""
    for epoch in range(orders.shape[0]):
        order = orders[epoch]
        for first in range(0, max(1, order.size), max(1, batch)):
            _gradient(
                kernel, pack, reals, integers, workspace, order, first, batch, some_reals, some_integers, x, gradient
            )
            left[0] *= momentum
            left[1] *= _SQUARES_KEPT
            step = rate / (1.0 - left[0])
            unbias = 1.0 / (1.0 - left[1])
            for i in range(x.size):
                mean[i] = momentum * mean[i] + (1.0 - momentum) * gradient[i]
                square[i] = _SQUARES_KEPT * square[i] + (1.0 - _SQUARES_KEPT) * gradient[i] * gradient[i]
                x[i] -= step * mean[i] / (math.sqrt(square[i] * unbias) + _LEAST_SCALE)
            _into_box(x, lower, upper)
        status = _state_of(GOING_ON, x, radius)
        if status != GOING_ON:
            return status, epoch + 1
    return GOING_ON, orders.shape[0]


@algorithm(I8, KERNEL, *PACKED, VECTOR, VECTOR, MATRIX, MATRIX, VECTOR, VECTOR, INTEGERS, F8, F8, F8, F8)
def lbfgs_iteration(
    kernel, reals, integers, workspace, x, gradient, steps, changes, curvature, numbers, ring, rate, maximum_step,
    tolerance, radius,
):  # fmt: skip
    """One iteration from x, (N,), in place; GOING_ON, or why the run ends.

    gradient: at x, (N,); steps, changes: (memory, N); curvature: (memory,), as in `memory.apply_inverse`; numbers: loss
    at x, scale of the first inverse; ring: 1 once there was an iteration, steps stored, row of the next.
    """
    n = x.size
    memory = curvature.size
    weight = np.empty(memory)
    trial = np.empty(n)
    trial_gradient = np.empty(n)
    if ring[0] == 0:
        numbers[0] = kernel(x, gradient, reals, integers, workspace)
        numbers[1] = FIRST_SCALE
        ring[0] = 1
        size = rms(gradient)
        if not (math.isfinite(numbers[0]) and math.isfinite(size)):
            return _NOT_FINITE
        if size <= tolerance:
            return _CONVERGED
    direction = gradient.copy()
    scale = numbers[1] if ring[1] > 0 else numbers[1] * min(1.0, 1.0 / math.sqrt(dot(gradient, gradient)))
    apply_inverse(steps, changes, curvature, weight, ring[1], ring[2], scale, direction)
    direction *= rate
    accepted, trial_loss, _ = take_step(
        kernel, reals, integers, workspace, x, gradient, direction, numbers[0], maximum_step, trial, trial_gradient
    )
    if not accepted:
        stored = ring[1]
        ring[1] = 0
        ring[2] = 0
        return _NO_DESCENT if stored == 0 else GOING_ON
    head = ring[2]
    for i in range(n):
        steps[head, i] = trial[i] - x[i]
        changes[head, i] = trial_gradient[i] - gradient[i]
    product = dot(steps[head], changes[head])
    square = dot(changes[head], changes[head])
    copy_into(trial, x)
    copy_into(trial_gradient, gradient)
    numbers[0] = trial_loss
    # Without positive curvature along the step the update would spoil the model: skip it.
    if product > LEAST_CURVATURE * square and square > 0.0:
        numbers[1] = product / square
        curvature[head] = 1.0 / product
        ring[1] = min(ring[1] + 1, memory)
        ring[2] = (head + 1) % memory
    if not math.isfinite(dot(gradient, gradient)):
        return _NOT_FINITE
    return _state_of(_CONVERGED if rms(gradient) <= tolerance else GOING_ON, x, radius)


class Trainer:
    """Epochs of one model under the [train] settings.

    The state of a run is a dict of arrays, of which `x` is the point; a run that goes on from copies of them, and of
    the state of its random numbers, gives the same bits.
    """

    def __init__(self, model: LossModel, settings: TrainSettings, quench: QuenchSettings) -> None:
        """quench: its radius ends a run; its maximum_step and rms are those of lbfgs. ConfigError for batches without
        rows, and for lbfgs in a box."""
        self.model = model
        self.optimiser = settings.optimiser
        self.rate = RATES[settings.optimiser] if settings.learning_rate is None else settings.learning_rate
        self.momentum = settings.momentum
        self.quench = quench
        wanted = 0 if settings.optimiser == "lbfgs" else settings.batch
        if wanted and not model.rows:
            raise ConfigError(f"[train] batch must be 0, since the loss model {model.name} has no rows of data")
        bounds = model.bounds()
        if bounds is not None and settings.optimiser == "lbfgs":
            raise ConfigError('[train] optimiser "lbfgs" knows no bounds, which this model has: use sgd or adam')
        self.batch = wanted if wanted < model.rows else 0
        self._gradient = np.empty(model.dimension)
        unbounded = np.full(model.dimension, np.inf)
        self._box = (-unbounded, unbounded) if bounds is None else bounds
        # For the whole loss no batch is packed.
        self._room = (np.empty_like(model.reals), np.empty_like(model.integers))
        self._pack = model.rows_kernel if self.batch else first_class(no_rows)

    def begin(self, start: np.ndarray) -> dict[str, np.ndarray]:
        """The state of a run before its first epoch. start: (N,)."""
        n = self.model.dimension
        state = {"x": np.array(start, dtype=np.float64)}
        if self.optimiser == "sgd":
            state["velocity"] = np.zeros(n)
        elif self.optimiser == "adam":
            state |= {"mean": np.zeros(n), "square": np.zeros(n), "left": np.ones(2)}
        else:
            state |= {"gradient": np.zeros(n), "steps": np.zeros((MEMORY, n)), "changes": np.zeros((MEMORY, n))}
            state |= {"curvature": np.zeros(MEMORY), "numbers": np.zeros(2), "ring": np.zeros(3, dtype=np.int64)}
        return state

    def epochs(self, state: dict[str, np.ndarray], rng: np.random.Generator, count: int) -> tuple[int, int]:
        """Up to `count` epochs, `state` and `rng` changed in place: (GOING_ON or Status of the end, epochs done)."""
        done = 0
        outcome = GOING_ON
        most = max(1, _MOST_ORDERS // max(1, self.model.rows))
        while done < count and outcome == GOING_ON:
            if self.optimiser == "lbfgs":
                outcome = self._iteration(state)
                used = 1
            else:
                outcome, used = self._pass(state, rng, min(most, count - done))
            done += used
        return outcome, done

    def _iteration(self, state: dict[str, np.ndarray]) -> int:
        model = self.model
        arrays = [state[name] for name in ("x", "gradient", "steps", "changes", "curvature", "numbers", "ring")]
        limits = (self.quench.maximum_step, self.quench.rms, self.quench.radius)
        return lbfgs_iteration(model.kernel, *model.packed, *arrays, self.rate, *limits)

    def _pass(self, state: dict[str, np.ndarray], rng: np.random.Generator, count: int) -> tuple[int, int]:
        """Epochs of sgd or adam, of which the calls from Python would cost more than small networks do."""
        before = rng.bit_generator.state
        orders = self._orders(rng, count)
        batches = (self.model.kernel, self._pack, *self.model.packed, orders, self.batch, *self._room)
        rules = (self.rate, self.momentum, self.quench.radius, *self._box)
        if self.optimiser == "sgd":
            outcome, done = sgd_epochs(*batches, state["x"], self._gradient, state["velocity"], *rules)
        else:
            moments = (state["mean"], state["square"], state["left"])
            outcome, done = adam_epochs(*batches, state["x"], self._gradient, *moments, *rules)
        if done < count:
            # As if no more had been drawn than was used.
            rng.bit_generator.state = before
            self._orders(rng, done)
        return outcome, done

    def _orders(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """A random order of the rows for each of some epochs, (count, rows); (count, 0) if all are taken at once."""
        if not self.batch:
            return np.empty((count, 0), dtype=np.int64)
        return np.array([rng.permutation(self.model.rows) for _ in range(count)], dtype=np.int64)
