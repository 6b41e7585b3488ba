"""The minimum that GMIN (Cambridge, Fortran) prints in its file `lowest` for its MLQ model of iris, lambda 1e-4.

Its MLQdata held the features of examples/iris/iris.csv, standardised, to 16 decimals.
"""

from pathlib import Path

import numpy as np
import pytest

from llcommon.data import read_csv
from llcommon.losses import build
from llcommon.optimise.quench import Quencher
from llcommon.settings import DataSettings, QuenchSettings
from tests.reference.mlq import from_suite

LOWEST = Path(__file__).parent / "data" / "mlq" / "lowest"
IRIS = Path(__file__).parents[2] / "examples" / "iris" / "iris.csv"
DIGITS = 1e-9  # of the ten that are printed


@pytest.fixture(scope="module")
def model():
    return build("mlq", {"lambda": 1e-4}, read_csv(IRIS, DataSettings(), False))


@pytest.fixture(scope="module")
def printed():
    """Loss and house coordinates of the first minimum printed."""
    lines = LOWEST.read_text().splitlines()
    number = int(lines[0])
    loss = float(lines[1].split("=")[1].split()[0])
    return loss, from_suite([float(line) for line in lines[2 : 2 + number]], features=4, classes=3)


def test_the_value_at_the_printed_coordinates_is_the_printed_one(model, printed):
    loss, x = printed
    value, gradient = model.value_and_gradient(x)
    assert value == pytest.approx(loss, rel=DIGITS)
    # 2e-4 is the least curvature, so the last digits of coordinates leave next to nothing of a gradient.
    assert np.sqrt(np.mean(gradient**2)) < 2e-9


def test_a_quench_ends_there(model, printed):
    loss, x = printed
    result = Quencher(model, QuenchSettings()).quench(model.random_start(np.random.default_rng(1)))
    assert result.loss == pytest.approx(loss, rel=DIGITS)
    assert np.abs(result.coordinates - x).max() < 1e-4
