"""Figures of thermodynamics: curves over the temperature, with the peaks of the heat capacity marked in all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import CLASS_COLOURS, INK, QUIET, new_figure, style
from llcommon.store import Landscape
from llpathsample.plots import draw_branches
from llpathsample.thermodynamics.freeenergy import FreeEnergies
from llpathsample.thermodynamics.frustration import Frustration
from llpathsample.thermodynamics.heatcapacity import HeatCapacity
from llpathsample.thermodynamics.makers import GAINS, LOSES, PeakMakers
from llpathsample.thermodynamics.occupations import Occupations
from llpathsample.tree import Tree, superbasin_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.9  # inches, of a page
MOST_TREES = 4
MOST_DRAWN = 1000
_LOGARITHMIC = 5.0  # ratio of the ends from which the axis of temperatures is logarithmic
_FEW = 300.0  # ratio up to which such an axis has numbers between powers of ten
_SINGLE = 12  # temperatures up to which each has a dot
_SIDES = {GAINS: "gain occupation on heating", LOSES: "lose occupation"}


@dataclass(frozen=True)
class Shown:
    """The tree of a heat capacity's figure. ids: (n,) ids in the landscape of the network's minima; total: number of
    minima of the landscape; makers_left_out: how many of those that make a peak are not in the tree."""

    tree: Tree
    ids: np.ndarray
    total: int
    makers_left_out: int


def heat_capacity_tree(
    landscape: Landscape, ids: np.ndarray, result: HeatCapacity, lowest: int | None = None
) -> Shown | None:
    """The tree of a heat capacity's figure, unconnected minima hanging from the top; None without peaks within the
    curve, and without transition states.

    ids: (n,) of the network's minima in the landscape. lowest: draw so many of the lowest minima; None for all, but at
    most 1000, first those that make a peak and then the others, by rising loss.
    """
    minima, states = landscape.minima, landscape.transition_states
    if not result.within() or not len(states):
        return None
    makes = np.zeros(len(minima), dtype=bool)
    for _, makers in result.within():
        makes[ids] |= makers.sides >= 0
    only = None if lowest else np.lexsort((minima.loss, ~makes))[:MOST_DRAWN]
    tree = superbasin_tree(minima.loss, states.loss, states.minima, lowest=lowest, only=only, unconnected=True)
    left_out = np.count_nonzero(makes) - np.count_nonzero(makes[tree.minimum[tree.leaves]])
    return Shown(tree, ids, len(minima), int(left_out))


def draw_heat_capacity(result: HeatCapacity, shown: Shown | None = None) -> "Figure":
    """The curve with its peaks and, below, the tree at each peak, coloured by who gains and who loses there.

    Of more than four peaks within the curve the most prominent four have trees. Without a tree the curve alone.
    """
    marked = result.within()
    best = sorted(sorted(marked, key=lambda item: -item[1].peak.prominence)[:MOST_TREES], key=lambda item: item[0])
    with style():
        figure = new_figure(WIDTH, 3.0 if shown is None else 6.2)
        if shown is not None:
            grid = figure.add_gridspec(2, len(best), height_ratios=(1.0, 1.25))
            top = figure.add_subplot(grid[0, :])
        else:
            top = figure.add_subplot()
        _draw_curve(top, result, marked)
        if shown is None:
            return figure
        for place, (number, makers) in enumerate(best):
            axes = figure.add_subplot(grid[1, place])
            sides = np.full(shown.total, -1, dtype=np.int64)
            sides[shown.ids] = makers.sides
            draw_branches(axes, shown.tree, sides, key=False, y_label="loss" if place == 0 else "")
            _dot(axes, shown.tree, sides)
            axes.set_title(f"peak {number}, T = {makers.peak.temperature:.3g}")
        for side, name in _SIDES.items():
            top.plot([], [], color=CLASS_COLOURS[side], label=name)
        top.legend(loc="best", title="in the trees below, minima that", title_fontsize=8.0, alignment="left")
    return figure


def _dot(axes: "Axes", tree: Tree, sides: np.ndarray) -> None:
    """Dots at the ends of the coloured branches, which may be short."""
    leaves = tree.leaves
    of_leaf = sides[tree.minimum[leaves]]
    size = float(np.clip(30.0 / np.sqrt(leaves.size), 1.0, 3.5))
    for side in _SIDES:
        ends = leaves[of_leaf == side]
        axes.plot(tree.x[ends], tree.loss[ends], "o", color=CLASS_COLOURS[side], markersize=size)


def _draw_curve(axes: "Axes", result: HeatCapacity, marked: list[tuple[int, PeakMakers]]) -> None:
    temperatures = result.shown.temperatures
    _line(axes, temperatures, result.capacity, color=INK, zorder=2)
    for number, makers in marked:
        place = (makers.peak.temperature, result.constant + makers.peak.height)
        axes.plot(*place, "o", color=INK, markersize=4.0, zorder=3)
        axes.annotate(str(number), place, xytext=(0.0, 4.0), textcoords="offset points", ha="center", color=INK)
    _temperature_axis(axes, temperatures)
    axes.set_ylabel("heat capacity")
    axes.margins(y=0.12)


def _line(axes: "Axes", temperatures: np.ndarray, values: np.ndarray, few: int = _SINGLE, **look) -> None:
    """A curve, with dots where there are few temperatures: a single one would not be seen."""
    axes.plot(temperatures, values, marker="." if temperatures.size <= few else None, **look)


def _temperature_axis(axes: "Axes", temperatures: np.ndarray, labelled: bool = True) -> None:
    low, high = float(temperatures[0]), float(temperatures[-1])
    if high > _LOGARITHMIC * low:
        _logarithmic(axes, low, high)
    if high > low:
        axes.set_xlim(low, high)
    if labelled:
        axes.set_xlabel("temperature (units of the loss)")
    else:
        axes.tick_params(labelbottom=False)


def _logarithmic(axes: "Axes", low: float, high: float) -> None:
    from matplotlib.ticker import NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high <= _FEW * low:
        powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        ticks = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
        ticks = [tick for tick in ticks if low <= tick <= high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


def _mark(axes: "Axes", peaks: Sequence[float], temperatures: np.ndarray, named: bool = True) -> None:
    """Quiet lines at the peaks of the heat capacity, one of them with a name for the legend."""
    name = "peak of the heat capacity" if named else None
    for peak in peaks:
        if temperatures[0] <= peak <= temperatures[-1]:
            axes.axvline(peak, color=QUIET, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0, label=name)
            name = None


def _beside(axes: "Axes", title: str | None = None) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, title=title, alignment="left")


def _colours(number: int) -> list[tuple[str, str]]:
    """Colour and line style of each of so many curves, all different up to 32."""
    dashes = ("-", "--", ":", "-.")
    count = len(CLASS_COLOURS)
    return [(CLASS_COLOURS[k % count], dashes[(k // count) % len(dashes)]) for k in range(number)]


def draw_occupations(found: Occupations, ids: np.ndarray, peaks: Sequence[float] = ()) -> "Figure":
    """Occupations over the temperature. ids: (k,) of the minima in the landscape. peaks: of the heat capacity."""
    with style():
        figure = new_figure(WIDTH, 3.4)
        axes = figure.add_subplot()
        styles = _colours(len(found.rows))
        for column, (number, (colour, dash)) in enumerate(zip(ids.tolist(), styles, strict=True)):
            _line(axes, found.temperatures, found.values[:, column], color=colour, linestyle=dash, label=str(number))
        if found.rest.max() > 0.0:
            _line(axes, found.temperatures, found.rest, color=QUIET, linestyle=(0, (1, 1)), label="all others")
        _mark(axes, peaks, found.temperatures)
        _temperature_axis(axes, found.temperatures)
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel("occupation probability")
        _beside(axes, "minimum")
    return figure


def draw_entropy(found: FreeEnergies, peaks: Sequence[float] = ()) -> "Figure":
    """Shannon's entropy of the occupations over the temperature, and the number of minima that it stands for."""
    with style():
        figure = new_figure(WIDTH, 4.6)
        upper, lower = figure.subplots(2, 1)
        for axes, values, label in (
            (upper, found.shannon, "Shannon entropy"),
            (lower, found.entropy, "thermodynamic entropy"),
        ):
            _line(axes, found.temperatures, values, color=INK)
            _mark(axes, peaks, found.temperatures)
            axes.set_ylabel(label)
            _temperature_axis(axes, found.temperatures, labelled=axes is lower)
        _effective_numbers(upper, float(found.shannon.max()))
        if lower.get_legend_handles_labels()[1]:
            lower.legend(loc="best")
    return figure


def _effective_numbers(axes: "Axes", highest: float) -> None:
    """A second axis: as many equally occupied minima have this entropy."""
    if not highest > 0.0:
        return
    axes.set_ylim(0.0, 1.05 * highest)
    most = np.exp(min(1.05 * highest, 700.0))
    numbers = [n for power in range(301) for n in (10**power, 2 * 10**power, 5 * 10**power) if n <= most]
    if len(numbers) < 4:
        numbers = list(range(1, int(most) + 1))
    elif len(numbers) > 7:
        numbers = [n for n in numbers if str(n)[0] == "1"]
    numbers = numbers[:: -(-len(numbers) // 7)]
    second = axes.secondary_yaxis("right")
    second.set_yticks(np.log(np.array(numbers, dtype=np.float64)), [f"{n:g}" for n in numbers])
    second.spines["right"].set_visible(True)
    second.set_ylabel("equivalent number of minima")


def draw_free_energies(found: FreeEnergies, names: Sequence[str], peaks: Sequence[float] = ()) -> "Figure":
    """Free energy and internal energy and, below, how far the free energies of the groups lie above that of all.

    names: one for each group.
    """
    with style():
        figure = new_figure(WIDTH, 5.2 if names else 3.0)
        panels = figure.subplots(2 if names else 1, 1, squeeze=False)[:, 0]
        upper = panels[0]
        _line(upper, found.temperatures, found.internal_energy, color=CLASS_COLOURS[1], label="internal energy")
        _line(upper, found.temperatures, found.free_energy, color=INK, label="free energy")
        _mark(upper, peaks, found.temperatures)
        upper.set_ylabel("units of the loss")
        _beside(upper)
        _temperature_axis(upper, found.temperatures, labelled=not names)
        if names:
            lower = panels[1]
            for column, (name, (colour, dash)) in enumerate(zip(names, _colours(len(names)), strict=True)):
                above = -found.log_shares[:, column]
                _line(lower, found.temperatures, above, color=colour, linestyle=dash, label=name)
            _mark(lower, peaks, found.temperatures, named=False)
            lower.set_ylabel("$(F_A - F)\\,/\\,T$")
            lower.set_ylim(0.0, _enough(found))
            _beside(lower, "group")
            _temperature_axis(lower, found.temperatures)
    return figure


def _enough(found: FreeEnergies) -> float:
    """Top of the axis of free energies: what is occupied less than 1e-9 is of no interest."""
    above = -found.log_shares[np.isfinite(found.log_shares)]
    return 1.05 * min(float(above.max(initial=1.0)), 20.0)


def draw_frustration(found: Sequence[Frustration], names: Sequence[str], peaks: Sequence[Sequence[float]]) -> "Figure":
    """f~, f, Shannon's entropy and the heat capacity of landscapes over the temperature, with dots at the peaks of each
    one's heat capacity. names: of the landscapes; peaks: temperatures of the peaks of each."""
    parts = (
        ("scaled", r"frustration $\tilde f$"), ("index", "frustration $f$"), ("entropy", "Shannon entropy"),
        ("capacity", "heat capacity\nless its constant"),
    )  # fmt: skip
    low = min(float(one.temperatures[0]) for one in found)
    high = max(float(one.temperatures[-1]) for one in found)
    with style():
        figure = new_figure(WIDTH, 7.4)
        panels = figure.subplots(len(parts), 1)
        for axes, (part, label) in zip(panels, parts, strict=True):
            for one, name, tops, (colour, dash) in zip(found, names, peaks, _colours(len(found)), strict=True):
                values = getattr(one, part)
                # Dots are for the peaks.
                _line(axes, one.temperatures, values, few=1, color=colour, linestyle=dash, label=name)
                inside = [top for top in tops if one.temperatures[0] <= top <= one.temperatures[-1]]
                heights = np.interp(np.log(inside), np.log(one.temperatures), values)
                axes.plot(inside, heights, "o", color=colour, markersize=4.0)
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0.0)
            _temperature_axis(axes, np.array([low, high]), labelled=axes is panels[-1])
        _beside(panels[0], "landscape\n(dots: peaks of the\nheat capacity)")
    return figure
