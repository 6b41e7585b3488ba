"""Cholesky factorisation that says "not positive definite" instead of raising, without allocation."""

import math

from numba import njit

from llcommon.optimise.vectors import add_scaled, dot
from llcommon.seam import F8, MATRIX, SUMMING, VECTOR, types

_CALLED = {key: value for key, value in SUMMING.items() if key != "nogil"}


@njit(types.boolean(MATRIX), **_CALLED)
def factorise(matrix):
    """Upper Cholesky factor U (matrix = U^T U) in the upper triangle of `matrix`, in place.

    Returns False at the first pivot that is not positive; the content is then useless. Four
    rows are eliminated at a time, so that each entry below is loaded and stored once for four.
    """
    n = matrix.shape[0]
    for first in range(0, n, 4):
        last = min(first + 4, n)
        for k in range(first, last):
            pivot = matrix[k, k]
            if not pivot > 0.0:
                return False
            inverse = 1.0 / math.sqrt(pivot)
            for j in range(k, n):
                matrix[k, j] *= inverse
            for i in range(k + 1, last):
                factor = matrix[k, i]
                for j in range(i, n):
                    matrix[i, j] -= factor * matrix[k, j]
        if last - first < 4:
            return True
        row0 = matrix[first]
        row1 = matrix[first + 1]
        row2 = matrix[first + 2]
        row3 = matrix[first + 3]
        for i in range(last, n):
            factor0 = row0[i]
            factor1 = row1[i]
            factor2 = row2[i]
            factor3 = row3[i]
            for j in range(i, n):
                update = factor0 * row0[j] + factor1 * row1[j] + factor2 * row2[j] + factor3 * row3[j]
                matrix[i, j] -= update
    return True


@njit(types.void(MATRIX, VECTOR), **_CALLED)
def solve_factorised(factor, b):
    """Solves U^T U p = b in place, U from `factorise`."""
    n = b.size
    for i in range(n):
        b[i] /= factor[i, i]
        add_scaled(-b[i], factor[i, i + 1 :], b[i + 1 :])
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - dot(factor[i, i + 1 :], b[i + 1 :])) / factor[i, i]


@njit(F8(MATRIX), **_CALLED)
def log_determinant(factor):
    """ln det of the factorised matrix."""
    total = 0.0
    for i in range(factor.shape[0]):
        total += math.log(factor[i, i])
    return 2.0 * total
