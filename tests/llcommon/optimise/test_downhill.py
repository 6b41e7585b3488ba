"""Down both sides of a transition state: the two minima that are known to lie there."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.downhill import Downhill, push_off
from llcommon.optimise.points import transition_state_at
from llcommon.records import TransitionState
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known, settings
from tests.reference.optimise import gradient_flow

# Saddle number and the numbers of its two minima, in the order of `known_points`.
CONNECTIONS = [
    ("mueller-brown", 0, {1, 2}),
    ("mueller-brown", 1, {0, 2}),
    ("himmelblau", 0, {0, 1}),
    ("himmelblau", 1, {0, 3}),
    ("himmelblau", 2, {2, 3}),
    ("himmelblau", 3, {1, 2}),
    ("double-well", 0, {0, 1}),
]


def state_of(model, number):
    x, _ = known(model, 1)[number]
    state, mode, status = transition_state_at(model, x, 1e-7)
    assert status is Status.CONVERGED
    return state, mode


def nearest_minimum(model, x):
    distances = [np.linalg.norm(place - x) for place, _ in known(model, 0)]
    return int(np.argmin(distances)), min(distances)


@pytest.mark.parametrize(("name", "number", "expected"), CONNECTIONS)
def test_known_sides(name, number, expected):
    model = losses.build(name, {})
    state, mode = state_of(model, number)
    downhill = Downhill(model, settings(), pushoff=0.02)
    sides = downhill.both_sides(state, mode)
    reached = []
    for side in sides:
        assert side.status is Status.CONVERGED
        assert side.evaluations > 0
        assert side.minimum.loss < state.loss
        which, distance = nearest_minimum(model, side.minimum.coordinates)
        assert distance < 1e-8
        reached.append(which)
    assert set(reached) == expected
    swapped = downhill.both_sides(state, -mode)
    assert [side.minimum.loss for side in swapped] == [side.minimum.loss for side in reversed(sides)]


@pytest.mark.parametrize("name", ["mueller-brown", "six-hump-camel", "himmelblau", "double-well"])
def test_as_gradient_flow(name):
    """Both sides of every known saddle, against an integration of dx/dt = -gradient by SciPy."""
    model = losses.build(name, {})
    downhill = Downhill(model, settings(), pushoff=0.02)
    for number in range(len(known(model, 1))):
        state, mode = state_of(model, number)
        for sign, side in zip((1.0, -1.0), downhill.both_sides(state, mode), strict=True):
            start = state.coordinates + 1e-3 * sign * mode
            flow = gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3)
            assert side.minimum.coordinates == pytest.approx(flow.y[:, -1], abs=1e-4)


def test_plus_is_along_the_mode():
    model = losses.build("double-well", {"dimension": 4})
    state, mode = state_of(model, 0)
    plus, minus = Downhill(model, settings(), pushoff=0.02).both_sides(state, mode)
    assert mode[0] == 1.0
    assert plus.minimum.coordinates[0] == pytest.approx(1.0, abs=1e-9)
    assert minus.minimum.coordinates[0] == pytest.approx(-1.0, abs=1e-9)


@pytest.mark.parametrize("length", [1e-7, 1e-3, 0.1])
def test_push_off_is_downhill_and_along_the_direction(length):
    """A displacement too small for the loss to show it is doubled until it does."""
    model = losses.build("himmelblau", {})
    state, mode = state_of(model, 3)
    for direction in (mode, -mode):
        point = push_off(model, state, direction, length)
        moved = point - state.coordinates
        assert model.value(point) < state.loss
        assert np.linalg.norm(moved) >= length * (1 - 1e-6)
        assert moved @ direction == pytest.approx(np.linalg.norm(moved), rel=1e-6)
        if length >= 1e-3:
            assert np.linalg.norm(moved) == pytest.approx(length, rel=1e-9)


def test_uphill_there_is_no_push_off():
    model = losses.build("double-well", {})
    state, _ = state_of(model, 0)
    assert push_off(model, state, np.array([0.0, 1.0]), 0.02) is None
    side = Downhill(model, settings(), 0.02).side(state, np.array([0.0, 1.0]))
    assert (side.minimum, side.status) == (None, Status.NO_DESCENT)


def test_a_side_without_a_minimum_says_why():
    """The endless slope: the run downhill leaves the radius, and no minimum is made up."""
    model = Awkward(Awkward.SLOPE)
    state = TransitionState(0.0, np.zeros(2), 0.0, 0.0, -1.0, 1.0)
    side = Downhill(model, settings(radius=10.0), 0.02).side(state, np.array([-1.0, 0.0]))
    assert (side.minimum, side.status) == (None, Status.LEFT_RADIUS)
