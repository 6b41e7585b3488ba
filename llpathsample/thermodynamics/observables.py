"""What a network tells at one temperature, by harmonic superposition: occupations of its minima.

Temperatures have the units of the loss. All that is exponential is kept as logarithms, so nothing overflows or
vanishes however cold it is. `order` is that of a point's stabiliser: a minimum has |G| / order images.
"""

import numpy as np
from scipy.special import logsumexp

from llcommon import superposition
from llpathsample.ktn import Network
from llpathsample.thermodynamics.curves import scaled_excess


def log_weights(network: Network, temperature: float) -> np.ndarray:
    """ln of the superposition weights of the minima but for a common factor, (n,)."""
    return superposition.log_weights(network.losses, network.lpphe, network.log_orders, temperature)


def log_occupations(network: Network, temperature: float) -> np.ndarray:
    """ln of the equilibrium occupation probabilities, (n,)."""
    return log_shares(network.losses, network.lpphe, network.log_orders, temperature)


def log_shares(losses: np.ndarray, lpphe: np.ndarray, log_orders: np.ndarray, temperature: float) -> np.ndarray:
    """The same of some minima alone, (n,) as the arrays given: their sum is 1. Any temperature above zero will do."""
    weights = -scaled_excess(losses, temperature) - 0.5 * lpphe - log_orders
    return weights - logsumexp(weights)
