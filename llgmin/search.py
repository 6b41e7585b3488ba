"""MAIN PATH of llgmin: walkers of one method into one landscape.

Walkers advance in segments of a fixed number of steps, wherever a process is free. Segments are merged in one order
only, walker by walker within a round, so the landscape does not depend on the number of processes; a checkpoint is the
landscape after a merged segment together with the states of the walkers there, so a resumed search gives the bits of
an uninterrupted one. A method whose walkers need one another is called between rounds.
"""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from llcommon.errors import ConfigError, NothingFound, OutputError
from llcommon.losses.base import LossModel
from llcommon.parallel import executor
from llcommon.settings import Settings, settings_to_tables
from llcommon.store import Landscape, SearchState, write_landscape
from llgmin.methods import method_of
from llgmin.walker import MOVED, NEW, VERIFIED, Method, Segment, Walker

_LEAST_COMMIT_SECONDS = 2.0
_COMMIT_SHARE = 0.05  # commits may take this share of the run

MethodMaker = Callable[[LossModel, Settings], Method]
_method: Method | None = None


def _start(make: MethodMaker, model: LossModel, settings: Settings) -> None:
    """Set a process up for its segments."""
    global _method
    _method = make(model, settings)


def _advance(walker: Walker, steps: int) -> Segment:
    return _method.advance(walker, steps)


def _pack(kind: str, walkers: list[Walker], coupled: int, finished: bool) -> SearchState:
    """Walkers as a checkpoint. coupled: steps each had done when they were last coupled."""
    rows = [
        {"number": walker.number, "done": walker.done, "rng": walker.rng, "values": walker.values} for walker in walkers
    ]
    arrays = {
        f"{walker.number}/{name}": array for walker in walkers for name, array in walker.arrays.items()
    }
    return SearchState({"kind": kind, "finished": finished, "coupled": coupled, "walkers": rows}, arrays)


def _unpack(search: SearchState) -> list[Walker]:
    """Inverse of _pack."""
    arrays: dict[str, dict] = {}
    for path, array in search.arrays.items():
        number, _, name = path.partition("/")
        arrays.setdefault(number, {})[name] = array
    return [Walker(**row, arrays=arrays.get(str(row["number"]), {})) for row in search.state["walkers"]]


def may_resume(stored: Landscape, wanted: Landscape, path: Path, kind: str) -> None:
    """Raise OutputError, saying why, unless `stored` in `path` is the unfinished search of `wanted` by that method."""
    state = None if stored.search is None else stored.search.state
    if state is None or "walkers" not in state:
        raise OutputError(f"{path} exists and is not an unfinished search; use -f to replace it")
    if state["finished"]:
        raise OutputError(f"{path} exists and its search is complete; use -f to replace it")
    same_settings = settings_to_tables(stored.settings) == settings_to_tables(wanted.settings)
    if not same_settings or stored.fingerprint != wanted.fingerprint or state["kind"] != kind:
        raise OutputError(
            f"{path} holds an unfinished search of another problem or with other settings; "
            "use -f to replace it or -o for another file"
        )


class _Round:
    """Which segments are running, and which wait for their turn to be merged."""

    def __init__(self, walkers: list[Walker]) -> None:
        self.ahead = {walker.number: walker for walker in walkers}
        self.running: dict[int, Future] = {}
        self.waiting: dict[int, list[Segment]] = {walker.number: [] for walker in walkers}

    def collect(self) -> None:
        """Wait for a running segment, and put all that are done in line."""
        if self.running:
            wait(self.running.values(), return_when=FIRST_COMPLETED)
        for number in [number for number, future in self.running.items() if future.done()]:
            segment = self.running.pop(number).result()
            self.ahead[number] = segment.walker
            self.waiting[number].append(segment)


class Search:
    """A search into a landscape file."""

    def __init__(self, landscape: Landscape, path: Path, make: MethodMaker = method_of) -> None:
        """landscape: fresh, or as read from the checkpoint in `path`; make: gives the method.

        Errors: ConfigError for settings that the method cannot take.
        """
        self.landscape = landscape
        self.path = path
        self.make = make
        self.method = make(landscape.model, landscape.settings)
        self.save = landscape.settings.search.save
        self.coupled = -1
        self.hit = False
        if landscape.search is None:
            self.walkers = [self.method.first(number) for number in range(self.method.number)]
        else:
            self.walkers = _unpack(landscape.search)
            self.coupled = landscape.search.state["coupled"]
        self._last_commit = time.monotonic()
        self._commit_seconds = 0.0

    @property
    def done(self) -> int:
        """Steps merged so far, over all walkers."""
        return sum(walker.done for walker in self.walkers)

    @property
    def total(self) -> int:
        """Steps of all walkers at the end."""
        return self.method.steps * self.method.number

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.hit or self.done >= self.total

    def commit(self, finished: bool = False) -> None:
        """Replace the file by the present state."""
        begin = time.monotonic()
        self.landscape.search = _pack(self.method.kind, self.walkers, self.coupled, finished)
        write_landscape(self.path, self.landscape)
        self._last_commit = time.monotonic()
        self._commit_seconds = self._last_commit - begin

    def _commit_is_due(self) -> bool:
        interval = max(_LEAST_COMMIT_SECONDS, self._commit_seconds / _COMMIT_SHARE)
        return time.monotonic() - self._last_commit > interval

    def _merge(self, segment: Segment) -> None:
        """Add a segment's minima; keep the list of minima bounded at points that only the order decides."""
        number = segment.walker.number
        ids = []
        for quenched in segment.quenches:
            outcome = MOVED if quenched.accepted else 0
            minimum_id = -1
            if quenched.minimum is not None:
                minimum_id, is_new = self.landscape.add_minimum(quenched.minimum)
                outcome |= VERIFIED | (NEW if is_new else 0)
            ids.append(minimum_id)
            self.landscape.trace.append(
                walker=number, loss=quenched.loss, evaluations=quenched.evaluations, outcome=outcome
            )
        self.method.merged(self.landscape, segment, ids)
        self._tally(segment.counts)
        if len(self.landscape.minima) > self.save + max(100, self.save // 2):
            self._keep_lowest()
        self.walkers[number] = segment.walker
        self.hit = segment.hit

    def _tally(self, counts: dict[str, int]) -> None:
        counters = self.landscape.counters
        for name, count in counts.items():
            counters[name] = counters.get(name, 0) + count

    def _keep_lowest(self) -> None:
        dropped = len(self.landscape.minima) - self.save
        if dropped > 0:
            self._tally({"dropped minima": dropped})
            self.landscape.keep_lowest(self.save)

    def _couple(self) -> None:
        """Let the method act between its walkers, once for each number of steps that all have done."""
        done = {walker.done for walker in self.walkers}
        if not self.method.couples or len(done) > 1 or self.complete or done == {self.coupled}:
            return
        self.walkers = self.method.couple(self.walkers, self.landscape)
        self.coupled = self.walkers[0].done

    def _submit(self, pool, ahead: _Round) -> None:
        """Begin a segment of every walker that has one to do and may."""
        merged = {walker.number: walker.done for walker in self.walkers}
        for number, walker in ahead.ahead.items():
            left = self.method.steps - walker.done
            # One segment ahead of the merge suffices to keep a process busy.
            if number in ahead.running or left <= 0 or len(ahead.waiting[number]) > 1:
                continue
            if self.method.couples and (walker.done > merged[number] or walker.done != self.coupled):
                continue
            ahead.running[number] = pool.submit(_advance, walker, min(self.method.segment, left))

    def run(self, jobs: int, stopped: Callable[[], bool], report: Callable[[int, str], None]) -> bool:
        """Advance all walkers to the end, or until `stopped()`; True if the end was reached.

        report(steps done, text) is called after every merged segment.
        """
        if self.complete:
            return True
        arguments = (self.make, self.landscape.model, self.landscape.settings)
        pool = executor(min(jobs, len(self.walkers)), _start, arguments)
        turn = min(self.walkers, key=lambda walker: (walker.done, walker.number)).number
        try:
            self._couple()
            ahead = _Round(self.walkers)
            while True:
                halt = stopped()
                if not halt:
                    self._submit(pool, ahead)
                ahead.collect()
                while ahead.waiting[turn] and not self.hit:
                    self._merge(ahead.waiting[turn].pop(0))
                    turn = (turn + 1) % len(self.walkers)
                    report(self.done, self._progress())
                    before = self.coupled
                    self._couple()
                    if self.coupled != before:
                        ahead.ahead = {walker.number: walker for walker in self.walkers}
                if self.complete or (halt and not ahead.running):
                    break
                if self._commit_is_due():
                    self.commit()
        except BrokenProcessPool as error:
            raise ConfigError(
                f"a process of the search was killed, perhaps for want of memory; {self.path} keeps what is "
                "committed, run the same command with fewer --jobs"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return self.complete

    def _progress(self) -> str:
        minima = self.landscape.minima
        if not len(minima):
            return "no minimum yet"
        return f"{len(minima)} minima, lowest {minima.loss.min():.10g}"

    def finish(self) -> None:
        """Number the lowest `save` minima by loss and write the complete file; NothingFound without any."""
        if not len(self.landscape.minima):
            failed = {name[7:]: n for name, n in self.landscape.counters.items() if name.startswith("failed ")}
            reasons = ", ".join(f"{name} {count}" for name, count in sorted(failed.items()))
            # Its searches are all done: as a checkpoint the file would only stand in the way of another try.
            self.path.unlink(missing_ok=True)
            raise NothingFound(f"no quench ended in a verified minimum ({reasons}); nothing was written")
        self._keep_lowest()
        self.landscape.sort_minima_by_loss()
        self.commit(finished=True)
