"""Sets of minima by a rule that a setting holds: `lowest`, `all`, `rest`, `below LOSS`, ids and ranges."""

import numpy as np

from llcommon.config import shown
from llcommon.errors import ConfigError
from llcommon.idrules import ids_of
from llcommon.store import Landscape

_WORDS = ("lowest", "all", "rest")
_FORMS = 'lowest, all, rest, below LOSS, ids and ranges such as "0, 7, 20-25", or file NAME'


def check_rules(set_a: str, set_b: str, landscape: Landscape) -> None:
    """Raise ConfigError unless the rules of [grow] set_a and set_b, the latter if it is not empty, name minima."""
    keys = {"[grow] set_a": (set_a, set_b), "[grow] set_b": (set_b, set_a)}
    for key, (rule, _) in keys.items():
        if not rule and key.endswith("set_a"):
            raise ConfigError(f"{key} is empty; it must be {_FORMS}")
        if rule and rule not in _WORDS:
            members_of(landscape, rule, "", key)
    # Then both can be read, as `rest` needs.
    for key, (rule, other) in keys.items():
        if rule and not members_of(landscape, rule, other, key).size:
            raise ConfigError(f"{key}: {shown(rule)} names no minimum of the landscape; name one at least")


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
