"""untrap: minima behind barriers that are high for how little lies beyond (UNTRAP of PATHSAMPLE).

The barrier of a minimum is that of the lowest path to the products A, the exact minimax, less its own loss. Where it is
large beside the difference of the losses a lower way may have been missed: this looks for one.
"""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.network import minimax_barriers
from llpathsample.strategies.base import Busy, Choice, Strategy


def barriers_to(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Lowest possible highest TS from each minimum to any of the products, (n,); their own losses there, inf without a
    path."""
    if not len(products):
        return np.full(len(losses), np.inf)
    # The products as one minimum.
    root = int(products[0])
    names = np.arange(len(losses))
    names[products] = root
    barriers = minimax_barriers(losses, ts_losses, names[ends], root)
    barriers[products] = losses[products]
    return barriers


def trap_ratios(
    losses: np.ndarray, barriers: np.ndarray, products: np.ndarray, least_difference: float
) -> np.ndarray:
    """Barrier over difference to the lowest product, (n,); -inf of products and of minima without a path to one."""
    lowest = losses[products].min()
    differences = np.maximum(np.abs(losses - lowest), least_difference)
    ratios = np.full(len(losses), -np.inf)
    trapped = np.isfinite(barriers)
    trapped[products] = False
    ratios[trapped] = (barriers[trapped] - losses[trapped]) / differences[trapped]
    return ratios


class Untrap(Strategy):
    """The largest ratio first, with the nearest minimum that the products reach below its barrier, and that is at most
    `loss_margin` higher. It is left alone after `neighbours` partners in vain."""

    name = "untrap"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self._left_alone: set[int] = set()  # minima without a partner, whatever is in flight, while the network stays
        self._stage: tuple = ()

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, each of another minimum."""
        losses = self.landscape.minima.loss
        states = self.landscape.transition_states
        products = self.network.set_a()
        if not len(states) or not len(products):
            return []
        barriers = barriers_to(losses, states.loss, states.minima, products)
        ratios = trap_ratios(losses, barriers, products, self.settings.least_difference)
        ranked = np.lexsort((np.arange(len(ratios)), -ratios))
        ranked = ranked[np.isfinite(ratios[ranked]) & (self._in_vain()[ranked] < self.settings.neighbours)]
        taken = {pair[0] for pair in busy} | self.left_alone(products)
        choices: list[Choice] = []
        for minimum in ranked.tolist():
            if len(choices) == most:
                break
            if minimum not in taken:
                below = (barriers < barriers[minimum]) & (losses <= losses[minimum] + self.settings.loss_margin)
                choice = self._partner_of(minimum, np.flatnonzero(below), busy)
                if choice is not None:
                    choices.append(choice)
        return choices

    def left_alone(self, products: np.ndarray) -> set[int]:
        """Minima that need not be looked at: without tries left, in a network that is as it was then."""
        stage = len(self.landscape.minima), len(self.landscape.transition_states), products.tobytes()
        if stage != self._stage:
            self._stage = stage
            self._left_alone.clear()
        return self._left_alone

    def _in_vain(self) -> np.ndarray:
        """With how many others, not higher, each minimum, (n,), has no tries left and was never connected."""
        pairs = self.landscape.pairs
        losses = self.landscape.minima.loss
        failed = pairs.ids[(pairs.attempts >= self.settings.attempts) & (pairs.connected == 0)]
        higher = np.where(losses[failed[:, 0]] > losses[failed[:, 1]], failed[:, 0], failed[:, 1])
        return np.bincount(higher, minlength=len(losses))

    def _partner_of(self, minimum: int, candidates: np.ndarray, busy: Busy) -> Choice | None:
        """The nearest candidate with tries left, the least tried of the `neighbours` nearest."""
        choice = self._nearest_of(minimum, candidates, busy)
        if choice is None and (not busy or self._nearest_of(minimum, candidates, set()) is None):
            self._left_alone.add(minimum)
        return choice

    def _nearest_of(self, minimum: int, candidates: np.ndarray, busy: Busy) -> Choice | None:
        untouched = self.untouched(minimum, candidates, busy)
        near = self.network.neighbours.nearest(minimum, untouched, self.settings.neighbours)
        return self.least_tried(minimum, [other for _, other in near], busy)
