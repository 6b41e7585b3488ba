"""Medians of interleaved measurements, and the table that shows them."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. ours, peer: medians over n measurements (None: our side is not there yet)."""

    task: str
    peer_name: str
    ours: float | None
    peer: float
    n: int

    @property
    def ratio(self) -> float | None:
        """How many times the peer takes longer."""
        return None if self.ours is None else self.peer / self.ours


def median_of(function: Callable[[], float], repeats: int) -> float:
    """Median of what `function` returns in `repeats` calls."""
    return statistics.median(function() for _ in range(repeats))


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


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000.0 * seconds:.2f}"


def text(rows: list[Row]) -> str:
    """The table; times in milliseconds of CPU, ratio = peer / ours."""
    lines = [("task", "peer", "ours [ms]", "peer [ms]", "ratio", "n")]
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.1f}"
        lines.append(
            (row.task, row.peer_name, _milliseconds(row.ours), _milliseconds(row.peer), ratio, str(row.n))
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    shown = []
    for line in lines:
        words = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
        words += [word.rjust(width) for word, width in zip(line[2:], widths[2:], strict=True)]
        shown.append("  ".join(words))
    return "\n".join(shown)
