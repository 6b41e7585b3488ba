"""`llpathsample ensemble`, and the predictor files that it writes, as a user meets them."""

import json
import pickle
import shutil

import numpy as np
import pytest
from driving import call, files
from ensembles import MINIMA, TOML, landscape_of, written
from making_standin import Here

from llcommon.data import read_rows
from llcommon.errors import ConfigError
from llcommon.store import read_landscape, write_landscape
from llpathsample import making
from llpathsample.ensembles.possible import check_probabilities

QUICK = ("--repeats", 2, "--size", 3, "--draws", 2, "--without-networks", "-j", 1)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Folders with landscape.h5, bare.h5 (without transition states) and the rows."""
    path = tmp_path_factory.mktemp("stock")
    kinds = {"iris": (TOML, False), "numbers": (TOML.replace("lambda", 'loss = "mse"\nlambda'), True)}
    for name, (toml, numbers) in kinds.items():
        (path / name).mkdir()
        folder = written(path / name, toml, numbers)
        write_landscape(folder / "landscape.h5", landscape_of(folder)[0])
        write_landscape(folder / "bare.h5", landscape_of(folder, states=False)[0])
    return path


@pytest.fixture
def enter(stock, tmp_path, monkeypatch):
    def make_present(name):
        shutil.copytree(stock / name, tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        return tmp_path / name

    return make_present


def told(capsys, *arguments) -> dict:
    """The JSON document of a command."""
    capsys.readouterr()
    assert call(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def rows_of(document) -> dict:
    return {(row["choice"], row["combination"]): row for row in document["rows"]}


def test_a_comparison(enter, capsys):
    folder = enter("iris")
    document = told(
        capsys, "llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", "-o", "figure.svg", *QUICK
    )
    rows = rows_of(document)
    choices = ["heat-capacity", "communities", "basins", "lowest", "random"]
    assert list(dict.fromkeys(choice for choice, _ in rows)) == ["single", *choices]
    assert rows["lowest", "mean"]["members"] == 3 and rows["single", "lowest"]["members"] is None
    assert rows["random", "mean"]["log_loss_spread"] > 0.0 and rows["lowest", "mean"]["log_loss_spread"] is None
    assert rows["single", "lowest"]["p_from_single"] is None
    assert {"better", "worse", "indistinguishable"} >= {row["verdict_from_single"] for row in rows.values()} - {None}
    assert len(document["members"]["random"]) == 2 and len(document["map"]["lowest"]["minima"]) == 3
    assert (folder / "figure.svg").read_text().startswith("<?xml")


def test_the_table(enter, capsys):
    enter("iris")
    assert call("llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", "--choose", "lowest", *QUICK) == 0
    said = capsys.readouterr()
    assert said.out.startswith("choice\tcombination\tmembers\tlog_loss\tlog_loss_error\t")
    assert "log_loss against the single lowest minimum: of 6 ensembles" in said.err
    short = ("--table", "short", "--by", "accuracy", "--choose", "lowest", *QUICK)
    assert call("llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", *short) == 0
    cells = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert cells[0] == ["combination", "single", "lowest"]
    assert [row[0] for row in cells[1:4]] == ["lowest", "best by validation", "single members"]
    line = next(line.split("\t") for line in said.out.splitlines() if line.startswith("lowest\tmean"))
    names = said.out.splitlines()[0].split("\t")
    value = float(line[names.index("accuracy")])
    assert next(row[2] for row in cells if row[0] == "mean").startswith(f"{value:.4f} (")


@pytest.mark.slow
def test_jobs_change_nothing(enter, capsys):
    enter("iris")
    one = told(capsys, "llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", *QUICK)
    assert told(capsys, "llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", *QUICK[:-1], 2) == one


def test_which_minimum_is_trusted_where(enter, capsys):
    enter("iris")
    common = ("--test", "test.csv", "--validation", "validation.csv", "--table", "map", "--choose", "lowest")
    assert call("llpathsample", "ensemble", "landscape.h5", *common, *QUICK[2:]) == 0
    header, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert len(rows) == 3 and sum(int(row["rows"]) for row in rows) == 50


@pytest.mark.parametrize("combination", ["vote", "mean", "loss", "occupation", "stacking", "specialise"])
def test_a_predictor_gives_the_numbers_of_the_table(enter, capsys, combination):
    folder = enter("iris")
    common = ("--test", "test.csv", "--validation", "validation.csv", "--choose", "lowest", "--combine", combination)
    out = ("--export", "predictor.h5", "--choice", "lowest", "--combination", combination)
    document = told(capsys, "llpathsample", "ensemble", "landscape.h5", *common, *out, *QUICK[2:])
    row = rows_of(document)["lowest", combination]
    scored = told(capsys, "llgmin", "score", "predictor.h5", "--test", "test.csv")
    for name in ("log_loss", "accuracy", "auc", "brier", "calibration_error"):
        assert scored["ensemble"][f"test_{name}"] == row[name]
    assert scored["rows"][-1]["id"] == "ensemble" and len(scored["rows"]) == 4
    (folder / "features.csv").write_text(
        "\n".join(line.rpartition(",")[0] for line in (folder / "test.csv").read_text().splitlines())
    )
    predicted = told(capsys, "llgmin", "predict", "predictor.h5", "features.csv")["rows"]
    labels = [line.rpartition(",")[2] for line in (folder / "test.csv").read_text().splitlines()[1:]]
    right = [each["class"] == label for each, label in zip(predicted, labels, strict=True)]
    assert np.mean(right) == row["accuracy"]
    losses = [-np.log(each[f"p({label})"]) for each, label in zip(predicted, labels, strict=True)]
    assert np.mean(losses) == pytest.approx(row["log_loss"])
    stored = read_landscape("predictor.h5")
    original = read_landscape("landscape.h5")
    kept = stored.ensemble.about["minima_of_landscape"]
    assert np.array_equal(stored.minima.coordinates, original.minima.coordinates[kept])
    assert not len(stored.transition_states)
    write_landscape("again.h5", stored)
    assert (folder / "again.h5").read_bytes() == (folder / "predictor.h5").read_bytes()


def test_a_predictor_is_a_landscape_file(enter, capsys):
    enter("iris")
    out = ("--export", "p.h5", "--choice", "random", "--combination", "loss", "--choose", "random")
    assert call("llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", *out, *QUICK) == 0
    told_of = told(capsys, "llgmin", "show", "p.h5")["ensemble"]
    assert told_of["combination"] == "loss" and told_of["choice"] == "random" and len(told_of["members"]) == 3
    assert sum(told_of["weights"]) == pytest.approx(1.0)
    assert call("llpathsample", "list", "p.h5") == 0 and call("llgmin", "predict", "p.h5", "test.csv") == 0
    alone = told(capsys, "llgmin", "predict", "p.h5", "test.csv", "--minimum", 1)
    assert alone["minimum"] == 1
    # With a member less it is no ensemble any more, with another order it is the same.
    assert call("llpathsample", "retain", "p.h5", 0, 1, "-o", "less.h5") == 0
    assert "the ensemble is gone" in capsys.readouterr().err
    assert read_landscape("less.h5").ensemble is None
    whole = read_landscape("p.h5")
    weights = dict(zip(whole.minima.loss[whole.ensemble.members], whole.ensemble.weights, strict=True))
    whole.keep(np.array([2, 0, 1]), np.empty(0, dtype=np.int64))
    assert dict(zip(whole.minima.loss[whole.ensemble.members], whole.ensemble.weights, strict=True)) == weights


@pytest.mark.parametrize(("name", "combination"), [("iris", "occupation"), ("numbers", "mean")])
def test_a_predictor_for_scikit_learn(enter, capsys, name, combination):
    folder = enter(name)
    out = ("--export", "p.h5", "--choice", "lowest", "--combination", combination, "--choose", "lowest")
    assert call("llpathsample", "ensemble", "landscape.h5", "--test", "test.csv", *out, *QUICK) == 0
    assert call("llgmin", "export", "p.h5", "--format", "sklearn", "-o", "p.pkl") == 0
    estimator = pickle.loads((folder / "p.pkl").read_bytes())
    rows = told(capsys, "llgmin", "predict", "p.h5", "test.csv")["rows"]
    features = read_rows("test.csv", read_landscape("p.h5").data).features
    if name == "numbers":
        assert estimator.predict(features) == pytest.approx([row["petal_width"] for row in rows])
        return
    assert estimator.predict(features).tolist() == [row["class"] for row in rows]
    own = [[row[f"p({label})"] for label in estimator.classes_] for row in rows]
    assert estimator.predict_proba(features) == pytest.approx(np.array(own), abs=1e-12)
    assert call("llgmin", "export", "p.h5") == 2 and "give the ID" in capsys.readouterr().err
    assert call("llgmin", "export", "landscape.h5", "--format", "sklearn") == 2
    assert "only a predictor of several minima" in capsys.readouterr().err


def test_numbers(enter, capsys):
    enter("numbers")
    out = ("--export", "p.h5", "--choice", "lowest", "--combination", "stacking")
    common = ("--test", "test.csv", "--validation", "validation.csv")
    document = told(capsys, "llpathsample", "ensemble", "landscape.h5", *common, *out, *QUICK[2:])
    rows = rows_of(document)
    assert "vote" not in {combination for _, combination in rows}
    scored = told(capsys, "llgmin", "score", "p.h5", "--test", "test.csv")["ensemble"]
    assert [scored[f"test_{name}"] for name in ("mse", "r2", "mae")] == [
        rows["lowest", "stacking"][name] for name in ("mse", "r2", "mae")
    ]
    names = told(capsys, "llgmin", "predict", "p.h5", "test.csv")["rows"][0]
    assert list(names) == ["row", "petal_width"]


# --- folds ------------------------------------------------------------------------------------------


def test_cross_validation(enter, capsys, monkeypatch):
    monkeypatch.setattr(making, "Children", Here)
    folder = enter("iris")
    changes = ("--set", "grow.budget=2", "--set", "grow.batch=2", "--set", "loss.hidden=[1]")
    command = ("llpathsample", "ensemble", "problem.toml", "--folds", 2, "--folder", "folds", *changes)
    rest = ("--size", 2, "--draws", 1, "--combine", "mean,stacking", "-j", 1)
    document = told(capsys, *command, *rest)
    rows = rows_of(document)
    assert len(document["landscapes"]) == 2 and ("lowest", "stacking") in rows and ("scikit-learn", "bagging") in rows
    parts = document["landscapes"][0]["rows"]
    assert sum(parts.values()) == 50 and parts["test"] == 25
    trained = read_landscape("folds/repeat-1-fold-1.h5").data
    held_out = (folder / "folds" / "repeat-1-fold-1.test.csv").read_text().splitlines()[1:]
    held_out += (folder / "folds" / "repeat-1-fold-1.validation.csv").read_text().splitlines()[1:]
    seen = {",".join(map(repr, row)) for row in trained.features.tolist()}
    original = {line.rpartition(",")[0] for line in held_out}
    assert len(trained.labels) == parts["train"] and len(seen & original) < 3  # two flowers have a twin
    single, line = rows["single", "lowest"], rows["lowest", "mean"]
    assert line["difference_from_single"] == pytest.approx(line["log_loss"] - single["log_loss"])
    # What is there is taken as it is, and files of other folds are not replaced.
    before = files(folder / "folds")
    monkeypatch.setattr(making, "Children", None)
    assert told(capsys, *command, *rest)["rows"] == document["rows"]
    assert files(folder / "folds") == before
    assert call(*command, *rest, "--seed", 2) == 2
    assert "is of other settings, data, folds or seed" in capsys.readouterr().err
    assert files(folder / "folds") == before


# --- bad input ----------------------------------------------------------------------------------------

HELD = "landscape.h5 --test test.csv"
REFUSED = [
    ("landscape.h5", 2, "give held-out rows by --test"),
    ("problem.toml", 2, "is a settings file; give --folds"),
    ("problem.toml --folds 3", 2, "--folds needs --folder"),
    ("problem.toml --folds 3 --folder x --test test.csv", 2, "--test is for a landscape file"),
    ("problem.toml --folds 3 --folder x --table map", 2, "--table map is for a landscape file"),
    ("problem.toml --folds 40 --folder x", 2, "3 for each fold are needed"),
    (f"{HELD} --table map --combine mean", 2, "tells whom specialise trusts"),
    (f"{HELD} --folder x", 2, "--folder and --set are for --folds"),
    (f"{HELD} --size 99", 2, f"landscape.h5 holds {MINIMA} minima"),
    (f"{HELD} --choose lowst", 2, "lowst is not known; did you mean lowest?"),
    (f"{HELD} --combine ,", 2, "nothing is named"),
    (f"{HELD} --by mse", 2, "--by mse is no measure of this target"),
    (f"{HELD} --temperature inf", 2, "must be a finite number above zero"),
    (f"{HELD} --export p.h5", 2, "belong together"),
    (f"{HELD} --export p.h5 --choice lowest --combination mean --combine vote", 2, "none of those that are compared"),
    (f"{HELD} --export p.h5 --choice lowest --combination stacking", 2, "give some by --validation"),
    (f"{HELD} --export landscape.h5 --choice lowest --combination mean -f", 2, "is the file that is read"),
    ("landscape.h5 --test train.csv", 3, "is the training data"),
    (f"{HELD} --validation test.csv", 3, "validation.csv"),
    (f"{HELD} --validation train.csv", 3, "holds the training data"),
    (f"{HELD} --validation two.csv --combine stacking", 3, "no row of virginica, so stacking cannot be fitted"),
    ("bare.h5 --test test.csv --choose basins", 3, "holds no transition states, so there are no basins"),
    ("one.h5 --test test.csv", 3, "holds a single minimum"),
    ("empty.h5 --test test.csv", 3, "holds no minima"),
    ("landscape.h5 --test few.csv", 3, "too few to be split"),
    ("landscape.h5 --test one.csv --validation few.csv", 3, "has 1 row, too few for an error"),
    ("plane.h5 --test test.csv", 2, "predicts nothing"),
]


@pytest.fixture(scope="module")
def refusing(stock, tmp_path_factory):
    """The iris folder, with files that nothing can be done with."""
    from networks import himmelblau

    folder = tmp_path_factory.mktemp("refusing")
    shutil.copytree(stock / "iris", folder, dirs_exist_ok=True)
    lines = (folder / "validation.csv").read_text().splitlines(keepends=True)
    (folder / "two.csv").write_text("".join(line for line in lines if "virginica" not in line))
    (folder / "few.csv").write_text("".join(lines[:4]))
    (folder / "one.csv").write_text("".join(lines[:2]))
    write_landscape(folder / "plane.h5", himmelblau())
    for name, count in (("one", 1), ("empty", 0)):
        some = landscape_of(folder, states=False)[0]
        some.keep(np.arange(count), np.empty(0, dtype=np.int64))
        write_landscape(folder / f"{name}.h5", some)
    return folder


@pytest.mark.parametrize(("line", "code", "part"), REFUSED)
def test_what_cannot_be_done_is_said(refusing, monkeypatch, capsys, line, code, part):
    monkeypatch.chdir(refusing)
    before = files(refusing)
    capsys.readouterr()
    part = part.replace("validation.csv", "holds the test rows")
    assert call("llpathsample", "ensemble", *line.split(), "-j", 1, "--without-networks") == code
    said = capsys.readouterr().err
    assert said.count("error:") == 1 and part in said and "Traceback" not in said
    assert files(refusing) == before


def test_what_was_not_asked_for_is_left_out_and_said(refusing, monkeypatch, capsys):
    monkeypatch.chdir(refusing)
    common = ("--test", "test.csv", "--validation", "two.csv", "--without-networks", "--draws", 1, "-j", 1, "--size", 3)
    document = told(capsys, "llpathsample", "ensemble", "bare.h5", *common)
    rows = rows_of(document)
    assert ("lowest", "stacking") not in rows and ("lowest", "specialise") in rows
    assert not {"communities", "basins"} & {choice for choice, _ in rows}
    assert sum("no transition states" in note for note in document["notes"]) == 2
    assert any("virginica, so there is no stacking" in note for note in document["notes"])
    small = told(capsys, "llpathsample", "ensemble", "bare.h5", *common[:-2], "--choose", "lowest", "--size", MINIMA)
    assert rows_of(small)["lowest", "mean"]["members"] == MINIMA


def test_outputs_that_are_no_probabilities_are_refused(stock, monkeypatch):
    landscape = landscape_of(stock / "iris")[0]
    check_probabilities(landscape, "x.h5")
    monkeypatch.setattr(landscape.model, "log_probabilities", lambda x, features: None)
    with pytest.raises(ConfigError, match="of x.h5 are no probabilities of classes"):
        check_probabilities(landscape, "x.h5")


def test_a_loss_that_ranks_is_scored_by_its_class(enter, capsys):
    folder = enter("iris")
    toml = TOML.replace("lambda", 'loss = "auc"\npositive = "virginica"\nlambda')
    (folder / "problem.toml").write_text(toml)
    write_landscape("auc.h5", landscape_of(folder)[0])
    common = ("--test", "test.csv", "--choose", "lowest", "--size", 3, "--repeats", 2, "-j", 1)
    document = told(capsys, "llpathsample", "ensemble", "auc.h5", *common)
    assert "of virginica against the rest" in document["measures"]["auc"]
    assert ("scikit-learn", "bagging") in rows_of(document)
