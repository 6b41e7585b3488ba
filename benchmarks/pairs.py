"""Minima to begin with, and random pairs of them."""

import itertools
from collections.abc import Iterator

import numpy as np

from benchmarks import ours, scipy_numpy, verification
from benchmarks import suite as original
from benchmarks.environment import Suite
from benchmarks.problem import Problem

LOWEST_KNOWN = {1e-4: 0.02254296086}
_FEW = 10  # minima, below which pairs are made of random symmetry images


def check_same_problem(problem: Problem, found: original.BasinHopping) -> None:
    """The NumPy loss of GMIN's coordinates is GMIN's energy to all ten digits it prints.

    Raises AssertionError otherwise: the programs would not be solving the same problem.
    """
    loss = scipy_numpy.NumpyLoss(problem)
    for printed, minimum in zip(found.losses, found.minima, strict=True):
        value, _ = loss(minimum)
        last_digit = 10.0 ** (np.floor(np.log10(printed)) - 9)
        if abs(value - printed) > 0.6 * last_digit:
            raise AssertionError(f"GMIN prints {printed:.11f} where the NumPy loss is {value:.13f}")


def gmin_minima(suite: Suite, problem: Problem, steps: int = 300) -> list[np.ndarray]:
    """Distinct minima in increasing loss, from one long GMIN walk that must reach the lowest loss known.

    GMIN takes minima within 1e-6 in loss for one. Points that `verification` does not call minima are left out.
    """
    found = original.gmin_basin_hopping(suite, problem, steps, updates=100, seed=3, final_tolerance=1e-9)
    check_same_problem(problem, found)
    lowest = LOWEST_KNOWN.get(problem.regularisation)
    if lowest is not None and abs(found.lowest - lowest) > 1e-10:
        raise AssertionError(f"GMIN's lowest loss is {found.lowest:.11f}, not {lowest}")
    return [x for x in found.distinct() if verification.verify(problem, x).is_minimum]


def random_pairs(problem: Problem, minima: list[np.ndarray], number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Different pairs, a lower minimum first, the other aligned onto it; drawn with a fixed seed.

    Fewer than `number` if there are no more.
    """
    rng = np.random.default_rng(0)
    places = list(itertools.combinations(range(len(minima)), 2))
    rng.shuffle(places)
    return [(minima[a], problem.align(minima[a], minima[b])) for a, b in places[:number]]


def endless_pairs(problem: Problem, minima: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random pairs of minima, aligned; of fewer than ten minima random symmetry images, not aligned.

    Drawn with a fixed seed; a landscape that has few minima still has them in very many places.
    """
    rng = np.random.default_rng(1)
    model = ours.model_of(problem)
    while True:
        a, b = rng.choice(len(minima), size=2, replace=len(minima) < _FEW)
        if len(minima) < _FEW:
            yield minima[a], model.random_image(minima[b], rng)
        else:
            yield minima[a], model.align(minima[a], minima[b])
