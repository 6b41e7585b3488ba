"""The task `thermodynamics`: the heat capacity of a million minima, as a function and as a command."""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import ours, processes, synthetic, table
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.losses import build
from llcommon.settings import Settings
from llcommon.store import write_landscape
from llpathsample.ktn import Network
from llpathsample.thermodynamics.curves import curves
from llpathsample.thermodynamics.features import temperature_range
from llpathsample.thermodynamics.frustration import frustration_curves
from llpathsample.thermodynamics.heatcapacity import heat_capacity

_SIZES = synthetic.Sizes(1_000_000, 3_000_000, 1_000)
_TEMPERATURES = 200
# Command lines, and what is aimed at.
_COMMANDS = {"heat-capacity {} --json": "< 10 s", "heat-capacity {} -o figure.svg -f": "", "frustration {}": ""}


def _cpu(function) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def _range(values: list[float]) -> str:
    """A median, and the range."""
    return f"{table.duration(median(values))} ({table.duration(min(values))} to {table.duration(max(values))})"


def thermodynamics(options: Options) -> table.Result:
    """Of invented points; see `synthetic`."""
    landscape = synthetic.landscape_of(build("rastrigin", {}), Settings("rastrigin", {}), _SIZES)
    network, ids, _ = Network.complete(landscape)
    at = np.geomspace(*temperature_range(network), _TEMPERATURES)
    measures = {
        f"curve at {_TEMPERATURES} temperatures": lambda: curves(network, at),
        "curve, peaks, their makers, convergence": lambda: heat_capacity(network, 2.0),
        f"frustration at {_TEMPERATURES} temperatures": lambda: frustration_curves(network, at),
    }
    task = f"{len(ids)} minima, {len(network.ts_losses)} TS"
    figures = []
    found = table.interleaved({name: lambda _, f=f: _cpu(f) for name, f in measures.items()}, options.repeats)
    for name, seconds in found.items():
        target = "< 10 s" if name.startswith("curve at") else ""
        figures.append(table.Figure(task, table.OURS, f"{name}, CPU", _range(seconds), target))
    say("thermodynamics: functions")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_landscape(folder / "tables.h5", landscape)
        for line, target in _COMMANDS.items():
            seconds, peaks = [], []
            for _ in range(options.repeats):
                command = ours.command("llpathsample", *line.format("tables.h5").split())
                run, peak = processes.peak_memory(command, folder)
                ours.checked(run, line)
                seconds.append(run.seconds)
                peaks.append(peak)
            shown = line.format("FILE")
            figures.append(table.Figure(task, shown, "CPU, start and reading included", _range(seconds), target))
            memory = f"{table.three_figures(median(peaks))} MB"
            figures.append(table.Figure(task, shown, "peak resident memory", memory))
            say(f"thermodynamics: {shown}")
    return table.Result([], figures)
