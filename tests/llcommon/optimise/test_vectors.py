"""Vector operations against NumPy, lengths that are no multiple of a vector register included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llcommon.optimise.vectors import add_scaled, dot, norm, remove_components, rms, symmetric_times

NUMBERS = st.floats(-1e3, 1e3)
SIZES = st.integers(1, 37)


@given(st.data())
def test_sums(data):
    size = data.draw(SIZES)
    a = data.draw(arrays(np.float64, size, elements=NUMBERS))
    b = data.draw(arrays(np.float64, size, elements=NUMBERS))
    rounding = 1e-13 * (np.abs(a) @ np.abs(b)) + 1e-300
    assert abs(dot(a, b) - a @ b) <= rounding
    assert norm(a) == pytest.approx(np.linalg.norm(a), rel=1e-13)
    assert rms(a) == pytest.approx(np.linalg.norm(a) / np.sqrt(size), rel=1e-13)


@given(st.data())
def test_add_scaled(data):
    size = data.draw(SIZES)
    a = data.draw(arrays(np.float64, size, elements=NUMBERS))
    b = data.draw(arrays(np.float64, size, elements=NUMBERS))
    factor = data.draw(NUMBERS)
    expected = b + factor * a
    before = a.copy()
    rounding = 1e-15 * (np.abs(b) + np.abs(factor * a))
    add_scaled(factor, a, b)
    assert (np.abs(b - expected) <= rounding).all()
    assert (a == before).all()


@pytest.mark.parametrize("size", [1, 2, 7, 16, 33])
def test_symmetric_times(size):
    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, size))
    matrix += matrix.T
    v = rng.normal(size=size)
    out = np.full(size, np.nan)
    symmetric_times(matrix, v, out)
    assert out == pytest.approx(matrix @ v, abs=1e-12)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_remove_components_is_the_projection(count):
    rng = np.random.default_rng(count)
    basis = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(9, 9)))[0][:count])
    v = rng.normal(size=9)
    projected = v - basis.T @ (basis @ v)
    remove_components(basis, v)
    assert v == pytest.approx(projected, abs=1e-14)
    assert np.abs(basis @ v).max(initial=0.0) < 1e-14


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_visible(bad):
    a = np.ones(21)
    a[13] = bad
    for value in (norm(a), rms(a), dot(a, np.ones(21))):
        assert not np.isfinite(value)
