"""Weights of basins by sampling, against closed forms, quadrature on a grid, and counts of random starts."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from llcommon.losses import build
from llcommon.optimise.quench import Quencher
from llcommon.settings import Settings
from llcommon.status import Status
from llpathsample.structure.basin import Basin
from llpathsample.structure.sampling import Plan, count_hits, sample_basins
from llpathsample.structure.volume import estimate, ladder_of, population
from tests.networks import himmelblau


def sampled(model, minimum, temperature, radius=None, count=24, populations=10, seed=1, moves=2):
    basin = Basin(model, Settings(model.name, {}), np.array(minimum, dtype=float), radius)
    assert basin.status is Status.CONVERGED
    ladder = ladder_of(basin, temperature, moves, seed, 0)
    found = [population(basin, ladder, count, seed, 0, number) for number in range(populations)]
    return estimate(basin.dimension, basin.log_determinant, basin.held, temperature, ladder, found, count)


def within(found, expected):
    """Whether an estimate is right within its error; that of ten populations follows Student's law."""
    assert 0.0 < found.error < 0.5
    return abs(found.log_integral - expected) < 3.5 * found.error


def rastrigin(dimension, **box):
    return build("rastrigin", {"dimension": dimension, **box})


def cell():
    """Half the width of the cell of Rastrigin's central minimum: where its derivative is zero next."""
    return brentq(lambda x: 2.0 * x + 20.0 * np.pi * np.sin(2.0 * np.pi * x), 0.4, 0.6)


@pytest.mark.parametrize("dimension", [1, 6])
def test_the_volume_of_a_cell(dimension):
    found = sampled(rastrigin(dimension), np.zeros(dimension), np.inf)
    assert within(found, dimension * np.log(2.0 * cell()))
    assert found.log_ratio == -np.inf


def test_the_volume_of_a_ball_inside_a_basin():
    found = sampled(rastrigin(8), np.zeros(8), np.inf, radius=0.35)
    assert within(found, 4.0 * np.log(np.pi) - gammaln(5.0) + 8.0 * np.log(0.35))


@pytest.mark.parametrize("temperature", [0.5, 8.0])
def test_the_integral_over_a_cell(temperature):
    # Rastrigin's is a sum over coordinates, and so is ln of the integral.
    loss = lambda x: x * x + 10.0 * (1.0 - np.cos(2.0 * np.pi * x))  # noqa: E731
    one = quad(lambda x: np.exp(-loss(x) / temperature), -cell(), cell())[0]
    found = sampled(rastrigin(5), np.zeros(5), temperature)
    assert within(found, 5.0 * np.log(one))
    curvature = 2.0 + 40.0 * np.pi**2
    assert found.log_harmonic == pytest.approx(2.5 * np.log(2.0 * np.pi * temperature / curvature))


def test_a_harmonic_bowl_cut_off_by_a_radius():
    # So cold that only the bowl matters; the cut takes some of it away.
    temperature, radius, dimension = 1e-4, 1.3e-3, 6
    found = sampled(rastrigin(dimension), np.zeros(dimension), temperature, radius=radius)
    stiffness = (2.0 + 40.0 * np.pi**2) / temperature
    inside = gammainc(0.5 * dimension, 0.5 * stiffness * radius**2)
    assert inside < 0.9
    assert within(found, found.log_harmonic + np.log(inside))


@dataclasses.dataclass
class Grid:
    """Where each square of a grid over [-5, 5]^2 leads on Himmelblau's surface, and how far it lies above."""

    model: object
    minima: list
    places: np.ndarray
    rises: np.ndarray

    def integral(self, place: int, temperature: float) -> float:
        """Of exp(-rise / T) over the basin of a minimum, by the middles of the squares."""
        return float(np.exp(-self.rises[self.places == place] / temperature).sum()) * 100.0 / len(self.rises)


@pytest.fixture(scope="module")
def grid():
    model = build("himmelblau", {"lower": [-5.0], "upper": [5.0]})
    minima = [x for x, _, index in model.known_points() if index == 0]
    downhill = Basin(model, Settings("himmelblau", {}), minima[0]).downhill
    middles = np.arange(-5.0, 5.0, 0.4) + 0.2
    points = [np.array([x, y]) for x in middles for y in middles]
    ends = [downhill.from_point(point).coordinates for point in points]
    places = np.array([np.argmin(np.linalg.norm(np.array(minima) - end, axis=1)) for end in ends])
    return Grid(model, minima, places, np.array([model.value(point) for point in points]))


@pytest.mark.parametrize("temperature", [np.inf, 60.0])
def test_himmelblau_by_a_grid(grid, temperature):
    for place, minimum in enumerate(grid.minima):
        found = sampled(grid.model, minimum, temperature)
        # The grid's own error is that of its squares along the edges of basins.
        expected = np.log(grid.integral(place, temperature))
        assert abs(found.log_integral - expected) < 3.5 * found.error + 0.04


@pytest.mark.parametrize("temperature", [np.inf, 3.0])
def test_a_minimum_on_a_side_and_one_in_a_corner(temperature):
    # Himmelblau's basin of (3, 2), cut by a box inside it, is that box.
    for lowest, held in (([3.2, 0.5], 1), ([3.2, 2.3], 2)):
        model = build("himmelblau", {"lower": lowest, "upper": [3.8, 2.8]})
        loss = lambda x, y: model.value(np.array([x, y]))  # noqa: E731, B023
        side = Quencher(model, Settings("himmelblau", {}).quench).quench(np.array([3.5, 2.5])).coordinates
        assert (side == lowest).sum() == held
        least = loss(*side)
        weight = lambda y, x: np.exp(-(loss(x, y) - least) / temperature)  # noqa: E731, B023
        expected = np.log(dblquad(weight, lowest[0], 3.8, lowest[1], 2.8)[0])
        found = sampled(model, side, temperature)
        assert within(found, expected)
        assert np.isnan(found.log_harmonic)


def test_double_wells_do_not_count_each_other():
    model = build("double-well", {"dimension": 3})
    found = sampled(model, [1.0, 0.0, 0.0], 0.3)
    k = model.hessian(np.array([1.0, 0.0, 0.0]))[1, 1]
    across = np.log(2.0 * np.pi * 0.3 / k)
    along = quad(lambda x: np.exp(-((x * x - 1.0) ** 2) / 0.3), 0.0, 6.0)[0]
    assert within(found, np.log(along) + across)


def test_a_cluster_of_atoms_turns_freely_but_is_not_its_mirror_image():
    model = build("lj", {"atoms": 4})
    tetrahedron = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    minimum = (2.0 ** (1.0 / 6.0) / np.sqrt(8.0) * tetrahedron).ravel()
    basin = Basin(model, Settings("lj", {}), minimum)
    assert basin.dimension == 6
    assert basin.holds(basin.at(np.full(6, 0.3)))
    turned = minimum.reshape(4, 3) @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) + 0.3
    assert model.superposed(minimum, turned.ravel()) == pytest.approx(minimum)
    # Two atoms of a tetrahedron that change places make its mirror image, a copy of its own.
    exchanged = minimum.reshape(4, 3)[[1, 0, 2, 3]].ravel()
    assert np.linalg.norm(model.superposed(minimum, exchanged) - minimum) > 0.5
    found = sampled(model, minimum, 0.01, populations=4, count=12)
    assert abs(found.log_ratio) < 0.3


# --- what cannot be sampled -----------------------------------------------------------------------


def test_an_unknown_continuous_symmetry_has_a_status(monkeypatch):
    model = build("lj", {"atoms": 2})
    pair = np.array([0.0, 0.0, 0.0, 2.0 ** (1.0 / 6.0), 0.0, 0.0])
    monkeypatch.setattr(type(model), "superposed", lambda self, reference, x: None)
    assert Basin(model, Settings("lj", {}), pair).status is Status.FLAT


# --- several minima and processes -----------------------------------------------------------------

PLAN = Plan(40.0, None, populations=3, points=6, moves=1, seed=2)


def results(minima, jobs=1):
    found = sample_basins(himmelblau(), minima, PLAN, jobs, lambda: False, lambda done: None)
    return {one.minimum: dataclasses.asdict(one) for one in found}


def test_other_minima_change_nothing():
    assert results([0, 2])[2] == results([2])[2]


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bits():
    assert results([0, 2], 1) == results([0, 2], 2)
    hits = [count_hits(himmelblau(), 12, PLAN, jobs, lambda: False, lambda done: None) for jobs in (1, 2)]
    assert hits[0].by_minimum.tolist() == hits[1].by_minimum.tolist()


def test_a_stop_leaves_what_is_done():
    landscape = himmelblau()
    done = []
    found = sample_basins(landscape, [0, 1], PLAN, 1, lambda: len(done) >= 3, done.append)
    assert [one.estimate.populations for one in found] == [2, 1]
    assert np.isnan(found[1].estimate.error)
    assert not found[1].estimate.reliable
    at_once = sample_basins(landscape, [0, 1], PLAN, 1, lambda: True, done.append)
    assert [one.status for one in at_once] == [Status.TIME_LIMIT] * 2


def test_starts_hit_minima_by_their_volumes(grid):
    landscape = himmelblau()
    hits = count_hits(landscape, 300, PLAN, 1, lambda: False, lambda done: None)
    assert (hits.starts, hits.elsewhere, hits.failed) == (300, 0, 0)
    assert np.transpose(landscape.model._region).tolist() == [[-5.0, -5.0], [5.0, 5.0]]
    for place, minimum in enumerate(grid.minima):
        known = landscape.find_minimum(landscape.model.value(minimum), minimum)
        assert hits.by_minimum[known] / 300 == pytest.approx(grid.integral(place, np.inf) / 100.0, abs=0.1)
