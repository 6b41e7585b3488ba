"""Compiled factorisation of a symmetrised generator with complete pivoting, without a subtraction."""

import math

import numpy as np

from llcommon.seam import INTEGERS, MATRIX, VECTOR, algorithm, types

_STALE = 0.5  # a pivot may be that much smaller than the largest


@algorithm(types.float64, types.int64, types.int64, MATRIX, VECTOR, VECTOR)
def _diagonal(node, first, matrix, sinks, potentials):
    """What leaves a node, among those from `first` on and to the sinks."""
    total = sinks[node]
    for other in range(first, len(matrix)):
        value = matrix[node, other]
        if value > 0.0:
            difference = potentials[other] - potentials[node]
            if abs(difference) < 300.0:
                total += value * math.exp(difference)
            else:
                total += math.exp(math.log(value) + difference)
    return total


@algorithm(types.void, types.int64, types.int64, MATRIX, VECTOR, VECTOR, VECTOR, INTEGERS)
def _exchange(a, b, matrix, sinks, potentials, bounds, order):
    """Exchange two nodes."""
    for column in range(len(matrix)):
        matrix[a, column], matrix[b, column] = matrix[b, column], matrix[a, column]
    for row in range(len(matrix)):
        matrix[row, a], matrix[row, b] = matrix[row, b], matrix[row, a]
    sinks[a], sinks[b] = sinks[b], sinks[a]
    potentials[a], potentials[b] = potentials[b], potentials[a]
    bounds[a], bounds[b] = bounds[b], bounds[a]
    order[a], order[b] = order[b], order[a]


@algorithm(types.Tuple((VECTOR, INTEGERS)), MATRIX, VECTOR, VECTOR)
def factorise(matrix, sinks, potentials):
    """(d, order) of H = P L diag(d) L^T P^T; the strict lower triangle of `matrix` becomes that of L, whose diagonal is
    1.

    H has -matrix (k, k), symmetric, not negative, off its diagonal; its diagonal is what H exp(potentials) = sinks *
    exp(potentials) makes it: sinks are rates out of the chain, matrix the symmetrised rates within. All three are
    overwritten. order: (k,) the node of each row. Pivots are the largest diagonal elements but for a factor of 2, so L
    is well conditioned; they are sums, so every element of L and d has its full relative accuracy.
    """
    count = len(matrix)
    order = np.arange(count)
    pivots = np.empty(count)
    bounds = np.empty(count)  # diagonal elements only fall
    for node in range(count):
        bounds[node] = _diagonal(node, 0, matrix, sinks, potentials)
    for step in range(count):
        while True:
            best = step + np.argmax(bounds[step:])
            exact = _diagonal(best, step, matrix, sinks, potentials)
            accepted = exact >= _STALE * bounds[best]
            bounds[best] = exact
            if accepted:
                break
        _exchange(step, best, matrix, sinks, potentials, bounds, order)
        pivots[step] = exact
        for row in range(step + 1, count):
            value = matrix[row, step]
            if value == 0.0:
                continue
            factor = value / exact
            for column in range(step + 1, count):
                matrix[row, column] += factor * matrix[step, column]
            matrix[row, row] = 0.0
            if sinks[step] > 0.0:
                sinks[row] += math.exp(math.log(factor) + math.log(sinks[step]) + potentials[step] - potentials[row])
        for row in range(step + 1, count):
            matrix[row, step] = -matrix[row, step] / exact
            matrix[step, row] = 0.0
        matrix[step, step] = 1.0
    return pivots, order
