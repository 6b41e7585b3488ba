"""auto: the strategies of `mix`, that which yields most for its cost first.

A batch comes from one of them. Each is tried once; from then on it is the turn of the one with the best recent yield of
new minima, new transition states and joined components for its counted cost (`llpathsample.yields`), and every eighth
batch that of the one that has waited longest. One that has nothing to try is passed over.
"""

from llpathsample.engines.batch import Batch
from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.base import Busy, Choice, Strategy

_EXPLORED = 8  # every so many batches the longest waiting has its turn


class Auto(Strategy):
    """Mixes strategies by what they yield."""

    name = "auto"

    def __init__(self, network: GrowingNetwork, parts: list[Strategy]) -> None:
        super().__init__(network)
        self.parts = parts
        self._chosen = parts[0]
        self._batches = 0

    @property
    def label(self) -> str:
        """The strategy that chose last."""
        return self._chosen.name

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, all by one strategy."""
        for part in self._order():
            choices = part.choose(most, busy)
            if choices:
                self._chosen = part
                self.network.yields.of(part.name).last = self._batches
                self._batches += 1
                return choices
        return []

    def _order(self) -> list[Strategy]:
        """The strategies, the one whose turn it is first."""
        found = {part.name: self.network.yields.of(part.name) for part in self.parts}
        untried = [part for part in self.parts if found[part.name].last < 0]
        tried = [part for part in self.parts if found[part.name].last >= 0]
        if self._batches % _EXPLORED == _EXPLORED - 1:
            tried.sort(key=lambda part: found[part.name].last)
        else:
            # Of those whose first results are not known yet the longest waiting.
            tried.sort(key=lambda part: (-found[part.name].rate, found[part.name].last))
        return untried + tried

    def batch(self, number: int, choices: list[Choice]) -> Batch:
        """As of the strategy that chose."""
        return self._chosen.batch(number, choices)

    def merged(self, batch: Batch, label: str) -> None:
        """Let the strategy know that chose it."""
        for part in self.parts:
            if part.name == label:
                part.merged(batch, label)

    def state(self) -> dict:
        """JSON-able, for `restore`."""
        return {"batches": self._batches, "parts": {part.name: part.state() for part in self.parts}}

    def restore(self, state: dict) -> None:
        """Go on as from a checkpoint."""
        self._batches = state["batches"]
        for part in self.parts:
            part.restore(state["parts"].get(part.name, {}))
