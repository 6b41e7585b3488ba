"""Importance of input features: what is known of them, and brute force."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from llcommon.data import Rows
from llcommon.losses import build
from llpathsample.interpreting.features import gradient_input, importances, loss_names, permutation_importance
from llpathsample.interpreting.figures import ordered
from tests.planted import table

KINDS = [
    {"hidden": [2], "loss": "cross-entropy"},
    {"hidden": [2, 2], "loss": "mse", "activation": "logistic"},
    {"hidden": [2], "loss": "bce"},
    {"hidden": [], "loss": "cross-entropy"},
]


def by_brute_force(model, x, rows):
    """Rises of all losses, averaged over all permutations of each column."""

    def losses(features):
        outputs = model.predict(x, features)
        own = outputs[np.arange(len(features)), rows.labels]
        probabilities = model.log_probabilities(x, features) is not None
        first = -np.log(own) if probabilities else ((outputs - np.eye(2)[rows.labels]) ** 2).sum(axis=1)
        return np.array([first.mean(), (outputs.argmax(axis=1) != rows.labels).mean()])

    before = losses(rows.features)
    rises = np.zeros((2, rows.features.shape[1]))
    orders = list(permutations(range(len(rows.features))))
    for j in range(rises.shape[1]):
        for order in orders:
            moved = rows.features.copy()
            moved[:, j] = moved[list(order), j]
            rises[:, j] += (losses(moved) - before) / len(orders)
    return rises


@pytest.mark.parametrize("kind", KINDS)
def test_permutation_importance_is_the_mean_over_all_permutations(kind):
    data = table(5)
    model = build("mlp", {"lambda": 1e-3, **kind}, data)
    x = np.random.default_rng(2).normal(size=model.dimension)
    np.testing.assert_allclose(
        permutation_importance(model, x, data.rows()), by_brute_force(model, x, data.rows()), atol=1e-13
    )


def test_a_feature_of_no_weights_has_no_importance():
    data = table()
    model = build("mlp", {"hidden": [3], "lambda": 1e-3}, data)
    x = np.random.default_rng(2).normal(size=model.dimension)
    names = model.coordinate_names()
    x[[place for place, name in enumerate(names) if name.startswith("1/second/")]] = 0.0
    found = importances(model, x[None], {"train": data.rows()}, True)
    assert np.abs(found.values[:, 0, 1]).max() < 1e-14
    assert found.values[0, 0, [0, 2]].min() > 1e-3
    assert [measure.name for measure in found.measures] == [
        "gradient_input", "gradient_input:no", "gradient_input:yes", "permuted_log_loss", "permuted_error",
    ]  # fmt: skip


def test_a_linear_model_has_the_importance_in_closed_form():
    rng = np.random.default_rng(3)
    data = replace(table(12), labels=None, class_names=(), targets=rng.normal(size=12))
    model = build("mlp", {"hidden": [], "loss": "mse", "lambda": 1e-3}, data)
    x = rng.normal(size=model.dimension)
    weights, bias = x[:3], x[3]
    scaled = data.inputs()
    residuals = data.targets - scaled @ weights - bias
    covariances = scaled.T @ (residuals - residuals.mean()) / 12
    expected = 2.0 * weights * covariances + 2.0 * weights**2 * scaled.var(axis=0)
    assert loss_names(model, data.rows()) == ["mse"]
    np.testing.assert_allclose(permutation_importance(model, x, data.rows())[0], expected, rtol=1e-10)
    np.testing.assert_allclose(
        gradient_input(model, x, data.features)[0], np.abs(weights * scaled).mean(axis=0), rtol=1e-9
    )


def test_gradient_x_input_is_that_of_the_formula():
    data = table()
    model = build("mlp", {"hidden": [3], "lambda": 1e-3}, data)
    x = np.random.default_rng(4).normal(size=model.dimension)
    first, last = model.matrices(x)
    scaled = data.inputs()
    hidden = np.tanh(scaled @ first[:-1] + first[-1])
    centred = last[:-1] - last[:-1].mean(axis=1, keepdims=True)  # of centred ln p, the softmax's sum drops out
    slopes = np.einsum("ju,nu,uk->nkj", first[:-1], 1.0 - hidden**2, centred)
    expected = np.abs(slopes * scaled[:, None, :]).mean(axis=0)
    np.testing.assert_allclose(gradient_input(model, x, data.features), expected, rtol=1e-8)


def test_substituted_rows_are_predicted_as_whole_ones():
    data = table()
    for kind in KINDS:
        model = build("mlp", {"lambda": 1e-3, **kind}, data)
        x = np.random.default_rng(5).normal(size=model.dimension)
        given = x, data.features, 2, np.array([0.3, -1.0])
        np.testing.assert_allclose(model.substituted(*given), super(type(model), model).substituted(*given), atol=1e-14)


def test_rows_of_another_table_count_for_themselves():
    data = table()
    model = build("mlp", {"hidden": [2], "lambda": 1e-3}, data)
    x = np.random.default_rng(2).normal(size=model.dimension)
    test = Rows(data.features[:3], data.labels[:3], None, "test.csv", "")
    found = importances(model, x[None], {"train": data.rows(), "test": test}, False)
    assert [measure.rows for measure in found.measures] == ["train"] * 3 + ["test"] * 3
    np.testing.assert_array_equal(found.values[4:, 0], permutation_importance(model, x, test))


def test_like_rows_come_beside_each_other():
    values = np.array([[0.0, 0.1], [5.0, 5.2], [0.1, 0.0], [5.1, 5.0]])
    order = ordered(values).tolist()
    assert {tuple(sorted(order[:2])), tuple(sorted(order[2:]))} == {(0, 2), (1, 3)}
