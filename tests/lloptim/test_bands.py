"""Bands between two minima and the candidates they offer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon import losses
from llcommon.rng import generator
from llcommon.settings import ConnectSettings
from llcommon.status import Status
from lloptim.bands import Band, first_guess, image_count, relaxed_band, rotated
from tests.llcommon.losses.cases import class_table
from tests.llcommon.optimise.models import small_mlp
from tests.lloptim.problems import known_minima, settings_of
from tests.reference import optimise as twin


def band_of(values):
    """A band along a line with these losses."""
    values = np.array(values, dtype=np.float64)
    images = np.zeros((len(values), 3))
    images[:, 1] = np.arange(len(values))
    return Band(images, values, Status.CONVERGED, 0.0, 0)


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([0, 1, 2, 3], []),
        ([3, 2, 1, 0], []),
        ([0, 2, 1], [1]),
        ([0, 2, 1, 3, 0], [1, 3]),
        ([5, 2, 1, 2, 5], []),
        ([1, 1, 1, 1], []),
        ([0, np.nan, 0, 1, 0], [3]),
    ],
)
def test_candidates_are_the_inner_maxima_in_order(values, places):
    band = band_of(values)
    found = band.candidates()
    assert [candidate.coordinates[1] for candidate in found] == places
    for candidate in found:
        assert candidate.loss == band.losses[int(candidate.coordinates[1])]
        assert np.abs(candidate.tangent).tolist() == [0.0, 1.0, 0.0]


def test_candidates_do_not_share_memory_with_the_band():
    band = band_of([0, 1, 0])
    candidate = band.candidates()[0]
    candidate.coordinates[:] = 9.0
    assert band.images[1].tolist() == [0.0, 1.0, 0.0]


def test_image_count_keeps_to_its_limits_and_grows():
    settings = ConnectSettings(image_density=3.0, minimum_images=6, maximum_images=40)
    assert image_count(settings, 0.0, 0) == 6
    assert image_count(settings, 5.0, 0) == 15
    assert image_count(settings, 1e9, 0) == 40
    for distance in (0.1, 3.0, 50.0):
        counts = [image_count(settings, distance, attempt) for attempt in range(6)]
        assert counts == sorted(counts)
        assert all(6 <= count <= 40 for count in counts)
        assert all(isinstance(count, int) for count in counts)


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_ends_stay_and_losses_belong_to_images(attempt):
    settings = settings_of("mueller-brown")
    model = losses.build("mueller-brown", {})
    first, second = (minimum.coordinates for minimum in known_minima(model, settings)[:2])
    band = relaxed_band(model, settings.connect, first, second, attempt, generator(1, "test"))
    assert band.images[0] == pytest.approx(first, abs=1e-14)
    assert band.images[-1] == pytest.approx(second, abs=1e-14)
    assert len(band.images) == image_count(settings.connect, np.linalg.norm(second - first), attempt) + 2
    expected = [model.value(image) for image in band.images]
    assert band.losses == pytest.approx(np.array(expected), abs=1e-10)


def test_later_attempts_take_other_ways():
    """The first band is the same whatever the random numbers; later ones differ with them."""
    settings = settings_of("himmelblau", connect={"iterations": 1})
    model = losses.build("himmelblau", {})
    first, second = (minimum.coordinates for minimum in known_minima(model, settings)[:2])

    def band(attempt, seed):
        return relaxed_band(model, settings.connect, first, second, attempt, generator(seed, "test")).images

    assert (band(0, 1) == band(0, 2)).all()
    assert (band(2, 1) == band(2, 1)).all()
    assert not np.allclose(band(2, 1), band(2, 2))


def test_highest_candidate_is_near_the_saddle():
    settings = settings_of("himmelblau", connect={"spring": 5.0, "iterations": 400, "minimum_images": 30})
    model = losses.build("himmelblau", {})
    first, second = (minimum.coordinates for minimum in known_minima(model, settings)[:2])
    band = relaxed_band(model, settings.connect, first, second, 0, generator(1, "test"))
    highest = max(band.candidates(), key=lambda candidate: candidate.loss)
    assert highest.loss == pytest.approx(13.3119262704, abs=0.1)
    assert highest.coordinates == pytest.approx([3.38515418, 0.07385188], abs=0.1)
    mode = np.linalg.eigh(model.hessian(highest.coordinates))[1][:, 0]
    assert abs(mode @ highest.tangent) > 0.95


@pytest.mark.parametrize(("first", "second", "loss"), [(0, 1, 13.3119262704), (2, 3, 104.0151629176)])
def test_a_climbing_band_offers_the_saddle_itself(first, second, loss):
    choice = {"iterations": 500, "climb_after": 10, "double_nudging": False, "band_rms": 1e-3, "spring": 5.0}
    whole = settings_of("himmelblau", connect=choice)
    model = losses.build("himmelblau", {})
    minima = [minimum.coordinates for minimum in known_minima(model, whole)]
    band = relaxed_band(model, whole.connect, minima[first], minima[second], 0, generator(1, "test"))
    assert band.status is Status.CONVERGED
    highest = max(band.candidates(), key=lambda candidate: candidate.loss)
    assert highest.loss == pytest.approx(loss, abs=1e-5)
    assert np.linalg.norm(model.value_and_gradient(highest.coordinates)[1]) < 0.01


def test_steps_of_a_band_grow_with_its_images():
    """Every step evaluates every image once; one evaluation more is that of the first guess."""
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _, _ in model.known_points()[:2])
    choice = ConnectSettings(iterations=3, minimum_images=7, maximum_images=7, band_rms=1e-30)
    for density, steps in ((0.0, 3), (0.5, 7), (2.0, 17)):
        band = relaxed_band(
            model, replace(choice, iteration_density=density), first, second, 0, generator(1, "test")
        )
        assert band.status is Status.STEP_LIMIT
        assert band.evaluations == 7 * (1 + steps)


def test_a_band_of_no_steps_is_its_first_guess():
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _, _ in model.known_points()[:2])
    choice = ConnectSettings(iterations=0, minimum_images=5)
    for attempt in (0, 1):
        band = relaxed_band(model, choice, first, second, attempt, generator(1, "test"))
        guess = first_guess(model, choice, first, second, attempt, generator(1, "test"))
        assert (band.images == guess).all()
        assert band.losses == pytest.approx(np.array([model.value(image) for image in guess]), abs=1e-12)


def test_nudging_once_or_twice_is_a_choice():
    model = losses.build("himmelblau", {})
    first, second = (x for x, _, _ in model.known_points()[:2])
    images = [
        relaxed_band(
            model, ConnectSettings(double_nudging=double, spring=20.0), first, second, 0, generator(1, "test")
        ).images
        for double in (True, False)
    ]
    assert not np.allclose(*images)


# --- first guesses ----------------------------------------------------------------------------


@st.composite
def turns(draw):
    """Two points with disjoint blocks of their coordinates, and places on the way."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    sizes = draw(st.lists(st.integers(2, 5), min_size=0, max_size=4))
    dimension = sum(sizes) + draw(st.integers(0, 4))
    order = rng.permutation(dimension)
    blocks = [np.sort(part) for part in np.split(order, np.cumsum(sizes))[:-1]]
    scale = draw(st.sampled_from([1e-3, 1.0, 100.0]))
    first, second = scale * rng.normal(size=(2, dimension))
    fractions = np.concatenate([[0.0], np.sort(rng.uniform(size=3)), [1.0]])
    return first, second, fractions, blocks


@settings(max_examples=200)
@given(turns())
def test_blocks_turn_and_the_rest_goes_straight(turn):
    first, second, fractions, blocks = turn
    points = rotated(first, second, fractions, blocks)
    straight = first + fractions[:, None] * (second - first)
    assert points.shape == straight.shape
    assert points[[0, -1]] == pytest.approx(straight[[0, -1]], rel=1e-9, abs=1e-12)
    others = np.setdiff1d(np.arange(first.size), np.concatenate([*blocks, []]).astype(int))
    assert (points[:, others] == straight[:, others]).all()
    for block in blocks:
        lengths = np.linalg.norm(points[:, block], axis=1)
        ends = lengths[0], lengths[-1]
        assert lengths == pytest.approx((1.0 - fractions) * ends[0] + fractions * ends[1], rel=1e-9)
        expected = np.array([twin.turned(first[block], second[block], fraction) for fraction in fractions])
        assert points[:, block] == pytest.approx(expected, abs=1e-9 * max(ends))


@given(turns())
def test_without_blocks_all_goes_straight(turn):
    first, second, fractions, _ = turn
    assert (rotated(first, second, fractions, []) == first + fractions[:, None] * (second - first)).all()


@given(turns())
def test_turning_goes_both_ways(turn):
    first, second, fractions, blocks = turn
    there = rotated(first, second, fractions, blocks)
    back = rotated(second, first, (1.0 - fractions)[::-1].copy(), blocks)
    assert back[::-1] == pytest.approx(there, rel=1e-9, abs=1e-9 * np.abs(there).max(initial=0.0))


@pytest.mark.parametrize("second", [[0.0, 0.0, 0.0], [-2.0, -4.0, 4.0], [0.5, 1.0, -1.0], [1.0, 2.0, -2.0]])
def test_blocks_without_a_plane_to_turn_in_go_straight(second):
    """A block that vanishes at one end, is reversed, or only gets longer: there is nothing to turn, and no NaN."""
    first = np.array([1.0, 2.0, -2.0])
    fractions = np.linspace(0.0, 1.0, 7)
    for ends in ((first, np.array(second)), (np.array(second), first)):
        points = rotated(*ends, fractions, [np.arange(3)])
        assert points == pytest.approx(ends[0] + fractions[:, None] * (ends[1] - ends[0]), abs=1e-15)


@pytest.mark.parametrize("hidden", [[], [3], [4, 2], [2, 3, 2]])
def test_blocks_of_a_network_are_the_weights_of_its_units(hidden):
    model = losses.build("mlp", {"hidden": hidden}, class_table())
    blocks = model.rotating_blocks()
    widths = [3, *hidden, 3]
    into = [width + 1 for width, units in zip(widths, hidden, strict=False) for _ in range(units)]
    out = [3] * (hidden[-1] if hidden else 0)
    assert [len(block) for block in blocks] == into + out
    taken = np.concatenate([*blocks, []]).astype(int)
    assert len(set(taken.tolist())) == len(taken)
    # What is left over are the output biases, or all weights if there are no units.
    assert model.dimension - len(taken) == (3 if hidden else 12)


def test_blocks_of_a_network_belong_to_one_unit_each():
    """To change the sign of all that goes into a tanh unit and of all that comes out of it changes nothing."""
    model = losses.build("mlp", {"hidden": [4], "lambda": 1e-3}, class_table())
    blocks = model.rotating_blocks()
    x = model.random_start(np.random.default_rng(0))
    for unit in range(4):
        image = x.copy()
        image[blocks[unit]] *= -1.0
        assert model.value(image) != pytest.approx(model.value(x), rel=1e-6)
        image[blocks[4 + unit]] *= -1.0
        assert model.value(image) == pytest.approx(model.value(x), rel=1e-13)


def test_units_keep_their_length_on_the_way_if_asked_to():
    model = small_mlp(hidden=(4,))
    rng = np.random.default_rng(1)
    first, second = model.random_start(rng), model.random_start(rng)
    shortest = {}
    for interpolation in ("straight", "rotation"):
        choice = ConnectSettings(interpolation=interpolation)
        guess = first_guess(model, choice, first, second, 0, generator(1, "test"))
        assert (guess[[0, -1]] == [first, second]).all()
        lengths = np.array([np.linalg.norm(guess[:, block], axis=1) for block in model.rotating_blocks()])
        shortest[interpolation] = (lengths.min(axis=1) / lengths[:, [0, -1]].min(axis=1)).min()
    assert shortest["rotation"] == pytest.approx(1.0, abs=1e-9)
    assert shortest["straight"] < 0.9


@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_guesses_and_bands_stay_in_the_box(attempt):
    model = losses.build("himmelblau", {"lower": [-2.9, -1.9], "upper": [3.6, 3.2]})
    lower, upper = model.bounds()
    first, second = np.array([-2.9, 3.2]), np.array([3.6, -1.9])
    for seed in range(4):
        guess = first_guess(model, ConnectSettings(), first, second, attempt, generator(seed, "test"))
        assert (guess[[0, -1]] == [first, second]).all()
        band = relaxed_band(model, ConnectSettings(), first, second, attempt, generator(seed, "test"))
        for images in (guess, band.images):
            assert (images >= lower).all()
            assert (images <= upper).all()
        assert (band.images[1:-1] != guess[1:-1]).any()
