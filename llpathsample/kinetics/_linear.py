"""Elimination of nodes from a network of conductances, compiled: in plain numbers.

W is symmetric, C the capacity of a node. Eliminating x: s = sum_j W_xj; W_ij += W_ix W_xj / s; C_i += C_x W_ix / s.
Nothing is subtracted, so every number keeps its relative accuracy (Grassmann, Taksar, Heyman; O'Cinneide, Numer. Math.
65, 109, 1993). All indices are ranks: nodes in the order of their elimination.
"""

import numpy as np

from llcommon.losses._blas import multiply_left_transposed
from llcommon.seam import I8, INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, algorithm, njit, types

_PANEL = 96  # rows that are eliminated before the others learn of them
_STRIP = 16  # rows of these, likewise
_BLOCK = 96  # rows of one product


@algorithm(
    types.void, I8, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, VECTOR, VECTOR, VECTOR,
    VECTOR, MATRIX,
)  # fmt: skip
def eliminate_sparse(
    count, starts, columns, column_starts, column_rows, column_places, own_starts, own_columns, own, flow, sums,
    capacity, matrix,
):  # fmt: skip
    """Eliminate the first `count` of n nodes.

    starts, columns and those of columns: as of `ranked`. own: conductances, in rows of own_starts (n + 1,) and
    own_columns, of the network itself. flow: (len(columns),) conductances at elimination, sums: (n,) theirs by row;
    capacity (n,): in place. matrix: (n - count, n - count) or empty; its upper triangle takes the conductances of the
    other nodes, which else go to flow.
    """
    n = len(starts) - 1
    work = np.zeros(n)
    for i in range(n):
        for q in range(own_starts[i], own_starts[i + 1]):
            work[own_columns[q]] += own[q]
        for c in range(column_starts[i], column_starts[i + 1]):
            x = column_rows[c]
            if x >= count:
                break
            place = column_places[c]
            factor = flow[place] / sums[x]
            for q in range(place + 1, starts[x + 1]):
                work[columns[q]] += factor * flow[q]
        if i >= count and len(matrix) > 0:
            row = matrix[i - count, i - count + 1 :]
            found = work[i + 1 :]
            for j in range(len(row)):
                row[j] = found[j]
                found[j] = 0.0
            continue
        total = 0.0
        for q in range(starts[i], starts[i + 1]):
            flow[q] = work[columns[q]]
            work[columns[q]] = 0.0
            total += flow[q]
        sums[i] = total
        if i < count:
            share = capacity[i] / total
            for q in range(starts[i], starts[i + 1]):
                capacity[columns[q]] += share * flow[q]


@njit(**SUMMING)
def _sum(values):
    total = 0.0
    for j in range(len(values)):
        total += values[j]
    return total


@njit(**SUMMING)
def _product(first, second):
    total = 0.0
    for j in range(len(first)):
        total += first[j] * second[j]
    return total


@njit(**OPTIONS)
def _add_rows(begin, r, matrix, sums):
    """Add what the rows from `begin` on give to row r right of the diagonal, two at a time."""
    row = matrix[r, r + 1 :]
    odd = begin + (r - begin) % 2
    if odd > begin:
        factor = matrix[begin, r] / sums[begin]
        given = matrix[begin, r + 1 :]
        for j in range(len(row)):
            row[j] += factor * given[j]
    for x in range(odd, r, 2):
        factor_0 = matrix[x, r] / sums[x]
        factor_1 = matrix[x + 1, r] / sums[x + 1]
        given_0 = matrix[x, r + 1 :]
        given_1 = matrix[x + 1, r + 1 :]
        for j in range(len(row)):
            row[j] += factor_0 * given_0[j] + factor_1 * given_1[j]


@njit(**OPTIONS)
def _update(first, last, begin, end, matrix, sums, scaled):
    """Add what rows first to last give to rows begin to end, right of the diagonal. scaled: scratch."""
    m = len(matrix)
    for x in range(first, last):
        inverse = 1.0 / sums[x]
        for j in range(begin, m):
            scaled[x - first, j - begin] = matrix[x, j] * inverse
    for top in range(begin, end, _BLOCK):
        bottom = min(top + _BLOCK, end)
        multiply_left_transposed(
            matrix[first:last, top:bottom], scaled[: last - first, top - begin : m - begin], 1.0,
            matrix[top:bottom, top:m],
        )  # fmt: skip


@algorithm(types.void, I8, MATRIX, VECTOR, VECTOR)
def eliminate_dense(count, matrix, sums, capacity):
    """Eliminate the first `count` nodes of the upper triangle of a matrix (m, m), in place: rows of those are then
    their conductances at elimination. sums, capacity: (m,) as above."""
    m = len(matrix)
    scaled = np.empty((_PANEL, m))
    for first in range(0, count, _PANEL):
        last = min(first + _PANEL, count)
        for begin in range(first, last, _STRIP):
            end = min(begin + _STRIP, last)
            for r in range(begin, end):
                _add_rows(begin, r, matrix, sums)
                sums[r] = _sum(matrix[r, r + 1 :])
                share = capacity[r] / sums[r]
                for j in range(r + 1, m):
                    capacity[j] += share * matrix[r, j]
            if end < last:
                _update(begin, end, end, last, matrix, sums, scaled)
        if last < m:
            _update(first, last, last, m, matrix, sums, scaled)


@algorithm(types.void, I8, I8, INTEGERS, INTEGERS, VECTOR, VECTOR, MATRIX, VECTOR)
def substitute_back(count, inner, starts, columns, flow, sums, matrix, values):
    """values (n,) of the nodes eliminated, `count` of them sparse and `inner` in all: what they hold on entry plus the
    mean over the neighbours at elimination, by conductances; those of the other nodes are given."""
    n = len(starts) - 1
    shares = np.empty(n)
    for r in range(inner - 1, count - 1, -1):
        # Shares first: a conductance times a value may leave the doubles.
        inverse = 1.0 / sums[r]
        row = matrix[r - count, r - count + 1 :]
        for j in range(len(row)):
            shares[j] = row[j] * inverse
        values[r] += _product(shares[: len(row)], values[r + 1 :])
    for r in range(min(count, inner) - 1, -1, -1):
        inverse = 1.0 / sums[r]
        total = 0.0
        for q in range(starts[r], starts[r + 1]):
            total += (flow[q] * inverse) * values[columns[q]]
        values[r] += total
