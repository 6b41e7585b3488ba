"""Sections of thermodynamics: heat capacity, occupations, entropy and free energy, frustration."""

import numpy as np

from llpathsample.network import minimax_barriers
from llpathsample.report.material import Material, Missing
from llpathsample.report.page import counted, figure, loss, note, number, paragraph, points, share, table
from llpathsample.thermodynamics.figures import (
    MOST_TREES,
    draw_entropy,
    draw_free_energies,
    draw_frustration,
    draw_heat_capacity,
    draw_occupations,
    heat_capacity_tree,
)
from llpathsample.thermodynamics.freeenergy import free_energies
from llpathsample.thermodynamics.frustration import frustration_curves
from llpathsample.thermodynamics.occupations import most_occupied
from llpathsample.thermodynamics.occupations import occupations as occupied

_FOLLOWED = 8
_MOST_TEMPERATURES = 6


def left_out(material: Material) -> list[str]:
    """A note on the points without LPPHE, if there are any."""
    said = []
    landscape = material.landscape
    if landscape.declared.bounded and np.asarray(landscape.minima.active).any():
        said.append(
            note(
                "Bounds hold coordinates of some minima; they are taken for minima with as many degrees of freedom "
                "as the others."
            )
        )
    if material.minima_left_out or material.states_left_out:
        said.append(_without(material))
    return said


def _without(material: Material) -> str:
    minima = counted(material.minima_left_out, "minimum", "minima")
    states = counted(material.states_left_out, "transition state")
    return note(f"Without {minima} and {states} that lack an LPPHE, or hang on one that does.")


def heat_capacity(material: Material) -> list[str]:
    """Curve, trees at the peaks, and who makes them."""
    result = material.heat_capacity
    if result.range is None:
        raise Missing("All minima have the same loss, so the heat capacity is constant and has no peak.")
    shown = heat_capacity_tree(material.landscape, material.ids, result)
    caption = "Heat capacity over the temperature, its peaks numbered."
    if shown is not None and result.within():
        caption += (
            " Below, the tree at each peak: coloured are the fewest minima that make 99 % of what gains, and of what "
            "loses occupation there."
        )
    blocks = [figure(draw_heat_capacity(result, shown), caption)]
    if shown is not None and shown.tree.leaves.size < shown.total:
        blocks.append(note(f"The trees show {number(shown.tree.leaves.size)} of {number(shown.total)} minima."))
    if len(result.peaks) > MOST_TREES:
        blocks.append(note(f"Trees are drawn for the {MOST_TREES} most prominent of {len(result.peaks)} peaks."))
    if not result.constant:
        blocks.append(
            note("Its constant, half the degrees of freedom, is not known here; the curve is what lies above it.")
        )
    if not result.peaks:
        return [*blocks, paragraph("There is no peak: occupation moves between minima little by little.")]
    rows = [
        (
            number(place),
            number(makers.peak.temperature),
            number(result.constant + makers.peak.height),
            number(makers.peak.height),
            number(makers.losing.needed),
            number(makers.gaining.needed),
        )
        for place, makers in enumerate(result.peaks, start=1)
    ]
    header = ("peak", "T", "heat capacity", "above its constant", "minima that lose", "minima that gain")
    caption = "Peaks, and how many minima make 99 % of each of their sides"
    blocks.append(table(header, rows, caption, words=0))
    best = max(result.peaks, key=lambda makers: makers.peak.prominence)
    blocks.append(_makers(material, best))
    return [*blocks, *left_out(material)]


def _makers(material: Material, makers) -> str:
    rows = []
    for side, found in (("loses", makers.losing), ("gains", makers.gaining)):
        for k, row in enumerate(found.rows.tolist()):
            minimum = int(material.ids[row])
            rows.append(
                (
                    side,
                    str(minimum),
                    loss(material.losses[minimum]),
                    share(found.occupations[k]),
                    share(found.shares[k]),
                )
            )
    header = ("on heating it", "minimum", "loss", "occupation", "share of the peak")
    caption = f"Minima that make the most prominent peak, at T = {number(makers.peak.temperature)}"
    return table(header, rows, caption)


def occupations(material: Material) -> list[str]:
    """The most occupied minima over the temperature."""
    network = material.network
    at = material.curves.temperatures
    rows = most_occupied(network, at[:: max(1, len(at) // 200)], _FOLLOWED)
    found = occupied(network, at, rows)
    ids = material.ids[rows]
    caption = (
        f"Occupations of the {len(rows)} minima that are occupied most at some temperature, and of all others together."
    )
    blocks = []
    if len(at) > 1:
        blocks.append(figure(draw_occupations(found, ids, material.peaks), caption))
    exact = occupied(network, material.temperatures[-_MOST_TEMPERATURES:], rows)
    header = ["minimum", "loss", *(f"T = {number(temperature)}" for temperature in exact.temperatures.tolist())]
    values = [
        [str(minimum), loss(material.losses[minimum]), *map(share, exact.values[:, k].tolist())]
        for k, minimum in enumerate(ids.tolist())
    ]
    values.append(["all others", "", *map(share, exact.rest.tolist())])
    blocks.append(table(header, values, "Occupations", words=0))
    return [*blocks, *left_out(material)]


def entropy(material: Material) -> list[str]:
    """Entropies and free energy."""
    common = material.freedom
    at = material.curves.temperatures
    found = free_energies(material.network, at, common)
    blocks = []
    if len(at) > 1:
        caption = (
            "Entropy of the occupations (Shannon's) and of all coordinates over the temperature; peaks are dotted."
        )
        blocks.append(figure(draw_entropy(found, material.peaks), caption))
        caption = "Free energy and internal energy over the temperature, without kinetic energy."
        blocks.append(figure(draw_free_energies(found, [], material.peaks), caption))
    exact = free_energies(material.network, material.temperatures, common)
    rows = [
        (
            number(exact.temperatures[k]), loss(exact.free_energy[k]), loss(exact.internal_energy[k]),
            number(exact.entropy[k], 6), number(exact.shannon[k]), number(np.exp(exact.shannon[k])),
        )
        for k in range(len(exact.temperatures))
    ]  # fmt: skip
    header = ("T", "free energy", "internal energy", "entropy", "Shannon entropy", "equivalent number of minima")
    blocks.append(table(header, rows, f"With {common.kappa} degrees of freedom", words=0))
    return [*blocks, *left_out(material)]


def frustration(material: Material) -> list[str]:
    """Frustration over the temperature."""
    states = material.landscape.transition_states
    if not len(states):
        raise Missing("There are no transition states, so no barriers; llpathsample grow searches for some.")
    network = material.network
    root = int(material.ids[np.argmin(network.losses)])
    barriers = minimax_barriers(material.losses, states.loss, states.minima, root)[material.ids]
    at = np.unique(np.concatenate([material.curves.temperatures, material.peaks, material.temperatures]))
    curves = frustration_curves(network, at, barriers)
    if curves.unconnected + curves.degenerate >= len(network.losses) - 1:
        raise Missing("No minimum but the lowest has a path to it and a loss of its own, so there is no frustration.")
    blocks = []
    if len(at) > 1:
        caption = (
            "Frustration, Shannon's entropy and heat capacity over the temperature, with dots at the peaks of the last."
        )
        blocks.append(figure(draw_frustration([curves], [material.file], [material.peaks]), caption))
    chosen = np.unique(np.searchsorted(at, [*material.peaks, *material.temperatures]))
    rows = [
        (
            number(at[k]),
            number(curves.scaled[k]),
            number(curves.index[k]),
            number(curves.entropy[k]),
            share(curves.lowest[k]),
        )
        for k in chosen.tolist()
    ]
    header = ("T", "scaled frustration", "frustration", "Shannon entropy", "occupation of the lowest minimum")
    blocks.append(table(header, rows, "At the peaks of the heat capacity and the temperatures of this page", words=0))
    said = [
        f"{counted(count, 'minimum', 'minima')} that {why} left out of the frustration."
        for count, why in (
            (curves.unconnected, "no path joins to the lowest one are"),
            (curves.degenerate, "have the loss of the lowest one are"),
        )
        if count
    ]
    return [*blocks, *([points(said)] if said else []), *left_out(material)]
