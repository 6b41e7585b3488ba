"""The command `saddle` of lloptim: one search from a point, or many around minima."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
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
    write_properties,
    write_table,
)
from llcommon.cli.overrides import overridden_settings
from lloptim.commands import log_failures, run_job
from lloptim.pointcommands import check_id, displaced, displacement_option, point_of, point_option, ts_option


@click.command()
@file_argument()
@click.option(
    "--minimum",
    "minima",
    type=click.IntRange(0),
    multiple=True,
    metavar="ID",
    help="Start from this minimum; with --random or --soft it may be given several times.",
)
@click.option("--all-minima", is_flag=True, help="Start from every minimum, by --random or --soft.")
@ts_option()
@point_option()
@displacement_option()
@click.option("--random", type=click.IntRange(0), metavar="N", help="N random pushes from each minimum.")
@click.option("--soft", type=click.IntRange(0), metavar="M", help="Pushes both ways along its M softest modes.")
@click.option("--enumerate", "enumerated", is_flag=True, help="All next to each minimum; of kmeans, which knows how.")
@output_option("Landscape file for what is found; default for many: the input's name with .saddles.")
@force_option()
@seed_option()
@set_option()
@jobs_option("Pushes followed at the same time; default: the cores that are available.")
@time_limit_option()
@dry_run_option()
@click.option("--keep", is_flag=True, hidden=True, help="Leave a complete output of this job as it is, also with -f.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def saddle(
    file: Path, minima, all_minima, state, point, displacement, random, soft, enumerated, output, force, seed,
    overrides, jobs, time_limit, dry_run, keep, as_json,
) -> None:  # fmt: skip
    """Search for transition states from one point of the landscape FILE, or around its minima.

    One search goes uphill from --minimum, --ts or --point along the softest mode there. With --random or --soft each
    minimum is pushed, so far that the loss is no longer convex, and a search starts from there; the table says
    where it led: ids of the minima of FILE on the plus and minus side, empty for new ones. With --enumerate the passes
    next to each minimum are counted up. A stopped job of pushes goes on when the same command is run again.
    """
    from llcommon.errors import ConfigError
    from llcommon.store import check_writable, read_landscape
    from lloptim.jobfiles import refuse_input_as_output

    many = random is not None or soft is not None or enumerated
    _check_options(minima, all_minima, state, point, displacement, random, soft, enumerated)
    landscape = read_landscape(file)
    if many and output is None:
        output = file.with_name(f"{file.stem}.saddles.h5")
    if output is not None:
        refuse_input_as_output(file, output)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    if many:
        if all_minima and not len(landscape.minima):
            raise ConfigError(f"{file} holds no minima to start from; find some with llgmin run")
        chosen = list(range(len(landscape.minima))) if all_minima else list(dict.fromkeys(minima))
        for minimum in chosen:
            check_id(landscape, minimum, file)
        flags = force, keep, jobs, time_limit, dry_run, as_json
        pushes = _pushes(landscape, chosen, random or 0, soft or 0, enumerated)
        _many_searches(landscape, settings, chosen, pushes, file, output, *flags)
        return
    if output is not None:
        check_writable(output, force)
    start, _ = point_of(landscape, minima[0] if minima else None, state, point, file)
    if dry_run:
        log("one saddle search")
        return
    _one_search(landscape, settings, start, displacement, output, as_json)


def _check_options(minima, all_minima, state, point, displacement, random, soft, enumerated) -> None:
    """Raise ConfigError for options that do not go together."""
    from llcommon.errors import ConfigError

    if random is None and soft is None and not enumerated:
        if all_minima or len(minima) > 1:
            raise ConfigError("searches from several minima need --random N or --soft M, which say how they are pushed")
        return
    if not random and not soft and not enumerated:
        raise ConfigError("there is no push to do; give --random N or --soft M of at least 1")
    if state is not None or point is not None or displacement:
        raise ConfigError("--random and --soft push minima; --ts, --point and --displacement are for one search")
    if bool(minima) == all_minima:
        raise ConfigError("say which minima are pushed, either by --minimum ID or by --all-minima")


# --- one search -----------------------------------------------------------------------------------


def _softest_mode(model, point, curvature):
    """The direction of lowest curvature, (N,), at a point (N,)."""
    from llcommon.errors import NothingFound
    from llcommon.optimise.curvature import spectrum
    from llcommon.optimise.points import slope_at

    vectors = spectrum(model, point, curvature, vectors=True, active=slope_at(model, point).active).vectors
    if vectors is None or not vectors.shape[1]:
        raise NothingFound("the start has no softest mode: its Hessian is not finite, or bounds hold all of it")
    return vectors[:, 0].copy()


def _one_search(landscape, settings, start, displacement: float, output: Path | None, as_json: bool) -> None:
    """Search uphill from one point, run down both sides, report, write."""
    from llcommon.errors import NothingFound
    from llcommon.store import write_landscape
    from lloptim.jobfiles import empty_result
    from lloptim.saddles import SaddleSearch

    direction = _softest_mode(landscape.model, start, settings.curvature)
    search = SaddleSearch(landscape.model, settings)
    found = search.search(displaced(start, displacement, settings.connect.seed, "saddle"), direction)
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
        result = empty_result(landscape, settings, "saddle")
        result.add_triple(sides.triple)
        write_landscape(output, result)
        log(f"the triple is in {output}")


# --- many searches --------------------------------------------------------------------------------


def _pushes(landscape, minima: list[int], random: int, soft: int, enumerated: bool) -> list:
    """All that is to be pushed, and how."""
    from lloptim.singleended import passes_from, pushes_from

    pushes = pushes_from(minima, random, soft)
    if enumerated:
        points = landscape.minima.coordinates
        pushes += passes_from(landscape.model, {minimum: points[minimum].copy() for minimum in minima})
    return pushes


def _job_fingerprint(landscape, settings, minima: list[int], pushes: list) -> str:
    """What a job of pushes is: its minima, how they are pushed, its model and its settings."""
    import hashlib
    from dataclasses import astuple

    from llcommon.config import fingerprint
    from llcommon.settings import settings_to_tables

    points = hashlib.sha256(landscape.minima.coordinates[minima].tobytes()).hexdigest()
    ways = [list(astuple(push)) for push in pushes]
    return fingerprint([minima, ways, points, landscape.fingerprint, settings_to_tables(settings)])


def _many_searches(
    landscape, settings, minima, pushes, file, output, force, keep, jobs, time_limit, dry_run, as_json
) -> None:
    """Push minima, or go on with a job that was stopped; report."""
    from llcommon.errors import NothingFound
    from llcommon.store import check_writable
    from lloptim.jobfiles import empty_result, resumed
    from lloptim.singleended import PushJob

    fingerprint = _job_fingerprint(landscape, settings, minima, pushes)
    result = resumed(output, landscape, "saddle", fingerprint, len(pushes), force, keep)
    outcomes = [] if result is None else result.search.state["outcomes"]
    if result is None:
        check_writable(output, force)
        result = empty_result(landscape, settings, "saddle")
    log(f"{len(pushes)} pushes of {len(minima)} minima of {file}; {len(outcomes)} done before")
    if dry_run:
        return
    job = PushJob(landscape, settings, pushes, result)
    job.resume(outcomes)
    if len(outcomes) < len(pushes) or not pushes:
        run_job(job, "saddle", len(pushes), "pushes", output, fingerprint, jobs, time_limit)
    _report(job, output, as_json)
    if not len(result.transition_states):
        raise NothingFound(f"no push led to a transition state; {output} notes why")


def _report(job, output: Path, as_json: bool) -> None:
    """The table of pushes to standard output, what failed and why to standard error."""
    rows = job.rows
    write_table(
        [
            Column("minimum", "", [row.push.minimum for row in rows]),
            Column("push", "", [row.push.kind for row in rows]),
            Column("number", "", [row.push.number for row in rows]),
            Column("length", "", [row.length for row in rows]),
            Column("status", "", [row.status.label for row in rows]),
            Column("ts", "", [row.ts for row in rows]),
            Column("new", "", [row.new for row in rows]),
            Column("loss", "", [row.loss for row in rows]),
            Column("plus", "", [row.plus for row in rows]),
            Column("minus", "", [row.minus for row in rows]),
            Column("plus_loss", "", [row.plus_loss for row in rows]),
            Column("minus_loss", "", [row.minus_loss for row in rows]),
        ],
        as_json,
        {"file": str(output), "counters": dict(sorted(job.result.counters.items()))},
    )
    found = sum(row.ts is not None for row in rows)
    own = sum(bool(row.own) for row in rows)
    states = len(job.result.transition_states)
    log(
        f"{found} of {len(rows)} pushes ended in a transition state, {own} in one of their own minimum; "
        f"{states} distinct transition states in {output}"
    )
    log_failures(job.result.counters)
