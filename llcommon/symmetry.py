"""Distances between points of a loss landscape, and when two points are one.

A loss model names its symmetry operations (`LossModel.align`); what follows is the same for all models.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel


def aligned_distance(model: LossModel, reference: np.ndarray, x: np.ndarray) -> float:
    """Euclidean distance from reference to the nearest symmetry image of x, both (N,)."""
    image = model.align(reference, x) if model.symmetric else x
    difference = image - reference
    return math.sqrt(float(difference @ difference))


def same_point(model: LossModel, reference: np.ndarray, x: np.ndarray, tolerance: float) -> bool:
    """Whether x is reference, or one of its symmetry images, to within `tolerance`."""
    return aligned_distance(model, reference, x) < tolerance


@dataclass(frozen=True)
class SearchedDistance:
    """Distance of two points, by one alignment and by many.

    plain: as they lie. aligned: as of aligned_distance. best: the smallest of that and of the alignments of random
    images; hits: how many of these came to it, within rounding.
    """

    plain: float
    aligned: float
    best: float
    hits: int

    @property
    def gap(self) -> float:
        """How far the one alignment is above the best known; 0 where it is exact."""
        return self.aligned - self.best


def searched_distance(
    model: LossModel, reference: np.ndarray, x: np.ndarray, restarts: int, rng: np.random.Generator
) -> SearchedDistance:
    """The distance from reference to the images of x, both (N,), with alignments of `restarts` random images besides.

    Alignment of a network with one hidden layer is exact. With more it goes from layer to layer and ends in a local
    optimum, which depends on the image that it begins with.
    """
    aligned = aligned_distance(model, reference, x)
    found = [aligned_distance(model, reference, model.random_image(x, rng)) for _ in range(restarts)]
    best = min([aligned, *found])
    near = best * (1.0 + 1e-9) + 1e-12
    hits = sum(distance <= near for distance in found)
    return SearchedDistance(float(np.linalg.norm(x - reference)), aligned, best, hits)
