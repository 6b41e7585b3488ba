"""The commands of llpathsample: read, one library call, write, report."""

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
    write_properties,
    write_table,
)
from llcommon.cli.overrides import overridden_settings
from llcommon.growsettings import STOP_RULES
from llpathsample.enginecommands import engine_options, executor_of
from llpathsample.strategycommands import strategy_options

_ENDS = {
    "one-component": "all minima are one component",
    "no-new-minima": "no new minima in the last cycles",
    "converged": "the observable has converged",
    "connected-path": "a path leads from B to A",
    "budget": "the budget of pairs is spent",
    "nothing-left-to-try": "the strategy has nothing left to try",
}


def record_of(command: str, landscape, inputs: dict[str, str]) -> dict:
    from llcommon.config import fingerprint
    from llcommon.provenance import record
    from llcommon.settings import settings_to_tables

    settings = fingerprint(settings_to_tables(landscape.settings))
    return record("llpathsample", command, inputs, settings, landscape.settings.connect.seed)


def require_minima(landscape, name) -> None:
    from llcommon.errors import InputError

    if not len(landscape.minima):
        raise InputError(f"{name} holds no minima; make some with llgmin run")


def _growing(file: Path, output: Path | None, force: bool, overrides, seed):
    """The landscape to grow, going on with a stopped growth where there is one."""
    from llcommon.provenance import file_sha256
    from llcommon.store import check_writable, read_landscape
    from llpathsample.growoptions import files_read, settled

    landscape = read_landscape(file)
    require_minima(landscape, file)
    landscape.settings = settled(overridden_settings(landscape, overrides, seed, file.name), landscape)
    inputs = files_read(landscape.settings)
    if output is None:
        check_writable(file, True)
        _grow_in_place(landscape, file, inputs)
        return landscape
    landscape.search = None
    landscape.provenance.append(record_of("grow", landscape, {"landscape": file_sha256(file), **inputs}))
    stored = _stopped_growth(output, landscape.provenance[-1], file, force)
    if stored is None:
        check_writable(output, force)
    return stored or landscape


def _grow_in_place(landscape, file: Path, inputs: dict[str, str]) -> None:
    """Note in a landscape that it is grown itself, unless it was stopped in the middle of just that."""
    from llcommon.errors import OutputError

    state = {} if landscape.search is None else landscape.search.state
    if state.get("kind") == "basin-hopping" and not state["finished"]:
        raise OutputError(f"{file} is an unfinished search of llgmin run; finish it first, or name an output by -o")
    record = record_of("grow", landscape, inputs)
    if state.get("kind") != "grow":
        landscape.search = None
        landscape.provenance.append(record)
    elif record not in landscape.provenance:
        landscape.provenance.append(record)


def _stopped_growth(output: Path, record: dict, file: Path, force: bool):
    """The landscape in `output` if it was being grown as `record` says, None to start afresh."""
    from llcommon.errors import InputError, LandscapeError, OutputError
    from llcommon.store import read_landscape

    if not output.is_file():
        return None
    try:
        stored = read_landscape(output)
        if record not in stored.provenance:
            raise OutputError(f"{output} exists and was not grown from {file}; use -f to replace it")
        if stored.search is None:
            raise OutputError(
                f"{output} exists and its growth is complete; use -f to replace it, "
                f"or grow it further with llpathsample grow {output}"
            )
    except LandscapeError as error:
        if force:
            return None
        if isinstance(error, InputError):
            raise OutputError(f"{output} exists and holds no growth to go on with; use -f to replace it") from error
        raise
    return stored


@click.command()
@file_argument()
@strategy_options
@click.option(
    "--stop",
    "rules",
    type=click.Choice(STOP_RULES),
    multiple=True,
    metavar="RULE",
    help="End early by a rule: " + ", ".join(STOP_RULES) + "; may be given several times.",
)
@output_option("Landscape file that grows; default: FILE itself.")
@force_option()
@seed_option()
@set_option()
@jobs_option("lloptim processes at the same time; default: the cores that are available.")
@engine_options
@time_limit_option()
@dry_run_option()
@trust_option()
@json_option("Report as one JSON document.")
@verbose_option()
@quiet_option()
def grow(
    file: Path, strategy, pairs, rules, output, force, seed, overrides, jobs, time_limit, dry_run, as_json, batch_time,
    **engine,
) -> None:  # fmt: skip
    """Connect the minima of the landscape FILE by transition states.

    Unless another strategy is named, every minimum outside the global minimum's component is connected to its nearest
    inside by `lloptim connect` processes, the lowest first, until all are one component. Keys of [grow] go with the
    strategies; docs/growing.md tells which. A growth that was stopped or killed goes on when the same command is run
    again.
    """
    from llcommon.errors import LandscapeError, Stopped
    from llpathsample.growoptions import as_overrides
    from llpathsample.growth import Growth, Lock, batch_folder

    if output is not None and output.exists() and file.exists() and output.samefile(file):
        output = None
    database = output or file
    lock = Lock(database)
    overrides = (*overrides, *as_overrides(strategy, pairs, rules))
    landscape = _growing(file, output, force, overrides, seed)
    log(f"{len(landscape.minima)} minima, {len(landscape.transition_states)} transition states in {file}")
    for note in landscape.model.notes():
        log(f"note: {note}")
    if dry_run:
        from llpathsample.growing import GrowingNetwork
        from llpathsample.strategies import strategy_of

        network = GrowingNetwork(landscape)
        network.update()
        log(f"{network.outside()} minima are to be connected")
        first = strategy_of(network).choose(network.settings.batch, set())
        log(f"strategy {network.settings.strategy} begins with {len(first)} pairs")
        return
    with lock, StopRequest(time_limit) as stop, Progress(None, "growing") as progress:
        growth = Growth(landscape, database, executor_of(batch_folder(database), jobs, **engine), batch_time)
        growth.network.update()
        before = growth.network.outside()

        def report(outside: int, total: int) -> None:
            states = len(landscape.transition_states)
            progress.update(growth.pairs_tried, f"{total} minima, {states} TS, {outside} to connect")

        try:
            complete = growth.run(stop, report)
        except LandscapeError:
            _tell_of_engine(growth)
            raise
    _tell_of_engine(growth)
    kept = f"{growth.pairs_tried} pairs tried so far, all results are kept in {database}"
    if growth.lost is not None:
        raise Stopped(f"{growth.lost}; {kept}; run the same command again to go on")
    if not complete:
        raise stop.error(kept)
    _report_growth(landscape, database, growth, before, as_json)


def _tell_of_engine(growth) -> None:
    """Say what was run again, and what failed for good."""
    for note in growth.engine.notes:
        log(f"note: {note}")
    for failure in growth.failures:
        log(f"warning: {failure}")


def _report_growth(landscape, database: Path, growth, before: int, as_json: bool) -> None:
    from llcommon.errors import NothingFound
    from llpathsample.summary import summary_of

    yields = [(name, found) for name, found in growth.network.yields.by_name.items() if found.batches]
    yields.sort(key=lambda item: -item[1].cost)
    by_strategy = {name: found.report() for name, found in yields}
    summary = {**summary_of(landscape), "ended_by": growth.ended_by(), "strategies": by_strategy}
    write_properties({"file": str(database), "pairs_of_this_growth": growth.pairs_tried, **summary}, as_json)
    inside = summary["minima_in_main_component"]
    log(f"{inside} of {summary['minima']} minima are connected to the global minimum, in {database}")
    log(f"ended: {_ENDS[growth.ended_by()]}")
    if growth.network.left_out:
        count = growth.network.left_out
        log(f"note: {count} points without LPPHE, or leading to such, are left out of rates and occupations")
    for name, found in yields if len(yields) > 1 else ():
        log(
            f"{name}: {found.batches} batches, {found.pairs} pairs, {found.minima} new minima, {found.states} new TS, "
            f"{found.joined} components joined; counted cost {found.cost}, {found.cpu:.1f} s CPU in this run"
        )
    if before and growth.pairs_tried and not summary["transition_states"]:
        raise NothingFound("no transition state was found")


@click.command()
@file_argument()
@json_option()
@verbose_option()
@quiet_option()
def stats(file: Path, as_json) -> None:
    """Count the minima, transition states and components of the landscape FILE, and what searches came to.

    The degree of a minimum is the number of transition states that lead from it to another one.
    """
    from llcommon.store import read_landscape
    from llpathsample.summary import summary_of

    landscape = read_landscape(file, points=False)
    require_minima(landscape, file)
    write_properties({**summary_of(landscape), "counters": dict(sorted(landscape.counters.items()))}, as_json)


@click.command()
@file_argument()
@click.argument("a", type=click.IntRange(0))
@click.argument("b", type=click.IntRange(0))
@output_option("Figure of the path: svg, pdf or png.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def path(file: Path, a: int, b: int, output, force, as_json) -> None:
    """Find the path between minima A and B of the landscape FILE whose highest transition state is lowest."""
    from llcommon.errors import NothingFound
    from llcommon.filecommands import checked_id
    from llcommon.store import read_landscape
    from llpathsample.analysiscommands import check_figure
    from llpathsample.network import lowest_barrier_path

    check_figure(output, force)
    landscape = read_landscape(file, points=False)
    minima = landscape.minima.loss
    states = landscape.transition_states.loss
    for minimum in (a, b):
        checked_id(landscape, minimum, file)
    found = lowest_barrier_path(minima, states, landscape.transition_states.minima, a, b)
    if found is None:
        raise NothingFound(f"no transition states of {file} join minima {a} and {b}; grow the network further")
    rows = []
    for step, minimum in enumerate(found.minima):
        rows.append(("minimum", int(minimum), float(minima[minimum])))
        if step < len(found.ts):
            rows.append(("transition state", int(found.ts[step]), float(states[found.ts[step]])))
    kinds, ids, losses = zip(*rows, strict=True)
    columns = [Column("kind", "", kinds), Column("id", "", ids), Column("loss", "", losses)]
    write_table(columns, as_json, {"barrier": float(found.barrier)})
    log(f"{len(found.ts)} transition states, the highest at {found.barrier:.10g}")
    if output is not None:
        from llpathsample.plots import draw_path_profile

        draw_path_profile(found, minima, states, output)
        log(f"the figure is {output}")
