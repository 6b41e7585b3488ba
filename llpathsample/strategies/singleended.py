"""single-ended: searches around every minimum until it has enough connections (NEWCONNECTIONS of PATHSAMPLE).

A minimum is pushed in random directions, so far that the loss is no longer convex, and a search climbs from there
(`lloptim saddle --random`). It needs no partner, and finds what lies beyond the minima that are known.
"""

from llcommon.config import fingerprint
from llpathsample.engines.batch import SADDLE, Batch
from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.base import Busy, Choice, Strategy

PORTION = 4  # pushes of a minimum in one batch


class SingleEnded(Strategy):
    """The lowest minimum first, in portions of four pushes, until `connections` others are directly joined to it or it
    was pushed `pushes` times in this growth."""

    name = "single-ended"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self.pushed: dict[int, int] = {}
        # By earlier growths, so that this one pushes in other directions.
        self.before = self.landscape.counters.get("pushes", 0)

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` minima, each as a pair with itself; its attempt is the number of pushes before."""
        taken = {a for a, b in busy if a == b}
        choices: list[Choice] = []
        for minimum in self.network.by_loss(self.network.below_degree(self.settings.connections)).tolist():
            if len(choices) == most:
                break
            before = self.pushed.get(minimum, 0)
            if minimum not in taken and before < self.settings.pushes:
                choices.append(Choice(minimum, minimum, before))
        return choices

    def batch(self, number: int, choices: list[Choice]) -> Batch:
        """A batch of searches around minima, in directions of its own."""
        pairs = [(choice.minimum, choice.partner, choice.attempt) for choice in choices]
        seed = int(fingerprint([self.landscape.settings.connect.seed, self.name, self.before, number])[:8], 16)
        return Batch(number, pairs, SADDLE, ("--random", str(PORTION), "--seed", str(seed)))

    def merged(self, batch: Batch, label: str) -> None:
        """Count the pushes of a batch, whatever became of them."""
        for minimum, _, _ in batch.pairs if batch.kind == SADDLE else ():
            self.pushed[minimum] = self.pushed.get(minimum, 0) + PORTION

    def state(self) -> dict:
        """JSON-able, for `restore`."""
        pushed = sorted([minimum, number] for minimum, number in self.pushed.items())
        return {"before": self.before, "pushed": pushed}

    def restore(self, state: dict) -> None:
        """Go on as from a checkpoint."""
        self.pushed = dict(state.get("pushed", []))
        self.before = state.get("before", self.before)
