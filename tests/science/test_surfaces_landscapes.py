"""The landscapes of the analytic surfaces, through the command line: all minima, all saddles, and no others."""

import json

import numpy as np
import pytest

from llcommon.store import read_landscape
from tests.science.runs import Problem, assert_index_one, grown, program

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
