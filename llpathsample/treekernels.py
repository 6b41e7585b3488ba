"""Compiled loops over a network and its tree of merges: spanning forest, merges, layout, sums over branches.

Trees are arrays of parents, each greater than the index of its child, -1 at the top; leaves come first.
"""

import numpy as np
from numba import njit

from llcommon.seam import F8, I8, INTEGERS, OPTIONS, VECTOR, algorithm, types

PAIRS = types.int64[:, ::1]
_CALLED = {key: value for key, value in OPTIONS.items() if key != "nogil"}


@njit(I8(INTEGERS, I8), **_CALLED)
def _set_of(above, member):
    """Representative of the set that holds a member, its way there halved (Tarjan and van Leeuwen, 1984)."""
    while above[member] >= 0:
        if above[above[member]] >= 0:
            above[member] = above[above[member]]
        member = above[member]
    return member


@njit(I8(INTEGERS, I8, I8), **_CALLED)
def _united(above, a, b):
    """Representative of two sets that become one: that of the larger, by whose representatives a and b are given."""
    if above[a] > above[b]:
        a, b = b, a
    above[a] += above[b]
    above[b] = a
    return a


@algorithm(I8, PAIRS, INTEGERS, INTEGERS)
def join(ends, above, chosen):
    """Rows of `ends`, (m, 2), that join two sets when taken in order, into `chosen`; returns how many.

    above: (n,), all -1, becomes the sets: of a representative minus its size, else a member nearer to it.
    """
    count = 0
    for row in range(ends.shape[0]):
        if count == above.size - 1:
            break
        a = _set_of(above, ends[row, 0])
        b = _set_of(above, ends[row, 1])
        if a != b:
            _united(above, a, b)
            chosen[count] = row
            count += 1
    return count


@algorithm(I8, INTEGERS, INTEGERS)
def number_sets(above, labels):
    """Number the sets of `join` by their lowest members, into labels (n,); returns how many there are."""
    number = np.full(above.size, -1, dtype=np.int64)
    count = 0
    for member in range(above.size):
        representative = _set_of(above, member)
        if number[representative] < 0:
            number[representative] = count
            count += 1
        labels[member] = number[representative]
    return count


@algorithm(I8, PAIRS, VECTOR, INTEGERS, INTEGERS, INTEGERS, VECTOR)
def merge(ends, heights, node_of, above, parent, loss):
    """Binary merges of leaves by edges in order, (e, 2); returns how many nodes there are.

    heights: (e,). node_of: (n,) leaf of each minimum, -1 for none, changed. above: (n,), all -1, changed. parent, loss:
    (2 l,) of l leaves, the first l given, which the merges follow.
    """
    leaves = parent.size // 2
    count = leaves
    for row in range(ends.shape[0]):
        a = _set_of(above, ends[row, 0])
        b = _set_of(above, ends[row, 1])
        if a == b:
            continue
        first = node_of[a]
        second = node_of[b]
        both = _united(above, a, b)
        if first >= 0 and second >= 0:
            parent[first] = count
            parent[second] = count
            parent[count] = -1
            loss[count] = heights[row]
            node_of[both] = count
            count += 1
        else:
            node_of[both] = max(first, second)
    return count


@algorithm(types.void, INTEGERS, VECTOR, I8, VECTOR)
def meeting_heights(parent, loss, leaf, heights):
    """Loss of the lowest node above both `leaf` and each node, into heights (k,); inf if there is none."""
    on_way = np.zeros(parent.size, dtype=np.bool_)
    node = leaf
    while node >= 0:
        on_way[node] = True
        node = parent[node]
    for node in range(parent.size - 1, -1, -1):
        above = parent[node]
        if on_way[node]:
            heights[node] = loss[node]
        elif above < 0:
            heights[node] = np.inf
        else:
            heights[node] = heights[above]


@algorithm(types.void, INTEGERS, VECTOR, I8, INTEGERS)
def join_equal(parent, heights, leaves, stands_for):
    """Merges at one height on one branch become one, in place; those at infinity go.

    stands_for: (k,) for each node the one that it has become, -1 for none.
    """
    for node in range(parent.size - 1, -1, -1):
        above = parent[node]
        above = stands_for[above] if above >= 0 else -1
        parent[node] = above
        stands_for[node] = node
        if node >= leaves:
            if heights[node] == np.inf:
                stands_for[node] = -1
            elif above >= 0 and heights[above] == heights[node]:
                stands_for[node] = above


@algorithm(types.void, INTEGERS, INTEGERS, INTEGERS)
def count_leaves(parent, size, best):
    """Leaves below each node, into size, and the first of them, into best, (k,): given at leaves, else 0 and k."""
    for node in range(parent.size):
        above = parent[node]
        if above >= 0:
            size[above] += size[node]
            best[above] = min(best[above], best[node])


@algorithm(types.void, INTEGERS, INTEGERS, INTEGERS, INTEGERS, F8, VECTOR, INTEGERS)
def place(parent, size, best, by_size, largest_lean, left, middle):
    """Left end of the columns of each node, into left (k,), and its middle child or -1, into middle (k,).

    by_size: (k,) nodes by falling size, then rising best. Under every node, and at the top, the child with the lowest
    leaf stands in the middle, the others go by falling size to the lighter side, the larger nearer to the middle.
    What is uneven is made up for one node further down the middle, up to largest_lean of its size.
    """
    nodes = parent.size
    begin = np.zeros(nodes + 2, dtype=np.int64)
    for node in range(nodes):
        above = parent[node] if parent[node] >= 0 else nodes
        begin[above + 1] += 1
    for node in range(nodes + 1):
        begin[node + 1] += begin[node]
    children = np.empty(nodes, dtype=np.int64)
    filled = begin.copy()
    for node in by_size:
        above = parent[node] if parent[node] >= 0 else nodes
        children[filled[above]] = node
        filled[above] += 1
    lean = np.zeros(nodes + 1)
    goes_left = np.zeros(nodes, dtype=np.bool_)
    for node in range(nodes, -1, -1):
        first, end = begin[node], begin[node + 1]
        if node < nodes:
            middle[node] = -1
        if first == end:
            continue
        centre = children[first]
        for k in range(first, end):
            if best[children[k]] < best[centre]:
                centre = children[k]
        balance = lean[node]
        on_left = 0.0
        for k in range(first, end):
            child = children[k]
            if child == centre:
                continue
            goes_left[child] = balance > 0.0
            if goes_left[child]:
                balance -= size[child]
                on_left += size[child]
            else:
                balance += size[child]
        limit = largest_lean * size[centre]
        lean[centre] = min(max(balance, -limit), limit)
        start = left[node] if node < nodes else 0.0
        left[centre] = start + on_left
        before = left[centre]
        after = left[centre] + size[centre]
        for k in range(first, end):
            child = children[k]
            if child == centre:
                continue
            if goes_left[child]:
                before -= size[child]
                left[child] = before
            else:
                left[child] = after
                after += size[child]
        if node < nodes:
            middle[node] = centre


@algorithm(types.void, INTEGERS, VECTOR)
def stand_above(middle, x):
    """Every node right above its middle child, (k,) or -1, in place of x, (k,)."""
    for node in range(middle.size):
        if middle[node] >= 0:
            x[node] = x[middle[node]]


@algorithm(types.void, INTEGERS, VECTOR)
def add_up(parent, total):
    """Add to each node what is below it, (k,), in place."""
    for node in range(parent.size):
        if parent[node] >= 0:
            total[parent[node]] += total[node]


@algorithm(types.void, INTEGERS, INTEGERS)
def share_up(parent, shared):
    """The value that all below a node have, -1 where they differ, (k,): -2 where it is not given, in place."""
    for node in range(parent.size):
        above = parent[node]
        if above >= 0:
            if shared[above] == -2:
                shared[above] = shared[node]
            elif shared[above] != shared[node]:
                shared[above] = -1


@algorithm(I8, INTEGERS, INTEGERS, INTEGERS, INTEGERS, I8, PAIRS)
def paint(column, low, high, colour, cells, runs):
    """Paint lines onto columns of so many cells one over the other, and list what is seen; returns how many runs.

    column, low, high, colour: (s,) lines by column, in each column in the order of painting, which cover the cells from
    low to high, both included. runs: (2 s, 4) becomes column, first and last cell, and colour of each run.
    """
    seen = np.full(cells, -1, dtype=np.int64)
    count = 0
    first = 0
    while first < column.size:
        end = first
        lowest = cells
        highest = -1
        while end < column.size and column[end] == column[first]:
            seen[low[end] : high[end] + 1] = colour[end]
            lowest = min(lowest, low[end])
            highest = max(highest, high[end])
            end += 1
        begin = lowest
        for cell in range(lowest, highest + 1):
            if cell == highest or seen[cell + 1] != seen[cell]:
                if seen[cell] >= 0:
                    runs[count, 0] = column[first]
                    runs[count, 1] = begin
                    runs[count, 2] = cell
                    runs[count, 3] = seen[cell]
                    count += 1
                begin = cell + 1
        seen[lowest : highest + 1] = -1
        first = end
    return count


@algorithm(types.void, PAIRS, types.boolean[:, ::1], F8, types.boolean[::1])
def cover(lines, covered, share, kept):
    """Which lines, taken in order, cover a larger share of their cells anew, into kept (s,); those that do cover them.

    lines: (s, 4) x, y, x, y in cells of covered, (columns, rows), which is changed.
    """
    for row in range(lines.shape[0]):
        x = lines[row, 0]
        y = lines[row, 1]
        across = lines[row, 2] - x
        down = lines[row, 3] - y
        steps = max(abs(across), abs(down))
        new = 0
        for step in range(steps + 1):
            part = step / max(steps, 1)
            if not covered[round(x + part * across), round(y + part * down)]:
                new += 1
        kept[row] = new > share * (steps + 1)
        if kept[row]:
            for step in range(steps + 1):
                part = step / max(steps, 1)
                covered[round(x + part * across), round(y + part * down)] = True
