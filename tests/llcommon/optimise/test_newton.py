"""Newton's finish: quadratic, downhill only, and at the rounding floor when it says converged."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.newton import lift_zero_modes, newton
from llcommon.status import Status
from tests.llcommon.optimise.models import SURFACES, Awkward, Rosenbrock, known, separable, small_mlp
from tests.reference.optimise import minimum_near

RMS = 1e-9


def finish(model, x, tolerance=RMS, maximum_step=0.4, limit=200, radius=1e4):
    """(status, loss, rms, evaluations, hessians) and the end point."""
    point = np.array(x, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = newton(
        model.kernel,
        model.hessian_kernel,
        *model.hessian_packed(),
        model.zero_modes(),
        point,
        gradient,
        tolerance,
        maximum_step,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point


@pytest.mark.parametrize("dimension", [2, 5, 12])
def test_end_of_the_rosenbrock_valley(dimension):
    model = Rosenbrock(dimension)
    start = np.random.default_rng(dimension).uniform(-1.5, 1.5, dimension)
    (status, loss, rms, evaluations, _), x = finish(model, start)
    assert status is Status.CONVERGED
    assert rms <= RMS
    assert evaluations == model.workspace[0]
    reference, place = minimum_near(model.value_and_gradient, x + 1e-2)
    assert loss == pytest.approx(reference, abs=1e-10)
    assert x == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("name", SURFACES)
def test_only_minima_end_it(name):
    """From beside a saddle or a maximum as from anywhere: the end is one of the known minima."""
    model = losses.build(name, {})
    minima = known(model, 0)
    rng = np.random.default_rng(5)
    starts = [x + 1e-4 * rng.standard_normal(2) for index in (1, 2) for x, _ in known(model, index)]
    starts += [model.random_start(rng) for _ in range(10)]
    for start in starts:
        (status, loss, rms, _, _), x = finish(model, start)
        assert status is Status.CONVERGED
        assert rms <= RMS
        distances = [np.linalg.norm(place - x) for place, _ in minima]
        assert min(distances) < 1e-8
        assert loss == pytest.approx(minima[int(np.argmin(distances))][1], abs=1e-10)


def test_quadratic_at_the_end():
    """Error after one more step at most proportional to its square, down to the rounding."""
    model = small_mlp(**{"lambda": 1e-2})
    _, minimum = finish(model, model.random_start(np.random.default_rng(8)), tolerance=1e-12)
    sideways = np.random.default_rng(1).standard_normal(model.dimension)
    start = minimum + 0.03 * sideways / np.linalg.norm(sideways)
    errors = []
    for limit in range(1, 8):
        _, x = finish(model, start, limit=limit)
        errors.append(np.linalg.norm(x - minimum))
    near = [(a, b) for a, b in zip(errors[:-1], errors[1:], strict=True) if 1e-7 < a < 1e-2]
    assert near
    for before, after in near:
        assert after <= 100.0 * before**2 + 1e-13
    assert errors[-1] < 1e-12


@pytest.mark.parametrize("strength", [1e-2, 1e-4])
def test_goes_on_to_the_rounding_floor(strength):
    """A loose tolerance ends as low as a tight one: convergence is quadratic, so the rest is free."""
    model = small_mlp(**{"lambda": strength})
    for seed in range(4):
        start = model.random_start(np.random.default_rng(seed))
        (status, loose, rms, _, _), x = finish(model, start, tolerance=1e-6, limit=500)
        assert status is Status.CONVERGED
        assert rms < 1e-9
        reference, _ = minimum_near(model.value_and_gradient, x + 1e-4)
        assert loose == pytest.approx(reference, abs=1e-10)


@pytest.mark.parametrize(
    ("kind", "start", "status"),
    [
        (Awkward.NAN, (0.0, 0.0), Status.NOT_FINITE),
        (Awkward.SLOPE, (0.0, 0.0), Status.LEFT_RADIUS),
        (Awkward.TO_INFINITY, (-2.0, 0.0), Status.NOT_FINITE),
    ],
)
def test_named_failures(kind, start, status):
    (found, _, _, _, hessians), _ = finish(Awkward(kind), start, radius=20.0)
    assert found is status
    assert hessians < 200


def test_an_infinite_wall_is_not_crossed():
    (status, loss, _, _, _), x = finish(Awkward(Awkward.TO_INFINITY), [3.0, 0.0])
    assert status in (Status.NO_DESCENT, Status.STEP_LIMIT)
    assert x[0] >= -1.0
    assert np.isfinite(loss)


def test_unregularised_network_runs_away():
    model = separable()
    (status, _, _, _, _), x = finish(model, np.zeros(model.dimension), radius=8.0)
    assert status is Status.LEFT_RADIUS
    assert np.linalg.norm(x) > 8.0


def test_step_limit():
    (status, _, rms, _, hessians), _ = finish(Rosenbrock(6), np.full(6, -1.0), limit=3)
    assert status is Status.STEP_LIMIT
    assert rms > RMS
    assert hessians == 3


@pytest.mark.parametrize("options", [{"lambda": 0.0}, {"lambda": 1e-2, "regularise_biases": False}])
def test_no_step_along_zero_modes(options):
    """The loss says nothing about a gauge direction, so a quench does not move there."""
    model = small_mlp(hidden=() if options["lambda"] == 0.0 else (3,), **options)
    modes = model.zero_modes()
    assert len(modes)
    start = model.random_start(np.random.default_rng(4))
    (status, _, rms, _, _), x = finish(model, start)
    assert status is Status.CONVERGED
    assert rms <= RMS
    assert modes @ x == pytest.approx(modes @ start, abs=1e-9)


def test_lift_zero_modes():
    rng = np.random.default_rng(0)
    modes = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(6, 6)))[0][:2])
    matrix = rng.normal(size=(6, 6))
    expected = matrix + 3.0 * modes.T @ modes
    lift_zero_modes(modes, matrix, 3.0)
    assert matrix == pytest.approx(expected, abs=1e-14)
