"""The commands of llgmin: read, one library call, write, report."""

import math
from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
    StopRequest,
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
    trust_option,
    verbose_option,
    write_properties,
    write_table,
)

_LANDSCAPE_SUFFIXES = (".h5", ".hdf5")


def _provenance(landscape, command: str) -> dict:
    """The record of this run."""
    from llcommon.config import fingerprint
    from llcommon.provenance import record
    from llcommon.settings import settings_to_tables

    inputs = {} if landscape.data is None else {"data": landscape.data.sha256}
    settings = fingerprint(settings_to_tables(landscape.settings))
    notes = landscape.model.notes()
    return record("llgmin", command, inputs, settings, landscape.settings.search.seed, notes)


def _describe(landscape) -> str:
    rows = "" if landscape.data is None else f", {len(landscape.data.features)} rows of {landscape.data.source}"
    return f"{landscape.model.name}, {landscape.model.dimension} coordinates{rows}"


def _say_what_to_know(landscape) -> None:
    """Notes of the model, and what it warns of."""
    for note in landscape.model.notes():
        log(f"note: {note}")
    for caution in landscape.model.cautions():
        log(f"warning: {caution}")


@click.command()
@file_argument("settings")
@output_option("Landscape file to write; default: the settings file with the ending .h5.")
@force_option()
@seed_option()
@set_option()
@jobs_option("Processes that advance chains at the same time; default: the cores that are available.")
@time_limit_option()
@click.option("--target", type=float, metavar="LOSS", help="End when so low a minimum is found; is [search] target.")
@gradient_check_option()
@dry_run_option()
@json_option("Report as one JSON document.")
@verbose_option()
@quiet_option()
def run(
    settings: Path, output, force, seed, overrides, jobs, time_limit, target, check_derivatives, dry_run, as_json
) -> None:
    """Search for minima of the loss that the TOML file SETTINGS describes, by the method that [search] names.

    A search that was stopped or killed goes on from its last checkpoint when the same command is run
    again, and ends with the same file as one that was never stopped.
    """
    from llgmin.methods import method_of

    if target is not None:
        overrides = (*overrides, f"search.target={target!r}")
    search, going_on = open_search("run", method_of, settings, output, force, seed, overrides, check_derivatives)
    if dry_run:
        return
    run_search(search, jobs, time_limit, going_on)
    _report(search.landscape, search.path, as_json)


def open_search(
    command: str, make, settings: Path, output: Path | None, force: bool, seed, overrides, check_derivatives: bool
):
    """The search that a settings file describes, and whether its output holds a checkpoint, from which it goes on.

    command: for the records; make: gives the method for a model and its settings; check_derivatives: whether those of
    a user's model are compared with differences first.
    """
    from llcommon.problem import read_problem
    from llcommon.store import check_writable
    from llgmin.search import Search

    landscape = read_problem(settings, overrides, seed, check_derivatives)
    output = output or settings.with_suffix(".h5")
    _refuse_input_as_output(output, settings, landscape)
    search = Search(landscape, output, make)
    method = search.method
    checkpoint = _checkpoint(output, landscape, force, method.kind)
    if checkpoint is not None:
        search = Search(checkpoint, output, make)
    else:
        check_writable(output, force)
        landscape.provenance.append(_provenance(landscape, command))
    seed = landscape.settings.search.seed
    steps = f"{method.number} {method.noun} of {method.steps} {method.step_noun}"
    log(f"{_describe(landscape)}; {method.kind}, {steps}, seed {seed}")
    _say_what_to_know(landscape)
    return search, checkpoint is not None


def run_search(search, jobs: int, time_limit: float | None, going_on: bool) -> None:
    """Take a search to its end, with checkpoints in its file. going_on: whether the file holds one already."""
    from llcommon.errors import InputError

    with StopRequest(time_limit) as stop:
        if going_on:
            log(f"going on from {search.method.step_noun[:-1]} {search.done} of {search.total}")
        else:
            # The file is there from the start, so that an output that cannot be written ends the search at once.
            search.commit()
        with Progress(search.total, search.method.kind) as progress:
            try:
                complete = search.run(jobs, stop, progress.update)
            except InputError as error:
                # The loss model failed, which only a user's can: what was found before is worth keeping.
                search.commit()
                kept = f"{search.done} of {search.total} {search.method.step_noun} are kept in {search.path}"
                raise InputError(f"{error}; {kept}") from error
        if not complete:
            search.commit()
            raise stop.error(f"{search.done} of {search.total} {search.method.step_noun} are kept in {search.path}")
        if search.hit:
            log(f"the target was reached after {search.done} of {search.total} steps")
        search.finish()


def _refuse_input_as_output(output: Path, settings: Path, landscape) -> None:
    """Raise ConfigError if the output would replace what the search is described by, also with -f."""
    from llcommon.errors import ConfigError

    inputs = [settings]
    if landscape.data is not None:
        inputs.append(settings.parent / landscape.settings.data.file)
    source = landscape.declared.source
    if source is not None and (settings.parent / source.filename).exists():
        inputs.append(settings.parent / source.filename)
    for path in inputs:
        if output.exists() and output.samefile(path):
            raise ConfigError(f"the output {output} is an input of this search; give another name by -o")


def _checkpoint(output: Path, landscape, force: bool, kind: str):
    """The unfinished search of this kind for the same problem in `output`, or None if there is nothing to go on from.

    Also with -f: going on gives the same bits as starting again.
    """
    from llcommon.errors import InputError, LandscapeError, OutputError
    from llcommon.store import read_landscape
    from llgmin.search import may_resume

    if not output.is_file():
        return None
    try:
        stored = read_landscape(output)
        may_resume(stored, landscape, output, kind)
        stored.adopt(landscape)
    except LandscapeError as error:
        if force:
            return None
        if isinstance(error, InputError):
            raise OutputError(f"{output} exists and holds no search to go on with; use -f to replace it") from error
        raise
    return stored


def _report(landscape, output: Path, as_json: bool) -> None:
    minima = landscape.minima
    log(f"{len(minima)} distinct minima, lowest loss {minima.loss.min():.12g}, in {output}")
    report = {
        "file": str(output),
        "minima": len(minima),
        "lowest_loss": float(minima.loss.min()),
        "highest_loss": float(minima.loss.max()),
        "counters": dict(sorted(landscape.counters.items())),
    }
    write_properties(report, as_json)


def _starts(landscape, points: Path | None, order: str, random: int):
    """Starting points (k, N) from a text file, or random ones. order: of the coordinates in the file, see `quench`."""
    import numpy as np

    from llcommon.rng import generator

    if points is None:
        rng = generator(landscape.settings.search.seed, "quench")
        return np.array([landscape.model.random_start(rng) for _ in range(random)])
    if order == "suite":
        return _suite_points(landscape.model, points)
    return _points(landscape.model.dimension, points)


def _points(dimension: int, path: Path):
    """The points (k, N) of a text file with a row for each."""
    import numpy as np

    from llcommon.errors import InputError

    starts = []
    for number, cells in _numbers(path):
        if len(cells) != dimension or not np.isfinite(cells).all():
            raise InputError(f"{path} line {number}: a point is {dimension} finite numbers, which this is not")
        starts.append(cells)
    if not starts:
        raise InputError(f"{path} holds no point; write {dimension} numbers a line")
    return np.array(starts)


def _suite_points(model, path: Path):
    """The points (k, N) of a file of the original suite, with any number of coordinates a line, in our order."""
    import numpy as np

    from llcommon.errors import ConfigError, InputError

    order = model.suite_order()
    if order is None:
        raise ConfigError(f"--order suite: the original suite has no such {model.name}; leave the option out")
    values = np.array([value for _, cells in _numbers(path) for value in cells])
    count = model.dimension
    if not len(values) or len(values) % count or not np.isfinite(values).all():
        raise InputError(f"{path} holds {len(values)} numbers; points of {count} finite coordinates are needed")
    points = np.empty((len(values) // count, count))
    points[:, order] = values.reshape(-1, count)
    return points


def _numbers(path: Path):
    """Line by line the line's number and its cells, NaN for what is no number; nothing for comments and blank lines."""
    from llcommon.config import read_bytes

    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), start=1):
        cells = line.partition("#")[0].split()
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            values = [math.nan]
        if values:
            yield number, values


@click.command()
@file_argument()
@output_option("Landscape file for the minima; without it they are only listed.")
@force_option()
@seed_option()
@set_option()
@click.option(
    "--points", type=click.Path(path_type=Path), metavar="FILE", help="Text file of points, a row of numbers each."
)
@click.option(
    "--order",
    type=click.Choice(["ours", "suite"]),
    default="ours",
    show_default=True,
    help="Order of the coordinates in --points: `suite` as in the original suite, with any number a line.",
)
@click.option(
    "--random",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Random starts, without --points.",
)
@gradient_check_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def quench(file: Path, output, force, seed, overrides, points, order, random, check_derivatives, as_json) -> None:
    """Minimise from given or random points, without a search.

    FILE is a TOML file or a landscape file (ending .h5 or .hdf5). The table says for each start where it ended.
    """
    from llcommon.errors import NothingFound
    from llcommon.optimise.points import minimum_at
    from llcommon.optimise.quench import Quencher
    from llcommon.problem import empty_copy, read_problem
    from llcommon.status import Status
    from llcommon.store import check_writable, write_landscape

    if output is not None:
        check_writable(output, force)
    if file.suffix in _LANDSCAPE_SUFFIXES:
        landscape = empty_copy(file, overrides, seed)
    else:
        landscape = read_problem(file, overrides, seed, check_derivatives)
    landscape.provenance.append(_provenance(landscape, "quench"))
    _say_what_to_know(landscape)
    quencher = Quencher(landscape.model, landscape.settings.quench)
    rows = []
    for start in _starts(landscape, points, order, random):
        result = quencher.quench(start)
        status = result.status
        minimum_id = None
        if status is Status.CONVERGED:
            minimum, status = minimum_at(
                landscape.model, result.coordinates, landscape.settings.quench.rms, landscape.settings.curvature
            )
            if minimum is not None:
                minimum_id = landscape.add_minimum(minimum).id
        rows.append((minimum_id, result.loss, result.rms, result.evaluations, status.label))
    ids, losses, sizes, evaluations, statuses = zip(*rows, strict=True)
    write_table(
        [
            Column("minimum", "", ids),
            Column("loss", "", losses),
            Column("rms", "", sizes),
            Column("evaluations", "", evaluations),
            Column("status", "", statuses),
        ],
        as_json,
    )
    if not len(landscape.minima):
        raise NothingFound("no start ended in a verified minimum; the last column says why")
    if output is not None:
        write_landscape(output, landscape)
        log(f"{len(landscape.minima)} distinct minima in {output}")
