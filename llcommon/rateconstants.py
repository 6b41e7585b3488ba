"""Harmonic rate constants of the steps of a network (k_B = 1, unit masses).

For the step a -> b through a transition state (TS) t, at temperature T:

    ln k = ln(o_a / o_t) - ln(2 pi) + (LPPHE_a - LPPHE_t) / 2 - (L_t - L_a) / T

It is computed as ln W_t - ln w_a: w_a is the superposition weight of the minimum, W_t the conductance of the TS, which
is the same from either side. So detailed balance, w_a k(b <- a) = w_b k(a <- b), holds to rounding however cold it is.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.superposition import log_weights

_LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Harmonic:
    """ln of the weights of n minima, and of the conductances of m TS, but for one factor that is common to all."""

    log_weights: np.ndarray
    log_conductances: np.ndarray

    def log_rates(self, states: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """ln k through these TS (e,) out of the minima at these of their sides (e,)."""
        return self.log_conductances[states] - self.log_weights[starts]


def harmonic(minima: tuple, states: tuple, temperature: float) -> Harmonic:
    """Weights and conductances at a temperature in units of the loss.

    minima: losses, LPPHE and ln of the symmetry orders, (n,) each; states: those of the TS, (m,) each. Losses and LPPHE
    count from those of the lowest minimum, so that what all points share costs no digits.
    """
    losses, lpphe, log_orders = minima
    ts_losses, ts_lpphe, ts_log_orders = states
    if not len(losses):
        return Harmonic(np.empty(0), np.empty(0))
    lowest = int(np.argmin(losses))
    loss, product = losses[lowest], lpphe[lowest]
    own = log_weights(ts_losses - loss, ts_lpphe - product, ts_log_orders, temperature)
    return Harmonic(log_weights(losses - loss, lpphe - product, log_orders, temperature), own - _LOG_TWO_PI)
