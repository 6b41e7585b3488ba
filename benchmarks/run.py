"""Compare this toolchain with its peers: `python benchmarks/run.py [task ...] [options]`.

All figures of a ratio are taken in one run, in turns, as medians. `benchmarks/README.md` says what each task does.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# Before NumPy is loaded: one thread, as the peers have.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"

from benchmarks import table  # noqa: E402
from benchmarks.environment import PeersMissing  # noqa: E402
from benchmarks.options import Options  # noqa: E402
from benchmarks.suite import PeerFailed  # noqa: E402

# Task and the module that has a function of that name.
TASKS = {
    "kernels": "kernels",
    "losses": "losses",
    "gp": "gaussian",
    "quench": "quenching",
    "startup": "quenching",
    "candidates": "candidates",
    "sides": "sides",
    "connect": "connecting",
    "bands": "bands",
    "cores": "cores",
    "growth": "growing",
    "memory": "memory",
    "digits": "digits",
    "storage": "storage",
    "neighbours": "neighbours",
    "database": "database",
    "trees": "trees",
    "hits": "searching",
    "distinct": "searching",
    "user": "usermodels",
    "clustering": "clustering",
    "component": "component",
    "structure": "structure",
    "thermodynamics": "thermodynamics",
    "kinetics": "kinetics",
    "passages": "passages",
    "alignment": "alignment",
    "training": "training",
}
PEERS = ("optim-group", "optim-lean", "topsearch")
GROWERS = ("group", "lean")
GOALS = ("iris", "wine", "rastrigin", "schwefel")


def _numbers(text: str) -> tuple[float, ...]:
    """Positive numbers between commas."""
    values = tuple(float(word) for word in text.split(","))
    if min(values) <= 0.0:
        raise ValueError(text)
    return values


def _peers(text: str) -> tuple[str, ...]:
    """Names of peers between commas, or `none`."""
    names = () if text == "none" else tuple(text.split(","))
    if any(name not in PEERS for name in names):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(PEERS)} or none")
    return names


def _growers(text: str) -> tuple[str, ...]:
    """Names of settings of OPTIM between commas."""
    names = tuple(text.split(","))
    if any(name not in GROWERS for name in names):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(GROWERS)}")
    return names


def _goals(text: str) -> tuple[str, ...]:
    """Names of goals between commas."""
    names = tuple(text.split(","))
    if any(name not in GOALS for name in names):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(GOALS)}")
    return names


def _positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _counts(text: str) -> tuple[int, ...]:
    """Whole numbers from 1 between commas."""
    return tuple(_positive(word) for word in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="task", help=", ".join(TASKS) + " (default: all)")
    parser.add_argument("--repeats", type=_positive, default=5, help="rounds: kernels, quench, startup, cores, ...; 5")
    parser.add_argument("--pairs", type=_positive, default=50, help="pairs of minima: connect, bands; 50")
    parser.add_argument("--topsearch-pairs", type=int, default=50, help="connect: the first of them for topsearch; 50")
    parser.add_argument("--peers", type=_peers, default=PEERS, help="connect: of " + ",".join(PEERS) + ", or none")
    parser.add_argument("--candidates", type=_positive, default=100, help="candidates: for each lambda; 100")
    parser.add_argument("--lambda", dest="regularisations", type=_numbers, help="of four tasks: 1e-4,1e-5")
    parser.add_argument("--process-pairs", type=_positive, default=200, help="cores: pairs; 200")
    parser.add_argument("--steps", type=_positive, default=300, help="of a search; 300")
    parser.add_argument("--seeds", type=_positive, default=20, help="hits: random starts; 20")
    parser.add_argument("--goals", type=_goals, default=GOALS, help="hits: of " + ",".join(GOALS))
    parser.add_argument("--seconds", type=_positive, default=30, help="distinct: CPU of each program; 30")
    parser.add_argument("--grow-minima", type=_positive, default=200, help="component: most minima; 200")
    parser.add_argument("--growers", type=_growers, default=GROWERS, help="component: of " + ",".join(GROWERS))
    parser.add_argument("--grow-seconds", type=_positive, default=600, help="component: CPU of PATHSAMPLE; 600")
    parser.add_argument("--nodes", type=_counts, default=(1000, 5000), help="kinetics: beside PyGT; 1000,5000")
    parser.add_argument("--peer-seconds", type=_positive, default=900, help="kinetics: CPU limit of PyGT; 900")
    return parser


def main() -> int:
    """Run the tasks named on the command line and print their tables."""
    parser = _parser()
    arguments = vars(parser.parse_args())
    tasks = arguments.pop("tasks") or list(TASKS)
    unknown = [name for name in tasks if name not in TASKS]
    if unknown:
        parser.error(f"unknown task {unknown[0]}: choose from {', '.join(TASKS)}")
    options = Options(**arguments)
    for name in tasks:
        task = getattr(importlib.import_module(f"benchmarks.{TASKS[name]}"), name)
        try:
            result = task(options)
        except (PeersMissing, PeerFailed) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 3
        if result.rows:
            print(table.text(result.rows), end="\n\n")
        if result.figures:
            print(table.figures_text(result.figures), end="\n\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
