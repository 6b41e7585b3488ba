"""to-global-minimum: every minimum outside the global minimum's component with its nearest inside, the lowest first."""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.neighbours import NearestMembers
from llpathsample.strategies.base import Busy, Choice, Strategy


class Inside:
    """The minima connected to some roots, and the nearest of them to those that are not.

    spent: (n,) bool, of minima outside that have no try left with any of their nearest; the owner sets it, and it is
    taken back when nearer ones come inside.
    """

    def __init__(self, network: GrowingNetwork) -> None:
        self.network = network
        self._reset()

    def _reset(self) -> None:
        self.nearest = NearestMembers(self.network.neighbours)
        self.spent = np.zeros(0, dtype=bool)

    def follow(self, roots: np.ndarray) -> np.ndarray:
        """Take notice of how the network has grown; the ids outside the components of the roots, ascending."""
        inside = self.network.inside(roots)
        if not inside[self.nearest.members].all():
            self._reset()  # another global minimum, in another component
        new = np.zeros(len(inside), dtype=bool)
        new[inside] = True
        new[self.nearest.members] = False
        changed = self.nearest.add(np.flatnonzero(new))
        grown = np.zeros(len(inside), dtype=bool)
        grown[: len(self.spent)] = self.spent
        grown[changed] = False
        self.spent = grown
        self.nearest.forget(np.flatnonzero(new).tolist())
        return np.flatnonzero(~inside)


class ToGlobalMinimum(Strategy):
    """A minimum is tried with its `neighbours` nearest in the component, each up to `attempts` times, the least tried
    first; as the component grows, nearer ones appear."""

    name = "to-global-minimum"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self.inside = Inside(network)

    def roots(self) -> np.ndarray:
        """Minima whose components are inside."""
        return np.array([self.landscape.global_minimum()])

    def end(self) -> str:
        """Why there is nothing more to choose."""
        return "one-component" if self.network.one_component() else super().end()

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs; a minimum that comes first in a `busy` pair is being connected already."""
        taken = {pair[0] for pair in busy}
        outside = self.inside.follow(self.roots())
        outside = self.network.by_loss(outside[~self.inside.spent[outside]])
        choices: list[Choice] = []
        for minimum in outside.tolist():
            if len(choices) == most:
                break
            if minimum not in taken:
                choice = self._partner_of(minimum)
                if choice is not None:
                    choices.append(choice)
        return choices

    def _partner_of(self, minimum: int) -> Choice | None:
        best = None
        for _, partner in self.inside.nearest.nearest(minimum, self.settings.neighbours):
            attempts = self.landscape.pair_attempts(minimum, partner)
            if attempts < self.settings.attempts and (best is None or attempts < best.attempt):
                best = Choice(minimum, partner, attempts)
        if best is None:
            self.inside.spent[minimum] = True
        return best
