"""shortcut: pairs along the best path from B to A that may be joined more directly (SHORTCUT of PATHSAMPLE).

The best path is that of the largest product of branching probabilities at `temperature`.
"""

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.kinetics.chain import best_path, branching
from llpathsample.ktn import Network
from llpathsample.strategies.base import Busy, Choice, Strategy


class Shortcut(Strategy):
    """By `shortcut`: all pairs of at least `separation` steps, the nearest first; or those up to `separation` steps on
    either side of the highest barrier, the next, and so on; or of the slowest step, the next, and so on."""

    name = "shortcut"

    def __init__(self, network: GrowingNetwork) -> None:
        super().__init__(network)
        self._path: tuple[tuple, list[tuple[int, int]]] | None = None
        self._distances: dict[tuple[int, int], float] = {}

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs of the present path; none without one."""
        choices: list[Choice] = []
        chosen = set(busy)
        for a, b in self.candidates():
            if len(choices) == most:
                break
            attempts = self.tries_left(a, b, chosen)
            if attempts is not None:
                choices.append(Choice(a, b, attempts))
                chosen.add((a, b))
        return choices

    def candidates(self) -> list[tuple[int, int]]:
        """Pairs of the best path in their order."""
        products, reactants = self.network.set_a(), self.network.set_b()
        state = (
            len(self.landscape.minima), len(self.landscape.transition_states), products.tobytes(), reactants.tobytes()
        )
        if self._path is None or self._path[0] != state:
            self._path = (state, self._pairs(products, reactants))
        return self._path[1]

    def _pairs(self, products: np.ndarray, reactants: np.ndarray) -> list[tuple[int, int]]:
        network, ids = self.network.thermal()
        products, reactants = (np.flatnonzero(np.isin(ids, members)) for members in (products, reactants))
        if not products.size or not reactants.size or not len(network.ends):
            return []
        temperature = self.network.temperature()
        path = best_path(network, temperature, products, reactants)
        if self.settings.shortcut == "distance":
            apart = self.settings.separation
            path = ids[path].tolist()
            pairs = [(a, b) for place, a in enumerate(path) for b in path[place + apart :] if a != b]
            return sorted(pairs, key=lambda pair: (self._distance(*pair), pair))
        steps = range(len(path) - 1)
        if self.settings.shortcut == "barrier":
            heights = lowest_states(network)
            keys = [network.losses[path[k + 1]] - heights[_pair(path[k], path[k + 1])] for k in steps]
        else:
            chain = branching(network, temperature)
            ways = chain.by_start()
            keys = [ways[path[k]][path[k + 1]] - chain.waits[path[k]] for k in steps]
        ranked = sorted(steps, key=lambda k: (keys[k], k))
        path = ids[path].tolist()
        return [pair for k in ranked for pair in self._around(path, k)]

    def _around(self, path: list[int], step: int) -> list[tuple[int, int]]:
        """Pairs from either side of a step, the closest to it first."""
        pairs = []
        for away in range(self.settings.separation):
            a, b = path[max(0, step - away)], path[min(len(path) - 1, step + 1 + away)]
            if a != b:
                pairs.append((a, b))
        return pairs

    def _distance(self, a: int, b: int) -> float:
        key = _pair(a, b)
        if key not in self._distances:
            self._distances[key] = self.network.neighbours.distance(a, b)
        return self._distances[key]


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def lowest_states(network: Network) -> dict[tuple[int, int], float]:
    """Loss of the lowest TS between two minima (the lower id first) that are directly joined."""
    lowest: dict[tuple[int, int], float] = {}
    for (a, b), loss in zip(network.ends.tolist(), network.ts_losses.tolist(), strict=True):
        key = _pair(a, b)
        lowest[key] = min(loss, lowest.get(key, np.inf))
    return lowest
