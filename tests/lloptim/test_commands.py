"""connect, saddle and path from the command line: shape of what they write, and their manners."""

import json
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner

import lloptim.cli
from llcommon.store import read_landscape, write_landscape
from lloptim.connect import connect
from tests.lloptim.problems import surface

SADDLES = [13.3119262704, 67.7191500875, 104.0151629176, 178.3372392019]


def run(*arguments):
    return CliRunner().invoke(lloptim.cli.main, list(map(str, arguments)))


def table(text):
    """Rows of a TSV as dictionaries."""
    header, *rows = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture
def himmelblau(tmp_path, monkeypatch):
    """A folder with the four known minima of Himmelblau's function in minima.h5."""
    monkeypatch.chdir(tmp_path)
    write_landscape(tmp_path / "minima.h5", surface("himmelblau"))
    return tmp_path


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """A folder with the Mueller-Brown landscape, both transition states included, in all.h5."""
    monkeypatch.chdir(tmp_path)
    landscape = surface("mueller-brown")
    found = connect(landscape.model, landscape.settings, landscape.minimum(0), landscape.minimum(1))
    landscape.merge(found.landscape)
    write_landscape(tmp_path / "all.h5", landscape)
    return tmp_path


# --- connect ----------------------------------------------------------------------------------


def test_connect_all_pairs_from_a_file(himmelblau):
    (himmelblau / "pairs.tsv").write_text("minimum_a\tminimum_b\n0\t1\n0\t3\n2\t3\n1\t2\n0\t2\n1\t3\n")
    before = (himmelblau / "minima.h5").read_bytes()
    result = run("connect", "minima.h5", "--pairs", "pairs.tsv", "-o", "found.h5", "-j", 1)
    assert result.exit_code == 0
    rows = table(result.stdout)
    names = ["minimum_a", "minimum_b", "connected", "status", "new_minima", "new_transition_states"]
    assert list(rows[0]) == names
    ids = [(row["minimum_a"], row["minimum_b"]) for row in rows]
    assert ids == [("0", "1"), ("0", "3"), ("2", "3"), ("1", "2"), ("0", "2"), ("1", "3")]
    assert {row["connected"] for row in rows} == {"true"}
    assert {row["status"] for row in rows} == {"converged"}
    found = read_landscape(himmelblau / "found.h5")
    assert sorted(found.transition_states.loss) == pytest.approx(SADDLES, abs=5e-10)
    assert len(found.minima) == 4
    assert sum(int(row["new_transition_states"]) for row in rows) == 4
    # The input is only read, and the output passes the check of the family.
    assert (himmelblau / "minima.h5").read_bytes() == before
    assert run("check", "found.h5").exit_code == 0


def test_connect_as_json(himmelblau):
    result = run("connect", "minima.h5", "--pair", 0, 1, "--pair", 2, 3, "--json", "-j", 1)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["schema_version"] == 1
    assert document["file"] == "minima.connected.h5"
    assert document["counters"]["transition states"] == 2
    assert [(row["minimum_a"], row["minimum_b"], row["connected"]) for row in document["rows"]] == [
        (0, 1, True),
        (2, 3, True),
    ]
    assert read_landscape(himmelblau / "minima.connected.h5").provenance[-1]["program"] == "lloptim"


def test_same_bits_with_one_and_two_processes(himmelblau):
    (himmelblau / "pairs.tsv").write_text("0 1\n0 3\n2 3\n1 2\n")
    points = []
    for jobs in (1, 2):
        assert run("connect", "minima.h5", "--pairs", "pairs.tsv", "-o", f"{jobs}.h5", "-j", jobs).exit_code == 0
        found = read_landscape(himmelblau / f"{jobs}.h5")
        points.append((found.transition_states.coordinates.tobytes(), found.minima.coordinates.tobytes()))
    assert points[0] == points[1]


def test_parts_of_a_job_are_the_job(himmelblau):
    (himmelblau / "pairs.tsv").write_text("0 1\n0 3\n2 3\n1 2\n0 2\n")
    seen = []
    for part in ("1/2", "2/2"):
        result = run("connect", "minima.h5", "--pairs", "pairs.tsv", "--part", part, "-j", 1)
        assert result.exit_code == 0
        seen += [(row["minimum_a"], row["minimum_b"]) for row in table(result.stdout)]
        assert (himmelblau / f"minima.part-{part.replace('/', '-of-')}.h5").is_file()
    assert sorted(seen) == sorted([("0", "1"), ("0", "3"), ("2", "3"), ("1", "2"), ("0", "2")])


def test_failed_connection_is_named_and_ends_with_4(himmelblau):
    options = ["--set", "connect.saddle_steps=1", "--set", "connect.tries=1"]
    result = run("connect", "minima.h5", "--pair", 0, 1, "-o", "none.h5", "-j", 1, *options)
    assert result.exit_code == 4
    row = table(result.stdout)[0]
    assert row["connected"] == "false"
    assert row["status"] in ("no-candidate", "step-limit")
    assert "saddle step-limit" in result.stderr
    assert "no transition state" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["minima.h5", "--pair", 0, 9], 2, "minima.h5 has no minimum 9"),
        (["minima.h5"], 2, "--pair"),
        (["minima.h5", "--pair", 0, 1, "--pairs", "x.tsv"], 2, "--pairs"),
        (["minima.h5", "--pairs", "x.tsv"], 3, "x.tsv"),
        (["absent.h5", "--pair", 0, 1], 3, "absent.h5"),
        (["minima.h5", "--pair", 0, 1, "--part", "3/2"], 2, "--part"),
        (["minima.h5", "--pair", 0, 1, "--set", "connect.trys=2"], 2, "tries"),
        (["minima.h5", "--pair", 0, 1, "-o", "minima.h5"], 2, "minima.h5"),
    ],
)
def test_connect_refuses(himmelblau, arguments, code, words):
    before = sorted(himmelblau.iterdir())
    result = run("connect", *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert sorted(himmelblau.iterdir()) == before


def test_dry_run_writes_nothing(himmelblau):
    before = sorted(himmelblau.iterdir())
    result = run("connect", "minima.h5", "--pair", 0, 1, "-n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 pairs" in result.stderr
    assert sorted(himmelblau.iterdir()) == before


# --- saddle -----------------------------------------------------------------------------------


def test_saddle_from_a_point(connected):
    (connected / "point.txt").write_text("0.2\n0.3\n")
    result = run("saddle", "all.h5", "--point", "point.txt", "--json", "-o", "triple.h5")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["loss"] == pytest.approx(-72.2489401123, abs=5e-10)
    assert report["negative_eigenvalue"] < 0.0 < report["next_eigenvalue"]
    assert report["lpphe"] == pytest.approx(np.log(report["next_eigenvalue"]), abs=1e-12)
    sides = sorted([report["plus_loss"], report["minus_loss"]])
    assert sides == pytest.approx([-108.1667241169, -80.7678181297], abs=5e-10)
    assert report["rms"] <= 1e-9
    triple = read_landscape(connected / "triple.h5")
    assert (len(triple.minima), len(triple.transition_states)) == (2, 1)
    assert run("check", "triple.h5").exit_code == 0


@pytest.mark.parametrize("options", [[], ["--displacement", 0.1]])
@pytest.mark.parametrize("minimum", [1, 2])
def test_saddle_from_a_minimum(connected, minimum, options):
    """Uphill from a minimum along its softest mode, from the spot or displaced: one of the two saddles."""
    result = run("saddle", "all.h5", "--minimum", minimum, "--json", *options)
    assert result.exit_code == 0
    loss = json.loads(result.stdout)["loss"]
    assert min(abs(loss - known) for known in (-72.2489401123, -40.6648435087)) < 5e-10


def test_saddle_from_a_transition_state(connected):
    stored = read_landscape(connected / "all.h5").transition_states.loss
    for ts in (0, 1):
        for displacement in (0.0, 0.02):
            result = run("saddle", "all.h5", "--ts", ts, "--displacement", displacement)
            assert result.exit_code == 0
            rows = {row["property"]: row["value"] for row in table(result.stdout)}
            assert float(rows["loss"]) == pytest.approx(stored[ts], abs=1e-9)


def test_saddle_seed_decides_the_displacement(connected):
    arguments = ["saddle", "all.h5", "--minimum", 2, "--displacement", 0.2, "--json"]
    reports = [json.loads(run(*arguments, "-s", seed).stdout) for seed in (5, 5, 6)]
    assert reports[0] == reports[1]
    assert reports[0]["evaluations"] != reports[2]["evaluations"] or reports[0]["rms"] != reports[2]["rms"]


def test_saddle_that_finds_nothing(connected):
    options = ["--displacement", 0.1, "--set", "connect.saddle_steps=1"]
    result = run("saddle", "all.h5", "--minimum", 0, "-o", "triple.h5", *options)
    assert result.exit_code == 4
    assert "step-limit" in result.stderr
    assert result.stdout == ""
    assert not (connected / "triple.h5").exists()


@pytest.mark.parametrize(
    ("content", "words"), [("0.1\n", "2"), ("0.1 nan\n", "finite"), ("a b\n", "point.txt"), (None, "point.txt")]
)
def test_saddle_refuses_a_bad_point(connected, content, words):
    if content is not None:
        (connected / "point.txt").write_text(content)
    result = run("saddle", "all.h5", "--point", "point.txt")
    assert result.exit_code == 3
    assert words in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--minimum", 0, "--ts", 0], ["--minimum", 7], ["--ts", 2]])
def test_saddle_refuses_a_bad_start(connected, arguments):
    result = run("saddle", "all.h5", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


# --- path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ts", [0, 1])
def test_path_table(connected, ts):
    result = run("path", "all.h5", ts)
    assert result.exit_code == 0
    rows = table(result.stdout)
    assert list(rows[0]) == ["arc_length", "loss"]
    arcs = [float(row["arc_length"]) for row in rows]
    losses = [float(row["loss"]) for row in rows]
    top = arcs.index(0.0)
    assert 0 < top < len(arcs) - 1
    assert all(a < b for a, b in pairwise(arcs))
    assert all(a < b for a, b in pairwise(losses[: top + 1]))
    assert all(a > b for a, b in pairwise(losses[top:]))
    landscape = read_landscape(connected / "all.h5")
    assert losses[top] == landscape.transition_states.loss[ts]
    ends = landscape.minima.loss[landscape.transition_states.minima[ts]]
    assert sorted([losses[0], losses[-1]]) == pytest.approx(sorted(ends), abs=1e-9)


def test_path_as_json_names_its_ends(connected):
    landscape = read_landscape(connected / "all.h5")
    for ts in (0, 1):
        document = json.loads(run("path", "all.h5", ts, "--json").stdout)
        assert document["schema_version"] == 1
        assert document["ts"] == ts
        assert document["ends"] == landscape.transition_states.minima[ts].tolist()
        ends = landscape.minima.coordinates[document["ends"]]
        assert document["displacement"] == pytest.approx(np.linalg.norm(ends[0] - ends[1]), abs=1e-6)
        assert document["path_length"] >= document["displacement"]
        assert 0.5 <= document["cooperativity"] <= 1.0
        assert set(document["rows"][0]) == {"arc_length", "loss"}


@pytest.mark.parametrize(
    ("name", "start"), [("path.svg", b"<?xml"), ("path.pdf", b"%PDF"), ("path.png", b"\x89PNG\r\n")]
)
def test_path_figure(connected, name, start):
    result = run("path", "all.h5", 0, "-o", name)
    assert result.exit_code == 0
    content = (connected / name).read_bytes()
    assert content.startswith(start)
    assert len(content) > 2000
    again = run("path", "all.h5", 0, "-o", name)
    assert again.exit_code == 2
    assert (connected / name).read_bytes() == content
    assert run("path", "all.h5", 0, "-o", name, "-f").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["all.h5", 2], 2), (["all.h5", -1], 2), (["absent.h5", 0], 3), (["all.h5", 0, "-o", "path.gif"], 2)],
)
def test_path_refuses(connected, arguments, code):
    result = run("path", *arguments)
    assert result.exit_code == code
    assert "Traceback" not in result.stderr
    assert not (connected / "path.gif").exists()
