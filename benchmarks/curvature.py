"""The Hessian of the practitioner's loss in plain NumPy, vectorised; it judges the points of all programs."""

import numpy as np

from benchmarks.problem import Problem
from benchmarks.scipy_numpy import NumpyLoss

_STEP = 1e-5  # of the central differences in `check`


class NumpyCurvature:
    """Hessian and Hessian-vector product of `NumpyLoss`, in plain NumPy."""

    def __init__(self, problem: Problem):
        self.problem = problem
        rows = problem.classes.size
        self.inputs = np.column_stack([problem.features, np.ones(rows)])
        self.right = np.eye(problem.outputs)[problem.classes]

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(weights of the last layer, hidden activations with ones, class probabilities)."""
        first, second = self.problem.layers(x)
        hidden = np.tanh(self.inputs @ first)
        below = np.column_stack([hidden, np.ones(len(hidden))])
        outputs = below @ second
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return second[:-1], below, exponentials / exponentials.sum(axis=1, keepdims=True)

    def product(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Hessian at x times v, by the R-operator, shape (N,)."""
        rows = len(self.inputs)
        weights, below, probabilities = self._forward(x)
        first_v, second_v = self.problem.layers(v)
        hidden = below[:, :-1]
        slope = 1.0 - hidden * hidden
        r_hidden = slope * (self.inputs @ first_v)
        r_outputs = below @ second_v + r_hidden @ weights
        mean = (probabilities * r_outputs).sum(axis=1, keepdims=True)
        r_delta = probabilities * (r_outputs - mean) / rows
        delta = (probabilities - self.right) / rows
        back = delta @ weights.T
        r_back = r_delta @ weights.T + delta @ second_v[:-1].T
        r_hidden_delta = slope * r_back - 2.0 * hidden * r_hidden * back
        out = 2.0 * self.problem.regularisation * v
        first_out, second_out = self.problem.layers(out)
        first_out += self.inputs.T @ r_hidden_delta
        second_out += below.T @ r_delta
        second_out[:-1] += r_hidden.T @ delta
        return out

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense Hessian at x, shape (N, N): products of all pairs of inputs with all pairs of curvatures."""
        rows, size = self.inputs.shape
        units, outputs = self.problem.hidden, self.problem.outputs
        weights, below, probabilities = self._forward(x)
        hidden = below[:, :-1]
        slope = 1.0 - hidden * hidden
        delta = (probabilities - self.right) / rows
        top = probabilities[:, :, None] * (np.eye(outputs) - probabilities[:, None, :]) / rows
        transfer = slope[:, :, None] * weights
        mixed = transfer @ top
        curvature = mixed @ transfer.transpose(0, 2, 1)
        diagonal = np.arange(units)
        curvature[:, diagonal, diagonal] -= 2.0 * hidden * slope * (delta @ weights.T)

        def block(left: np.ndarray, right: np.ndarray, pairs: np.ndarray) -> np.ndarray:
            """Sum over rows of left_i right_j pairs_uv at row (i, u), column (j, v)."""
            a, b = left.shape[1], right.shape[1]
            u, v = pairs.shape[1:]
            products = (left[:, :, None] * right[:, None, :]).reshape(rows, a * b)
            summed = products.T @ pairs.reshape(rows, u * v)
            return summed.reshape(a, b, u, v).transpose(0, 2, 1, 3)

        off_diagonal = block(self.inputs, below, mixed)
        neighbour = self.inputs.T @ (slope[:, :, None] * delta[:, None, :]).reshape(rows, units * outputs)
        off_diagonal[:, diagonal, diagonal, :] += neighbour.reshape(size, units, outputs)
        split = size * units
        out = np.empty((x.size, x.size))
        out[:split, :split] = block(self.inputs, self.inputs, curvature).reshape(split, split)
        out[:split, split:] = off_diagonal.reshape(split, x.size - split)
        out[split:, :split] = out[:split, split:].T
        out[split:, split:] = block(below, below, top).reshape(x.size - split, x.size - split)
        out[np.diag_indices(x.size)] += 2.0 * self.problem.regularisation
        return out


def check(problem: Problem) -> None:
    """The Hessian is the derivative of the NumPy gradient: central differences at one random point.

    Raises AssertionError otherwise: what the benchmarks call a transition state would not be one.
    """
    loss = NumpyLoss(problem)
    x = np.random.default_rng(2).standard_normal(problem.dimension)
    columns = []
    for displacement in _STEP * np.eye(problem.dimension):
        columns.append((loss(x + displacement)[1] - loss(x - displacement)[1]) / (2.0 * _STEP))
    error = np.abs(NumpyCurvature(problem).hessian(x) - np.array(columns)).max()
    if error > 1e-8:
        raise AssertionError(f"the NumPy Hessian is off the differences of its gradients by {error:.1e}")
