"""A plane through weight space: the loss on it, and minima, transition states and training runs projected onto it.

A point of the plane is origin + a d_1 + b d_2; the projection of x is the nearest such point, (a, b) by least squares,
and its distance from the plane is what is lost. Directions:

- through three minima: orthonormal, d_1 from the first to the second
- modes: eigenvectors of the Hessian at a minimum, the softest or the hardest two across zero modes
- principal: the two directions that hold most of the squared distances of points from the origin, from a singular value
  decomposition; of a training run as in section 7 of Li et al.
- filter: Gaussian directions of which the weights into each unit, its bias with them, have the length that they have at
  the origin (H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, NeurIPS 31, 6389, 2018, section 4), which makes the
  sharpness of networks whose scale is free comparable; random: of the length of the origin as a whole

In many dimensions a plane shows little: two random directions miss every other minimum. How far off points are is part
of the result.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from llcommon.errors import InputError
from llcommon.losses.base import LossModel
from llcommon.store import Landscape

_PARALLEL = 1e-9  # sine of the angle below which two directions span no plane


@dataclass(frozen=True)
class Plane:
    """origin: (N,). directions: (2, N), independent. names: of the two axes."""

    origin: np.ndarray
    directions: np.ndarray
    names: tuple[str, str]

    @property
    def orthonormal(self) -> bool:
        """Whether a and b are distances at right angles."""
        return bool(np.abs(self.directions @ self.directions.T - np.eye(2)).max() < 1e-9)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (k, 2) of points (k, N), and their distances from the plane, (k,)."""
        away = points - self.origin
        places = np.linalg.lstsq(self.directions.T, away.T, rcond=None)[0].T
        return places, np.linalg.norm(away - places @ self.directions, axis=1)

    def points(self, places: np.ndarray) -> np.ndarray:
        """Points (k, N) of places (k, 2)."""
        return self.origin + places @ self.directions

    def share_of_variance(self, points: np.ndarray) -> float:
        """Of the squared distances of points (k, N) from their mean, the share in the plane; NaN if they coincide."""
        spread = points - points.mean(axis=0)
        total = float(np.square(spread).sum())
        basis = np.linalg.qr(self.directions.T)[0]
        return float(np.square(spread @ basis).sum()) / total if total > 0.0 else float("nan")


@dataclass(frozen=True)
class Surface:
    """a: (m,), b: (n,). loss: (n, m), NaN where it is not finite or outside the bounds of the model."""

    a: np.ndarray
    b: np.ndarray
    loss: np.ndarray


def surface(model: LossModel, plane: Plane, a: np.ndarray, b: np.ndarray, report=lambda done: None) -> Surface:
    """The loss on a grid of the plane. report: called with how many rows are done."""
    bounds = model.bounds()
    losses = np.full((len(b), len(a)), np.nan)
    for row, height in enumerate(b.tolist()):
        for column, x in enumerate(plane.points(np.column_stack([a, np.full(len(a), height)]))):
            if bounds is None or ((x >= bounds[0]) & (x <= bounds[1])).all():
                with np.errstate(all="ignore"):
                    losses[row, column] = model.value(x)
        report(row + 1)
    losses[~np.isfinite(losses)] = np.nan
    return Surface(a, b, losses)


# --- directions -----------------------------------------------------------------------------------


def through_minima(landscape: Landscape, minima: tuple[int, int, int]) -> Plane:
    """Through a minimum as it is stored and the images of two others nearest to it; InputError if these lie on a
    line."""
    first, second, third = (landscape.minima.coordinates[minimum].copy() for minimum in minima)
    across = [landscape.model.align(first, point) - first for point in (second, third)]
    one = across[0] / np.linalg.norm(across[0])
    rest = across[1] - (across[1] @ one) * one
    if np.linalg.norm(rest) <= _PARALLEL * np.linalg.norm(across[1]):
        names = ", ".join(map(str, minima))
        raise InputError(f"minima {names} lie on a line, which makes no plane; name others by --minima")
    directions = np.array([one, rest / np.linalg.norm(rest)])
    return Plane(first, directions, (f"distance from {minima[0]} towards {minima[1]}", "distance across"))


def by_modes(model: LossModel, x: np.ndarray, hardest: bool) -> tuple[Plane, np.ndarray]:
    """By two eigenvectors at x, (N,), and their eigenvalues, the first that of the softest, or hardest; InputError if
    the model has fewer."""
    hessian = model.hessian(x)
    zero = model.zero_modes(x)
    across = np.linalg.svd(zero)[2][len(zero) :].T if len(zero) else np.eye(len(x))
    count = across.shape[1]
    if count < 2:
        raise InputError("the model has a single mode, which makes no plane")
    wanted = [count - 2, count - 1] if hardest else [0, 1]
    values, vectors = eigh(across.T @ hessian @ across, subset_by_index=wanted)
    directions = (across @ vectors).T
    # The sign of an eigenvector is the solver's choice.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[[0, 1], largest])[:, None]
    if hardest:
        values, directions = values[::-1], directions[::-1]
    kind = "hardest" if hardest else "softest"
    numbered = zip(("", "next "), values, strict=True)
    names = tuple(f"{order}{kind} mode, $\\lambda$ = {value:.3g}" for order, value in numbered)
    return Plane(x.copy(), directions, names), values


def principal(points: np.ndarray, origin: np.ndarray, what: str) -> tuple[Plane, np.ndarray]:
    """By the principal directions of points (k, N) about the origin, and the shares of the squared distances that the
    two hold; InputError if the points span no plane with it. what: what the points are."""
    _, sizes, rows = np.linalg.svd(points - origin, full_matrices=False)
    if len(sizes) < 2 or sizes[1] <= _PARALLEL * sizes[0] or sizes[0] == 0.0:
        raise InputError(f"the {what} span no plane; there must be two at least, not on a line with the origin")
    shares = sizes[:2] ** 2 / np.square(sizes).sum()
    directions = rows[:2]
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[[0, 1], largest])[:, None]
    names = tuple(f"principal direction {k + 1} of {what} ({100.0 * shares[k]:.3g} %)" for k in range(2))
    return Plane(origin.copy(), directions, names), shares


def random_directions(model: LossModel, x: np.ndarray, rng: np.random.Generator, by_filter: bool) -> Plane:
    """Two Gaussian directions, as long as x as a whole or, by_filter, in the weights of every unit (Li et al. 2018)."""
    directions = rng.standard_normal((2, len(x)))
    sets = [np.arange(len(x))]
    if by_filter:
        sets = [
            np.append(inputs[:, unit], biases[unit : unit + 1])
            for inputs, biases in model.fans()
            for unit in range(inputs.shape[1])
        ]
    for places in sets:
        lengths = np.linalg.norm(directions[:, places], axis=1)
        directions[:, places] *= (np.linalg.norm(x[places]) / lengths)[:, None]
    kind = "filter-normalised" if by_filter else "random"
    return Plane(x.copy(), directions, (f"{kind} direction 1", f"{kind} direction 2"))


# --- training runs --------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlignedRun:
    """A training run as one body. run: its number. label: of its kind. points: (k, N). epochs, losses: (k,).

    carried: whether one operation of the model moved all of it; otherwise each point was aligned to the next one, and
    shortened tells of how many steps that changed the length, so that the image was not the same.
    """

    run: int
    label: str
    points: np.ndarray
    epochs: np.ndarray
    losses: np.ndarray
    carried: bool
    shortened: int


def aligned_run(
    model: LossModel, origin: np.ndarray, trained: Landscape, run: int, label: str, by_minimum: bool = True
) -> AlignedRun:
    """A run of `trained`, turned so that the minimum below its end is nearest to the origin; so that the end itself is,
    if there is none or not `by_minimum`."""
    table = trained.training
    rows = np.flatnonzero(table.run == run)
    points = np.array(table.coordinates[rows])
    minimum = int(table.minimum[rows[-1]])
    end = points[-1].copy()
    if by_minimum and minimum >= 0:
        # The stored image of a minimum that several runs find is that of one of them.
        end = model.align(end, np.array(trained.minima.coordinates[minimum]))
    moved = model.carried(origin, end, points)
    shortened = 0
    carried = moved is not None
    if not carried:
        moved = points.copy()
        following = model.align(origin, end)
        for place in range(len(points) - 1, -1, -1):
            moved[place] = following = model.align(following, points[place])
        before, after = (np.linalg.norm(np.diff(path, axis=0), axis=1) for path in (points, moved))
        shortened = int((after < before * (1.0 - 1e-9)).sum())
    return AlignedRun(run, label, moved, table.epoch[rows], table.loss[rows], carried, shortened)
