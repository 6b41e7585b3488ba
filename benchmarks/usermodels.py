"""The task `user`: what a loss in plain Python costs beyond its own time, over whole searches of `llgmin run`."""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import table
from benchmarks.options import Options
from llcommon.losses.user.source import load
from llcommon.problem import read_problem
from llgmin.search import Search

# Rastrigin's function; each call is drawn out to so many microseconds of CPU, and all of them are added up.
_SOURCE = """\
import time
import numpy as np


class Slow:
    seconds = 0.0
    calls = 0

    def __init__(self, coordinates, microseconds, exact):
        self.dimension = coordinates
        self.least = 1e-6 * microseconds
        if exact:
            self.hessian = self.own_hessian

    def random_start(self, rng):
        return rng.uniform(-5.0, 5.0, self.dimension)

    def value_and_gradient(self, x):
        begin = time.thread_time()
        angle = 2.0 * np.pi * x
        value = float(np.sum(10.0 + x * x - 10.0 * np.cos(angle)))
        gradient = 2.0 * x + 20.0 * np.pi * np.sin(angle)
        while time.thread_time() - begin < self.least:
            pass
        return self._counted(begin, (value, gradient))

    def own_hessian(self, x):
        begin = time.thread_time()
        return self._counted(begin, np.diag(2.0 + 40.0 * np.pi**2 * np.cos(2.0 * np.pi * x)))

    def _counted(self, begin, result):
        Slow.calls += 1
        Slow.seconds += time.thread_time() - begin
        return result
"""
_TOML = """\
[loss]
model = "slow.py:Slow"
coordinates = {coordinates}
microseconds = {microseconds}
exact = {exact}

[search]
steps = {steps}
chains = 1
temperature = 1.0
"""
_TITLE = "a user's loss, CPU outside its function"
_TARGET = "at most 30 %"
_CASES = ((2, 100, "false"), (10, 100, "false"), (10, 100, "true"), (50, 100, "false"), (10, 0, "false"))


def _search(folder: Path, coordinates: int, microseconds: int, exact: str, steps: int) -> tuple[float, float, int]:
    """CPU seconds of a search, those of them in the user's function, and how often it was called."""
    settings = _TOML.format(coordinates=coordinates, microseconds=microseconds, exact=exact, steps=steps)
    (folder / "slow.py").write_text(_SOURCE, encoding="utf-8")
    (folder / "slow.toml").write_text(settings, encoding="utf-8")
    landscape = read_problem(folder / "slow.toml")
    search = Search(landscape, folder / "slow.h5")
    counted = load(landscape.model.source)
    counted.seconds = 0.0
    counted.calls = 0
    begin = time.thread_time()
    search.run(1, lambda: False, lambda done, text: None)
    search.finish()
    return time.thread_time() - begin, counted.seconds, counted.calls


def user(options: Options) -> table.Result:
    """Share of the CPU of a search, to the complete file, that is not spent in the user's function.

    Searches of one process, compiled code loaded; a function of 100 microseconds, and Rastrigin's as it is.
    """
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for coordinates, microseconds, exact in _CASES:
            steps = max(2, min(options.steps, 10 * options.steps // coordinates))
            _search(folder, coordinates, microseconds, exact, 2)
            found = [_search(folder, coordinates, microseconds, exact, steps) for _ in range(options.repeats)]
            outside = statistics.median((total - inside) / total for total, inside, _ in found)
            beyond = statistics.median((total - inside) / calls for total, inside, calls in found)
            own = statistics.median(inside / calls for _, inside, calls in found)
            hessian = "own Hessian" if exact == "true" else "Hessian by differences"
            case = f"{coordinates} coordinates, {hessian}, {table.duration(own)} a call"
            target = _TARGET if microseconds else ""
            share = f"{100.0 * outside:.1f} %"
            figures.append(table.Figure(_TITLE, case, "share", share, target))
            figures.append(table.Figure(_TITLE, case, "for each call", table.duration(beyond)))
    return table.Result([], figures)
