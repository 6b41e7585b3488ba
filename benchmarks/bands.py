"""The task `bands`: connections with one setting of the band changed at a time."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks import ours, pairs, prices, table, verification
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say

REGULARISATIONS = (1e-4,)
# The keys of [connect] that differ from those that come.
VARIANTS = {
    "as it comes": {},
    "nudged once": {"double_nudging": False},
    "no climbing": {"climb_after": -1},
    "climbing from the first step": {"climb_after": 0},
    "springs adjusted every 5 steps": {"adjust_springs_every": 5},
    "interpolation by rotation": {"interpolation": "rotation"},
    "20 steps": {"iterations": 20},
    "60 steps": {"iterations": 60},
    "60 steps, nudged once": {"iterations": 60, "double_nudging": False},
    "60 steps, no climbing": {"iterations": 60, "climb_after": -1},
    "60 steps, springs adjusted every 5": {"iterations": 60, "adjust_springs_every": 5},
    "60 steps, interpolation by rotation": {"iterations": 60, "interpolation": "rotation"},
    "no steps": {"iterations": 0},
}


@dataclass
class _Tally:
    """Sums over the pairs of one variant. seconds: CPU of each pair."""

    judged: list[verification.Judged] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def add(self, found: ours.Connected, judged: verification.Judged) -> None:
        self.judged.append(judged)
        for name, count in found.counters.items():
            self.counters[name] = self.counters.get(name, 0) + count


def _measure(problem: Problem, chosen: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, _Tally]:
    """Every variant on every pair, in turns."""
    tallies = {name: _Tally() for name in VARIANTS}
    for number, (start, finish) in enumerate(chosen):
        for name, keys in VARIANTS.items():
            found = ours.connect(problem, start, finish, ours.settings_of(problem, **keys))
            tallies[name].add(found, verification.judge(problem, found.attempt, start, finish))
        say(f"bands: pair {number + 1} of {len(chosen)}")
    return tallies


def _figures(problem: Problem, name: str, tally: _Tally, price: prices.Prices) -> list[table.Figure]:
    """Rows of one variant."""
    task = f"bands, lambda {problem.regularisation:g}"
    attempts = [one.attempt for one in tally.judged]
    within = sum(len(one.distinct) for one in tally.judged)
    over = len(verification.distinct(problem, [point for one in tally.judged for point in one.distinct]))
    searches = tally.counters.get("saddle searches", 0)
    ended_well = tally.counters.get("transition states", 0) + tally.counters.get("saddle duplicate", 0)
    evaluations = sum(attempt.gradients + price.hessian * attempt.hessians for attempt in attempts)
    seconds = sum(attempt.seconds for attempt in attempts)
    most = max(within, 1)

    def row(quantity: str, value: str) -> table.Figure:
        return table.Figure(task, name, quantity, value)

    band = tally.counters.get("band evaluations", 0)
    return [
        row("pairs joined", table.share(sum(one.joined for one in tally.judged), len(tally.judged))),
        row("bands; candidates", f"{tally.counters.get('bands', 0)}; {searches}"),
        row("end as TS, new or known", table.share(ended_well, searches)),
        row("verified TS in pairs; over all", f"{within}; {over}"),
        row("a TS: gradients of bands", table.three_figures(band / most)),
        row("gradients and Hessians", table.three_figures(evaluations / most)),
        row("CPU of a TS", table.duration(seconds / most)),
    ]


def bands(options: Options) -> table.Result:
    """Pairs joined, candidates, evaluations and CPU of a transition state for every variant."""
    figures = []
    for regularisation in options.regularisations or REGULARISATIONS:
        problem = problems.iris(regularisation)
        minima = ours.minima(problem, options.steps)
        chosen = pairs.random_pairs(problem, minima, options.pairs)
        ours.connect(problem, *chosen[0])  # loads compiled code
        tallies = _measure(problem, chosen)
        price = prices.measured(problem)
        for name, tally in tallies.items():
            figures += _figures(problem, name, tally, price)
    return table.Result([], figures)
