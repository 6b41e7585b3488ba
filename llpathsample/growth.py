"""MAIN PATH of llpathsample: grow the network until nothing is left to try, or a rule says that it is enough.

A window of batches is always chosen ahead: batch k is chosen when the results of all batches up to
k - window are merged, and results are merged in the order of the batches. So what is chosen does not depend on
how many processes work or which is fastest, and the landscape has the same bits at any -j. The batches
in the window belong to the checkpoint: a killed run goes on with the very same ones.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from llcommon.config import table_of
from llcommon.errors import OutputError, Stopped
from llcommon.status import Status
from llcommon.store import Landscape, SearchState, write_landscape
from llpathsample.engines.batch import CONNECT, SADDLE, Batch, batch_of
from llpathsample.engines.engine import BatchResult, Engine, UnderWay
from llpathsample.growing import GrowingNetwork
from llpathsample.stopping import Stopping
from llpathsample.strategies import strategy_of
from llpathsample.yields import cost_of

_LEAST_COMMIT_SECONDS = 1.0
_COMMIT_SHARE = 0.05
# As many batches that all fail at the beginning of a run, of as many pairs, are no matter of their pairs.
_FIRST = 3


class Lock:
    """The right to grow one landscape file, as a context manager; it ends with the process, however that ends.

    It is made before the landscape is read and entered afterwards: then the file must be as it was. The folder for
    batches comes with it, and goes with it unless batches are left there.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self.folder = batch_folder(database)
        self.file = self.folder / "lock"
        self.state = _state_of(database)

    def __enter__(self) -> "Lock":
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "not possible").lower()
            raise OutputError(f"the folder {self.folder} for batches cannot be made ({reason})") from error
        try:
            self._stream = open(self.file, "w")  # noqa: SIM115 (held until __exit__)
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last owner removes the file: a lock on a removed one would keep nobody out.
            mine = os.path.samestat(os.fstat(self._stream.fileno()), os.stat(self.file))
            if not mine or _state_of(self.database) != self.state:
                raise BlockingIOError(errno.EWOULDBLOCK, "taken")
        except (BlockingIOError, FileNotFoundError) as error:
            message = f"another llpathsample grow is working on {self.database}; wait for it and run this again"
            raise OutputError(message) from error
        except OSError as error:
            reason = (error.strerror or "not possible").lower()
            raise OutputError(f"the folder {self.folder} for batches cannot be used ({reason})") from error
        return self

    def __exit__(self, *failure) -> None:
        self.file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        self._stream.close()


def _state_of(file: Path) -> tuple | None:
    """What changes whenever a file is replaced; None without a file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def batch_folder(database: Path) -> Path:
    """Where the batches of a growing landscape lie while it grows."""
    return database.with_name(f"{database.name}.batches")


class Growth:
    """Grows a landscape in a file."""

    def __init__(self, landscape: Landscape, database: Path, executor, limit: float | None = None) -> None:
        """landscape: as read from `database`, or new; with the checkpoint of a stopped growth, if there is one.

        executor: what runs the batches, with the interface of `concurrent.futures`; it is shut down by `run`. limit:
        seconds that one process may take.
        """
        self.landscape = landscape
        self.database = database
        self._seen = _state_of(database)  # as this growth, or what it begins with, has left it
        self.settings = landscape.settings.grow
        self.network = GrowingNetwork(landscape)
        self.strategy = strategy_of(self.network)
        self.stopping = Stopping(self.network)
        self.labels: dict[int, str] = {}  # of the batches in the window: which strategy chose them
        self.engine = Engine(batch_folder(database), executor, limit)
        self.window: list[UnderWay] = []
        self.chosen: list[Batch] = []  # not submitted yet; at first by the stopped growth
        self.merged: list[UnderWay] = []  # merged, not committed
        self.next_number = 0
        self.pairs_tried = 0
        self.failures: list[str] = []
        self.lost: str | None = None  # why the engine could not go on
        self._sound = False  # whether a process of this run has done what it should
        self._in_vain = 0  # pairs that were merged before
        self._last_commit = 0.0
        self._commit_seconds = 0.0
        search = landscape.search
        if search is not None and search.state.get("kind") == "grow":
            self.next_number = search.state["next_number"]
            self.pairs_tried = search.state["pairs_tried"]
            self.chosen = [batch_of(state) for state in search.state["window"]]
            self._restore(search.state)

    def _restore(self, state: dict) -> None:
        """What strategy and rules remember, unless they are others now; older checkpoints lack it."""
        labels = state.get("labels", [self.settings.strategy] * len(self.chosen))
        self.labels = {batch.number: label for batch, label in zip(self.chosen, labels, strict=True)}
        if state.get("grow") == table_of(self.settings):
            self.strategy.restore(state["strategy"])
            self.network.yields.restore(state["yields"])
            self.stopping.restore(state["stopping"])

    def _submit(self) -> None:
        """Submit what was chosen; each batch is in the checkpoint at any time, whatever becomes of the engine."""
        while self.chosen:
            self.window.append(self.engine.submit(self.landscape, self.chosen[0]))
            self.chosen.pop(0)

    def _choose(self) -> Batch | None:
        """The next batch, or None if there is nothing to try now."""
        most = self.settings.batch
        if self.settings.budget:
            most = min(most, self.settings.budget - self.pairs_tried)
        busy = {(pair[0], pair[1]) for way in self.window for pair in way.batch.pairs}
        self.network.update()
        enough = most <= 0 or self.stopping.reason is not None
        choices = [] if enough else self.strategy.choose(most, busy)
        if not choices:
            return None
        batch = self.strategy.batch(self.next_number, choices)
        self.labels[batch.number] = self.strategy.label
        self.next_number += 1
        self.pairs_tried += len(batch.pairs)
        return batch

    def ended_by(self) -> str:
        """Why there is nothing more to choose."""
        if self.stopping.reason is not None:
            return self.stopping.reason
        if self.settings.budget and self.pairs_tried >= self.settings.budget:
            return "budget"
        return self.strategy.end()

    def _merge(self, batch: Batch, result: BatchResult) -> None:
        """Add what a batch found, and note what the strategy that chose it has yielded by it."""
        minima, states = len(self.landscape.minima), len(self.landscape.transition_states)
        components = self.network.components()
        counters: dict[str, int] = {}
        for found in result.landscapes:
            for name, number in found.counters.items():
                counters[name] = counters.get(name, 0) + number
            if batch.kind == SADDLE:
                found.provenance.clear()  # the seed of each batch; it follows from what is recorded of the growth
            self.landscape.merge(found, f"batch {batch.number}")
        self._mark(batch, result)
        self.network.update()
        new = len(self.landscape.minima) - minima
        label = self.labels.pop(batch.number)
        self.network.yields.of(label).add(
            len(batch.pairs), new, len(self.landscape.transition_states) - states,
            components + new - self.network.components(), cost_of(counters), result.cpu,
        )
        self.strategy.merged(batch, label)
        self.stopping.merged(batch.number + 1)

    def _mark(self, batch: Batch, result: BatchResult) -> None:
        """Note the pairs that were tried; one that failed is marked too, so that others are tried first."""
        for (a, b, _), failure in result.failures:
            self.failures.append(f"minima {a} and {b}, {failure.status.label}: {failure.reason}")
            self.landscape.counters["failed pairs"] = self.landscape.counters.get("failed pairs", 0) + 1
            if batch.kind == CONNECT:
                self.landscape.mark_pair(a, b, False, failure.status)
        for a, b, attempt in batch.pairs if batch.kind == CONNECT else ():
            # Whatever became of it, a pair that was tried must not be chosen as untried again.
            if self.landscape.pair_attempts(a, b) <= attempt:
                self.landscape.mark_pair(a, b, False, Status.NO_CANDIDATE)

    def commit(self, finished: bool = False) -> None:
        """Replace the file by the present state; then the merged batches' files are not needed any more.

        OutputError if something else has replaced the file.
        """
        begin = time.monotonic()
        if _state_of(self.database) != self._seen:
            raise OutputError(
                f"another command has replaced {self.database} while it was grown, so it is left as it is; what was "
                f"found since lies in {self.engine.folder}: llpathsample merge adds its files batch-*.result.h5"
            )
        state = {"kind": "grow", "next_number": self.next_number, "pairs_tried": self.pairs_tried}
        state["window"] = [batch.state() for batch in [*(way.batch for way in self.window), *self.chosen]]
        state["labels"] = [self.labels[number] for number, *_ in state["window"]]
        state["grow"] = table_of(self.settings)
        state["strategy"] = self.strategy.state()
        state["yields"] = self.network.yields.state()
        state["stopping"] = self.stopping.state()
        self.landscape.search = None if finished else SearchState(state)
        write_landscape(self.database, self.landscape)
        self._seen = _state_of(self.database)
        for way in self.merged:
            self.engine.forget(way)
        self.merged.clear()
        self._last_commit = time.monotonic()
        self._commit_seconds = self._last_commit - begin

    def _commit_is_due(self) -> bool:
        if self._in_vain and not self._sound:
            return False
        interval = max(_LEAST_COMMIT_SECONDS, self._commit_seconds / _COMMIT_SHARE)
        return time.monotonic() - self._last_commit > interval

    def run(self, stopped: Callable[[], bool], report: Callable[[int, int], None]) -> bool:
        """Grow until a rule ends it, nothing is left to try or the budget is spent.

        Returns False if `stopped()` came first, or the engine was `lost`.
        report(minima outside the main component, minima in all) is called after every merged batch. Raises OutputError,
        with the file as it was, if no process can do its work; what the engine raises.
        """
        self.network.update()
        self.stopping.begin()
        try:
            self._submit()
            while True:
                while len(self.window) < self.settings.window and not stopped():
                    batch = self._choose()
                    if batch is None:
                        break
                    self.chosen.append(batch)
                    self._submit()
                if not self.window or stopped():
                    break
                self._wait(stopped)
                if stopped():
                    break
                oldest = self.window.pop(0)
                self._in_vain += len(oldest.batch.pairs) if oldest.in_vain else 0
                self._merge(oldest.batch, oldest.result)
                self.merged.append(oldest)
                report(self.network.outside(), len(self.landscape.minima))
                if self._commit_is_due():
                    self.commit()
        except Stopped as error:
            self.lost = str(error)
        finally:
            self.engine.close()
        complete = self.lost is None and not self.window and not stopped()
        self.commit(finished=complete)
        if complete:
            self.engine.clear()
        return complete

    def _wait(self, stopped: Callable[[], bool]) -> None:
        """Until the oldest batch is done and may be merged, or a stop is requested."""
        while not stopped() and (self.window[0].result is None or not self._may_be_merged()):
            self.engine.advance(0.2)

    def _may_be_merged(self) -> bool:
        """Whether the oldest batch failed, if it did, by itself and not for what all would fail by; False: wait.

        Pairs that are marked as failed are not chosen soon again, so nothing is marked as long as not one process of
        this run has worked. Raises OutputError if none of the first ones has.
        """
        first = self.window[:_FIRST]
        self._sound = self._sound or any(way.result is not None and not way.in_vain for way in first)
        if self._sound:
            return True
        if not all(way.in_vain for way in first):
            return False
        pairs = self._in_vain + sum(len(way.batch.pairs) for way in first)
        if pairs < _FIRST:
            return True
        reason = first[0].result.failures[-1][1].reason
        raise OutputError(
            f"the processes of the first {pairs} pairs have all failed ({reason}), and no pair is marked as tried; see "
            "to what they need where they run and run the same command again, or begin with other pairs by --strategy"
        )
