"""The quadratic multinomial: one minimum whatever the start, its polynomials, its symmetry, its refusals."""

import numpy as np
import pytest

from llcommon.errors import ConfigError
from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import class_table, numeric_table, table, xor_table
from tests.reference import mlq as twin


def quenched(model, starts):
    """Where quenches from these starts end, verified."""
    settings = QuenchSettings()
    quencher = Quencher(model, settings)
    ends = []
    for start in starts:
        result = quencher.quench(start)
        assert result.status is Status.CONVERGED
        minimum, status = minimum_at(model, result.coordinates, settings.rms)
        assert status is Status.CONVERGED
        ends.append(minimum)
    return ends


@pytest.mark.parametrize("features", [1, 2, 3, 6])
@pytest.mark.parametrize("classes", [2, 3])
def test_dimension(features, classes):
    rows = np.random.default_rng(1).normal(size=(8, features))
    model = build("mlq", {}, table(rows, labels=[0, 1, classes - 1, 0, 1, 0, 1, 0]))
    assert model.dimension == classes * (1 + features * (features + 3) // 2)


@pytest.mark.parametrize("biases", [True, False])
def test_every_start_ends_in_one_point(biases):
    model = build("mlq", {"lambda": 1e-3, "regularise_biases": biases}, class_table())
    rng = np.random.default_rng(2)
    starts = [*model.special_starts(rng), *(scale * model.random_start(rng) for scale in [0.1, 1.0, 10.0] * 5)]
    # Without their L2 term the constants of all classes may be shifted together.
    gauge = model.zero_modes(np.zeros(model.dimension))
    assert len(gauge) == (0 if biases else 1)
    ends = quenched(model, starts)
    places = [end.coordinates - gauge.T @ (gauge @ end.coordinates) for end in ends]
    for end, place in zip(ends, places, strict=True):
        assert end.loss == pytest.approx(ends[0].loss, rel=1e-13)
        assert np.abs(place - places[0]).max() < 1e-8
        assert end.smallest_eigenvalue > 0.0


def test_it_is_convex():
    model = build("mlq", {"lambda": 1e-3}, class_table())
    rng = np.random.default_rng(3)
    for scale in (0.1, 1.0, 10.0):
        lowest = np.linalg.eigvalsh(model.hessian(scale * model.random_start(rng)))[0]
        assert lowest >= 2e-3 * (1.0 - 1e-9)


def test_probabilities_are_those_of_the_polynomials():
    data = class_table()
    model = build("mlq", {}, data)
    x = model.random_start(np.random.default_rng(4))
    rows = np.random.default_rng(5).normal(size=(4, 3))
    polynomials = twin.polynomials_of(x, 3, 3)
    scaled = (rows - data.shift) / data.scale
    z = np.array([[twin.polynomial(*one, row) for one in polynomials] for row in scaled])
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert model.predict(x, rows) == pytest.approx(expected, rel=1e-12)
    assert model.log_probabilities(x, rows) == pytest.approx(np.log(expected), rel=1e-12)


def test_coordinates_are_named_by_term_and_class():
    model = build("mlq", {}, table([[0.0, 1.0], [1.0, 3.0]], labels=[0, 1]))
    terms = ["x0", "x1", "x0*x0", "x0*x1", "x1*x1", "bias"]
    assert model.coordinate_names() == [f"{term}/{label}" for term in terms for label in "01"]
    assert model.coefficients(np.arange(12.0))[3, 1] == 7.0


def test_the_minimum_has_the_symmetry_of_the_data():
    # The table of exclusive or allows x and x^2 and the two features to change places: 8 permutations.
    model = build("mlq", {"lambda": 1e-3}, xor_table())
    assert model.log_group_order() == pytest.approx(np.log(8.0))
    (end,) = quenched(model, [model.random_start(np.random.default_rng(6))])
    assert end.order == 8
    coefficients = model.coefficients(end.coordinates)
    assert np.ptp(coefficients[[0, 1, 2, 4]], axis=0).max() < 1e-9


def test_terms_that_are_equal_in_every_row_may_share_their_coefficient():
    # Four rows allow only four of the six terms of exclusive or to differ.
    model = build("mlq", {"lambda": 0.0}, xor_table())
    modes = model.zero_modes(np.zeros(model.dimension))
    assert len(modes) == 4 + 2 * 2
    x = model.random_start(np.random.default_rng(8))
    shift = np.zeros((6, 2))
    shift[[0, 2]] = [1.0, -1.0], [-1.0, 1.0]  # of x0 and x0^2
    assert model.value(x + shift.ravel()) == pytest.approx(model.value(x), rel=1e-14)
    assert modes.T @ (modes @ shift.ravel()) == pytest.approx(shift.ravel(), abs=1e-14)


def test_separable_classes_have_no_minimum_without_the_l2_term():
    model = build("mlq", {"lambda": 0.0}, table([[0.0], [1.0], [3.0], [4.0]], labels=[0, 0, 1, 1]))
    result = Quencher(model, QuenchSettings()).quench(model.random_start(np.random.default_rng(7)))
    _, status = minimum_at(model, result.coordinates, 1e-9)
    assert result.loss < 1e-10
    assert status in (Status.FLAT, Status.LEFT_RADIUS)


def test_overlapping_classes_have_one_without_it():
    rows = np.random.default_rng(9).normal(size=(60, 2))
    labels = [int(row @ [1.0, 0.5] + noise > 0.0) for row, noise in zip(rows, np.sin(np.arange(60)) * 2, strict=True)]
    model = build("mlq", {"lambda": 0.0}, table(rows, labels=labels))
    rng = np.random.default_rng(10)
    ends = quenched(model, [model.random_start(rng) for _ in range(5)])
    assert np.ptp([end.loss for end in ends]) < 1e-13
    assert ends[0].lpphe == pytest.approx(ends[1].lpphe, abs=1e-6)


def test_a_numeric_target_is_refused():
    with pytest.raises(ConfigError, match="mlq fits classes only"):
        build("mlq", {}, numeric_table())
