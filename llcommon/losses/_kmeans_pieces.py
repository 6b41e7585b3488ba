"""Minima and passes of the kmeans loss, exactly: Lloyd's algorithm, descents on tie surfaces, and what both verify."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from llcommon.losses._kmeans_lloyd import assign_with_ties, lloyd
from llcommon.losses._kmeans_passes import descend_on_tie, place_tied, tied_candidates
from llcommon.losses._kmeans_ways import Way
from llcommon.losses._pieces import Descent, Pieces
from llcommon.records import Minimum, TransitionState
from llcommon.status import Status

# Units in the last place of the largest coordinate that centres may be away from where they belong.
_ROUNDING = 4096.0 * np.finfo(np.float64).eps
# Rounds of a descent on a tie surface. Few take ten.
_MOST_ROUNDS = 1000
# Up to this many products of coordinates all ties around a minimum are descended from; above, the likely ones.
_EXHAUSTIVE_WORK = 1e9
# Places of a way where J is looked at, to find the creases that it rises to.
_PLACES = np.linspace(0.0, 1.0, 201)
_BISECTIONS = 26
# Descents from points that change sides on one way: as many as so many products allow, between these numbers.
_DESCENT_WORK = 5e8
_FEWEST_DESCENTS = 10
_MOST_DESCENTS = 200
_MOST_STEPS = 1000  # from minimum to minimum, towards another one
_BEND = 0.2  # of a way that is tried again, share of its length


@dataclass(frozen=True)
class _Tie:
    """Point i, in cluster k, is as near to centre l."""

    point: int
    own: int
    other: int


class KMeansPieces(Pieces):
    """See the base class. model: a KMeans."""

    def __init__(self, model) -> None:
        self.model = model
        self.points = model.points
        self.weights = model.weights
        self.shape = (model.clusters, model.features)
        # Compared with distances: of the largest coordinate.
        self.size = float(np.abs(self.points).max())
        products = len(self.points) * self.shape[0] * self.shape[1]  # of one look at all distances
        self.exhaustive = products * len(self.points) * self.shape[0] <= _EXHAUSTIVE_WORK
        self.most_descents = int(min(_MOST_DESCENTS, max(_FEWEST_DESCENTS, _DESCENT_WORK // products)))

    # --- what all of it shares ------------------------------------------------------------

    def _assignment(self, x: np.ndarray) -> tuple[np.ndarray, list[_Tie]]:
        """Labels (m,) of all points at x, and the ties there, two if there are more."""
        centres = np.array(self.model.centres(x))
        labels = np.empty(len(self.points), dtype=np.int64)
        tied = np.empty(2, dtype=np.int64)
        others = np.empty(2, dtype=np.int64)
        number = assign_with_ties(self.points, centres, self.size, labels, tied, others)
        found = zip(tied[:number].tolist(), others[:number].tolist(), strict=True)
        return labels, [_Tie(i, int(labels[i]), other) for i, other in found]

    def _means(self, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (K, d) and summed weights (K,) of the points of each label; NaN for none."""
        members = np.bincount(labels, weights, minlength=self.shape[0])
        centres = np.empty(self.shape)
        for j in range(self.shape[1]):
            centres[:, j] = np.bincount(labels, weights * self.points[:, j], minlength=self.shape[0])
        with np.errstate(invalid="ignore"):
            return centres / members[:, None], members

    def _rms(self, members: np.ndarray, offsets: np.ndarray, tolerance: float) -> tuple[float, bool]:
        """Root mean square gradient of centres at (K, d) offsets from rest, and whether that is none."""
        slopes = 2.0 * members[:, None] * offsets
        rms = float(np.sqrt(np.mean(slopes**2)))
        at_rest = rms <= tolerance or bool(np.abs(offsets).max() <= _ROUNDING * self.size)
        return rms, at_rest

    # --- minima ---------------------------------------------------------------------------

    def _down(self, start: np.ndarray, most: int, reseed: bool) -> Descent:
        """Lloyd's algorithm from centres (K, d)."""
        centres = np.array(start, dtype=np.float64)
        labels = np.empty(len(self.points), dtype=np.int64)
        status, rounds = self._run_down(centres, labels, most, reseed)
        x = centres.ravel()
        loss, gradient = self.model.value_and_gradient(x)
        return Descent(status, loss, x, float(np.sqrt(np.mean(gradient**2))), rounds + 1)

    def _run_down(self, centres: np.ndarray, labels: np.ndarray, most: int, reseed: bool) -> tuple[Status, int]:
        """Lloyd's algorithm from centres (K, d), in place, with the labels (m,) at its end: status, rounds."""
        members = np.empty(self.shape[0])
        counts = np.empty(3, dtype=np.int64)
        status = lloyd(self.points, self.weights, centres, labels, members, self.size, most, int(reseed), counts)
        return Status(status), int(counts[0])

    def quench(self, x: np.ndarray, most: int) -> Descent:
        """By Lloyd's algorithm; a centre without points goes to the point farthest from its own."""
        return self._down(x.reshape(self.shape), most, True)

    def minimum_at(self, x: np.ndarray, tolerance: float) -> tuple[Minimum | None, Status]:
        """FLAT: a centre has no point; WRONG_INDEX: a point is tied; STEP_LIMIT: a centre is no mean of its points."""
        if not np.isfinite(x).all():
            return None, Status.NOT_FINITE
        labels, ties = self._assignment(x)
        centres, members = self._means(labels, self.weights)
        if not members.all():
            return None, Status.FLAT
        rms, at_rest = self._rms(members, self.model.centres(x) - centres, tolerance)
        if not at_rest:
            return None, Status.STEP_LIMIT
        if ties:
            return None, Status.WRONG_INDEX
        values = 2.0 * members
        minimum = Minimum(
            loss=self.model.value(x),
            coordinates=np.array(x, dtype=np.float64),
            rms=rms,
            lpphe=self.shape[1] * float(np.log(values).sum()),
            smallest_eigenvalue=float(values.min()),
        )
        return minimum, Status.CONVERGED

    # --- passes ---------------------------------------------------------------------------

    def _rest(self, tie: _Tie, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres (K, d) at rest on a tie surface, the weights (K,) that hold them, shares (2,) of the tied point."""
        others = self.weights.copy()
        others[tie.point] = 0.0
        centres, members = self._means(labels, others)
        shares = np.empty(2)
        if members.all():
            point, weight = self.points[tie.point], self.weights[tie.point]
            place_tied(point, weight, tie.own, tie.other, centres, members, shares)
        else:
            shares[:] = np.nan
        members[[tie.own, tie.other]] += shares
        return centres, members, shares

    def transition_state_at(
        self, x: np.ndarray, tolerance: float
    ) -> tuple[TransitionState | None, np.ndarray | None, Status]:
        """WRONG_INDEX: not just one point is tied, between two centres; STEP_LIMIT: the centres are not at rest.

        The curvatures are those of J along the tie surface: of the quadratic in which the tied point is counted by
        its shares, on the N - 1 directions of the surface (the surface bends; so does each piece on it, alike). The
        mode, of positive largest component, is normal to the surface.
        """
        if not np.isfinite(x).all():
            return None, None, Status.NOT_FINITE
        labels, ties = self._assignment(x)
        if len(ties) != 1:
            return None, None, Status.WRONG_INDEX
        tie = ties[0]
        centres, weights, shares = self._rest(tie, labels)
        if np.isnan(shares).any():
            return None, None, Status.FLAT
        rms, at_rest = self._rms(weights, self.model.centres(x) - centres, tolerance)
        if not (at_rest and (shares > 0.0).all()):
            return None, None, Status.STEP_LIMIT
        mode = np.zeros(self.shape)
        mode[tie.own] = centres[tie.own] - self.points[tie.point]
        mode[tie.other] = self.points[tie.point] - centres[tie.other]
        mode = mode.ravel() / np.linalg.norm(mode)
        mode *= np.sign(mode[np.argmax(np.abs(mode))])
        values = self._curvatures(tie, weights)
        state = TransitionState(
            loss=self.model.value(x),
            coordinates=np.array(x, dtype=np.float64),
            rms=rms,
            lpphe=float(np.log(values).sum()),
            negative_eigenvalue=-np.inf,
            next_eigenvalue=float(values.min(initial=np.inf)),
        )
        return state, mode, Status.CONVERGED

    def _curvatures(self, tie: _Tie, weights: np.ndarray) -> np.ndarray:
        """The N - 1 curvatures along a tie surface. weights: (K,), of all centres."""
        features = self.shape[1]
        counts = np.full(self.shape[0], features)
        counts[[tie.own, tie.other]] -= 1
        pair = weights[tie.own] + weights[tie.other]
        return np.append(np.repeat(2.0 * weights, counts), pair)

    def sides(self, x: np.ndarray, mode: np.ndarray, most: int) -> tuple[Descent, Descent]:
        """By Lloyd's algorithm from the assignment on either side; FLAT where a centre loses its last point."""
        labels, ties = self._assignment(x)
        tie = ties[0]
        outwards = self.model.centres(mode)[tie.own] @ (self.model.centres(x)[tie.own] - self.points[tie.point])
        descents = []
        for label in (tie.own, tie.other):
            labels[tie.point] = label
            centres, members = self._means(labels, self.weights)
            if members.all():
                descents.append(self._down(centres, most, False))
            else:
                descents.append(Descent(Status.FLAT, self.model.value(x), x, math.inf, 1))
        # Along the mode the tied point's own centre moves away from it, or nearer.
        own, other = descents
        return (other, own) if outwards > 0.0 else (own, other)

    # --- searches for passes ----------------------------------------------------------------

    def _descend_on_tie(self, tie: _Tie, labels: np.ndarray) -> tuple[Status, np.ndarray, int]:
        """From an assignment, (m,), which changes, to the lowest place of a tie surface: status, point (N,), rounds."""
        centres = np.empty(self.shape)
        members = np.empty(self.shape[0])
        counts = np.empty(1, dtype=np.int64)
        status = descend_on_tie(
            self.points,
            self.weights,
            tie.point,
            tie.own,
            tie.other,
            labels,
            centres,
            members,
            self.size,
            _MOST_ROUNDS,
            counts,
        )
        return Status(status), centres.ravel(), int(counts[0])

    def _distinct(self, passes: list[np.ndarray]) -> list[np.ndarray]:
        """Each of some passes once, in their order."""
        kept: dict[tuple, np.ndarray] = {}
        for point in passes:
            key = tuple(np.round(self.model.canonical(point) / (1e-9 * max(self.size, 1e-300))))
            kept.setdefault(key, point)
        return list(kept.values())

    def passes_around(self, x: np.ndarray) -> list[np.ndarray]:
        """Those of `passes_from` the assignment at x."""
        return self.passes_from(self._assignment(x)[0])

    def _candidates(self, labels: np.ndarray, every: bool) -> list[tuple[int, int]]:
        """Points and second centres for them that a pass may tie next to an assignment, (m,): every one, or those of
        positive shares before any other point moves."""
        centres, members = self._means(labels, self.weights)
        if not members.all():
            return []
        count, clusters = len(self.points), self.shape[0]
        tied = np.empty(count * clusters, dtype=np.int64)
        others = np.empty(count * clusters, dtype=np.int64)
        number = tied_candidates(self.points, self.weights, labels, centres, members, int(every), tied, others)
        return list(zip(tied[:number].tolist(), others[:number].tolist(), strict=True))

    def passes_from(self, labels: np.ndarray) -> list[np.ndarray]:
        """Passes that descents on tie surfaces end in which begin from an assignment, (m,), lowest first.

        The surfaces are those of every point with every other centre if that is not too much work (`exhaustive`), else
        those of points that have positive shares before any other point moves.
        """
        pairs = self._candidates(labels, self.exhaustive)
        found = self._below((_Tie(i, int(labels[i]), other), labels) for i, other in pairs)
        found.sort(key=self.model.value)
        return self._distinct(found)

    def _way(self, first: np.ndarray, second: np.ndarray) -> Way:
        """The straight line from first to second, both (N,)."""
        return Way(self.points, self.weights, first.reshape(self.shape), second.reshape(self.shape))

    @staticmethod
    def _ties(before: np.ndarray, behind: np.ndarray) -> Iterator[tuple[_Tie, np.ndarray]]:
        """A tie for each point whose label is another behind, with the labels before, both (m,)."""
        for i in np.flatnonzero(before != behind).tolist():
            yield _Tie(i, int(before[i]), int(behind[i])), before

    def _steps(self, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
        """Passes, one after the other, from the minimum `first` to minima that share more and more labels with another
        one, both (N,): each takes one point to the side where it is there."""
        goal = self._assignment(second)[0]
        labels = self._assignment(first)[0]
        passes = []
        while len(passes) < _MOST_STEPS:
            step = self._step(labels, goal)
            if step is None:
                break
            labels, point = step
            passes.append(point)
        return passes

    def _step(self, labels: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The first pass next to an assignment that leads to a minimum nearer to the goal: labels there, the pass."""
        apart = np.count_nonzero(labels != goal)
        for i, other in self._candidates(labels, False):
            if goal[i] != other:
                continue
            there = labels.copy()
            status, point, _ = self._descend_on_tie(_Tie(i, int(labels[i]), other), there)
            if status is not Status.CONVERGED:
                continue
            there[i] = other
            centres, members = self._means(there, self.weights)
            if not members.all() or self._run_down(centres, there, _MOST_ROUNDS, False)[0] is not Status.CONVERGED:
                continue
            if np.count_nonzero(there != goal) < apart:
                return there, point
        return None

    def _changes(self, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[_Tie, np.ndarray]]:
        """Points that change sides along the line from first to second, both (N,): ties, with the labels before."""
        way = self._way(first, second)
        for place in _PLACES[1:]:
            before = way.labels.copy()
            way.go(float(place))
            yield from self._ties(before, way.labels)

    def _creases(self, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[_Tie, np.ndarray]]:
        """The ties at which J is highest along the line from first to second, both (N,).

        Yields ties with the labels there. On a line the pieces of J are convex, so all its maxima are creases.
        """
        behind = self._way(first, second)
        for n in range(len(_PLACES) - 1):
            before = behind.copy()
            behind.go(float(_PLACES[n + 1]))
            if before.slope > 0.0 > behind.slope:
                yield from self._crease_between(before, behind.copy(), float(_PLACES[n]), float(_PLACES[n + 1]))

    def _crease_between(self, before: Way, behind: Way, low: float, high: float) -> Iterator[tuple[_Tie, np.ndarray]]:
        """The ties at a maximum of J between two places of a way."""
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            here = before.copy()
            here.go(middle)
            if here.slope > 0.0:
                before, low = here, middle
            else:
                behind, high = here, middle
        yield from self._ties(before.labels, behind.labels)

    def climb(self, start: np.ndarray, direction: np.ndarray) -> tuple[Status, np.ndarray | None, int]:
        """Straight on to the first point that changes sides and from whose tie surface a descent ends in a pass.

        The way ends where it is as long as the data are wide, or after many descents that end elsewhere; the status is
        that of the last then, NO_CANDIDATE if no point changes sides.
        """
        width = float(np.linalg.norm(np.ptp(self.points, axis=0)))
        status = Status.NO_CANDIDATE
        evaluations = len(_PLACES)
        for tie, labels in islice(self._changes(start, start + width * direction), self.most_descents):
            status, point, rounds = self._descend_on_tie(tie, labels.copy())
            evaluations += rounds
            if status is Status.CONVERGED:
                return status, point, evaluations
        return status, None, evaluations

    def passes_between(
        self, first: np.ndarray, second: np.ndarray, attempt: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """By descents on the tie surfaces of the creases that are maxima of J on the way; should these lead to no pass,
        of all points that change sides on the way, or of many.

        The first way is straight. At the second attempt the passes around both ends are added; later ways lead over a
        random place, the passes around which are added: some are next to no minimum. Where that is too much work
        (`exhaustive`), they are bent at random instead.
        """
        if attempt == 0:
            corners, found = [first, second], []
            if not self.exhaustive:
                found = self._steps(first, second) + self._steps(second, first)
                if found:
                    return self._distinct(found)
        elif attempt == 1:
            corners, found = [first, second], self.passes_around(first) + self.passes_around(second)
        elif not self.exhaustive:
            corners, found = [first, self._beside(first, second, rng), second], []
        else:
            start = self.model.align(first, self.model.random_start(rng))
            scatter = rng.random() * self.model.suggested_step
            place = start + scatter * rng.standard_normal(first.size)
            corners, found = [first, place, second], self.passes_around(place)
        for begin, end in zip(corners[:-1], corners[1:], strict=True):
            passes = self._below(self._creases(begin, end))
            if not passes:
                changes = list(self._changes(begin, end))
                passes = self._below(changes[:: 1 + len(changes) // self.most_descents])
            found += passes
        return self._distinct(found)

    def _beside(self, first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random point, (N,), beside the middle of the line between two."""
        sideways = rng.standard_normal(first.size)
        sideways *= _BEND * float(np.linalg.norm(second - first)) / float(np.linalg.norm(sideways))
        return 0.5 * (first + second) + sideways

    def _below(self, ties: Iterable[tuple[_Tie, np.ndarray]]) -> list[np.ndarray]:
        """The passes that descents on the surfaces of some ties, with their assignments, end in."""
        found = []
        for tie, labels in ties:
            status, point, _ = self._descend_on_tie(tie, labels.copy())
            if status is Status.CONVERGED:
                found.append(point)
        return found
