"""The negative modes by way of a tridiagonal matrix, against all eigenvectors by LAPACK."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llcommon.optimise import tridiagonal
from llcommon.optimise.saddle import correction_length, image_step


@st.composite
def matrices(draw):
    """A symmetric matrix with eigenvalues over many orders, at times equal ones, at times of few couplings."""
    size = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    values = rng.choice([-1.0, 1.0], size) * 10.0 ** rng.uniform(-4.0, 1.0, size)
    if draw(st.booleans()):
        values[rng.integers(size)] = values[0]
    vectors = np.linalg.qr(rng.normal(size=(size, size)))[0]
    if draw(st.booleans()):
        vectors = np.eye(size)[rng.permutation(size)]
    matrix = (vectors * values) @ vectors.T
    return 0.5 * (matrix + matrix.T)


def reduced(matrix):
    """(mirrors, bands, T)."""
    size = len(matrix)
    mirrors, bands = matrix.copy(), np.zeros((tridiagonal.ROWS, size))
    tridiagonal.tridiagonalise(mirrors, bands, np.empty(size))
    dense = np.diag(bands[0]) + np.diag(bands[1, :-1], 1) + np.diag(bands[1, :-1], -1)
    return mirrors, bands, dense


def partial(matrix):
    """(mirrors, bands, eigenvalues, rows in the basis of T, rows in that of the matrix)."""
    size = len(matrix)
    mirrors, bands = np.empty((size, size)), np.zeros((tridiagonal.ROWS, size))
    values = np.empty(size)
    rows, vectors = np.empty((tridiagonal.MOST_NEGATIVE, size)), np.empty((size, size))
    number = tridiagonal.partial_spectrum(matrix, mirrors, bands, values, rows, vectors, np.empty(size))
    return mirrors, bands, values[:number].copy(), rows[:number].copy(), vectors[:number].copy()


@settings(max_examples=150)
@given(matrices())
def test_reflections_lead_to_the_tridiagonal_matrix_and_back(matrix):
    mirrors, bands, dense = reduced(matrix)
    basis = np.eye(len(matrix))
    for row in basis:
        tridiagonal.out_of_basis(mirrors, bands, row)
    # Rows of `basis` are the columns of Q.
    assert basis @ basis.T == pytest.approx(np.eye(len(matrix)), abs=1e-13)
    assert basis @ matrix @ basis.T == pytest.approx(dense, abs=1e-12)
    v = np.cos(np.arange(len(matrix)))
    there = v.copy()
    tridiagonal.into_basis(mirrors, bands, there)
    assert there == pytest.approx(basis @ v, abs=1e-13)


@settings(max_examples=150)
@given(matrices(), st.floats(-5.0, 5.0))
def test_shifted_solve_and_count(matrix, shift):
    _, bands, dense = reduced(matrix)
    size = len(matrix)
    values = np.linalg.eigvalsh(matrix)
    assume(np.abs(values + shift).min() > 1e-6)
    assert tridiagonal.number_below(bands, -shift) == (values < -shift).sum()
    assert np.abs(values).max() <= tridiagonal.largest_possible(bands) * (1.0 + 1e-12)
    right = np.sin(1.0 + np.arange(size))
    solution = right.copy()
    tridiagonal.factorise_shifted(bands, shift)
    tridiagonal.solve_shifted(bands, solution)
    assert (dense + shift * np.eye(size)) @ solution == pytest.approx(right, abs=1e-7)


@settings(max_examples=150)
@given(matrices())
def test_negative_modes_are_those_of_lapack(matrix):
    all_values = np.linalg.eigvalsh(matrix)
    expected = all_values[all_values < 0.0]
    _, _, values, _, vectors = partial(matrix)
    if len(expected) > tridiagonal.MOST_NEGATIVE:
        assert len(values) == 0
        return
    assert len(values) == len(expected)
    assert values == pytest.approx(expected, abs=1e-10)
    assert vectors @ vectors.T == pytest.approx(np.eye(len(values)), abs=1e-12)
    assert vectors @ matrix == pytest.approx(values[:, None] * vectors, abs=2e-10)


@settings(max_examples=150)
@given(matrices(), st.floats(1e-3, 10.0), st.integers(0, 10**6))
def test_step_is_that_of_all_eigenvectors(matrix, trust, seed):
    """Steps, the shift and the length of the correction, to the digits that inverse iteration gives."""
    mirrors, bands, values, rows, vectors = partial(matrix)
    assume(len(values))
    rng = np.random.default_rng(seed)
    size = len(matrix)
    gradient, residual = rng.normal(size=(2, size))
    climbed = int(rng.integers(len(values)))
    all_values, columns = np.linalg.eigh(matrix)
    # Which of equal eigenvalues is climbed would be a matter of rounding.
    assume(np.abs(np.diff(all_values)).min(initial=1.0) > 1e-5)
    whole = np.empty(size)
    shift = image_step(all_values, columns.T @ gradient, climbed, trust, whole)
    rest = gradient.copy()
    tridiagonal.into_basis(mirrors, bands, rest)
    rest -= (rest @ rows.T) @ rows
    step, others = np.empty(len(values)), np.empty(size)
    found = tridiagonal.partial_step(
        bands, values, rows, vectors @ gradient, rest, climbed, trust, step, others, np.empty(size)
    )
    move = others.copy()
    tridiagonal.out_of_basis(mirrors, bands, move)
    move += step @ vectors
    assert found == pytest.approx(shift, rel=1e-5, abs=1e-9)
    assert move == pytest.approx(columns @ whole, rel=1e-5, abs=1e-5 * np.linalg.norm(whole))
    length = correction_length(all_values, np.ascontiguousarray(columns.T), shift, residual)
    tridiagonal.into_basis(mirrors, bands, residual)
    assert tridiagonal.partial_correction(bands, values, rows, shift, residual) == pytest.approx(length, rel=1e-5)


def test_a_matrix_without_negative_modes_has_none():
    assert len(partial(np.diag([1.0, 2.0, 3.0]))[2]) == 0


def test_equal_negative_modes_are_orthogonal():
    """As a network with equal hidden units has them."""
    rng = np.random.default_rng(7)
    vectors = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    values = np.concatenate([[-0.5, -0.5, -0.5, -1e-4, -1e-4], 10.0 ** rng.uniform(-5.0, 1.0, 35)])
    matrix = (vectors * values) @ vectors.T
    matrix = 0.5 * (matrix + matrix.T)
    _, _, found, _, rows = partial(matrix)
    assert found == pytest.approx(values[:5], abs=1e-11)
    assert rows @ rows.T == pytest.approx(np.eye(5), abs=1e-12)
    assert rows @ matrix == pytest.approx(found[:, None] * rows, abs=1e-10)
