"""The command `first-passage` of llpathsample."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    force_option,
    jobs_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import set_options, temperature_options

_QUANTILES = {"ln_time_5": 0.05, "ln_median_time": 0.5, "ln_time_95": 0.95}
# What a second moment may be off by, relatively, before it is worth a warning.
_GOOD_REDUCTION = 0.01


@click.command("first-passage")
@file_argument()
@temperature_options()
@set_options()
@click.option(
    "--states", type=click.IntRange(2), default=1000, show_default=True, metavar="N",
    help="Most minima of the eigenproblem; of more the fastest are taken out before.",
)  # fmt: skip
@click.option("--curve", is_flag=True, help="The distributions, row by row, in place of a row for each temperature.")
@click.option(
    "--simulate", type=click.IntRange(2), metavar="N", help="Also N trajectories of kinetic Monte Carlo, as a check."
)
@click.option(
    "--steps", type=click.IntRange(1), default=1_000_000, show_default=True, metavar="N",
    help="Most steps of a trajectory.",
)  # fmt: skip
@seed_option("Seed of the trajectories; default: 1.")
@jobs_option("Threads that simulate; the trajectories do not depend on it.")
@output_option("Figure of the distributions: svg, pdf or png.")
@force_option()
@json_option()
@verbose_option()
@quiet_option()
def first_passage(
    file: Path, temperature, temperatures, set_a, set_b, states: int, curve, simulate, steps: int, seed, jobs: int,
    output, force, as_json,
) -> None:  # fmt: skip
    """Compute the distribution of first-passage times from set B to set A of the landscape FILE.

    It is a sum of exponentials, from the spectrum of the network with A absorbing; mean and standard deviation come from
    elimination and hold at any temperature. A row is `unresolved` where double precision does not hold the amplitudes;
    `rounding` is their error, `square_error` that of the second moment, which tells what taking fast minima out did.
    Times are natural logarithms; `variation` is the standard deviation over the mean, 1 of a single exponential.
    """
    from llcommon.plotting import figure_format, save_figure
    from llcommon.store import check_writable, read_landscape
    from llpathsample.analysiscommands import (
        chosen_sets,
        chosen_temperatures,
        complete_network,
        places_of_sets,
    )
    from llpathsample.kinetics.passageplots import draw_first_passage

    if output is not None:
        figure_format(output)
        check_writable(output, force)
    landscape = read_landscape(file, points=False)
    complete = complete_network(landscape, file)
    asked = chosen_temperatures(landscape, temperature, temperatures)
    a, b = places_of_sets(complete, *chosen_sets(landscape, set_a, set_b))
    plan = (simulate, 1 if seed is None else seed, steps, jobs)
    found = [_at(complete.network, value, a, b, states, plan) for value in asked.tolist()]
    extra = {**complete.omissions(), "curves": _curves(found), "spectra": _spectra(found)}
    write_table(_curve_columns(found) if curve and not as_json else _columns(found), as_json, extra)
    for result in found:
        _say(result)
    if output is not None:
        drawn = [(value, spectrum, simulated) for value, _, _, spectrum, simulated in found if spectrum.resolved]
        if drawn:
            save_figure(draw_first_passage(drawn), output)
            log(f"the figure is {output}")
        else:
            log("note: no distribution is resolved, so no figure was drawn")


def _at(network, temperature: float, a, b, states: int, plan):
    """(temperature, minima on the way, moments, spectrum, simulation or None)."""
    from llpathsample.kinetics.montecarlo import simulate
    from llpathsample.kinetics.passage import absorbing_chain, moments, reduced_chain, spectrum

    number, seed, steps, jobs = plan
    chain = absorbing_chain(network, temperature, a, b)
    exact = moments(chain)
    found = spectrum(reduced_chain(chain, states), exact)
    simulated = simulate(chain, exact.log_mean, number, seed, steps, jobs) if number else None
    return temperature, len(chain.minima), exact, found, simulated


def _columns(found) -> list[Column]:
    import numpy as np

    rows = []
    for temperature, minima, exact, spectrum, simulated in found:
        row = {
            "temperature": temperature,
            "status": spectrum.status.label if not spectrum.resolved else "resolved",
            "ln_mean_time": exact.log_mean,
            "variation": exact.variation,
        }
        for name, probability in _QUANTILES.items():
            row[name] = spectrum.log_unit + np.log(spectrum.quantile(probability)) if spectrum.resolved else None
        slowest = spectrum.resolved
        row |= {
            "ln_slowest_time": spectrum.log_unit - np.log(spectrum.rates[0]) if slowest else None,
            "slowest_amplitude": spectrum.amplitudes[0] if slowest else None,
            "exponentials": spectrum.modes() if slowest else None,
            "peaks": len(spectrum.peaks()) if slowest else None,
            "minima": minima,
            "states": len(spectrum.rates),
            "rounding": spectrum.rounding,
            "square_error": spectrum.square_error,
        }
        if simulated is not None:
            row |= {
                "simulation": simulated.status.label,
                "arrived": len(simulated.times),
                "ln_simulated_mean": simulated.log_unit + np.log(simulated.mean),
                "standard_error": simulated.error / simulated.mean,
                "deviation": (simulated.mean - 1.0) / simulated.error,
            }
        rows.append(row)
    return [Column(name, "", [_number(row[name]) for row in rows]) for name in rows[0]]


def _number(value):
    """NumPy numbers as Python's."""
    return value.item() if hasattr(value, "item") else value


def _curve(spectrum):
    """ln t, density in ln t and survival over what is worth a look."""
    import numpy as np

    times = spectrum.grid()
    return spectrum.log_unit + np.log(times), spectrum.density(times), spectrum.survival(times)


def _curve_columns(found) -> list[Column]:
    import numpy as np

    parts = [(temperature, *_curve(spectrum)) for temperature, _, _, spectrum, _ in found if spectrum.resolved]
    columns = [[np.full(len(part[1]), part[0]) for part in parts], *[[part[k] for part in parts] for k in (1, 2, 3)]]
    names = ("temperature", "ln_time", "density", "survival")
    return [
        Column(name, "", np.concatenate([np.empty(0), *values])) for name, values in zip(names, columns, strict=True)
    ]


def _curves(found) -> list[dict]:
    documents = []
    for temperature, _, _, spectrum, _ in found:
        if spectrum.resolved:
            names = ("ln_times", "density", "survival")
            documents.append({"temperature": temperature, **dict(zip(names, _curve(spectrum), strict=True))})
    return documents


def _spectra(found) -> list[dict]:
    """The exponentials that matter: amplitudes of more than a millionth."""
    import numpy as np

    documents = []
    for temperature, _, _, spectrum, _ in found:
        if spectrum.resolved:
            kept = np.abs(spectrum.amplitudes) > 1e-6
            times = spectrum.log_unit - np.log(spectrum.rates[kept])
            documents.append({"temperature": temperature, "ln_times": times, "amplitudes": spectrum.amplitudes[kept]})
    return documents


def _say(result) -> None:
    """What needs saying of one temperature."""
    temperature, minima, exact, spectrum, simulated = result
    states = len(spectrum.rates)
    if not spectrum.resolved:
        log(
            f"note: at T = {temperature:g} double precision does not resolve the distribution; mean and variation hold, and "
            f"with a variation of {exact.variation:.6g} it is {'' if abs(exact.variation - 1.0) < 1e-3 else 'not '}nearly "
            "a single exponential"
        )
    elif states < minima:
        level = "warning" if spectrum.square_error > _GOOD_REDUCTION else "note"
        log(
            f"{level}: at T = {temperature:g} the {minima - states} fastest of {minima} minima were taken out, which changes "
            f"the second moment by {spectrum.square_error:.2g} of it; --states keeps more"
        )
    if simulated is not None and len(simulated.times) < len(simulated.steps):
        log(
            f"warning: at T = {temperature:g} {len(simulated.steps) - len(simulated.times)} of {len(simulated.steps)} "
            "trajectories did not come to A within --steps; nothing was averaged"
        )
