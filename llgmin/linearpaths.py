"""Straight lines from where training begins to where it ends, over many starts, optimisers and initialisations.

Training is that of `llgmin.training`, of which only start and end are kept. Every optimiser begins from the same
starts. A second line leads to the minimum of the whole loss below the end of the run, at which the slope is zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from llcommon.errors import InputError
from llcommon.estimates import Interval, wilson
from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.optimise.quench import Quencher
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from llgmin.linearity import Line, examine_line
from llgmin.training import DONE, NO_MINIMUM, Training
from llgmin.walker import Segment, Walker

END, MINIMUM = "end", "minimum"
LINES = "lines"  # of the state of a search: what was found on the lines


@dataclass(frozen=True)
class Kind:
    """What lines have in common: optimiser and initialisation of their runs."""

    optimiser: str
    initialisation: str


@dataclass(frozen=True)
class TrainedLine:
    """The line from the start of a run to its end, or to the minimum below. to: END or MINIMUM; minimum: id of that
    minimum, None if there is none or it is not kept."""

    run: int
    kind: Kind
    to: str
    minimum: int | None
    line: Line


@dataclass(frozen=True)
class Share:
    """How many lines of a kind are monotonic. runs: all that were started; lines: decided ones; monotonic, nearly: the
    shares of these without a rise, and without one above `nearly` of the difference of the ends, 95 % intervals;
    inside: on how many the loss rises and falls again; heights: relative, (k,), of those with a rise."""

    kind: Kind
    to: str
    runs: int
    lines: int
    monotonic: Interval | None
    nearly: Interval | None
    inside: int
    heights: np.ndarray


class LinearPaths(Training):
    """Training runs of several kinds; run n of kind k is walker k times the number of runs plus n.

    Those of a kind are, bit for bit, those that `Training` makes by its optimiser from its initialisation. Values of a
    walker also name these two.
    """

    def __init__(self, model: LossModel, settings: Settings, kinds: tuple[Kind, ...]) -> None:
        """ConfigError for what an optimiser or an initialisation cannot do."""
        train = replace(settings.train, record_every=settings.train.epochs, quench="end")
        settings = replace(settings, train=train)
        super().__init__(model, settings)
        self.kinds = kinds
        self.each = train.runs
        self.number = len(kinds) * train.runs
        self.kind = "linear paths of " + ", ".join(f"{kind.optimiser} from {kind.initialisation}" for kind in kinds)
        self._trainings = [
            Training(
                model,
                replace(
                    settings,
                    train=replace(train, optimiser=kind.optimiser),
                    starts=replace(settings.starts, initialisation=kind.initialisation),
                ),
            )
            for kind in kinds
        ]

    def first(self, number: int) -> Walker:
        kind, run = divmod(number, self.each)
        walker = self._trainings[kind].first(run)
        return replace(walker, number=number, values=walker.values | self._labels(kind))

    def advance(self, walker: Walker, steps: int) -> Segment:
        kind = walker.number // self.each
        segment = self._trainings[kind].advance(walker, steps)
        values = segment.walker.values | self._labels(kind)
        segment.walker = replace(segment.walker, values=values)
        return segment

    def _labels(self, kind: int) -> dict[str, str]:
        return {"optimiser": self.kinds[kind].optimiser, "initialisation": self.kinds[kind].initialisation}


@dataclass(frozen=True)
class Run:
    """A training run as a landscape holds it. start, end: rows of its training table; end is None if it diverged or has
    not ended."""

    number: int
    kind: Kind
    start: int
    end: int | None


def stored_runs(landscape: Landscape) -> list[Run]:
    """The training runs of a landscape, in order. InputError if it has none, or not their starts."""
    table = landscape.training
    rows = [] if landscape.search is None else landscape.search.state.get("walkers", [])
    values = {row["number"]: row["values"] for row in rows}
    settings = landscape.settings
    runs = []
    for number in np.unique(table.run).tolist():
        own = np.flatnonzero(table.run == number)
        own = own[np.argsort(table.epoch[own], kind="stable")]
        if table.epoch[own[0]] != 0.0:
            raise InputError("the training runs do not hold their starts; make them with llgmin train or linear-path")
        said = values.get(number, {})
        kind = Kind(
            said.get("optimiser", settings.train.optimiser), said.get("initialisation", settings.starts.initialisation)
        )
        ended = said.get("status", DONE) in (DONE, NO_MINIMUM) and len(own) > 1
        runs.append(Run(number, kind, int(own[0]), int(own[-1]) if ended else None))
    if not runs:
        raise InputError("there are no training runs; make some with llgmin train or linear-path")
    return runs


class _Process:
    def __init__(self, model: LossModel, settings: Settings, tolerance: float) -> None:
        self.model, self.tolerance = model, tolerance
        self.quencher = Quencher(model, settings.quench)


def _start(model: LossModel, settings: Settings, tolerance: float) -> None:
    global _process
    _process = _Process(model, settings, tolerance)


def _lines(start: np.ndarray, end: np.ndarray, below: bool) -> tuple[Line, Line | None]:
    """The line to the end, and that to the minimum below it, which the same quench as before leads to."""
    model, tolerance = _process.model, _process.tolerance
    first = examine_line(model, start, end, tolerance)
    if not below:
        return first, None
    quenched = _process.quencher.quench(end)
    if quenched.status is not Status.CONVERGED:
        return first, None
    return first, examine_line(model, start, quenched.coordinates, tolerance)


def measure(
    landscape: Landscape, tolerance: float, jobs: int, report: Callable[[int], object] = lambda done: None
) -> list[TrainedLine]:
    """The lines of all runs of a landscape that ended, in order; that to the minimum follows that to the end.

    tolerance: as of `examine_line`. report(runs done). Errors: as of `stored_runs`.
    """
    table = landscape.training
    ended = [run for run in stored_runs(landscape) if run.end is not None]
    found: list[TrainedLine] = []

    def take(number: int, lines: object) -> None:
        run = ended[number]
        minimum = int(table.minimum[run.end])
        for to, line in zip((END, MINIMUM), lines, strict=True):
            if line is not None:
                found.append(TrainedLine(run.number, run.kind, to, minimum if minimum >= 0 else None, line))
        report(number + 1)

    points = table.coordinates
    tasks = [
        lambda run=run: (points[run.start].copy(), points[run.end].copy(), bool(table.minimum[run.end] >= 0))
        for run in ended
    ]
    if tasks:
        arguments = (landscape.model, landscape.settings, tolerance)
        run_in_order(_start, arguments, _lines, tasks, jobs, lambda: False, take)
    return found


def shares(landscape: Landscape, lines: list[TrainedLine], nearly: float) -> list[Share]:
    """A row for each kind of run, and each of its two lines; nearly: a rise of so much of the difference of the ends
    still counts as nearly none."""
    runs = stored_runs(landscape)
    rows = []
    for kind in dict.fromkeys(run.kind for run in runs):
        for to in (END, MINIMUM):
            own = [one.line for one in lines if one.kind == kind and one.to == to]
            decided = [line for line in own if line.status is Status.CONVERGED]
            heights = np.array([line.relative_height for line in decided if not line.monotonic])
            inside = sum(line.inside for line in decided)
            count = len(decided)
            both = (None, None)
            if count:
                both = (wilson(count - len(heights), count), wilson(count - int((heights > nearly).sum()), count))
            rows.append(Share(kind, to, sum(run.kind == kind for run in runs), count, *both, inside, heights))
    return rows


def as_stored(lines: list[TrainedLine]) -> list[dict]:
    """What a landscape file keeps of lines: where the loss rises, and by how much; NaN as None."""
    return [
        {
            "run": one.run,
            "optimiser": one.kind.optimiser,
            "initialisation": one.kind.initialisation,
            "to": one.to,
            "status": one.line.status.label,
            "height": _number(one.line.height),
            "rise_from": _number(one.line.rise_from),
            "rise_to": _number(one.line.rise_to),
            "bumps": [[bump.begin, bump.end, bump.height] for bump in one.line.bumps],
        }
        for one in lines
    ]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
