"""Options that mean the same in every command of the family: one decorator each.

    @click.command()
    @file_argument()
    @output_option(required=True)
    @force_option()
    def merge(file, output, force): ...
"""

import math
import re
from pathlib import Path

import click

from llcommon import trust
from llcommon.cli.output import NORMAL, QUIET, console

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_WITH_UNITS = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_CLOCK = re.compile(r"\d+(?::\d{1,2}){1,2}")


class Duration(click.ParamType):
    """A positive time: seconds, 90s, 10m, 2h, 1h30m, 1d, minutes:seconds or hours:minutes:seconds."""

    name = "time"

    def convert(self, value, param, ctx) -> float:
        """Seconds."""
        if isinstance(value, int | float):
            return float(value)
        seconds = self._seconds(value.strip().lower())
        if seconds is None or not 0.0 < seconds < math.inf:
            self.fail(f"{value} is not a time such as 600, 10m, 2h or 1:30:00", param, ctx)
        return seconds

    @staticmethod
    def _seconds(text: str) -> float | None:
        if _WITH_UNITS.fullmatch(text):
            return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        if _CLOCK.fullmatch(text):
            seconds = 0.0
            for part in text.split(":"):
                seconds = 60.0 * seconds + float(part)
            return seconds
        try:
            return float(text)
        except ValueError:
            return None


def file_argument(name: str = "file", **settings):
    """An input file, as a Path; whether it is there is the reader's business (exit code 3)."""
    return click.argument(name, type=click.Path(path_type=Path), **settings)


def output_option(help: str = "File to write.", **settings):
    """-o, --output: a Path as `output`, None if it is not given (or give `required`, `default`)."""
    kind = click.Path(path_type=Path)
    return click.option("-o", "--output", metavar="FILE", type=kind, help=help, **settings)


def force_option(help: str = "Replace an output that exists already."):
    """-f, --force: `force`."""
    return click.option("-f", "--force", is_flag=True, help=help)


def seed_option(help: str = "Seed of the random numbers, in place of that of the settings."):
    """-s, --seed: `seed`, None if it is not given."""
    return click.option("-s", "--seed", type=click.IntRange(0), metavar="N", help=help)


def set_option(help: str = "Change a setting, such as search.steps=1000; may be given several times."):
    """--set section.key=value: `overrides`, a tuple of strings for llcommon.config.apply_overrides."""
    return click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help=help)


def jobs_option(help: str = "Processes that work at the same time; default: the cores that are available."):
    """-j, --jobs: `jobs`, at least 1."""
    return click.option(
        "-j", "--jobs", type=click.IntRange(1), metavar="N", default=_available_cores, help=help
    )


def _available_cores() -> int:
    from llcommon.parallel import available_cores

    return available_cores()


def dry_run_option(help: str = "Check the input and say what would be done, without doing it."):
    """-n, --dry-run: `dry_run`."""
    return click.option("-n", "--dry-run", is_flag=True, help=help)


def time_limit_option(help: str = "Stop with a checkpoint after this time: seconds, 10m, 2h or 1:30:00."):
    """--time-limit: `time_limit`, seconds or None."""
    return click.option("--time-limit", type=Duration(), metavar="TIME", help=help)


def json_option(help: str = "Write one JSON document in place of a table."):
    """--json: `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def trust_option():
    """--trust: leave for `llcommon.trust` to run source that a landscape file holds; no parameter."""

    def grant(ctx, param, value):
        if value:
            trust.grant()

    return click.option(
        "--trust", is_flag=True, expose_value=False, callback=grant,
        help="Run the Python source of a user's loss model that FILE holds.",
    )


def gradient_check_option():
    """--no-gradient-check: `check_derivatives`, True unless it is given."""
    return click.option(
        "--no-gradient-check", "check_derivatives", is_flag=True, flag_value=False, default=True,
        help="Do not compare the derivatives of a user's loss model with differences before the search.",
    )


def verbose_option():
    """-v, --verbose: sets what `log` shows; no parameter."""

    def count(ctx, param, value):
        if value:
            console.verbosity = NORMAL + value

    return click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=count, help="Say more; -vv: still more."
    )


def quiet_option():
    """-q, --quiet: no log and no progress bar; no parameter."""

    def silence(ctx, param, value):
        if value:
            console.verbosity = QUIET

    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=silence,
        help="Say nothing but errors.",
    )
