"""Training runs as a search: each from its own start, its end quenched to the minimum of the whole loss below it.

A run is a walker and an epoch a step. Points of its trajectory are kept: the start, every `record_every` epochs, and
the end. A run that diverges ends there; what it had passed is kept, where it went is not.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.training import GOING_ON, Trainer
from llcommon.rng import from_state, state_of
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from llgmin.quenching import Quenches
from llgmin.starts import Starts
from llgmin.walker import SEGMENT_STEPS, Method, Quenched, Segment, TrajectoryPoint, Walker

# How a run ended; one that diverged has the label of its Status, not-finite or left-radius.
DONE = "done"
NO_MINIMUM = "no-minimum"
_DIVERGED = (Status.NOT_FINITE, Status.LEFT_RADIUS)
# Products of weights and rows in a segment, a fraction of a second: the steps of a segment must not depend on the time.
_SEGMENT_WORK = 20_000_000
_MOST_EPOCHS = 2000


class Training(Method):
    """Training runs under the [train] settings; the seed is that of [search].

    Values of a walker: status, empty while it runs; epochs, until it ended. Arrays: those of `Trainer`, while it runs.
    """

    kind = "training"
    noun = "runs"
    step_noun = "epochs"

    def __init__(self, model: LossModel, settings: Settings) -> None:
        super().__init__(model, settings)
        train = settings.train
        self.number = train.runs
        self.steps = train.epochs
        self.record_every = train.record_every
        self.quench_all = train.quench == "all"
        self.trainer = Trainer(model, train, settings.quench)
        self.starts = Starts(model, settings.starts, settings.search.seed, train.runs)
        # A target would end all runs in the middle.
        self.quenches = Quenches(model, replace(settings, search=replace(settings.search, target=None)))
        self.segment = self._segment_epochs()

    def _segment_epochs(self) -> int:
        """Epochs between two merges."""
        epochs = _SEGMENT_WORK // (max(1, self.model.rows) * self.model.dimension)
        if self.quench_all:
            epochs = min(epochs, SEGMENT_STEPS * self.record_every)
        return min(_MOST_EPOCHS, max(SEGMENT_STEPS, epochs))

    def first(self, number: int) -> Walker:
        state = self.trainer.begin(self.starts.point(number))
        return self.fresh(number, {"status": "", "epochs": 0}, state)

    def advance(self, walker: Walker, steps: int) -> Segment:
        """`steps` further epochs, or what is left of the run; the first also keeps the start."""
        segment = Segment(walker)
        rng = from_state(walker.rng)
        state = {name: array.copy() for name, array in walker.arrays.items()}
        status = walker.values["status"]
        epochs = walker.values["epochs"]
        if walker.done == 0 and steps > 0:
            status = self._keep(segment, state["x"], 0, False)
        while not status and epochs < walker.done + steps:
            next_kept = (epochs // self.record_every + 1) * self.record_every
            outcome, done = self.trainer.epochs(state, rng, min(next_kept, walker.done + steps) - epochs)
            epochs += done
            segment.count("epochs", done)
            if outcome in _DIVERGED:
                status = _diverged(segment, Status(outcome))
                break
            ended = outcome != GOING_ON or epochs == self.steps
            if ended or epochs % self.record_every == 0:
                status = self._keep(segment, state["x"], epochs, ended)
        values = {"status": status, "epochs": epochs}
        arrays = {} if status else state
        segment.walker = Walker(walker.number, walker.done + steps, state_of(rng), values, arrays)
        return segment

    def _keep(self, segment: Segment, x: np.ndarray, epoch: int, ended: bool) -> str:
        """Keep a point of the trajectory, quenched if wanted; the status of the run."""
        loss = self.model.value(x)
        if not math.isfinite(loss):
            return _diverged(segment, Status.NOT_FINITE)
        quench = None
        minimum = None
        if ended or self.quench_all:
            minimum, evaluations = self.quenches.whole(x, segment)
            quench = len(segment.quenches)
            ending = math.nan if minimum is None else minimum.loss
            segment.quenches.append(Quenched(ending, evaluations, minimum))
        segment.trajectory.append(TrajectoryPoint(float(epoch), loss, x.copy(), quench))
        if not ended:
            return ""
        return NO_MINIMUM if minimum is None else DONE

    def merged(self, landscape: Landscape, segment: Segment, minimum_ids: list[int]) -> None:
        merge_trajectory(landscape, segment, minimum_ids)


def _diverged(segment: Segment, status: Status) -> str:
    """The label of a run that ran away, which is counted."""
    segment.count(f"failed training {status.label}")
    return status.label


def merge_trajectory(landscape: Landscape, segment: Segment, minimum_ids: list[int]) -> None:
    """Append the points of a segment to the training table. minimum_ids: of each of its quenches, -1 for none."""
    for point in segment.trajectory:
        minimum = -1 if point.quench is None else minimum_ids[point.quench]
        landscape.training.append(
            run=segment.walker.number,
            epoch=point.epoch,
            loss=point.loss,
            coordinates=point.coordinates,
            minimum=minimum,
        )


@dataclass(frozen=True)
class TrainedRun:
    """One row of the report. loss: of all data at the end, None if the run diverged; minimum: id of the one below the
    end, None if there is none or it is not kept; minimum_loss: its loss. status: how the run ended."""

    run: int
    epochs: int
    loss: float | None
    minimum: int | None
    minimum_loss: float | None
    status: str


def trained_runs(landscape: Landscape, walkers: list[Walker]) -> list[TrainedRun]:
    """How each run ended, in their order."""
    table = landscape.training
    last_rows = {run: row for row, run in enumerate(table.run.tolist())}
    runs = []
    for walker in sorted(walkers, key=lambda walker: walker.number):
        loss = minimum = minimum_loss = None
        if walker.values["status"] in (DONE, NO_MINIMUM):
            row = last_rows[walker.number]
            loss = float(table.loss[row])
            if table.minimum[row] >= 0:
                minimum = int(table.minimum[row])
                minimum_loss = float(landscape.minima.loss[minimum])
        runs.append(
            TrainedRun(walker.number, walker.values["epochs"], loss, minimum, minimum_loss, walker.values["status"])
        )
    return runs


def shares(runs: list[TrainedRun]) -> list[tuple[int, float, int]]:
    """(minimum, its loss, runs that ended there), the lowest first."""
    found = Counter((run.minimum_loss, run.minimum) for run in runs if run.minimum is not None)
    return [(minimum, loss, count) for (loss, minimum), count in sorted(found.items())]
