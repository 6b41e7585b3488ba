"""Hybrid eigenvector following: its parts against dense linear algebra, and the saddles it ends on."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.hybrid import hybrid_search, lowest_mode, relax_across
from llcommon.status import Status
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import SURFACES, known, small_mlp

RMS = 1e-9


def mode_from(model, x, start, most, tolerance):
    """(eigenvalue, products) and the unit vector."""
    mode = start / np.linalg.norm(start)
    arguments = (model.hessian_vector_kernel, *model.packed, model.zero_modes(), x, mode, most, tolerance)
    return lowest_mode(*arguments), mode


def search(model, x, direction, limit=300, radius=1e4):
    """(status, rms, evaluations, products), the end point and the mode there."""
    point = np.array(x, dtype=np.float64)
    mode = np.array(direction, dtype=np.float64)
    gradient = np.empty(model.dimension)
    outcome = hybrid_search(
        model.kernel,
        model.hessian_vector_kernel,
        *model.packed,
        model.zero_modes(),
        point,
        gradient,
        mode,
        RMS,
        0.2,
        20,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point, mode


@pytest.mark.parametrize("options", [{}, {"lambda": 0.0}, {"regularise_biases": False}], ids=str)
def test_lowest_mode_is_that_of_the_dense_hessian(options):
    """As many steps as there are coordinates: the lowest eigenpair beyond the zero modes."""
    model = small_mlp(hidden=(2,), **options)
    rng = np.random.default_rng(1)
    zero_modes = model.zero_modes()
    for _ in range(5):
        x = model.random_start(rng)
        lifted = model.hessian(x) + 100.0 * zero_modes.T @ zero_modes
        values, vectors = np.linalg.eigh(lifted)
        (value, products), mode = mode_from(model, x, rng.standard_normal(model.dimension), 60, 1e-9)
        assert value == pytest.approx(values[0], rel=1e-7, abs=1e-10)
        assert abs(mode @ vectors[:, 0]) == pytest.approx(1.0, abs=1e-6)
        assert np.abs(zero_modes @ mode).max(initial=0.0) < 1e-10
        assert products <= model.dimension


def test_lowest_mode_improves_with_every_step():
    """A Rayleigh quotient that falls with the number of steps, and never below the lowest eigenvalue."""
    model = small_mlp(hidden=(3,))
    rng = np.random.default_rng(2)
    x = model.random_start(rng)
    start = rng.standard_normal(model.dimension)
    hessian = model.hessian(x)
    lowest = np.linalg.eigvalsh(hessian)[0]
    quotients = []
    for most in range(1, 10):
        (value, products), mode = mode_from(model, x, start, most, 0.0)
        assert products == most
        assert np.linalg.norm(mode) == pytest.approx(1.0, abs=1e-12)
        assert value == pytest.approx(mode @ hessian @ mode, abs=1e-10)
        quotients.append(value)
    assert all(after <= before + 1e-12 for before, after in zip(quotients[:-1], quotients[1:], strict=True))
    assert quotients[-1] >= lowest - 1e-10


def test_relaxation_keeps_to_its_space():
    """Nothing moves along the mode; across it the gradient dies out and the loss does not rise."""
    model = small_mlp(hidden=(3,), **{"lambda": 1e-2})
    rng = np.random.default_rng(3)
    x = model.random_start(rng)
    mode = rng.standard_normal(model.dimension)
    mode /= np.linalg.norm(mode)
    before, gradient = model.value_and_gradient(x)
    point = x.copy()
    kernel_and_point = (model.kernel, *model.packed, point, gradient, mode)
    loss, evaluations = relax_across(*kernel_and_point, 1e-7, 2000)
    assert (point - x) @ mode == pytest.approx(0.0, abs=1e-10)
    after, true_gradient = model.value_and_gradient(point)
    assert loss == after < before
    assert (gradient == true_gradient).all()
    across = gradient - (gradient @ mode) * mode
    assert np.sqrt(across @ across / across.size) <= 1e-7
    assert evaluations > 1


@pytest.mark.parametrize("name", SURFACES)
def test_known_saddles_from_nearby(name):
    model = losses.build(name, {})
    rng = np.random.default_rng(4)
    for saddle, _ in known(model, 1):
        start = saddle + 0.02 * rng.uniform(-1.0, 1.0, saddle.size)
        direction = np.linalg.eigh(model.hessian(start))[1][:, 0]
        (status, rms, _, _), x, mode = search(model, start, direction)
        assert status is Status.CONVERGED
        assert rms <= RMS
        assert x == pytest.approx(saddle, abs=1e-7)
        assert abs(mode @ np.linalg.eigh(model.hessian(saddle))[1][:, 0]) == pytest.approx(1.0, abs=1e-3)


def test_network_saddles_have_negative_curvature_and_no_gradient():
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-3}, xor_table())
    rng = np.random.default_rng(6)
    converged = 0
    for _ in range(20):
        direction = rng.standard_normal(model.dimension)
        outcome, x, _ = search(model, model.random_start(rng), direction / np.linalg.norm(direction))
        if outcome[0] is not Status.CONVERGED:
            continue
        converged += 1
        gradient = model.value_and_gradient(x)[1]
        assert np.sqrt(gradient @ gradient / gradient.size) <= RMS
        assert np.linalg.eigvalsh(model.hessian(x))[0] < 0.0
    assert converged >= 10


def test_failures_have_names():
    model = losses.build("double-well", {})
    upwards = np.array([0.0, 1.0])
    assert search(model, [1.0, 0.1], upwards, radius=1.5)[0][0] in (Status.LEFT_RADIUS, Status.FELL_TO_MINIMUM)
    assert search(model, [np.nan, 0.0], upwards)[0][0] is Status.NOT_FINITE
    assert search(losses.build("mueller-brown", {}), [0.6, 0.0], upwards, limit=2)[0][0] is Status.STEP_LIMIT
    bowl = small_mlp(hidden=(), **{"lambda": 1e-1})
    start = bowl.random_start(np.random.default_rng(0))
    assert search(bowl, start, np.eye(bowl.dimension)[0])[0][0] is Status.FELL_TO_MINIMUM
