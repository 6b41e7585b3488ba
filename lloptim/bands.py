"""From two minima to candidates for transition states: the maxima of a relaxed band between them."""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.band import improved_tangent, optimise_band
from llcommon.settings import ConnectSettings
from llcommon.status import Status

# Longest move of an image in one step, coordinate distance.
_IMAGE_STEP = 0.4
# A band that is tried again has more images, and is bent sideways by this share of its length.
_MORE_IMAGES = 0.5
_BEND = 0.4


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
    wanted = settings.image_density * distance * (1.0 + _MORE_IMAGES * attempt)
    fewest = settings.minimum_images * (1.0 + _MORE_IMAGES * attempt)
    return int(min(settings.maximum_images, max(fewest, math.ceil(wanted))))


def relaxed_band(
    model: LossModel,
    settings: ConnectSettings,
    first: np.ndarray,
    second: np.ndarray,
    attempt: int,
    rng: np.random.Generator,
) -> Band:
    """A doubly nudged elastic band between two aligned points, both (N,).

    The first attempt starts from the straight line; later ones from one bent in a random direction.
    """
    straight = second - first
    distance = float(np.linalg.norm(straight))
    count = image_count(settings, distance, attempt)
    fractions = np.linspace(0.0, 1.0, count + 2)[:, None]
    images = first + fractions * straight
    if attempt > 0:
        sideways = rng.standard_normal(model.dimension)
        sideways *= _BEND * distance / np.linalg.norm(sideways)
        images += np.sin(np.pi * fractions) * sideways
    images[0] = first
    images[-1] = second
    losses = np.empty(count + 2)
    losses[0] = model.value(first)
    losses[-1] = model.value(second)
    status, rms, evaluations = optimise_band(
        model.kernel,
        *model.packed,
        images,
        losses,
        settings.spring,
        settings.band_rms,
        settings.iterations,
        _IMAGE_STEP,
    )
    return Band(images, losses, Status(status), rms, evaluations)
