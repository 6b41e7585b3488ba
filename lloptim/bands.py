"""From two minima to candidates for transition states: the maxima of a relaxed band between them."""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.band import improved_tangent, optimise_band
from llcommon.optimise.box import box
from llcommon.settings import ConnectSettings
from llcommon.status import Status

# Longest move of an image in one step, coordinate distance.
_IMAGE_STEP = 0.4
# A band that is tried again has more images, and is bent sideways by this share of its length.
_MORE_IMAGES = 0.5
_MOST_GROWTHS = 2
_BEND = 0.4
# Blocks that do not turn: shorter than this, or by an angle nearer to 0 or pi.
_SHORTEST_BLOCK = 1e-9
_SMALLEST_ANGLE = 1e-4


@dataclass(frozen=True)
class Candidate:
    """An image at a maximum of a band. coordinates: (N,); tangent: unit vector along the band, (N,)."""

    coordinates: np.ndarray
    tangent: np.ndarray
    loss: float


@dataclass(frozen=True)
class Band:
    """A relaxed band. images: (P + 2, N) with both ends; losses: (P + 2,)."""

    images: np.ndarray
    losses: np.ndarray
    status: Status
    rms: float
    evaluations: int

    def candidates(self) -> list[Candidate]:
        """Every inner image that is higher than both its neighbours, from one end to the other."""
        found = []
        tangent = np.empty(self.images.shape[1])
        for i in range(1, len(self.losses) - 1):
            if self.losses[i - 1] < self.losses[i] > self.losses[i + 1]:
                improved_tangent(self.images, self.losses, i, tangent)
                found.append(Candidate(self.images[i].copy(), tangent.copy(), float(self.losses[i])))
        return found


def image_count(settings: ConnectSettings, distance: float, attempt: int) -> int:
    """Images of the `attempt`-th band (from 0) between end points at this distance."""
    growth = 1.0 + _MORE_IMAGES * min(attempt, _MOST_GROWTHS)
    wanted = max(settings.minimum_images * growth, math.ceil(settings.image_density * distance * growth))
    return int(min(settings.maximum_images, wanted))


def rotated(first: np.ndarray, second: np.ndarray, fractions: np.ndarray, blocks: list[np.ndarray]) -> np.ndarray:
    """Points between two, shape (k, N), on which each block of coordinates turns at a constant rate.

    blocks: index arrays; the length of each block goes linearly from that at one end to that at the other. Elsewhere,
    and for a block of length zero or reversed direction, the way is straight.
    """
    points = first + fractions[:, None] * (second - first)
    for block in blocks:
        lengths = np.linalg.norm(first[block]), np.linalg.norm(second[block])
        if min(lengths) < _SHORTEST_BLOCK:
            continue
        ends = first[block] / lengths[0], second[block] / lengths[1]
        angle = math.acos(min(1.0, max(-1.0, float(ends[0] @ ends[1]))))
        if angle < _SMALLEST_ANGLE or angle > math.pi - _SMALLEST_ANGLE:
            continue
        turned = np.outer(np.sin((1.0 - fractions) * angle), ends[0]) + np.outer(np.sin(fractions * angle), ends[1])
        length = (1.0 - fractions) * lengths[0] + fractions * lengths[1]
        points[:, block] = turned * (length / math.sin(angle))[:, None]
    return points


def first_guess(
    model: LossModel,
    settings: ConnectSettings,
    first: np.ndarray,
    second: np.ndarray,
    attempt: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The unrelaxed band between two points, (P + 2, N), both (N,); bent in a random direction if attempt > 0."""
    distance = float(np.linalg.norm(second - first))
    fractions = np.linspace(0.0, 1.0, image_count(settings, distance, attempt) + 2)
    blocks = model.rotating_blocks() if settings.interpolation == "rotation" else []
    images = rotated(first, second, fractions, blocks)
    if attempt > 0:
        sideways = rng.standard_normal(model.dimension)
        sideways *= _BEND * distance / np.linalg.norm(sideways)
        images += np.sin(np.pi * fractions)[:, None] * sideways
    images = np.clip(images, *box(model))
    images[0] = first
    images[-1] = second
    return images


def relaxed_band(
    model: LossModel,
    settings: ConnectSettings,
    first: np.ndarray,
    second: np.ndarray,
    attempt: int,
    rng: np.random.Generator,
) -> Band:
    """A doubly nudged elastic band between two aligned points, both (N,).

    The first attempt starts from the plain interpolation; later ones, with more images, from one bent in a random
    direction.
    """
    images = first_guess(model, settings, first, second, attempt, rng)
    inner = len(images) - 2
    losses = np.empty(inner + 2)
    losses[0] = model.value(first)
    losses[-1] = model.value(second)
    status, rms, evaluations = optimise_band(
        model.kernel,
        *model.packed,
        *box(model),
        images,
        losses,
        np.full(inner + 1, settings.spring),
        settings.double_nudging,
        settings.climb_after,
        settings.adjust_springs_every,
        settings.band_rms,
        settings.iterations + math.ceil(settings.iteration_density * inner),
        _IMAGE_STEP,
    )
    return Band(images, losses, Status(status), rms, evaluations)
