"""Merging landscapes, and growing one: what is chosen, what is kept, and that a stopped growth goes on."""

import os
import shutil
import signal
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from driving import StopAfter, call, connect_here, files, grow_here, run, started, xor_minima

import llpathsample.commands
import llpathsample.growth
from llcommon.errors import OutputError
from llcommon.records import TransitionState
from llcommon.status import Status
from llcommon.store import read_landscape, write_landscape
from llpathsample.engines import running
from llpathsample.engines.batch import Batch
from llpathsample.engines.running import Children, Outcome, Task, run_task, use_children
from llpathsample.growing import GrowingNetwork
from llpathsample.growth import Growth, Lock, batch_folder
from llpathsample.strategies.allpairs import AllPairs

GROW = ["--set", "grow.attempts=1", "--set", "grow.batch=1", "--set", "grow.window=2", "-j", 1]
PAIRS = [(0, 1), (2, 3), (0, 2), (0, 3), (1, 2)]
PLANE = """\
[loss]
model = "himmelblau"

[search]
steps = 200
chains = 2
step = 4.0
temperature = 100.0
"""


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(running, "lloptim", connect_here)


def make_grown(path) -> None:
    """grown.h5 from minima.h5, by a growth that nobody stops."""
    assert grow_here(path / "minima.h5", "-o", path / "grown.h5", *GROW) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 of a network that learns XOR; grown.h5."""
    path = tmp_path_factory.mktemp("growth")
    xor_minima(path)
    make_grown(path)
    return path


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """The same of Himmelblau's function; connections of some pairs by one job, connected.h5, and by three parts of it.

    Its four minima and four transition states are far apart, so that any way leads to the same ones.
    """
    path = tmp_path_factory.mktemp("plane")
    (path / "plane.toml").write_text(PLANE, encoding="utf-8")
    assert call("llgmin", "run", path / "plane.toml", "-o", path / "minima.h5", "-j", 1, "-q") == 0
    make_grown(path)
    pairs = [option for pair in PAIRS for option in ("--pair", *pair)]
    command = ["lloptim", "connect", path / "minima.h5", *pairs, "-j", 1, "-q"]
    assert call(*command, "-o", path / "connected.h5") == 0
    for part in (1, 2, 3):
        assert call(*command, "--part", f"{part}/3", "-o", path / f"part-{part}.h5") == 0
    return path


def merge(folder, output, *names) -> None:
    paths = [folder / name for name in names]
    assert call("llpathsample", "merge", *paths, "-o", output, "-q", "--allow-missing") == 0


def description(path) -> tuple:
    """What a landscape of the plane holds, with points named by where they are: ids depend on the order."""
    landscape = read_landscape(path)
    names = [tuple(x) for x in landscape.minima.coordinates.round(4).tolist()]
    states = landscape.transition_states
    ends = [tuple(sorted(names[i] for i in row)) for row in states.minima.tolist()]
    edges = sorted(zip(states.coordinates.round(4).tolist(), ends, strict=True))
    table = landscape.pairs
    pairs = [tuple(sorted(names[i] for i in row)) for row in table.ids.tolist()]
    tried = sorted(zip(pairs, table.attempts.tolist(), table.connected.tolist(), strict=True))
    visits = sorted(zip(names, landscape.minima.visits.tolist(), strict=True))
    return visits, edges, tried, sorted(landscape.counters.items())


# --- merging --------------------------------------------------------------------------------------


def test_merging_with_itself_adds_nothing(folder, tmp_path, capsys):
    once, twice = (read_landscape(folder / "grown.h5") for _ in range(2))
    report = twice.merge(once)
    assert report.new_minima == report.new_transition_states == 0
    assert (report.known_minima, report.known_transition_states) == (len(once.minima), len(once.transition_states))
    for name in ("minima", "transition_states"):
        assert getattr(twice, name).coordinates.tolist() == getattr(once, name).coordinates.tolist()
    assert twice.transition_states.minima.tolist() == once.transition_states.minima.tolist()
    assert twice.pairs.ids.tolist() == once.pairs.ids.tolist()
    merge(folder, tmp_path / "twice.h5", "grown.h5", "grown.h5")
    assert len(capsys.readouterr().out.splitlines()) == 1  # it is passed over
    assert description(tmp_path / "twice.h5") == description(folder / "grown.h5")


def test_the_order_of_files_changes_ids_alone(plane, tmp_path):
    names = ["minima.h5", "connected.h5", "grown.h5"]
    merge(plane, tmp_path / "forth.h5", *names)
    merge(plane, tmp_path / "back.h5", *reversed(names))
    assert description(tmp_path / "forth.h5") == description(tmp_path / "back.h5")
    assert len(description(tmp_path / "forth.h5")[1]) == 4


def test_merging_in_steps_is_merging_at_once(plane, tmp_path):
    merge(plane, tmp_path / "first.h5", "part-1.h5", "part-2.h5")
    merge(plane, tmp_path / "steps.h5", tmp_path / "first.h5", "part-3.h5")
    merge(plane, tmp_path / "once.h5", "part-1.h5", "part-2.h5", "part-3.h5")
    steps, once = (read_landscape(tmp_path / name) for name in ("steps.h5", "once.h5"))
    assert steps.minima.coordinates.tolist() == once.minima.coordinates.tolist()
    assert description(tmp_path / "steps.h5") == description(tmp_path / "once.h5")


def test_merged_parts_are_the_whole_job(plane, tmp_path):
    merge(plane, tmp_path / "parts.h5", "part-1.h5", "part-2.h5", "part-3.h5")
    assert description(tmp_path / "parts.h5") == description(plane / "connected.h5")


def test_other_data_and_other_models_are_refused(folder, tmp_path, capsys):
    text = (folder / "xor.toml").read_text(encoding="utf-8")
    (tmp_path / "xor.csv").write_text("x1,x2,class\n0,0,0\n0,1,1\n1,0,1\n1,1,1\n", encoding="utf-8")
    (tmp_path / "data.toml").write_text(text, encoding="utf-8")
    assert call("llgmin", "run", tmp_path / "data.toml", "-j", 1, "-q") == 0
    other_model = ["-o", tmp_path / "model.h5", "--set", "loss.lambda=0.01"]
    assert call("llgmin", "run", folder / "xor.toml", *other_model, "-j", 1, "-q") == 0
    before = files(tmp_path)
    capsys.readouterr()
    for name, reason in [("data.h5", "was made from other data"), ("model.h5", "is of another loss model")]:
        assert call("llpathsample", "merge", folder / "grown.h5", tmp_path / name, "-o", tmp_path / "x.h5") == 3
        assert f"llpathsample: error: {tmp_path / name} {reason}" in capsys.readouterr().err
    assert files(tmp_path) == before


# --- stopping and going on ------------------------------------------------------------------------


def grow(folder, output, *options) -> int:
    return call("llpathsample", "grow", folder / "minima.h5", "-o", output, *GROW, *options)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("calls", [0, 1, 2, 4, 5, 7, 9])
def test_stopped_anywhere_it_ends_with_the_same_bytes(folder, tmp_path, monkeypatch, calls):
    output = tmp_path / "grown.h5"
    with monkeypatch.context() as patches:
        patches.setattr(llpathsample.commands, "StopRequest", StopAfter(calls))
        patches.setattr(llpathsample.growth, "_LEAST_COMMIT_SECONDS", 1e9)
        assert grow(folder, output) == 75
    assert read_landscape(output).search is not None
    assert grow(folder, output) == 0
    assert output.read_bytes() == (folder / "grown.h5").read_bytes()
    assert sorted(files(tmp_path)) == ["grown.h5"]


@pytest.mark.usefixtures("in_process")
def test_stopped_again_and_again_it_ends_with_the_same_bytes(folder, tmp_path, monkeypatch):
    output = tmp_path / "grown.h5"
    code = 75
    for calls in (3, 0, 5, 1, 6, 8, 4, 10, 100):
        with monkeypatch.context() as patches:
            patches.setattr(llpathsample.commands, "StopRequest", StopAfter(calls))
            code = grow(folder, output)
    assert code in (0, 2)  # 2: the last but one had already finished it
    assert output.read_bytes() == (folder / "grown.h5").read_bytes()


def test_signals_leave_a_checkpoint_and_no_process(folder, tmp_path):
    shutil.copy(folder / "minima.h5", tmp_path)
    command = ("llpathsample", "grow", "minima.h5", "-o", "grown.h5", *GROW, "-j", 2)
    # SIGUSR1 is as SIGTERM, by tests/llcommon/test_cli.py.
    for number, code in [(signal.SIGTERM, 75), (signal.SIGINT, 130)]:
        with started(*command, cwd=tmp_path) as growth:
            # Three files a batch: its children are at work.
            assert growth.wait_for_writes(3, tmp_path / "grown.h5.batches"), growth.said
            assert growth.signal(number) == code, growth.said
            assert growth.survivors() == []
        assert "all results are kept in grown.h5; run the same command again to go on" in growth.said
    run(*command, cwd=tmp_path)
    assert (tmp_path / "grown.h5").read_bytes() == (folder / "grown.h5").read_bytes()


@pytest.mark.usefixtures("in_process")
def test_a_landscape_grows_in_place_and_goes_on_there(folder, tmp_path, monkeypatch, capsys):
    for name in ("whole.h5", "torn.h5"):
        shutil.copy(folder / "minima.h5", tmp_path / name)
    assert call("llpathsample", "grow", tmp_path / "whole.h5", *GROW) == 0
    with monkeypatch.context() as patches:
        patches.setattr(llpathsample.commands, "StopRequest", StopAfter(6))
        assert call("llpathsample", "grow", tmp_path / "torn.h5", *GROW) == 75
    assert call("llpathsample", "grow", tmp_path / "torn.h5", *GROW) == 0
    assert (tmp_path / "torn.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    provenance = read_landscape(tmp_path / "torn.h5").provenance
    assert [item["command"] for item in provenance][:2] == ["run", "grow"]
    assert sum(item["command"] == "grow" for item in provenance) == 1


@pytest.mark.usefixtures("in_process")
def test_other_settings_in_the_middle_are_noted(folder, tmp_path, monkeypatch):
    shutil.copy(folder / "minima.h5", tmp_path)
    with monkeypatch.context() as patches:
        patches.setattr(llpathsample.commands, "StopRequest", StopAfter(6))
        assert call("llpathsample", "grow", tmp_path / "minima.h5", *GROW) == 75
    assert call("llpathsample", "grow", tmp_path / "minima.h5", *GROW, "--set", "connect.tries=1") == 0
    provenance = read_landscape(tmp_path / "minima.h5").provenance
    assert sum(item["command"] == "grow" for item in provenance) == 2


def test_an_unfinished_search_does_not_grow_in_place(folder, tmp_path, capsys):
    output = tmp_path / "minima.h5"
    command = ["llgmin", "run", folder / "xor.toml", "-o", output, "-j", 1]
    landscape = read_landscape(folder / "minima.h5")
    landscape.search.state["finished"] = False
    write_landscape(output, landscape)
    before = files(tmp_path)
    assert call("llpathsample", "grow", output, *GROW) == 2
    assert "is an unfinished search of llgmin run" in capsys.readouterr().err
    assert files(tmp_path) == before
    assert call(*command) == 0


@pytest.mark.usefixtures("in_process")
def test_data_outside_the_file_are_needed_by_the_growth_alone(folder, tmp_path, monkeypatch):
    """Batches lie in a folder of their own, from which the CSV file is not found."""
    landscape = read_landscape(folder / "minima.h5")
    landscape.settings = replace(landscape.settings, data=replace(landscape.settings.data, embed_limit_mb=0.0))
    (tmp_path / "d").mkdir()
    shutil.copy(folder / "xor.csv", tmp_path / "d")
    write_landscape(tmp_path / "d" / "minima.h5", landscape)
    monkeypatch.chdir(tmp_path)
    assert call("llpathsample", "grow", "d/minima.h5", "-o", "d/grown.h5", *GROW) == 0
    found, expected = (read_landscape(path) for path in (tmp_path / "d" / "grown.h5", folder / "grown.h5"))
    assert found.transition_states.coordinates.tolist() == expected.transition_states.coordinates.tolist()
    assert found.pairs.status.tolist() == expected.pairs.status.tolist()
    assert found.settings.data.embed_limit_mb == 0.0


# --- what goes wrong in a batch -------------------------------------------------------------------


def test_a_pair_that_crashes_is_not_the_end(plane, tmp_path, monkeypatch):
    def crash_at_first(arguments: list[str], *_) -> Outcome:
        return Outcome(-11, "") if "batch-0000000-" in arguments[1] else connect_here(arguments)

    monkeypatch.setattr(running, "lloptim", crash_at_first)
    assert grow(plane, tmp_path / "grown.h5") == 0
    grown = read_landscape(tmp_path / "grown.h5")
    assert grown.counters["failed pairs"] == 1
    assert grown.pairs.status[0] == Status.JOB_FAILED
    assert len(grown.minima) == 4 and len(grown.transition_states) > 1


def test_a_disk_that_is_full_ends_the_growth(plane, tmp_path, monkeypatch, capsys):
    """Not a failure of the pairs: the next run tries them as if nothing had been."""

    def full(*_) -> Outcome:
        return Outcome(2, "lloptim: error: unfinished.h5 cannot be written (no space left on device)")

    with monkeypatch.context() as patches:
        patches.setattr(running, "lloptim", full)
        assert grow(plane, tmp_path / "grown.h5") == 2
    message = "llpathsample: error: a batch of connections could not be made: lloptim: error: unfinished.h5 cannot"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "grown.h5").exists()
    monkeypatch.setattr(running, "lloptim", connect_here)
    assert grow(plane, tmp_path / "grown.h5") == 0
    assert (tmp_path / "grown.h5").read_bytes() == (plane / "grown.h5").read_bytes()


def test_what_all_batches_fail_by_marks_no_pair(plane, tmp_path, monkeypatch, capsys):
    """It ends the growth with a sentence; then the next run tries them as if nothing had been."""

    def broken(*_) -> Outcome:
        return Outcome(1, "ModuleNotFoundError: No module named 'numpy'")

    with monkeypatch.context() as patches:
        patches.setattr(running, "lloptim", broken)
        assert grow(plane, tmp_path / "grown.h5") == 2
        said = capsys.readouterr().err
        assert "error: the processes of the first 3 pairs have all failed (ModuleNotFoundError" in said
        assert "note: batch 0 is run again: ModuleNotFoundError" in said
        assert not (tmp_path / "grown.h5").exists()
        # One pair alone may be fatal.
        assert grow(plane, tmp_path / "one.h5", "--set", "grow.budget=1") == 4
        assert read_landscape(tmp_path / "one.h5").pairs.status.tolist() == [Status.JOB_FAILED]
    monkeypatch.setattr(running, "lloptim", connect_here)
    assert grow(plane, tmp_path / "grown.h5") == 0
    assert (tmp_path / "grown.h5").read_bytes() == (plane / "grown.h5").read_bytes()


class Child:
    """In place of a process: it ends at once, with the next of some exit codes."""

    pid = 1
    codes: list[int] = []
    started = 0

    def __init__(self, *_, **__) -> None:
        self.returncode = Child.codes[Child.started]
        Child.started += 1

    def communicate(self, timeout: float | None) -> tuple[str, str]:
        return "", "lloptim: stopped by SIGTERM"


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([75, 0], 0), ([-signal.SIGTERM, 130, -signal.SIGUSR1, 4], 4), ([75] * 9, 75), ([-signal.SIGSEGV], -11)],
)
def test_a_child_that_was_told_to_stop_is_started_again(tmp_path, monkeypatch, codes, expected):
    monkeypatch.setattr(subprocess, "Popen", Child)
    monkeypatch.setattr(Child, "codes", codes)
    monkeypatch.setattr(Child, "started", 0)
    children = Children()
    use_children(children)
    task = Task("0000000-0123456789abcdef", str(tmp_path), ("connect", "{input}"))
    (tmp_path / f"batch-{task.name}.unfinished.h5").touch()
    assert run_task(task).code == expected
    assert Child.started == min(len(codes), 4)
    children.stop()
    (tmp_path / f"batch-{task.name}.result.h5").unlink(missing_ok=True)
    outcome = run_task(task)
    assert (outcome.code, outcome.said) == (75, "stopped")  # once told to stop, it starts nothing
    assert Child.started == min(len(codes), 4)
    use_children(Children())


def test_results_are_known_by_what_they_are_of(folder):
    landscape = read_landscape(folder / "minima.h5")
    names = {Batch(0, pairs).name(landscape) for pairs in ([(0, 1, 0)], [(0, 2, 0)], [(0, 1, 1)], [(1, 0, 0)])}
    other = read_landscape(folder / "minima.h5")
    other.sort_minima_by_loss()
    names.add(Batch(0, [(0, 1, 0)]).name(other))
    assert len(names) == 4  # the last is the first again
    other._keep_minima(np.array([1, 0, 2]))
    assert Batch(0, [(1, 0, 0)]).name(other) == Batch(0, [(0, 1, 0)]).name(landscape)


# --- who may grow a file --------------------------------------------------------------------------


def test_one_growth_at_a_time(tmp_path):
    database = tmp_path / "grown.h5"
    with Lock(database):
        with pytest.raises(OutputError, match="another llpathsample grow is working on"):
            Lock(database).__enter__()
        assert batch_folder(database).is_dir()
    assert not batch_folder(database).exists()
    with Lock(database):
        (batch_folder(database) / "batch-1.result.h5").touch()
    assert [path.name for path in batch_folder(database).iterdir()] == ["batch-1.result.h5"]


def test_a_lock_on_a_file_that_was_read_too_early_is_refused(tmp_path):
    database = tmp_path / "grown.h5"
    database.write_bytes(b"old")
    lock = Lock(database)
    os.replace(shutil.copy(database, tmp_path / "new"), database)
    with pytest.raises(OutputError, match="run this again"):
        lock.__enter__()


def test_a_lock_outlives_no_process(folder, tmp_path):
    shutil.copy(folder / "minima.h5", tmp_path)
    with started("llpathsample", "grow", "minima.h5", *GROW, cwd=tmp_path) as growth:
        growth.wait_for_writes(2, tmp_path / "minima.h5.batches")
        result = run("llpathsample", "grow", "minima.h5", *GROW, cwd=tmp_path, expect=2)
        assert "another llpathsample grow is working on minima.h5" in result.stderr
        growth.signal(signal.SIGKILL)
    with Lock(tmp_path / "minima.h5"):
        pass


# --- choosing -------------------------------------------------------------------------------------


def test_a_pair_in_flight_is_not_chosen_again_in_other_order(plane):
    landscape = read_landscape(plane / "minima.h5")
    for ends in ([0, 1], [1, 2], [2, 3]):
        states = np.asarray(landscape.minima.coordinates)[ends].mean(axis=0)
        state = TransitionState(float(sum(ends)) + 1e3, states, 0.0, 0.0, -1.0, 1.0)
        landscape._add_transition_state(state, *ends)
    network = GrowingNetwork(landscape)
    network.update()
    strategy = AllPairs(network)
    pairs = {(choice.minimum, choice.partner) for choice in strategy.choose(100, set())}
    assert {(0, 2), (0, 3), (1, 3)} <= pairs
    backwards = {(b, a) for a, b in pairs}
    assert strategy.choose(100, backwards) == []


def test_a_growth_that_is_done_has_nothing_to_choose(folder):
    landscape = read_landscape(folder / "grown.h5")
    assert Growth(landscape, folder / "grown.h5", None)._choose() is None
