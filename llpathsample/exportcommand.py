"""The command `export` of llpathsample: networks for other programs."""

import re
from pathlib import Path

import click

from llcommon.cli import (
    file_argument,
    force_option,
    log,
    output_option,
    quiet_option,
    trust_option,
    verbose_option,
)

# As in llcommon.interchange.writing, whose import would slow --help down.
_FORMATS = ("suite", "path.info", "min.data.info", "lowest", "topsearch", "graphml", "npz", "rates", "pygt")
_BY_ENDING = {".graphml": "graphml", ".npz": "npz"}
_WITH_TEMPERATURE = ("suite", "rates", "pygt")


@click.command("export")
@file_argument()
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    help="What to write; default: what the ending of the output says, .graphml or .npz, else suite.",
)
@output_option("File, or folder, to write; default: the landscape file's name with an ending of the format.")
@force_option("Replace an output that exists already; a folder only if all of it was exported.")
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, min_open=True),
    metavar="T",
    help="Of rates, in units of the loss; default: what the loss model suggests for searches.",
)
@click.option("--set-a", metavar="IDS", help="Minima of set A (products): ids with commas, or a file of ids.")
@click.option("--set-b", metavar="IDS", help="Minima of set B (reactants), likewise.")
@trust_option()
@verbose_option()
@quiet_option()
def export_network(file: Path, kind: str | None, output, force, temperature, set_a, set_b) -> None:
    """Write the network of the landscape FILE for another program.

    \b
    suite          folder for PATHSAMPLE and disconnectionDPS, which run in it at once
    path.info      triples of OPTIM
    min.data.info  minima of OPTIM
    lowest         minima of GMIN
    topsearch      folder of text files for topsearch
    graphml        graph with attributes for networkx, Gephi, igraph
    npz            all tables as a NumPy archive
    rates          sparse matrix of rates, by scipy.sparse.load_npz
    pygt           folder of files for PyGT

    Sets A and B are those that were imported with the network, unless given; else the global minimum, and all others
    connected to it.
    """
    from llcommon.errors import InputError
    from llcommon.interchange.folders import check_folder, replace_folder, write_stream
    from llcommon.interchange.writing import FORMATS, Wishes
    from llcommon.store import check_writable, read_landscape, replace_file

    if kind is None:
        kind = _BY_ENDING.get(output.suffix.lower(), "suite") if output is not None else "suite"
    form = FORMATS[kind]
    output = output or file.with_name(f"{file.stem}{form.ending}")
    if form.names:
        check_folder(output, force, form.names)
    else:
        check_writable(output, force)
    landscape = read_landscape(file)
    if not len(landscape.minima):
        raise InputError(f"{file} holds no minima; make some with llgmin run")
    sets = {name: _ids(given, landscape, file, option) for name, given, option in _sets(set_a, set_b)}
    if temperature is None:
        temperature = float(landscape.declared.suggested_temperature)
        if kind in _WITH_TEMPERATURE:
            log(f"temperature {temperature:g}, which the loss model suggests; --temperature sets another")
    content = form.make(landscape, Wishes(temperature, sets))
    if form.names:
        replace_folder(output, content, form.names)
    else:

        def write(temporary: Path) -> None:
            with open(temporary, "wb") as stream:
                write_stream(stream, content)

        replace_file(output, write)
    log(f"{len(landscape.minima)} minima, {len(landscape.transition_states)} transition states in {output}")
    _say_what_is_lost(landscape, kind)


def _sets(set_a: str | None, set_b: str | None):
    return ("A", set_a, "--set-a"), ("B", set_b, "--set-b")


def _ids(given: str | None, landscape, file: Path, option: str):
    """Ids, ascending, of a set, from a list with commas or a file with white space; None if it is not given."""
    from llcommon.config import read_bytes
    from llcommon.errors import ConfigError
    from llcommon.filecommands import checked_id

    if given is None:
        return None
    words = given.split(",")
    if not re.fullmatch(r"[\d, ]+", given):
        words = read_bytes(given).decode(errors="replace").split()
    try:
        ids = [int(word) for word in words]
    except ValueError as error:
        raise ConfigError(f"{option} {given}: ids are whole numbers with commas between, or alone in a file") from error
    for number in ids:
        checked_id(landscape, number, file)
    return sorted(set(ids))


def _say_what_is_lost(landscape, kind: str) -> None:
    if kind == "suite" and landscape.declared.suite_keywords() is None:
        log("note: the suite lacks this loss: PATHSAMPLE and disconnectionDPS run there, OPTIM and GMIN do not")
    if kind == "topsearch":
        from llcommon.interchange.topsearch import kept_states

        left = len(landscape.transition_states) - len(kept_states(landscape))
        if left:
            log(f"note: topsearch has room for the lowest transition state of two minima: {left} left out")
