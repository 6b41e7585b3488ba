"""The task `connect`: the same random pairs of minima for every program, every transition state judged alike.

The budget of ours is that of [connect] as it comes: up to 60 rounds of the missing-connection algorithm, up to 6 bands
for an edge. OPTIM has up to 100 rounds and CPU_LIMIT seconds of CPU a pair. topsearch has one attempt, as its own
programs give a pair.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import curvature, environment, ours, pairs, prices, table, topsearch_peer, verification
from benchmarks import problem as problems
from benchmarks import suite as original
from benchmarks.attempt import Attempt
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say

REGULARISATIONS = (1e-4, 1e-5)
CPU_LIMIT = 60
_GMIN_STEPS = 1000
_TARGET_JOINED = {1e-4: ">= 90 %", 1e-5: ">= 80 %"}
_WITH_TARGET = ("OPTIM", "topsearch")
_TARGETS_SHOWN = ">= 50 (OPTIM), 40 (topsearch)"

_BARE = "a verified TS: gradients and Hessians, downhill left out"
_DECOMPOSED = "  the same, with at most a decomposition each Hessian"
_DOWNHILL = "  gradients downhill, both sides"
_ALL = "a verified TS: all of these evaluations"
_ALL_DECOMPOSED = "  all, with at most a decomposition each Hessian"

Job = Callable[[Problem, np.ndarray, np.ndarray], Attempt]


@dataclass(frozen=True)
class Program:
    """One that connects pairs: the first `pairs` of them."""

    name: str
    job: Job
    pairs: int


def _programs(options: Options) -> list[Program]:
    """Ours and the peers asked for."""
    programs = [Program(table.OURS, lambda *pair: ours.connect(*pair).attempt, options.pairs)]
    suite = environment.prepare()

    def optim(settings: str) -> Job:
        return lambda *pair: original.optim_newconnect(suite, *pair, settings=settings, cpu_limit=CPU_LIMIT)

    for settings in original.SETTINGS:
        if f"optim-{settings}" in options.peers:
            programs.append(Program(f"OPTIM, {settings} settings", optim(settings), options.pairs))
    if "topsearch" in options.peers and options.topsearch_pairs:
        python = environment.prepare_topsearch()
        number = min(options.topsearch_pairs, options.pairs)
        programs.append(Program("topsearch, tuned", lambda *pair: topsearch_peer.connect(python, *pair), number))
    return programs


def _attempt(program: Program, problem: Problem, start: np.ndarray, finish: np.ndarray) -> Attempt:
    """The program's attempt; if it fails, one that found nothing and took no time, so that the others go on."""
    try:
        return program.job(problem, start, finish)
    except original.PeerFailed as error:
        say(f"{program.name}, counted as an attempt of no cost: {error}")
        return Attempt(0.0, [], None, None, None)


def _judged(problem: Problem, chosen: list, programs: list[Program]) -> dict[str, list[verification.Judged]]:
    """All attempts, pair after pair, the programs in turns."""
    results: dict[str, list[verification.Judged]] = {program.name: [] for program in programs}
    for number, (start, finish) in enumerate(chosen):
        for program in programs:
            if number < program.pairs:
                attempt = _attempt(program, problem, start, finish)
                results[program.name].append(verification.judge(problem, attempt, start, finish))
        say(f"lambda {problem.regularisation:g}: pair {number + 1} of {len(chosen)}")
    return results


def _distinct_over_all(problem: Problem, found: list[verification.Judged]) -> int:
    """Distinct transition states of all pairs together."""
    return len(verification.distinct(problem, [point for one in found for point in one.distinct]))


def _seconds(found: list[verification.Judged]) -> list[float]:
    return [one.attempt.seconds for one in found]


def _per(total: float, number: int) -> float:
    return total / number if number else float("inf")


def _times(problem: Problem, results: dict[str, list[verification.Judged]]) -> list[table.Row]:
    """Rows of CPU: every peer against ours on the pairs that the peer had."""
    rows = []
    task = f"connect, lambda {problem.regularisation:g}, CPU of"
    for name, found in results.items():
        if name == table.OURS:
            continue
        own = results[table.OURS][: len(found)]
        medians = [statistics.median(_seconds(one)) for one in (own, found)]
        rows.append(table.Row(f"{task} a pair (median)", name, *medians, len(found)))
        within = [_per(sum(_seconds(one)), sum(len(pair.distinct) for pair in one)) for one in (own, found)]
        rows.append(table.Row(f"{task} a verified TS, distinct in its pair", name, *within, len(found)))
        over = [_per(sum(_seconds(one)), _distinct_over_all(problem, one)) for one in (own, found)]
        rows.append(table.Row(f"{task} a verified TS, distinct over all pairs", name, *over, len(found)))
    return rows


def _evaluations(
    task: str, program: str, attempts: list[Attempt], transition_states: int, price: prices.Prices
) -> list[table.Figure]:
    """Evaluations per transition state, in gradients. Every attempt says its calls; a Hessian of a peer is given the
    price of ours, and every Hessian at most one decomposition."""
    uphill = sum(attempt.gradients for attempt in attempts) + price.hessian * sum(one.hessians for one in attempts)
    decompositions = price.decomposition * sum(attempt.hessians for attempt in attempts)
    totals: dict[str, float] = {}
    everything = uphill
    if all(attempt.downhill is not None for attempt in attempts):
        downhill = sum(attempt.downhill for attempt in attempts)
        everything += downhill
        totals = {_BARE: uphill, _DECOMPOSED: uphill + decompositions, _DOWNHILL: downhill}
    totals |= {_ALL: everything, _ALL_DECOMPOSED: everything + decompositions}
    figures = []
    for quantity, total in totals.items():
        target = "< 800" if (quantity, program) == (_BARE, table.OURS) else ""
        value = table.three_figures(_per(total, transition_states))
        figures.append(table.Figure(task, program, quantity, value, target))
    return figures


def _figures(
    problem: Problem, results: dict[str, list[verification.Judged]], price: prices.Prices
) -> list[table.Figure]:
    """What each program found."""
    task = f"connect, lambda {problem.regularisation:g}"
    figures = price.figures(task)
    for name, found in results.items():
        returned = sum(len(one.attempt.triples) for one in found)
        verified = sum(len(one.transition_states) for one in found)
        within = sum(len(one.distinct) for one in found)
        target = _TARGET_JOINED.get(problem.regularisation, "") if name == table.OURS else ""
        joined = table.share(sum(one.joined for one in found), len(found))
        figures += [
            table.Figure(task, name, "pairs joined by verified TS", joined, target),
            table.Figure(task, name, "TS returned that verify", table.share(verified, returned)),
            table.Figure(task, name, "verified TS, distinct in a pair", str(within)),
            table.Figure(task, name, "verified TS, distinct over all pairs", str(_distinct_over_all(problem, found))),
        ]
        counted = [one for one in found if one.attempt.gradients is not None and one.attempt.hessians is not None]
        if len(counted) < len(found):
            figures.append(table.Figure(task, name, "pairs that tell their calls", str(len(counted))))
        if counted:
            number = sum(len(one.distinct) for one in counted)
            figures += _evaluations(task, name, [one.attempt for one in counted], number, price)
    return figures


def _targets(rows: list[table.Row]) -> list[table.Figure]:
    """The ratios that the project has set itself, again with their targets."""
    figures = []
    for row in rows:
        peer = row.peer_name.split(",")[0]
        if "distinct in its pair" in row.task and peer in _WITH_TARGET:
            value = table.three_figures(row.ratio)
            quantity = "CPU ratio, a verified TS distinct in its pair"
            figures.append(
                table.Figure(row.task.split(", CPU")[0], row.peer_name, quantity, value, _TARGETS_SHOWN)
            )
    return figures


def connect(options: Options) -> table.Result:
    """CPU of a pair and of a transition state, pairs joined, evaluations."""
    programs = _programs(options)
    suite = environment.prepare()
    rows, figures = [], []
    for regularisation in options.regularisations or REGULARISATIONS:
        problem = problems.iris(regularisation)
        curvature.check(problem)
        minima = pairs.gmin_minima(suite, problem, _GMIN_STEPS)
        chosen = pairs.random_pairs(problem, minima, options.pairs)
        say(f"lambda {regularisation:g}: {len(minima)} minima of GMIN, {len(chosen)} pairs")
        ours.connect(problem, *chosen[0])  # loads compiled code
        results = _judged(problem, chosen, programs)
        times = _times(problem, results)
        rows += times
        figures += _figures(problem, results, prices.measured(problem)) + _targets(times)
    return table.Result(rows, figures)
