"""Ids of minima in the rules of [grow]: read, written, and changed when minima are numbered anew."""

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from llcommon.growsettings import FROM_B, GrowSettings

_ID = re.compile(r"(\d{1,18})(?:\s*-\s*(\d{1,18}))?")
_LONGEST_RANGE = 10_000_000
_UNSET = GrowSettings()


def ids_of(rule: str) -> np.ndarray | None:
    """The ids that a rule such as "0, 7, 20-25" names, ascending, each once; None if it is another rule.

    ValueError for a range that goes down, or is longer than any landscape.
    """
    found: list[np.ndarray] = []
    for part in rule.split(","):
        match = _ID.fullmatch(part.strip())
        if match is None:
            return None
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first or last - first > _LONGEST_RANGE:
            raise ValueError(f"the range {part.strip()} must go from a lower to a higher id")
        found.append(np.arange(first, last + 1))
    return np.unique(np.concatenate(found))


def as_rule(ids: Iterable[int]) -> str:
    """The rule that names these ids."""
    ranges: list[list[int]] = []
    for number in sorted(set(ids)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def renumbered(grow: GrowSettings, places: np.ndarray) -> tuple[GrowSettings, list[str]]:
    """The settings after minima were numbered anew, and what a user must know of it.

    places: new id of each minimum of before, (n,), negative for those that are gone. A setting of which no minimum is
    left is as if it had not been given, and so are those that need it.
    """
    changed: dict = {}
    notes = []
    for key in ("set_a", "set_b"):
        try:
            ids = ids_of(getattr(grow, key))
        except ValueError:
            continue  # nothing that names minima
        if ids is not None:
            left = _new_ids(ids, places)
            changed[key] = as_rule(left) if left else getattr(_UNSET, key)
            if not left:
                notes.append(f"no minimum of [grow] {key} is left; it is unset")
    if grow.reference is not None:
        left = _new_ids(np.array([grow.reference]), places)
        changed["reference"] = left[0] if left else None
        if not left:
            notes.append("the minimum of [grow] reference is not left; it is unset")
    if grow.set_b and changed.get("set_b", grow.set_b) == "":
        if grow.strategy in FROM_B:
            changed["strategy"] = _UNSET.strategy
            notes.append(f"[grow] strategy {grow.strategy} needs set_b; it is unset")
        if grow.observable == "rate":
            changed["observable"] = _UNSET.observable
            notes.append("[grow] observable rate needs set_b; it is unset")
    return replace(grow, **changed), notes


def _new_ids(ids: np.ndarray, places: np.ndarray) -> list[int]:
    """New ids, ascending, of those that are left."""
    left = places[ids[ids < len(places)]]
    return np.unique(left[left >= 0]).tolist()
