"""The command `fastest-paths` of llpathsample."""

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
from llpathsample.analysiscommands import check_figure, save, set_options, temperature_options


@click.command("fastest-paths")
@file_argument()
@click.option(
    "--paths", "most", type=click.IntRange(1, 10_000), default=5, show_default=True, metavar="K",
    help="How many paths at each temperature.",
)  # fmt: skip
@click.option(
    "--rank", type=click.Choice(("alone", "returns")), default="alone", show_default=True,
    help="By contributions of the paths alone, or with all returns, which takes longer.",
)  # fmt: skip
@temperature_options()
@set_options()
@output_option("Figure of the losses along the paths: svg, pdf or png.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def fastest_paths(
    file: Path, most: int, rank: str, temperature, temperatures, set_a, set_b, output, force, as_json,
) -> None:  # fmt: skip
    """Find the paths from set B to set A of the landscape FILE that contribute most to the rate constant k_SS.

    A path leaves B once, meets no minimum twice, and ends where it first comes to A. Its share of k_SS is that of
    trajectories that go straight along it; the share with returns, which adds up to 1 over all paths, that of all
    trajectories that do so when their loops are left out. The path `lowest` is the one whose highest transition state
    is lowest, which depends on no temperature (as `path`, between sets).
    """
    from llcommon.store import read_landscape
    from llpathsample.analysiscommands import between_sets, complete_network, temperatures_between
    from llpathsample.kinetics import paths
    from llpathsample.kinetics.passageplots import MOST_PANELS, draw_fastest_paths

    check_figure(output, force)
    landscape = read_landscape(file, points=False)
    between = between_sets(landscape, complete_network(landscape, file), set_a, set_b)
    asked = temperatures_between(between, temperature, temperatures)
    complete = between.complete
    found = [
        paths.fastest_paths(complete.network, value, between.a, between.b, most, rank == "returns").renumbered(
            complete.ids, complete.state_ids
        )
        for value in asked.tolist()
    ]
    write_table(_columns(found, as_json), as_json, between.omissions())
    for result in found:
        if rank == "returns" and not result.paths:
            log(f"warning: at T = {result.temperature:g} {paths.MOST_SEARCHES} searches found no path; rank them alone")
            continue
        best = result.paths[0]
        steps = "1 step" if len(best.states) == 1 else f"{len(best.states)} steps"
        log(
            f"T = {result.temperature:g}: ln k_SS = {result.log_rate:.10g}; the best path, of {steps}, rises to "
            f"{best.barrier:.10g}, transition state {best.highest}; the lowest one to {result.lowest.barrier:.10g}"
        )
        _say_what_returns_do(result)
    if output is not None:
        if len(found) > MOST_PANELS:
            log(f"note: the figure shows {MOST_PANELS} of {len(found)} temperatures")
            chosen = [round(k * (len(found) - 1) / (MOST_PANELS - 1)) for k in range(MOST_PANELS)]
            found = [found[place] for place in chosen]
        save(draw_fastest_paths(found, landscape.minima.loss, landscape.transition_states.loss), output)


def _say_what_returns_do(result) -> None:
    """Tell of a path that carries more trajectories than the first."""
    listed = [*result.paths, result.lowest]
    first, largest = listed[0].log_with_returns, max(path.log_with_returns for path in listed)
    if largest > first + 1e-9:
        log(f"note: at T = {result.temperature:g} more trajectories take others than the best path; see --rank returns")


def _columns(found, as_json: bool) -> list[Column]:
    import math

    rows = []
    for result in found:
        named = [(str(rank), path) for rank, path in enumerate(result.paths, start=1)]
        for name, path in [*named, ("lowest", result.lowest)]:
            share = math.exp(path.log_contribution - result.log_rate)
            returning = math.exp(path.log_with_returns - result.log_rate)
            lists = [path.minima, path.states]
            if not as_json:
                lists = [" ".join(map(str, ids)) for ids in lists]
            rows.append(
                (result.temperature, name, result.log_rate, path.log_contribution, share, returning, len(path.states),
                 path.highest, path.barrier, *lists)
            )  # fmt: skip
    names = ("temperature", "path", "ln_k_ss_ab", "ln_contribution", "share", "share_with_returns", "steps",
             "highest_ts", "barrier", "minima", "transition_states")  # fmt: skip
    return [Column(name, "", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)]
