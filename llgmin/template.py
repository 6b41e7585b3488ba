"""`llgmin new`: a commented TOML file for a loss model, with values suggested from the data."""

from dataclasses import replace
from pathlib import Path

import click

from llcommon.cli import quiet_option, set_option, verbose_option
from llcommon.errors import ConfigError

_PLACEHOLDER = "data.csv"
# Whole numbers with more different values than this are taken for a quantity, not for classes.
_MOST_INTEGER_CLASSES = 20
# A target whose variance is farther from 1 than by this factor makes defaults unfit that are in units of the loss.
_FAR = 30.0


@click.command("new")
@click.argument("model")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FILE", help="Training data: CSV or TSV with a header."
)
@click.option("--target", metavar="COLUMN", help="Column to predict; default: the last one.")
@set_option()
@verbose_option()
@quiet_option()
def new(model: str, data: Path | None, target: str | None, overrides: tuple[str, ...]) -> None:
    """Write a commented TOML file for a loss MODEL to standard output.

    \b
    llgmin new mlp --data iris.csv > iris.toml
    llgmin new my_loss.py:MyLoss > my.toml
    """
    click.echo(new_template(model, data, target, overrides), nl=False)


def new_template(
    model: str, data: Path | None = None, target: str | None = None, overrides: tuple[str, ...] = ()
) -> str:
    """The text of the TOML file.

    Raises ConfigError for an unknown model or setting and InputError for data that cannot be read.
    """
    from llcommon import losses
    from llcommon.config import apply_overrides, suggestion
    from llcommon.settings import SECTION_NAMES, parse_settings, template

    if losses.is_user_model(model):
        return _user_template(model, data, target, overrides)
    known = losses.known_models()
    if model not in known:
        raise ConfigError(f"{model} is not a known loss model; {suggestion(model, known)}")
    cls = losses.model_class(model)
    tables = {"loss": {"model": model}, "data": _data_table(cls, data, target)}
    problems: list[str] = []
    apply_overrides(tables, overrides, problems, SECTION_NAMES)
    settings = parse_settings(tables, "llgmin new", losses.parameters_of, known, problems)
    subject: object = cls
    comment = f"# A landscape of the loss model {model}.\n"
    if data is not None:
        training_data = _read(data, settings, cls, tables["loss"])
        comment += _description(training_data)
        _suggest_loss(tables["loss"], cls, training_data)
        comment += _scale(tables["loss"], training_data)
    if data is not None or not cls.takes_data:
        parameters = {key: value for key, value in tables["loss"].items() if key != "model"}
        subject = losses.build(model, parameters, training_data if data is not None else None).ready()
    search = tables.setdefault("search", {})
    search.setdefault("temperature", subject.suggested_temperature)
    search.setdefault("step", subject.suggested_step)
    search.setdefault("moves", list(subject.suggested_moves))
    return f"{comment}\n{template(model, cls.Parameters, tables)}"


def _user_template(model: str, data: Path | None, target: str | None, overrides: tuple[str, ...]) -> str:
    """As new_template, for a user's model: its file is looked for in the present folder, and run."""
    from llcommon import losses
    from llcommon.config import apply_overrides
    from llcommon.data import read_csv
    from llcommon.losses.user.source import parameters_class, read_source, wishes_of
    from llcommon.settings import SECTION_NAMES, parse_settings, template

    source = read_source(model, Path())
    wishes = wishes_of(source)
    wanted = data is not None or target is not None or wishes.needs_data
    tables = {"loss": {"model": model}, "data": _data_table(wishes, data, target) if wanted else {}}
    problems: list[str] = []
    apply_overrides(tables, overrides, problems, SECTION_NAMES)
    settings = parse_settings(tables, "llgmin new", losses.parameters_of, losses.known_models(), problems)
    comment = f"# A landscape of the loss model {model}.\n"
    if data is not None:
        comment += _description(read_csv(data, settings.data, wishes.numeric_target))
    search = tables.setdefault("search", {})
    search.setdefault("temperature", wishes.suggested_temperature)
    search.setdefault("step", wishes.suggested_step)
    return f"{comment}\n{template(model, parameters_class(source), tables)}"


def _data_table(cls, data: Path | None, target: str | None) -> dict:
    """The beginnings of the [data] section. cls: has the name of the model, and whether it takes data."""
    if not cls.takes_data:
        for name, value in (("--data", data), ("--target", target)):
            if value is not None:
                raise ConfigError(f"the loss model {cls.name} takes no training data; leave out {name}")
        return {}
    if data is None:
        return {"file": _PLACEHOLDER, **({"target": target} if target else {})}
    return {"file": data.as_posix(), **({"target": target} if target else {})}


def _read(path: Path, settings, cls: type, table: dict):
    """The data; whether the target is numeric is for the data to say, by whether it is a quantity, if the model and its
    `[loss]` table leave it open."""
    from llcommon.data import read_csv

    if not cls.takes_target:
        return read_csv(path, settings.data, numeric_target=None)
    numeric = cls.numeric_target(table)
    if numeric is not None:
        return read_csv(path, settings.data, numeric_target=numeric)
    # Scaling can fail for reasons that do not matter while the kind of target is not known yet.
    as_classes = read_csv(path, replace(settings.data, scaling="none"), numeric_target=False)
    return read_csv(path, settings.data, numeric_target=_is_quantity(as_classes.class_names))


def _is_quantity(names: tuple[str, ...]) -> bool:
    """Whether the values of a column are a quantity: numbers, but not a few whole ones."""
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return False
    whole = all(number.is_integer() for number in numbers)
    return not whole or len(numbers) > _MOST_INTEGER_CLASSES


def _suggest_loss(table: dict, cls: type, data) -> None:
    """What is fitted follows from the target, if the model leaves a choice and the user made none."""
    from llcommon.config import keys_of

    choices = {key.name: key.rule.choices or () for key in keys_of(cls.Parameters)}
    if data.targets is not None and "mse" in choices.get("loss", ()):
        table.setdefault("loss", "mse")


def _scale(table: dict, data) -> str:
    """A comment, if squared errors are of another size than what the defaults are made for."""
    if table.get("loss") != "mse" or data.targets is None:
        return ""
    variance = float(data.targets.var())
    if 1.0 / _FAR <= variance <= _FAR:
        return ""
    return (
        f"# Its variance is {variance:.3g}, and the loss of that size: better scale it to about 1,\n"
        "# or lambda, the temperature of the search and loss_tolerance, whose defaults are made for that.\n"
    )


def _description(data) -> str:
    """A comment that says what the data are."""
    rows, columns = data.features.shape
    if not data.target_name:
        return f"# {data.source}: {rows} rows, {columns} feature columns.\n"
    lines = f"# {data.source}: {rows} rows, {columns} feature columns; "
    if data.class_names:
        names = ", ".join(data.class_names[:6]) + (", ..." if len(data.class_names) > 6 else "")
        names = names.replace("\n", " ").replace("\r", " ")
        return lines + f"{data.target_name} is one of {len(data.class_names)} classes ({names}).\n"
    return lines + f"{data.target_name} is a number.\n"
