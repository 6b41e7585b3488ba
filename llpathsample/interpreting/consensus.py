"""Points that stand for their symmetry images, turned to lie together: generalised Procrustes analysis.

Each point is replaced by its image nearest to the mean of all, and the mean by that of the images, until nothing gets
nearer (J. C. Gower, Psychometrika 40, 33, 1975): the sum of squared distances from the mean only falls. It begins with
the images nearest to one of the points, and ends in a local optimum. No groups enter: what is tested about groups
afterwards, by permutation of their labels, needs no alignment anew.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel

_ROUNDS = 50
_GAIN = 1e-12  # share of the sum of squares that a round must save to be followed by another


@dataclass(frozen=True)
class Consensus:
    """points: (n, N) images. mean: (N,) of them. rounds: how many were needed; settled: whether the last one changed
    nothing. spread: root mean squared distance from the mean; first_spread: that after alignment to one point."""

    points: np.ndarray
    mean: np.ndarray
    rounds: int
    settled: bool
    spread: float
    first_spread: float


def consensus(model: LossModel, points: np.ndarray, first: int) -> Consensus:
    """The images of points (n, N) that lie together; `first` is the one they are aligned to at the beginning.

    All are turned as one body at the end so that the first is as it was, if the model can do that
    (`LossModel.carried`): coordinates then bear the names that they have at that point.
    """
    images = np.array(points, dtype=np.float64)
    start = images[first].copy()
    if model.symmetric:
        images = np.array([model.align(start, image) for image in images])
    first_squares = squares = _squares(images)
    rounds, settled = 0, not model.symmetric
    while not settled and rounds < _ROUNDS:
        mean = images.mean(axis=0)
        images = np.array([model.align(mean, image) for image in images])
        now = _squares(images)
        settled = now >= squares * (1.0 - _GAIN)
        squares = min(now, squares)
        rounds += 1
    if model.symmetric:
        carried = model.carried(start, images[first], images)
        images = images if carried is None else carried
    count = len(images)
    return Consensus(
        images,
        images.mean(axis=0),
        rounds,
        settled,
        float(np.sqrt(_squares(images) / count)),
        float(np.sqrt(first_squares / count)),
    )


def _squares(images: np.ndarray) -> float:
    return float(np.square(images - images.mean(axis=0)).sum())
