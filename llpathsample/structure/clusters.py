"""Clusters of minima by their Euclidean distance, after alignment by the symmetries of the model."""

from typing import Literal

import numpy as np

from llcommon.rng import generator
from llpathsample.neighbours import Neighbours

Clustering = Literal["hierarchical", "k-medoids"]
CLUSTERINGS = ("hierarchical", "k-medoids")
_RESTARTS = 20
_ROUNDS = 100


def distance_matrix(neighbours: Neighbours, ids: np.ndarray) -> np.ndarray:
    """Aligned distances between minima (n,) of a landscape, (n, n)."""
    matrix = np.zeros((len(ids), len(ids)))
    numbers = ids.tolist()
    for row, a in enumerate(numbers):
        for column in range(row):
            matrix[row, column] = matrix[column, row] = neighbours.distance(a, numbers[column])
    return matrix


def clusters(distances: np.ndarray, count: int, method: Clustering = "hierarchical", seed: int = 1) -> np.ndarray:
    """Cluster of each of n points with these distances (n, n), from 0; `count` of them, or fewer if points coincide.

    hierarchical: average linkage. k-medoids: the best of 20 descents, by alternation from centres drawn by k-means++
    (D. Arthur and S. Vassilvitskii, Proc. 18th ACM-SIAM SODA, 1027, 2007). The same seed gives the same clusters.
    """
    count = min(count, len(distances))
    if len(distances) < 2:
        return np.zeros(len(distances), dtype=np.int64)
    if method == "hierarchical":
        from scipy.cluster.hierarchy import cut_tree, linkage
        from scipy.spatial.distance import squareform

        return cut_tree(linkage(squareform(distances, checks=False), "average"), n_clusters=count)[:, 0]
    rng = generator(seed, "k-medoids")
    found = [_medoids(distances, count, rng) for _ in range(_RESTARTS)]
    return min(found, key=lambda item: item[0])[1]


def _medoids(distances: np.ndarray, count: int, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Sum of the distances to medoids, and labels, of one descent."""
    chosen = [int(rng.integers(len(distances)))]
    while len(chosen) < count:
        squares = distances[:, chosen].min(axis=1) ** 2
        if not squares.sum() > 0.0:
            break
        chosen.append(int(rng.choice(len(distances), p=squares / squares.sum())))
    medoids = np.array(chosen)
    for _ in range(_ROUNDS):
        labels = np.argmin(distances[:, medoids], axis=1)
        groups = [np.flatnonzero(labels == group) for group in range(len(medoids))]
        # Of points that coincide with the medoid of another group, a group may keep none.
        better = [
            group[np.argmin(distances[np.ix_(group, group)].sum(axis=1))] if len(group) else old
            for group, old in zip(groups, medoids, strict=True)
        ]
        if np.array_equal(better, medoids):
            break
        medoids = np.array(better)
    return float(distances[:, medoids].min(axis=1).sum()), np.argmin(distances[:, medoids], axis=1)
