"""From a point to a verified minimum, counted: what all search methods do with a point."""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher, QuenchResult
from llcommon.records import Minimum
from llcommon.settings import Settings
from llcommon.status import Status
from llgmin.recent import Recent
from llgmin.walker import Segment


@dataclass(frozen=True)
class Rough:
    """Where a rough quench ended. loss: NaN if it failed; evaluations: used."""

    result: QuenchResult
    loss: float
    evaluations: int


class Quenches:
    """Quenches for one model under its settings."""

    def __init__(self, model: LossModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.quencher = Quencher(model, settings.quench)
        target = settings.search.target
        self.goal = -math.inf if target is None else target + settings.same_point.loss_tolerance

    def _count(self, result: QuenchResult, segment: Segment) -> None:
        segment.count("evaluations", result.evaluations)
        segment.count("hessians", result.hessians)
        if result.status is not Status.CONVERGED:
            segment.count(f"failed {result.status.label}")

    def _verified(self, result: QuenchResult, segment: Segment, recent: Recent) -> Minimum | None:
        """The minimum at the end of a whole quench, or None; a failure is counted."""
        if result.status is not Status.CONVERGED:
            return None
        known = recent.find(result.loss, result.coordinates)
        if known is not None:
            segment.count("known")
            return known
        tolerance = self.settings.quench.rms
        minimum, status = minimum_at(self.model, result.coordinates, tolerance, self.settings.curvature)
        if minimum is None:
            segment.count(f"failed {status.label}")
            return None
        recent.remember(minimum)
        segment.hit = segment.hit or minimum.loss <= self.goal
        return minimum

    def recent(self, arrays: dict[str, np.ndarray] | None = None) -> Recent:
        """What a walker with these arrays has come to lately."""
        return Recent(self.model, self.settings.same_point, arrays)

    def whole(
        self, start: np.ndarray, segment: Segment, recent: Recent | None = None
    ) -> tuple[Minimum | None, int]:
        """The verified minimum below start, (N,), or None; and the evaluations it took.

        recent: minima that need no verification again.
        """
        segment.count("quenches")
        result = self.quencher.quench(start)
        self._count(result, segment)
        return self._verified(result, segment, recent or self.recent()), result.evaluations

    def rough(self, start: np.ndarray, segment: Segment) -> Rough:
        """A quench from start, (N,), to the rough tolerance only."""
        segment.count("quenches")
        result = self.quencher.sloppy(start)
        self._count(result, segment)
        loss = result.loss if result.status is Status.CONVERGED else math.nan
        return Rough(result, loss, result.evaluations)

    def finished(self, rough: Rough, segment: Segment, recent: Recent) -> tuple[Minimum | None, int]:
        """The verified minimum at the end of a rough quench, or None; and the evaluations both took."""
        result = self.quencher.tight(rough.result.coordinates)
        self._count(result, segment)
        return self._verified(result, segment, recent), rough.evaluations + result.evaluations
