"""One data set: the point estimate, the minima mixed, and the whole posterior, on the same test rows."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import t as student

from llcommon.inorder import run_in_order
from llcommon.status import Status
from llcommon.store import Landscape
from llpathsample.bayes import sampling
from llpathsample.bayes.harmonic import Harmonic, harmonic_of
from llpathsample.bayes.importance import Importance, importance
from llpathsample.bayes.measures import Measures, measures
from llpathsample.bayes.predictions import LEVEL, Scores, predictions_at, scores, standard_error
from llpathsample.bayes.problem import Problem
from llpathsample.bayes.quadrature import MOST_COORDINATES, Quadrature, quadrature

POINT, MIXED, MCMC, IMPORTANCE, QUADRATURE = "point", "mixed", "mcmc", "importance", "quadrature"
_CONTRADICTION = 4.0  # standard errors between two estimates of one mean log density that contradict each other
_INEXACT = 0.005  # what quadrature and cut-off weights may be wrong by, in nats a row


@dataclass(frozen=True)
class Plan:
    """seed; lengths of chains; draws of importance sampling; check: whether to integrate by quadrature, too; chains:
    whether to sample at all, as emcee is there."""

    seed: int = 1
    lengths: sampling.Lengths = field(default_factory=sampling.Lengths)
    importance_draws: int = 4000
    check: bool = False
    chains: bool = True

    def integrates(self, problem: Problem) -> bool:
        """Whether quadrature is done: if asked for, or in place of chains, where it can be."""
        return problem.model.dimension <= MOST_COORDINATES and (self.check or not self.chains)


@dataclass(frozen=True)
class Gain:
    """Mean over test rows of a difference of log densities, in nats; error: of rows and of Monte Carlo together; low,
    high: its 95 % confidence interval by Student's t. NaN of a single row."""

    mean: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class DataSet:
    """A landscape with its test rows, before anything is sampled."""

    name: str
    problem: Problem
    density: Harmonic
    measures: Measures
    point: Scores
    mixed: Scores


@dataclass(frozen=True)
class Comparison:
    """All of one data set. chains: None without emcee; exact: None where nothing was integrated by quadrature."""

    data: DataSet
    chains: sampling.Sampled | None
    drawn: Importance
    exact: Quadrature | None

    @property
    def method(self) -> str:
        """What the marginalised prediction comes from: chains, else quadrature, else importance sampling."""
        if self.chains is not None:
            return MCMC
        return IMPORTANCE if self.exact is None else QUADRATURE

    @property
    def marginal(self) -> Scores:
        """Scores of the marginalised prediction."""
        return {MCMC: self.chains, IMPORTANCE: self.drawn, QUADRATURE: self.exact}[self.method].scores

    @property
    def status(self) -> Status:
        """UNRELIABLE if the estimate says so itself, or if another that is reliable contradicts it."""
        used = {MCMC: self.chains, IMPORTANCE: self.drawn, QUADRATURE: self.exact}[self.method]
        if used.status != Status.CONVERGED:
            return used.status
        others = [other for other in (self.drawn, self.exact) if other is not None and other.status == Status.CONVERGED]
        agree = all(_agree(used.scores, other.scores) for other in others)
        return Status.CONVERGED if agree else Status.UNRELIABLE

    @property
    def of_mixing(self) -> Gain:
        """Of the minima mixed over the point estimate."""
        return gain(self.data.mixed, self.data.point)

    @property
    def of_marginalising(self) -> Gain:
        """Of the whole posterior over the point estimate."""
        return gain(self.marginal, self.data.point)

    def methods(self) -> dict[str, Scores]:
        """Scores by method."""
        found = {POINT: self.data.point, MIXED: self.data.mixed}
        for name, one in ((MCMC, self.chains), (IMPORTANCE, self.drawn), (QUADRATURE, self.exact)):
            if one is not None:
                found[name] = one.scores
        return found


def _agree(first: Scores, second: Scores) -> bool:
    error = float(np.hypot(first.monte_carlo_error, second.monte_carlo_error))
    return abs(first.mean - second.mean) <= _CONTRADICTION * error + _INEXACT


def gain(better: Scores, worse: Scores) -> Gain:
    """Of one prediction over another of the same rows: paired."""
    differences = better.log_density - worse.log_density
    mean = float(differences.mean())
    error = float(np.hypot(standard_error(differences), np.hypot(better.monte_carlo_error, worse.monte_carlo_error)))
    if len(differences) < 2:
        return Gain(mean, error, float("nan"), float("nan"))
    reach = error * float(student.ppf(0.5 * (1.0 + LEVEL), len(differences) - 1))
    return Gain(mean, error, mean - reach, mean + reach)


def data_set(name: str, landscape: Landscape, problem: Problem) -> DataSet:
    """A landscape and its problem, with what the minima alone predict."""
    density = harmonic_of(problem)
    points = np.array([minimum.coordinates for minimum in problem.minima])
    return DataSet(
        name=name,
        problem=problem,
        density=density,
        measures=measures(landscape, problem, density),
        point=scores(predictions_at(problem, points[:1], np.zeros(1)), problem.targets),
        mixed=scores(predictions_at(problem, points, density.log_weights), problem.targets),
    )


def compare(
    data: list[DataSet],
    plan: Plan,
    jobs: int = 1,
    stopped: Callable[[], bool] = lambda: False,
    report: Callable[[int], object] = lambda done: None,
) -> list[Comparison] | None:
    """The comparisons of data sets, in their order; the same bits whatever `jobs`, processes side by side.

    report: is called with how many parts are done, of `parts_of` each. None if it was stopped before the end.
    """
    tasks = [(number, task) for number, one in enumerate(data) for task in _tasks(one.problem, one.density, plan)]
    results: list[list] = [[] for _ in data]

    def take(place: int, result) -> None:
        results[tasks[place][0]].append(result)
        report(place + 1)

    thunks = [lambda task=task: task for _, task in tasks]
    if run_in_order(_nothing, (), _run, thunks, jobs, stopped, take) < len(tasks):
        return None
    return [_compared(one, plan, parts) for one, parts in zip(data, results, strict=True)]


def parts_of(data: list[DataSet], plan: Plan) -> int:
    """Parts of the work of `compare`."""
    return sum(len(_tasks(one.problem, one.density, plan)) for one in data)


def _tasks(problem: Problem, density: Harmonic, plan: Plan) -> list[tuple]:
    """Functions with their arguments, that of importance sampling first, then that of quadrature, if any."""
    tasks = [(importance, problem, density, plan.importance_draws, plan.seed)]
    if plan.integrates(problem):
        tasks.append((quadrature, problem, density))
    if plan.chains:
        ensembles = range(plan.lengths.ensembles)
        tasks += [(sampling.run_ensemble, problem, density, plan.lengths, plan.seed, number) for number in ensembles]
    return tasks


def _nothing() -> None:
    """What a process needs before its first task."""


def _run(function: Callable, *arguments):
    return function(*arguments)


def _compared(data: DataSet, plan: Plan, parts: list) -> Comparison:
    drawn, *rest = parts
    exact = rest.pop(0) if plan.integrates(data.problem) else None
    chains = sampling.sampled(data.problem, rest, plan.lengths) if plan.chains else None
    return Comparison(data, chains, drawn, exact)
