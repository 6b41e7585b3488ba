"""A Gaussian process in the terms of scikit-learn."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summand:
    """One correlation with its parameters, all positive. lengths: (1,) or (d,); shape: alpha, period or None."""

    name: str
    lengths: np.ndarray
    shape: float | None


_ORDERS = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}


def _correlation(part: Summand, features: int):
    """The kernel of scikit-learn; None where that has one length, or another distance, and the model has not."""
    from sklearn.gaussian_process import kernels

    lengths = part.lengths if len(part.lengths) > 1 else float(part.lengths[0])
    if part.name == "squared-exponential":
        return kernels.RBF(lengths)
    if part.name in _ORDERS:
        return kernels.Matern(lengths, nu=_ORDERS[part.name])
    if len(part.lengths) > 1:
        return None
    if part.name == "rational-quadratic":
        return kernels.RationalQuadratic(lengths, alpha=part.shape)
    # Its periodic kernel is one of the Euclidean distance, ours a product over features: equal for a single one.
    return kernels.ExpSineSquared(lengths, periodicity=part.shape) if features == 1 else None


def scikit_regressor(
    parts: list[Summand],
    signals: list[float],
    noise: float,
    jitter: float,
    inputs: np.ndarray,
    targets: np.ndarray,
    target_scaling: tuple[float, float],
):
    """A fitted `GaussianProcessRegressor`, or None where scikit-learn lacks a kernel.

    signals: signal variance of each summand, one number for a product. noise, jitter: variances added to the diagonal;
    predicted deviations include the noise. inputs, targets: scaled, (n, d) and (n,); target_scaling: shift and scale.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels

    correlations = [_correlation(part, inputs.shape[1]) for part in parts]
    if None in correlations:
        return None
    if len(signals) == 1:
        total = kernels.ConstantKernel(signals[0])
        for correlation in correlations:
            total = total * correlation
    else:
        terms = [kernels.ConstantKernel(s) * correlation for s, correlation in zip(signals, correlations, strict=True)]
        total = terms[0] + terms[1]
    kernel = total + kernels.WhiteKernel(noise)
    estimator = GaussianProcessRegressor(kernel, alpha=jitter, optimizer=None).fit(inputs, targets)
    # What normalize_y would have set, from the model's own scaling.
    estimator._y_train_mean, estimator._y_train_std = target_scaling
    return estimator
