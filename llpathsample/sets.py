"""Sets of minima by a rule that a setting holds: `lowest`, `all`, `rest`, `below LOSS`, ids and ranges."""

import numpy as np

from llcommon.config import shown
from llcommon.errors import ConfigError
from llcommon.idrules import ids_of
from llcommon.store import Landscape

_FORMS = 'lowest, all, rest, below LOSS, ids and ranges such as "0, 7, 20-25", or file NAME'


def check_rule(rule: str, key: str, landscape: Landscape) -> None:
    """Raise ConfigError unless a rule names minima of the landscape."""
    if rule and _words(rule)[0] not in ("lowest", "all", "rest"):
        members_of(landscape, rule, "", key)


def members_of(landscape: Landscape, rule: str, other: str, key: str = "a set of minima") -> np.ndarray:
    """Ids, ascending, of the minima that a rule names now.

    other: the rule of the other set, for `rest`. ConfigError for a rule that cannot be read or names minima that
    there are not; `key` is what it is called.
    """
    count = len(landscape.minima)
    words = _words(rule)
    if words == ["lowest"]:
        return np.array([landscape.global_minimum()])
    if words == ["all"]:
        return np.arange(count)
    if words == ["rest"]:
        taken = np.empty(0, dtype=np.int64) if other == "rest" else members_of(landscape, other or "lowest", "")
        return np.setdiff1d(np.arange(count), taken)
    if words[0] == "below":
        return np.flatnonzero(landscape.minima.loss <= _loss(words, rule, key))
    ids = _ids(rule, key)
    if ids[-1] >= count:
        raise ConfigError(f"{key} names minimum {ids[-1]}, but there are {count}, numbered from 0")
    return ids


def _words(rule: str) -> list[str]:
    return rule.split() or [""]


def _loss(words: list[str], rule: str, key: str) -> float:
    try:
        _, number = words
        return float(number)
    except ValueError as error:
        raise ConfigError(f"{key}: {shown(rule)} must be below and a loss, as in below 0.05") from error


def _ids(rule: str, key: str) -> np.ndarray:
    """Ids and ranges between commas, ascending, each once."""
    try:
        found = ids_of(rule)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
    if found is None:
        raise ConfigError(f"{key}: {shown(rule)} is not {_FORMS}")
    return found
