"""Products of matrices whose entries are logarithms, compiled."""

import math

import numpy as np

from llcommon.seam import MATRIX, OPTIONS, VECTOR, algorithm, njit, types

_NOTHING = 45.0  # e to the minus this is lost in rounding


@njit(**OPTIONS)
def _add_row(weights, begin, end, rows, target, top):
    """target = ln(e^target + sum_j e^(weights_j + rows_j)) with rows from begin to end."""
    width = len(target)
    for k in range(width):
        top[k] = target[k]
    for j in range(begin, end):
        weight = weights[j - begin]
        for k in range(width):
            term = weight + rows[j, k]
            top[k] = term if term > top[k] else top[k]
    for k in range(width):
        depth = target[k] - top[k]
        target[k] = math.exp(depth) if depth > -_NOTHING else 0.0
    for j in range(begin, end):
        weight = weights[j - begin]
        for k in range(width):
            term = weight + rows[j, k] - top[k]
            if term > -_NOTHING:
                target[k] += math.exp(term)
    for k in range(width):
        target[k] = math.log(target[k]) + top[k] if top[k] > -np.inf else -np.inf


@algorithm(types.void, MATRIX, VECTOR, MATRIX)
def resolve(matrix, sums, found):
    """found = (1 - P)^-1 found, with P the strict upper triangle of the first rows of e^(matrix - sums)."""
    count, width = found.shape
    top = np.empty(width)
    for r in range(count - 1, -1, -1):
        weights = matrix[r, r + 1 : count] - sums[r]
        _add_row(weights, r + 1, count, found, found[r], top)


@algorithm(types.void, MATRIX, MATRIX, MATRIX)
def add_product(left, right, out):
    """out = ln(e^out + e^left e^right), e to the power of each entry."""
    top = np.empty(out.shape[1])
    for r in range(len(out)):
        _add_row(left[r], 0, len(right), right, out[r], top)
