"""The same input and seed give the same bytes: at any number of processes, and whenever it is run again."""

import shutil

import numpy as np
import pytest
from driving import IRIS_CSV, call, run, run_together, xor_problem

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
    """A folder with xor.toml and its minima, alone.h5, found by one process."""
    folder = tmp_path_factory.mktemp("search")
    xor_problem(folder, steps=100)
    run("llgmin", "run", "xor.toml", "-o", "alone.h5", "-j", 1, cwd=folder)
    return folder


def test_search(searched):
    commands = [("llgmin", "run", "xor.toml", "-o", f"j{jobs}.h5", "-j", jobs) for jobs in (1, 2)]
    commands.append(("llgmin", "run", "xor.toml", "-o", "seed.h5", "-j", 1, "-s", 2))
    run_together(*commands, cwd=searched)
    assert all_equal(searched, ["alone.h5", "j1.h5", "j2.h5"])
    first, other = (read_landscape(searched / name) for name in ("alone.h5", "seed.h5"))
    assert other.settings.search.seed == 2
    assert not np.isin(other.minima.coordinates, first.minima.coordinates).any()


def test_search_of_more_chains_than_processes(tmp_path):
    shutil.copy(IRIS_CSV, tmp_path)
    (tmp_path / "iris.toml").write_text(IRIS, encoding="utf-8")
    for jobs in (1, 2):
        run("llgmin", "run", "iris.toml", "-o", f"j{jobs}.h5", "-j", jobs, cwd=tmp_path)
    assert all_equal(tmp_path, ["j1.h5", "j2.h5"])
    assert len(read_landscape(tmp_path / "j1.h5").minima) > 3


def test_connect(searched):
    pairs = [option for a, b in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 1)] for option in ("--pair", a, b)]
    runs = [("c1.h5", "-j", 1), ("c2.h5", "-j", 2)]
    commands = [("lloptim", "connect", "alone.h5", *pairs, "-o", *options) for options in runs]
    results = run_together(*commands, cwd=searched)
    assert all_equal(searched, ["c1.h5", "c2.h5"])
    minima = searched / "alone.h5"
    assert call("lloptim", "connect", minima, *pairs, "-o", searched / "other.h5", "-j", 1, "-s", 2, "-q") == 0
    tables = {result.stdout for result in results}
    assert len(tables) == 1
    first, other = (read_landscape(searched / name) for name in ("c1.h5", "other.h5"))
    assert len(first.transition_states) > 2
    # The images of a minimum that it is connected with are random.
    assert not np.isin(other.transition_states.coordinates, first.transition_states.coordinates).all()


@pytest.mark.parametrize("strategy", ["to-global-minimum", pytest.param("auto", marks=pytest.mark.slow)])
def test_grow(searched, strategy):
    settings = ["--set", "grow.batch=1", "--set", "grow.window=3", "--set", "grow.attempts=1", "--strategy", strategy]
    settings += ["--set", 'grow.mix=["nearest", "untrap", "single-ended"]', "--set", "grow.budget=8", "-f"]
    runs = [("g1.h5", "-j", 1), ("g3.h5", "-j", 3)]
    run_together(*[("llpathsample", "grow", "alone.h5", *settings, "-o", *options) for options in runs], cwd=searched)
    assert all_equal(searched, ["g1.h5", "g3.h5"])
    assert len(read_landscape(searched / "g1.h5").transition_states) > 2
    assert not list(searched.glob("*.batches"))
