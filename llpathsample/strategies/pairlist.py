"""list: the pairs of a file, in their order (CONNECTPAIRS and USEPAIRS of PATHSAMPLE)."""

from pathlib import Path

from llcommon.errors import InputError
from llpathsample.growing import GrowingNetwork
from llpathsample.idfiles import read_ids
from llpathsample.strategies.base import Busy, Choice, Strategy


class PairList(Strategy):
    """Each pair of `pairs_file` until it is connected, at most `attempts` times; all once before any again."""

    name = "list"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        file = Path(self.settings.pairs_file)
        count = len(self.landscape.minima)
        self.pairs = [(a, b) for a, b, *_ in read_ids(file, 2)]
        for a, b in self.pairs:
            if max(a, b) >= count:
                raise InputError(f"{file} names minimum {max(a, b)}, but there are {count}, numbered from 0")

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, the least tried first."""
        chosen = set(busy)
        found = []
        for a, b in self.pairs:
            attempts = self.tries_left(a, b, chosen)
            if attempts is not None:
                found.append(Choice(a, b, attempts))
                chosen.add((a, b))
        return sorted(found, key=lambda choice: choice.attempt)[:most]
