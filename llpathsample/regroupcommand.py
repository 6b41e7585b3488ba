"""The command `regroup` of llpathsample."""

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
from llpathsample.analysiscommands import check_figure, set_options, temperature_options

_KINDS = ("free-energy", "rate", "loss")


@click.command()
@file_argument()
@click.option(
    "--by", "kind", type=click.Choice(_KINDS), default="free-energy", show_default=True,
    help="What holds a group together.",
)  # fmt: skip
@click.option(
    "--threshold", "thresholds", type=float, multiple=True, metavar="X",
    help="Largest barrier, least rate, or largest loss; may be given several times. Default: the temperature, or of "
    "rates and losses the middle one of --scan.",
)  # fmt: skip
@click.option(
    "--scan", type=click.IntRange(2, 1000), metavar="COUNT",
    help="COUNT thresholds, from the first at which two minima become one to the last.",
)  # fmt: skip
@temperature_options()
@set_options()
@click.option("--members", is_flag=True, help="A row for each minimum, with its group, in place of one for each group.")
@click.option(
    "--network", "network_file", type=click.Path(path_type=Path), metavar="FILE",
    help="The groups as a network: a landscape file (.h5) or GraphML (.graphml).",
)  # fmt: skip
@output_option("Figure: the tree of the groups' free energies, or of several thresholds groups and rates by them.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def regroup(
    file: Path, kind: str, thresholds, scan, temperature, temperatures, set_a, set_b, members, network_file, output,
    force, as_json,
) -> None:  # fmt: skip
    """Group the minima of the landscape FILE, with free energies of the groups and rates between them.

    \b
    free-energy   groups of which both free-energy barriers are at most X become one
    rate          groups of which both rates are at least X
    loss          minima that transition states of a loss of at most X join (superbasins)

    Free energies and rates are computed anew until no groups become one. If sets A and B are given, or held by FILE,
    they are kept apart, and the rate constants between them are printed of the groups and of all minima: the
    difference is the error of grouping. The network of the groups holds at the temperature that it was made for.
    """
    from llcommon.errors import ConfigError
    from llcommon.store import check_writable, read_landscape
    from llpathsample.analysiscommands import chosen_temperatures, complete_network, temperatures_between
    from llpathsample.groupscan import grouped_rates
    from llpathsample.kinetics.rates import Routes

    check_figure(output, force)
    if network_file is not None:
        if network_file.suffix not in (".h5", ".graphml"):
            raise ConfigError(f"{network_file}: networks of groups are written as .h5 or .graphml, end the name in one")
        check_writable(network_file, force)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    _check(complete, kind, thresholds, network_file, scan)
    between = _between(complete, landscape, set_a, set_b)
    a, b = between.a, between.b
    if len(a):
        asked = temperatures_between(between, temperature, temperatures)
    else:
        asked = chosen_temperatures(landscape, temperature, temperatures)
    if len(asked) > 1:
        raise ConfigError("groups are made at one temperature; give one by --temperature")
    value = float(asked[0])
    asked_thresholds = _thresholds(complete.network, kind, value, thresholds, scan)
    found = [grouped_rates(complete.network, kind, value, each, a, b) for each in asked_thresholds]
    whole = float("nan"), float("nan")
    if len(a):
        exact = Routes(complete.network, a, b).at(value)
        whole = exact.forth.steady_state, exact.back.steady_state
    about = {"temperature": value, "by": kind, "ln_k_ss_ab": whole[0], "ln_k_ss_ba": whole[1], **between.omissions()}
    if len(found) > 1:
        _write_scan(found, whole, as_json, about)
    else:
        _write_groups(found[0], between, members, as_json, about)
    if network_file is not None:
        _write_network(network_file, between, value, kind, found[0], file)
    if output is not None:
        _draw(output, found, whole, kind)


def _check(complete, kind: str, thresholds, network_file, scan) -> None:
    """ConfigError for thresholds that make no sense, NothingFound for a network without edges."""
    import math

    from llcommon.errors import ConfigError, NothingFound

    if not all(math.isfinite(value) and (kind != "rate" or value > 0.0) for value in thresholds):
        above = " above zero, as rates are" if kind == "rate" else ""
        raise ConfigError(f"--threshold must be a finite number{above}")
    if network_file is not None and (scan is not None or len(set(thresholds)) > 1):
        raise ConfigError("--network takes one threshold")
    ends = complete.network.ends
    if not (ends[:, 0] != ends[:, 1]).any():
        raise NothingFound("no transition states join different minima, so there is nothing to group; grow the network")


def _between(complete, landscape, set_a, set_b):
    """Sets A and B in the network, empty if there are none to keep apart."""
    import numpy as np

    from llcommon.errors import NothingFound
    from llcommon.interchange.admission import stored_set
    from llpathsample.analysiscommands import Between, between_sets

    if set_a is not None or set_b is not None or stored_set(landscape, "B") is not None:
        try:
            return between_sets(landscape, complete, set_a, set_b)
        except NothingFound:
            log("note: no transition states join sets A and B, so they are apart, and rates between them are left out")
    nobody = np.empty(0, dtype=np.int64)
    return Between(complete, nobody, nobody, (0, 0))


def _thresholds(network, kind: str, temperature: float, given, scan) -> list[float]:
    """All thresholds, rising, each once."""
    from llpathsample.groupscan import threshold_scale

    found = set(given)
    if scan is None and not found and kind == "free-energy":
        found.add(temperature)
        log(f"threshold {temperature:g}, the temperature; --threshold sets another")
    elif scan is not None or not found:
        scale = threshold_scale(network, kind, temperature, scan or 3).tolist()
        if scan is None:
            scale = scale[len(scale) // 2 :][:1]
            log(f"threshold {scale[0]:g}; --threshold sets another, --scan takes several")
        found.update(scale)
    return sorted(found)


def _write_groups(found, between, members: bool, as_json: bool, about: dict) -> None:
    import numpy as np

    from llpathsample.grouping import lowest_members

    groups, complete = found.groups, between.complete
    count = len(groups.free_energies)
    forth, back = groups.log_rates(about["temperature"])
    log(f"{count} groups of {len(groups.labels)} minima, {len(groups.barriers)} pairs of them joined")
    if np.isfinite(found.log_forth):
        log(
            f"ln k_SS from B to A: {found.log_forth:.10g} of the groups, {about['ln_k_ss_ab']:.10g} of all minima; "
            f"from A to B: {found.log_back:.10g} and {about['ln_k_ss_ba']:.10g}"
        )
    names = np.full(count, "", dtype=object)
    names[groups.members(between.a)], names[groups.members(between.b)] = "A", "B"
    lowest = lowest_members(complete.network.losses, groups.labels, count)
    weights = -groups.free_energies / about["temperature"]
    weights -= weights.max()
    occupations = np.exp(weights) / np.exp(weights).sum()
    extra = {
        **about,
        "threshold": found.threshold,
        "ln_k_ss_ab_of_groups": found.log_forth,
        "ln_k_ss_ba_of_groups": found.log_back,
        "members": {"minimum": complete.ids, "group": groups.labels},
        "transitions": {
            "first": groups.ends[:, 0], "second": groups.ends[:, 1], "free_energy": groups.barriers,
            "ln_rate_to_second": forth, "ln_rate_to_first": back,
        },
    }  # fmt: skip
    if members and not as_json:
        write_table([Column("minimum", "", complete.ids), Column("group", "", groups.labels)], as_json)
        return
    columns = [
        Column("group", "", np.arange(count)),
        Column("minima", "", np.bincount(groups.labels, minlength=count)),
        Column("lowest_minimum", "", complete.ids[lowest]),
        Column("lowest_loss", "", complete.network.losses[lowest]),
        Column("free_energy", "", groups.free_energies),
        Column("occupation", "", occupations),
        Column("set", "", names.tolist()),
    ]
    write_table(columns, as_json, extra)


def _write_scan(found, whole, as_json: bool, about: dict) -> None:
    import numpy as np

    columns = [
        Column("threshold", "", [result.threshold for result in found]),
        Column("groups", "", [len(result.groups.free_energies) for result in found]),
        Column("largest", "", [int(np.bincount(result.groups.labels).max()) for result in found]),
        Column("transitions", "", [len(result.groups.barriers) for result in found]),
        Column("ln_k_ss_ab", "", [result.log_forth for result in found]),
        Column("ln_k_ss_ba", "", [result.log_back for result in found]),
        Column("error_of_ln_k_ss_ab", "", [result.log_forth - whole[0] for result in found]),
        Column("error_of_ln_k_ss_ba", "", [result.log_back - whole[1] for result in found]),
    ]
    write_table(columns, as_json, about)


def _write_network(path: Path, between, temperature: float, kind: str, found, file: Path) -> None:
    from llcommon.interchange.tables import graphml_content
    from llcommon.provenance import file_sha256
    from llcommon.store import replace_file, write_landscape
    from llpathsample.commands import record_of
    from llpathsample.groupscan import grouped_landscape

    sets = {name: members for name, members in (("A", between.a), ("B", between.b)) if len(members)}
    complete = between.complete
    grouped = grouped_landscape(complete.network.losses, complete.ids, temperature, found, sets)
    record = record_of("regroup", grouped, {"landscape": file_sha256(file)})
    record["groups"] = {"temperature": temperature, "by": kind, "threshold": found.threshold}
    grouped.provenance.append(record)
    if path.suffix == ".graphml":
        content = graphml_content(grouped)
        replace_file(path, lambda temporary: temporary.write_bytes(content))
    else:
        write_landscape(path, grouped)
    log(f"the network of groups is {path}; its rates hold at the temperature {temperature:g} only")


def _draw(output: Path, found, whole, kind: str) -> None:
    from llcommon.plotting import save_figure
    from llpathsample.kinetics.passageplots import draw_grouping
    from llpathsample.plots import draw_tree
    from llpathsample.tree import superbasin_tree

    if len(found) > 1:
        save_figure(draw_grouping(found, kind, whole[0]), output)
    else:
        groups = found[0].groups
        lowest = groups.free_energies.min()
        tree = superbasin_tree(groups.free_energies - lowest, groups.barriers - lowest, groups.ends)
        draw_tree(tree, output, y_label="free energy")
    log(f"the figure is {output}")
