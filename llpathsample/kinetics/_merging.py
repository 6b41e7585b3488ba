"""Compiled union of groups that never brings a product and a reactant together."""

import numpy as np

from llcommon.seam import INTEGERS, algorithm, types

_FLAGS = types.boolean[:, ::1]


@algorithm(INTEGERS, types.int64[:, ::1], _FLAGS)
def merged_labels(pairs, owners):
    """The lowest group of those that each of n groups becomes one with, when pairs (p, 2) are joined in turn.

    owners: (n, 2) whether a group holds products, and reactants. A pair is passed over where both would come together.
    """
    count = len(owners)
    parents = np.arange(count)
    held = owners.copy()
    for pair in range(len(pairs)):
        low = pairs[pair, 0]
        while parents[low] != low:
            parents[low] = parents[parents[low]]
            low = parents[low]
        high = pairs[pair, 1]
        while parents[high] != high:
            parents[high] = parents[parents[high]]
            high = parents[high]
        if low > high:
            low, high = high, low
        product = held[low, 0] or held[high, 0]
        reactant = held[low, 1] or held[high, 1]
        if low != high and not (product and reactant):
            parents[high] = low
            held[low, 0] = product
            held[low, 1] = reactant
    for group in range(count):  # parents come before their children
        parents[group] = parents[parents[group]]
    return parents
