"""Running one batch: a function of its task alone, so that it may be sent to another process or machine.

Nothing numerical is imported here: what waits for a child needs no kernels.
"""

import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from llcommon.errors import Interrupted, NothingFound, Stopped

# Files of a batch in its folder. unfinished: what the process writes; only a complete one is renamed to result.
INPUT, PAIRS, UNFINISHED, RESULT = "input.h5", "pairs.tsv", "unfinished.h5", "result.h5"
KINDS_OF_FILE = (INPUT, PAIRS, UNFINISHED, RESULT)

DONE = (0, NothingFound.exit_code)
# A signal to the whole group reaches a child too, perhaps before the growth itself knows of it.
_STOPPED = (Stopped.exit_code, Interrupted.exit_code, -signal.SIGTERM, -signal.SIGUSR1, -signal.SIGINT)
_MOST_RESTARTS = 3
_TERMINATE_SECONDS = 10.0


@dataclass(frozen=True)
class Task:
    """A batch for whoever runs it. folder, name: where its files lie, and what their names begin with.

    command: of lloptim, with {input} and {pairs} in place of the files. trust: leave to run a user's source.
    """

    name: str
    folder: str
    command: tuple[str, ...]
    trust: bool = False


@dataclass(frozen=True)
class Outcome:
    """How the process of a batch ended: its exit code, and the last line that it said."""

    code: int
    said: str


def file_of(folder: str | Path, name: str, kind: str) -> Path:
    """A file of a batch."""
    return Path(folder) / f"batch-{name}.{kind}"


class Children:
    """The processes that are running here, and whether no more may be started."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen] = set()
        self.stopping = False
        self.guard = threading.Lock()

    def run(self, command: list[str]) -> tuple[int, str]:
        """Exit code of a command and what it wrote to standard error; as if it had stopped once `stop` was called."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with self.guard:
            if self.stopping:
                return Stopped.exit_code, "stopped"
            child = subprocess.Popen(command, text=True, **pipes)
            self.running.add(child)
        _, said = child.communicate()
        with self.guard:
            self.running.discard(child)
        return child.returncode, said

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


_everywhere = Children()
_of_thread = threading.local()


def use_children(children: Children) -> None:
    """Let tasks that run in this thread start their processes there."""
    _of_thread.children = children


def lloptim(arguments: list[str]) -> tuple[int, str]:
    """Exit code of `lloptim` with these arguments, and what it said."""
    # -P: what lies in the present folder is not imported in place of a package.
    command = [sys.executable, "-P", "-m", "lloptim", *arguments]
    return getattr(_of_thread, "children", _everywhere).run(command)


def arguments_of(task: Task) -> list[str]:
    """The command line of lloptim for a task, without the program."""
    files = {kind: str(file_of(task.folder, task.name, kind)) for kind in KINDS_OF_FILE}
    words = [word.format(input=files[INPUT], pairs=files[PAIRS]) for word in task.command]
    leave = ["--trust"] if task.trust else []
    return [*words, "-o", files[UNFINISHED], "-f", "-j", "1", "-q", *leave]


def run_task(task: Task) -> Outcome:
    """Run the batch of a task; its result lies in the folder afterwards if the code is one of DONE."""
    result = file_of(task.folder, task.name, RESULT)
    if result.exists():
        return Outcome(0, "")
    code, said = lloptim(arguments_of(task))
    for _ in range(_MOST_RESTARTS):
        if code not in _STOPPED:
            break
        code, said = lloptim(arguments_of(task))
    if code in DONE:
        # Only a complete result carries the name that the next run looks for.
        file_of(task.folder, task.name, UNFINISHED).replace(result)
    lines = said.strip().splitlines()
    return Outcome(code, lines[-1] if lines else f"lloptim ended with code {code}")
