"""The paths that most trajectories take when their loops are erased, by best-first search.

The first steps of a path are one after another those of a random walk with erased loops: after b, v_1, ... v_i the next
minimum is y with a probability in proportion to W(v_i, y) q(y), where q(y) is the probability to come from y to A
before B and v_1 ... v_i (the Laplacian random walk; G. F. Lawler, Duke Math. J. 47, 655, 1980). The share of all paths
that begin alike is thus known before they end, and the beginning with the largest share is followed first: what comes
to A is the next best path.
"""

import heapq

import numpy as np
from scipy.special import logsumexp

from llpathsample.kinetics.reduction import log_committor
from llpathsample.kinetics.steps import Steps


def most_travelled(
    steps: Steps, products: np.ndarray, reactants: np.ndarray, most: int, searches: int
) -> list[tuple[int, ...]]:
    """Minima of up to `most` paths from B to A by falling contribution to k_SS with returns.

    searches: how many beginnings may be followed, each of which costs a committor; fewer paths than there are if that
    does not suffice.
    """
    places, heads, flow = _rows(steps)
    committor = log_committor(steps, products, reactants)
    starts, ends = np.zeros(len(committor), dtype=bool), np.zeros(len(committor), dtype=bool)
    starts[reactants], ends[products] = True, True
    waiting: list[tuple[float, tuple[int, ...]]] = []
    for b in reactants.tolist():
        row = slice(places[b], places[b + 1])
        _push(waiting, (b,), heads[row], flow[row] + committor[heads[row]])
    heapq.heapify(waiting)
    found: list[tuple[int, ...]] = []
    while waiting and len(found) < most:
        cost, path = heapq.heappop(waiting)
        if ends[path[-1]]:
            found.append(path)
            continue
        if searches == 0:
            break
        searches -= 1
        onward = log_committor(steps, products, np.union1d(reactants, path))
        row = slice(places[path[-1]], places[path[-1] + 1])
        chances = flow[row] + onward[heads[row]]
        fresh: list[tuple[float, tuple[int, ...]]] = []
        _push(fresh, path, heads[row], chances - logsumexp(chances) - cost)
        for entry in fresh:
            heapq.heappush(waiting, entry)
    return found


def _push(waiting: list, path: tuple[int, ...], heads: np.ndarray, values: np.ndarray) -> None:
    for head, value in zip(heads.tolist(), values.tolist(), strict=True):
        if value > -np.inf:
            waiting.append((-value, (*path, head)))


def _rows(steps: Steps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the steps from each minimum begin, (n + 1,), their heads and ln W."""
    tails, heads, flow = steps.directed()
    order = np.lexsort((heads, tails))
    counts = np.bincount(tails, minlength=len(steps.log_weights))
    return np.concatenate([[0], np.cumsum(counts)]), heads[order], flow[order]
