"""J of the kmeans loss along a straight line of the centres: which points change sides, and where J is highest.

Labels go from place to place with the bounds of `_kmeans_lloyd`, so that a short step costs a look at each point and
not one at each distance.
"""

import copy

import numpy as np

from llcommon.losses._kmeans_kernels import turn
from llcommon.losses._kmeans_lloyd import centre_steps, half_gaps, reassign
from llcommon.seam import F8, INTEGERS, MATRIX, VECTOR, algorithm


@algorithm(F8, MATRIX, VECTOR, MATRIX, MATRIX, MATRIX, INTEGERS, VECTOR, VECTOR)
def travel(points, weights, before, centres, way, labels, upper, lower):
    """Labels and bounds, in place, from centres `before` to `centres`; the slope of J there along `way`, all (K, d).

    points: (m, d); weights, labels, upper, lower: (m,).
    """
    clusters, features = centres.shape
    transposed = np.empty((features, clusters))
    squares = np.empty(clusters)
    gaps = np.empty(clusters)
    moved = np.empty(clusters)
    centre_steps(before, centres, moved)
    turn(centres, transposed)
    half_gaps(centres, transposed, squares, gaps)
    reassign(points, centres, transposed, squares, gaps, moved, -1, labels, upper, lower)
    slope = 0.0
    for i in range(labels.size):
        k = labels[i]
        along = 0.0
        for j in range(features):
            along += (centres[k, j] - points[i, j]) * way[k, j]
        slope += 2.0 * weights[i] * along
    return slope


class Way:
    """A place on the straight line of centres from first to second, both (K, d), and the labels there.

    labels: (m,), each point's nearest centre, of equal ones the first. slope: of J along the line.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        """At the beginning of the line, place 0. points: (m, d); weights: (m,)."""
        self._data = points, weights
        self._first = first
        self._line = second - first
        self._centres = first
        self.labels = np.zeros(len(points), dtype=np.int64)
        self._upper = np.full(len(points), np.inf)
        self._lower = np.zeros(len(points))
        self.go(0.0)

    def go(self, place: float) -> None:
        """To another place, 0 to 1: the nearer, the cheaper."""
        centres = self._first + place * self._line
        bounds = self.labels, self._upper, self._lower
        self.slope = float(travel(*self._data, self._centres, centres, self._line, *bounds))
        self._centres = centres

    def copy(self) -> "Way":
        """Another one, which may go on by itself."""
        other = copy.copy(self)
        other.labels, other._upper, other._lower = self.labels.copy(), self._upper.copy(), self._lower.copy()
        return other
