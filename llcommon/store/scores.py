"""Further properties of minima, by name: what `llgmin score` measures on data that no search has seen."""

import json
from dataclasses import dataclass

import numpy as np

from llcommon.config import canonical_json
from llcommon.store.schema import Contents

SET_PREFIX = "set_"  # of columns that say which minima are of a set, such as set_A: a name, no measurement


@dataclass(frozen=True)
class Score:
    """A column. name: as in tables; unit: of its values; about: what it was measured on."""

    name: str
    unit: str
    about: str


class Scores:
    """Named columns of numbers, one for each minimum; NaN where a minimum has none.

    Minima that are found after a column was set have none there.
    """

    def __init__(self, contents: Contents) -> None:
        """contents: of a landscape file by dataset path."""
        self._columns: dict[str, tuple[Score, np.ndarray]] = {}
        if "scores/names" in contents:
            values = contents["scores/values"]
            for place, row in enumerate(json.loads(contents["scores/names"])):
                score = Score(row["name"], row["unit"], row["about"])
                self._columns[score.name] = (score, np.array(values[:, place]))

    def __len__(self) -> int:
        """Number of columns."""
        return len(self._columns)

    def described(self) -> list[Score]:
        """All columns in the order in which they were first set."""
        return [score for score, _ in self._columns.values()]

    def set(self, score: Score, values: np.ndarray) -> None:
        """Set, or replace, a column; values: one for each minimum there is."""
        self._columns[score.name] = (score, np.array(values, dtype=np.float64))

    def values(self, name: str, count: int) -> np.ndarray:
        """The column `name` for `count` minima, float64 (count,); KeyError if there is none."""
        column = self._columns[name][1]
        padded = np.full(count, np.nan)
        padded[: len(column)] = column[:count]
        return padded

    def take(self, rows: np.ndarray, count: int) -> None:
        """Keep the rows of these of the `count` minima, in this order."""
        for name, (score, _) in self._columns.items():
            self._columns[name] = (score, self.values(name, count)[rows])

    def contents(self, count: int) -> dict[str, np.ndarray | str]:
        """What a landscape file of `count` minima holds of them, by dataset path; nothing if there is no column."""
        if not self._columns:
            return {}
        rows = [{"name": score.name, "unit": score.unit, "about": score.about} for score in self.described()]
        values = np.column_stack([self.values(name, count) for name in self._columns])
        return {"scores/names": canonical_json(rows), "scores/values": values.reshape(count, len(rows))}
