"""The command `train` of llgmin: training runs, and the minima below their ends."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    dry_run_option,
    file_argument,
    force_option,
    gradient_check_option,
    jobs_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    set_option,
    time_limit_option,
    verbose_option,
    write_table,
)

_MOST_LINES = 10


@click.command()
@file_argument("settings")
@output_option("Landscape file to write; default: the settings file with the ending .h5.")
@force_option()
@seed_option()
@set_option()
@jobs_option("Processes that train at the same time; default: the cores that are available.")
@time_limit_option()
@gradient_check_option()
@dry_run_option()
@json_option("The table as one JSON document.")
@verbose_option()
@quiet_option()
def train(
    settings: Path, output, force, seed, overrides, jobs, time_limit, check_derivatives, dry_run, as_json
) -> None:
    """Train the model that the TOML file SETTINGS describes from many starts, as [train] and [starts] say.

    Points of each run are kept in the landscape file, and its end is quenched to the minimum of the whole loss below.
    The table has a row for each run. Runs that were stopped go on when the same command is run again.
    """
    from llcommon.errors import NothingFound
    from llgmin.commands import open_search, run_search
    from llgmin.training import Training

    search, going_on = open_search("train", Training, settings, output, force, seed, overrides, check_derivatives)
    if dry_run:
        return
    try:
        run_search(search, jobs, time_limit, going_on)
    except NothingFound:
        _report(search, as_json)
        raise
    _report(search, as_json)
    landscape = search.landscape
    log(f"{len(landscape.training)} points of the runs and {len(landscape.minima)} minima in {search.path}")


def _report(search, as_json: bool) -> None:
    """A row for each run; and which minima they found, how often."""
    from llgmin.training import shares, trained_runs

    runs = trained_runs(search.landscape, search.walkers)
    write_table(
        [
            Column("run", "", [run.run for run in runs]),
            Column("epochs", "", [run.epochs for run in runs]),
            Column("loss", "", [run.loss for run in runs]),
            Column("minimum", "", [run.minimum for run in runs]),
            Column("minimum_loss", "", [run.minimum_loss for run in runs]),
            Column("status", "", [run.status for run in runs]),
        ],
        as_json,
    )
    found = shares(runs)
    for minimum, loss, count in found[:_MOST_LINES]:
        log(f"minimum {minimum}, loss {loss:.10g}: {count} of {len(runs)} runs")
    if len(found) > _MOST_LINES:
        rest = sum(count for _, _, count in found[_MOST_LINES:])
        log(f"{len(found) - _MOST_LINES} higher minima: {rest} of {len(runs)} runs")
    without = sum(run.minimum is None for run in runs)
    if without:
        log(f"no minimum: {without} of {len(runs)} runs; the last column says why")
