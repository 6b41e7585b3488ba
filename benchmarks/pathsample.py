"""The original PATHSAMPLE with OPTIM: a database of minima that it connects, a portion of jobs at a time.

Between the portions the network is read from `ts.data`, so that a growth can be stopped when it is one component, or
when it has had its CPU seconds.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import processes, suite
from benchmarks.curvature import NumpyCurvature
from benchmarks.environment import Suite
from benchmarks.problem import Problem
from benchmarks.progress import say
from benchmarks.scipy_numpy import NumpyLoss

_PORTION = 10  # OPTIM jobs between two looks at the network
_COMMENT = "0.0 0.0 0.0"  # moments of inertia, which a network has not


@dataclass(frozen=True)
class Grown:
    """What PATHSAMPLE came to: CPU seconds of it and of all its OPTIM jobs, jobs, and of the minima given those that
    the first one is connected with at the end; minima and transition states in its database."""

    seconds: float
    jobs: int
    connected: int
    minima: int
    transition_states: int


def _keywords(suite_paths: Suite, problem: Problem, settings: str) -> str:
    """pathdata of a growth: unconnected minima, the lowest first, with their two nearest connected ones."""
    chosen = [line for line in suite.SETTINGS[settings].splitlines() if line.startswith(("EDIFFTOL", "GEOMDIFFTOL"))]
    lines = [
        f"EXEC {suite_paths.optim}",
        "CPUS 1",
        f"CYCLES {_PORTION}",
        "COPYFILES MLPdata",
        "ALLTS",
        "EVCUT 1.0D-7",
        "TEMPERATURE 0.1",
        "PAIRLIST 1",
        "CONNECTUNC LOWEST 2",
        *chosen,
    ]
    return "".join(f"{line}\n" for line in lines)


def _write_database(problem: Problem, minima: list[np.ndarray], folder: Path) -> None:
    """min.data and points.min of the minima (house order), the first of them in A, the second in B; no TS."""
    loss, curvature = NumpyLoss(problem), NumpyCurvature(problem)
    lines = []
    for x in minima:
        product = np.log(np.linalg.eigvalsh(curvature.hessian(x))).sum()
        lines.append(f"{loss(x)[0]:25.15f}{product:25.15f}{1:6d} {_COMMENT}\n")
    (folder / "min.data").write_text("".join(lines))
    np.array([problem.to_suite(x) for x in minima]).tofile(folder / "points.min")
    for name in ("ts.data", "points.ts"):
        (folder / name).touch()
    for name, number in (("min.A", 1), ("min.B", 2)):
        (folder / name).write_text(f"{1:10d}\n{number:10d}\n")


def _ends(folder: Path) -> np.ndarray:
    """Pairs of minima that transition states join, from 0, int64 (m, 2)."""
    rows = [line.split()[3:5] for line in (folder / "ts.data").read_text().splitlines()]
    return np.array(rows, dtype=np.int64).reshape(-1, 2) - 1


def _connected(ends: np.ndarray, count: int, given: int) -> int:
    """How many of the first `given` of `count` minima a path of transition states joins to the first."""
    label = np.arange(count)
    changed = True
    while changed:
        before = label.copy()
        for a, b in ends:
            label[a] = label[b] = min(label[a], label[b])
        changed = not np.array_equal(before, label)
    return int(np.count_nonzero(label[:given] == 0))


def grow(paths: Suite, problem: Problem, minima: list[np.ndarray], settings: str, seconds: float) -> Grown:
    """Let PATHSAMPLE connect minima (house order, aligned onto the first, which is the lowest) until they are one
    component or so many CPU seconds are gone.

    settings: a key of `suite.SETTINGS`, for OPTIM and for what PATHSAMPLE calls the same point. Raises PeerFailed if it
    ends with an error.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite.write_data(problem, folder)
        _write_database(problem, minima, folder)
        (folder / "pathdata").write_text(_keywords(paths, problem, settings) + suite.network_line(problem))
        template = suite.network_line(problem) + suite.SETTINGS[settings] + "VARIABLES\n"
        (folder / "odata.connect").write_text(template)
        spent, jobs = 0.0, 0
        while True:
            run = processes.run([str(paths.pathsample)], folder, cpu_limit=int(seconds))
            spent += run.seconds
            jobs += _PORTION
            count = len((folder / "min.data").read_text().splitlines())
            ends = _ends(folder)
            connected = _connected(ends, count, len(minima))
            say(f"PATHSAMPLE, {settings}: {jobs} jobs, {spent:.0f} s, {connected} of {len(minima)} connected")
            if run.exit_code != 0:
                last = (run.output.strip().splitlines() or ["no message"])[-1]
                raise suite.PeerFailed(f"PATHSAMPLE ended with exit code {run.exit_code}: {last}")
            if connected == len(minima) or spent >= seconds:
                return Grown(spent, jobs, connected, count, len(ends))
