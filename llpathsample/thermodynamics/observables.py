"""What a network tells at one temperature, by harmonic superposition: occupations and frustration.

Temperatures have the units of the loss. All that is exponential is kept as logarithms, so nothing overflows or
vanishes however cold it is. `order` is that of a point's stabiliser: a minimum has |G| / order images.
"""

import numpy as np
from scipy.special import logsumexp

from llcommon import superposition
from llpathsample.ktn import Network
from llpathsample.network import minimax_barriers
from llpathsample.thermodynamics.curves import scaled_excess


def log_weights(network: Network, temperature: float) -> np.ndarray:
    """ln of the superposition weights of the minima but for a common factor, (n,)."""
    return superposition.log_weights(network.losses, network.lpphe, network.log_orders, temperature)


def log_occupations(network: Network, temperature: float) -> np.ndarray:
    """ln of the equilibrium occupation probabilities, (n,)."""
    weights = -scaled_excess(network, temperature) - 0.5 * network.lpphe - network.log_orders
    return weights - logsumexp(weights)


def frustration(network: Network, temperature: float) -> float | None:
    """Frustration index f / (1 - p_0) (de Souza et al., J. Chem. Phys. 146, 124103, 2017), downhill barriers.

    Minima that no path joins to the global minimum, or of the same loss, are left out of the sum. None if there are no
    others.
    """
    root = int(np.argmin(network.losses))
    barriers = minimax_barriers(network.losses, network.ts_losses, network.ends, root)
    gaps = network.losses - network.losses[root]
    kept = np.isfinite(barriers) & (gaps > 0.0)
    if not kept.any():
        return None
    shares = log_occupations(network, temperature)
    # 1 - p_0 is the sum over the others, exact also where p_0 rounds to one.
    others = logsumexp(np.delete(shares, root))
    ratios = (barriers[kept] - network.losses[kept]) / gaps[kept]
    return float(np.exp(shares[kept] - others) @ ratios)
