"""The problems that every program here solves, iris 4-10-3 above all, and their coordinates.

Coordinates are kept in the house order: per layer a matrix of shape (inputs + 1, outputs), its last
row the biases, flattened row by row, layers from input to output. The original suite (MLPVB3) keeps
w2[j, k] (input k to hidden j), w1[i, j] (hidden j to output i), hidden biases, output biases.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_iris, load_wine


@dataclass(frozen=True, eq=False)
class Problem:
    """A network of one tanh layer, its standardised data and the L2 factor (over all coordinates).

    features (rows, inputs), float64; classes (rows,), counted from 0.
    """

    features: np.ndarray
    classes: np.ndarray
    hidden: int
    outputs: int
    regularisation: float

    @property
    def inputs(self) -> int:
        return self.features.shape[1]

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.outputs

    def layers(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Views of x (house order): (inputs + 1, hidden) and (hidden + 1, outputs)."""
        size = (self.inputs + 1) * self.hidden
        first = x[:size].reshape(self.inputs + 1, self.hidden)
        second = x[size:].reshape(self.hidden + 1, self.outputs)
        return first, second

    def to_suite(self, x: np.ndarray) -> np.ndarray:
        """House order to MLPVB3 order, shape (N,)."""
        first, second = self.layers(x)
        weights = first[:-1].T
        output_weights = second[:-1].T
        return np.concatenate([weights.ravel(), output_weights.ravel(), first[-1], second[-1]])

    def to_house(self, x: np.ndarray) -> np.ndarray:
        """MLPVB3 order to house order, shape (N,)."""
        sizes = [self.hidden * self.inputs, self.outputs * self.hidden, self.hidden]
        weights, output_weights, biases, output_biases = np.split(x, np.cumsum(sizes))
        first = np.vstack([weights.reshape(self.hidden, self.inputs).T, biases])
        second = np.vstack([output_weights.reshape(self.outputs, self.hidden).T, output_biases])
        return np.concatenate([first.ravel(), second.ravel()])

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The image of x under unit permutations and signs that is nearest to reference, shape (N,).

        For each pair of units the better sign is known from the overlap of their weights, so one
        assignment of the absolute overlaps is the exact optimum.
        """
        reference_first, reference_second = self.layers(reference)
        first, second = self.layers(x)
        reference_units = np.vstack([reference_first, reference_second[:-1].T])
        units = np.vstack([first, second[:-1].T])
        overlap = reference_units.T @ units
        rows, columns = linear_sum_assignment(-np.abs(overlap))
        signs = np.where(overlap[rows, columns] < 0.0, -1.0, 1.0)
        moved = units[:, columns] * signs
        new_second = np.vstack([moved[self.inputs + 1 :].T, second[-1]])
        return np.concatenate([moved[: self.inputs + 1].ravel(), new_second.ravel()])


def _standardised(data, hidden: int, regularisation: float) -> Problem:
    """A data set of scikit-learn with three classes, features standardised with the population variance."""
    features = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    classes = data.target.astype(np.int64)
    return Problem(features, classes, hidden=hidden, outputs=3, regularisation=regularisation)


def iris(regularisation: float = 1e-4, hidden: int = 10) -> Problem:
    """Iris, features standardised with the population variance."""
    return _standardised(load_iris(), hidden, regularisation)


def wine(regularisation: float = 1e-4, hidden: int = 10) -> Problem:
    """Wine, features standardised with the population variance."""
    return _standardised(load_wine(), hidden, regularisation)


def xor(regularisation: float = 1e-4) -> Problem:
    """Exclusive or with two hidden units: four rows, the smallest job a program can be given."""
    features = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return Problem(features, np.array([0, 1, 1, 0]), hidden=2, outputs=2, regularisation=regularisation)


def hops(minima: list[np.ndarray], number: int, seed: int) -> list[np.ndarray]:
    """Starts as basin-hopping makes them: minima in turn, plus U(-1, 1) per coordinate.

    The step is GMIN's in `suite.Walk`, so quenches from here are the same kind of work.
    """
    rng = np.random.default_rng(seed)
    starts = []
    for index in range(number):
        minimum = minima[index % len(minima)]
        starts.append(minimum + rng.uniform(-1.0, 1.0, minimum.size))
    return starts
