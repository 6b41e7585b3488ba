"""Monotonic sequence basins: where steps to lower minima, taken over transition states, end.

A bottom is a minimum that no transition state (TS) joins to a lower one. From every other minimum the steepest descent
goes on to a lower neighbour: to the lowest of them (`loss`, the default), or over the lowest TS that leads to any lower
one (`barrier`). Ties go to the lower TS, or to the lower neighbour, and then to the lower id. Only a strictly lower
loss is lower, so a sequence cannot go round in a circle. A monotonic sequence basin is a bottom with all minima whose
descent ends there.

Sources: R. S. Berry and R. Breitengraser-Kunz, Phys. Rev. Lett. 74, 3951 (1995); R. E. Kunz and R. S. Berry, J. Chem.
Phys. 103, 1904 (1995). The rule for the next neighbour differs between authors.
"""

from typing import Literal

import numpy as np

Descent = Literal["loss", "barrier"]


def bottoms(losses: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Ids, ascending, of the minima without a direct connection to a lower one. losses: (n,); ends: (m, 2) of TS."""
    lowest = np.ones(len(losses), dtype=bool)
    first, second = losses[ends[:, 0]], losses[ends[:, 1]]
    lowest[ends[first > second, 0]] = False
    lowest[ends[second > first, 1]] = False
    return np.flatnonzero(lowest)


def next_lower(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, descent: Descent = "loss") -> np.ndarray:
    """The neighbour to which the steepest descent goes on from each minimum, (n,); the minimum itself at a bottom.

    losses: (n,). ts_losses: (m,). ends: (m, 2). descent: see the module.
    """
    falling = losses[ends[:, 0]] != losses[ends[:, 1]]
    pairs, heights = ends[falling], ts_losses[falling]
    downwards = losses[pairs[:, 0]] > losses[pairs[:, 1]]
    upper = np.where(downwards, pairs[:, 0], pairs[:, 1])
    lower = np.where(downwards, pairs[:, 1], pairs[:, 0])
    key, second_key = (losses[lower], heights) if descent == "loss" else (heights, losses[lower])
    for _ in range(2):
        best = np.full(len(losses), np.inf)
        np.minimum.at(best, upper, key)
        kept = key == best[upper]
        upper, lower, key, second_key = upper[kept], lower[kept], second_key[kept], key[kept]
    following = np.full(len(losses), len(losses))
    np.minimum.at(following, upper, lower)
    return np.where(following < len(losses), following, np.arange(len(losses)))


def sequence_basins(
    losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, descent: Descent = "loss"
) -> np.ndarray:
    """Id of the bottom where the steepest descent from each minimum ends, (n,).

    losses: (n,). ts_losses: (m,). ends: (m, 2). descent: see the module.
    """
    ending = next_lower(losses, ts_losses, ends, descent)
    # Each round doubles the steps taken, so a sequence of 10^6 minima takes 20.
    while True:
        further = ending[ending]
        if np.array_equal(further, ending):
            return ending
        ending = further
