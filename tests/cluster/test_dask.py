"""Growth in the workers of a real Dask scheduler, some of which are killed."""

import concurrent.futures
import dataclasses
import importlib.util
import sys
import threading

import pytest
from driving import files, run, started, xor_minima

from llcommon.errors import ConfigError, InputError, Stopped
from llpathsample.engines import daskcluster, running
from llpathsample.engines.running import INPUT, PAIRS, UNFINISHED, Lost, Outcome, Task, file_of

if importlib.util.find_spec("distributed") is None:
    pytest.skip("needs Dask: pip install distributed", allow_module_level=True)

from dask_sandbox import dask

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
GROW = ("llpathsample", "grow", "minima.h5", "--set", "grow.attempts=1", "--set", "grow.batch=1", "-o")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 and whole.h5, grown by local processes."""
    path = tmp_path_factory.mktemp("dask")
    xor_minima(path)
    run(*GROW, "whole.h5", cwd=path)
    return path


@LINUX
def test_workers_and_scheduler_are_killed(folder, tmp_path):
    """A batch whose worker is lost is done by another; without scheduler the growth stops, and goes on elsewhere."""
    whole = (folder / "whole.h5").read_bytes()
    with dask(tmp_path / "dask", 2) as cluster:
        with started(*GROW, "grown.h5", "--dask", cluster.address, cwd=folder) as growth:
            assert cluster.wait_for_work(0), growth.said
            cluster.workers[0].kill()
            assert growth.wait() == 0, growth.said
        assert (folder / "grown.h5").read_bytes() == whole
        with started(*GROW, "torn.h5", "--dask", cluster.address, cwd=folder) as growth:
            assert cluster.wait_for_work(1), growth.said
            cluster.scheduler.kill()
            assert growth.wait() == 75, growth.said
        assert "stopped by the loss of the Dask scheduler" in growth.said and "run the same command" in growth.said
        assert "Traceback" not in growth.said, growth.said
    run(*GROW, "torn.h5", "--dask", "local", "-j", 1, cwd=folder)
    assert (folder / "torn.h5").read_bytes() == whole
    assert not [name for name in files(folder) if "batch" in name]


def test_without_a_scheduler(monkeypatch):
    monkeypatch.setattr(daskcluster, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(InputError, match="^no Dask scheduler answers at tcp://127.0.0.1:9; start one with"):
        daskcluster.DaskExecutor("tcp://127.0.0.1:9", 1)


@pytest.mark.parametrize("error", [OSError("refused"), KeyboardInterrupt()])
def test_a_cluster_of_our_own_does_not_stay_without_a_client(monkeypatch, error):
    class Cluster:
        open = True

        def __init__(self, **_) -> None:
            pass

        def close(self, timeout: float) -> None:
            Cluster.open = False

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("distributed.LocalCluster", Cluster)
    monkeypatch.setattr("distributed.Client", fail)
    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt):
        daskcluster.DaskExecutor("local", 1)
    assert not Cluster.open


class Remote:
    """In place of a future of Dask that is done: it gives an outcome, or raises when it is asked."""

    def __init__(self, status: str, answer) -> None:
        self.status = status
        self.answer = answer

    def result(self, timeout: float):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    exception = result

    def add_done_callback(self, function) -> None:
        function(self)


class Client:
    """In place of Dask's: whatever is submitted comes to the same end."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.sent: list[Task] = []

    def submit(self, function, called, task, *_, **__) -> Remote:
        self.sent.append(task)
        return self.remote


def executor(remote: Remote) -> daskcluster.DaskExecutor:
    """One without a cluster."""
    dask = object.__new__(daskcluster.DaskExecutor)
    dask.address, dask._futures, dask._guard, dask._client = "tcp://here", set(), threading.Lock(), Client(remote)
    return dask


@pytest.mark.parametrize(
    ("status", "answer", "error", "reason"),
    [
        ("finished", OSError("no route"), Lost, "cannot be fetched .no route."),
        ("finished", concurrent.futures.CancelledError(), Lost, "cannot be fetched .CancelledError."),
        ("error", EOFError(), Lost, "cannot be fetched .EOFError."),
        ("cancelled", None, Stopped, "loss of the Dask scheduler"),
        ("lost", None, Lost, "a Dask worker was lost with its result"),
    ],
)
def test_whatever_becomes_of_a_task_is_told(tmp_path, status, answer, error, reason):
    future = executor(Remote(status, answer)).submit(print, Task("a", str(tmp_path), ("connect",)))
    with pytest.raises(error, match=reason):
        future.result(timeout=30.0)


def test_what_a_worker_had_finished_goes_to_the_next(tmp_path, monkeypatch):
    """Which goes on after it, wherever it is; where the folder is seen, what is there now counts."""
    for kind in (INPUT, PAIRS, UNFINISHED):
        file_of(tmp_path, "a", kind).write_text(kind)
    dask = executor(Remote("finished", None))
    dask.submit(print, Task("a", str(tmp_path), ("connect",))).result(timeout=30.0)
    seen = []
    monkeypatch.setattr(running, "arguments_of", lambda task, folder: [str(file_of(folder, task.name, UNFINISHED))])
    monkeypatch.setattr(
        running, "lloptim", lambda files, *_: seen.append(open(files[0]).read()) or Outcome(-9, "")
    )
    file_of(tmp_path, "a", UNFINISHED).write_text("more")
    sent = dask._client.sent[0]
    assert running.run_task(sent).contents is None
    assert running.run_task(dataclasses.replace(sent, folder="/nowhere")).contents == UNFINISHED.encode()
    assert seen == ["more", UNFINISHED]


def test_what_a_task_has_raised_is_handed_over(tmp_path):
    dask = executor(Remote("finished", Outcome(4, "nothing")))
    assert dask.submit(print, Task("a", str(tmp_path), ("connect",))).result(timeout=30.0).code == 4
    for raised, expected in [(ImportError("no numpy"), ConfigError), (MemoryError(), MemoryError)]:
        remote = Remote("error", None)
        remote.exception = lambda timeout, raised=raised: raised
        with pytest.raises(expected):
            executor(remote).submit(print, Task("a", str(tmp_path), ("connect",))).result(timeout=30.0)
