"""MAIN PATH of lloptim: a chain of transition states between two minima.

The missing-connection algorithm (Carr, Trygubenko and Wales, J. Chem. Phys. 122, 234903, 2005): among all
minima known so far, find the chain of least total weight between the two, where an edge that transition
states already make costs nothing and a missing one exp(distance); put a band across each missing
edge, refine every maximum of it to a transition state, run down both sides, add what was found; repeat.

A connection depends on its two minima and the settings alone, not on what else a job connects.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from llcommon.config import fingerprint
from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from lloptim.bands import Candidate, relaxed_band
from lloptim.saddles import SaddleResult, SaddleSearch

# Weight of an edge that exists: nothing beside that of any band.
_CONNECTED = 1e-9


@dataclass(frozen=True)
class Connection:
    """What came of one pair. landscape: all points found; ends: the ids of the pair itself in it."""

    landscape: Landscape
    ends: tuple[int, int]
    connected: bool
    status: Status


class _Attempt:
    """The state of one connection: minima and TS found, distances, how often each edge was tried."""

    def __init__(self, search: SaddleSearch, settings: Settings, first: Minimum, second: Minimum, earlier: int) -> None:
        self.search = search
        self.model = search.model
        self.settings = settings.connect
        self.earlier = earlier
        self.found = Landscape(settings, search.model, search.model.data)
        # The ends are known to whoever asked: they are not found here, so they count no visit.
        self.ends = (
            self.found.add_minimum(replace(first, visits=0)).id,
            self.found.add_minimum(replace(second, visits=0)).id,
        )
        self.tries: dict[tuple[int, int], int] = {}
        self.distances: dict[tuple[int, int], float] = {}
        key = fingerprint([first.coordinates.tolist(), second.coordinates.tolist(), earlier])
        self.rng = generator(self.settings.seed, "connect", key)

    def count(self, name: str, number: int = 1) -> None:
        counters = self.found.counters
        counters[name] = counters.get(name, 0) + number

    def components(self) -> list[int]:
        """Label of the connected component of each minimum: the smallest id in it."""
        labels = list(range(len(self.found.minima)))
        for a, b in self.found.transition_states.minima.tolist():
            low, high = sorted((labels[a], labels[b]))
            if low != high:
                labels = [low if label == high else label for label in labels]
        return labels

    @property
    def connected(self) -> bool:
        """Whether transition states join the pair."""
        labels = self.components()
        return labels[self.ends[0]] == labels[self.ends[1]]

    def _distance(self, a: int, b: int) -> float:
        """Aligned distance of two minima found, cached."""
        if (a, b) not in self.distances:
            minima = self.found.minima.coordinates
            first = minima[a].copy()
            aligned = self.model.align(first, minima[b].copy())
            self.distances[a, b] = float(np.linalg.norm(aligned - first))
        return self.distances[a, b]

    def missing_edges(self) -> list[tuple[int, int]]:
        """Edges of the best chain that no transition state makes yet; empty if there is no chain left to try."""
        size = len(self.found.minima)
        labels = self.components()
        rows, columns, weights = [], [], []
        longest = max(self._distance(a, b) for a in range(size) for b in range(a + 1, size))
        for a in range(size):
            for b in range(a + 1, size):
                if labels[a] == labels[b]:
                    weight = _CONNECTED
                elif self.tries.get((a, b), 0) < self.settings.tries:
                    # Relative to the longest, so that no exponential overflows.
                    weight = max(math.exp(self._distance(a, b) - longest), 1e3 * _CONNECTED)
                else:
                    continue
                rows.append(a)
                columns.append(b)
                weights.append(weight)
        # Sparse, as csgraph takes small numbers of a dense matrix for "no edge".
        graph = csr_array((weights, (rows, columns)), shape=(size, size))
        start, place = self.ends
        _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
        edges = []
        while place != start:
            previous = int(before[place])
            if previous < 0:
                return []
            if labels[previous] != labels[place]:
                edges.append((min(previous, place), max(previous, place)))
            place = previous
        return edges[::-1]

    def try_edge(self, a: int, b: int) -> None:
        """A band, or way, across one edge; all verified triples from its maxima are kept."""
        attempt = self.tries.get((a, b), 0)
        self.tries[a, b] = attempt + 1
        first = self.found.minima.coordinates[a].copy()
        second = self.found.minima.coordinates[b].copy()
        if a == b:
            second = self.model.random_image(second, self.rng)
        else:
            second = self.model.align(first, second)
        if self.model.pieces is None:
            self._band(first, second, attempt)
        else:
            self._over_passes(first, second, attempt)

    def _over_passes(self, first: np.ndarray, second: np.ndarray, attempt: int) -> None:
        """In place of a band, of a model of pieces: the passes that a way between two points leads over."""
        passes = self.model.pieces.passes_between(first, second, attempt + self.earlier, self.rng)
        self.count("ways")
        if not passes:
            self.count(f"way {Status.NO_CANDIDATE.label}")
        for point in passes:
            self._keep(self.search.verified(point, self._knows_transition_state))

    def _band(self, first: np.ndarray, second: np.ndarray, attempt: int) -> None:
        """A band between two points and all that its maxima lead to."""
        band = relaxed_band(self.model, self.settings, first, second, attempt + self.earlier, self.rng)
        self.count("bands")
        self.count("band evaluations", band.evaluations)
        if band.status is Status.NOT_FINITE:
            self.count(f"band {band.status.label}")
            return
        candidates = band.candidates()
        if not candidates:
            self.count(f"band {Status.NO_CANDIDATE.label}")
        for candidate in candidates:
            self.refine(candidate)

    def _knows_transition_state(self, loss: float, x: np.ndarray) -> bool:
        return self.found.find_transition_state(loss, x) is not None

    def _known_minimum(self, loss: float, x: np.ndarray) -> Minimum | None:
        known = self.found.find_minimum(loss, x)
        return None if known is None else replace(self.found.minimum(known), visits=1)

    def refine(self, candidate: Candidate) -> None:
        """A saddle search from one maximum of a band, and the runs down both sides of what it finds."""
        self._keep(self.search.search(candidate.coordinates, candidate.tangent, self._knows_transition_state))

    def _keep(self, result: SaddleResult) -> None:
        """Run down both sides of the transition state that a search found, if any, and keep the triple."""
        self.count("saddle searches")
        self.count("saddle evaluations", result.evaluations)
        self.count("saddle hessians", result.hessians)
        if result.transition_state is None:
            self.count(f"saddle {result.status.label}")
            return
        sides = self.search.triple(result.transition_state, result.mode, self._known_minimum)
        self.count("downhill evaluations", sides.evaluations)
        if sides.triple is None:
            self.count(f"side {sides.status.label}")
            return
        added = self.found.add_triple(sides.triple)
        self.count("transition states")
        if added.plus_id == added.minus_id:
            self.count(f"saddle {Status.SAME_MINIMUM.label}")


def connect(model: LossModel, settings: Settings, first: Minimum, second: Minimum, earlier: int = 0) -> Connection:
    """Search for a chain of transition states between two minima.

    earlier: how often this pair was tried before; a repeated try takes other bands. A minimum paired with itself
    is connected with random symmetry images of itself: the transition states between them are the degenerate
    rearrangements, and paths to minima that no other pair leads to.

    Every verified triple is kept, on the final chain or not. Status CONVERGED if the pair is connected,
    NO_CANDIDATE if nothing is left to try, STEP_LIMIT if the cycles are used up.
    """
    attempt = _Attempt(SaddleSearch(model, settings), settings, first, second, earlier)
    if attempt.ends[0] == attempt.ends[1]:
        for _ in range(settings.connect.tries):
            attempt.try_edge(*attempt.ends)
        return Connection(attempt.found, attempt.ends, True, Status.CONVERGED)
    status = Status.STEP_LIMIT
    for _ in range(settings.connect.cycles):
        if attempt.connected:
            break
        edges = attempt.missing_edges()
        if not edges:
            status = Status.NO_CANDIDATE
            break
        for a, b in edges:
            labels = attempt.components()
            if labels[a] != labels[b]:
                attempt.try_edge(a, b)
    if attempt.connected:
        status = Status.CONVERGED
    return Connection(attempt.found, attempt.ends, attempt.connected, status)
