"""all-pairs: first to-global-minimum; then every pair that no transition state joins directly, the nearest first."""

import heapq

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.base import Busy, Choice, Strategy
from llpathsample.strategies.component import ToGlobalMinimum


class AllPairs(Strategy):
    """A minimum also makes a pair with itself: its symmetry images are joined by degenerate rearrangements. Each pair
    is tried up to `attempts` times, the least tried first.

    In big landscapes pairs come in rounds: every minimum with the `shortlist` nearest, by their bounds, of those with a
    lower id; with twice as many; and so on. So the round of a pair does not depend on minima that are found later.
    """

    name = "all-pairs"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self.first = ToGlobalMinimum(network)
        self._round = 0
        # (round, attempts, distance, pair); attempts may have become more since.
        self._queue: list[tuple[int, int, float, int, int]] = []
        self._queued: list[int] = []  # minima whose pairs were put there, by round

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs that are not in `busy`."""
        choices = self.first.choose(most, busy)
        # The second stage starts when the first is over: when it could choose nothing even with nothing in flight.
        if choices or (busy and self.first.choose(1, set())):
            return choices
        chosen: list[Choice] = []
        kept = []
        while len(chosen) < most:
            self._fill()
            if not self._queue:
                if not self._another_round():
                    break
                continue
            place, attempts, distance, a, b = heapq.heappop(self._queue)
            if self.network.joined(a, b):
                continue
            now = self.landscape.pair_attempts(a, b)
            if (a, b) in busy or (b, a) in busy:
                kept.append((place, now, distance, a, b))
            elif now > attempts:
                if now < self.settings.attempts:
                    heapq.heappush(self._queue, (place, now, distance, a, b))
            else:
                chosen.append(Choice(a, b, attempts))
                kept.append((place, now, distance, a, b))
        for item in kept:
            heapq.heappush(self._queue, item)
        return chosen

    def _another_round(self) -> bool:
        """Whether there are pairs of a further round."""
        size = self._size(self._round)
        if len(self.landscape.minima) - 1 <= size or self.network.neighbours.embeddings() is None:
            return False
        self._round += 1
        return True

    def _size(self, number: int) -> int:
        """How many of the nearest a minimum has been paired with when a round is over."""
        return self.network.neighbours.shortlist << number

    def _fill(self) -> None:
        """Put the pairs of all rounds so far in the queue that are not there yet."""
        count = len(self.landscape.minima)
        self._queued += [0] * (self._round + 1 - len(self._queued))
        for number in range(self._round + 1):
            for minimum in range(self._queued[number], count):
                for other in self._of_round(minimum, number):
                    attempts = self.landscape.pair_attempts(other, minimum)
                    if attempts < self.settings.attempts:
                        distance = self.network.neighbours.distance(other, minimum)
                        heapq.heappush(self._queue, (number, attempts, distance, other, minimum))
            self._queued[number] = count

    def _of_round(self, minimum: int, number: int) -> list[int]:
        """The minima of lower or the same id that a minimum is paired with in a round."""
        # Without symmetry a minimum has no images to be joined with.
        itself = [minimum] if number == 0 and self.landscape.model.log_group_order() > 0.0 else []
        lower = np.arange(minimum)
        bounds = self.network.neighbours.bounds(np.array([minimum]), lower)
        if bounds is None:
            return lower.tolist() + itself if number == 0 else []
        order = np.argsort(bounds[0], kind="stable")
        first = self._size(number - 1) if number else 0
        return lower[order[first : self._size(number)]].tolist() + itself
