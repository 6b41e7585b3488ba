"""Our side of the benchmarks: models, quenches, connections, and the programs as processes.

Coordinates are in house order. Seconds are CPU seconds of the work alone; compiled code is loaded by one call
beforehand.
"""

import functools
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import processes
from benchmarks.attempt import Attempt, Triple
from benchmarks.problem import Problem
from benchmarks.suite import PeerFailed
from llcommon.data import Data
from llcommon.losses import build
from llcommon.losses.base import LossModel
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum
from llcommon.settings import QuenchSettings, Settings
from llcommon.status import Status
from llcommon.store import Landscape, read_landscape
from lloptim.connect import connect as connect_minima


@dataclass(frozen=True)
class Measured:
    """Where one quench ended, (N,) in house order, the loss there, CPU seconds."""

    x: np.ndarray
    loss: float
    seconds: float


@functools.cache
def model_of(problem: Problem) -> LossModel:
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


def settings_of(problem: Problem, **connect) -> Settings:
    """The settings as they come, for this model; connect: keys of [connect] that differ."""
    settings = Settings(loss_model="mlp", loss={"hidden": [problem.hidden], "lambda": problem.regularisation})
    return replace(settings, connect=replace(settings.connect, **connect))


def quench(problem: Problem, start: np.ndarray) -> Measured:
    """A quench as the search's own to a gradient of 1e-6, with the settings as they come."""
    quencher = Quencher(model_of(problem), QuenchSettings())
    begin = time.process_time()
    result = quencher.sloppy(start, 1e-6)
    seconds = time.process_time() - begin
    if result.status is not Status.CONVERGED:
        raise RuntimeError(f"our quench ended with status {result.status.label}")
    return Measured(result.coordinates, result.loss, seconds)


def minimum(problem: Problem, x: np.ndarray) -> Minimum:
    """The verified minimum that a whole quench reaches from x. Raises RuntimeError if there is none."""
    settings = QuenchSettings()
    model = model_of(problem)
    result = Quencher(model, settings).quench(x)
    found, status = minimum_at(model, result.coordinates, settings.rms)
    if found is None:
        raise RuntimeError(f"our quench ended in no minimum: {status.label}")
    return found


def triples_of(landscape: Landscape) -> list[Triple]:
    """All triples of a landscape."""
    minima = landscape.minima.coordinates
    states = landscape.transition_states
    rows = zip(states.coordinates, states.minima, strict=True)
    return [Triple(minima[ends[0]].copy(), x.copy(), minima[ends[1]].copy()) for x, ends in rows]


@dataclass(frozen=True)
class Connected:
    """An attempt, and the counters of lloptim (bands, saddle searches, and so on)."""

    attempt: Attempt
    counters: dict[str, int]


def connect(problem: Problem, start: np.ndarray, finish: np.ndarray, settings: Settings | None = None) -> Connected:
    """A connection, by default with the settings as they come: every TS and minimum to 1e-9.

    The end points are re-quenched first, as OPTIM does; that and all verification is part of the seconds. Beside the
    Hessians of the searches the one that verifies each TS is counted.
    """
    settings = settings or settings_of(problem)
    begin = time.process_time()
    ends = [minimum(problem, end) for end in (start, finish)]
    found = connect_minima(model_of(problem), settings, *ends)
    seconds = time.process_time() - begin
    counters = found.landscape.counters

    def count(name: str) -> int:
        return counters.get(name, 0)

    attempt = Attempt(
        seconds=seconds,
        triples=triples_of(found.landscape),
        gradients=count("band evaluations") + count("saddle evaluations"),
        hessians=count("saddle hessians") + count("transition states"),
        downhill=count("downhill evaluations"),
    )
    return Connected(attempt, dict(counters))


def startup() -> float:
    """`llgmin --help` as a process."""
    with tempfile.TemporaryDirectory() as name:
        return processes.run(command("llgmin", "--help"), Path(name)).seconds


def command(program: str, *arguments: str) -> list[str]:
    """The command line of one of the three programs."""
    return [sys.executable, "-m", program, *arguments]


def write_toml(problem: Problem, folder: Path, name: str) -> str:
    """The problem as a TOML file `name`.toml and a CSV file in the folder; the name of the former."""
    header = ",".join([f"feature{number}" for number in range(problem.inputs)] + ["class"])
    lines = [header]
    for features, label in zip(problem.features, problem.classes, strict=True):
        lines.append(",".join([*(repr(float(value)) for value in features), f"class{label}"]))
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.toml").write_text(
        f'[loss]\nmodel = "mlp"\nhidden = [{problem.hidden}]\nlambda = {problem.regularisation!r}\n\n'
        f'[data]\nfile = "{name}.csv"\ntarget = "class"\nscaling = "none"\n'
    )
    return f"{name}.toml"


def checked(run: processes.Run, program: str) -> processes.Run:
    """The run itself. Raises PeerFailed if it did not end well."""
    if run.exit_code != 0:
        lines = run.output.strip().splitlines() or ["no message"]
        raise PeerFailed(f"{program} ended with exit code {run.exit_code}: {lines[-1]}")
    return run


def search_minima(problem: Problem, folder: Path, name: str, steps: int) -> Path:
    """The landscape file of `llgmin run`, two chains of so many steps, in the folder."""
    toml = write_toml(problem, folder, name)
    line = command("llgmin", "run", toml, "-o", f"{name}.h5", "--set", f"search.steps={steps}", "-q")
    checked(processes.run(line, folder, cpu_limit=1800), "llgmin")
    return folder / f"{name}.h5"


def minima(problem: Problem, steps: int) -> list[np.ndarray]:
    """The minima that our own search finds in two chains of so many steps, lowest first, each (N,)."""
    with tempfile.TemporaryDirectory() as name:
        landscape = read_landscape(search_minima(problem, Path(name), "search", steps))
    return [x.copy() for x in landscape.minima.coordinates]
