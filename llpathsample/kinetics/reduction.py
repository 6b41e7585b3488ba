"""A network of a few minima and sets in place of a large one, all others taken out (star-mesh transformation)."""

import heapq

import numpy as np

from llcommon.superposition import log_sums
from llpathsample.kinetics.steps import Steps


def log_mesh(steps: Steps, kept: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    """ln of the flows between the minima `kept` and sets of minima, each of which is one node, when all others have been
    taken out: (k, k) with k = len(kept) + len(sets), symmetric, -inf on the diagonal."""
    count = len(steps.log_weights)
    size = len(kept) + len(sets)
    owner = np.arange(size, size + count)
    owner[kept] = np.arange(len(kept))
    for number, members in enumerate(sets):
        owner[members] = len(kept) + number
    pairs = np.sort(owner[steps.ends], axis=1)
    outer = pairs[:, 0] != pairs[:, 1]
    keys, places = np.unique(pairs[outer, 0] * (size + count) + pairs[outer, 1], return_inverse=True)
    flows = log_sums(steps.log_flow[outer], places, len(keys))
    rows: list[dict[int, float]] = [{} for _ in range(size + count)]
    for key, value in zip(keys.tolist(), flows.tolist(), strict=True):
        first, second = divmod(key, size + count)
        rows[first][second] = rows[second][first] = value
    _take_out(rows, size)
    mesh = np.full((size, size), -np.inf)
    for first in range(size):
        for second, value in rows[first].items():
            mesh[first, second] = value
    return mesh


def _take_out(rows: list[dict[int, float]], kept: int) -> None:
    """Take all nodes but the first ones out of a mesh, those with the fewest neighbours first, in place."""
    queue = [(len(row), node) for node, row in enumerate(rows) if node >= kept and row]
    heapq.heapify(queue)
    while queue:
        degree, node = heapq.heappop(queue)
        row = rows[node]
        if len(row) != degree:
            if row:
                heapq.heappush(queue, (len(row), node))
            continue
        others, flows = list(row), np.array(list(row.values()))
        total = np.logaddexp.reduce(flows)
        rows[node] = {}
        for place, other in enumerate(others):
            own = rows[other]
            del own[node]
            through = (flows[place] + flows - total).tolist()
            for further, value in zip(others, through, strict=True):
                if further != other:
                    own[further] = float(np.logaddexp(own.get(further, -np.inf), value))


def taken_out(mesh: np.ndarray, node: int) -> tuple[np.ndarray, float]:
    """A mesh (k, k) without one of its nodes, (k - 1, k - 1), and ln of the sum of flows that this had."""
    row = np.delete(mesh[node], node)
    total = float(np.logaddexp.reduce(row))
    rest = np.delete(np.delete(mesh, node, axis=0), node, axis=1)
    if total == -np.inf:
        return rest, total
    rest = np.logaddexp(rest, row[:, None] + row - total)
    np.fill_diagonal(rest, -np.inf)
    return rest, total
