"""Basins of several minima sampled, and random starts counted, in several processes; nothing depends on how many."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import Downhill
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from llpathsample.structure.basin import Basin
from llpathsample.structure.volume import Estimate, Ladder, Population, estimate, ladder_of, population


@dataclass(frozen=True)
class Plan:
    """temperature: inf for volumes. radius: of the basins, None for none. populations, points, moves: how many."""

    temperature: float
    radius: float | None
    populations: int
    points: int
    moves: int
    seed: int


@dataclass(frozen=True)
class Sampled:
    """What came of one minimum. status: CONVERGED; FLAT, its Hessian is singular or its loss has a continuous symmetry
    that the model cannot undo; STEP_LIMIT, too many coordinates; NO_CANDIDATE, no Gaussian fits into the basin, or no
    point of a population began inside; TIME_LIMIT, stopped before. estimate: None but for CONVERGED."""

    minimum: int
    status: Status
    estimate: Estimate | None


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
    """The basins of minima of a landscape, in their order. stopped: whether to end with the populations so far.

    report(populations done) is called now and then.
    """
    points = landscape.minima.coordinates
    arguments = (landscape.model, landscape.settings, plan)
    pilots: dict[int, _Pilot] = {}

    def prepared(number: int, pilot: _Pilot) -> None:
        pilots[minima[number]] = pilot

    tasks = [lambda minimum=minimum: (minimum, points[minimum].copy()) for minimum in minima]
    run_in_order(_start, arguments, _pilot, tasks, jobs, stopped, prepared)
    ready = [minimum for minimum in minima if minimum in pilots and pilots[minimum].ladder is not None]
    # One population of each minimum after another, so that all have some whenever it is stopped.
    order = [(minimum, number) for number in range(plan.populations) for minimum in ready]
    found: dict[int, list[Population]] = {minimum: [] for minimum in ready}

    def take(place: int, result: Population) -> None:
        found[order[place][0]].append(result)
        report(place + 1)

    tasks = [
        lambda minimum=minimum, number=number: (minimum, points[minimum].copy(), pilots[minimum].ladder, number)
        for minimum, number in order
    ]
    if tasks:
        run_in_order(_start, arguments, _population, tasks, jobs, stopped, take)
    return [_sampled(minimum, pilots.get(minimum), found.get(minimum, []), plan) for minimum in minima]


def _sampled(minimum: int, pilot: _Pilot | None, populations: list[Population], plan: Plan) -> Sampled:
    if pilot is None:
        return Sampled(minimum, Status.TIME_LIMIT, None)
    if pilot.ladder is None:
        return Sampled(minimum, pilot.status, None)
    if not populations:
        return Sampled(minimum, Status.TIME_LIMIT, None)
    shape = (pilot.dimension, pilot.log_determinant, pilot.held)
    found = estimate(*shape, plan.temperature, pilot.ladder, populations, plan.points)
    return Sampled(minimum, Status.NO_CANDIDATE if found is None else Status.CONVERGED, found)


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
