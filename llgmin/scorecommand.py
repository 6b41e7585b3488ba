"""The command `score` of llgmin: how well the minima of a landscape predict."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
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


@click.command()
@file_argument()
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Test data: a table with the columns of the training data, in any order; further ones are passed over.",
)
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="Only the N minima of lowest loss.")
@output_option("Landscape file to write, FILE with the scores; without it they are only listed.")
@force_option("Replace an output that exists already, which may be FILE.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def score(file: Path, test, lowest, output, force, as_json) -> None:
    """Score the minima of the landscape FILE by their predictions on its training data, and on test data.

    Classes: log loss, accuracy, AUC, Brier score, calibration error; numbers: mse, R^2, mean absolute error. The table
    lists them beside the loss that was minimised; of a predictor file of `llpathsample ensemble` a last row has the
    scores of the ensemble. With -o those of the minima are kept, for `list` and `show` of any program.
    """
    from llcommon import scoring as scores
    from llcommon.data import read_rows
    from llcommon.store import check_writable, read_landscape, write_landscape

    if output is not None:
        check_writable(output, force)
    landscape = read_landscape(file)
    scores.check_predicts(landscape, str(file))
    if output is not None:
        _refuse_data_as_output(output, file, landscape, test)
    rows = None if test is None else read_rows(test, landscape.data)
    count = min(lowest or len(landscape.minima), len(landscape.minima))
    with Progress(count, "scoring") as progress:
        scoring = scores.score(landscape, rows, lowest, progress.update)
    if output is not None:
        landscape.provenance.append(_provenance(landscape, file, rows))
        scores.keep(landscape, scoring)
        write_landscape(output, landscape)
    _report(landscape, scoring, as_json)
    if output is not None:
        log(f"scores of {len(scoring.ids)} of {len(landscape.minima)} minima in {output}")


def _refuse_data_as_output(output: Path, file: Path, landscape, test: Path | None) -> None:
    """Raise ConfigError if the output would replace test or training data, also with -f."""
    from llcommon.errors import ConfigError

    inputs = [] if test is None else [test]
    names = (landscape.settings.data.file, landscape.data.source)
    inputs += [file.parent / name for name in names if name is not None]
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise ConfigError(f"the output {output} is data to be read; give another name by -o")


def _provenance(landscape, file: Path, rows) -> dict:
    """The record of this run; the landscape's file is still the one that was read."""
    from llcommon.config import fingerprint
    from llcommon.provenance import file_sha256, record
    from llcommon.settings import settings_to_tables

    inputs = {"landscape": file_sha256(file), "data": landscape.data.sha256}
    if rows is not None:
        inputs["test"] = rows.sha256
    return record("llgmin", "score", inputs, fingerprint(settings_to_tables(landscape.settings)), None)


def _report(landscape, scoring, as_json: bool) -> None:
    """The table to standard output, what is best and what goes with the loss to standard error."""
    from llcommon.scoring import best, loss_correlations

    losses = landscape.minima.loss
    bests = {column.score.name: best(column, losses) for column in scoring.columns}
    correlations = loss_correlations(scoring, losses)
    extra = {
        "scores": {column.score.name: column.score.about for column in scoring.columns},
        "best": {
            name: None if found is None else {"minimum": found.minimum, "value": found.value, "alike": found.count}
            for name, found in bests.items()
        },
        "rank_correlations_with_loss": correlations,
        "notes": scoring.notes,
    }
    columns = [Column("id", "", scoring.ids.tolist()), Column("loss", "", losses[scoring.ids].tolist())]
    columns += [Column(column.score.name, "", column.values[scoring.ids].tolist()) for column in scoring.columns]
    if scoring.ensemble is not None:
        extra["ensemble"] = dict(zip(bests, scoring.ensemble, strict=True))
        for column, value in zip(columns, ["ensemble", float("nan"), *scoring.ensemble], strict=True):
            column.values.append(value)
    write_table(columns, as_json, extra)
    for note in scoring.notes:
        log(note)
    for name, found in bests.items():
        if found is not None:
            log(f"{name}: {_best_text(found)}")
    for name, value in correlations.items():
        if value == value:  # NaN: fewer than two values, or all equal
            log(f"rank correlation of training loss and {name}: {value:.3f}")


def _best_text(found) -> str:
    """Where a score is best, and what it is at the minimum of lowest loss."""
    alike = f", and {found.count - 1} more alike" if found.count > 1 else ""
    return f"best {found.value:.6g} at minimum {found.minimum}{alike}; {found.value_at_lowest:.6g} at the lowest"
