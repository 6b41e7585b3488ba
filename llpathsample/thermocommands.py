"""Commands for what a landscape is like in equilibrium: occupations, entropy, free-energy; and what they share."""

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
from llpathsample.analysiscommands import (
    Complete,
    check_figure,
    complete_network,
    given_temperatures,
    save,
    temperature_options,
)

TEMPERATURE = "temperature"
_SHOWN = (1e-100, 1e100)  # temperatures; ticks that matplotlib tries are far outside, and must not overflow


def figure_to(output: Path | None, force: bool, asked) -> None:
    """Refuse a figure that could not be written or drawn, before anything is computed.

    asked: rising temperatures, (t,), or None.
    """
    from llcommon.errors import ConfigError

    check_figure(output, force)
    if output is not None and asked is not None and not _SHOWN[0] <= asked[0] <= asked[-1] <= _SHOWN[1]:
        raise ConfigError(f"{output}: a figure has temperatures from 1e-100 to 1e100; name others, or leave out -o")


def freedom_of(landscape, file: Path):
    """Degrees of freedom and symmetry group that all minima share, as a Superposition.

    The zero modes that are not counted are those of the global minimum. ConfigError for a model of a user's that there
    is no leave to run.
    """
    import numpy as np

    from llcommon.store import read_coordinates
    from llpathsample.thermodynamics.freeenergy import Superposition

    declared = landscape.declared
    lowest = landscape.global_minimum()
    x = read_coordinates(file, "minima", lowest) if declared.dimension else np.empty(0)
    if declared.bounded and np.asarray(landscape.minima.active).any():
        log(
            "note: bounds hold coordinates of some minima, which harmonic superposition takes for minima with as many "
            "degrees of freedom as the others"
        )
    return Superposition(int(declared.degrees_of_freedom(x)), float(declared.log_group_order()))


def alike(complete: Complete) -> str:
    """Why there is no range of temperatures."""
    return "there is a single minimum" if len(complete.ids) == 1 else "all minima have the same loss"


def automatic_or_given(complete: Complete, asked, where: str = ""):
    """Temperatures asked for, or those that show all peaks of the heat capacity; and the temperatures of the peaks.

    where: what begins the lines on standard error, if several files are read.
    """
    import numpy as np

    from llpathsample.thermodynamics.features import heat_capacity_peaks, resolved_curves

    found = resolved_curves(complete.network)
    if found is None:
        at = "; the temperature is 1" if asked is None else ""
        log(f"note: {where}{alike(complete)}, so occupations do not change with temperature{at}")
        return (np.array([1.0]) if asked is None else asked), []
    peaks = [peak.temperature for peak in heat_capacity_peaks(complete.network, found)]
    if asked is not None:
        return asked, peaks
    say_range(found.temperatures[0], found.temperatures[-1], where)
    return found.temperatures, peaks


def say_range(low: float, high: float, where: str = "") -> None:
    """Tell the automatic range."""
    log(f"{where}temperatures from {low:.6g} to {high:.6g}, between which all peaks of the heat capacity are")


def _rows_of(landscape, complete: Complete, rule: str, option: str):
    """Places in the network of the minima that a rule names; those without an LPPHE are counted on standard error."""
    import numpy as np

    from llcommon.errors import ConfigError
    from llpathsample.growoptions import without_file
    from llpathsample.sets import members_of

    ids = members_of(landscape, without_file(rule), "", option)
    rows = np.flatnonzero(np.isin(complete.ids, ids))
    if not rows.size:
        raise ConfigError(f"{option}: {rule} names no minimum with an LPPHE; name one at least")
    if len(ids) > len(rows):
        log(f"note: {len(ids) - len(rows)} minima of {option} {rule} have no LPPHE and are left out")
    return rows


@click.command()
@file_argument()
@temperature_options()
@click.option(
    "--minima",
    "rule",
    metavar="RULE",
    help='Minima to follow: "0, 7, 20-25", "below LOSS", lowest, all, or "file NAME"; default: the most occupied.',
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    metavar="N",
    help="Number of minima to follow if --minima names none: those with the highest occupation at some temperature.",
)
@output_option("Figure (svg, pdf or png) of the occupations.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def occupations(file: Path, temperature, temperatures, rule, top, output, force, as_json) -> None:
    """Equilibrium occupations of minima of the landscape FILE over the temperature, by harmonic superposition.

    Without temperatures the range is that of all peaks of the heat capacity.
    """
    from llcommon.store import read_landscape
    from llpathsample.thermodynamics.occupations import most_occupied
    from llpathsample.thermodynamics.occupations import occupations as occupied

    asked = given_temperatures(temperature, temperatures)
    figure_to(output, force, asked)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    rows = None if rule is None else _rows_of(landscape, complete, rule, "--minima")
    at, peaks = automatic_or_given(complete, asked)
    if rows is None:
        rows = most_occupied(complete.network, at, top)
    found = occupied(complete.network, at, rows)
    ids = complete.ids[rows]
    columns = [Column(TEMPERATURE, "", found.temperatures)]
    columns += [Column(f"minimum_{number}", "", found.values[:, k]) for k, number in enumerate(ids.tolist())]
    columns.append(Column("others", "", found.rest))
    extra = {"file": str(file), "minima": ids, "peaks": peaks, **complete.omissions()}
    write_table(columns, as_json, extra)
    if output is not None:
        from llpathsample.thermodynamics.figures import draw_occupations

        save(draw_occupations(found, ids, peaks), output)


@click.command()
@file_argument()
@temperature_options()
@output_option("Figure (svg, pdf or png) of both entropies.")
@force_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def entropy(file: Path, temperature, temperatures, output, force, as_json) -> None:
    """Entropies of the landscape FILE over the temperature, by harmonic superposition.

    shannon_entropy is that of the occupations, -sum p ln p, and equivalent_minima its exponential: as many equally
    occupied minima have it. entropy is the thermodynamic one of all coordinates, (U - F) / T without kinetic energy, as
    of free-energy; it depends on the unit of the coordinates.
    """
    import numpy as np

    from llcommon.store import read_landscape
    from llpathsample.thermodynamics.freeenergy import free_energies

    asked = given_temperatures(temperature, temperatures)
    figure_to(output, force, asked)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    common = freedom_of(landscape, file)
    at, peaks = automatic_or_given(complete, asked)
    found = free_energies(complete.network, at, common)
    columns = [
        Column(TEMPERATURE, "", found.temperatures),
        Column("shannon_entropy", "", found.shannon),
        Column("equivalent_minima", "", np.exp(found.shannon)),
        Column("entropy", "", found.entropy),
    ]
    extra = {
        "file": str(file), "degrees_of_freedom": common.kappa, "log_group_order": common.log_group_order,
        "peaks": peaks, **complete.omissions(),
    }  # fmt: skip
    write_table(columns, as_json, extra)
    if output is not None:
        from llpathsample.thermodynamics.figures import draw_entropy

        save(draw_entropy(found, peaks), output)


def _tell_infinite(found) -> None:
    """Say where energies are too large for a number; the table has inf there, a JSON document null."""
    import numpy as np

    infinite = ~np.isfinite(np.column_stack([found.free_energy, found.internal_energy, found.groups])).all(axis=1)
    if infinite.any():
        first = found.temperatures[np.argmax(infinite)]
        log(f"note: from T = {first:g} on energies are too large for a number, and infinite in the table")


@click.command("free-energy")
@file_argument()
@temperature_options()
@click.option(
    "--group",
    "rules",
    multiple=True,
    metavar="RULE",
    help='A group of minima: "0, 7, 20-25", "below LOSS", lowest, or "file NAME"; may be given several times.',
)
@output_option("Figure (svg, pdf or png) of the free energies.")
@force_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def free_energy(file: Path, temperature, temperatures, rules, output, force, as_json) -> None:
    """Free energy of the landscape FILE, of minima and of groups of them over the temperature.

    By harmonic superposition and without kinetic energy: free_energy is -T ln Z, internal_energy <L> + kappa T / 2,
    entropy the difference of both by T. A group's free energy is that of its minima alone; a group of one is a minimum.
    """
    from llcommon.store import read_landscape
    from llpathsample.thermodynamics.freeenergy import free_energies

    asked = given_temperatures(temperature, temperatures)
    figure_to(output, force, asked)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    groups = [_rows_of(landscape, complete, rule, "--group") for rule in rules]
    common = freedom_of(landscape, file)
    at, peaks = automatic_or_given(complete, asked)
    found = free_energies(complete.network, at, common, groups)
    _tell_infinite(found)
    columns = [
        Column(TEMPERATURE, "", found.temperatures),
        Column("free_energy", "", found.free_energy),
        Column("internal_energy", "", found.internal_energy),
        Column("entropy", "", found.entropy),
        Column("heat_capacity", "", found.capacity),
    ]
    columns += [Column(f"group_{place}", "", found.groups[:, place]) for place in range(len(rules))]
    extra = {
        "file": str(file), "degrees_of_freedom": common.kappa, "log_group_order": common.log_group_order,
        "groups": [{"rule": rule, "minima": len(rows)} for rule, rows in zip(rules, groups, strict=True)],
        "peaks": peaks, **complete.omissions(),
    }  # fmt: skip
    write_table(columns, as_json, extra)
    if output is not None:
        from llpathsample.thermodynamics.figures import draw_free_energies

        save(draw_free_energies(found, rules, peaks), output)
