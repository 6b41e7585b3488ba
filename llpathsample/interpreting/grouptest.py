"""Do groups of minima differ, and does a group agree with itself, more than groups drawn at random?

n points with k coordinates each, in g groups. Of every variable, a coordinate or a set of them,

    T = sum |x - mean|^2,  W_g = sum over a group |x - mean of the group|^2,  B = T - sum_g W_g
    between = B / T,   F = (B / (g - 1)) / ((T - B) / (n - g)),   conserved = 1 - [W_g / (n_g - 1)] / [T / (n - 1)]

(for a set of coordinates the pseudo-F of M. J. Anderson, Austral Ecology 26, 32, 2001). Null hypothesis: the labels of
the groups were dealt out to the points at random. Labels are permuted, all in one way for all variables, which keeps
what is between variables: by the step-down maximum method (P. H. Westfall and S. S. Young, Resampling-Based Multiple
Testing, 1993, algorithm 4.1; Y. Ge, S. Dudoit and T. P. Speed, Test 12, 1, 2003) the chance that any true null
hypothesis is rejected at a p value of alpha is at most alpha. `between` has a family of all variables; `conserved` has
one for each group, and its p values are multiplied by the number of groups. With all distinct permutations p is exact;
of a random sample it is (1 + hits) / (1 + permutations), which is valid too (B. Phipson and G. K. Smyth, Stat. Appl.
Genet. Mol. Biol. 9, 39, 2010).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BLOCK = 1 << 22  # numbers at a time, bytes / 8
_TIE = 1e-9  # statistics that differ by less are equal: sums in another order differ by rounding
_CONSTANT = 1e-9  # spread, relative to the size, below which a variable is one number


@dataclass(frozen=True)
class GroupTest:
    """Arrays by variable, (v,), or by group and variable, (g, v).

    between, f, p: of the difference between groups; p corrected for the number of variables. mean: (g, k), by
    coordinate. spread: (g, v) standard deviations in a group, 0 of one point; of a set, the root mean square over its
    coordinates. conserved, conserved_p: of the agreement in a group, NaN of one point. NaN where a variable is the same
    number at all points, and p where there are fewer than two groups. permutations: how many; exact: whether these are
    all there are.
    """

    between: np.ndarray
    f: np.ndarray
    p: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    conserved: np.ndarray
    conserved_p: np.ndarray
    permutations: int
    exact: bool


def group_test(
    points: np.ndarray,
    labels: np.ndarray,
    permutations: int,
    rng: np.random.Generator,
    sets: list[np.ndarray] | None = None,
) -> GroupTest:
    """The test of points (n, k) in groups labels (n,), from 0, each with one point at least.

    permutations: most that are made; all are, if there are no more of them. sets: places of the coordinates of each
    variable; None: one each.
    """
    sums = _Sums.of(points, labels, sets)
    between, conserved = sums.statistics(labels[None])
    groups = len(sums.sizes)
    observed = between[0] if groups > 1 else np.full(between.shape[1], np.nan), conserved[0]
    exact = _arrangements(sums.sizes) <= permutations
    count = _arrangements(sums.sizes) if exact else permutations
    p = np.full(len(observed[0]), np.nan)
    conserved_p = np.full(observed[1].shape, np.nan)
    if groups > 1:
        tests = [_StepDown(observed[0]), *(_StepDown(row) for row in observed[1])]
        blocks = _all_permutations(labels) if exact else _random_permutations(labels, permutations, rng)
        rows = max(1, _BLOCK // (groups * (len(labels) + points.shape[1])))
        for block in _in_blocks(blocks, rows):
            drawn, agreeing = sums.statistics(block)
            tests[0].count(drawn)
            for group, test in enumerate(tests[1:]):
                test.count(agreeing[:, group])
        p = tests[0].p_values(count, exact)
        held = [test.p_values(count, exact) for test in tests[1:]]
        tested = int((sums.sizes > 1).sum())
        conserved_p = np.minimum(1.0, tested * np.array(held))
    points_in = len(labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = (observed[0] / (groups - 1)) / ((1.0 - observed[0]) / (points_in - groups))
    mean, spread = sums.described(labels)
    return GroupTest(observed[0], f, p, mean, spread, observed[1], conserved_p, count, exact)


@dataclass(frozen=True)
class _Sums:
    """points: (n, k), centred. matrix: (k, v), which coordinates make a variable, None: one each. total: (v,) sums of
    squares, NaN of what does not vary. sizes: (g,)."""

    points: np.ndarray
    centre: np.ndarray
    matrix: np.ndarray | None
    widths: np.ndarray
    total: np.ndarray
    sizes: np.ndarray

    @staticmethod
    def of(points: np.ndarray, labels: np.ndarray, sets: list[np.ndarray] | None) -> "_Sums":
        centre = points.mean(axis=0)
        centred = points - centre
        squares = np.square(centred).sum(axis=0)
        size = np.abs(points).max(axis=0, initial=0.0)
        squares[squares <= len(points) * np.square(_CONSTANT * size)] = 0.0
        # What does not vary must not vary in the permutations either.
        centred[:, squares == 0.0] = 0.0
        matrix, widths = None, np.ones(points.shape[1])
        if sets is not None:
            matrix = np.zeros((points.shape[1], len(sets)))
            for variable, places in enumerate(sets):
                matrix[places, variable] = 1.0
            widths = matrix.sum(axis=0)
            squares = squares @ matrix
        return _Sums(centred, centre, matrix, widths, np.where(squares > 0.0, squares, np.nan), np.bincount(labels))

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """Sums of (..., k) over the coordinates of each variable, (..., v)."""
        return values if self.matrix is None else values @ self.matrix

    def statistics(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`between` (b, v) and `conserved` (b, g, v) for labels (b, n)."""
        number = self.points.shape[0]
        member = (labels[:, None, :] == np.arange(len(self.sizes))[:, None]).astype(np.float64)
        inside = np.square(member @ self.points) / self.sizes[:, None]
        between = self.gathered(inside.sum(axis=1)) / self.total
        within = self.gathered(np.maximum(member @ np.square(self.points) - inside, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (within / (self.sizes[:, None] - 1)) / (self.total / (number - 1))
        share[:, self.sizes < 2] = np.nan
        return between, 1.0 - share

    def described(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (g, k) and spreads (g, v) of the groups."""
        means, spreads = [], []
        for group, size in enumerate(self.sizes):
            own = self.points[labels == group]
            means.append(own.mean(axis=0) + self.centre)
            squares = np.square(own - own.mean(axis=0)).sum(axis=0)
            spreads.append(np.sqrt(self.gathered(squares) / self.widths / max(1, size - 1)))
        return np.array(means), np.array(spreads)


class _StepDown:
    """Counts of how often the maximum over the variables that are no more significant reaches an observed one."""

    def __init__(self, observed: np.ndarray) -> None:
        """observed: (v,), NaN of what is not tested."""
        self.size = len(observed)
        tested = np.flatnonzero(np.isfinite(observed))
        # From the least significant one up, so that maxima accumulate.
        self.order = tested[np.argsort(observed[tested], kind="stable")]
        self.observed = observed[self.order]
        self.hits = np.zeros(len(self.order), dtype=np.int64)

    def count(self, drawn: np.ndarray) -> None:
        """drawn: (b, v), of permutations."""
        largest = np.maximum.accumulate(drawn[:, self.order], axis=1)
        self.hits += (largest >= self.observed - _TIE).sum(axis=0)

    def p_values(self, count: int, exact: bool) -> np.ndarray:
        """(v,), NaN of what was not tested."""
        p = np.full(self.size, np.nan)
        found = self.hits / count if exact else (1.0 + self.hits) / (1.0 + count)
        p[self.order] = np.maximum.accumulate(found[::-1])[::-1]
        return p


def _arrangements(sizes: np.ndarray) -> int:
    """In how many ways the labels can be dealt out."""
    number = math.factorial(int(sizes.sum()))
    for size in sizes.tolist():
        number //= math.factorial(size)
    return number


def _all_permutations(labels: np.ndarray) -> Iterator[list[int]]:
    """Every distinct order of the labels, in lexical order (algorithm L of Knuth, The Art of Computer Programming 4A,
    7.2.1.2)."""
    row = sorted(labels.tolist())
    while True:
        yield list(row)
        j = len(row) - 2
        while j >= 0 and row[j] >= row[j + 1]:
            j -= 1
        if j < 0:
            return
        k = len(row) - 1
        while row[j] >= row[k]:
            k -= 1
        row[j], row[k] = row[k], row[j]
        row[j + 1 :] = row[: j : -1]


def _random_permutations(labels: np.ndarray, count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(count):
        yield rng.permutation(labels)


def _in_blocks(rows: Iterator, size: int) -> Iterator[np.ndarray]:
    """The rows, `size` at a time, as arrays."""
    block = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield np.array(block)
            block = []
    if block:
        yield np.array(block)
