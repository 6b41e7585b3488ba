"""The task `component`: the minima of one search connected until they are one component, beside PATHSAMPLE with OPTIM.

Ours is `llpathsample grow` as a user runs it, start of all its processes included. PATHSAMPLE gets the same minima,
each aligned onto the lowest, as it aligns no networks; its pauses are not CPU and do not count. It is stopped at
--grow-seconds of CPU, and what it has connected by then is said.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import environment, ours, pathsample, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say
from llcommon.store import read_landscape
from llpathsample.network import components


def _search(folder: Path, problem: Problem, number: int) -> str:
    """A landscape file of up to so many minima of basin-hopping, hot enough to leave the lowest; its name."""
    toml = ours.write_toml(problem, folder, "iris")
    keys = {"steps": 1500, "chains": 4, "save": number, "temperature": 0.01}
    line = ours.command("llgmin", "run", toml, "-o", "minima.h5", "-q")
    line += [word for key, value in keys.items() for word in ("--set", f"search.{key}={value}")]
    ours.checked(processes.run(line, folder, cpu_limit=3600), "llgmin")
    return "minima.h5"


def _grow(folder: Path, name: str) -> processes.Run:
    line = ours.command("llpathsample", "grow", name, "-o", "grown.h5", "-f", "-j", "1", "-q")
    return ours.checked(processes.run(line, folder, cpu_limit=3600), "llpathsample")


def _aligned(problem: Problem, file: Path) -> list[np.ndarray]:
    """The minima, lowest first, the others as near to it as they come."""
    minima = read_landscape(file).minima
    points = [minima.coordinates[place].copy() for place in np.argsort(minima.loss, kind="stable")]
    return [points[0], *(problem.align(points[0], x) for x in points[1:])]


def component(options: Options) -> table.Result:
    """CPU until one component; of PATHSAMPLE with both kinds of settings for OPTIM."""
    suite = environment.prepare()
    problem = problems.iris()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        name = _search(folder, problem, options.grow_minima)
        _grow(folder, name)  # compiles, or loads, what the others find ready
        seconds = []
        for number in range(options.repeats):
            run = _grow(folder, name)
            seconds.append(run.seconds)
            say(f"component: round {number + 1} of {options.repeats}: {run.seconds:.1f} s of CPU")
        points = _aligned(problem, folder / name)
        grown = read_landscape(folder / "grown.h5", points=False)
    labels = components(len(grown.minima), grown.transition_states.minima)[: len(points)]
    inside = int(np.count_nonzero(labels == labels[grown.global_minimum()]))
    own = statistics.median(seconds)
    task = f"{len(points)} minima of iris to one component"

    def figures(program: str, connected: int, minima: int, states: int) -> list[table.Figure]:
        return [
            table.Figure(task, program, "of them connected with the lowest", str(connected)),
            table.Figure(task, program, "minima at the end", str(minima)),
            table.Figure(task, program, "transition states at the end", str(states)),
        ]

    said = figures(table.OURS, inside, len(grown.minima), len(grown.transition_states))
    rows = []
    for settings in options.growers:
        peer = pathsample.grow(suite, problem, points, settings, options.grow_seconds)
        program = f"PATHSAMPLE, OPTIM with {settings} settings"
        said += figures(program, peer.connected, peer.minima, peer.transition_states)
        said.append(table.Figure(task, program, "connection jobs", str(peer.jobs)))
        stopped = "" if peer.connected == len(points) else ", stopped"
        rows.append(table.Row(f"{task}, CPU", program + stopped, own, peer.seconds, options.repeats))
    return table.Result(rows, said)
