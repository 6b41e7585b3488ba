"""The command `frustration`: the frustration index and Shannon's entropy of landscapes, beside one another."""

from dataclasses import dataclass
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
from llpathsample.analysiscommands import complete_network, given_temperatures, save, temperature_options
from llpathsample.thermocommands import figure_to


@click.command()
@file_argument("files", nargs=-1, required=True)
@temperature_options()
@click.option(
    "--barrier-from",
    type=click.Choice(["minimum", "global"]),
    default="minimum",
    show_default=True,
    help="Count barriers from each minimum, or all from the global minimum.",
)
@output_option("Figure (svg, pdf or png) of the landscapes.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def frustration(files: tuple[Path, ...], temperature, temperatures, barrier_from, output, force, as_json) -> None:
    """Frustration of the landscapes FILES over the temperature, with exact minimax barriers to the global minimum.

    frustration is the sum over the other minima of p times barrier / difference of losses, scaled_frustration its
    quotient by 1 - p of the global minimum, which compares landscapes. Without temperatures each landscape has those
    that show all peaks of its heat capacity, and in any case there is a row at each peak.
    """
    import numpy as np

    asked = given_temperatures(temperature, temperatures)
    figure_to(output, force, asked)
    found = [_of(file, asked, barrier_from) for file in files]
    names = _names(files)
    rows = np.concatenate([np.full(len(one.curves.temperatures), place) for place, one in enumerate(found)])

    def column(part: str):
        return np.concatenate([getattr(one.curves, part) for one in found])

    columns = [
        Column("landscape", "", [names[row] for row in rows.tolist()]),
        Column("temperature", "", column("temperatures")),
        Column("frustration", "", column("index")),
        Column("scaled_frustration", "", column("scaled")),
        Column("shannon_entropy", "", column("entropy")),
        Column("occupation_of_lowest", "", column("lowest")),
        Column("heat_capacity_height", "", column("capacity")),
        Column("peak", "", [bool(np.isin(t, one.peaks)) for one in found for t in one.curves.temperatures]),
    ]
    reports = [one.report(name, file) for one, name, file in zip(found, names, files, strict=True)]
    write_table(columns, as_json, {"barrier_from": barrier_from, "landscapes": reports})
    if output is not None:
        from llpathsample.thermodynamics.figures import draw_frustration

        save(draw_frustration([one.curves for one in found], names, [one.peaks for one in found]), output)


@dataclass(frozen=True)
class _Frustrated:
    """Frustration of one file: its curves, temperatures of peaks, and what lacks an LPPHE."""

    curves: "object"
    peaks: list[float]
    omissions: dict

    def report(self, name: str, file: Path) -> dict:
        """For the JSON document."""
        return {
            "landscape": name,
            "file": str(file),
            "peaks": self.peaks,
            "unconnected_left_out": self.curves.unconnected,
            "degenerate_left_out": self.curves.degenerate,
            **self.omissions,
        }


def _of(file: Path, asked, barrier_from: str) -> _Frustrated:
    """Read a landscape and compute; barriers are those over all its transition states, with an LPPHE or without."""
    import numpy as np

    from llcommon.store import read_landscape
    from llpathsample.network import minimax_barriers
    from llpathsample.thermocommands import automatic_or_given
    from llpathsample.thermodynamics.frustration import frustration_curves

    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    at, peaks = automatic_or_given(complete, asked, f"{file}: ")
    at = np.unique(np.concatenate([at, peaks]))
    minima, states = landscape.minima, landscape.transition_states
    root = int(complete.ids[np.argmin(complete.network.losses)])
    barriers = minimax_barriers(minima.loss, states.loss, states.minima, root)[complete.ids]
    curves = frustration_curves(complete.network, at, barriers, barrier_from)
    for count, why in (
        (curves.unconnected, "are not connected to the global minimum"),
        (curves.degenerate, "have the loss of the global minimum"),
    ):
        if count:
            log(f"note: {file}: {count} minima that {why} are left out of the frustration")
    if len(minima) > 1 and curves.unconnected + curves.degenerate == len(complete.ids) - 1:
        advice = "; grow the network first" if curves.unconnected else ""
        log(f"note: {file}: no minimum is left for the frustration, which is 0{advice}")
    return _Frustrated(curves, peaks, complete.omissions())


def _names(files: tuple[Path, ...]) -> list[str]:
    """The files' names without their suffix where these differ, else the paths as given."""
    short = [file.stem for file in files]
    return short if len(set(short)) == len(short) else [str(file) for file in files]
