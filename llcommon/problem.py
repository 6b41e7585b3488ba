"""From a TOML file, or a landscape file, to an empty landscape: model, data, settings."""

from pathlib import Path

from llcommon.config import apply_overrides, read_toml
from llcommon.data import Data, read_csv
from llcommon.errors import ConfigError
from llcommon.losses import build, build_user, is_user_model, known_models, model_class, parameters_of
from llcommon.losses.user.source import read_source, wishes_of
from llcommon.settings import SECTION_NAMES, Settings, parse_settings, settings_to_tables
from llcommon.store import Landscape, read_landscape


def _overridden(tables: dict, source: str, overrides: tuple[str, ...], seed: int | None) -> Settings:
    """Settings from tables with `--set` and `--seed` applied; ConfigError lists every problem."""
    problems: list[str] = []
    apply_overrides(tables, list(overrides), problems, SECTION_NAMES)
    if seed is not None:
        tables.setdefault("search", {})["seed"] = seed
    return parse_settings(tables, source, parameters_of, known_models(), problems)


def _user_landscape(settings: Settings, path: Path) -> Landscape:
    """An empty landscape of a user's model, its files looked for beside the TOML file; its source is run."""
    source = read_source(settings.loss_model, path.parent)
    wishes = wishes_of(source)
    data = None
    if settings.data.file is not None:
        data = read_csv(path.parent / settings.data.file, settings.data, wishes.numeric_target)
    return Landscape(settings, build_user(source, settings.loss, data), data)


def _read_data(settings: Settings, path: Path) -> Data | None:
    """The data that a model needs, its file looked for beside the TOML file."""
    cls = model_class(settings.loss_model)
    if not cls.takes_data:
        return None
    if settings.data.file is None:
        raise ConfigError(f"{path}: [data] file is missing; the loss model {settings.loss_model} needs data")
    numeric = bool(cls.numeric_target(settings.loss)) if cls.takes_target else None
    return read_csv(path.parent / settings.data.file, settings.data, numeric)


def read_problem(
    path: Path, overrides: tuple[str, ...] = (), seed: int | None = None, check_derivatives: bool = True
) -> Landscape:
    """An empty landscape for what a TOML file describes, its model checked.

    overrides: "section.key=value"; seed: replaces [search] seed; check_derivatives: whether those of a user's model are
    compared with differences. Errors: InputError, ConfigError.
    """
    settings = _overridden(read_toml(path), path.name, overrides, seed)
    if is_user_model(settings.loss_model):
        landscape = _user_landscape(settings, path)
    else:
        data = _read_data(settings, path)
        landscape = Landscape(settings, build(settings.loss_model, settings.loss, data), data)
    landscape.model.check(check_derivatives)
    return landscape


def empty_copy(path: Path, overrides: tuple[str, ...] = (), seed: int | None = None) -> Landscape:
    """An empty landscape of the model, data and settings of a landscape file.

    overrides, seed: as for read_problem; the data are those of the file. Errors: InputError, ConfigError.
    """
    stored = read_landscape(path)
    settings = _overridden(settings_to_tables(stored.settings), path.name, overrides, seed)
    if settings.data != stored.settings.data:
        raise ConfigError(f"{path.name}: its data are stored as [data] says; use a TOML file to change [data]")
    source = stored.declared.source
    if source is None:
        model = build(settings.loss_model, settings.loss, stored.data)
    elif settings.loss_model != stored.declared.name:
        raise ConfigError(f"{path.name}: its loss model is stored in it; use a TOML file for another one")
    else:
        model = build_user(stored.model.source, settings.loss, stored.data)
    return Landscape(settings, model, stored.data)
