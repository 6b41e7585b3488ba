"""`interpret` and `slice` from the command line: tables, documents, figures, bad input."""

import json

import numpy as np
import pytest

from llcommon.store import Landscape, read_landscape, write_landscape
from llpathsample.interpreting.features import permutation_importance
from tests.driving import call
from tests.networks import himmelblau, net4
from tests.planted import planted, table, with_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """planted.h5 with training runs, bare.h5 without data, alone.h5 without transition states, table.h5 without
    coordinates, empty.h5, test.csv."""
    path = tmp_path_factory.mktemp("interpreting")
    landscape = with_runs(planted())
    write_landscape(path / "planted.h5", landscape)
    write_landscape(path / "bare.h5", himmelblau())
    write_landscape(path / "table.h5", net4())
    alone = himmelblau()
    alone.keep(np.arange(4), np.arange(0))
    write_landscape(path / "alone.h5", alone)
    write_landscape(path / "empty.h5", Landscape(landscape.settings, landscape.model, landscape.data))
    data = table(4, seed=9)
    rows = [",".join(map(repr, row)) for row in data.features.tolist()]
    lines = [f"{row},{('no', 'yes')[label]}" for row, label in zip(rows, data.labels, strict=True)]
    (path / "test.csv").write_text("\n".join(["first,second,third,y", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def rows(capsys, *arguments) -> list[dict]:
    capsys.readouterr()
    assert call("llpathsample", *arguments) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def document(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert call("llpathsample", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def sentence(capsys, code: int, *arguments) -> str:
    capsys.readouterr()
    assert call("llpathsample", *arguments) == code
    return capsys.readouterr().err


# --- interpret ------------------------------------------------------------------------------------

FEW = ("--permutations", 99)


def test_features_of_planted_funnels(capsys):
    found = rows(capsys, "interpret", "planted.h5", "--test", "test.csv", *FEW)
    assert len(found) == 2 * 3 * 3 * 2  # tables, measures, features, funnels
    landscape = read_landscape("planted.h5")
    first = [row for row in found if (row["measure"], row["rows"], row["group"]) == ("permuted_log_loss", "train", "0")]
    values = [
        permutation_importance(landscape.model, landscape.minima.coordinates[k].copy(), landscape.data.rows())[0]
        for k in range(0, 10, 2)
    ]
    assert [float(row["mean"]) for row in first] == pytest.approx(np.mean(values, axis=0))
    assert [float(row["standard_deviation"]) for row in first] == pytest.approx(np.std(values, axis=0, ddof=1))
    cold = rows(capsys, "interpret", "planted.h5", "--weighted", "--temperature", 1e-4, *FEW)
    first = [row for row in cold if (row["measure"], row["group"]) == ("permuted_log_loss", "0")]
    assert [float(row["mean"]) for row in first] == pytest.approx(values[0])


def test_many_rows_are_sampled_and_said_to_be(capsys):
    def importance(*more):
        found = rows(capsys, "interpret", "planted.h5", "--lowest", 6, *FEW, *more)
        return [row["mean"] for row in found]

    whole, some = importance(), importance("--rows", 7)
    assert some != whole and importance("--rows", 7) == some and importance("--rows", 7, "--seed", 2) != some
    count = len(read_landscape("planted.h5").data.features)
    assert importance("--rows", count) == whole
    assert f"by 7 random rows of the {count} of" in sentence(capsys, 0, "interpret", "planted.h5", *FEW, "--rows", 7)


def test_the_planted_unit_is_told(capsys, tmp_path):
    capsys.readouterr()
    figure = tmp_path / "weights.svg"
    command = ("interpret", "planted.h5", "--table", "units", "--figure", "weights", "-o", figure)
    found = rows(capsys, *command)
    assert [row["p"] for row in found if row["group"] == "0"][1] == repr(2 / 252)
    assert figure.read_bytes().startswith(b"<?xml")
    said = sentence(capsys, 0, "interpret", "planted.h5", "--table", "coordinates")
    assert "1 of 3 units differ between groups at p <= 0.05: unit 1" in said
    assert "funnels by their names and sizes: 0 (5), 1 (5)" in said
    coordinates = rows(capsys, "interpret", "planted.h5", "--table", "coordinates")
    assert len(coordinates) == 2 * 20
    assert coordinates == rows(capsys, "interpret", "planted.h5", "--table", "coordinates")


def test_all_tables_in_one_document(capsys, tmp_path):
    figure = tmp_path / "features.png"
    command = ("interpret", "planted.h5", "--runs", "planted.h5", "--by-class", "-o", figure, *FEW)
    found = document(capsys, *command)
    assert set(found) >= {"rows", "groups", "coordinates", "units", "runs", "consensus", "measures", "permutations"}
    assert [group["lowest"] for group in found["groups"]] == [0, 1]
    assert sum(group["occupation"] for group in found["groups"]) == pytest.approx(1.0)
    ends = [(row["group"], row["runs"], row["share_of_runs"]) for row in found["runs"]]
    assert ends == [("0", 1, 0.5), ("1", 1, 0.5)]
    assert found["runs_by_minimum"][0]["by_minimum"] == {"0": 1, "3": 1}
    assert {row["measure"] for row in found["rows"]} >= {"gradient_input:no", "permuted_error"}
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_groups_of_a_file_and_of_communities(capsys, tmp_path):
    (tmp_path / "mine.tsv").write_text("id\tgroup\n0\tlow\n1\tlow\n2\tlow\n5\thigh\n6\thigh\n7\thigh\n")
    said = sentence(capsys, 0, "interpret", "planted.h5", "--groups", tmp_path / "mine.tsv", "--table", "groups")
    assert "groups by their names and sizes: low (3), high (3)" in said
    assert "4 of 10 minima are left out: 4 are in no group" in said
    for kind in ("communities", "basins"):
        assert rows(capsys, "interpret", "planted.h5", "--groups", kind, "--table", "groups", "--least", 1)


def test_one_group_has_no_p_values(capsys):
    capsys.readouterr()
    command = ("interpret", "planted.h5", "--ratio", 1e6, "--table", "units")
    assert {row["p"] for row in rows(capsys, *command)} == {"nan"}
    assert "there is one group, so there is nothing to compare it with" in sentence(capsys, 0, *command)


def test_a_model_without_features_has_weights(capsys, tmp_path):
    figure = tmp_path / "bare.svg"
    found = rows(capsys, "interpret", "bare.h5", "--least", 1, "-o", figure)
    assert {row["coordinate"] for row in found} == {"x0", "x1"}
    assert figure.exists()


REFUSED = [
    ("interpret bare.h5 --table features", 2, "predicts no target"),
    ("interpret bare.h5 --test test.csv", 2, "predicts no target"),
    ("interpret planted.h5 --table runs", 2, "needs training runs"),
    ("interpret planted.h5 --runs bare.h5", 3, "holds no training runs"),
    ("interpret planted.h5 --groups guess", 2, "must be funnels, basins, communities, or a file"),
    ("interpret planted.h5 --least 20", 4, "no group of planted.h5 has 20 minima"),
    ("interpret planted.h5 --test none.csv", 3, "none.csv does not exist"),
    ("interpret alone.h5", 4, "holds no transition states, so grow it"),
    ("interpret empty.h5", 3, "holds no minima"),
    ("interpret table.h5", 2, "without coordinates"),
    ("interpret planted.h5 -o figure.txt", 2, "figures are written as"),
    ("interpret planted.h5 --ratio nan", 2, "--ratio must be a finite number"),
    ("slice planted.h5 --extent inf", 2, "--extent must be a finite number"),
    ("slice table.h5", 2, "without coordinates"),
    ("slice empty.h5", 3, "holds no minima"),
    ("slice planted.h5 --minima 0,1", 2, "three different ids"),
    ("slice planted.h5 --minima 0,one,2", 2, "is not three ids"),
    ("slice planted.h5 --minima 0,1,77", 2, "minimum 77 does not exist"),
    ("slice planted.h5 --minima 0,1,2 --directions soft", 2, "leave out --directions"),
    ("slice planted.h5 --minimum 1", 2, "needs --directions"),
    ("slice planted.h5 --directions runs", 2, "needs training runs"),
    ("slice planted.h5 --runs planted.h5 --run 9", 2, "has no such run"),
]


@pytest.mark.parametrize(("command", "code", "part"), REFUSED)
def test_bad_input_is_one_sentence(folder, capsys, command, code, part):
    before = sorted(folder.iterdir())
    said = sentence(capsys, code, *command.split())
    assert part in said.splitlines()[-1] and "Traceback" not in said
    assert sorted(folder.iterdir()) == before


# --- slice ----------------------------------------------------------------------------------------

COARSE = ("--points", 5)


def test_a_slice_through_three_minima(capsys, tmp_path):
    figure = tmp_path / "slice.svg"
    found = document(capsys, "slice", "planted.h5", "--states", "--runs", "planted.h5", "--grid", "-o", figure, *COARSE)
    landscape = read_landscape("planted.h5")
    kinds = {kind: [row for row in found["rows"] if row["kind"] == kind] for kind in ("minimum", "ts", "run")}
    assert [len(kinds[kind]) for kind in kinds] == [10, 9, 12]
    for row in kinds["minimum"][:3]:
        assert row["distance"] < 1e-10
        value = landscape.model.value(landscape.minima.coordinates[row["id"]].copy())
        assert row["plane_loss"] == pytest.approx(value)
    origin, directions = np.array(found["origin"]), np.array(found["direction_vectors"])
    grid = found["grid"]
    x = origin + grid["a"][1] * directions[0] + grid["b"][3] * directions[1]
    assert grid["loss"][3][1] == pytest.approx(landscape.model.value(x), rel=1e-12)
    assert all(run["one_body"] for run in found["runs"])
    assert figure.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("directions", ["soft", "hard", "minima", "runs", "filter", "random"])
def test_every_kind_of_directions(capsys, tmp_path, directions):
    command = ("slice", "planted.h5", "--directions", directions, "--runs", "planted.h5", "--run", 1, *COARSE)
    found = rows(capsys, *command)
    assert {row["kind"] for row in found} == {"minimum", "run"}
    start = [row for row in found if row["kind"] == "run"][-1] if directions == "runs" else found[0]
    assert (float(start["distance"]), float(start["a"]), float(start["b"])) == pytest.approx((0.0, 0.0, 0.0), abs=1e-10)
    assert rows(capsys, *command) == found


def test_a_grid_alone_and_its_extent(capsys):
    found = rows(capsys, "slice", "bare.h5", "--directions", "soft", "--minimum", 2, "--extent", 2, "--grid", *COARSE)
    assert len(found) == 25
    assert {float(row["a"]) for row in found} == {-2.0, -1.0, 0.0, 1.0, 2.0}
    landscape = read_landscape("bare.h5")
    centre = next(row for row in found if float(row["a"]) == float(row["b"]) == 0.0)
    assert float(centre["loss"]) == pytest.approx(landscape.minima.loss[2], abs=1e-20)
