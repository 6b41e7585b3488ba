"""The symmetry of perceptrons against brute force over all permutations and signs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llcommon import losses
from llcommon.losses import _mlp_symmetry as symmetry
from tests.llcommon.losses.cases import table
from tests.reference.mlp import images

ONE_LAYER = [(2, 1, 2), (1, 2, 2), (3, 3, 1), (2, 4, 3)]
TWO_LAYERS = [(1, 2, 2, 1), (2, 3, 2, 2), (1, 2, 3, 1)]


def dimension(widths):
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


def align(reference, x, widths, odd):
    parts = symmetry.split(reference, widths), symmetry.split(x, widths)
    return symmetry.join(symmetry.align(*parts, odd))


def stabiliser_order(x, widths, odd, tolerance=1e-9):
    return symmetry.stabiliser_order(symmetry.split(x, widths), odd, tolerance)


def brute_force_order(x, widths, odd, tolerance=1e-9):
    return sum(np.abs(image - x).max() <= tolerance for image in images(x, widths, odd))


def shortest(reference, x, widths, odd):
    return min(np.linalg.norm(image - reference) for image in images(x, widths, odd))


@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("widths", [(3, 2), *ONE_LAYER, *TWO_LAYERS])
def test_group_order_is_the_number_of_images_of_a_generic_point(widths, odd):
    x = np.random.default_rng(1).standard_normal(dimension(widths))
    different = {image.tobytes() for image in images(x, widths, odd)}
    assert math.exp(symmetry.log_group_order(widths, odd)) == pytest.approx(len(different))


@pytest.mark.parametrize("widths", [(3, 2), *ONE_LAYER, *TWO_LAYERS])
def test_split_and_join_are_inverse(widths):
    x = np.random.default_rng(1).standard_normal(dimension(widths))
    assert np.array_equal(symmetry.join(symmetry.split(x, widths)), x)


# --- alignment ----------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("widths", ONE_LAYER)
def test_one_layer_is_aligned_exactly(widths, odd):
    rng = np.random.default_rng(3)
    for _ in range(5):
        reference, x = rng.standard_normal((2, dimension(widths)))
        aligned = align(reference, x, widths, odd)
        assert any(np.array_equal(aligned, image) for image in images(x, widths, odd))
        best = shortest(reference, x, widths, odd)
        assert np.linalg.norm(aligned - reference) == pytest.approx(best, rel=1e-13)


@settings(deadline=None)
@given(
    arrays(np.float64, dimension((1, 3, 2)), elements=st.integers(-2, 2)),
    arrays(np.float64, dimension((1, 3, 2)), elements=st.integers(-2, 2)),
    st.booleans(),
)
def test_one_layer_is_aligned_exactly_with_ties_and_dead_units(reference, x, odd):
    distance = np.linalg.norm(align(reference, x, (1, 3, 2), odd) - reference)
    assert distance == pytest.approx(shortest(reference, x, (1, 3, 2), odd), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("widths", TWO_LAYERS)
def test_two_layers_are_aligned_to_an_image_no_nearer_than_the_nearest(widths, odd):
    rng = np.random.default_rng(4)
    exact = 0
    for _ in range(6):
        reference, x = rng.standard_normal((2, dimension(widths)))
        aligned = align(reference, x, widths, odd)
        assert any(np.array_equal(aligned, image) for image in images(x, widths, odd))
        distance = np.linalg.norm(aligned - reference)
        best = shortest(reference, x, widths, odd)
        assert distance >= best * (1.0 - 1e-13)
        exact += distance <= best * (1.0 + 1e-13)
    # Alternating assignment is a heuristic; at these sizes it should find the optimum as a rule.
    assert exact >= 4


@pytest.mark.parametrize("widths", TWO_LAYERS)
def test_every_image_of_a_point_in_two_layers_is_aligned_onto_it(widths):
    x = np.random.default_rng(5).standard_normal(dimension(widths))
    for image in images(x, widths, True):
        assert np.array_equal(align(x, image, widths, True), x)


# --- canonical form -------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("widths", [*ONE_LAYER, *TWO_LAYERS])
def test_all_images_share_one_canonical_form(widths, odd):
    x = np.random.default_rng(6).standard_normal(dimension(widths))
    forms = set()
    for image in images(x, widths, odd):
        forms.add(symmetry.join(symmetry.canonical(symmetry.split(image, widths), odd)).tobytes())
    assert len(forms) == 1


# --- stabilisers ----------------------------------------------------------------------------------


def network(*matrices):
    """(x, widths) from matrices (inputs + 1, outputs)."""
    matrices = [np.array(matrix, dtype=np.float64) for matrix in matrices]
    widths = (len(matrices[0]) - 1, *(matrix.shape[1] for matrix in matrices))
    return symmetry.join(matrices), widths


NAMED = {
    "generic unit": (network([[1.0], [2.0]], [[3.0], [4.0]]), 1),
    "dead unit": (network([[0.0], [0.0]], [[0.0], [4.0]]), 2),
    "unit without output weight": (network([[1.0], [2.0]], [[0.0], [4.0]]), 1),
    "unit without input": (network([[0.0], [0.0]], [[3.0], [4.0]]), 1),
    "two equal units": (network([[1, 1], [2, 2]], [[3], [3], [4]]), 2),
    "two units equal up to sign": (network([[1, -1], [2, -2]], [[3], [-3], [4]]), 2),
    "equal inputs, different outputs": (network([[1, 1], [2, 2]], [[3], [5], [4]]), 1),
    "two dead units": (network([[0, 0], [0, 0]], [[0], [0], [4]]), 8),
    "two dead, two equal units": (network([[0, 1, 0, 1]] * 2, [[0], [2], [0], [2], [4]]), 16),
    "three equal units, signs mixed": (network([[1, -1, 1]] * 2, [[2], [-2], [2], [4]]), 6),
    "swap in layer 1 with a swap in layer 2": (
        network([[1, 1], [2, 2]], [[3, 5], [5, 3], [7, 7]], [[6], [6], [1]]),
        2,
    ),
    "no swap of a pair of equal units with a single one": (
        network([[1, 1, 1], [2, 2, 2]], [[3, 5], [3, 5], [5, 3], [7, 7]], [[6], [6], [1]]),
        2,
    ),
    "swap of two pairs of equal units": (
        network([[1] * 4, [2] * 4], [[3, 5], [3, 5], [5, 3], [5, 3], [7, 7]], [[6], [6], [1]]),
        8,
    ),
    "sign in layer 1 with a swap up to sign in layer 2": (
        network([[0, 1], [0, 2]], [[3, -3], [0, 0], [0, 0]], [[6], [6], [1]]),
        2,
    ),
    "dead unit below dead unit": (network([[0, 1], [0, 2]], [[0, 0], [3, 0], [1, 0]], [[6], [0], [1]]), 4),
    "unit fed only by zeros in layer 2": (network([[1], [2]], [[0, 0], [0, 0]], [[6], [6], [1]]), 2),
}


@pytest.mark.parametrize("name", NAMED)
def test_stabiliser_of_named_networks(name):
    (x, widths), order = NAMED[name]
    assert brute_force_order(x, widths, True) == order
    assert stabiliser_order(x, widths, True) == order


@st.composite
def coincidences(draw, shapes, extent):
    """Networks of few different weights, so that stabilisers of all kinds occur."""
    widths = draw(st.sampled_from(shapes))
    elements = st.integers(-extent, extent)
    return draw(arrays(np.float64, dimension(widths), elements=elements)), widths


@settings(deadline=None)
@given(coincidences([(1, 2, 1), (1, 3, 1), (2, 3, 1), (1, 3, 2)], 1), st.booleans())
def test_stabiliser_of_one_layer_equals_brute_force(network, odd):
    x, widths = network
    assert stabiliser_order(x, widths, odd) == brute_force_order(x, widths, odd)


@settings(deadline=None)
@given(coincidences([(1, 1, 1, 1), (1, 2, 1, 1), (1, 2, 2, 1), (1, 1, 2, 1)], 1), st.booleans())
def test_stabiliser_of_two_layers_equals_brute_force(network, odd):
    x, widths = network
    assert stabiliser_order(x, widths, odd) == brute_force_order(x, widths, odd)


@settings(deadline=None)
@given(coincidences([(1, 1, 2, 1, 1), (1, 1, 1, 2, 1), (1, 2, 1, 2, 1)], 1), st.booleans())
def test_stabiliser_of_three_layers_equals_brute_force(network, odd):
    x, widths = network
    assert stabiliser_order(x, widths, odd) == brute_force_order(x, widths, odd)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_stabiliser_of_wired_permutations_equals_brute_force(seed, odd):
    # Second-layer units that repeat the first layer's pattern, permuted and negated: automorphisms
    # that act on both layers at once, which independent random weights would hardly ever have.
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], 3) if odd else np.ones(3)
    first = np.tile(rng.integers(0, 2, (2, 1)), (1, 3)) * signs
    second = rng.integers(0, 2, (1, 1)) + np.eye(3)[:, : rng.integers(1, 4)][rng.permutation(3)]
    last = np.full((second.shape[1], 1), rng.integers(0, 3))
    bias = np.zeros((1, second.shape[1]))
    x, widths = network(first, np.vstack([second * signs[:, None], bias]), np.vstack([last, [[1.0]]]))
    assert stabiliser_order(x, widths, odd) == brute_force_order(x, widths, odd)


def test_stabiliser_tolerance_is_per_weight():
    x, widths = network([[1, 1.001], [2, 2]], [[3], [3], [4]])
    assert stabiliser_order(x, widths, True, 2e-3) == 2
    assert stabiliser_order(x, widths, True, 5e-4) == 1


def test_many_dead_units_are_counted_without_enumeration():
    x, widths = network(np.zeros((3, 12)), np.zeros((13, 2)))
    assert stabiliser_order(x, widths, True) == math.factorial(12) * 2**12


@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("widths", [(2, 4, 2), (1, 3, 2, 1)])
@pytest.mark.parametrize("seed", range(6))
def test_asymmetric_directions_are_across_what_the_stabiliser_leaves_alone(widths, odd, seed):
    """Their projection is that of the mean over all operations that leave x alone."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(dimension(widths))
    first, second = symmetry.split(x, widths)[:2]
    kinds = ("dead", "equal", "opposite", "dead", "three", "none")
    if kinds[seed] == "dead":
        first[:, 1] = 0.0
        second[1] = 0.0
    elif kinds[seed] != "none":
        for unit in (1, 2) if kinds[seed] == "three" else (2,):
            sign = -1.0 if kinds[seed] == "opposite" and odd else 1.0
            first[:, unit] = sign * first[:, 0]
            second[unit] = sign * second[0]
    data = table(rng.standard_normal((7, widths[0])), targets=rng.standard_normal(7).tolist())
    loss = "mse"
    if widths[-1] == 2:
        data = table(data.features, labels=[0, 1, 0, 1, 1, 0, 1])
        loss = "cross-entropy"
    activation = "tanh" if odd else "logistic"
    model = losses.build("mlp", {"hidden": list(widths[1:-1]), "activation": activation, "loss": loss}, data)
    across = model.asymmetric_directions(x, 1e-9)
    assert across @ across.T == pytest.approx(np.eye(len(across)), abs=1e-12)
    still = [number for number, image in enumerate(images(x, widths, odd)) if np.abs(image - x).max() < 1e-9]
    v = rng.standard_normal(x.size)
    moved = list(images(v, widths, odd))
    mean = np.mean([moved[number] for number in still], axis=0)
    assert v - across.T @ (across @ v) == pytest.approx(mean, abs=1e-12)
    assert np.abs(across @ model.value_and_gradient(x)[1]).max(initial=0.0) < 1e-12
