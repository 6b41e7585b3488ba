"""Lanczos for the lowest eigenpairs, against dense linear algebra."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise import lanczos
from llcommon.optimise.lanczos import lowest_pairs
from llcommon.optimise.quench import Quencher
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import settings, small_mlp

NONE = {"lambda": 1e-3}
GAUGES = [NONE, {"lambda": 0.0}, {"lambda": 1e-4, "regularise_biases": False}]


def exact(model, x, frozen):
    """Eigenvalues, and eigenvectors in columns, across the frozen rows."""
    basis = np.linalg.svd(frozen)[2][len(frozen) :].T if len(frozen) else np.eye(model.dimension)
    values, vectors = np.linalg.eigh(basis.T @ model.hessian(x) @ basis)
    return values, basis @ vectors


@pytest.mark.parametrize("longest", [12, 200], ids=["restarts", "one-basis"])
@pytest.mark.parametrize("options", GAUGES, ids=str)
def test_lowest_pairs_are_those_of_the_dense_hessian(options, longest, monkeypatch):
    monkeypatch.setattr(lanczos, "basis_length", lambda dimension: longest)
    model = small_mlp(hidden=(10,), features=3, **options)
    rng = np.random.default_rng(1)
    frozen = model.zero_modes(np.zeros(model.dimension))
    for _ in range(3):
        x = model.random_start(rng)
        values, vectors = exact(model, x, frozen)
        found = lowest_pairs(model, x, frozen, tolerance=1e-6)
        assert found.converged
        assert found.values == pytest.approx(values[:2], rel=1e-6)
        assert found.vectors @ found.vectors.T == pytest.approx(np.eye(2), abs=1e-10)
        assert np.abs(frozen @ found.vectors.T).max(initial=0.0) < 1e-10
        assert abs(found.vectors[0] @ vectors[:, 0]) == pytest.approx(1.0, abs=1e-4)
        true = np.linalg.norm(found.vectors @ model.hessian(x) - found.values[:, None] * found.vectors, axis=1)
        if not len(frozen):
            assert true == pytest.approx(found.residuals, abs=1e-3 * 1e-6 + 1e-12 * found.scale)
        assert found.scale == pytest.approx(np.abs(values).max(), rel=0.5)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-4])
def test_residuals_are_as_small_as_asked_for(tolerance):
    model = small_mlp(hidden=(20,), features=3, **{"lambda": 1e-4})
    x = model.random_start(np.random.default_rng(3))
    found = lowest_pairs(model, x, model.zero_modes(x), tolerance=tolerance)
    true = np.linalg.norm(found.vectors @ model.hessian(x) - found.values[:, None] * found.vectors, axis=1)
    assert (true <= 1.01 * tolerance * np.abs(found.values)).all()


def test_equal_eigenvalues_are_found_as_often_as_they_are():
    """At w = 0 all directions but the output biases have the curvature 2 lambda: a Krylov space holds it once."""
    model = losses.build("mlp", {"hidden": [4], "lambda": 1e-2}, xor_table())
    zero = np.zeros(model.dimension)
    found = lowest_pairs(model, zero, model.zero_modes(zero), number=3)
    assert found.values == pytest.approx([0.02, 0.02, 0.02], rel=1e-10)
    assert found.vectors @ found.vectors.T == pytest.approx(np.eye(3), abs=1e-12)


def test_frozen_directions_stay_out_when_the_space_is_exhausted():
    """A minimum with repeated eigenvalues: the basis comes to its end, where rounding must not bring a zero mode in."""
    model = small_mlp(hidden=(10,), features=3, **{"lambda": 1e-3, "regularise_biases": False})
    frozen = model.zero_modes(np.zeros(model.dimension))
    assert len(frozen) == 1
    for seed in range(4, 8):
        x = Quencher(model, settings()).quench(model.random_start(np.random.default_rng(seed))).coordinates
        values = exact(model, x, frozen)[0]
        for tolerance in (1e-3, 1e-9):
            found = lowest_pairs(model, x, frozen, number=4, tolerance=tolerance)
            assert np.abs(found.vectors @ frozen.T).max() < 1e-10
            assert found.values == pytest.approx(values[:4], rel=1e-2, abs=1e-12)


def test_newton_step_along_the_soft_modes():
    """Those are what the basis holds, and what a long step consists of."""
    model = small_mlp(hidden=(20,), features=3, **{"lambda": 1e-4})
    x = model.random_start(np.random.default_rng(4))
    vectors = exact(model, x, model.zero_modes(x))[1]
    step = 0.3 * vectors[:, 0] - 0.2 * vectors[:, 1]
    found = lowest_pairs(model, x, model.zero_modes(x), tolerance=1e-8, gradient=-model.hessian(x) @ step)
    assert found.correction == pytest.approx(step, abs=1e-6)
    assert lowest_pairs(model, x, model.zero_modes(x)).correction is None


def test_budget_and_what_it_leaves():
    model = small_mlp(hidden=(20,), features=3, **{"lambda": 1e-5})
    x = model.random_start(np.random.default_rng(5))
    found = lowest_pairs(model, x, model.zero_modes(x), tolerance=1e-12, most_products=20)
    assert not found.converged
    assert found.products < 40
    assert (found.residuals > 0.0).all()


def test_less_than_two_directions():
    model = losses.build("double-well", {"dimension": 1})
    found = lowest_pairs(model, np.zeros(1), model.zero_modes(np.zeros(1)))
    assert found.values.tolist() == [-4.0]
    assert found.converged


def test_not_finite():
    model = small_mlp()
    found = lowest_pairs(model, np.full(model.dimension, np.nan), model.zero_modes(np.zeros(model.dimension)))
    assert np.isnan(found.values).all()
    assert not found.converged


def test_same_bits_at_every_call():
    model = small_mlp(hidden=(10,))
    x = model.random_start(np.random.default_rng(6))
    first = lowest_pairs(model, x, model.zero_modes(x))
    second = lowest_pairs(model, x, model.zero_modes(x))
    assert (first.vectors == second.vectors).all()
    assert (first.values == second.values).all()
