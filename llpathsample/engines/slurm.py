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
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from llcommon.errors import ConfigError, Stopped
from llpathsample.engines.running import CALL, LOG, OUTCOME, RESULT, Lost, Outcome, Task, file_of

_LOOK_SECONDS = 0.5  # for outcomes, which costs nothing
_ASK_SECONDS = 5.0  # between questions to the controller
_PATIENCE = 300.0  # seconds without an answer
_UNSEEN_SECONDS = 90.0  # that a network file system may hide what a job has written which ended well
_PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
_ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
}
# Any other state, such as SPECIAL_EXIT or REVOKED, leads nowhere.
_UNDER_WAY = {
    "COMPLETING", "CONFIGURING", "PENDING", "REQUEUED", "RESIZING", "RUNNING", "SIGNALING", "STAGE_OUT", "STOPPED",
    "SUSPENDED",
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
    """A job under way.

    number: None before it is submitted, empty if its outcome is there already. state, node: as Slurm said last. ended:
    since when it is not under way any more.
    """

    function: Callable
    task: Task
    number: str | None = None
    future: Future = field(default_factory=Future)
    state: str = "PENDING"
    node: str = ""
    ended: float | None = None


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
        """A future function(task), of a job. It raises Lost; Stopped if Slurm itself does not answer, ConfigError if it
        refuses the job.

        The thread that watches submits it: a controller that keeps silent does not hold up who may be told to stop.
        """
        job = _Job(function, task)
        job.future.set_running_or_notify_cancel()
        with self._guard:
            self._jobs[task.name] = job
        return job.future

    def _submit_waiting(self) -> None:
        """Make jobs of what waits. Raises Lost if Slurm does not answer."""
        for job in self._present():
            if job.number is not None or self._closing.is_set():
                continue
            try:
                job.number = self._number_of(job)
            except ConfigError as error:
                # The others would fare no better.
                for each in self._present():
                    if each.number is None:
                        self._settle(each, error)
                return

    def _number_of(self, job: _Job) -> str:
        """The number of the job of a batch: of one that a killed growth has left, or else a new one."""
        if self._found is None:
            self._found = {batch: number for number, batch, state, _ in self._ask() if state not in _ENDED}
        number = self._found.pop(job.task.name, None)
        if number is not None or file_of(self.folder, job.task.name, OUTCOME).exists():
            return number or ""
        call = file_of(self.folder, job.task.name, CALL)
        call.write_bytes(pickle.dumps((job.function, job.task)))
        return self._sbatch(call, job.task)

    def _sbatch(self, call: Path, task: Task) -> str:
        """The number of a new job that calls what is in a file."""
        python = [sys.executable, "-P", "-m", "llpathsample.engines.slurmjob", str(call.resolve())]
        log = file_of(self.folder, task.name, LOG).resolve()
        own = [f"--job-name={self.name}", f"--comment={task.name}", "--no-requeue", "--ntasks=1", f"--output={log}"]
        command = ["sbatch", "--parsable", *own, *self.options.words(), *self._elsewhere(task.avoid)]
        done = self._run([*command, f"--wrap=exec {shlex.join(python)}"])
        if done.returncode == 0:
            return done.stdout.strip().split(";")[0]
        reason = _last_line(done.stderr)
        if _NO_ANSWER.search(done.stderr):
            raise Lost(reason)
        raise ConfigError(f"sbatch refuses the job of a batch: {reason}")

    def _run(self, command: list[str]) -> subprocess.CompletedProcess:
        """How a command of Slurm ended. Raises Lost if it does not, or not soon when the growth ends."""
        begin = time.monotonic()
        with subprocess.Popen(command, text=True, errors="replace", **_PIPES) as process:
            while True:
                try:
                    said, complaint = process.communicate(timeout=_LOOK_SECONDS)
                    return subprocess.CompletedProcess(command, process.returncode, said, complaint)
                except subprocess.TimeoutExpired:
                    limit = _ASK_SECONDS if self._closing.is_set() else _PATIENCE
                    if time.monotonic() - begin > limit:
                        process.kill()
                        process.communicate()
                        raise Lost(f"{command[0]} does not end") from None

    def _elsewhere(self, avoid: str) -> list[str]:
        """The option to avoid a node, if there is another."""
        if not avoid:
            return []
        partition = [f"--partition={self.options.partition}"] if self.options.partition else []
        done = self._run(["sinfo", "-h", "-N", "-o", "%N|%T", *partition])
        nodes = [line.split("|") for line in done.stdout.splitlines() if "|" in line]
        others = [name for name, state in nodes if name != avoid and state.rstrip("*~#!%$@^-+") in _USABLE]
        return [f"--exclude={avoid}"] if others and avoid in (name for name, _ in nodes) else []

    def _ask(self) -> list[tuple[str, str, str, str]]:
        """Number, batch, state and node of our jobs. Raises Lost if Slurm does not answer."""
        command = ["squeue", "-h", "-t", "all", "-u", getpass.getuser(), "-n", self.name, "-o", "%i|%k|%T|%N"]
        done = self._run(command)
        if done.returncode:
            raise Lost(_last_line(done.stderr))
        rows = [line.split("|") for line in done.stdout.splitlines()]
        return [tuple(row) for row in rows if len(row) == 4]

    # --- watching ---------------------------------------------------------------------

    def _watch_jobs(self) -> None:
        """Until the growth ends: whatever goes wrong here, no future may be left to wait for ever."""
        asked = -_ASK_SECONDS
        well = True
        while not self._closing.wait(_LOOK_SECONDS):
            due = time.monotonic() - asked > _ASK_SECONDS
            try:
                self._look_for_outcomes()
                if well or due:
                    self._submit_waiting()
                if due:
                    asked = time.monotonic()
                    self._look_for_losses()
                    self._heard = time.monotonic()
                well = True
            except Exception as error:  # noqa: BLE001 (nobody else would hear of it)
                well = False
                asked = time.monotonic() if due else asked
                self._endure(error)

    def _endure(self, error: Exception) -> None:
        """Bear that controller or folder do not answer, for a while; then all jobs end in Stopped."""
        if time.monotonic() - self._heard > _PATIENCE:
            reason = str(error) or type(error).__name__
            end = _no_answer() if isinstance(error, Lost) else Stopped(f"stopped, as jobs cannot be watched ({reason})")
            for job in self._present():
                self._settle(job, end)

    def _present(self) -> list[_Job]:
        with self._guard:
            return list(self._jobs.values())

    def _settle(self, job: _Job, outcome: Outcome | BaseException) -> None:
        with contextlib.suppress(OSError):
            file_of(self.folder, job.task.name, OUTCOME).unlink(missing_ok=True)
        with self._guard:
            del self._jobs[job.task.name]
        if isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)

    def _look_for_outcomes(self) -> None:
        """Settle the jobs that have left an outcome. Raises the last OSError of the folder."""
        trouble = None
        for job in self._present():
            try:
                outcome = self._outcome_of(job)
            except OSError as error:
                trouble = error
                continue
            # Who killed the process is known when the job has ended: Slurm, if its wall time was over.
            if outcome is not None and (getattr(outcome, "code", 0) >= 0 or not job.number):
                self._settle(job, outcome)
        if trouble is not None:
            raise trouble

    def _outcome_of(self, job: _Job) -> Outcome | Exception | None:
        """What a job has left in the folder, None if nothing."""
        try:
            content = file_of(self.folder, job.task.name, OUTCOME).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return pickle.loads(content)
        except Exception as error:  # noqa: BLE001 (anything may come of a file that is not whole)
            reason = str(error) or type(error).__name__
            return Lost(f"the outcome of Slurm job {job.number} is damaged ({reason})", job.node)

    def _look_for_losses(self) -> None:
        """Settle the jobs that have ended without an outcome. Raises Lost if Slurm does not answer."""
        jobs = [job for job in self._present() if job.number is not None]
        rows = {number: (state, node) for number, _, state, node in self._ask()} if jobs else {}
        now = time.monotonic()
        for job in jobs:
            job.state, job.node = rows.get(job.number, ("GONE", job.node))
            if job.state in _UNDER_WAY:
                job.ended = None
            elif job.ended is None:
                job.ended = now
        ended = [job for job in jobs if job.ended is not None]
        if ended:
            self._look_anew()
        for job in ended:
            outcome = None if job.state == "TIMEOUT" else self._outcome_of(job)
            if outcome is not None or now - job.ended >= _grace(job.state):
                self._settle(job, outcome or self._end_of(job))

    def _look_anew(self) -> None:
        """Let a network file system forget which files it did not find: what nodes wrote may be there by now."""
        with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(dir=self.folder, prefix=".batch-"):
            pass

    def _end_of(self, job: _Job) -> Outcome | Lost:
        """What became of a job that left no outcome."""
        if file_of(self.folder, job.task.name, RESULT).exists():
            return Outcome(0, "", place=job.node)
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
        left = sum(bool(job.number) for job in self._present())
        if left:
            jobs = "1 Slurm job goes" if left == 1 else f"{left} Slurm jobs go"
            self.notes.append(f"{jobs} on, for when this command is run again; scancel --name={self.name} ends them")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def _grace(state: str) -> float:
    """Seconds that what a job has written may take to be seen here after it is in a state other than under way."""
    if state in ("COMPLETED", "GONE"):
        return _UNSEEN_SECONDS
    return _ASK_SECONDS if state in _ENDED else _PATIENCE


def _no_answer() -> Stopped:
    return Stopped("stopped, as the Slurm controller does not answer")
