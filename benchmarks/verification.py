"""Is a point a transition state? NumPy only: none of the programs compared judges its own points here.

The Hessian is the exact one of the loss of `scipy_numpy.py`, its eigenvalues those of a dense decomposition.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.problem import Problem
from benchmarks.scipy_numpy import NumpyLoss


def _row_curvature(row: np.ndarray, problem: Problem, x: np.ndarray, label: int) -> np.ndarray:
    """The Hessian of one row's cross-entropy, (N, N).

    With J the derivative of the outputs by the weights, p the outcome probabilities and d = p - onehot:
    J^T (diag(p) - p p^T) J + sum_c d_c (second derivative of output c).
    """
    first, second = problem.layers(x)
    inputs = np.append(row, 1.0)
    activations = np.tanh(inputs @ first)
    slopes = 1.0 - activations**2
    outputs = np.append(activations, 1.0) @ second
    probabilities = np.exp(outputs - outputs.max())
    probabilities /= probabilities.sum()
    delta = probabilities.copy()
    delta[label] -= 1.0

    size = first.size
    jacobian = np.zeros((problem.outputs, problem.dimension))
    through = np.einsum("i,h,hc->cih", inputs, slopes, second[:-1])
    jacobian[:, :size] = through.reshape(problem.outputs, size)
    outcome = np.arange(problem.outputs)
    for hidden, value in enumerate(np.append(activations, 1.0)):
        jacobian[outcome, size + hidden * problem.outputs + outcome] = value
    spread = np.diag(probabilities) - np.outer(probabilities, probabilities)
    curvature = jacobian.T @ spread @ jacobian

    squares = np.outer(inputs, inputs)
    for hidden in range(problem.hidden):
        weights = np.arange(problem.inputs + 1) * problem.hidden + hidden
        leaving = size + hidden * problem.outputs + outcome
        bend = -2.0 * activations[hidden] * slopes[hidden] * (delta @ second[hidden])
        curvature[np.ix_(weights, weights)] += bend * squares
        mixed = slopes[hidden] * np.outer(inputs, delta)
        curvature[np.ix_(weights, leaving)] += mixed
        curvature[np.ix_(leaving, weights)] += mixed.T
    return curvature


def hessian(problem: Problem, x: np.ndarray) -> np.ndarray:
    """The exact Hessian of the loss, (N, N), x in house order."""
    total = np.zeros((problem.dimension, problem.dimension))
    for row, label in zip(problem.features, problem.classes, strict=True):
        total += _row_curvature(row, problem, x, label)
    return total / problem.classes.size + 2.0 * problem.regularisation * np.eye(problem.dimension)


@dataclass(frozen=True)
class Verified:
    """A point as it was handed over, and what it is.

    rms: root mean square of the gradient; eigenvalues (N,) ascending; polished, polished_loss: after Newton steps,
    used only to tell whether two points are one.
    """

    x: np.ndarray
    loss: float
    rms: float
    eigenvalues: np.ndarray
    polished: np.ndarray
    polished_loss: float

    @property
    def index(self) -> int:
        """Number of negative eigenvalues."""
        return int(np.count_nonzero(self.eigenvalues < 0.0))


def verify(problem: Problem, x: np.ndarray, newton_steps: int = 3) -> Verified:
    """Gradient and eigenvalues at x itself; Newton steps for the identity."""
    loss = NumpyLoss(problem)
    value, gradient = loss(x)
    matrix = hessian(problem, x)
    eigenvalues = np.linalg.eigvalsh(matrix)
    rms = float(np.sqrt(gradient @ gradient / problem.dimension))
    polished = x
    for _ in range(newton_steps):
        polished = polished - np.linalg.solve(hessian(problem, polished), loss(polished)[1])
    return Verified(x, value, rms, eigenvalues, polished, loss(polished)[0])


def distinct(
    problem: Problem, points: list[Verified], loss_tolerance: float = 1e-8, distance_tolerance: float = 1e-3
) -> list[Verified]:
    """One point of each class: two are one if the loss and, after alignment by units and signs, the place agree."""
    chosen: list[Verified] = []
    for point in sorted(points, key=lambda point: point.polished_loss):
        for other in chosen:
            moved = problem.align(other.polished, point.polished)
            near = np.linalg.norm(moved - other.polished) <= distance_tolerance
            if near and abs(point.polished_loss - other.polished_loss) <= loss_tolerance:
                break
        else:
            chosen.append(point)
    return chosen
