"""Numbers and lines of text files that Fortran programs write and read."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llcommon.config import read_bytes, shown
from llcommon.errors import InputError

# 1.0D-6, 1.0d-6, and 0.5-123: an exponent of three digits takes the place of its letter.
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdD]([+-]?\d+)|([+-]\d+))?")
_WIDTH = 26  # of a column: sign, 17 digits, point and exponent


@dataclass(frozen=True)
class Line:
    """A line of a file that is not blank: its words, and where it is, for messages."""

    path: Path
    number: int
    words: list[str]

    def fault(self, what: str) -> InputError:
        """The error that names this line; what: a clause and a remedy."""
        return InputError(f"{self.path}: line {self.number} {what}")

    def real(self, place: int) -> float:
        """The word at a place, from 0, as a finite number; InputError if it is none."""
        word = self.words[place]
        match = _NUMBER.fullmatch(word)
        value = math.nan
        if match:
            value = float(f"{match[1]}e{match[2] or match[3] or 0}")
        if not math.isfinite(value):
            raise self.fault(f"holds {shown(word)}, which is not a finite number; correct it or remove the point")
        return value

    def reals(self) -> list[float]:
        """All words as finite numbers; InputError for the first that is none."""
        return [self.real(place) for place in range(len(self.words))]

    def whole(self, place: int) -> int:
        """The word at a place as a whole number; InputError if it is none."""
        word = self.words[place]
        if not re.fullmatch(r"[+-]?\d{1,18}", word):
            raise self.fault(f"holds {shown(word)}, which is not a whole number; correct it")
        return int(word)

    def half_digit(self, place: int) -> float:
        """Half a unit in the last digit that is printed of the number at a place."""
        match = _NUMBER.fullmatch(self.words[place])
        decimals = len(match[1].partition(".")[2])
        return 0.5 * 10.0 ** (int(match[2] or match[3] or 0) - decimals)


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a text file that are not blank. InputError if it is missing or no text."""
    try:
        text = read_bytes(path).decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file (byte {error.start + 1}); check the name") from error
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words:
            yield Line(path, number, words)


def real(value: float) -> str:
    """A number with the fewest digits that give the same bits back, as Fortran reads it."""
    return repr(float(value)).upper()


def column(value: float) -> str:
    """`real` in a column of a table."""
    return f"{real(value):>{_WIDTH}}"


def rows_of_three(values: Iterable[float]) -> str:
    """Numbers as OPTIM writes them, three to a line."""
    words = [column(value) for value in values]
    return "".join("".join(words[start : start + 3]) + "\n" for start in range(0, len(words), 3))


def one_a_line(values: Iterable[float]) -> str:
    """Numbers one to a line."""
    return "".join(f"{column(value)}\n" for value in values)
