"""`llgmin linear-path`: the decision on known functions, surfaces and convex losses; runs, files and the command."""

import json
import math
import pickle
import shutil
from functools import partial

import numpy as np
import pytest
from driving import ROOT, StopAfter, call, xor_problem

from llcommon.losses import build
from llcommon.optimise.quench import Quencher
from llcommon.problem import read_problem
from llcommon.rng import generator
from llcommon.status import Status
from llcommon.store import read_landscape
from llgmin.linearity import examine, examine_line
from llgmin.linearpathfigure import draw_linear_paths
from llgmin.linearpaths import LINES, Kind, LinearPaths, measure, shares, stored_runs
from llgmin.search import Search
from llgmin.training import Training

# --- the decision ---------------------------------------------------------------------------------


def line(loss, slope):
    return examine(lambda t: (float(loss(t)), float(slope(t))))


def test_what_falls_is_monotonic():
    for found in (
        line(lambda t: (1.0 - t) ** 2, lambda t: -2.0 * (1.0 - t)),
        line(lambda t: -np.tanh(200.0 * (t - 0.3)), lambda t: -200.0 / np.cosh(200.0 * (t - 0.3)) ** 2),
        line(lambda t: 1.0 - t - np.sin(40.0 * t) / 40.0, lambda t: -1.0 - np.cos(40.0 * t)),  # flat five times
        line(lambda t: 3.0, lambda t: 0.0),
    ):
        assert found.monotonic and found.height == 0.0 and math.isnan(found.rise_from) and not found.inside


def test_a_rise_towards_the_end():
    found = line(lambda t: (0.9 - t) ** 2, lambda t: -2.0 * (0.9 - t))
    assert not found.monotonic and not found.inside
    assert found.height == pytest.approx(0.01, rel=1e-12)
    assert (found.rise_from, found.rise_to) == (pytest.approx(0.9), 1.0)
    assert found.relative_height == pytest.approx(0.01 / 0.8)


def test_every_bump_is_listed():
    found = line(lambda t: np.cos(20.0 * t), lambda t: -20.0 * np.sin(20.0 * t))
    assert [bump.begin for bump in found.bumps] == pytest.approx([np.pi / 20, 3 * np.pi / 20, 5 * np.pi / 20])
    assert [bump.height for bump in found.bumps] == pytest.approx([2.0, 2.0, 2.0])
    assert found.inside


@pytest.mark.parametrize("width", [0.02, 0.005, 0.002])
@pytest.mark.parametrize("height", [0.9, 1.1, 3.0])
def test_a_bump_between_the_points_of_a_grid(width, height):
    """The slope is -1 and, near 0.3371, -1 + height at its highest: above zero only if the height is above one."""

    def slope(t):
        return -1.0 + height * np.exp(-(((t - 0.3371) / width) ** 2))

    def loss(t):
        return -t + height * width * 0.5 * np.sqrt(np.pi) * math.erf((t - 0.3371) / width)

    found = line(loss, slope)
    if height < 1.0:
        assert found.monotonic
        return
    half = width * np.sqrt(np.log(height))
    assert (found.rise_from, found.rise_to) == (pytest.approx(0.3371 - half), pytest.approx(0.3371 + half))
    assert found.height == pytest.approx(loss(0.3371 + half) - loss(0.3371 - half), rel=1e-9)


def test_kinks_and_what_is_not_finite():
    found = line(lambda t: -t + 2.0 * abs(t - 0.4), lambda t: -1.0 + 2.0 * np.sign(t - 0.4))
    assert found.rise_from == pytest.approx(0.4, abs=1e-9) and found.height == pytest.approx(0.6)
    broken = line(lambda t: -t if t < 0.513 else np.inf, lambda t: -1.0)
    assert broken.status is Status.NOT_FINITE and not broken.monotonic and math.isnan(broken.height)
    noisy = generator(1, "noise")
    assert line(lambda t: noisy.random(), lambda t: 0.0).status is Status.STEP_LIMIT


@pytest.mark.parametrize("name", ["rastrigin", "himmelblau", "mueller-brown"])
def test_lines_on_surfaces_as_on_a_fine_grid(name):
    model = build(name, {})
    rng = np.random.default_rng(4)
    grid = np.linspace(0.0, 1.0, 4001)
    outcomes = set()
    for _ in range(12):
        start, end = rng.uniform(-1.5, 1.5, (2, 2))
        found = examine_line(model, start, end)
        losses = np.array([model.value(start + t * (end - start)) for t in grid])
        rise = float(np.max(losses - np.minimum.accumulate(losses)))
        scale = float(np.ptp(losses))
        assert found.height == pytest.approx(rise, abs=1e-5 * scale)
        assert found.height >= rise - 1e-12 * scale or found.height == 0.0
        outcomes.add(found.monotonic)
    assert False in outcomes


@pytest.fixture(scope="module")
def convex(tmp_path_factory):
    """Training runs of a convex loss, a quadratic multinomial."""
    folder = tmp_path_factory.mktemp("convex")
    shutil.copy(ROOT / "examples" / "iris" / "iris.csv", folder)
    text = '[loss]\nmodel = "mlq"\nlambda = 1e-2\n\n[data]\nfile = "iris.csv"\n\n[train]\nruns = 6\nepochs = 30\n'
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    kinds = (Kind("sgd", "normal"), Kind("adam", "model"), Kind("lbfgs", "normal"))
    landscape = read_problem(folder / "settings.toml", ("train.batch=16",))
    search = Search(landscape, folder / "runs.h5", partial(LinearPaths, kinds=kinds))
    assert search.run(1, lambda: False, lambda *_: None)
    search.finish()
    return landscape, kinds


def test_lines_to_the_minimum_of_a_convex_loss_are_all_monotonic(convex):
    landscape, kinds = convex
    lines = measure(landscape, 1e-6, 1)
    assert len(lines) == 36
    model = landscape.model
    for one in lines:
        assert one.line.status is Status.CONVERGED
        # A convex loss falls to its lowest point on a line, and rises from there: once at most, and to the end.
        assert len(one.line.bumps) <= 1 and not one.line.inside
        if one.to == "minimum":
            assert one.line.monotonic
        else:
            run = stored_runs(landscape)[one.run]
            start, end = (landscape.training.coordinates[row].copy() for row in (run.start, run.end))
            slope = model.value_and_gradient(end)[1] @ (end - start)
            assert one.line.monotonic == (slope <= 0.0)
    rows = shares(landscape, lines, 1.0)
    assert [row.kind for row in rows[::2]] == list(kinds)
    assert all(row.nearly.value == 1.0 and row.runs == row.lines == 6 for row in rows)
    assert all(row.monotonic.value == 1.0 for row in rows if row.to == "minimum")
    assert len(draw_linear_paths(lines, rows, 0.01).axes) == 6


# --- runs -------------------------------------------------------------------------------------------

SHORT = ("--set", "train.runs=3", "--set", "train.epochs=40", "-j", "1")


@pytest.fixture
def problem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return xor_problem(tmp_path)


def linear_path(capsys, *arguments, code=0):
    """(standard output, standard error) of the command."""
    capsys.readouterr()
    assert call("llgmin", "linear-path", *arguments) == code
    return capsys.readouterr()


def table(text):
    header, *lines = text.rstrip("\n").split("\n")
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in lines]


def test_runs_are_those_of_train_and_their_lines_too(problem, capsys):
    options = ("--set", "train.batch=2", *SHORT)
    said = linear_path(
        capsys, "xor.toml", "--optimiser", "sgd", "--optimiser", "adam", "--runs", *options, "-o", "new.svg"
    )
    assert "start and end of 6 runs" in said.err
    both = table(said.out)
    runs = read_landscape("xor.lines.h5").training
    assert call("llgmin", "train", "xor.toml", "-o", "adam.h5", "--set", "train.optimiser=adam", *options) == 0
    single = read_landscape("adam.h5").training
    for run in range(3):
        ours = runs.coordinates[runs.run == 3 + run]
        theirs = single.coordinates[single.run == run]
        np.testing.assert_array_equal(ours, theirs[[0, -1]])
        np.testing.assert_array_equal(ours[0], runs.coordinates[runs.run == run][0])  # every optimiser starts there
    again = table(linear_path(capsys, "adam.h5", "--runs", "-j", 1).out)
    for mine, other in zip(both[-len(again) :], again, strict=True):
        assert mine | {"run": "", "minimum": ""} == other | {"run": "", "minimum": ""}
    assert {row["optimiser"] for row in again} == {"adam"}
    measured = table(linear_path(capsys, "xor.lines.h5", "--runs", "-j", 1).out)
    assert measured == both


def test_the_file_tells_where_the_loss_rises(problem, capsys):
    said = linear_path(capsys, "xor.toml", "--json", *SHORT, "--set", "train.learning_rate=0.3", "-o", "runs.h5")
    document = json.loads(said.out)
    landscape = read_landscape("runs.h5")
    stored = landscape.search.state[LINES]
    assert [one["bump_places"] for one in document["lines"]] == [one["bumps"] for one in stored]
    rising = [one for one in stored if one["bumps"]]
    assert rising and len(stored) == 6
    runs = stored_runs(landscape)
    for one in rising:
        if one["to"] != "end":
            continue
        ends = (landscape.training.coordinates[row] for row in (runs[one["run"]].start, runs[one["run"]].end))
        start, end = ends
        losses = [landscape.model.value(start + t * (end - start)) for t in (one["rise_from"], one["rise_to"])]
        assert losses[1] - losses[0] == pytest.approx(one["height"], rel=1e-6)
    assert call("llgmin", "check", "runs.h5") == 0


def test_a_minimum_is_the_one_below_the_end(problem, capsys):
    linear_path(capsys, "xor.toml", *SHORT)
    landscape = read_landscape("xor.lines.h5")
    quencher = Quencher(landscape.model, landscape.settings.quench)
    for run, one in zip(stored_runs(landscape), measure(landscape, 1e-6, 1)[1::2], strict=True):
        end = quencher.quench(landscape.training.coordinates[run.end].copy())
        assert one.line.losses[-1] == end.loss
        assert one.line.losses[-1] == pytest.approx(landscape.minima.loss[one.minimum], abs=1e-10)


TWO = ("xor.toml", "--optimiser", "sgd", "--optimiser", "lbfgs", *SHORT[:-2])


def test_a_method_travels_to_other_processes(problem):
    landscape = read_problem(problem)
    make = pickle.loads(pickle.dumps(partial(LinearPaths, kinds=(Kind("sgd", "glorot"), Kind("adam", "he")))))
    assert make(landscape.model, landscape.settings).number == 20


@pytest.mark.slow
def test_one_process_and_two_give_the_same_bytes(problem, capsys):
    one, two = (linear_path(capsys, *TWO, "-j", jobs, "-o", f"{jobs}.h5").out for jobs in (1, 2))
    assert one == two
    assert (problem.parent / "1.h5").read_bytes() == (problem.parent / "2.h5").read_bytes()


def test_stopped_it_goes_on_to_the_same_bytes(problem, capsys, monkeypatch):
    monkeypatch.setattr("llgmin.training._MOST_EPOCHS", 20)  # two segments for each run
    whole = linear_path(capsys, *TWO, "-j", 1, "-o", "whole.h5").out
    with monkeypatch.context() as patch:
        patch.setattr("llgmin.commands.StopRequest", StopAfter(1))
        said = linear_path(capsys, *TWO, "-j", 1, "-o", "stopped.h5", code=75)
    assert "epochs are kept in stopped.h5" in said.err and not said.out
    assert linear_path(capsys, *TWO, "-j", 1, "-o", "stopped.h5").out == whole
    assert (problem.parent / "stopped.h5").read_bytes() == (problem.parent / "whole.h5").read_bytes()


def test_a_loss_with_kinks_has_lines_to_its_ends(problem, capsys):
    """Quenches are caught on kinks, so that there may be no minimum."""
    said = linear_path(capsys, "xor.toml", *SHORT, "--set", 'loss.activation="relu"', "--set", "quench.rms=1e-13")
    rows = {row["to"]: row for row in table(said.out)}
    assert rows["end"]["lines"] == "3"
    assert len(stored_runs(read_landscape("xor.lines.h5"))) == 3


def test_runs_that_diverge_have_no_lines(problem, capsys):
    diverging = ("--set", "train.optimiser=sgd", "--set", "train.learning_rate=1e9")
    said = linear_path(capsys, "xor.toml", *SHORT, *diverging, code=4)
    assert "no training run ended" in said.err or "no quench ended" in said.err


@pytest.mark.parametrize(
    ("code", "arguments", "sentence"),
    [
        (2, ("xor.toml", "--optimiser", "newton"), "--optimiser"),
        (2, ("xor.toml", "-o", "new.svg", "-o", "new.png"), "-o takes one figure"),
        (2, ("xor.toml", "-o", "none/new.svg"), "its folder does not exist"),
        (2, ("xor.toml", "-o", "none/new.h5"), "its folder does not exist"),
        (2, ("xor.toml", "--set", "train.nothing=1"), "[train] nothing is not a known key"),
        (2, ("runs.h5", "--optimiser", "sgd"), "--optimiser is for training from a TOML file"),
        (2, ("runs.h5", "-o", "new.h5"), "-o new.h5 is for training"),
        (3, ("minima.h5",), "minima.h5: there are no training runs"),
        (3, ("none.h5",), "none.h5 does not exist"),
        (2, ("xor.toml", "-o", "runs.h5"), "runs.h5 exists and its search is complete"),
    ],
)
def test_wrong_command_lines(stock, tmp_path, monkeypatch, capsys, code, arguments, sentence):
    monkeypatch.chdir(shutil.copytree(stock, tmp_path / "here"))
    assert sentence in linear_path(capsys, *arguments, code=code).err
    assert not list((tmp_path / "here").glob("new*"))


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """xor.toml; runs.h5 with training runs; minima.h5 without."""
    folder = tmp_path_factory.mktemp("linear")
    path = xor_problem(folder, steps=5)
    assert call("llgmin", "linear-path", path, "-o", folder / "runs.h5", *SHORT, "-q") == 0
    assert call("llgmin", "run", path, "-o", folder / "minima.h5", "-j", 1, "-q") == 0
    return folder


def test_a_dry_run_writes_nothing(problem, capsys):
    said = linear_path(capsys, "xor.toml", "-n", "--optimiser", "sgd", "--optimiser", "adam", *SHORT)
    assert "linear paths of sgd from model, adam from model, 6 runs of 40 epochs" in said.err
    assert not said.out and sorted(path.name for path in problem.parent.iterdir()) == ["xor.csv", "xor.toml"]


def test_other_kinds_of_runs_are_not_gone_on_with(problem, capsys, monkeypatch):
    monkeypatch.setattr("llgmin.training._MOST_EPOCHS", 20)
    monkeypatch.setattr("llgmin.commands.StopRequest", StopAfter(1))
    linear_path(capsys, "xor.toml", "--optimiser", "sgd", *SHORT, code=75)
    said = linear_path(capsys, "xor.toml", "--optimiser", "adam", *SHORT, code=2)
    assert "unfinished search of another problem or with other settings" in said.err


def test_batches_are_those_of_each_kind_alone(problem):
    landscape = read_problem(problem, ("train.batch=2", "train.optimiser=adam", "train.runs=3"))
    alone = Training(landscape.model, landscape.settings)
    among = LinearPaths(landscape.model, landscape.settings, (Kind("sgd", "model"), Kind("adam", "model")))
    for run in range(3):
        assert among.first(3 + run).rng == alone.first(run).rng
