"""Centres in the terms of scikit-learn."""

import numpy as np


def scikit_clusters(centres: np.ndarray, inputs: np.ndarray):
    """A fitted `KMeans` with centres (K, d) for rows (n, d), both scaled alike."""
    from sklearn.cluster import KMeans

    estimator = KMeans(n_clusters=len(centres), n_init=1)
    estimator.cluster_centers_ = np.ascontiguousarray(centres)
    estimator.n_features_in_ = centres.shape[1]
    estimator._n_features_out = len(centres)
    estimator._n_threads = 1
    estimator.n_iter_ = 0
    estimator.labels_ = estimator.predict(inputs)
    estimator.inertia_ = -estimator.score(inputs)
    return estimator
