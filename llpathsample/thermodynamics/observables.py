"""What a network tells at one temperature, by harmonic superposition: occupations of its minima.

Temperatures have the units of the loss. All that is exponential is kept as logarithms, so nothing overflows or
vanishes however cold it is. `order` is that of a point's stabiliser: a minimum has |G| / order images.
"""

import numpy as np

from llcommon import superposition
from llpathsample.ktn import Network
from llpathsample.thermodynamics.curves import scaled_excess


def log_weights(network: Network, temperature: float) -> np.ndarray:
    """ln of the superposition weights of the minima but for a common factor, (n,)."""
    return superposition.log_weights(network.losses, network.lpphe, network.log_orders, temperature)


def log_occupations(network: Network, temperature: float) -> np.ndarray:
    """ln of the equilibrium occupation probabilities, (n,)."""
    weights = -scaled_excess(network.losses, temperature) - 0.5 * network.lpphe - network.log_orders
    weights -= weights.max()
    return weights - np.log(np.exp(weights).sum())
