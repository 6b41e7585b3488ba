"""LAPACK by pointer: lower triangles in, lower triangles out, against NumPy."""

import numpy as np
import pytest

from llcommon.losses._lapack import factorise, invert, solve, solve_half, transform

SIZES = [1, 2, 7, 64, 150]


def positive_definite(size, seed=1):
    root = np.random.default_rng(seed).standard_normal((size, size))
    return root @ root.T + size * np.eye(size)


def lower_of(matrix):
    """The lower triangle with NaN above: whatever reads there shows."""
    return np.where(np.tri(len(matrix), dtype=bool), matrix, np.nan)


def full(lower):
    return np.tril(lower) + np.tril(lower, -1).T


def assert_only_below(matrix):
    above = ~np.tri(len(matrix), dtype=bool)
    assert np.isnan(matrix[above]).all() and np.isfinite(matrix[~above]).all()


@pytest.mark.parametrize("size", SIZES)
def test_factor_solution_and_inverse(size):
    matrix = positive_definite(size)
    factor = lower_of(matrix)
    assert factorise(factor)
    assert_only_below(factor)
    root = np.linalg.cholesky(matrix)
    assert np.tril(factor) == pytest.approx(root, rel=1e-12, abs=1e-12)
    b = np.random.default_rng(2).standard_normal(size)
    whole, half = b.copy(), b.copy()
    solve(factor, whole)
    solve_half(factor, half)
    assert whole == pytest.approx(np.linalg.solve(matrix, b), abs=1e-12)
    assert half == pytest.approx(np.linalg.solve(root, b), abs=1e-12)
    invert(factor)
    assert_only_below(factor)
    assert full(factor) == pytest.approx(np.linalg.inv(matrix), abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_transformation(size):
    matrix = positive_definite(size)
    symmetric = positive_definite(size, 3) - 2.0 * size * np.eye(size)
    factor, out = lower_of(matrix), lower_of(symmetric)
    assert factorise(factor)
    transform(factor, out)
    assert_only_below(out)
    inverse = np.linalg.inv(np.linalg.cholesky(matrix))
    assert full(out) == pytest.approx(inverse @ symmetric @ inverse.T, abs=1e-11)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_not_positive_definite_has_no_factor(size):
    matrix = positive_definite(size)
    matrix[-1, -1] = -1.0
    assert not factorise(lower_of(matrix))
