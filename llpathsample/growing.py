"""The network that a growth chooses from: components and direct connections, kept up while points are added."""

import numpy as np

from llcommon.store import Landscape
from llpathsample.ktn import Network
from llpathsample.neighbours import Neighbours
from llpathsample.network import components
from llpathsample.sets import members_of
from llpathsample.yields import Yields

_FEW = 64  # new connections that are merged one by one


class GrowingNetwork:
    """Connectivity of a landscape to which minima and transition states are only added.

    All it tells is a function of the landscape: what is made anew from a checkpoint tells the same.
    """

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self.settings = landscape.settings.grow
        self.neighbours = Neighbours(landscape)
        self.yields = Yields()
        self.labels = np.empty(0, dtype=np.int64)
        self.left_out = 0  # points that `thermal` left out last
        self._states = 0
        self._joined: set[tuple[int, int]] = set()
        self._partners: dict[int, set[int]] = {}

    def update(self) -> None:
        """Take notice of the points that were added since."""
        count = len(self.landscape.minima)
        ends = self.landscape.transition_states.minima
        if count > len(self.labels):
            self.labels = np.concatenate([self.labels, np.arange(len(self.labels), count)])
        new = ends[self._states :]
        new = new[new[:, 0] != new[:, 1]]
        if len(new) > _FEW:
            numbers = components(count, ends)
            self.labels = np.unique(numbers, return_index=True)[1][numbers]
        for a, b in np.sort(new, axis=1).tolist():
            self._joined.add((a, b))
            self._partners.setdefault(a, set()).add(b)
            self._partners.setdefault(b, set()).add(a)
            low, high = sorted((self.labels[a], self.labels[b]))
            if low != high:
                self.labels[self.labels == high] = low
        self._states = len(ends)

    def joined(self, a: int, b: int) -> bool:
        """Whether a transition state joins two minima directly."""
        return ((a, b) if a < b else (b, a)) in self._joined

    def below_degree(self, least: int) -> np.ndarray:
        """Ids, ascending, of the minima that are directly joined to fewer others."""
        count = len(self.labels)
        degrees = np.zeros(count, dtype=np.int64)
        minima = np.fromiter(self._partners, dtype=np.int64, count=len(self._partners))
        degrees[minima] = [len(self._partners[minimum]) for minimum in minima.tolist()]
        return np.flatnonzero(degrees < least)

    def partners(self, minimum: int) -> list[int]:
        """The minima that a minimum is directly joined to, ascending."""
        return sorted(self._partners.get(minimum, ()))

    def one_component(self) -> bool:
        """Whether all minima are connected."""
        return not np.any(self.labels)  # the label of a component is its lowest id

    def components(self) -> int:
        """Number of components."""
        return int((self.labels == np.arange(len(self.labels))).sum())

    def inside(self, roots: np.ndarray) -> np.ndarray:
        """Which minima, (n,) bool, are in the components of some."""
        return np.isin(self.labels, self.labels[roots])

    def outside(self) -> int:
        """Number of minima outside the global minimum's component."""
        root = self.landscape.global_minimum()
        return int(np.count_nonzero(self.labels != self.labels[root]))

    def by_loss(self, ids: np.ndarray) -> np.ndarray:
        """The ids by ascending loss, equal ones by id."""
        return ids[np.argsort(self.landscape.minima.loss[ids], kind="stable")]

    def set_a(self) -> np.ndarray:
        """Ids of the minima of `[grow] set_a`, ascending."""
        return members_of(self.landscape, self.settings.set_a, self.settings.set_b)

    def set_b(self) -> np.ndarray:
        """Ids of the minima of `[grow] set_b`, ascending, without those of set_a."""
        found = members_of(self.landscape, self.settings.set_b, self.settings.set_a)
        return np.setdiff1d(found, self.set_a())

    def thermal(self) -> tuple[Network, np.ndarray]:
        """What rates and occupations are of: the points that have an LPPHE; the ids of these minima, ascending."""
        network, ids, _ = Network.complete(self.landscape)
        points = len(self.landscape.minima) + len(self.landscape.transition_states)
        self.left_out = points - len(ids) - len(network.ends)
        return network, ids

    def temperature(self) -> float:
        """`[grow] temperature`, or what the model suggests."""
        own = self.settings.temperature
        return self.landscape.model.suggested_temperature if own is None else own
