"""Single-ended searches: transition states around minima, without a second minimum to aim at.

A push takes a minimum out of the region where its loss is convex: along a random direction, or along one of its
softest modes. From there a saddle search climbs the softest mode. How far to push decides what is found: a search
that starts too near falls back, one that starts too far finds transition states of other minima. So the length grows
by half until the lowest curvature is negative, and once more; a search that falls back nevertheless is tried again
from further out.

Measured on 50 to 90 pushes each: the share that ends in a verified transition state with two minima, and with the
pushed minimum as one of them:

                                   XOR 2-2-2, lambda 1e-4, 5 minima       iris 4-10-3, lambda 1e-4
random, each coordinate <= 0.3     22 %, 6 %                              97 %, 78 %
random, each coordinate <= 0.9     48 %, 26 %                             100 %, 62 %
random, each coordinate <= 2.0     80 %, 46 %                             98 %, 15 %
random, grown by half as here      100 %, 88 %                            96 %, 79 %
random, doubled                    100 %, 76 %                            94 %, 73 %
along the 8 / 3 softest modes      86 %, 66 % (11 % stay convex)          97 %, 83 %

The length that suits is 2.6 for XOR and 0.15 for iris in the median, so no fixed one serves both. Modes along which the
curvature is the same everywhere, such as those of the softmax with 2 lambda, lead nowhere and are passed over: with
them among the 8 the share falls to 62 %.
"""

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np

from llcommon.errors import ConfigError
from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set, box, frozen_directions
from llcommon.optimise.curvature import is_large, spectrum
from llcommon.optimise.lanczos import lowest_pairs
from llcommon.records import Minimum, Triple
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from lloptim.saddles import SaddleResult, SaddleSearch

RANDOM = "random"
SOFT = "soft"
ENUMERATED = "enumerated"

# Shortest and longest push: shares of the step that the model suggests for a coordinate, and of that for all of them.
_SHORTEST = 0.05
_LONGEST = 2.0
_GROWTH = 1.5
# Saddle searches from one push, each from further out, as long as they fall back.
_SEARCHES = 3
# Where no dense Hessian is formed: so many products, to so small a residual, must show a negative curvature.
_PRODUCTS = 120
_RESIDUAL = 0.1
# Relative change of the curvature along a mode that counts as none.
_SAME_CURVATURE = 1e-3

_runner: "SingleEnded | None" = None


@dataclass(frozen=True)
class Push:
    """Which way a minimum is pushed.

    minimum: its id. kind: RANDOM, SOFT or ENUMERATED. number: of a random push, from 0; of a mode, from 1 for the
    softest, negative for the push against it; of one of the passes around the minimum, which a model of pieces counts
    up from 0. modes: how many modes the minimum is pushed along.
    """

    minimum: int
    kind: str
    number: int
    modes: int = 0


@dataclass(frozen=True)
class PushResult:
    """What came of a push.

    status: CONVERGED with a verified triple; NO_CANDIDATE if the curvature along the way stayed positive; else that
    of the last saddle search, or of the side that failed. length: of the push, coordinate distance. found: whether
    there was a verified transition state, also if a side of it failed. downhill: evaluations down both sides.
    """

    status: Status
    triple: Triple | None
    length: float
    found: bool = False
    searches: int = 0
    evaluations: int = 0
    hessians: int = 0
    downhill: int = 0


def pushes_from(minima: list[int], random: int, soft: int) -> list[Push]:
    """`random` random pushes and both ways along the `soft` softest modes, for each of the minima in turn."""
    pushes = []
    for minimum in minima:
        for mode in range(1, soft + 1):
            pushes += [Push(minimum, SOFT, mode, soft), Push(minimum, SOFT, -mode, soft)]
        pushes += [Push(minimum, RANDOM, number) for number in range(random)]
    return pushes


def passes_from(model: LossModel, minima: dict[int, np.ndarray]) -> list[Push]:
    """All passes next to minima, each (N,), by their ids. ConfigError unless the model can count them up."""
    if model.pieces is None:
        raise ConfigError(
            f"the transition states of the loss model {model.name} cannot be enumerated; use --random or --soft"
        )
    pushes = []
    for minimum, x in minima.items():
        pushes += [Push(minimum, ENUMERATED, number) for number in range(len(model.pieces.passes_around(x)))]
    return pushes


class SingleEnded:
    """Pushes and the searches from them, for one model and its settings."""

    def __init__(self, model: LossModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.search = SaddleSearch(model, settings)
        self.lower, self.upper = box(model)
        self.shortest = _SHORTEST * model.suggested_step
        self.longest = _LONGEST * model.suggested_step * math.sqrt(model.dimension)
        self._evaluations = 0
        self._hessians = 0
        self._modes: tuple[tuple, list[np.ndarray]] | None = None
        self._passes: tuple[bytes, list[np.ndarray]] | None = None

    def _active(self, x: np.ndarray) -> np.ndarray | None:
        """Which bounds hold x, (N,); None without bounds."""
        if self.model.bounds() is None:
            return None
        self._evaluations += 1
        return active_set(self.model, x, self.model.value_and_gradient(x)[1])

    def _modes_at(self, x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues, (k,), and eigenvectors, columns (N, k), at the minimum x, softest first.

        All of them, or of a large model `count`.
        """
        active = self._active(x)
        curvature = self.settings.curvature
        if is_large(self.model, curvature):
            frozen = frozen_directions(self.model, x, active)
            pairs = lowest_pairs(
                self.model, x, frozen, count, curvature.residual, curvature.products, curvature.seed
            )
            self._evaluations += pairs.products
            return pairs.values, pairs.vectors.T
        self._hessians += 1
        found = spectrum(self.model, x, curvature, vectors=True, active=active)
        vectors = np.empty((self.model.dimension, 0)) if found.vectors is None else found.vectors
        return found.values, vectors

    def _bends(self, x: np.ndarray, mode: np.ndarray, value: float) -> bool:
        """Whether the curvature along the eigenvector `mode`, (N,), is another far from the minimum x than `value`.

        An L2 term alone resists the gauge directions of a softmax: nothing happens along them.
        """
        for length in (self.longest, -self.longest):
            far = np.clip(x + length * mode, self.lower, self.upper)
            change = float(mode @ self.model.hessian_vector(far, mode)) - value
            self._evaluations += 1
            if not abs(change) <= _SAME_CURVATURE * abs(value):
                return True
        return False

    def _softest(self, x: np.ndarray, count: int) -> list[np.ndarray]:
        """Up to `count` eigenvectors, each (N,), of lowest curvature at the minimum x that bend."""
        key = (x.tobytes(), count)
        if self._modes is None or self._modes[0] != key:
            values, vectors = self._modes_at(x, count)
            kept: list[np.ndarray] = []
            for k in range(vectors.shape[1]):
                mode = np.ascontiguousarray(vectors[:, k])
                if len(kept) < count and self._bends(x, mode, float(values[k])):
                    # An eigenvector comes with either sign: its largest component shall be positive.
                    kept.append(np.sign(mode[np.argmax(np.abs(mode))]) * mode)
            self._modes = (key, kept)
        return self._modes[1]

    def _direction(self, push: Push, x: np.ndarray) -> np.ndarray | None:
        """Unit vector (N,) of a push from the minimum x, None if it has no such mode."""
        if push.kind == SOFT:
            modes = self._softest(x, push.modes)
            if push.number != 1:
                # Whether they were at hand depends on what this process did before: they count for the first push.
                self._evaluations = 0
                self._hessians = 0
            if len(modes) < abs(push.number):
                return None
            return np.sign(push.number) * modes[abs(push.number) - 1]
        rng = generator(self.settings.connect.seed, "single-ended", push.minimum, push.number)
        direction = rng.uniform(-1.0, 1.0, self.model.dimension)
        for row in frozen_directions(self.model, x, self._active(x)):
            direction -= (row @ direction) * row
        length = float(np.linalg.norm(direction))
        return direction / length if length > 0.0 else None

    def _lowest(self, x: np.ndarray) -> tuple[float, np.ndarray | None]:
        """The lowest curvature at x, (N,), 0 if its sign is not certain, and its direction, None without any."""
        active = self._active(x)
        if self.search.dense:
            self._hessians += 1
            found = spectrum(self.model, x, self.settings.curvature, vectors=True, active=active)
            values, vectors, noise = found.values, found.vectors, found.tolerances
        else:
            frozen = frozen_directions(self.model, x, active)
            if len(frozen) == self.model.dimension:
                return 0.0, None
            pairs = lowest_pairs(self.model, x, frozen, 1, _RESIDUAL, _PRODUCTS, self.settings.curvature.seed)
            self._evaluations += pairs.products
            values, vectors = pairs.values, pairs.vectors.T
            # A Ritz value is never below the lowest eigenvalue: a negative one is proof, however large its residual.
            noise = np.full(1, 1e-13 * pairs.scale)
        if not values.size:
            return 0.0, None
        if not np.isfinite(values).all():
            return math.nan, None
        value = 0.0 if abs(values[0]) <= noise[0] else float(values[0])
        return value, np.ascontiguousarray(vectors[:, 0])

    def _leave_convex(self, x: np.ndarray, direction: np.ndarray) -> tuple[Status, float]:
        """The first length of the push from x, (N,), with a negative curvature: CONVERGED, or why there is none."""
        length = self.shortest
        while length <= self.longest:
            curvature, _ = self._lowest(np.clip(x + length * direction, self.lower, self.upper))
            if math.isnan(curvature):
                return Status.NOT_FINITE, length
            if curvature < 0.0:
                return Status.CONVERGED, length
            length *= _GROWTH
        return Status.NO_CANDIDATE, self.longest

    def _spent(self) -> dict:
        return {"evaluations": self._evaluations, "hessians": self._hessians}

    def run(self, push: Push, minimum: Minimum) -> PushResult:
        """A push from a minimum, the searches from its end, and the runs down both sides of what they find."""
        self._evaluations = 0
        self._hessians = 0
        x = minimum.coordinates
        if push.kind == ENUMERATED:
            point = self._passes_around(x)[push.number]
            return self._result(self.search.verified(point), float(np.linalg.norm(point - x)), 0)
        direction = self._direction(push, x)
        if direction is None:
            return PushResult(Status.NO_CANDIDATE, None, 0.0, **self._spent())
        if self.model.pieces is not None:
            found = self.search.search(x, direction)
            state = found.transition_state
            length = 0.0 if state is None else float(np.linalg.norm(state.coordinates - x))
            return self._result(found, length, 1)
        status, length = self._leave_convex(x, direction)
        if status is not Status.CONVERGED:
            return PushResult(status, None, length, **self._spent())
        searches = 0
        while True:
            length *= _GROWTH
            start = np.clip(x + length * direction, self.lower, self.upper)
            _, mode = self._lowest(start)
            if mode is None:
                return PushResult(Status.NOT_FINITE, None, length, searches=searches, **self._spent())
            result = self.search.search(start, mode)
            searches += 1
            if result.status is not Status.FELL_TO_MINIMUM or searches == _SEARCHES:
                return self._result(result, length, searches)
            self._evaluations += result.evaluations
            self._hessians += result.hessians

    def _passes_around(self, x: np.ndarray) -> list[np.ndarray]:
        """Those of a model of pieces, each (N,), counted up once for all pushes of a minimum."""
        key = x.tobytes()
        if self._passes is None or self._passes[0] != key:
            self._passes = (key, self.model.pieces.passes_around(x))
        return self._passes[1]

    def _result(self, result: SaddleResult, length: float, searches: int) -> PushResult:
        """What a push came to by its last search: the runs down both sides of what that found."""
        self._evaluations += result.evaluations
        self._hessians += result.hessians
        if result.transition_state is None:
            return PushResult(result.status, None, length, searches=searches, **self._spent())
        sides = self.search.triple(result.transition_state, result.mode)
        spent = {"searches": searches, "downhill": sides.evaluations, **self._spent()}
        return PushResult(sides.status, sides.triple, length, found=True, **spent)


# --- many of them ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A push as it is reported.

    loss, plus_loss, minus_loss: of the triple. ts: id in the result. plus, minus: ids in the landscape that was
    searched, None for minima that it lacks. new: whether the transition state was not found before. own: whether the
    minimum that was pushed is one of the two. All None without a triple.
    """

    push: Push
    status: Status
    length: float
    loss: float | None = None
    ts: int | None = None
    new: bool | None = None
    own: bool | None = None
    plus: int | None = None
    minus: int | None = None
    plus_loss: float | None = None
    minus_loss: float | None = None


def _start(model: LossModel, settings: Settings) -> None:
    global _runner
    _runner = SingleEnded(model, settings)


def _run(push: Push, minimum: Minimum) -> PushResult:
    return _runner.run(push, minimum)


class PushJob:
    """Pushes of minima of one landscape, what they find in another."""

    def __init__(self, source: Landscape, settings: Settings, pushes: list[Push], result: Landscape) -> None:
        """result: of the same model; it may hold what the first of the pushes found, from a stopped run."""
        self.source = source
        self.settings = settings
        self.pushes = pushes
        self.result = result
        self.rows: list[Row] = []

    def outcomes(self) -> list[list]:
        """The rows so far, JSON-able."""
        return [[int(row.status), *astuple(row)[2:]] for row in self.rows]

    def resume(self, outcomes: list[list]) -> None:
        """Take over the rows of the first pushes from a run that was stopped; `result` holds their points."""
        for push, (status, *values) in zip(self.pushes, outcomes, strict=False):
            self.rows.append(Row(push, Status(status), *values))

    def run(self, jobs: int, stopped: Callable[[], bool], merged: Callable[[int], None]) -> int:
        """Do the pushes that have no row yet, `jobs` at a time; how many of all have one then.

        merged(number) is called whenever what the first `number` pushes found is in `result`. Raises ConfigError if a
        process is killed.
        """
        left = self.pushes[len(self.rows) :]

        def take(number: int, result: PushResult) -> None:
            self._merge(left[number], result)
            merged(len(self.rows))

        tasks = [lambda push=push: (push, self.source.minimum(push.minimum)) for push in left]
        run_in_order(_start, (self.source.model, self.settings), _run, tasks, jobs, stopped, take)
        return len(self.rows)

    def _count(self, name: str, number: int = 1) -> None:
        counters = self.result.counters
        counters[name] = counters.get(name, 0) + number

    def _merge(self, push: Push, result: PushResult) -> None:
        self._count("pushes")
        self._count("saddle searches", result.searches)
        self._count("saddle evaluations", result.evaluations)
        self._count("saddle hessians", result.hessians)
        self._count("downhill evaluations", result.downhill)
        if result.triple is None:
            kind = "side" if result.found else "saddle" if result.searches else "push"
            self._count(f"{kind} {result.status.label}")
            self.rows.append(Row(push, result.status, result.length))
            return
        triple = result.triple
        state = triple.transition_state
        ts = self.result.find_transition_state(state.loss, state.coordinates)
        new = ts is None
        if new:
            added = self.result.add_triple(triple)
            ts = added.ts_id
            self._count("transition states")
            if added.plus_id == added.minus_id:
                self._count(f"saddle {Status.SAME_MINIMUM.label}")
        else:
            self._count(f"saddle {Status.DUPLICATE.label}")
        ends = [self.source.find_minimum(side.loss, side.coordinates) for side in (triple.plus, triple.minus)]
        own = push.minimum in ends
        losses = (triple.plus.loss, triple.minus.loss)
        self.rows.append(Row(push, result.status, result.length, state.loss, ts, new, own, *ends, *losses))
