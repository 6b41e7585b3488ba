"""Batches under way: submitted to an executor, and what is done when one fails.

A batch whose process is killed, crashes or takes too long is run once more, elsewhere if the executor has another
place, and goes on after the pairs that its file holds. If that fails too, each of the pairs that are left gets
a process of its own: so only a pair that is fatal itself is lost, and is marked with the status of its failure.
What cannot even begin, there and elsewhere, ends the growth, for no other batch would fare better.
"""

from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from llcommon import trust
from llcommon.errors import NO_MEMORY, InputError, LandscapeError, OutputError
from llcommon.status import Status
from llcommon.store import Landscape, read_landscape, replace_file
from llpathsample.engines.batch import CONNECT, Batch, command_of, forget_files, write_input
from llpathsample.engines.running import DONE, RESULT, UNFINISHED, Lost, Outcome, Task, file_of, run_task

_TRIES = 2
# Exit codes that speak of files and settings, not of pairs.
_REFUSALS = {error.exit_code: error for error in (OutputError, InputError)}


@dataclass(frozen=True)
class Failure:
    """Why a process yielded nothing. place: where it ran, if that is known."""

    status: Status
    reason: str
    place: str = ""


@dataclass(frozen=True)
class BatchResult:
    """What a batch yielded: landscapes to be merged in this order, and the pairs that failed for good.

    cpu: seconds of its processes, measured: to be reported, never to decide anything.
    """

    landscapes: list[Landscape]
    failures: list[tuple[tuple[int, int, int], Failure]] = field(default_factory=list)
    cpu: float = 0.0


class _Piece:
    """Pairs for one process: a whole batch, or one pair of it. tries: that are left."""

    def __init__(self, batch: Batch, name: str, tries: int) -> None:
        self.batch = batch
        self.name = name
        self.tries = tries
        self.landscape: Landscape | None = None
        self.failure: Failure | None = None

    @property
    def done(self) -> bool:
        return self.landscape is not None or self.failure is not None


class UnderWay:
    """A batch that was submitted. result: what it yielded, None until it is done."""

    def __init__(self, batch: Batch, landscape: Landscape, name: str) -> None:
        self.batch = batch
        self.landscape = landscape
        self.pieces = [_Piece(batch, name, _TRIES)]
        self.names = [name]
        self.finished: Landscape | None = None  # pairs that a process finished before it failed
        self.result: BatchResult | None = None
        self.cpu = 0.0
        self.refusals = 0

    @property
    def in_vain(self) -> bool:
        """Whether it is done, and of each pair the process failed in another way than by its time."""
        failures = [] if self.result is None else self.result.failures
        return len(failures) == len(self.batch.pairs) and all(
            failure.status is Status.JOB_FAILED for _, failure in failures
        )

    def conclude(self) -> None:
        """Set the result if all pieces are done."""
        if all(piece.done for piece in self.pieces):
            found = [self.finished, *(piece.landscape for piece in self.pieces)]
            failures = [(piece.batch.pairs[0], piece.failure) for piece in self.pieces if piece.failure]
            self.result = BatchResult([part for part in found if part is not None], failures, self.cpu)


class Engine:
    """Runs batches by an executor (anything with the interface of `concurrent.futures`), with files in `folder`.

    limit: seconds that one process may take, None for any. notes: what was run again, for the user.
    A result that exists is used, not computed again.
    """

    def __init__(self, folder: Path, executor, limit: float | None = None) -> None:
        self.folder = folder
        self.executor = executor
        self.limit = limit
        self.notes: list[str] = []
        self._running: dict[Future, tuple[UnderWay, _Piece]] = {}

    def submit(self, landscape: Landscape, batch: Batch) -> UnderWay:
        """Start a batch of pairs of the landscape."""
        way = UnderWay(batch, landscape, batch.name(landscape))
        self._start(way, way.pieces[0])
        return way

    def _start(self, way: UnderWay, piece: _Piece, avoid: str = "") -> None:
        piece.tries -= 1
        if file_of(self.folder, piece.name, RESULT).exists():
            known: Future = Future()
            known.set_result(Outcome(0, ""))
            self._running[known] = way, piece
            return
        minima = write_input(self.folder, piece.name, way.landscape, piece.batch)
        command = tuple(command_of(piece.batch, minima))
        task = Task(piece.name, str(self.folder), command, trust.granted(), self.limit, avoid=avoid)
        self._running[self.executor.submit(run_task, task)] = way, piece

    def advance(self, seconds: float) -> None:
        """Wait until something ends, so long at most, and see to all that has ended.

        OutputError or InputError if a batch cannot even begin, nor when it is run again; what an executor says has come
        to an end.
        """
        ended, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in ended:
            way, piece = self._running.pop(future)
            failure = self._take(way, piece, future)
            if failure is not None:
                self._fail(way, piece, failure)
            way.conclude()

    def _take(self, way: UnderWay, piece: _Piece, future: Future) -> Failure | None:
        """Read what a process yielded; or why it did not."""
        try:
            outcome = future.result()
        except (Lost, BrokenExecutor, OSError, MemoryError, EOFError) as error:
            # Also what the machine refuses that runs the task: a process, a temporary folder, a file of the network.
            return Failure(Status.JOB_FAILED, str(error) or type(error).__name__, getattr(error, "place", ""))
        way.cpu += outcome.cpu
        self._bring(piece, outcome)
        if outcome.code in _REFUSALS and not self._is_of_pairs(way, piece, outcome):
            way.refusals += 1
            if way.refusals > 1:
                raise _REFUSALS[outcome.code](f"a batch of connections could not be made: {outcome.said}")
            piece.tries += 1  # it says nothing of the pairs
        if outcome.code not in DONE:
            status = Status.TIME_LIMIT if outcome.late else Status.JOB_FAILED
            return Failure(status, outcome.said, outcome.place)
        try:
            piece.landscape = read_landscape(file_of(self.folder, piece.name, RESULT), data=way.landscape.data)
        except InputError as error:
            file_of(self.folder, piece.name, RESULT).unlink(missing_ok=True)
            return Failure(Status.JOB_FAILED, str(error), outcome.place)
        return None

    def _is_of_pairs(self, way: UnderWay, piece: _Piece, outcome: Outcome) -> bool:
        """Whether what was refused may be the fault of a pair: its memory, or a user's loss that fails on the way."""
        if NO_MEMORY in outcome.said:
            return True
        return outcome.code == InputError.exit_code and self._finished(way, piece)[0] is not None

    def _bring(self, piece: _Piece, outcome: Outcome) -> None:
        """Put what comes from a machine that does not see the folder into it."""
        content = outcome.contents
        if content is not None:
            kind = RESULT if outcome.code in DONE else UNFINISHED
            path = file_of(self.folder, piece.name, kind)
            replace_file(path, lambda temporary: temporary.write_bytes(content))

    def _fail(self, way: UnderWay, piece: _Piece, failure: Failure) -> None:
        """Run a piece again, or pair by pair, or give it up."""
        what = f"batch {piece.batch.number}"
        if piece.tries:
            self.notes.append(f"{what} is run again: {failure.reason}")
            self._start(way, piece, failure.place)
        elif len(piece.batch.pairs) > 1:
            self.notes.append(f"{what} is run pair by pair: {failure.reason}")
            self._split(way, piece, failure.place)
        else:
            piece.failure = failure

    def _split(self, way: UnderWay, piece: _Piece, avoid: str) -> None:
        """Keep the pairs that a process finished, and give each other one a process of its own."""
        way.finished, count = self._finished(way, piece)
        way.pieces = []
        for pair in piece.batch.pairs[count:]:
            batch = piece.batch.alone(pair)
            way.pieces.append(_Piece(batch, batch.name(way.landscape), 1))
        way.names += [each.name for each in way.pieces]
        for each in way.pieces:
            self._start(way, each, avoid)

    def _finished(self, way: UnderWay, piece: _Piece) -> tuple[Landscape | None, int]:
        """What a failed process had stored, and how many of the first pairs are done with that."""
        try:
            stored = read_landscape(file_of(self.folder, piece.name, UNFINISHED), data=way.landscape.data)
        except LandscapeError:
            return None, 0
        # Searches around minima tell of single pushes: their points are kept, and all minima are pushed again.
        done = stored.search.state["outcomes"] if stored.search is not None and piece.batch.kind == CONNECT else []
        return stored, len(done)

    def forget(self, way: UnderWay) -> None:
        """Remove the files of a batch whose result is committed."""
        for name in way.names:
            forget_files(self.folder, name)

    def clear(self) -> None:
        """Remove the files of all batches, also those that a killed growth has left behind."""
        for pattern in ("batch-*", ".batch-*"):
            for file in self.folder.glob(pattern):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop what is running; a stopped batch keeps its finished pairs for the next run."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.notes += getattr(self.executor, "notes", [])
