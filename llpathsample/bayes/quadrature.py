"""Evidence and predictions of a posterior of up to three coordinates by quadrature over the box: the exact check.

The box is divided into cells, each with Gauss's rule of two points an axis. A cell is split in halves along every
axis. A quarter of what the sum over its parts differs from the whole by is taken for their error (for small cells it is
a fifteenth, as the rule is of the fourth order), and the parts of largest error are split until all errors together are
below a share of the integral. Cells around minima are split in any case until they are narrower than the peak, so that
none falls between points.
"""

from dataclasses import dataclass, field

import numpy as np

from llcommon.status import Status
from llpathsample.bayes.harmonic import Harmonic
from llpathsample.bayes.predictions import Scores, predictions_at, scores
from llpathsample.bayes.problem import Problem

MOST_COORDINATES = 3
TOLERANCE = 2e-3  # errors of all cells together, as a share of the integral
MOST_VALUES = 400_000
_DIVISIONS = 8  # of each axis, at first
_LEFT_OUT = 1e-4  # weight of the points of least weight, all together, that predict nothing
_OF_DIFFERENCE = 0.25
_NODES = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(3.0)


@dataclass(frozen=True)
class Quadrature:
    """log_evidence: ln of the integral of exp(-L / T) over the box; log_error: bound of its error by the estimates of
    all cells. values: how often L was computed. scores: of the predictions."""

    status: Status
    log_evidence: float
    log_error: float
    values: int
    scores: Scores


@dataclass
class _Cells:
    """lower, widths: (c, N). logarithms: (c, 2^N) of the density at the nodes less its `shift`. errors: (c,)."""

    lower: np.ndarray
    widths: np.ndarray
    logarithms: np.ndarray
    errors: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def integrals(self) -> np.ndarray:
        return np.exp(self.logarithms).mean(axis=1) * self.widths.prod(axis=1)


def quadrature(problem: Problem, density: Harmonic) -> Quadrature:
    """Evidence and scores. ValueError for more than MOST_COORDINATES coordinates."""
    dimension = problem.model.dimension
    if dimension > MOST_COORDINATES:
        raise ValueError(f"quadrature is for at most {MOST_COORDINATES} coordinates, not {dimension}")
    shift = -problem.minima[0].loss / problem.temperature
    cells = _first(problem, shift)
    cells = _split(problem, cells, np.ones(len(cells.lower), dtype=bool), shift)
    for peak in density.peaks:
        cells = _around(problem, cells, peak, shift)
    values = 0
    while True:
        values = cells.logarithms.size
        total, error = cells.integrals.sum(), cells.errors.sum()
        if error <= TOLERANCE * total or values > MOST_VALUES:
            break
        order = np.argsort(-cells.errors, kind="stable")
        rest = error - np.cumsum(cells.errors[order])
        chosen = np.zeros(len(order), dtype=bool)
        chosen[order[: int(np.argmax(rest <= 0.5 * TOLERANCE * total)) + 1]] = True
        cells = _split(problem, cells, chosen, shift)
    return Quadrature(
        status=Status.CONVERGED if error <= TOLERANCE * total else Status.UNRELIABLE,
        log_evidence=float(np.log(total) + shift),
        log_error=float(error / total),
        values=values,
        scores=_scores(problem, cells),
    )


def _offsets(dimension: int) -> np.ndarray:
    """Nodes of the cell [0, 1]^N, (2^N, N)."""
    return np.stack(np.meshgrid(*[_NODES] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)


def _nodes(cells: _Cells) -> np.ndarray:
    """(c 2^N, N)."""
    dimension = cells.lower.shape[1]
    points = cells.lower[:, None, :] + cells.widths[:, None, :] * _offsets(dimension)
    return points.reshape(-1, dimension)


def _valued(problem: Problem, lower: np.ndarray, widths: np.ndarray, shift: float) -> _Cells:
    cells = _Cells(lower, widths, np.empty(0))
    cells.logarithms = (problem.log_posterior(_nodes(cells)) - shift).reshape(len(lower), -1)
    return cells


def _first(problem: Problem, shift: float) -> _Cells:
    lower, upper = problem.box
    size = (upper - lower) / _DIVISIONS
    places = np.stack(np.meshgrid(*[np.arange(_DIVISIONS)] * len(lower), indexing="ij"), axis=-1)
    corners = lower + places.reshape(-1, len(lower)) * size
    cells = _valued(problem, corners, np.tile(size, (len(corners), 1)), shift)
    cells.errors = np.full(len(corners), np.inf)
    return cells


def _split(problem: Problem, cells: _Cells, chosen: np.ndarray, shift: float) -> _Cells:
    """The cells, the chosen ones (c,) in 2^N parts each."""
    dimension = cells.lower.shape[1]
    halves = 0.5 * cells.widths[chosen]
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)
    lower = (cells.lower[chosen][:, None, :] + corners * halves[:, None, :]).reshape(-1, dimension)
    parts = _valued(problem, lower, np.repeat(halves, len(corners), axis=0), shift)
    sums = parts.integrals.reshape(-1, len(corners)).sum(axis=1)
    parts.errors = np.repeat(_OF_DIFFERENCE * np.abs(sums - cells.integrals[chosen]) / len(corners), len(corners))
    kept = ~chosen
    return _Cells(
        np.concatenate([cells.lower[kept], parts.lower]),
        np.concatenate([cells.widths[kept], parts.widths]),
        np.concatenate([cells.logarithms[kept], parts.logarithms]),
        np.concatenate([cells.errors[kept], parts.errors]),
    )


def _around(problem: Problem, cells: _Cells, peak, shift: float) -> _Cells:
    """The cells that hold the centre of a peak split until they are narrower than it along every free coordinate."""
    scales = np.sqrt((peak.root**2).sum(axis=1))
    for _ in range(12):
        upper = cells.lower + cells.widths
        holds = ((cells.lower <= peak.centre) & (peak.centre <= upper)).all(axis=1)
        wide = (cells.widths[:, peak.free] > scales).any(axis=1)
        if not (holds & wide).any():
            break
        cells = _split(problem, cells, holds & wide, shift)
    return cells


def _scores(problem: Problem, cells: _Cells) -> Scores:
    volumes = np.log(cells.widths.prod(axis=1))
    weights = (cells.logarithms + volumes[:, None]).ravel()
    shares = np.exp(weights - weights.max())
    order = np.argsort(shares, kind="stable")
    kept = np.sort(order[np.searchsorted(np.cumsum(shares[order]), _LEFT_OUT * shares.sum()) :])
    return scores(predictions_at(problem, _nodes(cells)[kept], weights[kept]), problem.targets)
