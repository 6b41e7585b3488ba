"""Compiled kinetic Monte Carlo; every trajectory has a stream of random numbers of its own."""

import math

import numpy as np

from llcommon.seam import I8, INTEGERS, OPTIONS, VECTOR, algorithm, njit, types

_SEEDS = types.uint64[::1]


@njit(types.uint64(types.uint64), **OPTIONS)
def _scrambled(state):
    """The output function of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014)."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(types.float64(types.uint64), **OPTIONS)
def _uniform(state):
    """From 0, included, to 1, excluded."""
    return float(_scrambled(state) >> np.uint64(11)) * 2.0**-53


@algorithm(types.void, INTEGERS, INTEGERS, VECTOR, VECTOR, VECTOR, _SEEDS, I8, VECTOR, INTEGERS)
def first_passages(places, heads, cumulative, waits, starts, seeds, most, times, steps):
    """Trajectories until the last node, the goal, is met.

    places, heads: steps from each of k nodes, in rows; cumulative: (e,) sums of their probabilities in each row. waits:
    (k,) mean waiting times. starts: (k,) sums of the probabilities to start at each node. Out: times (N,), and steps
    (N,), `most` of which end a trajectory that has not arrived: its time is then minus what has passed.
    """
    goal = len(waits)
    golden = np.uint64(0x9E3779B97F4A7C15)
    for number in range(len(seeds)):
        state = seeds[number] + golden
        node = min(np.searchsorted(starts, _uniform(state) * starts[-1], side="right"), goal - 1)
        time = 0.0
        taken = 0
        while node != goal and taken < most:
            state += golden
            time -= waits[node] * math.log(1.0 - _uniform(state))
            state += golden
            first, last = places[node], places[node + 1]
            chance = _uniform(state) * cumulative[last - 1]
            place = first
            while place < last - 1 and cumulative[place] <= chance:
                place += 1
            node = heads[place]
            taken += 1
        times[number] = time if node == goal else -time
        steps[number] = taken
