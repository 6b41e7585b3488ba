"""Running one batch: a function of its task alone, so that it may be sent to another process or machine.

Nothing numerical is imported here: what waits for a child needs no kernels.
"""

import contextlib
import errno
import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from llcommon.errors import Interrupted, NothingFound, Stopped
from llcommon.parallel import die_with_parent

# Files of a batch in its folder. unfinished: what the process writes; only a complete one is renamed to result.
# lock: held by the process as long as it lives, also when the growth that started it does not.
INPUT, PAIRS, UNFINISHED, RESULT, LOCK = "input.h5", "pairs.tsv", "unfinished.h5", "result.h5", "lock"
# call, outcome, log: of a job of a batch system.
CALL, OUTCOME, LOG = "call", "outcome", "log"
KINDS_OF_FILE = (INPUT, PAIRS, UNFINISHED, RESULT, LOCK, CALL, OUTCOME, LOG)

DONE = (0, NothingFound.exit_code)
# A signal to the whole group reaches a child too, perhaps before the growth itself knows of it.
_STOPPED = (Stopped.exit_code, Interrupted.exit_code, -signal.SIGTERM, -signal.SIGUSR1, -signal.SIGINT)
_MOST_RESTARTS = 3
_TERMINATE_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Task:
    """A batch for whoever runs it.

    folder, name: where its files lie, and what their names begin with. command: of lloptim, with {input} and {pairs} in
    place of the files. trust: leave to run a user's source. limit: seconds for the process. contents: of the files,
    for a machine that may not see the folder. avoid: a place where it failed before.
    """

    name: str
    folder: str
    command: tuple[str, ...]
    trust: bool = False
    limit: float | None = None
    contents: dict[str, bytes] = field(default_factory=dict)
    avoid: str = ""


@dataclass(frozen=True)
class Outcome:
    """How the process of a batch ended.

    code: its exit code. said: the last line that it said. late: whether its time was up. place: where it ran.
    contents: what it wrote, of a machine that does not see the folder. cpu: seconds, as well as they can be told from
    those of a process that ended at the same time.
    """

    code: int
    said: str
    late: bool = False
    place: str = ""
    contents: bytes | None = None
    cpu: float = 0.0


class Lost(Exception):
    """Raised by an executor in place of an outcome: whatever ran a task is gone. place: where that was."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.place = place


def file_of(folder: str | Path, name: str, kind: str) -> Path:
    """A file of a batch."""
    return Path(folder) / f"batch-{name}.{kind}"


# --- child processes ------------------------------------------------------------------------------


def _spent_by_children() -> float:
    """CPU seconds of all processes that this one has started and seen ending."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Children:
    """The processes that are running here, and whether no more may be started."""

    def __init__(self) -> None:
        self.prepare: Callable[[], None] | None = None  # what a child calls before it begins
        self.running: set[subprocess.Popen] = set()
        self.stopping = False
        self.guard = threading.Lock()
        self.spent = _spent_by_children()

    def run(self, command: list[str], limit: float | None, held: tuple[int, ...]) -> Outcome:
        """How a command ended; as if it had stopped once `stop` was called.

        limit: seconds after which it is ended. held: file descriptors that it holds open.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with self.guard:
            if self.stopping:
                return Outcome(Stopped.exit_code, "stopped")
            child = subprocess.Popen(
                command, text=True, errors="replace", pass_fds=held, preexec_fn=self.prepare, **pipes
            )
            self.running.add(child)
        for descriptor in held:
            _note_owner(descriptor, child.pid)
        late = False
        try:
            _, said = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            late = True
            said = _end(child)
        with self.guard:
            self.running.discard(child)
            spent = _spent_by_children()
            cpu = spent - self.spent
            self.spent = spent
        return Outcome(child.returncode, said, late, cpu=cpu)

    def stop(self) -> None:
        """Stop what is running; a stopped process keeps its finished pairs for the next run."""
        with self.guard:
            self.stopping = True
            children = list(self.running)
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_TERMINATE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _end(child: subprocess.Popen) -> str:
    """End a process, by force if it does not listen, as one that hangs in a pair does not; what it had said."""
    child.terminate()
    try:
        _, said = child.communicate(timeout=_TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        _, said = child.communicate()
    return said


_everywhere = Children()
_of_thread = threading.local()


def use_children(children: Children) -> None:
    """Let tasks that run in this thread start their processes there."""
    _of_thread.children = children


def stop_children() -> None:
    """Stop what tasks have started in this process, except in threads that have said where."""
    _everywhere.stop()


def children_end_with_us() -> None:
    """Let what tasks start here end with this process, even by kill -9. For a process without other threads."""
    _everywhere.prepare = partial(die_with_parent, os.getpid())


def _children() -> Children:
    return getattr(_of_thread, "children", _everywhere)


def lloptim(arguments: list[str], limit: float | None = None, held: tuple[int, ...] = ()) -> Outcome:
    """How `lloptim` with these arguments ended."""
    # -P: what lies in the present folder is not imported in place of a package.
    command = [sys.executable, "-P", "-m", "lloptim", *arguments]
    return _children().run(command, limit, held)


# --- one process at a batch -----------------------------------------------------------------------


def _note_owner(descriptor: int, number: int) -> None:
    """Write into a lock which process of which machine holds it."""
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{number} {socket.gethostname()}\n".encode(), 0)


def _end_owner(descriptor: int) -> None:
    """Kill the process that holds a lock, if it is of this machine."""
    words = os.pread(descriptor, 300, 0).decode(errors="replace").split()
    if len(words) == 2 and words[0].isdigit() and words[1] == socket.gethostname():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(words[0]), signal.SIGKILL)


@contextlib.contextmanager
def _alone(task: Task, folder: Path) -> Iterator[int | None]:
    """The lock of a batch, once a process that a killed growth left behind has finished it; None if told to stop."""
    with open(file_of(folder, task.name, LOCK), "a+b") as stream:
        descriptor = stream.fileno()
        begin = time.monotonic()
        while not _children().stopping:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if task.limit is not None and time.monotonic() - begin > task.limit:
                    _end_owner(descriptor)
                time.sleep(_LOOK_SECONDS)
                continue
            except OSError as error:
                # A network file system without locks: at worst a batch is done twice, with the same result.
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                    raise
            yield descriptor
            return
        yield None


# --- a task ---------------------------------------------------------------------------------------


def _sees_folder(task: Task) -> bool:
    """Whether the files of a task are here: on the machine that wrote them, or one that shares its file system."""
    if not task.contents:
        return True
    # A process that was left behind may be writing what is unfinished.
    given = {kind: text for kind, text in task.contents.items() if kind != UNFINISHED}
    try:
        return all(file_of(task.folder, task.name, kind).read_bytes() == text for kind, text in given.items())
    except OSError:
        return False


def run_task(task: Task) -> Outcome:
    """Run the batch of a task, in its folder if that is seen from here, else in one that lasts as long as this."""
    if _sees_folder(task):
        return _run_in(Path(task.folder), task)
    with tempfile.TemporaryDirectory(prefix="llpathsample-") as folder:
        for kind, text in task.contents.items():
            file_of(folder, task.name, kind).write_bytes(text)
        outcome = _run_in(Path(folder), task)
        written = file_of(folder, task.name, RESULT if outcome.code in DONE else UNFINISHED)
        return replace(outcome, contents=written.read_bytes() if written.exists() else None)


def arguments_of(task: Task, folder: str | Path) -> list[str]:
    """The command line of lloptim for a task, without the program."""
    files = {kind: str(file_of(folder, task.name, kind)) for kind in KINDS_OF_FILE}
    words = [{"{input}": files[INPUT], "{pairs}": files[PAIRS]}.get(word, word) for word in task.command]
    leave = ["--trust"] if task.trust else []
    return [*words, "-o", files[UNFINISHED], "-f", "-j", "1", "-q", *leave]


def _run_in(folder: Path, task: Task) -> Outcome:
    """Run a batch whose files lie in a folder; its result lies there afterwards if the code is one of DONE."""
    place = socket.gethostname()
    with _alone(task, folder) as lock:
        if lock is None:
            return Outcome(Stopped.exit_code, "stopped", place=place)
        result = file_of(folder, task.name, RESULT)
        if result.exists():
            return Outcome(0, "", place=place)
        cpu = 0.0
        for _ in range(1 + _MOST_RESTARTS):
            outcome = lloptim(arguments_of(task, folder), task.limit, (lock,))
            cpu += outcome.cpu
            if outcome.late or outcome.code not in _STOPPED:
                break
        if outcome.code in DONE:
            # Only a complete result carries the name that the next run looks for.
            file_of(folder, task.name, UNFINISHED).replace(result)
    lines = outcome.said.strip().splitlines()
    said = lines[-1] if lines else _described(outcome.code)
    if outcome.late:
        said = f"not done within {task.limit:g} s"
    return replace(outcome, said=said, place=place, cpu=cpu)


def _described(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"lloptim was ended by {signal.Signals(-code).name}"
    return f"lloptim ended with code {code}"
