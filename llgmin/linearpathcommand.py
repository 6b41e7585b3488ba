"""The command `linear-path` of llgmin: does the loss fall on straight lines from the starts to the ends of training?"""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
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
    write_table,
)
from llcommon.searchsettings import INITIALISATIONS, OPTIMISERS

_LANDSCAPE_SUFFIXES = (".h5", ".hdf5")
_SUFFIX = ".lines.h5"
_MOST_LINES = 10


@click.command("linear-path")
@file_argument()
@click.option(
    "--optimiser",
    "optimisers",
    type=click.Choice(OPTIMISERS),
    multiple=True,
    help="Train by this one; several times. Default: that of [train].",
)
@click.option(
    "--initialisation",
    "initialisations",
    type=click.Choice(INITIALISATIONS),
    multiple=True,
    help="Start from these points; several times. Default: those of [starts].",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(1e-12, 1e-2),
    default=1e-6,
    show_default=True,
    metavar="X",
    help="Know the loss between points to this share of its range on the line.",
)
@click.option(
    "--nearly",
    type=click.FloatRange(0.0, 1.0),
    default=0.01,
    show_default=True,
    metavar="X",
    help="Count lines that rise by this share of the difference of their ends as nearly monotonic.",
)
@click.option("--runs", "by_run", is_flag=True, help="Write a row for each line in place of each kind of run.")
@output_option(
    "Figure (svg, pdf or png) of the loss on all lines; or landscape file for the runs, by default the settings file "
    f"with the ending {_SUFFIX}. May be given twice.",
    multiple=True,
)
@force_option("Replace outputs that exist already.")
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option()
@set_option()
@jobs_option("Processes that train at the same time; default: the cores that are available.")
@time_limit_option()
@gradient_check_option()
@dry_run_option()
@trust_option()
@json_option("Write kinds of runs and all lines as one JSON document.")
@verbose_option()
@quiet_option()
def linear_path(
    file: Path, optimisers, initialisations, tolerance, nearly, by_run, output, force, title, seed, overrides, jobs,
    time_limit, check_derivatives, dry_run, as_json,
) -> None:  # fmt: skip
    """Train from many starts, and follow the loss on the straight lines from start to end: does it fall all the way?

    FILE is a TOML file, trained as `train` does by each --optimiser from each --initialisation, or a landscape file
    with training runs. The table has the share of lines on which the loss never rises, with its 95 % interval: to the
    end of training, and to the minimum of the whole loss below it. Start and end of all runs are kept.
    """
    from llcommon.store import check_writable

    output, figure = _outputs(output)
    if figure is not None:
        check_writable(figure, force)
    if file.suffix in _LANDSCAPE_SUFFIXES:
        given = {"--optimiser": optimisers, "--initialisation": initialisations, "--set": overrides,
                 "--seed": seed is not None, "--time-limit": time_limit, f"-o {output}": output}  # fmt: skip
        landscape = _stored(file, [name for name, value in given.items() if value])
        lines = [] if dry_run else _measured(landscape, tolerance, jobs)
    else:
        search = _trained(
            file, optimisers, initialisations, output, force, seed, overrides, jobs, time_limit, check_derivatives,
            dry_run,
        )  # fmt: skip
        landscape = search.landscape
        lines = [] if dry_run else _measured(landscape, tolerance, jobs)
        if not dry_run:
            _keep(search, lines)
    if not dry_run:
        _report(landscape, lines, nearly, tolerance, by_run, as_json, figure, title)


def _outputs(paths) -> tuple[Path | None, Path | None]:
    """The landscape file and the figure that -o names, by their endings."""
    from llcommon.errors import ConfigError
    from llcommon.plotting import METADATA

    figures = [path for path in paths if path.suffix.lower().lstrip(".") in METADATA]
    others = [path for path in paths if path not in figures]
    if len(figures) > 1 or len(others) > 1:
        raise ConfigError("-o takes one figure (svg, pdf or png) and one landscape file at most")
    return next(iter(others), None), next(iter(figures), None)


def _stored(file: Path, given: list[str]):
    """The landscape of a file with training runs. given: options that only training takes."""
    from llcommon.errors import ConfigError, InputError
    from llcommon.store import read_landscape
    from llgmin.linearpaths import stored_runs

    if given:
        raise ConfigError(f"{given[0]} is for training from a TOML file; the runs of {file} are taken as they are")
    landscape = read_landscape(file)
    try:
        stored_runs(landscape)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return landscape


def _trained(
    file: Path, optimisers, initialisations, output, force, seed, overrides, jobs, time_limit, check_derivatives,
    dry_run,
):  # fmt: skip
    """The search whose landscape holds all runs."""
    import functools

    from llcommon.errors import NothingFound
    from llcommon.problem import read_problem
    from llgmin.commands import open_search, run_search
    from llgmin.linearpaths import Kind, LinearPaths

    settings = read_problem(file, overrides, seed, check_derivatives=False).settings
    kinds = tuple(
        Kind(optimiser, initialisation)
        for optimiser in dict.fromkeys(optimisers or (settings.train.optimiser,))
        for initialisation in dict.fromkeys(initialisations or (settings.starts.initialisation,))
    )
    if len({kind.optimiser for kind in kinds}) > 1 and settings.train.learning_rate is not None:
        log(f"note: [train] learning_rate {settings.train.learning_rate:g} is that of all optimisers")
    make = functools.partial(LinearPaths, kinds=kinds)
    output = output or file.with_suffix(_SUFFIX)
    search, going_on = open_search("linear-path", make, file, output, force, seed, overrides, check_derivatives)
    if not dry_run:
        try:
            run_search(search, jobs, time_limit, going_on)
        except NothingFound as error:
            # Lines to the ends of training need no minimum.
            if not len(search.landscape.training):
                raise
            log(f"note: {str(error).partition(';')[0]}")
            search.commit(finished=True)
    return search


def _measured(landscape, tolerance: float, jobs: int) -> list:
    from llgmin.linearpaths import measure, stored_runs

    with Progress(len(stored_runs(landscape)), "lines") as progress:
        return measure(landscape, tolerance, jobs, progress.update)


def _keep(search, lines) -> None:
    """Write the file, with what was found on the lines."""
    from llcommon.store import write_landscape
    from llgmin.linearpaths import LINES, as_stored

    search.landscape.search.state[LINES] = as_stored(lines)
    write_landscape(search.path, search.landscape)
    log(f"start and end of {len(search.walkers)} runs, and what was found on their lines, in {search.path}")


def _report(landscape, lines, nearly: float, tolerance: float, by_run: bool, as_json: bool, figure, title) -> None:
    from llcommon.errors import NothingFound
    from llgmin.linearpaths import as_stored, shares

    rows = shares(landscape, lines, nearly)
    if as_json:
        bumps = [one["bumps"] for one in as_stored(lines)]
        document = {"tolerance": tolerance, "nearly": nearly, "lines": _records([*_lines(lines)])}
        for record, own in zip(document["lines"], bumps, strict=True):
            record["bump_places"] = own
        write_table(_kinds(rows), True, document)
    else:
        write_table(_lines(lines) if by_run else _kinds(rows), False)
    _tell(rows, lines, nearly)
    if figure is not None:
        from llcommon.plotting import save_figure
        from llgmin.linearpathfigure import draw_linear_paths

        save_figure(draw_linear_paths(lines, rows, nearly, title), figure)
        log(f"the figure is {figure}")
    if not lines:
        raise NothingFound("no training run ended, so there are no lines; see the status of runs by llgmin train")


def _kinds(rows) -> list[Column]:
    """A row for each kind of run and each of its two lines."""

    def parts(name: str) -> list[tuple]:
        found = [getattr(row, name) for row in rows]
        return [(None, None, None) if one is None else (one.value, one.low, one.high) for one in found]

    monotonic, near = parts("monotonic"), parts("nearly")
    heights = [row.heights for row in rows]
    columns = [
        Column("optimiser", "", [row.kind.optimiser for row in rows]),
        Column("initialisation", "", [row.kind.initialisation for row in rows]),
        Column("to", "", [row.to for row in rows]),
        Column("runs", "", [row.runs for row in rows]),
        Column("lines", "", [row.lines for row in rows]),
        Column("not_monotonic", "", [len(own) for own in heights]),
        Column("rise_inside", "", [row.inside for row in rows]),
    ]
    for name, found in (("monotonic", monotonic), ("nearly", near)):
        for place, ending in enumerate(("", "_low", "_high")):
            columns.append(Column(name + ending, "", [one[place] for one in found]))
    columns.append(Column("median_height", "", [_middle(own) for own in heights]))
    columns.append(Column("largest_height", "", [float(own.max()) if own.size else None for own in heights]))
    return columns


def _middle(heights) -> float | None:
    """The median, without importing NumPy for an empty table."""
    if not heights.size:
        return None
    ordered = sorted(heights.tolist())
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def _lines(lines) -> list[Column]:
    return [
        Column("run", "", [one.run for one in lines]),
        Column("optimiser", "", [one.kind.optimiser for one in lines]),
        Column("initialisation", "", [one.kind.initialisation for one in lines]),
        Column("to", "", [one.to for one in lines]),
        Column("minimum", "", [one.minimum for one in lines]),
        Column("start_loss", "", [float(one.line.losses[0]) for one in lines]),
        Column("end_loss", "", [float(one.line.losses[-1]) for one in lines]),
        Column("monotonic", "", [one.line.monotonic for one in lines]),
        Column("bumps", "", [len(one.line.bumps) for one in lines]),
        Column("height", "", [one.line.height for one in lines]),
        Column("relative_height", "", [one.line.relative_height for one in lines]),
        Column("rise_from", "", [one.line.rise_from for one in lines]),
        Column("rise_to", "", [one.line.rise_to for one in lines]),
        Column("evaluations", "", [one.line.evaluations for one in lines]),
        Column("status", "", [one.line.status.label for one in lines]),
    ]


def _records(columns: list[Column]) -> list[dict]:
    rows = zip(*(column.values for column in columns), strict=True)
    return [dict(zip([column.name for column in columns], row, strict=True)) for row in rows]


def _tell(rows, lines, nearly: float) -> None:
    """Shares in words, and the largest counter-examples."""
    from llgmin.linearpathfigure import TARGETS

    decided = sum(row.lines for row in rows)
    falling = decided - sum(len(row.heights) for row in rows)
    rising = sum(int((row.heights > nearly).sum()) for row in rows)
    log(
        f"{falling} of {decided} lines are monotonic, {rising} rise by more than {nearly:g} of the difference of their "
        "ends"
    )
    for row in rows:
        if row.runs > row.lines:
            name = f"{row.kind.optimiser} from {row.kind.initialisation}"
            log(f"note: {row.runs - row.lines} of {row.runs} runs of {name} have no decided line {TARGETS[row.to]}")
    large = [one for one in lines if not one.line.monotonic and one.line.relative_height > nearly]
    large.sort(key=lambda one: -one.line.relative_height)
    for one in large[:_MOST_LINES]:
        line = one.line
        log(
            f"run {one.run} ({one.kind.optimiser}, {one.kind.initialisation}), {TARGETS[one.to]}: rises by "
            f"{line.height:.4g} ({line.relative_height:.3g} of the difference) from t = {line.rise_from:.4f} to "
            f"{line.rise_to:.4f}"
        )
    if len(large) > _MOST_LINES:
        log(f"and {len(large) - _MOST_LINES} more, by --runs")
