"""Starting points by name, as [starts] describes them: initialisations of networks, and designs that fill a box.

Glorot and Bengio (AISTATS 2010): uniform in [-a, a] with a = sqrt(6 / (inputs + outputs)). He, Zhang, Ren and Sun (ICCV
2015): normal with variance 2 / inputs. Saxe, McClelland and Ganguli (ICLR 2014): orthogonal matrices. Biases are 0 in
these three. Latin hypercube (McKay, Beckman and Conover, Technometrics 21, 239, 1979) and Sobol' points, scrambled, are
SciPy's.
"""

import math
import warnings

import numpy as np

from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.searchsettings import StartsSettings


def glorot(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Weights (inputs, outputs), uniform, whose variance is 2 / (inputs + outputs)."""
    half_width = math.sqrt(6.0 / sum(shape))
    return rng.uniform(-half_width, half_width, shape)


def he(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Weights (inputs, outputs), normal, whose variance is 2 / inputs."""
    return math.sqrt(2.0 / max(1, shape[0])) * rng.standard_normal(shape)


def orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Weights (inputs, outputs) with orthonormal rows or columns, whichever are fewer; all such are equally likely."""
    tall = rng.standard_normal((max(shape), min(shape)))
    columns, triangle = np.linalg.qr(tall)
    # Without the signs of the diagonal the distribution would be that of the algorithm (Mezzadri, Notices AMS 2007).
    columns *= np.sign(np.diag(triangle))
    return columns if shape[0] >= shape[1] else columns.T


_MOST_SOBOL = 21201  # of SciPy's direction numbers (Joe and Kuo, SIAM J. Sci. Comput. 30, 2635, 2008)
_WEIGHTS = {"glorot": glorot, "he": he, "orthogonal": orthogonal}


class Starts:
    """Numbered starts of one model; number n depends on the seed, the settings and n alone."""

    def __init__(self, model: LossModel, settings: StartsSettings, seed: int, total: int) -> None:
        """total: how many starts a design spreads over its box. ConfigError for too many coordinates for sobol."""
        self.model = model
        self.kind = settings.initialisation
        self.scale = settings.scale
        self.seed = seed
        self.total = total
        self._design: np.ndarray | None = None
        if self.kind == "sobol" and model.dimension > _MOST_SOBOL:
            raise ConfigError(
                f'[starts] initialisation "sobol" knows {_MOST_SOBOL} coordinates at most, and this model has '
                f'{model.dimension}: use "latin-hypercube"'
            )

    def point(self, number: int) -> np.ndarray:
        """Start `number`, from 0 to total - 1, of shape (N,)."""
        if self.kind in ("latin-hypercube", "sobol"):
            if self._design is None:
                self._design = self._spread()
            return self._design[number].copy()
        return self._random(generator(self.seed, "starts", number))

    def another(self, rng: np.random.Generator) -> np.ndarray:
        """A start beyond those that are numbered, (N,); of a design a uniform point of its box."""
        if self.kind in ("latin-hypercube", "sobol"):
            return rng.uniform(*self._box())
        return self._random(rng)

    def _random(self, rng: np.random.Generator) -> np.ndarray:
        if self.kind == "model":
            point = self.model.random_start(rng)
        elif self.kind == "uniform":
            point = rng.uniform(*self._box())
        elif self.kind == "normal":
            point = self.scale * rng.standard_normal(self.model.dimension)
        else:
            point = np.zeros(self.model.dimension)
            for weights, _ in self.model.fans():
                point[weights] = self.scale * _WEIGHTS[self.kind](weights.shape, rng)
        bounds = self.model.bounds()
        return point if bounds is None else np.clip(point, *bounds)

    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner, (N,): the bounds of the model where it has some, else the scale.

        Beyond a single bound that leaves nothing of [-scale, scale], as much as that.
        """
        half_width = np.full(self.model.dimension, self.scale)
        bounds = self.model.bounds()
        if bounds is None:
            return -half_width, half_width
        least, most = bounds
        lower = np.where(np.isfinite(least), least, -half_width)
        upper = np.where(np.isfinite(most), most, half_width)
        empty = lower >= upper
        return (
            np.where(empty & ~np.isfinite(least), upper - 2.0 * half_width, lower),
            np.where(empty & ~np.isfinite(most), lower + 2.0 * half_width, upper),
        )

    def _spread(self) -> np.ndarray:
        """All points of the design, (total, N)."""
        from scipy.stats import qmc

        # The keyword of the random numbers is seed for every SciPy; rng is new in 1.15.
        rng = generator(self.seed, "design", self.kind)
        lower, upper = self._box()
        if self.kind == "latin-hypercube":
            unit = qmc.LatinHypercube(self.model.dimension, seed=rng).random(self.total)
        else:
            with warnings.catch_warnings():
                # Only a power of two of them is balanced, which a search need not be.
                warnings.simplefilter("ignore", UserWarning)
                unit = qmc.Sobol(self.model.dimension, seed=rng).random(self.total)
        return lower + (upper - lower) * unit
