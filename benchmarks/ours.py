"""Our side of the benchmarks: the one place where they touch this house's library.

`run.py` looks for these functions by name; one that is missing leaves its column empty.

    quench(problem, start) -> Measured              to a root mean square gradient of 1e-6
    connect(problem, start, finish) -> Connected    chains of transition states (TS) from start to finish
    startup() -> float                              CPU seconds of the shortest command, as a process

start and finish are coordinates in house order; finish is aligned onto start already.
Seconds are CPU seconds of the work alone; compiled code is loaded by one call beforehand.
A TS counts as OPTIM's do: once for each loss within 1e-6, with exactly one negative eigenvalue of a Hessian
whose cost is part of the seconds.
"""

import functools
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import processes
from benchmarks.problem import Problem
from llcommon.data import Data
from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings, Settings
from llcommon.status import Status
from lloptim.connect import connect as connect_minima


@dataclass(frozen=True)
class Measured:
    """Where one quench ended, (N,) in house order, the loss there, CPU seconds."""

    x: np.ndarray
    loss: float
    seconds: float


@dataclass(frozen=True)
class Connected:
    """CPU seconds of one pair, whether it was joined, losses of distinct TS with one negative eigenvalue."""

    seconds: float
    connected: bool
    distinct: list[float]


@functools.cache
def _model(problem: Problem):
    """The loss model of the problem; its features are scaled already."""
    names = tuple(f"feature{number}" for number in range(problem.inputs))
    data = Data(
        feature_names=names,
        features=problem.features,
        shift=np.zeros(problem.inputs),
        scale=np.ones(problem.inputs),
        scaling="none",
        target_name="class",
        class_names=tuple(f"class{number}" for number in range(problem.outputs)),
        labels=problem.classes,
        targets=None,
        source="benchmark",
        sha256="",
    )
    return build("mlp", {"hidden": [problem.hidden], "lambda": problem.regularisation}, data)


@functools.cache
def _settings(problem: Problem) -> Settings:
    """The settings as they come, for this model."""
    return Settings(loss_model="mlp", loss={"hidden": [problem.hidden], "lambda": problem.regularisation})


def quench(problem: Problem, start: np.ndarray) -> Measured:
    """A quench as the search's own to a gradient of 1e-6: L-BFGS with the settings as they come."""
    quencher = Quencher(_model(problem), QuenchSettings())
    begin = time.process_time()
    result = quencher.sloppy(start, 1e-6)
    seconds = time.process_time() - begin
    if result.status is not Status.CONVERGED:
        raise RuntimeError(f"our quench ended with status {result.status.label}")
    return Measured(result.coordinates, result.loss, seconds)


def connect(problem: Problem, start: np.ndarray, finish: np.ndarray) -> Connected:
    """A connection with the settings as they come, every TS verified to 1e-9, both sides quenched to 1e-9.

    The end points are re-quenched first, as OPTIM does.
    """
    model = _model(problem)
    settings = _settings(problem)
    begin = time.process_time()
    quencher = Quencher(model, settings.quench)
    ends = [minimum_at(model, quencher.quench(end).coordinates, settings.quench.rms)[0] for end in (start, finish)]
    found = connect_minima(model, settings, *ends)
    seconds = time.process_time() - begin
    losses = sorted(found.landscape.transition_states.loss.tolist())
    distinct = [loss for place, loss in enumerate(losses) if place == 0 or loss - losses[place - 1] > 1e-6]
    return Connected(seconds, found.connected, distinct)


def startup() -> float:
    """`llgmin --help` as a process."""
    with tempfile.TemporaryDirectory() as name:
        return processes.run([sys.executable, "-m", "llgmin", "--help"], Path(name)).seconds
