"""Numbers that no symmetry operation changes, and whose distance is never above that of the nearest images.

Of rows that may change places, and may each be negated, the sorted values (or sizes) of every column: for two columns
a and b the smallest |a - P b| over permutations P is that of the sorted ones, so the Euclidean distance of all sorted
columns is a lower bound of the distance after the best permutation common to all columns.
"""

import numpy as np


def sorted_columns(rows: np.ndarray, signed: bool) -> np.ndarray:
    """Columns of `rows`, (n, k), each sorted, flat (n k,); of sizes if rows may be negated (signed=False)."""
    return np.sort(rows if signed else np.abs(rows), axis=0).ravel()


def of_perceptron(matrices: list[np.ndarray], odd: bool) -> np.ndarray:
    """Of weight matrices (inputs + 1, outputs) whose hidden units may be permuted and, if odd, negated.

    A weight between two hidden layers belongs to a unit of either: the matrix is sorted once along each, and
    both counted half.
    """
    hidden = len(matrices) - 1
    parts = []
    for layer, matrix in enumerate(matrices):
        weights, biases = matrix[:-1], matrix[-1:]
        if layer > 0 and layer < hidden:
            sizes = np.abs(weights) if odd else weights
            parts.append(np.sort(np.sort(sizes, axis=0), axis=1).ravel() * np.sqrt(0.5))
            parts.append(np.sort(np.sort(sizes, axis=1), axis=0).ravel() * np.sqrt(0.5))
        elif layer < hidden:
            parts.append(sorted_columns(weights.T, not odd))
        elif hidden:
            parts.append(sorted_columns(weights, not odd))
        else:
            parts.append(weights.ravel())
        parts.append(sorted_columns(biases.T, not odd) if layer < hidden else biases.ravel())
    return np.concatenate(parts)


def of_cluster(points: np.ndarray) -> np.ndarray:
    """Sorted distances of all pairs of points, (n, 3), by the square root of n: they do not see rotations, reflections
    and permutations.

    The sum of |difference|^2 over points about their centre is that over pairs by n, and a length never changes by more
    than its difference vector.
    """
    first, second = np.triu_indices(len(points), 1)
    lengths = np.linalg.norm(points[first] - points[second], axis=1)
    return np.sort(lengths) / np.sqrt(len(points))
