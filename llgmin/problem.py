"""From a TOML file, or a landscape file, to an empty landscape: model, data, settings."""

from pathlib import Path

from llcommon.config import apply_overrides, read_toml
from llcommon.data import Data, read_csv
from llcommon.errors import ConfigError
from llcommon.losses import build, known_models, model_class, parameters_of
from llcommon.settings import SECTION_NAMES, Settings, parse_settings, settings_to_tables
from llcommon.store import Landscape, read_landscape


def _overridden(tables: dict, source: str, overrides: tuple[str, ...], seed: int | None) -> Settings:
    """Settings from tables with `--set` and `--seed` applied; ConfigError lists every problem."""
    problems: list[str] = []
    apply_overrides(tables, list(overrides), problems, SECTION_NAMES)
    if seed is not None:
        tables.setdefault("search", {})["seed"] = seed
    return parse_settings(tables, source, parameters_of, known_models(), problems)


def _read_data(settings: Settings, path: Path) -> Data | None:
    """The data that a model needs, its file looked for beside the TOML file."""
    cls = model_class(settings.loss_model)
    if not cls.takes_data:
        return None
    if settings.data.file is None:
        raise ConfigError(f"{path}: [data] file is missing; the loss model {settings.loss_model} needs data")
    numeric = settings.loss.get("loss") == "mse" if cls.takes_target else None
    return read_csv(path.parent / settings.data.file, settings.data, numeric)


def read_problem(path: Path, overrides: tuple[str, ...] = (), seed: int | None = None) -> Landscape:
    """An empty landscape for what a TOML file describes.

    overrides: "section.key=value"; seed: replaces [search] seed. Errors: InputError, ConfigError.
    """
    settings = _overridden(read_toml(path), path.name, overrides, seed)
    data = _read_data(settings, path)
    return Landscape(settings, build(settings.loss_model, settings.loss, data), data)


def empty_copy(path: Path, overrides: tuple[str, ...] = (), seed: int | None = None) -> Landscape:
    """An empty landscape of the model, data and settings of a landscape file.

    overrides, seed: as for read_problem; the data are those of the file. Errors: InputError, ConfigError.
    """
    stored = read_landscape(path)
    settings = _overridden(settings_to_tables(stored.settings), path.name, overrides, seed)
    if settings.data != stored.settings.data:
        raise ConfigError(f"{path.name}: its data are stored as [data] says; use a TOML file to change [data]")
    model = build(settings.loss_model, settings.loss, stored.data)
    return Landscape(settings, model, stored.data)
