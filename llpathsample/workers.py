"""Batches of connections as `lloptim connect` processes: a crash stays in its batch."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from llcommon import trust
from llcommon.config import fingerprint
from llcommon.errors import InputError, Interrupted, NothingFound, OutputError, Stopped
from llcommon.settings import settings_to_tables
from llcommon.store import Landscape, read_landscape, replace_file, write_landscape

_DONE = (0, NothingFound.exit_code)
# A signal to the whole group reaches a child too, perhaps before the growth itself knows of it.
_STOPPED = (Stopped.exit_code, Interrupted.exit_code, -signal.SIGTERM, -signal.SIGUSR1, -signal.SIGINT)
_MOST_RESTARTS = 3
_TERMINATE_SECONDS = 10.0


@dataclass(frozen=True)
class Batch:
    """Pairs for one process. pairs: (minimum, minimum, attempt), ids of the growing landscape."""

    number: int
    pairs: list[tuple[int, int, int]]

    def name(self, landscape: Landscape) -> str:
        """A name that no batch of other points or settings shares: a result is only used for what it is of."""
        ends = [landscape.minimum(i).coordinates.tolist() for pair in self.pairs for i in pair[:2]]
        attempts = [pair[2] for pair in self.pairs]
        settings = settings_to_tables(landscape.settings)
        return f"{self.number:07d}-{fingerprint([ends, attempts, settings, landscape.fingerprint])[:16]}"


@dataclass(frozen=True)
class BatchResult:
    """The landscape that a batch yielded, or None and the reason."""

    landscape: Landscape | None
    reason: str = ""


@dataclass
class Workers:
    """Runs batches in child processes, `jobs` at a time, with files in `folder`.

    A batch's input is a small landscape of its own minima, so children neither read nor depend on the
    database that grows meanwhile. A result that exists is used, not computed again.
    """

    folder: Path
    jobs: int
    pool: ThreadPoolExecutor = field(init=False)
    running: set = field(init=False, default_factory=set)
    names: dict[int, str] = field(init=False, default_factory=dict)
    stopping: bool = field(init=False, default=False)
    guard: threading.Lock = field(init=False, default_factory=threading.Lock)  # of stopping and running

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.jobs)

    def _file(self, batch: Batch, kind: str) -> Path:
        return self.folder / f"batch-{self.names[batch.number]}.{kind}"

    def submit(self, landscape: Landscape, batch: Batch) -> Future:
        """A future BatchResult."""
        self.names[batch.number] = batch.name(landscape)
        result = self._file(batch, "result.h5")
        if not result.exists():
            self._write_input(landscape, batch)
        return self.pool.submit(self._run, batch)

    def _write_input(self, landscape: Landscape, batch: Batch) -> None:
        """The batch's minima as a landscape, and its pairs by their numbers there."""
        given = Landscape(landscape.settings, landscape.model, landscape.data)
        numbers: dict[int, int] = {}
        for pair in batch.pairs:
            for minimum_id in pair[:2]:
                if minimum_id not in numbers:
                    numbers[minimum_id] = given.add_minimum(landscape.minimum(minimum_id)).id
        write_landscape(self._file(batch, "input.h5"), given)
        lines = ["minimum_a\tminimum_b\tattempt"]
        lines += [f"{numbers[a]}\t{numbers[b]}\t{attempt}" for a, b, attempt in batch.pairs]
        text = "\n".join(lines) + "\n"
        # Whole at any instant: a child that a killed growth left behind may be about to read it.
        replace_file(self._file(batch, "pairs.tsv"), lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def _run(self, batch: Batch) -> BatchResult:
        """The result of a batch; OutputError if its process cannot work here, as no other could."""
        result = self._file(batch, "result.h5")
        if not result.exists():
            code, said = self._connect(batch)
            if code == OutputError.exit_code:
                raise OutputError(f"a batch of connections could not be made: {said}")
            if code not in _DONE:
                return BatchResult(None, said)
            # Only a complete result carries the name that the next run looks for.
            self._file(batch, "unfinished.h5").replace(result)
        try:
            return BatchResult(read_landscape(result))
        except InputError as error:
            return BatchResult(None, str(error))

    def _arguments(self, batch: Batch) -> list[str]:
        """The command line of lloptim for a batch, without the program."""
        pairs, output = self._file(batch, "pairs.tsv"), self._file(batch, "unfinished.h5")
        files = [str(self._file(batch, "input.h5")), "--pairs", str(pairs), "-o", str(output)]
        # As a part of an array: what a process completed that outlived a killed growth is left as it is.
        leave = ["--trust"] if trust.granted() else []
        return ["connect", *files, "--part", "1/1", "-f", "-j", "1", "-q", *leave]

    def _connect(self, batch: Batch) -> tuple[int, str]:
        """Exit code of the `lloptim connect` that did a batch, and the last line that it said."""
        # -P: what lies in the present folder is not imported in place of a package.
        command = [sys.executable, "-P", "-m", "lloptim", *self._arguments(batch)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        for _ in range(1 + _MOST_RESTARTS):
            with self.guard:
                if self.stopping:
                    return Stopped.exit_code, "stopped"
                child = subprocess.Popen(command, text=True, **pipes)
                self.running.add(child)
            _, said = child.communicate()
            with self.guard:
                self.running.discard(child)
            if child.returncode not in _STOPPED:
                break
        lines = said.strip().splitlines()
        return child.returncode, lines[-1] if lines else f"lloptim ended with code {child.returncode}"

    def forget(self, batch: Batch) -> None:
        """Remove the files of a batch whose result is committed."""
        for kind in ("input.h5", "pairs.tsv", "unfinished.h5", "result.h5"):
            self._file(batch, kind).unlink(missing_ok=True)
        del self.names[batch.number]

    def clear(self) -> None:
        """Remove the files of all batches, also those that a killed growth has left behind."""
        for pattern in ("batch-*", ".batch-*"):
            for file in self.folder.glob(pattern):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop what is running; a stopped batch keeps its finished pairs for the next run."""
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
        self.pool.shutdown(wait=True, cancel_futures=True)
