"""Eigenvector following: where the search ends, on ridges and in a box too, and what it says if it does not."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from llcommon import losses
from llcommon.optimise.box import box
from llcommon.optimise.quench import Quencher
from llcommon.optimise.saddle import follow_eigenvector
from llcommon.status import Status
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import SURFACES, Awkward, known, separable, small_mlp
from tests.llcommon.optimise.models import settings as quench_settings

RMS = 1e-9


def search(model, x, direction=None, tolerance=RMS, trust=0.5, limit=200, radius=1e4, frozen=None):
    """(status, loss, rms, evaluations, hessians), the end point and the mode there, in the box of the model."""
    point = np.array(x, dtype=np.float64)
    if direction is None:
        direction = np.linalg.eigh(model.hessian(point))[1][:, 0]
    mode = np.array(direction, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = follow_eigenvector(
        model.kernel,
        model.hessian_kernel,
        *model.hessian_packed(),
        model.zero_modes(x) if frozen is None else frozen,
        *box(model),
        point,
        gradient,
        mode,
        tolerance,
        trust,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point, mode


@pytest.mark.parametrize("name", SURFACES)
def test_known_saddles_from_nearby(name):
    model = losses.build(name, {})
    rng = np.random.default_rng(4)
    for saddle, loss in known(model, 1):
        for _ in range(6):
            start = saddle + 0.05 * rng.uniform(-1.0, 1.0, saddle.size)
            (status, found, rms, _, _), x, mode = search(model, start)
            assert status is Status.CONVERGED
            assert rms <= RMS
            assert x == pytest.approx(saddle, abs=1e-8)
            assert found == pytest.approx(loss, abs=1e-9)
            lowest = np.linalg.eigh(model.hessian(x))[1][:, 0]
            # The mode climbed last is that of the last point at which all were looked at.
            assert abs(mode @ lowest) > 0.95


@pytest.mark.parametrize("name", SURFACES)
def test_never_anything_but_an_index_one_saddle(name):
    """From anywhere: if the search says converged, it is at one of the known saddles."""
    model = losses.build(name, {})
    saddles = [x for x, _ in known(model, 1)]
    rng = np.random.default_rng(9)
    converged = 0
    for _ in range(60):
        (status, _, _, _, _), x, _ = search(model, model.random_start(rng))
        if status is Status.CONVERGED:
            converged += 1
            values = np.linalg.eigvalsh(model.hessian(x))
            assert values[0] < 0.0 < values[1]
            # Far outside the box of the known points, where Mueller-Brown fades out, there may be more.
            if np.abs(x).max() < 5.0:
                assert min(np.linalg.norm(x - saddle) for saddle in saddles) < 1e-7
    # Uphill along the softest mode there need not be any: the wells of the double well have none.
    assert converged >= 15


@pytest.mark.parametrize("name", ["mueller-brown", "himmelblau", "six-hump-camel"])
def test_quadratic_at_the_end(name):
    model = losses.build(name, {})
    checked = 0
    for saddle, _ in known(model, 1):
        start = saddle + np.array([0.02, -0.015])
        errors = [np.linalg.norm(search(model, start, limit=limit)[1] - saddle) for limit in range(1, 9)]
        for before, after in zip(errors[:-1], errors[1:], strict=True):
            if 1e-7 < before < 1e-2:
                assert after <= 30.0 * before**2 + 1e-12
                checked += 1
        assert errors[-1] < 1e-11
    assert checked


def test_the_given_direction_decides():
    """From a minimum of the camel with two ways out: which saddle is found follows the direction given."""
    model = losses.build("six-hump-camel", {})
    minimum = np.array([0.08984201310031806, -0.71265640302073963])
    ends = []
    for direction in ((-0.1, 1.0), (1.0, 0.1)):
        unit = np.array(direction) / np.linalg.norm(direction)
        (status, loss, _, _, _), _, _ = search(model, minimum + 0.3 * unit, unit)
        assert status is Status.CONVERGED
        ends.append(round(float(loss), 6))
    assert ends == [0.0, 0.543719]


def test_leaves_saddles_of_higher_index():
    """Started on the maxima of the camel and of Himmelblau it ends on a saddle of index one."""
    for name in ("six-hump-camel", "himmelblau"):
        model = losses.build(name, {})
        for top, loss in known(model, 2):
            (status, found, _, _, _), x, _ = search(model, top)
            assert status is Status.CONVERGED
            assert found < loss
            assert min(np.linalg.norm(x - saddle) for saddle, _ in known(model, 1)) < 1e-7


def test_network_saddles_verify():
    """XOR, two units, from midpoints of images of minima: gradient, index and mode by NumPy."""
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-4}, xor_table())
    quencher = Quencher(model, quench_settings())
    rng = np.random.default_rng(5)
    converged = 0
    for _ in range(25):
        ends = [quencher.quench(model.random_start(rng)).coordinates for _ in range(2)]
        direction = ends[1] - ends[0]
        if np.linalg.norm(direction) < 1e-3:
            continue
        outcome, x, mode = search(model, 0.5 * (ends[0] + ends[1]), direction / np.linalg.norm(direction))
        if outcome[0] is not Status.CONVERGED:
            continue
        converged += 1
        gradient = model.value_and_gradient(x)[1]
        values, vectors = np.linalg.eigh(model.hessian(x))
        assert np.sqrt(gradient @ gradient / gradient.size) <= RMS
        assert values[0] < 0.0 < values[1]
        assert abs(mode @ vectors[:, 0]) > 0.9
    assert converged >= 15


def test_gauge_directions_do_no_harm():
    """Without a penalty on biases one direction is flat: it is neither followed nor counted."""
    model = small_mlp(hidden=(2,), **{"lambda": 1e-3, "regularise_biases": False})
    mode = model.zero_modes(np.zeros(model.dimension))[0]
    start = 0.3 * np.random.default_rng(4).standard_normal(model.dimension)
    ends = []
    for shift in (0.0, 3.0):
        (status, loss, rms, _, _), x, climbed = search(model, start + shift * mode)
        assert status is Status.CONVERGED
        assert rms <= RMS
        assert mode @ x == pytest.approx(mode @ start + shift, abs=1e-6)
        assert abs(mode @ climbed) < 1e-9
        values = np.linalg.eigvalsh(model.hessian(x))
        assert (values < -1e-10).sum() == 1
        ends.append(loss)
    assert ends[0] == pytest.approx(ends[1], abs=1e-10)


def test_a_bowl_has_no_saddle():
    model = small_mlp(hidden=(), **{"lambda": 1e-1})
    start = model.random_start(np.random.default_rng(0))
    (status, _, _, _, hessians), _, _ = search(model, start, radius=1e3)
    assert status in (Status.FELL_TO_MINIMUM, Status.LEFT_RADIUS)
    assert hessians < 200


@pytest.mark.parametrize(("radius", "status"), [(3.0, Status.LEFT_RADIUS), (1e4, Status.FELL_TO_MINIMUM)])
def test_climbing_where_there_is_no_way_out(radius, status):
    """Up the harmonic side of the double well there is no saddle: the search gives up or leaves the radius."""
    model = losses.build("double-well", {})
    (found, _, _, _, hessians), _, _ = search(model, [1.0, 0.1], np.array([0.0, 1.0]), radius=radius)
    assert found is status
    assert hessians < 100


def test_loss_that_is_not_finite():
    assert search(Awkward(Awkward.NAN), [1.0, 0.0], [0.0, 1.0])[0][0] is Status.NOT_FINITE


def test_start_that_is_not_finite():
    model = separable()
    start = np.full(model.dimension, np.nan)
    (status, _, _, _, _), _, _ = search(model, start, np.eye(model.dimension)[0])
    assert status is Status.NOT_FINITE


def test_step_limit():
    (status, _, _, _, hessians), _, _ = search(losses.build("himmelblau", {}), [3.0, 2.0001], limit=3)
    assert status is Status.STEP_LIMIT
    assert hessians == 3


# --- ridges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("height", [0.0, 0.3, 1.5])
def test_a_maximum_is_left(height):
    """Climbing either way out of the maximum of Himmelblau's function, or back to it, ends on a saddle."""
    model = losses.build("himmelblau", {})
    top, _ = known(model, 2)[0]
    values, vectors = np.linalg.eigh(model.hessian(top))
    assert (values < 0.0).all()
    for column in range(2):
        start = top + height * vectors[:, column]
        (status, _, _, _, _), x, _ = search(model, start, vectors[:, column])
        assert status is Status.CONVERGED
        assert min(np.linalg.norm(x - saddle) for saddle, _ in known(model, 1)) < 1e-7


def test_a_network_with_equal_units_leaves_the_subspace_of_equal_units():
    """The gradient keeps two equal units equal, and the saddles among such networks are of higher index."""
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-4}, xor_table())
    rng = np.random.default_rng(7)
    left = 0
    for _ in range(12):
        start = model.random_start(rng)
        first, second = model.matrices(start)
        first[:, 1] = first[:, 0]
        second[1] = second[0]
        gradient = model.value_and_gradient(start)[1]
        slopes = model.matrices(gradient)
        assert slopes[0][:, 1] == pytest.approx(slopes[0][:, 0], abs=1e-13)
        across = np.zeros(model.dimension)
        model.matrices(across)[0][:, 0] = 1.0
        model.matrices(across)[0][:, 1] = -1.0
        for direction in (gradient, model.matrices(start)[0].sum() * start):
            (status, _, _, _, _), x, _ = search(model, start, direction / np.linalg.norm(direction))
            if status is not Status.CONVERGED:
                continue
            values = np.linalg.eigvalsh(model.hessian(x))
            assert values[0] < 0.0 < values[1]
            left += np.abs(model.matrices(x)[0] @ [1.0, -1.0]).max() > 1e-3
    assert left >= 6


def test_the_first_step_leaves_the_ridge_already():
    """Two equal units, a negative curvature that would part them, and another mode to climb: they part at once."""
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-4}, xor_table())
    rng = np.random.default_rng(11)
    parted = 0
    for _ in range(60):
        start = 2.0 * model.random_start(rng)
        first, second = model.matrices(start)
        first[:, 1] = first[:, 0]
        second[1] = second[0]
        values, vectors = np.linalg.eigh(model.hessian(start))
        difference = np.abs([model.matrices(mode)[0] @ [1.0, -1.0] for mode in vectors.T]).max(axis=1)
        negative = values < -1e-6
        together = np.flatnonzero(negative & (difference < 1e-9))
        if not (together.size and (negative & (difference > 1e-3)).any()):
            continue
        _, x, _ = search(model, start, vectors[:, together[0]], limit=1)
        assert (x != start).any()
        assert np.abs(model.matrices(x)[0] @ [1.0, -1.0]).max() > 1e-5
        parted += 1
    assert parted >= 5


# --- frozen directions and bounds -------------------------------------------------------------


def test_frozen_coordinates_make_it_the_problem_of_the_others():
    """A double well of five coordinates with two of them frozen is one of three, bit for bit in the modes' order."""
    large = losses.build("double-well", {"dimension": 5, "stiffness": 0.7})
    small = losses.build("double-well", {"dimension": 3, "stiffness": 0.7})
    frozen = np.eye(5)[[1, 4]]
    free = [0, 2, 3]
    rng = np.random.default_rng(8)
    for _ in range(10):
        start = large.random_start(rng)
        start[0] *= 0.4
        direction = np.eye(5)[0]
        (status, loss, _, evaluations, hessians), x, mode = search(large, start, direction, frozen=frozen)
        (alone, lower, _, *counts), point, along = search(small, start[free], direction[free])
        assert status is alone is Status.CONVERGED
        assert (x[[1, 4]] == start[[1, 4]]).all()
        assert x[free] == pytest.approx(point, abs=1e-9)
        assert loss == pytest.approx(lower + 0.35 * (start[[1, 4]] ** 2).sum(), abs=1e-12)
        assert [evaluations, hessians] == counts
        assert np.abs(mode[[1, 4]]).max() < 1e-12
        assert abs(mode[free] @ along) == pytest.approx(1.0, abs=1e-9)


def test_a_frozen_direction_that_is_no_coordinate():
    """On a line through Himmelblau's plane the saddle is the maximum of the loss along it, by brute force."""
    model = losses.build("himmelblau", {})
    along = np.array([0.6, 0.8])
    origin = np.array([0.5, -0.5])
    (status, loss, rms, _, _), x, mode = search(model, origin, along, frozen=np.array([[0.8, -0.6]]))
    assert status is Status.CONVERGED
    assert rms <= RMS
    top = minimize_scalar(lambda t: -model.value(origin + t * along), bounds=(-2.0, 2.0), method="bounded")
    assert loss == pytest.approx(-top.fun, abs=1e-9)
    assert x == pytest.approx(origin + top.x * along, abs=1e-4)
    assert abs(mode @ along) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("himmelblau", {"lower": [-6.0], "upper": [6.0, 2.5]}),
        ("himmelblau", {"lower": [-1.0, -6.0], "upper": [0.05, 6.0]}),
        ("mueller-brown", {"lower": [-0.6, 0.0], "upper": [1.5, 0.6]}),
        ("double-well", {"lower": [0.25], "dimension": 3}),
    ],
)
def test_a_search_ends_where_a_bound_stops_it(name, cut):
    """On the bound exactly, in the box, and with the loss and gradient that belong to the point."""
    model = losses.build(name, cut)
    lower, upper = box(model)
    rng = np.random.default_rng(3)
    stopped = 0
    for _ in range(30):
        start = model.random_start(rng)
        (status, loss, rms, _, _), x, _ = search(model, start)
        assert (x >= lower).all()
        assert (x <= upper).all()
        if status is Status.CONVERGED:
            values = np.linalg.eigvalsh(model.hessian(x))
            assert values[0] < 0.0 < values[1]
        if status is not Status.HIT_BOUND:
            continue
        stopped += 1
        assert ((x == lower) | (x == upper)).any()
        value, gradient = model.value_and_gradient(x)
        assert loss == value
        assert rms == pytest.approx(np.sqrt(gradient @ gradient / gradient.size), rel=1e-12)
    assert stopped >= 5


def test_bounds_that_are_never_met_change_nothing():
    free = losses.build("himmelblau", {})
    wide = losses.build("himmelblau", {"lower": [-50.0], "upper": [50.0]})
    rng = np.random.default_rng(5)
    for _ in range(10):
        start = free.random_start(rng)
        first, x, _ = search(free, start)
        second, y, _ = search(wide, start)
        if np.abs(x).max() < 40.0:
            assert first == second
            assert (x == y).all()
