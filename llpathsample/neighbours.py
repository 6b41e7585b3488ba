"""Which minima are near to a minimum, after alignment by the symmetries of the model, without aligning all pairs.

The model gives numbers that its symmetries do not change, and whose distance is a lower bound of that of two points
(`LossModel.embedding`). So few candidates of the lowest bounds, the shortlist, are aligned; the aligned distances
decide. A set of no more candidates than that is aligned whole, as is any set of a model that knows no such numbers.
Ties go to the lower id, and nothing depends on what was asked before.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import cdist

from llcommon.store import Landscape
from llcommon.symmetry import aligned_distance

_BLOCK = 1 << 22  # distances at a time, bytes / 8


class Neighbours:
    """Aligned distances between the minima of a landscape that may grow, and the nearest among some of them."""

    def __init__(self, landscape: Landscape, shortlist: int | None = None) -> None:
        """shortlist: as [grow] says unless given; never fewer than the neighbours that are asked for."""
        self.landscape = landscape
        grow = landscape.settings.grow
        self.shortlist = shortlist or max(grow.shortlist, grow.neighbours)
        self._embeddings: np.ndarray | None = None
        self._filled = 0
        self._known = True  # whether the model has embeddings

    def distance(self, a: int, b: int) -> float:
        """Aligned distance of minima a and b; the same bits in either order."""
        points = self.landscape.minima.coordinates
        first, second = (a, b) if a < b else (b, a)
        return aligned_distance(self.landscape.model, points[first].copy(), points[second].copy())

    def embeddings(self) -> np.ndarray | None:
        """Embeddings of all minima, (n, k), or None if the model has none."""
        points = self.landscape.minima.coordinates
        model = self.landscape.model
        if not self._known or not len(points):
            return None
        if self._embeddings is None:
            first = model.embedding(points[0].copy())
            if first is None:
                self._known = False
                return None
            self._embeddings = np.empty((len(points), first.size))
        if len(points) > len(self._embeddings):
            larger = np.empty((len(points) + len(points) // 8, self._embeddings.shape[1]))
            larger[: self._filled] = self._embeddings[: self._filled]
            self._embeddings = larger
        for row in range(self._filled, len(points)):
            self._embeddings[row] = model.embedding(points[row].copy())
        self._filled = len(points)
        return self._embeddings[: self._filled]

    def bounds(self, minima: np.ndarray, candidates: np.ndarray) -> np.ndarray | None:
        """Lower bounds of the distances of `minima` (a,) from `candidates` (b,), (a, b), or None."""
        points = self.embeddings()
        return None if points is None else cdist(points[minima], points[candidates])

    def shortlisted(
        self, minimum: int, candidates: np.ndarray, least: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """The candidates of the lowest bounds, and these; all of them, with bounds 0, if there are few or no bounds.

        candidates: ids, ascending, (b,). least: how many there must be, if there are so many. By ascending bound.
        """
        embeddings = self.embeddings()
        if embeddings is None:
            return candidates, np.zeros(len(candidates))
        bounds = np.empty(len(candidates))
        rows = max(1, _BLOCK // embeddings.shape[1])
        for start in range(0, len(candidates), rows):
            block = candidates[start : start + rows]
            bounds[start : start + rows] = cdist(embeddings[minimum][None], embeddings[block])[0]
        return _lowest(candidates, bounds, max(self.shortlist, least))

    def nearest(self, minimum: int, candidates: np.ndarray, count: int) -> list[tuple[float, int]]:
        """The `count` nearest of the candidates (ids, ascending), (distance, id) by ascending distance."""
        ids, _ = self.shortlisted(minimum, candidates, count)
        return sorted((self.distance(minimum, other), other) for other in ids.tolist())[:count]


def _lowest(ids: np.ndarray, bounds: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` ids of lowest bounds, and these, by (bound, id)."""
    if len(ids) > count:
        kept = np.flatnonzero(bounds <= np.partition(bounds, count - 1)[count - 1])
        ids, bounds = ids[kept], bounds[kept]
    order = np.lexsort((ids, bounds))[:count]
    return ids[order], bounds[order]


class NearestMembers:
    """The nearest members of a set that grows, kept for every minimum that was asked about.

    What it answers is what `Neighbours.nearest` would; a new member costs a comparison with each of the kept lists.
    """

    def __init__(
        self, neighbours: Neighbours, suits: Callable[[int, np.ndarray], np.ndarray] | None = None
    ) -> None:
        """suits(minimum, members): which members, (b,) bool, may be neighbours of a minimum; never another answer."""
        self.neighbours = neighbours
        self.suits = suits or (lambda minimum, members: members != minimum)
        self.members = np.empty(0, dtype=np.int64)  # ascending
        self._lists: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._ranked: dict[int, list[tuple[float, int]]] = {}

    def add(self, members: np.ndarray) -> list[int]:
        """Further members (ids, none of them one yet); the minima asked about whose answers may now be others."""
        if not len(members):
            return []
        members = np.sort(members)
        self.members = np.union1d(self.members, members)
        asked = np.array(sorted(self._lists), dtype=np.int64)
        changed = []
        rows = max(1, _BLOCK // len(members))
        for start in range(0, len(asked), rows):
            block = asked[start : start + rows]
            bounds = self.neighbours.bounds(block, members)
            for row, minimum in enumerate(block.tolist()):
                own = None if bounds is None else bounds[row]
                if self._enter(minimum, members, own):
                    changed.append(minimum)
        return changed

    def _enter(self, minimum: int, members: np.ndarray, bounds: np.ndarray | None) -> bool:
        """Whether new members come into the shortlist of a minimum."""
        ids, kept = self._lists[minimum]
        others = self.suits(minimum, members)
        members = members[others]
        if not len(members):
            return False
        bounds = None if bounds is None else bounds[others]
        if bounds is None:
            bounds, limit = np.zeros(len(members)), len(ids) + len(members)
        else:
            limit = self.neighbours.shortlist
            if len(ids) == limit and bounds.min() > kept[-1]:
                return False
        self._lists[minimum] = _lowest(np.concatenate([ids, members]), np.concatenate([kept, bounds]), limit)
        known = {other: distance for distance, other in self._ranked.get(minimum, ())}
        self._ranked[minimum] = self._rank(minimum, known)
        return True

    def _rank(self, minimum: int, known: dict[int, float]) -> list[tuple[float, int]]:
        """The shortlist of a minimum by ascending distance."""
        ranked = []
        for other in self._lists[minimum][0].tolist():
            distance = known[other] if other in known else self.neighbours.distance(minimum, other)
            ranked.append((distance, other))
        ranked.sort()
        return ranked

    def nearest(self, minimum: int, count: int) -> list[tuple[float, int]]:
        """The `count` nearest members that suit, at most `shortlist`, (distance, id) by ascending distance."""
        if minimum not in self._lists:
            others = self.members[self.suits(minimum, self.members)]
            self._lists[minimum] = self.neighbours.shortlisted(minimum, others)
            self._ranked[minimum] = self._rank(minimum, {})
        return self._ranked[minimum][:count]

    def forget(self, minima: list[int]) -> None:
        """Minima that will not be asked about any more."""
        for minimum in minima:
            self._lists.pop(minimum, None)
            self._ranked.pop(minimum, None)
