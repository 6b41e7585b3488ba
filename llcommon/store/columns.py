"""Growing tables of typed columns, and an index that finds rows by their loss."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

import numpy as np

from llcommon.store.schema import Field

FIRST_CAPACITY = 16


class Columns:
    """Rows of one table of the landscape file, kept column by column in growing arrays.

    A column is read as an attribute, `table.loss`: a read-only view of the rows there are now
    (rows appended later need the attribute to be read again). Compiled kernels refuse read-only
    arrays: hand them a copy.
    """

    def __init__(self, fields: Iterable[Field], sizes: Mapping[str, int], arrays: Mapping[str, np.ndarray]):
        """fields: the columns. sizes: values of size symbols. arrays: first rows by dataset path.

        With `arrays` given, columns missing in it (read without points) stay absent.
        """
        self._arrays: dict[str, np.ndarray] = {}
        self._absent: set[str] = set()
        self._length = 0
        for field in fields:
            if field.path in arrays:
                self._arrays[field.name] = np.array(arrays[field.path])
                self._length = len(arrays[field.path])
            elif arrays:
                self._absent.add(field.name)
            else:
                row_shape = tuple(sizes.get(size, size) for size in field.shape[1:])
                self._arrays[field.name] = np.empty((0, *row_shape), dtype=field.dtype)

    def __len__(self) -> int:
        return self._length

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._absent:
            raise AttributeError(f"{name} was left out when the landscape was read (points=False)")
        if name not in self._arrays:
            raise AttributeError(name)
        view = self._arrays[name][: self._length]
        view.flags.writeable = False
        return view

    @property
    def complete(self) -> bool:
        """Whether all columns were read."""
        return not self._absent

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are there."""
        return tuple(self._arrays)

    def append(self, **row: object) -> int:
        """Add one row with a value for each column; its id (row number)."""
        if self._absent or row.keys() != self._arrays.keys():
            raise ValueError(f"a row needs exactly the columns {', '.join(self._arrays)}")
        row_id = self._length
        if row_id == len(next(iter(self._arrays.values()))):
            self._grow()
        for name, value in row.items():
            self._arrays[name][row_id] = value
        self._length = row_id + 1
        return row_id

    def _grow(self) -> None:
        """Double the capacity, so that an append costs a constant time on average."""
        capacity = max(FIRST_CAPACITY, 2 * self._length)
        for name, array in self._arrays.items():
            larger = np.zeros((capacity, *array.shape[1:]), dtype=array.dtype)
            larger[: self._length] = array[: self._length]
            self._arrays[name] = larger

    def replace(self, name: str, row_id: int, value: object) -> None:
        """Set one value of an existing row."""
        if not 0 <= row_id < self._length:
            raise IndexError(f"row {row_id} of {self._length}")
        self._arrays[name][row_id] = value

    def take(self, rows: np.ndarray) -> None:
        """Keep the named rows only, in that order."""
        for name, array in self._arrays.items():
            self._arrays[name] = array[: self._length][rows]
        self._length = len(rows)


class LossIndex:
    """Row ids in the order of their losses.

    A look-up takes O(log n) comparisons and an insertion moves memory only: 20 microseconds
    at 100,000 rows.
    """

    def __init__(self, losses: np.ndarray):
        """losses: (n,) of the rows 0 to n - 1."""
        order = np.argsort(losses, kind="stable")
        self._losses: list[float] = np.asarray(losses)[order].tolist()
        self._ids: list[int] = order.tolist()

    def insert(self, loss: float, row_id: int) -> None:
        """Add one row."""
        position = bisect_right(self._losses, loss)
        self._losses.insert(position, loss)
        self._ids.insert(position, row_id)

    def within(self, loss: float, tolerance: float) -> list[int]:
        """Ids, ascending, of all rows with |loss difference| < tolerance."""
        # The ends are rounded, so the interval is opened a little and the strict test decides.
        margin = tolerance + 4.0 * np.spacing(abs(loss) + tolerance)
        first = bisect_left(self._losses, loss - margin)
        last = bisect_right(self._losses, loss + margin)
        hits = range(first, last)
        return sorted(self._ids[i] for i in hits if abs(self._losses[i] - loss) < tolerance)
