"""Which pairs of minima to connect next: everything towards one component around the global minimum."""

from dataclasses import dataclass

import numpy as np

from llcommon.store import Landscape
from llpathsample.network import components


@dataclass(frozen=True)
class Choice:
    """A pair to try: an unconnected minimum, one of the main component, and the tries of the pair so far."""

    unconnected: int
    partner: int
    attempt: int


class Distances:
    """Aligned distances between stored minima, each computed once."""

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self._known: dict[tuple[int, int], float] = {}

    def between(self, a: int, b: int) -> float:
        """Distance of minima a and b after alignment under the model's symmetry."""
        key = (a, b) if a < b else (b, a)
        if key not in self._known:
            points = self.landscape.minima.coordinates
            first = points[key[0]].copy()
            aligned = self.landscape.model.align(first, points[key[1]].copy())
            self._known[key] = float(np.linalg.norm(aligned - first))
        return self._known[key]


class ToGlobalMinimum:
    """Pairs every minimum outside the global minimum's component with its nearest inside, lowest first.

    A minimum is tried with its `neighbours` nearest in the component, each up to `attempts` times, the
    least tried first; as the component grows, nearer ones appear.
    """

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self.settings = landscape.settings.grow
        self.distances = Distances(landscape)

    def outside(self) -> np.ndarray:
        """Ids of the minima outside the global minimum's component, by ascending loss."""
        labels = components(len(self.landscape.minima), self.landscape.transition_states.minima)
        unconnected = np.flatnonzero(labels != labels[self.landscape.global_minimum()])
        order = np.argsort(self.landscape.minima.loss[unconnected], kind="stable")
        return unconnected[order]

    def choose(self, most: int, busy: set[int]) -> list[Choice]:
        """Up to `most` pairs; minima in `busy` are being connected already."""
        outside = self.outside()
        if not outside.size:
            return []
        inside = np.setdiff1d(np.arange(len(self.landscape.minima)), outside)
        choices = []
        for minimum in outside:
            if len(choices) == most:
                break
            if int(minimum) not in busy:
                choice = self._partner_of(int(minimum), inside)
                if choice is not None:
                    choices.append(choice)
        return choices

    def _partner_of(self, minimum: int, inside: np.ndarray) -> Choice | None:
        distances = [self.distances.between(minimum, int(other)) for other in inside]
        nearest = np.argsort(distances, kind="stable")[: self.settings.neighbours]
        best = None
        for place in nearest:
            partner = int(inside[place])
            attempts = self.landscape.pair_attempts(minimum, partner)
            if attempts < self.settings.attempts and (best is None or attempts < best.attempt):
                best = Choice(minimum, partner, attempts)
        return best
