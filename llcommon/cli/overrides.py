"""`--set` and `--seed` on a landscape file: the settings of a search may change, what was searched may not."""

from llcommon.config import apply_overrides
from llcommon.errors import ConfigError

# Sections that say what the landscape is: points found under others would be another landscape's.
_FIXED = ("loss", "data", "same_point")


def overridden_settings(landscape, overrides: tuple[str, ...], seed: int | None, name: str):
    """The settings of a landscape, called `name`, with overrides; seed replaces [connect] seed.

    Errors: ConfigError listing every problem, also for a change of the model, its data or [same_point].
    """
    from llcommon.losses import known_models, parameters_of
    from llcommon.settings import SECTION_NAMES, parse_settings, settings_to_tables

    stored = settings_to_tables(landscape.settings)
    tables = settings_to_tables(landscape.settings)
    problems: list[str] = []
    apply_overrides(tables, list(overrides), problems, SECTION_NAMES)
    if seed is not None:
        tables["connect"]["seed"] = seed
    settings = parse_settings(tables, name, parameters_of, known_models(), problems)
    changed = [section for section in _FIXED if tables.get(section) != stored.get(section)]
    if changed:
        raise ConfigError(f"{name}: [{changed[0]}] is fixed once a landscape exists; make a new one with llgmin run")
    return settings
