"""Minima collected in a given CPU time, by our search and by GMIN, and how many of them are distinct.

Both hand over what they took for different minima, with the CPU second at which each was found. The judge is the same:
`verification.py` calls a point a minimum, and two are one if losses and, after alignment, places agree.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import ours, pairs, verification
from benchmarks import suite as original
from benchmarks.environment import Suite
from benchmarks.problem import Problem
from benchmarks.suite import Walk
from llcommon.store import Landscape
from llgmin.search import Search

_CALIBRATION_STEPS = 200
_MARGIN = 1.15  # steps beyond those that the calibration makes of the time
_ENDLESS = 10_000_000
_ROOM = 100_000  # minima that may be kept


@dataclass(frozen=True, eq=False)
class Collected:
    """Minima as handed over, each (N,) in house order, in the order in which they were found, and when: CPU seconds.

    quenches: in those seconds.
    """

    points: list[np.ndarray]
    at: list[float]
    quenches: int


def house(problem: Problem, seconds: float, seed: int, search: dict) -> Collected:
    """Our search in this process, the settings as they come but for these keys of [search].

    A minimum counts as found when the segment of 20 steps that found it has been merged. Seconds are all of `Search`,
    its commits included; compiled code is loaded before.
    """
    settings = ours.settings_of(problem)
    keys = {"seed": seed, "steps": _ENDLESS, "save": _ROOM} | search
    settings = replace(settings, search=replace(settings.search, **keys))
    model = ours.model_of(problem)
    at: list[float] = []
    quenches = 0
    with tempfile.TemporaryDirectory() as name:
        begin = time.process_time()
        search = Search(Landscape(settings, model), Path(name) / "collect.h5")

        def merged(done: int, text: str) -> None:
            nonlocal quenches
            now = time.process_time() - begin
            at.extend([now] * (len(search.landscape.minima) - len(at)))
            quenches = search.landscape.counters["quenches"]

        search.run(1, lambda: time.process_time() - begin >= seconds, merged)
    points = [x.copy() for x in search.landscape.minima.coordinates]
    inside = [number for number, when in enumerate(at) if when <= seconds]
    return Collected([points[number] for number in inside], [at[number] for number in inside], quenches)


def gmin(problem: Problem, seconds: float, seed: int, suite: Suite, walk: Walk) -> Collected:
    """GMIN as a process; what it first found later than at `seconds` is left out.

    Its own list of minima says after how many loss calls each was found; a call takes the same share of the process's
    seconds. The last quenches of those kept, to 1e-9, are so left out of its time.
    """
    walk = replace(walk, save=5000)
    trial = original.gmin_walk(suite, problem, _CALIBRATION_STEPS, walk, seed)
    steps = int(_MARGIN * seconds / trial.seconds * trial.quenches)
    limit = 10 * int(seconds) + 60
    found = original.gmin_walk(suite, problem, steps, walk, seed, final_tolerance=1e-9, cpu_limit=limit)
    pairs.check_same_problem(problem, found)
    each = found.seconds / found.calls
    order = np.argsort(found.found_at, kind="stable")
    kept = [number for number in order if found.found_at[number] * each <= seconds]
    at = [found.found_at[number] * each for number in kept]
    quenches = round(found.quenches * min(1.0, seconds / found.seconds))
    return Collected([found.minima[number] for number in kept], at, quenches)


@dataclass(frozen=True)
class Counted:
    """When each distinct minimum was first found, ascending.

    unverified: points handed over that are no minima; repeated: those that are one with an earlier one.
    """

    at: list[float]
    unverified: int
    repeated: int

    def seconds_to(self, number: int) -> float | None:
        """CPU seconds until so many distinct minima were found, None if they never were."""
        return self.at[number - 1] if len(self.at) >= number else None


def count(problem: Problem, collected: Collected) -> Counted:
    """Judge what was collected."""
    verified = [verification.verify(problem, x) for x in collected.points]
    good = [(point, when) for point, when in zip(verified, collected.at, strict=True) if point.is_minimum]
    # Of those that are one the earliest counts.
    first: list[tuple[verification.Verified, float]] = []
    for point, when in good:
        if not any(verification.same(problem, point, other) for other, _ in first):
            first.append((point, when))
    at = [when for _, when in first]
    return Counted(at, len(verified) - len(good), len(good) - len(first))
