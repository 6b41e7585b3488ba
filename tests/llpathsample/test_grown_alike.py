"""Growths by every strategy: complete, the same whatever ends first, and the same when stopped and gone on with."""

import queue
import shutil
import threading
from concurrent.futures import Future

import pytest

import llpathsample.commands
import llpathsample.engines.local
from llcommon.growsettings import STOP_RULES
from llcommon.store import read_landscape
from llpathsample.engines import running
from llpathsample.network import components
from tests.driving import StopAfter, call, connect_here, grow_here

HIMMELBLAU = """\
[loss]
model = "himmelblau"

[search]
steps = 100
chains = 2
step = 4.0
temperature = 100.0

[grow]
batch = 1
window = 3
attempts = 1
cycle = 2
"""
# Strategy, further options, components that there are at the end, and whether growth begins with what another has left.
CASES = {
    "to-global-minimum": ((), 1, False),
    "all-pairs": (("--stop", "no-new-minima", "--set", "grow.quiet_cycles=2"), 1, False),
    "initial-path": (("--set", "grow.set_b=3"), None, False),
    "unconnected": (("--set", "grow.order=distance"), 1, False),
    "nearest": ((), 1, False),
    "monotonic": ((), 1, False),
    "untrap": ((), 1, True),
    "shortcut": (("--set", "grow.set_b=3", "--set", "grow.separation=2"), 1, True),
    "free-energy": (("--set", "grow.temperature=1"), 1, True),
    "region": (("--set", "grow.set_a=all", "--set", "grow.radius=7"), 1, False),
    "list": ((), 1, False),
    "single-ended": (("--stop", "one-component", "--set", "grow.batch=2"), 1, False),
    "auto": (("--set", 'grow.mix=["nearest", "monotonic", "untrap", "single-ended"]',), 1, False),
}  # fmt: skip


class NewestFirst:
    """An executor that does of what is waiting the latest: results come in another order than they were asked for."""

    def __init__(self, jobs: int) -> None:
        self.waiting: queue.LifoQueue = queue.LifoQueue()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        while (task := self.waiting.get()) is not None:
            future, function, arguments = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*arguments))
                except BaseException as error:
                    future.set_exception(error)

    def submit(self, function, *arguments) -> Future:
        future: Future = Future()
        self.waiting.put((future, function, arguments))
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        while cancel_futures and not self.waiting.empty():
            self.waiting.get()[0].cancel()
        self.waiting.put(None)
        self.thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 of Himmelblau's function; grown.h5; a list of pairs."""
    path = tmp_path_factory.mktemp("alike")
    (path / "plane.toml").write_text(HIMMELBLAU, encoding="utf-8")
    (path / "pairs.tsv").write_text("0 1\n1 2\n2 3\n", encoding="utf-8")
    assert call("llgmin", "run", path / "plane.toml", "-o", path / "minima.h5", "-j", 1, "-q") == 0
    assert grow_here(path / "minima.h5", "-o", path / "grown.h5", "-q") == 0
    return path


@pytest.mark.parametrize("name", CASES)
def test_grown_alike(folder, tmp_path, monkeypatch, capsys, name):
    options, expected, grown = CASES[name]
    file = folder / ("grown.h5" if grown else "minima.h5")
    command = ["llpathsample", "grow", file, "--strategy", name, *options, "-j", 1]
    if name == "list":
        command += ["--pairs", folder / "pairs.tsv"]
    monkeypatch.setattr(running, "lloptim", connect_here)
    assert call(*command, "-o", tmp_path / "first.h5") == 0
    whole = (tmp_path / "first.h5").read_bytes()
    with monkeypatch.context() as patches:
        patches.setattr(llpathsample.engines.local, "LocalExecutor", NewestFirst)
        assert call(*command, "-o", tmp_path / "newest.h5") == 0
    assert (tmp_path / "newest.h5").read_bytes() == whole
    code = 75
    for calls in (7, 10**6):
        with monkeypatch.context() as patches:
            patches.setattr(llpathsample.commands, "StopRequest", StopAfter(calls))
            if code == 75:
                code = call(*command, "-o", tmp_path / "torn.h5")
    assert code == 0 and (tmp_path / "torn.h5").read_bytes() == whole
    landscape = read_landscape(tmp_path / "first.h5")
    count = components(len(landscape.minima), landscape.transition_states.minima).max() + 1
    assert count == expected or (expected is None and count < 4)
    # However many batches there were.
    assert len(landscape.provenance) <= len(read_landscape(file).provenance) + 2
    said = capsys.readouterr().err
    assert "ended: " in said and ("cost" in said) == (name == "auto")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--strategy", "nearst"], 2, "nearst"),
        (["--strategy", "initial-path"], 2, "give set_b too"),
        (["--strategy", "list"], 2, "needs pairs_file"),
        (["--pairs", "none.tsv"], 3, "none.tsv"),
        (["--strategy", "shortcut", "--set", "grow.set_b=9"], 2, "[grow] set_b names minimum 9, but there are 4"),
        (["--set", 'grow.set_a="file none"'], 3, "none"),
        (["--strategy", "initial-path", "--set", "grow.set_b=1", "--set", 'grow.set_a="below -5"'], 2, "[grow] set_a"),
        (["--set", "grow.reference=4"], 2, "reference is minimum 4, but there are 4"),
        (["--set", "grow.pairs=sum"], 2, "pairs is the old name of strategy"),
        (["--stop", "soon"], 2, "soon"),
    ],
)
def test_what_makes_no_sense_is_named(folder, tmp_path, capsys, options, code, sentence):
    assert call("llpathsample", "grow", folder / "minima.h5", "-o", tmp_path / "x.h5", *options) == code
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_ids_of_a_file_are_recorded(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "b.txt").write_text("# reactants\n3\n2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "lloptim", connect_here)
    command = ["llpathsample", "grow", folder / "minima.h5", "--strategy", "initial-path"]
    command += ["--set", 'grow.set_b="file b.txt"', "-j", 1]
    assert call(*command, "-n") == 0
    assert "strategy initial-path begins with 1 pairs" in capsys.readouterr().err
    assert call(*command, "-o", "x.h5") == 0
    assert read_landscape("x.h5").settings.grow.set_b == "2-3"
    assert "ended: a path leads from B to A" in capsys.readouterr().err


def test_another_strategy_goes_on_with_what_is_in_flight(folder, tmp_path, monkeypatch):
    """In place, in the middle: batches that were chosen are finished, what the other one remembers is dropped."""
    monkeypatch.setattr(running, "lloptim", connect_here)
    shutil.copy(folder / "minima.h5", tmp_path)
    command = ["llpathsample", "grow", tmp_path / "minima.h5", "-j", 1]
    for name, calls in [("auto", 6), ("single-ended", 6), ("nearest", 10**6)]:
        with monkeypatch.context() as patches:
            patches.setattr(llpathsample.commands, "StopRequest", StopAfter(calls))
            assert call(*command, "--strategy", name) == (75 if calls == 6 else 0)
    landscape = read_landscape(tmp_path / "minima.h5")
    assert landscape.settings.grow.strategy == "nearest" and landscape.search is None
    assert not components(4, landscape.transition_states.minima).any()


def test_a_file_that_another_command_replaces_is_left_alone(folder, tmp_path, monkeypatch, capsys):
    database = tmp_path / "x.h5"
    shutil.copy(folder / "minima.h5", database)

    def connect_while_another_writes(arguments, *_):
        shutil.copy(folder / "grown.h5", tmp_path / "new.h5")
        (tmp_path / "new.h5").replace(database)
        return connect_here(arguments)

    monkeypatch.setattr(running, "lloptim", connect_while_another_writes)
    assert call("llpathsample", "grow", database, "-j", 1) == 2
    assert "another command has replaced" in capsys.readouterr().err
    assert database.read_bytes() == (folder / "grown.h5").read_bytes()
    assert call("llpathsample", "merge", database, *(tmp_path / "x.h5.batches").glob("batch-*.result.h5"), "-o",
                tmp_path / "all.h5") == 0  # fmt: skip


def test_every_end_has_a_sentence():
    ends = {*STOP_RULES, "budget", "connected-path", "nothing-left-to-try"}
    assert set(llpathsample.commands._ENDS) == ends
