"""The command `rates` of llpathsample: rate constants, passage times and committors between two sets of minima."""

import math
from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import set_options, temperature_options

# Names in the table, and attributes of a direction.
_KINDS = {"k_ss": "steady_state", "k_nss": "non_steady_state", "k_mfpt": "inverse_time", "k_f": "first_passage"}
_RATE, _TIME = "1/time", "time"


@click.command()
@file_argument()
@set_options()
@temperature_options()
@click.option("--minima", "each", is_flag=True, help="A row for each minimum, at one temperature, in place of rates.")
@click.option(
    "--all-pairs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="NumPy archive (.npz) of the passage times between all minima, at one temperature.",
)
@output_option("Arrhenius figure (svg, pdf or png): ln k over 1/T.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def rates(
    file: Path, set_a, set_b, temperature, temperatures, each: bool, all_pairs: Path | None, output, force, as_json
) -> None:
    """Compute rate constants between sets A and B of minima of the landscape FILE.

    A row for each temperature: rate constants from B to A (ab) and back (ba) of four kinds - steady state, non-steady
    state, 1 / mean first passage time, first passage - the mean first passage times, what the best path contributes
    to k_ss, occupations of A and B; numbers, and their logarithms, which remain where numbers overflow. Unless given,
    13 temperatures go from 1/50 to 1/2 of the highest barrier from a minimum of one set to the other set.
    docs/kinetics.md defines everything.
    """
    from llcommon.plotting import save_figure
    from llcommon.store import read_landscape
    from llpathsample.analysiscommands import between_sets, complete_network, given_temperatures
    from llpathsample.kinetics.rates import Routes, arrhenius_temperatures, barrier_between

    asked = given_temperatures(temperature, temperatures)
    _check(asked, each, all_pairs, output, force)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    between = between_sets(landscape, complete, set_a, set_b)
    routes = Routes(complete.network, between.a, between.b)
    _check_memory(max(routes.bytes, _pairs_memory(routes) if all_pairs is not None else 0))
    unconnected = len(complete.ids) - len(routes.minima)
    if unconnected:
        log(f"note: {unconnected} minima that are not joined to both sets are left out")
    if asked is None:
        asked = arrhenius_temperatures(barrier_between(routes))
        ends = f"{asked[0]:.3g} to {asked[-1]:.3g}"
        log(f"{len(asked)} temperatures from {ends}: 1/50 to 1/2 of the highest barrier between A and B")
    found = []
    with Progress(len(asked), "temperatures") as progress:
        for number, value in enumerate(asked.tolist()):
            found.append(routes.at(value))
            progress.update(number + 1)
    extra = {"file": str(file), "unconnected_minima_left_out": unconnected, **between.omissions()}
    if each:
        write_table(_each_minimum(complete, routes, found[0]), as_json, {**extra, "temperature": float(asked[0])})
    else:
        write_table(_each_temperature(routes, found), as_json, extra)
    if all_pairs is not None:
        _write_all_pairs(complete, routes, float(asked[0]), all_pairs)
    if output is not None:
        from llpathsample.kinetics.arrhenius import draw_arrhenius

        save_figure(draw_arrhenius(found), output)
        log(f"Arrhenius figure in {output}")


def _check(asked, each: bool, all_pairs: Path | None, output: Path | None, force: bool) -> None:
    """ConfigError for outputs that cannot be written, or do not go with these temperatures (None: not given)."""
    from llcommon.errors import ConfigError
    from llcommon.plotting import figure_format
    from llcommon.store import check_writable

    if output is not None:
        figure_format(output)
        if each:
            raise ConfigError("--minima draws nothing; leave out -o, or --minima")
    for path in (output, all_pairs):
        if path is not None:
            check_writable(path, force)
    if all_pairs is not None and all_pairs.suffix != ".npz":
        raise ConfigError(f"--all-pairs {all_pairs}: a NumPy archive is written; end the name in .npz")
    if (each or all_pairs is not None) and (asked is None or len(asked) != 1):
        raise ConfigError(f"{'--minima' if each else '--all-pairs'} needs one temperature; name it by --temperature")
    if output is not None and asked is not None and len(asked) < 2:
        raise ConfigError("a figure over 1/T needs two temperatures at least; give more by --temperature")


# --- tables -----------------------------------------------------------------------------------


def _numbers(logarithms) -> list[float | None]:
    """e to the power of each; None where that is no double, or has lost digits."""
    from llpathsample.kinetics.rates import LARGEST_LOG, SMALLEST_LOG

    found = []
    for value in logarithms:
        if value == -math.inf:
            found.append(0.0)
        elif SMALLEST_LOG < value < LARGEST_LOG:
            found.append(math.exp(value))
        else:
            found.append(None)
    return found


def _each_temperature(routes, found) -> list[Column]:
    """Rates and times by temperature, and their logarithms."""
    from llpathsample.kinetics.paths import largest_contribution

    sides = {"ab": "forth", "ba": "back"}
    logarithms = {
        f"{kind}_{side}": (_RATE, [getattr(getattr(passage, attribute), name) for passage in found])
        for kind, name in _KINDS.items()
        for side, attribute in sides.items()
    }
    for side, attribute in sides.items():
        logarithms[f"mfpt_{side}"] = (_TIME, [getattr(passage, attribute).passage_time for passage in found])
    best = [largest_contribution(routes.network, passage.temperature, routes.a, routes.b) for passage in found]
    logarithms["best_path_ab"] = (_RATE, best)
    # The same flow either way, in equilibrium.
    back = [value + passage.forth.share - passage.back.share for value, passage in zip(best, found, strict=True)]
    logarithms["best_path_ba"] = (_RATE, back)
    columns = [Column("temperature", "", [passage.temperature for passage in found])]
    columns += [Column(name, unit, _numbers(values)) for name, (unit, values) in logarithms.items()]
    for name, attribute in (("share_a", "back"), ("share_b", "forth")):
        columns.append(Column(name, "", [math.exp(getattr(passage, attribute).share) for passage in found]))
    columns += [Column(f"ln_{name}", "", values) for name, (_, values) in logarithms.items()]
    return columns


def _each_minimum(complete, routes, passage) -> list[Column]:
    """Committors and passage times of the minima that are not left out."""
    import numpy as np

    minima = routes.minima
    sets = np.full(len(complete.ids), "", dtype=object)
    sets[routes.a], sets[routes.b] = "A", "B"
    logarithms = {
        "occupation": ("", passage.log_occupations[minima]),
        "committor_a": ("", passage.log_committor_a[minima]),
        "committor_b": ("", passage.log_committor_b[minima]),
        "mfpt_to_a": (_TIME, passage.log_time_to_a[minima]),
        "mfpt_to_b": (_TIME, passage.log_time_to_b[minima]),
    }
    columns = [
        Column("id", "", complete.ids[minima]),
        Column("loss", "", complete.network.losses[minima]),
        Column("set", "", sets[minima].tolist()),
    ]
    columns += [Column(name, unit, _numbers(values.tolist())) for name, (unit, values) in logarithms.items()]
    return columns + [Column(f"ln_{name}", "", values) for name, (_, values) in logarithms.items()]


# --- all pairs --------------------------------------------------------------------------------


def _pairs_memory(routes) -> int:
    from llpathsample.kinetics.allpairs import memory_of_all_pairs

    return memory_of_all_pairs(len(routes.minima))


def _check_memory(needed: int) -> None:
    """ConfigError if this machine does not have so many bytes left."""
    from llcommon.errors import NO_MEMORY, ConfigError
    from llcommon.machine import available_memory

    left = available_memory()
    if left is not None and needed > left:
        raise ConfigError(
            f"{NO_MEMORY}: {needed / 1e9:.1f} GB are needed, {left / 1e9:.1f} GB are left; "
            "take a part of the network by llpathsample extract, or use a larger machine"
        )


def _write_all_pairs(complete, routes, temperature: float, output: Path) -> None:
    """The archive of --all-pairs; says what it holds."""
    import numpy as np

    from llcommon.store import replace_file
    from llpathsample.kinetics.allpairs import all_passage_times

    found = all_passage_times(complete.network.among(routes.minima), temperature)
    content = {
        "minima": complete.ids[routes.minima],
        "log_times": found.log_times,
        "log_occupations": found.log_occupations,
        "temperature": np.float64(temperature),
    }

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, **content)

    replace_file(output, write)
    log(f"ln of the passage times between {len(routes.minima)} minima in {output}")
