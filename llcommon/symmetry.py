"""Distances between points of a loss landscape, and when two points are one.

A loss model names its symmetry operations (`LossModel.align`); what follows is the same for all models.
"""

import math

import numpy as np

from llcommon.losses.base import LossModel


def aligned_distance(model: LossModel, reference: np.ndarray, x: np.ndarray) -> float:
    """Euclidean distance from reference to the nearest symmetry image of x, both (N,)."""
    difference = model.align(reference, x) - reference
    return math.sqrt(float(difference @ difference))


def same_point(model: LossModel, reference: np.ndarray, x: np.ndarray, tolerance: float) -> bool:
    """Whether x is reference, or one of its symmetry images, to within `tolerance`."""
    return aligned_distance(model, reference, x) < tolerance
