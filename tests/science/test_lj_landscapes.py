"""Landscapes of small Lennard-Jones clusters, through the command line: as many points as the literature counts.

Minima and transition states up to permutations and inversion (Doye and Wales, J. Chem. Phys. 116, 3777, 2002), and
energies of minima as the Cambridge Cluster Database and Hoare and Pal print them.
"""

import math
import shutil

import numpy as np
import pytest

from llcommon.store import Landscape, read_landscape
from tests.science.runs import EXAMPLES, program, run_and_grow

LJ7 = [-16.505384, -15.935043, -15.593211, -15.533060]
PRINTED = 6e-7


def grown(atoms: int, folder, attempts: int = 8) -> Landscape:
    """The example's landscape for another number of atoms."""
    shutil.copy(EXAMPLES / "lj" / "lj7.toml", folder)
    size = ("--set", f"loss.atoms={atoms}", "--set", f"grow.attempts={attempts}")
    return run_and_grow(folder, "lj7.toml", size)


def assert_sound(landscape: Landscape) -> None:
    """By NumPy: six zeros, the right number of negative eigenvalues, LPPHE of the positive ones."""
    for table, index in ((landscape.minima, 0), (landscape.transition_states, 1)):
        for row in range(len(table)):
            values = np.linalg.eigvalsh(landscape.model.hessian(table.coordinates[row].copy()))
            order = np.abs(values).argsort()
            zeros, others = values[order[:6]], values[order[6:]]
            assert np.abs(zeros).max() < 1e-5 * np.abs(others).min()
            assert (others < 0.0).sum() == index
            assert np.log(others[others > 0.0]).sum() == pytest.approx(table.lpphe[row], abs=1e-6)
    states = landscape.transition_states
    for row, ids in enumerate(states.minima.tolist()):
        assert states.loss[row] > landscape.minima.loss[ids].max()


@pytest.mark.parametrize(("atoms", "minima", "states"), [(4, 1, 1), pytest.param(6, 2, 3, marks=pytest.mark.slow)])
def test_smallest_clusters(tmp_path, atoms, minima, states):
    landscape = grown(atoms, tmp_path, attempts=3)
    assert len(landscape.minima) == minima
    assert len(landscape.transition_states) == states
    assert_sound(landscape)


@pytest.mark.slow
def test_seven_atoms(tmp_path):
    landscape = grown(7, tmp_path)
    assert np.sort(landscape.minima.loss) == pytest.approx(sorted(LJ7), abs=PRINTED)
    assert len(landscape.transition_states) == 12
    assert_sound(landscape)
    # A bipyramid, a capped octahedron, a tricapped tetrahedron, a bicapped bipyramid: D5h, C3v, C3v, C2.
    assert landscape.minima.order[landscape.minima.loss.argsort()].tolist() == [20, 6, 6, 2]
    program("lloptim", "check", "landscape.h5", cwd=tmp_path)


@pytest.mark.slow
def test_eight_atoms(tmp_path):
    landscape = grown(8, tmp_path)
    assert len(landscape.minima) == 8
    assert landscape.minima.loss.min() == pytest.approx(-19.821489, abs=PRINTED)
    assert len(landscape.transition_states) == 42
    assert_sound(landscape)
    program("lloptim", "check", "landscape.h5", cwd=tmp_path)


@pytest.mark.slow
def test_thirteen_atoms_fall_into_the_icosahedron(tmp_path):
    (tmp_path / "lj13.toml").write_text('[loss]\nmodel = "lj"\n[search]\nsteps = 100\n')
    program("llgmin", "run", "lj13.toml", "-o", "minima.h5", "-q", cwd=tmp_path)
    landscape = read_landscape(tmp_path / "minima.h5")
    lowest = landscape.minimum(landscape.global_minimum())
    assert lowest.loss == pytest.approx(-44.326801, abs=PRINTED)
    assert lowest.order == 120
    assert lowest.log_order == pytest.approx(math.log(120))
