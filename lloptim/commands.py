"""The commands of lloptim: read, one library call, write, report."""

import time
from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
    StopRequest,
    dry_run_option,
    file_argument,
    force_option,
    jobs_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    set_option,
    time_limit_option,
    verbose_option,
    write_properties,
    write_table,
)
from llcommon.cli.overrides import overridden_settings

_COMMIT_SECONDS = 20.0


def _empty_result(landscape, settings, command: str):
    """An empty landscape of the same model with the record of this run."""
    from llcommon.config import fingerprint
    from llcommon.provenance import record
    from llcommon.settings import settings_to_tables
    from llcommon.store import Landscape

    result = Landscape(settings, landscape.model, landscape.data)
    inputs = {"model": landscape.fingerprint}
    tables = fingerprint(settings_to_tables(settings))
    result.provenance.append(record("lloptim", command, inputs, tables, settings.connect.seed))
    return result


def _default_output(file: Path, part: str | None) -> Path:
    if part is None:
        return file.with_name(f"{file.stem}.connected.h5")
    return file.with_name(f"{file.stem}.part-{part.replace('/', '-of-')}.h5")


def _refuse_input_as_output(file: Path, output: Path) -> None:
    """Raise ConfigError if the output would replace the landscape that is read, also with -f."""
    from llcommon.errors import ConfigError

    if output.exists() and output.samefile(file):
        raise ConfigError(f"the output {output} is the landscape to be read; give another name by -o")


def _resumed(output: Path, job: str, count: int, force: bool, part: str | None):
    """The landscape in `output` if it is of this job of `count` pairs and the job can go on; None: start afresh.

    A complete part of a job array is left as it is; another complete job is refused without -f.
    """
    from llcommon.errors import InputError, LandscapeError, OutputError
    from llcommon.store import read_landscape

    if not output.is_file():
        return None
    try:
        stored = read_landscape(output)
        state = {} if stored.search is None else stored.search.state
        if state.get("kind") != "connect" or state["job"] != job:
            raise OutputError(f"{output} exists and is not the result of this job; use -f to replace it")
        if len(state["outcomes"]) == count and part is None:
            raise OutputError(f"{output} exists and its job is complete; use -f to replace it")
    except LandscapeError as error:
        if force:
            return None
        if isinstance(error, InputError):
            raise OutputError(f"{output} exists and holds no job to go on with; use -f to replace it") from error
        raise
    return stored


def _job_fingerprint(landscape, settings, pairs) -> str:
    """What a job is: its pairs with their minima, its model and its settings."""
    import hashlib

    import numpy as np

    from llcommon.config import fingerprint
    from llcommon.settings import settings_to_tables

    ids = [[pair.a, pair.b, pair.attempt] for pair in pairs]
    ends = np.unique([row[:2] for row in ids]).astype(np.int64)
    points = hashlib.sha256(landscape.minima.coordinates[ends].tobytes()).hexdigest()
    return fingerprint([ids, points, landscape.fingerprint, settings_to_tables(settings)])


@click.command()
@file_argument()
@click.option(
    "--pair",
    "given",
    nargs=2,
    type=click.IntRange(0),
    multiple=True,
    metavar="A B",
    help="Two ids of minima; may be given several times.",
)
@click.option(
    "--pairs",
    "pairs_file",
    type=click.Path(path_type=Path),
    metavar="TSV",
    help="File with columns minimum_a, minimum_b and, if wanted, attempt.",
)
@click.option("--part", metavar="K/N", help="Only the K-th of N equal parts of the pairs, for job arrays.")
@output_option("Landscape file for what is found; default: the input's name with .connected or .part-K-of-N.")
@force_option()
@seed_option()
@set_option()
@jobs_option("Pairs connected at the same time; default: the cores that are available.")
@time_limit_option()
@dry_run_option()
@json_option()
@verbose_option()
@quiet_option()
def connect(file: Path, given, pairs_file, part, output, force, seed, overrides, jobs, time_limit, dry_run, as_json):
    """Connect pairs of minima of the landscape FILE by transition states.

    FILE is only read. All verified minimum - transition state - minimum triples go to the output, on the
    final chain or not; `llpathsample merge` adds them to a landscape. A stopped job goes on when the same command
    is run again.
    """
    from llcommon.errors import ConfigError, NothingFound
    from llcommon.store import check_writable, read_landscape
    from lloptim.jobs import Job, Pair, check_pairs, part_of, read_pairs

    if bool(given) == (pairs_file is not None):
        raise ConfigError("give the pairs either by --pair A B or by --pairs FILE")
    landscape = read_landscape(file)
    pairs = [Pair(*ids) for ids in given] if given else read_pairs(pairs_file)
    check_pairs(pairs, len(landscape.minima), str(file))
    pairs = part_of(pairs, part)
    output = output or _default_output(file, part)
    _refuse_input_as_output(file, output)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    fingerprint = _job_fingerprint(landscape, settings, pairs)
    result = _resumed(output, fingerprint, len(pairs), force, part)
    outcomes = [] if result is None else result.search.state["outcomes"]
    if result is None:
        check_writable(output, force)
        result = _empty_result(landscape, settings, "connect")
    log(f"{len(pairs)} pairs of {file}; {len(outcomes)} done before")
    if dry_run:
        return
    job = Job(landscape, settings, pairs, result)
    job.resume(outcomes)
    if len(outcomes) < len(pairs) or not pairs:
        _run(job, output, fingerprint, jobs, time_limit)
    _report_pairs(job, output, as_json)
    if pairs and not len(result.transition_states):
        raise NothingFound(f"no transition state was found between any pair; {output} notes the tries")


def _run(job, output: Path, fingerprint: str, jobs: int, time_limit: float | None) -> None:
    """Connect what is left of a job, with a checkpoint in `output` now and then and at the end."""
    from llcommon.store import SearchState, write_landscape

    total = len(job.pairs)
    last = time.monotonic()

    def commit() -> None:
        nonlocal last
        state = {"kind": "connect", "job": fingerprint, "outcomes": job.outcomes()}
        job.result.search = SearchState(state)
        write_landscape(output, job.result)
        last = time.monotonic()

    def merged(done: int) -> None:
        progress.update(done, f"{len(job.result.transition_states)} transition states")
        if time.monotonic() - last > _COMMIT_SECONDS:
            commit()

    with StopRequest(time_limit) as stop:
        with Progress(total, "connecting") as progress:
            done = job.run(jobs, stop, merged)
        commit()
        if done < total:
            raise stop.error(f"{done} of {total} pairs are kept in {output}")


def _report_pairs(job, output: Path, as_json: bool) -> None:
    """The table of pairs to standard output, what failed and why to standard error."""
    rows = job.results
    write_table(
        [
            Column("minimum_a", "", [row.pair.a for row in rows]),
            Column("minimum_b", "", [row.pair.b for row in rows]),
            Column("connected", "", [row.connected for row in rows]),
            Column("status", "", [row.status.label for row in rows]),
            Column("new_minima", "", [row.new_minima for row in rows]),
            Column("new_transition_states", "", [row.new_transition_states for row in rows]),
        ],
        as_json,
        {"file": str(output), "counters": dict(sorted(job.result.counters.items()))},
    )
    joined = sum(row.connected for row in rows)
    states = len(job.result.transition_states)
    log(f"{joined} of {len(rows)} pairs connected, {states} transition states, in {output}")
    failures = {name: count for name, count in sorted(job.result.counters.items()) if _is_failure(name)}
    if failures:
        log("not every search succeeded: " + ", ".join(f"{name} {count}" for name, count in failures.items()))


def _is_failure(name: str) -> bool:
    """Whether a counter counts searches that ended with a status other than converged."""
    kind, _, rest = name.partition(" ")
    return kind in ("band", "saddle", "side") and rest not in ("evaluations", "searches", "hessians")


def _read_point(path: Path, dimension: int):
    """The numbers (N,) in a text file, however they are broken into lines."""
    import numpy as np

    from llcommon.config import read_bytes
    from llcommon.errors import InputError

    try:
        point = np.array([float(word) for word in read_bytes(path).decode(errors="replace").split()])
    except ValueError as error:
        raise InputError(f"{path} must hold nothing but the {dimension} coordinates of a point") from error
    if point.size != dimension or not np.isfinite(point).all():
        finite = int(np.isfinite(point).sum())
        raise InputError(f"{path} must hold the {dimension} coordinates of a point, not {finite} finite numbers")
    return point


def _start_of_saddle(landscape, minimum, state, point, displacement, seed, name: str):
    """Where a single saddle search starts: (N,), and the direction it climbs at first."""
    import numpy as np

    from llcommon.errors import ConfigError
    from llcommon.optimise.points import spectrum
    from llcommon.rng import generator

    if sum(value is not None for value in (minimum, state, point)) != 1:
        raise ConfigError("give one start: --minimum ID, --ts ID or --point FILE")
    model = landscape.model
    if point is not None:
        start = _read_point(point, model.dimension)
    else:
        table = landscape.minima if minimum is not None else landscape.transition_states
        number = minimum if minimum is not None else state
        kind = "minimum" if minimum is not None else "transition state"
        if number >= len(table):
            raise ConfigError(f"{name} has no {kind} {number}; it has {len(table)}, numbered from 0")
        start = table.coordinates[number].copy()
    direction = spectrum(model, start, vectors=True).vectors[:, 0].copy()
    if displacement > 0.0:
        rng = generator(seed, "saddle")
        sideways = rng.standard_normal(model.dimension)
        start = start + displacement * sideways / np.linalg.norm(sideways)
    return start, direction


@click.command()
@file_argument()
@click.option("--minimum", type=click.IntRange(0), metavar="ID", help="Start from this minimum, displaced.")
@click.option("--ts", "state", type=click.IntRange(0), metavar="ID", help="Start from this transition state.")
@click.option("--point", type=click.Path(path_type=Path), metavar="FILE", help="Start from the numbers in a text file.")
@click.option(
    "--displacement",
    type=click.FloatRange(0.0),
    default=0.0,
    show_default=True,
    metavar="D",
    help="Length of a random displacement of the start.",
)
@output_option("Landscape file for the triple; without it the outcome is only reported.")
@force_option()
@seed_option()
@set_option()
@json_option()
@verbose_option()
@quiet_option()
def saddle(file: Path, minimum, state, point, displacement, output, force, seed, overrides, as_json) -> None:
    """Search for one transition state from one point of the landscape FILE, uphill along its softest mode."""
    from llcommon.errors import NothingFound
    from llcommon.store import check_writable, read_landscape, write_landscape
    from lloptim.saddles import SaddleSearch

    if output is not None:
        check_writable(output, force)
    landscape = read_landscape(file)
    if output is not None:
        _refuse_input_as_output(file, output)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    start, direction = _start_of_saddle(
        landscape, minimum, state, point, displacement, settings.connect.seed, str(file)
    )
    search = SaddleSearch(landscape.model, settings)
    found = search.search(start, direction)
    if found.transition_state is None:
        raise NothingFound(f"the saddle search ended without a transition state: {found.status.label}")
    report = {
        "loss": found.transition_state.loss,
        "rms": found.transition_state.rms,
        "negative_eigenvalue": found.transition_state.negative_eigenvalue,
        "next_eigenvalue": found.transition_state.next_eigenvalue,
        "lpphe": found.transition_state.lpphe,
        "order": found.transition_state.order,
        "evaluations": found.evaluations,
        "hessians": found.hessians,
    }
    sides = search.triple(found.transition_state, found.mode)
    if sides.triple is None:
        write_properties({**report, "sides": sides.status.label}, as_json)
        raise NothingFound(f"a side of the transition state did not reach a minimum: {sides.status.label}")
    report["plus_loss"] = sides.triple.plus.loss
    report["minus_loss"] = sides.triple.minus.loss
    write_properties(report, as_json)
    if output is not None:
        result = _empty_result(landscape, settings, "saddle")
        result.add_triple(sides.triple)
        write_landscape(output, result)
        log(f"the triple is in {output}")


@click.command()
@file_argument()
@click.argument("ts", type=click.IntRange(0))
@output_option("Figure of loss against arc length: svg, pdf or png.")
@force_option()
@set_option()
@click.option(
    "--step",
    type=click.FloatRange(0.0, min_open=True),
    default=0.1,
    show_default=True,
    metavar="S",
    help="Longest arc between two points.",
)
@json_option()
@verbose_option()
@quiet_option()
def path(file: Path, ts: int, output, force, overrides, step, as_json) -> None:
    """Follow steepest descent from transition state TS of FILE down to its two minima.

    The table gives arc length (0 at the transition state, negative on the plus side) and loss.
    """
    from llcommon.errors import ConfigError
    from llcommon.optimise.points import transition_state_at
    from llcommon.plotting import figure_format
    from llcommon.status import Status
    from llcommon.store import check_writable, read_landscape
    from lloptim.pathway import steepest_descent_path

    if output is not None:
        figure_format(output)
        check_writable(output, force)
    landscape = read_landscape(file)
    count = len(landscape.transition_states)
    if ts >= count:
        raise ConfigError(f"{file} has no transition state {ts}; it has {count}, numbered from 0")
    settings = overridden_settings(landscape, overrides, None, file.name)
    model = landscape.model
    state = landscape.transition_state(ts)
    _, mode, status = transition_state_at(model, state.coordinates, settings.connect.rms)
    if status is not Status.CONVERGED:
        raise ConfigError(f"transition state {ts} of {file} does not verify ({status.label}); see `lloptim check`")
    pathway = steepest_descent_path(model, state, mode, settings.connect.pushoff, step, settings.quench.rms)
    ends = [landscape.find_minimum(float(pathway.losses[i]), pathway.points[i]) for i in (0, -1)]
    summary = {
        "ts": ts,
        "loss": state.loss,
        "ends": ends,
        "path_length": pathway.length,
        "displacement": pathway.displacement,
        "cooperativity": pathway.cooperativity,
    }
    columns = [Column("arc_length", "", pathway.arc_length), Column("loss", "", pathway.losses)]
    write_table(columns, as_json, summary)
    names = ["an unstored point" if end is None else f"minimum {end}" for end in ends]
    log(f"{names[0]} to {names[1]}: path length {pathway.length:.6g}, displacement {pathway.displacement:.6g}")
    if output is not None:
        from lloptim.plots import draw_pathway

        draw_pathway(pathway, output, title=f"transition state {ts}")
        log(f"the figure is {output}")
