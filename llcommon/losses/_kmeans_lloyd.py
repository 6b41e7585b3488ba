"""Lloyd's algorithm run to a strict fixed point, with bounds that save most distances.

Each round moves every centre to the mean of its points and every point to its nearest centre (Lloyd, IEEE Trans.
Inform. Theory 28, 129, 1982) until no point moves. For each point an upper bound of the distance to its centre and a
lower bound of that to all others are kept, and half the distance of its centre to the next one; distances are
computed only where these cannot tell (Hamerly, SIAM Int. Conf. Data Mining 2010, 130), with a margin for rounding, so
that the rounds are those of Lloyd's algorithm without bounds.

A fixed point at which a point is as far from a second centre as from its own is no minimum: counted there, the same
value has a slope. Such a point changes sides and the rounds go on; the value falls each time. A centre without points
has a flat place around it; it goes to the point that is farthest from its centre (weight times squared distance, the
first of equal ones), or the run ends there.
"""

import numpy as np
from numba import njit

from llcommon.losses._kmeans_kernels import first_smallest, squares_to, turn
from llcommon.seam import F8, I8, INTEGERS, MATRIX, OPTIONS, VECTOR, algorithm
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_NOT_FINITE = int(Status.NOT_FINITE)
_FLAT = int(Status.FLAT)

# Bounds must differ by more than this share before they spare a distance.
_MARGIN = 1e-10
# Units in the last place of the squares by which two distances may differ and be a tie.
_TIE_ROUNDING = 64.0 * np.finfo(np.float64).eps


@njit(**OPTIONS)
def tie_width(square, size):
    """By how much two squared distances of one point, one of them `square`, may differ when they are equal.

    size: of the largest coordinate.
    """
    return _TIE_ROUNDING * (square + np.sqrt(square) * size)


@njit(**OPTIONS)
def mean_centres(points, weights, labels, centres, members):
    """Centres to the means of their points, summed in the order of these; one without points stays. Members: (K,)."""
    members[:] = 0.0
    sums = np.zeros_like(centres)
    for i in range(labels.size):
        k = labels[i]
        weight = weights[i]
        members[k] += weight
        for j in range(centres.shape[1]):
            sums[k, j] += weight * points[i, j]
    for k in range(members.size):
        if members[k] > 0.0:
            for j in range(centres.shape[1]):
                centres[k, j] = sums[k, j] / members[k]


@njit(**OPTIONS)
def _reseed(points, weights, labels, centres, members):
    """Give the first centre without points the point that is farthest from its own centre; labels change."""
    empty = 0
    while members[empty] > 0.0:
        empty += 1
    farthest = -1
    largest = 0.0
    for i in range(labels.size):
        square = 0.0
        for j in range(points.shape[1]):
            difference = points[i, j] - centres[labels[i], j]
            square += difference * difference
        if weights[i] * square > largest:
            largest = weights[i] * square
            farthest = i
    if farthest < 0:
        return False
    labels[farthest] = empty
    return True


@njit(**OPTIONS)
def _two_smallest(squares):
    """The place of the smallest of (K,) numbers, of equal ones the first, and the next smallest; infinite for one."""
    best = 0
    second = np.inf
    for k in range(1, squares.size):
        if squares[k] < squares[best]:
            second = squares[best]
            best = k
        elif squares[k] < second:
            second = squares[k]
    return best, second


@njit(**OPTIONS)
def _assign(points, transposed, squares, labels, upper, lower):
    """Every point to its nearest centre, with exact bounds."""
    for i in range(labels.size):
        squares_to(points[i], transposed, squares)
        k, second = _two_smallest(squares)
        labels[i] = k
        upper[i] = np.sqrt(squares[k])
        lower[i] = np.sqrt(second)


@njit(**OPTIONS)
def centre_steps(before, centres, moved):
    """How far each centre has moved, (K,), from `before`, both (K, d)."""
    for k in range(moved.size):
        square = 0.0
        for j in range(centres.shape[1]):
            difference = centres[k, j] - before[k, j]
            square += difference * difference
        moved[k] = np.sqrt(square)


@njit(**OPTIONS)
def half_gaps(centres, transposed, squares, gaps):
    """Half the distance of each centre to the next one, infinite for one centre alone."""
    for k in range(gaps.size):
        squares_to(centres[k], transposed, squares)
        squares[k] = np.inf
        gaps[k] = 0.5 * np.sqrt(squares.min())


@njit(**OPTIONS)
def reassign(points, centres, transposed, squares, gaps, moved, tied, labels, upper, lower):
    """As `_assign`, from labels and bounds before the centres moved by distances `moved`; how many labels change.

    Infinite upper and zero lower bounds say nothing of a point. tied: a point that keeps its label, and then others
    change theirs for strictly nearer centres only; -1 for none.
    """
    fastest = 0
    for k in range(moved.size):
        if moved[k] > moved[fastest]:
            fastest = k
    second = 0.0
    for k in range(moved.size):
        if k != fastest and moved[k] > second:
            second = moved[k]
    changed = 0
    for i in range(labels.size):
        k = labels[i]
        upper[i] += moved[k]
        lower[i] -= second if k == fastest else moved[fastest]
        if i == tied:
            continue
        bound = max(lower[i], gaps[k])
        if upper[i] * (1.0 + _MARGIN) < bound:
            continue
        square = 0.0
        for j in range(points.shape[1]):
            difference = points[i, j] - centres[k, j]
            square += difference * difference
        upper[i] = np.sqrt(square)
        if upper[i] * (1.0 + _MARGIN) < bound:
            continue
        squares_to(points[i], transposed, squares)
        best, following = _two_smallest(squares)
        if best != k and (tied < 0 or squares[best] < squares[k]):
            labels[i] = best
            changed += 1
        upper[i] = np.sqrt(squares[best])
        lower[i] = np.sqrt(following)
    return changed


@njit(**OPTIONS)
def first_tied(points, transposed, squares, gaps, labels, upper, lower, size, tied):
    """(point, other centre): the first point that another centre is as near to as its own, or (-1, -1).

    Distances are computed where the bounds do not tell. tied: a point that does not count, -1 for none.
    """
    for i in range(labels.size):
        if i == tied:
            continue
        farthest = upper[i] * (1.0 + _MARGIN)
        nearest = max(lower[i], gaps[labels[i]]) * (1.0 - _MARGIN)
        if nearest > farthest and nearest * nearest - farthest * farthest > tie_width(farthest * farthest, size):
            continue
        squares_to(points[i], transposed, squares)
        own = squares[labels[i]]
        squares[labels[i]] = np.inf
        other = first_smallest(squares)
        if squares.size > 1 and squares[other] - own <= tie_width(own, size):
            return i, other
    return -1, -1


@algorithm(I8, MATRIX, MATRIX, F8, INTEGERS, INTEGERS, INTEGERS)
def assign_with_ties(points, centres, size, labels, tied, others):
    """Every point, (m, d), to the first of its nearest centres, (K, d); the number of ties.

    labels: (m,). tied, others: points that another centre is as near to, and that centre; as many ties as there are
    room for, of which there may be more. size: of the largest coordinate.
    """
    transposed = np.empty((centres.shape[1], centres.shape[0]))
    squares = np.empty(centres.shape[0])
    turn(centres, transposed)
    count = 0
    for i in range(labels.size):
        squares_to(points[i], transposed, squares)
        own = first_smallest(squares)
        labels[i] = own
        least = squares[own] + tie_width(squares[own], size)
        for other in range(squares.size):
            if other != own and squares[other] <= least:
                if count < tied.size:
                    tied[count] = i
                    others[count] = other
                count += 1
    return count


@algorithm(I8, MATRIX, VECTOR, MATRIX, INTEGERS, VECTOR, F8, I8, I8, INTEGERS)
def lloyd(points, weights, centres, labels, members, size, most, reseed, counts):
    """From `centres`, (K, d), down to a minimum, in place; the status.

    points: (m, d); weights, labels: (m,); members: (K,), summed weights at the end; size: of the largest coordinate;
    most: rounds before it is given up; reseed: 1, or 0 to end with FLAT where a centre loses its last point; counts:
    rounds, points that a tie moved, centres that were moved for want of points.
    """
    clusters, features = centres.shape
    transposed = np.empty((features, clusters))
    squares = np.empty(clusters)
    gaps = np.empty(clusters)
    moved = np.empty(clusters)
    before = np.empty_like(centres)
    upper = np.empty(labels.size)
    lower = np.empty(labels.size)
    counts[:] = 0
    turn(centres, transposed)
    _assign(points, transposed, squares, labels, upper, lower)
    while counts[0] < most:
        counts[0] += 1
        before[:] = centres
        mean_centres(points, weights, labels, centres, members)
        while members.min() == 0.0:
            if reseed == 0 or not _reseed(points, weights, labels, centres, members):
                return _FLAT
            counts[2] += 1
            mean_centres(points, weights, labels, centres, members)
            upper[:] = np.inf
        centre_steps(before, centres, moved)
        if not np.isfinite(moved).all():
            return _NOT_FINITE
        turn(centres, transposed)
        half_gaps(centres, transposed, squares, gaps)
        if reassign(points, centres, transposed, squares, gaps, moved, -1, labels, upper, lower) > 0:
            continue
        i, other = first_tied(points, transposed, squares, gaps, labels, upper, lower, size, -1)
        if i < 0:
            return _CONVERGED
        labels[i] = other
        upper[i] = np.inf
        lower[i] = 0.0
        counts[1] += 1
    return _STEP_LIMIT
