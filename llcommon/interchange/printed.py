"""What files of other programs say of stationary points, before anything of it is believed."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Printed:
    """n stationary points as a file prints them.

    path: the file; lines: (n,) where each begins. loss: (n,), NaN where none is printed; half_digit: (n,) half a unit
    in its last digit. lpphe: (n,) sum of ln of the positive Hessian eigenvalues, NaN if none is printed. order: (n,)
    point-group orders, 1 where none is printed. coordinates: (n, N) in the order of the file, None without any.
    """

    path: Path
    lines: np.ndarray
    loss: np.ndarray
    half_digit: np.ndarray
    lpphe: np.ndarray
    order: np.ndarray
    coordinates: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.loss)

    def place(self, row: int) -> str:
        """Where a point is printed, for messages."""
        return f"{self.path}: line {self.lines[row]}"

    @classmethod
    def from_rows(cls, path: Path, rows: list[tuple], coordinates: np.ndarray | None = None) -> "Printed":
        """From (line, loss, half digit, lpphe, order) of each point."""
        columns = zip(*rows, strict=True) if rows else [()] * 5
        lines, loss, half_digit, lpphe, order = columns
        return cls(
            path,
            np.array(lines, dtype=np.int64),
            np.array(loss, dtype=np.float64),
            np.array(half_digit, dtype=np.float64),
            np.array(lpphe, dtype=np.float64),
            np.array(order, dtype=np.int64),
            coordinates,
        )


@dataclass
class Database:
    """A network as files of another program describe it.

    ends: (m, 2) rows of the minima on the plus and the minus side of each transition state. negative: (m,) its
    negative eigenvalue, NaN if none is printed. pairs: (p, 2) rows of minima whose connection was tried. sets: rows of
    the minima in sets by their name. notes: sentences about what was left out on reading. suite_order: whether the
    coordinates are in the order of the original suite, or in ours.
    """

    minima: Printed
    states: Printed
    ends: np.ndarray
    negative: np.ndarray
    pairs: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    sets: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    suite_order: bool = True


def minima_alone(minima: Printed) -> Database:
    """A database of minima without transition states."""
    nothing = Printed.from_rows(minima.path, [])
    return Database(minima, nothing, np.empty((0, 2), dtype=np.int64), np.empty(0))
