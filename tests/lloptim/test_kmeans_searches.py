"""Searches over the passes of a loss of pieces: connections, climbs, enumeration, verification."""

import dataclasses

import numpy as np
import pytest

from llcommon.errors import ConfigError
from llcommon.losses import build
from llcommon.losses._kmeans_ways import Way
from llcommon.records import Triple
from llcommon.status import Status
from llcommon.store import Landscape
from llcommon.verification import verify
from lloptim.connect import connect
from lloptim.saddles import SaddleSearch
from lloptim.singleended import ENUMERATED, PushJob, passes_from, pushes_from
from tests.llcommon.losses.cases import table
from tests.lloptim.problems import quenched, settings_of


@pytest.fixture(scope="module")
def landscape():
    """Some minima of 60 rows in four clusters."""
    rng = np.random.default_rng(0)
    settings = settings_of("kmeans", {"clusters": 4})
    model = build("kmeans", {"clusters": 4}, table(rng.standard_normal((60, 2))))
    landscape = Landscape(settings, model, model.data)
    for _ in range(12):
        landscape.add_minimum(quenched(model, settings, model.random_start(rng)))
    assert len(landscape.minima) > 3
    return landscape


def test_minima_are_connected_and_all_that_is_found_verifies(landscape):
    settings = landscape.settings
    for other in (1, 2, 3):
        connection = connect(landscape.model, settings, landscape.minimum(0), landscape.minimum(other))
        assert connection.connected
        assert connection.status is Status.CONVERGED
        found = connection.landscape
        report = verify(found, range(len(found.transition_states)))
        assert not report.failures
        assert report.checked["connection"] >= 1


def test_a_minimum_with_itself_brings_the_passes_around_it(landscape):
    model = landscape.model
    minimum = landscape.minimum(0)
    found = connect(model, landscape.settings, minimum, minimum).landscape
    around = model.pieces.passes_around(minimum.coordinates)
    assert around
    for point in around:
        state, mode, _ = model.pieces.transition_state_at(point, 1e-9)
        sides = model.pieces.sides(point, mode, 1000)
        if all(side.status is Status.CONVERGED for side in sides):
            assert found.find_transition_state(state.loss, point) is not None


def test_a_connection_has_the_same_bits_again(landscape):
    first, second = (
        connect(landscape.model, landscape.settings, landscape.minimum(0), landscape.minimum(3)).landscape
        for _ in range(2)
    )
    assert np.array_equal(first.transition_states.coordinates, second.transition_states.coordinates)
    assert np.array_equal(first.minima.coordinates, second.minima.coordinates)


def test_a_way_has_the_labels_and_slopes_of_the_loss(landscape):
    model = landscape.model
    first, second = (landscape.minima.coordinates[i].copy() for i in (0, 3))
    shape = model.pieces.shape
    way = Way(model.points, model.weights, first.reshape(shape), second.reshape(shape))
    for place in (0.0, 0.01, 0.5, 0.45, 0.451, 1.0, 0.2):
        way.go(place)
        x = first + place * (second - first)
        squares = ((model.points[:, None] - x.reshape(shape)) ** 2).sum(axis=2)
        assert np.array_equal(way.labels, squares.argmin(axis=1))
        assert way.slope == pytest.approx(model.value_and_gradient(x)[1] @ (second - first), rel=1e-9)


def test_steps_of_large_tables_lead_nearer_over_passes(landscape):
    """What tables that are too large to enumerate begin with."""
    pieces = landscape.model.pieces
    ends = landscape.minima.coordinates[:4]
    found = []
    for first in ends:
        for second in ends:
            second = landscape.model.align(first, second)
            goal = pieces._assignment(second)[0]
            apart = np.count_nonzero(pieces._assignment(first.copy())[0] != goal)
            for point in pieces._steps(first.copy(), second):
                state, mode, status = pieces.transition_state_at(point, 1e-9)
                assert status is Status.CONVERGED
                sides = [pieces._assignment(side.coordinates)[0] for side in pieces.sides(point, mode, 1000)]
                nearest = min(np.count_nonzero(labels != goal) for labels in sides)
                assert nearest < apart
                apart = nearest
                found.append(state)
    assert found


def test_enumeration_and_pushes_give_triples(landscape):
    points = {i: landscape.minima.coordinates[i].copy() for i in range(3)}
    pushes = passes_from(landscape.model, points) + pushes_from([0, 1], random=3, soft=1)
    assert pushes[0].kind == ENUMERATED
    result = Landscape(landscape.settings, landscape.model, landscape.data)
    job = PushJob(landscape, landscape.settings, pushes, result)
    assert job.run(1, lambda: False, lambda done: None) == len(pushes)
    enumerated = [row for row in job.rows if row.push.kind == ENUMERATED]
    assert all(row.status in (Status.CONVERGED, Status.FLAT) for row in enumerated)
    others = [row for row in job.rows if row.push.kind != ENUMERATED]
    assert sum(row.status is Status.CONVERGED for row in others) >= len(others) // 2
    assert not verify(result, range(len(result.transition_states))).failures


def test_smooth_models_have_nothing_to_enumerate():
    model = build("himmelblau", {})
    with pytest.raises(ConfigError, match="himmelblau cannot be enumerated; use --random or --soft"):
        passes_from(model, {0: np.zeros(2)})


def test_what_is_known_is_not_verified_again(landscape):
    search = SaddleSearch(landscape.model, landscape.settings)
    x = landscape.minima.coordinates[0].copy()
    direction = np.eye(landscape.model.dimension)[0]
    found = search.search(x, direction)
    assert found.transition_state is not None
    again = search.search(x, direction, lambda loss, point: True)
    assert again.status is Status.DUPLICATE


def test_verification_finds_what_is_no_pass(landscape):
    model = landscape.model
    point = model.pieces.passes_around(landscape.minima.coordinates[0].copy())[0]
    state, mode, _ = model.pieces.transition_state_at(point, 1e-9)
    sides = model.pieces.sides(point, mode, 99)
    plus, minus = (quenched(model, landscape.settings, side.coordinates) for side in sides)
    beside = point + 1e-3 * mode
    moved = dataclasses.replace(state, coordinates=beside, loss=model.value(beside))
    wrong = Landscape(landscape.settings, model, landscape.data)
    wrong.add_triple(Triple(plus, moved, minus))
    problems = [failure.problem for failure in verify(wrong, [0]).failures]
    assert problems == ["it does not lie on as many creases of the loss as it should, none or one"]
