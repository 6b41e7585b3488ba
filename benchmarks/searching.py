"""The tasks `hits` and `distinct`: how soon a search reaches the lowest minimum, and how many minima it finds."""

import math
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks import collecting, environment, hunting, table
from benchmarks import problem as problems
from benchmarks.collecting import Collected
from benchmarks.hunting import Goal, Hunt
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say
from benchmarks.suite import Walk
from benchmarks.surfaces import Surface

# Settings were chosen on the seeds from 1 on (README tells what was tried), so they are measured on others.
_FIRST_SEED = 101
_BUDGET = 2000  # quenches

# Ours: keys of [search] that differ from those that come.
_OURS = {
    "iris": {"moves": ["soft-mode"], "finish": "improving"},
    "wine": {"finish": "improving"},
    "rastrigin": {"moves": ["crossover", "redraw"], "finish": "improving"},
    "schwefel": {"moves": ["redraw"], "finish": "improving"},
}
_OURS_MANY = {"temperature": 1e-2}  # none of those tried was certainly better than the settings as they come

# GMIN with the group's settings, two memories, and as tuned.
_GROUP = Walk()
_GROUP_SHORT = Walk(updates=10)
_GMIN = {
    "iris": Walk(start="normal", step=1.5, temperature=1e-3),
    "wine": Walk(start="normal"),
}
_GMIN_MANY = Walk(step=3.0)

_SCIPY = {
    "iris": {"stepsize": 1.0, "T": 1e-3, "maxcor": 20, "gtol": 1e-5, "ftol": 1e-11},
    "wine": {"stepsize": 1.0, "T": 1e-3, "maxcor": 20, "gtol": 1e-6, "ftol": 1e-14},
    "rastrigin": {"stepsize": 1.0, "T": 1.0, "maxcor": 10, "gtol": 1e-5, "ftol": 1e-12},
    "schwefel": {"stepsize": 150.0, "T": 100.0, "maxcor": 10, "gtol": 1e-5, "ftol": 1e-12},
}
_NETWORK = {"half_width": 20.0, "iterations": 5000, "memory": 30, "temperature": 1e-3}
_SURFACE = {"iterations": 5000, "memory": 10, "tolerance": 1e-5}
_TOPSEARCH = {
    "iris": _NETWORK | {"step": 2.0, "tolerance": 1e-5},
    "wine": _NETWORK | {"step": 1.0, "tolerance": 2e-6},
    "rastrigin": _SURFACE | {"half_width": 5.12, "step": 1.0, "temperature": 1.0},
    "schwefel": _SURFACE | {"half_width": 500.0, "step": 150.0, "temperature": 100.0},
}

_BEST = "best setting"
_MILESTONES = (10, 50, 200)  # distinct minima


def _goals() -> dict[str, Goal]:
    """What is hunted; the lowest loss of wine is the lowest that any program here has found."""
    goals = [
        Goal("iris", problems.iris(), 0.02254296086, _BUDGET),
        Goal("wine", problems.wine(), 0.004566156384, _BUDGET),
        Goal("rastrigin", Surface("rastrigin", 10), 0.0, _BUDGET),
        # The constant of this function leaves so much at its lowest minimum.
        Goal("schwefel", Surface("schwefel", 10), 1.272757e-4, _BUDGET),
    ]
    return {goal.name: goal for goal in goals}


def _hunters(goal: Goal, suite: environment.Suite, python: Path) -> dict[str, Callable[[int], Hunt]]:
    """The programs that know the goal's function, by name; each takes a seed."""
    name = goal.name
    hunters = {
        table.OURS: lambda seed: hunting.house(goal, seed, {}),
        f"{table.OURS}, {_BEST}": lambda seed: hunting.house(goal, seed, _OURS[name]),
    }
    if name in _GMIN:
        hunters |= {
            "GMIN, group, UPDATES 100": lambda seed: hunting.gmin(goal, seed, suite, _GROUP),
            "GMIN, group, UPDATES 10": lambda seed: hunting.gmin(goal, seed, suite, _GROUP_SHORT),
            "GMIN, tuned": lambda seed: hunting.gmin(goal, seed, suite, _GMIN[name]),
        }
    return hunters | {
        "SciPy basinhopping, tuned": lambda seed: hunting.scipy(goal, seed, _SCIPY[name]),
        "topsearch, tuned": lambda seed: hunting.topsearch(goal, seed, python, _TOPSEARCH[name]),
    }


def _mean(values: list[float]) -> tuple[float, str]:
    """Mean, and its standard error in words, if there is one."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, ""
    error = statistics.stdev(values) / math.sqrt(len(values))
    return mean, f" +- {100.0 * error / mean:.0f} %"


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
            "CPU, mean": table.duration(mean) + error,
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
    goals = _goals()
    for goal in (goals[name] for name in options.goals):
        hunters = _hunters(goal, suite, python)
        for search in ({}, _OURS[goal.name]):
            hunting.house(goal, 0, search)  # loads compiled code
        hunts: dict[str, list[Hunt]] = {name: [] for name in hunters}
        for number in range(options.seeds):
            for name, hunter in hunters.items():
                hunts[name].append(hunter(_FIRST_SEED + number))
            say(f"hits: {goal.name}, seed {number + 1} of {options.seeds}")
        figures += _hit_figures(f"{goal.name}, {goal.problem.dimension} coordinates, {options.seeds} seeds", hunts)
    return table.Result([], figures)


def _collectors(problem: Problem, seconds: float, suite: environment.Suite) -> dict[str, Callable[[int], Collected]]:
    """The programs by name; each takes a seed."""
    return {
        table.OURS: lambda seed: collecting.house(problem, seconds, seed, {}),
        f"{table.OURS}, {_BEST}": lambda seed: collecting.house(problem, seconds, seed, _OURS_MANY),
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
        for search in ({}, _OURS_MANY):
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
