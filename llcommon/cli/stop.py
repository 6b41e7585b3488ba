"""Requests to stop, which loops look at between steps."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

from llcommon.errors import Interrupted, LandscapeError, Stopped

_STOPS = ("SIGTERM", "SIGUSR1")  # SIGUSR1: what batch systems send before their own time limit


class StopRequest:
    """Watches for SIGTERM, SIGUSR1, Ctrl-C and a time limit, as a context manager.

        with StopRequest(time_limit) as stop:
            while not stop.requested and ...:
                ...
        if stop.requested:
            write a checkpoint
            raise stop.error("the search is kept in minima.h5")

    A second Ctrl-C interrupts at once. The object may also be called, which gives `requested`.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        """time_limit: seconds from now, None for no limit."""
        self.interrupted = False
        self._reason = ""
        self._deadline = None if time_limit is None else time.monotonic() + time_limit
        self._former: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        # Python lets the main thread alone handle signals; elsewhere only the time limit counts.
        if threading.current_thread() is threading.main_thread():
            for name in _STOPS:
                self._handle(getattr(signal, name), self._on_stop)
            self._handle(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *failure) -> None:
        for number, handler in self._former.items():
            # None: the handler was not set from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._former.clear()

    def __call__(self) -> bool:
        return self.requested

    @property
    def requested(self) -> bool:
        """Whether the loop should write its checkpoint and end."""
        if not self._reason and self._deadline is not None and time.monotonic() >= self._deadline:
            self._reason = "the time limit"
        return bool(self._reason)

    @property
    def reason(self) -> str:
        """Who stopped it: "SIGTERM", "SIGUSR1", "Ctrl-C", "the time limit", or empty."""
        return self._reason if self.requested else ""

    def error(self, state: str) -> LandscapeError:
        """The exception to raise after the checkpoint. state: a clause that says where things are kept."""
        cls = Interrupted if self.interrupted else Stopped
        return cls(f"stopped by {self.reason}; {state}; run the same command again to go on")

    @contextlib.contextmanager
    def reported(self, state: str) -> Iterator[None]:
        """What stops inside because of this request, such as processes that were told to, ends in `error`, whatever
        these said themselves. state: as of `error`."""
        try:
            yield
        except (Stopped, Interrupted) as stopped:
            if not self.requested:
                raise
            raise self.error(state) from stopped

    def _handle(self, number: int, handler) -> None:
        self._former[number] = signal.signal(number, handler)

    def _on_stop(self, number: int, frame) -> None:
        self._reason = self._reason or signal.Signals(number).name

    def _on_interrupt(self, number: int, frame) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self._reason = "Ctrl-C"
