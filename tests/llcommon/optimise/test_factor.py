"""The Cholesky factorisation against NumPy's, and what it says about matrices that have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.optimise.factor import factorise, log_determinant, solve_factorised
from tests.reference.optimise import upper_cholesky

# All remainders of blocks of four, and the sizes at which there is no whole block.
SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 83]


def positive_definite(size, condition, rng):
    vectors = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = np.geomspace(1.0, 1.0 / condition, size)
    matrix = (vectors * values) @ vectors.T
    return 0.5 * (matrix + matrix.T)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
def test_equals_numpy(size, condition):
    rng = np.random.default_rng(size)
    matrix = positive_definite(size, condition, rng)
    expected = upper_cholesky(matrix)
    factor = matrix.copy()
    assert factorise(factor)
    assert np.triu(factor) == pytest.approx(expected, abs=1e-9)
    upper = np.triu(factor)
    assert upper.T @ upper == pytest.approx(matrix, abs=1e-14 * size)
    assert log_determinant(factor) == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("size", SIZES)
def test_solves(size):
    rng = np.random.default_rng(size)
    matrix = positive_definite(size, 1e3, rng)
    b = rng.normal(size=size)
    solution = b.copy()
    factor = matrix.copy()
    assert factorise(factor)
    solve_factorised(factor, solution)
    assert solution == pytest.approx(np.linalg.solve(matrix, b), rel=1e-9, abs=1e-9)


@settings(max_examples=200)
@given(st.integers(1, 12), st.integers(0, 11), st.floats(1e-6, 1e3), st.integers(0, 10**6))
def test_refuses_exactly_what_is_not_positive_definite(size, place, depth, seed):
    rng = np.random.default_rng(seed)
    vectors = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = rng.uniform(0.1, 10.0, size)
    assert factorise(np.ascontiguousarray((vectors * values) @ vectors.T))
    values[place % size] = -depth
    matrix = np.ascontiguousarray((vectors * values) @ vectors.T)
    assert upper_cholesky(matrix) is None
    assert not factorise(matrix)


@pytest.mark.parametrize("size", SIZES)
def test_zero_and_nan_are_refused_wherever_they_are(size):
    for place in range(size):
        for bad in (0.0, -1.0, np.nan):
            matrix = np.eye(size)
            matrix[place, place] = bad
            assert not factorise(matrix)
