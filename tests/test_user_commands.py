"""A user's own loss model through all three programs: trust, failures, checkpoints, several processes."""

import importlib
import json

import click
import numpy as np
import pytest
from driving import ROOT, call, files, grow_here, run

from llcommon.losses.user.source import entry_points, load
from llcommon.store import read_landscape

HIMMELBLAU = '''\
import numpy as np


class Himmelblau:
    dimension = 2
    suggested_step = 4.0

    def __init__(self, scale=1.0):
        self.scale = scale

    def random_start(self, rng):
        return rng.uniform(-5.0, 5.0, 2)

    def value_and_gradient(self, x):
        a = x[0] ** 2 + x[1] - 11.0
        b = x[0] + x[1] ** 2 - 7.0
        gradient = np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])
        return self.scale * (a * a + b * b), self.scale * gradient
'''
TOML = """\
[loss]
model = "my_loss.py:Himmelblau"

[search]
steps = 20
step = 4.0
temperature = 100.0
"""
OWN = '[loss]\nmodel = "himmelblau"\n' + TOML.split("\n", 2)[2]
CSV = "a,b,y\n0,0,1.5\n0,1,2.5\n1,0,0.5\n1,1,3.0\n"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A folder with minima.h5 and landscape.h5, found by a user's class, and the same by the toolchain's own model."""
    path = tmp_path_factory.mktemp("grown")
    (path / "my_loss.py").write_text(HIMMELBLAU, encoding="utf-8")
    (path / "my.toml").write_text(TOML, encoding="utf-8")
    (path / "own.toml").write_text(OWN, encoding="utf-8")
    for name in ("my", "own"):
        assert call("llgmin", "run", path / f"{name}.toml", "-j", 1, "-q") == 0
        grow = (path / f"{name}.h5", "-o", path / f"{name}.grown.h5", "-q", "--set", "grow.pairs=all", "--trust")
        assert grow_here(*grow) == 0
    return path


@pytest.fixture
def folder(grown, tmp_path, monkeypatch):
    """A copy of it as the present folder."""
    for name, content in files(grown).items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, code: int, *command) -> str:
    """The one sentence with which a command ends."""
    capsys.readouterr()
    assert call(*command) == code
    said = [line for line in capsys.readouterr().err.splitlines() if ": error: " in line]
    assert len(said) == 1 and "Traceback" not in said[0], said
    return said[0]


def write_loss(body: str, name: str = "MyLoss", head: str = "    dimension = 2\n") -> None:
    """my_loss.py with a class of this body, and my.toml for it, in the present folder."""
    text = f"import numpy as np\n\n\nclass {name}:\n{head}{body}"
    with open("my_loss.py", "w", encoding="utf-8") as stream:
        stream.write(text)
    with open("my.toml", "w", encoding="utf-8") as stream:
        stream.write(TOML.replace("Himmelblau", name))


# --- the same landscape as of the toolchain's own model -----------------------------------------


def test_a_users_himmelblau_has_the_known_landscape(grown):
    mine, own = (read_landscape(grown / f"{name}.grown.h5") for name in ("my", "own"))
    assert len(mine.minima) == len(own.minima) == 4
    assert len(mine.transition_states) == len(own.transition_states) == 4
    for table in ("minima", "transition_states"):
        ours, theirs = getattr(mine, table), getattr(own, table)
        order, other = np.lexsort(ours.coordinates.T), np.lexsort(theirs.coordinates.T)
        np.testing.assert_allclose(ours.coordinates[order], theirs.coordinates[other], atol=1e-8)
        np.testing.assert_allclose(ours.lpphe[order], theirs.lpphe[other], atol=1e-8)


def test_what_stands_in_for_the_hessian_is_stated(folder, capsys):
    assert call("llgmin", "run", "my.toml", "-o", "other.h5", "-j", 1) == 0
    note = "central differences of its gradients stand in for it"
    assert note in capsys.readouterr().err
    assert call("llgmin", "show", "other.h5", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert note in shown["model"]["notes"][0]
    assert note in shown["provenance"][0]["notes"][0]


def test_one_process_and_two_give_the_same_bits(grown, tmp_path):
    for name in ("my.toml", "my_loss.py"):
        (tmp_path / name).write_bytes((grown / name).read_bytes())
    run("llgmin", "run", "my.toml", "-j", 2, cwd=tmp_path)
    assert (tmp_path / "my.h5").read_bytes() == (grown / "my.h5").read_bytes()
    job = ("connect", tmp_path / "my.h5", "--pair", 0, 1, "--pair", 1, 2, "--trust")
    for jobs in (1, 2):  # workers are started afresh, this process is not
        assert call("lloptim", *job, "-o", tmp_path / f"{jobs}.h5", "-j", jobs) == 0
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


# --- trust ----------------------------------------------------------------------------------------

READING = [
    ("llgmin", "list", "my.h5"),
    ("llgmin", "show", "my.h5"),
    ("llgmin", "show", "my.h5", 0),
    ("llgmin", "show", "--source", "my.h5"),
    ("llgmin", "stats", "my.h5"),
    ("llgmin", "plot", "my.h5", "-o", "search.svg"),
    ("lloptim", "list", "--ts", "my.grown.h5"),
    ("llpathsample", "list", "--pairs", "my.grown.h5"),
    ("llpathsample", "stats", "my.grown.h5"),
    ("llpathsample", "tree", "my.grown.h5", "-o", "tree.svg"),
    ("llpathsample", "report", "my.grown.h5", "-o", "report.html", "--sections", "searched,entropy,volumes"),
    ("llpathsample", "path", "my.grown.h5", 0, 1),
    ("llpathsample", "network", "my.grown.h5"),
    ("llpathsample", "communities", "my.grown.h5"),
    ("llpathsample", "basins", "my.grown.h5"),
    ("llpathsample", "basin-volume", "my.grown.h5"),
    ("llpathsample", "extract", "my.grown.h5", "--component", 0, "-o", "part.h5"),
    ("llpathsample", "merge", "my.grown.h5", "my.h5", "-o", "merged.h5"),  # no symmetry: distances need no model
]
RUNNING = [
    ("llgmin", "check", "my.h5"),
    ("llgmin", "quench", "my.h5"),
    ("lloptim", "connect", "my.h5", "--pair", 0, 1),
    ("lloptim", "minimise", "my.h5", "--minimum", 0),
    ("lloptim", "band", "my.h5", 0, 1),
    ("lloptim", "path", "my.grown.h5", 0),
    ("lloptim", "saddle", "my.grown.h5", "--ts", 0),
    ("lloptim", "spectrum", "my.h5", "--minimum", 0),
    ("llpathsample", "grow", "my.h5", "-o", "new.h5"),
    ("llpathsample", "basin-volume", "my.h5", "--starts", 1),
    ("llpathsample", "heat-capacity", "my.h5"),
]


# Those of all programs that never evaluate a stored model, or whose model is named by the user.
WITHOUT_TRUST = {
    "llgmin": {"new", "run", "train", "list", "show", "stats", "plot"},
    "lloptim": {"list", "show"},
    "llpathsample": {
        "list", "show", "stats", "path", "occupations", "frustration", "network", "basins", "rates", "fastest-paths",
        "first-passage", "regroup", "prune", "remove", "retain", "extract", "choose-k", "choose",
    },
}


@pytest.mark.parametrize("name", WITHOUT_TRUST)
def test_every_other_command_knows_trust(name):
    program = importlib.import_module(f"{name}.cli").main
    context = click.Context(program, info_name=name)
    commands = {command: program.get_command(context, command) for command in program.list_commands(context)}
    knowing = {
        command for command, value in commands.items() if any("--trust" in param.opts for param in value.params)
    }
    assert set(commands) - knowing == WITHOUT_TRUST[name]


@pytest.fixture
def never_run(monkeypatch):
    """Running source is an error."""

    def load_nothing(source):
        raise AssertionError("source was run")

    for module in ("object", "source"):
        monkeypatch.setattr(f"llcommon.losses.user.{module}.load", load_nothing)


@pytest.mark.parametrize("command", READING, ids=lambda command: " ".join(map(str, command)))
def test_reading_runs_nothing(folder, never_run, command):
    assert call(*command) == 0


@pytest.mark.parametrize("command", RUNNING, ids=lambda command: " ".join(map(str, command)))
def test_running_needs_trust(folder, never_run, capsys, command):
    before = files(folder)
    sentence = refused(capsys, 2, *command)
    assert "holds the source of its loss model my_loss.py:Himmelblau" in sentence
    assert "give --trust" in sentence
    assert files(folder) == before


def test_trust_does_not_last(folder, capsys):
    assert call("llgmin", "check", "my.h5", "--trust") == 0
    refused(capsys, 2, "llgmin", "check", "my.h5")


@pytest.mark.parametrize("command", [command for command in RUNNING if command[1] != "grow"], ids=lambda c: c[1])
def test_stored_source_runs_with_trust_and_without_its_file(folder, command):
    (folder / "my_loss.py").unlink()
    assert call(*command, "--trust") == 0


def test_the_source_is_stored_as_it_is(folder, capsys):
    assert call("llgmin", "show", "--source", "my.grown.h5") == 0
    assert capsys.readouterr().out == HIMMELBLAU
    assert "holds no source" in refused(capsys, 2, "llgmin", "show", "--source", "own.h5")
    assert "by itself" in refused(capsys, 2, "llgmin", "show", "--source", "my.h5", "--json")


def test_a_search_goes_on_without_trust(folder):
    """The user has named the file: what is stored is not run."""
    complete = (folder / "my.h5").read_bytes()
    (folder / "my.h5").unlink()
    assert call("llgmin", "run", "my.toml", "-j", 1, "--time-limit", "1e-9") == 75
    assert call("llgmin", "run", "my.toml", "-j", 1) == 0
    assert (folder / "my.h5").read_bytes() == complete


def test_a_search_does_not_go_on_with_another_source(folder, capsys):
    (folder / "my.h5").unlink()
    assert call("llgmin", "run", "my.toml", "-j", 1, "--time-limit", "1e-9") == 75
    (folder / "my_loss.py").write_text(HIMMELBLAU + "\n# changed\n", encoding="utf-8")
    assert "another problem" in refused(capsys, 2, "llgmin", "run", "my.toml", "-j", 1)


def test_landscapes_of_other_source_are_not_merged(folder, capsys):
    (folder / "my_loss.py").write_text(HIMMELBLAU + "\n# changed\n", encoding="utf-8")
    assert call("llgmin", "run", "my.toml", "-o", "changed.h5", "-j", 1) == 0
    assert "another loss model" in refused(capsys, 3, "llpathsample", "merge", "my.h5", "changed.h5", "-o", "m.h5")


def test_the_source_file_is_not_overwritten(folder, capsys):
    assert "is an input of this search" in refused(capsys, 2, "llgmin", "run", "my.toml", "-o", "my_loss.py", "-f")


# --- what can be wrong with a class -----------------------------------------------------------------

GOOD = "        return float(x @ x), 2.0 * x\n"
CALL = "    def value_and_gradient(self, x):\n"
WRONG = {
    "no method": ("    pass\n", "MyLoss of my_loss.py has no method value_and_gradient"),
    "raises": (CALL + "        return 1.0 / 0, x\n", "line 8 of my_loss.py: MyLoss.value_and_gradient raised ZeroDiv"),
    "exits": (CALL + "        raise SystemExit(3)\n", "MyLoss.value_and_gradient raised SystemExit: 3"),
    "nan value": (CALL + "        return np.nan, 2.0 * x\n", "value_and_gradient returned the value nan"),
    "infinite value": (CALL + "        return np.inf, 2.0 * x\n", "value_and_gradient returned the value inf"),
    "nan gradient": (CALL + "        return 1.0, np.nan * x\n", "the gradient is nan in coordinate 0"),
    "shape": (CALL + "        return 1.0, np.zeros(3)\n", "returned an array of shape (3,); an array of shape (2,)"),
    "flat": (CALL + "        return 1.0, 2.0\n", "returned a single number; an array of shape (2,)"),
    "value array": (CALL + "        return x, x\n", "returned an array of shape (2,); a number in float64 is needed"),
    "complex": (CALL + "        return 1.0, 1j * x\n", "returned values of type complex128"),
    "text": (CALL + "        return 'one', x\n", "returned values of type <U3"),
    "coarse": (CALL + "        return 1.0, x.astype(np.float32)\n", "values in float32, too coarse"),
    "value only": (CALL + "        return float(x @ x)\n", "returned a float; a tuple (value, gradient) is needed"),
    "nothing": (CALL + "        x.sum()\n", "returned nothing; a tuple (value, gradient) is needed"),
    "changes x": (CALL + "        x *= 2.0\n" + GOOD, "value_and_gradient changes its argument; let it work on a copy"),
    "chance": (CALL + "        return float(np.random.rand()), 2.0 * x\n", "it must not depend on chance"),
    "chance when made": (
        "    def __init__(self):\n        self.a = 2.0 + np.random.rand()\n" + CALL
        + "        return self.a * float(x @ x), 2.0 * self.a * x\n",
        "MyLoss is another loss each time it is made",
    ),
    "gradient": (
        CALL + "        return float(x @ x), 2.1 * x\n",
        "disagrees with its own gradient: along a random direction the loss changes by",
    ),
    "hessian": (CALL + GOOD + "    def hessian(self, x):\n        return np.eye(2)\n", "hessian disagrees with the"),
    "product": (CALL + GOOD + "    def hessian_vector(self, x, v):\n        return v\n", "hessian_vector disagrees"),
    "hessian shape": (CALL + GOOD + "    def hessian(self, x):\n        return 2.0\n", "MyLoss.hessian of my_loss.py"),
    "bounds": (CALL + GOOD + "    bounds = ([1.0, 1.0], [0.0, 2.0])\n", "bounds must be two arrays (lower, upper)"),
    "outside": (
        CALL + GOOD + "    bounds = (1.0, 2.0)\n    def random_start(self, rng):\n        return np.zeros(2)\n",
        "random_start returned a point outside its bounds",
    ),
    "start": (CALL + GOOD + "    def random_start(self, rng):\n        return np.zeros(1)\n", "MyLoss.random_start of"),
    "zero mode": (CALL + GOOD + "    zero_modes = np.array([[1.0, 0.0]])\n", "the loss changes along one of them"),
    "zero modes": (CALL + GOOD + "    zero_modes = np.array([[1.0, 1.0]])\n", "must be orthonormal rows"),
    "names": (CALL + GOOD + "    coordinate_names = ['a', 'a']\n", "coordinate_names must be 2 different names"),
    "no names": (CALL + GOOD + "    coordinate_names = 3\n", "coordinate_names must be 2 different names"),
    "step": (CALL + GOOD + "    suggested_step = 'long'\n", "suggested_step of my_loss.py returned values of type <U4"),
    "property": (
        CALL + GOOD + "    @property\n    def bounds(self):\n        return self.nothing\n", "MyLoss.bounds raised Attr"
    ),
    "half a symmetry": (CALL + GOOD + "    def canonical(self, x):\n        return x\n", "canonical but no align"),
    "images": (
        CALL + GOOD + "    def images(self, x):\n        return np.array([x, x + 1.0])\n",
        "images: the loss of an image is another than that of the point itself",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_class_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, wrong):
    monkeypatch.chdir(tmp_path)
    body, part = WRONG[wrong]
    write_loss("\n" + body)
    before = files(tmp_path)
    assert part in refused(capsys, 3, "llgmin", "run", "my.toml", "-j", 1)
    assert files(tmp_path) == before


def test_what_a_class_prints_does_not_mix_with_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_loss(CALL + "        print('here')\n" + GOOD)
    assert call("llgmin", "run", "my.toml", "-j", 1, "--json") == 0
    written = capsys.readouterr()
    assert json.loads(written.out)["minima"] == 1
    assert "here\n" in written.err


@pytest.mark.parametrize("dimension", ["0", "2.0", "'two'", "True", "None"])
def test_a_wrong_dimension(tmp_path, monkeypatch, capsys, dimension):
    monkeypatch.chdir(tmp_path)
    write_loss(CALL + GOOD, head=f"    dimension = {dimension}\n")
    assert "dimension must be a whole number, at least 1" in refused(capsys, 3, "llgmin", "run", "my.toml")


def test_the_gradient_check_can_be_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_loss(CALL + "        return float(x @ x), 2.0000001 * x * (1.0 + 1e-3)\n")
    assert call("llgmin", "run", "my.toml", "-j", 1) == 3
    assert call("llgmin", "quench", "my.toml", "--no-gradient-check") == 0


FILES = {
    "no such file": (None, 3, "my_loss.py does not exist"),
    "syntax": ("class MyLoss\n", 3, "line 1 of my_loss.py is not valid Python"),
    "no class": ("class MyLos:\n    pass\n", 2, "my_loss.py has no class MyLoss; did you mean MyLos?"),
    "no callable": ("MyLoss = 3\n", 2, "is neither a class nor a function"),
    "import": ("import nothing_of_the_kind\n", 3, "one file: it may import installed packages, but no file beside it"),
    "raises": ("x = 1\nraise ValueError('a\\nb')\n", 3, "line 2 of my_loss.py: it raised ValueError: a b"),
    "makes": (
        "class MyLoss:\n    def __init__(self):\n        self.x = [][0]\n", 3,
        "line 3 of my_loss.py: making MyLoss raised IndexError",
    ),
    "missing key": ("class MyLoss:\n    def __init__(self, width):\n        pass\n", 2, "[loss] width is missing"),
    "data": ("class MyLoss:\n    def __init__(self, data):\n        pass\n", 2, "needs training data: give [data]"),
    "no text": (b"\xff\xfe", 3, "my_loss.py is not UTF-8 text"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, case):
    monkeypatch.chdir(tmp_path)
    text, code, part = FILES[case]
    write_loss("")
    if text is None:
        (tmp_path / "my_loss.py").unlink()
    else:
        (tmp_path / "my_loss.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert part in refused(capsys, code, "llgmin", "run", "my.toml")


KEYS = [
    ("scle = 2.0", "[loss] scle is not a parameter of my_loss.py:Himmelblau; did you mean scale?"),
    ("scale = inf", "[loss] scale must be a finite number"),
    ("scale = 2024-01-01", "[loss] scale must be a number, a string"),
    ('model = "my_loss.py"', "names no class in a Python file; write it as my_loss.py:MyLoss"),
    ('model = "my_loss:Himmelblau"', "names no class in a Python file"),
    ('model = "himmelblu"', "is not a known loss model; did you mean himmelblau?"),
]


@pytest.mark.parametrize(("line", "part"), KEYS)
def test_wrong_keys(folder, capsys, line, part):
    text = TOML.replace('model = "my_loss.py:Himmelblau"', line) if line.startswith("model") else TOML
    if not line.startswith("model"):
        text = text.replace("\n\n[search]", f"\n{line}\n\n[search]")
    (folder / "my.toml").write_text(text, encoding="utf-8")
    assert part in refused(capsys, 2, "llgmin", "run", "my.toml", "-f", "-j", 1)


def test_new_writes_a_file_that_runs(folder, capsys):
    capsys.readouterr()
    assert call("llgmin", "new", "my_loss.py:Himmelblau", "--set", "search.steps=10") == 0
    text = capsys.readouterr().out
    assert "\nscale = 1.0\n" in text and "\nstep = 4.0\n" in text
    (folder / "new.toml").write_text(text, encoding="utf-8")
    assert call("llgmin", "run", "new.toml", "-j", 1) == 0
    assert "takes no training data" in refused(capsys, 2, "llgmin", "new", "my_loss.py:Himmelblau", "--data", "x.csv")
    assert "does not exist" in refused(capsys, 3, "llgmin", "new", "your_loss.py:Himmelblau")


def test_new_describes_the_data_of_a_class(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_loss.py").write_text(LINE, encoding="utf-8")
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    assert call("llgmin", "new", "my_loss.py:Line", "--data", "x.csv") == 0
    text = capsys.readouterr().out
    assert "x.csv: 4 rows, 2 feature columns; y is a number" in text and 'file = "x.csv"' in text
    assert call("llgmin", "new", "my_loss.py:Line") == 0
    assert 'file = "data.csv"' in capsys.readouterr().out


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "model-user.md").read_text(encoding="utf-8")
    (tmp_path / "my_loss.py").write_text(text.split("```python\n")[1].split("```")[0], encoding="utf-8")
    toml = TOML.replace("Himmelblau", "MyLoss").replace("step = 4.0\ntemperature = 100.0\n", "")
    (tmp_path / "my.toml").write_text(toml, encoding="utf-8")
    assert call("llgmin", "run", "my.toml", "-o", "minima.h5", "-j", 1) == 0
    assert call("lloptim", "connect", "minima.h5", "--pair", 0, 1, "-o", "path.h5", "--trust", "-j", 1) == 0
    found = read_landscape("path.h5")
    # Roots of 4 a (a^2 - 1) + 0.1 = 0 by NumPy.
    places = np.sort(np.roots([4.0, 0.0, -4.0, 0.1]).real)
    losses = (places**2 - 1.0) ** 2 + 0.1 * places
    assert sorted(found.minima.loss) == pytest.approx([losses[0], losses[2]], abs=1e-12)
    assert found.transition_states.loss == pytest.approx([losses[1]], abs=1e-12)


def test_data_that_the_class_does_not_take(folder, capsys):
    (folder / "x.csv").write_text(CSV, encoding="utf-8")
    (folder / "my.toml").write_text(TOML + '[data]\nfile = "x.csv"\n', encoding="utf-8")
    assert "has no parameter data" in refused(capsys, 2, "llgmin", "run", "my.toml", "-f")


# --- a class that fails later -----------------------------------------------------------------------

LATER = """\
    calls = 0

    def random_start(self, rng):
        return rng.uniform(-5.0, 5.0, 2)

    def value_and_gradient(self, x):
        type(self).calls += 1
        if type(self).calls > {limit}:
            raise RuntimeError("the licence server is gone")
        a = x[0] ** 2 + x[1] - 11.0
        b = x[0] + x[1] ** 2 - 7.0
        return a * a + b * b, np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])
"""


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_class_that_raises_in_the_middle_of_a_search(tmp_path, jobs):
    text = f"import numpy as np\n\n\nclass Himmelblau:\n    dimension = 2\n{LATER.format(limit=20_000)}"
    (tmp_path / "my_loss.py").write_text(text, encoding="utf-8")
    (tmp_path / "my.toml").write_text(TOML.replace("steps = 20", "steps = 2000"), encoding="utf-8")
    said = run("llgmin", "run", "my.toml", "-j", jobs, cwd=tmp_path, expect=3).stderr
    assert "line 14 of my_loss.py: Himmelblau.value_and_gradient raised RuntimeError: the licence server is" in said
    assert "are kept in my.h5" in said and "Traceback" not in said
    assert len(read_landscape(tmp_path / "my.h5").minima) == 4


def test_a_class_that_raises_in_the_middle_of_a_connection(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_loss(LATER.format(limit=10**9), name="Himmelblau")
    assert call("llgmin", "run", "my.toml", "-j", 1) == 0
    source = read_landscape("my.h5").declared.source
    load(source).calls = 10**9 - 20
    sentence = refused(capsys, 3, "lloptim", "connect", "my.h5", "--pair", 0, 1, "--trust", "-j", 1)
    assert "raised RuntimeError: the licence server is gone" in sentence
    assert "0 of 1 pairs are kept in my.connected.h5" in sentence
    assert call("lloptim", "list", "my.connected.h5") == 0


# --- data -------------------------------------------------------------------------------------------

LINE = """\
import numpy as np


class Line:
    target = "numbers"

    def __init__(self, data, ridge=1e-3):
        self.data = data
        self.rows = np.column_stack([data.inputs(), np.ones(len(data.targets))])
        self.ridge = ridge

    @property
    def dimension(self):
        return self.rows.shape[1]

    def value_and_gradient(self, x):
        error = self.rows @ x - self.data.targets
        value = error @ error / len(error) + self.ridge * (x @ x)
        return value, 2.0 * self.rows.T @ error / len(error) + 2.0 * self.ridge * x

    def hessian(self, x):
        return 2.0 * self.rows.T @ self.rows / len(self.rows) + 2.0 * self.ridge * np.eye(self.dimension)

    def predict(self, x, features):
        return self.data.transform(features) @ x[:-1] + x[-1]
"""
LINE_TOML = '[loss]\nmodel = "my_loss.py:Line"\nridge = 1e-9\n[data]\nfile = "x.csv"\n[search]\nsteps = 3\n'


def test_a_class_with_data_predicts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_loss.py").write_text(LINE, encoding="utf-8")
    (tmp_path / "my.toml").write_text(LINE_TOML, encoding="utf-8")
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    assert call("llgmin", "run", "my.toml", "-j", 1) == 0
    assert "differences" not in capsys.readouterr().err
    assert len(read_landscape("my.h5").minima) == 1
    (tmp_path / "x.csv").unlink()
    refused(capsys, 2, "llgmin", "score", "my.h5")
    assert call("llgmin", "score", "my.h5", "--trust", "--json") == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    # y = 1.25 - 0.25 a + 1.75 b leaves errors of 0.25 (least squares by hand)
    assert row["train_mse"] == pytest.approx(0.14062, abs=2e-5)
    (tmp_path / "new.csv").write_text("b,a\n0.5,0.5\n", encoding="utf-8")
    refused(capsys, 2, "llgmin", "predict", "my.h5", "new.csv")
    assert call("llgmin", "predict", "my.h5", "new.csv", "--trust", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["y"] == pytest.approx(1.875, abs=1e-6)  # the mean of y
    refused(capsys, 2, "llgmin", "export", "my.h5", 0)
    assert call("llgmin", "export", "my.h5", 0, "--trust") == 0
    with np.load("my-0.npz") as archive:
        assert archive["parameters"].shape == (3,) and str(archive["model"]) == "my_loss.py:Line"


def test_a_class_may_take_rows_without_a_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = LINE.replace('"numbers"', '"none"').replace("len(data.targets)", "len(data.features)")
    text = text.replace("self.rows @ x - self.data.targets", "self.rows @ x - 1.0")
    (tmp_path / "my_loss.py").write_text(text, encoding="utf-8")
    (tmp_path / "my.toml").write_text(LINE_TOML, encoding="utf-8")
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    assert call("llgmin", "run", "my.toml", "-j", 1) == 0
    landscape = read_landscape("my.h5")
    assert landscape.declared.dimension == 4 and landscape.data.targets is None
    assert call("llgmin", "check", "my.h5", "--trust") == 0


def test_classes_must_not_change_the_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_loss.py").write_text(LINE.replace("self.ridge = ridge", "data.targets += 1.0"), encoding="utf-8")
    (tmp_path / "my.toml").write_text(LINE_TOML, encoding="utf-8")
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    assert "making Line raised ValueError" in refused(capsys, 3, "llgmin", "run", "my.toml")


# --- entry points -----------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that offers the loss model "users-own", as if pip had installed it."""
    place = tmp_path / "site"
    (place / "users_own-1.0.dist-info").mkdir(parents=True)
    (place / "users_own.py").write_text(HIMMELBLAU, encoding="utf-8")
    (place / "users_own-1.0.dist-info" / "METADATA").write_text("Name: users-own\nVersion: 1.0\n", encoding="utf-8")
    text = "[landscape.losses]\nusers-own = users_own:Himmelblau\n"
    (place / "users_own-1.0.dist-info" / "entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    monkeypatch.chdir(tmp_path)
    entry_points.cache_clear()
    load.cache_clear()
    yield place
    entry_points.cache_clear()
    load.cache_clear()


def test_an_installed_model_needs_no_trust(installed, capsys):
    with open("my.toml", "w", encoding="utf-8") as stream:
        stream.write(TOML.replace("my_loss.py:Himmelblau", "users-own"))
    assert call("llgmin", "run", "my.toml", "-j", 1) == 0
    assert call("lloptim", "connect", "my.h5", "--pair", 0, 1, "-j", 1) == 0
    capsys.readouterr()
    assert call("llgmin", "show", "--source", "my.h5") == 0
    assert capsys.readouterr().out == HIMMELBLAU
    (installed / "users_own.py").write_text(HIMMELBLAU + "# newer\n", encoding="utf-8")
    load.cache_clear()
    assert "is another version than the one wanted" in refused(capsys, 3, "llgmin", "check", "my.h5")
    (installed / "users_own-1.0.dist-info" / "entry_points.txt").write_text("", encoding="utf-8")
    entry_points.cache_clear()
    load.cache_clear()
    assert "is not installed here" in refused(capsys, 3, "llgmin", "check", "my.h5")
    assert call("llgmin", "list", "my.h5") == 0
