"""Symmetry of a cluster of like atoms: translations, rotations, inversion, permutations.

Points are (N, 3), rows atoms, their centre of mass in the origin; an operation takes y to y[order] @ matrix with an
orthogonal matrix, (3, 3), proper or not. That a cluster is an image of another, and the point group of one, is decided
exactly: two atoms and the centre, chosen for having few equals, fix an orthogonal matrix up to a handedness, so
matching them with every pair of atoms at the same distances finds every operation there is. The nearest image of one
that is none is a matter of search: assignments and rotations in turns from many starts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

# Matching tolerances, in units of the distance between atoms (about one).
_SAME_DISTANCE = 0.05
_SAME_PLACE = 0.15
# An anchor must be this far from the centre, or from the line through the other, relative to the best.
_LEAST_SHARE = 0.3
# A cluster whose atoms are nearer to one line is linear.
_LINEAR = 1e-6
# Starts of the search for the nearest image: random rotations, and how many starts of all are followed. Against all
# permutations of 5 to 8 atoms: 97 % of pairs of random clusters and of minima exact or within 1e-8, the others within
# 1 %, in 3 ms; with 30 followed 93 % and 12 % in 2 ms, with 10 followed 80 % and 20 % in 1.3 ms.
_ROTATIONS = 60
_FOLLOWED = 60
_MOST_ROUNDS = 30
_CANONICAL_TIE = 1e-6
_CHUNK = 2_000_000  # distances at a time


@dataclass(frozen=True)
class Operations:
    """Operations on one cluster. orders: (k, N); matrices: (k, 3, 3); images: (k, N, 3), of the cluster."""

    orders: np.ndarray
    matrices: np.ndarray
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.orders)

    def chosen(self, which: np.ndarray) -> "Operations":
        """Those that a mask or an index array names."""
        return Operations(self.orders[which], self.matrices[which], self.images[which])


def centred(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atoms about their centre of mass, (N, 3), and the centre, (3,), of coordinates (3N,)."""
    points = np.asarray(x, dtype=np.float64).reshape(-1, 3)
    centre = points.mean(axis=0)
    return points - centre, centre


def rotation_rows(points: np.ndarray) -> np.ndarray:
    """Orthonormal directions of infinitesimal rotations, (3, 3N), or two for a linear cluster."""
    inertia = np.einsum("ij,ij->", points, points) * np.eye(3) - points.T @ points
    moments, axes = np.linalg.eigh(inertia)
    turning = moments > _LINEAR**2 * moments[-1]
    rows = np.array([np.cross(axis, points).ravel() for axis in axes.T[turning]])
    return rows / np.linalg.norm(rows, axis=1)[:, None]


def random_matrix(rng: np.random.Generator) -> np.ndarray:
    """A uniformly distributed orthogonal matrix, proper or improper."""
    matrix, triangle = np.linalg.qr(rng.standard_normal((3, 3)))
    return matrix * np.sign(np.diag(triangle))


def procrustes(sources: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Orthogonal matrices, (.., 3, 3), that take sources, (.., N, 3), nearest to target, (N, 3).

    Kabsch, Acta Cryst. A32, 922 (1976), with reflections allowed.
    """
    left, _, right = np.linalg.svd(np.swapaxes(sources, -1, -2) @ target)
    return left @ right


def superposed(source: np.ndarray, target: np.ndarray, handedness: float) -> np.ndarray:
    """source, (N, 3), turned to lie nearest to target, (N, 3), atom by atom; handedness: -1.0 to reflect it too."""
    left, _, right = np.linalg.svd(source.T @ target)
    turn = np.array([1.0, 1.0, handedness * np.linalg.det(left @ right)])
    return source @ (left * turn) @ right


def _frames(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Right-handed orthonormal frames, (k, 3, 3), rows axes, of pairs of vectors, both (k, 3)."""
    ahead = first / np.linalg.norm(first, axis=1)[:, None]
    aside = second - (second * ahead).sum(axis=1)[:, None] * ahead
    aside /= np.linalg.norm(aside, axis=1)[:, None]
    return np.stack([ahead, aside, np.cross(ahead, aside)], axis=1)


def _perpendicular(vectors: np.ndarray) -> np.ndarray:
    """A vector perpendicular to each of `vectors`, (k, 3), not of unit length."""
    return np.cross(vectors, np.eye(3)[np.abs(vectors).argmin(axis=1)])


def _is_linear(points: np.ndarray) -> bool:
    return len(rotation_rows(points)) < 3


def _anchors(points: np.ndarray, tolerance: float) -> tuple[int, int]:
    """Two atoms that fix a frame well and have few equals; the second is -1 for a linear cluster."""
    radii = np.linalg.norm(points, axis=1)
    alike = (np.abs(radii[:, None] - radii) <= tolerance).sum(axis=1)
    first = int(np.where(radii >= _LEAST_SHARE * radii.max(), alike, len(points) + 1).argmin())
    if _is_linear(points):
        return first, -1
    gaps = np.linalg.norm(points - points[first], axis=1)
    heights = np.linalg.norm(np.cross(points, points[first]), axis=1)
    same = np.abs(radii[:, None] - radii) <= tolerance
    same &= np.abs(gaps[:, None] - gaps) <= tolerance
    counts = np.where(heights >= _LEAST_SHARE * heights.max(), same.sum(axis=1), len(points) + 1)
    return first, int(counts.argmin())


def _candidates(reference: np.ndarray, points: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthogonal matrices, (k, 3, 3), that take two atoms of `points` to the anchors of `reference`."""
    first, second = _anchors(reference, tolerance)
    radii = np.linalg.norm(points, axis=1)
    near_first = np.flatnonzero(np.abs(radii - np.linalg.norm(reference[first])) <= tolerance)
    if second < 0:
        ahead = points[near_first]
        aside = _perpendicular(ahead)
        target = _frames(reference[[first]], _perpendicular(reference[[first]]))[0]
    else:
        near_second = np.flatnonzero(np.abs(radii - np.linalg.norm(reference[second])) <= tolerance)
        gap = np.linalg.norm(reference[first] - reference[second])
        gaps = np.linalg.norm(points[near_first][:, None] - points[near_second], axis=2)
        rows, columns = np.nonzero(np.abs(gaps - gap) <= tolerance)
        ahead = points[near_first[rows]]
        aside = points[near_second[columns]]
        height = np.linalg.norm(np.cross(ahead, aside), axis=1)
        bent = height > 0.1 * np.linalg.norm(np.cross(reference[first], reference[second]))
        ahead, aside = ahead[bent], aside[bent]
        target = _frames(reference[[first]], reference[[second]])[0]
    if not len(ahead):
        return np.empty((0, 3, 3))
    frames = _frames(ahead, aside)
    mirrored = frames * np.array([1.0, 1.0, -1.0])[:, None]
    return np.concatenate([frames, mirrored]).transpose(0, 2, 1) @ target


def _nearest_atoms(images: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each image, (k, N, 3), of a cluster: which atom is nearest to each of the reference, (N, 3), its squared
    distance, and for each atom of the image that to the nearest of the reference; all (k, N)."""
    orders, gaps, backs = [], [], []
    rows = max(1, _CHUNK // len(reference) ** 2)
    for first in range(0, len(images), rows):
        some = images[first : first + rows]
        squares = (reference**2).sum(axis=1)[:, None] + (some**2).sum(axis=2)[:, None, :]
        squares -= 2.0 * (reference @ some.transpose(0, 2, 1))
        orders.append(squares.argmin(axis=2))
        gaps.append(squares.min(axis=2))
        backs.append(squares.min(axis=1))
    return np.concatenate(orders), np.concatenate(gaps), np.concatenate(backs)


def matches(reference: np.ndarray, points: np.ndarray, distance: float, place: float) -> Operations:
    """All operations that take `points` to `reference`, both (N, 3), each with the best matrix for its order.

    distance: how far distances to the anchors may differ; place: how far any atom may be from its place.
    """
    matrices = _candidates(reference, points, distance)
    if not len(matrices):
        return Operations(np.empty((0, len(points)), dtype=np.int64), matrices, np.empty((0, *points.shape)))
    orders, gaps, _ = _nearest_atoms(points @ matrices, reference)
    fitting = gaps.max(axis=1) <= place**2
    fitting &= (np.sort(orders, axis=1) == np.arange(len(points))).all(axis=1)
    matrices = matrices[fitting]
    orders = orders[fitting]
    best = procrustes(points[orders], reference)
    # Of a planar cluster both handednesses fit: keep the one that was asked for.
    other = np.linalg.det(best) * np.linalg.det(matrices) < 0.0
    best[other] = matrices[other]
    return Operations(orders, best, points[orders] @ best)


def _starts() -> np.ndarray:
    """Fixed orthogonal matrices, (2 _ROTATIONS, 3, 3), half of them improper, all over the group."""
    rng = np.random.default_rng(1)
    matrices = np.array([random_matrix(rng) for _ in range(_ROTATIONS)])
    return np.concatenate([matrices, -matrices])


_STARTS = _starts()


def _axes(points: np.ndarray) -> np.ndarray:
    """Principal axes, columns, (3, 3)."""
    return np.linalg.eigh(points.T @ points)[1]


def _principal_starts(reference: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The eight orthogonal matrices that take principal axes to principal axes."""
    signs = np.array(np.meshgrid([1.0, -1.0], [1.0, -1.0], [1.0, -1.0])).reshape(3, -1).T
    return (_axes(points) * signs[:, None, :]) @ _axes(reference).T


def _improved(reference: np.ndarray, points: np.ndarray, matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Assignment and orthogonal matrix in turns until neither changes: (squared distance, image (N, 3))."""
    image = points @ matrix
    for count in range(_MOST_ROUNDS):
        _, order = linear_sum_assignment(reference @ image.T, maximize=True)
        if count > 0 and np.array_equal(order, np.arange(len(order))):
            break
        points = points[order]
        image = points @ procrustes(points, reference)
    return float(np.square(image - reference).sum()), image


def nearest(reference: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The image of `points` nearest to `reference`, both (N, 3): exact for images, else the best of a search."""
    exact = matches(reference, points, _SAME_DISTANCE, _SAME_PLACE)
    if len(exact):
        return exact.images[np.square(exact.images - reference).sum(axis=(1, 2)).argmin()]
    starts = np.concatenate([np.eye(3)[None], _principal_starts(reference, points), _STARTS])
    _, gaps, backs = _nearest_atoms(points @ starts, reference)
    chosen = np.argsort((gaps + backs).sum(axis=1), kind="stable")[:_FOLLOWED]
    best = _improved(reference, points, np.eye(3))
    for k in chosen:
        trial = _improved(reference, points, starts[k])
        if trial[0] < best[0]:
            best = trial
    return best[1]


def point_group(points: np.ndarray, tolerance: float) -> Operations:
    """The operations that leave points, (N, 3), where they are, to within `tolerance` for each coordinate.

    Of a linear cluster one for each class of turns about its axis; of a planar one the reflection in its plane too.
    """
    found = matches(points, points, 10.0 * tolerance, 10.0 * tolerance)
    return found.chosen(np.abs(found.images - points).max(axis=(1, 2)) <= tolerance)


def asymmetric_rows(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthonormal directions, (k, 3N), across those that all of the point group leave alone."""
    group = point_group(points, tolerance)
    size = points.size
    if len(group) < 2:
        return np.empty((0, size))
    mean = np.zeros((len(points), 3, len(points), 3))
    for order, matrix in zip(group.orders, group.matrices, strict=True):
        # Atom i of the image is atom order[i] turned.
        mean[np.arange(len(points)), :, order, :] += matrix.T
    mean = mean.reshape(size, size) / len(group)
    values, vectors = np.linalg.eigh(0.5 * (mean + mean.T))
    return np.ascontiguousarray(vectors[:, values < 0.5].T)


def canonical(points: np.ndarray) -> np.ndarray:
    """One representative of all images of points, (N, 3), the same for each of them to rounding.

    The lexically smallest, of atoms sorted, in the frames of all pairs of an outermost atom and one farthest from the
    line through it.
    """
    radii = np.linalg.norm(points, axis=1)
    outermost = np.flatnonzero(radii >= radii.max() - _CANONICAL_TIE)
    linear = _is_linear(points)
    heights = np.linalg.norm(np.cross(points[outermost][:, None], points), axis=2)
    rows, columns = np.nonzero(heights >= heights.max() - _CANONICAL_TIE)
    if linear:
        rows = np.arange(len(outermost))
    ahead = points[outermost[rows]]
    frames = _frames(ahead, _perpendicular(ahead) if linear else points[columns])
    best = None
    for frame in np.concatenate([frames, frames * np.array([1.0, 1.0, -1.0])[:, None]]):
        image = points @ frame.T
        rounded = np.round(image / _CANONICAL_TIE)
        order = np.lexsort(rounded.T[::-1])
        key = rounded[order].ravel().tolist()
        if best is None or key < best[0]:
            best = (key, image[order])
    return best[1]
