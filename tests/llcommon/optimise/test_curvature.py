"""How certain eigenvalues are, and the density of states."""

import numpy as np
import pytest

from llcommon.optimise.curvature import density, spectrum, spectrum_at_stationary
from llcommon.optimise.quench import Quencher
from llcommon.settings import CurvatureSettings
from tests.llcommon.optimise.models import settings, small_mlp

DENSE = CurvatureSettings()
ITERATIVE = CurvatureSettings(dense_limit=0, residual=1e-6)


@pytest.fixture(scope="module")
def minimum():
    """A network, whose softest mode is no gauge direction of constant curvature, and a minimum of it."""
    model = small_mlp(hidden=(3,), features=3, **{"lambda": 1e-3, "loss": "mse"})
    return model, Quencher(model, settings()).quench(model.random_start(np.random.default_rng(1))).coordinates


@pytest.mark.parametrize("choice", [DENSE, ITERATIVE], ids=["dense", "iterative"])
@pytest.mark.parametrize("index", [0, 1])
def test_tolerance_is_the_change_of_the_eigenvalue_on_the_way(minimum, choice, index):
    """A point pushed off a minimum along its ten softest modes: the lowest eigenvalue differs by the tolerance."""
    model, x = minimum
    values, vectors = np.linalg.eigh(model.hessian(x))
    for length in (1e-3, 1e-4):
        beside = x + length * vectors[:, :10].sum(axis=1) / np.sqrt(10.0)
        gradient = model.value_and_gradient(beside)[1]
        found = spectrum_at_stationary(model, beside, gradient, choice, None, index)
        change = abs(np.linalg.eigvalsh(model.hessian(beside))[0] - values[0])
        assert found.correction == pytest.approx(x - beside, abs=0.1 * length)
        assert change > 1e-3 * length * values[0]
        assert found.tolerances[0] == pytest.approx(change, rel=0.3)
        assert abs(found.values[0] - values[0]) <= 1.5 * found.tolerances[0]


def test_tolerance_far_from_any_stationary_point_is_large(minimum):
    model, x = minimum
    near = spectrum_at_stationary(model, x, model.value_and_gradient(x)[1], DENSE, None, 0)
    assert near.tolerance < 1e-6 * near.values[0]
    assert near.index == near.flat == 0
    slope = np.zeros(model.dimension)
    slope[0] = 1e-2
    far = spectrum_at_stationary(model, x, slope, DENSE, None, 0)
    assert far.tolerance > 1e3 * near.tolerance


def test_iterative_spectrum_is_the_low_end_of_the_dense_one(minimum):
    model, x = minimum
    rng = np.random.default_rng(3)
    for point in (x, model.random_start(rng)):
        whole = spectrum(model, point, DENSE)
        low = spectrum(model, point, ITERATIVE)
        assert whole.complete
        assert not low.complete
        assert low.total == whole.total == model.dimension
        assert low.values == pytest.approx(whole.values[:2], rel=1e-6)
        assert (np.abs(low.values - whole.values[:2]) <= low.tolerances + whole.tolerances[:2]).all()


@pytest.mark.parametrize("choice", [DENSE, ITERATIVE], ids=["dense", "iterative"])
def test_held_coordinates_are_left_out(minimum, choice):
    model, x = minimum
    active = np.zeros(model.dimension, dtype=np.int8)
    active[[2, 7]] = [1, -1]
    free = active == 0
    expected = np.linalg.eigvalsh(model.hessian(x)[np.ix_(free, free)])
    found = spectrum(model, x, choice, vectors=True, active=active)
    assert found.total == free.sum()
    assert found.values == pytest.approx(expected[: len(found.values)], rel=1e-6)
    assert np.abs(found.vectors[~free]).max() < 1e-12


def test_density_counts_every_eigenvalue(minimum):
    model, x = minimum
    values = np.linalg.eigvalsh(model.hessian(x))
    exact = density(model, x, DENSE)
    assert exact.nodes == pytest.approx(values)
    assert (exact.weights == 1.0).all()
    assert exact.probes == 0
    estimate = density(model, x, CurvatureSettings(dense_limit=0, probes=200))
    assert estimate.probes == 200
    assert (np.diff(estimate.nodes) >= 0.0).all()
    assert estimate.weights.sum() == pytest.approx(model.dimension)
    assert estimate.weights @ estimate.nodes == pytest.approx(values.sum(), rel=0.1)
    middle = np.median(values)
    assert estimate.weights[estimate.nodes > middle].sum() == pytest.approx((values > middle).sum(), abs=3.0)
