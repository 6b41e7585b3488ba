"""From a point to a verified triple."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.status import Status
from lloptim import saddles
from lloptim.saddles import SaddleSearch
from tests.llcommon.losses.cases import xor_table
from tests.lloptim.problems import network, quenched, settings_of

SURFACES = ["mueller-brown", "six-hump-camel", "himmelblau", "double-well"]


def searching(name, **sections):
    model = losses.build(name, {})
    return model, SaddleSearch(model, settings_of(name, **sections))


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("dense", [True, False])
def test_known_saddles_and_their_sides(name, dense, monkeypatch):
    """By exact Hessians, and as for models too large for them."""
    if not dense:
        monkeypatch.setattr(saddles, "DENSE_LIMIT", 0)
    model, search = searching(name)
    minima = np.array([x for x, _, index in model.known_points() if index == 0])
    rng = np.random.default_rng(0)
    for saddle, loss, index in model.known_points():
        if index != 1:
            continue
        start = saddle + 0.03 * rng.uniform(-1.0, 1.0, saddle.size)
        before = start.copy()
        direction = np.linalg.eigh(model.hessian(saddle))[1][:, 0]
        result = search.search(start, direction)
        assert result.status is Status.CONVERGED
        assert (result.hessians > 0) is dense
        assert (start == before).all()
        state = result.transition_state
        assert state.coordinates == pytest.approx(saddle, abs=1e-8)
        assert state.loss == pytest.approx(loss, abs=1e-9)
        assert state.rms <= 1e-9
        assert abs(result.mode @ direction) == pytest.approx(1.0, abs=1e-6)
        triple = search.triple(state, result.mode).triple
        for side in (triple.plus, triple.minus):
            assert side.loss < state.loss
            assert np.linalg.norm(minima - side.coordinates, axis=1).min() < 1e-7
        assert np.linalg.norm(triple.plus.coordinates - triple.minus.coordinates) > 0.1


def test_the_direction_is_followed_from_a_minimum():
    """From the deepest Mueller-Brown minimum uphill towards the next: its own saddle is found."""
    model, search = searching("mueller-brown")
    minimum = model.known_points()[0][0]
    towards = model.known_points()[4][0] - minimum
    direction = towards / np.linalg.norm(towards)
    result = search.search(minimum + 0.5 * towards, direction)
    assert result.transition_state.loss == pytest.approx(-40.6648435087, abs=5e-10)


def test_failures_have_names():
    model, search = searching("himmelblau", connect={"saddle_steps": 2})
    result = search.search(np.array([3.0, 2.1]), np.array([1.0, 0.0]))
    assert (result.status, result.transition_state, result.mode) == (Status.STEP_LIMIT, None, None)
    result = search.search(np.array([np.nan, 0.0]), np.array([1.0, 0.0]))
    assert result.status is Status.NOT_FINITE
    model, search = searching("double-well", quench={"radius": 3.0})
    result = search.search(np.array([1.0, 0.1]), np.array([0.0, 1.0]))
    assert result.status in (Status.LEFT_RADIUS, Status.FELL_TO_MINIMUM)
    assert result.transition_state is None


def test_the_side_that_fails_is_named():
    """A radius between the saddle and the far minimum: the run downhill leaves it, and there is no triple."""
    model, search = searching("double-well", quench={"radius": 0.5})
    result = search.search(np.array([0.05, 0.02]), np.array([1.0, 0.0]))
    assert result.status is Status.CONVERGED
    sides = search.triple(result.transition_state, result.mode)
    assert sides.triple is None
    assert sides.status is Status.LEFT_RADIUS


def test_network_index_is_one_and_gradient_small():
    landscape = network(xor_table(), [2], 1e-3)
    model, settings = landscape.model, landscape.settings
    search = SaddleSearch(model, settings)
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(15):
        first = quenched(model, settings, model.random_start(rng)).coordinates
        second = model.align(first, quenched(model, settings, model.random_start(rng)).coordinates)
        along = second - first
        if np.linalg.norm(along) < 1e-3:
            continue
        result = search.search(0.5 * (first + second), along / np.linalg.norm(along))
        if result.transition_state is None:
            continue
        found += 1
        x = result.transition_state.coordinates
        gradient = model.value_and_gradient(x)[1]
        values = np.linalg.eigvalsh(model.hessian(x))
        assert np.sqrt(gradient @ gradient / gradient.size) <= 1e-9
        assert (values < 0.0).sum() == 1
        assert result.transition_state.lpphe == pytest.approx(np.log(values[1:]).sum(), abs=1e-7)
        assert search.triple(result.transition_state, result.mode).triple is not None
    assert found >= 5
