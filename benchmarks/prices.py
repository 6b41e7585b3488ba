"""What a Hessian and a decomposition cost, in evaluations of loss and gradient, measured in the run that uses it."""

import statistics
from dataclasses import dataclass

import numpy as np

from benchmarks import kernels, ours, table
from benchmarks.problem import Problem

_ROUNDS = 5


@dataclass(frozen=True)
class Prices:
    """CPU seconds of one evaluation, and of a Hessian and of all its eigenvectors in evaluations."""

    gradient: float
    hessian: float
    decomposition: float

    def figures(self, task: str) -> list[table.Figure]:
        """Rows that say so."""
        return [
            table.Figure(task, table.OURS, "CPU of a loss and gradient", table.duration(self.gradient)),
            table.Figure(task, table.OURS, "a Hessian, in gradients", table.three_figures(self.hessian)),
            table.Figure(
                task, table.OURS, "eigenvectors of a Hessian, in gradients", table.three_figures(self.decomposition)
            ),
        ]


def measured(problem: Problem) -> Prices:
    """Medians of rounds in which the three take turns, as compiled code calls them (eigenvectors: NumPy's eigh)."""
    model = ours.model_of(problem)
    x = np.random.default_rng(1).standard_normal(problem.dimension)
    gradient = np.empty(problem.dimension)
    hessian = model.hessian(x)
    packed = model.hessian_packed()
    work = {
        "gradient": lambda times: kernels.repeat_kernel(model.kernel, x, gradient, *packed, times),
        "hessian": lambda times: kernels.repeat_hessian(model.hessian_kernel, x, hessian, *packed, times),
        "decomposition": kernels.python_loop(np.linalg.eigh, model.hessian(x)),
    }
    results = table.interleaved({name: kernels.seconds_of(job) for name, job in work.items()}, _ROUNDS)
    unit = results["gradient"]

    def price(name: str) -> float:
        return statistics.median(cost / one for cost, one in zip(results[name], unit, strict=True))

    return Prices(statistics.median(unit), price("hessian"), price("decomposition"))
