"""region: all pairs of a minimum of A and one of B within a distance (CONNECTREGION of PATHSAMPLE)."""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.base import Busy, Choice, Strategy


class Region(Strategy):
    """By the ids of A, the nearest of B first, B being all minima unless set; within `radius`, not directly joined."""

    name = "region"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self._checked: dict[int, int] = {}  # of a minimum of A without pairs left: how many minima there were
        self._targets = np.empty(0, dtype=np.int64)

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs."""
        targets = self.network.set_b() if self.settings.set_b else np.arange(len(self.landscape.minima))
        if not np.isin(self._targets, targets).all():
            self._checked.clear()  # the rule of B names others now
        self._targets = targets
        choices: list[Choice] = []
        chosen = set(busy)
        for minimum in self.network.set_a().tolist():
            for partner in self._partners(minimum):
                attempts = self.tries_left(minimum, partner, chosen)
                if attempts is not None:
                    if len(choices) == most:
                        return choices
                    choices.append(Choice(minimum, partner, attempts))
                    chosen.add((minimum, partner))
        return choices

    def _partners(self, minimum: int) -> list[int]:
        """The minima of B within the radius of one of A that may have tries left, nearest first."""
        first = np.searchsorted(self._targets, self._checked.get(minimum, 0))
        near = self._targets[first:]
        near = near[near != minimum]
        bounds = self.network.neighbours.bounds(np.array([minimum]), near)
        radius = np.inf if self.settings.radius is None else self.settings.radius
        if bounds is not None:
            near = near[bounds[0] <= radius]
        partners = []
        for other in near.tolist():
            if not self.spent(minimum, other):
                distance = self.network.neighbours.distance(minimum, other)
                if distance <= radius:
                    partners.append((distance, other))
        if not partners:
            self._checked[minimum] = len(self.landscape.minima)
        return [other for _, other in sorted(partners)]
