"""The practitioner's way: a vectorised NumPy loss, quenched by SciPy's L-BFGS-B."""

import math
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from benchmarks.problem import Problem


class NumpyLoss:
    """Cross-entropy of softmax outputs plus lambda |w|^2, and its gradient, in plain NumPy."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.rows = np.arange(problem.classes.size)
        self.evaluations = 0

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """L(x) and its gradient (N,), x in house order."""
        self.evaluations += 1
        problem = self.problem
        features, classes = problem.features, problem.classes
        first, second = problem.layers(x)
        activations = np.tanh(features @ first[:-1] + first[-1])
        outputs = activations @ second[:-1] + second[-1]
        outputs -= outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(outputs)
        sums = exponentials.sum(axis=1)
        cross_entropy = (np.log(sums) - outputs[self.rows, classes]).mean()

        delta = exponentials / sums[:, None]
        delta[self.rows, classes] -= 1.0
        delta /= classes.size
        hidden_delta = (delta @ second[:-1].T) * (1.0 - activations * activations)

        gradient = 2.0 * problem.regularisation * x
        first_gradient, second_gradient = problem.layers(gradient)
        first_gradient[:-1] += features.T @ hidden_delta
        first_gradient[-1] += hidden_delta.sum(axis=0)
        second_gradient[:-1] += activations.T @ delta
        second_gradient[-1] += delta.sum(axis=0)
        return float(cross_entropy + problem.regularisation * (x @ x)), gradient


@dataclass(frozen=True)
class Quench:
    """One quench: where it ended, root mean square of the gradient there, evaluations, CPU seconds."""

    x: np.ndarray
    loss: float
    rms: float
    evaluations: int
    seconds: float


def quench(problem: Problem, start: np.ndarray, rms: float = 1e-6, memory: int = 10) -> Quench:
    """Quench by L-BFGS-B until |g| / sqrt(N) <= rms, the criterion of GMIN and of this house.

    SciPy's own `gtol` bounds the largest component of g, which asks for more: it is switched off
    and a callback stops at the first accepted point that meets the criterion. At a callback the last
    point evaluated is the one the line search accepted, so the criterion costs no evaluation.
    """
    loss = NumpyLoss(problem)
    limit = rms * math.sqrt(problem.dimension)
    last = {"norm": math.inf}

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(x)
        last["norm"] = math.sqrt(gradient @ gradient)
        return value, gradient

    def stop_when_converged(intermediate_result) -> None:
        if last["norm"] <= limit:
            raise StopIteration

    options = {"maxcor": memory, "ftol": 0.0, "gtol": 0.0, "maxiter": 50000, "maxfun": 100000}
    begin = time.process_time()
    result = minimize(
        objective, start, method="L-BFGS-B", jac=True, callback=stop_when_converged, options=options
    )
    seconds = time.process_time() - begin
    evaluations = loss.evaluations
    value, gradient = loss(result.x)
    final_rms = math.sqrt(gradient @ gradient / problem.dimension)
    return Quench(result.x, value, final_rms, evaluations, seconds)
