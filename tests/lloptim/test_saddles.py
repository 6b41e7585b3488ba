"""From a point to a verified triple."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.box import active_set
from llcommon.status import Status
from lloptim.saddles import SaddleSearch
from tests.llcommon.losses.cases import xor_table
from tests.lloptim.problems import BOXED, network, quenched, settings_of, stationary_of

SURFACES = ["mueller-brown", "six-hump-camel", "himmelblau", "double-well"]


def searching(name, **sections):
    model = losses.build(name, {})
    return model, SaddleSearch(model, settings_of(name, **sections))


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("kind", ["dense", "krylov"])
def test_known_saddles_and_their_sides(name, kind):
    """By exact Hessians, and as for models too large for them."""
    model, search = searching(name, connect={"saddle_search": kind})
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
        assert (result.hessians > 0) is (kind == "dense")
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


def test_krylov_and_dense_searches_end_on_the_same_saddles():
    """XOR, two units, from between minima: wherever both arrive near the start they arrive at one point."""
    rng = np.random.default_rng(6)
    landscape = network(xor_table(), [2], 1e-3)
    model = landscape.model
    searches = [
        SaddleSearch(model, network(xor_table(), [2], 1e-3, connect={"saddle_search": kind}).settings)
        for kind in ("dense", "krylov")
    ]
    both, same = 0, 0
    for _ in range(25):
        first = quenched(model, landscape.settings, model.random_start(rng)).coordinates
        second = model.align(first, quenched(model, landscape.settings, model.random_start(rng)).coordinates)
        along = second - first
        if np.linalg.norm(along) < 1e-3:
            continue
        results = [search.search(0.5 * (first + second), along / np.linalg.norm(along)) for search in searches]
        assert results[1].hessians == 0
        states = [result.transition_state for result in results]
        if None in states:
            continue
        both += 1
        if np.linalg.norm(states[0].coordinates - states[1].coordinates) < 1e-5:
            assert states[0].loss == pytest.approx(states[1].loss, abs=1e-12)
            assert states[0].negative_eigenvalue == pytest.approx(states[1].negative_eigenvalue, abs=1e-8)
            assert states[0].lpphe == pytest.approx(states[1].lpphe, abs=1e-6)
            assert abs(results[0].mode @ results[1].mode) == pytest.approx(1.0, abs=1e-8)
            same += 1
    assert both >= 8
    assert same >= 0.7 * both


# --- in a box ---------------------------------------------------------------------------------


def boxed(name, lower, upper, **connect):
    """The model, a search, and the minima and saddles by brute force."""
    box = {"lower": lower, "upper": upper}
    model = losses.build(name, box)
    search = SaddleSearch(model, settings_of(name, box, connect=connect))
    return model, search, *stationary_of(name, lower, upper)


def assert_one_of(point, known, lower, upper):
    """The stored point is one of those known by brute force, with the bounds that hold it."""
    nearest = min(known, key=lambda other: np.linalg.norm(other.x - point.coordinates))
    assert point.coordinates == pytest.approx(nearest.x, abs=1e-6)
    assert point.loss == pytest.approx(nearest.loss, abs=1e-9)
    assert point.active.tolist() == nearest.active
    for x, active, low, high in zip(point.coordinates, nearest.active, lower, upper, strict=True):
        assert active == 0 or x == (low if active < 0 else high)


@pytest.mark.parametrize("kind", ["dense", "krylov"])
@pytest.mark.parametrize(("name", "lower", "upper"), BOXED)
def test_saddles_of_a_box_and_their_sides(name, lower, upper, kind):
    """From beside each of them; `active` is right, and both sides run down to minima of the box."""
    model, search, minima, known = boxed(name, lower, upper, saddle_search=kind)
    rng = np.random.default_rng(1)
    for saddle in known:
        free = np.array(saddle.active) == 0
        curvature = model.hessian(saddle.x)[np.ix_(free, free)]
        direction = np.zeros(2)
        direction[free] = np.linalg.eigh(curvature)[1][:, 0]
        for _ in range(3):
            start = np.clip(saddle.x + 0.01 * rng.uniform(-1.0, 1.0, 2), lower, upper)
            result = search.search(start, direction)
            assert result.status is Status.CONVERGED
            state = result.transition_state
            assert state.coordinates == pytest.approx(saddle.x, abs=1e-6)
            assert_one_of(state, known, lower, upper)
            assert state.negative_eigenvalue == pytest.approx(np.linalg.eigvalsh(curvature)[0], rel=1e-4)
            assert np.isinf(state.next_eigenvalue) == (free.sum() == 1)
            assert abs(result.mode @ direction) == pytest.approx(1.0, abs=1e-4)
            assert (result.mode[~free] == 0.0).all()
            triple = search.triple(state, result.mode).triple
            for side in (triple.plus, triple.minus):
                assert side.loss < state.loss
                assert_one_of(side, minima, lower, upper)
            assert np.linalg.norm(triple.plus.coordinates - triple.minus.coordinates) > 0.1


@pytest.mark.parametrize("kind", ["dense", "krylov"])
@pytest.mark.parametrize(("name", "lower", "upper"), BOXED)
def test_from_anywhere_in_a_box_nothing_but_its_saddles(name, lower, upper, kind):
    """Free and on the sides; a search that comes to nothing says so by a status that is known."""
    model, search, _, known = boxed(name, lower, upper, saddle_search=kind)
    rng = np.random.default_rng(2)
    found = set()
    failures = {Status.FELL_TO_MINIMUM, Status.STEP_LIMIT, Status.HIT_BOUND, Status.WRONG_INDEX, Status.LEFT_RADIUS}
    for _ in range(40):
        direction = rng.normal(size=2)
        start = rng.uniform(lower, upper)
        result = search.search(start, direction / np.linalg.norm(direction))
        if result.transition_state is None:
            assert result.status in failures
            continue
        state = result.transition_state
        assert_one_of(state, known, lower, upper)
        gradient = model.value_and_gradient(state.coordinates)[1]
        assert (active_set(model, state.coordinates, gradient) == state.active).all()
        found.add(tuple(state.coordinates.round(4)))
    assert len(found) >= min(2, len(known))


def test_a_bound_is_let_go_where_the_loss_falls_inwards():
    """Held at the start, and no more at the top of the side: there the search goes on to the saddle inside."""
    lower, upper = [-6.0, -2.2], [6.0, 6.0]
    model, search, _, known = boxed("himmelblau", lower, upper)
    start = np.array([-1.5, -2.2])
    assert active_set(model, start, model.value_and_gradient(start)[1]).tolist() == [0, -1]
    result = search.search(start, np.array([1.0, 0.0]))
    assert result.status is Status.CONVERGED
    assert result.transition_state.active.tolist() == [0, 0]
    assert result.transition_state.loss == pytest.approx(178.3372392019, abs=1e-9)
    assert_one_of(result.transition_state, known, lower, upper)


def test_a_corner_has_no_saddle():
    """Both coordinates held: nothing is free to climb along."""
    _, search, _, _ = boxed("himmelblau", [-2.5, -2.5], [6.0, 2.8])
    for direction in ([1.0, 0.0], [0.0, -1.0]):
        result = search.search(np.array([-2.5, -2.5]), np.array(direction))
        assert result.status is Status.HIT_BOUND
        assert result.transition_state is None


def test_starts_outside_are_taken_into_the_box():
    _, search, _, known = boxed("himmelblau", [-6.0, -6.0], [6.0, 2.5])
    result = search.search(np.array([0.0, 4.0]), np.array([1.0, 0.0]))
    assert result.transition_state.active.tolist() == [0, 1]
    assert_one_of(result.transition_state, known, [-6.0, -6.0], [6.0, 2.5])
