"""The sharpness-aware loss: its definition, an exact gradient, and what it does where the data's gradient vanishes."""

import dataclasses

import numpy as np
import pytest

from llcommon.losses import build
from llcommon.losses._mlp_sharp import _direction
from tests.llcommon.losses.cases import ROWS, binary_table, class_table, xor_table
from tests.reference import derivatives

OPTIONS = [
    {"loss": "cross-entropy"},
    {"loss": "mse", "activation": "logistic", "hidden": [2, 2]},
    {"loss": "auc", "beta": 3.0},
    {"loss": "bce", "activation": "silu"},
    {"loss": "cross-entropy", "regularise_biases": False},
]


def table_for(options):
    return binary_table() if options["loss"] in ("auc", "bce") else class_table()


def pair_of(options, radius=0.3, strength=0.02):
    """The sharpness-aware model and that of the data alone."""
    common = {"hidden": [3], **options}
    sharp = build("mlp", {**common, "lambda": strength, "sharpness_radius": radius}, table_for(options))
    return sharp, build("mlp", {**common, "lambda": 0.0}, table_for(options))


@pytest.fixture
def rng():
    return np.random.default_rng(8)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_loss_at_the_end_of_a_step_uphill(options, rng):
    sharp, plain = pair_of(options)
    x = sharp.random_start(rng)
    gradient = plain.value_and_gradient(x)[1]
    end = x + 0.3 * gradient / np.linalg.norm(gradient)
    penalised = x if sharp.parameters.regularise_biases else np.concatenate([m[:-1].ravel() for m in sharp.matrices(x)])
    assert sharp.value(x) == pytest.approx(plain.value(end) + 0.02 * penalised @ penalised, rel=1e-13)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_gradient_is_exact_and_the_second_derivatives_good_to_nine_digits(options, rng):
    sharp, _ = pair_of(options)
    x = sharp.random_start(rng)
    gradient = sharp.value_and_gradient(x)[1]
    assert gradient == pytest.approx(derivatives.differences_of_value(sharp.value, x), abs=1e-9)
    hessian = sharp.hessian(x)
    assert np.array_equal(hessian, hessian.T)
    # Differences of the value twice over know six digits only.
    for _ in range(3):
        v = rng.standard_normal(sharp.dimension)
        assert sharp.hessian_vector(x, v) == pytest.approx(hessian @ v, abs=3e-9 * np.abs(hessian).max())
    step = 3e-4
    x_plus, x_minus = x + step * v, x - step * v
    slopes = [sharp.value_and_gradient(at)[1] @ v for at in (x_plus, x_minus)]
    assert v @ hessian @ v == pytest.approx((slopes[0] - slopes[1]) / (2.0 * step), rel=1e-4)


def test_without_a_radius_it_is_the_plain_loss(rng):
    plain = build("mlp", {"hidden": [3]}, class_table())
    off = build("mlp", {"hidden": [3], "sharpness_radius": 0.0}, class_table())
    tiny = build("mlp", {"hidden": [3], "sharpness_radius": 1e-9}, class_table())
    x = plain.random_start(rng)
    assert off.value(x) == plain.value(x)
    assert tiny.value(x) == pytest.approx(plain.value(x), rel=1e-8)
    assert tiny.value_and_gradient(x)[1] == pytest.approx(plain.value_and_gradient(x)[1], abs=1e-8)


def test_at_a_stationary_point_of_the_data_it_has_their_loss():
    # At zero weights the gradient of the XOR data vanishes, and all derivatives are finite.
    model = build("mlp", {"hidden": [2], "lambda": 0.01, "sharpness_radius": 0.5}, xor_table())
    origin = np.zeros(model.dimension)
    value, gradient = model.value_and_gradient(origin)
    assert value == pytest.approx(np.log(2.0), rel=1e-15)
    assert np.abs(gradient).max() < 1e-15
    assert np.isfinite(model.hessian(origin)).all()


def test_the_gradient_is_exact_below_the_floor_and_at_its_edge(rng):
    model = build("mlp", {"hidden": [2], "sharpness_radius": 0.3, "sharpness_floor": 0.5}, class_table())
    plain = build("mlp", {"hidden": [2], "lambda": 0.0}, class_table())
    x = model.random_start(rng)
    size = np.linalg.norm(plain.value_and_gradient(x)[1])
    assert 0.05 < size
    for floor in (10.0 * size, 2.0 * size, size * (1.0 + 1e-6), size * (1.0 - 1e-6)):
        parameters = dataclasses.replace(model.parameters, sharpness_floor=float(floor))
        near = type(model)(parameters, class_table())
        gradient = near.value_and_gradient(x)[1]
        assert gradient == pytest.approx(derivatives.differences_of_value(near.value, x), abs=1e-8)


def test_the_direction_and_its_derivative_are_continuous_at_the_floor(rng):
    g = rng.standard_normal(5)
    size = np.linalg.norm(g)
    found = []
    for floor in (size * (1.0 + 1e-9), size * (1.0 - 1e-9)):
        u = np.empty(5)
        first, second = _direction(g, floor, u)
        found.append((u, first, second))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-8)
    assert found[0][1:] == pytest.approx(found[1][1:], rel=1e-7)
    assert found[1][0] == pytest.approx(g / size, rel=1e-15)


def test_images_have_the_same_loss_and_the_gauge_stays(rng):
    model = build("mlp", {"hidden": [3], "sharpness_radius": 0.3, "lambda": 0.0}, class_table())
    x = model.random_start(rng)
    value = model.value(x)
    assert model.value(model.random_image(x, rng)) == pytest.approx(value, rel=1e-13)
    assert len(model.zero_modes(x)) == 4
    for mode in model.zero_modes(x):
        assert model.value(x + 2.0 * mode) == pytest.approx(value, rel=1e-13)
        assert np.abs(model.hessian(x) @ mode).max() < 1e-9


def test_workspaces_are_large_enough_and_their_contents_do_not_matter(rng):
    model = build("mlp", {"hidden": [3, 2], "sharpness_radius": 0.3, "activation": "gelu"}, class_table())
    x, v = rng.standard_normal((2, model.dimension))
    margin = 100
    out = np.empty(model.dimension)
    matrix = np.empty((model.dimension, model.dimension))
    small = np.full(model.packed[2].size + margin, 12345.0)
    value = model.kernel(x, out, model.reals, model.integers, small[:-margin])
    assert value == model.value(x)
    model.hessian_vector_kernel(x, v, out, model.reals, model.integers, small[:-margin])
    assert np.array_equal(out, model.hessian_vector(x, v))
    large = np.full(model.hessian_packed()[2].size + margin, 12345.0)
    model.hessian_kernel(x, matrix, model.reals, model.integers, large[:-margin])
    assert np.array_equal(matrix, model.hessian(x))
    assert (small[-margin:] == 12345.0).all() and (large[-margin:] == 12345.0).all()


def test_some_rows_are_sharp_by_themselves(rng):
    model = build("mlp", {"hidden": [3], "sharpness_radius": 0.3}, class_table())
    x = model.random_start(rng)
    assert model.value_and_gradient_of(np.arange(ROWS), x)[0] == model.value(x)
    assert np.isfinite(model.value_and_gradient_of(np.array([2]), x)[1]).all()


def test_it_says_that_second_derivatives_are_differences():
    model = build("mlp", {"hidden": [3], "sharpness_radius": 0.3}, class_table())
    assert any("differences of its gradient" in caution for caution in model.cautions())
