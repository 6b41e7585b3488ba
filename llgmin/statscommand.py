"""`llgmin stats` and `llgmin plot`: what a landscape file tells about the search that made it."""

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
    verbose_option,
    write_properties,
    write_table,
)

PANELS = ("losses", "acceptance", "minima", "histogram", "visits")


def _record(file: Path):
    from llcommon.store import read_landscape
    from llgmin.statistics import read_record

    return read_record(read_landscape(file, points=False), file)


def _say_what_is_left_out(record, file: Path) -> None:
    from llgmin.statistics import omission

    missing = omission(record, file)
    if missing:
        log(missing)


@click.command()
@file_argument()
@click.option(
    "--shares", is_flag=True, help="List the ten most visited minima of a multi-start search and their basin volumes."
)
@json_option()
@verbose_option()
@quiet_option()
def stats(file: Path, shares, as_json) -> None:
    """Say how the search for the minima of the landscape FILE went, and what it has probably not found.

    Estimates: next_quench_is_new, the probability that one more quench ends in a minimum not found so far
    (Good-Turing), and chao1_minima, a lower bound of the number of all minima (Chao1) with a 95 % interval.
    """
    from llgmin.statistics import basin_shares, search_statistics, warnings

    record = _record(file)
    if not shares:
        _say_what_is_left_out(record, file)
        for warning in warnings(record):
            log(f"warning: {warning}")
        write_properties(search_statistics(record), as_json)
        return
    found = basin_shares(record, file)
    write_table(
        [
            Column("id", "", found.minimum),
            Column("loss", "", found.loss),
            Column("visits", "", found.visits),
            Column("share", "", [interval.value for interval in found.intervals]),
            Column("low", "", [interval.low for interval in found.intervals]),
            Column("high", "", [interval.high for interval in found.intervals]),
        ],
        as_json,
        {"quenches": found.draws},
    )
    log(f"shares of {found.draws} quenches that ended in a minimum, with Wilson's 95 % intervals")


@click.command()
@file_argument()
@output_option("Figure to write: svg, pdf or png.", required=True)
@force_option()
@click.option("--panel", type=click.Choice(PANELS), help="Draw this panel alone.")
@verbose_option()
@quiet_option()
def plot(file: Path, output: Path, force, panel) -> None:
    """Draw how the search for the minima of the landscape FILE went.

    Panels: losses of the quenches in their order, acceptance, number of distinct minima, histogram of losses, and
    visits by rank. Without a trace in FILE only the last two can be drawn.
    """
    from llcommon.plotting import figure_format
    from llcommon.store import check_writable
    from llgmin.plots import draw_search
    from llgmin.statistics import warnings

    figure_format(output)
    check_writable(output, force)
    record = _record(file)
    drawn = draw_search(record, output, panel, file)
    if panel is None:
        _say_what_is_left_out(record, file)
    if "minima" in drawn:
        for warning in warnings(record):
            log(f"warning: {warning}")
    log(f"the figure is {output} ({', '.join(drawn)})")
