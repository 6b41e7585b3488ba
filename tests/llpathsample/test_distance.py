"""`llpathsample distance`: the distance after alignment, and how far it is above the best of many alignments."""

import json

import numpy as np
import pytest

from llcommon.losses import build
from llcommon.rng import generator
from llcommon.store import read_landscape
from llcommon.symmetry import aligned_distance, searched_distance
from tests.driving import call, xor_minima
from tests.llcommon.losses.cases import class_table
from tests.reference.mlp import images


@pytest.fixture(scope="module")
def minima(tmp_path_factory):
    return xor_minima(tmp_path_factory.mktemp("distance"))


def report(capsys, *arguments):
    assert call("llpathsample", "distance", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_one_hidden_layer_has_no_gap(minima, capsys):
    found = report(capsys, minima, 0, 1)
    landscape = read_landscape(minima)
    first, second = (landscape.minima.coordinates[number].copy() for number in (0, 1))
    shortest = min(np.linalg.norm(image - first) for image in images(second, (2, 2, 2), True))
    assert found["distance"] <= shortest * (1.0 + 1e-12)
    assert found["distance"] == aligned_distance(landscape.model, first, second)
    assert found["gap"] == pytest.approx(0.0, abs=1e-12)
    assert (found["restarts"], found["restarts_at_best"]) == (100, 100)
    assert found["distance_unaligned"] == pytest.approx(np.linalg.norm(first - second), rel=1e-15)


def test_distances_are_symmetric_and_zero_to_itself(minima, capsys):
    assert report(capsys, minima, 1, 1, "--restarts", 3)["distance"] == 0.0
    forth, back = (report(capsys, minima, *ends, "--restarts", 0) for ends in ((0, 1), (1, 0)))
    assert forth["distance"] == pytest.approx(back["distance"], rel=1e-12)
    assert forth["best_of_restarts"] == forth["distance"]


def test_the_table_has_the_same_numbers(minima, capsys):
    expected = report(capsys, minima, 0, 1, "-s", 4)
    assert call("llpathsample", "distance", minima, 0, 1, "-s", 4) == 0
    lines = dict(line.split("\t") for line in capsys.readouterr().out.splitlines()[1:])
    assert float(lines["distance"]) == expected["distance"]
    assert set(lines) <= set(expected)


def test_an_id_that_does_not_exist_is_refused(minima, capsys):
    assert call("llpathsample", "distance", minima, 0, 99) == 2
    assert "minimum 99 does not exist" in capsys.readouterr().err


def test_many_distances_are_those_of_the_pairs(minima, capsys):
    count = len(read_landscape(minima).minima)
    single = [report(capsys, minima, 0, other) for other in range(1, count)]
    table = report(capsys, minima, 0, "--all")["rows"]
    assert table == [{name: row[name] for name in table[0]} for row in single]
    assert report(capsys, minima, 0, 2, 1)["rows"] == [table[1], table[0]]
    for arguments in ((0,), (0, 1, "--all")):
        assert call("llpathsample", "distance", minima, *arguments) == 2
        assert "give the minima to measure to, or --all" in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(3))
def test_restarts_find_the_nearest_image_of_a_deep_network(seed):
    model = build("mlp", {"hidden": [2, 2]}, class_table())
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, model.dimension))
    found = searched_distance(model, first, second, 60, generator(1, "distance"))
    shortest = min(np.linalg.norm(image - first) for image in images(second, model.widths, True))
    assert found.best == pytest.approx(shortest, rel=1e-12)
    assert found.plain >= found.aligned >= found.best
    assert found.gap >= 0.0
    assert 0 < found.hits <= 60
    assert found == searched_distance(model, first, second, 60, generator(1, "distance"))
