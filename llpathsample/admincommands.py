"""The commands of llpathsample that make a smaller landscape of a large one; the file they read stays as it is."""

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
    write_table,
)


def _writing_options(command):
    """What all of them take."""
    for option in (
        quiet_option(),
        verbose_option(),
        json_option(),
        force_option(),
        output_option("Landscape file to write.", required=True),
    ):
        command = option(command)
    return command


def _ids_options(command):
    """IDs as arguments or in a file."""
    from_file = click.option(
        "--ids", "ids_file", type=click.Path(path_type=Path), metavar="FILE",
        help="Take the ids from a text file: the first word of each line, such as a table of `list`.",
    )
    return click.argument("ids", nargs=-1, type=click.IntRange(0), metavar="[ID]...")(from_file(command))


def _chosen_ids(ids: tuple[int, ...], ids_file: Path | None) -> list[int]:
    """All ids of the command line and of the file. ConfigError if there are none."""
    from llcommon.errors import ConfigError
    from llpathsample.idfiles import leading_ids

    found = [*ids, *(leading_ids(ids_file) if ids_file is not None else [])]
    if not found:
        raise ConfigError("no point is named: give ids, or a file of them by --ids")
    return found


def _opened(file: Path, output: Path, force: bool):
    """The landscape of a file, after a look whether the output can be written and is another file."""
    from llcommon.store import check_other, read_landscape

    check_other(output, file, force)
    return read_landscape(file)


def _write(landscape, choice, file: Path, output: Path, command: str, options: dict, as_json: bool) -> None:
    """Write what was chosen of a landscape, and the table of its old and new ids."""
    import numpy as np

    from llcommon.errors import NothingFound
    from llcommon.provenance import file_sha256
    from llcommon.store import write_landscape
    from llpathsample.commands import record_of

    if not len(choice.minima):
        raise NothingFound(f"no minimum of {file} would be left; {output} was not written")
    before = len(landscape.minima), len(landscape.transition_states)
    landscape.forget_search()
    for note in landscape.keep(choice.minima, choice.transition_states):
        log(f"note: {note}")
    made = record_of(command, landscape, {"landscape": file_sha256(file)})
    landscape.provenance.append({**made, "options": options})
    write_landscape(output, landscape)
    after = len(landscape.minima), len(landscape.transition_states)
    columns = [
        Column("kind", "", ["minimum"] * after[0] + ["transition state"] * after[1]),
        Column("old_id", "", np.concatenate([choice.minima, choice.transition_states])),
        Column("new_id", "", np.concatenate([np.arange(number) for number in after])),
    ]
    write_table(columns, as_json, {"output": str(output), "minima": after[0], "transition_states": after[1]})
    log(f"{after[0]} of {before[0]} minima and {after[1]} of {before[1]} transition states in {output}")


@click.command()
@file_argument()
@click.option("--unconnected", is_flag=True, help="Minima that no path joins to the lowest one go.")
@click.option("--above", type=float, metavar="LOSS", help="Minima and transition states of a higher loss go.")
@click.option(
    "--fewer-than", type=click.IntRange(1), metavar="N",
    help="Minima with fewer connections go, then those that have too few without them, and so on.",
)
@click.option(
    "--max-barrier", type=click.FloatRange(0.0), metavar="LOSS",
    help="Transition states that lie more above both of their minima go.",
)
@_writing_options
def prune(file: Path, unconnected, above, fewer_than, max_barrier, output: Path, force, as_json) -> None:
    """Write the landscape FILE without what lies beyond the limits, to a new file.

    Limits hold all at once, in what is left. The table that is written gives the old and new id of every point.
    """
    import math

    from llcommon.errors import ConfigError
    from llpathsample.administration import Limits, pruned

    limits = {"above": above, "fewer_than": fewer_than, "max_barrier": max_barrier, "unconnected": unconnected or None}
    given = {name: value for name, value in limits.items() if value is not None}
    if not given:
        raise ConfigError("nothing is to go: give --unconnected, --above, --fewer-than or --max-barrier")
    if any(math.isnan(value) for value in (above, max_barrier) if value is not None):
        raise ConfigError("--above and --max-barrier need numbers")
    landscape = _opened(file, output, force)
    choice = pruned(landscape, Limits(above, fewer_than, max_barrier, unconnected))
    _write(landscape, choice, file, output, "prune", given, as_json)


@click.command()
@file_argument()
@_ids_options
@click.option("--ts", is_flag=True, help="The ids are those of transition states; all minima stay.")
@_writing_options
def remove(file: Path, ids, ids_file, ts, output: Path, force, as_json) -> None:
    """Write the landscape FILE without the minima ID and what leads to them, to a new file.

    The table that is written gives the old and new id of every point that is left.
    """
    from llpathsample.administration import without

    chosen = _chosen_ids(ids, ids_file)
    landscape = _opened(file, output, force)
    choice = without(landscape, chosen, ts)
    _write(landscape, choice, file, output, "remove", {"removed": len(set(chosen)), "ts": ts}, as_json)


@click.command()
@file_argument()
@_ids_options
@click.option("--ts", is_flag=True, help="The ids are those of transition states; all minima stay.")
@_writing_options
def retain(file: Path, ids, ids_file, ts, output: Path, force, as_json) -> None:
    """Write of the landscape FILE only the minima ID and what joins two of them, to a new file.

    The table that is written gives the old and new id of every point that is left.
    """
    from llpathsample.administration import only

    chosen = _chosen_ids(ids, ids_file)
    landscape = _opened(file, output, force)
    choice = only(landscape, chosen, ts)
    _write(landscape, choice, file, output, "retain", {"retained": len(set(chosen)), "ts": ts}, as_json)


@click.command()
@file_argument()
@_ids_options
@click.option("--ts", is_flag=True, help="The ids are those of transition states; they come with their minima.")
@click.option("--component", type=click.IntRange(0), metavar="ID", help="All that paths join to this minimum.")
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="The N minima of lowest loss.")
@_writing_options
def extract(file: Path, ids, ids_file, ts, component, lowest, output: Path, force, as_json) -> None:
    """Write a part of the landscape FILE to a new file: some minima, one component, or the lowest minima.

    Transition states between the minima come with them. The table that is written gives the old and new id of every
    point. Merged with FILE, the part adds nothing to it.
    """
    from llcommon.errors import ConfigError
    from llpathsample import administration

    by_ids = bool(ids) or ids_file is not None
    if by_ids + (component is not None) + (lowest is not None) != 1:
        raise ConfigError("give one of: ids (or --ids), --component, --lowest")
    if ts and not by_ids:
        raise ConfigError("--ts needs the ids of transition states")
    chosen = _chosen_ids(ids, ids_file) if by_ids else []
    landscape = _opened(file, output, force)
    if component is not None:
        choice = administration.component(landscape, component)
        options = {"component": component}
    elif lowest is not None:
        choice = administration.lowest(landscape, lowest)
        options = {"lowest": lowest}
    else:
        choice = administration.triples(landscape, chosen) if ts else administration.only(landscape, chosen, ts=False)
        options = {"extracted": len(set(chosen)), "ts": ts}
    _write(landscape, choice, file, output, "extract", options, as_json)
