"""The task `cores`: the same pairs by `lloptim connect` in one process and in two."""

import itertools
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import ours, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.store import read_landscape

_TARGET = ">= 1.7 on a quiet machine"


def _write_pairs(landscape: Path, number: int) -> str:
    """A file of so many random pairs beside the landscape, different ones while there are enough; its name."""
    count = len(read_landscape(landscape).minima)
    places = list(itertools.combinations(range(count), 2))
    rng = np.random.default_rng(0)
    rng.shuffle(places)
    lines = ["minimum_a\tminimum_b"] + [f"{a}\t{b}" for a, b in places[:number]]
    (landscape.parent / "pairs.tsv").write_text("\n".join(lines) + "\n")
    return "pairs.tsv"


def cores(options: Options) -> table.Result:
    """Wall seconds at -j 1 and -j 2, start of the programs included, in turns; the landscapes found must be equal."""
    measured: dict[int, list[processes.Run]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landscape = ours.search_minima(problems.iris(), folder, "minima", options.steps)
        pairs = _write_pairs(landscape, options.process_pairs)
        number = len((folder / pairs).read_text().splitlines()) - 1
        for round_number in range(options.repeats + 1):
            tables = []
            for jobs in (1, 2):
                output = ("-o", "found.h5", "-f", "-q")
                line = ours.command("lloptim", "connect", landscape.name, "--pairs", pairs, "-j", str(jobs), *output)
                run = ours.checked(processes.run(line, folder, cpu_limit=3600), "lloptim")
                tables.append(run.output)
                # The first round compiles, or loads, what the others find ready.
                if round_number:
                    measured[jobs].append(run)
                say(f"cores: round {round_number} of {options.repeats}, -j {jobs}: {run.wall:.1f} s")
            if tables[0] != tables[1]:
                raise AssertionError("lloptim connect reports other results at -j 2 than at -j 1")
    walls = {jobs: [run.wall for run in runs] for jobs, runs in measured.items()}
    ratios = [one / two for one, two in zip(walls[1], walls[2], strict=True)]
    task = f"lloptim connect, {number} pairs of iris"
    figures = [table.Figure(task, table.OURS, "logical cores of the machine", str(os.cpu_count()))]
    for jobs, runs in measured.items():
        wall = statistics.median(walls[jobs])
        cpu = statistics.median(run.seconds for run in runs)
        figures.append(table.Figure(task, f"{table.OURS}, -j {jobs}", "wall (median)", table.duration(wall)))
        figures.append(table.Figure(task, f"{table.OURS}, -j {jobs}", "CPU of all processes", table.duration(cpu)))
    median = table.three_figures(statistics.median(ratios))
    figures.append(table.Figure(task, table.OURS, "wall -j 1 / -j 2, median of rounds", median, _TARGET))
    best = table.three_figures(min(walls[1]) / min(walls[2]))
    figures.append(table.Figure(task, table.OURS, "wall -j 1 / -j 2, best of each", best, _TARGET))
    return table.Result([], figures)
