"""Vector operations of the compiled searches: fixed order of summation, no allocation."""

import math

from numba import njit

from llcommon.seam import F8, MATRIX, SUMMING, VECTOR, types

_CALLED = {key: value for key, value in SUMMING.items() if key != "nogil"}


@njit(F8(VECTOR, VECTOR), **_CALLED)
def dot(a, b):
    """sum_i a_i b_i."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(types.void(VECTOR, VECTOR), **_CALLED)
def copy_into(a, b):
    """b = a, without the checks of the assignment b[:] = a, which multiply the time to compile."""
    for i in range(a.size):
        b[i] = a[i]


@njit(types.void(F8, VECTOR, VECTOR), **_CALLED)
def add_scaled(factor, a, b):
    """b += factor * a."""
    for i in range(a.size):
        b[i] += factor * a[i]


@njit(F8(VECTOR), **_CALLED)
def norm(a):
    """Euclidean norm."""
    return math.sqrt(dot(a, a))


@njit(F8(VECTOR), **_CALLED)
def rms(a):
    """Root mean square |a| / sqrt(N), the convergence measure of the field."""
    return math.sqrt(dot(a, a) / a.size)


@njit(types.void(MATRIX, VECTOR, VECTOR), **_CALLED)
def symmetric_times(matrix, v, out):
    """out = matrix v for a symmetric matrix, row by row."""
    for i in range(v.size):
        out[i] = dot(matrix[i], v)


@njit(types.void(MATRIX, VECTOR), **_CALLED)
def remove_components(basis, v):
    """Takes the components along the orthonormal rows of basis out of v."""
    for k in range(basis.shape[0]):
        add_scaled(-dot(basis[k], v), basis[k], v)
