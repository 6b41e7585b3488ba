"""The methods of `[quench] method`: a landscape does not depend on the choice."""

from dataclasses import fields

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.adam import adam
from llcommon.optimise.fire import fire
from llcommon.optimise.lbfgsb import lbfgs_b
from llcommon.optimise.methods import COARSE_RMS, METHODS
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher, memory_for
from llcommon.optimise.sgd import sgd
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import SURFACES, Awkward, Rosenbrock, known, separable, settings, small_mlp

(CHOICES,) = (field.metadata["rule"].choices for field in fields(QuenchSettings) if field.name == "method")
BY_NAME = tuple(choice for choice in CHOICES if choice != "auto")
FREE = np.full(2, np.inf)


def xor(strength):
    return losses.build("mlp", {"hidden": [2], "lambda": strength}, xor_table())


def test_every_choice_has_its_method():
    assert set(BY_NAME) == set(METHODS) - {"projected"}


# --- the landscape ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: xor(1e-3), lambda: small_mlp(**{"lambda": 1e-3})], ids=["xor", "mlp"])
def test_all_methods_return_to_the_same_minima(make):
    """From a little beside minima, all end in the points they were disturbed from, to rounding over curvature."""
    model = make()
    auto = Quencher(model, settings())
    rng = np.random.default_rng(5)
    minima = [auto.quench(model.random_start(rng)) for _ in range(4)]
    starts = [found.coordinates + 1e-2 * rng.standard_normal(model.dimension) for found in minima]
    for method in BY_NAME:
        quencher = Quencher(model, settings(method=method))
        for found, start in zip(minima, starts, strict=True):
            result = quencher.quench(start)
            assert result.status is Status.CONVERGED
            assert result.loss == pytest.approx(found.loss, abs=1e-14)
            assert result.coordinates == pytest.approx(found.coordinates, abs=1e-8)


@pytest.mark.parametrize("method", CHOICES)
@pytest.mark.parametrize("make", [lambda: xor(1e-2), lambda: xor(1e-4), lambda: small_mlp(**{"lambda": 1e-4})])
def test_every_quench_of_a_network_ends_in_a_verified_minimum(make, method):
    model = make()
    quencher = Quencher(model, settings(method=method))
    rng = np.random.default_rng(1)
    for _ in range(4):
        start = model.random_start(rng)
        result = quencher.quench(start)
        assert result.status is Status.CONVERGED
        assert result.rms <= 1e-9
        assert result.loss < model.value(start)
        assert minimum_at(model, result.coordinates, 1e-9)[1] is Status.CONVERGED


@pytest.mark.parametrize("method", CHOICES)
@pytest.mark.parametrize("name", SURFACES)
def test_every_quench_of_a_surface_ends_in_a_known_minimum(name, method):
    model = losses.build(name, {})
    quencher = Quencher(model, settings(method=method))
    minima = known(model, 0)
    rng = np.random.default_rng(4)
    reached = set()
    for _ in range(12):
        result = quencher.quench(model.random_start(rng))
        assert result.status is Status.CONVERGED
        distances = [np.linalg.norm(place - result.coordinates) for place, _ in minima]
        assert min(distances) < 1e-8
        reached.add(int(np.argmin(distances)))
    assert len(reached) > 1


@pytest.mark.parametrize("method", CHOICES)
def test_sloppy_stops_at_its_tolerance(method):
    model = xor(1e-3)
    start = model.random_start(np.random.default_rng(1))
    result = Quencher(model, settings(method=method, sloppy_rms=1e-5)).sloppy(start)
    coarse = method in ("sgd", "adam")
    assert result.status is Status.CONVERGED
    assert result.rms <= (COARSE_RMS if coarse else 1e-5)
    gradient = model.value_and_gradient(result.coordinates)[1]
    assert result.rms == pytest.approx(np.sqrt(np.mean(gradient**2)), abs=1e-12)
    asked = Quencher(model, settings(method=method)).sloppy(start, 1e-3)
    assert asked.status is Status.CONVERGED
    assert asked.rms <= 1e-3
    assert asked.evaluations <= result.evaluations


@pytest.mark.parametrize("method", CHOICES)
def test_same_bits_again(method):
    model = xor(1e-3)
    start = model.random_start(np.random.default_rng(7))
    first, again = (Quencher(xor(1e-3), settings(method=method)).quench(start) for _ in range(2))
    assert first.coordinates.tobytes() == again.coordinates.tobytes()
    assert (first.loss, first.evaluations, first.hessians) == (again.loss, again.evaluations, again.hessians)


@pytest.mark.parametrize("method", CHOICES)
def test_unregularised_network_runs_away(method):
    model = separable()
    result = Quencher(model, settings(method=method, radius=4.0)).quench(np.zeros(model.dimension))
    assert result.status is Status.LEFT_RADIUS


@pytest.mark.parametrize("method", ["sgd", "adam", "fire"])
def test_a_method_at_its_limit_leaves_the_rest_to_the_finish(method):
    """Five steps are not enough for anything, and the whole quench still ends in a minimum."""
    model = xor(1e-3)
    quencher = Quencher(model, settings(method=method, maximum_iterations=5))
    start = model.random_start(np.random.default_rng(1))
    assert quencher.sloppy(start).status is Status.STEP_LIMIT
    result = quencher.quench(start)
    assert result.status is Status.CONVERGED
    assert minimum_at(model, result.coordinates, 1e-9)[1] is Status.CONVERGED


# --- each by itself -----------------------------------------------------------------------------


def run(method, model, x, tolerance=1e-6, rate=0.1, maximum_step=0.4, iterations=5000, radius=1e4):
    """Status, loss, rms, evaluations of a first-order method, its end point and gradient."""
    point = np.array(x, dtype=np.float64)
    gradient = np.empty(point.size)
    parameters = {fire: (rate,), sgd: (rate, 0.9), adam: (rate, 0.9)}[method]
    start = (model.kernel, *model.packed, point, gradient, tolerance, *parameters)
    outcome = method(*start, maximum_step, iterations, radius)
    return (Status(outcome[0]), *outcome[1:]), point, gradient


FIRST_ORDER = [fire, sgd, adam]


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_valley_of_rosenbrock(method):
    model = Rosenbrock(2)
    (status, loss, rms, evaluations), x, gradient = run(method, model, [-0.5, 0.4], rate=0.01, iterations=100_000)
    assert status is Status.CONVERGED
    assert rms <= 1e-6
    assert evaluations == model.workspace[0]
    assert loss == model.value(x)
    assert gradient == pytest.approx(model.value_and_gradient(x)[1], abs=0.0)
    assert x == pytest.approx([1.0, 1.0], abs=1e-4)


@pytest.mark.parametrize("method", FIRST_ORDER)
@pytest.mark.parametrize("longest", [0.01, 0.2])
def test_no_step_longer_than_the_cap(method, longest):
    """Steps from an accepted point to the next trial; a restart goes back to one of them."""
    model = Rosenbrock(3)
    run(method, model, [-1.2, 1.0, 0.5], rate=1.0, maximum_step=longest, iterations=300)
    points, _ = model.evaluated()
    for number, point in enumerate(points[1:], start=1):
        assert np.linalg.norm(points[:number] - point, axis=1).min() <= 1.5 * longest * (1 + 1e-12)


def test_sgd_is_the_textbook_recursion():
    """While the loss falls: v = 0.9 v - 0.1 g, x += v, on L = (x^2 - 1)^2 + y^2 / 2."""
    model = losses.build("double-well", {})
    x = np.array([0.8, 0.5])
    velocity = np.zeros(2)
    (_, loss, _, _), found, _ = run(sgd, model, x, rate=0.01, iterations=5)
    for _ in range(5):
        velocity = 0.9 * velocity - 0.01 * model.value_and_gradient(x)[1]
        x = x + velocity
    assert found == pytest.approx(x, abs=1e-14)


def test_adam_is_the_textbook_recursion():
    model = losses.build("double-well", {})
    x = np.array([0.5, 0.5])
    mean, square = np.zeros(2), np.zeros(2)
    _, found, _ = run(adam, model, x, rate=0.01, iterations=6)
    for step in range(1, 7):
        gradient = model.value_and_gradient(x)[1]
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        x = x - 0.01 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    assert found == pytest.approx(x, abs=1e-12)


@pytest.mark.parametrize("rate", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize("method", [sgd, adam])
def test_any_learning_rate_ends(method, rate):
    model = losses.build("himmelblau", {})
    (status, loss, *_), _, _ = run(method, model, [2.0, 1.0], tolerance=1e-3, rate=rate)
    assert status is Status.CONVERGED
    assert loss < 1e-4


@pytest.mark.parametrize("method", FIRST_ORDER)
@pytest.mark.parametrize(
    ("kind", "start", "status"),
    [
        (Awkward.NAN, (0.0, 0.0), Status.NOT_FINITE),
        (Awkward.SLOPE, (0.0, 0.0), Status.LEFT_RADIUS),
        (Awkward.SLOPE, (np.inf, 0.0), Status.NOT_FINITE),
        (Awkward.TO_INFINITY, (-2.0, 0.0), Status.NOT_FINITE),
    ],
)
def test_named_failures(method, kind, start, status):
    (found, *_), _, _ = run(method, Awkward(kind), start, radius=50.0)
    assert found is status


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_an_infinite_wall_is_not_crossed(method):
    (status, loss, *_), x, _ = run(method, Awkward(Awkward.TO_INFINITY), [3.0, 0.0])
    if method is fire:
        assert status is Status.NOT_FINITE
    else:
        assert status in (Status.NO_DESCENT, Status.STEP_LIMIT)
        assert -1.0 <= x[0] < -0.9
        assert np.isfinite(loss)


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_step_limit(method):
    (status, *_, evaluations), _, _ = run(method, Rosenbrock(2), [-0.5, 0.4], rate=0.01, iterations=7)
    assert status is Status.STEP_LIMIT
    assert evaluations == 8


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_nothing_to_do_at_a_minimum(method):
    (status, loss, _, evaluations), x, _ = run(method, losses.build("himmelblau", {}), [3.0, 2.0])
    assert (status, loss, evaluations) == (Status.CONVERGED, 0.0, 1)
    assert x.tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    ("kind", "start", "status"),
    [
        (Awkward.NAN, (0.0, 0.0), Status.NOT_FINITE),
        (Awkward.SLOPE, (0.0, 0.0), Status.LEFT_RADIUS),
        (Awkward.QUARTIC, (2.0, 1.0), Status.CONVERGED),
        (Awkward.BARRIER, (0.05, 3.0), Status.CONVERGED),
    ],
)
def test_lbfgs_b_names_its_end(kind, start, status):
    model = Awkward(kind)
    x = np.array(start)
    gradient = np.empty(2)
    outcome = lbfgs_b(model.kernel, *model.packed, -FREE, FREE, x, gradient, 1e-6, 5, 500, 50.0)
    assert outcome[0] == status
    if status is Status.CONVERGED:
        loss, expected = model.value_and_gradient(x)
        assert outcome[1] == loss
        assert gradient.tolist() == expected.tolist()
        assert outcome[2] <= 1e-6


def test_lbfgs_b_step_limit():
    model = Rosenbrock(6)
    x = np.full(6, -1.0)
    outcome = lbfgs_b(model.kernel, *model.packed, np.full(6, -9.0), np.full(6, 9.0), x, np.empty(6), 1e-9, 5, 4, 1e4)
    assert outcome[0] == Status.STEP_LIMIT
    assert outcome[3] == model.workspace[0]


def test_memory_grows_with_the_size_until_it_costs_too_much():
    sizes = [2, 10, 50, 83, 150, 343, 500, 501, 2410, 10_000]
    memories = [memory_for(size) for size in sizes]
    assert memories == sorted(memories)
    assert memories[0] == 5 and memories[-1] == 100
    assert memory_for(10**6) == 20
