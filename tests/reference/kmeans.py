"""The kmeans loss, Lloyd's algorithm and passes in plain Python and NumPy, as their definitions read."""

import itertools

import numpy as np
from scipy.optimize import brentq


def loss(centres, rows):
    """J of centres (K, d), real or complex, for rows (n, d): the nearest centre by real parts."""
    total = 0.0
    for row in rows:
        squares = [((row - centre) ** 2).sum() for centre in centres]
        total = total + min(squares, key=lambda square: square.real)
    return total


def loss_of_model(model):
    """J as a function of the coordinates of a model."""
    rows = model.data.inputs()
    shape = (model.clusters, rows.shape[1])
    return lambda x: loss(np.asarray(x).reshape(shape), rows)


def lloyd(centres, rows):
    """Lloyd's algorithm to a fixed point: centres, labels. Every cluster must keep a row."""
    centres = np.array(centres)
    labels = None
    while True:
        squares = ((rows[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        new = squares.argmin(axis=1)
        if labels is not None and (new == labels).all():
            return centres, labels
        labels = new
        centres = np.array([rows[labels == k].mean(axis=0) for k in range(len(centres))])


def partitions(count, clusters):
    """All ways to share `count` rows among exactly so many clusters, the first row of each in ascending order."""
    for labels in itertools.product(range(clusters), repeat=count):
        firsts = [labels.index(k) for k in range(clusters) if k in labels]
        if len(firsts) == clusters and firsts == sorted(firsts):
            yield np.array(labels)


def centroids(points, weights, labels, clusters):
    """Means (K, d) of the points of each label."""
    members = (labels == np.arange(clusters)[:, None]) * weights
    return members @ points / members.sum(axis=1, keepdims=True)


def _shared(points, weights, labels, tied, other, share, clusters):
    """Centroids where a point counts by `share` in another cluster and by the rest in its own; weights of all."""
    members = (labels == np.arange(clusters)[:, None]) * weights
    members[labels[tied], tied] = weights[tied] * (1.0 - share)
    members[other, tied] = weights[tied] * share
    totals = members.sum(axis=1)
    return members @ points / totals[:, None], totals


def all_minima(points, weights, clusters):
    """Every partition whose points are strictly nearest to their own centroid: list of (loss, centres)."""
    found = []
    for labels in partitions(len(points), clusters):
        centres = centroids(points, weights, labels, clusters)
        squares = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        own = squares[np.arange(len(points)), labels]
        squares[np.arange(len(points)), labels] = np.inf
        if clusters == 1 or (own < squares.min(axis=1) - 1e-9).all():
            found.append((float(weights @ own), centres))
    return found


def all_passes(points, weights, clusters):
    """Every pass between two assignments that differ in one point.

    A list of (loss, centres, tied, own, other, share, totals). By no formula but that of the mean: the share of the
    point in the second cluster is the root of the difference of its distances to the two centroids.
    """
    found = []
    for labels in partitions(len(points), clusters):
        for tied, own in enumerate(labels):
            if (labels == own).sum() < 2:
                continue
            for other in range(clusters):
                if other != own:
                    found += _pass_over(points, weights, labels, tied, own, other, clusters)
    return found


def _pass_over(points, weights, labels, tied, own, other, clusters):
    def difference(share):
        centres, _ = _shared(points, weights, labels, tied, other, share, clusters)
        return np.linalg.norm(points[tied] - centres[own]) - np.linalg.norm(points[tied] - centres[other])

    if not difference(0.0) < -1e-9 or not difference(1.0) > 1e-9:
        return []
    share = brentq(difference, 0.0, 1.0, xtol=1e-15, rtol=1e-14)
    centres, totals = _shared(points, weights, labels, tied, other, share, clusters)
    squares = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    mine = squares[np.arange(len(points)), labels]
    rest = squares.copy()
    rest[np.arange(len(points)), labels] = np.inf
    rest[tied, other] = np.inf
    if clusters > 1 and not (mine < rest.min(axis=1) - 1e-9).all():
        return []
    return [(float(weights @ mine), centres, tied, own, other, share, totals)]
