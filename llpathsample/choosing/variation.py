"""What `--vary section.key=values` says: the values of a key, and the combinations of several keys."""

import re
from dataclasses import dataclass
from itertools import product

import numpy as np

from llcommon.errors import ConfigError

_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_UNSAFE = re.compile(r"[^A-Za-z0-9.+-]+")
_MOST = 1000


@dataclass(frozen=True)
class Variation:
    """key: "section.key". values: as they would follow it in `--set`."""

    key: str
    values: tuple[str, ...]


def variation_of(text: str) -> Variation:
    """Of section.key=VALUE,VALUE,... or section.key=LOW:HIGH:COUNT; ConfigError for what is neither.

    LOW:HIGH:COUNT are COUNT values of equal ratios, LOW:HIGH all whole numbers from LOW to HIGH. Commas inside brackets
    or quotes part nothing.
    """
    key, equals, values = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and section and name and values.strip()):
        raise ConfigError(f"--vary {text} must have the form section.key=value,value,... or section.key=low:high:count")
    parts = [part.strip() for part in _split(values)]
    if "" in parts:
        raise ConfigError(f"--vary {text}: there is nothing between two commas")
    found = [value for part in parts for value in _expanded(part, text)]
    distinct = tuple(dict.fromkeys(found))
    return Variation(key.strip(), distinct)


def _split(text: str) -> list[str]:
    """Parts between commas that are in no brackets and no quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return parts


def _expanded(part: str, text: str) -> list[str]:
    """The values of a range, or the one value."""
    if part[0] in "\"'[{" or ":" not in part:
        return [part]
    ends = part.split(":")
    try:
        numbers = [float(end) for end in ends[:2]]
        count = int(ends[2]) if len(ends) == 3 else None
    except ValueError:
        return [part]
    low, high = numbers
    if len(ends) == 2 and all(_WHOLE.fullmatch(end) for end in ends) and low < high <= low + _MOST:
        return [str(number) for number in range(int(low), int(high) + 1)]
    if count is not None and 0.0 < low < high < float("inf") and 2 <= count <= _MOST:
        return [f"{value:.6g}" for value in np.geomspace(low, high, count)]
    raise ConfigError(
        f"--vary {text}: {part} is no range; it must be LOW:HIGH of whole numbers, or LOW:HIGH:COUNT of equal ratios "
        "from above zero"
    )


@dataclass(frozen=True)
class Setting:
    """One combination. values: by key. name: for files."""

    values: dict[str, str]
    name: str

    @property
    def overrides(self) -> tuple[str, ...]:
        return tuple(f"{key}={value}" for key, value in self.values.items())


def combinations(variations: list[Variation]) -> list[Setting]:
    """Every value with every value of the other keys; ConfigError for a key that is given twice."""
    keys = [variation.key for variation in variations]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise ConfigError(f"--vary {key} is given twice; give all its values in one")
    settings: list[Setting] = []
    taken: set[str] = set()
    for values in product(*(variation.values for variation in variations)):
        chosen = dict(zip(keys, values, strict=True))
        words = [f"{key.partition('.')[2]}-{_UNSAFE.sub('_', value).strip('_')}" for key, value in chosen.items()]
        name = "+".join(words)
        while name in taken:
            name += "_"
        taken.add(name)
        settings.append(Setting(chosen, name))
    return settings
