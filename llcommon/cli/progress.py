"""A progress bar for people at a terminal; in a batch job, with -v, a line now and then."""

import os
import shutil
import sys
import time

from llcommon.cli.output import NORMAL, VERBOSE, console, log

_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 30.0
_BAR_WIDTH = 24


def duration(seconds: float) -> str:
    """Seconds as 0:42 or 1:05:09."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """How far a loop is, as a context manager.

        with Progress(steps, "searching") as progress:
            progress.update(done, "12 minima, lowest 0.0225")

    Standard error shows a bar if it is a terminal and -q was not given; otherwise nothing, but a
    line every half minute with -v.
    """

    def __init__(self, total: int | None, label: str) -> None:
        """total: what `done` reaches at the end, None if that is unknown."""
        self.total = total
        self.label = label
        self._start = time.monotonic()
        self._shown = -float("inf")
        self._done = 0
        self._text = ""
        terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._has_bar = terminal and console.verbosity >= NORMAL
        if not self._has_bar:
            self._shown = self._start  # the first line comes after half a minute

    def __enter__(self) -> "Progress":
        self._show(force=self._has_bar)
        return self

    def __exit__(self, *failure) -> None:
        if self._has_bar:
            console.draw_bar("")

    def update(self, done: int, text: str = "") -> None:
        """`done` of the total are done; `text` says what came of it."""
        self._done = done
        self._text = text
        self._show(force=self._has_bar and done == self.total)

    def _show(self, force: bool) -> None:
        now = time.monotonic()
        interval = _REDRAW_SECONDS if self._has_bar else _LINE_SECONDS
        if not force and now - self._shown < interval:
            return
        self._shown = now
        if self._has_bar:
            width = shutil.get_terminal_size().columns
            console.draw_bar(self._line(now, with_bar=True)[: max(1, width - 1)])
        else:
            log(self._line(now, with_bar=False), VERBOSE)

    def _line(self, now: float, with_bar: bool) -> str:
        """Label, bar, counts, time passed and text."""
        parts = [self.label]
        if self.total and with_bar:
            filled = min(_BAR_WIDTH, _BAR_WIDTH * self._done // self.total)
            parts.append("[" + "#" * filled + "." * (_BAR_WIDTH - filled) + "]")
        parts.append(f"{self._done}/{self.total}" if self.total else str(self._done))
        parts.append(duration(now - self._start))
        return " ".join(parts) + (f"  {self._text}" if self._text else "")
