"""list: the pairs of a file, in their order (CONNECTPAIRS and USEPAIRS of PATHSAMPLE)."""

from bisect import insort
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
        pairs = [(a, b) for a, b, *_ in read_ids(file, 2)]
        for a, b in pairs:
            if max(a, b) >= count:
                raise InputError(f"{file} names minimum {max(a, b)}, but there are {count}, numbered from 0")
        # A pair that comes again, in either order, is the first one.
        firsts: dict[frozenset, tuple[int, int]] = {}
        for pair in pairs:
            firsts.setdefault(frozenset(pair), pair)
        self.pairs = list(firsts.values())
        # Places in the list by the tries that a pair had when it was last looked at; what is spent is in none.
        self._waiting: list[list[int]] = [[] for _ in range(self.settings.attempts)]
        self._waiting[0] = list(range(len(self.pairs)))

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, the least tried first."""
        choices: list[Choice] = []
        for attempts, waiting in enumerate(self._waiting):
            kept = []
            looked_at = 0
            for place in waiting:
                if len(choices) == most:
                    break
                looked_at += 1
                a, b = self.pairs[place]
                now = self.landscape.pair_attempts(a, b)
                if self.spent(a, b):
                    continue
                if now > attempts:
                    insort(self._waiting[now], place)
                    continue
                kept.append(place)
                if (a, b) not in busy and (b, a) not in busy:
                    choices.append(Choice(a, b, attempts))
            self._waiting[attempts] = kept + waiting[looked_at:]
        return choices
