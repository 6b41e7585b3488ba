"""The doubly nudged elastic band: its gradient against the definition, and the saddles it passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon import losses
from llcommon.optimise.band import band_gradient, evaluate_images, improved_tangent, optimise_band
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known
from tests.reference import optimise as twin


@st.composite
def bands(draw):
    """Random images, gradients, losses and spring constant; ties among the losses included."""
    count = draw(st.integers(1, 6))
    dimension = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    images = rng.normal(size=(count + 2, dimension))
    gradients = rng.normal(size=(count + 2, dimension)) * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    values = rng.normal(size=count + 2)
    if draw(st.booleans()):
        values = rng.integers(0, 4, count + 2).astype(float)
    return images, gradients, values, draw(st.sampled_from([0.0, 1e-2, 1.0, 50.0]))


def gradient_of(images, gradients, values, spring):
    out = np.zeros_like(images)
    band_gradient(images, gradients, values, spring, out)
    return out


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


@settings(max_examples=200)
@given(bands())
def test_gradient_equals_its_definition(band):
    images, gradients, values, spring = band
    equal = (values[:-2] == values[1:-1]) & (values[1:-1] == values[2:])
    values = values + equal.any() * np.linspace(0.0, 0.1, len(values))
    expected = twin.band_gradient(images, gradients, values, spring)
    rounding = 1e-11 * (1.0 + np.abs(expected).max())
    assert gradient_of(images, gradients, values, spring) == pytest.approx(expected, abs=rounding)


@given(bands())
def test_along_the_band_only_the_springs_act(band):
    """The component along the tangent is k (|backward| - |forward|), whatever the true gradient is."""
    images, gradients, values, spring = band
    found = gradient_of(images, gradients, values, spring)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        forward = np.linalg.norm(images[i + 1] - images[i])
        backward = np.linalg.norm(images[i] - images[i - 1])
        rounding = 1e-12 * (1.0 + np.abs(gradients[i]).max()) + 1e-11 * spring
        assert found[i] @ tangent == pytest.approx(spring * (backward - forward), abs=rounding)


@given(bands())
def test_springs_never_work_against_the_true_gradient_across_the_band(band):
    images, gradients, values, spring = band
    found = gradient_of(images, gradients, values, spring)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        across = gradients[i] - (gradients[i] @ tangent) * tangent
        square = across @ across
        assert found[i] @ across >= square - 1e-9 * (square + spring * np.sqrt(square) + 1e-12)


@given(bands())
def test_without_springs_it_is_the_true_gradient_across_the_band(band):
    images, gradients, values, _ = band
    found = gradient_of(images, gradients, values, 0.0)
    for i in range(1, len(values) - 1):
        tangent = tangent_of(images, values, i)
        assert found[i] + (gradients[i] @ tangent) * tangent == pytest.approx(gradients[i], abs=1e-9)


@given(bands())
def test_a_band_has_no_direction(band):
    """Read from the other end it is the same band."""
    images, gradients, values, spring = band
    values = values + 1e-3 * np.arange(len(values)) ** 1.5
    found = gradient_of(images, gradients, values, spring)
    backwards = (np.ascontiguousarray(array[::-1]) for array in (images, gradients, values))
    reverse = gradient_of(*backwards, spring)
    assert reverse[::-1] == pytest.approx(found, abs=1e-9 * (1.0 + np.abs(found).max()))


@given(bands())
def test_a_band_has_no_orientation(band):
    """Rotated with its gradients, the band gradient rotates too."""
    images, gradients, values, spring = band
    size = images.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(size).normal(size=(size, size)))[0]
    found = gradient_of(images, gradients, values, spring)
    rotated = gradient_of(images @ rotation + 3.0, gradients @ rotation, values, spring)
    assert rotated == pytest.approx(found @ rotation, abs=1e-9 * (1.0 + np.abs(found).max()))


def test_coinciding_images_do_no_harm():
    images = np.ones((4, 3))
    found = gradient_of(images, np.ones((4, 3)), np.array([0.0, 1.0, 1.0, 0.0]), 1.0)
    assert np.isfinite(found).all()


# --- relaxed bands ----------------------------------------------------------------------------


def relaxed(model, first, second, count=30, spring=1.0, tolerance=1.0, iterations=1000, maximum_step=0.05):
    """(status, rms, evaluations), images and losses of a band from the straight line.

    The tolerance is loose: slopes of the surfaces are of order 1000, and the doubly nudged gradient, which is
    that of no function, leaves bands restless near its kinks.
    """
    images = first + np.linspace(0.0, 1.0, count + 2)[:, None] * (second - first)
    values = np.zeros(count + 2)
    images[-1] = second
    values[0] = model.value(first)
    values[-1] = model.value(second)
    outcome = optimise_band(
        model.kernel, *model.packed, images, values, spring, tolerance, iterations, maximum_step
    )
    return (Status(outcome[0]), *outcome[1:]), images, values


def maxima(values):
    return [i for i in range(1, len(values) - 1) if values[i - 1] < values[i] > values[i + 1]]


def test_mueller_brown_band_passes_both_saddles():
    """From the deepest minimum to the second: both saddles and the shallow minimum lie on the way."""
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    outcome, images, values = relaxed(model, first, second, count=40, spring=200.0)
    assert outcome[0] is Status.CONVERGED
    assert (images[0] == first).all() and (images[-1] == second).all()
    peaks = maxima(values)
    assert len(peaks) == 2
    saddles = sorted(known(model, 1), key=lambda point: np.linalg.norm(point[0] - first))
    spacing = np.linalg.norm(np.diff(images, axis=0), axis=1)
    for peak, (saddle, loss) in zip(peaks, saddles, strict=True):
        assert np.linalg.norm(images[peak] - saddle) < spacing.max()
        assert -1.0 < loss - values[peak] < 1.0
        assert twin.polyline_distance(saddle, images) < 0.02
    assert values.max() == pytest.approx(-40.6648435, abs=0.5)
    # The springs keep the images apart.
    assert spacing.min() > 0.5 * spacing.mean()


def test_what_is_returned_belongs_together():
    """Losses are those of the images, and the measure is that of the definition, at the images returned."""
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    (status, rms, evaluations), images, values = relaxed(model, first, second, count=12, spring=200.0)
    assert status is Status.CONVERGED
    assert rms <= 1.0
    both = [model.value_and_gradient(image) for image in images]
    assert values == pytest.approx(np.array([loss for loss, _ in both]), abs=1e-12)
    gradients = np.array([gradient for _, gradient in both])
    expected = twin.band_gradient(images, gradients, values, 200.0)[1:-1]
    assert rms == pytest.approx(np.sqrt(np.mean(expected**2)), rel=1e-6)
    assert evaluations % 12 == 0


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 2), (2, 3), (3, 0)])
def test_himmelblau_bands(first, second):
    model = losses.build("himmelblau", {})
    minima = [x for x, _ in known(model, 0)]
    outcome, images, values = relaxed(
        model, minima[first], minima[second], count=30, spring=5.0, tolerance=0.1
    )
    assert outcome[0] is Status.CONVERGED
    peak = int(values.argmax())
    nearest = min(known(model, 1), key=lambda point: np.linalg.norm(point[0] - images[peak]))
    assert values[peak] == pytest.approx(nearest[1], abs=0.05 * nearest[1])
    assert twin.polyline_distance(nearest[0], images) < 0.05


def test_double_well_band_is_the_straight_line():
    """By symmetry the band stays on the axis, and its middle image is the saddle."""
    model = losses.build("double-well", {"dimension": 3})
    first, second = (x for x, _ in known(model, 0))
    outcome, images, values = relaxed(model, first, second, count=9, spring=1.0, tolerance=1e-8)
    assert outcome[0] is Status.CONVERGED
    assert images[:, 1:] == pytest.approx(0.0, abs=1e-12)
    assert images[5] == pytest.approx(np.zeros(3), abs=1e-6)
    assert values[5] == pytest.approx(1.0, abs=1e-10)
    assert np.diff(images[:, 0]) == pytest.approx(-0.2, abs=1e-6)


def test_images_move_no_further_than_allowed():
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    before = relaxed(model, first, second, count=10, iterations=0)[1]
    for iterations in range(1, 12):
        _, after, _ = relaxed(model, first, second, count=10, iterations=iterations, maximum_step=0.02)
        assert np.linalg.norm(after - before, axis=1).max() <= 0.02 * (1 + 1e-12)
        before = after


def test_step_limit():
    model = losses.build("mueller-brown", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    (status, rms, evaluations), _, _ = relaxed(model, first, second, count=10, iterations=2)
    assert status is Status.STEP_LIMIT
    assert rms > 1.0
    assert evaluations == 30


def test_losses_that_are_not_finite():
    model = Awkward(Awkward.TO_INFINITY)
    first, second = np.array([-2.0, 0.0]), np.array([2.0, 0.0])
    (status, _, _), _, _ = relaxed(model, first, second, count=10)
    assert status is Status.NOT_FINITE
    images = np.ascontiguousarray(np.column_stack([np.linspace(-2.0, 2.0, 9), np.zeros(9)]))
    values = np.empty(9)
    assert evaluate_images(model.kernel, *model.packed, images, np.empty((9, 2)), values) == 1
    assert np.isinf(values[1:-1]).sum() == 1
