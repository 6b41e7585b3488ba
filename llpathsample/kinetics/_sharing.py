"""Compiled: where those who start at eliminated nodes first meet a kept one."""

import math

from llcommon.seam import I8, INTEGERS, MATRIX, VECTOR, algorithm, types


@algorithm(types.void, I8, I8, INTEGERS, INTEGERS, VECTOR, VECTOR, MATRIX, types.boolean, VECTOR)
def share_out(count, inner, starts, columns, flow, sums, matrix, logarithmic, chances):
    """chances: (n,) by rank, in place: each of the `inner` nodes eliminated, `count` of them sparse, hands its own to
    its neighbours at elimination, by conductances. flow, sums, matrix: as of `_linear`, or as of `_logarithmic`."""
    n = len(starts) - 1
    for r in range(min(count, inner)):
        for q in range(starts[r], starts[r + 1]):
            share = math.exp(flow[q] - sums[r]) if logarithmic else flow[q] / sums[r]
            chances[columns[q]] += chances[r] * share
        chances[r] = 0.0
    for r in range(count, inner):
        for j in range(r + 1, n):
            value = matrix[r - count, j - count]
            share = math.exp(value - sums[r]) if logarithmic else value / sums[r]
            chances[j] += chances[r] * share
        chances[r] = 0.0
