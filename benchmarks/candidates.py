"""The task `candidates`: what becomes of every maximum of the first bands between random pairs of minima.

Iris 4-10-3 at four strengths of regularisation. Bands, searches and runs downhill are those of the settings as they
come, except that the saddle search is dense or krylov by name. A transition state counts if `verification` agrees, with
both sides reached if it calls both of them minima of a lower loss.
"""

import statistics
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from benchmarks import curvature, ours, pairs, prices, table, verification
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say
from llcommon.rng import generator
from lloptim.bands import Candidate, relaxed_band
from lloptim.saddles import SaddleSearch

REGULARISATIONS = (1e-3, 1e-4, 1e-5, 1e-6)
_TARGET = {1e-3: ">= 99 %", 1e-4: ">= 98 %", 1e-5: ">= 96 %", 1e-6: ">= 94 %"}
_SEARCHES = ("dense", "krylov")


@dataclass(frozen=True)
class Outcome:
    """One candidate. seconds: CPU of the search, downhill_seconds: of both sides."""

    status: str
    transition_state: bool
    both_sides: bool
    evaluations: int
    hessians: int
    seconds: float
    downhill: int
    downhill_seconds: float


def first_candidates(problem: Problem, minima: list[np.ndarray], number: int) -> tuple[list[Candidate], int, int]:
    """So many candidates, the bands they are from, and the evaluations of these."""
    model = ours.model_of(problem)
    settings = ours.settings_of(problem).connect
    found: list[Candidate] = []
    bands = 0
    evaluations = 0
    for first, second in pairs.endless_pairs(problem, minima):
        band = relaxed_band(model, settings, first, second, 0, generator(bands, "benchmark"))
        bands += 1
        evaluations += band.evaluations
        found += band.candidates()
        if len(found) >= number:
            return found[:number], bands, evaluations
    raise AssertionError("pairs never end")


def _outcome(problem: Problem, search: SaddleSearch, candidate: Candidate) -> Outcome:
    """The search from one candidate and both ways down."""
    begin = time.process_time()
    result = search.search(candidate.coordinates, candidate.tangent)
    middle = time.process_time()
    spent = (result.evaluations, result.hessians, middle - begin)
    if result.transition_state is None:
        return Outcome(result.status.label, False, False, *spent, 0, 0.0)
    sides = search.triple(result.transition_state, result.mode)
    downhill = (sides.evaluations, time.process_time() - middle)
    state = verification.verify(problem, result.transition_state.coordinates)
    if not state.is_transition_state:
        return Outcome("not verified", False, False, *spent, *downhill)
    if sides.triple is None:
        return Outcome(f"side: {sides.status.label}", True, False, *spent, *downhill)
    ends = [verification.verify(problem, end.coordinates) for end in (sides.triple.plus, sides.triple.minus)]
    reached = all(end.is_minimum and end.polished_loss < state.polished_loss for end in ends)
    return Outcome("" if reached else "side not verified", True, reached, *spent, *downhill)


def _figures(task: str, kind: str, found: list[Outcome], price: prices.Prices, target: str) -> list[table.Figure]:
    """Rows of one search at one regularisation."""
    number = len(found)
    failures = Counter(outcome.status for outcome in found if outcome.status)
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(failures.items())) or "none"
    program = f"{table.OURS}, {kind}"
    states = sum(outcome.transition_state for outcome in found)
    reached = sum(outcome.both_sides for outcome in found)
    cost = [outcome.evaluations + price.hessian * outcome.hessians for outcome in found]
    medians = {
        "Hessians of a search (median)": statistics.median(outcome.hessians for outcome in found),
        "gradients of a search (median)": statistics.median(outcome.evaluations for outcome in found),
        "gradients and Hessians of a search (median)": statistics.median(cost),
        "gradients downhill, both sides (median)": statistics.median(outcome.downhill for outcome in found),
    }
    seconds = sum(outcome.seconds for outcome in found) / number
    downhill = sum(outcome.downhill_seconds for outcome in found) / number
    return [
        table.Figure(task, program, "candidates that end as verified TS", table.share(states, number), target),
        table.Figure(task, program, "and reach two minima", table.share(reached, number), target),
        table.Figure(task, program, "what became of the others", reasons),
        *(table.Figure(task, program, name, table.three_figures(value)) for name, value in medians.items()),
        table.Figure(task, program, "CPU of a search, a candidate (mean)", table.duration(seconds)),
        table.Figure(task, program, "CPU downhill, a candidate (mean)", table.duration(downhill)),
    ]


def candidates(options: Options) -> table.Result:
    """Shares, evaluations and CPU of a candidate for both kinds of search, which take turns."""
    figures = []
    for regularisation in options.regularisations or REGULARISATIONS:
        problem = problems.iris(regularisation)
        curvature.check(problem)
        minima = ours.minima(problem, options.steps)
        chosen, bands, evaluations = first_candidates(problem, minima, options.candidates)
        model = ours.model_of(problem)
        searches = {
            kind: SaddleSearch(model, ours.settings_of(problem, saddle_search=kind)) for kind in _SEARCHES
        }
        found: dict[str, list[Outcome]] = {kind: [] for kind in _SEARCHES}
        for search in searches.values():
            _outcome(problem, search, chosen[0])  # loads compiled code
        for candidate in chosen:
            for kind, search in searches.items():
                found[kind].append(_outcome(problem, search, candidate))
        say(f"lambda {regularisation:g}: {len(minima)} minima, {bands} bands, {len(chosen)} candidates")
        task = f"candidates, lambda {regularisation:g}"
        price = prices.measured(problem)
        figures += price.figures(task)
        figures.append(table.Figure(task, table.OURS, "minima; bands", f"{len(minima)}; {bands}"))
        share = table.three_figures(evaluations / len(chosen))
        figures.append(table.Figure(task, table.OURS, "gradients of the bands, a candidate", share))
        for kind, outcomes in found.items():
            figures += _figures(task, kind, outcomes, price, _TARGET.get(regularisation, ""))
    return table.Result([], figures)
