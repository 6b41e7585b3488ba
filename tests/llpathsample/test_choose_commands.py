"""The commands `choose-k` and `choose`: tables, figures, what is refused. Programs run in this process."""

import json
import shutil
from dataclasses import replace

import pytest
from driving import IRIS_CSV, call
from making_standin import Here

from llpathsample import choosecommand, making

KMEANS = """\
[loss]
model = "kmeans"

[data]
file = "points.csv"
target = "kind"
scaling = "none"

[search]
steps = 10
chains = 1
"""
MLP = """\
[loss]
model = "mlp"
hidden = [1]
lambda = 0.1

[data]
file = "train.csv"
target = "species"

[search]
steps = 3
chains = 1
"""
POINTS = [(0, 0), (0, 1), (1, 0), (1, 1), (9, 0), (9, 1), (10, 0), (10, 1), (4, 9), (4, 10), (5, 9), (5, 10)]


@pytest.fixture
def here(monkeypatch, tmp_path) -> type[Here]:
    monkeypatch.setattr(making, "Children", Here)
    monkeypatch.setattr(Here, "commands", [])
    monkeypatch.setattr(Here, "instead", {})
    monkeypatch.chdir(tmp_path)
    rows = [f"{x},{y + 0.01 * k},{'abc'[k // 4]}" for k, (x, y) in enumerate(POINTS)]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    (tmp_path / "points.toml").write_text(KMEANS)
    (tmp_path / "iris.toml").write_text(MLP)
    head, *flowers = IRIS_CSV.read_text().splitlines()
    (tmp_path / "train.csv").write_text("\n".join([head, *flowers[::4]]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join([head, *flowers[1::8]]) + "\n")
    return Here


FEW = ("--minima", 2, "--pairs", 1, "--set", "connect.tries=1", "--set", "connect.cycles=1", "-j", 1)
CHOOSE_K = ("llpathsample", "choose-k", "points.toml", *FEW, "--references", 4, "--starts", 20)
CHOOSE = ("llpathsample", "choose", "iris.toml", *FEW)
LAMBDA = (*CHOOSE, "--vary", "loss.lambda=0.1,0.01")


def test_three_clouds_by_choose_k(here, tmp_path, capsys):
    assert call(*CHOOSE_K, "--k", "2:3", "-o", "k.svg", "--json") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["recommended"] == 3 and found["by_criterion"]["silhouette"] == 3
    assert [row["clusters"] for row in found["rows"]] == [1, 2, 3]
    assert found["rows"][2]["ari_with_known"] == pytest.approx(1.0)
    assert found["rows"][2]["lowest_loss"] < found["rows"][1]["lowest_loss"] < found["rows"][0]["lowest_loss"]
    assert "recommended by the landscape: K = 3" in said.err and "no criterion and no recommendation" in said.err
    assert (tmp_path / "k.svg").read_text().startswith("<?xml")
    # Again: nothing is made anew, and the table is the same.
    runs = len(here.commands)
    assert call(*CHOOSE_K, "--k", "2:3", "--json") == 0
    assert json.loads(capsys.readouterr().out) == found
    assert len(here.commands) == runs
    # As a table, of one K that is there.
    assert call(*CHOOSE_K, "--k", "3") == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["clusters", "1", "3"]
    assert len(here.commands) == runs


def test_a_dry_run_makes_nothing(here, tmp_path, capsys):
    for command in ((*CHOOSE_K, "--k", "2:3"), LAMBDA):
        assert call(*command, "-n") == 0
        said = capsys.readouterr()
        assert said.err.count("is to be made") == 2 and not said.out
    assert here.commands == [] and not list(tmp_path.glob("*.choose*"))


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (("points.toml", "--k", "0:3"), 2, "must rise from at least 1"),
        (("points.toml", "--k", "3:2"), 2, "must rise"),
        (("points.toml", "--k", "two"), 2, "is not a range such as 2:8"),
        (("points.toml", "--k", "2,13"), 2, "clusters is 13, but points.csv has only 12 different rows"),
        (("iris.toml", "--k", "2"), 2, "choose-k is for the loss model kmeans, not mlp"),
        (("points.toml", "--labels", "sort"), 2, "sort is not a column"),
        (("points.toml", "-o", "k.txt"), 2, "figures are written as"),
        (("nothing.toml",), 3, "nothing.toml"),
    ],
)
def test_what_choose_k_refuses(here, tmp_path, capsys, arguments, code, sentence):
    assert call("llpathsample", "choose-k", *arguments) == code
    assert sentence in capsys.readouterr().err
    assert here.commands == [] and not (tmp_path / "points.choose-k").exists()


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (("--vary", "loss.lamda=1,2"), 2, "did you mean lambda?"),
        (("--vary", "los.lambda=1,2"), 2, "did you mean loss?"),
        (("--vary", "loss.lambda=[1,2]"), 2, "lambda must be a number"),
        (("--vary", "loss.hidden=2"), 2, "hidden must be a list"),
        (("--vary", "lambda"), 2, "must have the form"),
        (("--vary", 'data.file="train.csv","test.csv"'), 2, "other rows or columns"),
        (("--vary", "loss.lambda=1", "--test", "none.csv"), 3, "none.csv"),
        (("--vary", "loss.lambda=1", "--folds", "99"), 2, "more than the 38 rows"),
        (("--vary", "loss.lambda=1", "--validation", "0.001"), 2, "not a single row"),
    ],
)
def test_what_choose_refuses(here, tmp_path, capsys, arguments, code, sentence):
    assert call("llpathsample", "choose", "iris.toml", *arguments) == code
    assert sentence in capsys.readouterr().err
    assert here.commands == [] and not (tmp_path / "iris.choose").exists()


def test_choose_compares_no_probabilities_with_numbers(here, tmp_path, capsys):
    rows = [f"{x},{y},{k % 2}" for k, (x, y) in enumerate(POINTS)]
    (tmp_path / "train.csv").write_text("\n".join(["x,y,species", *rows]) + "\n")
    assert call(*CHOOSE, "--vary", "loss.loss=cross-entropy,mse") == 2
    assert "scored by the log_loss of classes and the mse of numbers" in capsys.readouterr().err
    assert here.commands == [] and not (tmp_path / "iris.choose").exists()


def test_lambda_by_choose(here, tmp_path, capsys):
    assert call(*LAMBDA, "--test", "test.csv", "-o", "lambda.svg", "--json") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    rows = found["rows"]
    assert [row["loss.lambda"] for row in rows] == ["0.1", "0.01"]
    best = min(rows, key=lambda row: row["validation_log_loss"])
    assert found["best_validation"] == {"loss.lambda": best["loss.lambda"]}
    assert 0.0 <= rows[1]["test_accuracy"] <= 1.0 and rows[1]["cpu_seconds"] == 3.0
    assert "no search sees them" in said.err and "nothing was chosen by them" in said.err
    assert (tmp_path / "lambda.svg").exists()
    parts = [(tmp_path / "iris.choose" / f"{name}.csv").read_text() for name in ("validation", "without-validation")]
    assert [len(part.splitlines()) - 1 for part in parts] == [9, 29]
    assert not set(parts[0].splitlines()[1:]) & set(parts[1].splitlines()[1:])
    # Test rows choose nothing: without them all else is the same.
    assert call(*LAMBDA, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["recommended"] == found["recommended"] and again["reasons"] == found["reasons"]


def test_cross_validation_searches_each_fold(here, tmp_path, capsys):
    assert call(*CHOOSE, "--vary", "loss.lambda=0.1", "--folds", 2, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    names = sorted(path.name.removeprefix("lambda-0.1.") for path in (tmp_path / "iris.choose").glob("*.h5"))
    assert names == ["fold1.minima.h5", "fold2.minima.h5", "h5", "minima.h5"]
    assert found["folds"] == 2 and found["rows"][0]["validation_log_loss_error"] > 0.0


def test_folds_without_a_minimum_leave_a_value_without_a_score(here, capsys, monkeypatch):
    whole = choosecommand.make_all

    def partly(*arguments):
        return [replace(each, path=None) if each.name == "lambda-0.1.fold2" else each for each in whole(*arguments)]

    monkeypatch.setattr(choosecommand, "make_all", partly)
    assert call(*CHOOSE, "--vary", "loss.lambda=0.1", "--folds", 2, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["recommended"] is None
    assert "lambda-0.1: a fold has no minimum, so there is no validation score" in said.err


def test_a_model_that_predicts_nothing_has_its_landscapes_compared(here, capsys):
    assert call("llpathsample", "choose", "points.toml", *FEW, "--vary", "loss.clusters=2,3", "--json") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["recommended"] is None and len(found["rows"]) == 2
    assert "landscapes alone are compared" in said.err and "no value is recommended" in said.err


def test_a_stop_says_how_to_go_on(here, capsys):
    assert call(*CHOOSE_K, "--time-limit", "0.000001") == 75
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.slow
def test_the_processes_of_two_calls_make_the_same(tmp_path, run_program):
    shutil.copy(IRIS_CSV, tmp_path)
    (tmp_path / "iris.toml").write_text(KMEANS.replace("points.csv", "iris.csv").replace("kind", "species"))
    command = ("choose-k", "iris.toml", "--k", "2,3", "--minima", 4, "--references", 2, "--starts", 20)
    for jobs, folder in ((1, "one"), (2, "two")):
        done = run_program("llpathsample", *command, "-j", jobs, "--folder", folder, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ("k2.h5", "k3.h5"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
