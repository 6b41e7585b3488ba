"""The tasks `hits` and `distinct`: how soon a search reaches the lowest minimum, and how many minima it finds."""

import math
import statistics
from collections.abc import Callable

from benchmarks import collecting, environment, hunting, table
from benchmarks import problem as problems
from benchmarks.collecting import Collected
from benchmarks.hunting import Goal, Hunt
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say
from benchmarks.suite import Walk

# Settings were chosen on the seeds from 1 on (README), so they are measured on others.
_FIRST_SEED = 101
_BUDGET = 2000  # quenches

# Ours: keys of [search] that differ from those that come.
_HIT_BEST = {
    "iris": {"moves": ["soft-mode"], "finish": "improving"},
    "wine": {"finish": "improving"},
}
_DISTINCT_BEST = {"moves": ["layer"]}

# GMIN with the group's settings, two memories, and as tuned.
_GROUP = Walk()
_GROUP_SHORT = Walk(updates=10)
_GMIN_TUNED = {
    "iris": Walk(start="normal", step=1.5, temperature=1e-3),
    "wine": Walk(start="normal"),
}
_GMIN_MANY = Walk(step=2.0)

_SCIPY = {
    "iris": {"stepsize": 1.0, "T": 1e-3, "maxcor": 20, "gtol": 1e-5, "ftol": 1e-11},
    "wine": {"stepsize": 1.0, "T": 1e-3, "maxcor": 20, "gtol": 1e-5, "ftol": 1e-11},
}
_TOPSEARCH = {
    "half_width": 20.0,
    "iterations": 5000,
    "memory": 30,
    "tolerance": 1e-5,
    "temperature": 1e-3,
    "step": 1.0,
}

_BEST = "best moves"
_MILESTONES = (10, 50, 200)  # distinct minima


def _goals() -> list[Goal]:
    """What is hunted; the lowest loss of wine is the lowest that any program here has found."""
    return [
        Goal("iris", problems.iris(), 0.02254296086, _BUDGET),
        Goal("wine", problems.wine(), 0.004566156384, _BUDGET),
    ]


def _hunters(goal: Goal, suite: environment.Suite, python) -> dict[str, Callable[[int], Hunt]]:
    """The programs by name; each takes a seed."""
    own = _HIT_BEST[goal.name]
    return {
        table.OURS: lambda seed: hunting.house(goal, seed, {}),
        f"{table.OURS}, {_BEST}": lambda seed: hunting.house(goal, seed, own),
        "GMIN, group, UPDATES 100": lambda seed: hunting.gmin(goal, seed, suite, _GROUP),
        "GMIN, group, UPDATES 10": lambda seed: hunting.gmin(goal, seed, suite, _GROUP_SHORT),
        "GMIN, tuned": lambda seed: hunting.gmin(goal, seed, suite, _GMIN_TUNED[goal.name]),
        "SciPy basinhopping, tuned": lambda seed: hunting.scipy(goal, seed, _SCIPY[goal.name]),
        "topsearch, tuned": lambda seed: hunting.topsearch(goal, seed, python, _TOPSEARCH),
    }


def _mean(values: list[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    if len(values) < 2:
        return values[0], math.nan
    return statistics.mean(values), statistics.stdev(values) / math.sqrt(len(values))


def _hit_figures(task: str, hunts: dict[str, list[Hunt]]) -> list[table.Figure]:
    """The rows of one goal. A miss counts with what it has spent."""
    seconds = {name: _mean([hunt.seconds for hunt in found]) for name, found in hunts.items()}
    own = {name: value for name, (value, _) in seconds.items() if name.startswith(table.OURS)}
    figures = []
    for name, found in hunts.items():
        quenches = [hunt.quenches for hunt in found]
        mean, error = seconds[name]
        values = {
            "quenches, mean": table.three_figures(statistics.mean(quenches)),
            "median": table.three_figures(statistics.median(quenches)),
            "CPU, mean": f"{table.duration(mean)} +- {100.0 * error / mean:.0f} %",
        }
        for other, value in own.items():
            title = "ratio" if other == table.OURS else f"ratio to {_BEST}"
            values[title] = table.three_figures(mean / value)
        values["misses"] = str(sum(not hunt.hit for hunt in found))
        figures += [table.Figure(task, name, quantity, value) for quantity, value in values.items()]
    return figures


def hits(options: Options) -> table.Result:
    """CPU seconds and quenches until the lowest minimum known is reached, from random starts."""
    suite = environment.prepare()
    python = environment.prepare_topsearch()
    figures = []
    for goal in _goals():
        hunters = _hunters(goal, suite, python)
        for search in ({}, _HIT_BEST[goal.name]):
            hunting.house(goal, 0, search)  # loads compiled code
        hunts: dict[str, list[Hunt]] = {name: [] for name in hunters}
        for number in range(options.seeds):
            for name, hunter in hunters.items():
                hunts[name].append(hunter(_FIRST_SEED + number))
            say(f"hits: {goal.name}, seed {number + 1} of {options.seeds}")
        task = f"{goal.name} {goal.problem.inputs}-{goal.problem.hidden}-{goal.problem.outputs}, {options.seeds} seeds"
        figures += _hit_figures(task, hunts)
    return table.Result([], figures)


def _collectors(problem: Problem, seconds: float, suite: environment.Suite) -> dict[str, Callable[[int], Collected]]:
    """The programs by name; each takes a seed."""
    return {
        table.OURS: lambda seed: collecting.house(problem, seconds, seed, {}),
        f"{table.OURS}, {_BEST}": lambda seed: collecting.house(problem, seconds, seed, _DISTINCT_BEST),
        "GMIN, group": lambda seed: collecting.gmin(problem, seconds, seed, suite, _GROUP),
        "GMIN, tuned": lambda seed: collecting.gmin(problem, seconds, seed, suite, _GMIN_MANY),
    }


def _distinct_figures(task: str, counts: dict[str, list[collecting.Counted]], quenches: dict) -> list[table.Figure]:
    """The rows of one problem: medians over the rounds; of a milestone only if every round has reached it."""
    figures = []
    group = statistics.median(len(counted.at) for counted in counts["GMIN, group"])
    tuned = statistics.median(len(counted.at) for counted in counts["GMIN, tuned"])
    for name, found in counts.items():
        number = statistics.median(len(counted.at) for counted in found)
        values = {"distinct": table.three_figures(number)}
        values["times GMIN, group"] = table.three_figures(number / group)
        values["times GMIN, tuned"] = table.three_figures(number / tuned)
        for milestone in _MILESTONES:
            times = [counted.seconds_to(milestone) for counted in found]
            reached = all(when is not None for when in times)
            values[f"CPU to {milestone}"] = table.duration(statistics.median(times) if reached else None)
        values["quenches"] = table.three_figures(statistics.median(quenches[name]))
        values["no minima"] = str(sum(counted.unverified for counted in found))
        values["repeated"] = str(sum(counted.repeated for counted in found))
        figures += [table.Figure(task, name, quantity, value) for quantity, value in values.items()]
    return figures


def distinct(options: Options) -> table.Result:
    """Distinct minima found in a fixed CPU time, and the time until so many were found."""
    suite = environment.prepare()
    factors = options.regularisations or (1e-4, 1e-5)
    landscapes = {f"iris 4-10-3, lambda {factor:g}": problems.iris(factor) for factor in factors}
    figures = []
    for title, problem in landscapes.items():
        collectors = _collectors(problem, options.seconds, suite)
        for search in ({}, _DISTINCT_BEST):
            collecting.house(problem, 0.2, 0, search)  # loads compiled code
        counts: dict[str, list[collecting.Counted]] = {name: [] for name in collectors}
        quenches: dict[str, list[int]] = {name: [] for name in collectors}
        for number in range(options.repeats):
            for name, collector in collectors.items():
                collected = collector(_FIRST_SEED + number)
                quenches[name].append(collected.quenches)
                counts[name].append(collecting.count(problem, collected))
                say(f"distinct: {title}, round {number + 1} of {options.repeats}, {name}")
        task = f"{title}, {table.duration(options.seconds)}, n {options.repeats}"
        figures += _distinct_figures(task, counts, quenches)
    return table.Result([], figures)
