"""Elimination against naive twins: the order, sparse and dense, numbers and logarithms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llpathsample.kinetics._edges import unique_pairs
from llpathsample.kinetics._exponentials import exponential, logarithm
from llpathsample.kinetics._ordering import minimum_degree
from llpathsample.kinetics.elimination import LINEAR, LOGARITHMIC, eliminate, plan


def connected_pairs(rng, count, more):
    """A tree and some pairs more, each once."""
    tree = np.column_stack([np.arange(1, count), (rng.random(count - 1) * np.arange(1, count)).astype(int)])
    extra = rng.integers(0, count, (more, 2))
    pairs = np.sort(np.vstack([tree, extra[extra[:, 0] != extra[:, 1]]]), axis=1)
    return np.unique(pairs, axis=0)


def eliminated(pairs, conductances, capacities, kept):
    """Naive twin: conductances between kept nodes, capacities of these, and a function that extends values."""
    count = len(capacities)
    w = np.zeros((count, count))
    w[pairs[:, 0], pairs[:, 1]] = w[pairs[:, 1], pairs[:, 0]] = conductances
    c = capacities.copy()
    left = list(range(count))
    steps = []
    for x in sorted(set(range(count)) - set(kept.tolist())):
        left.remove(x)
        p = w[x, left] / w[x, left].sum()
        steps.append((x, list(left), p, c[x] / w[x, left].sum()))
        w[np.ix_(left, left)] += np.outer(w[left, x], p)
        np.fill_diagonal(w, 0.0)
        c[left] += c[x] * p
    def extended(values, timed):
        values = values.copy()
        for x, others, p, wait in reversed(steps):
            values[x] = p @ values[others] + (wait if timed else 0.0)
        return values

    return w, c, extended


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 30), st.integers(0, 60), st.sampled_from([0.0, 0.2, 1.0]))
def test_elimination_is_that_of_the_naive_twin(seed, count, more, share):
    rng = np.random.default_rng(seed)
    pairs = connected_pairs(rng, count, more)
    conductances, capacities = np.exp(3.0 * rng.normal(size=len(pairs))), np.exp(3.0 * rng.normal(size=count))
    kept = np.sort(rng.permutation(count)[: rng.integers(1, count)])
    graph = plan(count, pairs, kept, share)
    w, c, extend = eliminated(pairs, conductances, capacities, kept)
    values = rng.random(count)
    for arithmetic, into, out in ((LINEAR, np.array, np.array), (LOGARITHMIC, np.log, np.exp)):
        found = eliminate(graph, arithmetic, into(conductances), into(capacities))
        between = np.zeros((count, count))
        between[graph.pairs[:, 0], graph.pairs[:, 1]] = out(found.conductances)
        between += between.T
        np.testing.assert_allclose(between[np.ix_(kept, kept)], w[np.ix_(kept, kept)], rtol=1e-12)
        np.testing.assert_allclose(out(found.capacities)[kept], c[kept], rtol=1e-12)
        for timed in (False, True):
            np.testing.assert_allclose(out(found.extended(into(values), timed)), extend(values, timed), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(0, 80))
def test_the_node_with_the_fewest_neighbours_goes_first(seed, count, more):
    rng = np.random.default_rng(seed)
    pairs = connected_pairs(rng, count, more)
    neighbours = [set() for _ in range(count)]
    for i, j in pairs.tolist():
        neighbours[i].add(j)
        neighbours[j].add(i)
    kept = (rng.random(count) < 0.2).astype(np.int64)
    kept[0] = 1
    starts = np.concatenate([[0], np.cumsum([len(found) for found in neighbours])])
    order, eliminated_count, row_starts, rows = minimum_degree(
        starts, np.array([j for found in neighbours for j in sorted(found)]), kept, 2.0
    )
    assert sorted(order.tolist()) == list(range(count))
    assert eliminated_count == count - kept.sum()
    left = set(range(count)) - set(np.flatnonzero(kept).tolist())
    for place in range(eliminated_count):
        x = int(order[place])
        assert len(neighbours[x]) == min(len(neighbours[y]) for y in left)
        assert sorted(rows[row_starts[place] : row_starts[place + 1]].tolist()) == sorted(neighbours[x])
        left.remove(x)
        for i in neighbours[x]:
            neighbours[i] = (neighbours[i] | neighbours[x]) - {i, x}


@pytest.mark.parametrize("spread", [1.0, 40.0, 600.0])
def test_large_dense_blocks_agree(spread):
    """Over several panels and blocks; the widest spread leaves the doubles inside of a product."""
    rng = np.random.default_rng(5)
    count = 330
    pairs = connected_pairs(rng, count, 3 * count)
    conductances, capacities = spread * rng.random(len(pairs)), spread * rng.random(count)
    kept = np.array([3, 100, 329])
    values = np.log(rng.random(count))
    results = []
    for arithmetic, share in ((LOGARITHMIC, 2.0), (LOGARITHMIC, 0.0), (LINEAR, 0.0), (LINEAR, 0.1)):
        into = np.array if arithmetic.logarithmic else np.exp
        graph = plan(count, pairs, kept, share)
        assert bool(graph.dense) == (share < 2.0)
        found = eliminate(graph, arithmetic, into(conductances), into(capacities))
        order = np.lexsort(np.sort(graph.pairs, axis=1).T)
        times = arithmetic.logarithms(found.extended(into(values), True))
        results.append(
            np.concatenate([arithmetic.logarithms(found.conductances)[order], times,
                            arithmetic.logarithms(found.capacities)[kept]])
        )  # fmt: skip
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("spread", [3000.0, 30000.0])
def test_cold_dense_blocks_agree(spread):
    rng = np.random.default_rng(6)
    count = 230
    pairs = connected_pairs(rng, count, 3 * count)
    conductances, capacities = spread * rng.random(len(pairs)), spread * rng.random(count)
    kept = np.array([0, 200])
    results = []
    for share in (2.0, 0.0, 0.15):
        found = eliminate(plan(count, pairs, kept, share), LOGARITHMIC, conductances, capacities)
        results.append(np.concatenate([found.conductances, found.extended(np.full(count, -np.inf), True)]))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-14, atol=1e-11)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 40))
def test_pairs_are_those_that_sorting_finds(seed, count, rows):
    ends = np.random.default_rng(seed).integers(0, count, (rows, 2))
    pairs, places = unique_pairs(np.asfortranarray(ends), count)
    outer = ends[:, 0] != ends[:, 1]
    expected, found = np.unique(np.sort(ends[outer], axis=1), axis=0, return_inverse=True)
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_array_equal(places[outer], found.ravel())
    assert (places[~outer] == -1).all()


def test_exponential_and_logarithm_are_those_of_the_library():
    rng = np.random.default_rng(7)
    for x in np.concatenate([-700.0 * rng.random(200), rng.random(50), [0.0, -1e-300]]).tolist():
        assert exponential(x) == pytest.approx(np.exp(x), rel=1e-15)
        assert logarithm(np.exp(x)) == pytest.approx(np.log(np.exp(x)), rel=3e-16, abs=3e-16)
    assert exponential(-np.inf) == exponential(-700.0)
