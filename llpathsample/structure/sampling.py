"""Basins of several minima sampled, and random starts counted, in several processes; nothing depends on how many."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import Downhill
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from llpathsample.structure.basin import Basin
from llpathsample.structure.direct import CHUNK, Direct, direct_estimate, drawn_weights, log_space
from llpathsample.structure.volume import (
    RELIABLE,
    Estimate,
    Ladder,
    Population,
    estimate,
    ladder_of,
    log_harmonic,
    population,
)


@dataclass(frozen=True)
class Plan:
    """temperature: inf for volumes. radius: of the basins, None for none. populations, points, moves: how many; direct:
    points drawn at once from all of a basin, 0 for none."""

    temperature: float
    radius: float | None
    populations: int
    points: int
    moves: int
    seed: int
    direct: int = 0


@dataclass(frozen=True)
class Sampled:
    """What came of one minimum.

    status: CONVERGED; UNRELIABLE, the two estimates contradict each other, or the only one has too large an error;
    FLAT, its Hessian is singular or its loss has a continuous symmetry that the model cannot undo; STEP_LIMIT, too many
    coordinates; NO_CANDIDATE, no Gaussian fits into the basin, or no point of a population began inside; TIME_LIMIT,
    stopped before. direct, annealed: the two estimates, None where there is none: no populations are made where direct
    points are enough. contradiction: whether they cannot both be right. log_harmonic: as in `Estimate`.
    """

    minimum: int
    status: Status
    direct: Direct | None = None
    annealed: Estimate | None = None
    contradiction: bool = False
    log_harmonic: float = float("nan")

    @property
    def method(self) -> str | None:
        """Which of the two is believed, "direct" or "annealed": that of the smaller error, and the direct one where
        they contradict each other, if it has some hits. None without an estimate."""
        if self.direct is not None and self.direct.some:
            if self.annealed is None or self.contradiction or not self.annealed.error <= self.direct.error:
                return "direct"
        return None if self.annealed is None else "annealed"

    @property
    def log_integral(self) -> float:
        """ln Z, or ln of the volume, by that method; NaN without one."""
        return getattr(self._believed, "log_integral", float("nan"))

    @property
    def error(self) -> float:
        """Its standard error; NaN without one."""
        return getattr(self._believed, "error", float("nan"))

    @property
    def _believed(self) -> Direct | Estimate | None:
        return self.direct if self.method == "direct" else self.annealed


@dataclass
class Hits:
    """Where random starts ended. by_minimum: (n,) how many at each stored one; elsewhere: at others; failed: none."""

    by_minimum: np.ndarray
    elsewhere: int = 0
    failed: int = 0

    @property
    def starts(self) -> int:
        """How many there were."""
        return int(self.by_minimum.sum()) + self.elsewhere + self.failed


@dataclass(frozen=True)
class _Drawn:
    """A chunk of direct points: ln of their weights, and numbers of the basin, unless the status says why not."""

    status: Status
    log_weights: np.ndarray
    log_space: float = float("nan")
    log_harmonic: float = float("nan")


@dataclass(frozen=True)
class _Pilot:
    """What a pilot tells: numbers of the basin, and the steps unless the status says why there are none."""

    status: Status
    dimension: int = 0
    log_determinant: float = float("nan")
    held: int = 0
    ladder: Ladder | None = None


class _Process:
    """What a process keeps between its tasks."""

    def __init__(self, model: LossModel, settings: Settings, plan: Plan) -> None:
        self.model, self.settings, self.plan = model, settings, plan
        self.downhill = Downhill(model, settings)

    def basin(self, point: np.ndarray) -> Basin:
        return Basin(self.model, self.settings, point, self.plan.radius)


def _start(model: LossModel, settings: Settings, plan: Plan) -> None:
    global _process
    _process = _Process(model, settings, plan)


def _drawn(minimum: int, point: np.ndarray, count: int, number: int) -> _Drawn:
    plan, basin = _process.plan, _process.basin(point)
    if basin.status is not Status.CONVERGED:
        return _Drawn(basin.status, np.empty(0))
    size, temperature = log_space(basin), plan.temperature
    # A volume of a section that no ball limits has no density to draw from.
    count = count if np.isfinite(temperature) or np.isfinite(size) else 0
    harmonic = log_harmonic(basin.dimension, basin.log_determinant, basin.held, temperature)
    weights = drawn_weights(basin, temperature, count, plan.seed, minimum, number)
    return _Drawn(Status.CONVERGED, weights, size, harmonic)


def _pilot(minimum: int, point: np.ndarray) -> _Pilot:
    plan, basin = _process.plan, _process.basin(point)
    if basin.status is not Status.CONVERGED:
        return _Pilot(basin.status)
    ladder = ladder_of(basin, plan.temperature, plan.moves, plan.seed, minimum)
    if ladder is None:
        return _Pilot(Status.NO_CANDIDATE)
    return _Pilot(Status.CONVERGED, basin.dimension, basin.log_determinant, basin.held, ladder)


def _population(minimum: int, point: np.ndarray, ladder: Ladder, number: int) -> Population:
    plan = _process.plan
    return population(_process.basin(point), ladder, plan.points, plan.seed, minimum, number)


def _quenched(number: int) -> tuple[Status, float, np.ndarray]:
    """Where a random start of this number ends."""
    start = _process.model.random_start(generator(_process.plan.seed, "basin volume", "start", number))
    end = _process.downhill.from_point(start)
    return end.status, end.loss, end.coordinates


def sample_basins(
    landscape: Landscape,
    minima: list[int],
    plan: Plan,
    jobs: int,
    stopped: Callable[[], bool],
    report: Callable[[int], None],
) -> list[Sampled]:
    """The basins of minima of a landscape, in their order. stopped: whether to end with what is done so far.

    report(done) is called now and then, of `parts(plan)` for each minimum.
    """
    points = landscape.minima.coordinates
    arguments = (landscape.model, landscape.settings, plan)

    def run(function: Callable, keys: list[tuple], before: int) -> list:
        """function(minimum, its point, *rest) for all keys (minimum, *rest), as far as it came."""
        results: list = []

        def take(_: int, result: object) -> None:
            results.append(result)
            report(before + len(results))

        tasks = [lambda key=key: (key[0], points[key[0]].copy(), *key[1:]) for key in keys]
        if tasks:
            run_in_order(_start, arguments, function, tasks, jobs, stopped, take)
        return results

    def by_minimum(keys: list[tuple], results: list) -> dict[int, list]:
        found: dict[int, list] = {}
        for key, result in zip(keys, results, strict=False):
            found.setdefault(key[0], []).append(result)
        return found

    # One part of each minimum after another, so that all have some whenever it is stopped.
    keys = [(minimum, count, number) for number, count in enumerate(_chunks(plan)) for minimum in minima]
    drawn = by_minimum(keys, run(_drawn, keys, 0))
    direct = {minimum: _direct(chunks, plan) for minimum, chunks in drawn.items()}
    open_ = [minimum for minimum in minima if direct.get(minimum) is None or not direct[minimum].enough]
    done = parts(plan) * (len(minima) - len(open_)) + len(_chunks(plan)) * len(open_)
    pilots = by_minimum([(minimum,) for minimum in open_], run(_pilot, [(minimum,) for minimum in open_], done))
    ladders = {minimum: pilot.ladder for minimum, (pilot,) in pilots.items() if pilot.ladder is not None}
    keys = [(minimum, ladders[minimum], number) for number in range(plan.populations) for minimum in ladders]
    done = parts(plan) * len(minima) - len(keys)
    found = by_minimum(keys, run(_population, keys, done))
    return [
        _sampled(
            minimum, drawn.get(minimum, []), direct.get(minimum), pilots.get(minimum), found.get(minimum, []), plan
        )
        for minimum in minima
    ]


def parts(plan: Plan) -> int:
    """How many parts the work for a minimum has."""
    return len(_chunks(plan)) + 1 + plan.populations


def _chunks(plan: Plan) -> list[int]:
    """How many direct points each task draws."""
    return [min(CHUNK, plan.direct - before) for before in range(0, plan.direct, CHUNK)]


def _direct(chunks: list[_Drawn], plan: Plan) -> Direct | None:
    weights = np.concatenate([chunk.log_weights for chunk in chunks])
    return direct_estimate(weights, chunks[0].log_space, plan.temperature) if weights.size else None


def _sampled(
    minimum: int,
    drawn: list[_Drawn],
    direct: Direct | None,
    pilot: list[_Pilot] | None,
    populations: list[Population],
    plan: Plan,
) -> Sampled:
    if direct is not None and direct.enough:
        return Sampled(minimum, Status.CONVERGED, direct, log_harmonic=drawn[0].log_harmonic)
    annealed, status = None, Status.TIME_LIMIT
    if pilot is not None:
        (first,) = pilot
        status = first.status
        shape = (first.dimension, first.log_determinant, first.held)
        if populations:
            annealed = estimate(*shape, plan.temperature, first.ladder, populations, plan.points)
            status = Status.NO_CANDIDATE
        elif status is Status.CONVERGED:
            status = Status.TIME_LIMIT
    if annealed is None:
        if direct is None or not direct.some:
            return Sampled(minimum, status, direct)
        return Sampled(minimum, Status.UNRELIABLE, direct, log_harmonic=drawn[0].log_harmonic)
    contradiction = direct is not None and direct.contradicts(annealed.log_integral, annealed.error)
    found = Sampled(minimum, Status.CONVERGED, direct, annealed, contradiction, annealed.log_harmonic)
    return found if found.error <= RELIABLE and not contradiction else replace(found, status=Status.UNRELIABLE)


def count_hits(
    landscape: Landscape,
    starts: int,
    plan: Plan,
    jobs: int,
    stopped: Callable[[], bool],
    report: Callable[[int], None],
) -> Hits:
    """Which minima of a landscape random starts of its model lead down to. Arguments as of `sample_basins`."""
    hits = Hits(np.zeros(len(landscape.minima), dtype=np.int64))

    def take(number: int, result: tuple[Status, float, np.ndarray]) -> None:
        status, loss, x = result
        known = landscape.find_minimum(loss, x) if status is Status.CONVERGED else None
        if status is not Status.CONVERGED:
            hits.failed += 1
        elif known is None:
            hits.elsewhere += 1
        else:
            hits.by_minimum[known] += 1
        report(number + 1)

    arguments = (landscape.model, landscape.settings, plan)
    tasks = [lambda number=number: (number,) for number in range(starts)]
    run_in_order(_start, arguments, _quenched, tasks, jobs, stopped, take)
    return hits
