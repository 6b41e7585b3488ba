"""Box bounds through the whole chain, by the command line: what is found is what brute force finds."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import llgmin.cli
import lloptim.cli
import llpathsample.cli
from llcommon.store import read_landscape, write_landscape
from tests.lloptim.problems import BOXED, stationary_of

TOML = """\
[loss]
model = "{name}"
lower = {lower}
upper = {upper}

[search]
steps = 200
chains = 2
temperature = 20.0
step = 3.0
"""
ALL_PAIRS = ("--set", "grow.pairs=all", "--set", "grow.attempts=4")


def run(program, *arguments):
    result = CliRunner().invoke(program.cli.main, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture(params=BOXED, ids=lambda box: f"{box[0]}-{box[1]}-{box[2]}".replace(" ", ""))
def minima(request, tmp_path, monkeypatch):
    """A folder with the minima that a search of a boxed surface finds, in minima.h5; the minima and saddles known."""
    name, lower, upper = request.param
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxed.toml").write_text(TOML.format(name=name, lower=lower, upper=upper), encoding="utf-8")
    run(llgmin, "run", "boxed.toml", "-o", "minima.h5", "-j", 1, "-q")
    return tmp_path, *stationary_of(name, lower, upper)


def assert_all_known(table, known):
    """Every row is one of the points known by brute force, on its bounds exactly and marked so; none is there twice."""
    places = []
    for row in range(len(table)):
        distances = [np.linalg.norm(point.x - table.coordinates[row]) for point in known]
        place = int(np.argmin(distances))
        places.append(place)
        assert distances[place] < 1e-6
        assert table.loss[row] == pytest.approx(known[place].loss, abs=1e-8)
        assert table.active[row].tolist() == known[place].active
        held = table.active[row] != 0
        assert (table.coordinates[row][held] == known[place].x[held]).all()
    assert len(set(places)) == len(places)


def pairs_of(folder, number):
    """A pairs file with all pairs of minima."""
    rows = [f"{a} {b}" for a in range(number) for b in range(a + 1, number)]
    (folder / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return "pairs.tsv"


def test_all_minima_of_a_box_are_found(minima):
    folder, known, _ = minima
    found = read_landscape(folder / "minima.h5")
    assert len(found.minima) == len(known)
    assert_all_known(found.minima, known)
    run(llgmin, "check", "minima.h5")


def test_pairs_of_minima_are_connected_in_the_box(minima):
    """On its sides and across it; every transition state is a known one, and all verifies anew from the file."""
    folder, known, saddles = minima
    pairs = pairs_of(folder, len(known))
    result = run(lloptim, "connect", "minima.h5", "--pairs", pairs, "-o", "found.h5", "-j", 1, "--json")
    rows = json.loads(result.stdout)["rows"]
    assert all(row["connected"] for row in rows)
    found = read_landscape(folder / "found.h5")
    assert_all_known(found.minima, known)
    assert_all_known(found.transition_states, saddles)
    assert len(found.transition_states) >= len(known) - 1
    for row, ids in enumerate(found.transition_states.minima.tolist()):
        assert found.transition_states.loss[row] > found.minima.loss[ids].max()
    run(lloptim, "check", "found.h5")


def test_the_check_sees_a_coordinate_that_is_not_held_as_stored(minima):
    folder, _, _ = minima
    landscape = read_landscape(folder / "minima.h5")
    held = np.flatnonzero((landscape.minima.active != 0).any(axis=1))
    assert held.size
    landscape.minima.replace("active", int(held[0]), np.zeros(2, dtype=np.int8))
    write_landscape(folder / "wrong.h5", landscape)
    result = CliRunner().invoke(llgmin.cli.main, ["check", "wrong.h5"])
    assert result.exit_code != 0
    assert "held by their bounds" in result.stdout + result.stderr


@pytest.mark.slow
def test_a_boxed_landscape_grows_whole(tmp_path, monkeypatch):
    """Six minima, all on the sides of the camel's box, and seven saddles of which four are on them."""
    name, lower, upper = BOXED[5]
    known, saddles = stationary_of(name, lower, upper)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxed.toml").write_text(TOML.format(name=name, lower=lower, upper=upper), encoding="utf-8")
    run(llgmin, "run", "boxed.toml", "-o", "minima.h5", "-j", 1, "-q")
    run(llpathsample, "grow", "minima.h5", "-o", "landscape.h5", "-j", 1, "-q", *ALL_PAIRS)
    landscape = read_landscape(tmp_path / "landscape.h5")
    assert len(landscape.minima) == len(known) == 6
    assert len(landscape.transition_states) == len(saddles) == 7
    assert_all_known(landscape.minima, known)
    assert_all_known(landscape.transition_states, saddles)
    run(llpathsample, "check", "landscape.h5")
