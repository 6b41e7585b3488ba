"""`llgmin new`: what it suggests, that the file can be used as it is, and what it refuses."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from llcommon import losses
from llcommon.settings import SECTION_NAMES, parse_settings
from llgmin.cli import main
from llgmin.template import new_template

ROOT = Path(__file__).resolve().parents[2]


def new(*arguments):
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def parsed(text):
    return parse_settings(tomllib.loads(text), "new.toml", losses.parameters_of)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """table(text) writes a CSV file t.csv into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return "t.csv"

    return write


@pytest.mark.parametrize("model", [name for name in losses.known_models() if name != "tabulated"])
def test_template_of_every_model_has_all_sections_and_parses(model):
    result = new(model)
    assert result.exit_code == 0
    tables = tomllib.loads(result.stdout)
    assert tuple(tables) == SECTION_NAMES
    assert parsed(result.stdout).loss_model == model
    assert result.stderr == ""


def test_a_table_that_cannot_be_searched_has_no_template():
    result = new("tabulated")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nothing can be evaluated or searched" in result.stderr


def test_iris_is_described_and_kept_under_the_name_given(monkeypatch):
    monkeypatch.chdir(ROOT / "examples")
    result = new("mlp", "--data", "iris/iris.csv")
    assert "# iris.csv: 150 rows, 4 feature columns; species is one of 3 classes" in result.stdout
    settings = parsed(result.stdout)
    assert settings.data.file == "iris/iris.csv"
    assert settings.loss["loss"] == "cross-entropy"
    model = losses.model_class("mlp")
    assert settings.search.temperature == model.suggested_temperature
    assert settings.search.step == model.suggested_step


def test_placeholder_without_data():
    assert parsed(new_template("mlp")).data.file == "data.csv"


def test_suggestions_of_a_model_without_data_are_its_own():
    settings = parsed(new_template("himmelblau"))
    assert settings.data.file is None
    assert settings.search.temperature == losses.build("himmelblau", {}).suggested_temperature


def test_numeric_target_is_fitted_by_mse(table):
    name = table("a,y\n1,0.5\n2,0.25\n3,1.5\n")
    text = new_template("mlp", Path(name))
    assert parsed(text).loss["loss"] == "mse"
    assert "y is a number" in text and "variance" not in text.split("[loss]")[0]
    text = new_template("mlp", Path(table("a,y\n1,100.5\n2,200.5\n3,300.5\n")))
    assert "# Its variance is 6.67e+03, and the loss of that size: better scale it to about 1," in text
    assert parsed(text).loss["loss"] == "mse"


def test_whole_numbers_are_classes_if_few_and_a_quantity_if_many(table):
    few = "".join(f"{i},{i % 3}\n" for i in range(60))
    assert parsed(new_template("mlp", Path(table("a,y\n" + few)))).loss["loss"] == "cross-entropy"
    many = "".join(f"{i},{i * i}\n" for i in range(60))
    assert parsed(new_template("mlp", Path(table("a,y\n" + many)))).loss["loss"] == "mse"


def test_target_and_settings_may_be_chosen(table):
    name = table("kind,a,b\nx,1,7\ny,2,7\nx,3,7\n")
    options = ["--target", "kind", "--set", "loss.lambda=0.5", "--set", "data.drop_constant=true"]
    options += ["--set", "search.temperature=3"]
    result = new("mlp", "--data", name, *options)
    settings = parsed(result.stdout)
    assert settings.data.target == "kind"
    assert settings.data.drop_constant
    assert settings.loss["lambda"] == 0.5
    assert settings.search.temperature == 3.0
    assert "1 feature columns; kind is one of 2 classes (x, y)" in result.stdout


def test_wanted_loss_decides_how_the_target_is_read(table):
    name = table("a,y\n1,0\n2,1\n3,1\n")
    assert "y is one of 2 classes" in new_template("mlp", Path(name))
    assert "y is a number" in new_template("mlp", Path(name), None, ("loss.loss=mse",))


NO_DATA = "the loss model himmelblau takes no training data; leave out"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("mlpp", 2, "mlpp is not a known loss model; did you mean mlp?"),
        ("", 2, "MODEL is missing; see llgmin new --help"),
        ("himmelblau --data t.csv", 2, f"{NO_DATA} --data"),
        ("himmelblau --target y", 2, f"{NO_DATA} --target"),
        ("mlp --data missing.csv", 3, "missing.csv does not exist; check the name and the folder"),
        ("mlp --data t.csv --target yy", 2, "[data] target yy is not a column of t.csv; did you mean y?"),
        ("mlp --set loss.lamda=1", 2, "llgmin new: [loss] lamda is not a known key; did you mean lambda?"),
    ],
)
def test_refusals(table, arguments, code, sentence):
    table("a,y\n1,u\n2,v\n3,v\n")
    result = new(*arguments.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"llgmin: error: {sentence}\n"


def test_all_wrong_settings_are_listed_at_once():
    result = new("mlp", "--set", "loss.lamda=1", "--set", "serch.steps=3", "--set", "search.steps=0")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    assert all(line.startswith("llgmin: error: ") for line in result.stderr.splitlines())


def test_one_class_only_is_refused(table):
    result = new("mlp", "--data", table("a,y\n1,u\n2,u\n"))
    assert result.exit_code == 3
    assert "holds only the class" in result.stderr
