"""The task `memory`: the largest resident memory of every program, as the system records it of a finished process."""

import sys
import tempfile
from pathlib import Path

from benchmarks import kernels, ours, processes, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say


def _commands(folder: Path, pairs: int) -> dict[str, list[str]]:
    """What is run, in order: each reads what those before it have written."""
    iris = ours.write_toml(problems.iris(), folder, "iris")
    digits = ours.write_toml(kernels.problems()["digits 64-32-10"], folder, "digits")
    lines = [f"0\t{other}" for other in range(1, pairs + 1)]
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    short = ["--set", "search.steps=1", "--set", "search.chains=1"]
    return {
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "llgmin --help": ours.command("llgmin", "--help"),
        "llgmin run, iris 4-10-3": ours.command("llgmin", "run", iris, "-o", "iris.h5", "-j", "1", "-q"),
        f"lloptim connect, iris, {pairs} pairs": ours.command(
            "lloptim", "connect", "iris.h5", "--pairs", "pairs.tsv", "-o", "connected.h5", "-j", "1", "-q"
        ),
        "llpathsample grow, iris": ours.command(
            "llpathsample", "grow", "iris.h5", "-o", "landscape.h5", "-j", "1", "-q"
        ),
        "llpathsample tree, iris": ours.command("llpathsample", "tree", "landscape.h5", "-o", "tree.svg", "-q"),
        "llgmin run, digits 64-32-10, 1 step": ours.command("llgmin", "run", digits, "-o", "digits.h5", *short, "-q"),
    }


def memory(options: Options) -> table.Result:
    """Peak resident memory; a second run, so that compiling is not part of it."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command, line in _commands(folder, 10).items():
            forced = [*line, "-f"] if "-o" in line else line
            ours.checked(processes.run(line, folder, cpu_limit=3600), command)
            run, peak = processes.peak_memory(forced, folder, cpu_limit=3600)
            ours.checked(run, command)
            say(f"memory: {command}")
            text = f"{table.three_figures(peak)} MB"
            figures.append(table.Figure("memory of this toolchain", command, "largest process, peak resident", text))
    return table.Result([], figures)
