"""Many connections in one job: pairs in order, results in order, whatever finishes first."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from llcommon.config import suggestion
from llcommon.errors import ConfigError, InputError
from llcommon.losses.base import LossModel
from llcommon.parallel import executor
from llcommon.records import Minimum
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from lloptim.connect import Connection, connect

_COLUMNS = ("minimum_a", "minimum_b", "attempt")
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
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({(error.strerror or 'unreadable').lower()})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file") from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells or cells[0].startswith("#"):
            continue
        if not pairs and not cells[0].lstrip("-").isdigit():
            unknown = [cell for cell in cells if cell not in _COLUMNS]
            if unknown:
                hint = suggestion(unknown[0], _COLUMNS)
                raise InputError(f"{path} line {number}: {unknown[0]} is not a column of pairs; {hint}")
            continue
        if len(cells) not in (2, 3) or not all(cell.isdigit() for cell in cells):
            raise InputError(f"{path} line {number}: two ids of minima are needed, not {line.strip()!r}")
        pairs.append(Pair(*(int(cell) for cell in cells)))
    if not pairs:
        raise InputError(f"{path} holds no pair of minima")
    return pairs


def part_of(pairs: list[Pair], part: str | None) -> list[Pair]:
    """The K-th of N nearly equal parts of the pairs, part = "K/N" counted from 1; all if None."""
    if part is None:
        return pairs
    numbers = part.split("/")
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        raise ConfigError(f"--part {part} is not of the form K/N, such as 3/20")
    number, total = int(numbers[0]), int(numbers[1])
    if not 1 <= number <= total:
        raise ConfigError(f"--part {part}: the part must be between 1 and {total}")
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

    def run(self, start: int, jobs: int, stopped: Callable[[], bool], merged: Callable[[int], None]) -> int:
        """Connect the pairs from number `start` on, `jobs` at a time; how many of all pairs are merged then.

        merged(number) is called whenever the results of the first `number` pairs are in `result`.
        """
        pool = executor(min(jobs, len(self.pairs) - start), _start, (self.source.model, self.settings))
        running: dict[int, Future] = {}
        done = start
        submitted = start
        try:
            while done < len(self.pairs):
                halt = stopped()
                # Two for each process: one is worked on, the next lies ready.
                while not halt and submitted < len(self.pairs) and len(running) < 2 * jobs:
                    pair = self.pairs[submitted]
                    ends = self.source.minimum(pair.a), self.source.minimum(pair.b)
                    running[submitted] = pool.submit(_connect, *ends, pair.attempt)
                    submitted += 1
                if done not in running:
                    break
                self._merge(self.pairs[done], running.pop(done).result())
                done += 1
                merged(done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return done

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
