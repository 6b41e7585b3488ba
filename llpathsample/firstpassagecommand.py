"""The command `first-passage` of llpathsample."""

import math
from dataclasses import dataclass
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
from llpathsample.analysiscommands import check_figure, save, set_options, temperature_options

_QUANTILES = {"ln_time_5": 0.05, "ln_median_time": 0.5, "ln_time_95": 0.95}
# What a second moment may be off by, relatively, before it is worth a warning.
_GOOD_REDUCTION = 0.01
_NEARLY_SINGLE = 1e-3
_MATRICES = 9  # of all states that are held at the same time, work of LAPACK included


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

    It is a sum of exponentials, from the spectrum of the network with A absorbing; mean and standard deviation come
    from elimination and hold at any temperature. A row is `unresolved` where double precision does not hold the
    amplitudes; `rounding` is their error, `square_error` that of the second moment, which tells what taking fast minima
    out did. Times are natural logarithms; `variation` is the standard deviation over the mean, 1 of a single
    exponential.
    """
    from llcommon.store import read_landscape
    from llpathsample.analysiscommands import between_sets, complete_network, temperatures_between
    from llpathsample.kinetics.passageplots import draw_first_passage

    check_figure(output, force)
    landscape = read_landscape(file, points=False)
    between = between_sets(landscape, complete_network(landscape, file), set_a, set_b)
    asked = temperatures_between(between, temperature, temperatures)
    _check_memory(min(states, len(between.complete.ids)))
    plan = (simulate, 1 if seed is None else seed, steps, jobs)
    found = [_at(between, value, states, plan) for value in asked.tolist()]
    extra = {**between.omissions(), "curves": _curves(found), "spectra": _spectra(found)}
    write_table(_curve_columns(found) if curve and not as_json else _columns(found), as_json, extra)
    for result in found:
        _say(result)
    if output is not None:
        drawn = [(one.temperature, one.told, one.simulated) for one in found if one.told.resolved]
        if drawn:
            save(draw_first_passage(drawn), output)
        else:
            log("note: no distribution is resolved, so no figure was drawn")


@dataclass(frozen=True)
class _Found:
    """At one temperature: minima on the way, states of the eigenproblem and what their reduction does to the second
    moment (relative), exact moments, the spectrum, the distribution as it can be told (that spectrum, or by matrix
    powers), and what was simulated, if anything."""

    temperature: float
    minima: int
    states: int
    reduction: float
    exact: "object"
    exponentials: "object"
    told: "object"
    simulated: "object | None"


def _check_memory(states: int) -> None:
    """ConfigError if this machine does not have the memory that so many states need."""
    from llcommon.errors import NO_MEMORY, ConfigError
    from llcommon.machine import available_memory

    needed, left = _MATRICES * 8 * states**2, available_memory()
    if left is not None and needed > left:
        raise ConfigError(
            f"{NO_MEMORY}: {states} states need {needed / 1e9:.1f} GB, {left / 1e9:.1f} GB are left; "
            "keep fewer by --states"
        )


def _at(between, temperature: float, states: int, plan):
    """What is known at a temperature."""
    from llpathsample.kinetics.montecarlo import simulate
    from llpathsample.kinetics.passage import absorbing_chain, moments, reduced_chain, spectrum
    from llpathsample.kinetics.propagation import propagate

    number, seed, steps, jobs = plan
    chain = absorbing_chain(between.complete.network, temperature, between.a, between.b)
    exact = moments(chain)
    small = reduced_chain(chain, states)
    reduction = 0.0 if small is chain else abs(math.expm1(moments(small).log_square - exact.log_square))
    exponentials = spectrum(small, exact)
    told = exponentials if exponentials.resolved else propagate(small, exact)
    simulated = simulate(chain, exact.log_mean, number, seed, steps, jobs) if number else None
    return _Found(temperature, len(chain.minima), len(small.minima), reduction, exact, exponentials, told, simulated)


def _columns(found: list[_Found]) -> list[Column]:
    import numpy as np

    from llpathsample.kinetics.passage import peaks, quantile

    rows = []
    for one in found:
        told, exponentials = one.told, one.exponentials
        row = {
            "temperature": one.temperature,
            "status": "resolved" if told.resolved else told.status.label,
            "ln_mean_time": one.exact.log_mean,
            "variation": one.exact.variation,
        }
        for name, probability in _QUANTILES.items():
            row[name] = told.log_unit + np.log(quantile(told, probability)) if told.resolved else None
        row["peaks"] = len(peaks(told)) if told.resolved else None
        spectral = exponentials.resolved
        row |= {
            "exponentials": exponentials.modes() if spectral else None,
            "ln_slowest_time": exponentials.log_unit - np.log(exponentials.rates[0]) if spectral else None,
            "slowest_amplitude": exponentials.amplitudes[0] if spectral else None,
            "minima": one.minima,
            "states": one.states,
            "rounding": exponentials.rounding,
            "square_error": exponentials.square_error if spectral else None,
        }
        if one.simulated is not None:
            simulated = one.simulated
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


def _curves(found: list[_Found]) -> list[dict]:
    """ln t, density in ln t and survival over what is worth a look, of each temperature that is told."""
    import numpy as np

    from llpathsample.kinetics.passage import grid

    documents = []
    for one in found:
        if one.told.resolved:
            times = grid(one.told)
            curve = {"density": one.told.density(times), "survival": one.told.survival(times)}
            documents.append({"temperature": one.temperature, "ln_times": one.told.log_unit + np.log(times), **curve})
    return documents


def _curve_columns(found: list[_Found]) -> list[Column]:
    import numpy as np

    curves = _curves(found)
    temperatures = [np.full(len(curve["ln_times"]), curve["temperature"]) for curve in curves]
    columns = {"temperature": temperatures, "ln_time": [curve["ln_times"] for curve in curves]}
    columns |= {name: [curve[name] for curve in curves] for name in ("density", "survival")}
    return [Column(name, "", np.concatenate([np.empty(0), *parts])) for name, parts in columns.items()]


def _spectra(found: list[_Found]) -> list[dict]:
    """The exponentials that matter: amplitudes of more than a millionth."""
    import numpy as np

    documents = []
    for one in found:
        exponentials = one.exponentials
        if exponentials.resolved:
            kept = np.abs(exponentials.amplitudes) > 1e-6
            times = exponentials.log_unit - np.log(exponentials.rates[kept])
            amplitudes = exponentials.amplitudes[kept]
            documents.append({"temperature": one.temperature, "ln_times": times, "amplitudes": amplitudes})
    return documents


def _say(one: _Found) -> None:
    """What needs saying of one temperature."""
    at = f"at T = {one.temperature:g}"
    if not one.told.resolved:
        single = "nearly" if abs(one.exact.variation - 1.0) < _NEARLY_SINGLE else "not"
        log(
            f"note: {at} double precision does not resolve the distribution, but its moments; by a variation of "
            f"{one.exact.variation:.6g} it is {single} a single exponential"
        )
    elif not one.exponentials.resolved:
        log(f"note: {at} the amplitudes of the exponentials are lost to rounding; the distribution is by matrix powers")
    if one.states < one.minima:
        kind = "warning" if one.reduction > _GOOD_REDUCTION else "note"
        log(
            f"{kind}: {at} the {one.minima - one.states} fastest of {one.minima} minima were taken out, which "
            f"changes the second moment by {one.reduction:.2g} of it; --states keeps more"
        )
    if one.simulated is not None and len(one.simulated.times) < len(one.simulated.steps):
        log(
            f"warning: {at} {len(one.simulated.steps) - len(one.simulated.times)} of {len(one.simulated.steps)} "
            "trajectories did not come to A within --steps; nothing was averaged"
        )
