"""Batches under way: how a process is run, what is kept when it fails, what is lost."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driving import StopAfter, call, run
from fatal import FATAL, fatal_minima, fatal_pair

import lloptim.commands
from llcommon import trust
from llcommon.cli.output import console
from llcommon.errors import NO_MEMORY, InputError, OutputError
from llcommon.parallel import SerialExecutor
from llcommon.status import Status
from llcommon.store import Landscape, read_landscape
from lloptim.singleended import PushJob
from llpathsample.engines import running
from llpathsample.engines.batch import SADDLE, Batch, batch_of, command_of, write_input
from llpathsample.engines.engine import Engine
from llpathsample.engines.running import Children, Lost, Outcome, Task, file_of, run_task, use_children

PAIRS = [(0, 1, 0), (2, 3, 0), (1, 3, 0), (0, 2, 0)]


@pytest.fixture(scope="module")
def minima(tmp_path_factory):
    return fatal_minima(tmp_path_factory.mktemp("fatal"))


@pytest.fixture
def landscape(minima):
    trust.grant()
    yield read_landscape(minima)
    trust.grant(False)


class Lloptim:
    """In place of the program: connects in this process, and dies in the pair of two minima on the left."""

    def __init__(self, monkeypatch, landscape, deaths: int = 10**6, late: bool = False) -> None:
        self.monkeypatch = monkeypatch
        self.points = landscape.minima.coordinates[list(fatal_pair(landscape))]
        self.deaths = deaths
        self.late = late
        self.tried = []
        monkeypatch.setattr(running, "lloptim", self)

    def __call__(self, arguments: list[str], *_) -> Outcome:
        given = read_landscape(arguments[1])
        lines = open(arguments[arguments.index("--pairs") + 1]).read().splitlines()[1:]
        pairs = [[int(word) for word in line.split()[:2]] for line in lines]
        self.tried.append(len(pairs))
        dead = [number for number, pair in enumerate(pairs) if self._is_fatal(given.minima.coordinates[pair])]
        if not dead or not self.deaths:
            return Outcome(self._connect(arguments), "")
        self.deaths -= 1
        with self.monkeypatch.context() as patches:
            patches.setattr(lloptim.commands, "StopRequest", StopAfter(dead[0] - self._done(arguments)))
            assert self._connect(arguments) == 75  # what it finished is in its file
        return Outcome(-9, "", late=self.late)

    def _is_fatal(self, ends: np.ndarray) -> bool:
        return sorted(ends.tolist()) == sorted(self.points.tolist())

    def _done(self, arguments: list[str]) -> int:
        output = Path(arguments[arguments.index("-o") + 1])
        return len(read_landscape(output).search.state["outcomes"]) if output.exists() else 0

    def _connect(self, arguments: list[str]) -> int:
        verbosity = console.verbosity
        code = call("lloptim", *arguments)
        console.verbosity = verbosity
        trust.grant()  # a command takes its own leave back
        return code


def serial() -> SerialExecutor:
    return SerialExecutor(lambda: None, ())


def result_of(engine: Engine, landscape, batch: Batch):
    way = engine.submit(landscape, batch)
    while way.result is None:
        engine.advance(0.1)
    return way, way.result


def contents(landscape) -> tuple:
    """Points and pairs, to the bit."""
    tables = landscape.minima.coordinates, landscape.transition_states.coordinates, landscape.pairs.ids
    return tuple(table.tolist() for table in tables)


# --- a pair that is fatal -------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "status"), [(False, Status.JOB_FAILED), (True, Status.TIME_LIMIT)])
def test_only_the_fatal_pair_is_lost(landscape, tmp_path, monkeypatch, late, status):
    program = Lloptim(monkeypatch, landscape, late=late)
    engine = Engine(tmp_path, serial(), 7.0)
    way, result = result_of(engine, landscape, Batch(0, PAIRS))
    assert [pair for pair, _ in result.failures] == [(*fatal_pair(landscape), 0)]
    assert result.failures[0][1].status is status
    # The first pair is done once, before the fatal one; the others when they have processes of their own.
    assert program.tried == [4, 4, 1, 1, 1]
    assert [len(found.pairs) for found in result.landscapes] == [1, 1, 1]
    assert all(found.pairs.connected.all() for found in result.landscapes)
    reason = "not done within 7 s" if late else "lloptim was ended by SIGKILL"
    assert engine.notes == [f"batch 0 is run again: {reason}", f"batch 0 is run pair by pair: {reason}"]
    engine.forget(way)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_once_changes_nothing(landscape, tmp_path, monkeypatch):
    found = []
    for deaths in (0, 1):
        program = Lloptim(monkeypatch, landscape, deaths)
        (tmp_path / str(deaths)).mkdir()
        _, result = result_of(Engine(tmp_path / str(deaths), serial()), landscape, Batch(0, PAIRS))
        assert not result.failures
        found.append(contents(*result.landscapes))
    assert program.tried == [4, 4]
    assert found[0] == found[1]


def test_a_fatal_pair_alone_is_tried_twice(landscape, tmp_path, monkeypatch):
    program = Lloptim(monkeypatch, landscape)
    _, result = result_of(Engine(tmp_path, serial()), landscape, Batch(0, [(2, 3, 0)]))
    assert program.tried == [1, 1]
    assert not result.landscapes and len(result.failures) == 1


def test_a_fatal_pair_of_a_real_process(minima, tmp_path, monkeypatch):
    """The growth goes on without it: all four minima are connected another way."""
    monkeypatch.setenv(FATAL, "kill")
    command = ("llpathsample", "grow", minima, "-o", tmp_path / "grown.h5", "-j", 2, "--trust")
    said = run(*command, cwd=tmp_path).stderr
    grown = read_landscape(tmp_path / "grown.h5")
    fatal = list(fatal_pair(grown))
    assert "job-failed: lloptim was ended by SIGKILL" in said and "pair by pair" in said
    assert grown.pairs.status[grown.pairs.ids.tolist().index(fatal)] == Status.JOB_FAILED
    assert len(grown.transition_states) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grown.h5"]


# --- places that are lost -------------------------------------------------------------------------


class Unreliable(SerialExecutor):
    """An executor whose first places are lost."""

    def __init__(self, losses: int) -> None:
        super().__init__(lambda: None, ())
        self.losses = losses
        self.avoided = []

    def submit(self, function, task):
        self.avoided.append(task.avoid)
        if len(self.avoided) > self.losses:
            return super().submit(function, task)

        def lose(task):
            raise Lost("the node is lost", f"node {len(self.avoided)}")

        return super().submit(lose, task)


def test_a_lost_place_is_avoided(landscape, tmp_path, monkeypatch):
    Lloptim(monkeypatch, landscape, deaths=0)
    executor = Unreliable(2)
    _, result = result_of(Engine(tmp_path, executor), landscape, Batch(0, PAIRS))
    assert not result.failures and len(result.landscapes) == 4
    assert executor.avoided == ["", "node 1", "node 2", "node 2", "node 2", "node 2"]


@pytest.mark.parametrize("error", [BlockingIOError(11, "fork"), MemoryError(), EOFError(), OSError(116, "stale")])
def test_what_a_machine_refuses_is_a_failure(landscape, tmp_path, monkeypatch, error):
    program = Lloptim(monkeypatch, landscape, deaths=0)
    errors = [error]

    def refuse(*arguments):
        if errors:
            raise errors.pop()
        return program(*arguments)

    monkeypatch.setattr(running, "lloptim", refuse)
    engine = Engine(tmp_path, serial())
    _, result = result_of(engine, landscape, Batch(0, [(0, 1, 0)]))
    assert not result.failures and engine.notes == [f"batch 0 is run again: {str(error) or type(error).__name__}"]


def test_a_machine_that_does_not_see_the_folder(landscape, tmp_path, monkeypatch):
    """Its files travel with the task, and what it wrote comes back; what a dead process had finished, too."""
    Lloptim(monkeypatch, landscape)

    class Remote(SerialExecutor):
        def submit(self, function, task):
            files = {kind: file_of(task.folder, task.name, kind).read_bytes() for kind in ("input.h5", "pairs.tsv")}
            return super().submit(function, replace(task, folder="/nowhere", contents=files))

    _, result = result_of(Engine(tmp_path, Remote(lambda: None, ())), landscape, Batch(0, PAIRS))
    assert [len(found.pairs) for found in result.landscapes] == [1, 1, 1]
    assert [pair for pair, _ in result.failures] == [(2, 3, 0)]


@pytest.mark.parametrize(("code", "error"), [(2, OutputError), (3, InputError)])
def test_what_cannot_begin_twice_is_not_a_failure_of_pairs(landscape, tmp_path, monkeypatch, code, error):
    monkeypatch.setattr(running, "lloptim", lambda *_: Outcome(code, "no space left on device"))
    engine = Engine(tmp_path, serial())
    way = engine.submit(landscape, Batch(0, PAIRS))
    engine.advance(1.0)
    assert engine.notes == ["batch 0 is run again: no space left on device"] and way.result is None
    with pytest.raises(error, match="could not be made: no space left on device"):
        engine.advance(1.0)


def test_a_place_that_cannot_begin_is_not_the_end(landscape, tmp_path, monkeypatch):
    """Not even of one try of the batch."""
    program = Lloptim(monkeypatch, landscape)
    codes = [3]
    monkeypatch.setattr(running, "lloptim", lambda *a: Outcome(codes.pop(), "no such file") if codes else program(*a))
    _, result = result_of(Engine(tmp_path, serial()), landscape, Batch(0, PAIRS))
    assert program.tried == [4, 4, 1, 1, 1]
    assert len(result.failures) == 1


def test_a_pair_without_enough_memory_is_lost_alone(landscape, tmp_path, monkeypatch):
    program = Lloptim(monkeypatch, landscape)

    def poor(*arguments) -> Outcome:
        outcome = program(*arguments)
        return replace(outcome, code=2, said=f"lloptim: error: {NO_MEMORY}; use less") if outcome.code < 0 else outcome

    monkeypatch.setattr(running, "lloptim", poor)
    _, result = result_of(Engine(tmp_path, serial()), landscape, Batch(0, PAIRS))
    assert [pair for pair, _ in result.failures] == [(*fatal_pair(landscape), 0)]
    assert result.failures[0][1].status is Status.JOB_FAILED and NO_MEMORY in result.failures[0][1].reason


def test_a_users_loss_that_fails_on_the_way_is_a_failure_of_pairs(landscape, tmp_path, monkeypatch):
    program = Lloptim(monkeypatch, landscape)

    def failing(*arguments) -> Outcome:
        outcome = program(*arguments)
        return replace(outcome, code=3, said="it raised ValueError") if outcome.code < 0 else outcome

    monkeypatch.setattr(running, "lloptim", failing)
    _, result = result_of(Engine(tmp_path, serial()), landscape, Batch(0, PAIRS))
    assert [pair for pair, _ in result.failures] == [(*fatal_pair(landscape), 0)]


def test_a_damaged_result_is_made_again(landscape, tmp_path, monkeypatch):
    program = Lloptim(monkeypatch, landscape, deaths=0)
    batch = Batch(0, PAIRS)
    file_of(tmp_path, batch.name(landscape), "result.h5").write_bytes(b"half of it")
    _, result = result_of(Engine(tmp_path, serial()), landscape, batch)
    assert program.tried == [4] and len(result.landscapes) == 1


# --- processes ------------------------------------------------------------------------------------


def test_a_process_ends_when_its_time_is_up():
    begin = time.monotonic()
    outcome = Children().run([sys.executable, "-c", "import time; time.sleep(100)"], 0.5, ())
    assert outcome.late and outcome.code < 0 and time.monotonic() - begin < 20.0


def test_a_process_that_does_not_listen_is_killed(monkeypatch):
    monkeypatch.setattr(running, "_TERMINATE_SECONDS", 0.5)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"
    outcome = Children().run([sys.executable, "-c", code], 3.0, ())
    assert outcome.late and outcome.code == -9


def test_a_batch_that_an_orphan_is_at_is_waited_for(tmp_path, monkeypatch):
    """The orphan finishes it; nothing is done twice."""
    task = Task("a", str(tmp_path), ("connect",))
    monkeypatch.setattr(running, "lloptim", lambda *_: pytest.fail("done twice"))
    code = "import time; time.sleep(1); open('batch-a.result.h5', 'w')"
    with open(file_of(tmp_path, "a", "lock"), "a+b") as lock:
        running.fcntl.flock(lock, running.fcntl.LOCK_EX)
        orphan = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, pass_fds=(lock.fileno(),))
    begin = time.monotonic()
    assert run_task(task).code == 0
    assert time.monotonic() - begin > 0.5 and orphan.wait() == 0


def test_an_orphan_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    task = Task("a", str(tmp_path), ("connect",), limit=0.3)
    file_of(tmp_path, "a", "unfinished.h5").touch()
    monkeypatch.setattr(running, "lloptim", lambda *_: Outcome(0, ""))
    with open(file_of(tmp_path, "a", "lock"), "a+b") as lock:
        running.fcntl.flock(lock, running.fcntl.LOCK_EX)
        sleep = [sys.executable, "-c", "import time; time.sleep(100)"]
        orphan = subprocess.Popen(sleep, pass_fds=(lock.fileno(),))
        running._note_owner(lock.fileno(), orphan.pid)
    assert run_task(task).code == 0
    assert orphan.wait() == -9


def test_who_waits_for_an_orphan_can_be_stopped(tmp_path):
    children = Children()
    with open(file_of(tmp_path, "a", "lock"), "a+b") as lock:
        running.fcntl.flock(lock, running.fcntl.LOCK_EX)
        threading.Timer(0.2, children.stop).start()
        use_children(children)
        assert run_task(Task("a", str(tmp_path), ("connect",))).code == 75
        use_children(Children())


# --- kinds ----------------------------------------------------------------------------------------


def test_searches_around_minima_are_batches_too(landscape, tmp_path):
    batch = Batch(3, [(0, 0, 0), (1, 1, 0)], SADDLE, ("--random", "2"))
    assert batch_of(batch.state()) == batch
    _, result = result_of(Engine(tmp_path, serial()), landscape, batch)
    assert len(result.landscapes[0].transition_states) and not result.failures
    assert batch.name(landscape) != replace(batch, options=("--random", "3")).name(landscape)


def test_searches_that_an_orphan_has_completed_are_not_done_again(landscape, tmp_path, monkeypatch):
    """It was not told to give its file the name of a result: who started it is gone."""
    monkeypatch.setattr(running, "lloptim", lambda words, *_: Outcome(Lloptim._connect(None, words), ""))
    batch = Batch(3, [(0, 0, 0)], SADDLE, ("--random", "2"))
    _, first = result_of(Engine(tmp_path, serial()), landscape, batch)
    files = [file_of(tmp_path, batch.name(landscape), kind) for kind in ("result.h5", "unfinished.h5")]
    content = files[0].read_bytes()
    files[0].rename(files[1])
    monkeypatch.setattr(PushJob, "run", lambda *_: pytest.fail("done twice"))
    _, second = result_of(Engine(tmp_path, serial()), landscape, batch)
    assert not second.failures and files[0].read_bytes() == content
    assert contents(*second.landscapes) == contents(*first.landscapes)


def test_minima_that_are_one_in_the_input_are_searched_around_once(landscape, tmp_path, monkeypatch):
    """The landscape has told them apart, in the order in which it met them."""
    find = Landscape.find_minimum
    monkeypatch.setattr(Landscape, "find_minimum", lambda self, *of: 0 if len(self.minima) == 1 else find(self, *of))
    batch = Batch(3, [(0, 0, 0), (1, 1, 0), (2, 2, 0)], SADDLE, ("--random", "1"))
    minima = write_input(tmp_path, "a", landscape, batch)
    assert minima == [0] and len(read_landscape(file_of(tmp_path, "a", "input.h5")).minima) == 1
    assert command_of(batch, minima).count("--minimum") == 1


def test_checkpoints_of_connections_alone_are_read():
    assert batch_of([5, [[1, 2, 0]]]) == Batch(5, [(1, 2, 0)])


def test_the_module_that_runs_batches_needs_no_kernels():
    code = "import sys, llpathsample.engines.running; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert result.stdout == "False\n"
