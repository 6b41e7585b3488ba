"""What a strategy is: it chooses pairs of minima, as a function of the landscape and of what is in flight."""

from dataclasses import dataclass
from typing import ClassVar

from llpathsample.growing import GrowingNetwork


@dataclass(frozen=True)
class Choice:
    """A pair to try, first the minimum that is to be connected, and the tries of the pair so far."""

    minimum: int
    partner: int
    attempt: int


Busy = set[tuple[int, int]]  # pairs in flight, as they were chosen


class Strategy:
    """Chooses pairs. What it keeps between choices only saves work: made anew from a checkpoint it chooses the same."""

    name: ClassVar[str]

    def __init__(self, network: GrowingNetwork) -> None:
        self.network = network
        self.landscape = network.landscape
        self.settings = network.settings

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs to try next; none if there is nothing to try now. `network` is up to date."""
        raise NotImplementedError

    def tries_left(self, a: int, b: int, busy: Busy) -> int | None:
        """The tries of a pair so far; None if it is in flight, or directly joined, or has no tries left."""
        if (a, b) in busy or (b, a) in busy or self.network.joined(a, b):
            return None
        attempts = self.landscape.pair_attempts(a, b)
        return attempts if attempts < self.settings.attempts else None
