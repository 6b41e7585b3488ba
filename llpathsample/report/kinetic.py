"""Sections of kinetics between sets A and B: rates, committors, paths, first-passage times."""

import numpy as np

from llpathsample.kinetics.arrhenius import draw_arrhenius
from llpathsample.kinetics.passage import absorbing_chain, moments, quantile, reduced_chain, spectrum
from llpathsample.kinetics.passageplots import draw_fastest_paths, draw_first_passage
from llpathsample.kinetics.paths import fastest_paths
from llpathsample.kinetics.propagation import propagate
from llpathsample.report.material import Material
from llpathsample.report.page import (
    counted,
    exponential,
    figure,
    loss,
    note,
    number,
    paragraph,
    points,
    share,
    table,
)
from llpathsample.report.thermal import left_out

_ARRHENIUS = 13
_SHARES = (1.0 / 50.0, 1.0 / 2.0)  # lowest and highest temperature, of the barrier
_PATHS = 5
_MOST_TEMPERATURES = 40
_MOST_STEPS = 12
MOST_STATES = 400  # of the eigenproblem
_EDGES = np.array([0.0, 0.01, 0.1, 0.4, 0.6, 0.9, 0.99, 1.0])


def _between(material: Material) -> list[str]:
    """What A and B are."""
    sets = material.sets
    a, b = material.places
    described = [
        f"A: {_members(material, a)}.",
        f"B: {_members(material, b)}.",
        f"These are {sets.why}; --set-a and --set-b name others.",
    ]
    blocks = [points(described)]
    unjoined = (len(sets.a) - len(a), len(sets.b) - len(b))
    if any(unjoined):
        blocks.append(
            note(f"{unjoined[0]} minima of A and {unjoined[1]} of B are not joined to the other set, and left out.")
        )
    return blocks


def _members(material: Material, places: np.ndarray) -> str:
    ids = material.ids[places]
    if len(ids) == 1:
        return f"minimum {ids[0]}, loss {loss(material.losses[ids[0]])}"
    lowest = int(ids[np.argmin(material.losses[ids])])
    return (
        f"{counted(len(ids), 'minimum', 'minima')}, the lowest minimum {lowest}, loss {loss(material.losses[lowest])}"
    )


def rates(material: Material) -> list[str]:
    """Rate constants over temperatures."""
    routes = material.routes
    barrier = material.barrier
    grid = material.grid
    if grid is None:
        grid = np.geomspace(_SHARES[0] * barrier, _SHARES[1] * barrier, _ARRHENIUS)
    grid = grid[:: max(1, len(grid) // _MOST_TEMPERATURES)]
    drawn = [routes.at(value) for value in grid.tolist()]
    # Of temperatures that differ by rounding one is enough.
    asked = material.kinetic_temperatures.tolist()
    others = [value for value in asked if not np.isclose(grid, value, rtol=1e-9).any()]
    found = sorted([*drawn, *map(routes.at, others)], key=lambda passage: passage.temperature)
    blocks = [
        *_between(material),
        paragraph(
            f"From the lowest minimum of both sets one must climb at least {number(barrier)} to go from one to the "
            "other. Time is in units of the model dynamics: rates are those of harmonic transition-state theory on "
            "the loss, so only ratios and their change with temperature mean something for a loss without a clock."
        ),
    ]
    if len(drawn) > 1:
        caption = (
            "Logarithm of the rate constants over 1 / T, from B to A on the left, and below it the activation "
            "energy, its slope. Where the four kinds agree, one barrier decides."
        )
        blocks.append(figure(draw_arrhenius(drawn), caption))
    rows = [
        (
            number(passage.temperature),
            exponential(passage.forth.steady_state),
            exponential(passage.forth.non_steady_state),
            exponential(passage.forth.inverse_time),
            exponential(passage.forth.passage_time),
            exponential(passage.back.inverse_time),
            exponential(passage.back.passage_time),
        )
        for passage in found
    ]
    header = ("T", "k_SS from B to A", "k_NSS", "k* = 1 / time", "mean time", "k* from A to B", "mean time back")
    blocks.append(table(header, rows, "Rate constants and mean first-passage times", words=0))
    unjoined = len(material.ids) - len(routes.minima)
    if unjoined:
        blocks.append(note(f"{counted(unjoined, 'minimum', 'minima')} that no path joins to both sets left out."))
    return [*blocks, *left_out(material)]


def committors(material: Material) -> list[str]:
    """Where minima lead."""
    passage = material.passage
    minima = material.routes.minima
    inner = np.setdiff1d(minima, np.concatenate(material.places))
    values = np.exp(passage.log_committor_a[inner])
    if not inner.size:
        return [paragraph("There are no minima besides those of A and B on the way.")]
    occupations = np.exp(passage.log_occupations[inner])
    counts, _ = np.histogram(values, _EDGES)
    weights, _ = np.histogram(values, _EDGES, weights=occupations)
    rows = [
        (f"{number(low)} to {number(high)}", number(int(count)), share(weight))
        for low, high, count, weight in zip(_EDGES, _EDGES[1:], counts, weights, strict=False)
    ]
    caption = (
        f"Minima that are in neither set, by the probability to come to A first, at T = {number(passage.temperature)}"
    )
    blocks = [table(("probability", "minima", "occupation"), rows, caption)]
    near = inner[np.argsort(np.abs(values - 0.5), kind="stable")[:8]]
    rows = [
        (
            str(material.ids[place]),
            loss(material.network.losses[place]),
            number(float(np.exp(passage.log_committor_a[place])), 3),
            exponential(float(passage.log_time_to_a[place])),
            exponential(float(passage.log_time_to_b[place])),
        )
        for place in near.tolist()
    ]
    header = ("minimum", "loss", "probability of A first", "mean time to A", "mean time to B")
    blocks.append(table(header, rows, "Minima nearest to the middle between A and B", words=0))
    return [*blocks, *left_out(material)]


def paths(material: Material) -> list[str]:
    """The paths that contribute most, and the lowest one."""
    landscape = material.landscape
    found = [
        fastest_paths(material.network, value, *material.places, _PATHS).renumbered(material.ids, material.state_ids)
        for value in material.kinetic_temperatures[-3:].tolist()
    ]
    caption = (
        "Losses along the paths from B to A that contribute most, with their shares; filled dots are minima, open "
        "ones transition states; grey is the path whose highest transition state is lowest."
    )
    blocks = [figure(draw_fastest_paths(found, landscape.minima.loss, landscape.transition_states.loss), caption)]
    for result in found:
        rows = []
        named = [(str(rank), path) for rank, path in enumerate(result.paths, start=1)]
        for name, path in [*named, ("lowest barrier", result.lowest)]:
            steps = [str(minimum) for minimum in path.minima]
            if len(steps) > _MOST_STEPS:
                steps = [*steps[: _MOST_STEPS // 2], "\N{HORIZONTAL ELLIPSIS}", *steps[-_MOST_STEPS // 2 :]]
            rows.append(
                (
                    name,
                    " \N{RIGHTWARDS ARROW} ".join(steps),
                    number(len(path.states)),
                    loss(path.barrier),
                    share(np.exp(path.log_contribution - result.log_rate)),
                    share(np.exp(path.log_with_returns - result.log_rate)),
                )
            )
        header = ("path", "minima from B to A", "steps", "highest point", "share, straight", "share, with returns")
        blocks.append(table(header, rows, f"Paths at T = {number(result.temperature)}", words=2))
    return [*blocks, *left_out(material)]


def first_passage(material: Material) -> list[str]:
    """The distribution of the time from B to A."""
    drawn, rows, notes = [], [], []
    for temperature in material.kinetic_temperatures[-5:].tolist():
        chain = absorbing_chain(material.network, temperature, *material.places)
        exact = moments(chain)
        small = reduced_chain(chain, MOST_STATES)
        exponentials = spectrum(small, exact)
        told = exponentials if exponentials.resolved else propagate(small, exact)
        row = [number(temperature), exponential(exact.log_mean), number(exact.variation)]
        if told.resolved:
            drawn.append((temperature, told, None))
            times = [told.log_unit + np.log(quantile(told, probability)) for probability in (0.05, 0.5, 0.95)]
            row += [exponential(float(time)) for time in times]
        else:
            row += [number(None)] * 3
            notes.append(
                f"At T = {number(temperature)} double precision does not resolve the distribution; mean and standard "
                "deviation hold."
            )
        if len(small.minima) < len(chain.minima):
            change = f", which changes the second moment by {share(exponentials.square_error)}"
            notes.append(
                f"At T = {number(temperature)} the {number(len(chain.minima) - len(small.minima))} fastest of "
                f"{number(len(chain.minima))} minima were taken out before{change if exponentials.resolved else ''}."
            )
        rows.append(row)
    blocks = []
    if drawn:
        caption = "Probability density of the first-passage time from B to A; dashed: an exponential of the same mean."
        blocks.append(figure(draw_first_passage(drawn), caption))
    header = ("T", "mean time", "standard deviation / mean", "5 % arrive before", "half", "95 %")
    blocks.append(table(header, rows, "First-passage times from B to A", words=0))
    return [*blocks, *map(note, notes), *left_out(material)]
