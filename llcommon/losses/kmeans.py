"""Sum-of-squares clustering: K centres for the rows of a table.

    J(mu) = sum_i min_k |x_i - mu_k|^2                                     (MacQueen 1967; Lloyd 1982)

over the n rows, scaled as [data] says; no target. Coordinates: the centres, N = K d, row after row. J is continuous and
pieced together of quadratics, one for each way to share out the rows; it has creases where a row is as near to a
second centre as to its own. Minima are the fixed points of Lloyd's algorithm at which no row is tied and every centre
has one (`_kmeans_lloyd`), passes lie on creases (`_kmeans_passes`): both are exact, to rounding. J has also flat
places, where a centre is far from all rows; they are never stored.

The Hessian of a piece is a diagonal, 2 n_k for each coordinate of centre k. Symmetry: the K! orders of the centres.
Equal rows count as one with a weight.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from llcommon.config import setting
from llcommon.errors import ConfigError
from llcommon.losses._invariants import of_rows
from llcommon.losses._kmeans_export import scikit_clusters
from llcommon.losses._kmeans_kernels import (
    kmeans_hessian,
    kmeans_hessian_vector,
    kmeans_kernel,
    kmeans_workspace,
    nearest_centres,
)
from llcommon.losses._kmeans_pieces import KMeansPieces
from llcommon.losses._scikit import with_scaling
from llcommon.losses.base import LossModel
from llcommon.seam import first_class


@dataclass(frozen=True)
class KMeansParameters:
    """The `[loss]` table of kmeans."""

    clusters: int = setting(3, help="number K of centres; at most that of different rows", minimum=1)


class KMeans(LossModel):
    """Sum of squares to the nearest of K centres; see the module's docstring."""

    name = "kmeans"
    Parameters = KMeansParameters
    takes_target = False
    smooth = False
    suggested_moves = ("redraw",)

    def __init__(self, parameters: KMeansParameters, data) -> None:
        """ConfigError for more clusters than different rows, and for rows too large for their squares."""
        self.parameters = parameters
        self.data = data
        inputs = data.inputs()
        points, weights = np.unique(inputs, axis=0, return_counts=True)
        self.points = np.ascontiguousarray(points)
        self.weights = weights.astype(np.float64)
        count, self.features = points.shape
        self.clusters = parameters.clusters
        if self.clusters > count:
            raise ConfigError(f"[loss] clusters is {self.clusters}, but {data.source} has only {count} different rows")
        self.dimension = self.clusters * self.features
        self.integers = np.array([count, self.features, self.clusters], dtype=np.int64)
        self.reals = np.concatenate([self.points.ravel(), self.weights])
        self.workspace = np.empty(kmeans_workspace(self.features, self.clusters))
        self.kernel = first_class(kmeans_kernel)
        self.hessian_kernel = first_class(kmeans_hessian)
        self.hessian_vector_kernel = first_class(kmeans_hessian_vector)
        with np.errstate(over="ignore", invalid="ignore"):
            scatter = float(self.weights @ ((self.points - inputs.mean(axis=0)) ** 2).sum(axis=1))
        if not np.isfinite(scatter):
            raise ConfigError(f"the values of {data.source} are too large for a sum of their squares; scale them")
        self.suggested_step = math.sqrt(scatter / (len(inputs) * self.features)) or 1.0
        self.suggested_temperature = 1e-4 * scatter or 1.0
        self.pieces = KMeansPieces(self)

    def centres(self, x: np.ndarray) -> np.ndarray:
        """Coordinates (N,) as centres (K, d), a view."""
        return np.asarray(x, dtype=np.float64).reshape(self.clusters, self.features)

    # --- starts and steps -----------------------------------------------------------------

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Different rows, each drawn in proportion to its squared distance to the nearest before (k-means++, Arthur
        and Vassilvitskii, SODA 2007)."""
        chosen = [int(rng.choice(len(self.points), p=self.weights / self.weights.sum()))]
        squares = np.full(len(self.points), np.inf)
        while len(chosen) < self.clusters:
            squares = np.minimum(squares, ((self.points - self.points[chosen[-1]]) ** 2).sum(axis=1))
            shares = np.cumsum(self.weights * squares)
            chosen.append(int(np.searchsorted(shares, rng.random() * shares[-1], side="right")))
        return self.points[chosen].ravel()

    def units(self) -> list[np.ndarray]:
        """The coordinates of every centre."""
        return list(np.arange(self.dimension).reshape(self.clusters, self.features))

    def coordinate_names(self) -> list[str]:
        """centre/feature, centres counted from 0."""
        return [f"{centre}/{feature}" for centre in range(self.clusters) for feature in self.data.feature_names]

    # --- symmetry -------------------------------------------------------------------------

    def log_group_order(self) -> float:
        return math.lgamma(self.clusters + 1)

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        return self.centres(x)[self._order(reference, x)].ravel()

    def carried(self, reference: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray:
        order = self._order(reference, x)
        centres = np.asarray(points, dtype=np.float64).reshape(-1, self.clusters, self.features)
        return centres[:, order].reshape(-1, self.dimension)

    def _order(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The centre of x for each place of its image nearest to reference."""
        # Copies, as compiled code refuses read-only arrays.
        fixed = np.array(self.centres(reference))
        moving = np.array(self.centres(x))
        squares = np.empty((self.clusters, self.clusters))
        order = np.empty(self.clusters, dtype=np.int64)
        # Where the nearest centres are all different, nothing is to be assigned.
        if not nearest_centres(fixed, moving, squares, order):
            order = linear_sum_assignment(squares)[1]
        return order

    def canonical(self, x: np.ndarray) -> np.ndarray:
        """The centres in lexical order."""
        centres = self.centres(x)
        return centres[np.lexsort(centres.T[::-1])].ravel()

    def embedding(self, x: np.ndarray) -> np.ndarray:
        """As of rows that may change places."""
        return of_rows(self.centres(x), signed=True)

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.centres(x)[rng.permutation(self.clusters)].ravel()

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        """The orders of centres that are equal; none are at a minimum or a pass."""
        left = list(self.centres(x))
        order = 1
        while left:
            first = left.pop()
            others = [centre for centre in left if np.abs(centre - first).max() > tolerance]
            order *= math.factorial(len(left) - len(others) + 1)
            left = others
        return order

    # --- predictions ----------------------------------------------------------------------

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """The number of the nearest centre, int64 from 0, for raw feature rows, shape (n, 1)."""
        rows = self.data.transform(features)
        squares = ((rows[:, None, :] - self.centres(x)[None, :, :]) ** 2).sum(axis=2)
        return squares.argmin(axis=1)[:, None]

    # --- in the terms of other programs ---------------------------------------------------

    def output_names(self) -> list[str]:
        return ["cluster"]

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"centres": self.centres(x).copy()}

    def scikit_learn(self, x: np.ndarray):
        """KMeans, behind a scaler if the data are scaled."""
        return with_scaling(self.data, scikit_clusters(self.centres(x), self.data.inputs()))
