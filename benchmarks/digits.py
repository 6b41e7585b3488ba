"""The task `digits`: a quench, a transition state and their verification for 64-32-10, 2410 weights, 1797 rows.

No dense Hessian is formed. Runs as a process of its own: `python benchmarks/digits.py`, which prints JSON; the memory
is the largest that the process had by the end of each stage.
"""

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# Before NumPy is loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"

from dataclasses import replace  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks import kernels, ours, processes, table  # noqa: E402
from benchmarks.options import Options  # noqa: E402
from benchmarks.progress import say  # noqa: E402
from llcommon.optimise.points import minimum_at, transition_state_at  # noqa: E402
from llcommon.optimise.quench import Quencher  # noqa: E402
from llcommon.rng import generator  # noqa: E402
from lloptim.bands import relaxed_band  # noqa: E402
from lloptim.saddles import SaddleSearch  # noqa: E402

_REGULARISATION = 1e-3
_QUENCHES = 3


class _Stages:
    """CPU seconds and memory of named pieces of work."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.memory: dict[str, float] = {}

    def run(self, name: str, work, *arguments):
        """What work(*arguments) returns."""
        begin = time.process_time()
        result = work(*arguments)
        self.seconds.setdefault(name, []).append(time.process_time() - begin)
        self.memory[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0 / 1e6
        return result


def _refuse(*arguments) -> None:
    raise AssertionError("a dense Hessian was formed")


def _saddle(stages: _Stages, search: SaddleSearch, candidates: list):
    """The first transition state of the candidates; every search is a stage."""
    for candidate in candidates:
        start = candidate.coordinates, candidate.tangent
        result = stages.run("saddle search, verification included", search.search, *start)
        if result.transition_state is not None:
            return result
    raise AssertionError("no candidate of the band became a transition state")


def measure() -> dict:
    """The work itself: seconds and memory by stage, and the transition state found."""
    problem = replace(kernels.problems()["digits 64-32-10"], regularisation=_REGULARISATION)
    model = ours.model_of(problem)
    settings = ours.settings_of(problem)
    model.hessian = model.hessian_packed = _refuse
    stages = _Stages()
    quencher = Quencher(model, settings.quench)
    rng = np.random.default_rng(5)
    stages.run("loading compiled code", quencher.quench, 0.1 * model.random_start(rng))
    minima = []
    for _ in range(_QUENCHES):
        end = stages.run("quench from a random start to 1e-9", quencher.quench, model.random_start(rng)).coordinates
        at = (model, end, settings.quench.rms, settings.curvature)
        minimum, status = stages.run("verification of a minimum (Lanczos, LPPHE)", minimum_at, *at)
        if minimum is None:
            raise AssertionError(f"a quench ended in no minimum: {status.label}")
        minima.append(end)
    finish = model.align(minima[0], minima[1])
    search = SaddleSearch(model, settings)
    band = stages.run("band", relaxed_band, model, settings.connect, minima[0], finish, 0, generator(1, "band"))
    found = _saddle(stages, search, band.candidates())
    state = found.transition_state
    at = (model, state.coordinates, settings.connect.rms, settings.curvature)
    stages.run("verification of a TS (Lanczos, LPPHE)", transition_state_at, *at)
    sides = stages.run("downhill, both sides, verified", search.triple, state, found.mode)
    return {
        "dimension": model.dimension,
        "seconds": stages.seconds,
        "memory": stages.memory,
        "candidates": len(band.candidates()),
        "evaluations": found.evaluations,
        "both sides": sides.triple is not None,
        "rms": state.rms,
        "eigenvalues": [state.negative_eigenvalue, state.next_eigenvalue],
        "lpphe": [state.lpphe, state.lpphe_error],
    }


def digits(options: Options) -> table.Result:
    """Stages of one run: CPU (median where there are several) and peak memory by the end of the stage."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, str(Path(__file__).resolve())]
        # Twice, so that compiling is not part of it.
        for number in range(2):
            run, peak = processes.peak_memory(command, Path(name), cpu_limit=3600)
            ours.checked(run, "benchmarks/digits.py")
            say(f"digits: run {number + 1} of 2")
        found = json.loads(run.output.splitlines()[-1])
    task = f"digits 64-32-10, {found['dimension']} weights, lambda {_REGULARISATION:g}"
    figures = []
    for stage, seconds in found["seconds"].items():
        middle = f"{table.duration(statistics.median(seconds))} (n = {len(seconds)})"
        memory = f"{table.three_figures(found['memory'][stage])} MB"
        figures.append(table.Figure(task, table.OURS, f"{stage}: CPU", middle))
        figures.append(table.Figure(task, table.OURS, f"{stage}: memory so far", memory))
    lowest, following = found["eigenvalues"]
    value, error = found["lpphe"]
    return table.Result(
        [],
        [
            *figures,
            table.Figure(task, table.OURS, "peak resident memory of the process", f"{table.three_figures(peak)} MB"),
            table.Figure(task, table.OURS, "candidates of the band", str(found["candidates"])),
            table.Figure(task, table.OURS, "gradient equivalents of the search", f"{found['evaluations']}"),
            table.Figure(task, table.OURS, "root mean square gradient of the TS", f"{found['rms']:.1e}"),
            table.Figure(task, table.OURS, "its two lowest eigenvalues", f"{lowest:.3e}, {following:.3e}"),
            table.Figure(task, table.OURS, "its LPPHE", f"{value:.1f} +- {error:.1f}"),
            table.Figure(task, table.OURS, "both sides reach a verified minimum", str(found["both sides"])),
        ],
    )


if __name__ == "__main__":
    print(json.dumps(measure()))
