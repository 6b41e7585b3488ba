"""The order in which nodes are eliminated, and which entries that makes: compiled, and the same at every temperature.

Exact dynamic minimum degree on the explicit elimination graph: the node with the fewest neighbours left goes first,
found in queues by degree; its neighbours become neighbours of each other.
"""

import numpy as np
from numba import types

from llcommon.seam import F8, I8, INTEGERS, OPTIONS, algorithm, njit

_ORDERED = types.Tuple((INTEGERS, I8, INTEGERS, INTEGERS))
_STRUCTURE = types.Tuple((INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS))


@njit(**OPTIONS)
def _with_room(pool, begin, length, room, gone):
    """(pool, free) with the rows of those that are not gone, which have room to grow, and as much again behind them."""
    alive = 0
    for i in range(len(length)):
        if not gone[i]:
            alive += length[i]
    fresh = np.empty(4 * alive + 8 * len(length) + 64, np.int64)
    free = 0
    for i in range(len(length)):
        if not gone[i]:
            for p in range(length[i]):
                fresh[free + p] = pool[begin[i] + p]
            begin[i] = free
            room[i] = length[i] + length[i] // 2 + 2
            free += room[i]
    return fresh, free


@algorithm(_ORDERED, INTEGERS, INTEGERS, INTEGERS, F8)
def minimum_degree(starts, neighbours, kept, share):
    """(order, count, row_starts, rows) of a symmetric graph in compressed rows without a diagonal.

    kept: 1 for nodes that are never eliminated. share: once every node left has more neighbours than this share of the
    nodes left, nothing more is eliminated one by one. order: (n,) the `count` nodes eliminated so, then others that
    are not kept, then the kept, both ascending. rows: neighbours left at the elimination of each of the first, and
    then, if all that are not kept are eliminated, those of the kept.
    """
    n = len(starts) - 1
    begin = starts[:n].copy()
    length = np.diff(starts)
    room = np.empty(n, np.int64)
    gone = np.zeros(n, np.int64)
    pool, free = _with_room(neighbours, begin, length, room, gone)

    head = np.full(n + 1, -1, np.int64)
    after = np.full(n, -1, np.int64)
    before = np.full(n, -1, np.int64)
    left = 0
    for i in range(n - 1, -1, -1):
        if not kept[i]:
            left += 1
            d = length[i]
            after[i] = head[d]
            before[i] = -1
            if head[d] >= 0:
                before[head[d]] = i
            head[d] = i

    order = np.empty(n, np.int64)
    row_starts = np.zeros(n + 1, np.int64)
    rows = np.empty(len(neighbours) + 64, np.int64)
    filled = 0
    count = 0
    lowest = 0
    mark = np.full(n, -1, np.int64)
    stamp = 0
    while left > 0:
        while head[lowest] < 0:
            lowest += 1
        if lowest > share * (n - count):
            break
        x = head[lowest]
        head[lowest] = after[x]
        if after[x] >= 0:
            before[after[x]] = -1
        gone[x] = 1
        degree = length[x]
        if filled + degree > len(rows):
            larger = np.empty(2 * len(rows) + degree, np.int64)
            larger[:filled] = rows[:filled]
            rows = larger
        for q in range(degree):
            rows[filled + q] = pool[begin[x] + q]
        for q in range(degree):
            i = rows[filled + q]
            old = length[i]
            stamp += 1
            mark[i] = stamp
            # Without branches, which no processor foresees: what is not kept is written over.
            write = begin[i]
            for p in range(begin[i], begin[i] + old):
                j = pool[p]
                mark[j] = stamp
                pool[write] = j
                write += j != x
            new = 0
            for p in range(degree):
                new += mark[rows[filled + p]] != stamp
            size = old - 1 + new
            if size >= room[i]:
                wanted = 2 * size + 4
                if free + wanted > len(pool):
                    pool, free = _with_room(pool, begin, length, room, gone)
                for p in range(old - 1):
                    pool[free + p] = pool[begin[i] + p]
                begin[i] = free
                room[i] = wanted
                free += wanted
            if new > 0:
                write = begin[i] + old - 1
                for p in range(degree):
                    j = rows[filled + p]
                    pool[write] = j
                    write += mark[j] != stamp
            length[i] = size
            if not kept[i] and size != old:
                if before[i] >= 0:
                    after[before[i]] = after[i]
                else:
                    head[old] = after[i]
                if after[i] >= 0:
                    before[after[i]] = before[i]
                after[i] = head[size]
                before[i] = -1
                if head[size] >= 0:
                    before[head[size]] = i
                head[size] = i
                if size < lowest:
                    lowest = size
        filled += degree
        order[count] = x
        count += 1
        row_starts[count] = filled
        left -= 1

    place = count
    for wanted in range(2):
        for i in range(n):
            if not gone[i] and kept[i] == wanted:
                order[place] = i
                place += 1
    for r in range(count, n):
        if left == 0:
            i = order[r]
            if filled + length[i] > len(rows):
                larger = np.empty(2 * len(rows) + length[i], np.int64)
                larger[:filled] = rows[:filled]
                rows = larger
            for q in range(length[i]):
                rows[filled + q] = pool[begin[i] + q]
            filled += length[i]
        row_starts[r + 1] = filled
    return order, count, row_starts, rows[:filled].copy()


@algorithm(_STRUCTURE, INTEGERS, INTEGERS, INTEGERS)
def ranked(order, row_starts, rows):
    """(starts, columns, column_starts, column_rows, column_places): the rows by rank, ascending, without what comes
    before them; and of each column the rows that hold it, ascending, with its places in `columns`."""
    n = len(order)
    rank = np.empty(n, np.int64)
    for r in range(n):
        rank[order[r]] = r
    starts = np.zeros(n + 1, np.int64)
    column_starts = np.zeros(n + 1, np.int64)
    for r in range(n):
        for q in range(row_starts[r], row_starts[r + 1]):
            c = rank[rows[q]]
            if c > r:
                starts[r + 1] += 1
                column_starts[c + 1] += 1
    for r in range(n):
        starts[r + 1] += starts[r]
        column_starts[r + 1] += column_starts[r]
    column_rows = np.empty(starts[n], np.int64)
    column_places = np.empty(starts[n], np.int64)
    columns = np.empty(starts[n], np.int64)
    write = column_starts[:n].copy()
    for r in range(n):
        for q in range(row_starts[r], row_starts[r + 1]):
            c = rank[rows[q]]
            if c > r:
                column_rows[write[c]] = r
                write[c] += 1
    write = starts[:n].copy()
    for c in range(n):
        for q in range(column_starts[c], column_starts[c + 1]):
            r = column_rows[q]
            columns[write[r]] = c
            column_places[q] = write[r]
            write[r] += 1
    return starts, columns, column_starts, column_rows, column_places
