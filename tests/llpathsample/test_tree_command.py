"""The command `tree`: every output, what its options do to it, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from llcommon.store import read_landscape, write_landscape
from llcommon.store.scores import Score
from llpathsample.cli import main
from tests.networks import himmelblau, net4, random_network
from tests.test_readme import shown_commands


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    landscape = net4()
    landscape.scores.set(Score("test_accuracy", "", "test.csv"), np.array([0.9, 0.8, np.nan, 0.5]))
    write_landscape(folder / "net.h5", landscape)
    write_landscape(folder / "other.h5", random_network(3))
    trained = himmelblau()
    write_landscape(folder / "plain.h5", trained)
    for run in range(2):
        for epoch, loss, minimum in ((0.0, 90.0, -1), (10.0, 2.0, -1), (20.0, 0.5, run)):
            row = {"coordinates": trained.minima.coordinates[run], "minimum": minimum}
            trained.training.append(run=run, epoch=epoch, loss=loss, **row)
    write_landscape(folder / "trained.h5", trained)
    return folder


@pytest.fixture
def call(stock, tmp_path, monkeypatch):
    """call(words): the result of a command line in a folder with the stock."""
    shutil.copytree(stock, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(words: str):
        return CliRunner().invoke(main, ["tree", *words.split()])

    return run


def done(call, words: str) -> str:
    result = call(words)
    assert result.exit_code == 0, result.output
    return result.stderr


@pytest.mark.parametrize("name", ["t.svg", "t.png", "t.html", "t.json"])
def test_every_output_is_written_with_the_same_bytes_again(call, tmp_path, name):
    assert f"4 of 4 minima drawn in {name}" in done(call, f"net.h5 -o {name} --colour gain --temperature 0.5 --title T")
    first = (tmp_path / name).read_bytes()
    done(call, f"net.h5 -o {name} --colour gain --temperature 0.5 --title T -f")
    assert (tmp_path / name).read_bytes() == first


def test_numbers_tell_barriers_and_the_property(call):
    document = json.loads(call("net.h5 --exact --colour test_accuracy").stdout)
    leaves = [node for node in document["nodes"] if node["minimum"] is not None]
    assert [leaf["value"] for leaf in leaves] == [0.9, 0.8, None, 0.5]
    assert [leaf["barrier"] for leaf in leaves] == [0.0, 1.0, 1.5, 2.0]
    assert document["property"] == "test accuracy"


def leaves_of(call, words: str) -> list[int]:
    nodes = json.loads(call(words).stdout)["nodes"]
    return [node["minimum"] for node in nodes if node["minimum"] is not None]


def test_options_choose_what_is_drawn(call):
    assert leaves_of(call, "net.h5") == [0, 1, 2, 3]
    assert leaves_of(call, "net.h5 --lowest 2") == [0, 1]
    assert leaves_of(call, "net.h5 --only 1,3") == [1, 3]
    assert leaves_of(call, "net.h5 --monotonic") == [0]
    assert leaves_of(call, "net.h5 --highest-ts 1.6") == [0, 1, 2]
    assert leaves_of(call, "net.h5 --highest-ts 0.5 --root 2") == [2]
    assert leaves_of(call, "net.h5 --min-connections 3") == [0]
    assert leaves_of(call, "net.h5 --x test_accuracy") == [0, 1, 3]
    document = json.loads(call("net.h5 --thresholds 1.2,2.5,1.7").stdout)
    assert document["levels"] == [1.2, 1.7, 2.5]


def test_what_has_no_value_is_said(call):
    assert "1 of 4 minima have no test_accuracy; branches above them are black" in done(
        call, "net.h5 --colour test_accuracy -o t.svg"
    )
    assert "1 of 4 minima have no test_accuracy and are not drawn" in done(call, "net.h5 --x test_accuracy -o u.svg")


def test_tables_colour_and_all_marks_are_drawn(call, tmp_path):
    (tmp_path / "groups.tsv").write_text("id\tloss\tgroup\n0\t0\t1\n1\t1\t1\n2\t0\t0\n", encoding="utf-8")
    done(call, "net.h5 -o a.svg --colour groups.tsv:group")
    done(call, "net.h5 -o b.svg --colour groups.tsv:group --label all --highlight 2 --size 4x3")
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()
    assert 'width="288pt" height="216pt"' in (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_two_landscapes_stand_side_by_side(call):
    said = done(call, "net.h5 --beside other.h5 --colour loss -o t.png")
    assert "4 of 4 minima of net.h5 drawn in t.png" in said
    assert "12 of 12 minima of other.h5 drawn in t.png" in said
    assert done(call, "net.h5 --beside net.h5 -o same.svg").count("4 of 4 minima of net.h5") == 2


def test_runs_of_the_file_or_of_another_lead_to_its_minima(call, tmp_path):
    done(call, "trained.h5 --runs trained.h5 -o own.svg")
    done(call, "plain.h5 --runs trained.h5 -o other.svg")
    assert (tmp_path / "own.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()
    said = done(call, "plain.h5 --lowest 1 --runs trained.h5 -o one.svg")
    assert "1 of 2 runs lead to no minimum that is drawn, and are left out" in said


def test_the_page_of_documentation_shows_what_works(call, tmp_path):
    for name, source in (("landscape", "trained"), ("adam", "trained"), ("sgd", "trained")):
        shutil.copy(f"{source}.h5", f"{name}.h5")
    landscape = read_landscape("landscape.h5")
    landscape.scores.set(Score("test_accuracy", "", "test.csv"), np.arange(4.0))
    # The runs lead to minima 0 and 1; without a higher one the heat capacity has no peak.
    landscape.minima.replace("loss", 3, 5.0)
    write_landscape("landscape.h5", landscape)
    Path("communities.tsv").write_text("id\tloss\tcommunity\n0\t0\t1\n2\t0\t0\n", encoding="utf-8")
    commands = shown_commands("docs/trees.md")
    assert len(commands) > 8
    for command in commands:
        assert call(command.removeprefix("llpathsample tree ")).exit_code == 0, command


def test_properties_are_listed(call):
    names = call("net.h5 --properties").stdout.split()
    assert {"loss", "gain", "community", "test_accuracy"} <= set(names)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("net.h5 -o t.gif", 2, "trees are written as .svg, .pdf, .png, .html or .json"),
        ("net.h5 --beside other.h5", 2, "--beside and --runs need a figure"),
        ("net.h5 --colour nothing", 2, '"nothing" is neither a property of minima nor a file'),
        ("net.h5 --label 9 -o t.svg", 2, "minimum 9 does not exist"),
        ("net.h5 --label some -o t.svg", 2, "--label some is neither the id of a minimum nor all"),
        ("net.h5 --highlight 3 --lowest 1 -o t.svg", 2, "minimum 3 is to be highlighted but is not drawn"),
        ("net.h5 --only 0,9", 2, "--only names minimum 9, but there are 4"),
        ("net.h5 --size 0x3 -o t.svg", 2, "width and height must be 1 to 100 inches"),
        ("net.h5 --size big -o t.svg", 2, "big is not WIDTHxHEIGHT in inches"),
        ("net.h5 --thresholds 1 --exact", 2, "--exact and --thresholds exclude each other"),
        ("net.h5 --highest-ts nan", 2, "--highest-ts is nan"),
        ("other.h5 --colour lpphe --scale log -o t.svg", 2, "no logarithmic scale of colours"),
        ("net.h5 --thresholds a", 2, "a is not losses between commas"),
        ("net.h5 --highlight 1 -o t.html", 2, "--highlight is for figures"),
        ("net.h5 --thresholds -9", 4, "no minimum is left to draw"),
        ("net.h5 --runs plain.h5 -o t.svg", 3, "plain.h5"),
        ("plain.h5 --runs plain.h5 -o t.svg", 3, "plain.h5 holds no training runs"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(call, tmp_path, words, code, sentence):
    before = set(tmp_path.iterdir())
    result = call(words)
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.stderr
    assert set(tmp_path.iterdir()) == before
