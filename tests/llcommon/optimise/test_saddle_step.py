"""One step of eigenvector following: its length, its signs, and which mode it climbs."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llcommon.optimise.saddle import (
    correction_length,
    image_step,
    leave_ridges,
    mode_to_climb,
    most_overlapping,
    newton_to_saddle,
)
from tests.reference import optimise as twin


@st.composite
def eigenbases(draw):
    """Eigenvalues in ascending order, slopes, the mode to climb, a trust radius."""
    size = draw(st.integers(1, 12))
    sizes = st.floats(1e-6, 1e4)
    values = [draw(st.sampled_from([-1.0, 1.0])) * draw(sizes) for _ in range(size)]
    slopes = [draw(st.sampled_from([-1.0, 1.0])) * draw(st.one_of(st.just(0.0), sizes)) for _ in range(size)]
    climbed = draw(st.integers(0, size - 1))
    trust = draw(st.floats(1e-6, 10.0))
    return np.sort(values), np.array(slopes), climbed, trust


@settings(max_examples=150)
@given(eigenbases())
def test_step_is_never_longer_than_the_trust_radius(basis):
    values, slopes, climbed, trust = basis
    step = np.empty(values.size)
    shift = image_step(values, slopes, climbed, trust, step)
    assert shift >= 0.0
    assert np.linalg.norm(step) <= trust * 1.002


@settings(max_examples=150)
@given(eigenbases())
def test_step_rises_along_one_mode_and_falls_along_all_others(basis):
    values, slopes, climbed, trust = basis
    step = np.empty(values.size)
    image_step(values, slopes, climbed, trust, step)
    work = step * slopes
    assert work[climbed] >= 0.0
    assert (np.delete(work, climbed) <= 0.0).all()
    assert ((np.abs(step) > 0.0) | (slopes == 0.0)).all()


@settings(max_examples=150)
@given(eigenbases())
def test_short_step_is_newtons_with_the_signs_set(basis):
    """Without a shift the step is slope / |eigenvalue|; near a saddle that is Newton's step exactly."""
    values, slopes, climbed, trust = basis
    newton = -slopes / np.abs(values)
    newton[climbed] = -newton[climbed]
    assume(np.linalg.norm(newton) <= trust)
    assume(values[climbed] < 0.0)
    step = np.empty(values.size)
    assert image_step(values, slopes, climbed, trust, step) == 0.0
    assert step == pytest.approx(newton, rel=1e-12, abs=1e-300)
    others = np.delete(values, climbed)
    if (others > 0.0).all():
        assert step == pytest.approx(-slopes / values, rel=1e-12, abs=1e-300)


@settings(max_examples=100)
@given(eigenbases())
def test_long_step_uses_the_whole_radius(basis):
    values, slopes, climbed, trust = basis
    assume(np.linalg.norm(slopes / values) > 1.01 * trust)
    step = np.empty(values.size)
    shift = image_step(values, slopes, climbed, trust, step)
    assert shift > 0.0
    assert np.linalg.norm(step) >= 0.99 * trust


def test_convex_region_is_climbed_out_of():
    """With no slope to follow along the mode, the step still goes a good way along it."""
    step = np.empty(2)
    image_step(np.array([1.0, 3.0]), np.array([0.0, 0.0]), 0, 0.2, step)
    assert 0.05 <= abs(step[0]) <= 0.2
    assert step[1] == 0.0


def test_correction_length_is_a_shifted_newton_step():
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    values = np.array([-3.0, -0.5, 0.1, 1.0, 2.0, 7.0])
    residual = rng.normal(size=6)
    absolute = (vectors * np.abs(values)) @ vectors.T
    expected = np.linalg.norm(np.linalg.solve(absolute + 0.3 * np.eye(6), residual))
    rows = np.ascontiguousarray(vectors.T)
    assert correction_length(values, rows, 0.3, residual) == pytest.approx(expected, rel=1e-12)


def test_most_overlapping():
    rng = np.random.default_rng(1)
    rows = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    for wanted in range(5):
        for sign in (1.0, -1.0):
            assert most_overlapping(rows, sign * rows[wanted] + 0.1 * rng.normal(size=5)) == wanted


@settings(max_examples=150)
@given(eigenbases(), st.booleans())
def test_ridges_are_left_downhill(basis, newton):
    """Down every negative mode but the climbed one, by the least length at least; nothing else changes."""
    values, slopes, climbed, trust = basis
    step = np.zeros(values.size)
    if newton:
        image_step(values, slopes, climbed, trust, step)
    before = step.copy()
    leave_ridges(values, slopes, climbed, trust, step)
    negative = (values < 0.0) & (np.arange(values.size) != climbed)
    assert (step[~negative] == before[~negative]).all()
    if not negative.any():
        return
    # All of them together at least a tenth of the radius.
    least = 0.1 * trust / np.sqrt(negative.sum())
    assert (np.abs(step[negative]) >= least * (1.0 - 1e-12)).all()
    assert np.linalg.norm(step[negative]) >= 0.1 * trust * (1.0 - 1e-12)
    assert (step[negative] * slopes[negative] <= 0.0).all()
    long = negative & (np.abs(before) >= least)
    assert (step[long] == before[long]).all()


@settings(max_examples=100)
@given(eigenbases(), st.integers(0, 10**6))
def test_mode_to_climb_equals_its_definition(basis, seed):
    values = basis[0]
    rng = np.random.default_rng(seed)
    rows = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(values.size, values.size)))[0])
    previous = rng.normal(size=values.size)
    chosen = mode_to_climb(values, rows, previous)
    assert chosen == twin.mode_to_climb(values, rows, previous)
    assert values[chosen] < 0.0 or (values >= 0.0).all()


@settings(max_examples=150)
@given(st.integers(1, 8), st.integers(0, 3), st.floats(0.0, 1.0), st.integers(0, 10**6))
def test_newtons_step_only_where_one_curvature_is_negative(size, negative, noise, seed):
    """If it is offered it is Newton's, and there is exactly one; it is offered beside the true mode."""
    rng = np.random.default_rng(seed)
    vectors = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = np.sort(10.0 ** rng.uniform(-3.0, 2.0, size))
    values[:negative] *= -1.0
    hessian = (vectors * values) @ vectors.T
    hessian = 0.5 * (hessian + hessian.T)
    lowest = vectors[:, values.argmin()]
    mode = lowest + noise * rng.normal(size=size)
    mode /= np.linalg.norm(mode)
    gradient = rng.normal(size=size)
    factor, scratch, move = np.empty((size, size)), np.empty(size), np.empty(size)
    offered = newton_to_saddle(hessian, mode, gradient, factor, scratch, move)
    if offered:
        assert (values < 0.0).sum() == 1
        assert mode @ hessian @ mode < 0.0
        assert hessian @ move == pytest.approx(-gradient, abs=1e-7)
    if noise == 0.0:
        assert offered == ((values < 0.0).sum() == 1)
