"""Weights of basins by sampling, against closed forms, quadrature on a grid, and counts of random starts."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.problem import read_problem
from llcommon.settings import Settings
from llcommon.status import Status
from llpathsample.structure.basin import Basin
from llpathsample.structure.direct import Direct, direct_estimate, drawn_weights, log_space
from llpathsample.structure.sampling import Hits, Plan, Sampled, count_hits, sample_basins
from llpathsample.structure.volume import Estimate, estimate, ladder_of, population
from llpathsample.structure.volumefigure import draw_volumes
from tests.driving import ROOT
from tests.networks import himmelblau


def sampled(model, minimum, temperature, radius=None, count=24, populations=10, seed=1, moves=2):
    basin = Basin(model, Settings(model.name, {}), np.array(minimum, dtype=float), radius)
    assert basin.status is Status.CONVERGED
    ladder = ladder_of(basin, temperature, moves, seed, 0)
    found = [population(basin, ladder, count, seed, 0, number) for number in range(populations)]
    return estimate(basin.dimension, basin.log_determinant, basin.held, temperature, ladder, found, count)


def directly(model, minimum, temperature, radius=None, count=150):
    """The estimate by direct points of its own seed."""
    basin = Basin(model, Settings(model.name, {}), np.array(minimum, dtype=float), radius)
    return direct_estimate(drawn_weights(basin, temperature, count, 1, 0, 0), log_space(basin), temperature)


def within(found, expected):
    """Whether an estimate is right within its error; that of ten populations follows Student's law."""
    assert 0.0 < found.error < 0.5
    return abs(found.log_integral - expected) < 3.5 * found.error


def rastrigin(dimension, **box):
    return build("rastrigin", {"dimension": dimension, **box})


def cell():
    """Half the width of the cell of Rastrigin's central minimum: where its derivative is zero next."""
    return brentq(lambda x: 2.0 * x + 20.0 * np.pi * np.sin(2.0 * np.pi * x), 0.4, 0.6)


@pytest.mark.parametrize("dimension", [1, 4])
def test_the_volume_of_a_cell(dimension):
    found = sampled(rastrigin(dimension), np.zeros(dimension), np.inf, count=12)
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
    found = sampled(rastrigin(3), np.zeros(3), temperature, count=12)
    assert within(found, 3.0 * np.log(one))
    assert within(directly(rastrigin(3), np.zeros(3), temperature), 3.0 * np.log(one))
    curvature = 2.0 + 40.0 * np.pi**2
    assert found.log_harmonic == pytest.approx(1.5 * np.log(2.0 * np.pi * temperature / curvature))


def test_a_harmonic_bowl_cut_off_by_a_radius():
    # So cold that only the bowl matters; the cut takes some of it away.
    temperature, radius, dimension = 1e-4, 1.3e-3, 6
    found = sampled(rastrigin(dimension), np.zeros(dimension), temperature, radius=radius)
    stiffness = (2.0 + 40.0 * np.pi**2) / temperature
    inside = gammainc(0.5 * dimension, 0.5 * stiffness * radius**2)
    assert inside < 0.9
    assert within(found, found.log_harmonic + np.log(inside))
    assert within(
        directly(rastrigin(dimension), np.zeros(dimension), temperature, radius), found.log_harmonic + np.log(inside)
    )


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
        # The grid's own error is that of its squares along the edges of basins.
        expected = np.log(grid.integral(place, temperature))
        found = [directly(grid.model, minimum, temperature)]
        if place < 2:
            found.append(sampled(grid.model, minimum, temperature, count=12))
        for one in found:
            assert 0.0 < one.error < 0.3
            assert abs(one.log_integral - expected) < 3.5 * one.error + 0.04


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
        found = sampled(model, side, temperature, count=12)
        assert within(found, expected)
        assert within(directly(model, side, temperature), expected)
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
    found = sampled(model, minimum, 0.01, populations=3, count=8)
    assert abs(found.log_ratio) < 0.3


# --- two estimates beside each other --------------------------------------------------------------


def test_uniform_hits_contradict_by_their_chance():
    # 8 of 100 points in a box of volume 1.
    found = direct_estimate(np.array([0.0] * 8 + [-np.inf] * 92), 0.0, np.inf)
    assert (found.hits, found.effective, found.uniform) == (8, pytest.approx(8.0), True)
    assert found.log_integral == pytest.approx(np.log(0.08))
    assert found.error == pytest.approx(np.sqrt(0.92 / 8.0), rel=0.01)
    assert found.some and not found.enough
    assert not found.contradicts(np.log(0.1), 0.05)
    assert found.contradicts(np.log(0.01), 0.2)
    assert found.contradicts(np.log(0.3), 0.1)
    assert not found.contradicts(np.log(0.01), 0.7)  # its own error allows for it
    assert not found.contradicts(-9.0, np.nan)
    none = direct_estimate(np.full(100, -np.inf), 0.0, np.inf)
    assert none.contradicts(np.log(0.2), 0.1)
    assert not none.contradicts(np.log(0.05), 0.1)
    every = direct_estimate(np.zeros(100), 0.0, np.inf)
    assert (every.log_integral, every.error) == (0.0, pytest.approx(0.01))


def test_weighted_points_contradict_only_what_is_too_low():
    several = Direct(0.0, 0.3, 100, 40, 10.0, False, np.nan)
    one = Direct(0.0, 1.0, 100, 40, 1.0, False, np.nan)
    assert several.contradicts(-2.0, 0.1)
    assert not several.contradicts(-0.8, 0.1)
    assert not several.contradicts(5.0, 0.1)
    assert not one.contradicts(-5.0, 0.1)
    assert one.contradicts(-8.0, 0.1)


@pytest.mark.parametrize(
    ("error", "effective", "method"), [(0.2, 10.0, "annealed"), (0.4, 10.0, "direct"), (0.4, 3.0, "annealed")]
)
def test_the_smaller_error_is_believed(error, effective, method):
    direct = Direct(0.5, 0.3, 100, 40, effective, False, np.nan)
    annealed = Estimate(0.1, 0.0, error, 10, 0.0, 0.5, 10.0, 5, 1000)
    found = Sampled(0, Status.CONVERGED, direct, annealed)
    assert found.method == method
    expected = direct if method == "direct" else annealed
    assert (found.log_integral, found.error) == (expected.log_integral, expected.error)


def test_a_neck_that_populations_do_not_pass_is_seen():
    # The Gaussian process of examples/gp: 203 +- 19 of 600 uniform points in a box of 1258 lead to this corner.
    landscape = read_problem(ROOT / "examples" / "gp" / "sine.toml")
    end = Quencher(landscape.model, landscape.settings.quench).quench(np.array([-6.9, 3.4, 0.0]))
    landscape.add_minimum(minimum_at(landscape.model, end.coordinates, 1e-9)[0])
    plan = Plan(np.inf, None, populations=2, points=6, moves=1, seed=1, direct=40)
    (found,) = sample_basins(landscape, [0], plan, 1, lambda: False, lambda done: None)
    assert found.annealed.log_integral + 3.0 * found.annealed.error < np.log(203.0)
    assert found.contradiction
    assert (found.status, found.method) == (Status.UNRELIABLE, "direct")
    assert abs(found.log_integral - np.log(203.0)) < 3.0 * found.error
    left, right = draw_volumes(landscape.minima.lpphe, np.zeros(1), [found], np.inf, Hits(np.array([3]), 7)).axes
    # It is held by bounds, so its LPPHE is no measure of it; it is drawn as unreliable.
    assert [len(line.get_xdata()) for line in left.lines] == [0, 0]
    assert [len(line.get_xdata()) for line in right.lines] == [0, 1]


# --- what cannot be sampled -----------------------------------------------------------------------


def test_an_unknown_continuous_symmetry_has_a_status(monkeypatch):
    model = build("lj", {"atoms": 2})
    pair = np.array([0.0, 0.0, 0.0, 2.0 ** (1.0 / 6.0), 0.0, 0.0])
    monkeypatch.setattr(type(model), "superposed", lambda self, reference, x: None)
    assert Basin(model, Settings("lj", {}), pair).status is Status.FLAT


# --- several minima and processes -----------------------------------------------------------------

PLAN = Plan(40.0, None, populations=3, points=6, moves=1, seed=2)


def results(minima, jobs=1):
    plan = dataclasses.replace(PLAN, direct=30)
    found = sample_basins(himmelblau(), minima, plan, jobs, lambda: False, lambda done: None)
    assert all(one.direct.points == 30 and one.annealed.populations == 3 for one in found)
    return {one.minimum: repr(one) for one in found}


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
    found = sample_basins(landscape, [0, 1], PLAN, 1, lambda: len(done) >= 5, done.append)  # two pilots first
    assert [one.annealed.populations for one in found] == [2, 1]
    assert np.isnan(found[1].error)
    assert found[1].status is Status.UNRELIABLE
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
