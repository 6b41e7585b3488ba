"""`llgmin score`: what is measured at each minimum, where it is kept, and what is refused."""

import csv
import json
import shutil

import numpy as np
import pytest
from driving import IRIS_CSV, ROOT, call, files, xor_minima
from sklearn import metrics as sklearn

from llcommon import losses
from llcommon import scoring as scores
from llcommon.data import read_csv, read_rows
from llcommon.records import Minimum
from llcommon.settings import DataSettings, parse_settings
from llcommon.store import Landscape, read_landscape, write_landscape

WINE_CSV = ROOT / "examples" / "wine" / "wine.csv"
CLASS_MEASURES = ("log_loss", "accuracy", "auc", "brier", "calibration_error")
NUMBER_MEASURES = ("mse", "r2", "mae")
TOML = """\
[loss]
model = "mlp"
hidden = [5]
lambda = 1e-4

[data]
file = "train.csv"

[search]
steps = 20
chains = 2
"""


def split(source, folder, columns, keep=lambda row: True) -> None:
    """Every third row of a CSV file to test.csv, the others to train.csv."""
    with open(source, newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    rows = [row for row in rows if keep(row)]
    for name, chosen in (("test", rows[::3]), ("train", [row for place, row in enumerate(rows) if place % 3])):
        write_rows(folder / f"{name}.csv", [[row[place] for place in columns] for row in [header, *chosen]])


def write_rows(path, rows) -> None:
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def searched(folder, toml=TOML):
    """minima.h5 in a folder that holds train.csv."""
    (folder / "problem.toml").write_text(toml, encoding="utf-8")
    assert call("llgmin", "run", folder / "problem.toml", "-o", folder / "minima.h5", "-j", 1, "-q") == 0
    return folder


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Folders with minima.h5, train.csv and test.csv, made once.

    iris; wine: two of its classes by three features; petal: a number of iris by three others.
    """
    path = tmp_path_factory.mktemp("stock")
    for name in ("iris", "wine", "petal"):
        (path / name).mkdir()
    split(IRIS_CSV, path / "iris", range(5))
    split(WINE_CSV, path / "wine", (0, 1, 2, 13), keep=lambda row: row[-1] != "class_2")
    split(IRIS_CSV, path / "petal", range(4))
    searched(path / "iris")
    searched(path / "wine")
    searched(path / "petal", TOML.replace("lambda", 'loss = "mse"\nlambda'))
    return path


@pytest.fixture
def folder(stock, tmp_path, monkeypatch):
    """A copy of the stock; `folder(name)` makes one of its folders the present one."""

    def enter(name):
        shutil.copytree(stock / name, tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        return tmp_path / name

    return enter


def table(capsys) -> dict[str, list[str]]:
    """Columns of the table that a command has just written."""
    header, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def document(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def names_of(measures, *kinds) -> list[str]:
    return [f"{kind}_{measure}" for kind in kinds for measure in measures]


# --- what is measured -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_class_scores_are_those_of_scikit_learn(folder, capsys, name):
    folder(name)
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv") == 0
    found = table(capsys)
    assert list(found) == ["id", "loss", *names_of(CLASS_MEASURES, "train", "test")]
    landscape = read_landscape("minima.h5")
    model = landscape.model
    assert len(landscape.minima) > 1
    assert [float(cell) for cell in found["loss"]] == landscape.minima.loss.tolist()
    tables = {"train": landscape.data.rows(), "test": read_rows("test.csv", landscape.data)}
    for minimum, x in enumerate(landscape.minima.coordinates):
        for kind, rows in tables.items():
            p = model.predict(x, rows.features)
            labels = rows.labels
            binary = p.shape[1] == 2
            brier = [sklearn.brier_score_loss(labels == k, p[:, k]) for k in range(p.shape[1])]
            expected = {
                "log_loss": sklearn.log_loss(labels, p),
                "accuracy": sklearn.accuracy_score(labels, p.argmax(axis=1)),
                "auc": sklearn.roc_auc_score(labels, p[:, 1] if binary else p, multi_class="ovr"),
                "brier": brier[1] if binary else sum(brier),
            }
            for measure, value in expected.items():
                assert float(found[f"{kind}_{measure}"][minimum]) == pytest.approx(value, rel=1e-9), measure


@pytest.mark.parametrize("name", ["iris", "wine", "petal"])
def test_the_loss_without_its_l2_term(folder, name):
    folder(name)
    landscape = read_landscape("minima.h5")
    scoring = scores.score(landscape, None, None)
    x = landscape.minima.coordinates
    expected = landscape.minima.loss - 1e-4 * (x**2).sum(axis=1)
    assert scoring.columns[0].values == pytest.approx(expected, rel=1e-9)


def test_numbers_are_scored_by_their_errors(folder, capsys):
    folder("petal")
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv") == 0
    found = table(capsys)
    assert list(found) == ["id", "loss", *names_of(NUMBER_MEASURES, "train", "test")]
    landscape = read_landscape("minima.h5")
    rows = read_rows("test.csv", landscape.data)
    outputs = landscape.model.predict(landscape.minima.coordinates[0], rows.features)[:, 0]
    assert float(found["test_mse"][0]) == pytest.approx(sklearn.mean_squared_error(rows.targets, outputs), rel=1e-9)
    assert float(found["test_r2"][0]) == pytest.approx(sklearn.r2_score(rows.targets, outputs), rel=1e-9)
    assert float(found["test_mae"][0]) == pytest.approx(sklearn.mean_absolute_error(rows.targets, outputs), rel=1e-9)


def test_the_training_file_as_test_data_scores_alike(folder, capsys):
    path = folder("iris")
    with open("train.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    write_rows(path / "turned.csv", [["note", *row[::-1]] for row in rows])
    assert call("llgmin", "score", "minima.h5", "--test", "turned.csv") == 0
    found = table(capsys)
    for measure in CLASS_MEASURES:
        train = [float(cell) for cell in found[f"train_{measure}"]]
        assert [float(cell) for cell in found[f"test_{measure}"]] == pytest.approx(train, rel=1e-12, abs=1e-15)


def test_a_minimum_that_tells_nothing_apart_has_no_skill(tmp_path):
    landscape = read_landscape(xor_minima(tmp_path))
    scoring = scores.score(landscape, None, None)
    values = {column.measure.name: column.values for column in scoring.columns}
    collapsed = int(np.argmax(landscape.minima.loss))
    assert landscape.minima.loss[collapsed] == pytest.approx(np.log(2.0))
    assert values["auc"][collapsed] == values["accuracy"][collapsed] == 0.5
    assert values["brier"][collapsed] == pytest.approx(0.25)
    assert values["calibration_error"][collapsed] == 0.0
    assert values["auc"][0] == values["accuracy"][0] == 1.0


def test_outputs_that_are_no_probabilities(tmp_path):
    shutil.copy(IRIS_CSV, tmp_path / "iris.csv")
    tables = {"loss": {"model": "mlp", "hidden": [2], "loss": "mse"}, "data": {"file": "iris.csv"}}
    settings = parse_settings(tables, "test", losses.parameters_of)
    data = read_csv(tmp_path / "iris.csv", settings.data, False)
    landscape = Landscape(settings, losses.build("mlp", settings.loss, data), data)
    x = landscape.model.random_start(np.random.default_rng(1))
    landscape.add_minimum(Minimum(1.0, x, 1e-12, 2.5, 0.25))
    scoring = scores.score(landscape, None, None)
    assert [column.score.name for column in scoring.columns] == ["train_mse", "train_accuracy", "train_auc"]
    outputs = landscape.model.predict(x, data.features)
    expected = [sklearn.roc_auc_score(data.labels == k, outputs[:, k]) for k in range(3)]
    assert scoring.columns[2].values[0] == pytest.approx(np.mean(expected))
    assert scoring.columns[0].values[0] == pytest.approx(landscape.model.value(x) - 1e-4 * x @ x)


def test_outputs_that_overflow_have_no_scores(folder):
    folder("petal")
    landscape = read_landscape("minima.h5")
    rows = landscape.data.rows()
    assert np.isnan(scores.measured(landscape.model, np.full(landscape.model.dimension, 1e308), rows)).all()
    folder("iris")
    landscape = read_landscape("minima.h5")
    x = np.full(landscape.model.dimension, 1e308)
    assert np.isnan(scores.measured(landscape.model, x, landscape.data.rows())).all()


# --- what is said ---------------------------------------------------------------------------------


def test_summary_and_json(folder, capsys):
    folder("iris")
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv", "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["schema_version"] == 1
    rows = report["rows"]
    accuracies = [row["test_accuracy"] for row in rows]
    best = report["best"]["test_accuracy"]
    assert best["value"] == max(accuracies) and best["alike"] == accuracies.count(max(accuracies))
    alike = [row for row in rows if row["test_accuracy"] == best["value"]]
    assert best["minimum"] == min(alike, key=lambda row: row["loss"])["id"]
    assert report["best"]["test_log_loss"]["value"] == min(row["test_log_loss"] for row in rows)
    assert set(report["rank_correlations_with_loss"]) == {"test_accuracy", "test_auc"}
    assert "test.csv, 50 rows, SHA-256 " in report["scores"]["test_auc"]
    assert "train.csv, 100 rows, SHA-256 " in report["scores"]["train_auc"]
    assert report["notes"] == []
    assert f"test_log_loss: best {report['best']['test_log_loss']['value']:.6g} at minimum" in captured.err


def test_rank_correlation_is_said_if_there_is_one(folder, capsys):
    folder("petal")
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv", "--json") == 0
    captured = capsys.readouterr()
    value = json.loads(captured.out)["rank_correlations_with_loss"]["test_r2"]
    assert -1.0 <= value <= 1.0
    assert f"rank correlation of training loss and test_r2: {value:.3f}" in captured.err


def test_classes_that_do_not_occur_are_left_out_and_named(folder, capsys):
    path = folder("iris")
    rows = [line.split(",") for line in (path / "test.csv").read_text(encoding="utf-8").splitlines()]
    write_rows(path / "two.csv", [row for row in rows if row[-1] != "virginica"])
    assert call("llgmin", "score", "minima.h5", "--test", "two.csv", "--json") == 0
    report = document(capsys)
    assert report["notes"] == ["two.csv has no row of virginica, which the AUC leaves out"]
    assert "without virginica, of which there is no row" in report["scores"]["test_auc"]
    assert all(0.0 <= row["test_auc"] <= 1.0 for row in report["rows"])
    write_rows(path / "one.csv", [row for row in rows if row[-1] in ("species", "setosa")])
    assert call("llgmin", "score", "minima.h5", "--test", "one.csv", "--json") == 0
    report = document(capsys)
    assert report["notes"] == ["all rows of one.csv are of one class, so there is no AUC"]
    assert report["best"]["test_auc"] is None
    assert report["rank_correlations_with_loss"]["test_auc"] is None
    assert {row["test_auc"] for row in report["rows"]} == {None}


def test_equal_targets_have_no_r_squared(folder, capsys):
    path = folder("petal")
    rows = [line.split(",") for line in (path / "test.csv").read_text(encoding="utf-8").splitlines()]
    write_rows(path / "flat.csv", [rows[0], *([*row[:-1], "0.2"] for row in rows[1:])])
    assert call("llgmin", "score", "minima.h5", "--test", "flat.csv", "--json") == 0
    assert document(capsys)["notes"] == ["all targets of flat.csv are equal, so there is no R^2"]


# --- what is kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["llgmin", "lloptim", "llpathsample"])
def test_kept_scores_are_listed_and_shown_by_every_program(folder, capsys, program):
    folder("wine")
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv", "-o", "scored.h5") == 0
    scored = table(capsys)
    names = names_of(CLASS_MEASURES, "train", "test")
    assert call(program, "list", "scored.h5") == 0
    listed = table(capsys)
    assert list(listed)[-len(names) :] == names
    assert [listed[name] for name in names] == [scored[name] for name in names]
    assert call(program, "show", "scored.h5", 1, "--json") == 0
    assert document(capsys)["scores"]["test_auc"] == float(scored["test_auc"][1])
    assert call(program, "show", "scored.h5", "--json") == 0
    assert "test.csv" in document(capsys)["scores"]["test_auc"]
    assert call(program, "list", "minima.h5") == 0
    assert names[0] not in table(capsys)
    assert call(program, "show", "minima.h5", "--json") == 0
    assert "scores" not in document(capsys)


def test_the_written_file_is_the_landscape_with_scores(folder):
    path = folder("iris")
    before = (path / "minima.h5").read_bytes()
    for name in ("scored.h5", "again.h5"):
        assert call("llgmin", "score", "minima.h5", "--test", "test.csv", "-o", name, "-q") == 0
    assert (path / "minima.h5").read_bytes() == before
    assert (path / "scored.h5").read_bytes() == (path / "again.h5").read_bytes()
    old, new = read_landscape("minima.h5"), read_landscape("scored.h5")
    assert np.array_equal(old.minima.coordinates, new.minima.coordinates)
    assert new.provenance[:-1] == old.provenance
    record = new.provenance[-1]
    assert (record["program"], record["command"]) == ("llgmin", "score")
    assert record["inputs"]["test"] == read_rows("test.csv", old.data).sha256
    names = [score.name for score in new.scores.described()]
    assert names == names_of(CLASS_MEASURES, "train", "test")
    assert call("llgmin", "check", "scored.h5", "-q") == 0


def test_the_file_itself_is_replaced_with_force_only(folder, capsys):
    path = folder("iris")
    before = files(path)
    assert call("llgmin", "score", "minima.h5", "-o", "minima.h5") == 2
    assert "exists already" in capsys.readouterr().err
    assert files(path) == before
    assert call("llgmin", "score", "minima.h5", "--test", "test.csv", "-o", "minima.h5", "-f") == 0
    assert len(read_landscape("minima.h5").scores) == 10
    # Columns of other data stay when the training data are scored anew.
    assert call("llgmin", "score", "minima.h5", "-o", "minima.h5", "-f") == 0
    assert len(read_landscape("minima.h5").scores) == 10


def test_only_the_lowest(folder, capsys):
    folder("iris")
    landscape = read_landscape("minima.h5")
    count = len(landscape.minima)
    assert count > 2
    assert call("llgmin", "score", "minima.h5", "--lowest", 2, "-o", "scored.h5") == 0
    lowest = np.sort(np.argsort(landscape.minima.loss, kind="stable")[:2])
    assert table(capsys)["id"] == [str(number) for number in lowest]
    values = read_landscape("scored.h5").scores.values("train_auc", count)
    assert np.flatnonzero(~np.isnan(values)).tolist() == lowest.tolist()
    assert call("llgmin", "score", "minima.h5", "--lowest", 10 * count, "-q") == 0
    assert len(table(capsys)["id"]) == count


def test_scores_go_with_their_minima(folder):
    """They are sorted and dropped with them; minima that a merge adds have none."""
    folder("iris")
    landscape = read_landscape("minima.h5")
    scores.keep(landscape, scores.score(landscape, None, None))
    values = landscape.scores.values("train_brier", len(landscape.minima))
    by_loss = dict(zip(landscape.minima.loss, values, strict=True))
    other = read_landscape("minima.h5")
    landscape.keep_lowest(2)
    landscape.sort_minima_by_loss()
    kept = landscape.scores.values("train_brier", 2)
    assert kept.tolist() == [by_loss[loss] for loss in landscape.minima.loss]
    landscape.merge(other)
    write_landscape("merged.h5", landscape)
    merged = read_landscape("merged.h5").scores.values("train_brier", len(by_loss))
    assert merged[:2].tolist() == kept.tolist() and np.isnan(merged[2:]).all()


# --- what is refused ------------------------------------------------------------------------------

BAD_ROWS = [
    ("", "bad.csv is empty"),
    ("sepal_length,species\n1,setosa\n", "lacks the columns sepal_width, petal_length, petal_width, which"),
    ("{header}\n", "bad.csv has no rows of data"),
    ("{header}\n1,2,3,4,setosa\n1,2,3,4,rose\n", 'line 3, column species holds the class "rose"'),
    ("{header}\n1,2,3,4,setosas\n", "did you mean setosa?"),
    ("{header}\n1,two,3,4,setosa\n", 'line 2, column sepal_width holds "two", which is not a number'),
]


@pytest.mark.parametrize(("content", "sentence"), BAD_ROWS)
def test_bad_test_data(folder, capsys, content, sentence):
    path = folder("iris")
    header = "sepal_length,sepal_width,petal_length,petal_width,species"
    (path / "bad.csv").write_text(content.replace("{header}", header), encoding="utf-8")
    before = files(path)
    assert call("llgmin", "score", "minima.h5", "--test", "bad.csv", "-o", "scored.h5") == 3
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("llgmin: error: bad.csv") and sentence in captured.err
    assert files(path) == before


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["none.h5"], 3, "none.h5 does not exist"),
        (["train.csv"], 3, "train.csv is not"),
        (["minima.h5", "--test", "none.csv"], 3, "none.csv does not exist"),
        (["minima.h5", "--test", "."], 3, "is a folder"),
        (["minima.h5", "--lowest", "0"], 2, "--lowest"),
        (["minima.h5", "-o", "none/scored.h5"], 2, "its folder does not exist"),
        (["minima.h5", "--test", "test.csv", "-o", "test.csv", "-f"], 2, "is data to be read"),
        (["minima.h5", "-o", "train.csv", "-f"], 2, "is data to be read"),
    ],
)
def test_bad_arguments(folder, capsys, arguments, code, sentence):
    path = folder("iris")
    before = files(path)
    assert call("llgmin", "score", *arguments) == code
    captured = capsys.readouterr()
    assert captured.out == "" and sentence in captured.err and "Traceback" not in captured.err
    assert files(path) == before


def test_a_surface_predicts_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = parse_settings({"loss": {"model": "himmelblau"}}, "test", losses.parameters_of)
    landscape = Landscape(settings, losses.build("himmelblau", settings.loss))
    landscape.add_minimum(Minimum(0.0, np.array([3.0, 2.0]), 1e-12, 2.5, 0.25))
    write_landscape("plane.h5", landscape)
    assert call("llgmin", "score", "plane.h5") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("llgmin: error: the loss model himmelblau of plane.h5 predicts nothing")
    assert captured.out == "" and captured.err.count("\n") == 1


def test_a_landscape_without_minima(folder, capsys):
    folder("iris")
    landscape = read_landscape("minima.h5")
    write_landscape("empty.h5", Landscape(landscape.settings, landscape.model, landscape.data))
    assert call("llgmin", "score", "empty.h5") == 2
    assert "empty.h5 holds no minima to score" in capsys.readouterr().err


# --- losses that rank one class -------------------------------------------------------------------


@pytest.mark.parametrize("positive", ["setosa", "versicolor"])
def test_a_loss_that_ranks_one_class_is_scored_by_the_area_of_that_class(positive):
    data = read_csv(IRIS_CSV, DataSettings(target="species"), numeric_target=False)
    parameters = {"hidden": [2], "loss": "auc", "positive": positive}
    settings = parse_settings({"loss": {"model": "mlp", **parameters}}, "test", losses.parameters_of)
    model = losses.build("mlp", parameters, data)
    x = model.random_start(np.random.default_rng(1))
    landscape = Landscape(settings, model, data)
    label = data.class_names.index(positive)
    area = sklearn.roc_auc_score(data.labels == label, model.predict(x, data.features)[:, label])
    assert scores.measured(model, x, data.rows())[2] == pytest.approx(area, abs=1e-12)
    measure = scores.measures_of(landscape, data.rows())[2]
    assert measure.definition.startswith(f"area under the ROC curve of {positive} against the rest, exact")
