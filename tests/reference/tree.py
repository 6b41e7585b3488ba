"""Naive twins for the disconnectivity graph and the network paths: definitions, spelt out."""

from fractions import Fraction

import numpy as np


def superbasins(losses, ts_losses, ts_minima, threshold) -> set[frozenset[int]]:
    """Sets of minima below the threshold, joined by TS strictly below it, spread until nothing changes."""
    basin = {number: {number} for number, loss in enumerate(losses) if loss < threshold}
    changed = True
    while changed:
        changed = False
        for loss, (a, b) in zip(ts_losses, ts_minima, strict=True):
            if loss < threshold and a in basin and b in basin and basin[a] is not basin[b]:
                union = basin[a] | basin[b]
                for member in union:
                    basin[member] = union
                changed = True
    return {frozenset(members) for members in basin.values()}


def minimax_matrix(losses, ts_losses, ts_minima) -> np.ndarray:
    """Lowest possible highest TS between all pairs, (n, n), by Floyd and Warshall with max in place of +."""
    n = len(losses)
    best = np.full((n, n), np.inf)
    for loss, (a, b) in zip(ts_losses, ts_minima, strict=True):
        if a != b:
            best[a, b] = min(best[a, b], loss)
            best[b, a] = best[a, b]
    for k in range(n):
        best = np.minimum(best, np.maximum(best[:, [k]], best[[k], :]))
    best[np.arange(n), np.arange(n)] = losses
    return best


def best_path_by_enumeration(ts_losses, ts_minima, a, b) -> list[float] | None:
    """TS losses, highest first, of the simple path from a to b that is lexicographically lowest in them."""
    found = []

    def extend(minimum, visited, highest_first):
        if minimum == b:
            found.append(sorted(highest_first, reverse=True))
            return
        for loss, (p, q) in zip(ts_losses, ts_minima, strict=True):
            for here, there in ((p, q), (q, p)):
                if here == minimum and there not in visited:
                    extend(there, visited | {there}, [*highest_first, loss])

    extend(a, {a}, [])
    return min(found) if found else None


def common_threshold(tree, a, b) -> float:
    """Loss of the lowest superbasin that holds minima a and b; inf if none does."""
    leaf = {int(number): node for node, number in enumerate(tree.minimum) if number >= 0}

    def ancestors(node):
        while node >= 0:
            yield node
            node = int(tree.parent[node])

    above_b = set(ancestors(leaf[b]))
    for node in ancestors(leaf[a]):
        if node in above_b:
            return float(tree.loss[node])
    return np.inf


def leaves_below(tree) -> list[set[int]]:
    """For every node the minima below it."""
    below = [set() for _ in tree.loss]
    for node, number in enumerate(tree.minimum):
        here = node
        while number >= 0 and here >= 0:
            below[here].add(int(number))
            here = int(tree.parent[here])
    return below


def _side(p, q, r) -> int:
    """On which side of the line p -> q the point r lies (exact arithmetic)."""
    area = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    return (area > 0) - (area < 0)


def _within(p, q, r) -> bool:
    """Whether r, known to lie on the line through p and q, lies between them."""
    return min(p[0], q[0]) <= r[0] <= max(p[0], q[0]) and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])


def crossings(segments) -> list[tuple[int, int]]:
    """Pairs of segments that meet anywhere but in a common end, in exact arithmetic."""
    exact = [tuple(tuple(Fraction(float(value)) for value in point) for point in line) for line in segments]
    crossing = []
    for i, (a, b) in enumerate(exact):
        for j, (c, d) in enumerate(exact[:i]):
            common = {a, b} & {c, d}
            sides = (_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b))
            proper = sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0
            touching = [
                point
                for side, (p, q, point) in zip(
                    sides, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True
                )
                if side == 0 and _within(p, q, point) and point not in common
            ]
            if proper or touching:
                crossing.append((i, j))
    return crossing


def columns(parent, size, best, largest_lean) -> np.ndarray:
    """Place of each node, the middle of its columns: list by list, as the layout is described."""
    nodes = parent.size
    children: list[list[int]] = [[] for _ in range(nodes + 1)]
    for node, above in enumerate(parent.tolist()):
        children[above].append(node)
    sizes = size.tolist()
    ranks = best.tolist()
    left = [0.0] * (nodes + 1)
    lean = [0.0] * (nodes + 1)
    middle = [-1] * (nodes + 1)
    for node in range(nodes, -1, -1):
        below = children[node if node < nodes else -1]
        if not below:
            continue
        middle[node] = min(below, key=ranks.__getitem__)
        others = [child for child in below if child != middle[node]]
        others.sort(key=lambda child: (-sizes[child], ranks[child]))
        on_left: list[int] = []
        on_right: list[int] = []
        balance = lean[node]
        for child in others:
            if balance > 0.0:
                on_left.append(child)
                balance -= sizes[child]
            else:
                on_right.append(child)
                balance += sizes[child]
        limit = largest_lean * sizes[middle[node]]
        lean[middle[node]] = min(max(balance, -limit), limit)
        position = left[node]
        for child in [*reversed(on_left), middle[node], *on_right]:
            left[child] = position
            position += sizes[child]
    return np.array(left[:nodes]) + size / 2.0


def bottoms(losses, ts_minima) -> set[int]:
    """Minima of which no neighbour is lower."""
    neighbours = {number: set() for number in range(len(losses))}
    for a, b in ts_minima:
        neighbours[int(a)].add(int(b))
        neighbours[int(b)].add(int(a))
    return {a for a, others in neighbours.items() if all(losses[b] >= losses[a] for b in others)}


def painted(lines, colours, axis, first) -> dict[tuple[int, int], int]:
    """Colour by place and cell of what lines along an axis cover, painted over each other by falling first(line)."""
    cells = {}
    along = []
    for line, colour in zip(lines, colours, strict=True):
        (begin, end), places = sorted(point[axis] for point in line), {point[1 - axis] for point in line}
        if len(places) == 1 and begin < end:
            along.append((first(line), places.pop(), begin, end, colour))
    for _, place, begin, end, colour in sorted(along, key=lambda item: -item[0]):
        for cell in range(begin, end):
            cells[place, cell] = colour
    return cells
