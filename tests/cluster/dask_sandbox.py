"""A Dask scheduler and workers as processes of their own on the loopback interface; not a test itself."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class Dask:
    """A scheduler and its workers, with files in `folder`."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--no-dashboard", "--no-show", "--port", "0")
        limit = time.monotonic() + 60.0
        while not self.file.exists():
            assert self.scheduler.poll() is None and time.monotonic() < limit, "the scheduler does not start"
            time.sleep(0.05)
        options = ("--no-dashboard", "--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        self.workers = [self._start("dask_worker", *options) for _ in range(workers)]

    def _start(self, name: str, *options: str) -> subprocess.Popen:
        module = f"distributed.cli.{name}"
        command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--scheduler-file", str(self.file), *options]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def address(self) -> str:
        import json

        return json.loads(self.file.read_text())["address"]

    def wait_for_work(self, number: int) -> bool:
        """Whether a worker has begun a batch within a while."""
        limit = time.monotonic() + 60.0
        while time.monotonic() < limit:
            if psutil.Process(self.workers[number].pid).children():
                return True
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def dask(folder: Path, workers: int) -> Iterator[Dask]:
    """A running scheduler with its workers; nothing of it runs any more afterwards."""
    folder.mkdir()
    cluster = Dask(folder, workers)
    try:
        yield cluster
    finally:
        cluster.stop()
