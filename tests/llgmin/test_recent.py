"""What a walker remembers: the same minimum by the rule of the landscape, whole, in order, and not too many."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from driving import xor_problem

import llgmin.recent
from llcommon import losses
from llcommon.problem import read_problem
from llcommon.settings import SamePointSettings
from llgmin.recent import Recent
from llgmin.search import Search


@pytest.fixture
def landscape(tmp_path):
    search = Search(read_problem(xor_problem(tmp_path)), tmp_path / "minima.h5")
    search.run(1, lambda: False, lambda *_: None)
    return search.landscape


def test_minima_are_found_again_whole(landscape):
    model = landscape.model
    recent = Recent(model, landscape.settings.same_point)
    minima = [replace(landscape.minimum(number), visits=1) for number in range(len(landscape.minima))]
    for minimum in minima:
        assert recent.find(minimum.loss, minimum.coordinates) is None
        recent.remember(minimum)
    restored = Recent(model, landscape.settings.same_point, recent.arrays())
    rng = np.random.default_rng(0)
    for minimum in minima:
        found = restored.find(minimum.loss, model.random_image(minimum.coordinates, rng))
        expected = {**asdict(minimum), "coordinates": minimum.coordinates.tolist()}
        assert {**asdict(found), "coordinates": found.coordinates.tolist()} == expected


def test_the_first_of_too_many_is_forgotten(landscape, monkeypatch):
    monkeypatch.setattr(llgmin.recent, "_MOST", 2)
    minima = [landscape.minimum(number) for number in range(3)]
    recent = Recent(landscape.model, landscape.settings.same_point)
    for minimum in minima:
        recent.remember(minimum)
    known = [recent.find(minimum.loss, minimum.coordinates) is not None for minimum in minima]
    assert known == [False, True, True]


def test_large_models_remember_fewer():
    model = losses.build("rosenbrock", {"dimension": 1000}, None)
    assert Recent(model, SamePointSettings()).most == 32
    model.dimension = 10**6
    assert Recent(model, SamePointSettings()).most == 2


def test_with_bounds_every_quench_is_verified():
    model = losses.build("himmelblau", {"lower": [0.0]}, None)
    recent = Recent(model, SamePointSettings())
    assert recent.most == 0
    recent.remember(None)
    assert recent.points.shape == (0, 2)


@pytest.mark.parametrize("name", ["basin-hopping", "multi-start", "genetic"])
def test_remembering_changes_no_minimum(tmp_path, monkeypatch, name):
    """The same quenches end in the same minima as often, whether they are verified each time or once."""
    tables = []
    for most in (32, 1):
        monkeypatch.setattr(llgmin.recent, "_MOST", most)
        overrides = (f"search.method={name}", "search.steps=12", "search.chains=1", "genetic.population=4")
        search = Search(read_problem(xor_problem(tmp_path), overrides), tmp_path / "minima.h5")
        search.run(1, lambda: False, lambda *_: None)
        search.finish()
        minima = search.landscape.minima
        tables.append((minima.visits.tolist(), minima.loss.round(10).tolist()))
        assert search.landscape.counters["known"] > 0
    assert tables[0] == tables[1]
