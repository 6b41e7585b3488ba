"""Steepest-descent paths: monotonic, at least as long as the crow flies, and those that SciPy integrates."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.errors import NothingFound
from llcommon.optimise import steepest
from llcommon.optimise.points import transition_state_at
from lloptim.pathway import Pathway, steepest_descent_path
from tests.llcommon.losses.cases import xor_table
from tests.lloptim.problems import network, quenched
from tests.reference.optimise import gradient_flow, polyline_distance

SURFACES = ["mueller-brown", "six-hump-camel", "himmelblau", "double-well"]


def saddles(model):
    for x, _, index in model.known_points():
        if index == 1:
            state, mode, _ = transition_state_at(model, x, 1e-7)
            yield state, mode


def path_of(model, state, mode, step=0.1):
    return steepest_descent_path(model, state, mode, 0.02, step, 1e-9)


@pytest.mark.parametrize("step", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("name", SURFACES)
def test_laws_of_a_path(name, step):
    model = losses.build(name, {})
    minima = np.array([x for x, _, index in model.known_points() if index == 0])
    for state, mode in saddles(model):
        path = path_of(model, state, mode, step)
        top = int(np.flatnonzero(path.arc_length == 0.0)[0])
        assert (path.points[top] == state.coordinates).all()
        assert path.losses[top] == state.loss
        # Uphill to the transition state, downhill from there, arc length growing all the way.
        assert (np.diff(path.losses[: top + 1]) > 0.0).all()
        assert (np.diff(path.losses[top:]) < 0.0).all()
        assert (np.diff(path.arc_length) > 0.0).all()
        chords = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
        assert (np.diff(path.arc_length) >= chords * (1 - 1e-4) - 1e-12).all()
        assert path.length >= path.displacement * (1 - 1e-9)
        assert path.losses == pytest.approx(np.array([model.value(x) for x in path.points]), abs=1e-10)
        for end in (path.points[0], path.points[-1]):
            assert np.linalg.norm(minima - end, axis=1).min() < 1e-6
        plus = path.points[top - 1] - state.coordinates
        assert plus @ mode > 0.0


@pytest.mark.parametrize("name", ["mueller-brown", "himmelblau"])
def test_as_scipy_integrates_it(name):
    """Points of the path on the curve of dx/dt = -gradient, its arc length that of the curve."""
    model = losses.build(name, {})
    for state, mode in saddles(model):
        path = path_of(model, state, mode, 0.02)
        top = int(np.flatnonzero(path.arc_length == 0.0)[0])
        for sign, side in ((1.0, slice(top, None, -1)), (-1.0, slice(top, None))):
            start = state.coordinates + 0.02 * sign * mode
            flow = gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3, rtol=1e-11).y.T
            arc = 0.02 + np.linalg.norm(np.diff(flow, axis=0), axis=1).sum()
            ours = abs(path.arc_length[side][-1])
            assert ours == pytest.approx(arc, rel=2e-3)
            assert path.points[side][-1] == pytest.approx(flow[-1], abs=1e-5)
            for point in path.points[side][1:]:
                assert polyline_distance(point, flow) < 3e-3


def arc_of_flow(model, state, mode):
    """Length of both sides as SciPy integrates them."""
    total = 0.0
    for sign in (1.0, -1.0):
        start = state.coordinates + 0.02 * sign * mode
        points = gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3, rtol=1e-11).y.T
        total += 0.02 + np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    return total


@pytest.mark.parametrize("name", SURFACES)
def test_length_converges_with_the_step(name):
    """Two per cent with the default step of the command, a thousandth with a fifth of it."""
    model = losses.build(name, {})
    for state, mode in saddles(model):
        expected = arc_of_flow(model, state, mode)
        assert path_of(model, state, mode, 0.1).length == pytest.approx(expected, rel=2e-2)
        assert path_of(model, state, mode, 0.02).length == pytest.approx(expected, rel=1e-3)


def test_straight_path_of_the_double_well():
    """Along the axis the path is a straight line of length 2 and the loss is (s^2 - 1)^2."""
    model = losses.build("double-well", {"dimension": 3})
    state, mode = next(saddles(model))
    path = path_of(model, state, mode, 0.02)
    assert path.length == pytest.approx(2.0, abs=1e-4)
    assert path.displacement == pytest.approx(2.0, abs=1e-8)
    assert path.losses == pytest.approx((path.arc_length**2 - 1.0) ** 2, abs=1e-5)
    assert path.cooperativity == pytest.approx(1.0 / 3.0, abs=1e-9)


def test_cooperativity():
    def path(displacement):
        points = np.array([np.zeros(len(displacement)), displacement])
        return Pathway(np.array([0.0, 1.0]), np.zeros(2), points)

    assert path([2.0, -2.0, 2.0, 2.0]).cooperativity == pytest.approx(1.0)
    assert path([0.0, 5.0, 0.0, 0.0, 0.0]).cooperativity == pytest.approx(0.2)
    assert path([0.0, 0.0]).cooperativity == 0.0
    assert path([0.0, 0.0]).moment_ratio == 0.0
    # The two numbers of OPTIM's summary, and the law that binds them.
    assert path([0.0, 5.0, 0.0, 0.0, 0.0]).participation == pytest.approx(1.0)
    assert path([0.0, 5.0, 0.0, 0.0, 0.0]).moment_ratio == pytest.approx(5.0)
    mixed = path([1.0, 2.0, -3.0])
    assert mixed.participation * mixed.moment_ratio == pytest.approx(3.0)
    assert mixed.participation == pytest.approx(14.0**2 / 98.0)


def test_network_ends_are_the_minima_of_the_triple():
    """XOR, two units: a path ends where the runs down both sides end, stiff valleys included."""
    from lloptim.connect import connect

    landscape = network(xor_table(), [2], 1e-3)
    model, settings = landscape.model, landscape.settings
    rng = np.random.default_rng(2)
    minima = sorted(
        (quenched(model, settings, model.random_start(rng)) for _ in range(8)), key=lambda minimum: minimum.loss
    )
    found = connect(model, settings, minima[0], minima[-1]).landscape
    assert len(found.transition_states)
    for row, ids in enumerate(found.transition_states.minima.tolist()):
        state = found.transition_state(row)
        mode = transition_state_at(model, state.coordinates, 1e-9)[1]
        path = path_of(model, state, mode)
        ends = [found.find_minimum(float(path.losses[i]), path.points[i]) for i in (0, -1)]
        assert ends == ids
        top = int(path.losses.argmax())
        assert (np.diff(path.losses[: top + 1]) > 0.0).all()
        assert (np.diff(path.losses[top:]) < 0.0).all()


def test_where_the_loss_does_not_fall():
    model = losses.build("double-well", {})
    state, _ = next(saddles(model))
    with pytest.raises(NothingFound, match="pushoff"):
        path_of(model, state, np.array([0.0, 1.0]))


def test_steps_too_short_for_the_way(monkeypatch):
    monkeypatch.setattr(steepest, "_MOST_STEPS", 20)
    model = losses.build("mueller-brown", {})
    state, mode = next(saddles(model))
    with pytest.raises(NothingFound, match="--step"):
        path_of(model, state, mode, 1e-3)
