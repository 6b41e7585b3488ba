"""The commands `export` and `predict` of llgmin: minima put to use."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    trust_option,
    verbose_option,
    write_table,
)

_FORMATS = ("npz", "sklearn", "torch", "suite")


@click.command()
@file_argument()
@click.argument("point_id", metavar="[ID]", type=int, required=False)
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    default="npz",
    show_default=True,
    help="NumPy archive, pickled estimator, state dictionary, or coordinates in the order of the original suite.",
)
@output_option("File to write; default: the landscape file's name with the ID and the ending of the format.")
@force_option()
@trust_option()
@verbose_option()
@quiet_option()
def export(file: Path, point_id: int | None, kind: str, output, force) -> None:
    """Write minimum ID of the landscape FILE as a file that other programs predict from.

    A predictor of `llpathsample ensemble`, without ID, is written with all its members by --format sklearn.

    Estimators and state dictionaries take raw feature rows: the scaling of the training data is folded in.
    """
    from llcommon.errors import ConfigError
    from llcommon.filecommands import checked_id
    from llcommon.interchange.predictors import FORMATS, scikit_learn_ensemble
    from llcommon.store import check_writable, read_landscape, replace_file

    if point_id is None and kind != "sklearn":
        raise ConfigError(f"give the ID of a minimum to export by --format {kind}; see `list` for those there are")
    suffix, content_of = FORMATS[kind]
    output = output or file.with_name(f"{file.stem}{'' if point_id is None else f'-{point_id}'}{suffix}")
    check_writable(output, force)
    landscape = read_landscape(file)
    if point_id is None:
        content = scikit_learn_ensemble(landscape)
        replace_file(output, lambda temporary: temporary.write_bytes(content))
        log(f"the ensemble of {len(landscape.ensemble.members)} minima in {output}")
        return
    checked_id(landscape, point_id, file)
    content = content_of(landscape, point_id)
    replace_file(output, lambda temporary: temporary.write_bytes(content))
    log(f"minimum {point_id}, loss {landscape.minima.loss[point_id]:.12g}, in {output}")


@click.command()
@file_argument()
@click.argument("rows", metavar="CSV", type=click.Path(path_type=Path))
@click.option(
    "--minimum",
    "point_id",
    type=int,
    metavar="ID",
    help="The minimum that predicts; default: the ensemble of a predictor file, else the lowest.",
)
@click.option(
    "--mix",
    type=float,
    metavar="T",
    help="Mix the predictions of all minima by their harmonic weights at temperature T; 1 for a Gaussian process.",
)
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="With --mix: only the N minima of lowest loss.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def predict(file: Path, rows: Path, point_id: int | None, mix: float | None, lowest: int | None, as_json) -> None:
    """Predict for the rows of a table CSV with a minimum of the landscape FILE, or with several.

    A FILE of `llpathsample ensemble --export` predicts with its members, combined as it says.
    CSV has the feature columns of the training data, in any order; others, also the target, are passed over. Classes:
    the most probable one and the probabilities; numbers: the prediction and its variance, if the model has one. Of a
    mixture also the variance between its minima.
    """
    from llcommon.data import read_features
    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llgmin import prediction

    if mix is not None and point_id is not None:
        raise ConfigError("--minimum cannot be combined with --mix, which takes all minima")
    if lowest is not None and mix is None:
        raise ConfigError("--lowest is for --mix; give the temperature, or --minimum for one of the minima")
    if mix is not None and not 0.0 < mix < float("inf"):
        raise ConfigError(f"--mix {mix:g}: the temperature must be positive and finite, in units of the loss")

    landscape = read_landscape(file)
    prediction.check_predicts(landscape, str(file))
    features = read_features(rows, landscape.data)
    if mix is None and point_id is None and landscape.ensemble is not None:
        predicted = prediction.of_ensemble(landscape, features)
    elif mix is None:
        predicted = prediction.of_minimum(landscape, _chosen(landscape, point_id, file), features)
    else:
        predicted = prediction.of_mixture(landscape, mix, lowest, features)
    columns = [Column("row", "", range(len(features)))]
    columns += [Column(name, "", values) for name, values in predicted.columns]
    write_table(columns, as_json, predicted.described)
    log(predicted.sentence)


def _chosen(landscape, point_id: int | None, file: Path) -> int:
    from llcommon.filecommands import checked_id

    if point_id is None:
        return int(landscape.minima.loss.argmin())
    return checked_id(landscape, point_id, file)
