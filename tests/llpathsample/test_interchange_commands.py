"""`llpathsample import` and `export` as a user runs them: round trips exact to the last digit, refusals, tables."""

import json
import os
import shutil
import signal
import subprocess
import sys

import networks
import networkx
import numpy as np
import pytest
from driving import ROOT, call, files

from llcommon.interchange import folders
from llcommon.interchange.folders import replace_folder
from llcommon.store import read_landscape, write_landscape
from llcommon.verification import verify

HIMMELBLAU = '[loss]\nmodel = "himmelblau"\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def surface(folder):
    """h.h5 with the whole network of Himmelblau's function, and h.toml."""
    write_landscape(folder / "h.h5", networks.himmelblau())
    (folder / "h.toml").write_text(HIMMELBLAU)
    return folder


@pytest.fixture
def xor(folder):
    """A copy of what the original programs wrote for XOR, and its network as x.h5."""
    shutil.copytree(networks.XOR, folder / "xor")
    (folder / "xor" / "pathdata").write_text("MLPVB3 2 1 2 2 4 0.0001\n")
    assert call("llpathsample", "import", "xor/path.info", "-o", "x.h5", "-q") == 0
    return folder


def run(*arguments):
    assert call("llpathsample", *arguments, "-q") == 0


def refused(capsys, message, *arguments):
    """A command that ends with a message of its own."""
    capsys.readouterr()
    assert call("llpathsample", *arguments) in (2, 3, 4)
    captured = capsys.readouterr()
    assert message in captured.err
    return captured


def tables_of(path):
    landscape = read_landscape(path)
    tables = [getattr(landscape, name) for name in ("minima", "transition_states")]
    return [{name: getattr(table, name).tolist() for name in table.names if name != "visits"} for table in tables]


@pytest.mark.parametrize("kind", ["suite", "topsearch", "path.info", "min.data.info", "lowest"])
def test_export_import_export_gives_the_same_bytes(surface, kind):
    first, second = surface / f"{kind}.1", surface / f"{kind}.2"
    run("export", "h.h5", "--format", kind, "-o", first)
    run("import", first, "--format", kind, "--model", "h.toml", "-o", "again.h5")
    run("export", "again.h5", "--format", kind, "-o", second)
    if first.is_dir():
        assert files(first) == files(second)
    else:
        assert first.read_bytes() == second.read_bytes()
    if kind in ("suite", "topsearch"):
        assert tables_of("h.h5") == tables_of("again.h5")


def test_xor_goes_out_and_comes_back_without_being_told_the_model(xor, capsys):
    run("export", "x.h5", "-o", "out")
    assert "no MLPVB3" not in capsys.readouterr().err
    run("import", "out", "-o", "again.h5")
    run("export", "again.h5", "-o", "back")
    assert files(xor / "out") == files(xor / "back")
    assert tables_of("x.h5") == tables_of("again.h5")
    landscape = read_landscape("again.h5")
    assert verify(landscape, [0]).failures == []
    # Both minima of the file are images of one; the negative eigenvalue is the printed one.
    assert (len(landscape.minima), landscape.transition_states.minima.tolist()) == (1, [[0, 0]])
    assert landscape.transition_states.negative_eigenvalue[0] == pytest.approx(-0.1659793809, abs=5e-11)
    assert (xor / "out" / "points.min").stat().st_size == 8 * 12


def test_points_are_in_the_order_of_the_suite(xor):
    run("export", "x.h5", "-o", "out")
    printed = np.array(" ".join((networks.XOR / "path.info").read_text().splitlines()[6:10]).split(), dtype=float)
    assert np.fromfile(xor / "out" / "points.min").tolist() == printed.tolist()
    assert (xor / "out" / "coords").read_text().split() == [repr(value) for value in printed.tolist()]
    rows = np.loadtxt(xor / "out" / "MLPdata")
    assert rows.tolist() == np.loadtxt(networks.XOR / "MLPdata").tolist()


def test_a_model_may_be_that_of_a_landscape_file(xor):
    run("import", "xor/lowest", "--like", "x.h5", "-o", "lowest.h5")
    assert read_landscape("lowest.h5").fingerprint == read_landscape("x.h5").fingerprint
    run("merge", "x.h5", "lowest.h5", "-o", "both.h5")
    assert len(read_landscape("both.h5").minima) == 1


# --- what is not stored -----------------------------------------------------------------------


def imported(capsys, *arguments):
    """The report of an import."""
    capsys.readouterr()
    run("import", *arguments, "-o", "new.h5", "-f", "--json")
    return json.loads(capsys.readouterr().out)


def points_of(folder, name="points.min"):
    return np.fromfile(folder / name).reshape(-1, 2)


def test_points_that_are_none_are_listed_and_left_out(surface, capsys):
    run("export", "h.h5", "-o", "out")
    points = points_of(surface / "out")
    points[1] += 0.3
    points.tofile(surface / "out" / "points.min")
    report = imported(capsys, "out", "--model", "h.toml")
    assert (report["minima"], report["minimum_ids"][1]) == (3, -1)
    minimum, *states = report["failures"]
    assert minimum["place"] == "out/min.data: line 2"
    assert "as printed: it belongs to another model or other data" in minimum["problem"]
    # The two transition states beside it lead to what is not stored.
    assert [state["kind"] for state in states] == ["transition state"] * 2
    assert "one that is not stored" in states[0]["problem"]
    assert report["transition_states"] == 2
    assert verify(read_landscape("new.h5"), [0, 1]).failures == []
    report = imported(capsys, "out", "--model", "h.toml", "--reconverge")
    assert (report["minima"], report["transition_states"], report["rejoined"]) == (4, 4, 2)


def test_loose_points_need_reconverge(surface, capsys):
    run("export", "h.h5", "-o", "out")
    for name in ("points.min", "points.ts"):
        np.round(points_of(surface / "out", name), 7).tofile(surface / "out" / name)
    for name in ("min.data", "ts.data"):
        table = (surface / "out" / name).read_text().splitlines()
        words = [line.split() for line in table]
        lines = [" ".join([f"{float(row[0]):.8f}", *row[1:]]) for row in words]
        (surface / "out" / name).write_text("\n".join(lines) + "\n")
    report = imported(capsys, "out", "--model", "h.toml")
    # (3, 2) is a minimum to the last bit.
    assert (report["minima"], report["transition_states"]) == (1, 0)
    assert len(report["failures"]) == 7
    for failure in report["failures"]:
        assert failure["problem"].endswith("above the tolerance, 1e-09; --reconverge refines such points")
    report = imported(capsys, "out", "--model", "h.toml", "--reconverge")
    assert (report["minima"], report["transition_states"], report["reconverged"]) == (4, 4, 7)
    ours, theirs = read_landscape("h.h5"), read_landscape("new.h5")
    assert verify(theirs, range(4)).failures == []
    assert np.abs(ours.minima.coordinates - theirs.minima.coordinates).max() < 1e-9


def test_a_saddle_is_no_minimum(surface, capsys):
    run("export", "h.h5", "-o", "out")
    shutil.copy("out/points.ts", "out/points.min")
    shutil.copy("out/ts.data", "out/x")
    rows = [line.split() for line in (surface / "out" / "ts.data").read_text().splitlines()]
    (surface / "out" / "min.data").write_text("".join(f"{row[0]} {row[1]} 1 1 1 1\n" for row in rows))
    said = refused(capsys, "no minimum", "import", "out", "--model", "h.toml", "-o", "new.h5", "--json")
    problems = [row["problem"] for row in json.loads(said.out)["failures"][:4]]
    assert problems == ["its Hessian has 1 negative eigenvalues where 0 belongs"] * 4


# --- sets, tables -----------------------------------------------------------------------------


def test_sets_are_kept_and_may_be_given(surface, capsys):
    run("export", "h.h5", "-o", "usual")
    usual = [(surface / "usual" / f"min.{name}").read_text().split() for name in "AB"]
    assert usual == [["1", "1"], ["3", "2", "3", "4"]]
    (surface / "b.txt").write_text("1\n3\n")
    run("export", "h.h5", "--set-a", "2", "--set-b", "b.txt", "-o", "given")
    run("import", "given", "--model", "h.toml", "-o", "again.h5")
    run("export", "again.h5", "-o", "kept")
    assert (surface / "kept" / "min.A").read_text().split() == ["1", "3"]
    assert (surface / "kept" / "min.B").read_text().split() == ["2", "2", "4"]
    refused(capsys, "minimum 2 would be in set A and in set B", "export", "again.h5", "--set-b", "0,2", "-o", "bad")
    refused(capsys, "minimum 9 does not exist", "export", "h.h5", "--set-b", "9", "-o", "bad")
    assert not (surface / "bad").exists()


def test_a_table_without_coordinates(folder, capsys):
    shutil.copytree(networks.NET4, "net4")
    run("import", "net4", "--table", "6", "-o", "n.h5")
    run("export", "n.h5", "--temperature", "0.5", "-o", "out")
    run("import", "out", "--table", "6", "-o", "again.h5")
    run("export", "again.h5", "--temperature", "0.5", "-o", "back")
    assert files(folder / "out") == files(folder / "back")
    assert "NOPOINTS" in (folder / "out" / "pathdata").read_text()
    landscape = read_landscape("n.h5")
    assert landscape.minima.loss.tolist() == [0.0, 0.5, 0.8, 1.2]
    assert landscape.declared.parameters.degrees_of_freedom == 6
    for command in ("list n.h5", "show n.h5", "stats n.h5", "path n.h5 1 3", "tree n.h5"):
        run(*command.split())
    run("merge", "n.h5", "again.h5", "-o", "both.h5")
    assert len(read_landscape("both.h5").minima) == 8
    for command in (("check", "n.h5"), ("grow", "n.h5"), ("distance", "n.h5", "0", "1")):
        refused(capsys, "imported as a table, without coordinates and loss", *command)
    for kind in ("path.info", "min.data.info", "lowest", "topsearch"):
        said = "imported as a table, without the coordinates"
        refused(capsys, said, "export", "n.h5", "--format", kind, "-o", "none")
    refused(capsys, "no MLPVB3 line is in pathdata", "import", "net4", "-o", "m.h5")


def test_equal_losses_of_a_table_stay_apart(folder):
    write_landscape("r.h5", networks.random_network(3))
    run("export", "r.h5", "-o", "out")
    run("import", "out", "--table", "5", "-o", "again.h5")
    assert len(read_landscape("again.h5").minima) == 12
    run("export", "again.h5", "-o", "back")
    assert files(folder / "out") == files(folder / "back")


# --- graphs and archives ------------------------------------------------------------------------


def test_graphml_has_every_column(surface):
    run("export", "h.h5", "--format", "graphml", "-o", "h.graphml")
    graph = networkx.read_graphml("h.graphml", node_type=int, force_multigraph=True)
    landscape = read_landscape("h.h5")
    assert (len(graph), graph.number_of_edges()) == (4, 4)
    for minimum, attributes in graph.nodes(data=True):
        assert attributes["loss"] == landscape.minima.loss[minimum]
        assert set(attributes) == set(landscape.minima.names) - {"coordinates"}
    for a, b, attributes in graph.edges(data=True):
        state = landscape.transition_states.loss.tolist().index(attributes["loss"])
        assert [attributes["plus"], attributes["minus"]] == landscape.transition_states.minima[state].tolist()
        assert sorted([a, b]) == sorted([attributes["plus"], attributes["minus"]])
        columns = set(landscape.transition_states.names) - {"coordinates", "minima"}
        assert columns | {"plus", "minus"} == set(attributes) - {"id"}


def test_npz_has_every_table(surface):
    run("export", "h.h5", "--format", "npz", "-o", "h.npz")
    landscape = read_landscape("h.h5")
    with np.load("h.npz") as archive:
        for table in ("minima", "transition_states", "pairs"):
            for name in getattr(landscape, table).names:
                assert np.array_equal(archive[f"{table}_{name}"], getattr(getattr(landscape, table), name))
        assert json.loads(str(archive["settings"]))["loss"]["model"] == "himmelblau"


# --- outputs ----------------------------------------------------------------------------------


def test_a_folder_is_replaced_whole_or_not_at_all(folder):
    names = ("a", "b")
    replace_folder(folder / "out", {"a": b"1", "b": ["2", "3"]}, names)
    assert files(folder) == {"out": None, "out/a": b"1", "out/b": b"23"}

    def breaks():
        yield "half"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        replace_folder(folder / "out", {"a": breaks()}, names)
    assert files(folder) == {"out": None, "out/a": b"1", "out/b": b"23"}
    replace_folder(folder / "out", {"b": "4"}, names)
    assert files(folder) == {"out": None, "out/b": b"4"}


def test_the_ending_of_an_export_names_its_format(surface):
    run("export", "h.h5", "-o", "h.graphml")
    assert networkx.read_graphml(surface / "h.graphml").number_of_nodes() == 4
    run("export", "h.h5", "-o", "h.npz")
    assert np.load(surface / "h.npz")["minima_loss"].shape == (4,)
    run("export", "h.h5", "-o", "h.folder")
    assert (surface / "h.folder" / "min.data").is_file()


@pytest.mark.parametrize("able", [True, False])
def test_a_killed_export_leaves_the_old_folder_and_is_cleared_away(folder, able, monkeypatch):
    if not able:
        monkeypatch.setattr(folders, "_exchanged", lambda first, second: False)
    script = (
        "import os, signal; from pathlib import Path; from llcommon.interchange.folders import replace_folder\n"
        "def content():\n    yield 'half'\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "replace_folder(Path('out'), {'a': 'new', 'b': content()}, ('a', 'b'))"
    )
    replace_folder(folder / "out", {"a": "old"}, ("a", "b"))
    killed = subprocess.run([sys.executable, "-c", script], cwd=folder, env=_environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert files(folder / "out") == {"a": b"old"}
    assert len(list(folder.iterdir())) == 2
    replace_folder(folder / "out", {"b": "new"}, ("a", "b"))
    assert files(folder) == {"out": None, "out/b": b"new"}


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_foreign_files_are_not_touched(surface, capsys):
    run("export", "h.h5", "-o", "out")
    refused(capsys, "out exists already; choose another name or add --force", "export", "h.h5", "-o", "out")
    run("export", "h.h5", "-o", "out", "-f")
    (surface / "out" / "NGT.rates").write_text("mine")
    refused(capsys, "out holds NGT.rates, which was not exported", "export", "h.h5", "-o", "out", "-f")
    assert (surface / "out" / "NGT.rates").read_text() == "mine"
    (surface / "file").touch()
    refused(capsys, "file exists and is no folder", "export", "h.h5", "-o", "file", "-f")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere does not exist"),
        (("h.toml",), "the name of h.toml does not tell its format; give --format, one of suite, path.info"),
        (("out", "--model", "h.toml", "--table", "3"), "exclude each other"),
        (("out", "--table", "3", "--reconverge"), "--reconverge needs a loss"),
        (("out", "--format", "topsearch", "--model", "h.toml"), "out/min.data: line 1 has 6 columns where 2 belong"),
    ],
)
def test_what_an_import_refuses(surface, arguments, message, capsys):
    run("export", "h.h5", "-o", "out")
    refused(capsys, message, "import", *arguments, "-o", "new.h5")
    assert not (surface / "new.h5").exists()
