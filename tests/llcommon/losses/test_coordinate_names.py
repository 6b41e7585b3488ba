"""Names of coordinates: one each, and those of a network tell where a weight sits."""

from pathlib import Path

import numpy as np
import pytest

from llcommon import losses
from llcommon.data import read_csv
from llcommon.settings import DataSettings

IRIS_CSV = Path(__file__).parents[3] / "examples" / "iris" / "iris.csv"


@pytest.mark.parametrize("name", ["mueller-brown", "himmelblau", "double-well"])
def test_coordinates_of_surfaces_are_numbered(name):
    model = losses.build(name, {})
    assert model.coordinate_names() == [f"x{number}" for number in range(model.dimension)]


@pytest.mark.parametrize("hidden", [[], [3], [4, 2]])
def test_names_of_weights(hidden):
    data = read_csv(IRIS_CSV, DataSettings(target="species"), False)
    model = losses.build("mlp", {"hidden": hidden}, data)
    names = model.coordinate_names()
    assert len(set(names)) == len(names) == model.dimension
    # A weight that is named feature -> first unit changes the output of a network by that feature alone.
    places = model.matrices(np.arange(model.dimension, dtype=np.float64))
    above = "unit0" if hidden else data.class_names[0]
    assert names[int(places[0][1, 0])] == f"1/{data.feature_names[1]}/{above}"
    assert names[int(places[-1][-1, 2])] == f"{len(hidden) + 1}/bias/{data.class_names[2]}"
    if len(hidden) == 2:
        assert names[int(places[1][3, 1])] == "2/unit3/unit1"


def test_the_output_of_a_regression_is_its_target(tmp_path):
    (tmp_path / "line.csv").write_text("a,b,height\n0,1,0.5\n1,0,1.5\n2,2,3.25\n")
    data = read_csv(tmp_path / "line.csv", DataSettings(), True)
    model = losses.build("mlp", {"hidden": [1], "loss": "mse"}, data)
    assert model.coordinate_names() == [
        "1/a/unit0", "1/b/unit0", "1/bias/unit0", "2/unit0/height", "2/bias/height",
    ]  # fmt: skip
