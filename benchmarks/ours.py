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
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.problem import Problem
from llcommon.data import Data
from llcommon.losses import build
from llcommon.optimise.lbfgs import lbfgs
from llcommon.settings import QuenchSettings
from llcommon.status import Status


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


def quench(problem: Problem, start: np.ndarray) -> Measured:
    """Quench by the house's L-BFGS to 1e-6, with as much memory as there are coordinates, at most 100."""
    model = _model(problem)
    settings = QuenchSettings()
    x = np.array(start)
    gradient = np.empty_like(x)
    limits = (settings.maximum_step, settings.maximum_iterations, settings.radius)
    memory = min(problem.dimension, 100)
    begin = time.process_time()
    status, loss, _, _ = lbfgs(model.kernel, *model.packed, x, gradient, 1e-6, memory, *limits)
    seconds = time.process_time() - begin
    if status != Status.CONVERGED:
        raise RuntimeError(f"our quench ended with status {Status(status).label}")
    return Measured(x, loss, seconds)
