"""Bad input, all three programs: one sentence, the right exit code, no file made or changed."""

import resource
import shutil
import sys

import h5py
import numpy as np
import pytest
from driving import XOR_CSV, call, files

from llcommon.problem import read_problem
from llcommon.store import Landscape, read_landscape, write_landscape

TOML = """\
[loss]
model = "mlp"
hidden = [2]
lambda = 1e-4

[data]
file = "xor.csv"
scaling = "none"

[search]
steps = 20
chains = 1
"""
HIMMELBLAU = """\
[loss]
model = "himmelblau"

[search]
steps = 20
step = 4.0
temperature = 100.0
"""
ROWS = "x1,x2,class\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Files good and bad, made once.

    minima.h5: of a network that learns XOR, without transition states; plane.h5: those of another model; network.h5:
    connections of plane.h5; model.h5: as minima.h5, of another lambda.
    """
    path = tmp_path_factory.mktemp("stock")
    shutil.copy(XOR_CSV, path)
    (path / "xor.toml").write_text(TOML, encoding="utf-8")
    (path / "plane.toml").write_text(HIMMELBLAU, encoding="utf-8")
    (path / "folder").mkdir()
    for name, toml in (("minima", "xor"), ("plane", "plane")):
        assert call("llgmin", "run", path / f"{toml}.toml", "-o", path / f"{name}.h5", "-j", 1, "-q") == 0
    assert call("llgmin", "run", path / "xor.toml", "-o", path / "model.h5", "--set", "loss.lambda=0.1", "-j", 1) == 0
    assert call("lloptim", "connect", path / "plane.h5", "--pair", 0, 1, "-o", path / "network.h5", "-j", 1, "-q") == 0
    # Compiled and cached here: under a limit on the size of files the cache could not be written.
    for command in ("path", path / "network.h5", 0), ("saddle", path / "network.h5", "--ts", 0):
        assert call("lloptim", *command, "-q") == 0
    landscape = read_problem(path / "xor.toml")
    write_landscape(path / "empty.h5", Landscape(landscape.settings, landscape.model, landscape.data))
    _make_damaged(path)
    return path


def _make_damaged(path) -> None:
    content = (path / "network.h5").read_bytes()
    (path / "truncated.h5").write_bytes(content[: len(content) // 2])
    (path / "zero.h5").write_bytes(b"")
    (path / "text.h5").write_text("minimum_a\tminimum_b\n", encoding="utf-8")
    flipped = bytearray(content)
    flipped[content.index(read_landscape(path / "network.h5").minima.coordinates[0].tobytes())] ^= 1
    (path / "flipped.h5").write_bytes(flipped)
    shutil.copy(path / "network.h5", path / "newer.h5")
    with h5py.File(path / "newer.h5", "a") as file:
        file.attrs["version"] = np.int64(99)
    with h5py.File(path / "foreign.h5", "w") as file:
        file["x"] = 1.0


@pytest.fixture
def folder(stock, tmp_path, monkeypatch):
    """A copy of the stock as the present folder, so that names in messages are short."""
    shutil.copytree(stock, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(folder, capsys, code: int, command: str, *parts: str) -> None:
    """A command is refused as it should be; `parts` occur in its sentence."""
    name, *arguments = command.split()
    before = files(folder)
    capsys.readouterr()
    assert call(name, *[argument.replace("~", " ") for argument in arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith(f"{name}: error: ") and said.count("\n") == 1, said
    assert "Traceback" not in said
    for part in parts:
        assert part in said
    assert files(folder) == before


# --- settings files -------------------------------------------------------------------------------

SETTINGS = [
    # replaced, by, exit code, what the sentence says
    ("hidden = [2]", "hidden = [-3]", 2, "[loss] element 1 of hidden must be at least 1, not -3"),
    ("hidden = [2]", "hidden = [0]", 2, "[loss] element 1 of hidden must be at least 1"),
    ("hidden = [2]", "hidden = 3", 2, "[loss] hidden must be a list of integers, not 3"),
    ("hidden = [2]", "hidden = [2.5]", 2, "must be an integer, not 2.5"),
    ("hidden = [2]", "hiden = [2]", 2, "[loss] hiden is not a known key; did you mean hidden?"),
    ("steps = 20", "steps = 0", 2, "[search] steps must be at least 1, not 0"),
    ("steps = 20", "stps = 20", 2, "[search] stps is not a known key; did you mean steps?"),
    ("steps = 20", 'steps = "many"', 2, "[search] steps must be an integer"),
    ("steps = 20", "steps = ", 2, "xor.toml: line 11, column 9 is not valid TOML"),
    ("steps = 20", "steps = 20\nsteps = 30", 2, "is not valid TOML"),
    ("chains = 1", "chains = -1", 2, "[search] chains must be at least 1, not -1"),
    ("chains = 1", "seed = -1", 2, "[search] seed must be at least 0"),
    ("[search]", "[serch]", 2, "[serch] is not a known section; did you mean search?"),
    ("lambda = 1e-4", "lambda = -1.0", 2, "[loss] lambda must be at least 0.0, not -1.0"),
    ("lambda = 1e-4", "lambda = nan", 2, "[loss] lambda must be a finite number"),
    ("lambda = 1e-4", "lambda = true", 2, "[loss] lambda must be a number"),
    ('"mlp"', '"mpl"', 2, "[loss] model mpl is not a known loss model; did you mean mlp?"),
    ('model = "mlp"', "", 2, "[loss] model is missing"),
    ('file = "xor.csv"', "", 2, "[data] file is missing"),
    ('"xor.csv"', '"xor.csv"\ntarget = "clas"', 2, "target clas is not a column of xor.csv; did you mean class?"),
    ('"xor.csv"', '"none.csv"', 3, "none.csv does not exist"),
    ('"xor.csv"', '"folder"', 3, "folder is a folder"),
    ('"none"', '"non"', 2, "[data] scaling must be"),
]


@pytest.mark.parametrize(("old", "new", "code", "sentence"), SETTINGS)
def test_settings(folder, capsys, old, new, code, sentence):
    assert TOML.count(old) == 1
    (folder / "xor.toml").write_text(TOML.replace(old, new), encoding="utf-8")
    refused(folder, capsys, code, "llgmin run xor.toml -j 1", sentence)


def test_all_problems_are_listed_one_a_line(folder, capsys):
    text = TOML.replace("steps = 20", "stps = 20").replace("hidden = [2]", "hidden = [0]")
    (folder / "xor.toml").write_text(text, encoding="utf-8")
    assert call("llgmin", "run", "xor.toml") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("llgmin: error: xor.toml: [") for line in lines)


def test_settings_that_are_no_text(folder, capsys):
    (folder / "xor.toml").write_bytes(b"[loss]\nmodel = \xff\n")
    refused(folder, capsys, 2, "llgmin run xor.toml", "line 2, column 9 is not UTF-8 text")


def test_no_hidden_layer_is_no_mistake(folder):
    (folder / "xor.toml").write_text(TOML.replace("[2]", "[]"), encoding="utf-8")
    assert call("llgmin", "run", "xor.toml", "-j", 1) == 0
    assert len(read_landscape(folder / "xor.h5").minima) == 1  # without hidden units the loss is convex


# --- data -----------------------------------------------------------------------------------------

DATA = [
    ("0,1,1", "0,one,1", 'line 3, column x2 holds "one", which is not a number'),
    ("0,1,1", "0,nan,1", 'line 3, column x2 holds "nan", which is not a finite number'),
    ("0,1,1", "0,inf,1", "line 3, column x2"),
    ("0,1,1", "0,1e999,1", "line 3, column x2"),
    ("0,1,1", "0,,1", "line 3, column x2 has no value"),
    ("0,1,1", "0,1", "line 3 has 2 cells where the header has 3"),
    ("0,1,1", "0,1,", "line 3, column class has no class"),
    ("0,1,1\n1,0,1", "0,1,0\n1,0,0", 'column class holds only the class "0"'),
    ("0,1,1\n1,0,1\n1,1,0", "0,1,1", "column x1 is constant"),
    (ROWS, "", "is empty"),
    (ROWS, "x1,x2,class\n", "has 0 rows of data"),
    (ROWS, "x1,x2,class\n0,0,0\n", "has 1 rows of data"),
    ("x1,x2,class\n", "", "has no header"),
    ("x1,x2", "x1,x1", "the column name x1 occurs twice"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), DATA)
def test_data(folder, capsys, old, new, sentence):
    assert ROWS.count(old) == 1
    (folder / "xor.csv").write_text(ROWS.replace(old, new), encoding="utf-8")
    (folder / "xor.toml").write_text(TOML.replace('"none"', '"standardise"'), encoding="utf-8")
    refused(folder, capsys, 3, "llgmin run xor.toml -j 1", "xor.csv", sentence)
    refused(folder, capsys, 3, "llgmin new mlp --data xor.csv", "xor.csv", sentence)


def test_data_that_are_no_text(folder, capsys):
    (folder / "xor.csv").write_bytes(b"x1,x2,class\n0,0,\xff\n")
    refused(folder, capsys, 3, "llgmin run xor.toml -j 1", "xor.csv is not UTF-8 text (line 2)")


# --- landscape files ------------------------------------------------------------------------------

READERS = [
    "llgmin list {}",
    "llgmin show {}",
    "llgmin quench {}",
    "lloptim check {}",
    "lloptim connect {} --pair 0 1",
    "lloptim saddle {} --minimum 0",
    "lloptim path {} 0",
    "llpathsample grow {}",
    "llpathsample grow {} -o new.h5",
    "llpathsample merge {} -o new.h5",
    "llpathsample merge network.h5 {} -o new.h5",
    "llpathsample stats {}",
    "llpathsample extract {} --lowest 1 -o new.h5",
    "llpathsample recompute {} -o new.h5",
    "llpathsample tree {} -o new.svg",
    "llpathsample report {} -o new.html",
    "llpathsample path {} 0 1",
    "llpathsample fastest-paths {}",
    "llpathsample first-passage {}",
    "llpathsample regroup {}",
    "llpathsample robustness {}",
    "llpathsample interpret {}",
    "llpathsample slice {}",
]
DAMAGED = [
    ("none.h5", "does not exist"),
    ("folder", "is a folder"),
    ("truncated.h5", "is damaged"),
    ("zero.h5", "is empty"),
    ("text.h5", "is not an HDF5 file"),
    ("foreign.h5", "is an HDF5 file but not a landscape file"),
    ("newer.h5", "has the format version 99 and this program reads up to"),
    ("xor.csv/x.h5", "cannot be read (not a directory)"),
]


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(("name", "sentence"), DAMAGED)
def test_landscape_files(folder, capsys, command, name, sentence):
    refused(folder, capsys, 3, command.format(name), f"error: {name} ", sentence)


READ_NO_POINTS = ("list", "show", "stats", "tree", "report", "path", "fastest-paths", "first-passage", "regroup")
POINT_READERS = [command for command in READERS if command.split()[1] not in READ_NO_POINTS]


@pytest.mark.parametrize("command", POINT_READERS)
def test_a_flipped_bit(folder, capsys, command):
    refused(folder, capsys, 3, command.format("flipped.h5"), "do not agree with their checksum")


EMPTY = [
    "llpathsample tree empty.h5 -o new.svg",
    "llpathsample grow empty.h5",
    "llpathsample stats empty.h5",
    "llpathsample fastest-paths empty.h5",
    "llpathsample first-passage empty.h5",
    "llpathsample regroup empty.h5",
]


@pytest.mark.parametrize("command", EMPTY)
def test_a_landscape_without_minima(folder, capsys, command):
    refused(folder, capsys, 3, command, "empty.h5 holds no minima; make some with llgmin run")


def test_a_landscape_without_minima_can_still_be_listed_and_merged(folder):
    for command in (["list", "empty.h5"], ["show", "empty.h5"], ["check", "empty.h5"]):
        assert call("llpathsample", *command) == 0
    assert call("llpathsample", "merge", "empty.h5", "minima.h5", "-o", "new.h5") == 0
    assert read_landscape("new.h5").minima.loss.tolist() == read_landscape("minima.h5").minima.loss.tolist()


def test_a_landscape_without_transition_states(folder, capsys):
    refused(folder, capsys, 4, "llpathsample path minima.h5 0 1", "no transition states of minima.h5 join minima 0 and")
    for command in ("fastest-paths", "first-passage", "regroup --by loss"):
        refused(folder, capsys, 4, f"llpathsample {command} minima.h5", "no transition states ")
    assert call("llpathsample", "tree", "minima.h5", "-o", "new.svg") == 0
    count = len(read_landscape("minima.h5").minima)
    said = capsys.readouterr().err
    assert f"1 of {count} minima drawn in new.svg" in said
    assert f"note: {count - 1} minima are not connected to those drawn; --unconnected draws them, too" in said


# --- command lines --------------------------------------------------------------------------------

COMMAND_LINES = [
    # ids that do not exist
    (2, "lloptim connect minima.h5 --pair 0 99", "minima.h5 has no minimum 99"),
    (2, "lloptim connect minima.h5 --pair -1 0", "--pair: -1 is not in the range"),
    (2, "lloptim connect minima.h5 --pair a 0", "--pair: 'a' is not a whole number"),
    (2, "lloptim connect minima.h5", "give the pairs either by"),
    (2, "lloptim path network.h5 99", "has no transition state 99"),
    (2, "lloptim saddle network.h5 --ts 99", "has no transition state 99"),
    (2, "lloptim saddle network.h5 --minimum 99", "has no minimum 99"),
    (2, "lloptim saddle network.h5", "give one start"),
    (2, "llpathsample path network.h5 0 99", "minimum 99 does not exist"),
    (2, "llpathsample path empty.h5 0 1", "minimum 0 does not exist: empty.h5 holds no minima"),
    (2, "llpathsample tree network.h5 --label 99", "minimum 99 does not exist"),
    (2, "llpathsample fastest-paths network.h5 --set-a 0 --set-b 0-1", "sets A and B overlap"),
    (2, "llpathsample first-passage network.h5 --set-a 99", "names minimum 99"),
    (2, "llpathsample first-passage network.h5 --temperature 0", "--temperature"),
    (2, "llpathsample regroup network.h5 -o text.h5", "figures are written as"),
    (2, "llpathsample tree network.h5 --label 99 -o new.svg", "minimum 99 does not exist"),
    (2, "llgmin show network.h5 99", "minimum 99 does not exist"),
    (2, "llgmin show network.h5 --ts 99", "transition state 99 does not exist"),
    (2, "llgmin show network.h5 --ts", "--ts needs the ID"),
    # parts
    (2, "lloptim connect minima.h5 --pair 0 1 --part 0/3", "--part 0/3"),
    (2, "lloptim connect minima.h5 --pair 0 1 --part 4/3", "--part 4/3"),
    (2, "lloptim connect minima.h5 --pair 0 1 --part x/y", "is not of the form K/N, such as 3/20"),
    # other models and data
    (3, "llpathsample merge minima.h5 plane.h5 -o new.h5", "plane.h5 was made from other data"),
    (3, "llpathsample merge minima.h5 model.h5 -o new.h5", "model.h5 is of another loss model"),
    # outputs
    (2, "llgmin run xor.toml -o network.h5 -j 1", "exists and is not an unfinished search; use -f"),
    (2, "llgmin run xor.toml -o minima.h5 -j 1", "its search is complete; use -f to replace it"),
    (2, "llgmin run xor.toml -o text.h5 -j 1", "text.h5 exists and holds no search to go on with; use -f"),
    (2, "llgmin run xor.toml -o xor.csv -f", "the output xor.csv is an input of this search"),
    (2, "llgmin run xor.toml -o xor.toml -f", "the output xor.toml is an input of this search"),
    (2, "llgmin run xor.toml -o none/new.h5", "its folder does not exist"),
    (2, "llgmin run xor.toml -o folder", "folder is a folder"),
    (2, "llgmin run xor.toml -o xor.csv/new.h5", "cannot be written"),
    (2, "llgmin quench minima.h5 -o network.h5", "network.h5 exists already"),
    (2, "lloptim connect minima.h5 --pair 0 1 -o text.h5", "holds no job to go on with; use -f"),
    (2, "lloptim connect minima.h5 --pair 0 1 -o plane.h5", "is not the result of this job; use -f"),
    (2, "lloptim connect minima.h5 --pair 0 1 -o minima.h5 -f", "is the landscape to be read"),
    (2, "lloptim connect minima.h5 --pair 0 1 -o none/new.h5", "its folder does not exist"),
    (2, "lloptim saddle network.h5 --ts 0 -o minima.h5", "minima.h5 exists already"),
    (2, "lloptim saddle network.h5 --ts 0 -o network.h5 -f", "is the landscape to be read"),
    (2, "llpathsample grow minima.h5 -o network.h5", "was not grown from minima.h5; use -f"),
    (2, "llpathsample grow minima.h5 -o text.h5", "holds no growth to go on with; use -f"),
    (2, "llpathsample grow minima.h5 -o none/new.h5", "its folder does not exist"),
    (2, "llpathsample grow minima.h5 -o xor.csv/new.h5", "cannot be written"),
    (2, "llpathsample merge minima.h5 -o network.h5", "network.h5 exists already"),
    (2, "llpathsample merge minima.h5 -o folder", "folder is a folder"),
    (2, "llpathsample tree network.h5 -o new.doc", "new.doc: trees are written as .svg, .pdf, .png, .html or .json"),
    (2, "llpathsample tree network.h5 -o none/new.svg", "its folder does not exist"),
    (2, "llpathsample tree network.h5 -o xor.csv", "xor.csv: trees are written as"),
    (2, "llpathsample path network.h5 0 1 -o new", "new: figures are written as"),
    (2, "lloptim path network.h5 0 -o new.txt", "new.txt: figures are written as"),
    # flags
    (2, "llgmin run xor.toml -j 0", "--jobs: 0 is not in the range x>=1"),
    (2, "llgmin run xor.toml --time-limit -1", "--time-limit: -1 is not a time"),
    (2, "llgmin run xor.toml -s -1", "--seed: -1 is not in the range x>=0"),
    (2, "llgmin run xor.toml --set search.steps", "--set search.steps must have the form section.key=value"),
    (2, "llgmin run xor.toml --set search.stps=1", "did you mean steps?"),
    (2, "llgmin run xor.toml --set search.steps=x", "[search] steps must be an integer"),
    (2, "llgmin run xor.toml --seeed 1", "did you mean --seed?"),
    (2, "llgmin rnu xor.toml", "did you mean run?"),
    (2, "llgmin quench minima.h5 --random 0", "--random: 0 is not in the range"),
    (2, "llgmin quench minima.h5 --set data.scaling=standardise", "use a TOML file to change [data]"),
    (2, "lloptim connect minima.h5 --pair 0 1 -j 0", "--jobs: 0 is not in the range"),
    (2, "lloptim connect minima.h5 --pair 0 1 --time-limit -1", "--time-limit: -1 is not a time"),
    (2, "lloptim connect minima.h5 --pair 0 1 -s -1", "--seed: -1 is not in the range"),
    (2, "lloptim connect minima.h5 --pair 0 1 --set connect", "--set connect must have the form"),
    (2, "lloptim connect minima.h5 --pair 0 1 --set loss.lambda=1", "[loss] is fixed once a landscape exists"),
    (2, "lloptim connect minima.h5 --pair 0 1 --set data.scaling=standardise", "[data] is fixed"),
    (2, "lloptim connect minima.h5 --pair 0 1 --set connect.tries=0", "[connect] tries must be at least 1"),
    (2, "lloptim path network.h5 0 --step 0", "--step: 0.0 is not in the range"),
    (2, "llpathsample grow minima.h5 -j 0", "--jobs: 0 is not in the range"),
    (2, "llpathsample grow minima.h5 --time-limit -1", "--time-limit: -1 is not a time"),
    (2, "llpathsample grow minima.h5 -s -1", "--seed: -1 is not in the range"),
    (2, "llpathsample grow minima.h5 --set grow.batch", "must have the form section.key=value"),
    (2, "llpathsample grow minima.h5 --set same_point.loss_tolerance=1", "[same_point] is fixed"),
    (2, "llpathsample grow minima.h5 --set loss.lambda=1", "[loss] is fixed once a landscape exists"),
    (2, "llpathsample merge -o new.h5", "FILES... is missing"),
    (2, "llpathsample merge minima.h5", "--output is missing"),
    (2, "llpathsample tree network.h5 --levels 1", "--levels: 1 is not in the range"),
    (2, "llgmin new mpl", "did you mean mlp?"),
    (2, "llgmin new himmelblau --data xor.csv", "takes no training data"),
    (2, "llgmin new mlp --data xor.csv --target clas", "did you mean class?"),
    # other inputs
    (3, "llgmin run none.toml", "none.toml does not exist"),
    (3, "llgmin run folder", "folder is a folder"),
    (3, "llgmin quench minima.h5 --points none.txt", "none.txt does not exist"),
    (3, "llgmin quench minima.h5 --points zero.h5", "zero.h5 holds no point"),
    (3, "llgmin quench minima.h5 --points xor.csv", "xor.csv line 1: a point is 12 finite numbers"),
    (3, "llgmin quench minima.h5 --points minima.h5", "minima.h5 line "),
    (3, "lloptim saddle network.h5 --point none.txt", "none.txt does not exist"),
    (3, "lloptim saddle network.h5 --point zero.h5", "zero.h5 must hold the 2 coordinates"),
    (3, "lloptim saddle network.h5 --point xor.csv", "xor.csv must hold nothing but the 2 coordinates"),
    (3, "lloptim connect minima.h5 --pairs none.tsv", "none.tsv does not exist"),
    (3, "lloptim connect minima.h5 --pairs folder", "folder is a folder"),
    (3, "lloptim connect minima.h5 --pairs zero.h5", "zero.h5 holds no pair of minima"),
    (3, "lloptim connect minima.h5 --pairs xor.csv", "xor.csv line 1: "),
    (3, "lloptim connect minima.h5 --pairs network.h5", "network.h5 is not UTF-8 text"),
]


@pytest.mark.parametrize(("code", "command", "sentence"), COMMAND_LINES)
def test_command_lines(folder, capsys, code, command, sentence):
    refused(folder, capsys, code, command, sentence)


# --- disks ----------------------------------------------------------------------------------------

WRITERS = [
    "llgmin run xor.toml -o {}new.h5 -j 1 -q",
    "llgmin quench minima.h5 -o {}new.h5",
    "lloptim connect minima.h5 --pair 0 1 -o {}new.h5 -j 1 -q",
    "lloptim saddle network.h5 --ts 0 -o {}new.h5",
    "llpathsample grow minima.h5 -o {}new.h5 -j 1 -q",
    "llpathsample merge minima.h5 -o {}new.h5",
    "llpathsample tree network.h5 -o {}new.svg",
    "llpathsample tree network.h5 -o {}new.json",
    "llpathsample path network.h5 0 1 -o {}new.svg -q",
    "lloptim path network.h5 0 -o {}new.svg -q",
]


@pytest.mark.parametrize("command", WRITERS)
def test_a_disk_that_takes_no_more(folder, capsys, command):
    """A limit on the size of files stands in for a full disk: the system refuses in the middle of writing."""
    arguments = command.format("").split()
    if arguments[1] == "merge":  # what is replaced stays as it was
        (folder / "new.h5").write_bytes(b"old")
        arguments.append("-f")
    before = files(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        refused(folder, capsys, 2, " ".join(arguments), "cannot be ")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(folder) == before


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files, whoever asks")
@pytest.mark.parametrize("command", WRITERS)
def test_a_folder_that_takes_no_files(folder, capsys, command):
    refused(folder, capsys, 2, command.format("/proc/"), "cannot be ")


@pytest.mark.parametrize("command", WRITERS)
def test_a_folder_that_is_not_there(folder, capsys, command):
    refused(folder, capsys, 2, command.format("none/"), "its folder does not exist; create it first")


@pytest.mark.parametrize("command", WRITERS)
def test_an_output_that_exists(folder, capsys, command):
    for suffix in ("h5", "svg", "json"):
        (folder / f"new.{suffix}").write_text("precious", encoding="utf-8")
    refused(folder, capsys, 2, command.format(""), "exists", "-f")
