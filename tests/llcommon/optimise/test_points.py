"""Verification of stationary points: eigenvalues, index, and what is refused."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.krylov import krylov_search
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import CurvatureSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import xor_table
from tests.llcommon.optimise.models import SURFACES, Awkward, separable, settings, small_mlp
from tests.reference import derivatives
from tests.reference import mlp as mlp_twin
from tests.reference.optimise import spectrum_without

RMS = 1e-9
GAUGES = [
    {"lambda": 0.0},
    {"lambda": 1e-3, "regularise_biases": False},
    {"lambda": 1e-3},
    {"lambda": 0.0, "loss": "mse"},
]


@pytest.mark.parametrize("options", GAUGES, ids=str)
@pytest.mark.parametrize("hidden", [(), (2,)])
def test_spectrum_equals_numpy_without_zero_modes(options, hidden):
    model = small_mlp(hidden=hidden, **options)
    x = model.random_start(np.random.default_rng(2))
    hessian = derivatives.hessian(mlp_twin.loss_of_model(model), x)
    modes = model.zero_modes(x)
    expected = spectrum_without(0.5 * (hessian + hessian.T), modes)
    for vectors in (False, True):
        found = spectrum(model, x, vectors=vectors)
        assert found.values.shape == (model.dimension - len(modes),)
        assert found.values == pytest.approx(expected, abs=1e-9)
        assert found.index == (expected < -1e-9).sum()
    basis = found.vectors
    assert basis.T @ basis == pytest.approx(np.eye(len(expected)), abs=1e-12)
    assert np.abs(modes @ basis).max(initial=0.0) < 1e-10
    assert model.hessian(x) @ basis == pytest.approx(basis * found.values, abs=1e-10)


def test_zero_modes_are_all_there_is_at_zero():
    """The unregularised convex network: as many eigenvalues vanish as are declared, and no other does."""
    model = small_mlp(hidden=(), **{"lambda": 0.0})
    result = Quencher(model, settings()).quench(np.zeros(model.dimension))
    values = np.linalg.eigvalsh(model.hessian(result.coordinates))
    number = len(model.zero_modes(np.zeros(model.dimension)))
    assert number == 3
    assert np.abs(values[:number]).max() < 1e-15
    minimum, status = minimum_at(model, result.coordinates, RMS)
    assert status is Status.CONVERGED
    assert minimum.smallest_eigenvalue == pytest.approx(values[number], rel=1e-9)
    assert minimum.lpphe == pytest.approx(np.log(values[number:]).sum(), abs=1e-9)


@pytest.mark.parametrize("name", SURFACES)
def test_each_point_passes_as_what_it_is_and_as_nothing_else(name):
    model = losses.build(name, {})
    for x, loss, index in model.known_points():
        minimum, as_minimum = minimum_at(model, x, 1e-7)
        state, mode, as_state = transition_state_at(model, x, 1e-7)
        values, vectors = np.linalg.eigh(model.hessian(x))
        assert (minimum is not None) == (index == 0) == (as_minimum is Status.CONVERGED)
        assert (state is not None) == (index == 1) == (as_state is Status.CONVERGED)
        if index == 0:
            assert as_state is Status.WRONG_INDEX
            assert minimum.loss == pytest.approx(loss, abs=1e-9)
            assert minimum.lpphe == pytest.approx(np.log(values).sum(), abs=1e-10)
            assert minimum.smallest_eigenvalue == pytest.approx(values[0], rel=1e-12)
        elif index == 1:
            assert as_minimum is Status.WRONG_INDEX
            assert state.loss == pytest.approx(loss, abs=1e-9)
            assert state.negative_eigenvalue == pytest.approx(values[0], rel=1e-12)
            assert state.next_eigenvalue == pytest.approx(values[1], rel=1e-12)
            assert state.lpphe == pytest.approx(np.log(values[1]), abs=1e-10)
            assert abs(mode @ vectors[:, 0]) == pytest.approx(1.0, abs=1e-12)
            assert mode[np.argmax(np.abs(mode))] > 0.0
        else:
            assert as_minimum is as_state is Status.WRONG_INDEX


def test_network_of_a_higher_index_is_refused():
    """w = 0 of two overlapping clouds: each of the three hidden units may grow, in one direction."""
    model = small_mlp(hidden=(3,), **{"lambda": 1e-4})
    zero = np.zeros(model.dimension)
    assert (np.linalg.eigvalsh(model.hessian(zero)) < -1e-12).sum() == 3
    assert minimum_at(model, zero, RMS) == (None, Status.WRONG_INDEX)
    assert transition_state_at(model, zero, RMS) == (None, None, Status.WRONG_INDEX)


def test_not_stationary():
    model = losses.build("himmelblau", {})
    x = np.array([3.0, 2.0001])
    assert minimum_at(model, x, RMS) == (None, Status.STEP_LIMIT)
    assert transition_state_at(model, x, RMS) == (None, None, Status.STEP_LIMIT)


def test_flat_is_no_minimum():
    """x^4 + y^2 at 0: the curvature along x vanishes, so the harmonic picture does not hold."""
    model = Awkward(Awkward.QUARTIC)
    assert minimum_at(model, np.zeros(2), RMS) == (None, Status.FLAT)
    assert transition_state_at(model, np.zeros(2), RMS) == (None, None, Status.FLAT)
    found = spectrum(model, np.zeros(2))
    assert (found.index, found.flat) == (0, 1)


@pytest.mark.parametrize("check", [minimum_at, transition_state_at])
def test_not_finite(check):
    model = Awkward(Awkward.NAN)
    assert check(model, np.zeros(2), RMS)[-1] is Status.NOT_FINITE
    network = separable()
    assert check(network, np.full(network.dimension, np.nan), RMS)[-1] is Status.NOT_FINITE


def test_one_coordinate():
    """A transition state of one coordinate has no positive eigenvalue: LPPHE 0, the next one infinite."""
    model = losses.build("double-well", {"dimension": 1})
    state, mode, status = transition_state_at(model, np.zeros(1), RMS)
    assert status is Status.CONVERGED
    assert (state.lpphe, state.negative_eigenvalue, state.next_eigenvalue) == (0.0, -4.0, np.inf)
    assert mode.tolist() == [1.0]


@pytest.mark.parametrize("strength", [1e-4, 1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("units", [1, 2, 4])
def test_dead_network_of_two_equal_classes(units, strength):
    """L = ln 2, LPPHE = (N - 1) ln 2 lambda + ln(2 lambda + 1/2): the data act on the output biases only."""
    model = losses.build("mlp", {"hidden": [units], "lambda": strength}, xor_table())
    minimum, status = minimum_at(model, np.zeros(model.dimension), RMS)
    assert status is Status.CONVERGED
    assert minimum.loss == pytest.approx(np.log(2.0), abs=1e-15)
    expected = (model.dimension - 1) * np.log(2.0 * strength) + np.log(2.0 * strength + 0.5)
    assert minimum.lpphe == pytest.approx(expected, abs=1e-9)


def test_order_is_that_of_the_stabiliser():
    """The whole group (2^h h!, twice for the exchange of XOR's inputs) over the number of distinct images."""
    model = losses.build("mlp", {"hidden": [2], "lambda": 1e-4}, xor_table())
    quencher = Quencher(model, settings())
    rng = np.random.default_rng(0)
    group = round(np.exp(model.log_group_order()))
    assert group == 16
    orders = set()
    for _ in range(12):
        minimum, _ = minimum_at(model, quencher.quench(model.random_start(rng)).coordinates, RMS)
        images = {tuple(np.round(model.random_image(minimum.coordinates, rng), 6) + 0.0) for _ in range(400)}
        assert minimum.order * len(images) == group
        orders.add(minimum.order)
    assert len(orders) > 1


# --- boxes ------------------------------------------------------------------------------------


def boxed(name, lower, upper):
    return losses.build(name, {"lower": lower, "upper": upper})


def test_minimum_on_a_bound_is_one_of_the_free_coordinate():
    """Himmelblau below x = 2: the minimum (3, 2) is out of reach, and its valley ends on the bound."""
    model = boxed("himmelblau", [-5.0, 0.0], [2.0, 5.0])
    result = Quencher(model, settings()).quench(np.array([1.0, 2.0]))
    minimum, status = minimum_at(model, result.coordinates, RMS)
    assert status is Status.CONVERGED
    assert minimum.active.tolist() == [1, 0]
    curvature = model.hessian(minimum.coordinates)[1, 1]
    assert minimum.smallest_eigenvalue == pytest.approx(curvature)
    assert minimum.lpphe == pytest.approx(np.log(curvature))
    assert minimum.rms == pytest.approx(abs(model.value_and_gradient(minimum.coordinates)[1][1]))
    assert transition_state_at(model, result.coordinates, RMS)[2] is Status.WRONG_INDEX


def test_transition_state_on_a_bound_has_a_mode_along_it():
    """Double well with a third coordinate pressed against its bound."""
    model = boxed("double-well", [-2.0, 0.5], [2.0, 2.0])
    state, mode, status = transition_state_at(model, np.array([0.0, 0.5]), RMS)
    assert status is Status.CONVERGED
    assert state.active.tolist() == [0, -1]
    assert (state.negative_eigenvalue, state.next_eigenvalue, state.lpphe) == (-4.0, np.inf, 0.0)
    assert mode.tolist() == [1.0, 0.0]


def test_corner_without_free_coordinates_is_a_minimum():
    model = boxed("double-well", [1.5, 0.5], [2.0, 2.0])
    corner = np.array([1.5, 0.5])
    minimum, status = minimum_at(model, corner, RMS)
    assert status is Status.CONVERGED
    assert minimum.active.tolist() == [-1, -1]
    assert (minimum.lpphe, minimum.smallest_eigenvalue, minimum.rms) == (0.0, np.inf, 0.0)
    assert transition_state_at(model, corner, RMS)[2] is Status.WRONG_INDEX
    iterative = minimum_at(model, corner, RMS, CurvatureSettings(dense_limit=0))[0]
    assert (iterative.lpphe, iterative.smallest_eigenvalue) == (0.0, np.inf)


def test_bound_that_does_not_press_is_flat():
    """The minimum (1, 0) lies on the bound by chance: whether it is held is not certain."""
    model = boxed("double-well", [1.0, -1.0], [2.0, 1.0])
    assert minimum_at(model, np.array([1.0, 0.0]), RMS) == (None, Status.FLAT)


def test_active_is_not_stored_without_a_box():
    model = losses.build("double-well", {})
    assert minimum_at(model, np.array([1.0, 0.0]), RMS)[0].active is None
    wide = boxed("double-well", [-2.0, -2.0], [2.0, 2.0])
    assert minimum_at(wide, np.array([1.0, 0.0]), RMS)[0].active.tolist() == [0, 0]


# --- large models -----------------------------------------------------------------------------

ITERATIVE = CurvatureSettings(dense_limit=0, probes=20)


def without_dense_hessian(model, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a dense Hessian was formed")

    monkeypatch.setattr(model, "hessian", refuse)
    monkeypatch.setattr(model, "hessian_packed", refuse)


@pytest.mark.parametrize("options", [{}, {"regularise_biases": False}, {"loss": "mse"}], ids=str)
def test_minimum_of_a_large_model_without_a_dense_hessian(options, monkeypatch):
    model = small_mlp(hidden=(6,), features=3, **{"lambda": 1e-4, **options})
    x = Quencher(model, settings()).quench(model.random_start(np.random.default_rng(4))).coordinates
    exact, status = minimum_at(model, x, RMS)
    assert status is Status.CONVERGED
    without_dense_hessian(model, monkeypatch)
    found, status = minimum_at(model, x, RMS, ITERATIVE)
    assert status is Status.CONVERGED
    assert found.smallest_eigenvalue == pytest.approx(exact.smallest_eigenvalue, rel=1e-3)
    assert (exact.lpphe_error, exact.lpphe_probes) == (0.0, 0)
    assert found.lpphe_probes == 20
    assert 0.0 < found.lpphe_error < 0.1 * abs(exact.lpphe)
    assert abs(found.lpphe - exact.lpphe) <= 4.0 * found.lpphe_error
    assert transition_state_at(model, x, RMS, ITERATIVE)[2] is Status.WRONG_INDEX


def test_transition_state_of_a_large_model_without_a_dense_hessian(monkeypatch):
    """The dead unit of two equal classes: its states known from the dense spectrum."""
    model = losses.build("mlp", {"hidden": [1], "lambda": 1e-2}, xor_table())
    states = []
    for x in saddles_between(model):
        states.append((x, transition_state_at(model, x, 1e-8)))
    assert any(status is Status.CONVERGED for _, (_, _, status) in states)
    without_dense_hessian(model, monkeypatch)
    for x, (exact, mode, status) in states:
        found, iterative_mode, iterative_status = transition_state_at(model, x, 1e-8, ITERATIVE)
        assert iterative_status is status
        if exact is None:
            continue
        assert found.negative_eigenvalue == pytest.approx(exact.negative_eigenvalue, rel=1e-3)
        assert found.next_eigenvalue == pytest.approx(exact.next_eigenvalue, rel=1e-3)
        assert abs(found.lpphe - exact.lpphe) <= 4.0 * found.lpphe_error + 1e-6
        assert mode @ iterative_mode == pytest.approx(1.0, abs=1e-5)


def saddles_between(model):
    """End points of searches from random places."""
    rng = np.random.default_rng(5)
    infinite = np.full(model.dimension, np.inf)
    for _ in range(6):
        x = model.random_start(rng)
        mode = rng.standard_normal(model.dimension)
        mode /= np.linalg.norm(mode)
        arguments = (model.zero_modes(x), -infinite, infinite, x, np.empty(model.dimension), mode)
        status = krylov_search(
            model.kernel, model.hessian_vector_kernel, *model.packed, *arguments, 1e-9, 1.0, 50, 200, 1e4
        )[0]
        if Status(status) is Status.CONVERGED:
            yield x


def test_degenerate_negative_curvature_of_a_large_model_is_seen():
    """w = 0 of two clouds: three equal negative eigenvalues, of which a Krylov space from one start holds one."""
    model = small_mlp(hidden=(3,), **{"lambda": 1e-4})
    zero = np.zeros(model.dimension)
    assert transition_state_at(model, zero, RMS, ITERATIVE)[2] is Status.WRONG_INDEX


def test_an_order_beyond_any_integer_of_a_file_keeps_its_logarithm():
    """At w = 0 every element of the symmetry group leaves the point as it is: 30! 2^30 and more."""
    data = xor_table()
    model = losses.build("mlp", {"hidden": [30], "lambda": 0.1}, data)
    minimum, status = minimum_at(model, np.zeros(model.dimension), 1e-9)
    assert status is Status.CONVERGED
    assert minimum.order == 2**63 - 1
    assert minimum.log_order == pytest.approx(model.log_group_order(), rel=1e-12)
    assert minimum.log_order > 95.0
