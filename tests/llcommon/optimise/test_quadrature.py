"""Stochastic Lanczos quadrature: every probe against the dense logarithm, the error bar against many seeds."""

import numpy as np
import pytest

from llcommon.optimise.quadrature import lanczos_quadrature
from llcommon.optimise.quench import Quencher
from llcommon.rng import generator
from tests.llcommon.optimise.models import settings, small_mlp

MOST = 400


@pytest.fixture(scope="module")
def minimum():
    """A network of 62 weights and a minimum of it."""
    model = small_mlp(hidden=(10,), features=3, **{"lambda": 1e-3})
    result = Quencher(model, settings()).quench(model.random_start(np.random.default_rng(1)))
    return model, result.coordinates


def spectral(model, x, function):
    values, vectors = np.linalg.eigh(model.hessian(x))
    return (vectors * function(values)) @ vectors.T


def probes(seed, number, dimension):
    rng = generator(seed, "quadrature")
    return [rng.integers(0, 2, dimension) * 2.0 - 1.0 for _ in range(number)]


def test_each_probe_is_a_quadratic_form(minimum):
    """z^T f(H) z for f = 1, H, H^2 exactly, and for ln to what the stopping rule allows."""
    model, x = minimum
    found = lanczos_quadrature(model, x, model.zero_modes(x), 5, MOST, 3)
    logarithm = spectral(model, x, np.log)
    hessian = model.hessian(x)
    for rule, z in zip(found.rules, probes(3, 5, model.dimension), strict=True):
        assert (rule.weights >= 0.0).all()
        assert rule.weights.sum() == pytest.approx(model.dimension, rel=1e-12)
        assert rule.weights @ rule.nodes == pytest.approx(z @ hessian @ z, rel=1e-10)
        assert rule.weights @ rule.nodes**2 == pytest.approx(z @ hessian @ hessian @ z, rel=1e-10)
        assert rule.log_sum() == pytest.approx(z @ logarithm @ z, abs=0.2)


def test_error_bar_covers_and_is_no_larger_than_it_must_be(minimum):
    """Deviations over seeds, in standard errors, are those of a mean of ten: about one."""
    model, x = minimum
    exact = np.log(np.linalg.eigvalsh(model.hessian(x))).sum()
    deviations = []
    for seed in range(40):
        value, error = lanczos_quadrature(model, x, model.zero_modes(x), 10, MOST, seed).log_sum()
        deviations.append((value - exact) / error)
    assert np.abs(deviations).max() < 6.0
    assert 0.6 < np.sqrt(np.mean(np.square(deviations))) < 1.6


def test_directions_left_out_are_left_out(minimum):
    model, x = minimum
    values, vectors = np.linalg.eigh(model.hessian(x))
    left_out = np.ascontiguousarray(vectors[:, :3].T)
    found = lanczos_quadrature(model, x, left_out, 30, MOST, 1)
    value, error = found.log_sum(values[3])
    assert abs(value - np.log(values[3:]).sum()) <= 4.0 * error
    assert found.lowest >= values[3] * (1.0 - 1e-6)
    assert found.rules[0].weights.sum() == pytest.approx(model.dimension - 3)
    whole = lanczos_quadrature(model, x, np.ascontiguousarray(vectors.T), 5, MOST, 1)
    assert whole.log_sum() == (0.0, 0.0)
    assert whole.lowest == np.inf


def test_too_few_steps_widen_the_error():
    """Four Lanczos steps cannot resolve five orders of magnitude, and the error says so."""
    model = small_mlp(hidden=(10,), features=3, **{"lambda": 1e-5})
    x = Quencher(model, settings()).quench(model.random_start(np.random.default_rng(2))).coordinates
    exact = np.log(np.linalg.eigvalsh(model.hessian(x))).sum()
    short = lanczos_quadrature(model, x, model.zero_modes(x), 40, 4, 1).log_sum()
    long = lanczos_quadrature(model, x, model.zero_modes(x), 40, MOST, 1).log_sum()
    assert short[1] > 2.0 * long[1]
    assert abs(long[0] - exact) <= 4.0 * long[1]


def test_constant_curvature_has_no_error():
    """Probes of +1 and -1 have no variance where the Hessian is a multiple of the unit matrix."""
    model = small_mlp(hidden=(3,), rows=2, **{"lambda": 1e-2})
    zero = np.zeros(model.dimension)
    values, vectors = np.linalg.eigh(model.hessian(zero))
    special = np.abs(values - 0.02) > 1e-10
    left_out = np.ascontiguousarray(vectors[:, special].T)
    found = lanczos_quadrature(model, zero, left_out, 4, MOST, 1)
    value, error = found.log_sum()
    assert value == pytest.approx((~special).sum() * np.log(0.02), rel=1e-10)
    assert error < 1e-8


def test_same_seed_same_bits(minimum):
    model, x = minimum
    first = lanczos_quadrature(model, x, model.zero_modes(x), 3, MOST, 5)
    second = lanczos_quadrature(model, x, model.zero_modes(x), 3, MOST, 5)
    assert first.log_sum() == second.log_sum()
    other = lanczos_quadrature(model, x, model.zero_modes(x), 3, MOST, 6)
    assert first.log_sum() != other.log_sum()
