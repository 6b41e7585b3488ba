"""The disconnectivity graph against superbasins and minimax barriers spelt out, and its layout laws."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.errors import ConfigError, InputError, NothingFound
from llpathsample.ladders import round_ladder
from llpathsample.tree import superbasin_tree, tree_as_json
from llpathsample.treelayout import LARGEST_LEAN
from tests.llpathsample.test_network import LOSSES, TS_LOSSES, TS_MINIMA, networks
from tests.reference.tree import (
    bottoms,
    columns,
    common_threshold,
    crossings,
    leaves_below,
    minimax_matrix,
    superbasins,
)

# Ladders: exact merges, round numbers of two densities.
LADDERS = st.sampled_from([None, 5, 40])


def grown_network(n, extra, seed, barrier=0.3):
    """A connected random network of n minima: a random tree and `extra` more TS."""
    rng = np.random.default_rng(seed)
    child = np.arange(1, n)
    pairs = np.stack([child, (rng.random(n - 1) * child).astype(np.int64)], axis=1)
    pairs = np.concatenate([pairs, rng.integers(0, n, (extra, 2))])
    losses = rng.gamma(3.0, 0.2, n)
    return losses, losses[pairs].max(axis=1) + rng.exponential(barrier, len(pairs)), pairs


def test_four_minima_as_disconnectionDPS_draws_them():
    """The same network, first level 2.5, ten levels of 0.25: splits read from the tree it drew."""
    ladder = np.arange(1, 11) * 0.25
    tree = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, thresholds=ladder, straight_trunk=False)
    assert tree.loss.tolist() == [0.0, 0.5, 0.8, 1.2, 1.25, 1.75, 2.25]
    assert tree.minimum.tolist() == [0, 1, 2, 3, -1, -1, -1]
    assert tree.parent.tolist() == [4, 4, 5, 6, 5, 6, -1]
    assert tree.size.tolist() == [1, 1, 1, 1, 2, 3, 4]
    assert tree.shoulder[4:].tolist() == [1.0, 1.5, 2.0]
    # A superbasin stands over the middle of its columns, whichever way its branches are ordered.
    assert sorted(tree.x[:4].tolist()) == [0.5, 1.5, 2.5, 3.5]
    assert tree.x[6] == 2.0
    assert abs(tree.x[5] - tree.x[3]) == 2.0
    assert tree.x[4] == (tree.x[0] + tree.x[1]) / 2


def test_four_minima_exactly():
    tree = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, levels=None)
    assert tree.loss.tolist() == [0.0, 0.5, 0.8, 1.2, 1.0, 1.5, 2.0]
    assert tree.levels.tolist() == [1.0, 1.5, 2.0]


def test_merges_at_one_ts_loss_are_one_superbasin():
    tree = superbasin_tree(
        np.array([0.0, 0.1, 0.2]), np.array([1.0, 1.0]), np.array([[0, 1], [1, 2]]), levels=None
    )
    assert tree.parent.tolist() == [3, 3, 3, -1]
    assert tree.size.tolist() == [1, 1, 1, 3]


@settings(max_examples=120, deadline=None)
@given(networks(), LADDERS)
def test_leaves_meet_at_their_minimax_barrier(network, levels):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, levels=levels, unconnected=True)
    barriers = minimax_matrix(losses, ts, pairs)
    for a in range(losses.size):
        for b in range(a):
            expected = barriers[a, b]
            if levels is not None and np.isfinite(expected):
                expected = tree.levels[tree.levels > expected].min()
            assert common_threshold(tree, a, b) == expected


@settings(max_examples=60, deadline=None)
@given(networks(), st.sampled_from([3, 12]))
def test_superbasins_at_every_threshold_are_those_of_the_definition(network, levels):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, levels=levels, unconnected=True)
    below = leaves_below(tree)
    for threshold in tree.levels:
        alive = np.flatnonzero((tree.loss <= threshold) & ((tree.minimum < 0) | (tree.loss < threshold)))
        uppermost = [node for node in alive if tree.parent[node] < 0 or tree.parent[node] not in alive]
        assert {frozenset(below[node]) for node in uppermost} == superbasins(
            losses, ts.tolist(), pairs.tolist(), threshold
        )


@settings(max_examples=120, deadline=None)
@given(networks(largest=12, edges=24), LADDERS, st.booleans())
def test_no_lines_cross_and_leaves_end_at_their_loss(network, levels, straight):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, levels=levels, unconnected=True, straight_trunk=straight)
    segments = tree.segments()
    assert crossings(segments) == []
    ends = {(x, loss) for x, loss in segments[:, 1].tolist()}
    for leaf in tree.leaves:
        assert tree.loss[leaf] == losses[tree.minimum[leaf]]
        assert (tree.x[leaf], tree.loss[leaf]) in ends
    assert sorted(tree.x[tree.leaves].tolist()) == [0.5 + column for column in range(tree.leaves.size)]
    assert segments[:, :, 1].max() == tree.top


@pytest.mark.parametrize("levels", [None, 30])
def test_no_lines_cross_in_a_larger_tree(levels):
    tree = superbasin_tree(*grown_network(60, 60, 8), levels=levels)
    assert crossings(tree.segments()) == []


@settings(max_examples=60, deadline=None)
@given(networks(), LADDERS, st.randoms(use_true_random=False))
def test_renumbering_changes_nothing_but_the_ids(network, levels, random):
    losses, ts, pairs = network
    new_of_old = np.arange(losses.size)
    random.shuffle(new_of_old)
    shuffled_ts = np.arange(ts.size)
    random.shuffle(shuffled_ts)
    renumbered = np.empty_like(losses)
    renumbered[new_of_old] = losses
    tree = superbasin_tree(losses, ts, pairs, levels=levels)
    other = superbasin_tree(renumbered, ts[shuffled_ts], new_of_old[pairs[shuffled_ts]], levels=levels)
    np.testing.assert_array_equal(tree.segments(), other.segments())
    leaves = tree.leaves
    assert new_of_old[tree.minimum[leaves]].tolist() == other.minimum[leaves].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_global_minimum_stands_in_the_middle_region(seed):
    losses, ts, pairs = grown_network(300, 300, seed)
    tree = superbasin_tree(losses, ts, pairs)
    assert tree.minimum[0] == np.argmin(losses)
    assert 0.25 < tree.x[0] / tree.leaves.size < 0.75
    top = np.flatnonzero(tree.parent < 0)
    assert tree.x[top].tolist() == [tree.x[0]]


def test_only_the_component_of_the_root_is_drawn_unless_asked():
    losses = np.array([0.0, 0.3, 0.1, 0.2, 0.5])
    pairs = np.array([[0, 1], [2, 3], [4, 4]])
    ts = np.array([1.0, 0.8, 0.9])
    assert superbasin_tree(losses, ts, pairs).minimum[:2].tolist() == [0, 1]
    assert superbasin_tree(losses, ts, pairs, root=3).leaves.size == 2
    whole = superbasin_tree(losses, ts, pairs, unconnected=True)
    assert whole.leaves.size == 5
    tops = np.flatnonzero(whole.parent < 0)
    assert tops.size == 3
    hanging = whole.segments()[whole.segments()[:, 0, 1] == whole.top]
    assert sorted(hanging[:, 0, 0]) == sorted(whole.x[tops])


def test_pruned_trees_keep_the_merges_of_the_whole_network():
    losses, ts, pairs = grown_network(40, 30, 2)
    barriers = minimax_matrix(losses, ts, pairs)
    tree = superbasin_tree(losses, ts, pairs, levels=None, lowest=7)
    kept = tree.minimum[tree.leaves].tolist()
    assert kept == np.argsort(losses)[:7].tolist()
    for a in kept:
        for b in kept:
            assert common_threshold(tree, a, b) == barriers[a, b]
    assert superbasin_tree(losses, ts, pairs, only=[5, 9]).size.tolist() == [1, 1, 2]


def test_minima_with_few_connections_are_taken_out_again_and_again():
    """A triangle with a tail of two: the tail goes link by link, the lowest minimum at its end stays."""
    losses = np.array([0.5, 0.6, 0.7, 0.8, 0.0])
    pairs = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4]])
    ts = np.full(5, 1.0)
    inside = superbasin_tree(losses, ts, pairs, root=0, min_connections=2)
    assert inside.minimum[inside.leaves].tolist() == [0, 1, 2]
    assert superbasin_tree(losses, ts, pairs, min_connections=3).minimum.tolist() == [4]


def test_ts_above_a_limit_and_merges_above_the_ladder_are_left_out():
    limited = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, highest_ts=1.5)
    assert limited.minimum[limited.leaves].tolist() == [0, 1, 2]
    apart = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, thresholds=[1.15, 1.05])
    assert apart.minimum[apart.leaves].tolist() == [0, 1, 2]
    assert np.flatnonzero(apart.parent < 0).size == 2


def test_ts_below_its_minimum_counts_as_high_as_the_minimum():
    tree = superbasin_tree(np.array([0.0, 1.0]), np.array([0.9]), np.array([[0, 1]]), levels=None)
    assert tree.loss.tolist() == [0.0, 1.0, 1.0]


@given(
    st.floats(-1e6, 1e6),
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6)),
    st.integers(2, 100),
)
def test_round_ladder_encloses_its_range(low, span, levels):
    high = low + span
    ladder = round_ladder(low, high, levels)
    assert 1 <= ladder.size <= levels
    assert ladder[0] > low
    assert ladder[-1] > high
    assert ladder.size == 1 or ladder[-2] <= high
    steps = np.diff(ladder)
    assert np.allclose(steps, steps[:1], rtol=1e-3)


def test_round_ladder_is_strictly_above_a_round_top():
    """0.3 / 0.1 rounds below 3: with the top at 0.3 instead of above it the last merge would be lost."""
    assert round_ladder(0.0, 0.9, 10).tolist() == [number / 10 for number in range(1, 11)]
    for number in range(1, 200):
        for levels in (4, 10, 40):
            ladder = round_ladder(0.0, number / 10, levels)
            assert ladder[-2] <= number / 10 < ladder[-1]


@settings(max_examples=60, deadline=None)
@given(networks(), LADDERS)
def test_barriers_to_the_lowest_leaf_are_exact_on_any_ladder(network, levels):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, levels=levels, unconnected=True)
    exact = minimax_matrix(losses, ts, pairs)[tree.minimum[0]]
    assert tree.barrier.tolist() == exact[tree.minimum[tree.leaves]].tolist()


@settings(max_examples=60, deadline=None)
@given(networks(largest=14, edges=20), LADDERS)
def test_columns_are_those_of_the_description(network, levels):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, levels=levels, unconnected=True, straight_trunk=False)
    best = np.searchsorted(losses[tree.minimum[tree.leaves]], losses[tree.lowest])
    assert tree.x.tolist() == columns(tree.parent, tree.size, best, LARGEST_LEAN).tolist()


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 9))
def test_monotonic_draws_the_bottoms_among_the_lowest(network, lowest):
    losses, ts, pairs = network
    tree = superbasin_tree(losses, ts, pairs, unconnected=True, monotonic=True, lowest=lowest)
    expected = bottoms(losses, pairs) & set(np.argsort(losses)[:lowest].tolist())
    assert set(tree.minimum[tree.leaves].tolist()) == expected


def test_along_a_property_leaves_stand_at_its_values():
    values = np.array([4.0, -2.0, 1.0, 8.0])
    tree = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, levels=None)
    assert tree.along(values).x.tolist() == [4.0, -2.0, 1.0, 8.0, 1.0, 1.0, 2.75]
    assert tree.along(values, "lowest").x.tolist() == [4.0, -2.0, 1.0, 8.0, 4.0, 4.0, 4.0]
    assert not tree.along(values).in_columns
    values[2] = np.nan
    with pytest.raises(ConfigError, match="minimum 2 has no finite value"):
        tree.along(values)


def test_one_minimum_is_a_line():
    tree = superbasin_tree(np.array([0.7]), np.empty(0), np.empty((0, 2)))
    assert tree.segments().shape == (1, 2, 2)
    assert tree.segments()[0, 1].tolist() == [0.5, 0.7]
    exact = superbasin_tree(np.array([0.0]), np.empty(0), np.empty((0, 2)), levels=None)
    assert exact.top > 0.0


def test_json_is_plain_and_complete():
    tree = superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, levels=None)
    document = json.loads(json.dumps(tree_as_json(tree)))
    assert document["schema_version"] == 1
    assert document["levels"] == [1.0, 1.5, 2.0]
    assert [node["parent"] for node in document["nodes"]] == [4, 4, 5, 6, 5, 6, None]
    assert [node["minimum"] for node in document["nodes"]] == [0, 1, 2, 3, None, None, None]
    assert [node["loss"] for node in document["nodes"]] == tree.loss.tolist()


@pytest.mark.parametrize("levels", [None, 40])
def test_ten_thousand_minima_in_less_than_two_seconds(levels):
    network = grown_network(10_000, 20_000, 3)
    start = time.perf_counter()
    tree = superbasin_tree(*network, levels=levels)
    assert time.perf_counter() - start < 2.0
    assert tree.leaves.size == 10_000


def test_a_chain_of_merges_needs_no_recursion():
    n = 5000
    pairs = np.stack([np.zeros(n - 1, dtype=np.int64), np.arange(1, n)], axis=1)
    tree = superbasin_tree(np.arange(n) * 1.0, np.arange(1, n) + 0.5, pairs, levels=None)
    assert tree.size.max() == n
    assert np.flatnonzero(tree.parent < 0).size == 1


def test_impossible_requests_are_refused():
    with pytest.raises(NothingFound, match="holds no minima"):
        superbasin_tree(np.empty(0), np.empty(0), np.empty((0, 2)))
    with pytest.raises(InputError, match="minimum 1 has the loss nan"):
        superbasin_tree(np.array([0.0, np.nan]), np.empty(0), np.empty((0, 2)))
    for wrong in ({"levels": 1}, {"lowest": 0}, {"root": 9}, {"only": [7]}, {"thresholds": []}):
        with pytest.raises(ConfigError):
            superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, **wrong)
    with pytest.raises(NothingFound, match="no minimum is left"):
        superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, thresholds=[-1.0])
