"""Relaxed bands: the saddles that they pass or climb to, their springs at rest, and what a box does to them."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from llcommon import losses
from llcommon.optimise.band import evaluate_images, leave_out_pressing, optimise_band
from llcommon.optimise.box import box
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, known
from tests.reference import optimise as twin


def relaxed(
    model,
    first,
    second,
    count=30,
    spring=1.0,
    tolerance=1.0,
    iterations=1000,
    maximum_step=0.05,
    double=True,
    climb_after=-1,
    adjust_every=0,
    bend=0.0,
):
    """(status, rms, evaluations), images and losses of a band from the straight line, or from a sine of height `bend`.

    The tolerance is loose: slopes of the surfaces are of order 1000, and the doubly nudged gradient, which is
    that of no function, leaves bands restless near its kinks.
    """
    fractions = np.linspace(0.0, 1.0, count + 2)
    images = first + fractions[:, None] * (second - first)
    images[1:-1, -1] += bend * np.sin(np.pi * fractions[1:-1])
    lower, upper = box(model)
    images = np.clip(images, lower, upper)
    values = np.zeros(count + 2)
    images[-1] = second
    values[0] = model.value(first)
    values[-1] = model.value(second)
    outcome = optimise_band(
        model.kernel,
        *model.packed,
        lower,
        upper,
        images,
        values,
        np.full(count + 1, spring),
        double,
        climb_after,
        adjust_every,
        tolerance,
        iterations,
        maximum_step,
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


# --- climbing bands ---------------------------------------------------------------------------

# Pairs of minima, ids as in `known_points`, and the highest saddle on the way between them.
CLIMBS = [
    ("mueller-brown", (0, 1), -40.6648435087, 200.0),
    ("mueller-brown", (1, 2), -72.2489401123, 200.0),
    ("himmelblau", (0, 1), 13.3119262704, 5.0),
    ("himmelblau", (1, 2), 178.3372392019, 5.0),
    ("himmelblau", (2, 3), 104.0151629176, 5.0),
    ("himmelblau", (3, 0), 67.7191500875, 5.0),
]


@pytest.mark.parametrize("climb_after", [0, 20])
@pytest.mark.parametrize(("name", "pair", "loss", "spring"), CLIMBS)
def test_a_climbing_band_ends_on_the_saddle(name, pair, loss, spring, climb_after):
    """Its highest image is the saddle itself, not just near it as that of a band that does not climb."""
    model = losses.build(name, {})
    minima = [x for x, _ in known(model, 0)]
    first, second = (minima[place] for place in pair)
    choice = {"count": 11, "spring": spring, "tolerance": 1e-3, "double": False}
    outcome, images, values = relaxed(model, first, second, climb_after=climb_after, **choice)
    assert outcome[0] is Status.CONVERGED
    peak = int(values.argmax())
    assert values[peak] == pytest.approx(loss, abs=1e-6)
    saddle = min((x for x, _ in known(model, 1)), key=lambda x: np.linalg.norm(x - images[peak]))
    assert np.linalg.norm(images[peak] - saddle) < 2e-4
    outcome, images, values = relaxed(model, first, second, climb_after=-1, **choice)
    assert outcome[0] is Status.CONVERGED
    assert abs(values.max() - loss) > 1e-3


@pytest.mark.parametrize(("name", "pair", "loss", "spring"), [CLIMBS[0], CLIMBS[2], CLIMBS[5]])
def test_a_doubly_nudged_band_climbs_too(name, pair, loss, spring):
    """It may stay restless elsewhere, but its highest image comes to rest on the saddle."""
    model = losses.build(name, {})
    minima = [x for x, _ in known(model, 0)]
    first, second = (minima[place] for place in pair)
    choice = {"count": 11, "spring": spring, "tolerance": 1e-3, "iterations": 3000}
    _, images, values = relaxed(model, first, second, climb_after=0, **choice)
    assert values.max() == pytest.approx(loss, abs=1e-6)
    assert np.linalg.norm(model.value_and_gradient(images[values.argmax()])[1]) < 1e-2


def test_a_climbing_band_is_not_done_before_it_climbs():
    """From a band that has converged: it goes on until its highest image has climbed."""
    model = losses.build("himmelblau", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    choice = {"count": 11, "spring": 5.0, "tolerance": 1e-3, "double": False}
    (status, _, still), _, _ = relaxed(model, first, second, **choice)
    (climbing, _, evaluations), _, values = relaxed(model, first, second, climb_after=100, **choice)
    assert status is climbing is Status.CONVERGED
    assert still < 100 * 11 < evaluations
    assert values.max() == pytest.approx(13.3119262704, abs=1e-6)


def from_one_side(springs, every=0, iterations=3000):
    """A band of Himmelblau's function that starts with all its images near one end; (status, gaps), springs."""
    model = losses.build("himmelblau", {})
    first, second = (x for x, _ in known(model, 0)[:2])
    count = len(springs)
    images = first + np.append(np.linspace(0.0, 0.3, count), 1.0)[:, None] * (second - first)
    values = np.array([model.value(image) for image in images])
    springs = np.array(springs)
    status, _, _ = optimise_band(
        model.kernel, *model.packed, *box(model), images, values, springs, False, -1, every, 1e-6, iterations, 0.05
    )
    return Status(status), np.linalg.norm(np.diff(images, axis=0), axis=1), springs


def test_at_rest_all_springs_pull_alike():
    """Once nudged, images rest along the band where the forces of their two springs are equal."""
    for springs in (np.full(10, 5.0), np.array([1.0, 2.0, 4.0, 8.0, 4.0, 2.0, 1.0, 2.0, 3.0, 4.0])):
        status, gaps, after = from_one_side(springs)
        assert status is Status.CONVERGED
        assert (after == springs).all()
        assert gaps * springs == pytest.approx(np.full(10, (gaps * springs).mean()), rel=1e-4)


@pytest.mark.parametrize("every", [2, 5])
def test_adjusted_springs_are_stiffened_where_the_band_was_thin(every):
    """None gets softer, the wide gap's becomes the stiffest, and in the end the gaps differ by a tenth at most."""
    _, _, early = from_one_side(np.full(10, 5.0), every, iterations=20)
    assert early.argmax() == 9
    assert (early >= 5.0).all()
    assert early[9] == pytest.approx(5.0 * 1.05 ** (20 // every), rel=1e-12)
    status, gaps, springs = from_one_side(np.full(10, 5.0), every)
    assert status is Status.CONVERGED
    assert gaps.max() <= 1.1 * gaps.mean() * (1.0 + 1e-9)
    assert (springs >= 5.0).all()
    assert gaps * springs == pytest.approx(np.full(10, (gaps * springs).mean()), rel=1e-4)


# --- bands in a box ---------------------------------------------------------------------------


def cut_himmelblau():
    """Himmelblau's function below x_2 = 2.5, which cuts a saddle and a minimum off; the minimum and saddle there."""
    model = losses.build("himmelblau", {"lower": [-6.0], "upper": [6.0, 2.5]})

    def along_the_bound(x):
        return model.value(np.array([x, 2.5]))

    low = minimize_scalar(along_the_bound, bounds=(-4.0, -1.5), method="bounded", options={"xatol": 1e-10})
    top = minimize_scalar(lambda x: -along_the_bound(x), bounds=(-1.5, 1.5), method="bounded", options={"xatol": 1e-10})
    return model, np.array([low.x, 2.5]), np.array([top.x, 2.5])


def test_slopes_that_press_on_a_bound_are_left_out():
    model = losses.build("himmelblau", {"lower": [-1.0, -2.0], "upper": [2.0, 2.5]})
    free = losses.build("himmelblau", {})
    sides = [(-1.0, 0.3), (2.0, 0.3), (0.5, -2.0), (0.5, 2.5), (-1.0, -2.0), (2.0, 2.5), (0.1, 0.2)]
    images = np.array([(0.0, 0.0), *sides, (0.0, 0.0)])
    gradients = np.zeros_like(images)
    values = np.zeros(len(images))
    assert evaluate_images(model.kernel, *model.packed, images, gradients, values) == 0
    leave_out_pressing(*box(model), images, gradients)
    left_out = 0
    for image, gradient, value in zip(images[1:-1], gradients[1:-1], values[1:-1], strict=True):
        loss, full = free.value_and_gradient(image)
        assert value == loss
        for x, found, slope, low, high in zip(image, gradient, full, *model.bounds(), strict=True):
            pressed = (x == low and slope > 0.0) or (x == high and slope < 0.0)
            assert found == (0.0 if pressed else slope)
            left_out += pressed
    assert 3 <= left_out < 8


def test_images_stay_in_the_box():
    model, low, _ = cut_himmelblau()
    lower, upper = model.bounds()
    for double in (True, False):
        for iterations in (1, 2, 5, 20, 100):
            choice = {"count": 11, "spring": 5.0, "iterations": iterations, "maximum_step": 0.4, "bend": 2.0}
            _, images, values = relaxed(model, np.array([3.0, 2.0]), low, double=double, **choice)
            assert (images >= lower).all()
            assert (images <= upper).all()
            assert (images[2:-1, 1] == 2.5).any()
            assert values == pytest.approx(np.array([model.value(image) for image in images]), abs=1e-12)


def test_a_band_in_a_box_climbs_to_the_saddle_on_the_bound():
    """The saddle of the free surface lies beyond; the highest image comes to that on the bound, by brute force."""
    model, low, top = cut_himmelblau()
    choice = {"count": 11, "spring": 5.0, "tolerance": 1e-3, "double": False}
    outcome, images, values = relaxed(model, np.array([3.0, 2.0]), low, climb_after=20, **choice)
    assert outcome[0] is Status.CONVERGED
    peak = int(values.argmax())
    assert images[peak, 1] == 2.5
    assert images[peak] == pytest.approx(top, abs=1e-3)
    assert values[peak] == pytest.approx(model.value(top), abs=1e-4)
