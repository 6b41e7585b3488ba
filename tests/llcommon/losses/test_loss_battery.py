"""What every loss model must do, whatever it is: one battery over all cases."""

import dataclasses
import functools
import pickle

import numpy as np
import pytest

from llcommon.losses import build, known_models
from tests.llcommon.losses.cases import (
    CASES,
    FURTHER_MLP_CASES,
    MANY_CASES,
    MLP_CASES,
    MLQ_CASES,
    SEPARABLE_CASES,
    SURFACE_CASES,
)
from tests.reference import derivatives

DEEP_CASES = [case for case in CASES if case.hidden_layers > 1]
# Whole Hessians by differences are slow, so only with the plain L2 term; products test the rest.
WHOLE_HESSIAN_CASES = [
    case
    for case in CASES
    if case.parameters.get("hidden") != [10]
    and case.parameters.get("lambda") != 0.0
    and case.parameters.get("regularise_biases") is not False
    and not (case in FURTHER_MLP_CASES and case.hidden_layers > 1)
    and not (case.hidden_layers > 1 and case.parameters.get("loss") == "mse" and case.data.targets is None)
]
EXACT_ALIGNMENT_CASES = [case for case in CASES if case.hidden_layers <= 1 and not case.turning]


@functools.cache
def _model_of(position):
    return CASES[position].build()


@pytest.fixture
def model(case):
    """The model of the test's case, made once; tests that look at its memory make their own."""
    return _model_of(CASES.index(case))


def all_cases(cases):
    """Parametrise a test, or the fixture `model` that it uses, by `case`."""
    return pytest.mark.parametrize("case", cases, ids=str)


def test_every_model_has_a_case():
    assert {case.name for case in CASES} == set(known_models()) - {"tabulated"}  # which has no loss


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def close(actual, expected, tolerance):
    """Equal to within tolerance times the largest number (at least one) in `expected`."""
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.shape(actual) == np.shape(expected)
    assert np.abs(actual - expected).max() <= tolerance * scale


def same(case, actual, expected):
    """Equal; to rounding where images are turned."""
    if case.turning:
        return bool(np.abs(actual - expected).max() <= 1e-10)
    return np.array_equal(actual, expected)


# --- derivatives --------------------------------------------------------------------------------


@all_cases(CASES)
def test_gradient_is_the_slope_of_the_value(model, rng):
    x = model.random_start(rng)
    expected = derivatives.differences_of_value(model.value, x)
    value, gradient = model.value_and_gradient(x)
    close(gradient, expected, 1e-10 + 1e-12 * abs(value))  # differences of large values round more


@all_cases(CASES)
def test_hessian_is_the_slope_of_the_gradient_and_symmetric(model, rng):
    x = model.random_start(rng)
    hessian = model.hessian(x)
    assert np.array_equal(hessian, hessian.T)
    expected = derivatives.differences_of_gradient(lambda at: model.value_and_gradient(at)[1], x)
    close(hessian, expected, 1e-10)


@all_cases(CASES)
def test_hessian_vector_product_is_the_product_with_the_hessian(model, rng):
    x = model.random_start(rng)
    hessian = model.hessian(x)
    for _ in range(3):
        v = rng.standard_normal(model.dimension)
        close(model.hessian_vector(x, v), hessian @ v, 1e-13)


@all_cases(CASES)
def test_equals_the_naive_twin(case, model, rng):
    twin = case.twin(model)
    x = model.random_start(rng)
    v = rng.standard_normal(model.dimension)
    value, gradient = model.value_and_gradient(x)
    assert value == pytest.approx(float(twin(x)), rel=1e-13, abs=1e-13)
    close(gradient, derivatives.gradient(twin, x), 1e-13)
    # Differences of large gradients round more.
    close(model.hessian_vector(x, v), derivatives.hessian_vector(twin, x, v), 1e-10 + 1e-11 * np.abs(gradient).max())


@all_cases(WHOLE_HESSIAN_CASES)
def test_the_whole_hessian_equals_the_naive_twin(case, model, rng):
    x = model.random_start(rng)
    close(model.hessian(x), derivatives.hessian(case.twin(model), x), 1e-10)


# --- numbers ------------------------------------------------------------------------------------


@all_cases(CASES)
def test_finite_at_random_starts(model, rng):
    for _ in range(20):
        x = model.random_start(rng)
        assert x.shape == (model.dimension,)
        assert x.dtype == np.float64
        value, gradient = model.value_and_gradient(x)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert np.isfinite(model.hessian(x)).all()


@all_cases(CASES)
def test_far_away_nothing_is_nan(case, model, rng):
    def allowed(numbers):
        # Mueller-Brown's surface rises like exp(r^2), a covariance has no Cholesky factor: infinity is right there.
        if case.name in ("mueller-brown", "gp"):
            return not np.isnan(numbers).any()
        return np.isfinite(numbers).all()

    for direction in (*rng.standard_normal((5, model.dimension)), np.ones(model.dimension)):
        x = 1e3 * direction
        value, gradient = model.value_and_gradient(x)
        assert allowed(value)
        assert allowed(gradient)
        assert allowed(model.hessian(x))


@all_cases(CASES)
def test_same_bits_again_whatever_the_workspace_held(model, rng):
    x = model.random_start(rng)
    v = rng.standard_normal(model.dimension)

    def everything():
        value, gradient = model.value_and_gradient(x)
        return np.concatenate([[value], gradient, model.hessian_vector(x, v), model.hessian(x).ravel()])

    first = everything()
    model.hessian_packed()[2][:] = np.nan
    assert np.array_equal(everything(), first)
    model.value(model.random_start(rng))
    assert np.array_equal(everything(), first)


@all_cases(CASES)
def test_kernels_stay_inside_their_arrays(case, rng):
    model = case.build()
    margin = 50

    def guarded(size):
        return np.full(size + 2 * margin, 12345.0)

    def inner(buffer):
        return buffer[margin:-margin]

    x = model.random_start(rng)
    n = model.dimension
    gradient, product, matrix = guarded(n), guarded(n), guarded(n * n)
    small = guarded(model.packed[2].size)
    large = guarded(model.hessian_packed()[2].size)
    model.kernel(x, inner(gradient), model.reals, model.integers, inner(small))
    model.hessian_vector_kernel(x, x, inner(product), model.reals, model.integers, inner(small))
    model.hessian_kernel(x, inner(matrix).reshape(n, n), model.reals, model.integers, inner(large))
    for buffer in (gradient, product, matrix, small, large):
        assert (buffer[:margin] == 12345.0).all()
        assert (buffer[-margin:] == 12345.0).all()


@all_cases(CASES)
def test_pickling_keeps_the_bits(model, rng):
    x = model.random_start(rng)
    copy = pickle.loads(pickle.dumps(model))
    assert type(copy) is type(model)
    assert copy.value(x) == model.value(x)
    assert np.array_equal(copy.value_and_gradient(x)[1], model.value_and_gradient(x)[1])
    assert np.array_equal(copy.hessian(x), model.hessian(x))
    assert np.array_equal(copy.zero_modes(x), model.zero_modes(x))


@all_cases(MLP_CASES)
def test_hessian_in_chunks_of_rows_is_the_same(case, model, rng):
    x = model.random_start(rng)
    whole = model.hessian(x)
    for rows in (1, 2, 4, 8):
        chunked = case.build()
        chunked.integers[5] = rows
        close(chunked.hessian(x), whole, 1e-14)


# --- symmetry -----------------------------------------------------------------------------------


@all_cases(CASES)
def test_an_image_has_the_same_value_and_the_image_of_the_gradient(case, model, rng):
    x = model.random_start(rng)
    value, gradient = model.value_and_gradient(x)
    for seed in range(5):
        image = model.random_image(x, np.random.default_rng(seed))
        image_value, image_gradient = model.value_and_gradient(image)
        assert image_value == pytest.approx(value, rel=1e-12 if case.turning else 1e-13)
        if case.turning:
            continue  # how an image is turned depends on the point
        # The operations are linear and orthogonal, so one seed acts on both alike.
        close(image_gradient, model.random_image(gradient, np.random.default_rng(seed)), 1e-13)


@all_cases(CASES)
def test_aligning_an_image_gives_the_point_back(case, model, rng):
    reference = model.random_start(rng)
    for _ in range(5):
        image = model.random_image(reference, rng)
        assert same(case, model.align(reference, image), reference)


@all_cases(CASES)
def test_aligning_never_increases_the_distance(case, model, rng):
    for _ in range(5):
        reference = model.random_start(rng)
        x = model.random_start(rng)
        aligned = model.align(reference, x)
        before = np.linalg.norm(x - reference)
        assert np.linalg.norm(aligned - reference) <= before * (1.0 + 1e-14)
        assert model.value(aligned) == pytest.approx(model.value(x), rel=1e-12 if case.turning else 1e-13)


@all_cases(CASES)
def test_carried_points_move_as_one_body(model, rng):
    reference = model.random_start(rng)
    x = model.random_start(rng)
    points = np.array([x, *(x + 0.01 * model.random_start(rng) for _ in range(2)), model.random_start(rng)])
    carried = model.carried(reference, x, points)
    if carried is None:
        assert model.rotates if model.name == "mlp" else model.symmetric
        return
    close(carried[0], model.align(reference, x), 1e-13)
    close(np.linalg.norm(carried - carried[0], axis=1), np.linalg.norm(points - x, axis=1), 1e-13)
    losses = np.array([[model.value(point) for point in table] for table in (carried, points)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9, atol=1e-12)
    assert model.carried(reference, x, points[:0]).shape == (0, model.dimension)


@all_cases(EXACT_ALIGNMENT_CASES)
def test_aligned_distance_is_symmetric_and_blind_to_images(model, rng):
    a = model.random_start(rng)
    b = model.random_start(rng)
    distance = np.linalg.norm(model.align(a, b) - a)
    assert np.linalg.norm(model.align(b, a) - b) == pytest.approx(distance, rel=1e-12)
    image = model.random_image(b, rng)
    assert np.linalg.norm(model.align(a, image) - a) == pytest.approx(distance, rel=1e-12)


@all_cases(DEEP_CASES)
def test_deep_alignment_finds_a_slightly_moved_image(model, rng):
    reference = model.random_start(rng)
    shift = 1e-3 * rng.standard_normal(model.dimension)
    image = model.random_image(reference + shift, rng)
    modes = model.zero_modes(reference)
    if not len(modes):
        assert np.array_equal(model.align(reference, image), reference + shift)
    # Along zero modes it comes to lie where the reference is.
    across = shift - modes.T @ (modes @ shift)
    assert model.align(reference, image) == pytest.approx(reference + across, abs=1e-14)


@all_cases(CASES)
def test_canonical_form_is_an_image_idempotent_and_shared_by_all_images(case, model, rng):
    x = model.random_start(rng)
    canonical = model.canonical(x)
    assert same(case, model.align(x, canonical), x)
    assert same(case, model.canonical(canonical), canonical)
    for _ in range(5):
        assert same(case, model.canonical(model.random_image(x, rng)), canonical)


@all_cases(CASES)
def test_symmetry_operations_leave_their_arguments_alone(model, rng):
    x = model.random_start(rng)
    reference = model.random_start(rng)
    kept = x.copy(), reference.copy()
    for image in (model.align(reference, x), model.canonical(x), model.random_image(x, rng)):
        image[:] = np.nan
    assert np.array_equal(x, kept[0])
    assert np.array_equal(reference, kept[1])


@all_cases(CASES)
def test_a_generic_point_has_a_trivial_stabiliser(model, rng):
    assert model.stabiliser_order(model.random_start(rng), 1e-6) == 1


@all_cases(CASES)
def test_rotating_blocks_are_indices_of_coordinates(model):
    for block in model.rotating_blocks():
        assert block.ndim == 1
        assert np.issubdtype(block.dtype, np.integer)
        assert len(block) > 0
        assert len(np.unique(block)) == len(block)
        assert 0 <= block.min() and block.max() < model.dimension


# --- rows -----------------------------------------------------------------------------------------


def rows_of(data, rows):
    """The table of some rows of data, classes and scaling as they are."""
    targets = None if data.targets is None else data.targets[rows]
    labels = None if data.labels is None else data.labels[rows]
    return dataclasses.replace(data, features=data.features[rows], labels=labels, targets=targets)


@all_cases(MLP_CASES + MLQ_CASES)
def test_the_loss_of_some_rows_is_that_of_a_model_of_them(case, model, rng):
    x = model.random_start(rng)
    for count in (1, 4, model.rows):
        rows = rng.permutation(model.rows)[:count]
        alone = build(case.name, case.parameters, rows_of(case.data, rows))
        value, gradient = model.value_and_gradient_of(rows, x)
        expected_value, expected_gradient = alone.value_and_gradient(x)
        assert value == expected_value
        assert np.array_equal(gradient, expected_gradient)


@all_cases(SEPARABLE_CASES + MLQ_CASES)
def test_batches_of_equal_size_have_the_loss_in_the_mean(model, rng):
    x = model.random_start(rng)
    batches = rng.permutation(model.rows).reshape(3, -1)
    parts = [model.value_and_gradient_of(rows, x) for rows in batches]
    value, gradient = model.value_and_gradient(x)
    close(np.mean([part[0] for part in parts]), value, 1e-13)
    close(np.mean([part[1] for part in parts], axis=0), gradient, 1e-13)


@all_cases(CASES)
def test_rows_are_those_of_the_data(case, model):
    is_mean_over_rows = case in MLP_CASES + MLQ_CASES
    assert model.rows == (len(case.data.features) if is_mean_over_rows else 0)
    assert (model.rows_kernel is None) == (not is_mean_over_rows)


# --- zero modes and known points ------------------------------------------------------------------


@all_cases(CASES)
def test_zero_modes_are_orthonormal_and_flat(model, rng):
    x = model.random_start(rng)
    modes = model.zero_modes(x)
    assert modes.shape == (len(modes), model.dimension)
    assert np.allclose(modes @ modes.T, np.eye(len(modes)), rtol=0.0, atol=1e-14)
    gradient = model.value_and_gradient(x)[1]
    assert np.abs(modes @ gradient).max(initial=0.0) <= 1e-14 * max(1.0, np.abs(gradient).max())


@all_cases(CASES)
def test_zero_modes_that_do_not_turn_are_flat_everywhere_and_all_there_is(case, model, rng):
    x = model.random_start(rng)
    modes = model.zero_modes(x)
    assert np.array_equal(model.zero_modes(model.random_start(rng)), modes) != case.turning
    # What is common to the null spaces of Hessians at many points is the null space of a random sum.
    hessians = [rng.normal() * model.hessian(model.random_start(rng)) for _ in range(6)]
    eigenvalues = np.abs(np.linalg.eigvalsh(sum(hessians)))
    flat = np.count_nonzero(eigenvalues < 1e-13 * eigenvalues.max())
    if case.turning:
        assert flat < len(modes)
        return
    assert flat == len(modes)
    value = model.value(x)
    hessian = model.hessian(x)
    for mode in modes:
        assert model.value(x + 3.0 * mode) == pytest.approx(value, rel=1e-13)
        assert model.align(x, model.random_image(x + 3.0 * mode, rng)) == pytest.approx(x, abs=1e-13)
        assert np.abs(hessian @ mode).max() <= 1e-14


@all_cases(CASES)
def test_bounds_and_zero_modes_do_not_meet(model, rng):
    """What is flat along a direction of all space is not in a box."""
    assert model.bounds() is None or not len(model.zero_modes(model.random_start(rng)))


@all_cases(SURFACE_CASES + MANY_CASES)
def test_known_points_are_stationary_with_the_right_loss_and_index(model):
    points = model.known_points()
    assert points
    for x, loss, index in points:
        value, gradient = model.value_and_gradient(x)
        eigenvalues = np.linalg.eigvalsh(model.hessian(x))
        rounding = max(1.0, np.abs(x).max() / 100.0)
        assert value == pytest.approx(loss, rel=1e-14, abs=1e-13 * rounding)
        assert np.abs(gradient).max() <= 1e-14 * rounding * max(1.0, np.abs(eigenvalues).max())
        assert np.abs(eigenvalues).min() > 1e-3
        assert np.count_nonzero(eigenvalues < 0.0) == index
