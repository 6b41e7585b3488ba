"""Activations against their definitions in many digits, far out too, and kinks of relu."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfcx

from llcommon.losses import _mlp_activations as activations
from llcommon.losses import build
from llcommon.losses._mlp_plain import VALUES
from llcommon.losses._mlp_setup import ACTIVATIONS
from llcommon.optimise.points import minimum_at
from llcommon.status import Status
from tests.llcommon.losses.cases import class_table, table


def derivatives_at(name, z):
    """f(z), f'(z), f''(z) as the kernels have them."""
    value = np.atleast_1d(np.array(z, dtype=np.float64))
    slope = np.empty_like(value)
    curvature = np.empty_like(value)
    activations.activate(value, ACTIVATIONS[name], slope, True, curvature)
    return value, slope, curvature


def in_many_digits(name, z):
    """The same by the definitions, in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        z = Decimal(z)
        s = 1 / (1 + (-z).exp())
        if name == "logistic":
            exact = s, s * (1 - s), s * (1 - s) * (1 - 2 * s)
        elif name == "tanh":
            t = 2 / (1 + (-2 * z).exp()) - 1
            exact = t, 1 - t * t, -2 * t * (1 - t * t)
        elif name == "softplus":
            exact = (1 + z.exp()).ln(), s, s * (1 - s)
        else:
            exact = z * s, s + z * s * (1 - s), s * (1 - s) * (2 + z * (1 - 2 * s))
        return tuple(float(part) for part in exact)


@settings(deadline=None, max_examples=100)
@given(st.floats(-60.0, 60.0), st.sampled_from(["logistic", "softplus", "silu"]))
def test_values_and_derivatives_are_exact_relative_to_their_size(z, name):
    for found, exact in zip(derivatives_at(name, z), in_many_digits(name, z), strict=True):
        # Where a derivative changes sign, what cancels is of the size of the slope's terms.
        assert found[0] == pytest.approx(exact, rel=1e-13, abs=1e-14 * np.exp(-max(0.0, abs(z) - 8.0)))


@settings(deadline=None, max_examples=50)
@given(st.floats(-15.0, 15.0))
def test_tanh_and_its_derivatives(z):
    for found, exact in zip(derivatives_at("tanh", z), in_many_digits("tanh", z), strict=True):
        assert found[0] == pytest.approx(exact, rel=1e-14, abs=1e-15)


@settings(deadline=None, max_examples=100)
@given(st.floats(-35.0, 35.0))
def test_gelu_is_the_exact_form_and_keeps_its_digits_in_the_tail(z):
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    tail = 0.5 * np.exp(-0.5 * z * z) * erfcx(abs(z) / np.sqrt(2.0))
    share = 1.0 - tail if z > 0.0 else tail
    value, slope, curvature = derivatives_at("gelu", z)
    assert value[0] == pytest.approx(z * share, rel=2e-13, abs=1e-300)
    assert slope[0] == pytest.approx(share + z * density, rel=1e-12, abs=1e-13 * tail * (1.0 + z * z) + 1e-300)
    assert curvature[0] == pytest.approx(density * (2.0 - z * z), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_nothing_overflows_far_out_and_nan_stays(name):
    for z in (-1e300, -1e5, -800.0, 800.0, 1e5, 1e300):
        found = derivatives_at(name, z)
        assert np.isfinite(found).all()
    assert np.isnan(derivatives_at(name, np.nan)[0]).all()


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_predictions_use_the_same_function(name):
    z = np.linspace(-9.0, 9.0, 61)
    assert VALUES[name](z) == pytest.approx(derivatives_at(name, z)[0], rel=1e-12, abs=1e-16)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_slope_and_curvature_are_the_derivatives(name):
    z = np.linspace(-3.03, 3.05, 23)
    step = 1e-5
    ahead, behind = derivatives_at(name, z + step), derivatives_at(name, z - step)
    _, slope, curvature = derivatives_at(name, z)
    assert slope == pytest.approx((ahead[0] - behind[0]) / (2.0 * step), abs=1e-9)
    assert curvature == pytest.approx((ahead[1] - behind[1]) / (2.0 * step), abs=1e-9)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_signs_are_a_symmetry_of_odd_activations_only(name):
    model = build("mlp", {"hidden": [3], "activation": name, "lambda": 1e-2}, class_table())
    x = model.random_start(np.random.default_rng(1))
    flipped = x.copy()
    into, out = model.matrices(flipped)
    into[:, 1] *= -1.0
    out[1] *= -1.0
    same = abs(model.value(flipped) - model.value(x)) < 1e-12
    assert same == (name in ("tanh", "sine")) == model.odd
    assert model.log_group_order() == pytest.approx(np.log(6.0) + (3.0 * np.log(2.0) if same else 0.0))


# --- kinks ----------------------------------------------------------------------------------------


def relu_model(**options):
    return build("mlp", {"hidden": [2], "activation": "relu", "lambda": 1e-3, **options}, class_table())


def test_only_relu_is_not_smooth_and_says_so():
    for name in ACTIVATIONS:
        model = build("mlp", {"hidden": [2], "activation": name}, class_table())
        assert model.smooth == (name != "relu")
        assert any("kinks" in caution for caution in model.cautions()) == (name == "relu")


def test_a_point_is_on_a_kink_where_a_unit_changes_sign_within_the_tolerance():
    model = relu_model()
    x = model.random_start(np.random.default_rng(4))
    assert not model.on_kink(x, 1e-6)
    first = model.matrices(x)[0]
    row = model.data.inputs()[3]
    first[-1, 0] = -row @ first[:-1, 0]  # the bias at which row 3 changes sides
    assert model.on_kink(x, 1e-6)
    first[-1, 0] += 1e-3
    assert not model.on_kink(x, 1e-6)
    assert model.on_kink(x, 1e-2)


def test_dead_units_lie_on_kinks_and_smooth_activations_on_none():
    assert relu_model().on_kink(np.zeros(relu_model().dimension), 1e-6)
    smooth = build("mlp", {"hidden": [2]}, class_table())
    assert not smooth.on_kink(np.zeros(smooth.dimension), 1e-6)


def test_without_hidden_layers_there_is_no_kink():
    model = relu_model(hidden=[])
    assert not model.on_kink(np.zeros(model.dimension), 1e-6)


def test_what_looks_stationary_on_a_kink_is_no_minimum():
    """Least squares of |t| by a relu of t: at zero weights gradient and curvature are those of a minimum."""
    data = table([[-1.0], [1.0]], targets=[0.0, 0.0])
    model = build("mlp", {"hidden": [1], "activation": "relu", "loss": "mse", "lambda": 1e-2}, data)
    origin = np.zeros(model.dimension)
    assert np.abs(model.value_and_gradient(origin)[1]).max() == 0.0
    assert np.linalg.eigvalsh(model.hessian(origin)).min() > 0.0
    assert minimum_at(model, origin, 1e-9) == (None, Status.ON_KINK)
