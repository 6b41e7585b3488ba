"""What landscapes of different settings are compared by: how many minima and funnels, how frustrated, how ambiguous."""

from dataclasses import dataclass, replace

import numpy as np

from llpathsample.ktn import Network
from llpathsample.network import components, minimax_barriers
from llpathsample.structure.funnels import Basins, basins_of
from llpathsample.thermodynamics.curves import above_lowest
from llpathsample.thermodynamics.frustration import frustration_curves
from llpathsample.thermodynamics.observables import log_occupations


@dataclass(frozen=True)
class Measures:
    """Of one landscape at one temperature, in units of its loss.

    lowest: loss. funnels: bottoms of monotonic sequences with at least the barrier ratio. frustration: f~, NaN if no
    minimum takes part. entropy: Shannon's, of the occupations; competing: exp of that of the occupations of funnels,
    their effective number. unconnected: minima that no path joins to the lowest.
    """

    lowest: float
    minima: int
    states: int
    components: int
    funnels: int
    competing: float
    frustration: float
    entropy: float
    temperature: float
    unconnected: int


def by_loss_alone(network: Network) -> Network:
    """The network with all minima as wide as each other: weights exp(-L / T) and no more."""
    nothing = np.zeros(len(network.losses))
    states = np.zeros(len(network.ts_losses))
    return replace(network, lpphe=nothing, log_orders=nothing, ts_lpphe=states, ts_log_orders=states)


def measures_of(network: Network, temperature: float, ratio: float) -> Measures:
    """The measures of a network whose minima all have an LPPHE; ratio: least barrier ratio of a funnel."""
    lowest = int(np.argmin(network.losses))
    found = basins_of(network.losses, network.ts_losses, network.ends)
    shares = _occupations(network, temperature)
    of_funnels = np.bincount(funnel_of(found, ratio), weights=shares, minlength=len(shares))
    barriers = minimax_barriers(network.losses, network.ts_losses, network.ends, lowest)
    frustration = float("nan")
    if temperature > 0.0 and above_lowest(network).any():
        frustration = float(frustration_curves(network, np.array([temperature]), barriers).scaled[0])
    return Measures(
        lowest=float(network.losses[lowest]),
        minima=len(network.losses),
        states=len(network.ts_losses),
        components=len(np.unique(components(len(network.losses), network.ends))),
        funnels=found.funnels(ratio),
        competing=float(np.exp(shannon(of_funnels))),
        frustration=frustration,
        entropy=shannon(shares),
        temperature=temperature,
        unconnected=int((~np.isfinite(barriers)).sum()),
    )


def _occupations(network: Network, temperature: float) -> np.ndarray:
    if temperature > 0.0:
        return np.exp(log_occupations(network, temperature))
    lowest = (network.losses == network.losses.min()).astype(np.float64)
    return lowest / lowest.sum()


def shannon(shares: np.ndarray) -> float:
    """-sum p ln p."""
    positive = shares[shares > 0.0]
    return float(-(positive * np.log(positive)).sum()) + 0.0


def funnel_of(basins: Basins, ratio: float) -> np.ndarray:
    """The bottom of the funnel that each minimum belongs to, (n,): from a bottom of a lower barrier ratio one goes on
    to the lower minimum that it escapes to."""
    place = {int(bottom): k for k, bottom in enumerate(basins.bottom)}
    funnel = {}
    # By rising loss: where a bottom escapes to has its funnel already.
    for k, bottom in enumerate(basins.bottom.tolist()):
        over = int(basins.over[k])
        leads_on = over >= 0 and basins.ratio[k] < ratio
        below = int(basins.labels[over]) if leads_on else bottom
        funnel[bottom] = funnel[below] if place[below] < k else bottom
    return np.array([funnel[int(label)] for label in basins.labels], dtype=np.int64)
