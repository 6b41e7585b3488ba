"""The task `storage`: what a landscape of many distinct minima costs to keep, and to look a minimum up in."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import ours, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.records import Minimum
from llcommon.settings import Settings
from llcommon.store import Landscape

_SIZES = (1_000, 10_000, 100_000)
_LOOKUPS = 2000
_TASK = "minima of iris 4-10-3 in memory"


def _synthetic(number: int, dimension: int, rng: np.random.Generator) -> Minimum:
    """A minimum as a search hands it over, with random coordinates; losses as dense as in a landscape of so many."""
    loss = 0.02 + 0.03 * rng.random()
    return Minimum(loss, rng.standard_normal(dimension), 1e-12, -300.0, 2e-4)


def resident() -> int:
    """Bytes of memory that this process holds now (Linux): what was asked for and never written does not count."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fill(size: int) -> tuple[int, float]:
    """Bytes that a landscape of so many minima takes, to be asked of a process that has done nothing yet, and the CPU
    seconds of adding them."""
    model = ours.model_of(problems.iris())
    rng = np.random.default_rng(size)
    landscape = Landscape(Settings("mlp", {}), model)
    landscape.add_minimum(_synthetic(0, model.dimension, rng))
    before = resident()
    seconds = 0.0
    for number in range(1, size):
        minimum = _synthetic(number, model.dimension, rng)
        begin = time.process_time()
        landscape.add_minimum(minimum)
        seconds += time.process_time() - begin
    return resident() - before, seconds


def _filled(size: int) -> tuple[int, float]:
    """As `fill`, by a new process."""
    root = Path(__file__).resolve().parent.parent
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from benchmarks.storage import fill; print(*fill({size}))"
    with tempfile.TemporaryDirectory() as name:
        run = ours.checked(processes.run([sys.executable, "-c", code], Path(name)), "fill")
    used, seconds = run.output.split()[-2:]
    return int(used), float(seconds)


def _lookup_seconds(landscape: Landscape, rng: np.random.Generator) -> float:
    """CPU seconds of finding a minimum that is there, under a random symmetry image."""
    model = landscape.model
    ids = rng.integers(0, len(landscape.minima), _LOOKUPS)
    images = [model.random_image(landscape.minima.coordinates[i].copy(), rng) for i in ids]
    losses = [float(landscape.minima.loss[i]) for i in ids]
    begin = time.process_time()
    found = [landscape.find_minimum(loss, image) for loss, image in zip(losses, images, strict=True)]
    seconds = time.process_time() - begin
    if found != ids.tolist():
        raise AssertionError("a minimum was not found again, or another one in its place")
    return seconds / _LOOKUPS


def storage(options: Options) -> table.Result:
    """Bytes of a minimum beyond its coordinates, seconds to add one and to find one again."""
    model = ours.model_of(problems.iris())
    figures = []
    for size in _SIZES:
        rng = np.random.default_rng(size)
        minima = [_synthetic(number, model.dimension, rng) for number in range(size)]
        used, adding = _filled(size)
        landscape = Landscape(Settings("mlp", {}), model)
        for minimum in minima:
            landscape.add_minimum(minimum)
        if len(landscape.minima) != size:
            raise AssertionError("different minima were taken for one")
        beyond = used / size - 8 * model.dimension
        seconds = statistics.median(_lookup_seconds(landscape, rng) for _ in range(options.repeats))
        task = f"{size} {_TASK}"
        bytes_text = f"{beyond:.0f} B"
        figures.append(table.Figure(task, table.OURS, "a minimum beyond its coordinates", bytes_text, "< 200 B"))
        figures.append(table.Figure(task, table.OURS, "adding one, CPU", table.duration(adding / size)))
        figures.append(table.Figure(task, table.OURS, "finding one again, CPU", table.duration(seconds), "as ln n"))
        say(f"storage: {size}")
    return table.Result([], figures)
