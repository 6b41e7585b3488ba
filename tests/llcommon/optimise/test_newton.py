"""Newton's finish, dense or truncated: fast, downhill, and at the rounding floor when it says converged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon import losses
from llcommon.optimise.newton import newton
from llcommon.optimise.truncated import length_to_sphere, thin_out, truncated_newton
from llcommon.status import Status
from tests.llcommon.optimise.models import SURFACES, Awkward, Rosenbrock, known, separable, small_mlp
from tests.reference.optimise import minimum_near

RMS = 1e-9


def finish(model, x, tolerance=RMS, maximum_step=0.4, limit=200, radius=1e4, frozen=None, box=None):
    """(status, loss, rms, evaluations, hessians) and the end point."""
    lower, upper = box or (np.full(model.dimension, -np.inf), np.full(model.dimension, np.inf))
    point = np.array(x, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = newton(
        model.kernel,
        model.hessian_kernel,
        *model.hessian_packed(),
        model.zero_modes(x) if frozen is None else frozen,
        lower,
        upper,
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
    modes = model.zero_modes(np.zeros(model.dimension))
    assert len(modes)
    start = model.random_start(np.random.default_rng(4))
    (status, _, rms, _, _), x = finish(model, start)
    assert status is Status.CONVERGED
    assert rms <= RMS
    assert modes @ x == pytest.approx(modes @ start, abs=1e-9)


def truncated(model, x, tolerance=RMS, maximum_step=0.4, limit=5000, radius=1e4, frozen=None, box=None, memory=10):
    """As `finish`, without dense Hessians: (status, loss, rms, evaluations) and the end point."""
    lower, upper = box or (np.full(model.dimension, -np.inf), np.full(model.dimension, np.inf))
    point = np.array(x, dtype=np.float64)
    outcome = truncated_newton(
        model.kernel,
        model.hessian_vector_kernel,
        *model.packed,
        model.zero_modes(x) if frozen is None else frozen,
        lower,
        upper,
        point,
        np.empty(model.dimension),
        tolerance,
        memory,
        maximum_step,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point


@pytest.mark.parametrize("run", [finish, truncated])
def test_frozen_directions_take_no_part(run):
    """With one weight frozen the end is the minimum of the others, and that weight stays where it was, to the bit."""
    model = small_mlp(**{"lambda": 1e-2})
    frozen = np.eye(model.dimension)[[4]]
    start = model.random_start(np.random.default_rng(4))
    (status, _, rms, *_), x = run(model, start, frozen=frozen)
    assert status is Status.CONVERGED
    assert rms <= RMS
    assert x[4] == start[4]
    gradient = model.value_and_gradient(x)[1]
    assert np.abs(np.delete(gradient, 4)).max() < 1e-8
    assert abs(gradient[4]) > 1e-4


@pytest.mark.parametrize("run", [finish, truncated])
def test_a_step_ends_at_the_bound(run):
    """On the way from (1, 1) to the minimum (3, 2) of Himmelblau's function lies the bound x = 1.5."""
    model = losses.build("himmelblau", {})
    box = np.array([-9.0, -9.0]), np.array([1.5, 9.0])
    (status, loss, *_), x = run(model, [1.0, 1.0], box=box)
    assert status is Status.HIT_BOUND
    assert x[0] == 1.5
    assert loss == model.value(x) < model.value(np.ones(2))
    again = run(model, x, box=box)
    assert again[0][0] is Status.HIT_BOUND
    assert (again[1] == x).all()


@pytest.mark.parametrize("memory", [1, 5, 40])
def test_truncated_as_dense(memory):
    """From near a minimum both end in one point, whatever the preconditioner."""
    model = small_mlp(**{"lambda": 1e-3})
    start = finish(model, model.random_start(np.random.default_rng(3)))[1]
    start += 0.01 * np.random.default_rng(1).standard_normal(model.dimension)
    _, expected = finish(model, start)
    (status, _, rms, evaluations), x = truncated(model, start, memory=memory)
    assert status is Status.CONVERGED
    assert rms <= RMS
    assert evaluations > model.dimension / 4
    assert x == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", SURFACES)
def test_truncated_runs_down_from_saddles_and_maxima(name):
    model = losses.build(name, {})
    minima = known(model, 0)
    rng = np.random.default_rng(5)
    starts = [x + 1e-4 * rng.standard_normal(2) for index in (1, 2) for x, _ in known(model, index)]
    starts += [model.random_start(rng) for _ in range(10)]
    for start in starts:
        (status, loss, rms, _), x = truncated(model, start)
        assert status is Status.CONVERGED
        assert rms <= RMS
        assert loss <= model.value(start)
        assert min(np.linalg.norm(place - x) for place, _ in minima) < 1e-8


@pytest.mark.parametrize("options", [{"lambda": 0.0}, {"lambda": 1e-2, "regularise_biases": False}])
def test_truncated_takes_no_step_along_zero_modes(options):
    model = small_mlp(hidden=() if options["lambda"] == 0.0 else (3,), **options)
    modes = model.zero_modes(np.zeros(model.dimension))
    start = model.random_start(np.random.default_rng(4))
    (status, *_), x = truncated(model, start)
    assert status is Status.CONVERGED
    assert modes @ x == pytest.approx(modes @ start, abs=1e-9)


def test_truncated_failures_have_names():
    model = separable()
    (status, *_), x = truncated(model, np.zeros(model.dimension), radius=8.0)
    assert status is Status.LEFT_RADIUS
    assert np.linalg.norm(x) > 8.0
    network = small_mlp(**{"lambda": 1e-3})
    start = network.random_start(np.random.default_rng(3))
    (status, _, rms, evaluations), _ = truncated(network, start, limit=12)
    assert status is Status.STEP_LIMIT
    assert rms > RMS
    assert 12 <= evaluations <= 13
    (status, *_), _ = truncated(network, np.full(network.dimension, np.nan))
    assert status is Status.NOT_FINITE


def test_nothing_to_do_where_the_gradient_vanishes():
    (status, loss, rms, evaluations), x = truncated(losses.build("himmelblau", {}), [3.0, 2.0])
    assert (status, loss, rms, evaluations) == (Status.CONVERGED, 0.0, 0.0, 1)
    assert x.tolist() == [3.0, 2.0]


@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.floats(0.1, 10.0))
def test_length_to_sphere(n, seed, trust):
    rng = np.random.default_rng(seed)
    step = rng.normal(size=n)
    step *= rng.uniform(0.0, 1.0) * trust / np.linalg.norm(step)
    direction = rng.normal(size=n)
    length = length_to_sphere(step, direction, trust)
    assert length >= 0.0
    assert np.linalg.norm(step + length * direction) == pytest.approx(trust, rel=1e-9)


def test_thin_out_keeps_every_other_pair():
    rows = np.arange(5.0)[:, None] * np.ones(2)
    changes = -rows
    curvature = np.arange(5.0)
    assert thin_out(5, rows, changes, curvature) == 3
    assert rows[:3, 0].tolist() == [0.0, 2.0, 4.0]
    assert changes[:3, 1].tolist() == [0.0, -2.0, -4.0]
    assert curvature[:3].tolist() == [0.0, 2.0, 4.0]


def test_steps_are_repeated_with_one_factor():
    """Close to a minimum the simplified steps go to the rounding floor on the Hessian of the first."""
    model = small_mlp()
    start = model.random_start(np.random.default_rng(3))
    _, end = finish(model, start)
    away = 1e-3 * np.random.default_rng(4).standard_normal(model.dimension)
    (status, _, size, evaluations, hessians), point = finish(model, end + away)
    assert status is Status.CONVERGED
    assert size <= 1e-3 * RMS
    assert hessians <= 2 < evaluations - 1
    assert point == pytest.approx(end, abs=1e-9)


def test_a_long_step_ends_on_the_trust_region():
    """The shift for a step that is too long is found without another Hessian."""
    model = losses.build("double-well", {"dimension": 3})
    minimum = known(model, 0)[0][0]
    start = minimum + np.array([0.0, 2.0, 3.0])
    (status, _, _, _, hessians), point = finish(model, start, maximum_step=0.5, limit=1)
    assert status is Status.STEP_LIMIT
    assert hessians == 1
    assert 0.45 < np.linalg.norm(point - start) <= 0.5 * (1 + 1e-12)
