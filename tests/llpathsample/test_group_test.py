"""Groups of minima: what is found and what is not, by permutation of their labels."""

from itertools import permutations

import numpy as np
import pytest

from llpathsample.interpreting.consensus import consensus
from llpathsample.interpreting.groups import funnel_bottoms, grouped, groups_of
from llpathsample.interpreting.grouptest import group_test
from llpathsample.properties import property_of
from tests.planted import DIFFERING, planted

RNG = np.random.default_rng


def naive_statistics(points, labels, sets):
    """`between` and `conserved` as they are defined."""
    between, conserved = [], []
    for places in sets:
        own = points[:, places]
        total = ((own - own.mean(axis=0)) ** 2).sum()
        groups = [own[labels == group] for group in np.unique(labels)]
        within = [((group - group.mean(axis=0)) ** 2).sum() for group in groups]
        between.append(1.0 - sum(within) / total)
        shares = [square / (len(group) - 1) for square, group in zip(within, groups, strict=True)]
        conserved.append([1.0 - share / (total / (len(points) - 1)) for share in shares])
    return np.array(between), np.array(conserved).T


def naive_step_down(observed, drawn):
    """p values of Westfall and Young; drawn: (permutations, variables)."""
    order = np.argsort(-observed)
    p, last = np.empty(len(order)), 0.0
    for rank, variable in enumerate(order):
        reached = drawn[:, order[rank:]].max(axis=1) >= observed[variable] - 1e-9
        last = p[variable] = max(last, reached.mean())
    return p


@pytest.mark.parametrize("sets", [None, [np.array([0, 2]), np.array([1, 2, 3])]])
def test_the_exact_test_is_that_of_all_permutations(sets):
    points = RNG(0).normal(size=(6, 4)) + np.array([[0.0, 2.0, 0.0, 0.0]]) * np.array([[0, 0, 1, 1, 1, 0]]).T
    labels = np.array([0, 0, 1, 1, 1, 0])
    found = group_test(points, labels, 1000, RNG(0), sets)
    assert (found.permutations, found.exact) == (20, True)
    given = sets or [np.array([place]) for place in range(4)]
    every = [naive_statistics(points, np.array(order), given) for order in sorted(set(permutations(labels)))]
    between, conserved = naive_statistics(points, labels, given)
    np.testing.assert_allclose(found.between, between)
    np.testing.assert_allclose(found.conserved, conserved)
    np.testing.assert_allclose(found.f, between / ((1.0 - between) / 4.0))
    np.testing.assert_allclose(found.p, naive_step_down(between, np.array([one[0] for one in every])))
    for group in range(2):
        drawn = np.array([one[1][group] for one in every])
        expected = np.minimum(1.0, 2.0 * naive_step_down(conserved[group], drawn))
        np.testing.assert_allclose(found.conserved_p[group], expected)


def test_a_random_sample_comes_near_to_all_permutations():
    points = RNG(1).normal(size=(8, 3))
    labels = np.repeat([0, 1], 4)
    exact, drawn = (group_test(points, labels, number, RNG(2)) for number in (100, 69))
    assert exact.exact and not drawn.exact
    np.testing.assert_allclose(drawn.p, exact.p, atol=0.2)
    again = group_test(points, labels, 69, RNG(2))
    assert np.array_equal(again.p, drawn.p) and np.array_equal(again.conserved_p, drawn.conserved_p)


def test_true_null_hypotheses_are_rejected_as_often_as_promised():
    rng = RNG(4)
    least = []
    for _ in range(150):
        # Heavy tails, and variables that hang together.
        points = rng.standard_t(2, size=(12, 6)) @ rng.normal(size=(6, 6))
        found = group_test(points, np.repeat([0, 1, 2], [6, 3, 3]), 99, rng)
        least.append((found.p.min(), found.conserved_p.min()))
    rejected = (np.array(least) <= 0.2).mean(axis=0)
    assert (rejected <= 0.2 + 3.0 * np.sqrt(0.2 * 0.8 / 150)).all()
    assert rejected[0] > 0.05  # nor is it never


def test_what_does_not_vary_has_no_p_value_and_one_group_has_none_at_all():
    points = RNG(0).normal(size=(7, 3))
    points[:, 1] = 1.0 / 3.0
    found = group_test(points, np.array([0, 0, 0, 1, 1, 1, 2]), 50, RNG(0))
    assert np.isnan(found.p[1]) and np.isfinite(found.p[[0, 2]]).all()
    assert np.isnan(found.conserved_p[2]).all()  # a group of one
    np.testing.assert_allclose(found.mean[:, 1], 1.0 / 3.0)
    alone = group_test(points, np.zeros(7, dtype=np.int64), 50, RNG(0))
    assert np.isnan(alone.p).all() and np.isnan(alone.conserved_p).all()
    np.testing.assert_allclose(alone.spread[0], points.std(axis=0, ddof=1), atol=1e-12)


# --- planted funnels ------------------------------------------------------------------------------


def outcome(landscape, permutations=999):
    groups = groups_of(landscape, "funnels", 2.0)
    together = consensus(landscape.model, landscape.minima.coordinates, 0)
    units = landscape.model.units()
    return groups, together, group_test(together.points, groups.labels, permutations, RNG(1), units)


def test_the_unit_that_differs_between_planted_funnels_is_found():
    landscape = planted()
    groups, together, found = outcome(landscape)
    assert groups.names == ("0", "1")
    assert groups.labels.tolist() == [0, 1] * 5
    assert together.settled and np.array_equal(together.points[0], landscape.minima.coordinates[0])
    assert found.p[DIFFERING] == pytest.approx(2 / 252)  # the labels and their exchange, of 10! / 5! 5!
    assert np.delete(found.p, DIFFERING).min() > 0.05
    assert found.between[DIFFERING] > 0.9


def test_trees_can_be_coloured_by_funnel():
    assert property_of(planted(), "funnel").values.tolist() == [0, 1] * 5


def test_a_funnel_that_agrees_with_itself_is_told_from_one_that_does_not():
    landscape = planted(differ=False, noise=0.5, size=8)
    base = landscape.minima.coordinates[0].copy()
    rng = RNG(5)
    points = np.array(landscape.minima.coordinates)
    for number in range(0, 16, 2):
        points[number] = landscape.model.random_image(base + 0.01 * rng.normal(size=len(base)), rng)
    labels = np.arange(16) % 2
    together = consensus(landscape.model, points, 0)
    found = group_test(together.points, labels, 999, RNG(1), landscape.model.units())
    assert (found.conserved_p[0] <= 0.01).all() and (found.conserved_p[1] > 0.05).all()


def test_images_of_the_minima_make_no_difference():
    landscape = planted(noise=0.2)
    points = np.array(landscape.minima.coordinates)
    rng = RNG(8)
    images = np.array([landscape.model.random_image(point, rng) for point in points])
    images[0] = points[0]
    mine, theirs = (consensus(landscape.model, table, 0) for table in (points, images))
    np.testing.assert_allclose(mine.points, theirs.points, atol=1e-12)
    # Another image of the first gives the units other numbers, and nothing else.
    images[0] = landscape.model.random_image(points[0], rng)
    turned = consensus(landscape.model, images, 0)
    assert turned.spread == pytest.approx(mine.spread)
    back = landscape.model.carried(mine.points[0], turned.points[0], turned.points)
    np.testing.assert_allclose(back, mine.points, atol=1e-12)
    assert mine.spread <= mine.first_spread


# --- groups ---------------------------------------------------------------------------------------


def test_funnels_take_in_what_is_behind_low_barriers():
    # A typical step is 0.25. From 1 and 3 the barriers to lower minima are 2.3 and 0.2, from 2 it is 7, from 4 0.2.
    losses = np.array([0.0, 1.0, 2.0, 3.0, 3.5])
    ts_losses = np.array([3.2, 3.3, 9.0, 3.7])
    ends = np.array([[1, 3], [3, 0], [2, 0], [2, 4]])
    assert funnel_bottoms(losses, ts_losses, ends, 0.0).tolist() == [0, 1, 2, 3, 4]
    assert funnel_bottoms(losses, ts_losses, ends, 2.0).tolist() == [0, 1, 2, 1, 2]
    assert funnel_bottoms(losses, ts_losses, ends, 20.0).tolist() == [0, 0, 2, 0, 2]
    assert funnel_bottoms(losses, ts_losses, ends, 30.0).tolist() == [0] * 5
    lonely = funnel_bottoms(losses, ts_losses[:0], ends[:0], 1.0)
    assert lonely.tolist() == [0, 1, 2, 3, 4]


def test_groups_are_numbered_by_their_lowest_minima():
    groups = grouped(np.array([0, 2, 3, 5]), ["a", "b", "b", "a"], np.array([3.0, 9.0, 1.0, 2.0, 9.0, 4.0]))
    assert (groups.names, groups.labels.tolist(), groups.sizes.tolist()) == (("b", "a"), [1, 0, 0, 1], [2, 2])
    low = groups.lowest(np.array([3.0, 9.0, 1.0, 2.0, 9.0, 4.0]), 3)
    assert (low.ids.tolist(), low.names, low.labels.tolist()) == ([0, 2, 3], ("b", "a"), [1, 0, 0])
    large = low.of_at_least(2)
    assert (large.ids.tolist(), large.names, large.labels.tolist()) == ([2, 3], ("b",), [0, 0])
