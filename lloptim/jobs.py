"""Many connections in one job: pairs in order, results in order, whatever finishes first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llcommon.config import read_bytes, shown, suggestion
from llcommon.errors import ConfigError, InputError
from llcommon.inorder import run_in_order
from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from lloptim.connect import Connection, connect

_COLUMNS = ("minimum_a", "minimum_b", "attempt")
_DIGITS = re.compile("[0-9]{1,18}")
_job: tuple[LossModel, Settings] | None = None


@dataclass(frozen=True)
class Pair:
    """Two ids of a landscape and how often they were tried before."""

    a: int
    b: int
    attempt: int = 0


@dataclass(frozen=True)
class PairResult:
    """What came of a pair: new points of the job's landscape, and the status."""

    pair: Pair
    connected: bool
    status: Status
    new_minima: int
    new_transition_states: int


def read_pairs(path: Path) -> list[Pair]:
    """Pairs from a TSV file: columns minimum_a, minimum_b and, if wanted, attempt; a header is optional.

    Errors: InputError naming the line.
    """
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the pairs as text in UTF-8") from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells or cells[0].startswith("#"):
            continue
        numbers = [_number(cell) for cell in cells]
        if not pairs and cells[0][0].isalpha():
            _check_header(path, number, cells)
            continue
        if len(cells) not in (2, 3) or None in numbers:
            raise InputError(f"{path} line {number}: two ids of minima are needed, not {shown(line.strip())}")
        pairs.append(Pair(*numbers))
    if not pairs:
        raise InputError(f"{path} holds no pair of minima; write two ids a line")
    return pairs


def _number(text: str) -> int | None:
    """A whole number of at most 18 digits, or None."""
    return int(text) if _DIGITS.fullmatch(text) else None


def _check_header(path: Path, number: int, cells: list[str]) -> None:
    """Raise InputError unless the columns are those of pairs, in their order."""
    for cell in cells:
        if cell not in _COLUMNS:
            hint = suggestion(cell, _COLUMNS)
            raise InputError(f"{path} line {number}: {shown(cell)} is not a column of pairs; {hint}")
    if tuple(cells) not in (_COLUMNS[:2], _COLUMNS):
        raise InputError(f"{path} line {number}: the columns must be {', '.join(_COLUMNS)}, in this order")


def numbers_of(part: str) -> tuple[int, int]:
    """K and N of part = "K/N", K counted from 1. Raises ConfigError if it is not of this form."""
    numbers = [_number(text) for text in part.split("/")]
    if len(numbers) != 2 or None in numbers:
        raise ConfigError(f"--part {shown(part)} is not of the form K/N, such as 3/20")
    number, total = numbers
    if not 1 <= number <= total:
        raise ConfigError(f"--part {part}: K must be between 1 and N, as in 3/20")
    return number, total


def part_of(pairs: list[Pair], part: str | None) -> list[Pair]:
    """The K-th of N nearly equal parts of the pairs, part = "K/N" counted from 1; all if None."""
    if part is None:
        return pairs
    number, total = numbers_of(part)
    # Every N-th pair: neighbours in a list are often of one kind, so the parts take equally long.
    return pairs[number - 1 :: total]


def check_pairs(pairs: list[Pair], count: int, name: str) -> None:
    """Raise ConfigError for an id that the landscape called `name` with `count` minima does not have."""
    for pair in pairs:
        for minimum_id in (pair.a, pair.b):
            if not 0 <= minimum_id < count:
                raise ConfigError(f"{name} has no minimum {minimum_id}; its {count} minima are numbered from 0")


def _start(model: LossModel, settings: Settings) -> None:
    global _job
    _job = (model, settings)


def _connect(first: Minimum, second: Minimum, attempt: int) -> Connection:
    model, settings = _job
    return connect(model, settings, first, second, attempt)


class Job:
    """Connects pairs of minima of one landscape into a result landscape."""

    def __init__(self, source: Landscape, settings: Settings, pairs: list[Pair], result: Landscape) -> None:
        """result: of the same model; it may hold the first of the pairs already, from a stopped run."""
        self.source = source
        self.settings = settings
        self.pairs = pairs
        self.result = result
        self.results: list[PairResult] = []

    def outcomes(self) -> list[list[int]]:
        """The results so far, JSON-able."""
        return [
            [int(row.connected), int(row.status), row.new_minima, row.new_transition_states] for row in self.results
        ]

    def resume(self, outcomes: list[list[int]]) -> None:
        """Take over the results of the first pairs from a run that was stopped; `result` holds their points."""
        for pair, (connected, status, minima, states) in zip(self.pairs, outcomes, strict=False):
            self.results.append(PairResult(pair, bool(connected), Status(status), minima, states))

    def run(self, jobs: int, stopped: Callable[[], bool], merged: Callable[[int], None]) -> int:
        """Connect the pairs that have no result yet, `jobs` at a time; how many of all pairs have one then.

        merged(number) is called whenever the results of the first `number` pairs are in `result`. Raises ConfigError
        if a process is killed.
        """
        start = len(self.results)
        waiting = self.pairs[start:]

        def ends_of(pair: Pair) -> tuple[Minimum, Minimum, int]:
            return self.source.minimum(pair.a), self.source.minimum(pair.b), pair.attempt

        def take(number: int, connection: Connection) -> None:
            self._merge(waiting[number], connection)
            merged(start + number + 1)

        tasks = [partial(ends_of, pair) for pair in waiting]
        initial = (self.source.model, self.settings)
        return start + run_in_order(_start, initial, _connect, tasks, jobs, stopped, take)

    def _merge(self, pair: Pair, connection: Connection) -> None:
        report = self.result.merge(connection.landscape)
        ends = [int(report.minimum_ids[end]) for end in connection.ends]
        if ends[0] != ends[1] or pair.a == pair.b:
            self.result.mark_pair(*ends, connection.connected, connection.status)
        self.results.append(
            PairResult(
                pair,
                connection.connected,
                connection.status,
                report.new_minima,
                report.new_transition_states,
            )
        )
