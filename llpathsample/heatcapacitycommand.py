"""The command `heat-capacity`: the curve, its peaks, the minima that make them, convergence with their number."""

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
    trust_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import complete_network, given_temperatures, save, temperature_options
from llpathsample.thermocommands import alike, figure_to, freedom_of, say_range

TABLES = ("curve", "peaks", "minima", "convergence")


@click.command("heat-capacity")
@file_argument()
@temperature_options()
@click.option(
    "--configurational", is_flag=True, help="Without kinetic energy: kappa / 2 in place of kappa, degrees of freedom."
)
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="curve",
    show_default=True,
    help="What goes to standard output; --json gives everything.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="List so many minima that gain, and that lose, at each peak.",
)
@click.option(
    "--share",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.99,
    show_default=True,
    metavar="X",
    help="Colour the fewest minima of each side of a peak that make this share of it.",
)
@click.option(
    "--lowest",
    type=click.IntRange(1),
    metavar="N",
    help="Draw the N lowest minima only; default: at most 1000, those that make the peaks before others.",
)
@output_option("Figure (svg, pdf or png): the curve and, at each peak, the tree coloured by gain and loss.")
@force_option()
@trust_option()
@json_option("Write all four tables as one JSON document.")
@verbose_option()
@quiet_option()
def heat_capacity(
    file: Path, temperature, temperatures, configurational, table, top, share, lowest, output, force, as_json
) -> None:
    """Heat capacity of the landscape FILE over the temperature, by harmonic superposition.

    C_V = kappa + Var(L) / T^2. Without temperatures the range is that of all peaks; peaks are looked for there in any
    case. At a peak, a minimum with g = dp/dT > 0 gains occupation on heating, one with g < 0 loses it; its contribution
    to the peak is g (L - <L>).
    """
    from llcommon.store import read_landscape
    from llpathsample.thermodynamics.heatcapacity import heat_capacity as computed

    asked = given_temperatures(temperature, temperatures)
    figure_to(output, force, asked)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    common = freedom_of(landscape, file)
    constant = 0.5 * common.kappa if configurational else float(common.kappa)
    result = computed(complete.network, constant, asked, top, share)
    _tell(result, complete, automatic=asked is None)
    tables = {
        "curve": _curve(result, complete),
        "peaks": _peaks(result),
        "minima": _minima(result, complete),
        "convergence": _convergence(result),
    }
    if as_json:
        extra = _document(file, common.kappa, configurational, asked is None, result, complete)
        extra |= {name: _records(tables[name]) for name in TABLES[1:]}
        write_table(tables["curve"], True, extra)
    else:
        write_table(tables[table], False)
    if output is not None:
        _draw(landscape, complete, result, lowest, output)


def _draw(landscape, complete, result, lowest: int | None, output: Path) -> None:
    from llpathsample.thermodynamics.figures import MOST_TREES, draw_heat_capacity, heat_capacity_tree

    shown = heat_capacity_tree(landscape, complete.ids, result, lowest)
    if shown is None:
        log("note: without peaks or transition states the figure has no trees")
    else:
        log(f"{shown.tree.leaves.size} of {shown.total} minima are drawn")
        if shown.makers_left_out:
            log(f"note: {shown.makers_left_out} minima that make peaks are not among them")
        peaks = len(result.within())
        if peaks > MOST_TREES:
            log(f"note: trees are drawn for the {MOST_TREES} most prominent of {peaks} peaks")
    save(draw_heat_capacity(result, shown), output)


def _tell(result, complete, automatic: bool) -> None:
    """Say what the tables are about."""
    from llpathsample.thermodynamics.features import SLIGHT

    if result.range is None:
        at = "; the temperature is 1" if automatic else ""
        log(f"note: {alike(complete)}, so the heat capacity is its constant and has no peak{at}")
        return
    if automatic:
        say_range(*result.range)
    for number, makers in enumerate(result.peaks, start=1):
        sides = (("gained", makers.gaining), ("lost", makers.losing))
        parts = [
            f"{who} by {_named(side, complete.ids)} ({side.total / makers.peak.height:.0%})" for who, side in sides
        ]
        log(
            f"peak {number} at T = {makers.peak.temperature:.6g}, height {makers.peak.height:.6g}, prominence "
            f"{makers.peak.prominence:.3g}: occupation {', '.join(parts)}"
        )
    if result.slight:
        log(
            f"note: {result.slight} maxima of a prominence below {SLIGHT:g} of the highest peak are too slight for "
            "peaks and not listed"
        )
    if not result.within():
        log("note: no peak is between the temperatures asked for")
    found = result.convergence
    count = found.counts[-1]
    if found.settled < count:
        log(f"the heat capacity of the lowest {found.settled} minima is within 1 % of that of all {count}")
    else:
        log(f"note: the last of the {count} minima still change the heat capacity; more of them may too")


def _named(side, ids) -> str:
    """The minima that make most of a side."""
    few = ids[side.rows[: min(3, side.needed)]].tolist()
    more = side.needed - len(few)
    return ", ".join(map(str, few)) + (f" and {more} more" if more > 0 else "")


def _curve(result, complete) -> list[Column]:
    lowest = float(complete.network.losses.min())
    return [
        Column("temperature", "", result.shown.temperatures),
        Column("heat_capacity", "", result.capacity),
        Column("mean_loss", "", lowest + result.shown.excess),
    ]


def _peaks(result) -> list[Column]:
    peaks = [makers.peak for makers in result.peaks]
    return [
        Column("peak", "", list(range(1, len(peaks) + 1))),
        Column("temperature", "", [peak.temperature for peak in peaks]),
        Column("heat_capacity", "", [result.constant + peak.height for peak in peaks]),
        Column("height", "", [peak.height for peak in peaks]),
        Column("prominence", "", [peak.prominence for peak in peaks]),
        Column("gaining", "", [makers.gaining.total for makers in result.peaks]),
        Column("losing", "", [makers.losing.total for makers in result.peaks]),
        Column("minima_gaining", "", [makers.gaining.needed for makers in result.peaks]),
        Column("minima_losing", "", [makers.losing.needed for makers in result.peaks]),
    ]


def _minima(result, complete) -> list[Column]:
    """One row for each minimum listed, and one, without an id, for the others of its side."""
    rows = []
    for number, makers in enumerate(result.peaks, start=1):
        for name, side in (("gains", makers.gaining), ("loses", makers.losing)):
            where = (number, makers.peak.temperature, name)
            listed = (complete.ids[side.rows], complete.network.losses[side.rows])
            values = (side.occupations, side.gains, side.contributions, side.shares)
            rows += [(*where, 1, *row) for row in zip(*(array.tolist() for array in (*listed, *values)), strict=True)]
            if side.others:
                share = side.rest / makers.peak.height
                rows.append((*where, side.others, None, None, None, None, side.rest, share))
    names = ("peak", "temperature", "side", "minima", "minimum", "loss", "occupation", "gain", "contribution", "share")
    return [Column(name, "", [row[place] for row in rows]) for place, name in enumerate(names)]


def _convergence(result) -> list[Column]:
    found = result.convergence
    if found is None:
        return [Column(name, "", []) for name in ("minima", "deviation", "peaks", "temperature", "heat_capacity")]
    return [
        Column("minima", "", found.counts),
        Column("deviation", "", found.deviations),
        Column("peaks", "", found.peaks),
        Column("temperature", "", found.temperatures),
        Column("heat_capacity", "", result.constant + found.heights),
    ]


def _records(columns: list[Column]) -> list[dict]:
    """Rows of a table as JSON has them."""
    plain = [column.values.tolist() if hasattr(column.values, "tolist") else column.values for column in columns]
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*plain, strict=True)]


def _document(file: Path, kappa: int, configurational: bool, automatic: bool, result, complete) -> dict:
    """What the JSON document holds besides tables."""
    return {
        "file": str(file),
        "degrees_of_freedom": kappa,
        "constant": result.constant,
        "configurational": configurational,
        "peak_range": result.range,
        "slight_maxima_left_out": result.slight,
        "temperatures": "automatic" if automatic else "given",
        "settled_with": None if result.convergence is None else result.convergence.settled,
        **complete.omissions(),
    }
