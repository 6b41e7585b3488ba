"""What a list of all symmetry images of a point tells, and zero modes that are the same everywhere."""

import numpy as np


def along(modes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The part of x, (N,) or rows of it, in the space of the orthonormal rows of modes, (number, N)."""
    return (x @ modes.T) @ modes


def nearest(images: np.ndarray, reference: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """The image, of (k, N), that is nearest to reference, (N,), across the modes; the first of equal ones."""
    differences = images - reference
    differences -= along(modes, differences)
    return images[int(np.argmin(np.square(differences).sum(axis=1)))].copy()


def first(images: np.ndarray) -> np.ndarray:
    """The image that comes first in the order of its coordinates."""
    return images[np.lexsort(images.T[::-1])[0]].copy()


def number_alike(images: np.ndarray, x: np.ndarray, tolerance: float) -> int:
    """How many images are x, (N,), within the tolerance for each coordinate; at least 1."""
    return max(1, int((np.abs(images - x).max(axis=1) <= tolerance).sum()))
