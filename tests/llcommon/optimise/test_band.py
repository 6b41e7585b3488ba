"""The nudged elastic band: its gradient and the adjustment of its springs against the definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.optimise.band import adjust_springs, band_gradient, highest_inner, improved_tangent
from tests.reference import optimise as twin


@st.composite
def bands(draw):
    """Random images, gradients, losses and a spring constant for each gap; ties among the losses included."""
    count = draw(st.integers(1, 6))
    dimension = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    images = rng.normal(size=(count + 2, dimension))
    gradients = rng.normal(size=(count + 2, dimension)) * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    values = rng.normal(size=count + 2)
    if draw(st.booleans()):
        values = rng.integers(0, 4, count + 2).astype(float)
    springs = np.full(count + 1, draw(st.sampled_from([0.0, 1e-2, 1.0, 50.0])))
    if draw(st.booleans()):
        springs = springs * rng.uniform(0.1, 10.0, count + 1)
    return images, gradients, values, springs


def gradient_of(images, gradients, values, springs, double=True, climber=0):
    out = np.zeros_like(images)
    band_gradient(images, gradients, values, springs, double, climber, out)
    return out


def without_ties(values):
    """The losses, tilted if three in a row are equal: the definition of the tangent has no answer there."""
    equal = (values[:-2] == values[1:-1]) & (values[1:-1] == values[2:])
    return values + equal.any() * np.linspace(0.0, 0.1, len(values))


def tangent_of(images, values, i):
    tangent = np.empty(images.shape[1])
    improved_tangent(images, values, i, tangent)
    return tangent


@given(bands())
def test_tangent_equals_its_definition(band):
    images, _, values, _ = band
    for i in range(1, len(values) - 1):
        triple = values[i - 1 : i + 2]
        if triple[0] == triple[1] == triple[2]:
            # The definition has no answer there; any unit vector between the neighbours' directions will do.
            assert np.linalg.norm(tangent_of(images, values, i)) == pytest.approx(1.0, abs=1e-12)
            continue
        expected = twin.tangent(*images[i - 1 : i + 2], triple)
        assert tangent_of(images, values, i) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=300)
@given(bands(), st.booleans(), st.integers(0, 6))
def test_gradient_equals_its_definition(band, double, climber):
    images, gradients, values, springs = band
    climber = climber if climber <= len(images) - 2 else 0
    values = without_ties(values)
    expected = twin.band_gradient(images, gradients, values, springs, double, climber)
    rounding = 1e-11 * (1.0 + np.abs(expected).max() + springs.max())
    assert gradient_of(images, gradients, values, springs, double, climber) == pytest.approx(expected, abs=rounding)


@given(bands(), st.booleans())
def test_along_the_band_only_the_springs_act(band, double):
    """The component along the tangent is k |backward| - k' |forward|, whatever the true gradient is."""
    images, gradients, values, springs = band
    found = gradient_of(images, gradients, values, springs, double)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        forward = springs[i] * np.linalg.norm(images[i + 1] - images[i])
        backward = springs[i - 1] * np.linalg.norm(images[i] - images[i - 1])
        rounding = 1e-12 * (1.0 + np.abs(gradients[i]).max()) + 1e-11 * springs.max()
        assert found[i] @ tangent == pytest.approx(backward - forward, abs=rounding)


@given(bands())
def test_springs_never_work_against_the_true_gradient_across_the_band(band):
    images, gradients, values, springs = band
    found = gradient_of(images, gradients, values, springs)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        across = gradients[i] - (gradients[i] @ tangent) * tangent
        square = across @ across
        assert found[i] @ across >= square - 1e-9 * (square + springs.max() * np.sqrt(square) + 1e-12)


@given(bands())
def test_nudged_once_springs_do_not_act_across_the_band(band):
    """Across the tangent there is the true gradient and nothing else."""
    images, gradients, values, springs = band
    found = gradient_of(images, gradients, values, springs, double=False)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        difference = found[i] - gradients[i]
        sideways = difference - (difference @ tangent) * tangent
        assert np.linalg.norm(sideways) <= 1e-12 * (1.0 + np.abs(gradients[i]).max() + 10.0 * springs.max())


@given(bands())
def test_without_springs_it_is_the_true_gradient_across_the_band(band):
    images, gradients, values, springs = band
    for double in (True, False):
        found = gradient_of(images, gradients, values, 0.0 * springs, double)
        for i in range(1, len(values) - 1):
            tangent = tangent_of(images, values, i)
            assert found[i] + (gradients[i] @ tangent) * tangent == pytest.approx(gradients[i], abs=1e-9)


@given(bands(), st.booleans())
def test_the_climber_feels_its_slope_reversed_and_no_springs(band, double):
    images, gradients, values, springs = band
    plain = gradient_of(images, gradients, values, springs, double)
    for climber in range(1, len(values) - 1):
        found = gradient_of(images, gradients, values, springs, double, climber)
        tangent = tangent_of(images, values, climber)
        along = gradients[climber] @ tangent
        rounding = 1e-12 * (1.0 + np.abs(gradients[climber]).max())
        assert found[climber] @ tangent == pytest.approx(-along, abs=rounding)
        assert found[climber] + 2.0 * along * tangent == pytest.approx(gradients[climber], abs=rounding)
        others = np.arange(len(values)) != climber
        assert (found[others] == plain[others]).all()


@given(bands(), st.booleans())
def test_a_band_has_no_direction(band, double):
    """Read from the other end it is the same band."""
    images, gradients, values, springs = band
    values = values + 1e-3 * np.arange(len(values)) ** 1.5
    found = gradient_of(images, gradients, values, springs, double, 1)
    backwards = (np.ascontiguousarray(array[::-1]) for array in (images, gradients, values, springs))
    reverse = gradient_of(*backwards, double, len(values) - 2)
    assert reverse[::-1] == pytest.approx(found, abs=1e-9 * (1.0 + np.abs(found).max()))


@given(bands(), st.booleans())
def test_a_band_has_no_orientation(band, double):
    """Rotated with its gradients, the band gradient rotates too."""
    images, gradients, values, springs = band
    size = images.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(size).normal(size=(size, size)))[0]
    found = gradient_of(images, gradients, values, springs, double, 1)
    rotated = gradient_of(images @ rotation + 3.0, gradients @ rotation, values, springs, double, 1)
    assert rotated == pytest.approx(found @ rotation, abs=1e-9 * (1.0 + np.abs(found).max()))


def test_coinciding_images_do_no_harm():
    images = np.ones((4, 3))
    for double in (True, False):
        for climber in (0, 1):
            losses_of_images = np.array([0.0, 1.0, 1.0, 0.0])
            found = gradient_of(images, np.ones((4, 3)), losses_of_images, np.ones(3), double, climber)
            assert np.isfinite(found).all()


# --- springs ----------------------------------------------------------------------------------


@given(bands())
def test_stiffened_springs_equal_their_definition(band):
    images, _, _, springs = band
    expected = twin.adjusted_springs(images, springs)
    for _ in range(3):
        adjust_springs(images, springs)
        assert springs == pytest.approx(expected, rel=1e-14)
        expected = twin.adjusted_springs(images, springs)


def test_springs_of_even_gaps_stay():
    images = np.outer(np.arange(7.0), [0.3, -0.2, 1.0])
    springs = np.array([1.0, 2.0, 1.0, 0.5, 3.0, 1.0])
    kept = springs.copy()
    adjust_springs(images, springs)
    assert (springs == kept).all()


def test_only_the_springs_of_wide_gaps_are_stiffened_up_to_a_limit():
    """Gaps 1, 1, 1.4, 1.05: only the third is wider than the mean by more than a tenth."""
    images = np.zeros((5, 2))
    images[:, 1] = np.cumsum([0.0, 1.0, 1.0, 1.4, 1.05])
    springs = np.array([2.0, 4.0, 2.0, 3.0])
    adjust_springs(images, springs)
    assert springs.tolist() == [2.0, 4.0, 2.1, 3.0]
    for _ in range(500):
        adjust_springs(images, springs)
    assert springs.tolist() == [2.0, 4.0, 200.0, 3.0]


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0, 3.0]), min_size=3, max_size=9))
def test_the_climber_is_the_highest_image_above_both_ends(values):
    values = np.array(values)
    place = highest_inner(values)
    if place == 0:
        assert values[1:-1].max() <= max(values[0], values[-1])
    else:
        assert 1 <= place <= len(values) - 2
        assert values[place] == values.max() > max(values[0], values[-1])
