"""Steps between minima: the kinds of displacement of which basin-hopping and genetic searches choose.

Each takes a minimum, (N,), and gives a point to quench. `step` is the largest displacement of one coordinate under
`uniform`; other kinds are scaled so that the same step size means about the same length.
"""

import math

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.curvature import spectrum
from llcommon.searchsettings import SearchSettings
from llcommon.settings import CurvatureSettings

# Moves that need other minima than the one they start from.
USES_OTHERS = frozenset({"crossover", "swap"})
# Root mean square of a uniform number in [-1, 1].
_UNIFORM_RMS = 1.0 / math.sqrt(3.0)


def mixed(x: np.ndarray, other: np.ndarray, units: list[np.ndarray], taken: np.ndarray) -> np.ndarray:
    """x with the coordinates of those units of `other` that `taken`, bool (units,), names."""
    child = x.copy()
    for unit in np.flatnonzero(taken):
        child[units[unit]] = other[units[unit]]
    return child


class Moves:
    """Chooses and makes steps for one model under the [search] settings."""

    def __init__(self, model: LossModel, search: SearchSettings, curvature: CurvatureSettings) -> None:
        self.model = model
        self.curvature = curvature
        self.soft_modes = search.soft_modes
        self.names = list(model.suggested_moves if search.moves is None else search.moves)
        self.weights = None
        if search.moves is not None and search.move_weights is not None:
            self.weights = np.array(search.move_weights) / sum(search.move_weights)
        self.layers = model.layers()
        self.units = model.units()
        self._modes: tuple[bytes, np.ndarray] | None = None

    def propose(self, x: np.ndarray, step: float, pool: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A point to quench, (N,), away from the minimum x, (N,), within the bounds of the model.

        pool: other minima, (k, N), for those kinds of step that need one; without any they step uniformly.
        """
        name = self.names[0]
        if len(self.names) > 1:
            name = self.names[rng.choice(len(self.names), p=self.weights)]
        if name in USES_OTHERS and not len(pool):
            name = "uniform"
        point = getattr(self, "_" + name.replace("-", "_"))(x, step, pool, rng)
        bounds = self.model.bounds()
        return point if bounds is None else np.clip(point, *bounds)

    def _uniform(self, x, step, pool, rng) -> np.ndarray:
        return x + rng.uniform(-step, step, size=x.size)

    def _gaussian(self, x, step, pool, rng) -> np.ndarray:
        """Normal displacements of the length of uniform ones."""
        return x + step * _UNIFORM_RMS * rng.standard_normal(x.size)

    def _layer(self, x, step, pool, rng) -> np.ndarray:
        """Uniform displacements in proportion to the root mean square of their layer; of the same length in all."""
        scales = np.empty(x.size)
        for places in self.layers:
            scales[places] = math.sqrt(float(np.mean(x[places] ** 2)))
        length = math.sqrt(float(np.mean(scales**2)))
        if length == 0.0:
            return self._uniform(x, step, pool, rng)
        return x + rng.uniform(-step, step, size=x.size) * scales / length

    def _group(self, x, step, pool, rng) -> np.ndarray:
        """Uniform displacements of one unit alone."""
        places = self.units[rng.integers(len(self.units))]
        point = x.copy()
        point[places] += rng.uniform(-step, step, size=places.size)
        return point

    def _redraw(self, x, step, pool, rng) -> np.ndarray:
        """One unit as in a random start."""
        places = self.units[rng.integers(len(self.units))]
        point = x.copy()
        point[places] = self.model.random_start(rng)[places]
        return point

    def _partner(self, x, pool, rng) -> np.ndarray:
        """One of the other minima, aligned."""
        return self.model.align(x, pool[rng.integers(len(pool))].copy())

    def _crossover(self, x, step, pool, rng) -> np.ndarray:
        """Each unit from x or from another minimum; at least one from either where there are two."""
        other = self._partner(x, pool, rng)
        taken = rng.random(len(self.units)) < 0.5
        if taken.all() or not taken.any():
            place = rng.integers(len(self.units))
            taken[place] = not taken[place]
        return mixed(x, other, self.units, taken)

    def _swap(self, x, step, pool, rng) -> np.ndarray:
        """One unit of x replaced by any unit, of the same shape, of another minimum."""
        other = self._partner(x, pool, rng)
        places = self.units[rng.integers(len(self.units))]
        alike = [unit for unit in self.units if unit.size == places.size]
        point = x.copy()
        point[places] = other[alike[rng.integers(len(alike))]]
        return point

    def _soft_mode(self, x, step, pool, rng) -> np.ndarray:
        """Along a random combination of the softest eigenvectors at x; of the length of uniform steps."""
        modes = self._softest(x)
        direction = rng.standard_normal(len(modes)) @ modes
        length = step * _UNIFORM_RMS * math.sqrt(x.size)
        return x + direction * (length / max(float(np.linalg.norm(direction)), 1e-300))

    def _softest(self, x: np.ndarray) -> np.ndarray:
        """Eigenvectors of the lowest curvature at x, rows; a chain often steps from one minimum several times."""
        key = x.tobytes()
        if self._modes is None or self._modes[0] != key:
            found = spectrum(self.model, x, self.curvature, vectors=True)
            self._modes = (key, found.vectors.T[: self.soft_modes].copy())
        return self._modes[1]
