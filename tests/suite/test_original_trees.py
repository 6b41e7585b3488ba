"""Which minima disconnectionDPS draws, and which we do, of one random network under its options."""

import re
import subprocess

import numpy as np
import pytest

from benchmarks import environment
from llpathsample.tree import superbasin_tree
from tests.llpathsample.test_tree import grown_network

MISSING = "needs pylfl: run `python -m benchmarks.environment` once"
LEVELS = 12
CASES = {
    "": {},
    "LOWEST 10": {"lowest": 10},
    "MONOTONIC": {"monotonic": True},
    "LOWEST 15\nMONOTONIC": {"lowest": 15, "monotonic": True},
    "NCONNMIN 1": {"min_connections": 2},
    "TSTHRESH 1.16": {"highest_ts": 1.16},
    "CONNECTMIN 5": {"root": 4},
}


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
@pytest.mark.parametrize("keywords", CASES)
def test_the_same_minima_are_drawn(tmp_path, keywords):
    losses, ts, pairs = grown_network(40, 30, 3)
    losses, ts = np.round(losses, 6), np.round(ts, 6)
    first = round(float(ts.max()) + 0.05, 2)
    step = round((first - float(losses.min())) / LEVELS + 0.005, 2)
    minima = [f"{loss:.12f} 0.0 1 1.0 1.0 1.0\n" for loss in losses]
    states = [f"{loss:.12f} 0.0 1 {a + 1} {b + 1} 1.0 1.0 1.0\n" for loss, (a, b) in zip(ts, pairs, strict=True)]
    (tmp_path / "min.data").write_text("".join(minima))
    (tmp_path / "ts.data").write_text("".join(states))
    head = f"DELTA {step}\nFIRST {first}\nLEVELS {LEVELS}\nMINIMA min.data\nTS ts.data\nIDENTIFY\n"
    (tmp_path / "dinfo").write_text(head + keywords + "\n")
    subprocess.run([environment.prepare().disconnection], cwd=tmp_path, capture_output=True, check=False)
    named = re.findall(r"mt \((\d+)\) show", (tmp_path / "tree.ps").read_text())
    tree = superbasin_tree(losses, ts, pairs, thresholds=first - step * np.arange(LEVELS), **CASES[keywords])
    assert {int(number) - 1 for number in named} == set(tree.minimum[tree.leaves].tolist())
