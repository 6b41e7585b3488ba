"""Passes of the kmeans loss: where one point is as far from a second centre as from its own.

J is the least of many quadratics, one for each way to share out the points among the centres. Two of them that differ
in one point i, of weight w, in cluster k or in cluster l, meet where i is equally far from both centres, and J has a
crease there that falls to both sides. On such a tie surface, and with all other points where they are, J is least at

    mu_k = x_i + r (g_k - x_i) / |g_k - x_i|,    mu_l likewise,
    r = (n_k |g_k - x_i| + n_l |g_l - x_i|) / (n_k + n_l + w)

where n and g are the weights and means of the two clusters without point i. There

    s_k = n_k (|g_k - x_i| - r) / r,    s_l likewise,    s_k + s_l = w,

are the shares of i that hold the centres in place: counted by them in both clusters the slope is zero. Zero lies in the
convex hull of the slopes of the two pieces (a stationary point in the sense of Clarke) if both shares are positive.
The point is a pass then, provided no other point is tied or changes sides there and no third centre is as near to i.

A pass for other assignments of the rest is found as Lloyd's algorithm finds a minimum, with the same bounds: centres to
their best places on the tie surface, all other points to their nearest centres, until none moves; J on the surface
falls each time.
"""

import numpy as np
from numba import njit

from llcommon.losses._kmeans_kernels import squares_to, turn
from llcommon.losses._kmeans_lloyd import centre_steps, first_tied, half_gaps, mean_centres, reassign, tie_width
from llcommon.seam import F8, I8, INTEGERS, MATRIX, OPTIONS, VECTOR, algorithm
from llcommon.status import Status

_CONVERGED = int(Status.CONVERGED)
_STEP_LIMIT = int(Status.STEP_LIMIT)
_WRONG_INDEX = int(Status.WRONG_INDEX)
_FLAT = int(Status.FLAT)


@njit(**OPTIONS)
def _distance(first, second):
    square = 0.0
    for j in range(first.size):
        difference = first[j] - second[j]
        square += difference * difference
    return np.sqrt(square)


@njit(**OPTIONS)
def _tied_radius(weight, n_k, n_l, g_k, g_l):
    """r of the module's docstring, from the distances of the two means to the point."""
    return (n_k * g_k + n_l * g_l) / (n_k + n_l + weight)


@algorithm(F8, VECTOR, F8, I8, I8, MATRIX, VECTOR, VECTOR)
def place_tied(point, weight, own, other, centres, members, shares):
    """Centres own and other from the means of their points without `point`, (d,), to the best places that tie it; r.

    centres: (K, d), members: (K,), both without the point. shares: (2,), of the point that hold them there; NaN, and
    the centres left alone, if a mean is the point itself.
    """
    g_k = _distance(centres[own], point)
    g_l = _distance(centres[other], point)
    shares[:] = np.nan
    if g_k == 0.0 or g_l == 0.0:
        return np.nan
    radius = _tied_radius(weight, members[own], members[other], g_k, g_l)
    shares[0] = members[own] * (g_k - radius) / radius
    shares[1] = members[other] * (g_l - radius) / radius
    for j in range(point.size):
        centres[own, j] = point[j] + (centres[own, j] - point[j]) * (radius / g_k)
        centres[other, j] = point[j] + (centres[other, j] - point[j]) * (radius / g_l)
    return radius


@njit(**OPTIONS)
def _third_is_near(point, transposed, squares, own, other, size):
    """Whether a third centre is as near to the point as two are."""
    squares_to(point, transposed, squares)
    least = squares[own] + tie_width(squares[own], size)
    for third in range(squares.size):
        if third != own and third != other and squares[third] <= least:
            return True
    return False


@algorithm(I8, MATRIX, VECTOR, I8, I8, I8, INTEGERS, MATRIX, VECTOR, F8, I8, INTEGERS)
def descend_on_tie(points, weights, tied, own, other, labels, centres, members, size, most, counts):
    """Down on the surface where point `tied` is equally far from two centres, from an assignment of all points.

    points: (m, d); weights: (m,); labels: (m,), in place, that of the tied point is `own` at the end; centres: (K, d),
    members: (K,), both at the end, members without the tied point; size: of the largest coordinate; most: rounds;
    counts: (1,), of rounds. The status: CONVERGED at a pass; WRONG_INDEX where the least place of the surface is none;
    FLAT where a centre loses its last point.
    """
    others = weights.copy()
    others[tied] = 0.0
    labels[tied] = own
    transposed = np.empty((centres.shape[1], centres.shape[0]))
    squares = np.empty(centres.shape[0])
    gaps = np.empty(centres.shape[0])
    moved = np.zeros(centres.shape[0])
    before = np.empty_like(centres)
    upper = np.full(labels.size, np.inf)
    lower = np.zeros(labels.size)
    shares = np.empty(2)
    counts[0] = 0
    while counts[0] < most:
        counts[0] += 1
        before[:] = centres
        mean_centres(points, others, labels, centres, members)
        if members.min() == 0.0:
            return _FLAT
        place_tied(points[tied], weights[tied], own, other, centres, members, shares)
        if counts[0] > 1:
            centre_steps(before, centres, moved)
        turn(centres, transposed)
        half_gaps(centres, transposed, squares, gaps)
        if reassign(points, centres, transposed, squares, gaps, moved, tied, labels, upper, lower) > 0:
            continue
        # False for NaN too.
        if not (shares[0] > 0.0 and shares[1] > 0.0):
            return _WRONG_INDEX
        if _third_is_near(points[tied], transposed, squares, own, other, size):
            return _WRONG_INDEX
        another, _ = first_tied(points, transposed, squares, gaps, labels, upper, lower, size, tied)
        return _CONVERGED if another < 0 else _WRONG_INDEX
    return _STEP_LIMIT


@algorithm(I8, MATRIX, VECTOR, INTEGERS, MATRIX, VECTOR, I8, INTEGERS, INTEGERS)
def tied_candidates(points, weights, labels, centres, members, every, tied, others):
    """Points, and second centres for them, from whose tie surfaces to descend; how many.

    centres: the means of the points of each label, members: their summed weights. every: 1 for all; 0 for those whose
    shares are positive before any other point moves. tied, others: at least m (K - 1) numbers each.
    """
    transposed = np.empty((centres.shape[1], centres.shape[0]))
    squares = np.empty(centres.shape[0])
    turn(centres, transposed)
    count = 0
    for i in range(labels.size):
        own = labels[i]
        rest = members[own] - weights[i]
        if rest <= 0.0:
            continue
        squares_to(points[i], transposed, squares)
        g_k = np.sqrt(squares[own]) * members[own] / rest
        for other in range(squares.size):
            g_l = np.sqrt(squares[other])
            radius = _tied_radius(weights[i], rest, members[other], g_k, g_l)
            if other != own and (every == 1 or (radius < g_k and radius < g_l)):
                tied[count] = i
                others[count] = other
                count += 1
    return count
