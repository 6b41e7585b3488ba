"""Slurm as an engine: one job a batch, through sbatch and squeue alone.

The batch folder must be seen by the nodes. A job finds there what it shall call and leaves there what came of it, so a
growth that was killed finds its jobs again: by their name, which is that of the folder, and the batch in their comment.
Jobs are not requeued by Slurm, for trying again is our business.
"""

import contextlib
import getpass
import hashlib
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from llcommon.errors import ConfigError, Stopped
from llpathsample.engines.running import CALL, LOG, OUTCOME, Lost, Outcome, Task, file_of

_LOOK_SECONDS = 0.5  # for outcomes, which costs nothing
_ASK_SECONDS = 5.0  # between questions to the controller
_PATIENCE = 300.0  # seconds without an answer
_ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
}
_USABLE = ("idle", "mixed", "mix", "allocated", "alloc", "completing")
# What the controller's absence is called; anything else that sbatch says is a wrong option.
_NO_ANSWER = re.compile(r"contact slurm controller|timed out|connect failure|connection refused", re.IGNORECASE)


@dataclass(frozen=True)
class SlurmOptions:
    """What sbatch is told besides: partition, wall time and account as it takes them; other options word by word."""

    partition: str | None = None
    time: str | None = None
    account: str | None = None
    others: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """Options of sbatch."""
        named = {"partition": self.partition, "time": self.time, "account": self.account}
        return [f"--{name}={value}" for name, value in named.items() if value] + list(self.others)


@dataclass
class _Job:
    """A job under way. state, node: as Slurm said last. gone: how often it was not under way any more."""

    number: str
    task: Task
    future: Future = field(default_factory=Future)
    state: str = "PENDING"
    node: str = ""
    gone: int = 0


class SlurmExecutor:
    """The `concurrent.futures` interface to Slurm, for batches whose files lie in `folder`."""

    def __init__(self, folder: Path, options: SlurmOptions) -> None:
        if shutil.which("sbatch") is None or shutil.which("squeue") is None:
            raise ConfigError("sbatch and squeue are not found; use --slurm on a machine that has Slurm's commands")
        self.folder = folder
        self.options = options
        self.name = "ll-" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        self.notes: list[str] = []
        self._jobs: dict[str, _Job] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._heard = time.monotonic()
        self._found: dict[str, str] | None = None  # jobs of a killed growth: number by name of the batch
        self._watch = threading.Thread(target=self._watch_jobs, daemon=True)
        self._watch.start()

    # --- submitting -------------------------------------------------------------------

    def submit(self, function: Callable, task: Task) -> Future:
        """A future function(task), of a job. It raises Lost, or Stopped if Slurm itself does not answer."""
        if self._found is None:
            self._found = {batch: number for number, batch, state, _ in self._ask() if state not in _ENDED}
        number = self._found.pop(task.name, None)
        outcome = file_of(self.folder, task.name, OUTCOME)
        if number is None and not outcome.exists():
            call = file_of(self.folder, task.name, CALL)
            call.write_bytes(pickle.dumps((function, task)))
            number = self._sbatch(call, task)
        job = _Job(number or "", task)
        job.future.set_running_or_notify_cancel()
        with self._guard:
            self._jobs[task.name] = job
        return job.future

    def _sbatch(self, call: Path, task: Task) -> str:
        """The number of a new job that calls what is in a file."""
        python = [sys.executable, "-P", "-m", "llpathsample.engines.slurmjob", str(call.resolve())]
        log = file_of(self.folder, task.name, LOG).resolve()
        own = [f"--job-name={self.name}", f"--comment={task.name}", "--no-requeue", "--ntasks=1", f"--output={log}"]
        command = ["sbatch", "--parsable", *own, *self.options.words(), *self._elsewhere(task.avoid)]
        command.append(f"--wrap=exec {shlex.join(python)}")
        begin = time.monotonic()
        while True:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                return done.stdout.strip().split(";")[0]
            if not _NO_ANSWER.search(done.stderr):
                raise ConfigError(f"sbatch refuses the job of a batch: {_last_line(done.stderr)}")
            if time.monotonic() - begin > _PATIENCE or self._closing.wait(_ASK_SECONDS):
                raise _no_answer()

    def _elsewhere(self, avoid: str) -> list[str]:
        """The option to avoid a node, if there is another."""
        if not avoid:
            return []
        partition = [f"--partition={self.options.partition}"] if self.options.partition else []
        done = subprocess.run(["sinfo", "-h", "-N", "-o", "%N|%T", *partition], capture_output=True, text=True)
        nodes = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
        others = [name for name, state in nodes if name != avoid and state.rstrip("*~#!%$@^-+") in _USABLE]
        return [f"--exclude={avoid}"] if others and avoid in (name for name, _ in nodes) else []

    def _ask(self) -> list[tuple[str, str, str, str]]:
        """Number, batch, state and node of our jobs. Raises Lost if Slurm does not answer."""
        command = ["squeue", "-h", "-t", "all", "-u", getpass.getuser(), "-n", self.name, "-o", "%i|%k|%T|%N"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Lost(_last_line(done.stderr))
        rows = [line.split("|") for line in done.stdout.splitlines()]
        return [tuple(row) for row in rows if len(row) == 4]

    # --- watching ---------------------------------------------------------------------

    def _watch_jobs(self) -> None:
        asked = 0.0
        while not self._closing.wait(_LOOK_SECONDS):
            self._look_for_outcomes()
            if time.monotonic() - asked > _ASK_SECONDS:
                self._look_for_losses()
                asked = time.monotonic()

    def _present(self) -> list[_Job]:
        with self._guard:
            return list(self._jobs.values())

    def _settle(self, job: _Job, outcome: Outcome | BaseException) -> None:
        file_of(self.folder, job.task.name, OUTCOME).unlink(missing_ok=True)
        with self._guard:
            del self._jobs[job.task.name]
        if isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)

    def _look_for_outcomes(self) -> None:
        for job in self._present():
            outcome = self._outcome_of(job)
            # Who killed the process is known when the job has ended: Slurm, if its wall time was over.
            if outcome is not None and (getattr(outcome, "code", 0) >= 0 or not job.number):
                self._settle(job, outcome)

    def _outcome_of(self, job: _Job) -> Outcome | Exception | None:
        """What a job has left in the folder, None if nothing."""
        file = file_of(self.folder, job.task.name, OUTCOME)
        return pickle.loads(file.read_bytes()) if file.exists() else None

    def _look_for_losses(self) -> None:
        """Settle the jobs that have ended without an outcome."""
        jobs = self._present()
        try:
            rows = {number: (state, node) for number, _, state, node in self._ask()} if jobs else {}
            self._heard = time.monotonic()
        except Lost:
            if time.monotonic() - self._heard > _PATIENCE:
                for job in jobs:
                    self._settle(job, _no_answer())
            return
        for job in jobs:
            job.state, job.node = rows.get(job.number, ("GONE", job.node))
            if job.state in _ENDED or job.state == "GONE":
                # What a node wrote may be seen here a little later.
                job.gone += 1
                outcome = None if job.state == "TIMEOUT" else self._outcome_of(job)
                if outcome is not None or job.gone > 1:
                    self._settle(job, outcome or self._end_of(job))

    def _end_of(self, job: _Job) -> Outcome | Lost:
        if job.state == "TIMEOUT":
            said = f"Slurm job {job.number} came to its wall time"
            return Outcome(-signal.SIGTERM, said, late=True, place=job.node)
        said = ""
        with contextlib.suppress(OSError):
            said = _last_line(file_of(self.folder, job.task.name, LOG).read_text(errors="replace"))
        what = "is gone" if job.state == "GONE" else f"ended as {job.state}"
        return Lost(f"Slurm job {job.number} {what}" + (f": {said}" if said else ""), job.node)

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """Leave the jobs to themselves: the next growth finds them again."""
        self._closing.set()
        self._watch.join()
        left = len(self._jobs)
        if left:
            jobs = "1 Slurm job goes" if left == 1 else f"{left} Slurm jobs go"
            self.notes.append(f"{jobs} on, for when this command is run again; scancel --name={self.name} ends them")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def _no_answer() -> Stopped:
    return Stopped("stopped, as the Slurm controller does not answer")
