"""Curvature and changes of the loss at all minima of a landscape, in several processes; nothing depends on how many."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.store import Landscape
from llpathsample.robustness.curvature import Curvature, curvature, largest_eigenvalue
from llpathsample.robustness.inputs import InputNoise, under_noise
from llpathsample.robustness.perturbation import Change, changes

_SHARES = (0.01, 0.05, 0.2)  # radii, in units of the median length of the minima
_ALPHA_SHARE = 1e-3  # of the largest eigenvalue, where no penalty says what is soft


@dataclass(frozen=True)
class Plan:
    """radii: rising. relative: whether they are in units of the length of each minimum. samples: pairs of opposite
    displacements. gaussian: whether their lengths vary. alpha: of the effective dimension. inputs: noise on features,
    None for none."""

    radii: tuple[float, ...]
    relative: bool
    samples: int
    gaussian: bool
    alpha: float
    seed: int
    inputs: InputNoise | None = None


@dataclass(frozen=True)
class Robustness:
    """What there is to know of one minimum; its eigenvectors and Hessian are gone. noisy: (mean, standard error) for
    each sigma of the noise on inputs."""

    minimum: int
    curvature: Curvature
    changes: list[Change]
    noisy: list[tuple[float, float]] = field(default_factory=list)


class _Process:
    """What a process keeps between its tasks."""

    def __init__(self, model: LossModel, settings: Settings, plan: Plan) -> None:
        self.model, self.settings, self.plan = model, settings, plan
        rng = generator(plan.seed, "robustness", "directions")
        self.normal = rng.standard_normal((plan.samples, model.dimension))


def _start(model: LossModel, settings: Settings, plan: Plan) -> None:
    global _process
    _process = _Process(model, settings, plan)


def _examined(minimum: int, x: np.ndarray, active: np.ndarray | None, lowest: float) -> Robustness:
    model, plan = _process.model, _process.plan
    found = curvature(model, x, active, lowest, plan.alpha, _process.settings.curvature)
    noisy = [] if plan.inputs is None else under_noise(model, model.data, x, plan.inputs)
    if not found.dimension or not np.isfinite(found.trace.value):
        return Robustness(minimum, _light(found), [], noisy)
    radii = (found.norm if plan.relative else 1.0) * np.array(plan.radii)
    rows = changes(model, x, active, found, radii, _process.normal, plan.gaussian)
    return Robustness(minimum, _light(found), rows, noisy)


def _light(found: Curvature) -> Curvature:
    return replace(found, leading=found.leading[:0], hessian=None)


def suggested_alpha(landscape: Landscape) -> float:
    """The curvature of the penalty on most weights; without one a thousandth of the largest at the global minimum."""
    penalty = float(np.max(landscape.model.penalty_curvature()))
    if penalty > 0.0:
        return penalty
    lowest = landscape.global_minimum()
    x, active = _point(landscape, lowest)
    largest = largest_eigenvalue(landscape.model, x, active, landscape.settings.curvature)
    return _ALPHA_SHARE * largest if largest > 0.0 else 1.0


def suggested_radii(landscape: Landscape, minima: np.ndarray, relative: bool) -> tuple[float, ...]:
    """1, 5 and 20 % of the median length of some minima, to two digits; as shares if relative."""
    if relative:
        return _SHARES
    length = float(np.median(np.linalg.norm(landscape.minima.coordinates[minima], axis=1)))
    length = length if length > 0.0 else 1.0
    return tuple(float(f"{share * length:.2g}") for share in _SHARES)


def _point(landscape: Landscape, minimum: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Coordinates and held coordinates of a minimum."""
    row = landscape.minimum(minimum)
    return np.array(row.coordinates), None if row.active is None else np.array(row.active)


def examine(
    landscape: Landscape,
    minima: np.ndarray,
    plan: Plan,
    jobs: int,
    stopped: Callable[[], bool],
    report: Callable[[int], object],
) -> list[Robustness]:
    """The minima of these ids, in their order. stopped: whether to end with what is done; report(done)."""
    found: list[Robustness] = []

    def take(number: int, result: object) -> None:
        found.append(result)
        report(number + 1)

    lowest = landscape.minima.smallest_eigenvalue
    tasks = [
        lambda minimum=minimum: (minimum, *_point(landscape, minimum), float(lowest[minimum]))
        for minimum in minima.tolist()
    ]
    arguments = (landscape.model, landscape.settings, plan)
    if tasks:
        run_in_order(_start, arguments, _examined, tasks, jobs, stopped, take)
    return found
