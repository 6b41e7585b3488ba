"""Values of the AUC surrogate that OPTIM (Cambridge, Fortran) prints for its AUCMLPVB3 networks.

data/auc/surrogate.json: for each network the rows of MLPdata (class, features), the point in the suite's order, the
strength of the L2 term, AUCMLPBETA and the `Final energy` of the original. The suite's positive class is number 1.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from llcommon.losses import build
from tests.llcommon.losses.cases import table
from tests.suite.test_original_values import from_suite

FILE = Path(__file__).parent / "data" / "auc" / "surrogate.json"
CASES = json.loads(FILE.read_text())


@pytest.mark.parametrize("case", CASES, ids=[f"{case['beta']}-{case['scaling']}-{case['hidden']}" for case in CASES])
def test_value_is_that_of_the_original(case):
    rows = np.array(case["rows"])
    scale = np.abs(rows[:, 1:]).mean(axis=0) if case["scaling"] == "mean-abs" else 1.0
    data = table(rows[:, 1:] / scale, labels=rows[:, 0].astype(int).tolist())
    parameters = {
        "hidden": [case["hidden"]],
        "loss": "auc",
        "lambda": case["strength"],
        "beta": case["beta"],
        "positive": "1",
    }
    model = build("mlp", parameters, data)
    x = from_suite(case["x"], model.widths)
    # Seventeen digits are printed, and sums in another order round otherwise.
    assert model.value(x) == pytest.approx(float(case["energy"]), rel=3e-15)
