"""The gradient flow: its steps against the exact solution, its ends against SciPy's integrator."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from llcommon import losses
from llcommon.optimise.box import box
from llcommon.optimise.flow import gradient_flow, near_minimum, rosenbrock_step
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known, small_mlp
from tests.reference import optimise as twin


def flow(
    model, x, accuracy=3e-3, longest=0.5, nearby=0.1, limit=2000, radius=1e4, tolerance=1e-9, frozen=None, held=None
):
    point = np.array(x, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = gradient_flow(
        model.kernel,
        model.hessian_kernel,
        *model.hessian_packed(),
        np.empty((0, model.dimension)) if frozen is None else frozen,
        *box(model),
        np.zeros(model.dimension, dtype=np.int64) if held is None else np.array(held),
        point,
        gradient,
        tolerance,
        accuracy,
        longest,
        nearby,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point


def one_step(model, x, time):
    """(point, error estimate) of one step of the flow."""
    n = model.dimension
    gradient = model.value_and_gradient(x)[1]
    end = np.empty(n)
    solved, _, error = rosenbrock_step(
        model.kernel,
        *model.packed,
        np.zeros(n, dtype=np.int64),
        model.hessian(x),
        x,
        gradient,
        time,
        np.empty((n, n)),
        np.empty((6, n)),
        np.empty(n),
        end,
    )
    assert solved
    return end, error


def test_step_on_a_quadratic_is_of_fourth_order():
    """Beside a minimum the flow is exp(-H t): halving the step divides the error by about 32."""
    model = losses.build("double-well", {"dimension": 3})
    minimum = known(model, 0)[0][0]
    hessian = model.hessian(minimum)
    away = np.array([1e-7, 1e-7, -1e-7])
    errors = []
    for time in (0.1, 0.05):
        point, estimate = one_step(model, minimum + away, time)
        exact = minimum + expm(-hessian * time) @ away
        errors.append(np.linalg.norm(point - exact))
        assert errors[-1] < estimate
    assert 22.0 < errors[0] / errors[1] < 36.0


@pytest.mark.parametrize(("name", "time"), [("mueller-brown", 1e-4), ("himmelblau", 1e-3)])
def test_step_on_a_curved_surface_is_of_fourth_order(name, time):
    """Halving the step divides the error by 32, that of the embedded solution, which is the estimate, by 16."""
    model = losses.build(name, {})
    start = known(model, 1)[0][0] + 0.1
    errors = []
    estimates = []
    for length in (time, 0.5 * time):
        point, estimate = one_step(model, start, length)
        exact = solve_ivp(
            lambda _, x: -model.value_and_gradient(x)[1], (0.0, length), start, "DOP853", rtol=1e-13, atol=1e-15
        )
        errors.append(np.linalg.norm(point - exact.y[:, -1]))
        estimates.append(estimate)
    assert 24.0 < errors[0] / errors[1] < 42.0
    assert 12.0 < estimates[0] / estimates[1] < 20.0


def test_step_is_that_of_its_naive_twin():
    model = small_mlp()
    start = model.random_start(np.random.default_rng(2))
    for time in (0.1, 1.0, 10.0):
        point, estimate = one_step(model, start, time)
        expected, error = twin.rodas_step(lambda x: model.value_and_gradient(x)[1], model.hessian(start), start, time)
        assert point == pytest.approx(expected, abs=1e-12)
        assert estimate == pytest.approx(error, rel=1e-8, abs=1e-14)


def test_near_a_minimum_is_what_eigenvalues_say():
    """The bound that spares a factorisation never changes the answer."""
    rng = np.random.default_rng(5)
    n = 6
    answers = []
    for _ in range(400):
        vectors = np.linalg.qr(rng.standard_normal((n, n)))[0]
        values = 10.0 ** rng.uniform(-2.0, 1.0, n)
        values[0] *= rng.choice([-1.0, 1.0])
        matrix = np.ascontiguousarray((vectors * values) @ vectors.T)
        gradient = matrix @ rng.standard_normal(n) * 10.0 ** rng.uniform(-2.0, 1.0)
        step = np.linalg.solve(matrix, gradient)
        for move in (np.zeros(n), step, rng.standard_normal(n), gradient):
            near = near_minimum(matrix, gradient, move, 0.5, np.empty((n, n)), np.empty(n))
            assert near == (values[0] > 0.0 and np.linalg.norm(step) <= 0.5)
            answers.append(near)
    assert 100 < sum(answers) < len(answers) - 100


@pytest.mark.parametrize("name", ["mueller-brown", "six-hump-camel", "himmelblau"])
def test_ends_in_the_basin_where_scipys_integrator_ends(name):
    model = losses.build(name, {})
    rng = np.random.default_rng(4)
    minima = [x for x, _ in known(model, 0)]
    spread = np.std(minima, axis=0).max()
    for _ in range(12):
        start = minima[rng.integers(len(minima))] + 0.4 * spread * rng.standard_normal(2)
        (status, loss, _, evaluations, hessians), point = flow(model, start, accuracy=1e-3, nearby=0.02)
        assert status is Status.CONVERGED
        assert loss <= model.value(start)
        assert evaluations > hessians > 0
        end = twin.gradient_flow(lambda x: model.value_and_gradient(x)[1], start, 1e3).y[:, -1]
        nearest = min(minima, key=lambda x: np.linalg.norm(x - end))
        assert np.linalg.norm(point - nearest) < 0.05


def test_stays_on_the_path():
    """Points that more exact flows pass through: the end of a coarse flow lies as near to the minimum."""
    model = small_mlp()
    start = model.random_start(np.random.default_rng(1))
    fine, coarse = (flow(model, start, accuracy=accuracy)[1] for accuracy in (1e-4, 3e-3))
    quenched = [twin.minimum_near(model.value_and_gradient, point)[1] for point in (fine, coarse)]
    assert quenched[0] == pytest.approx(quenched[1], abs=1e-5)


def test_beside_a_saddle_that_holds_it_the_flow_rests():
    """On the axis of the camel's central saddle along its stable direction the gradient dies out there."""
    model = losses.build("six-hump-camel", {})
    saddle = np.zeros(2)
    values, vectors = np.linalg.eigh(model.hessian(saddle))
    assert values[0] < 0.0 < values[1]
    (status, *_), point = flow(model, saddle)
    assert status is Status.CONVERGED
    assert np.array_equal(point, saddle)


def test_named_ends():
    slope = Awkward(Awkward.SLOPE)
    assert flow(slope, np.zeros(2), radius=10.0)[0][0] is Status.LEFT_RADIUS
    assert flow(slope, np.zeros(2), limit=3)[0][0] is Status.STEP_LIMIT
    assert flow(slope, np.full(2, np.nan))[0][0] is Status.NOT_FINITE


def test_a_symmetric_path_stays_symmetric():
    """Two equal units stay equal all the way down, beside a dead one; without frozen directions rounding parts them."""
    model = small_mlp()
    places = model.units()
    x = 0.5 * np.random.default_rng(4).standard_normal(model.dimension)
    x[places[1]] = -x[places[0]]
    across = model.asymmetric_directions(x, 1e-9)
    assert len(across) == len(places[0])
    _, end = flow(model, x, frozen=across)
    assert np.abs(across @ (end - x)).max() < 1e-13
    assert np.abs(end[places[1]] + end[places[0]]).max() < 1e-12
    assert np.linalg.norm(end - x) > 0.1


# --- in a box -------------------------------------------------------------------------------------


def test_a_flow_ends_on_the_bound_that_it_comes_to():
    """Himmelblau's minimum (3, 2) cut off at x = 2: where the free path, by SciPy, crosses the bound."""
    model = losses.build("himmelblau", {"lower": [-6.0], "upper": [2.0, 6.0]})
    start = np.array([1.2, 1.0])
    outcome, end = flow(model, start, accuracy=1e-7)
    assert outcome[0] is Status.HIT_BOUND
    assert end[0] == 2.0
    free = losses.build("himmelblau", {})
    path = twin.gradient_flow(lambda x: free.value_and_gradient(x)[1], start, 1e3, rtol=1e-11).y
    crossing = np.interp(2.0, path[0], path[1])
    assert end[1] == pytest.approx(crossing, abs=1e-4)
    assert outcome[1] == pytest.approx(model.value(end))


def test_a_held_coordinate_stays_until_the_loss_falls_inwards():
    """Along y = -1, right of its saddle at x = -0.26, Himmelblau's slope in y changes its sign near x = 0.1."""
    model = losses.build("himmelblau", {"lower": [-6.0, -1.0], "upper": [6.0]})
    start = np.array([-0.2, -1.0])
    assert model.value_and_gradient(start)[1][1] > 0.0
    outcome, end = flow(model, start, longest=0.01, held=[0, -1])
    assert outcome[0] is Status.HIT_BOUND
    assert end[1] == -1.0
    assert model.value_and_gradient(end)[1][1] < 0.0
    assert model.value_and_gradient(end - [0.01, 0.0])[1][1] > 0.0


def test_what_is_held_does_not_act_on_what_is_free():
    """With y held the flow is that of one dimension, to the minimum along x."""
    model = losses.build("himmelblau", {"lower": [-6.0, 2.5], "upper": [6.0]})
    outcome, end = flow(model, [2.0, 2.5], held=[0, -1], nearby=1e-8)
    assert outcome[0] is Status.CONVERGED
    assert end[1] == 2.5
    assert model.value_and_gradient(end)[1][0] == pytest.approx(0.0, abs=1e-5)
    assert outcome[2] == pytest.approx(abs(model.value_and_gradient(end)[1][0]) / np.sqrt(2.0), abs=1e-12)
