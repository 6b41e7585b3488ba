"""The landscapes of the analytic surfaces, through the command line: all minima, all saddles, and no others."""

import itertools
import json
import shutil

import numpy as np
import pytest

from llcommon import losses
from llcommon.store import read_landscape
from tests.science.runs import EXAMPLES, Problem, assert_index_one, grown, minima_of, program

ALL_PAIRS = ("--set", "grow.pairs=all", "--set", "grow.attempts=1")
MORE_TRIES = (*ALL_PAIRS[:3], "grow.attempts=4")


def assert_exactly_the_known_points(landscape):
    """Each minimum and each saddle of the literature is there once, in nine digits, and nothing else is."""
    for index, table in ((0, landscape.minima), (1, landscape.transition_states)):
        known = [(x, loss) for x, loss, known_index in landscape.model.known_points() if known_index == index]
        assert len(table) == len(known)
        for x, loss in known:
            distances = np.linalg.norm(table.coordinates - x, axis=1)
            assert np.sort(distances)[0] < 1e-7
            assert table.loss[distances.argmin()] == pytest.approx(loss, abs=5e-10)
    assert_index_one(landscape)


def connections(landscape):
    """{loss of each saddle: places of its minima in order of loss}."""
    rank = {int(row): place for place, row in enumerate(landscape.minima.loss.argsort())}
    table = landscape.transition_states
    pairs = zip(table.loss.round(6).tolist(), table.minima.tolist(), strict=True)
    return {loss: {rank[minimum] for minimum in ids} for loss, ids in pairs}


def test_mueller_brown(tmp_path):
    landscape = grown(Problem(model="mueller-brown", steps=100), tmp_path, *ALL_PAIRS)
    assert_exactly_the_known_points(landscape)
    assert connections(landscape) == {-72.24894: {1, 2}, -40.664844: {0, 2}}


@pytest.mark.slow
def test_double_well(tmp_path):
    landscape = grown(Problem(model="double-well", steps=50), tmp_path, *ALL_PAIRS)
    assert_exactly_the_known_points(landscape)
    assert connections(landscape) == {1.0: {0, 1}}


def test_himmelblau_is_a_ring(tmp_path):
    """Four minima, four saddles, each minimum at two of them; from llgmin to the tree by the documented commands."""
    landscape = grown(Problem(model="himmelblau", steps=100), tmp_path, *ALL_PAIRS)
    assert_exactly_the_known_points(landscape)
    assert sorted(landscape.transition_states.minima.ravel().tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]
    program("llpathsample", "tree", "landscape.h5", "-o", "tree.svg", "-q", cwd=tmp_path)
    assert (tmp_path / "tree.svg").read_text(encoding="utf-8").startswith("<?xml")
    program("lloptim", "check", "landscape.h5", cwd=tmp_path)
    places = landscape.minima.coordinates.round(3).tolist()
    ends = places.index([3.0, 2.0]), places.index([-3.779, -3.283])
    result = program("llpathsample", "path", "landscape.h5", *ends, "--json", cwd=tmp_path)
    # Across the ring by way of 67.7 and 104.0, not of 13.3 and 178.3.
    text = json.dumps(json.loads(result.stdout))
    assert "104.0151629" in text
    assert "67.7191500" in text
    assert "178.3372392" not in text


@pytest.mark.slow
def test_six_hump_camel(tmp_path):
    """Six minima and seven saddles, two of which differ by 1.1e-4 only."""
    problem = Problem(model="six-hump-camel", steps=200, temperature=5.0, step=2.0)
    landscape = grown(problem, tmp_path, *MORE_TRIES)
    assert_exactly_the_known_points(landscape)
    minima = read_landscape(tmp_path / "minima.h5")
    assert len(minima.minima) == 6
    assert len(minima.transition_states) == 0


@pytest.mark.slow
def test_styblinski_tang(tmp_path):
    landscape = grown(Problem(model="styblinski-tang", steps=100), tmp_path, *ALL_PAIRS)
    assert_exactly_the_known_points(landscape)


@pytest.mark.slow
def test_rosenbrock_in_four_dimensions(tmp_path):
    minima_of(Problem(model="rosenbrock", steps=100), tmp_path, "--set", "loss.dimension=4")
    program("llpathsample", "grow", "minima.h5", "-o", "landscape.h5", "-q", cwd=tmp_path)
    landscape = read_landscape(tmp_path / "landscape.h5")
    assert_exactly_the_known_points(landscape)
    assert connections(landscape) == {3.708242: {0, 1}}


# --- many minima: the examples, and the saddles around all minima ---------------------------------


def surrounded(name, folder):
    """The landscape of an example: its minima, and what searches along the two soft modes of each find."""
    shutil.copy(EXAMPLES / "surfaces" / f"{name}.toml", folder)
    program("llgmin", "run", f"{name}.toml", "-q", cwd=folder)
    program("lloptim", "saddle", f"{name}.h5", "--all-minima", "--soft", 2, "-o", "around.h5", "-q", cwd=folder)
    program("llpathsample", "merge", f"{name}.h5", "around.h5", "-o", "all.h5", "-q", cwd=folder)
    program("lloptim", "check", "all.h5", cwd=folder)
    return read_landscape(folder / "all.h5")


@pytest.mark.slow
def test_rastrigin(tmp_path):
    """121 minima and 220 saddles in the box, as counted coordinate by coordinate."""
    landscape = surrounded("rastrigin", tmp_path)
    assert len(landscape.minima) == 121
    assert len(landscape.transition_states) == 220
    assert_exactly_the_known_points(landscape)


@pytest.mark.slow
def test_schwefel_with_minima_on_the_bound(tmp_path):
    """Eight minima a coordinate, the eighth at -500: all 64, and the zero of the slope at x = 0 is not among them."""
    landscape = surrounded("schwefel", tmp_path)
    free = [(x[0], loss) for x, loss, index in losses.build("schwefel", {"dimension": 1}).known_points() if not index]
    places = [*free, (-500.0, 418.9829 + 500.0 * np.sin(np.sqrt(500.0)))]
    assert len(landscape.minima) == 64
    for (x, loss_x), (y, loss_y) in itertools.product(places, repeat=2):
        distances = np.linalg.norm(landscape.minima.coordinates - [x, y], axis=1)
        assert distances.min() < 1e-6
        assert landscape.minima.loss[distances.argmin()] == pytest.approx(loss_x + loss_y, abs=1e-9)
    # Of 8 x 7 x 2 saddles nearly all; none of them on the lines where the second derivative misbehaves.
    assert 105 <= len(landscape.transition_states) <= 112
    assert np.abs(landscape.transition_states.coordinates).min() > 5.0
