"""The basin of attraction of one minimum, as a sampler needs it: coordinates of its own, and whether a point is inside.

A point belongs to the basin if the path of steepest descent from it ends at the minimum (by `[connect] downhill`: of
models with many coordinates a quench by short steps stands for that path). It must end at that very minimum, not at an
image by a permutation or a reflection: those have basins of their own. Of a model whose loss stays the same as points
move or turn as a whole, the points are those of the section through the minimum across these directions.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import active_set
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.downhill import Downhill
from llcommon.settings import Settings
from llcommon.status import Status


@dataclass(frozen=True)
class Point:
    """Coordinates z of the basin, (kappa,), with |z|^2 / 2 the harmonic loss above the minimum; rise: the true one."""

    z: np.ndarray
    rise: float

    @property
    def harmonic(self) -> float:
        """The loss above the minimum, were it quadratic."""
        return 0.5 * float(self.z @ self.z)


class Basin:
    """See the module. x = minimum + axes z, axes (N, kappa): eigenvectors of the Hessian over the root of its
    eigenvalues; then one inwards for each coordinate that a bound holds, of the median length of the others.

    lengths: (kappa,) of the axes, which are orthogonal. log_determinant: of axes^-T axes^-1, the LPPHE where no bound
    holds a coordinate. held: how many one does.
    """

    def __init__(self, model: LossModel, settings: Settings, minimum: np.ndarray, radius: float | None = None) -> None:
        """minimum: (N,). radius: only points within this distance of it count; None: any distance. A box of the model
        limits the basin too."""
        self.model = model
        self.minimum = np.array(minimum, dtype=np.float64)
        self.loss = model.value(self.minimum)
        self.radius = np.inf if radius is None else radius
        self.box = model.bounds()
        self.tolerance = settings.same_point.distance_tolerance
        self.loss_tolerance = settings.same_point.loss_tolerance
        self.downhill = Downhill(model, settings)
        self.descents = 0
        held = np.zeros(model.dimension, dtype=np.int8)
        if self.box is not None:
            held = active_set(model, self.minimum, model.value_and_gradient(self.minimum)[1])
        self.held = int((held != 0).sum())
        found = spectrum(model, self.minimum, settings.curvature, vectors=True, active=held if self.held else None)
        self.status = self._fitness(found)
        if self.status is Status.CONVERGED:
            lengths = 1.0 / np.sqrt(found.values)
            inwards = -np.eye(model.dimension)[:, held != 0] * held[held != 0]
            length = float(np.median(lengths)) if len(lengths) else 1.0
            self.lengths = np.append(lengths, np.full(self.held, length))
            self.axes = np.hstack([found.vectors * lengths, inwards * length])
            self.log_determinant = float(np.log(found.values).sum()) - 2.0 * self.held * np.log(length)

    def _fitness(self, found) -> Status:
        """CONVERGED if there are coordinates to sample in, else why not."""
        if not found.complete or found.vectors is None:
            return Status.STEP_LIMIT
        if len(found.values) and not found.values[0] > 0.0:
            return Status.FLAT
        if self.model.superposed(self.minimum, self.minimum) is None:
            return Status.FLAT
        return Status.CONVERGED

    def drawn(self, first: float, normal: np.ndarray) -> Point | None:
        """The point of the Gaussian exp(-first h) that independent normal numbers, (kappa,), name, turned inwards from
        the bounds that hold coordinates: its half, or a smaller part, has the 2^-held of its integral. None as `at`."""
        return self.at(self.inwards(normal / np.sqrt(first)))

    def inwards(self, z: np.ndarray) -> np.ndarray:
        """z, (kappa,), turned inwards from the bounds that hold coordinates."""
        inner = len(z) - self.held
        return np.append(z[:inner], np.abs(z[inner:]))

    @property
    def dimension(self) -> int:
        """kappa: number of coordinates less zero modes."""
        return self.axes.shape[1]

    @property
    def finite(self) -> bool:
        """Whether a radius or a whole box limits the basin, so that it has a volume."""
        return bool(np.isfinite(self.radius)) or (self.box is not None and bool(np.isfinite(self.box).all()))

    def at(self, z: np.ndarray) -> Point | None:
        """The point, without a look at where it leads; None outside of radius and box, and where the loss is not
        finite."""
        x = self.minimum + self.axes @ z
        if np.isfinite(self.radius) and not np.linalg.norm(x - self.minimum) <= self.radius:
            return None
        if self.box is not None and not (np.all(x >= self.box[0]) and np.all(x <= self.box[1])):
            return None
        rise = self.model.value(x) - self.loss
        return Point(z, rise) if np.isfinite(rise) else None

    def holds(self, point: Point) -> bool:
        """Whether the way down from a point ends at the minimum."""
        self.descents += 1
        end = self.downhill.from_point(self.minimum + self.axes @ point.z)
        if end.status is not Status.CONVERGED:
            return False
        if not abs(end.loss - self.loss) < self.loss_tolerance:
            return False
        image = self.model.superposed(self.minimum, end.coordinates)
        return bool(np.linalg.norm(image - self.minimum) < self.tolerance)
