"""Pairs of nodes, compiled: each once, by node, by rank. They are counted into their places, never compared."""

import numpy as np

from llcommon.seam import I8, INTEGERS, MATRIX, VECTOR, algorithm, types
from llpathsample.treekernels import PAIRS

_ANY_PAIRS = types.int64[:, :]


@algorithm(types.Tuple((PAIRS, INTEGERS)), _ANY_PAIRS, I8)
def unique_pairs(ends, count):
    """(pairs, places): pairs of different nodes of `count`, the lower first, ascending, each once; and where each of
    `ends`, (m, 2), is among them, (m,), -1 for those that are one node."""
    m = len(ends)
    by_high = np.zeros(count + 1, np.int64)
    by_low = np.zeros(count + 1, np.int64)
    for row in range(m):
        by_high[max(ends[row, 0], ends[row, 1]) + 1] += 1
        by_low[min(ends[row, 0], ends[row, 1]) + 1] += 1
    for i in range(count):
        by_high[i + 1] += by_high[i]
        by_low[i + 1] += by_low[i]
    rows = np.empty(m, np.int64)
    for row in range(m):
        high = max(ends[row, 0], ends[row, 1])
        rows[by_high[high]] = row
        by_high[high] += 1
    ordered = np.empty(m, np.int64)
    for row in rows:
        low = min(ends[row, 0], ends[row, 1])
        ordered[by_low[low]] = row
        by_low[low] += 1
    pairs = np.empty((m, 2), np.int64)
    places = np.full(m, -1, np.int64)
    size = 0
    for row in ordered:
        low = min(ends[row, 0], ends[row, 1])
        high = max(ends[row, 0], ends[row, 1])
        if low == high:
            continue
        if size == 0 or pairs[size - 1, 0] != low or pairs[size - 1, 1] != high:
            pairs[size, 0] = low
            pairs[size, 1] = high
            size += 1
        places[row] = size - 1
    return pairs[:size].copy(), places


@algorithm(types.Tuple((INTEGERS, INTEGERS)), _ANY_PAIRS, I8)
def neighbours_of(pairs, count):
    """(starts, neighbours): both directions of pairs (e, 2) in compressed rows, one for each of `count` nodes."""
    starts = np.zeros(count + 1, np.int64)
    for row in range(len(pairs)):
        starts[pairs[row, 0] + 1] += 1
        starts[pairs[row, 1] + 1] += 1
    for i in range(count):
        starts[i + 1] += starts[i]
    write = starts[:count].copy()
    neighbours = np.empty(2 * len(pairs), np.int64)
    for side in range(2):
        for row in range(len(pairs)):
            i = pairs[row, side]
            neighbours[write[i]] = pairs[row, 1 - side]
            write[i] += 1
    return starts, neighbours


@algorithm(types.Tuple((INTEGERS, INTEGERS, INTEGERS)), _ANY_PAIRS, INTEGERS)
def pairs_by_rank(pairs, order):
    """(starts, columns, places): pairs (e, 2) of nodes by rank in compressed rows, that of the lower one; order: (n,)
    nodes by rank; places: which of the pairs each is."""
    n = len(order)
    rank = np.empty(n, np.int64)
    for r in range(n):
        rank[order[r]] = r
    starts = np.zeros(n + 1, np.int64)
    for row in range(len(pairs)):
        starts[min(rank[pairs[row, 0]], rank[pairs[row, 1]]) + 1] += 1
    for r in range(n):
        starts[r + 1] += starts[r]
    write = starts[:n].copy()
    columns = np.empty(len(pairs), np.int64)
    places = np.empty(len(pairs), np.int64)
    for row in range(len(pairs)):
        first, second = rank[pairs[row, 0]], rank[pairs[row, 1]]
        place = write[min(first, second)]
        columns[place] = max(first, second)
        places[place] = row
        write[min(first, second)] += 1
    return starts, columns, places


@algorithm(PAIRS, INTEGERS)
def all_pairs(nodes):
    """All pairs of some nodes (k,), by rows of the upper triangle: (k (k - 1) / 2, 2)."""
    k = len(nodes)
    pairs = np.empty((k * (k - 1) // 2, 2), np.int64)
    place = 0
    for i in range(k):
        for j in range(i + 1, k):
            pairs[place, 0] = nodes[i]
            pairs[place, 1] = nodes[j]
            place += 1
    return pairs


@algorithm(VECTOR, MATRIX, I8)
def upper_triangle(matrix, first):
    """What `all_pairs` of the nodes from `first` on have in a matrix."""
    k = len(matrix) - first
    values = np.empty(k * (k - 1) // 2)
    place = 0
    for i in range(first, len(matrix)):
        for j in range(i + 1, len(matrix)):
            values[place] = matrix[i, j]
            place += 1
    return values
