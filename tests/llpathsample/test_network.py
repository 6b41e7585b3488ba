"""Components, minimax barriers and lowest-barrier paths, against definitions spelt out."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.errors import ConfigError, InputError
from llpathsample.network import (
    component_of,
    components,
    lowest_barrier_path,
    minimax_barriers,
    spanning_forest,
)
from tests.reference.tree import best_path_by_enumeration, minimax_matrix

LOSSES = np.array([0.0, 0.5, 0.8, 1.2])
TS_LOSSES = np.array([1.0, 1.5, 2.0, 2.2])
TS_MINIMA = np.array([[0, 1], [1, 2], [2, 3], [0, 3]])


@st.composite
def networks(draw, largest=9, edges=16):
    """Distinct losses, TS above both ends, double edges, degenerate TS and separate components."""
    n = draw(st.integers(1, largest))
    losses = np.array(draw(st.permutations(range(n))), dtype=float) / 7.0
    minimum = st.integers(0, n - 1)
    pairs = draw(st.lists(st.tuples(minimum, minimum), max_size=edges))
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    heights = np.array(draw(st.permutations(range(1, len(pairs) + 1))), dtype=float)
    return losses, losses[pairs].max(axis=1, initial=-1.0) + heights / 11.0, pairs


def test_components_are_numbered_by_their_lowest_id():
    labels = components(7, np.array([[6, 1], [5, 3], [3, 3], [4, 2], [2, 6]]))
    assert labels.tolist() == [0, 1, 1, 2, 1, 2, 1]
    assert component_of(7, np.array([[6, 1], [5, 3]]), 5).tolist() == [3, 5]
    assert components(0, np.empty((0, 2))).size == 0


def test_barriers_of_four_minima_by_hand():
    assert minimax_barriers(LOSSES, TS_LOSSES, TS_MINIMA, 0).tolist() == [0.0, 1.0, 1.5, 2.0]
    path = lowest_barrier_path(LOSSES, TS_LOSSES, TS_MINIMA, 0, 3)
    assert (path.minima, path.ts, path.barrier) == ([0, 1, 2, 3], [0, 1, 2], 2.0)


def test_degenerate_and_missing_edges():
    losses = np.array([0.0, 1.0, 2.0])
    pairs = np.array([[0, 0], [1, 1], [0, 1]])
    ts = np.array([0.1, 1.1, 3.0])
    assert minimax_barriers(losses, ts, pairs, 0).tolist() == [0.0, 3.0, np.inf]
    assert lowest_barrier_path(losses, ts, pairs, 0, 2) is None
    alone = lowest_barrier_path(losses, ts, pairs, 2, 2)
    assert (alone.minima, alone.ts, alone.barrier) == ([2], [], 2.0)


def test_ties_go_to_the_lowest_ts_id():
    losses = np.zeros(3)
    pairs = np.array([[2, 0], [0, 1], [1, 0], [1, 2]])
    ts = np.ones(4)
    assert spanning_forest(3, ts, pairs).tolist() == [0, 1]
    assert lowest_barrier_path(losses, ts, pairs, 1, 2).ts == [1, 0]


def test_zero_and_negative_losses_are_edges_like_others():
    losses = np.array([-3.0, -2.0, -1.0])
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    ts = np.array([-0.5, 0.0, 0.5])
    assert minimax_barriers(losses, ts, pairs, 0).tolist() == [-3.0, -0.5, 0.0]


@settings(max_examples=150, deadline=None)
@given(networks(), st.data())
def test_minimax_barriers_equal_floyd_warshall(network, data):
    losses, ts, pairs = network
    root = data.draw(st.integers(0, losses.size - 1))
    expected = minimax_matrix(losses, ts, pairs)[root]
    np.testing.assert_array_equal(minimax_barriers(losses, ts, pairs, root), expected)
    connected = np.flatnonzero(np.isfinite(expected))
    assert component_of(losses.size, pairs, root).tolist() == connected.tolist()


@settings(max_examples=80, deadline=None)
@given(networks(largest=6, edges=9), st.data())
def test_path_is_the_lowest_of_all_simple_paths(network, data):
    losses, ts, pairs = network
    a = data.draw(st.integers(0, losses.size - 1))
    b = data.draw(st.integers(0, losses.size - 1))
    path = lowest_barrier_path(losses, ts, pairs, a, b)
    expected = best_path_by_enumeration(ts.tolist(), pairs.tolist(), a, b)
    if expected is None:
        assert path is None
        return
    assert sorted(ts[path.ts].tolist(), reverse=True) == expected
    assert path.barrier == (expected[0] if expected else losses[a])
    assert (path.minima[0], path.minima[-1]) == (a, b)
    for step, number in enumerate(path.ts):
        assert set(pairs[number].tolist()) == {path.minima[step], path.minima[step + 1]}


def test_hundred_thousand_minima_in_a_few_seconds():
    n = 100_000
    rng = np.random.default_rng(4)
    chain = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    pairs = np.concatenate([chain, rng.integers(0, n, (200_000, 2))])
    losses = rng.random(n)
    ts = losses[pairs].max(axis=1) + rng.random(len(pairs))
    start = time.perf_counter()
    barriers = minimax_barriers(losses, ts, pairs, 17)
    path = lowest_barrier_path(losses, ts, pairs, n - 1, 17)
    assert time.perf_counter() - start < 5.0
    assert path.barrier == barriers[n - 1]


def test_unknown_minima_and_damaged_losses_are_named():
    with pytest.raises(ConfigError, match="minimum 4"):
        minimax_barriers(LOSSES, TS_LOSSES, TS_MINIMA, 4)
    with pytest.raises(InputError, match="transition state 1 joins minima 1 and 9"):
        components(4, np.array([[0, 1], [1, 9]]))
    with pytest.raises(InputError, match="transition state 2 has the loss nan"):
        minimax_barriers(LOSSES, np.array([1.0, 1.5, np.nan, 2.2]), TS_MINIMA, 0)
