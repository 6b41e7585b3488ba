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
    trust_option,
    verbose_option,
    write_table,
)
from llcommon.cli.overrides import overridden_settings

_COMMIT_SECONDS = 2.0
_COMMIT_SHARE = 0.02


def _default_output(file: Path, part: str | None) -> Path:
    if part is None:
        return file.with_name(f"{file.stem}.connected.h5")
    return file.with_name(f"{file.stem}.part-{part.replace('/', '-of-')}.h5")


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
@trust_option()
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
    from lloptim.jobfiles import empty_result, refuse_input_as_output, resumed
    from lloptim.jobs import Job, Pair, check_pairs, numbers_of, part_of, read_pairs

    if bool(given) == (pairs_file is not None):
        raise ConfigError("give the pairs either by --pair A B or by --pairs FILE")
    landscape = read_landscape(file)
    pairs = [Pair(*ids) for ids in given] if given else read_pairs(pairs_file)
    check_pairs(pairs, len(landscape.minima), str(file))
    every, pairs = pairs, part_of(pairs, part)
    output = output or _default_output(file, part)
    refuse_input_as_output(file, output)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    fingerprint = _job_fingerprint(landscape, settings, pairs)
    result = resumed(output, landscape, "connect", fingerprint, len(pairs), force, part is not None)
    outcomes = [] if result is None else result.search.state["outcomes"]
    if result is None:
        check_writable(output, force)
        result = empty_result(landscape, settings, "connect")
    log(f"{len(pairs)} pairs of {file}; {len(outcomes)} done before")
    if dry_run:
        return
    job = Job(landscape, settings, pairs, result)
    job.resume(outcomes)
    if len(outcomes) < len(pairs) or not pairs:
        # Pairs in ids of the landscape that is read, and what tells whether another one has the same ids.
        tried = [[pair.a, pair.b, pair.attempt] for pair in pairs]
        source = [len(landscape.minima), landscape.losses_sha256(len(landscape.minima))]
        about = {"count": len(pairs), "pairs": tried, "source": source}
        if part is not None:
            about |= {"part": list(numbers_of(part)), "of": _job_fingerprint(landscape, settings, every)}
        run_job(job, "connect", len(pairs), "pairs", output, fingerprint, jobs, time_limit, about)
    _report_pairs(job, output, as_json)
    if pairs and not len(result.transition_states):
        raise NothingFound(f"no transition state was found between any pair; {output} notes the tries")


def run_job(
    job, kind: str, total: int, tasks: str, output: Path, fingerprint: str, jobs: int, time_limit: float | None,
    about: dict | None = None,
) -> None:
    """Do what is left of a job, with a checkpoint in `output` now and then and at the end.

    kind: the command; total, tasks: how many tasks of what name there are in all. about: what else
    the checkpoint tells of the job.
    """
    from llcommon.errors import InputError
    from llcommon.store import SearchState, write_landscape

    last = time.monotonic()
    cost = 0.0

    def commit() -> None:
        nonlocal last, cost
        begin = time.monotonic()
        state = {"kind": kind, "job": fingerprint, "outcomes": job.outcomes(), **(about or {})}
        job.result.search = SearchState(state)
        write_landscape(output, job.result)
        last = time.monotonic()
        cost = last - begin

    def merged(done: int) -> None:
        progress.update(done, f"{len(job.result.transition_states)} transition states")
        if time.monotonic() - last > max(_COMMIT_SECONDS, cost / _COMMIT_SHARE):
            commit()

    with StopRequest(time_limit) as stop:
        with Progress(total, tasks) as progress:
            try:
                done = job.run(jobs, stop, merged)
            except InputError as error:
                # The loss model failed, which only a user's can: what was found before is worth keeping.
                commit()
                kept = f"{len(job.outcomes())} of {total} {tasks} are kept in {output}"
                raise InputError(f"{error}; {kept}") from error
        commit()
        if done < total:
            raise stop.error(f"{done} of {total} {tasks} are kept in {output}")


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
    log_failures(job.result.counters)


def log_failures(counters: dict[str, int]) -> None:
    """Say which searches ended with a status other than converged, and how many, if any did."""
    failures = [f"{name} {count}" for name, count in sorted(counters.items()) if _is_failure(name)]
    if failures:
        log("not every search succeeded: " + ", ".join(failures))


def _is_failure(name: str) -> bool:
    """Whether a counter counts searches that ended with a status other than converged."""
    kind, _, rest = name.partition(" ")
    return kind in ("band", "push", "saddle", "side", "way") and rest not in ("evaluations", "searches", "hessians")


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
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def path(file: Path, ts: int, output, force, overrides, step, as_json) -> None:
    """Follow steepest descent from transition state TS of FILE down to its two minima.

    The table gives arc length (0 at the transition state, negative on the plus side) and loss.
    """
    from llcommon.errors import ConfigError
    from llcommon.optimise.downhill import pushoff_of
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
    if model.bounds() is not None:
        raise ConfigError(f"{file} is of a model with bounds, at which a path of steepest descent would end")
    state = landscape.transition_state(ts)
    _, mode, status = transition_state_at(model, state.coordinates, settings.connect.rms, settings.curvature)
    if status is not Status.CONVERGED:
        raise ConfigError(f"transition state {ts} of {file} does not verify ({status.label}); see `lloptim check`")
    ends_at = (pushoff_of(model, settings.connect), step, settings.quench.rms)
    pathway = steepest_descent_path(model, state, mode, *ends_at, settings.curvature)
    ends = [landscape.find_minimum(float(pathway.losses[i]), pathway.points[i]) for i in (0, -1)]
    summary = {
        "ts": ts,
        "loss": state.loss,
        "ends": ends,
        "path_length": pathway.length,
        "displacement": pathway.displacement,
        "participation": pathway.participation,
        "moment_ratio": pathway.moment_ratio,
        "cooperativity": pathway.cooperativity,
    }
    columns = [Column("arc_length", "", pathway.arc_length), Column("loss", "", pathway.losses)]
    write_table(columns, as_json, summary)
    names = ["an unstored point" if end is None else f"minimum {end}" for end in ends]
    log(
        f"{names[0]} to {names[1]}: path length {pathway.length:.6g}, displacement {pathway.displacement:.6g}, "
        f"{pathway.participation:.3g} of {model.dimension} coordinates take part"
    )
    if output is not None:
        from lloptim.plots import draw_pathway

        draw_pathway(pathway, output, title=f"transition state {ts}")
        log(f"the figure is {output}")
