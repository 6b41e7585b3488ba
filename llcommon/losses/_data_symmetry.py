"""Symmetry of a data set: permutations of features and classes that leave the set of rows unchanged.

Such a permutation, applied to the weights at the inputs and outputs, leaves the loss of a network unchanged as
exactly as a permutation of its hidden units does: the XOR table is the same after exchange of its two inputs.
Measured data has none, and that is seen at once because no two columns hold the same values.
"""

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

# Tables with more candidates than this are synthetic in another way; searching them is not worth it.
_MOST_CANDIDATES = 2000


@dataclass(frozen=True)
class DataPermutation:
    """New feature i is old feature features[i], new class k is old class classes[k]."""

    features: np.ndarray
    classes: np.ndarray


def _blockwise(groups: list[list[int]], size: int):
    """All permutations of range(size) that move members of a group among themselves only."""
    for arrangement in product(*(permutations(group) for group in groups)):
        permutation = np.arange(size)
        for group, arranged in zip(groups, arrangement, strict=True):
            permutation[group] = arranged
        yield permutation


def _groups(keys: list) -> list[list[int]]:
    """Positions with equal keys, groups of more than one only."""
    by_key: dict = {}
    for position, key in enumerate(keys):
        by_key.setdefault(key, []).append(position)
    return [group for group in by_key.values() if len(group) > 1]


def _count(groups: list[list[int]]) -> float:
    total = 1.0
    for group in groups:
        for factor in range(2, len(group) + 1):
            total *= factor
    return total


def _sorted_rows(table: np.ndarray) -> np.ndarray:
    return table[np.lexsort(table.T[::-1])]


def data_permutations(inputs: np.ndarray, answers: np.ndarray, classes: int) -> list[DataPermutation]:
    """All permutations that map the rows onto each other, the identity first.

    inputs: (n, d). answers: (n,) class numbers if classes > 0, else any numbers that are to stay as they are.
    """
    features = inputs.shape[1]
    identity = DataPermutation(np.arange(features), np.arange(max(classes, 1)))
    feature_groups = _groups([tuple(column) for column in np.sort(inputs, axis=0).T])
    counts = np.bincount(answers.astype(np.int64), minlength=classes).tolist() if classes else []
    class_groups = _groups(counts)
    if _count(feature_groups) == 1.0 or _count(feature_groups) * _count(class_groups) > _MOST_CANDIDATES:
        return [identity]
    rows = _sorted_rows(np.column_stack([inputs, answers]))
    found = [identity]
    for feature_order in _blockwise(feature_groups, features):
        for class_order in _blockwise(class_groups, max(classes, 1)):
            same = (feature_order == identity.features).all() and (class_order == identity.classes).all()
            # New class k holds what old class class_order[k] held.
            renamed = np.argsort(class_order)[answers.astype(np.int64)] if classes else answers
            image = _sorted_rows(np.column_stack([inputs[:, feature_order], renamed]))
            if not same and np.array_equal(image, rows):
                found.append(DataPermutation(feature_order, class_order))
    return found
