"""The kmeans loss, Lloyd's algorithm and passes in plain Python and NumPy, as their definitions read."""

import itertools

import numpy as np


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
