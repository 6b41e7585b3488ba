"""Gaussian-process regression: the negative logarithm of the marginal likelihood over its hyperparameters.

    L = y^T K^-1 y / 2 + sum_i ln C_ii + (n / 2) ln 2 pi,     K = C C^T      (over n with per_datum)
    K_ij = S rho(x_i, x_j) + [i = j] (N + jitter S)

(Rasmussen and Williams, Gaussian Processes for Machine Learning, MIT Press 2006, equation 5.8) for n targets y, scaled
as `target_scaling` says, and the correlations rho of `_gp_pairs`: squared exponential, Matern, rational quadratic,
periodic, and sums and products of two of them. Coordinates are logarithms: of the signal variance S, of the lengths
(one, or one for each feature), of alpha or the period, for each component in turn; last of the noise variance N. A
product has one signal variance, the first coordinate. Variances are in units of the scaled targets squared, lengths in
units of the scaled features, those of the periodic kernel pure numbers.

The box of bounds belongs to the model: without it most of these losses have no lowest value, or valleys that end
nowhere. Symmetry: two equal components may change places, otherwise none. The jitter, a share of the signal variance
added to the diagonal, is part of the model; where K is not positive definite all the same the loss is infinite, and a
search that begins there ends with the status not-positive-definite.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.spatial import cKDTree

from llcommon.config import setting, suggestion
from llcommon.errors import ConfigError
from llcommon.losses import _gp_export as export
from llcommon.losses._gp_hessian import gp_hessian, gp_hessian_vector, hessian_workspace, vector_workspace
from llcommon.losses._gp_kernels import gp_kernel, gradient_workspace
from llcommon.losses._gp_pairs import (
    MATERN12,
    MATERN32,
    MATERN52,
    PERIODIC,
    RATIONAL_QUADRATIC,
    SQUARED_EXPONENTIAL,
)
from llcommon.losses._scikit import with_scaling
from llcommon.losses.base import LossModel
from llcommon.seam import first_class
from llcommon.status import Status

_KINDS = {
    "squared-exponential": SQUARED_EXPONENTIAL,
    "matern12": MATERN12,
    "matern32": MATERN32,
    "matern52": MATERN52,
    "rational-quadratic": RATIONAL_QUADRATIC,
    "periodic": PERIODIC,
}
_SHAPES = {"rational-quadratic": "alpha", "periodic": "period"}
_BOUNDS = "smallest and largest"


def _components(kernel: str) -> list[str]:
    """The names of the one or two kernels of an expression; ValueError with the rest of a sentence."""
    sign = next((sign for sign in "+*" if sign in kernel), None)
    names = [name.strip() for name in kernel.split(sign)] if sign else [kernel.strip()]
    if len(names) > 2:
        raise ValueError(f'kernel must be one kernel, or two with + or * between them, not "{kernel}"')
    for name in names:
        if name not in _KINDS:
            raise ValueError(f'kernel "{kernel}": "{name}" is not a known kernel; {suggestion(name, _KINDS)}')
    if sign == "*" and names[0] == names[1] == "squared-exponential":
        raise ValueError(
            "kernel must not be a product of two squared exponentials, which is one again and leaves their lengths "
            "undetermined"
        )
    return names


@dataclass(frozen=True)
class GPParameters:
    """The `[loss]` table of a gp."""

    kernel: str = setting(
        "squared-exponential",
        help=f"covariance: one of {', '.join(_KINDS)}, or two of them with + or * between",
    )
    ard: bool = setting(False, help="one length for each feature (automatic relevance determination) instead of one")
    per_datum: bool = setting(False, help="whether the loss is divided by the number of rows")
    target_scaling: str = setting(
        "standardise",
        help="the target is shifted to mean 0 and scaled to variance 1, only shifted, or left as it is",
        choices=("standardise", "centre", "none"),
    )
    jitter: float = setting(
        1e-10, help="added to the diagonal, as a share of the signal variance, so that rounding leaves the covariance "
        "positive definite", minimum=0.0,
    )
    signal_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} signal variance; unset: 1e-3 and 1e3 times the mean square of the scaled target",
        above=0.0,
    )
    noise_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} noise variance; unset: 1e-4 and 10 times the mean square of the scaled target",
        above=0.0,
    )
    length_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} length, in units of the scaled features; unset: a quarter of the median distance of a "
        "row from the nearest other one, and 10 times the widest range of a feature", above=0.0,
    )
    alpha_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} alpha of rational-quadratic; unset: 0.1 and 100", above=0.0
    )
    period_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} period, in units of the scaled features; unset: twice the mean spacing of the values of "
        "the feature of the widest range, and twice that range", above=0.0,
    )
    periodic_length_bounds: list[float] | None = setting(
        None, help=f"{_BOUNDS} length of periodic, a pure number; unset: 0.3 and 10", above=0.0
    )

    def __post_init__(self):
        _components(self.kernel)
        for name in ("signal", "noise", "length", "alpha", "period", "periodic_length"):
            bounds = getattr(self, f"{name}_bounds")
            if bounds is not None and not (len(bounds) == 2 and bounds[0] < bounds[1]):
                raise ValueError(f"{name}_bounds must hold two numbers, the smaller one first, not {bounds}")


@dataclass(frozen=True)
class _Component:
    """One correlation. places: (P,) of its coordinates, lengths first; signal: place of its signal variance."""

    name: str
    kind: int
    signal: int
    places: np.ndarray
    lengths: int


class GP(LossModel):
    """Gaussian-process regression on a table of data; see the module's docstring."""

    name = "gp"
    Parameters = GPParameters
    suggested_step = 2.0

    def __init__(self, parameters: GPParameters, data) -> None:
        self.parameters = parameters
        self.data = data
        if data.targets is None:
            raise ConfigError(
                f"the target {data.target_name} holds classes, which a gp cannot fit: name a column of numbers by "
                "target in [data]"
            )
        self._inputs = data.inputs()
        rows, features = self._inputs.shape
        self.target_shift, self.target_scale = _target_scaling(data, parameters.target_scaling)
        self._targets = (data.targets - self.target_shift) / self.target_scale
        self._product = "*" in parameters.kernel
        self._parts = _parts(_components(parameters.kernel), self._product, features if parameters.ard else 1)
        self.dimension = int(self._parts[-1].places[-1]) + 2
        self._refuse_undetermined()
        self._bounds = self._box()
        # The valleys of a periodic covariance can be as narrow as 0.01 in the logarithm of the period.
        self.path_scale = 0.05 if any(part.kind == PERIODIC for part in self._parts) else 1.0
        self.likelihood_temperature = 1.0 / rows if parameters.per_datum else 1.0
        self.suggested_temperature = self.likelihood_temperature
        header = [rows, features, len(self._parts), int(self._product), int(parameters.per_datum)]
        for part in self._parts:
            header += [part.kind, part.lengths]
        self.integers = np.array(header, dtype=np.int64)
        self.reals = np.concatenate([[parameters.jitter], self._inputs.T.ravel(), self._targets])
        self.kernel = first_class(gp_kernel)
        self.hessian_kernel = first_class(gp_hessian)
        self.hessian_vector_kernel = first_class(gp_hessian_vector)
        most = max(len(part.places) for part in self._parts)
        sizes = (rows, features, len(self._parts), most)
        self._hessian_size = max(vector_workspace(*sizes), hessian_workspace(*sizes, self.dimension))
        self.workspace = np.empty(max(gradient_workspace(*sizes), vector_workspace(*sizes)))

    @classmethod
    def numeric_target(cls, table: dict) -> bool | None:
        return True

    def hessian_packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The packed arguments with the larger workspace of the dense Hessian, made at first need."""
        if self.workspace.size < self._hessian_size:
            self.workspace = np.empty(self._hessian_size)
        return self.packed

    # --- box --------------------------------------------------------------------------

    def _refuse_undetermined(self) -> None:
        """ConfigError for a product of exponentials of the same distance, which is one again."""
        names = {part.name for part in self._parts}
        one_distance = self._parts[0].lengths == 1
        if self._product and names == {"matern12"} and one_distance:
            raise ConfigError(
                "[loss] kernel must not be a product of two matern12 of one length each, which is one again and "
                "leaves their lengths undetermined"
            )

    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of the coordinates, each (N,)."""
        size = float(np.mean(self._targets**2))
        chosen = self.parameters
        intervals = np.empty((self.dimension, 2))
        noise = chosen.noise_bounds or [1e-4 * size, 10.0 * size]
        signal = chosen.signal_bounds or [1e-3 * size, 1e3 * size]
        intervals[-1] = noise
        for part in self._parts:
            intervals[part.signal] = signal
            lengths, shape = part.places[: part.lengths], part.places[part.lengths :]
            if part.kind == PERIODIC:
                intervals[lengths] = chosen.periodic_length_bounds or [0.3, 10.0]
                intervals[shape] = chosen.period_bounds or self._periods()
            else:
                intervals[lengths] = chosen.length_bounds or self._lengths()
                intervals[shape] = chosen.alpha_bounds or [0.1, 100.0]
        logarithms = np.log(intervals)
        return logarithms[:, 0].copy(), logarithms[:, 1].copy()

    def _lengths(self) -> list[float]:
        """Bounds of lengths: below the smallest rows know nothing of each other, above the largest all are alike."""
        rows = self._distinct_rows()
        distances = cKDTree(rows).query(rows, k=2)[0][:, 1]
        return [0.25 * float(np.median(distances)), 10.0 * float(np.ptp(rows, axis=0).max())]

    def _periods(self) -> list[float]:
        """Bounds of periods: shorter ones look like longer ones (Nyquist), longer ones do not come back."""
        rows = self._distinct_rows()
        widest = np.unique(rows[:, int(np.argmax(np.ptp(rows, axis=0)))])
        range_ = float(widest[-1] - widest[0])
        return [min(2.0 * range_ / (len(widest) - 1), range_), 2.0 * range_]

    def _distinct_rows(self) -> np.ndarray:
        """Distinct rows of scaled features; ConfigError if there is one only."""
        rows = np.unique(self._inputs, axis=0)
        if len(rows) < 2:
            source = self.data.source
            raise ConfigError(f"all rows of {source} have the same features, so a gp can learn nothing from them")
        return rows

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The box of the parameters, logarithms."""
        return self._bounds

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """A uniformly distributed point of the box: every hyperparameter log-uniform."""
        return rng.uniform(*self._bounds)

    def failure(self, x: np.ndarray) -> Status:
        """NOT_POSITIVE_DEFINITE where the covariance is finite and has no Cholesky factor."""
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = self._training_covariance(x)
        if not np.isfinite(covariance).all():
            return Status.NOT_FINITE
        try:
            cho_factor(covariance, lower=True)
        except LinAlgError:
            return Status.NOT_POSITIVE_DEFINITE
        return Status.NOT_FINITE

    # --- coordinates ------------------------------------------------------------------

    def coordinate_names(self) -> list[str]:
        """Quantities of which a coordinate is the logarithm; numbered by their component where there are two."""
        names = [""] * self.dimension
        names[-1] = "ln_noise_variance"
        for number, part in enumerate(self._parts, start=1):
            suffix = f"_{number}" if len(self._parts) > 1 else ""
            names[part.signal] = "ln_signal_variance" if self._product else f"ln_signal_variance{suffix}"
            for place, feature in zip(part.places[: part.lengths], self.data.feature_names, strict=False):
                of_feature = f"/{feature}" if self.parameters.ard else ""
                names[place] = f"ln_length{suffix}{of_feature}"
            for place in part.places[part.lengths :]:
                names[place] = f"ln_{_SHAPES[part.name]}{suffix}"
        return names

    def units(self) -> list[np.ndarray]:
        """Equal components, with their signal variances where each has one; else every coordinate by itself."""
        if not self._blocks:
            return super().units()
        inside = np.concatenate(self._blocks)
        alone = [np.array([place]) for place in range(self.dimension) if place not in inside]
        return [*self._blocks, *alone]

    # --- symmetry ---------------------------------------------------------------------

    @property
    def _blocks(self) -> list[np.ndarray]:
        """Coordinates of two equal components, (2, P); empty where there are none."""
        if len(self._parts) < 2 or self._parts[0].kind != self._parts[1].kind:
            return []
        if self._product:
            return [part.places for part in self._parts]
        return [np.concatenate([[part.signal], part.places]) for part in self._parts]

    def _swapped(self, x: np.ndarray) -> np.ndarray:
        first, second = self._blocks
        image = np.array(x, dtype=np.float64)
        image[first] = x[second]
        image[second] = x[first]
        return image

    def log_group_order(self) -> float:
        return float(np.log(2.0)) if self._blocks else 0.0

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        point = np.array(x, dtype=np.float64)
        return self._swapped(point) if self._swaps(reference, point) else point

    def _swaps(self, reference: np.ndarray, x: np.ndarray) -> bool:
        """Whether the image of x nearest to reference is not x itself."""
        if not self._blocks:
            return False
        return bool(np.linalg.norm(self._swapped(x) - reference) < np.linalg.norm(x - reference))

    def carried(self, reference: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray:
        if not self._swaps(reference, x):
            return np.array(points, dtype=np.float64)
        return np.array([self._swapped(point) for point in points]).reshape(-1, self.dimension)

    def canonical(self, x: np.ndarray) -> np.ndarray:
        point = np.array(x, dtype=np.float64)
        if not self._blocks:
            return point
        return min(point, self._swapped(point), key=lambda image: image.tolist())

    def embedding(self, x: np.ndarray) -> np.ndarray:
        """Half the sum of x and its image, and the size of half their difference."""
        point = np.array(x, dtype=np.float64)
        if not self._blocks:
            return point
        swapped = self._swapped(point)
        return np.concatenate([0.5 * (point + swapped), np.abs(0.5 * (point - swapped))])

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self._blocks and rng.random() < 0.5:
            return self._swapped(x)
        return np.array(x, dtype=np.float64)

    def asymmetric_directions(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Differences of two components that are equal at x."""
        if self.stabiliser_order(x, tolerance) == 1:
            return np.empty((0, self.dimension))
        first, second = self._blocks
        unit = np.eye(self.dimension)
        return (unit[first] - unit[second]) / np.sqrt(2.0)

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        if not self._blocks:
            return 1
        return 2 if np.abs(self._swapped(x) - x).max() <= tolerance else 1

    # --- predictions ------------------------------------------------------------------

    def _covariance(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Covariance of two sets of scaled feature rows, (m, d) and (k, d), without noise and jitter: (m, k)."""
        total = np.zeros((len(a), len(b)))
        for number, part in enumerate(self._parts):
            rho = _correlation(part, np.exp(x), a, b)
            if number and self._product:
                total *= rho
            else:
                total += np.exp(x[part.signal]) * rho
        return total

    def _signal(self, x: np.ndarray) -> float:
        """Prior variance of the function."""
        signals = {part.signal for part in self._parts}
        return float(sum(np.exp(x[place]) for place in signals))

    def _training_covariance(self, x: np.ndarray) -> np.ndarray:
        """K, (n, n)."""
        covariance = self._covariance(x, self._inputs, self._inputs)
        diagonal = self._signal(x) * (1.0 + self.parameters.jitter) + np.exp(x[-1])
        covariance[np.diag_indices_from(covariance)] = diagonal
        return covariance

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Mean of the target for raw feature rows, in its own units: (m, 1). NaN where K is not positive definite."""
        return self._posterior(x, features)[0]

    def predictive_variance(self, x: np.ndarray, features: np.ndarray, noise: bool = True) -> np.ndarray:
        """Variance of a new target for raw feature rows, in its own units: (m, 1).

        noise: of a measured target; False: of the function without noise. NaN where K is not positive definite.
        """
        return self.predictive(x, features, noise)[1]

    def predictive(self, x: np.ndarray, features: np.ndarray, noise: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Both by one factorisation of K."""
        mean, variance = self._posterior(x, features)
        return mean, variance + np.exp(x[-1]) * self.target_scale**2 if noise else variance

    def _posterior(self, x: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the function, each (m, 1) (Rasmussen and Williams 2006, algorithm 2.1)."""
        new = self.data.transform(features)
        try:
            factor = cho_factor(self._training_covariance(x), lower=True)
        except (LinAlgError, ValueError):
            unknown = np.full((len(new), 1), np.nan)
            return unknown, unknown
        between = self._covariance(x, self._inputs, new)
        mean = between.T @ cho_solve(factor, self._targets)
        explained = solve_triangular(factor[0], between, lower=True)
        variance = np.maximum(self._signal(x) - np.sum(explained**2, axis=0), 0.0)
        scaled = self.target_shift + self.target_scale * mean
        return scaled[:, None], (self.target_scale**2 * variance)[:, None]

    # --- in the terms of other programs -----------------------------------------------

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Hyperparameters by their names, without ln_; and the targets as they were scaled."""
        arrays = {name.removeprefix("ln_"): np.exp(x[place]) for place, name in enumerate(self.coordinate_names())}
        return {**arrays, "inputs": self._inputs, "targets": self._targets}

    def scikit_learn(self, x: np.ndarray):
        """GaussianProcessRegressor; None for kernels of several lengths that scikit-learn has with one only."""
        parts = []
        for part in self._parts:
            values = np.exp(x[part.places])
            shape = float(values[-1]) if part.name in _SHAPES else None
            parts.append(export.Summand(part.name, values[: part.lengths], shape))
        signals = [float(np.exp(x[place])) for place in sorted({part.signal for part in self._parts})]
        jitter = self.parameters.jitter * self._signal(x)
        scaling = (self.target_shift, self.target_scale)
        estimator = export.scikit_regressor(
            parts, signals, float(np.exp(x[-1])), jitter, self._inputs, self._targets, scaling
        )
        return None if estimator is None else with_scaling(self.data, estimator)


def _parts(names: list[str], product: bool, lengths: int) -> list[_Component]:
    """The components in the order of their coordinates."""
    parts = []
    place = 0
    for number, name in enumerate(names):
        signal = place
        if number and product:
            signal = 0
        else:
            place += 1
        size = lengths + (name in _SHAPES)
        parts.append(_Component(name, _KINDS[name], signal, np.arange(place, place + size), lengths))
        place += size
    return parts


def _target_scaling(data, scaling: str) -> tuple[float, float]:
    """Shift and scale of the target; ConfigError if it is constant and that matters."""
    if scaling == "none":
        return 0.0, 1.0
    shift = float(data.targets.mean())
    spread = float(np.sqrt(np.mean((data.targets - shift) ** 2)))
    if np.all(data.targets == data.targets[0]) or not spread > 0.0:
        raise ConfigError(
            f"the target {data.target_name} of {data.source} has the same value in all rows, so a gp can learn nothing "
            "from it: name another target in [data]"
        )
    return shift, spread if scaling == "standardise" else 1.0


def _correlation(part: _Component, values: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """rho of two sets of scaled feature rows, (m, d) and (k, d): (m, k). values: exp of the coordinates."""
    lengths = np.broadcast_to(values[part.places[: part.lengths]], a.shape[1])
    shape = values[part.places[-1]]
    q = np.zeros((len(a), len(b)))
    for k in range(a.shape[1]):
        difference = np.subtract.outer(a[:, k], b[:, k])
        if part.kind == PERIODIC:
            difference = 2.0 * np.sin(np.pi * difference / shape)
        q += (difference / lengths[k]) ** 2
    if part.kind in (SQUARED_EXPONENTIAL, PERIODIC):
        return np.exp(-0.5 * q)
    if part.kind == RATIONAL_QUADRATIC:
        return np.exp(-shape * np.log1p(q / (2.0 * shape)))
    order = {MATERN12: 1.0, MATERN32: 3.0, MATERN52: 5.0}[part.kind]
    s = np.sqrt(order * q)
    polynomial = {MATERN12: 1.0, MATERN32: 1.0 + s, MATERN52: 1.0 + s + s**2 / 3.0}[part.kind]
    return polynomial * np.exp(-s)
