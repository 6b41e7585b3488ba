"""`llpathsample bayes` on a small Gaussian process, from the command line."""

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
from driving import ROOT, call, grow_here, run

from llcommon.data import read_rows
from llcommon.errors import Stopped
from llcommon.mixing import log_weights, mixture
from llcommon.optimise.points import minimum_at
from llcommon.problem import read_problem
from llcommon.store import Landscape, read_landscape, write_landscape
from llpathsample.bayes import sampling
from llpathsample.bayes.comparison import Plan, compare, data_set
from llpathsample.bayes.harmonic import harmonic_of
from llpathsample.bayes.importance import importance
from llpathsample.bayes.problem import Problem, problem_of
from llpathsample.network import minimax_barriers

EXAMPLE = ROOT / "examples" / "bayes"
# A narrow box, so that quadrature has little to do.
TOML = """\
[loss]
model = "gp"
kernel = "squared-exponential"
signal_bounds = [0.2, 5.0]
length_bounds = [0.1, 1.0]
noise_bounds = [0.05, 2.0]

[data]
file = "few.train.csv"

[search]
steps = 10
"""
SHORT = ("--steps", 60, "--ensembles", 2, "--draws", 100, "-j", 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with few.h5, its settings, training and test rows, and one.h5, its lowest minimum alone."""
    path = tmp_path_factory.mktemp("bayes")
    for part, lines in (("train", None), ("test", 16)):
        text = (EXAMPLE / f"sine-few.{part}.csv").read_text(encoding="utf-8")
        (path / f"few.{part}.csv").write_text("".join(text.splitlines(keepends=True)[:lines]), encoding="utf-8")
    (path / "few.toml").write_text(TOML, encoding="utf-8")
    assert call("llgmin", "run", path / "few.toml", "-o", path / "minima.h5", "-j", 1, "-q") == 0
    assert grow_here(path / "minima.h5", "-o", path / "few.h5", "-q", "-j", 1) == 0
    landscape = read_landscape(path / "few.h5")
    assert len(landscape.minima) > 1
    alone = Landscape(landscape.settings, landscape.model, landscape.data)
    alone.add_minimum(landscape.minimum(landscape.global_minimum()))
    write_landscape(path / "one.h5", alone)
    return path


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of it as the present folder."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(capsys, *arguments) -> tuple[dict, str]:
    """The JSON document, and what was said."""
    capsys.readouterr()
    assert call("llpathsample", "bayes", *arguments, "--json") == 0
    written = capsys.readouterr()
    return json.loads(written.out), written.err


def problem_in(path, name: str = "few.h5"):
    landscape = read_landscape(path / name)
    return landscape, problem_of(landscape, read_rows(path / "few.test.csv", landscape.data), name)


# --- right answers --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(made):
    """few.h5 by all methods."""
    pytest.importorskip("emcee")
    landscape, problem = problem_in(made)
    plan = Plan(3, sampling.Lengths(steps=1500, ensembles=2, draws=600), 2000, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llpathsample.bayes.quadrature._DIVISIONS", 4)  # each first cell is split once in any case
        (found,) = compare([data_set("few", landscape, problem)], plan)
    return found


def test_quadrature_importance_and_chains_agree_on_a_process(compared):
    assert compared.status.label == "converged" and compared.method == "mcmc"
    drawn, exact = compared.drawn, compared.exact
    assert abs(drawn.log_evidence - exact.log_evidence) < 4.0 * drawn.log_error + exact.log_error
    for scores in (compared.chains.scores, drawn.scores):
        assert abs(scores.mean - exact.scores.mean) < 4.0 * scores.monte_carlo_error + 0.002
        assert scores.rmse == pytest.approx(exact.scores.rmse, rel=0.03)


def test_evidence_and_predictions_by_a_plain_grid(compared):
    """The midpoint rule over the box, with the model's own predictions."""
    problem, exact = compared.data.problem, compared.exact
    lower, upper = problem.box
    number = 12
    axes = lower + (upper - lower) * (np.arange(number)[:, None] + 0.5) / number
    points = np.stack(np.meshgrid(*axes.T, indexing="ij"), axis=-1).reshape(-1, 3)
    weights = np.exp([-problem.model.value(x) for x in points])
    evidence = np.log(weights.mean() * np.prod(upper - lower))
    assert exact.log_evidence == pytest.approx(evidence, abs=0.01)
    density = np.zeros(len(problem.targets))
    for weight, x in zip(weights / weights.sum(), points, strict=True):
        mean = problem.model.predict(x, problem.features)[:, 0]
        variance = problem.model.predictive_variance(x, problem.features)[:, 0]
        density += weight * np.exp(-0.5 * (problem.targets - mean) ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)
    assert exact.scores.mean == pytest.approx(np.log(density).mean(), abs=0.005)


def test_what_contradicts_another_estimate_is_unreliable(compared):
    scores = replace(compared.chains.scores, log_density=compared.chains.scores.log_density + 0.1)
    assert replace(compared, chains=replace(compared.chains, scores=scores)).status.label == "unreliable"
    without = replace(compared, chains=None)
    assert (without.method, without.status.label) == ("quadrature", "converged")
    assert without.marginal is compared.exact.scores
    assert Plan(chains=False).integrates(compared.data.problem) and not Plan().integrates(compared.data.problem)


def test_mixed_minima_are_those_of_the_common_mixture(made):
    landscape, problem = problem_in(made)
    one = data_set("few", landscape, problem)
    mixed = mixture(problem.model, problem.minima, problem.features)
    assert one.mixed.rmse == pytest.approx(np.sqrt(np.mean((mixed.mean[:, 0] - problem.targets) ** 2)))
    np.testing.assert_allclose(one.density.log_weights, log_weights(problem.model, problem.minima, 1.0))


def test_measures_of_the_landscape(made):
    landscape, problem = problem_in(made)
    found = data_set("few", landscape, problem).measures
    losses, states = landscape.minima.loss, landscape.transition_states
    barriers = minimax_barriers(losses, states.loss, states.minima, int(np.argmin(losses)))
    order = np.argsort(losses, kind="stable")[1:]
    ratios = (barriers[order] - losses[order]) / (losses[order] - losses.min())
    others = found.shares[1:]
    assert found.frustration == pytest.approx((others @ ratios) / others.sum())
    assert found.shares.sum() == pytest.approx(1.0) and found.minima == len(losses)
    assert found.equivalent_minima == pytest.approx(np.exp(-(found.shares * np.log(found.shares)).sum()))
    assert found.basins >= found.funnels[1.0] >= found.funnels[10.0] >= 1


def test_a_loss_per_datum_has_the_same_posterior(made):
    _, problem = problem_in(made)
    model = read_problem(made / "few.toml", ("loss.per_datum=true",)).model
    minima = [minimum_at(model, minimum.coordinates.copy(), 1e-8)[0] for minimum in problem.minima]
    scaled = Problem(model, minima, problem.features, problem.targets)
    assert scaled.temperature == pytest.approx(1.0 / 12.0)
    first, second = (importance(one, harmonic_of(one), 300, 1) for one in (problem, scaled))
    assert second.log_evidence == pytest.approx(first.log_evidence, abs=1e-6)
    assert second.scores.mean == pytest.approx(first.scores.mean, abs=1e-6)


def test_a_single_minimum_gains_nothing_by_mixing(folder, capsys):
    written, _ = document(capsys, "one.h5", "--test", "few.test.csv", *SHORT)
    row = written["rows"][0]
    assert row["gain_of_mixing"] == row["mixing_low"] == 0.0
    assert (row["minima"], row["basins"], row["frustration"], row["share_of_lowest"]) == (1, 1, 0.0, 1.0)


@pytest.mark.slow
def test_long_chains_agree_with_quadrature_on_the_sine(tmp_path):
    pytest.importorskip("emcee")
    for name in ("sine.toml", "sine.train.csv", "sine.test.csv"):
        shutil.copy(EXAMPLE / name, tmp_path)
    command = ("bayes", "sine.toml", "--test", "sine.test.csv", "--check", "--draws", 8000, "--json")
    written = json.loads(run("llpathsample", *command, cwd=tmp_path).stdout)
    scores = {row["method"]: row for row in written["scores"]}
    for method in ("mcmc", "importance"):
        error = scores[method]["monte_carlo_error"]
        assert abs(scores[method]["log_density"] - scores["quadrature"]["log_density"]) < 4.0 * error + 0.001
    (evidence,) = written["evidence"]
    assert abs(evidence["importance"] - evidence["quadrature"]) < 4.0 * evidence["importance_error"] + 0.002
    # What docs/model-gp.md says.
    assert evidence["quadrature"] == pytest.approx(-22.55, abs=0.01)
    assert evidence["harmonic"] == pytest.approx(-22.43, abs=0.01)


# --- the command ----------------------------------------------------------------------------------


def test_tables_and_figure(folder, capsys):
    pytest.importorskip("emcee")
    files = ("few.h5", "one.h5", "--test", "few.test.csv", "--test", "few.test.csv")
    written, said = document(capsys, *files, *SHORT, "-o", "gains.svg")
    assert [row["data_set"] for row in written["rows"]] == ["few", "one"]
    assert {row["method"] for row in written["scores"]} == {"point", "mixed", "mcmc", "importance"}
    # Chains as short as these are not believed, and the table says so.
    assert [row["status"] for row in written["rows"]] == ["unreliable"] * 2
    assert "few: marginalised log density is unreliable: R-hat" in said and "give more --steps" in said
    assert "few data sets decide little" in said
    assert sum(written["shares_of_evidence"]["few"]) == pytest.approx(1.0)
    assert (folder / "gains.svg").read_text(encoding="utf-8").startswith("<?xml")
    for table in ("scores", "correlations"):
        capsys.readouterr()
        assert call("llpathsample", "bayes", *files, *SHORT, "--table", table, "-q") == 0
        header, *rows = capsys.readouterr().out.splitlines()
        assert len(rows) == len(written[table])
        assert header.split("\t") == list(written[table][0])


def test_the_seed_decides(folder, capsys):
    pytest.importorskip("emcee")
    command = ("few.h5", "--test", "few.test.csv", *SHORT)
    np.random.seed(1)
    first, _ = document(capsys, *command)
    np.random.seed(2)
    assert document(capsys, *command)[0] == first
    other, _ = document(capsys, *command, "--seed", 2)
    assert other["sampling"] != first["sampling"] and other["evidence"] != first["evidence"]


@pytest.mark.slow
def test_processes_do_not_change_a_bit(folder, capsys):
    pytest.importorskip("emcee")
    command = ("few.h5", "--test", "few.test.csv", *SHORT[:-1])
    assert document(capsys, *command, 2)[0] == document(capsys, *command, 1)[0]


def test_without_emcee_there_is_a_sentence_and_a_table(folder, capsys, monkeypatch):
    monkeypatch.setattr(sampling, "available", lambda: False)
    monkeypatch.setattr("llpathsample.bayes.comparison.MOST_COORDINATES", 2)
    written, said = document(capsys, "few.h5", "--test", "few.test.csv", *SHORT)
    assert "emcee is not installed" in said and "pip install" in said
    row = written["rows"][0]
    # 200 draws are few.
    assert (row["method"], row["status"]) == ("importance", "unreliable")
    assert "effective draws; install emcee, or give more --draws" in said
    assert written["sampling"][0]["r_hat"] is None


def test_settings_files_are_made_into_landscapes_first(folder, capsys, monkeypatch):
    asked = []

    def make(wanted, place, jobs, report, stop):
        from llpathsample.making import Made

        asked.append((wanted, place))
        report(wanted[0].name, "made")
        return [Made(one.name, folder / "few.h5", "", 0.0) for one in wanted]

    monkeypatch.setattr("llpathsample.making.make_landscapes", make)
    command = ("one.h5", "few.toml", "--test", "few.test.csv", "--test", "few.test.csv", *SHORT)
    written, said = document(capsys, *command, "--folder", "here", "--set", "search.steps=3")
    assert [row["minima"] for row in written["rows"]][0] == 1 < written["rows"][1]["minima"]
    ((wanted,), place) = asked[0]
    assert (str(wanted.settings), wanted.name, wanted.overrides) == ("few.toml", "few", ("search.steps=3",))
    assert str(place) == "here" and "few: made" in said


@pytest.mark.parametrize(("number", "code", "who"), [("SIGINT", 130, "Ctrl-C"), ("SIGTERM", 75, "SIGTERM")])
def test_who_stopped_the_making_of_landscapes_decides(folder, capsys, monkeypatch, number, code, who):
    def make(wanted, place, jobs, report, stop):
        signal.raise_signal(getattr(signal, number))
        assert stop()
        raise Stopped("few: stopped by SIGTERM, as the programs were told")

    monkeypatch.setattr("llpathsample.making.make_landscapes", make)
    assert call("llpathsample", "bayes", "few.toml", "--test", "few.test.csv", *SHORT, "--folder", "here") == code
    assert f"stopped by {who}; all that was found is kept in here; run the same" in capsys.readouterr().err


@pytest.mark.slow
def test_a_stopped_command_goes_on_to_the_same_table(made, tmp_path):
    for name in ("few.toml", "few.train.csv", "few.test.csv"):
        shutil.copy(made / name, tmp_path)
    command = ("bayes", "few.toml", "--test", "few.test.csv", *SHORT)
    stopped = run("llpathsample", *command, "--folder", "a", "--time-limit", "3", cwd=tmp_path, expect=75)
    assert stopped.stdout == ""
    resumed = run("llpathsample", *command, "--folder", "a", cwd=tmp_path)
    assert run("llpathsample", *command, "--folder", "b", cwd=tmp_path).stdout == resumed.stdout


# --- bad input ------------------------------------------------------------------------------------

REFUSED = [
    # arguments, exit code, what the sentence says
    ("few.h5", 2, "--test is missing"),
    ("few.h5 one.h5 --test few.test.csv", 2, "2 landscapes and 1 table of test rows were given"),
    ("plane.h5 --test few.test.csv", 2, "holds a landscape of himmelblau, whose loss is not the negative log lik"),
    ("nothing.h5 --test few.test.csv", 3, "nothing.h5"),
    ("few.h5 --test nothing.csv", 3, "nothing.csv"),
    ("few.h5 --test header.csv", 3, "has no rows of data under its header"),
    ("few.h5 --test few.train.csv", 2, "holds the rows that few.h5 was trained on"),
    ("few.h5 --test few.test.csv --set search.steps=3", 2, "no settings file was given"),
    ("few.h5 --test few.test.csv --walkers 7", 2, "--walkers must be even, not 7"),
    ("few.h5 --test few.test.csv --walkers 4", 2, "at least twice the number of coordinates, 6, not 4"),
    ("few.h5 --test few.test.csv -o gains.jpg", 2, "gains.jpg"),
    ("few.toml deep/few.toml --test few.test.csv --test few.test.csv", 2, "two settings files are called few.toml"),
    ("empty.h5 --test few.test.csv", 3, "empty.h5"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_bad_input(folder, capsys, arguments, code, sentence):
    from networks import himmelblau

    write_landscape(folder / "plane.h5", himmelblau())
    landscape = read_landscape(folder / "few.h5")
    write_landscape(folder / "empty.h5", Landscape(landscape.settings, landscape.model, landscape.data))
    (folder / "header.csv").write_text("x,y\n", encoding="utf-8")
    capsys.readouterr()
    assert call("llpathsample", "bayes", *arguments.split()) == code
    written = capsys.readouterr()
    assert written.out == "" and written.err.count(": error: ") == 1 and sentence in written.err


def test_a_users_loss_is_run_with_trust_only_and_is_no_likelihood(folder, capsys):
    source = "class Bowl:\n    dimension = 1\n    def value_and_gradient(self, x):\n        return x @ x, 2.0 * x\n"
    (folder / "bowl.py").write_text(source, encoding="utf-8")
    (folder / "bowl.toml").write_text('[loss]\nmodel = "bowl.py:Bowl"\n[search]\nsteps = 2\n', encoding="utf-8")
    assert call("llgmin", "run", "bowl.toml", "-j", 1, "-q") == 0
    for options, sentence in (((), "give --trust"), (("--trust",), "whose loss is not the negative log likelihood")):
        capsys.readouterr()
        assert call("llpathsample", "bayes", "bowl.h5", "--test", "few.test.csv", *options) == 2
        assert sentence in capsys.readouterr().err
