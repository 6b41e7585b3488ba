"""Which pairs of minima to connect next: towards one component first, then, if asked, every pair."""

from dataclasses import dataclass

import numpy as np

from llcommon.store import Landscape
from llpathsample.network import components


@dataclass(frozen=True)
class Choice:
    """A pair to try, first the minimum that is to be connected, and the tries of the pair so far."""

    minimum: int
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

    def choose(self, most: int, busy: set[tuple[int, int]]) -> list[Choice]:
        """Up to `most` pairs; a minimum that comes first in a `busy` pair is being connected already."""
        taken = {pair[0] for pair in busy}
        outside = self.outside()
        if not outside.size:
            return []
        inside = np.setdiff1d(np.arange(len(self.landscape.minima)), outside)
        choices = []
        for minimum in outside:
            if len(choices) == most:
                break
            if int(minimum) not in taken:
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


class AllPairs:
    """First as ToGlobalMinimum; then every pair that no transition state joins directly, the nearest first.

    A minimum also makes a pair with itself: its symmetry images are joined by degenerate rearrangements. Each pair
    is tried up to `attempts` times, the least tried first.
    """

    def __init__(self, landscape: Landscape) -> None:
        self.landscape = landscape
        self.settings = landscape.settings.grow
        self.first = ToGlobalMinimum(landscape)

    def outside(self) -> np.ndarray:
        """Ids of the minima outside the global minimum's component, by ascending loss."""
        return self.first.outside()

    def choose(self, most: int, busy: set[tuple[int, int]]) -> list[Choice]:
        """Up to `most` pairs that are not in `busy`."""
        choices = self.first.choose(most, busy)
        if choices or busy:
            # The second stage starts when the first is over, whatever its last batches yield.
            if choices or not self._second_stage(busy):
                return choices
        joined = {(min(a, b), max(a, b)) for a, b in self.landscape.transition_states.minima.tolist() if a != b}
        ranked = []
        in_flight = {(min(pair), max(pair)) for pair in busy}
        count = len(self.landscape.minima)
        # Without symmetry a minimum has no images to be joined with.
        first_partner = 0 if self.landscape.model.log_group_order() > 0.0 else 1
        for a in range(count):
            for b in range(a + first_partner, count):
                attempts = self.landscape.pair_attempts(a, b)
                if attempts < self.settings.attempts and (a, b) not in joined and (a, b) not in in_flight:
                    ranked.append((attempts, self.first.distances.between(a, b), a, b))
        ranked.sort()
        return [Choice(a, b, attempts) for attempts, _, a, b in ranked[:most]]

    def _second_stage(self, busy: set[tuple[int, int]]) -> bool:
        """Whether the pairs in flight are of the second stage: none of them leads to an outside minimum."""
        outside = set(self.outside().tolist())
        return not any(pair[0] in outside for pair in busy)


def strategy(landscape: Landscape) -> ToGlobalMinimum | AllPairs:
    """The way to choose pairs that `[grow] pairs` names."""
    return AllPairs(landscape) if landscape.settings.grow.pairs == "all" else ToGlobalMinimum(landscape)
