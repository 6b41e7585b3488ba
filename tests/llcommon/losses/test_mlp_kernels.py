"""Elementary functions of the perceptron's kernels, and sums over chunks of rows."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.losses import _mlp_kernels as kernels
from llcommon.losses import build
from tests.llcommon.losses.cases import class_table, numeric_table

CHUNK_PLACE = 5


def _units_in_the_last_place(found: float, exact: Decimal) -> float:
    return float(abs(Decimal(found) - exact)) / np.spacing(abs(float(exact)))


@settings(deadline=None, max_examples=300)
@given(st.floats(-19.0, 19.0).filter(lambda y: abs(y) > 1e-300))
def test_tanh_is_exact_to_rounding(y):
    with localcontext() as context:
        # The difference in the numerator cancels as many digits as y has zeros behind the point.
        context.prec = 340
        power = (2 * Decimal(y)).exp() if abs(y) > 1e-9 else None
        exact = (power - 1) / (power + 1) if power is not None else Decimal(y) - Decimal(y) ** 3 / 3
        assert _units_in_the_last_place(kernels._tanh(y), exact) <= 3.0


@settings(deadline=None, max_examples=300)
@given(st.floats(-700.0, 0.0))
def test_the_exponential_is_exact_to_the_rounding_of_its_argument(y):
    with localcontext() as context:
        context.prec = 50
        assert _units_in_the_last_place(kernels._exp(y), Decimal(y).exp()) <= 3.0 + abs(y)


def test_limits_of_the_elementary_functions():
    assert [kernels._tanh(y) for y in (0.0, 25.0, -25.0, np.inf, -np.inf)] == [0.0, 1.0, -1.0, 1.0, -1.0]
    assert kernels._exp(0.0) == 1.0
    assert 0.0 < kernels._exp(-np.inf) < 1e-300
    assert np.isnan(kernels._tanh(np.nan))
    assert np.isnan(kernels._exp(np.nan))


@pytest.mark.parametrize("hidden", [[], [4], [3, 2], [2, 3, 2], [2, 3, 2, 2]])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
@pytest.mark.parametrize("chunk", [1, 2, 4, 8])
def test_the_hessian_does_not_depend_on_the_chunks(hidden, loss, chunk):
    model = build("mlp", {"hidden": hidden, "loss": loss}, class_table() if loss != "mse" else numeric_table())
    x = np.random.default_rng(6).standard_normal(model.dimension)
    whole = model.hessian(x)
    model.integers[CHUNK_PLACE] = chunk
    model.hessian_packed()[2][:] = np.nan
    assert model.hessian(x) == pytest.approx(whole, rel=1e-12, abs=1e-13)
