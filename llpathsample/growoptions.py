"""What the options of `llpathsample grow` say as settings, and what of these only the landscape can tell is wrong."""

from dataclasses import replace
from pathlib import Path

from llcommon.config import toml_value
from llcommon.errors import ConfigError
from llcommon.idrules import as_rule
from llcommon.provenance import file_sha256
from llcommon.settings import Settings
from llcommon.store import Landscape
from llpathsample.idfiles import read_ids
from llpathsample.sets import check_rules

_FILE = "file "


def as_overrides(strategy: str | None, pairs: Path | None, rules: tuple[str, ...]) -> tuple[str, ...]:
    """The options in the form of --set; a file of pairs alone means the strategy that takes it."""
    overrides = []
    if pairs is not None:
        overrides += [f"grow.pairs_file={toml_value(str(pairs))}"]
        strategy = strategy or "list"
    if strategy is not None:
        overrides.append(f"grow.strategy={toml_value(strategy)}")
    if rules:
        overrides.append(f"grow.stop={toml_value(list(rules))}")
    return tuple(overrides)


def settled(settings: Settings, landscape: Landscape) -> Settings:
    """The settings with the ids of files in place of their names; ConfigError or InputError for sets that make no
    sense."""
    grow = settings.grow
    for key in ("set_a", "set_b"):
        grow = replace(grow, **{key: without_file(getattr(grow, key).strip())})
    check_rules(grow.set_a, grow.set_b, landscape)
    count = len(landscape.minima)
    if grow.reference is not None and grow.reference >= count:
        raise ConfigError(f"[grow] reference is minimum {grow.reference}, but there are {count}, numbered from 0")
    return replace(settings, grow=grow)


def without_file(rule: str) -> str:
    """The rule, or of `file NAME` that which names the ids in the file."""
    if not rule.startswith(_FILE):
        return rule
    rows = read_ids(Path(rule.removeprefix(_FILE).strip()))
    return as_rule([number for row in rows for number in row])


def files_read(settings: Settings) -> dict[str, str]:
    """SHA-256 of the files besides the landscape that a growth reads, for its record."""
    grow = settings.grow
    return {"pairs": file_sha256(Path(grow.pairs_file))} if grow.strategy == "list" else {}
