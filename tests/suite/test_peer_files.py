"""Networks for topsearch and PyGT, read by the packages themselves, each in its own environment."""

import json
import subprocess

import networks
import numpy as np
import pytest
from driving import call

from benchmarks import environment
from llcommon.interchange import topsearch
from llcommon.store import read_landscape, write_landscape
from tests.reference import kinetics

HINT = "run `python -m benchmarks.environment` once"

TOPSEARCH = """
import json
from topsearch.data.kinetic_transition_network import KineticTransitionNetwork

network = KineticTransitionNetwork()
network.read_network(text_path="out/")
points = [[network.get_minimum_energy(i), network.get_minimum_coords(i).tolist()] for i in range(network.n_minima)]
states = [[a, b, network.get_ts_energy(a, b), network.get_ts_coords(a, b).tolist()] for a, b in network.G.edges()]
print(json.dumps([points, states, network.pairlist.tolist()]))
network.dump_network(".again")
"""

PYGT = """
import json
import PyGT

path = "out"
branching, rates, times, count, losses, entropies, lowest, kept = PyGT.io.load_ktn(path, beta={beta})
a, b = PyGT.io.load_ktn_AB(path)
pi, matrix = PyGT.io.read_ktn_info(path)
print(json.dumps([rates.toarray().tolist(), times.tolist(), a.tolist(), b.tolist(), pi.tolist(), matrix.tolist()]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by(python, script):
    """What a script in another environment writes as JSON."""
    result = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_topsearch_gets_the_lowest_of_parallel_transition_states():
    landscape = networks.random_network(5)
    states = landscape.transition_states
    kept = topsearch.kept_states(landscape)
    pairs = [tuple(sorted(ends)) for ends in states.minima[kept].tolist()]
    assert len(set(pairs)) == len(pairs)
    for row, ends in enumerate(states.minima.tolist()):
        if ends[0] != ends[1]:
            assert states.loss[kept[pairs.index(tuple(sorted(ends)))]] <= states.loss[row]


@pytest.mark.slow
@pytest.mark.skipif(environment.topsearch_installed() is None, reason=f"needs topsearch: {HINT}")
def test_topsearch_reads_a_network_and_gives_it_back(folder):
    landscape = networks.himmelblau()
    write_landscape("h.h5", landscape)
    (folder / "h.toml").write_text('[loss]\nmodel = "himmelblau"\n')
    assert call("llpathsample", "export", "h.h5", "--format", "topsearch", "-o", "out", "-q") == 0
    points, states, pairs = said_by(environment.topsearch_installed(), TOPSEARCH)
    minima = landscape.minima
    assert points == [[loss, x] for loss, x in zip(minima.loss.tolist(), minima.coordinates.tolist(), strict=True)]
    ours = landscape.transition_states
    assert len(states) == len(ours) == 4
    for a, b, loss, x in states:
        row = ours.loss.tolist().index(loss)
        assert (sorted([a, b]), x) == (sorted(ours.minima[row].tolist()), ours.coordinates[row].tolist())
    assert pairs == landscape.pairs.ids.tolist()

    again = folder / "again"
    again.mkdir()
    for name in topsearch.NAMES:
        (folder / f"{name}.again").rename(again / name)
    # Energies of five decimals, coordinates of all digits.
    assert call("llpathsample", "import", "again", "--model", "h.toml", "-o", "again.h5", "-q") == 0
    found = read_landscape("again.h5")
    assert found.minima.coordinates.tolist() == minima.coordinates.tolist()
    assert len(found.transition_states) == 4
    assert sorted(found.transition_states.loss.tolist()) == sorted(ours.loss.tolist())


@pytest.mark.slow
@pytest.mark.skipif(environment.pygt_installed() is None, reason=f"needs PyGT: {HINT}")
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_pygt_reads_rates_both_ways(folder, temperature):
    landscape = networks.random_network(4)
    write_landscape("r.h5", landscape)
    options = ("--temperature", temperature, "--set-a", "0", "--set-b", "3,4")
    assert call("llpathsample", "export", "r.h5", "--format", "pygt", "-o", "out", "-q", *options) == 0
    python = environment.pygt_installed()
    rates, times, a, b, pi, matrix = said_by(python, PYGT.format(beta=1.0 / temperature))
    expected = kinetics.rate_matrix(landscape, temperature)
    diagonal = np.diag(expected)
    # From min.data and ts.data, where PyGT computes rates itself, and from ts_weights.dat, where they are ours.
    assert np.array(rates) == pytest.approx(expected - np.diag(diagonal), rel=1e-10)
    assert np.array(times) == pytest.approx(-1.0 / diagonal, rel=1e-10)
    assert np.array(matrix) == pytest.approx(expected, rel=1e-10)
    assert np.array(pi) == pytest.approx(kinetics.occupations(landscape, temperature), rel=1e-10)
    assert (a, b) == ([0], [3, 4])
