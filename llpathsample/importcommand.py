"""The command `import` of llpathsample: networks of other programs, verified."""

from pathlib import Path

import click

from llcommon.cli import (
    Progress,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    trust_option,
    verbose_option,
    write_properties,
)

_FORMATS = ("suite", "path.info", "min.data.info", "lowest", "topsearch")
_MOST_SHOWN = 20


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@output_option("Landscape file to write.", required=True)
@force_option()
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    help="What SOURCE is; default: told by its name.",
)
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="TOML", help="TOML file of the loss model and its data."
)
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Landscape file whose model, data and settings serve.",
)
@click.option(
    "--table",
    type=click.IntRange(1),
    metavar="N",
    help="Take the table as it is, without coordinates, of minima with N vibrational degrees of freedom.",
)
@click.option("--reconverge", is_flag=True, help="Refine points that are looser than the tolerances of the landscape.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def import_network(source: Path, output: Path, force, kind, model, like, table, reconverge, as_json) -> None:
    """Import a network of another program from SOURCE, a folder or a file, into a new landscape file.

    Without --model, --like and --table the loss is that of the MLPVB3 line in the folder's pathdata, odata or data,
    with its MLPdata. Every point is verified; what fails is listed with the reason and not stored.
    """
    from llcommon.errors import ConfigError, NothingFound
    from llcommon.interchange.admission import admit, tabulate
    from llcommon.interchange.reading import READERS, format_of
    from llcommon.store import check_writable, write_landscape

    if sum(choice is not None for choice in (model, like, table)) > 1:
        raise ConfigError("--model, --like and --table exclude each other: give one of them")
    if table is not None and reconverge:
        raise ConfigError("--reconverge needs a loss, which --table does without")
    check_writable(output, force)
    kind = kind or format_of(source)
    landscape = _empty(source, model, like, table)
    database = READERS[kind](source, landscape.declared.dimension)
    for note in database.notes:
        log(f"note: {note}")
    landscape.provenance.append(_record(landscape, source, database))
    if table is not None:
        admission = tabulate(landscape, database)
    else:
        with Progress(len(database.minima) + len(database.states), "verifying") as progress:
            admission = admit(landscape, database, reconverge, progress.update)
    _report(landscape, database, admission, output, as_json)
    if not len(landscape.minima):
        raise NothingFound(f"no minimum of {source} passed its verification, so {output} was not written")
    write_landscape(output, landscape)
    log(f"{len(landscape.minima)} minima, {len(landscape.transition_states)} transition states in {output}")


def _empty(source: Path, model: Path | None, like: Path | None, table: int | None):
    """The empty landscape that the options ask for."""
    from llcommon.interchange.models import suite_landscape, table_landscape
    from llcommon.problem import empty_copy, read_problem

    if model is not None:
        return read_problem(model)
    if like is not None:
        return empty_copy(like)
    if table is not None:
        return table_landscape(table)
    return suite_landscape(source if source.is_dir() else source.parent)


def _record(landscape, source: Path, database) -> dict:
    from llcommon.config import fingerprint
    from llcommon.provenance import file_sha256, record
    from llcommon.settings import settings_to_tables

    files = {"minima": database.minima.path, "transition states": database.states.path}
    inputs = {role: file_sha256(path) for role, path in files.items() if path.is_file()}
    notes = landscape.declared.notes()
    return record("llpathsample", "import", inputs, fingerprint(settings_to_tables(landscape.settings)), None, notes)


def _report(landscape, database, admission, output: Path, as_json: bool) -> None:
    """What was read and what became of it."""
    for note in admission.notes:
        log(f"note: {note}")
    failures = admission.refusals
    for failure in failures[:_MOST_SHOWN]:
        log(f"not stored: {failure}")
    if len(failures) > _MOST_SHOWN:
        log(f"not stored: {len(failures) - _MOST_SHOWN} more points; --json lists all")
    report = {
        "file": str(output),
        "minima_read": len(database.minima),
        "minima": len(landscape.minima),
        "transition_states_read": len(database.states),
        "transition_states": len(landscape.transition_states),
        "pairs_tried": len(landscape.pairs),
        "sets": {name: len(rows) for name, rows in database.sets.items()},
        "reconverged": admission.reconverged,
        "rejoined": admission.rejoined,
        "not_stored": len(failures),
    }
    if as_json:
        report["minimum_ids"] = admission.minimum_ids
        report["failures"] = [
            {"kind": failure.kind, "number": failure.number, "place": failure.place, "problem": failure.problem}
            for failure in failures
        ]
    write_properties(report, as_json)
