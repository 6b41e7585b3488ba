"""Sums of exponentials that stay logarithms, as harmonic superposition and rates need them (k_B = 1)."""

import numpy as np


def log_weights(losses: np.ndarray, lpphe: np.ndarray, log_orders: np.ndarray, temperature: float) -> np.ndarray:
    """ln of the superposition weights of minima but for a common factor, (n,) as the arrays given."""
    return -losses / temperature - 0.5 * lpphe - log_orders


def log_sums(values: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """ln of the sums of exp(values) by place, (count,); -inf where there are none."""
    highest = np.full(count, -np.inf)
    np.maximum.at(highest, places, values)
    # Where all are -inf, so is the sum.
    base = np.where(np.isfinite(highest), highest, 0.0)
    sums = np.bincount(places, np.exp(values - base[places]), minlength=count)
    with np.errstate(divide="ignore"):
        return np.log(sums) + base
