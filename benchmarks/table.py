"""Medians of interleaved measurements, and the tables that show them."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

OURS = "this toolchain"


@dataclass(frozen=True)
class Row:
    """One comparison. ours, peer: seconds, medians over n measurements (ours None: our side is not there)."""

    task: str
    peer_name: str
    ours: float | None
    peer: float
    n: int

    @property
    def ratio(self) -> float | None:
        """How many times the peer takes longer."""
        return self.peer / self.ours if self.ours else None


@dataclass(frozen=True)
class Figure:
    """One number that is no comparison of times. target: what the project has set itself, if anything."""

    task: str
    program: str
    quantity: str
    value: str
    target: str = ""


@dataclass(frozen=True)
class Result:
    """What a task has measured."""

    rows: list[Row]
    figures: list[Figure]


def interleaved(measures: dict[str, Callable[[int], float]], repeats: int) -> dict[str, list[float]]:
    """Every measure once in each round, so that a slow spell of the machine meets all of them alike.

    A measure gets the number of the round (from 0) and returns what it measured.
    """
    results: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(repeats):
        for name, measure in measures.items():
            results[name].append(measure(number))
    return results


def compare(task: str, results: dict[str, list[float]], ours: str = "ours") -> list[Row]:
    """Rows of one task: every peer of `results` against the measure named `ours`, if there is one."""
    own = statistics.median(results[ours]) if ours in results else None
    peers = (name for name in results if name != ours)
    return [Row(task, name, own, statistics.median(results[name]), len(results[name])) for name in peers]


def three_figures(value: float | None) -> str:
    """A number with three significant figures, never in exponents; a dash for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0.0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, decimals):.{max(decimals, 0)}f}"


def duration(seconds: float | None) -> str:
    """Seconds in a readable unit, with three significant figures."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 0.9995:
            return f"{three_figures(seconds * factor)} {unit}"
    return f"{three_figures(seconds * 1e9)} ns"


def share(part: int, whole: int) -> str:
    """`part of whole (per cent)`."""
    if not whole:
        return "0 of 0"
    return f"{part} of {whole} ({100.0 * part / whole:.1f} %)"


def _aligned(lines: list[tuple[str, ...]], left: int) -> str:
    """Lines in columns, the first `left` of them flush left."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    shown = []
    for line in lines:
        words = [word.ljust(width) for word, width in zip(line[:left], widths[:left], strict=True)]
        words += [word.rjust(width) for word, width in zip(line[left:], widths[left:], strict=True)]
        shown.append("  ".join(words).rstrip())
    return "\n".join(shown)


def text(rows: list[Row]) -> str:
    """The table of times: seconds of CPU unless the task says otherwise, ratio = peer / ours."""
    lines = [("task", "peer", OURS, "peer takes", "ratio", "n")]
    for row in rows:
        times = duration(row.ours), duration(row.peer)
        lines.append((row.task, row.peer_name, *times, three_figures(row.ratio), str(row.n)))
    return _aligned(lines, 2)


def _grid(task: str, figures: list[Figure]) -> str:
    """The figures of one task, a column for each program, or a line if there are more programs than quantities."""
    programs = list(dict.fromkeys(figure.program for figure in figures))
    quantities = list(dict.fromkeys(figure.quantity for figure in figures))
    values = {(figure.quantity, figure.program): figure.value for figure in figures}
    targets = {figure.quantity: figure.target for figure in figures if figure.target}
    if len(programs) > len(quantities):
        lines = [(task, *quantities)]
        lines += [(name, *(values.get((quantity, name), "") for quantity in quantities)) for name in programs]
        return _aligned(lines, 1)
    lines = [(task, *programs, "target")]
    for quantity in quantities:
        found = (values.get((quantity, program), "") for program in programs)
        lines.append((quantity, *found, targets.get(quantity, "")))
    return _aligned(lines, 1)


def figures_text(figures: list[Figure]) -> str:
    """The tables of everything else, one for each task. A target is that of this toolchain."""
    tasks = list(dict.fromkeys(figure.task for figure in figures))
    return "\n\n".join(_grid(task, [figure for figure in figures if figure.task == task]) for task in tasks)
