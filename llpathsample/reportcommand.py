"""The command `report` of llpathsample: all of a landscape on one page."""

from pathlib import Path

import click

from llcommon.cli import file_argument, force_option, log, output_option, quiet_option, trust_option, verbose_option
from llpathsample.analysiscommands import set_options, temperature_options
from llpathsample.report.names import NAMES


class Names(click.ParamType):
    """NAME,NAME,...: sections."""

    name = "sections"

    def convert(self, value, param, ctx) -> tuple[str, ...]:
        """The names, each a section."""
        if isinstance(value, tuple):
            return value
        from llcommon.config import suggestion

        found = tuple(name.strip() for name in value.split(",") if name.strip())
        for name in found:
            if name not in NAMES:
                self.fail(f"{name} is not a section; {suggestion(name, NAMES)}", param, ctx)
        if not found:
            self.fail(f"no section is named; there are {', '.join(NAMES)}", param, ctx)
        return found


@click.command()
@file_argument()
@output_option("Page to write, .html.", required=True)
@force_option()
@click.option("--title", metavar="TEXT", help="Title of the page; default: model and data.")
@click.option("--sections", type=Names(), metavar="NAMES", help=f"Only these, with commas between: {', '.join(NAMES)}.")
@click.option("--without", type=Names(), metavar="NAMES", help="All but these.")
@temperature_options()
@set_options()
@trust_option()
@verbose_option()
@quiet_option()
def report(file: Path, output: Path, force, title, sections, without, temperature, temperatures, set_a, set_b) -> None:
    """Write one self-contained page about the landscape FILE, for readers who were not there.

    It says what was searched, how complete it is, and what the landscape is like: tree, thermodynamics, rates,
    structure, scores; and of each section what it means and what was left out. --temperature sets the temperatures of
    tables, --temperatures those of curves.
    """
    from llcommon.errors import ConfigError
    from llcommon.provenance import file_sha256
    from llcommon.store import check_writable, read_landscape, replace_file
    from llpathsample.analysiscommands import given_temperatures
    from llpathsample.commands import require_minima
    from llpathsample.report.material import Material
    from llpathsample.report.sections import report_page

    if output.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{output}: the report is a page, end the name in .html")
    names = tuple(name for name in NAMES if name in (sections or NAMES) and name not in (without or ()))
    if not names:
        raise ConfigError("--without leaves no section; name fewer")
    check_writable(output, force)
    tables = given_temperatures(temperature, None)
    curves = given_temperatures((), temperatures)
    landscape = read_landscape(file, points=False)
    require_minima(landscape, file)
    material = Material(
        landscape,
        file.name,
        file_sha256(file),
        _freedom(landscape, file),
        tables,
        curves,
        _sets(landscape, set_a, set_b),
    )
    page = report_page(material, title or _title(landscape), names)
    replace_file(output, lambda temporary: temporary.write_text(page, encoding="utf-8"))
    log(f"{len(names)} section{'s' * (len(names) > 1)} in {output}, {len(page.encode()) / 1e6:.1f} MB")


def _title(landscape) -> str:
    data = "" if landscape.data is None else f" on {landscape.data.source}"
    return f"The loss landscape of {landscape.declared.name}{data}"


def _freedom(landscape, file: Path):
    """Degrees of freedom of the minima, or the sentence that says why they are not known."""
    from llcommon.errors import LandscapeError
    from llpathsample.thermocommands import freedom_of

    try:
        return freedom_of(landscape, file)
    except LandscapeError as error:
        log(f"note: {error}")
        return f"Not computed: {error}."


def _sets(landscape, set_a: str | None, set_b: str | None):
    """Sets A and B that were given, or that the file holds; None if there are neither."""
    from llcommon.interchange.admission import stored_set
    from llpathsample.analysiscommands import chosen_sets
    from llpathsample.report.material import Sets

    stored = any(stored_set(landscape, name) is not None for name in "AB")
    if set_a is None and set_b is None and not stored:
        return None
    given = set_a is not None or set_b is not None
    return Sets(
        *chosen_sets(landscape, set_a, set_b), "the sets that were asked for" if given else "those that the file holds"
    )
