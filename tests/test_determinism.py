"""The same input and seed give the same bytes: at any number of processes, and whenever it is run again."""

import shutil

import numpy as np
import pytest
from driving import IRIS_CSV, call, run, xor_problem

from llcommon.store import read_landscape

IRIS = """\
[loss]
model = "mlp"
hidden = [4]
lambda = 1e-4

[data]
file = "iris.csv"

[search]
steps = 45
chains = 3
"""


def all_equal(folder, names: list[str]) -> bool:
    return len({(folder / name).read_bytes() for name in names}) == 1


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder with xor.toml and its minima, alone.h5, found by this process."""
    folder = tmp_path_factory.mktemp("search")
    assert call("llgmin", "run", xor_problem(folder, steps=100), "-o", folder / "alone.h5", "-j", 1, "-q") == 0
    return folder


def test_search(searched):
    run("llgmin", "run", "xor.toml", "-o", "j2.h5", "-j", 2, cwd=searched)
    assert all_equal(searched, ["alone.h5", "j2.h5"])
    assert call("llgmin", "run", searched / "xor.toml", "-o", searched / "seed.h5", "-j", 1, "-s", 2, "-q") == 0
    first, other = (read_landscape(searched / name) for name in ("alone.h5", "seed.h5"))
    assert other.settings.search.seed == 2
    assert not np.isin(other.minima.coordinates, first.minima.coordinates).any()


def test_search_of_more_chains_than_processes(tmp_path):
    shutil.copy(IRIS_CSV, tmp_path)
    (tmp_path / "iris.toml").write_text(IRIS, encoding="utf-8")
    assert call("llgmin", "run", tmp_path / "iris.toml", "-o", tmp_path / "j1.h5", "-j", 1, "-q") == 0
    run("llgmin", "run", "iris.toml", "-o", "j2.h5", "-j", 2, cwd=tmp_path)
    assert all_equal(tmp_path, ["j1.h5", "j2.h5"])
    assert len(read_landscape(tmp_path / "j1.h5").minima) > 3


def test_connect(searched, capsys):
    pairs = [option for a, b in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 1)] for option in ("--pair", a, b)]
    minima = searched / "alone.h5"
    capsys.readouterr()
    assert call("lloptim", "connect", minima, *pairs, "-o", searched / "c1.h5", "-j", 1, "-q") == 0
    table = capsys.readouterr().out
    assert run("lloptim", "connect", "alone.h5", *pairs, "-o", "c2.h5", "-j", 2, cwd=searched).stdout == table
    assert all_equal(searched, ["c1.h5", "c2.h5"])
    assert call("lloptim", "connect", minima, *pairs, "-o", searched / "other.h5", "-j", 1, "-s", 2, "-q") == 0
    first, other = (read_landscape(searched / name) for name in ("c1.h5", "other.h5"))
    assert len(first.transition_states) > 2
    # The images of a minimum that it is connected with are random.
    assert not np.isin(other.transition_states.coordinates, first.transition_states.coordinates).all()


@pytest.mark.parametrize("strategy", ["to-global-minimum", pytest.param("auto", marks=pytest.mark.slow)])
def test_grow(searched, strategy):
    settings = ["--set", "grow.batch=2", "--set", "grow.window=3", "--set", "grow.attempts=1", "--strategy", strategy]
    settings += ["--set", 'grow.mix=["nearest", "untrap", "single-ended"]', "--set", "grow.budget=6", "-f"]
    grown = searched / "g1.h5"
    assert call("llpathsample", "grow", searched / "alone.h5", *settings, "-o", grown, "-j", 1, "-q") == 0
    run("llpathsample", "grow", "alone.h5", *settings, "-o", "g3.h5", "-j", 3, cwd=searched)
    assert all_equal(searched, ["g1.h5", "g3.h5"])
    assert len(read_landscape(grown).transition_states) > 2
    assert not list(searched.glob("*.batches"))
