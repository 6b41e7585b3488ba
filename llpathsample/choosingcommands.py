"""What `choose` and `choose-k` share: options of the landscapes that they have made, and the making."""

from pathlib import Path

import click

from llcommon.cli import Progress, StopRequest, log


def size_options():
    """--minima N and --pairs N, of each landscape: `minima`, `pairs`, 0 for what the settings say."""

    def decorate(command):
        command = click.option(
            "--pairs", type=click.IntRange(0), default=200, show_default=True, metavar="N",
            help="Try at most N pairs of minima when a landscape is grown; 0: as many as [grow] budget says.",
        )(command)
        return click.option(
            "--minima", type=click.IntRange(0), default=50, show_default=True, metavar="N",
            help="Grow each landscape from its N lowest minima; 0: from as many as [search] save says.",
        )(command)

    return decorate


def ratio_option():
    """--barrier-ratio X: `ratio`."""
    return click.option(
        "--barrier-ratio", "ratio", type=click.FloatRange(0.0), default=5.0, show_default=True, metavar="X",
        help="Least barrier ratio of a funnel, as of llpathsample basins.",
    )


def size_of(minima: int, pairs: int) -> tuple[str, ...]:
    """--minima and --pairs as settings."""
    save = (f"search.save={minima}",) if minima else ()
    budget = (f"grow.budget={pairs}",) if pairs else ()
    return (*save, *budget)


def make_all(wanted, folder: Path, jobs: int, time_limit: float | None) -> list:
    """What has become of each landscape, with a bar; a stop says how to go on."""
    from llcommon.errors import NothingFound
    from llpathsample.making import FINISHED, make_landscapes, states_of

    there = sum(state == FINISHED for state in states_of(wanted, folder))
    if there:
        log(f"{there} of {len(wanted)} landscapes are in {folder} already")
    with StopRequest(time_limit) as stop, Progress(None, "making landscapes") as progress:

        def report(name: str, text: str) -> None:
            log(f"{name}: {text}")
            progress.update(0, f"{name}: {text}")

        with stop.reported(f"all that was found is kept in {folder}"):
            made = make_landscapes(wanted, folder, jobs, report, stop)
    for each in made:
        if each.path is None:
            log(f"warning: {each.name}: {each.problem}")
    if wanted and all(each.path is None for each in made):
        raise NothingFound("no landscape has a minimum; " + made[0].problem)
    return made
