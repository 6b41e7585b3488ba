"""The task `database`: a large landscape file: opening, listing, adding a batch, merging, analysing; with memory."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import ours, processes, synthetic, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.losses import build
from llcommon.settings import Settings
from llcommon.store import write_landscape

_LARGE = synthetic.Sizes(100_000, 300_000, 250_000)
_HALF = synthetic.Sizes(10_000, 30_000, 25_000)
_TABLES = synthetic.Sizes(1_000_000, 3_000_000, 2_500_000)
_TRIPLES = 100

# What `llpathsample grow` does of a batch that has come in, in a process of its own for its memory.
_COMMIT = """
import json, sys, time
from llcommon.store import read_landscape, write_landscape
def clocks():
    return time.perf_counter(), time.process_time()
marks = [clocks()]
landscape = read_landscape(sys.argv[1])
marks.append(clocks())
batch = read_landscape(sys.argv[2])
marks.append(clocks())
report = landscape.merge(batch)
marks.append(clocks())
write_landscape(sys.argv[3], landscape)
marks.append(clocks())
steps = [[after - before for before, after in zip(*pair)] for pair in zip(marks, marks[1:])]
print(json.dumps({"steps": steps, "new": [report.new_minima, report.new_transition_states]}))
"""


def _seconds(values: list[float]) -> str:
    """A median, and the range."""
    return f"{table.duration(median(values))} ({table.duration(min(values))} to {table.duration(max(values))})"


def _megabytes(number: float) -> str:
    return f"{table.three_figures(number)} MB"


def _adding(folder: Path, repeats: int) -> list[table.Figure]:
    """A batch that comes in: duplicate search and commit, and the memory of the process that does it."""
    name = f"{_LARGE.minima} minima, {_LARGE.transition_states} TS of 83 weights"
    size = (folder / "large.h5").stat().st_size / 1e6
    steps: dict[str, list[tuple[float, float]]] = {"opening": [], "duplicate search": [], "commit": []}
    peaks = []
    flushes = []
    for _ in range(repeats):
        command = [sys.executable, "-c", _COMMIT, "large.h5", "batch.h5", "grown.h5"]
        run, peak = processes.peak_memory(command, folder)
        found = json.loads(ours.checked(run, "commit").output)["steps"]
        for step, (wall, cpu) in zip(steps, (found[0], found[2], found[3]), strict=True):
            steps[step].append((wall, cpu))
        peaks.append(peak)
        flushes.append(_bare_write(folder / "grown.h5"))
    figures = [table.Figure(name, table.OURS, "size of the file", _megabytes(size))]
    for step, found in steps.items():
        for clock, place in (("wall", 0), ("CPU", 1)):
            seconds = _seconds([times[place] for times in found])
            figures.append(table.Figure(name, table.OURS, f"{step}, {clock}", seconds))
    both = [search[0] + commit[0] for search, commit in zip(steps["duplicate search"], steps["commit"], strict=True)]
    figures.append(table.Figure(name, table.OURS, "duplicate search and commit, wall", _seconds(both), "< 3 s"))
    figures.append(table.Figure(name, table.OURS, "writing and flushing the same bytes, wall", _seconds(flushes)))
    share = f"{_megabytes(median(peaks))}, {median(peaks) / size:.2f} of the file"
    figures.append(table.Figure(name, table.OURS, "peak resident memory of all this", share, "< 2 of the file"))
    return figures


def _bare_write(file: Path) -> float:
    """Wall seconds that the disk takes for the bytes of a file."""
    data = file.read_bytes()
    copy = file.with_suffix(".copy")
    begin = time.perf_counter()
    with open(copy, "wb") as stream:
        stream.write(data)
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - begin
    copy.unlink()
    return seconds


def _commands(
    folder: Path, file: str, lines: tuple[str, ...], repeats: int, task: str, target: str
) -> list[table.Figure]:
    """Wall and CPU of commands of llpathsample, and their memory."""
    figures = []
    for line in lines:
        walls, seconds, peaks = [], [], []
        for _ in range(repeats):
            run, peak = processes.peak_memory(ours.command("llpathsample", *line.format(file).split()), folder)
            ours.checked(run, line)
            walls.append(run.wall)
            seconds.append(run.seconds)
            peaks.append(peak)
        shown = line.format("FILE")
        figures.append(table.Figure(task, shown, "wall, start of the program included", _seconds(walls), target))
        figures.append(table.Figure(task, shown, "CPU", _seconds(seconds)))
        figures.append(table.Figure(task, shown, "peak resident memory", _megabytes(median(peaks))))
        say(f"database: {shown}")
    return figures


_LISTING = ("stats {}", "list {}", "list {} --lowest 10", "show {} 5", "show {} 5 --ts")
_ANALYSIS = (
    "stats {}",
    "list {} --lowest 10",
    "tree {} --lowest 1000 -o tree.json -f",
    "tree {} -o tree.png -f",
    "path {} 0 1",
)
_MERGE = ("merge half.h5 {} -o merged.h5 -f",)


def database(options: Options) -> table.Result:
    """Files of invented points; see `synthetic`."""
    problem = problems.iris()
    model, settings = ours.model_of(problem), ours.settings_of(problem)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = synthetic.landscape_of(model, settings, _LARGE)
        write_landscape(folder / "batch.h5", synthetic.batch_of(large, _TRIPLES))
        write_landscape(folder / "large.h5", large)
        half = synthetic.landscape_of(model, settings, _HALF)
        write_landscape(folder / "half.h5", half)
        write_landscape(folder / "other.h5", synthetic.overlapping(half))
        del large, half
        figures = _adding(folder, options.repeats)
        task = f"{_LARGE.minima} minima, {_LARGE.transition_states} TS"
        figures += _commands(folder, "large.h5", _LISTING, options.repeats, task, "< 1 s")
        task = f"two files of {_HALF.minima} minima, {_HALF.transition_states} TS, half of them the same"
        figures += _commands(folder, "other.h5", _MERGE, options.repeats, task, "seconds")
        (folder / "large.h5").unlink()
        # Coordinates are not read: two for each point keep the file small.
        surface = build("rastrigin", {})
        tables = synthetic.landscape_of(surface, Settings("rastrigin", {}), _TABLES)
        write_landscape(folder / "tables.h5", tables)
        del tables
        task = f"{_TABLES.minima} minima, {_TABLES.transition_states} TS, without coordinates"
        figures += _commands(folder, "tables.h5", _ANALYSIS, options.repeats, task, "")
    return table.Result([], figures)
