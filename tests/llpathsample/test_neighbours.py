"""Shortlists of neighbours, and the network that is kept up: the same as what is made anew."""

import numpy as np
import pytest

from llpathsample.neighbours import NearestMembers, Neighbours
from llpathsample.network import components
from tests.llcommon.losses.cases import MLP_CASES
from tests.llpathsample.growing_standin import add_states, landscape_of, network_of

CASE = next(case for case in MLP_CASES if case.hidden_layers == 1)


def made_up(number: int, **grow):
    """Minima of a perceptron that lie in clusters, under random symmetry images."""
    model = CASE.build()
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((4, model.dimension))
    points = [centres[k % 4] + 0.1 * rng.standard_normal(model.dimension) for k in range(number)]
    images = [model.random_image(x, rng) for x in points]
    return landscape_of(np.arange(number), images, model, **grow)


def by_definition(neighbours, minimum, candidates, count):
    ranked = sorted((neighbours.distance(minimum, int(other)), int(other)) for other in candidates)
    return ranked[:count]


def test_few_candidates_are_all_aligned():
    neighbours = Neighbours(made_up(20, shortlist=64))
    others = np.arange(1, 20)
    assert neighbours.nearest(0, others, 5) == by_definition(neighbours, 0, others, 5)


def test_a_shortlist_finds_the_nearest_of_clusters():
    neighbours = Neighbours(made_up(60), shortlist=20)
    for minimum in range(0, 60, 7):
        others = np.delete(np.arange(60), minimum)
        assert neighbours.nearest(minimum, others, 5) == by_definition(neighbours, minimum, others, 5)


def test_distances_are_the_same_in_either_order():
    neighbours = Neighbours(made_up(6))
    assert all(neighbours.distance(a, b) == neighbours.distance(b, a) for a in range(6) for b in range(a))


@pytest.mark.parametrize("shortlist", [1, 4, 64])
@pytest.mark.parametrize("lower", [False, True])
def test_members_that_come_later_change_what_they_should(shortlist, lower):
    landscape = made_up(40)
    losses = landscape.minima.loss
    neighbours = Neighbours(landscape, shortlist)
    suits = (lambda minimum, members: losses[members] < losses[minimum]) if lower else None
    members = NearestMembers(neighbours, suits)
    rng = np.random.default_rng(2)
    waiting = rng.permutation(40)
    told = {}
    while len(waiting):
        new, waiting = np.sort(waiting[:7]), waiting[7:]
        changed = members.add(new)
        anew = NearestMembers(neighbours, suits)
        anew.add(members.members)
        for minimum in range(40):
            now = members.nearest(minimum, 3)
            assert now == anew.nearest(minimum, 3)
            assert now == told.get(minimum, now) or minimum in changed
            told[minimum] = now
    members.forget([0])
    assert members.nearest(0, 3) == told[0]


def test_a_model_without_embedding_aligns_all(monkeypatch):
    landscape = made_up(30)
    monkeypatch.setattr(type(landscape.model), "embedding", lambda self, x: None)
    members = NearestMembers(Neighbours(landscape, 2))
    members.add(np.arange(10))
    assert members.nearest(3, 9) == by_definition(members.neighbours, 3, np.delete(np.arange(10), 3), 9)
    members.add(np.arange(10, 30))
    assert members.nearest(3, 30) == by_definition(members.neighbours, 3, np.delete(np.arange(30), 3), 30)


def test_a_network_is_kept_up_as_points_are_added():
    rng = np.random.default_rng(4)
    landscape = landscape_of(np.arange(300), 100.0 * rng.random((300, 2)))
    network = network_of(landscape)
    for portion in (1, 3, 100, 2, 70):
        add_states(landscape, 1e3 + rng.random(portion), rng.integers(0, 300, (portion, 2)))
        network.update()
        numbers = components(300, landscape.transition_states.minima)
        assert (np.unique(network.labels, return_inverse=True)[1] == numbers).all()
        assert network.components() == numbers.max() + 1
        anew = network_of(landscape)
        assert anew.labels.tolist() == network.labels.tolist()
        ends = {tuple(sorted(pair)) for pair in landscape.transition_states.minima.tolist() if pair[0] != pair[1]}
        assert {(a, b) for a in range(300) for b in network.partners(a) if a < b} == ends
        degrees = np.bincount(np.array(sorted(ends)).ravel(), minlength=300)
        assert network.below_degree(2).tolist() == np.flatnonzero(degrees < 2).tolist()
    assert not network.one_component()
    add_states(landscape, np.full(299, 2e3), [(0, k) for k in range(1, 300)])
    network.update()
    assert network.one_component()
