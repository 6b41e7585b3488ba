"""Programs as processes that tests start, stop, kill and compare; not a test itself.

Run as a script it is a program whose search commits after every merged result, not every few seconds:
stopping and killing it at any moment then meets a checkpoint in the making. It also asks a Slurm more often.

    python tests/driving.py llgmin run xor.toml
"""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
XOR_CSV = ROOT / "examples" / "xor" / "xor.csv"
IRIS_CSV = ROOT / "examples" / "iris" / "iris.csv"
MARK = "LOSS_LANDSCAPE_TEST"  # in the environment of every process that a test starts, and of its children
PATIENCE = 120.0

XOR = """\
[loss]
model = "mlp"
hidden = [{hidden}]
lambda = 1e-4

[data]
file = "xor.csv"
scaling = "none"

[search]
steps = {steps}
chains = 2

[grow]
batch = {batch}
window = 3
"""


def xor_problem(folder: Path, hidden: int = 2, steps: int = 60, batch: int = 1) -> Path:
    """xor.csv and a settings file for it; the path of the latter."""
    shutil.copy(XOR_CSV, folder)
    path = folder / "xor.toml"
    path.write_text(XOR.format(hidden=hidden, steps=steps, batch=batch), encoding="utf-8")
    return path


def call(name: str, *arguments) -> int:
    """A program in this process; its exit code."""
    program = importlib.import_module(f"{name}.cli").main
    return program([str(argument) for argument in arguments], standalone_mode=False)


def xor_minima(folder: Path, hidden: int = 2) -> Path:
    """A landscape file with the minima that a short search finds."""
    path = folder / "minima.h5"
    assert call("llgmin", "run", xor_problem(folder, hidden), "-o", path, "-j", 1, "-q") == 0
    return path


def connect_here(arguments: list[str], *_):
    """In place of a lloptim process, which takes a second or two to start; one at a time, for a job is global."""
    from llcommon.cli.output import console
    from llpathsample.engines.running import Outcome

    verbosity = console.verbosity
    code = call("lloptim", *arguments)
    console.verbosity = verbosity  # its -q was meant for a process of its own
    return Outcome(code, "connected here", cpu=1.0)


def grow_here(*arguments) -> int:
    """`llpathsample grow` in this process, with the connections that it starts; its exit code."""
    from unittest.mock import patch

    with patch("llpathsample.engines.running.lloptim", connect_here):
        return call("llpathsample", "grow", *arguments, "-j", 1)


class StopAfter:
    """In place of StopRequest: a stop is requested when a command looks for the (calls + 1)-th time."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, *time_limit) -> "StopAfter | bool":
        """A command makes its StopRequest with the time limit, and asks it without."""
        if time_limit:
            return self
        self.left -= 1
        return self.left < 0

    def __enter__(self) -> "StopAfter":
        return self

    def __exit__(self, *failure) -> None:
        pass

    def error(self, state: str) -> Exception:
        from llcommon.errors import Stopped

        return Stopped(state)


def run(name: str, *arguments, cwd: Path, expect: int | None = 0) -> subprocess.CompletedProcess:
    """A program to its end, with its exit code checked unless `expect` is None."""
    command = [sys.executable, "-m", name, *map(str, arguments)]
    result = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=PATIENCE)
    assert expect is None or result.returncode == expect, result.stderr
    return result


def run_together(*commands: tuple, cwd: Path) -> list[subprocess.CompletedProcess]:
    """Several commands (name, argument, ...), two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda command: run(*command, cwd=cwd), commands))


class Started:
    """A running program that commits at every chance."""

    def __init__(self, name: str, *arguments, cwd: Path) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, str(Path(__file__).resolve()), name, *map(str, arguments)]
        # A file, not a pipe: what outlives a killed program would keep a pipe open.
        self.messages = tempfile.TemporaryFile()  # noqa: SIM115 (read when the program has ended)
        self.process = subprocess.Popen(
            command, cwd=cwd, env=_environment(self.mark), stdout=subprocess.DEVNULL, stderr=self.messages
        )

    def wait_for_writes(self, number: int, *places: Path) -> bool:
        """Whether files were written or replaced `number` times before the program ended.

        places: files, and folders whose files count.
        """
        seen = _written(places)
        limit = time.monotonic() + PATIENCE
        while number > 0 and self.process.poll() is None:
            assert time.monotonic() < limit, "nothing is written"
            now = _written(places)
            number -= len(now - seen)
            seen = now
            time.sleep(0.003)
        return number <= 0

    def signal(self, number: int) -> int:
        """Send a signal, unless the program has ended; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE)

    @property
    def said(self) -> str:
        """What it has written to standard error."""
        self.messages.seek(0)
        return self.messages.read().decode()

    def survivors(self) -> list[int]:
        """Ids of the processes that it started, and they, and that still run."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and wanted in _environment_of(entry) and int(entry.name) != self.process.pid:
                found.append(int(entry.name))
        return found

    def workers(self) -> list[int]:
        """Ids of the worker processes among them."""
        found = []
        for number in self.survivors():
            # A process may end between the two looks.
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes():
                    found.append(number)
        return sorted(found)

    def wait_for_survivors(self, seconds: float) -> list[int]:
        """Those that still run after some time at most."""
        limit = time.monotonic() + seconds
        while self.survivors() and time.monotonic() < limit:
            time.sleep(0.05)
        return self.survivors()


@contextmanager
def started(name: str, *arguments, cwd: Path) -> Iterator[Started]:
    """A running program; nothing of it runs any more afterwards."""
    program = Started(name, *arguments, cwd=cwd)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()
        for number in program.survivors():
            os.kill(number, signal.SIGKILL)


def files(folder: Path) -> dict[str, bytes | None]:
    """Content of every file in a folder and below it, None for a folder."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def _environment(mark: str = "1") -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, MARK: mark, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _environment_of(entry: Path) -> bytes:
    """The environment of a process in /proc; empty if it has just ended."""
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def _written(places: tuple[Path, ...]) -> set[tuple]:
    """What is new whenever a file is written."""
    found = set()
    for place in places:
        inside: list[Path] = []
        # A folder may go between the two looks, as a file may.
        with suppress(FileNotFoundError):
            inside = list(place.glob("[!.]*")) if place.is_dir() else [place]
        for file in inside:
            with suppress(FileNotFoundError):
                state = file.stat()
                found.add((file.name, state.st_ino, state.st_mtime_ns))
    return found


def _commit_at_every_chance() -> None:
    import llgmin.search
    import lloptim.commands
    import llpathsample.engines.slurm
    import llpathsample.growth

    for module in (llgmin.search, llpathsample.growth):
        module._LEAST_COMMIT_SECONDS = 0.0
        module._COMMIT_SHARE = 1.0
    lloptim.commands._COMMIT_SECONDS = 0.0
    lloptim.commands._COMMIT_SHARE = 1.0
    llpathsample.engines.slurm._LOOK_SECONDS = 0.1
    llpathsample.engines.slurm._ASK_SECONDS = 0.5


if __name__ == "__main__":
    _commit_at_every_chance()
    importlib.import_module(f"{sys.argv[1]}.cli").main(sys.argv[2:])
