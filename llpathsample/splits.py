"""Parts of rows, each class in proportion, by seeds."""

import numpy as np

from llcommon.data import Rows
from llcommon.rng import generator


def part_of(rows: Rows, share: float, seed: int, *keys: int | str) -> np.ndarray:
    """Row numbers, ascending, of a random part with about `share` of the rows; of every class with two rows or more at
    least one is inside and one is not."""
    rng = generator(seed, *keys)
    labels = _strata(rows)
    inside = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        wanted = int(np.floor(share * len(members) + 0.5))
        inside.append(members[: min(max(wanted, 1), len(members) - 1)])
    return np.sort(np.concatenate(inside))


def folds_of(rows: Rows, folds: int, seed: int, *keys: int | str) -> np.ndarray:
    """Number of the fold, from 0, of each row, (n,); folds differ by at most one row, and by one of each class."""
    rng = generator(seed, *keys)
    labels = _strata(rows)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])
    numbers = np.empty(len(labels), dtype=np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def others(part: np.ndarray, count: int) -> np.ndarray:
    """Row numbers below `count` that are not in the part."""
    return np.setdiff1d(np.arange(count), part)


def taken(rows: Rows, places: np.ndarray) -> Rows:
    """Some of the rows."""
    return Rows(
        rows.features[places],
        None if rows.labels is None else rows.labels[places],
        None if rows.targets is None else rows.targets[places],
        rows.source,
        rows.sha256,
    )


def _strata(rows: Rows) -> np.ndarray:
    return np.zeros(len(rows.features), dtype=np.int64) if rows.labels is None else rows.labels
