"""The minima that a walker has come to lately: one that it comes to again needs no verification again.

Part of the walker's state, so that what is verified, and with it every bit of the search, does not depend on where and
when its segments run.
"""

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.settings import SamePointSettings
from llcommon.symmetry import same_point

# Most walks on the landscape of iris spend 90 % of their steps in so many minima.
_MOST = 32
_MOST_NUMBERS = 2_000_000  # coordinates of all of them together
_REALS = ("loss", "rms", "lpphe", "smallest_eigenvalue", "eigenvalue_tolerance", "lpphe_error", "log_order")
_INTEGERS = ("order", "lpphe_probes")


class Recent:
    """Distinct minima, the latest met for the first time last. points: (k, N); reals: (k, 7); integers: (k, 2)."""

    def __init__(self, model: LossModel, rule: SamePointSettings, arrays: dict[str, np.ndarray] | None = None) -> None:
        """arrays: as of `arrays`; none are known without them."""
        self.model = model
        self.rule = rule
        # What a bound holds is not kept, so a model with bounds verifies every quench.
        self.most = 0 if model.bounds() is not None else max(1, min(_MOST, _MOST_NUMBERS // model.dimension))
        arrays = arrays or {}
        self.points = arrays.get("recent_points", np.empty((0, model.dimension)))
        self.reals = arrays.get("recent_reals", np.empty((0, len(_REALS))))
        self.integers = arrays.get("recent_integers", np.empty((0, len(_INTEGERS)), dtype=np.int64))

    def arrays(self) -> dict[str, np.ndarray]:
        """For the state of a walker."""
        return {"recent_points": self.points, "recent_reals": self.reals, "recent_integers": self.integers}

    def find(self, loss: float, x: np.ndarray) -> Minimum | None:
        """The one that is the same point as x, (N,), with this loss; None if there is none."""
        for row in np.flatnonzero(np.abs(self.reals[:, 0] - loss) < self.rule.loss_tolerance):
            point = self.points[row].copy()
            if same_point(self.model, point, x, self.rule.distance_tolerance):
                reals = dict(zip(_REALS, self.reals[row].tolist(), strict=True))
                integers = dict(zip(_INTEGERS, self.integers[row].tolist(), strict=True))
                return Minimum(coordinates=point, **reals, **integers)
        return None

    def remember(self, minimum: Minimum) -> None:
        """Add a minimum that is none of these; the first of too many is forgotten."""
        if not self.most:
            return
        reals = [getattr(minimum, name) for name in _REALS]
        integers = np.array([[getattr(minimum, name) for name in _INTEGERS]], dtype=np.int64)
        self.points = np.vstack([self.points, minimum.coordinates])[-self.most :]
        self.reals = np.vstack([self.reals, reals])[-self.most :]
        self.integers = np.vstack([self.integers, integers])[-self.most :]
