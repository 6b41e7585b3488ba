"""Which minima of a landscape are the members of an ensemble.

    heat-capacity   at each peak, by falling height, the minimum that gains and the one that loses most occupation, then
                    the next ones of each, down to those that make 99 % of a side (D. J. Wales, Phys. Rev. E 95, 030105,
                    2017)
    communities     the lowest minimum of each community (Leiden, weights by rate, as `llpathsample communities`)
    basins          the bottom of each monotonic sequence basin, the lowest first
    lowest          those of lowest loss
    random          drawn from all minima, several times

Communities and basins are those of the component of the lowest minimum: what is not connected to it yet would be one
of its own for want of a transition state (TS) only.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.rng import generator
from llcommon.store import Landscape
from llpathsample.ktn import Network
from llpathsample.network import components
from llpathsample.structure.basins import bottoms
from llpathsample.structure.communities import communities
from llpathsample.thermodynamics.features import heat_capacity_peaks
from llpathsample.thermodynamics.makers import peak_makers

CHOICES = ("heat-capacity", "communities", "basins", "lowest", "random")
NEED_STATES = ("communities", "basins")
NEED_LPPHE = ("heat-capacity", "communities")


@dataclass(frozen=True)
class Choice:
    """name: one of CHOICES. draws: ids of the members, (e,), by rising loss; one array, of `random` several. found: how
    many minima the rule would name without a limit."""

    name: str
    draws: list[np.ndarray]
    found: int

    @property
    def size(self) -> int:
        """Number of members."""
        return len(self.draws[0])


def chosen(landscape: Landscape, name: str, size: int, draws: int = 1, seed: int = 1) -> Choice:
    """At most `size` members by the rule `name`; draws, seed: of `random`. None at all if nothing makes a choice, as
    without peaks."""
    losses = landscape.minima.loss
    if name == "lowest":
        return Choice(name, [np.argsort(losses, kind="stable")[:size]], len(losses))
    if name == "random":
        sets = [generator(seed, "ensemble members", draw).permutation(len(losses))[:size] for draw in range(draws)]
        return Choice(name, [by_loss(ids, losses) for ids in sets], len(losses))
    ranked = {"heat-capacity": peak_minima, "communities": representatives, "basins": basin_bottoms}[name](landscape)
    return Choice(name, [by_loss(ranked[:size], losses)], len(ranked))


def by_loss(ids: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The ids by rising loss, then by id."""
    ids = np.sort(np.asarray(ids, dtype=np.int64))
    return ids[np.argsort(losses[ids], kind="stable")]


def peak_minima(landscape: Landscape) -> np.ndarray:
    """Ids of the minima that make the peaks of the heat capacity, each once, see the module."""
    network, ids, _ = Network.complete(landscape)
    if not len(ids):
        return np.empty(0, dtype=np.int64)
    peaks = sorted(heat_capacity_peaks(network), key=lambda peak: -peak.height)
    sides = []
    for peak in peaks:
        makers = peak_makers(network, peak, len(ids))
        sides += [makers.gaining.rows[: makers.gaining.needed], makers.losing.rows[: makers.losing.needed]]
    longest = max((len(rows) for rows in sides), default=0)
    order = [rows[rank] for rank in range(longest) for rows in sides if rank < len(rows)]
    return ids[np.array(list(dict.fromkeys(order)), dtype=np.int64)]


def representatives(landscape: Landscape) -> np.ndarray:
    """Ids of the lowest minima of the communities, by rising loss."""
    network, ids, _ = Network.complete(landscape)
    if not len(ids):
        return ids
    inside = _around_lowest(network)
    joined = network.among(inside)
    labels = communities(joined)
    order = np.argsort(joined.losses, kind="stable")
    first = np.unique(labels[order], return_index=True)[1]
    return ids[inside[order[first]]]


def basin_bottoms(landscape: Landscape) -> np.ndarray:
    """Ids of the bottoms of monotonic sequence basins, by rising loss."""
    network = Network.unchecked(landscape)
    inside = _around_lowest(network)
    joined = network.among(inside)
    return by_loss(inside[bottoms(joined.losses, joined.ends)], network.losses)


def _around_lowest(network: Network) -> np.ndarray:
    """Places of the minima that TS join to the lowest one, ascending."""
    labels = components(len(network.losses), network.ends)
    return np.flatnonzero(labels == labels[np.argmin(network.losses)])
