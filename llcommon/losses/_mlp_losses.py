"""Losses of a perceptron's outputs beyond those of `_mlp_kernels`, row by row, compiled: value, slope, curvature.

Outputs z (outputs, rows) become their slopes dL/dz in place, from which curvature is recovered. scale: 1 / rows.
"""

from numba import njit

from llcommon.losses._mlp_activations import sigmoid, softplus
from llcommon.seam import SUMMING

BCE = 2
LAST_SEPARABLE = BCE
AUC = 3
CONTRASTIVE = 4


@njit(**SUMMING)
def binary_cross_entropy(z, labels, positive, scale):
    """z (1, rows) becomes scale * (p - y), p = 1 / (1 + exp(-z)), y = [class is positive]; returns their loss."""
    value = 0.0
    for s in range(z.shape[1]):
        sign = 1.0 if labels[s] == positive else -1.0
        value += softplus(-sign * z[0, s])
        z[0, s] = -sign * scale * sigmoid(-sign * z[0, s])
    return value * scale


@njit(**SUMMING)
def binary_times_curvature(error, scale, direction):
    """direction (1, rows) becomes (d2L/dz2) direction, from error as `binary_cross_entropy` leaves it."""
    for s in range(error.shape[1]):
        wrong = abs(error[0, s]) / scale
        direction[0, s] *= scale * wrong * (1.0 - wrong)
