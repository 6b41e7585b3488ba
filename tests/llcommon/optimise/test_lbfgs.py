"""L-BFGS, BFGS, conjugate gradients: where they end, what they never do, what they say if nothing is to be found."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.bfgs import bfgs
from llcommon.optimise.conjugate import conjugate_gradient, line_search
from llcommon.optimise.lbfgs import lbfgs
from llcommon.status import Status
from tests.llcommon.optimise.models import SURFACES, Awkward, Rosenbrock, known, separable, small_mlp
from tests.reference.optimise import minimum_near


@pytest.fixture(params=["lbfgs-1", "lbfgs-4", "lbfgs-30", "bfgs", "conjugate"])
def quench(request):
    """Quench by L-BFGS with a memory of so many steps, BFGS with the full inverse Hessian, or conjugate gradients.

    Returns (status, loss, rms, evaluations), the end point and its gradient.
    """
    name, _, memory = request.param.partition("-")

    def run(model, x, tolerance=1e-9, maximum_step=0.4, iterations=5000, radius=1e4):
        point = np.array(x, dtype=np.float64)
        gradient = np.full(model.dimension, np.nan)
        start = (model.kernel, *model.packed, point, gradient, tolerance)
        limits = (maximum_step, iterations, radius)
        if name == "lbfgs":
            outcome = lbfgs(*start, int(memory), *limits)
        else:
            outcome = {"bfgs": bfgs, "conjugate": conjugate_gradient}[name](*start, *limits)
        return (Status(outcome[0]), *outcome[1:]), point, gradient

    return run


@pytest.mark.parametrize("dimension", [2, 3, 10])
def test_end_of_the_rosenbrock_valley(quench, dimension):
    """The global minimum or, beyond three dimensions, the local one: as SciPy finds it from nearby."""
    model = Rosenbrock(dimension)
    start = np.random.default_rng(dimension).uniform(-1.5, 1.5, dimension)
    (status, loss, rms, evaluations), x, gradient = quench(model, start)
    assert status is Status.CONVERGED
    assert rms <= 1e-9
    assert evaluations == model.workspace[0]
    assert gradient @ gradient == pytest.approx(rms**2 * dimension, abs=1e-30)
    reference, place = minimum_near(model.value_and_gradient, x + 1e-2)
    assert loss == pytest.approx(reference, abs=1e-10)
    assert x == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("name", SURFACES)
def test_surfaces_end_in_known_minima(quench, name):
    model = losses.build(name, {})
    minima = known(model, 0)
    rng = np.random.default_rng(3)
    reached = set()
    for _ in range(40):
        (status, loss, _, _), x, _ = quench(model, model.random_start(rng), maximum_step=0.1)
        assert status is Status.CONVERGED
        nearest = min(range(len(minima)), key=lambda i: np.linalg.norm(minima[i][0] - x))
        assert x == pytest.approx(minima[nearest][0], abs=1e-6)
        assert loss == pytest.approx(minima[nearest][1], abs=1e-10)
        reached.add(nearest)
    assert len(reached) > 1


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_network_as_scipy(quench, activation):
    model = small_mlp(activation=activation, **{"lambda": 1e-2})
    (status, loss, _, _), x, _ = quench(model, model.random_start(np.random.default_rng(1)), tolerance=1e-8)
    assert status is Status.CONVERGED
    reference, _ = minimum_near(model.value_and_gradient, x + 1e-3)
    assert loss == pytest.approx(reference, abs=1e-10)


def test_one_minimum_of_a_convex_loss_from_everywhere(quench):
    model = small_mlp(hidden=(), **{"lambda": 1e-3})
    reference, place = minimum_near(model.value_and_gradient, np.zeros(model.dimension))
    rng = np.random.default_rng(2)
    for _ in range(5):
        (status, loss, _, _), x, _ = quench(model, 5.0 * rng.standard_normal(model.dimension))
        assert status is Status.CONVERGED
        assert loss == pytest.approx(reference, abs=1e-12)
        assert x == pytest.approx(place, abs=1e-5)


@pytest.mark.parametrize("longest", [0.02, 0.1, 0.5])
def test_steps_are_short_and_never_uphill(quench, longest):
    """Every point tried is near the one before it that was no higher, and the end is the lowest of all."""
    model = Rosenbrock(4)
    start = np.array([-1.2, 1.0, -0.5, 1.4])
    (status, loss, _, evaluations), x, _ = quench(model, start, maximum_step=longest)
    points, values = model.evaluated()
    assert status is Status.CONVERGED
    assert len(points) == evaluations
    here, value = points[0], values[0]
    for point, trial in zip(points[1:], values[1:], strict=True):
        assert np.linalg.norm(point - here) <= longest * (1 + 1e-12)
        if trial <= value + 1e-13 * (1.0 + abs(value)):
            here, value = point, trial
    assert (here == x).all()
    assert value == loss
    # The cap is in use: the way from the start is many steps long.
    assert evaluations > np.linalg.norm(x - start) / longest


@pytest.mark.parametrize(
    ("kind", "start", "status"),
    [
        (Awkward.NAN, (0.0, 0.0), Status.NOT_FINITE),
        (Awkward.SLOPE, (0.0, 0.0), Status.LEFT_RADIUS),
        (Awkward.SLOPE, (np.inf, 0.0), Status.NOT_FINITE),
        (Awkward.TO_INFINITY, (-2.0, 0.0), Status.NOT_FINITE),
    ],
)
def test_named_failures(quench, kind, start, status):
    model = Awkward(kind)
    (found, _, _, evaluations), x, _ = quench(model, start, radius=50.0)
    assert found is status
    assert evaluations < 5000
    if status is Status.LEFT_RADIUS:
        assert 50.0 < np.linalg.norm(x) <= 50.4 + 1e-9


def test_a_cliff_on_the_way_is_backed_off_from(quench):
    """x - ln x is NaN for x <= 0: steps that land there are shortened, and the minimum x = 1 is found."""
    model = Awkward(Awkward.BARRIER, 3)
    (status, loss, _, _), x, _ = quench(model, [0.05, 3.0, 0.3], maximum_step=2.0)
    assert status is Status.CONVERGED
    assert x == pytest.approx(np.ones(3), abs=1e-8)
    assert loss == pytest.approx(3.0, abs=1e-12)


def test_an_infinite_wall_is_not_crossed(quench):
    model = Awkward(Awkward.TO_INFINITY)
    (status, loss, _, _), x, _ = quench(model, [3.0, 0.0])
    assert status is Status.NO_DESCENT
    assert -1.0 <= x[0] < -0.9
    assert np.isfinite(loss)


def test_step_limit(quench):
    (status, _, rms, _), _, _ = quench(Rosenbrock(6), np.full(6, -1.0), iterations=5)
    assert status is Status.STEP_LIMIT
    assert rms > 1e-9


def test_nothing_to_do_at_a_minimum(quench):
    model = losses.build("himmelblau", {})
    (status, loss, _, evaluations), x, _ = quench(model, [3.0, 2.0])
    assert (status, loss, evaluations) == (Status.CONVERGED, 0.0, 1)
    assert x.tolist() == [3.0, 2.0]


def test_unregularised_network_runs_away(quench):
    """Two clouds that a line separates: without an L2 term the loss falls for ever."""
    model = separable()
    (status, loss, rms, _), x, _ = quench(model, np.zeros(model.dimension), radius=8.0)
    assert status is Status.LEFT_RADIUS
    assert np.linalg.norm(x) > 8.0
    assert np.isfinite(loss) and rms > 1e-9


@pytest.mark.parametrize("first", [1e-4, 1e-2, 0.3, 5.0])
def test_line_search_flattens_the_slope(first):
    """Along the steepest descent of Rosenbrock's function, from much too short a step and from much too long."""
    model = Rosenbrock(3)
    x = np.array([-0.5, 0.8, 0.3])
    loss, gradient = model.value_and_gradient(x)
    direction = -gradient / np.linalg.norm(gradient)
    slope = float(direction @ gradient)
    trial, trial_gradient = np.empty(3), np.empty(3)
    search = (model.kernel, *model.packed, x, direction, loss, slope)
    accepted, found, length, evaluations = line_search(*search, first, 10.0, trial, trial_gradient)
    assert accepted
    assert evaluations < 20
    assert trial == pytest.approx(x + length * direction, abs=1e-15)
    assert found == model.value(trial) < loss
    assert abs(trial_gradient @ direction) <= -0.1 * slope


def test_line_search_stops_at_the_longest_step():
    model = Awkward(Awkward.SLOPE)
    search = (model.kernel, *model.packed, np.zeros(2), np.array([-1.0, 0.0]), 0.0, -1.0)
    accepted, loss, length, _ = line_search(*search, 0.01, 0.5, np.empty(2), np.empty(2))
    assert (accepted, loss, length) == (True, -0.5, 0.5)
