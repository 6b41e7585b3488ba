"""The posterior of the coordinates of a landscape whose loss is a negative log likelihood.

The prior is flat in the coordinates within the box of the model: for a Gaussian process, in the logarithms of its
hyperparameters. So the posterior is exp(-L(x) / T) in the box, divided by its integral, the evidence; T is that of
`likelihood_temperature`, 1 for a loss that is the negative log likelihood itself.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from llcommon.data import Rows
from llcommon.errors import ConfigError, InputError
from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.store import Landscape


@dataclass(frozen=True)
class Problem:
    """model: of the loss. minima: by rising loss. features: (m, d) of the test rows, raw; targets: (m,)."""

    model: LossModel
    minima: list[Minimum]
    features: np.ndarray
    targets: np.ndarray

    @property
    def temperature(self) -> float:
        """T."""
        return self.model.likelihood_temperature

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds, each (N,)."""
        lower, upper = self.model.bounds()
        return np.asarray(lower), np.asarray(upper)

    @property
    def log_box_volume(self) -> float:
        """ln of the volume of the box."""
        lower, upper = self.box
        return float(np.log(upper - lower).sum())

    def log_posterior(self, points: np.ndarray) -> np.ndarray:
        """-L / T of each of the points (s, N), (s,): -inf outside of the box and where the loss is not finite."""
        lower, upper = self.box
        values = np.full(len(points), -np.inf)
        gradient = np.empty(self.model.dimension)
        for row in np.flatnonzero(((points >= lower) & (points <= upper)).all(axis=1)):
            point = np.ascontiguousarray(points[row], dtype=np.float64)
            value = -self.model.kernel(point, gradient, *self.model.packed) / self.temperature
            values[row] = value if np.isfinite(value) else -np.inf
        return values


def check_likelihood(landscape: Landscape, name: str) -> None:
    """ConfigError if the loss of the landscape `name` is no likelihood with predictions in a finite box."""
    model = landscape.model
    bounds = model.bounds()
    if model.likelihood_temperature is None or bounds is None or not np.isfinite(bounds).all():
        raise ConfigError(
            f"{name} holds a landscape of {model.name}, whose loss is not the negative log likelihood of parameters "
            "in a box; give landscapes of the loss model gp"
        )


def problem_of(landscape: Landscape, rows: Rows, name: str) -> Problem:
    """The posterior of a landscape called `name`, with test rows; errors also as of `check_likelihood`.

    InputError if the lowest minimum has no LPPHE; other minima without one are left out.
    """
    check_likelihood(landscape, name)
    table = landscape.minima
    kept = np.flatnonzero(np.isfinite(table.lpphe))
    if landscape.global_minimum() not in kept:
        raise InputError(f"the lowest minimum of {name} has no LPPHE; compute it with llpathsample recompute")
    order = kept[np.argsort(table.loss[kept], kind="stable")]
    minima = [landscape.minimum(int(number)) for number in order]
    return Problem(landscape.model, minima, rows.features, rows.targets)
