"""The task `growth`: what a growth costs beyond its lloptim processes, and what a second process gains."""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import ours, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.store import read_landscape

_SHARE = "< 0.10"
_WALL = "<= 0.6 on a quiet machine"
_ROUNDS = 2  # at most: one is many connections
# The program in this process, then the CPU seconds of it and of those that it has started and waited for.
_GROW = """
import json, resource, sys
from llpathsample.cli import main
code = main(sys.argv[2:], standalone_mode=False)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
json.dump([usage.ru_utime + usage.ru_stime for usage in used], open(sys.argv[1], "w"))
sys.exit(code)
"""


def growth(options: Options) -> table.Result:
    """CPU of `llpathsample grow` itself over that of its processes; wall at -j 2 over that at -j 1, in turns."""
    walls: dict[int, list[float]] = {1: [], 2: []}
    shares, own, theirs = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landscape = ours.search_minima(problems.iris(), folder, "minima", options.steps)
        rounds = min(options.repeats, _ROUNDS)
        # Before the rounds one pair: it compiles, or loads, what the others find ready.
        _grow(folder, landscape, 1, "--set", "grow.budget=1")
        for number in range(rounds):
            grown = []
            for jobs in (1, 2):
                run, driver, children = _grow(folder, landscape, jobs)
                walls[jobs].append(run.wall)
                own.append(driver)
                theirs.append(children)
                shares.append(driver / children)
                grown.append((folder / "grown.h5").read_bytes())
                say(f"growth: round {number + 1} of {rounds}, -j {jobs}: {run.wall:.1f} s")
            if grown[0] != grown[1]:
                raise AssertionError("a landscape grown at -j 2 is another than at -j 1")
        pairs = _pairs_of(folder / "grown.h5")
    task = f"llpathsample grow, iris, {pairs} pairs"
    ratios = [two / one for one, two in zip(walls[1], walls[2], strict=True)]
    figures = [
        table.Figure(task, table.OURS, "CPU of the growth itself", table.duration(statistics.median(own))),
        table.Figure(task, table.OURS, "CPU of its lloptim processes", table.duration(statistics.median(theirs))),
        table.Figure(
            task, table.OURS, "the one over the other", table.three_figures(statistics.median(shares)), _SHARE
        ),
        table.Figure(task, table.OURS, "wall -j 2 / -j 1", table.three_figures(statistics.median(ratios)), _WALL),
    ]
    return table.Result([], figures)


def _grow(folder: Path, landscape: Path, jobs: int, *settings: str) -> tuple[processes.Run, float, float]:
    """A growth, the CPU seconds of itself, and those of its processes."""
    arguments = ["grow", landscape.name, "-o", "grown.h5", "-f", "-q", "-j", str(jobs), *settings]
    line = [sys.executable, "-c", _GROW, "usage.json", *arguments]
    run = ours.checked(processes.run(line, folder, cpu_limit=3600), "llpathsample")
    driver, children = json.loads((folder / "usage.json").read_text())
    return run, driver, children


def _pairs_of(file: Path) -> int:
    return len(read_landscape(file).pairs)
