"""Surfaces in any number of dimensions: their stationary points are counted anew, by brute force."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import brentq

from llcommon.errors import ConfigError
from llcommon.losses import build
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.reference import derivatives
from tests.reference import surfaces as twins

SEPARABLE = {"rastrigin": twins.rastrigin, "schwefel": twins.schwefel, "styblinski-tang": twins.styblinski_tang}


def roots_of_one_coordinate(twin, lower, upper):
    """(x, index) of all stationary points of one coordinate inside the bounds, from signs of the slope on a grid."""

    def slope(t):
        return derivatives.gradient(twin, np.array([t]))[0]

    # An even number of points, so that none of them is the root at zero.
    grid = np.linspace(lower, upper, 4444)
    slopes = np.array([slope(t) for t in grid])
    roots = []
    for i in np.flatnonzero(np.sign(slopes[:-1]) != np.sign(slopes[1:])):
        roots.append((brentq(slope, grid[i], grid[i + 1], xtol=1e-13), int(slopes[i] > 0.0)))
    return roots


@pytest.mark.parametrize(
    ("name", "minima", "maxima"), [("rastrigin", 11, 10), ("schwefel", 7, 7), ("styblinski-tang", 2, 1)]
)
def test_one_coordinate_counted_by_brute_force(name, minima, maxima):
    model = build(name, {"dimension": 1})
    lower, upper = ([-5.0], [5.0]) if model.bounds() is None else model.bounds()
    roots = roots_of_one_coordinate(SEPARABLE[name], lower[0], upper[0])
    assert [index for _, index in roots].count(0) == minima
    assert [index for _, index in roots].count(1) == maxima
    known = sorted((x[0], index) for x, _, index in model.known_points())
    assert [index for _, index in known] == [index for _, index in roots]
    assert [x for x, _ in known] == pytest.approx([x for x, _ in roots], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("rastrigin", {0: 121, 1: 220, 2: 100}),
        ("schwefel", {0: 49, 1: 98, 2: 49}),
        ("styblinski-tang", {0: 4, 1: 4, 2: 1}),
    ],
)
def test_points_in_the_plane(name, counts):
    indices = [index for _, _, index in build(name, {}).known_points()]
    assert {index: indices.count(index) for index in counts} == counts
    assert len(indices) == sum(counts.values())


@pytest.mark.parametrize("n", [1, 3, 5])
def test_styblinski_tang_in_n_dimensions(n):
    """2^n minima, n 2^(n - 1) saddles, and the losses of one coordinate as printed."""
    points = build("styblinski-tang", {"dimension": n}).known_points()
    indices = [index for _, _, index in points]
    assert indices.count(0) == 2**n
    assert indices.count(1) == n * 2 ** (n - 1)
    printed = (-39.166165703771, -25.029446655284, 0.195612359055)
    expected = [sum(losses) for losses in itertools.product(printed, repeat=n)]
    assert sorted(loss for _, loss, _ in points) == pytest.approx(sorted(expected), abs=1e-11)


@pytest.mark.parametrize("name", ["rastrigin", "schwefel", "styblinski-tang", "ackley", "rosenbrock"])
def test_known_points_in_many_dimensions_are_few_and_right(name):
    model = build(name, {"dimension": 1000})
    points = model.known_points()
    assert 1 <= len(points) <= 30
    lowest = min(loss for _, loss, _ in points)
    assert points[0][1] == lowest
    for x, loss, _ in points:
        value, gradient = model.value_and_gradient(x)
        assert value == pytest.approx(loss, rel=1e-12, abs=1e-9)
        assert np.abs(gradient).max() < 1e-11
    v = np.random.default_rng(3).standard_normal(1000)
    x = model.random_start(np.random.default_rng(4))
    assert model.hessian_vector(x, v) == pytest.approx(model.hessian(x) @ v, rel=1e-9, abs=1e-9)
    assert model.workspace.size == 0  # no room for a dense Hessian: the product does without


def test_schwefel_global_minimum():
    model = build("schwefel", {"dimension": 3})
    x, loss, index = model.known_points()[0]
    assert index == 0
    assert x == pytest.approx([420.9687] * 3, abs=5e-5)
    assert loss == pytest.approx(3 * 1.2727566e-5, rel=1e-7)


def test_schwefel_has_a_minimum_on_its_lower_bound_and_none_on_the_upper():
    model = build("schwefel", {"dimension": 1})
    for bound in (-500.0, 500.0):
        assert model.value_and_gradient(np.array([bound]))[1][0] > 10.0


def test_schwefel_at_zero_is_level_but_no_extremum():
    """The slope vanishes and the loss falls through; curvatures grow without limit, of opposite signs."""
    model = build("schwefel", {"dimension": 1})
    zero = np.zeros(1)
    value, gradient = model.value_and_gradient(zero)
    assert gradient[0] == 0.0
    assert model.hessian(zero)[0, 0] == 0.0
    for t in (1e-2, 1e-6, 1e-12):
        assert model.value([-t]) >= value >= model.value([t])
        assert model.hessian([-t])[0, 0] == pytest.approx(0.75 / math.sqrt(t), rel=1e-2)
        assert model.hessian([t])[0, 0] == -model.hessian([-t])[0, 0]
    assert model.value([-1e-2]) > model.value([1e-2])
    assert not any(x[0] == 0.0 for x, _, _ in model.known_points())


@pytest.mark.parametrize("x", [[0.0], [0.0, 420.968746359982]], ids=str)
def test_schwefel_at_zero_is_never_a_verified_point(x):
    model = build("schwefel", {"dimension": len(x)})
    for verified in (minimum_at, transition_state_at):
        with np.errstate(invalid="ignore"):  # of the correction that a flat mode has not
            point, *_, status = verified(model, np.array(x), 1e-9)
        assert point is None
        assert status is not Status.CONVERGED


def test_schwefel_quenches_run_through_zero_and_down_to_the_bound():
    """From just above the false stationary point, from just below it, and from the corner of the box."""
    model = build("schwefel", {"dimension": 2})
    quencher = Quencher(model, QuenchSettings(maximum_step=20.0))
    for start, end in (
        ([1e-3, -1e-3], [5.239199300196, 5.239199300196]),
        ([-480.0, 400.0], [-500.0, 420.968746359982]),
        ([-499.0, -450.0], [-500.0, -500.0]),
    ):
        result = quencher.quench(np.array(start))
        assert result.status is Status.CONVERGED
        assert result.coordinates == pytest.approx(end, abs=1e-8)
        minimum, _ = minimum_at(model, result.coordinates, 1e-9)
        assert minimum.loss == pytest.approx(model.value(end), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 10])
def test_ackley_is_a_cone_at_its_global_minimum(n):
    model = build("ackley", {"dimension": n})
    assert not model.smooth
    assert model.value(np.zeros(n)) == pytest.approx(0.0, abs=1e-15)
    assert np.isfinite(model.hessian(np.zeros(n))).all()
    direction = np.random.default_rng(2).standard_normal(n)
    direction /= np.linalg.norm(direction)
    for distance in (1e-5, 1e-7, 1e-9):
        value, gradient = model.value_and_gradient(distance * direction)
        assert gradient @ direction == pytest.approx(4.0 / math.sqrt(n), rel=0.02)
        assert value == pytest.approx(distance * 4.0 / math.sqrt(n), rel=0.02, abs=1e-14)


def test_ackley_quenches_end_at_the_tip_and_are_not_taken_for_minima():
    model = build("ackley", {"dimension": 3})
    result = Quencher(model, QuenchSettings()).quench(np.array([0.1, -0.2, 0.05]))
    assert result.status is Status.NO_DESCENT
    assert result.loss == pytest.approx(0.0, abs=1e-13)
    assert np.abs(result.coordinates).max() < 1e-13


def test_ackley_is_the_only_one_that_is_not_smooth():
    assert all(build(name, {}).smooth for name in (*SEPARABLE, "rosenbrock"))


def test_rosenbrock_in_four_dimensions_has_three_points():
    model = build("rosenbrock", {"dimension": 4})
    known = np.array([x for x, _, _ in model.known_points()])
    met = set()
    rng = np.random.default_rng(5)
    for _ in range(1500):
        x = rng.uniform(-1.2, 1.2, 4)
        for _ in range(100):
            gradient = model.value_and_gradient(x)[1]
            step = np.linalg.lstsq(model.hessian(x), gradient)[0]
            x = x - step
            if np.abs(step).max() < 1e-12:
                break
        if np.abs(gradient).max() < 1e-9:
            distances = np.abs(known - x).max(axis=1)
            assert distances.min() < 1e-8
            met.add(int(distances.argmin()))
    assert met == {0, 1, 2}


# --- boxes and parameters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "half"), [("rastrigin", 5.12), ("schwefel", 500.0), ("ackley", 32.768), ("styblinski-tang", None)]
)
def test_default_boxes(name, half):
    bounds = build(name, {"dimension": 3}).bounds()
    if half is None:
        assert bounds is None
    else:
        assert [side.tolist() for side in bounds] == [[-half] * 3, [half] * 3]


def test_a_box_of_ones_own_takes_the_place_of_the_default():
    model = build("rastrigin", {"lower": [-1.2, -20.0]})
    assert [side.tolist() for side in model.bounds()] == [[-1.2, -20.0], [5.12, 5.12]]
    starts = np.array([model.random_start(np.random.default_rng(seed)) for seed in range(200)])
    assert starts.min(axis=0) == pytest.approx([-1.2, -20.0], abs=1.0)
    assert starts.max(axis=0) == pytest.approx([5.12, 5.12], abs=1.0)
    assert len({x[0] for x, _, _ in model.known_points()}) == 12 + 1


def test_no_symmetry_is_declared():
    for name in (*SEPARABLE, "ackley", "rosenbrock"):
        model = build(name, {})
        x = np.array([1.0, 2.0])
        assert model.log_group_order() == 0.0
        assert np.array_equal(model.align(-x, x[::-1].copy()), x[::-1])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("rastrigin", {"dimension": 0}, "at least 1"),
        ("schwefel", {"dimension": 1001}, "at most 1000"),
        ("rosenbrock", {"dimension": 1}, "at least 2"),
        ("ackley", {"lower": [40.0]}, "lower must be below upper, but coordinate 1 has 40.0 and 32.768"),
        ("styblinski-tang", {"upper": [1.0, 2.0, 3.0]}, "upper must hold one number, or one for each of the 2"),
    ],
)
def test_wrong_parameters_are_refused(name, parameters, message):
    with pytest.raises(ConfigError, match=message):
        build(name, parameters)
