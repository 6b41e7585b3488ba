"""What a list of all symmetry images of a point tells."""

import numpy as np


def nearest(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The image, of (k, N), that is nearest to reference, (N,); the first of equal ones."""
    distances = np.square(images - reference).sum(axis=1)
    return images[int(np.argmin(distances))].copy()


def first(images: np.ndarray) -> np.ndarray:
    """The image that comes first in the order of its coordinates."""
    return images[np.lexsort(images.T[::-1])[0]].copy()


def number_alike(images: np.ndarray, x: np.ndarray, tolerance: float) -> int:
    """How many images are x, (N,), within the tolerance for each coordinate; at least 1."""
    return max(1, int((np.abs(images - x).max(axis=1) <= tolerance).sum()))
