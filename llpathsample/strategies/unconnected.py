"""unconnected: minima that are not connected to A or B, to what is (CONNECTUNC of PATHSAMPLE)."""

import numpy as np

from llpathsample.strategies.base import Busy, Choice
from llpathsample.strategies.component import ToGlobalMinimum


class Unconnected(ToGlobalMinimum):
    """By `order`: the lowest first, each to its `neighbours` nearest of the connected ones; or those nearest to
    `reference` in loss or in distance first, each to the reference itself."""

    name = "unconnected"

    def roots(self) -> np.ndarray:
        """The minima of A, and of B if there is one."""
        return np.union1d(self.network.set_a(), self.network.set_b()) if self.settings.set_b else self.network.set_a()

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, each of another minimum."""
        if self.settings.order == "lowest":
            return super().choose(most, busy)
        reference = self._reference()
        outside = np.flatnonzero(~self.network.inside(self.roots()))
        candidates = self.untouched(reference, outside, busy)
        if self.settings.order == "loss":
            gaps = np.abs(self.landscape.minima.loss[candidates] - self.landscape.minima.loss[reference])
            nearest = candidates[np.argsort(gaps, kind="stable")][:most].tolist()
        else:
            nearest = [other for _, other in self.network.neighbours.nearest(reference, candidates, most)]
        return [Choice(m, reference, self.landscape.pair_attempts(m, reference)) for m in nearest]

    def _reference(self) -> int:
        own = self.settings.reference
        return int(self.network.by_loss(self.network.set_a())[0]) if own is None else own
