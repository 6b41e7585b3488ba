"""Rotations and reflections of the outputs of an embedding: distances between rows, and |w|^2, do not see them.

The last weight matrix (units + 1, outputs), last row the biases, goes to M Q with an orthogonal Q. Rotations are a
continuous symmetry, whose directions turn with the point; the reflections make its finite part of order two.
"""

import numpy as np

from llcommon.losses import _mlp_symmetry as symmetry

_ROUNDS = 50
_GUESSES = 8  # turned images of a point that alignment starts from, besides the point itself
_VANISHING = 1e-8  # share of the weights' size below which a rotation moves nothing


def directions(last: np.ndarray, free_biases: bool) -> np.ndarray:
    """Orthonormal directions of rotations at the last weight matrix, (number, units + 1, outputs).

    free_biases: whether a shift of the outputs costs nothing either; the directions are then those across shifts.
    """
    moving = last.copy()
    if free_biases:
        moving[-1] = 0.0
    outputs = last.shape[1]
    rows = []
    for a in range(outputs):
        for b in range(a):
            turned = np.zeros_like(moving)
            turned[:, a] = -moving[:, b]
            turned[:, b] = moving[:, a]
            rows.append(turned.ravel())
    _, sizes, independent = np.linalg.svd(np.array(rows), full_matrices=False)
    size = np.abs(last).max()
    return independent[sizes > _VANISHING * size].reshape(-1, *last.shape) if size > 0.0 else np.empty((0, *last.shape))


def nearest_rotation(reference: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The orthogonal Q, (outputs, outputs), of the smallest |last Q - reference| (Schoenemann, Psychometrika 31, 1,
    1966)."""
    left, _, right = np.linalg.svd(last.T @ reference)
    return left @ right


def random_rotation(outputs: int, rng: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix, uniformly distributed (Mezzadri, Notices AMS 54, 592, 2007)."""
    q, r = np.linalg.qr(rng.standard_normal((outputs, outputs)))
    return q * np.sign(np.diag(r))


def align(
    reference: list[np.ndarray], matrices: list[np.ndarray], odd: bool, free_biases: bool
) -> list[np.ndarray]:
    """The image of `matrices` nearest to `reference` under operations of hidden units and rotations of the outputs.

    By turns the best operations for a rotation and the best rotation for the operations, until the distance falls no
    more; from a match of the units by their incoming weights, which no rotation changes, and from a few random
    rotations. A local optimum: exact for images of one point whose units differ in their incoming weights.
    free_biases: whether the biases may be shifted too; they are then those of the reference.
    """
    rng = np.random.default_rng(0)
    target = _without_biases(reference) if free_biases else reference
    moving = _without_biases(matrices) if free_biases else matrices
    hidden = len(matrices) - 1
    starts = [moving, _matched_from_below(target, moving, odd)]
    starts += [_turned(moving, random_rotation(moving[-1].shape[1], rng)) for _ in range(_GUESSES if hidden else 0)]
    best = min((_improved(target, start, odd) for start in starts), key=lambda image: _distance(target, image))
    if free_biases:
        best[-1][-1] = reference[-1][-1]
    return best


def _improved(target: list[np.ndarray], image: list[np.ndarray], odd: bool) -> list[np.ndarray]:
    """The image after rotations and operations by turns."""
    distance = np.inf
    for _ in range(_ROUNDS):
        turned = _turned(image, nearest_rotation(target[-1], image[-1]))
        moved = symmetry.align(target, turned, odd)
        now = _distance(target, moved)
        if now >= distance * (1.0 - 1e-12):
            break
        image = moved
        distance = now
    return image


def _distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.square(x - y).sum() for x, y in zip(a, b, strict=True))))


def _turned(matrices: list[np.ndarray], rotation: np.ndarray) -> list[np.ndarray]:
    return [*matrices[:-1], matrices[-1] @ rotation]


def _without_biases(matrices: list[np.ndarray]) -> list[np.ndarray]:
    """The matrices with output biases of zero."""
    last = matrices[-1].copy()
    last[-1] = 0.0
    return [*matrices[:-1], last]


def _matched_from_below(target: list[np.ndarray], matrices: list[np.ndarray], odd: bool) -> list[np.ndarray]:
    """The image whose hidden units match those of the target by their weights, the outputs left out of account."""
    blind = [*matrices[:-1], np.zeros_like(matrices[-1])]
    operations = symmetry.best_operations([*target[:-1], np.zeros_like(target[-1])], blind, odd)
    return symmetry.apply(matrices, operations)


def canonical(last: np.ndarray, free_biases: bool) -> np.ndarray:
    """One representative of the rotated images of a last weight matrix: lower triangular, its diagonal not negative.

    free_biases: the biases only follow.
    """
    moving = last.copy()
    if free_biases:
        moving[-1] = 0.0
    q, r = np.linalg.qr(moving.T, mode="complete")
    signs = np.ones(len(q))
    signs[: min(r.shape)] = np.where(np.diag(r) < 0.0, -1.0, 1.0)
    return last @ (q * signs)


def reflected(last: np.ndarray, free_biases: bool) -> bool:
    """Whether some reflection leaves a last weight matrix where it is: its rows do not span the outputs."""
    moving = last[:-1] if free_biases else last
    sizes = np.linalg.svd(moving, compute_uv=False)
    return len(sizes) < last.shape[1] or bool(sizes[-1] <= _VANISHING * sizes[0])
