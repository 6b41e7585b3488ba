"""Bands between two minima and the candidates they offer."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.rng import generator
from llcommon.settings import ConnectSettings
from llcommon.status import Status
from lloptim.bands import Band, image_count, relaxed_band
from tests.lloptim.problems import known_minima, settings_of


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
