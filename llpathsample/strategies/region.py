"""region: all pairs of a minimum of A and one of B within a distance (CONNECTREGION of PATHSAMPLE)."""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.base import Busy, Choice, Strategy


class Region(Strategy):
    """By the ids of A, the nearest of B first, B being all minima unless set; within `radius`, not directly joined."""

    name = "region"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        # Of a minimum of A: how many minima there were, and those of B that may have tries left, nearest first.
        self._near: dict[int, tuple[int, list[tuple[float, int]]]] = {}
        self._targets = np.empty(0, dtype=np.int64)
        self._count = 0

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs."""
        targets = self.network.set_b() if self.settings.set_b else np.arange(len(self.landscape.minima))
        if not np.array_equal(targets[targets < self._count], self._targets):
            self._near.clear()  # of the minima that there were the rule of B names others now
        self._targets = targets
        self._count = len(self.landscape.minima)
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
        known, partners = self._near.get(minimum, (0, []))
        partners = [item for item in partners if not self.spent(minimum, item[1])]
        near = self._targets[np.searchsorted(self._targets, known) :]
        near = near[near != minimum]
        bounds = self.network.neighbours.bounds(np.array([minimum]), near)
        radius = np.inf if self.settings.radius is None else self.settings.radius
        if bounds is not None:
            near = near[bounds[0] <= radius]
        for other in near.tolist():
            if not self.spent(minimum, other):
                distance = self.network.neighbours.distance(minimum, other)
                if distance <= radius:
                    partners.append((distance, other))
        partners.sort()
        self._near[minimum] = self._count, partners
        return [other for _, other in partners]
