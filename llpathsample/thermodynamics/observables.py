"""What a network tells at a temperature, by harmonic superposition: occupations, heat capacity, frustration.

Temperatures have the units of the loss. All that is exponential is kept as logarithms, so nothing overflows or
vanishes however cold it is. `order` is that of a point's stabiliser: a minimum has |G| / order images.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from llcommon import superposition
from llpathsample.ktn import Network
from llpathsample.network import minimax_barriers

_GRID = 241  # temperatures at which the heat capacity's peaks are looked for
_RANGE = (1e-4, 1e1)  # of these, in units of the spread of losses
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_REFINEMENTS = 60


def log_weights(network: Network, temperature: float) -> np.ndarray:
    """ln of the superposition weights of the minima but for a common factor, (n,)."""
    return superposition.log_weights(network.losses, network.lpphe, network.log_orders, temperature)


def log_occupations(network: Network, temperature: float) -> np.ndarray:
    """ln of the equilibrium occupation probabilities, (n,)."""
    weights = log_weights(network, temperature)
    return weights - logsumexp(weights)


def heat_capacity(network: Network, temperature: float) -> float:
    """Configurational heat capacity without its constant kappa / 2: Var(L) / T^2 (k_B = 1)."""
    shares = np.exp(log_occupations(network, temperature))
    centred = network.losses - network.losses.min()
    centred = centred - shares @ centred
    return float(shares @ (centred / temperature) ** 2)


def heat_capacity_peak(network: Network) -> float | None:
    """Temperature of the highest peak of the heat capacity; None without any."""
    spread = float(np.ptp(network.losses))
    if not spread > 0.0:
        return None
    grid = spread * np.geomspace(*_RANGE, _GRID)
    values = [heat_capacity(network, temperature) for temperature in grid.tolist()]
    inner = [k for k in range(1, _GRID - 1) if values[k - 1] < values[k] >= values[k + 1]]
    if not inner:
        return None
    best = max(inner, key=lambda k: values[k])
    logarithm = _maximum(
        lambda t: heat_capacity(network, float(np.exp(t))), np.log(grid[best - 1]), np.log(grid[best + 1])
    )
    return float(np.exp(logarithm))


def _maximum(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one maximum between low and high has it, by golden section."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = function(a), function(b)
    for _ in range(_REFINEMENTS):
        if at_a < at_b:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = function(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = function(a)
    return 0.5 * (low + high)


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
