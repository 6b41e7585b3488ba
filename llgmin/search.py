"""MAIN PATH of llgmin: independent basin-hopping chains into one landscape.

Chains advance in segments of a fixed number of steps, wherever a process is free. Segments are merged in
one order only, chain by chain within a round, so the landscape does not depend on the number of processes;
a checkpoint is the landscape after a merged segment together with the states of the chains there, so a
resumed search gives the bits of an uninterrupted one.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

import numpy as np

from llcommon.errors import ConfigError, NothingFound, OutputError
from llcommon.parallel import executor
from llcommon.settings import settings_to_tables
from llcommon.store import Landscape, SearchState, write_landscape
from llgmin.chain import Chain, ChainState, Segment, first_state

SEGMENT_STEPS = 20
_LEAST_COMMIT_SECONDS = 2.0
_COMMIT_SHARE = 0.05  # commits may take this share of the run

_chain: Chain | None = None


def _start(model, quench, search, curvature) -> None:
    """Set a process up for its segments."""
    global _chain
    _chain = Chain(model, quench, search, curvature)


def _advance(state: ChainState, steps: int) -> Segment:
    return _chain.advance(state, steps)


def _pack_states(states: list[ChainState], finished: bool) -> SearchState:
    """Chain states as a checkpoint."""
    arrays = {"coordinates": np.array([state.coordinates for state in states])}
    arrays["losses"] = np.array([0.0 if math.isinf(state.loss) else state.loss for state in states])
    rows = []
    for state in states:
        row = asdict(state)
        del row["coordinates"], row["loss"]
        row["started"] = math.isfinite(state.loss)
        rows.append(row)
    return SearchState({"kind": "basin-hopping", "finished": finished, "chains": rows}, arrays)


def _unpack_states(search: SearchState) -> list[ChainState]:
    """Inverse of _pack_states."""
    states = []
    for number, row in enumerate(search.state["chains"]):
        values = dict(row)
        loss = float(search.arrays["losses"][number]) if values.pop("started") else math.inf
        states.append(ChainState(coordinates=search.arrays["coordinates"][number].copy(), loss=loss, **values))
    return states


def may_resume(stored: Landscape, wanted: Landscape, path: Path) -> None:
    """Raise OutputError, saying why, unless `stored` in `path` is the search of `wanted`, unfinished."""
    if stored.search is None or stored.search.state.get("kind") != "basin-hopping":
        raise OutputError(f"{path} exists and is not an unfinished search; use -f to replace it")
    if stored.search.state["finished"]:
        raise OutputError(f"{path} exists and its search is complete; use -f to replace it")
    same_settings = settings_to_tables(stored.settings) == settings_to_tables(wanted.settings)
    if not same_settings or stored.fingerprint != wanted.fingerprint:
        raise OutputError(
            f"{path} holds an unfinished search of another problem or with other settings; "
            "use -f to replace it or -o for another file"
        )


class Search:
    """A basin-hopping search into a landscape file."""

    def __init__(self, landscape: Landscape, path: Path) -> None:
        """landscape: fresh, or as read from the checkpoint in `path`."""
        self.landscape = landscape
        self.path = path
        settings = landscape.settings.search
        self.steps = settings.steps
        self.save = settings.save
        if landscape.search is None:
            chains = range(settings.chains)
            self.states = [first_state(landscape.model, settings, number) for number in chains]
        else:
            self.states = _unpack_states(landscape.search)
        self._last_commit = time.monotonic()
        self._commit_seconds = 0.0

    @property
    def done(self) -> int:
        """Steps merged so far, over all chains."""
        return sum(state.done for state in self.states)

    def commit(self, finished: bool = False) -> None:
        """Replace the file by the present state."""
        begin = time.monotonic()
        self.landscape.search = _pack_states(self.states, finished)
        write_landscape(self.path, self.landscape)
        self._last_commit = time.monotonic()
        self._commit_seconds = self._last_commit - begin

    def _commit_is_due(self) -> bool:
        interval = max(_LEAST_COMMIT_SECONDS, self._commit_seconds / _COMMIT_SHARE)
        return time.monotonic() - self._last_commit > interval

    def _merge(self, segment: Segment) -> None:
        """Add a segment's minima; keep the list of minima bounded at points that only the order decides."""
        for minimum in segment.minima:
            self.landscape.add_minimum(minimum)
        counters = self.landscape.counters
        for name, count in segment.counts.items():
            counters[name] = counters.get(name, 0) + count
        if len(self.landscape.minima) > self.save + max(100, self.save // 2):
            self.landscape.keep_lowest(self.save)
        self.states[segment.state.number] = segment.state

    def run(self, jobs: int, stopped: Callable[[], bool], report: Callable[[int, str], None]) -> bool:
        """Advance all chains to the end, or until `stopped()`; True if the end was reached.

        report(steps done, text) is called after every merged segment.
        """
        settings = self.landscape.settings
        arguments = (self.landscape.model, settings.quench, settings.search, settings.curvature)
        pool = executor(min(jobs, len(self.states)), _start, arguments)
        running: dict[int, Future] = {}
        waiting: dict[int, list[Segment]] = {state.number: [] for state in self.states}
        ahead = {state.number: state for state in self.states}
        turn = min(self.states, key=lambda state: (state.done, state.number)).number
        try:
            while True:
                halt = stopped()
                for number, state in ahead.items():
                    # One segment ahead of the merge suffices to keep a process busy.
                    if halt or number in running or state.done >= self.steps or len(waiting[number]) > 1:
                        continue
                    running[number] = pool.submit(_advance, state, min(SEGMENT_STEPS, self.steps - state.done))
                if running:
                    wait(running.values(), return_when=FIRST_COMPLETED)
                for number in [number for number, future in running.items() if future.done()]:
                    segment = running.pop(number).result()
                    ahead[number] = segment.state
                    waiting[number].append(segment)
                while waiting[turn]:
                    self._merge(waiting[turn].pop(0))
                    turn = (turn + 1) % len(self.states)
                    report(self.done, self._progress())
                if self._commit_is_due():
                    self.commit()
                if not running and (halt or self.done >= self.steps * len(self.states)):
                    break
        except BrokenProcessPool as error:
            raise ConfigError(
                f"a process of the search was killed, perhaps for want of memory; {self.path} keeps what is "
                "committed, run the same command with fewer --jobs"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return self.done >= self.steps * len(self.states)

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
        self.landscape.keep_lowest(self.save)
        self.landscape.sort_minima_by_loss()
        self.commit(finished=True)
