"""A batch: a few tasks for one process of lloptim, the files it is made of, and its command line.

A batch's input is a small landscape of its own minima, so its process neither reads nor depends on the database that
grows meanwhile.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from llcommon.config import fingerprint
from llcommon.settings import settings_to_tables
from llcommon.store import Landscape, replace_file, write_landscape
from llpathsample.engines.running import INPUT, KINDS_OF_FILE, PAIRS, file_of

CONNECT = "connect"
SADDLE = "saddle"


@dataclass(frozen=True)
class Batch:
    """Work for one process.

    pairs: (minimum, minimum, attempt), ids of the growing landscape; around a single minimum both are the same.
    kind: the command of lloptim, CONNECT or SADDLE (searches around minima). options: further ones of that command.
    """

    number: int
    pairs: list[tuple[int, int, int]]
    kind: str = CONNECT
    options: tuple[str, ...] = ()

    def minima(self) -> list[int]:
        """Ids of the minima of the pairs, each once, as they come."""
        return list(dict.fromkeys(end for pair in self.pairs for end in pair[:2]))

    def name(self, landscape: Landscape) -> str:
        """A name that no batch of other points or settings shares: a result is only used for what it is of."""
        points = np.ascontiguousarray(landscape.minima.coordinates[self.minima()])
        places = {minimum: place for place, minimum in enumerate(self.minima())}
        ends = [[places[a], places[b], attempt] for a, b, attempt in self.pairs]
        settings = settings_to_tables(landscape.settings)
        what = [self.kind, list(self.options), ends, settings, landscape.fingerprint]
        content = fingerprint([*what, hashlib.sha256(points.tobytes()).hexdigest()])
        return f"{self.number:07d}-{content[:16]}"

    def alone(self, pair: tuple[int, int, int]) -> "Batch":
        """A batch of one of the pairs."""
        return replace(self, pairs=[pair])

    def state(self) -> list:
        """JSON-able, for `batch_of`."""
        return [self.number, [list(pair) for pair in self.pairs], self.kind, list(self.options)]


def batch_of(state: list) -> Batch:
    """The batch with this state; of checkpoints that know of connections only, too."""
    number, pairs, *rest = state
    kind, options = rest or (CONNECT, [])
    return Batch(number, [tuple(pair) for pair in pairs], kind, tuple(options))


def write_input(folder: Path, name: str, landscape: Landscape, batch: Batch) -> list[int]:
    """The batch's minima as a landscape, and its pairs by their numbers there; these numbers, each once.

    Where points are aligned by a heuristic, two minima may turn out to be one when they are met in another order.
    """
    given = Landscape(landscape.settings, landscape.model, landscape.data)
    numbers = {minimum: given.add_minimum(landscape.minimum(minimum)).id for minimum in batch.minima()}
    # Its process may be where the file of large data is not found.
    write_landscape(file_of(folder, name, INPUT), given, embed=True)
    lines = ["minimum_a\tminimum_b\tattempt"]
    lines += [f"{numbers[a]}\t{numbers[b]}\t{attempt}" for a, b, attempt in batch.pairs]
    text = "\n".join(lines) + "\n"
    # Whole at any instant: a process that a killed growth left behind may be about to read it.
    replace_file(file_of(folder, name, PAIRS), lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return list(dict.fromkeys(numbers.values()))


def command_of(batch: Batch, minima: list[int]) -> list[str]:
    """Command and options of lloptim for a batch, with {input} and {pairs} in place of those files.

    minima: their numbers in the input.
    """
    # What a process completed that outlived a killed growth is left as it is: by --keep, and as a part of an array.
    if batch.kind == CONNECT:
        return [CONNECT, "{input}", "--pairs", "{pairs}", "--part", "1/1", *batch.options]
    chosen = [option for number in minima for option in ("--minimum", str(number))]
    return [batch.kind, "{input}", *chosen, "--keep", *batch.options]


def forget_files(folder: Path, name: str) -> None:
    """Remove the files of a batch whose result is committed."""
    for kind in KINDS_OF_FILE:
        file_of(folder, name, kind).unlink(missing_ok=True)
