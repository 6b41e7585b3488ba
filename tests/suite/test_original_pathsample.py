"""Exported networks in the original programs: PATHSAMPLE and disconnectionDPS make of them what the formulae say.

The fast tests compare with numbers that the programs once printed; the others run them, from the wheel pylfl.
"""

import re
import shutil
import subprocess

import networks
import numpy as np
import pytest
from driving import call

from benchmarks import environment
from llcommon.config import table_of
from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import Settings
from llcommon.store import Landscape, read_landscape, write_landscape
from llcommon.verification import verify
from tests.llcommon.losses.cases import binary_table
from tests.reference import kinetics

KEPT = networks.NET4
DIGITS = 1e-9  # ten are printed

MISSING = "needs pylfl: run `python -m benchmarks.environment` once"


def numbers(text):
    """The lines of a file as rows of numbers."""
    return np.array([[float(word) for word in line.split()] for line in text.splitlines()])


# --- what was printed once --------------------------------------------------------------------


def test_rates_are_those_that_pathsample_printed():
    steady, otherwise, _ = kinetics.rates_between(networks.net4(), [0], [3], 0.5)
    back, other_back, _ = kinetics.rates_between(networks.net4(), [3], [0], 0.5)
    assert numbers((KEPT / "NGT.rates.kSS").read_text())[0, 1:] == pytest.approx([steady, back], rel=DIGITS)
    assert numbers((KEPT / "NGT.rates.kNSS").read_text())[0, 1:] == pytest.approx([otherwise, other_back], rel=DIGITS)


def test_heat_capacity_is_that_which_pathsample_printed():
    for temperature, printed, _ in numbers((KEPT / "Cv.out").read_text()):
        assert kinetics.heat_capacity(networks.net4(), temperature, 6) == pytest.approx(printed, rel=DIGITS)


# --- the programs -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def program(name, cwd):
    """Run one of the original programs; what it says."""
    path = getattr(environment.prepare(), name)
    result = subprocess.run([path], cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    return result.stdout


def exported(landscape, folder, *options):
    write_landscape(folder / "n.h5", landscape)
    assert call("llpathsample", "export", folder / "n.h5", "-o", folder / "out", "-f", "-q", *options) == 0
    return folder / "out"


def changed(path, *changes):
    text = path.read_text()
    for old, new in changes:
        text = re.sub(old, new, text, flags=re.MULTILINE)
    path.write_text(text)


NETWORKS = {
    "net4": (networks.net4, 6, 0.5),
    "himmelblau": (networks.himmelblau, 1, 20.0),
    "random": (lambda: networks.random_network(2), 5, 0.7),
    "another": (lambda: networks.random_network(7, minima=40, states=120), 5, 1.5),
}


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
@pytest.mark.parametrize("name", NETWORKS)
def test_pathsample_finds_the_same_rates(folder, name):
    make, _, temperature = NETWORKS[name]
    landscape = make()
    highest = int(np.argmax(landscape.minima.loss))
    best = landscape.global_minimum()
    out = exported(landscape, folder, "--temperature", temperature, "--set-b", highest)
    said = program("pathsample", out)
    forth = kinetics.rates_between(landscape, [best], [highest], temperature)
    back = kinetics.rates_between(landscape, [highest], [best], temperature)
    for file, place in (("NGT.rates.kSS", 0), ("NGT.rates.kNSS", 1)):
        found = numbers((out / file).read_text())[0]
        assert found == pytest.approx([temperature, forth[place], back[place]], rel=DIGITS)
    printed = re.search(r"NGT> k\(A<-B\)=\s*(\S+)\s+k\(B<-A\)=\s*(\S+)", said).groups()
    assert [float(word) for word in printed] == pytest.approx([forth[2], back[2]], rel=DIGITS)


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
@pytest.mark.parametrize("name", NETWORKS)
def test_pathsample_finds_the_same_heat_capacity(folder, name):
    make, degrees_of_freedom, temperature = NETWORKS[name]
    landscape = make()
    out = exported(landscape, folder, "--temperature", temperature)
    changed(out / "pathdata", ("^NGT.*", ""), ("^! CV", "CV"))
    program("pathsample", out)
    rows = numbers((out / "Cv.out").read_text())
    assert len(rows) >= 9
    for point, printed, _ in rows:
        # Of a network PATHSAMPLE counts one degree of freedom less than coordinates.
        assert kinetics.heat_capacity(landscape, point, degrees_of_freedom) == pytest.approx(printed, rel=DIGITS)


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
@pytest.mark.parametrize("name", NETWORKS)
def test_disconnection_draws_every_minimum(folder, name):
    landscape = NETWORKS[name][0]()
    out = exported(landscape, folder)
    assert "Writing tree.ps" in program("disconnection", out)
    assert (out / "tree.ps").read_text().startswith("%!PS")
    # Not connected to the global minimum, and so not drawn, is none of them.
    listed = out / "disconnected"
    assert not listed.exists() or not listed.read_text().split()


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
def test_a_database_that_pathsample_made_and_grew(folder):
    """From a path.info of OPTIM, then with one of ours added, then grown by OPTIM's single-ended searches."""
    shutil.copytree(networks.XOR, folder / "db")
    pathdata = folder / "db" / "pathdata"
    head = "MLPVB3 2 1 2 2 4 0.0001\nEDIFFTOL 1.0D-6\nGEOMDIFFTOL 1.0D-1\nTEMPERATURE 0.1\nCYCLES 0\n"
    pathdata.write_text(head + "STARTFROMPATH path.info 1 2\n")
    program("pathsample", folder / "db")
    assert call("llpathsample", "import", "db", "-o", "one.h5", "-q") == 0
    landscape = read_landscape("one.h5")
    assert (len(landscape.minima), len(landscape.transition_states)) == (1, 1)
    assert verify(landscape, [0]).failures == []

    assert call("llpathsample", "export", "one.h5", "--format", "path.info", "-o", "db/ours.info", "-q") == 0
    pathdata.write_text(head + "ADDPATH ours.info\n")
    program("pathsample", folder / "db")
    # Known to the last digit that PATHSAMPLE compares: nothing was added.
    assert len((folder / "db" / "ts.data").read_text().splitlines()) == 1
    assert (folder / "db" / "ours.info.done").exists() or (folder / "db" / "ours.info").exists()

    assert call("llpathsample", "export", "one.h5", "-o", "grown", "-q") == 0
    # The whole path would be longer than PATHSAMPLE takes.
    shutil.copy(environment.prepare().optim, folder / "grown" / "OPTIM")
    changed(
        folder / "grown" / "pathdata",
        ("^CYCLES.*", "PERTURB 2.0\nSLEEPTIME 0.02"), ("^! EXEC.*", "EXEC ./OPTIM"), ("^! CPUS", "CPUS"),
        ("^! CYCLES.*", "CYCLES 24"), ("^! NEWCONNECTIONS", "NEWCONNECTIONS"),
    )  # fmt: skip
    program("pathsample", folder / "grown")
    assert len((folder / "grown" / "ts.data").read_text().splitlines()) > 1
    assert call("llpathsample", "import", "grown", "-o", "grown.h5", "--reconverge", "-q") == 0
    grown = read_landscape("grown.h5")
    assert len(grown.transition_states) >= 2
    assert verify(grown, range(len(grown.transition_states))).failures == []
    assert grown.minima.loss[0] == pytest.approx(0.013475830089618, abs=1e-14)


def one_minimum(model):
    """A landscape of the first minimum that a quench from a random start leads to."""
    landscape = Landscape(Settings(model.name, table_of(model.parameters)), model, model.data)
    quencher = Quencher(model, landscape.settings.quench)
    rng = np.random.default_rng(3)
    while not len(landscape.minima):
        end = quencher.quench(model.random_start(rng))
        found, _ = minimum_at(model, end.coordinates, landscape.settings.quench.rms)
        if found is not None:
            landscape.add_minimum(found)
    return landscape


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason=MISSING)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mlp", {"hidden": [2], "lambda": 1e-2}),
        ("mlp", {"hidden": [2], "lambda": 1e-2, "regularise_biases": False}),
        ("mlp", {"hidden": [2], "lambda": 1e-2, "loss": "auc", "positive": "1", "beta": 5.0}),
        ("mlq", {"lambda": 1e-2}),
    ],
)
def test_gmin_starts_where_we_ended(folder, name, parameters):
    landscape = one_minimum(build(name, parameters, binary_table()))
    out = exported(landscape, folder)
    changed(out / "data", ("^STEPS .*", "STEPS 0 1.0"))
    said = program("gmin", out)
    # Its first quench ends at the start, after a call or two.
    energy = float(re.search(r"Qu +0 +E= *(\S+)", said).group(1))
    assert energy == pytest.approx(landscape.minima.loss[0], rel=DIGITS)
    lowest = np.array((out / "lowest").read_text().split("calls")[1].split(), dtype=float)
    assert lowest == pytest.approx(np.loadtxt(out / "coords"), abs=1e-5)
