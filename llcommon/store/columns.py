"""Growing tables of typed columns, and an index that finds rows by their loss."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

import numpy as np

from llcommon.store.schema import Field

FIRST_CAPACITY = 16
# Room for further rows, as a share of those there are: what is not used yet costs memory too, but not in a large array,
# to whose pages the system gives memory when they are first written. So large ones are hardly ever copied.
_ROOM = 1.0 / 16.0
_LARGE_ROOM = 1.0
_LARGE_BYTES = 1 << 25
_MOST_NEW = 1024  # rows that a LossIndex keeps apart
_ID_BITS = 32  # of one id of a pair


def with_room(shape: tuple[int, ...], dtype: np.dtype | str) -> np.ndarray:
    """An array of this shape, its values not set, that is the beginning of one with more rows, its `base`."""
    row_bytes = np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
    share = _LARGE_ROOM if shape[0] * row_bytes > _LARGE_BYTES else _ROOM
    capacity = shape[0] + max(FIRST_CAPACITY, int(share * shape[0]))
    return np.empty((capacity, *shape[1:]), dtype=dtype)[: shape[0]]


def _whole(array: np.ndarray) -> np.ndarray:
    """The array with the room behind it, if `with_room` made it; a copy of what may not be written."""
    base = array.base
    if not isinstance(base, np.ndarray):
        return array if array.flags.writeable and array.flags.c_contiguous else np.array(array)
    same = base.dtype == array.dtype and base.shape[1:] == array.shape[1:] and base.ndim == array.ndim
    begins = base.flags.owndata and base.ctypes.data == array.ctypes.data and base.flags.writeable
    return base if same and begins and array.flags.c_contiguous else np.array(array)


class Columns:
    """Rows of one table of the landscape file, kept column by column in growing arrays.

    A column is read as an attribute, `table.loss`: a read-only view of the rows there are now
    (rows appended later need the attribute to be read again). Compiled kernels refuse read-only
    arrays: hand them a copy.
    """

    def __init__(self, fields: Iterable[Field], sizes: Mapping[str, int], arrays: Mapping[str, np.ndarray]):
        """fields: the columns. sizes: values of size symbols. arrays: first rows by dataset path.

        With `arrays` given, columns missing in it (read without points) stay absent. The arrays are taken over, with
        the room behind those of `with_room`: they must not be used any more.
        """
        self._arrays: dict[str, np.ndarray] = {}
        self._absent: set[str] = set()
        self._length = 0
        for field in fields:
            if field.path in arrays:
                self._arrays[field.name] = _whole(arrays[field.path])
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

    def row(self, row_id: int) -> dict[str, object]:
        """The values of one row by column: Python numbers, and copies of arrays."""
        values = {}
        for name, array in self._arrays.items():
            value = array[: self._length][row_id]
            values[name] = value.copy() if isinstance(value, np.ndarray) else value.item()
        return values

    def append(self, **row: object) -> int:
        """Add one row with a value for each column; its id (row number)."""
        if self._absent or row.keys() != self._arrays.keys():
            raise ValueError(f"a row needs exactly the columns {', '.join(self._arrays)}")
        row_id = self._length
        for name, value in row.items():
            if row_id == len(self._arrays[name]):
                self._grow(name)
            self._arrays[name][row_id] = value
        self._length = row_id + 1
        return row_id

    def _grow(self, name: str) -> None:
        """Enlarge the capacity by a share of itself, so that an append costs a constant time on average."""
        array = self._arrays[name]
        rows = with_room(array.shape, array.dtype)
        rows[:] = array
        self._arrays[name] = rows.base

    def replace(self, name: str, row_id: int, value: object) -> None:
        """Set one value of an existing row."""
        if not 0 <= row_id < self._length:
            raise IndexError(f"row {row_id} of {self._length}")
        self._arrays[name][row_id] = value

    def set(self, name: str, values: np.ndarray) -> None:
        """Set a whole column; values: one for each row."""
        self._arrays[name][: self._length] = values

    def take(self, rows: np.ndarray) -> None:
        """Keep the named rows only, in that order."""
        for name, array in self._arrays.items():
            self._arrays[name] = array[: self._length][rows]
        self._length = len(rows)


class PairRows:
    """Row of every pair of ids, the smaller one first: 16 bytes for each row there was at first."""

    def __init__(self, ids: np.ndarray) -> None:
        """ids: (p, 2), row by row, no pair twice."""
        keys = pair_keys(ids)
        self._rows = np.argsort(keys)
        self._keys = keys[self._rows]
        self._new: dict[int, int] = {}

    def get(self, first: int, second: int) -> int | None:
        """The row of a pair, None if it has none."""
        key = first << _ID_BITS | second
        place = int(self._keys.searchsorted(key))
        if place < len(self._keys) and self._keys[place] == key:
            return int(self._rows[place])
        return self._new.get(key)

    def set(self, first: int, second: int, row: int) -> None:
        """Note the row of a pair that has none."""
        self._new[first << _ID_BITS | second] = row


def pair_keys(ids: np.ndarray) -> np.ndarray:
    """One number, int64 (p,), for each pair of ids from 0 to 2^31 - 1, (p, 2)."""
    return ids[:, 0] << _ID_BITS | ids[:, 1]


class LossIndex:
    """Row ids in the order of their losses, 16 bytes a row.

    Rows inserted lately are kept apart, and merged with the rest when there are enough of them: a look-up takes
    O(log n) comparisons, and an insertion moves few bytes on average.
    """

    def __init__(self, losses: np.ndarray, apart: int = _MOST_NEW):
        """losses: (n,) of the rows 0 to n - 1; apart: inserted rows that are not merged yet, at most."""
        self._apart = apart
        order = np.argsort(losses, kind="stable")
        self._losses = np.asarray(losses, dtype=np.float64)[order]
        self._ids = order.astype(np.int64)
        self._new_losses: list[float] = []
        self._new_ids: list[int] = []

    def insert(self, loss: float, row_id: int) -> None:
        """Add one row."""
        position = bisect_right(self._new_losses, loss)
        self._new_losses.insert(position, loss)
        self._new_ids.insert(position, row_id)
        if len(self._new_ids) > self._apart:
            places = np.searchsorted(self._losses, self._new_losses, side="right")
            self._losses = np.insert(self._losses, places, self._new_losses)
            self._ids = np.insert(self._ids, places, self._new_ids)
            self._new_losses = []
            self._new_ids = []

    def within(self, loss: float, tolerance: float) -> list[int]:
        """Ids, ascending, of all rows with |loss difference| < tolerance."""
        # The ends are rounded, so the interval is opened a little and the strict test decides.
        margin = tolerance + 4.0 * np.spacing(abs(loss) + tolerance)
        low, high = loss - margin, loss + margin
        found = []
        first, last = self._losses.searchsorted(low), self._losses.searchsorted(high, side="right")
        if first < last:
            near = np.abs(self._losses[first:last] - loss) < tolerance
            found = self._ids[first:last][near].tolist()
        for place in range(bisect_left(self._new_losses, low), bisect_right(self._new_losses, high)):
            if abs(self._new_losses[place] - loss) < tolerance:
                found.append(self._new_ids[place])
        return sorted(found)
