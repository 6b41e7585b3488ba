"""monotonic: bottoms of monotonic sequences to their nearest lower minima.

A bottom is a minimum that no transition state joins to a lower one. Some are the bottoms of funnels; others only lack
the transition state that leads on, and this looks for it.
"""

import numpy as np

from llpathsample.strategies.nearest import Nearest
from llpathsample.structure.basins import bottoms


class Monotonic(Nearest):
    """The lowest bottom first, each with its `neighbours` nearest minima of lower loss."""

    name = "monotonic"

    def suits(self, minimum: int, members: np.ndarray) -> np.ndarray:
        """Which of the members are lower."""
        losses = self.landscape.minima.loss
        return losses[members] < losses[minimum]

    def starts(self) -> np.ndarray:
        """The bottoms by ascending loss."""
        return self.network.by_loss(bottoms(self.landscape.minima.loss, self.landscape.transition_states.minima))
