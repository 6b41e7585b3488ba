"""Perceptrons: predictions, what they refuse, and the curvature that a formula gives."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.errors import ConfigError
from llcommon.losses import build
from tests.llcommon.losses.cases import ROWS, class_table, numeric_table, table, xor_table


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("hidden", [[], [4], [3, 2]])
def test_predicted_probabilities_give_the_cross_entropy(hidden, activation, rng):
    data = class_table()
    model = build("mlp", {"hidden": hidden, "activation": activation, "lambda": 0.01}, data)
    x = model.random_start(rng)
    probabilities = model.predict(x, data.features)
    assert probabilities.shape == (ROWS, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(ROWS), rel=1e-14)
    right = probabilities[np.arange(ROWS), data.labels]
    assert model.value(x) == pytest.approx(-np.log(right).mean() + 0.01 * x @ x, rel=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_predicted_numbers_give_the_squared_error(activation, rng):
    data = numeric_table()
    model = build("mlp", {"hidden": [4], "activation": activation, "loss": "mse", "lambda": 0.01}, data)
    x = model.random_start(rng)
    residuals = model.predict(x, data.features)[:, 0] - data.targets
    assert model.value(x) == pytest.approx((residuals**2).mean() + 0.01 * x @ x, rel=1e-13)


def test_predictions_of_new_rows_do_not_overflow(rng):
    model = build("mlp", {"hidden": [4]}, class_table())
    probabilities = model.predict(1e4 * model.random_start(rng), 1e6 * rng.standard_normal((5, 3)))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5))


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_log_probabilities_are_those_of_the_predictions(activation, rng):
    data = class_table()
    model = build("mlp", {"hidden": [4], "activation": activation}, data)
    x = model.random_start(rng)
    logarithms = model.log_probabilities(x, data.features)
    assert np.exp(logarithms) == pytest.approx(model.predict(x, data.features), rel=1e-13)
    # Where a probability rounds to 0 its logarithm is still the difference of two outputs.
    logarithms = model.log_probabilities(1e4 * x, data.features)
    assert np.isfinite(logarithms).all() and logarithms.min() < -1000.0
    assert (np.exp(logarithms) == 0.0).any()


def test_outputs_fitted_by_squares_are_no_probabilities(rng):
    data = class_table()
    model = build("mlp", {"hidden": [2], "loss": "mse"}, data)
    assert model.log_probabilities(model.random_start(rng), data.features) is None



def test_linear_least_squares_without_hidden_layer(rng):
    data = numeric_table()
    model = build("mlp", {"hidden": [], "loss": "mse", "lambda": 0.0}, data)
    design = np.column_stack([data.inputs(), np.ones(ROWS)])
    solution, residual, _, _ = np.linalg.lstsq(design, data.targets)
    assert model.value(solution) == pytest.approx(residual[0] / ROWS, rel=1e-12)
    assert np.abs(model.value_and_gradient(solution)[1]).max() < 1e-13
    assert model.hessian(rng.standard_normal(4)) == pytest.approx(2.0 / ROWS * design.T @ design, rel=1e-12)


@pytest.mark.parametrize("units", [1, 2, 3])
@pytest.mark.parametrize("strength", [1e-4, 1e-3, 1e-1])
def test_xor_at_zero_weights(units, strength):
    # Both classes have the same mean input, so at w = 0 only the output biases have curvature.
    model = build("mlp", {"hidden": [units], "lambda": strength}, xor_table())
    n = model.dimension
    assert n == 5 * units + 2
    origin = np.zeros(n)
    assert model.value(origin) == pytest.approx(math.log(2.0), rel=1e-15)
    assert np.abs(model.value_and_gradient(origin)[1]).max() < 1e-16
    log_product = np.log(np.linalg.eigvalsh(model.hessian(origin))).sum()
    expected = (n - 1) * math.log(2.0 * strength) + math.log(2.0 * strength + 0.5)
    assert log_product == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("units", [1, 2, 5])
def test_softmax_gauge_has_curvature_twice_lambda(units, rng):
    strength = 0.015
    model = build("mlp", {"hidden": [units], "lambda": strength}, class_table())
    eigenvalues = np.linalg.eigvalsh(model.hessian(model.random_start(rng)))
    gauge = np.abs(eigenvalues - 2.0 * strength) < 1e-13
    assert np.count_nonzero(gauge) == units + 1


def test_a_hidden_unit_of_zeros_leaves_the_loss_of_the_smaller_network(rng):
    small = build("mlp", {"hidden": [2], "lambda": 0.01}, class_table())
    large = build("mlp", {"hidden": [3], "lambda": 0.01}, class_table())
    x = small.random_start(rng)
    into, out = small.matrices(x)
    padded = np.zeros(large.dimension)
    large.matrices(padded)[0][:, :2] = into
    large.matrices(padded)[1][[0, 1, 3]] = out
    assert large.value(padded) == pytest.approx(small.value(x), rel=1e-14)
    assert large.stabiliser_order(padded, 1e-9) == 2


def test_one_row_and_one_feature(rng):
    model = build("mlp", {"hidden": [2]}, table([[3.0]], labels=[1]))
    x = model.random_start(rng)
    probability = model.predict(x, np.array([[3.0]]))[0, 1]
    assert model.value(x) == pytest.approx(-math.log(probability) + 1e-4 * x @ x, rel=1e-13)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(1, 30),
    st.sampled_from(["cross-entropy", "mse"]),
)
def test_workspace_is_large_enough_for_any_shape(widths, rows, loss):
    margin = 200
    rng = np.random.default_rng(3)
    outputs = max(2, widths[-1])
    labels = np.append(rng.integers(0, outputs, rows - 1), outputs - 1)
    data = table(rng.standard_normal((rows, widths[0])), labels=labels)
    model = build("mlp", {"hidden": widths[1:-1], "loss": loss}, data)
    x, v = rng.standard_normal((2, model.dimension))
    out = np.empty(model.dimension)
    matrix = np.empty((model.dimension, model.dimension))
    # A kernel that asks for more than its workspace either raises or writes into the margin.
    small = np.full(model.packed[2].size + margin, 12345.0)
    model.kernel(x, out, model.reals, model.integers, small[:-margin])
    model.hessian_vector_kernel(x, v, out, model.reals, model.integers, small[:-margin])
    large = np.full(model.hessian_packed()[2].size + margin, 12345.0)
    model.hessian_kernel(x, matrix, model.reals, model.integers, large[:-margin])
    assert (small[-margin:] == 12345.0).all()
    assert (large[-margin:] == 12345.0).all()
    assert np.abs(matrix @ v - out).max() <= 1e-12 * max(1.0, np.abs(out).max())


def test_cross_entropy_of_a_numeric_target_is_refused():
    with pytest.raises(ConfigError, match="use loss = \"mse\""):
        build("mlp", {}, numeric_table())


def test_missing_data_is_refused():
    with pytest.raises(ConfigError, match=re.escape("the loss model mlp needs training data")):
        build("mlp", {})


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"hiden": [3]}, "did you mean hidden"),
        ({"hidden": [0]}, "at least 1"),
        ({"hidden": 3}, "must be a list"),
        ({"activation": "tan"}, "did you mean tanh"),
        ({"loss": "crossentropy"}, "cross-entropy"),
        ({"lambda": -1e-3}, "at least 0"),
        ({"lambda": math.nan}, "finite"),
        ({"regularise_biases": 1}, "true or false"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(parameters, message):
    with pytest.raises(ConfigError) as raised:
        build("mlp", parameters, class_table())
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
