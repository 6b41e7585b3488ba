"""nearest: every minimum with its nearest neighbours, whatever component they are in; the lowest minimum first."""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.neighbours import NearestMembers
from llpathsample.strategies.base import Busy, Choice, Strategy


class Nearest(Strategy):
    """Pairs of a minimum and one of its `neighbours` nearest of all minima that are not directly joined."""

    name = "nearest"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self.members = NearestMembers(network.neighbours, self.suits)
        self._done = np.zeros(0, dtype=bool)  # minima that have no pair left, until nearer ones are found

    def suits(self, minimum: int, members: np.ndarray) -> np.ndarray:
        """Which of the members may be partners of a minimum."""
        return members != minimum

    def starts(self) -> np.ndarray:
        """The minima that are paired, in order."""
        return self.network.by_loss(np.arange(len(self.landscape.minima)))

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs."""
        self._follow()
        starts = self.starts()
        choices: list[Choice] = []
        chosen = set(busy)
        for minimum in starts[~self._done[starts]].tolist():
            if len(choices) >= most:
                break
            partners = [other for _, other in self.members.nearest(minimum, self.settings.neighbours)]
            for partner in partners:
                attempts = self.tries_left(minimum, partner, chosen)
                if attempts is not None and len(choices) < most:
                    choices.append(Choice(minimum, partner, attempts))
                    chosen.add((minimum, partner))
            self._done[minimum] = all(self.spent(minimum, partner) for partner in partners)
        return choices

    def _follow(self) -> None:
        """Take notice of new minima."""
        count = len(self.landscape.minima)
        changed = self.members.add(np.arange(len(self._done), count))
        self._done = np.concatenate([self._done, np.zeros(count - len(self._done), dtype=bool)])
        self._done[changed] = False
