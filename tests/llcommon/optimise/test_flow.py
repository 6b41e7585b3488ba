"""The gradient flow: its steps against the exact solution, its ends against SciPy's integrator."""

import numpy as np
import pytest
from scipy.linalg import expm

from llcommon import losses
from llcommon.optimise.flow import extrapolated_step, gradient_flow
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known, small_mlp
from tests.reference import optimise as twin


def flow(model, x, accuracy=3e-3, longest=0.5, nearby=0.1, limit=2000, radius=1e4, tolerance=1e-9):
    point = np.array(x, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = gradient_flow(
        model.kernel,
        model.hessian_kernel,
        *model.hessian_packed(),
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
    table = np.empty((3, n))
    solved, _, error = extrapolated_step(
        model.kernel,
        *model.packed,
        model.hessian(x),
        x,
        gradient,
        time,
        np.empty((n, n)),
        table,
        np.empty(n),
        np.empty(n),
    )
    assert solved
    return table[2].copy(), error


def test_step_on_a_quadratic_is_of_third_order():
    """Beside a minimum the flow is exp(-H t): halving the step divides the error by about 16."""
    model = losses.build("double-well", {"dimension": 3})
    minimum = known(model, 0)[0][0]
    hessian = model.hessian(minimum)
    away = np.array([1e-6, 1e-6, -1e-6])
    errors = []
    for time in (0.02, 0.01):
        point, estimate = one_step(model, minimum + away, time)
        exact = minimum + expm(-hessian * time) @ away
        errors.append(np.linalg.norm(point - exact))
        assert errors[-1] < estimate
    assert 11.0 < errors[0] / errors[1] < 18.0


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
