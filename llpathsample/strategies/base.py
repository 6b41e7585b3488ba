"""What a strategy is: it chooses pairs of minima, as a function of the landscape and of what is in flight."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from llpathsample.engines.batch import Batch
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

    @property
    def label(self) -> str:
        """The name under which what it chose last is counted."""
        return self.name

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs to try next; none if there is nothing to try now. `network` is up to date."""
        raise NotImplementedError

    def end(self) -> str:
        """Why there is nothing more to choose."""
        return "nothing-left-to-try"

    def batch(self, number: int, choices: list[Choice]) -> Batch:
        """The batch of what was chosen last."""
        return Batch(number, [(choice.minimum, choice.partner, choice.attempt) for choice in choices])

    def merged(self, batch: Batch, label: str) -> None:
        """Called when a batch that was chosen under a label is merged; most strategies see all in the landscape."""

    def state(self) -> dict:
        """What cannot be seen in the landscape, JSON-able, for `restore`."""
        return {}

    def restore(self, state: dict) -> None:
        """Go on as from a checkpoint."""

    def tries_left(self, a: int, b: int, busy: Busy) -> int | None:
        """The tries of a pair so far; None if none is left: in flight, directly joined, connected once or spent."""
        if (a, b) in busy or (b, a) in busy or self.spent(a, b):
            return None
        return self.landscape.pair_attempts(a, b)

    def spent(self, a: int, b: int) -> bool:
        """Whether a pair needs or deserves no more tries, whatever is in flight; once spent it stays so."""
        if self.network.joined(a, b) or self.landscape.pair_attempts(a, b) >= self.settings.attempts:
            return True
        return self.landscape.pair_connected(a, b)

    def untouched(self, minimum: int, candidates: np.ndarray, busy: Busy) -> np.ndarray:
        """The candidates (ids, ascending), but the minimum itself, whose pair with it has tries left."""
        ids = self.landscape.pairs.ids
        others = {*ids[ids[:, 0] == minimum, 1].tolist(), *ids[ids[:, 1] == minimum, 0].tolist()}
        others.update(self.network.partners(minimum))
        others.update(b if a == minimum else a for a, b in busy if minimum in (a, b))
        excluded = [other for other in others if self.tries_left(minimum, other, busy) is None]
        return np.setdiff1d(candidates, [*excluded, minimum])

    def least_tried(self, minimum: int, partners: list[int], busy: Busy) -> Choice | None:
        """The partner of fewest tries that has one left, the first of several; or None."""
        best = None
        for partner in partners:
            attempts = self.tries_left(minimum, partner, busy)
            if attempts is not None and (best is None or attempts < best.attempt):
                best = Choice(minimum, partner, attempts)
        return best
