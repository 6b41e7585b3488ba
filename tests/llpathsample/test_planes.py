"""Planes through weight space: the loss on them, and what is projected onto them."""

import numpy as np
import pytest

from llcommon.errors import InputError
from llcommon.losses import build
from llpathsample.interpreting.plane import (
    Plane,
    aligned_run,
    by_modes,
    principal,
    random_directions,
    surface,
    through_minima,
)
from tests.networks import himmelblau
from tests.planted import planted, with_runs


@pytest.fixture(scope="module")
def landscape():
    return with_runs(planted(noise=0.4))


def test_minima_that_make_a_plane_lie_in_it(landscape):
    model, points = landscape.model, landscape.minima.coordinates
    plane = through_minima(landscape, (0, 3, 4))
    assert plane.orthonormal
    images = np.array([model.align(points[0], points[k].copy()) for k in (0, 3, 4)])
    places, distances = plane.project(images)
    np.testing.assert_allclose(distances, 0.0, atol=1e-12)
    assert places[:2] == pytest.approx(np.array([[0.0, 0.0], [np.linalg.norm(images[1] - images[0]), 0.0]]))
    losses = [model.value(x) for x in plane.points(places)]
    assert losses == pytest.approx([model.value(points[k].copy()) for k in (0, 3, 4)])
    off = images[0] + np.random.default_rng(0).normal(size=len(points[0]))
    place, distance = plane.project(off[None])
    assert distance[0] == pytest.approx(np.linalg.norm(off - plane.points(place)[0]))
    assert plane.directions @ (off - plane.points(place)[0]) == pytest.approx(np.zeros(2), abs=1e-12)


def test_the_surface_is_the_loss(landscape):
    plane = through_minima(landscape, (0, 1, 2))
    found = surface(landscape.model, plane, np.array([-1.0, 0.5]), np.array([0.0, 2.0, 3.0]))
    assert found.loss.shape == (3, 2)
    expected = landscape.model.value(plane.origin + 0.5 * plane.directions[0] + 3.0 * plane.directions[1])
    assert found.loss[2, 1] == expected


def test_outside_its_bounds_a_model_has_no_loss():
    model = build("schwefel", {"dimension": 2})
    low, high = model.bounds()
    plane = Plane(low.copy(), np.eye(2), ("a", "b"))
    width = float(high[0] - low[0])
    found = surface(model, plane, np.array([-1.0, 0.5 * width]), np.array([0.5 * width, 2.0 * width]))
    assert np.isnan(found.loss).tolist() == [[True, False], [True, True]]


def test_modes_are_eigenvectors(landscape):
    model, x = landscape.model, landscape.minima.coordinates[0].copy()
    hessian = model.hessian(x)
    every = np.linalg.eigvalsh(hessian)
    for hardest, expected in ((False, every[:2]), (True, every[:-3:-1])):
        plane, values = by_modes(model, x, hardest)
        np.testing.assert_allclose(values, expected)
        np.testing.assert_allclose(hessian @ plane.directions.T, plane.directions.T * values, atol=1e-10)
    free = build("mlp", {"hidden": [3], "lambda": 0.0}, landscape.data)  # has zero modes
    soft, _ = by_modes(free, x, False)
    assert np.abs(free.zero_modes(x) @ soft.directions.T).max() < 1e-12


def test_principal_directions_hold_the_most(landscape):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(9, 14)) * np.linspace(3.0, 0.1, 14)
    plane, shares = principal(points, np.zeros(14), "points")
    held = np.square(points @ plane.directions.T).sum() / np.square(points).sum()
    assert held == pytest.approx(shares.sum())
    assert held >= np.square(points[:, :2]).sum() / np.square(points).sum()
    with pytest.raises(InputError, match="span no plane"):
        principal(np.outer(np.arange(3.0), np.ones(14)), np.zeros(14), "points")


def test_filters_of_a_random_direction_are_as_long_as_those_of_the_network(landscape):
    model, x = landscape.model, landscape.minima.coordinates[0]
    plane = random_directions(model, x, np.random.default_rng(3), by_filter=True)
    for direction in plane.directions:
        for mine, own in zip(model.matrices(direction), model.matrices(x), strict=True):
            np.testing.assert_allclose(np.linalg.norm(mine, axis=0), np.linalg.norm(own, axis=0))
    plain = random_directions(model, x, np.random.default_rng(3), by_filter=False)
    np.testing.assert_allclose(np.linalg.norm(plain.directions, axis=1), np.linalg.norm(x))
    assert not plain.orthonormal
    places, distances = plain.project(plain.points(np.array([[0.3, -0.7]])))
    np.testing.assert_allclose(places, [[0.3, -0.7]], atol=1e-12)
    assert distances[0] < 1e-12


def test_minima_on_a_line_make_no_plane():
    landscape = himmelblau()
    points = np.array(landscape.minima.coordinates)
    landscape.minima.set("coordinates", np.array([points[0], points[0] + 1.0, points[0] + 2.0, points[3]]))
    with pytest.raises(InputError, match="0, 1, 2 lie on a line"):
        through_minima(landscape, (0, 1, 2))


def test_all_variance_of_what_lies_in_a_plane_is_in_it(landscape):
    plane = through_minima(landscape, (0, 1, 2))
    flat = plane.points(np.random.default_rng(0).normal(size=(5, 2)))
    assert plane.share_of_variance(flat) == pytest.approx(1.0)
    assert np.isnan(plane.share_of_variance(flat[:1]))
    lifted = flat + np.random.default_rng(1).normal(size=flat.shape)
    assert 0.0 < plane.share_of_variance(lifted) < 1.0


def test_a_run_is_turned_as_one_body_whatever_image_it_took(landscape):
    model = landscape.model
    origin = landscape.minima.coordinates[0].copy()
    found = aligned_run(model, origin, landscape, 1, "adam")
    assert found.carried and not found.shortened
    rows = landscape.training.run == 1
    points = landscape.training.coordinates[rows]
    lengths = [np.linalg.norm(np.diff(path, axis=0), axis=1) for path in (found.points, points)]
    np.testing.assert_allclose(lengths[0], lengths[1])
    losses = [model.value(point) for point in found.points]
    assert losses == pytest.approx(found.losses.tolist())
    # Its minimum is where that minimum is projected.
    away = found.points[-1] - model.align(origin, landscape.minima.coordinates[3].copy())
    assert np.linalg.norm(away) == pytest.approx(np.linalg.norm(points[-1] - landscape.minima.coordinates[3]))
    other = with_runs(planted(noise=0.4))
    turned = np.array(other.training.coordinates)
    for row in np.flatnonzero(rows):
        turned[row] = model.random_image(turned[row], np.random.default_rng(7))  # one operation for all of the run
    other.training.set("coordinates", turned)
    np.testing.assert_allclose(aligned_run(model, origin, other, 1, "adam").points, found.points, atol=1e-12)


def test_without_operations_a_run_is_followed_from_its_end(landscape, monkeypatch):
    origin = landscape.minima.coordinates[0].copy()
    known = aligned_run(landscape.model, origin, landscape, 1, "adam")
    monkeypatch.setattr(type(landscape.model), "carried", lambda *_: None)
    followed = aligned_run(landscape.model, origin, landscape, 1, "adam")
    assert not followed.carried and followed.shortened == 0
    np.testing.assert_allclose(followed.points, known.points, atol=1e-12)
