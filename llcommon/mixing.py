"""Predictions of several minima at once, each with the weight of its basin.

The weight of minimum a at the temperature T is its loss with its harmonic volume in the box, symmetry counted:

    ln w_a = -L_a / T + (kappa_a / 2) ln 2 pi T - LPPHE_a / 2 - ln o_a + sum_i ln[(T / |g_i|) (1 - exp(-|g_i| W_i / T))]

kappa_a is the number of its free coordinates, LPPHE_a the sum of ln of the Hessian eigenvalues of these, o_a its
symmetry order; the last sum runs over the coordinates i that a bound holds, along which the loss rises with the slope
|g_i|: each contributes the integral of exp(-|g_i| t / T) over the width W_i of the box, which is T / |g_i| unless the
loss is nearly flat. With a negative logarithm of a likelihood for L and T = 1 these are Laplace's weights: the evidence
of each basin under a prior that is flat in the coordinates within the box (MacKay, Information Theory, Inference, and
Learning Algorithms, 2003, chapter 27). A Gaussian that reaches beyond a bound is not cut off there.

Mean and variance of the mixture follow by the laws of total expectation and total variance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import box, frozen_directions
from llcommon.records import Minimum


@dataclass(frozen=True)
class Mixture:
    """Predictions for m rows, each (m, outputs).

    weights: (k,), of the minima, their sum 1. within: weighted mean of the variances at the minima; between: variance
    of their means; variance: the sum of both. within and variance are None if the model gives no variances.
    """

    weights: np.ndarray
    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray | None
    variance: np.ndarray | None


def log_volume(model: LossModel, minimum: Minimum, temperature: float) -> float:
    """ln of the harmonic volume of a minimum in the box, divided by its symmetry order."""
    free = model.dimension - len(frozen_directions(model, minimum.coordinates, minimum.active))
    volume = 0.5 * (free * math.log(2.0 * math.pi * temperature) - minimum.lpphe) - minimum.log_order
    if minimum.active is not None and minimum.active.any():
        gradient = model.value_and_gradient(minimum.coordinates)[1]
        held = minimum.active != 0
        lower, upper = box(model)
        rates = np.abs(gradient[held]) / temperature
        volume += float(np.log(-np.expm1(-rates * (upper - lower)[held]) / rates).sum())
    return volume


def log_weights(model: LossModel, minima: Sequence[Minimum], temperature: float) -> np.ndarray:
    """ln of the weights, (k,), whose sum is 1. ValueError without minima, or for a temperature that is not positive."""
    if not minima:
        raise ValueError("a mixture needs at least one minimum")
    if not (temperature > 0.0 and math.isfinite(temperature)):
        raise ValueError(f"the temperature must be positive, not {temperature}")
    logarithms = np.array(
        [log_volume(model, minimum, temperature) - minimum.loss / temperature for minimum in minima]
    )
    logarithms -= logarithms.max()
    return logarithms - np.log(np.exp(logarithms).sum())


def mixture(
    model: LossModel, minima: Sequence[Minimum], features: np.ndarray, temperature: float = 1.0, noise: bool = True
) -> Mixture | None:
    """The mixed predictions for raw feature rows, (m, d); None if the model predicts nothing.

    temperature: in units of the loss; noise: as for `predictive_variance`. Errors: as for `log_weights`.
    """
    weights = np.exp(log_weights(model, minima, temperature))
    points = [minimum.coordinates for minimum in minima]
    if model.predict(points[0], features[:1]) is None:
        return None
    means = np.array([model.predict(x, features) for x in points])
    mean = np.tensordot(weights, means, axes=1)
    between = np.tensordot(weights, (means - mean) ** 2, axes=1)
    if model.predictive_variance(points[0], features[:1], noise) is None:
        return Mixture(weights, mean, between, None, None)
    variances = np.array([model.predictive_variance(x, features, noise) for x in points])
    within = np.tensordot(weights, variances, axes=1)
    return Mixture(weights, mean, between, within, within + between)
