"""The task `kinetics`: rates, passage times and committors beside PyGT, large networks, low temperatures, all pairs."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import processes, table
from benchmarks.environment import prepare_pygt
from benchmarks.kineticnetworks import network, sets
from benchmarks.options import Options
from benchmarks.progress import say
from llpathsample.kinetics.allpairs import all_passage_times, memory_of_all_pairs
from llpathsample.kinetics.rates import Passage, Routes
from llpathsample.ktn import Network

_DRIVER = Path(__file__).with_name("_pygt_driver.py")
_MEMBERS = 10  # of A and of B: PyGT takes no single minima
_CALLS, _QUICK = 7, 1000  # calls in a turn, for networks of up to so many nodes
# Nodes removed at once, and left when it turns dense: as it comes, the fastest of twelve tried, and the accurate one.
_SETTINGS = {"PyGT as it comes (block 20)": (20, 50), "PyGT, fastest (block 100)": (100, 400), "PyGT, block 1": (1, 50)}
_LARGE = (("random", 20_000, 10.0), ("geometric", 20_000, 1.0), ("scale-free", 20_000, 3.0))
_TEMPERATURES = (1.0, 0.1, 0.03, 0.01, 0.003, 0.001)
_FROZEN = (0.03, 0.01, 0.001)  # of 20000 minima, by logarithms
_ALL_PAIRS = {1000: 0.5, 5000: 20.0}
_SEPARATE = """
import sys
from benchmarks import kinetics
kinetics.one_call(sys.argv[1], int(sys.argv[2]))
"""


def solved(net: Network, temperature: float = 1.0) -> tuple[Passage, float]:
    """One call from the network's arrays to everything, and its CPU seconds."""
    a, b = sets(net, _MEMBERS)
    begin = time.process_time()
    found = Routes(net, a, b).at(temperature)
    return found, time.process_time() - begin


def one_call(kind: str, count: int) -> None:
    """For a process of its own, whose memory is looked at."""
    solved(network(kind, count))


def kinetics(options: Options) -> table.Result:
    """CPU seconds of one call: all committors, all passage times to A and to B, four kinds of rates both ways."""
    solved(network("random", 300))  # compiled code is loaded
    solved(network("random", 300), 1e-3)
    rows = []
    figures = []
    for count in options.nodes:
        for kind in ("random", "geometric"):
            rows += _beside_pygt(kind, count, options, figures)
    for kind, count, goal in _LARGE:
        say(f"{kind}, {count} nodes")
        net = network(kind, count)
        seconds = statistics.median(solved(net)[1] for _ in range(options.repeats))
        figures.append(_figure("large networks", f"{kind}, {count}", "CPU", table.duration(seconds), f"{goal:g} s"))
        command = [sys.executable, "-c", _SEPARATE, kind, str(count)]
        _, megabytes = processes.peak_memory(command, Path(__file__).resolve().parents[1])
        figures.append(_figure("large networks", f"{kind}, {count}", "peak memory", f"{megabytes:.0f} MB"))
    for kind in ("random", "geometric"):
        figures += _cold(kind, 5000, _TEMPERATURES, options.repeats)
    figures += _cold("random", 20000, _FROZEN, options.repeats)
    for count, goal in _ALL_PAIRS.items():
        figures += _all_pairs(count, goal, options.repeats)
    return table.Result(rows, figures)


def _figure(task: str, program: str, quantity: str, value: str, target: str = "") -> table.Figure:
    return table.Figure(f"kinetics, {task}", program, quantity, value, target)


def _beside_pygt(kind: str, count: int, options: Options, figures: list) -> list[table.Row]:
    """Rows of one network, ours and PyGT's in turns."""
    python = prepare_pygt()
    net = network(kind, count)
    results: dict[str, list[float]] = {"ours": [], **{name: [] for name in _SETTINGS}}
    title = f"kinetics, {kind}, {count}"
    # Calls of milliseconds are repeated within a turn, by both: else what ran before it decides.
    calls = _CALLS if count <= _QUICK else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(net, folder)
        for number in range(options.repeats):
            runs = [solved(net) for _ in range(calls)]
            found = runs[0][0]
            results["ours"].append(statistics.median(seconds for _, seconds in runs))
            for setting, (block, dense) in _SETTINGS.items():
                if number and not results[setting]:
                    continue  # it was stopped before
                say(f"{title}: {setting}")
                command = [str(python), str(_DRIVER), str(folder), str(block), str(dense), str(calls)]
                run = processes.run(command, folder, options.peer_seconds)
                if run.exit_code:
                    why = f"stopped at {options.peer_seconds} s" if run.seconds >= options.peer_seconds else "failed"
                    figures.append(_figure(f"{kind}, {count}", setting, "largest difference of a rate", why))
                    continue
                said = json.loads(run.output.splitlines()[-1])
                results[setting].append(statistics.median(said.pop("seconds")))
                if not number:
                    worst = f"{_difference(found, said):.1e}"
                    figures.append(_figure(f"{kind}, {count}", setting, "largest difference of a rate", worst))
    return table.compare(title, {key: values for key, values in results.items() if values})


def _difference(found: Passage, said: dict[str, float]) -> float:
    """The largest relative difference of a rate or passage time from what PyGT says."""
    worst = 0.0
    for side, direction in (("AB", found.forth), ("BA", found.back)):
        ours = {
            "MFPT": direction.passage_time, "kSS": direction.steady_state, "kNSS": direction.non_steady_state,
            "k*": direction.inverse_time, "kF": direction.first_passage,
        }  # fmt: skip
        worst = max(worst, *(abs(said[name + side] / np.exp(value) - 1.0) for name, value in ours.items()))
    return worst


def _write(net: Network, folder: Path) -> None:
    """min.data, ts.data, min.A and min.B of a network."""
    minima = zip(net.losses.tolist(), net.lpphe.tolist(), strict=True)
    states = zip(net.ts_losses.tolist(), net.ts_lpphe.tolist(), (net.ends + 1).tolist(), strict=True)
    (folder / "min.data").write_text("".join(f"{loss!r} {lpphe!r} 1 1 1 1\n" for loss, lpphe in minima))
    (folder / "ts.data").write_text("".join(f"{loss!r} {lpphe!r} 1 {i} {j} 1 1 1\n" for loss, lpphe, (i, j) in states))
    for name, members in zip("AB", sets(net, _MEMBERS), strict=True):
        (folder / f"min.{name}").write_text(f"{len(members)}\n{' '.join(map(str, members + 1))}\n")


def _cold(kind: str, count: int, temperatures: tuple[float, ...], repeats: int) -> list[table.Figure]:
    """CPU over the temperature."""
    figures = []
    net = network(kind, count)
    for temperature in temperatures:
        runs = [solved(net, temperature) for _ in range(repeats)]
        program = f"{kind}, {count}, T = {temperature:g}"
        seconds = table.duration(statistics.median(seconds for _, seconds in runs))
        found = runs[0][0]
        largest = np.nanmax(found.log_time_to_a) / np.log(10.0)
        figures.append(_figure("low temperatures", program, "CPU", seconds))
        figures.append(_figure("low temperatures", program, "arithmetic", "ln" if found.logarithmic else "doubles"))
        figures.append(_figure("low temperatures", program, "longest passage time", f"10^{largest:.0f}"))
        balance = found.forth.steady_state + found.forth.share - found.back.steady_state - found.back.share
        figures.append(_figure("low temperatures", program, "detailed balance", f"{abs(np.expm1(balance)):.1e}"))
    return figures


def _all_pairs(count: int, goal: float, repeats: int) -> list[table.Figure]:
    """CPU of the whole matrix of passage times, and how well it keeps Kemeny's constant."""
    net = network("random", count)
    seconds = []
    for _ in range(repeats):
        say(f"all pairs of {count} minima")
        begin = time.process_time()
        found = all_passage_times(net, 1.0)
        seconds.append(time.process_time() - begin)
    constant = found.log_kemeny()
    program = f"random, {count}"
    spread = np.ptp(np.expm1(constant - constant[0]))
    return [
        _figure("all pairs", program, "CPU", table.duration(statistics.median(seconds)), f"{goal:g} s"),
        _figure("all pairs", program, "spread of Kemeny's constant", f"{spread:.1e}", "1e-12"),
        _figure("all pairs", program, "memory, at most", f"{memory_of_all_pairs(count) / 1e6:.0f} MB"),
    ]
