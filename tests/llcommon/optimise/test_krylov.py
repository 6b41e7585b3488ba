"""Eigenvector following in Krylov spaces: its subspace against dense linear algebra, and the saddles it ends on."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.krylov import add_krylov, complete_subspace, krylov_search
from llcommon.status import Status
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import SURFACES, known, small_mlp

RMS = 1e-9


def search(model, x, direction, limit=200, radius=1e4, most=100, frozen=None, box=(-np.inf, np.inf)):
    """(status, loss, rms, evaluations, products), the end point and the mode there."""
    point = np.array(x, dtype=np.float64)
    mode = np.array(direction, dtype=np.float64)
    outcome = krylov_search(
        model.kernel,
        model.hessian_vector_kernel,
        *model.packed,
        model.zero_modes(x) if frozen is None else frozen,
        np.full(model.dimension, box[0]),
        np.full(model.dimension, box[1]),
        point,
        np.empty(model.dimension),
        mode,
        RMS,
        1.0,
        most,
        limit,
        radius,
    )
    return (Status(outcome[0]), *outcome[1:]), point, mode


def random_direction(model, rng):
    direction = rng.standard_normal(model.dimension)
    return direction / np.linalg.norm(direction)


class Subspace:
    """The arrays of a subspace of a model at x."""

    def __init__(self, model, x, most):
        n = model.dimension
        self.gradient = model.value_and_gradient(x)[1]
        self.frozen = model.zero_modes(x)
        self.head = (model.hessian_vector_kernel, *model.packed, self.frozen, x, self.gradient)
        self.arrays = (np.empty((most, n)), np.empty((most, n)), np.empty((most, most)), np.empty(most))

    def grow(self, size, vector, number):
        return add_krylov(*self.head, *self.arrays, size, vector.copy(), number)

    def complete(self, size, trust, wanted, final):
        return complete_subspace(*self.head, *self.arrays, size, trust, wanted, final, np.empty(len(self.gradient)))


@pytest.mark.parametrize("options", [{}, {"lambda": 0.0}, {"regularise_biases": False}], ids=str)
def test_subspace_is_an_orthonormal_picture_of_the_hessian(options):
    model = small_mlp(hidden=(3,), **options)
    rng = np.random.default_rng(0)
    x = model.random_start(rng)
    space = Subspace(model, x, 12)
    size = space.grow(0, rng.standard_normal(model.dimension), 5)
    size = space.grow(size, rng.standard_normal(model.dimension), 4)
    assert size == 9
    basis, images, projected, along = (array[:size] for array in space.arrays)
    hessian = model.hessian(x)
    assert basis @ basis.T == pytest.approx(np.eye(size), abs=1e-13)
    assert np.abs(basis @ space.frozen.T).max(initial=0.0) < 1e-13
    assert images == pytest.approx(basis @ hessian, abs=1e-12)
    assert projected[:, :size] == pytest.approx(basis @ hessian @ basis.T, abs=1e-12)
    assert along == pytest.approx(basis @ space.gradient, abs=1e-13)


def test_what_the_basis_holds_is_not_added_again():
    model = small_mlp(hidden=(2,))
    rng = np.random.default_rng(1)
    space = Subspace(model, model.random_start(rng), model.dimension)
    vector = rng.standard_normal(model.dimension)
    size = space.grow(0, vector, 1)
    assert space.grow(size, -3.0 * vector, 4) == size
    whole = space.grow(size, rng.standard_normal(model.dimension), model.dimension + 5)
    assert whole <= model.dimension
    assert space.grow(0, np.zeros(model.dimension), 3) == 0


def test_completed_subspace_holds_mode_and_step():
    """Asked for the two lowest eigenpairs it holds them; the step leaves no more of the gradient than allowed."""
    model = small_mlp(hidden=(4,), **{"lambda": 1e-3})
    rng = np.random.default_rng(2)
    for _ in range(5):
        x = model.random_start(rng)
        exact = np.linalg.eigvalsh(model.hessian(x))
        space = Subspace(model, x, model.dimension)
        used = space.grow(0, rng.standard_normal(model.dimension), 2)
        used = space.grow(used, space.gradient, 2)
        used, _, values, vectors, slopes = space.complete(used, 10.0, 1e-6, True)
        basis = space.arrays[0][:used]
        assert values[:2] == pytest.approx(exact[:2], rel=0.05)
        newton = -np.linalg.solve(model.hessian(x), space.gradient)
        ritz = -(slopes / values) @ vectors @ basis
        left = model.hessian(x) @ (ritz - newton)
        if np.linalg.norm(ritz) < 10.0:
            assert np.linalg.norm(left) <= 1e-5 * np.linalg.norm(space.gradient)


@pytest.mark.parametrize("name", SURFACES)
def test_known_saddles_from_nearby(name):
    model = losses.build(name, {})
    rng = np.random.default_rng(4)
    for saddle, _ in known(model, 1):
        start = saddle + 0.02 * rng.uniform(-1.0, 1.0, saddle.size)
        direction = np.linalg.eigh(model.hessian(start))[1][:, 0]
        (status, _, rms, _, _), x, mode = search(model, start, direction)
        assert status is Status.CONVERGED
        assert rms <= RMS
        assert x == pytest.approx(saddle, abs=1e-7)
        assert abs(mode @ np.linalg.eigh(model.hessian(saddle))[1][:, 0]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("strength", "most"), [(1e-3, 12), (1e-3, 100), (1e-5, 100)])
def test_networks_end_on_saddles_of_index_one(strength, most):
    """From random points, with subspaces that hold all directions or fewer."""
    model = small_mlp(hidden=(3,), **{"lambda": strength})
    assert 12 < model.dimension < 100
    rng = np.random.default_rng(6)
    converged = 0
    for _ in range(12):
        (status, loss, rms, _, _), x, mode = search(
            model, model.random_start(rng), random_direction(model, rng), most=most
        )
        if status is not Status.CONVERGED:
            continue
        value, gradient = model.value_and_gradient(x)
        assert loss == value
        assert rms <= RMS
        assert np.sqrt(gradient @ gradient / gradient.size) == pytest.approx(rms, rel=1e-12)
        values, vectors = np.linalg.eigh(model.hessian(x))
        assert values[0] < 0.0 < values[1]
        assert abs(mode @ vectors[:, 0]) > 0.95
        converged += 1
    assert converged >= 8


def test_frozen_directions_stay():
    """Zero modes and a coordinate: nothing moves along them, and the rest is stationary."""
    model = small_mlp(hidden=(2,), **{"lambda": 1e-3, "regularise_biases": False})
    rng = np.random.default_rng(7)
    held = np.eye(model.dimension)[:1]
    frozen = np.vstack([model.zero_modes(np.zeros(model.dimension)), held])
    assert len(frozen) == 2
    converged = 0
    for _ in range(10):
        start = model.random_start(rng)
        outcome, x, mode = search(model, start, random_direction(model, rng), frozen=frozen)
        assert np.abs(frozen @ (x - start)).max() < 1e-10
        assert np.abs(frozen @ mode).max() < 1e-10
        if outcome[0] is Status.CONVERGED:
            gradient = model.value_and_gradient(x)[1]
            gradient -= frozen.T @ (frozen @ gradient)
            assert np.sqrt(gradient @ gradient / gradient.size) <= RMS
            converged += 1
    assert converged >= 5


def test_a_bound_ends_the_search_on_it():
    """Himmelblau's saddle between (3, 2) and (3.58, -1.85) lies beyond x = 3."""
    model = losses.build("himmelblau", {})
    outcome, x, _ = search(model, [2.9, 1.0], [0.0, 1.0], box=(-3.0, 3.0))
    assert outcome[0] is Status.HIT_BOUND
    assert x[0] == 3.0
    assert np.abs(x).max() <= 3.0


def test_saddle_of_a_higher_index_is_left():
    """w = 0 of two overlapping clouds has three negative curvatures: started there, the search goes on."""
    model = small_mlp(hidden=(3,), **{"lambda": 1e-4})
    zero = np.zeros(model.dimension)
    gradient = model.value_and_gradient(zero)[1]
    result = search(model, zero - gradient, np.eye(model.dimension)[0])
    assert result[0][0] in (Status.CONVERGED, Status.WRONG_INDEX)
    values = np.linalg.eigvalsh(model.hessian(result[1]))
    assert (values[1] > 0.0) == (result[0][0] is Status.CONVERGED)


def test_same_input_same_bits():
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-3}, xor_table())
    start = model.random_start(np.random.default_rng(9))
    first = search(model, start, np.eye(model.dimension)[3])
    second = search(model, start, np.eye(model.dimension)[3])
    assert first[0] == second[0]
    assert (first[1] == second[1]).all()


def test_failures_have_names():
    model = losses.build("double-well", {})
    upwards = np.array([0.0, 1.0])
    assert search(model, [1.0, 0.1], upwards, radius=1.5)[0][0] in (Status.LEFT_RADIUS, Status.FELL_TO_MINIMUM)
    assert search(model, [np.nan, 0.0], upwards)[0][0] is Status.NOT_FINITE
    assert search(losses.build("mueller-brown", {}), [0.6, 0.0], upwards, limit=2)[0][0] is Status.STEP_LIMIT
    bowl = small_mlp(hidden=(), **{"lambda": 1e-1})
    start = bowl.random_start(np.random.default_rng(0))
    assert search(bowl, start, np.eye(bowl.dimension)[0])[0][0] is Status.FELL_TO_MINIMUM
