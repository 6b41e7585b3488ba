"""Without an L2 term: minima that run off to infinity end with a named status and are not stored."""

import json

import numpy as np
import pytest

from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.driving import call, xor_problem
from tests.llcommon.losses.cases import table, xor_table

SEPARABLE = table([[-2.0, 0.3], [-1.0, 1.0], [1.0, 0.4], [2.0, -1.0]], labels=[0, 0, 1, 1])


def ends(parameters, data, settings, starts=8):
    """Status of quenches from random starts, and of the verification where one converged."""
    model = build("mlp", {"lambda": 0.0, **parameters}, data)
    quencher = Quencher(model, settings)
    rng = np.random.default_rng(2)
    found = []
    for _ in range(starts):
        result = quencher.quench(3.0 * model.random_start(rng))
        status = result.status
        if status is Status.CONVERGED:
            minimum, status = minimum_at(model, result.coordinates, settings.rms)
            assert (minimum is None) == (status is not Status.CONVERGED)
        found.append((status, result.loss))
    return found


@pytest.mark.parametrize("parameters", [{"hidden": [2]}, {"hidden": [2], "loss": "bce"}, {"hidden": []}], ids=str)
def test_a_small_radius_ends_what_runs_away(parameters):
    statuses = {status for status, _ in ends(parameters, SEPARABLE, QuenchSettings(radius=12.0))}
    assert Status.LEFT_RADIUS in statuses
    assert Status.CONVERGED not in statuses


@pytest.mark.parametrize("data", [SEPARABLE, xor_table()], ids=["separable", "xor"])
@pytest.mark.parametrize("loss", ["cross-entropy", "bce"])
def test_a_loss_that_has_sunk_below_its_rounding_is_no_minimum(data, loss):
    for status, value in ends({"hidden": [2], "loss": loss}, data, QuenchSettings()):
        # Of XOR there are proper minima as well, where two rows cannot be told apart.
        assert status is not Status.CONVERGED or value > 1e-3


def test_run_warns_and_stores_no_runaway(tmp_path, capsys):
    problem = xor_problem(tmp_path, steps=20)
    code = call("llgmin", "run", problem, "-j", 1, "--json", "--set", "loss.lambda=0.0")
    shown = capsys.readouterr()
    assert "lambda = 0 lets minima run off to infinity" in shown.err
    if code == 0:
        assert json.loads(shown.out)["lowest_loss"] > 1e-3
    else:
        assert code == 4
        assert "no quench ended in a verified minimum" in shown.err


def test_a_minimum_found_from_many_starts_is_stored_once(tmp_path, capsys):
    """At the same place but for the gauge of the softmax, along which the loss is constant."""
    data = "x,class\n" + "\n".join(f"{x},{label}" for x, label in zip([0, 1, 2, 3, 4, 5], "abab" + "ab", strict=True))
    (tmp_path / "mixed.csv").write_text(data + "\n")
    settings = '[loss]\nmodel = "mlp"\nhidden = []\nlambda = 0.0\n[data]\nfile = "mixed.csv"\n[search]\nsteps = 5\n'
    (tmp_path / "mixed.toml").write_text(settings)
    assert call("llgmin", "run", tmp_path / "mixed.toml", "-j", 1, "--json") == 0
    assert json.loads(capsys.readouterr().out)["minima"] == 1
