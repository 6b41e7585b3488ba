"""The task `neighbours`: whether shortlists find the nearest minima, what they save, and what a choice costs."""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import ours, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.records import Minimum, TransitionState
from llcommon.store import Landscape, read_landscape
from llpathsample.growing import GrowingNetwork
from llpathsample.neighbours import Neighbours
from llpathsample.strategies import strategy_of

_WALK = ["--set", "search.temperature=0.1", "--set", "search.step=2"]  # many minima rather than low ones
_NETWORKS = {"iris 4-10-3": [], "iris 4-6-5-3": ["--set", "loss.hidden=[6, 5]"]}
_SHORTLISTS = (16, 32, 64)
_NEAREST = (1, 3, 10)
_QUERIES = 20
_SIZES = (1_000, 10_000, 100_000)
_STRATEGIES = ("to-global-minimum", "nearest", "monotonic", "untrap", "free-energy", "single-ended", "auto")
_TS_PER_MINIMUM = 3


def _minima(folder: Path, options: list[str], steps: int) -> Landscape:
    """Minima at lambda 1e-5, of which there are many, by `llgmin run`."""
    problem = problems.iris(1e-5)
    toml = ours.write_toml(problem, folder, "iris")
    arguments = ["run", toml, "-o", "minima.h5", "-f", "-q", "--set", f"search.steps={steps}", *_WALK, *options]
    ours.checked(processes.run(ours.command("llgmin", *arguments), folder), "llgmin run")
    return read_landscape(folder / "minima.h5")


def _recall(landscape: Landscape, name: str) -> list[table.Figure]:
    """Shares of the nearest by exact alignment of all pairs that are in the shortlists."""
    neighbours = Neighbours(landscape)
    count = len(landscape.minima)
    begin = time.process_time()
    lengths = np.array([[neighbours.distance(a, b) if a < b else 0.0 for b in range(count)] for a in range(count)])
    aligning = (time.process_time() - begin) / (count * (count - 1) / 2)
    lengths += lengths.T
    bounds = neighbours.bounds(np.arange(count), np.arange(count))
    if (bounds > lengths * (1.0 + 1e-9) + 1e-9).any():
        raise AssertionError("a bound is above the distance")
    np.fill_diagonal(lengths, np.inf)
    np.fill_diagonal(bounds, np.inf)
    nearest = np.argsort(lengths, axis=1, kind="stable")
    listed = np.argsort(bounds, axis=1, kind="stable")
    task = f"{count} minima of {name}, lambda 1e-5"
    figures = [table.Figure(task, table.OURS, "aligning one pair, CPU", table.duration(aligning))]
    for size in _SHORTLISTS:
        shares = []
        for number in _NEAREST:
            found = [np.isin(nearest[m, :number], listed[m, :size]).mean() for m in range(count)]
            shares.append(f"{100.0 * float(np.mean(found)):.1f}")
        quantity = "recall of the nearest " + ", ".join(map(str, _NEAREST)) + f": shortlist of {size}"
        figures.append(table.Figure(task, table.OURS, quantity, " / ".join(shares) + " %"))
    say(f"neighbours: {name}")
    return figures


def _made_up(landscape: Landscape, size: int) -> Landscape:
    """Minima scattered about those of a landscape, nine of ten joined to others by random transition states."""
    rng = np.random.default_rng(size)
    made = Landscape(landscape.settings, landscape.model, landscape.data)
    dimension = landscape.model.dimension
    found = landscape.minima.coordinates
    losses = np.sort(rng.random(size))
    for loss in losses:
        x = found[rng.integers(len(found))] + 0.3 * rng.standard_normal(dimension)
        minimum = Minimum(float(loss), x, 0.0, 1.0, 1.0)
        made.minima.append(**{name: getattr(minimum, name) for name in made.minima.names})
    ends = rng.integers(0, int(0.9 * size), (_TS_PER_MINIMUM * size, 2))
    heights = losses[ends].max(axis=1) + rng.random(len(ends))
    names = [name for name in made.transition_states.names if name != "minima"]
    for height, pair in zip(heights, ends, strict=True):
        state = TransitionState(float(height), np.zeros(dimension), 0.0, 1.0, -1.0, 1.0)
        made.transition_states.append(**{name: getattr(state, name) for name in names}, minima=pair)
    return made


def _savings(made: Landscape, rounds: int) -> list[table.Row]:
    """The three nearest of all minima: by the shortlist, and by aligning all."""
    size = len(made.minima)
    rng = np.random.default_rng(1)
    neighbours = Neighbours(made)
    neighbours.embeddings()
    queries = rng.integers(0, size, max(1, _QUERIES * 1000 // size))
    short, long = [], []
    for query in queries.tolist():
        others = np.delete(np.arange(size), query)
        begin = time.process_time()
        for _ in range(rounds):
            neighbours.nearest(query, others, 3)
        middle = time.process_time()
        for other in others[:1000].tolist():
            neighbours.distance(query, other)
        short.append((middle - begin) / rounds)
        long.append((time.process_time() - middle) * len(others) / min(1000, len(others)))
    task = f"three nearest of {size} minima"
    return [table.Row(task, "all pairs aligned", statistics.median(short), statistics.median(long), len(queries))]


def _choices(made: Landscape) -> list[table.Figure]:
    """CPU of choosing batches of 16, the first and a later one, by each strategy."""
    size = len(made.minima)
    begin = time.process_time()
    network = GrowingNetwork(made)
    network.update()
    network.neighbours.embeddings()
    task = f"{size} minima, {len(made.transition_states)} TS"
    seconds = table.duration(time.process_time() - begin)
    figures = [table.Figure(task, table.OURS, "network and embeddings, once", seconds)]
    for name in _STRATEGIES:
        network.settings = replace(made.settings.grow, strategy=name, temperature=0.05)
        strategy = strategy_of(network)
        times = []
        for _ in range(3):
            begin = time.process_time()
            strategy.choose(16, set())
            times.append(time.process_time() - begin)
        value = f"{table.duration(times[0])}, then {table.duration(statistics.median(times[1:]))}"
        figures.append(table.Figure(task, table.OURS, f"choosing 16 by {name}, CPU", value))
    say(f"neighbours: {size} minima")
    return figures


def neighbours(options: Options) -> table.Result:
    """Recall of shortlists, what they save, and what choosing a batch costs at up to 10^5 minima."""
    figures: list[table.Figure] = []
    rows: list[table.Row] = []
    with tempfile.TemporaryDirectory() as name:
        found = {title: _minima(Path(name), more, 2 * options.steps) for title, more in _NETWORKS.items()}
    for title, landscape in found.items():
        figures += _recall(landscape, title)
    first = next(iter(found.values()))
    for size in _SIZES:
        made = _made_up(first, size)
        rows += _savings(made, options.repeats)
        figures += _choices(made)
    return table.Result(rows, figures)
