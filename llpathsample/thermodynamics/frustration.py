"""Frustration of a landscape: how high barriers are beside the differences of losses that drive it downhill.

With the global minimum g and L*_a the highest transition state on the lowest path from a to g (the exact minimax
barrier),

    f(T) = sum_{a != g} p_a (L*_a - L_a) / (L_a - L_g),    f~(T) = f(T) / (1 - p_g)

(V. K. de Souza, J. D. Stevenson, S. P. Niblett, J. D. Farrell, D. J. Wales, J. Chem. Phys. 146, 124103, 2017). f~ is
the mean ratio over all but g, so that systems of different depth compare. An ideal funnel has none.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from llpathsample.ktn import Network
from llpathsample.network import minimax_barriers
from llpathsample.thermodynamics.curves import above_lowest, averages, curves, minima_only

FROM_MINIMUM, FROM_GLOBAL = "minimum", "global"


@dataclass(frozen=True)
class Frustration:
    """Over temperatures; arrays (t,).

    index: f. scaled: f~, NaN if no minimum takes part. entropy: Shannon's. lowest: p_g. capacity: Var(L) / T^2.
    unconnected: minima that no path joins to g; degenerate: others with the loss of g, but for rounding. Neither have
    a part in sums.
    """

    temperatures: np.ndarray
    index: np.ndarray
    scaled: np.ndarray
    entropy: np.ndarray
    lowest: np.ndarray
    capacity: np.ndarray
    unconnected: int
    degenerate: int


@dataclass(frozen=True)
class _Terms:
    """What the sums run over. root: g. others: all minima but g, (o,), without transition states. ratios: (o,) of each
    barrier to the difference of losses, 0 of those that have no part."""

    root: int
    others: Network
    ratios: np.ndarray
    taking_part: int
    unconnected: int
    degenerate: int


def global_barriers(network: Network) -> np.ndarray:
    """L*_a of each minimum, (n,), inf where no path leads to the global minimum."""
    root = int(np.argmin(network.losses))
    return minimax_barriers(network.losses, network.ts_losses, network.ends, root)


def frustration_curves(
    network: Network, temperatures: np.ndarray, barriers: np.ndarray | None = None, barrier_from: str = FROM_MINIMUM
) -> Frustration:
    """f, f~ and what stands beside them, at temperatures (t,) above zero.

    barriers: L*_a, (n,), if they are known from more transition states than the network has. barrier_from: "global"
    counts them from L_g in place of L_a.
    """
    temperatures = np.asarray(temperatures, dtype=np.float64)
    terms = _terms(network, global_barriers(network) if barriers is None else barriers, barrier_from)
    scaled, log_odds = _of_others(network, terms, temperatures)
    beside = curves(network, temperatures)
    return Frustration(
        temperatures=temperatures,
        index=scaled * expit(log_odds) if terms.taking_part else np.zeros(len(temperatures)),
        scaled=scaled,
        entropy=beside.entropy,
        lowest=expit(-log_odds),
        capacity=beside.capacity,
        unconnected=terms.unconnected,
        degenerate=terms.degenerate,
    )


def frustration(network: Network, temperature: float) -> float | None:
    """f~ of the barriers from each minimum; None if no minimum takes part."""
    terms = _terms(network, global_barriers(network), FROM_MINIMUM)
    return float(_of_others(network, terms, np.array([temperature]))[0][0]) if terms.taking_part else None


def _of_others(network: Network, terms: _Terms, temperatures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f~ and ln((1 - p_g) / p_g), (t,) each. f~ is the mean ratio over the occupations that the others would have
    without g: exact also where p_g rounds to one."""
    if not len(terms.ratios):
        return np.full(len(temperatures), np.nan), np.full(len(temperatures), -np.inf)
    means, log_partition = averages(terms.others, terms.ratios, temperatures)
    root = terms.root
    weight = -0.5 * network.lpphe[root] - network.log_orders[root]
    with np.errstate(over="ignore"):
        gaps = (terms.others.losses.min() - network.losses[root]) / temperatures
    scaled = means if terms.taking_part else np.full(len(temperatures), np.nan)
    return scaled, log_partition - gaps - weight


def _terms(network: Network, barriers: np.ndarray, barrier_from: str) -> _Terms:
    root = int(np.argmin(network.losses))
    others = _without(network, root)
    barriers, losses = np.delete(barriers, root), others.losses
    gaps = losses - network.losses[root]
    connected = np.isfinite(barriers)
    above = np.delete(above_lowest(network), root)
    kept = np.flatnonzero(connected & above)
    start = losses[kept] if barrier_from == FROM_MINIMUM else network.losses[root]
    ratios = np.zeros(len(losses))
    ratios[kept] = (barriers[kept] - start) / gaps[kept]
    unconnected, degenerate = np.count_nonzero(~connected), np.count_nonzero(connected & ~above)
    return _Terms(root, others, ratios, len(kept), int(unconnected), int(degenerate))


def _without(network: Network, minimum: int) -> Network:
    """All minima but one, and no transition states."""
    arrays = (np.delete(array, minimum) for array in (network.losses, network.lpphe, network.log_orders))
    return minima_only(*arrays)
