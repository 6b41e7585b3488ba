"""Monotonic sequence basins and escapes against their definitions, followed step by step; and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llpathsample.structure.basins import bottoms, next_lower, sequence_basins
from llpathsample.structure.funnels import barriers_between, basins_of, escapes, superbasins
from tests.reference.tree import minimax_matrix

NOTHING = (np.empty(0), np.empty((0, 2), dtype=np.int64))


@st.composite
def networks(draw):
    """Losses, TS losses, ends: with equal losses, parallel and degenerate TS, several components."""
    count = draw(st.integers(1, 9))
    level = st.integers(0, 5)
    losses = np.array(draw(st.lists(level, min_size=count, max_size=count)), dtype=float)
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), level), max_size=16))
    ends = np.array([pair[:2] for pair in pairs], dtype=np.int64).reshape(-1, 2)
    heights = losses[ends].max(axis=1, initial=0.0) + np.array([pair[2] for pair in pairs], dtype=float)
    return losses, heights, ends


def descended(losses, heights, ends, minimum, descent):
    """Where the steepest descent ends, one neighbour at a time."""
    while True:
        steps = []
        for height, (a, b) in zip(heights.tolist(), ends.tolist(), strict=True):
            for start, end in ((a, b), (b, a)):
                if start == minimum and losses[end] < losses[minimum]:
                    key = (losses[end], height) if descent == "loss" else (height, losses[end])
                    steps.append((*key, end))
        if not steps:
            return minimum
        minimum = min(steps)[-1]


@given(networks(), st.sampled_from(["loss", "barrier"]))
def test_basins_are_where_descents_end(network, descent):
    losses, heights, ends = network
    expected = [descended(losses, heights, ends, minimum, descent) for minimum in range(len(losses))]
    labels = sequence_basins(losses, heights, ends, descent)
    assert labels.tolist() == expected
    assert np.unique(labels).tolist() == bottoms(losses, ends).tolist()


@given(networks())
def test_escapes_and_barriers_are_those_of_the_minimax_matrix(network):
    losses, heights, ends = network
    count = len(losses)
    matrix = minimax_matrix(losses, heights, ends)
    order = np.lexsort((np.arange(count), losses))
    rank = np.argsort(order)
    found = escapes(losses, heights, ends)
    for minimum in range(count):
        lower = np.flatnonzero(rank < rank[minimum])
        assert found.escape[minimum] == matrix[minimum, lower].min(initial=np.inf)
        if np.isfinite(found.escape[minimum]):
            assert rank[found.over[minimum]] < rank[minimum]
            assert matrix[minimum, found.over[minimum]] == found.escape[minimum]
        else:
            assert found.over[minimum] == -1
    chosen = np.arange(0, count, 2)
    assert np.array_equal(barriers_between(losses, heights, ends, chosen), matrix[np.ix_(chosen, chosen)])


@given(networks(), st.integers(0, 8))
def test_basins_of_is_consistent(network, threshold):
    losses, heights, ends = network
    found = basins_of(losses, heights, ends)
    assert found.size.sum() == len(losses)
    assert (np.diff(losses[found.bottom]) >= 0.0).all()
    # No way leads out of a superbasin without one out of the basin first, and only bottoms of components have none.
    assert (found.escape >= found.exit).all()
    assert np.isinf(found.escape).sum() == len(np.unique(found.component))
    counts = [found.funnels(ratio) for ratio in (0.0, 1.0, 2.0, 5.0)]
    assert counts == sorted(counts, reverse=True)
    joined = minimax_matrix(losses, heights, ends) < threshold
    labels = superbasins(losses, heights, ends, threshold)
    below = np.flatnonzero(losses < threshold)
    assert (labels >= 0).tolist() == (losses < threshold).tolist()
    assert (labels[below][:, None] == labels[below][None]).tolist() == joined[np.ix_(below, below)].tolist()


def test_the_two_descents_differ_where_the_lowest_neighbour_is_behind_a_higher_barrier():
    losses = np.array([0.0, 0.5, 1.0])
    heights, ends = np.array([3.0, 2.0]), np.array([[0, 2], [1, 2]])
    assert next_lower(losses, heights, ends).tolist() == [0, 1, 0]
    assert next_lower(losses, heights, ends, "barrier").tolist() == [0, 1, 1]


def test_a_long_staircase_is_one_basin():
    count = 5000
    losses = np.arange(count, dtype=float)
    ends = np.column_stack([np.arange(1, count), np.arange(count - 1)])
    assert not sequence_basins(losses, losses[1:] + 0.5, ends).any()


def test_without_transition_states_each_minimum_is_a_bottom():
    losses = np.array([2.0, 1.0, 1.0])
    found = basins_of(losses, *NOTHING)
    assert found.bottom.tolist() == [1, 2, 0]
    assert found.funnels(2.0) == 3
    assert np.isnan(found.step)
    assert np.isinf(found.exit).all()


def test_a_double_funnel_has_two():
    # Two staircases of steps up by 1 and down by 0.1 from bottoms 0 and 5, joined far above.
    losses = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 0.2, 1.2, 2.2])
    ends = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [5, 6], [6, 7], [7, 4]])
    found = basins_of(losses, losses[ends].max(axis=1) + 0.1, ends)
    assert found.labels.tolist() == [0, 0, 0, 0, 5, 5, 5, 5]
    assert found.step == pytest.approx(0.1)
    assert found.ratio.tolist() == pytest.approx([np.inf, (4.1 - 0.2) / 0.1])
    assert [found.funnels(ratio) for ratio in (1.0, 10.0, 38.0, 40.0)] == [2, 2, 2, 1]
    assert found.over.tolist() == [-1, 0]
