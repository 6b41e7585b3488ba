"""Rates and passage times of PyGT, in its own environment, and those of its example networks."""

import json
import subprocess

import networks
import numpy as np
import pytest

from benchmarks import environment
from llpathsample.kinetics.rates import Routes

HINT = "run `python -m benchmarks.environment` once"
DRIVER = environment.PROJECT / "benchmarks" / "_pygt_driver.py"


@pytest.mark.slow
@pytest.mark.skipif(environment.pygt_installed() is None, reason=f"needs PyGT: {HINT}")
@pytest.mark.parametrize("block", ["1", "20"])
def test_pygt_finds_the_same_rates(block):
    folder = networks.DATA / "32state"
    command = [environment.pygt_installed(), DRIVER, folder, block, "50", "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    said = json.loads(result.stdout.splitlines()[-1])
    network, a, b = networks.suite_network(folder)
    found = Routes(network, a, b).at(1.0)
    for side, direction in (("AB", found.forth), ("BA", found.back)):
        ours = {
            "MFPT": direction.passage_time, "kSS": direction.steady_state, "kNSS": direction.non_steady_state,
            "k*": direction.inverse_time, "kF": direction.first_passage,
        }  # fmt: skip
        for name, value in ours.items():
            assert said[name + side] == pytest.approx(np.exp(value), rel=1e-8)


@pytest.mark.slow
@pytest.mark.skipif(environment.pygt_networks() is None, reason=f"needs PyGT's source distribution: {HINT}")
def test_the_nine_state_network():
    """Against interval arithmetic, and what PATHSAMPLE printed for a single minimum in A and in B."""
    network, a, b = networks.suite_network(environment.pygt_networks() / "9state")
    found = Routes(network, a, b).at(1.0)
    assert np.exp(found.back.passage_time) == pytest.approx(1800897191719.842082, rel=1e-12)
    assert np.exp(found.forth.passage_time) == pytest.approx(4849442466343.899940, rel=1e-12)
    assert np.exp(found.forth.steady_state) == pytest.approx(8.03477807813512105e-12, rel=1e-12)
    single = Routes(network, np.array([143]), np.array([3])).at(1.0).forth
    assert np.exp(single.steady_state) == pytest.approx(0.7360803384e-2, rel=1e-9)
    assert np.exp(single.passage_time) == pytest.approx(0.7520218829e12, rel=1e-9)
