"""Options that name a strategy, for the commands that choose pairs."""

from pathlib import Path

import click

from llcommon.growsettings import STRATEGIES


def strategy_options(function):
    """--strategy and --pairs: `strategy`, `pairs`, both None if not given; see `llpathsample.growoptions`."""
    named = click.option(
        "--strategy",
        type=click.Choice(STRATEGIES),
        metavar="NAME",
        help="Which minima are connected: " + ", ".join(STRATEGIES) + "; in place of that of the settings.",
    )
    listed = click.option(
        "--pairs",
        type=click.Path(path_type=Path),
        metavar="TSV",
        help="File with two ids a line, for the strategy list.",
    )
    return named(listed(function))
