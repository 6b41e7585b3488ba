"""The original GMIN and OPTIM on the same problem: input files, runs, results.

Keyword files are written in a temporary folder, the executables run there as separate processes, and
the CPU seconds are those of the child. Numbers are written with D exponents: the programs refuse 1e-6.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import path_info, processes
from benchmarks.attempt import Attempt, Triple
from benchmarks.environment import Suite
from benchmarks.problem import Problem


class PeerFailed(Exception):
    """A peer ended without the result it was asked for."""


@dataclass(frozen=True)
class BasinHopping:
    """A GMIN run: CPU seconds, quenches in the walk, loss calls in all, minima kept in increasing loss.

    losses: those kept, as printed; minima: their coordinates in house order; found_at: loss calls until each was found.
    """

    seconds: float
    quenches: int
    calls: int
    losses: list[float]
    minima: list[np.ndarray]
    found_at: list[int]

    @property
    def lowest(self) -> float:
        """The lowest loss found."""
        return self.losses[0]

    def distinct(self, tolerance: float = 1e-6) -> list[np.ndarray]:
        """One minimum for each loss: the final quench can make two of those kept the same."""
        chosen: list[np.ndarray] = []
        last = -np.inf
        for loss, minimum in zip(self.losses, self.minima, strict=True):
            if loss - last > tolerance:
                chosen.append(minimum)
                last = loss
        return chosen


@dataclass(frozen=True)
class Walk:
    """Keywords of a GMIN walk, as they come those of the group's own Python package; target: the loss that ends it.

    step: largest displacement of a coordinate; start: U(-5, 5) or standard normal; save: minima kept; same: those
    within this loss are one.
    """

    updates: int = 100
    step: float = 1.0
    temperature: float = 2.0
    start: str = "uniform"
    target: float | None = None
    save: int = 1000
    same: float = 1e-6

    def keywords(self) -> str:
        """The lines of the keyword file."""
        target = "" if self.target is None else f"TARGET {_number(self.target)}\n"
        return (
            f"SAVE {self.save}\nUPDATES {self.updates}\nEDIFF {_number(self.same)}\nFIXBOTH\n"
            f"STEP {_number(self.step)} 0.3 0.3\nTEMPERATURE {_number(self.temperature)}\n" + target
        )

    def first(self, dimension: int, seed: int) -> np.ndarray:
        """The random start, (N,)."""
        rng = np.random.default_rng(seed)
        if self.start == "normal":
            return rng.standard_normal(dimension)
        return rng.uniform(-5.0, 5.0, dimension)


# The settings of the group's own Python package (pylfl, odata.connect) for networks of this kind.
GROUP = """\
STEPMIN 100
NEWCONNECT 100 1 10.0 20.0 50 5.0 0.025
MAXERISE 1.0D-6 1.0D-3
REOPTIMISEENDPOINTS
NEWNEB 100 350 0.0001
DIJKSTRA EXP
MAXBFGS 0.1 0.1
EDIFFTOL 1.0D-4
GEOMDIFFTOL 1.0D2
DUMPALLPATHS
MAXSTEP 0.01
MAXMAX 0.2
TRAD 1.0
NEBK 50.0
BFGSTS 5000 1 10 0.002
NOIT
UPDATES 10 10
BFGSMIN 1.0D-9
CONVERGE 1.0 1.0D-9
PUSHOFF 0.2
STEPS 1000
BFGSSTEPS 50000
"""

# The best found by hand, on 16 pairs of minima of iris 4-10-3 at lambda 1e-4: a coarse first band instead of
# 100 images for 350 iterations, soft springs, more tangent steps for each Hessian, a long memory on the way
# down, no least number of steps, convergence to 1e-7. Minima that differ by 1e-6 in loss count as different:
# with the group's 1e-4 most of this landscape is one minimum. A search by gradients alone (NOHESS) cost about
# the same at its best, and with a looser eigenvector (tolerance 1e-3) joined 6 of 10 pairs only.
LEAN = """\
NEWCONNECT 100 3 5.0 5.0 50 5.0 0.001
MAXERISE 1.0D-6 1.0D-3
REOPTIMISEENDPOINTS
NEWNEB 10 50 0.001
DIJKSTRA EXP
MAXBFGS 0.1 0.1
EDIFFTOL 1.0D-6
GEOMDIFFTOL 1.0D-1
DUMPALLPATHS
MAXSTEP 0.01
MAXMAX 0.2
TRAD 1.0
NEBK 1.0
BFGSTS 5000 20 100 0.002
NOIT
UPDATES 100 10
BFGSMIN 1.0D-7
CONVERGE 1.0 1.0D-7
PUSHOFF 0.2
STEPS 1000
BFGSSTEPS 50000
"""

SETTINGS = {"group": GROUP, "lean": LEAN}


def _number(value: float) -> str:
    """A number as the suite reads it."""
    return f"{value:.12E}".replace("E", "D")


def network_line(problem: Problem) -> str:
    """The MLPVB3 keyword line: sizes and L2 factor."""
    factor = _number(problem.regularisation)
    sizes = f"{problem.inputs} 1 {problem.hidden} {problem.outputs} {problem.classes.size}"
    return f"MLPVB3 {sizes} {factor}\n"


def write_data(problem: Problem, folder: Path) -> None:
    """MLPdata: outcome counted from 0, then the features, to full precision."""
    lines = []
    for outcome, features in zip(problem.classes, problem.features, strict=True):
        numbers = " ".join(f"{value:.16f}" for value in features)
        lines.append(f"{outcome} {numbers}\n")
    (folder / "MLPdata").write_text("".join(lines))


def _column(x: np.ndarray) -> str:
    """Coordinates one a line."""
    return "".join(f"{value:.15f}\n" for value in x)


def read_lowest(text: str, dimension: int) -> tuple[list[float], list[np.ndarray]]:
    """Losses and coordinates (suite order) of GMIN's file `lowest`."""
    lines = text.splitlines()
    losses, points = [], []
    for begin in range(0, len(lines), dimension + 2):
        match = re.search(r"=\s*(\S+)", lines[begin + 1])
        losses.append(float(match.group(1)))
        points.append(np.array([float(line) for line in lines[begin + 2 : begin + 2 + dimension]]))
    return losses, points


def gmin_basin_hopping(
    suite: Suite,
    problem: Problem,
    steps: int,
    updates: int,
    seed: int,
    final_tolerance: float = 1e-6,
) -> BasinHopping:
    """A `gmin_walk` with the group's settings but for the L-BFGS memory `updates`."""
    return gmin_walk(suite, problem, steps, Walk(updates=updates), seed, final_tolerance)


def gmin_walk(
    suite: Suite,
    problem: Problem,
    steps: int,
    walk: Walk,
    seed: int,
    final_tolerance: float = 1e-6,
    cpu_limit: int = 600,
) -> BasinHopping:
    """Basin-hopping by GMIN, quenches to a root mean square gradient of 1e-6.

    final_tolerance: GMIN quenches the minima it kept once more to this value. Left at 1e-6 nothing is added to the
    seconds of the walk; 1e-9 gives losses to ten digits.
    """
    start = walk.first(problem.dimension, seed)
    keywords = (
        f"SLOPPYCONV 1.0D-6\nTIGHTCONV {_number(final_tolerance)}\nMAXIT 5000 5000\nSTEPS {steps} 1.0\n"
        f"DUMPINT 1000000\nRANSEED {seed}\n" + walk.keywords() + network_line(problem)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(problem, folder)
        (folder / "coords").write_text(_column(problem.to_suite(start)))
        (folder / "data").write_text(keywords)
        run = processes.run([str(suite.gmin)], folder, cpu_limit)
        lowest = folder / "lowest"
        if not lowest.exists():
            raise PeerFailed(f"GMIN ended with exit code {run.exit_code} and wrote no file lowest")
        text = lowest.read_text()
    losses, points = read_lowest(text, problem.dimension)
    found_at = [int(calls) for calls in re.findall(r"after\s+(\d+) function calls", text)]
    quenches = len(re.findall(r"^ Qu ", run.output, flags=re.MULTILINE))
    calls = int(re.search(r"Number of potential calls\s+(\d+)", run.output).group(1))
    minima = [problem.to_house(point) for point in points]
    return BasinHopping(run.seconds, quenches, calls, losses, minima, found_at)


def _calls(output: str, kind: str) -> int | None:
    """A count of OPTIM's closing lines, or None."""
    match = re.search(re.escape(f"# of {kind}=") + r"\s+(\d+)", output)
    return int(match.group(1)) if match else None


def optim_newconnect(
    suite: Suite,
    problem: Problem,
    start: np.ndarray,
    finish: np.ndarray,
    settings: str = "lean",
    cpu_limit: int = 600,
) -> Attempt:
    """Connect two minima (house order, already aligned: OPTIM aligns atoms, not units) by OPTIM.

    settings: a key of SETTINGS. It is killed at cpu_limit seconds; what it had found by then counts. OPTIM prints its
    calls only if it ends well, and those downhill are among them.
    """
    first, second = problem.to_suite(start), problem.to_suite(finish)
    keywords = network_line(problem) + SETTINGS[settings] + "VARIABLES\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(problem, folder)
        (folder / "odata").write_text(keywords + _column(first))
        (folder / "finish").write_text(_column(second))
        run = processes.run([str(suite.optim)], folder, cpu_limit)
        written = folder / "path.info"
        text = written.read_text() if written.exists() else ""
    triples = []
    for found in path_info.read(text, problem.dimension):
        points = (found.plus, found.transition_state, found.minus)
        triples.append(Triple(*(problem.to_house(point.x) for point in points)))
    calls = _calls(run.output, "energy+gradient calls")
    hessians = _calls(run.output, "energy+gradient+Hessian calls")
    return Attempt(run.seconds, triples, calls, hessians, None)
