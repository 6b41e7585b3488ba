"""The task `sides`: from transition states down to minima, by the path of steepest descent and by quenches.

Iris 4-10-3; the transition states are those that candidates of first bands between random pairs of minima end at.
"""

import time

import numpy as np

from benchmarks import ours, table
from benchmarks import problem as problems
from benchmarks.candidates import first_candidates
from benchmarks.options import Options
from benchmarks.progress import say
from lloptim.saddles import SaddleSearch

REGULARISATIONS = (1e-4,)
WAYS = ("steepest-descent", "quench")
_SAME = 1e-3  # distance of two ends of one side, which need no alignment


def _ends(search: SaddleSearch, state, mode: np.ndarray) -> tuple[list[np.ndarray | None], float]:
    """Where both sides end, None for a side that fails, and CPU seconds."""
    begin = time.process_time()
    both = search.downhill.both_sides(state, mode)
    seconds = time.process_time() - begin
    return [side.minimum.coordinates if side.minimum is not None else None for side in both], seconds


def sides(options: Options) -> table.Result:
    """CPU of a side by either way, in turns, and the share of sides that end in different minima."""
    figures = []
    for regularisation in options.regularisations or REGULARISATIONS:
        problem = problems.iris(regularisation)
        model = ours.model_of(problem)
        chosen, _, _ = first_candidates(problem, ours.minima(problem, options.steps), options.candidates)
        ways = {way: SaddleSearch(model, ours.settings_of(problem, downhill=way)) for way in WAYS}
        found = [ways["quench"].search(candidate.coordinates, candidate.tangent) for candidate in chosen]
        states = [(result.transition_state, result.mode) for result in found if result.transition_state is not None]
        seconds = dict.fromkeys(WAYS, 0.0)
        compared = differ = 0
        for search in ways.values():
            _ends(search, *states[0])  # loads compiled code
        for state, mode in states:
            ends = {}
            for way, search in ways.items():
                ends[way], spent = _ends(search, state, mode)
                seconds[way] += spent
            for path, quench in zip(ends["steepest-descent"], ends["quench"], strict=True):
                if path is not None and quench is not None:
                    compared += 1
                    differ += np.linalg.norm(path - quench) > _SAME
        say(f"sides: lambda {regularisation:g}, {len(states)} transition states")
        task = f"sides, lambda {regularisation:g}"
        for way in WAYS:
            mean = table.duration(seconds[way] / (2 * len(states)))
            figures.append(table.Figure(task, way, "CPU of a side (mean)", mean))
        share = table.share(int(differ), compared)
        figures.append(table.Figure(task, "quench", "sides that end elsewhere than the path", share))
    return table.Result([], figures)
