"""Down both sides of a transition state: the two minima that are known to lie there."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.errors import ConfigError
from llcommon.optimise.downhill import Downhill, path_bend, push_off
from llcommon.optimise.points import transition_state_at
from llcommon.optimise.steepest import descend
from llcommon.records import TransitionState
from llcommon.settings import ConnectSettings, CurvatureSettings, Settings
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known, settings
from tests.lloptim.problems import BOXED, stationary_of
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


def whole(downhill="auto", **quench):
    """All settings, for a push-off of 0.02."""
    connect = ConnectSettings(pushoff=0.02, downhill=downhill)
    return Settings("any", {}, quench=settings(**quench), connect=connect)


def state_of(model, number):
    x, _ = known(model, 1)[number]
    state, mode, status = transition_state_at(model, x, 1e-7)
    assert status is Status.CONVERGED
    return state, mode


def nearest_minimum(model, x):
    distances = [np.linalg.norm(place - x) for place, _ in known(model, 0)]
    return int(np.argmin(distances)), min(distances)


@pytest.mark.parametrize("way", ["quench", "steepest-descent", "auto"])
@pytest.mark.parametrize(("name", "number", "expected"), CONNECTIONS)
def test_known_sides(name, number, expected, way):
    model = losses.build(name, {})
    state, mode = state_of(model, number)
    downhill = Downhill(model, whole(way))
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
    downhill = Downhill(model, whole())
    for number in range(len(known(model, 1))):
        state, mode = state_of(model, number)
        for sign, side in zip((1.0, -1.0), downhill.both_sides(state, mode), strict=True):
            start = state.coordinates + 1e-3 * sign * mode
            flow = gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3)
            assert side.minimum.coordinates == pytest.approx(flow.y[:, -1], abs=1e-4)


def test_plus_is_along_the_mode():
    model = losses.build("double-well", {"dimension": 4})
    state, mode = state_of(model, 0)
    plus, minus = Downhill(model, whole()).both_sides(state, mode)
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
    side = Downhill(model, whole()).side(state, np.array([0.0, 1.0]))
    assert (side.minimum, side.status) == (None, Status.NO_DESCENT)


def test_a_side_without_a_minimum_says_why():
    """The endless slope: the run downhill leaves the radius, and no minimum is made up."""
    model = Awkward(Awkward.SLOPE)
    state = TransitionState(0.0, np.zeros(2), 0.0, 0.0, -1.0, 1.0)
    side = Downhill(model, whole(radius=10.0)).side(state, np.array([-1.0, 0.0]))
    assert (side.minimum, side.status) == (None, Status.LEFT_RADIUS)


def test_steepest_descent_knows_no_large_box():
    model = losses.build("double-well", {"dimension": 200, "lower": [-2.0], "upper": [2.0]})
    with pytest.raises(ConfigError, match="knows no bounds"):
        Downhill(model, whole("steepest-descent"))


def _projected_descent(model, start):
    """Explicit Euler steps of the projected flow, so short that only their number matters."""
    lower, upper = model.bounds()
    x = np.array(start)
    for _ in range(40_000):
        before = x
        x = np.clip(x - 2e-4 * model.value_and_gradient(x)[1], lower, upper)
        if np.abs(x - before).max() < 1e-9:  # of a slope of 5e-6: far nearer than is asked
            break
    return x


@pytest.mark.parametrize(("name", "lower", "upper"), BOXED[:3] + BOXED[5:])
def test_in_a_box_it_is_the_projected_flow(name, lower, upper):
    """Both sides of every saddle, on a side of the box or not, end where short projected steps end."""
    model = losses.build(name, {"lower": lower, "upper": upper})
    down = Downhill(model, whole())
    _, saddles = stationary_of(name, lower, upper)
    assert saddles
    for saddle in saddles:
        state, mode, status = transition_state_at(model, saddle.x, 1e-6)
        assert status is Status.CONVERGED
        for direction in (mode, -mode):
            side = down.side(state, direction)
            expected = _projected_descent(model, state.coordinates + 0.02 * direction)
            assert side.status is Status.CONVERGED
            assert side.minimum.coordinates == pytest.approx(expected, abs=1e-3)


def _off_the_path(model, state, mode, length, bend):
    """Distance of a push-off from the point of the steepest-descent path (SciPy) that is as far from the saddle."""
    start = state.coordinates + 1e-5 * mode
    flow = gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3)
    point = push_off(model, state, mode, length, bend)
    distances = np.linalg.norm(flow.y - state.coordinates[:, None], axis=0)
    place = [np.interp(np.linalg.norm(point - state.coordinates), distances[:200], row[:200]) for row in flow.y]
    return np.linalg.norm(point - place)


@pytest.mark.parametrize(("name", "number"), [("mueller-brown", 0), ("mueller-brown", 1), ("himmelblau", 2)])
def test_push_off_of_second_order_stays_on_the_path(name, number):
    model = losses.build(name, {})
    state, mode = state_of(model, number)
    bend = path_bend(model, state, mode)
    assert abs(bend @ mode) < 1e-9 * np.linalg.norm(bend)
    for length in (0.01, 0.02):
        straight = _off_the_path(model, state, mode, length, None)
        bent = _off_the_path(model, state, mode, length, bend)
        assert bent < 0.3 * straight


def test_bend_solves_its_equation():
    """(2 l - H) bend = T v v across the mode, with a dense Hessian and its plain differences."""
    model = losses.build("mueller-brown", {})
    state, mode = state_of(model, 0)
    third = (model.hessian(state.coordinates + 1e-4 * mode) - model.hessian(state.coordinates - 1e-4 * mode)) / 2e-4
    across = np.array([-mode[1], mode[0]])
    curvature = across @ model.hessian(state.coordinates) @ across
    expected = (across @ third @ mode) / (2.0 * state.negative_eigenvalue - curvature)
    assert path_bend(model, state, mode) @ across == pytest.approx(expected, rel=1e-4)


def test_descent_in_krylov_spaces_is_that_of_the_whole_hessian():
    model = losses.build("double-well", {"dimension": 60})
    rng = np.random.default_rng(3)
    start = 0.3 * rng.standard_normal(60)
    dense = descend(model, start, 0.1, 1e-8, CurvatureSettings())
    krylov = descend(model, start, 0.1, 1e-8, CurvatureSettings(dense_limit=10))
    assert dense.status is krylov.status is Status.CONVERGED
    assert krylov.points[-1] == pytest.approx(dense.points[-1], abs=1e-6)
    assert krylov.arcs[-1] == pytest.approx(dense.arcs[-1], rel=1e-3)


def test_beside_a_saddle_the_way_goes_on():
    model = losses.build("six-hump-camel", {})
    downhill = Downhill(model, whole())
    saddle, _ = known(model, 1)[0]
    state, mode = state_of(model, 0)
    beside = downhill._leave_saddle(saddle, state.loss, state.rms)
    assert model.value(beside) < state.loss
    assert abs((beside - saddle) @ mode) > 0.01
    minimum, _ = known(model, 0)[0]
    assert downhill._leave_saddle(minimum, model.value(minimum), 0.0) is None
