"""Compiled kernel of the Gaussian process: loss and gradient.

With the covariance K of n targets y, alpha = K^-1 y, and K_a the derivative of K by the logarithm of a parameter
(Rasmussen and Williams 2006, equations 2.30 and 5.9):

    L   = y^T alpha / 2 + sum_i ln C_ii + (n / 2) ln 2 pi,      K = C C^T
    L_a = sum_ij W_ij (K_a)_ij / 2,                             W = K^-1 - alpha alpha^T

All over n if L is per datum. Every sum over pairs of rows is one over j < i, twice, and the diagonal. Where K is not
positive definite, or something overflows, loss and derivatives are infinite.

Packing: see `_gp_pairs`. The covariance is sum_c S_c rho_c + N, or S rho_1 rho_2 + N for a product, with 1 + jitter in
place of rho on the diagonal.
"""

import math

from numba import njit

from llcommon.losses._blas import matrix, vector
from llcommon.losses._gp_pairs import (
    COMPONENTS,
    FEATURES,
    PER_DATUM,
    PRODUCT,
    ROWS,
    correlations,
    distances,
    first_derivatives,
    kind_of,
    places_of,
    scales_of,
    size_of,
)
from llcommon.losses._lapack import factorise, invert, solve
from llcommon.seam import INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, linked, loss_kernel, types

_HALF_LN_2PI = 0.9189385332046727


# --- workspace ------------------------------------------------------------------------------------


@njit(**OPTIONS)
def most_parameters(integers):
    """The larger number of parameters of a component, its signal variance apart."""
    most = 0
    for component in range(integers[COMPONENTS]):
        most = max(most, size_of(integers, component))
    return most


def gradient_workspace(rows: int, features: int, components: int, parameters: int) -> int:
    """Numbers that `gp_kernel` needs; parameters: most of a component, its signal variance apart."""
    return (1 + components) * rows * rows + (parameters + 6) * rows + features


# --- covariance -----------------------------------------------------------------------------------


@njit(**OPTIONS)
def diagonals(x, reals, integers):
    """(sum of signal variances, of a product one, times 1 + jitter; noise variance)."""
    signal = 0.0
    for component in range(integers[COMPONENTS]):
        place, _ = places_of(integers, component)
        if component == 0 or integers[PRODUCT] == 0:
            signal += math.exp(x[place])
    return signal * (1.0 + reals[0]), math.exp(x[x.size - 1])


@njit(types.void(VECTOR, VECTOR, INTEGERS, VECTOR, MATRIX, VECTOR), **SUMMING)
def _covariance_of(x, reals, integers, work, covariance, rows):
    """The lower triangle of K, and the correlations of each component from work[n^2] on.

    rows: scratch, 2 n + d.
    """
    n, d = integers[ROWS], integers[FEATURES]
    features = matrix(reals, 1, d, n)
    q, u, inverse = vector(rows, 0, n), vector(rows, n, n), vector(rows, 2 * n, d)
    product = integers[PRODUCT] == 1
    for component in range(integers[COMPONENTS]):
        kind = kind_of(integers, component)
        place, _ = places_of(integers, component)
        variance = math.exp(x[place])
        shape = scales_of(x, integers, component, inverse)
        values = matrix(work, (1 + component) * n * n, n, n)
        for i in range(n):
            f = values[i]
            row = covariance[i]
            distances(kind, features, i, inverse, shape, u, q)
            correlations(kind, shape, q, i, f)
            if component == 0:
                for j in range(i):
                    row[j] = variance * f[j]
            elif product:
                for j in range(i):
                    row[j] *= f[j]
            else:
                for j in range(i):
                    row[j] += variance * f[j]
    signal, noise = diagonals(x, reals, integers)
    for i in range(n):
        covariance[i, i] = signal + noise


covariance_of = linked(_covariance_of)


@njit(**SUMMING)
def _log_likelihood(factor, targets, alpha):
    """-ln of the marginal likelihood, from the Cholesky factor and alpha = K^-1 y."""
    n = targets.size
    fit = 0.0
    for i in range(n):
        fit += targets[i] * alpha[i]
    logarithms = 0.0
    for i in range(n):
        logarithms += math.log(factor[i, i])
    return 0.5 * fit + logarithms + n * _HALF_LN_2PI


@njit(**SUMMING)
def subtract_outer(weights, alpha):
    """weights -= alpha alpha^T, lower triangle."""
    for i in range(alpha.size):
        row = weights[i]
        for j in range(i + 1):
            row[j] -= alpha[i] * alpha[j]


@njit(**SUMMING)
def row_factor(integers, work, component, variance, i, out):
    """d K_ij / d rho of a component: S, of a product times the other correlation."""
    n = integers[ROWS]
    if integers[PRODUCT] == 1:
        other = matrix(work, (2 - component) * n * n, n, n)[i]
        for j in range(i):
            out[j] = variance * other[j]
    else:
        for j in range(i):
            out[j] = variance


@njit(**SUMMING)
def sum_of_products(a, b, count):
    total = 0.0
    for j in range(count):
        total += a[j] * b[j]
    return total


@njit(types.void(VECTOR, VECTOR, INTEGERS, VECTOR, MATRIX, VECTOR, VECTOR), **OPTIONS)
def _contract(x, reals, integers, work, weights, rows, gradient):
    """gradient_a = sum_ij weights_ij (K_a)_ij / 2 for symmetric weights, given by their lower triangle.

    rows: scratch, (P + 4) n + d. Correlations: as `covariance_of` left them in `work`.
    """
    n, d = integers[ROWS], integers[FEATURES]
    features = matrix(reals, 1, d, n)
    count = most_parameters(integers) + 3
    slopes = matrix(rows, 0, count, n)
    weighted = vector(rows, count * n, n)
    inverse = vector(rows, (count + 1) * n, d)
    trace = 0.0
    for i in range(n):
        trace += weights[i, i]
    for a in range(x.size):
        gradient[a] = 0.0
    for component in range(integers[COMPONENTS]):
        place, first = places_of(integers, component)
        variance = math.exp(x[place])
        shape = scales_of(x, integers, component, inverse)
        values = matrix(work, (1 + component) * n * n, n, n)
        owns_signal = component == 0 or integers[PRODUCT] == 0
        if owns_signal:
            gradient[place] += 0.5 * variance * (1.0 + reals[0]) * trace
        for i in range(n):
            f = values[i]
            first_derivatives(integers, component, features, i, inverse, shape, f, slopes)
            row_factor(integers, work, component, variance, i, weighted)
            for j in range(i):
                weighted[j] *= weights[i, j]
            if owns_signal:
                gradient[place] += sum_of_products(weighted, f, i)
            for p in range(size_of(integers, component)):
                gradient[first + p] += sum_of_products(weighted, slopes[p], i)
    gradient[x.size - 1] = 0.5 * math.exp(x[x.size - 1]) * trace


contract = linked(_contract)


@njit(**OPTIONS)
def scale_of(integers):
    return 1.0 / integers[ROWS] if integers[PER_DATUM] == 1 else 1.0


@loss_kernel
def gp_kernel(x, gradient, reals, integers, work):
    """Loss and gradient."""
    n, d = integers[ROWS], integers[FEATURES]
    covariance = matrix(work, 0, n, n)
    after = (1 + integers[COMPONENTS]) * n * n
    alpha = vector(work, after, n)
    rows = vector(work, after + n, work.size - after - n)
    targets = vector(reals, 1 + d * n, n)
    covariance_of(x, reals, integers, work, covariance, rows)
    if not factorise(covariance):
        gradient[:] = math.inf
        return math.inf
    alpha[:] = targets
    solve(covariance, alpha)
    value = _log_likelihood(covariance, targets, alpha)
    invert(covariance)
    subtract_outer(covariance, alpha)
    contract(x, reals, integers, work, covariance, rows, gradient)
    scale = scale_of(integers)
    finite = math.isfinite(value)
    for a in range(x.size):
        gradient[a] *= scale
        finite = finite and math.isfinite(gradient[a])
    if not finite:
        gradient[:] = math.inf
        return math.inf
    return value * scale
