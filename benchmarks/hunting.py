"""Hunts for a known lowest minimum: each program from a random start until it has reached it, or its budget is spent.

Every program starts and stops by itself; whether it was there is judged alike, by the NumPy loss of the coordinates
that it hands over.
"""

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import basinhopping

from benchmarks import ours, processes
from benchmarks import suite as original
from benchmarks.environment import Suite
from benchmarks.problem import Problem
from benchmarks.scipy_numpy import NumpyLoss
from benchmarks.suite import PeerFailed, Walk
from benchmarks.surfaces import Surface, SurfaceLoss
from llcommon.losses import build
from llcommon.losses.base import LossModel
from llcommon.settings import Settings
from llcommon.store import Landscape
from llgmin.search import Search

DRIVER = Path(__file__).resolve().parent / "_hunt_driver.py"
NEAR = 1e-6  # a hit is a loss that is at most so far above the lowest


@dataclass(frozen=True, eq=False)
class Goal:
    """A problem, the lowest loss known, and the quenches after which a hunt is given up."""

    name: str
    problem: Problem | Surface
    lowest: float
    budget: int

    def loss(self) -> NumpyLoss | SurfaceLoss:
        """The NumPy loss with its gradient."""
        return SurfaceLoss(self.problem) if isinstance(self.problem, Surface) else NumpyLoss(self.problem)

    def reached(self, x: np.ndarray | None) -> bool:
        """Whether a point, (N,) in house order, is a hit."""
        return x is not None and self.loss()(x)[0] <= self.lowest + NEAR

    def start(self, seed: int) -> np.ndarray:
        """A random point, (N,): of a network standard normal, of a surface uniform in its box, as ours are."""
        rng = np.random.default_rng(seed)
        if isinstance(self.problem, Surface):
            return rng.uniform(-self.problem.half_width, self.problem.half_width, self.problem.dimension)
        return rng.standard_normal(self.problem.dimension)

    def ours(self) -> tuple[LossModel, Settings]:
        """Our model of it, and the settings as they come."""
        if not isinstance(self.problem, Surface):
            return ours.model_of(self.problem), ours.settings_of(self.problem)
        parameters = {"dimension": self.problem.dimension}
        return build(self.problem.name, parameters), Settings(self.problem.name, parameters)


@dataclass(frozen=True)
class Hunt:
    """CPU seconds, quenches that were made, whether the goal was reached."""

    seconds: float
    quenches: int
    hit: bool


def house(goal: Goal, seed: int, search: dict) -> Hunt:
    """Our search in this process, one chain, the settings as they come but for these keys of [search].

    Seconds are all of `Search`: quenches to 1e-9, verification of every minimum, landscape, commits to its file.
    """
    model, settings = goal.ours()
    keys = {"chains": 1, "seed": seed, "steps": goal.budget, "target": goal.lowest} | search
    settings = replace(settings, search=replace(settings.search, **keys))
    with tempfile.TemporaryDirectory() as name:
        begin = time.process_time()
        search = Search(Landscape(settings, model), Path(name) / "hunt.h5")
        search.run(1, lambda: False, lambda done, text: None)
        seconds = time.process_time() - begin
    minima = search.landscape.minima
    x = minima.coordinates[int(np.argmin(minima.loss))] if len(minima) else None
    return Hunt(seconds, search.landscape.counters["quenches"], goal.reached(x))


def gmin(goal: Goal, seed: int, suite: Suite, walk: Walk) -> Hunt:
    """GMIN as a process, ended by its keyword TARGET (within EDIFF, 1e-6); seconds are the whole process."""
    walk = replace(walk, target=goal.lowest, save=10)
    found = original.gmin_walk(suite, goal.problem, goal.budget, walk, seed)
    return Hunt(found.seconds, found.quenches, goal.reached(found.minima[0]))


def scipy(goal: Goal, seed: int, settings: dict) -> Hunt:
    """`scipy.optimize.basinhopping` on the NumPy loss with its gradient, ended by its callback.

    settings: stepsize, T; maxcor, gtol and ftol of L-BFGS-B.
    """
    quenches = 0

    def stop(x, value, accepted) -> bool:
        nonlocal quenches
        quenches += 1
        return value <= goal.lowest + NEAR

    local = {key: settings[key] for key in ("maxcor", "gtol", "ftol")} | {"maxiter": 5000, "maxfun": 50000}
    start = goal.start(seed)
    local = {"method": "L-BFGS-B", "jac": True, "options": local}
    if isinstance(goal.problem, Surface):
        local["bounds"] = [(-goal.problem.half_width, goal.problem.half_width)] * start.size
    loss = goal.loss()
    begin = time.process_time()
    # Its callback is called after the first quench, before any hop, too: quenches are the calls.
    found = basinhopping(
        loss,
        start,
        niter=goal.budget,
        T=settings["T"],
        stepsize=settings["stepsize"],
        minimizer_kwargs=local,
        callback=stop,
        rng=seed,
    )
    seconds = time.process_time() - begin
    return Hunt(seconds, quenches, goal.reached(found.x))


def topsearch(goal: Goal, seed: int, python: Path, settings: dict) -> Hunt:
    """topsearch's BasinHopping in its own environment; seconds without the start and the imports of the process.

    settings: those of `_hunt_driver.py`. Raises PeerFailed if the process fails.
    """
    problem = goal.problem
    job = settings | {"seed": seed, "steps": goal.budget, "stop": goal.lowest + NEAR}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "job.npz", start=goal.start(seed), **vars(problem))
        (folder / "settings.json").write_text(json.dumps(job))
        run = processes.run([str(python), str(DRIVER), str(folder)], folder)
        if run.exit_code != 0:
            lines = run.output.strip().splitlines() or ["no message"]
            raise PeerFailed(f"topsearch ended with exit code {run.exit_code}: {lines[-1]}")
        with np.load(folder / "result.npz") as written:
            result = dict(written)
    return Hunt(float(result["seconds"]), int(result["quenches"]), goal.reached(result["lowest"]))
