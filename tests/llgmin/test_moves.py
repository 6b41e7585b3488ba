"""Kinds of step: what they leave alone, how long they are, and that they respect bounds and symmetry."""

from pathlib import Path

import numpy as np
import pytest

from llcommon import losses
from llcommon.data import read_csv
from llcommon.searchsettings import SearchSettings
from llcommon.settings import CurvatureSettings, DataSettings
from llgmin.moves import USES_OTHERS, Moves

XOR_CSV = Path(__file__).parents[2] / "examples" / "xor" / "xor.csv"

NAMES = ("uniform", "gaussian", "layer", "group", "redraw", "crossover", "swap", "soft-mode")


def moves_of(model, *names, **settings) -> Moves:
    return Moves(model, SearchSettings(moves=list(names), **settings), CurvatureSettings())


@pytest.fixture(scope="module")
def model():
    data = read_csv(XOR_CSV, DataSettings(), numeric_target=False)
    return losses.build("mlp", {"hidden": [3]}, data)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def x(model, rng):
    return rng.standard_normal(model.dimension)


@pytest.fixture
def pool(model, rng):
    return rng.standard_normal((4, model.dimension))


def test_units_and_layers_cover_a_network(model):
    layers = np.sort(np.concatenate(model.layers()))
    assert layers.tolist() == list(range(model.dimension))
    units = model.units()
    assert len(units) == 3
    assert len(np.unique(np.concatenate(units))) == sum(unit.size for unit in units)
    inputs, hidden, outputs = model.widths
    assert all(unit.size == inputs + 1 + outputs for unit in units)
    # All of it belongs to the unit: without these coordinates the unit is gone, and its bias and weights nowhere else.
    rest = np.setdiff1d(np.arange(model.dimension), np.concatenate(units))
    assert rest.tolist() == model.layers()[-1][-outputs:].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_step_moves_and_is_repeatable(model, x, pool, name):
    moves = moves_of(model, name)
    before = x.copy()
    points = [moves.propose(x, 0.7, pool, np.random.default_rng(3)) for _ in range(2)]
    assert points[0].tobytes() == points[1].tobytes()
    assert not np.array_equal(points[0], x) and np.isfinite(points[0]).all()
    assert x.tobytes() == before.tobytes()


@pytest.mark.parametrize("name", ["uniform", "gaussian", "layer", "soft-mode"])
def test_whole_steps_are_equally_long(model, x, pool, rng, name):
    moves = moves_of(model, name)
    squares = [np.mean((moves.propose(x, 0.6, pool, rng) - x) ** 2) for _ in range(4000)]
    assert np.mean(squares) == pytest.approx(0.6**2 / 3.0, rel=0.05)


def test_uniform_steps_keep_within_their_size(model, x, pool, rng):
    steps = [moves_of(model, "uniform").propose(x, 0.6, pool, rng) - x for _ in range(200)]
    assert 0.59 < np.abs(steps).max() <= 0.6


def test_layers_are_displaced_in_proportion(model, x, pool, rng):
    x = x.copy()
    first, last = model.layers()
    x[last] *= 100.0
    steps = np.array([moves_of(model, "layer").propose(x, 1.0, pool, rng) - x for _ in range(500)])
    ratio = np.sqrt(np.mean(steps[:, last] ** 2) / np.mean(steps[:, first] ** 2))
    assert ratio == pytest.approx(np.sqrt(np.mean(x[last] ** 2) / np.mean(x[first] ** 2)), rel=0.05)
    zero = np.zeros(model.dimension)
    assert np.abs(moves_of(model, "layer").propose(zero, 1.0, pool, rng)).max() > 0.0


@pytest.mark.parametrize("name", ["group", "redraw", "swap"])
def test_one_unit_changes(model, x, pool, rng, name):
    seen = set()
    for _ in range(60):
        changed = np.flatnonzero(moves_of(model, name).propose(x, 0.5, pool, rng) != x)
        [unit] = [place for place, unit in enumerate(model.units()) if set(changed) <= set(unit)]
        seen.add(unit)
    assert seen == {0, 1, 2}


def test_crossover_takes_units_from_both(model, x, rng):
    other = rng.standard_normal((1, model.dimension))
    aligned = model.align(x, other[0].copy())
    for _ in range(40):
        child = moves_of(model, "crossover").propose(x, 0.5, other, rng)
        origins = {
            "first" if np.array_equal(child[unit], x[unit]) else "second" for unit in model.units()
            if np.array_equal(child[unit], x[unit]) or np.array_equal(child[unit], aligned[unit])
        }
        assert origins == {"first", "second"}


def test_swapped_units_are_those_of_the_other(model, x, rng):
    other = rng.standard_normal((1, model.dimension))
    blocks = [model.align(x, other[0].copy())[unit].tolist() for unit in model.units()]
    for _ in range(40):
        child = moves_of(model, "swap").propose(x, 0.5, other, rng)
        [unit] = [unit for unit in model.units() if not np.array_equal(child[unit], x[unit])]
        assert child[unit].tolist() in blocks


@pytest.mark.parametrize("name", sorted(USES_OTHERS))
def test_without_other_minima_a_step_is_uniform(model, x, name):
    nobody = np.empty((0, model.dimension))
    alone = moves_of(model, name).propose(x, 0.5, nobody, np.random.default_rng(8))
    assert alone.tobytes() == moves_of(model, "uniform").propose(x, 0.5, nobody, np.random.default_rng(8)).tobytes()


def test_soft_steps_lie_in_the_softest_modes(model, x, pool, rng):
    values, vectors = np.linalg.eigh(model.hessian(x))
    step = moves_of(model, "soft-mode", soft_modes=2).propose(x, 0.5, pool, rng) - x
    assert np.linalg.norm(vectors[:, :2].T @ step) == pytest.approx(np.linalg.norm(step), rel=1e-9)


def test_weights_are_frequencies(model, x, pool, rng):
    moves = moves_of(model, "uniform", "group", move_weights=[1.0, 3.0])
    few = [np.count_nonzero(moves.propose(x, 0.5, pool, rng) != x) < model.dimension for _ in range(2000)]
    assert np.mean(few) == pytest.approx(0.75, abs=0.04)


def test_steps_stay_in_the_box(rng):
    model = losses.build("himmelblau", {"lower": [0.0], "upper": [3.5]}, None)
    start = np.array([3.0, 2.0])
    points = [moves_of(model, "uniform").propose(start, 5.0, np.empty((0, 2)), rng) for _ in range(100)]
    assert np.min(points) == 0.0 and np.max(points) == 3.5


def test_models_have_units_without_declaring_them():
    model = losses.build("himmelblau", {}, None)
    assert [unit.tolist() for unit in model.units()] == [[0], [1]]
    assert [layer.tolist() for layer in model.layers()] == [[0, 1]]
