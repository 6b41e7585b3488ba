"""Starts by name: moments and ranges of the formulae, designs that fill their box, one point for one number."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

from llcommon import losses
from llcommon.data import read_csv
from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.searchsettings import StartsSettings
from llcommon.settings import DataSettings
from llgmin.starts import Starts, glorot, he, orthogonal

IRIS_CSV = Path(__file__).parents[2] / "examples" / "iris" / "iris.csv"
KINDS = ("model", "uniform", "normal", "glorot", "he", "orthogonal", "latin-hypercube", "sobol")


@pytest.fixture(scope="module")
def network():
    data = read_csv(IRIS_CSV, DataSettings(), numeric_target=False)
    return losses.build("mlp", {"hidden": [10]}, data)


@pytest.fixture(scope="module")
def boxed():
    return losses.build("himmelblau", {"lower": [-1.0, 2.0], "upper": [1.5, 6.0]}, None)


def starts_of(model, kind: str, total: int = 64, seed: int = 3, scale: float = 1.0) -> Starts:
    return Starts(model, StartsSettings(initialisation=kind, scale=scale), seed, total)


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_depends_on_its_number_alone(network, kind):
    forwards = [starts_of(network, kind).point(number) for number in range(8)]
    starts = starts_of(network, kind)
    backwards = [starts.point(number) for number in reversed(range(8))][::-1]
    assert [x.tobytes() for x in forwards] == [x.tobytes() for x in backwards]
    assert len({x.tobytes() for x in forwards}) == 8
    assert starts_of(network, kind, seed=4).point(0).tobytes() != forwards[0].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_starts_lie_in_the_box(boxed, kind):
    lower, upper = boxed.bounds()
    starts = starts_of(boxed, kind, scale=9.0)
    rng = np.random.default_rng(0)
    points = np.array([starts.point(number) for number in range(64)] + [starts.another(rng) for _ in range(64)])
    assert (points >= lower).all() and (points <= upper).all()


def test_moments_are_those_of_the_formulae():
    rng = np.random.default_rng(1)
    shape = (40, 25)
    weights = np.array([glorot(shape, rng) for _ in range(60)])
    assert np.abs(weights).max() <= np.sqrt(6.0 / 65.0)
    assert weights.var() == pytest.approx(2.0 / 65.0, rel=0.02)
    weights = np.array([he(shape, rng) for _ in range(60)])
    assert weights.var() == pytest.approx(2.0 / 40.0, rel=0.02)
    assert np.mean(weights**4) / weights.var() ** 2 == pytest.approx(3.0, rel=0.05)  # normal


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (1, 3)])
def test_orthogonal_matrices(shape):
    weights = orthogonal(shape, np.random.default_rng(2))
    assert weights.shape == shape
    product = weights.T @ weights if shape[0] >= shape[1] else weights @ weights.T
    assert product == pytest.approx(np.eye(min(shape)), abs=1e-14)


def test_orthogonal_matrices_have_no_preferred_sign():
    rng = np.random.default_rng(3)
    traces = [np.trace(orthogonal((3, 3), rng)) for _ in range(4000)]
    # The mean trace of a random orthogonal matrix is 0, its mean square 1.
    assert np.mean(traces) == pytest.approx(0.0, abs=0.06)
    assert np.mean(np.square(traces)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("kind", ["glorot", "he", "orthogonal"])
def test_layers_are_initialised_by_their_shapes_and_biases_are_zero(network, kind):
    points = np.array([starts_of(network, kind, scale=2.0).point(number) for number in range(64)])
    expected = {"glorot": (2.0 / 14.0, 2.0 / 13.0), "he": (2.0 / 4.0, 2.0 / 10.0), "orthogonal": (0.1, 0.1)}
    for (weights, biases), variance in zip(network.fans(), expected[kind], strict=True):
        assert not points[:, biases].any()
        assert points[:, weights.ravel()].var() == pytest.approx(4.0 * variance, rel=0.1)


def test_scales(network):
    assert np.abs(starts_of(network, "uniform", scale=3.0).point(0)).max() == pytest.approx(3.0, rel=0.1)
    assert starts_of(network, "normal", scale=3.0).point(0).std() == pytest.approx(3.0, rel=0.3)


def test_a_latin_hypercube_has_one_point_in_each_stratum(boxed):
    lower, upper = boxed.bounds()
    starts = starts_of(boxed, "latin-hypercube", total=40)
    unit = (np.array([starts.point(number) for number in range(40)]) - lower) / (upper - lower)
    assert (np.sort(np.floor(unit * 40), axis=0) == np.arange(40)[:, None]).all()


def test_sobol_points_fill_better_than_chance(boxed):
    lower, upper = boxed.bounds()
    for total in (100, 128):
        points = {
            kind: np.array([starts_of(boxed, kind, total=total).point(number) for number in range(total)])
            for kind in ("sobol", "uniform")
        }
        discrepancy = {kind: qmc.discrepancy((x - lower) / (upper - lower)) for kind, x in points.items()}
        assert discrepancy["sobol"] < 0.3 * discrepancy["uniform"]


@pytest.mark.parametrize("kind", ["uniform", "latin-hypercube", "sobol"])
@pytest.mark.parametrize(
    ("bounds", "lower", "upper"),
    [({"lower": [2.0]}, 2, 4), ({"upper": [-5.0]}, -7, -5), ({"lower": [0.5]}, 0.5, 1), ({"lower": [-4.0]}, -4, 1)],
)
def test_one_bound_leaves_room(kind, bounds, lower, upper):
    starts = starts_of(losses.build("himmelblau", bounds, None), kind)
    points = np.array([starts.point(number) for number in range(64)])
    assert points.min() >= lower and points.max() <= upper
    assert points.max() - points.min() > 0.8 * (upper - lower)


def test_designs_are_those_of_scipy_for_one_keyword_or_the_other(network):
    """Of SciPy before 1.15 the keyword was seed; a generator gives the same points by either."""
    for kind, design in (("latin-hypercube", qmc.LatinHypercube), ("sobol", qmc.Sobol)):
        points = np.array([starts_of(network, kind).point(number) for number in range(64)])
        unit = design(network.dimension, seed=generator(3, "design", kind)).random(64)
        assert np.array_equal(points, 2.0 * unit - 1.0)


def test_more_coordinates_than_sobol_points_have_are_refused():
    large = LossModel()
    large.dimension = 21202
    with pytest.raises(ConfigError, match="21201 coordinates at most, and this model has 21202"):
        starts_of(large, "sobol")
    assert qmc.Sobol.MAXDIM == 21201
