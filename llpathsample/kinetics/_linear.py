"""Elimination of nodes from a network of conductances, compiled: in plain numbers.

W is symmetric, C the capacity of a node. Eliminating x: s = sum_j W_xj; W_ij += W_ix W_xj / s; C_i += C_x W_ix / s.
Nothing is subtracted, so every number keeps its relative accuracy (Grassmann, Taksar, Heyman; O'Cinneide, Numer. Math.
65, 109, 1993). All indices are ranks: nodes in the order of their elimination.
"""

import numpy as np

from llcommon.losses._blas import multiply_left_transposed
from llcommon.seam import I8, INTEGERS, MATRIX, VECTOR, algorithm, types

_PANEL = 96  # rows that are eliminated before the others learn of them
_BLOCK = 384  # rows of one product


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
            for j in range(i + 1, n):
                matrix[i - count, j - count] = work[j]
                work[j] = 0.0
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


@algorithm(types.void, I8, MATRIX, VECTOR, VECTOR)
def eliminate_dense(count, matrix, sums, capacity):
    """Eliminate the first `count` nodes of the upper triangle of a matrix (m, m), in place: rows of those are then
    their conductances at elimination. sums, capacity: (m,) as above."""
    m = len(matrix)
    scaled = np.empty((_PANEL, m))
    for first in range(0, count, _PANEL):
        last = min(first + _PANEL, count)
        for r in range(first, last):
            for x in range(first, r):
                factor = matrix[x, r] / sums[x]
                for j in range(r + 1, m):
                    matrix[r, j] += factor * matrix[x, j]
            total = 0.0
            for j in range(r + 1, m):
                total += matrix[r, j]
            sums[r] = total
            share = capacity[r] / total
            for j in range(r + 1, m):
                capacity[j] += share * matrix[r, j]
            inverse = 1.0 / total
            for j in range(last, m):
                scaled[r - first, j - last] = matrix[r, j] * inverse
        for top in range(last, m, _BLOCK):
            bottom = min(top + _BLOCK, m)
            multiply_left_transposed(
                matrix[first:last, top:bottom], scaled[: last - first, top - last : m - last], 1.0,
                matrix[top:bottom, top:m],
            )  # fmt: skip


@algorithm(types.void, I8, I8, INTEGERS, INTEGERS, VECTOR, VECTOR, MATRIX, VECTOR)
def substitute_back(count, inner, starts, columns, flow, sums, matrix, values):
    """values (n,) of the nodes eliminated, `count` of them sparse and `inner` in all: what they hold on entry plus the
    mean over the neighbours at elimination, by conductances; those of the other nodes are given."""
    n = len(starts) - 1
    for r in range(inner - 1, count - 1, -1):
        inverse = 1.0 / sums[r]
        total = 0.0
        for j in range(r + 1, n):
            total += (matrix[r - count, j - count] * inverse) * values[j]
        values[r] += total
    for r in range(min(count, inner) - 1, -1, -1):
        inverse = 1.0 / sums[r]
        total = 0.0
        for q in range(starts[r], starts[r + 1]):
            total += (flow[q] * inverse) * values[columns[q]]
        values[r] += total
