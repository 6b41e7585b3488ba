"""Correlations of pairs of rows of data, and their derivatives: what the kernels of the Gaussian process are made of.

A component of the covariance has the correlation rho = f(q) of two rows, where q = sum_k u_k over features k and

    u_k = ((x_k - x'_k) / l_k)^2,           in the periodic component  u_k = (2 sin(pi (x_k - x'_k) / p) / l_k)^2

    squared exponential, periodic   f = exp(-q / 2)
    Matern 1/2                      f = exp(-s),                    s = sqrt(q)
    Matern 3/2                      f = (1 + s) exp(-s),            s = sqrt(3 q)
    Matern 5/2                      f = (1 + s + s^2/3) exp(-s),    s = sqrt(5 q)
    rational quadratic              f = (1 + q / (2 alpha))^-alpha

(Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 4; MacKay's periodic covariance,
equation 4.31, feature by feature, which unlike one of the distance is positive definite in any number of features).
Parameters of a component are the logarithms of its lengths, one or one for each feature, then of its shape: alpha or p.
Derivatives with respect to them, f1 = f'(q) and f2 = f''(q):

    ln l_k           -2 u_k f1
    ln l_k, ln l_m    4 u_k u_m f2 + [k = m] 4 u_k f1

All functions here fill rows: entry j belongs to the pair (i, j), j < i. Rows that coincide have q = 0, where f1 or f2
of Matern 1/2 and 3/2 diverges but u_k f1 and u_k u_m f2 do not: they are set to 0 there, as u_k is.
"""

import math

from numba import njit

from llcommon.seam import F8, I8, INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, linked, types

SQUARED_EXPONENTIAL = 0
MATERN12 = 1
MATERN32 = 2
MATERN52 = 3
RATIONAL_QUADRATIC = 4
PERIODIC = 5

# integers: rows n, features d, components, whether they are multiplied, whether L is per datum, then for each
# component its kind and its number of lengths. reals: jitter, features (d, n), targets (n).
ROWS, FEATURES, COMPONENTS, PRODUCT, PER_DATUM = range(5)
HEADER = 5

_NEAR = 1e-100  # of q: rows that coincide


@njit(**OPTIONS)
def has_shape(kind):
    """Whether a component has a parameter beside its lengths."""
    return kind == RATIONAL_QUADRATIC or kind == PERIODIC


@njit(**OPTIONS)
def kind_of(integers, component):
    return integers[HEADER + 2 * component]


@njit(**OPTIONS)
def lengths_of(integers, component):
    return integers[HEADER + 2 * component + 1]


@njit(**OPTIONS)
def size_of(integers, component):
    """Number of parameters of a component, its signal variance apart."""
    shape = 1 if has_shape(kind_of(integers, component)) else 0
    return lengths_of(integers, component) + shape


@njit(**OPTIONS)
def places_of(integers, component):
    """Coordinates of a component: its signal variance, which the factors of a product share, and its first length."""
    if component == 0:
        return 0, 1
    after = 1 + size_of(integers, 0)
    if integers[PRODUCT] == 1:
        return 0, after
    return after, after + 1


@njit(**OPTIONS)
def scales_of(x, integers, component, inverse):
    """inverse, (d,), becomes 1 / l_k^2 of every feature; returns alpha or p, or 1."""
    _, first = places_of(integers, component)
    lengths = lengths_of(integers, component)
    for k in range(inverse.size):
        inverse[k] = math.exp(-2.0 * x[first + min(k, lengths - 1)])
    return math.exp(x[first + lengths]) if has_shape(kind_of(integers, component)) else 1.0


# --- values ---------------------------------------------------------------------------------------


@njit(**SUMMING)
def squares(kind, features, k, i, inverse, shape, u):
    """u_k of the pairs of row i, for one feature k."""
    row = features[k]
    here = row[i]
    if kind == PERIODIC:
        turns = math.pi / shape
        for j in range(i):
            sine = 2.0 * math.sin(turns * (row[j] - here))
            u[j] = inverse * sine * sine
    else:
        for j in range(i):
            difference = row[j] - here
            u[j] = inverse * difference * difference


@njit(**SUMMING)
def distances(kind, features, i, inverse, shape, u, q):
    """q of the pairs of row i; u: scratch."""
    squares(kind, features, 0, i, inverse[0], shape, q)
    for k in range(1, features.shape[0]):
        squares(kind, features, k, i, inverse[k], shape, u)
        for j in range(i):
            q[j] += u[j]


@njit(**OPTIONS)
def correlations(kind, shape, q, count, f):
    """f(q) of `count` pairs."""
    if kind == SQUARED_EXPONENTIAL or kind == PERIODIC:
        for j in range(count):
            f[j] = math.exp(-0.5 * q[j])
    elif kind == MATERN12:
        for j in range(count):
            f[j] = math.exp(-math.sqrt(q[j]))
    elif kind == MATERN32:
        for j in range(count):
            s = math.sqrt(3.0 * q[j])
            f[j] = (1.0 + s) * math.exp(-s)
    elif kind == MATERN52:
        for j in range(count):
            s = math.sqrt(5.0 * q[j])
            f[j] = (1.0 + s + s * s / 3.0) * math.exp(-s)
    else:
        for j in range(count):
            f[j] = math.exp(-shape * math.log1p(q[j] / (2.0 * shape)))


# --- first derivatives ----------------------------------------------------------------------------


@njit(**OPTIONS)
def slopes(kind, shape, q, f, count, f1):
    """f'(q) of `count` pairs, from q and f."""
    if kind == SQUARED_EXPONENTIAL or kind == PERIODIC:
        for j in range(count):
            f1[j] = -0.5 * f[j]
    elif kind == MATERN12:
        for j in range(count):
            f1[j] = -0.5 * f[j] / math.sqrt(q[j]) if q[j] > _NEAR else 0.0
    elif kind == MATERN32:
        for j in range(count):
            f1[j] = -1.5 * f[j] / (1.0 + math.sqrt(3.0 * q[j]))
    elif kind == MATERN52:
        for j in range(count):
            s = math.sqrt(5.0 * q[j])
            f1[j] = -(5.0 / 6.0) * f[j] * (1.0 + s) / (1.0 + s + s * s / 3.0)
    else:
        for j in range(count):
            f1[j] = -0.5 * f[j] / (1.0 + q[j] / (2.0 * shape))


@njit(**SUMMING)
def period_slopes(features, i, inverse, period, u, first):
    """d q / d ln p of the pairs of row i into `first`; u: scratch."""
    turns = math.pi / period
    for j in range(i):
        first[j] = 0.0
    for k in range(features.shape[0]):
        period_slopes_of(features, k, i, inverse[k], turns, u)
        for j in range(i):
            first[j] += u[j]


@njit(**SUMMING)
def period_slopes_of(features, k, i, inverse, turns, u):
    """d u_k / d ln p of the pairs of row i."""
    row = features[k]
    for j in range(i):
        angle = turns * (row[j] - row[i])
        u[j] = -4.0 * inverse * angle * math.sin(2.0 * angle)


@njit(**OPTIONS)
def alpha_slopes(alpha, q, f, count, out):
    """d f / d ln alpha of the rational quadratic."""
    for j in range(count):
        b = q[j] / (2.0 * alpha)
        out[j] = f[j] * alpha * (b / (1.0 + b) - math.log1p(b))


@njit(types.void(INTEGERS, I8, MATRIX, I8, VECTOR, F8, VECTOR, MATRIX), **SUMMING)
def _first_derivatives(integers, component, features, i, inverse, shape, f, rows):
    """Derivatives of rho with respect to each parameter of a component into the first rows of `rows`, (P + 3, n).

    f: its values. The last three rows are left with q, f1 and, if it is periodic, d q / d ln p.
    """
    kind = kind_of(integers, component)
    lengths = lengths_of(integers, component)
    size = size_of(integers, component)
    q, f1, turning = rows[size], rows[size + 1], rows[size + 2]
    distances(kind, features, i, inverse, shape, f1, q)
    slopes(kind, shape, q, f, i, f1)
    if lengths == 1:
        for j in range(i):
            rows[0, j] = -2.0 * q[j] * f1[j]
    else:
        for k in range(lengths):
            squares(kind, features, k, i, inverse[k], shape, rows[k])
            for j in range(i):
                rows[k, j] *= -2.0 * f1[j]
    if kind == RATIONAL_QUADRATIC:
        alpha_slopes(shape, q, f, i, rows[lengths])
    elif kind == PERIODIC:
        period_slopes(features, i, inverse, shape, rows[lengths], turning)
        for j in range(i):
            rows[lengths, j] = -0.5 * f[j] * turning[j]


first_derivatives = linked(_first_derivatives)


# --- second derivatives ---------------------------------------------------------------------------


@njit(**OPTIONS)
def bends(kind, shape, q, f, count, f2):
    """f''(q) of `count` pairs, from q and f."""
    if kind == SQUARED_EXPONENTIAL or kind == PERIODIC:
        for j in range(count):
            f2[j] = 0.25 * f[j]
    elif kind == MATERN12:
        for j in range(count):
            s = math.sqrt(q[j])
            f2[j] = 0.25 * f[j] * (1.0 + 1.0 / s) / q[j] if q[j] > _NEAR else 0.0
    elif kind == MATERN32:
        for j in range(count):
            s = math.sqrt(3.0 * q[j])
            f2[j] = 2.25 * f[j] / (s * (1.0 + s)) if q[j] > _NEAR else 0.0
    elif kind == MATERN52:
        for j in range(count):
            s = math.sqrt(5.0 * q[j])
            f2[j] = (25.0 / 12.0) * f[j] / (1.0 + s + s * s / 3.0)
    else:
        for j in range(count):
            b = 1.0 + q[j] / (2.0 * shape)
            f2[j] = 0.25 * (1.0 + 1.0 / shape) * f[j] / (b * b)


@njit(**OPTIONS)
def _alpha_bends(alpha, lengths, i, q, f, f1, u, second, place):
    """Second derivatives with ln alpha: those with each length, then that with itself, from row `place` on."""
    for j in range(i):
        b = q[j] / (2.0 * alpha)
        share = b / (1.0 + b)
        logarithm = math.log1p(b)
        growth = alpha * (share - logarithm)
        mixed = f1[j] * ((alpha + 1.0) * share - alpha * logarithm)
        for k in range(lengths):
            second[place + k, j] = -2.0 * u[k, j] * mixed
        second[place + lengths, j] = f[j] * (growth * growth + growth + alpha * share * share)


@njit(**SUMMING)
def _period_bends(features, lengths, i, inverse, period, q, f, turning, u, second, place):
    """Second derivatives with ln p: those with each length, then that with itself, from row `place` on."""
    turns = math.pi / period
    if lengths == 1:
        for j in range(i):
            second[place, j] = f[j] * turning[j] * (1.0 - 0.5 * q[j])
    else:
        for k in range(lengths):
            out = second[place + k]
            period_slopes_of(features, k, i, inverse[k], turns, out)
            for j in range(i):
                out[j] = f[j] * (out[j] - 0.5 * u[k, j] * turning[j])
    out = second[place + lengths]
    for j in range(i):
        out[j] = 0.25 * turning[j] * turning[j]
    for k in range(features.shape[0]):
        row = features[k]
        for j in range(i):
            angle = turns * (row[j] - row[i])
            sine = math.sin(2.0 * angle)
            out[j] -= 2.0 * inverse[k] * angle * (sine + 2.0 * angle * math.cos(2.0 * angle))
    for j in range(i):
        out[j] *= f[j]


@njit(types.void(INTEGERS, I8, MATRIX, I8, VECTOR, F8, VECTOR, MATRIX, MATRIX, MATRIX), **SUMMING)
def _second_derivatives(integers, component, features, i, inverse, shape, f, rows, work, second):
    """Second derivatives of rho into `second`, (P (P + 1) / 2, n): pairs (a, b), b <= a, row after row of a triangle.

    rows: as `first_derivatives` left them; work: scratch, (P + 1, n).
    """
    kind = kind_of(integers, component)
    lengths = lengths_of(integers, component)
    size = size_of(integers, component)
    q, f1, turning, f2 = rows[size], rows[size + 1], rows[size + 2], work[size]
    bends(kind, shape, q, f, i, f2)
    # u_k: of one length for all features it is q.
    for k in range(lengths):
        if lengths == 1:
            work[0, :i] = q[:i]
        else:
            squares(kind, features, k, i, inverse[k], shape, work[k])
    place = 0
    for a in range(lengths):
        for b in range(a + 1):
            out = second[place]
            place += 1
            for j in range(i):
                out[j] = 4.0 * work[a, j] * work[b, j] * f2[j]
            if a == b:
                for j in range(i):
                    out[j] += 4.0 * work[a, j] * f1[j]
    if kind == RATIONAL_QUADRATIC:
        _alpha_bends(shape, lengths, i, q, f, f1, work, second, place)
    elif kind == PERIODIC:
        _period_bends(features, lengths, i, inverse, shape, q, f, turning, work, second, place)


second_derivatives = linked(_second_derivatives)
