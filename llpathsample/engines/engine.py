"""Batches under way: submitted to an executor, and what became of them."""

from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

from llcommon import trust
from llcommon.errors import InputError, OutputError
from llcommon.store import Landscape, read_landscape
from llpathsample.engines.batch import Batch, command_of, forget_files, write_input
from llpathsample.engines.running import DONE, RESULT, Outcome, Task, file_of, run_task


@dataclass(frozen=True)
class BatchResult:
    """The landscape that a batch yielded, or None and the reason."""

    landscape: Landscape | None
    reason: str = ""


class UnderWay:
    """A batch that was submitted. result: what it yielded, None until it is done."""

    def __init__(self, batch: Batch, name: str) -> None:
        self.batch = batch
        self.name = name
        self.result: BatchResult | None = None


class Engine:
    """Runs batches by an executor (anything with the interface of `concurrent.futures`), with files in `folder`.

    A result that exists is used, not computed again.
    """

    def __init__(self, folder: Path, executor) -> None:
        self.folder = folder
        self.executor = executor
        self._running: dict[Future, UnderWay] = {}

    def submit(self, landscape: Landscape, batch: Batch) -> UnderWay:
        """Start a batch of pairs of the landscape."""
        way = UnderWay(batch, batch.name(landscape))
        if not file_of(self.folder, way.name, RESULT).exists():
            write_input(self.folder, way.name, landscape, batch)
        task = Task(way.name, str(self.folder), tuple(command_of(batch)), trust.granted())
        self._running[self.executor.submit(run_task, task)] = way
        return way

    def advance(self, seconds: float) -> None:
        """Wait until something ends, so long at most, and see to all that has ended.

        OutputError if a process cannot work here, as no other could.
        """
        ended, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in ended:
            way = self._running.pop(future)
            way.result = self._result_of(way, future.result())

    def _result_of(self, way: UnderWay, outcome: Outcome) -> BatchResult:
        if outcome.code == OutputError.exit_code:
            raise OutputError(f"a batch of connections could not be made: {outcome.said}")
        if outcome.code not in DONE:
            return BatchResult(None, outcome.said)
        try:
            return BatchResult(read_landscape(file_of(self.folder, way.name, RESULT)))
        except InputError as error:
            return BatchResult(None, str(error))

    def forget(self, way: UnderWay) -> None:
        """Remove the files of a batch whose result is committed."""
        forget_files(self.folder, way.name)

    def clear(self) -> None:
        """Remove the files of all batches, also those that a killed growth has left behind."""
        for pattern in ("batch-*", ".batch-*"):
            for file in self.folder.glob(pattern):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop what is running; a stopped batch keeps its finished pairs for the next run."""
        self.executor.shutdown(wait=True, cancel_futures=True)
