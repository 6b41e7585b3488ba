"""What the analytic surfaces share: a box around any of them, starts in it, and their known points."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from llcommon.config import setting
from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.seam import first_class

BOUND_HELP = "bounds: one number for each coordinate, or one for all"


@dataclass(frozen=True)
class SurfaceParameters:
    """The `[loss]` table of a surface that has nothing to set but a box."""

    lower: list[float] | None = setting(None, help=f"lower {BOUND_HELP}; unset: none")
    upper: list[float] | None = setting(None, help=f"upper {BOUND_HELP}; unset: none")


class Surface(LossModel):
    """What the surfaces share: a box of bounds, and starts.

    Subclasses set `_kernels` (loss, Hessian, Hessian-vector product), `_region`: (lowest, highest) start of each
    coordinate, and where they need them `_surface`, the number by which their kernels know them, and `_scratch`.
    """

    takes_data = False
    Parameters = SurfaceParameters
    _kernels: ClassVar[tuple]
    _surface: ClassVar[int] = 0
    _region: ClassVar[tuple[tuple[float, float], ...]]

    def __init__(self, parameters, data=None) -> None:
        self.parameters = parameters
        self.dimension = self._coordinates()
        self.kernel, self.hessian_kernel, self.hessian_vector_kernel = map(first_class, self._kernels)
        self.integers = np.array([self._surface], dtype=np.int64)
        self.reals = self._constants()
        self.workspace = np.empty(self._scratch())
        self._bounds = _bounds_of(parameters, self.dimension)

    def _coordinates(self) -> int:
        return len(self._region)

    def _constants(self) -> np.ndarray:
        return np.empty(0)

    def _scratch(self) -> int:
        return 0

    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The box of the parameters, infinite where one side is not set; None without any."""
        return self._bounds

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A uniformly distributed point of the region that holds the stationary points, within the bounds."""
        lowest, highest = np.transpose(self._region)
        if self._bounds is not None:
            lower, upper = self._bounds
            width = highest - lowest
            above = lower >= highest
            below = upper <= lowest
            # A box beside the region: the part of it next to the region, as wide.
            lowest, highest = (
                np.where(above, lower, np.where(below, np.maximum(lower, upper - width), np.maximum(lowest, lower))),
                np.where(below, upper, np.where(above, np.minimum(upper, lower + width), np.minimum(highest, upper))),
            )
        return rng.uniform(lowest, highest)

    def known_points(self) -> list[tuple[np.ndarray, float, int]]:
        """Stationary points of the surface, those within the bounds; there may be others on a bound."""
        points = self._stationary_points()
        if self._bounds is None:
            return points
        lower, upper = self._bounds
        return [point for point in points if np.all((lower < point[0]) & (point[0] < upper))]

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        raise NotImplementedError


@dataclass(frozen=True)
class ManyParameters(SurfaceParameters):
    """The `[loss]` table of a surface in any number of dimensions."""

    dimension: int = setting(2, help="number of coordinates", minimum=1, maximum=1000)


class ManySurface(Surface):
    """A surface in any number of dimensions. Subclasses set `_interval`: (lowest, highest) start of all coordinates."""

    Parameters = ManyParameters
    _interval: ClassVar[tuple[float, float]]

    def _coordinates(self) -> int:
        return self.parameters.dimension

    @property
    def _region(self) -> tuple[tuple[float, float], ...]:
        return (self._interval,) * self.dimension


class BoxedSurface(ManySurface):
    """A surface that has a box by default, and minima everywhere in it, so that starts lie anywhere in the box."""

    @property
    def _region(self) -> tuple[tuple[float, float], ...]:
        return tuple(zip(*self._bounds, strict=True))


def _side(name: str, values: list[float] | None, default: float, dimension: int) -> np.ndarray:
    """Bounds of one side, (N,); ConfigError if there are neither one nor N numbers."""
    if values is None:
        return np.full(dimension, default)
    if len(values) not in (1, dimension):
        raise ConfigError(
            f"[loss] {name} must hold one number, or one for each of the {dimension} coordinates, not {len(values)}"
        )
    return np.broadcast_to(np.array(values, dtype=np.float64), (dimension,)).copy()


def _bounds_of(parameters: SurfaceParameters, dimension: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Lower and upper bounds, each (N,), or None if neither is set; ConfigError if they leave no room."""
    if parameters.lower is None and parameters.upper is None:
        return None
    lower = _side("lower", parameters.lower, -np.inf, dimension)
    upper = _side("upper", parameters.upper, np.inf, dimension)
    crossed = np.flatnonzero(lower >= upper)
    if crossed.size:
        place = int(crossed[0])
        raise ConfigError(
            f"[loss] lower must be below upper, but coordinate {place + 1} has {lower[place]} and {upper[place]}"
        )
    return lower, upper
