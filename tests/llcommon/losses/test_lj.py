"""Lennard-Jones clusters: energies of the literature, point groups, images, alignment, zero modes."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.errors import ConfigError
from llcommon.losses import _cluster_symmetry as symmetry
from llcommon.losses import build
from llcommon.optimise.box import frozen_directions
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from llcommon.symmetry import aligned_distance
from tests.reference import lj as twin

BOND = 2.0 ** (1.0 / 6.0)


def cluster(points):
    """A model and the verified minimum that a quench of points, (N, 3), comes to."""
    model = build("lj", {"atoms": len(points)})
    result = Quencher(model, QuenchSettings()).quench(np.ravel(points))
    assert result.status is Status.CONVERGED
    minimum, status = minimum_at(model, result.coordinates, 1e-9)
    assert status is Status.CONVERGED
    return model, minimum


def polygon(corners):
    angles = 2.0 * np.pi * np.arange(corners) / corners
    radius = 0.5 * BOND / np.sin(np.pi / corners)
    return np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(corners)])


# Name: points, energy as the Cambridge Cluster Database prints it, order of the point group.
MINIMA = {
    "dimer D_inf_h": (np.array([[0.0, 0.0, 0.0], [1.1, 0.0, 0.0]]), -1.0, 4),
    "triangle D3h": (polygon(3), -3.0, 12),
    "tetrahedron Td": (np.vstack([polygon(3), [[0.0, 0.0, 0.9]]]), -6.0, 24),
    "trigonal bipyramid D3h": (twin.bipyramid(3, radius=0.65, height=0.9), -9.103852, 12),
    "octahedron Oh": (twin.bipyramid(4, radius=0.78, height=0.78), -12.712062, 48),
    "pentagonal bipyramid D5h": (twin.bipyramid(5), -16.505384, 20),
    "icosahedron Ih": (twin.icosahedron(), -44.326801, 120),
    "truncated octahedron Oh": (twin.truncated_octahedron(), -173.928427, 48),
}


@pytest.mark.parametrize("name", MINIMA)
def test_known_minima(name):
    points, energy, order = MINIMA[name]
    model, minimum = cluster(points)
    assert minimum.loss == pytest.approx(energy, abs=6e-7)
    assert minimum.order == order
    modes = model.zero_modes(minimum.coordinates)
    assert len(modes) == (5 if len(points) == 2 else 6)
    hessian = model.hessian(minimum.coordinates)
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert np.abs(hessian @ modes.T).max() < 1e-12 * eigenvalues[-1]
    assert np.abs(eigenvalues[: len(modes)]).max() < 1e-12 * eigenvalues[-1]
    assert minimum.lpphe == pytest.approx(np.log(eigenvalues[len(modes) :]).sum(), rel=1e-10)


def test_curvature_of_the_dimer():
    _, minimum = cluster(MINIMA["dimer D_inf_h"][0])
    assert np.ptp(minimum.coordinates.reshape(2, 3), axis=0) == pytest.approx([BOND, 0.0, 0.0], abs=1e-12)
    # u'' = 72 / 2^(1/3) for the distance, twice that along the unit vector of both atoms.
    assert minimum.smallest_eigenvalue == pytest.approx(144.0 / 2.0 ** (1.0 / 3.0), rel=1e-12)


def test_chain_of_three_is_no_minimum():
    chain = np.array([[-1.12, 0.0, 0.0], [0.0, 0.0, 0.0], [1.12, 0.0, 0.0]])
    model = build("lj", {"atoms": 3})
    x = chain.ravel()
    for _ in range(20):
        # Newton's method along the line alone.
        line = np.arange(0, 9, 3)
        gradient = model.value_and_gradient(x)[1]
        x[line] -= np.linalg.lstsq(model.hessian(x)[np.ix_(line, line)], gradient[line], rcond=1e-10)[0]
    assert np.abs(model.value_and_gradient(x)[1]).max() < 1e-12
    assert len(model.zero_modes(x)) == 5
    found = spectrum(model, x)
    assert found.total == 4
    assert found.index == 2  # it bends in two planes
    assert model.stabiliser_order(x, 1e-6) == 4


def test_zero_modes_are_the_directions_of_translations_and_rotations():
    model = build("lj", {"atoms": 5})
    x = model.random_start(np.random.default_rng(1))
    modes = model.zero_modes(x)
    points = x.reshape(-1, 3)
    for axis in np.eye(3):
        for moved in (np.tile(axis, 5), np.cross(axis, points).ravel()):
            assert modes.T @ (modes @ moved) == pytest.approx(moved, abs=1e-13)
    assert np.array_equal(frozen_directions(model, x, None), modes)


def test_a_point_beside_a_stationary_one_has_no_more_zero_modes():
    """Away from a stationary point rotations have curvature; they are left out all the same."""
    model, minimum = cluster(twin.bipyramid(5))
    x = minimum.coordinates + 0.05 * np.random.default_rng(2).standard_normal(21)
    found = spectrum(model, x)
    modes = model.zero_modes(x)
    across = np.linalg.svd(modes)[2][6:]
    assert found.total == 15
    assert found.values == pytest.approx(np.linalg.eigvalsh(across @ model.hessian(x) @ across.T), rel=1e-9)


def test_every_pair_energy_is_exact_beyond_the_core_and_smooth_at_it():
    model = build("lj", {"atoms": 2})

    def value(r):
        return model.value_and_gradient(np.array([0.0, 0.0, 0.0, r, 0.0, 0.0]))

    for r in np.linspace(0.5, 2.5, 9):
        energy, gradient = value(r)
        assert energy == pytest.approx(4.0 * (r**-12 - r**-6), rel=1e-13, abs=1e-13)
        assert gradient[3] == pytest.approx(4.0 * (6.0 * r**-7 - 12.0 * r**-13), rel=1e-13, abs=1e-13)
    energies = [value(r)[0] for r in np.linspace(0.0, 1.0, 101)]
    assert (np.diff(energies) < 0.0).all()


def test_the_container_brings_an_atom_back():
    model, minimum = cluster(twin.bipyramid(5))
    x = minimum.coordinates.copy()
    x[:3] += 30.0
    result = Quencher(model, QuenchSettings()).quench(x)
    assert result.status is Status.CONVERGED
    assert result.loss < -12.0  # all seven are bound again
    assert np.linalg.norm(symmetry.centred(result.coordinates)[0], axis=1).max() < model.radius


def test_the_container_does_not_touch_a_bound_cluster():
    model, minimum = cluster(twin.icosahedron())
    free = build("lj", {"atoms": 13, "container": 100.0})
    assert free.value(minimum.coordinates) == minimum.loss
    # Neither any chain as long as a cluster of its size ever is.
    assert all(build("lj", {"atoms": n}).radius > 0.5 * BOND * (n - 1) for n in range(2, 9))


def image_of(points, order, matrix, shift):
    return (points[order] @ matrix + shift).ravel()


@pytest.mark.parametrize("name", MINIMA)
def test_every_copy_is_the_same_point(name):
    model, minimum = cluster(MINIMA[name][0])
    points = minimum.coordinates.reshape(-1, 3)
    rng = np.random.default_rng(3)
    for k in range(6):
        matrix = symmetry.random_matrix(rng)
        if k == 5:
            matrix = -np.eye(3)
        copy = image_of(points, rng.permutation(len(points)), matrix, rng.normal(size=3))
        assert aligned_distance(model, minimum.coordinates, copy) < 1e-10
        assert model.value(copy) == pytest.approx(minimum.loss, rel=1e-12)
        assert model.canonical(copy) == pytest.approx(model.canonical(minimum.coordinates), abs=1e-8)


@given(st.integers(4, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_enantiomers_and_copies_of_clusters_without_symmetry(atoms, seed):
    model = build("lj", {"atoms": atoms})
    rng = np.random.default_rng(seed)
    x = model.random_start(rng)
    points = x.reshape(-1, 3)
    copy = image_of(points, rng.permutation(atoms), symmetry.random_matrix(rng), rng.normal(size=3))
    assert aligned_distance(model, x, copy) < 1e-9
    mirrored = image_of(points, rng.permutation(atoms), np.diag([1.0, 1.0, -1.0]), np.zeros(3))
    assert aligned_distance(model, x, mirrored) < 1e-9
    # A little beside it, it is nearer than the displacement, and not nearer the other way round.
    moved = copy + 1e-3 * rng.standard_normal(x.size)
    there = aligned_distance(model, x, moved)
    assert 0.0 < there <= np.linalg.norm(moved - copy) * (1.0 + 1e-9)
    assert aligned_distance(model, moved, x) == pytest.approx(there, rel=1e-6)


def test_different_minima_are_not_the_same_point():
    model, one = cluster(twin.bipyramid(5))
    rng = np.random.default_rng(4)
    quencher = Quencher(model, QuenchSettings())
    found = [quencher.quench(model.random_start(rng)) for _ in range(40)]
    others = [end.coordinates for end in found if end.loss > one.loss + 0.1 and end.status is Status.CONVERGED]
    assert others
    assert all(aligned_distance(model, one.coordinates, other) > 0.3 for other in others)


def brute_force_distance(reference, points):
    """Least distance over all permutations and orthogonal matrices."""
    target = reference - reference.mean(axis=0)
    source = points - points.mean(axis=0)
    best = np.inf
    for order in itertools.permutations(range(len(points))):
        moved = source[list(order)]
        size = np.linalg.svd(moved.T @ target, compute_uv=False).sum()
        best = min(best, (moved**2).sum() + (target**2).sum() - 2.0 * size)
    return math.sqrt(max(best, 0.0))


def test_the_search_for_the_nearest_image_mostly_finds_it():
    """Against all permutations of five atoms: found in nearly all cases, and never far off."""
    model = build("lj", {"atoms": 5})
    rng = np.random.default_rng(5)
    exact = 0
    for _ in range(40):
        a, b = model.random_start(rng), model.random_start(rng)
        best = brute_force_distance(a.reshape(-1, 3), b.reshape(-1, 3))
        found = aligned_distance(model, a, b)
        assert best * (1.0 - 1e-12) <= found <= 1.05 * best
        exact += found <= best * (1.0 + 1e-9)
    assert exact >= 37


def test_random_images_are_near_and_of_either_handedness():
    model = build("lj", {"atoms": 6})
    x = model.random_start(np.random.default_rng(6))
    points = symmetry.centred(x)[0]
    reflected = 0
    for seed in range(20):
        image = symmetry.centred(model.random_image(x, np.random.default_rng(seed)))[0]
        # Nearest of its kind: the torque of the displacement vanishes.
        assert np.cross(points, image).sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-10)
        order = np.linalg.norm(image[:, None] - image, axis=2).sum(axis=1).argsort()
        before = np.linalg.norm(points[:, None] - points, axis=2).sum(axis=1).argsort()
        turned = np.linalg.lstsq(points[before], image[order], rcond=None)[0]
        assert turned @ turned.T == pytest.approx(np.eye(3), abs=1e-8)
        reflected += np.linalg.det(turned) < 0.0
    assert 4 <= reflected <= 16


def test_directions_across_the_symmetry_of_a_point():
    model, minimum = cluster(twin.bipyramid(5))
    across = model.asymmetric_directions(minimum.coordinates, 1e-5)
    # What keeps D5h: the radius of the ring and the height of the apices.
    assert len(across) == 21 - 2
    ring = minimum.coordinates.reshape(-1, 3) - minimum.coordinates.reshape(-1, 3).mean(axis=0)
    heights = np.zeros_like(ring)
    heights[5:] = ring[5:]
    assert np.abs(across @ heights.ravel()).max() < 1e-8
    assert np.abs(across @ ring.ravel()).max() < 1e-8
    generic = model.random_start(np.random.default_rng(7))
    assert model.asymmetric_directions(generic, 1e-5).shape == (0, 21)


def test_order_of_the_group():
    assert build("lj", {"atoms": 4}).log_group_order() == pytest.approx(math.log(48))


def test_starts_lie_apart_and_inside():
    for atoms in (2, 7, 38):
        model = build("lj", {"atoms": atoms})
        points = model.random_start(np.random.default_rng(8)).reshape(-1, 3)
        gaps = np.linalg.norm(points[:, None] - points, axis=2)[np.triu_indices(atoms, 1)]
        assert gaps.min() > 0.6
        assert np.linalg.norm(points, axis=1).max() <= 0.5 * model.radius


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"atoms": 1}, "at least 2"), ({"container": 0.1}, "above 0.5"), ({"atom": 7}, "atom is not a known key")],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ConfigError, match=message):
        build("lj", parameters)
