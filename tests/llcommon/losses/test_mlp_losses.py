"""Binary cross-entropy, the AUC surrogate and the contrastive loss: known answers, limits, and what they refuse."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from llcommon import metrics
from llcommon.errors import ConfigError
from llcommon.losses import build
from tests.llcommon.losses.cases import ROWS, binary_table, class_table, numeric_table, table


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def classes(count):
    features = np.random.default_rng(1).standard_normal((3 * count, 2))
    return table(features, labels=list(range(count)) * 3)


# --- binary cross-entropy -------------------------------------------------------------------------


@pytest.mark.parametrize("positive", ["0", "1"])
def test_bce_is_the_log_loss_of_its_probabilities(positive, rng):
    data = binary_table()
    model = build("mlp", {"hidden": [3], "loss": "bce", "positive": positive, "lambda": 0.01}, data)
    assert model.widths == (3, 3, 1)
    x = model.random_start(rng)
    probabilities = model.predict(x, data.features)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(ROWS), rel=1e-14)
    right = probabilities[np.arange(ROWS), data.labels]
    assert model.value(x) == pytest.approx(-np.log(right).mean() + 0.01 * x @ x, rel=1e-13)
    assert np.exp(model.log_probabilities(x, data.features)) == pytest.approx(probabilities, rel=1e-13)


def test_exchanging_the_positive_class_negates_the_output(rng):
    one = build("mlp", {"hidden": [3], "loss": "bce", "positive": "0"}, binary_table())
    other = build("mlp", {"hidden": [3], "loss": "bce", "positive": "1"}, binary_table())
    x = one.random_start(rng)
    negated = x.copy()
    one.matrices(negated)[-1][:] *= -1.0
    assert other.value(negated) == pytest.approx(one.value(x), rel=1e-14)
    assert other.predict(negated, other.data.features) == pytest.approx(one.predict(x, one.data.features), rel=1e-13)
    assert one.coordinate_names()[-1] == "2/bias/0"
    assert other.coordinate_names()[-1] == "2/bias/1"


def test_bce_is_half_a_softmax(rng):
    """The softmax of outputs (-z/2, z/2) has the probability of the one output z."""
    single = build("mlp", {"hidden": [3], "loss": "bce", "lambda": 0.0}, binary_table())
    double = build("mlp", {"hidden": [3], "lambda": 0.0}, binary_table())
    x = single.random_start(rng)
    into, out = single.matrices(x)
    y = np.concatenate([into.ravel(), (out * [-0.5, 0.5]).ravel()])
    assert double.value(y) == pytest.approx(single.value(x), rel=1e-13)


def test_bce_has_no_gauge(rng):
    model = build("mlp", {"hidden": [3], "loss": "bce", "lambda": 0.0}, binary_table())
    assert len(model.zero_modes(model.random_start(rng))) == 0
    hessian = build("mlp", {"hidden": [2], "loss": "bce", "lambda": 0.02}, binary_table())
    eigenvalues = np.linalg.eigvalsh(hessian.hessian(hessian.random_start(rng)))
    assert np.abs(eigenvalues - 0.04).min() > 1e-6


def test_bce_keeps_its_digits_far_out():
    model = build("mlp", {"hidden": [], "loss": "bce", "lambda": 0.0}, table([[-1.0], [1.0]], labels=[0, 1]))
    value, gradient = model.value_and_gradient(np.array([60.0, 0.0]))
    assert value == pytest.approx(np.exp(-60.0), rel=1e-12)
    assert gradient[0] == pytest.approx(-np.exp(-60.0), rel=1e-12)
    value, gradient = model.value_and_gradient(np.array([-1e5, 0.0]))
    assert (value, gradient[0]) == (1e5, -1.0)


# --- the surrogate of the AUC ---------------------------------------------------------------------


def auc_model(data, **options):
    return build("mlp", {"hidden": [3], "loss": "auc", "lambda": 0.0, **options}, data)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["0", "1", "2"]))
def test_steep_surrogates_tend_to_the_exact_area(seed, positive):
    rng = np.random.default_rng(seed)
    data = table(rng.standard_normal((12, 2)), labels=(list(range(3)) * 4))
    model = auc_model(data, positive=positive, beta=1e9)
    x = model.random_start(rng)
    p = model.predict(x, data.features)[:, int(positive)]
    area = metrics.auc(p, data.labels == int(positive))
    assert model.value(x) == pytest.approx(-area, abs=1e-12)
    assert auc_model(data, positive=positive, beta=1e9, shape="tanh").value(x) == pytest.approx(1 - 2 * area, abs=1e-12)


@pytest.mark.parametrize("beta", [1.0, 10.0, 100.0, 1000.0])
def test_the_surrogate_is_as_near_to_the_area_as_the_differences_allow(beta, rng):
    # |1 / (1 + exp(-u)) - [u > 0]| is at most exp(-|u|).
    data = binary_table()
    model = auc_model(data, beta=beta)
    x = model.random_start(rng)
    p = model.predict(x, data.features)[:, 1]
    differences = np.abs(p[data.labels == 1][:, None] - p[data.labels == 0])
    gap = abs(model.value(x) + metrics.auc(p, data.labels == 1))
    assert gap <= np.exp(-beta * differences).mean() + 1e-15


def test_ties_count_one_half():
    # All probabilities are equal where the weights are zero.
    for data in (binary_table(), class_table()):
        assert auc_model(data, beta=1e6).value(np.zeros(auc_model(data).dimension)) == pytest.approx(-0.5, rel=1e-15)


@pytest.mark.parametrize(
    "shape, at_zero", [("sigmoid", -0.5), ("tanh", 0.0), ("squared-hinge", 1.0), ("exponential", 1.0)]
)
def test_shapes_at_zero_weights(shape, at_zero):
    model = auc_model(binary_table(), shape=shape, beta=2.0)
    origin = np.zeros(model.dimension)
    assert model.value(origin) == pytest.approx(at_zero, abs=1e-15)


def test_shapes_are_functions_of_each_pair(rng):
    data = table([[-1.0], [1.0]], labels=[0, 1])
    x = np.array([-0.3, 0.4, 0.1, -0.2])
    for beta in (0.5, 2.0):
        models = {
            shape: auc_model(data, hidden=[], shape=shape, beta=beta)
            for shape in ("sigmoid", "tanh", "squared-hinge", "exponential")
        }
        p = models["sigmoid"].predict(x, data.features)[:, 1]
        u = beta * (p[1] - p[0])
        assert models["sigmoid"].value(x) == pytest.approx(-1.0 / (1.0 + np.exp(-u)), rel=1e-14)
        assert models["tanh"].value(x) == pytest.approx(-np.tanh(u), rel=1e-14)
        assert models["squared-hinge"].value(x) == pytest.approx(max(0.0, 1.0 - u) ** 2, rel=1e-14)
        assert models["exponential"].value(x) == pytest.approx(np.exp(-u), rel=1e-14)


def test_the_hinge_does_not_ask_for_more_than_its_margin():
    data = table([[-1.0], [1.0]], labels=[0, 1])
    model = auc_model(data, hidden=[], shape="squared-hinge", beta=3.0)
    x = np.array([-5.0, 5.0, 0.0, 0.0])
    value, gradient = model.value_and_gradient(x)
    assert value == 0.0
    assert (gradient == 0.0).all()


@pytest.mark.parametrize("units", [1, 3])
def test_softmax_gauge_of_the_surrogate_has_curvature_twice_lambda(units, rng):
    model = auc_model(class_table(), hidden=[units], **{"lambda": 0.015})
    x = model.random_start(rng)
    eigenvalues = np.linalg.eigvalsh(model.hessian(x))
    assert np.count_nonzero(np.abs(eigenvalues - 0.03) < 1e-12) >= units + 1
    assert len(auc_model(class_table(), hidden=[units]).zero_modes(x)) == units + 1


def test_a_batch_without_a_pair_has_the_penalty_alone(rng):
    data = binary_table()
    model = build("mlp", {"hidden": [3], "loss": "auc", "lambda": 0.1}, data)
    x = model.random_start(rng)
    value, gradient = model.value_and_gradient_of(np.flatnonzero(data.labels == 1), x)
    assert value == pytest.approx(0.1 * x @ x, rel=1e-14)
    assert gradient == pytest.approx(0.2 * x, rel=1e-14)


def test_batches_of_all_pairs_have_the_surrogate_in_the_mean(rng):
    data = binary_table()
    model = auc_model(data)
    x = model.random_start(rng)
    pairs = [(i, j) for i in range(ROWS) for j in range(ROWS) if data.labels[i] == 1 and data.labels[j] == 0]
    values = [model.value_and_gradient_of(np.array(pair), x)[0] for pair in pairs]
    assert np.mean(values) == pytest.approx(model.value(x), rel=1e-13)


# --- contrastive ----------------------------------------------------------------------------------


def test_contrastive_of_three_points_on_a_line():
    data = table([[0.0], [1.0], [3.0]], labels=[0, 0, 1])
    model = build("mlp", {"hidden": [], "loss": "contrastive", "lambda": 0.0, "margin": 4.0}, data)
    # z = 1.5 x: one class 1.5 apart, the others 4.5 (beyond the margin) and 3 apart.
    assert model.value(np.array([1.5, 7.0])) == pytest.approx((1.5**2 + 0.0 + 1.0**2) / 3.0, rel=1e-15)
    assert model.value(np.zeros(2)) == pytest.approx((0.0 + 16.0 + 16.0) / 3.0, rel=1e-15)


def test_translations_of_an_embedding_are_zero_modes_where_no_penalty_lifts_them(rng):
    for options, number in (({"lambda": 0.0}, 2), ({"lambda": 0.1}, 0), ({"regularise_biases": False}, 2)):
        model = build("mlp", {"hidden": [3], "loss": "contrastive", "embedding": 2, **options}, class_table())
        modes = model.zero_modes(model.random_start(rng))
        assert len(modes) == number + 1  # and one rotation
        assert all(np.count_nonzero(mode) == 1 for mode in modes[:number])


@pytest.mark.parametrize(("outputs", "number"), [(1, 0), (2, 1), (3, 3)])
def test_rotations_of_an_embedding_are_flat_at_a_minimum(outputs, number, rng):
    options = {"hidden": [4], "loss": "contrastive", "embedding": outputs, "lambda": 1e-3}
    model = build("mlp", options, class_table())
    found = minimize(model.value_and_gradient, model.random_start(rng), jac=True, method="BFGS", options={"gtol": 1e-9})
    modes = model.zero_modes(found.x)
    # Where the embedding spans fewer directions than it has outputs, rotations of the others move nothing.
    assert len(modes) == number if outputs < 3 else len(modes) in (2, 3)
    assert np.abs(model.hessian(found.x) @ modes.T).max(initial=0.0) < 1e-6
    flat = np.abs(np.linalg.eigvalsh(model.hessian(found.x))) < 1e-6
    assert np.count_nonzero(flat) == len(modes)


def test_rotations_of_an_embedding_cost_nothing(rng):
    model = build("mlp", {"hidden": [3], "loss": "contrastive", "embedding": 2, "lambda": 0.1}, class_table())
    x = model.random_start(rng)
    turned = x.copy()
    angle = 0.7
    out = model.matrices(turned)[-1]
    out[:] = out @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert model.value(turned) == pytest.approx(model.value(x), rel=1e-14)
    assert model.align(x, turned) == pytest.approx(x, abs=1e-13)


def test_a_flat_embedding_is_its_own_reflection(rng):
    model = build("mlp", {"hidden": [3], "loss": "contrastive", "embedding": 2}, class_table())
    x = model.random_start(rng)
    order = model.stabiliser_order(x, 1e-8)
    flat = x.copy()
    model.matrices(flat)[-1][:, 1] = 0.0
    assert model.stabiliser_order(flat, 1e-8) == 2 * order


def test_meeting_rows_of_different_class_are_a_kink_without_a_slope():
    model = build("mlp", {"hidden": [], "loss": "contrastive", "lambda": 0.0}, table([[0.0], [1.0]], labels=[0, 1]))
    value, gradient = model.value_and_gradient(np.zeros(2))
    assert value == 1.0
    assert (gradient == 0.0).all()
    assert np.isfinite(model.hessian(np.zeros(2))).all()
    assert model.on_kink(np.zeros(2), 1e-6)
    assert not model.on_kink(np.array([0.1, 0.0]), 1e-6)


def test_equal_rows_of_different_class_are_no_kink():
    model = build("mlp", {"hidden": [], "loss": "contrastive"}, table([[1.0], [1.0], [2.0]], labels=[0, 1, 1]))
    assert not model.on_kink(np.array([0.3, 0.0]), 1e-6)


def test_batches_of_all_pairs_have_the_contrastive_loss_in_the_mean(rng):
    model = build("mlp", {"hidden": [2], "loss": "contrastive", "lambda": 0.0}, class_table())
    x = model.random_start(rng)
    values = [model.value_and_gradient_of(np.array([i, j]), x)[0] for i in range(ROWS) for j in range(i)]
    assert np.mean(values) == pytest.approx(model.value(x), rel=1e-13)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, data, message",
    [
        ({"loss": "bce"}, class_table(), 'target has 3 classes, and loss = "bce" is for 2'),
        ({"loss": "bce"}, numeric_table(), 'loss = "bce" cannot fit'),
        ({"loss": "auc"}, numeric_table(), 'loss = "auc" cannot fit'),
        ({"loss": "contrastive"}, numeric_table(), 'loss = "contrastive" cannot fit'),
        ({"loss": "auc"}, classes(6), "for 5 at most"),
        ({"loss": "auc", "positive": "3"}, class_table(), "[loss] positive 3 is not a class of target"),
        ({"loss": "auc", "shape": "sigmod"}, binary_table(), "did you mean sigmoid"),
        ({"loss": "auc", "shape": "exponential", "beta": 1e3}, binary_table(), "beta must be at most 700"),
        ({"beta": 2.0}, binary_table(), 'beta belongs to loss = "auc", not "cross-entropy"'),
        ({"positive": "0"}, binary_table(), 'positive belongs to loss = "auc" or "bce"'),
        ({"loss": "auc", "margin": 2.0}, binary_table(), 'margin belongs to loss = "contrastive"'),
        ({"loss": "bce", "embedding": 3}, binary_table(), 'embedding belongs to loss = "contrastive"'),
        ({"loss": "auc", "beta": 0.0}, binary_table(), "above 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(parameters, data, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        build("mlp", parameters, data)
    assert "\n" not in str(raised.value)
