"""The task `trees`: disconnectivity graphs, from arrays to an image, beside topsearch and pele; ours to 10^6 minima."""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import environment, ours, processes, table
from benchmarks.options import Options
from benchmarks.progress import say

DRIVER = Path(__file__).resolve().parent / "_trees_driver.py"
_SIZES = (1000, 5000, 20_000)
_LARGE = (100_000, 1_000_000)
_LIMIT = 300  # seconds of CPU of a peer


def _write_network(folder: Path, minima: int, seed: int) -> None:
    """A connected random network with three times as many TS as minima, each pair once with its lowest TS."""
    rng = np.random.default_rng(seed)
    child = np.arange(1, minima)
    ends = np.stack([child, (rng.random(minima - 1) * child).astype(np.int64)], axis=1)
    ends = np.concatenate([ends, np.sort(rng.integers(0, minima, (2 * minima + 1, 2)))[:, ::-1]])
    ends = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    losses = rng.gamma(3.0, 0.2, minima)
    ts_losses = losses[ends].max(axis=1) + rng.exponential(0.3, len(ends))
    np.savez(folder / "network.npz", losses=losses, ts_losses=ts_losses, ends=ends)


def _found(python: Path | str, name: str, folder: Path) -> tuple[dict | None, float]:
    """What the driver says, None if it had not ended by the limit, and the peak memory in MB."""
    run, peak = processes.peak_memory([str(python), str(DRIVER), name, str(folder)], folder, _LIMIT)
    # The watcher of the memory passes on the signal's number.
    if run.seconds >= 0.95 * _LIMIT:
        return None, peak
    return json.loads(ours.checked(run, name).output.strip().splitlines()[-1]), peak


def trees(options: Options) -> table.Result:
    """Equal work: 40 levels, all minima, a PNG of 300 dots per inch; CPU of the analysis and the drawing."""
    programs = {"ours": sys.executable}
    programs["topsearch"] = environment.prepare_topsearch()
    programs["pele"] = environment.prepare_pele()
    rows, figures = [], []
    repeats = min(options.repeats, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minima in _SIZES:
            _write_network(folder, minima, minima)
            task = f"tree and image, {minima} minima"
            results: dict[str, list[float]] = {program: [] for program in programs}
            for _ in range(repeats):
                for program, python in list(programs.items()):
                    found, _ = _found(python, program, folder)
                    if found is None:
                        # Neither in further rounds nor with more minima.
                        del programs[program], results[program]
                        figures.append(table.Figure(task, program, "CPU", f"stopped after {_LIMIT} s"))
                        continue
                    results[program].append(found["all"])
                    say(f"trees: {minima} minima, {program}: {found['all']:.3f} s, {found['leaves']} leaves")
            rows += table.compare(task, results)
        for minima in _LARGE:
            _write_network(folder, minima, minima)
            figures += _alone(folder, minima, repeats)
    return table.Result(rows, figures)


def _alone(folder: Path, minima: int, repeats: int) -> list[table.Figure]:
    """Ours at sizes that the others do not reach."""
    analysis, images, peaks = [], [], []
    for _ in range(repeats):
        found, peak = _found(sys.executable, "ours", folder)
        analysis.append(found["analysis"])
        images.append(found["all"] - found["analysis"])
        peaks.append(peak)
        say(f"trees: {minima} minima, ours: {found['all']:.3f} s")
    task = f"{minima} minima, {3 * minima} TS"
    large = minima == _LARGE[-1]
    seconds = {"superbasins and all barriers to the global minimum, CPU": (analysis, "< 10 s" if large else "")}
    seconds["image, CPU"] = (images, "< 60 s" if large else "")
    figures = [
        table.Figure(task, table.OURS, quantity, table.duration(median(found)), target)
        for quantity, (found, target) in seconds.items()
    ]
    memory = f"{table.three_figures(median(peaks))} MB"
    return [*figures, table.Figure(task, table.OURS, "peak resident memory", memory)]
