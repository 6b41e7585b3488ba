"""Figures of lloptim: the profiles of a path and of a band, the spectrum of a point."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llcommon.optimise.curvature import Density, Spectrum
from llcommon.plotting import ACCENT, INK, figure_format, new_figure, save_figure, set_loss_axis, style
from lloptim.pathway import Pathway

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Bins of a density of states, which is logarithmic on both sides of zero.
_BINS_PER_DECADE = 4


def draw_pathway(pathway: Pathway, path: Path, *, title: str, y_label: str = "loss") -> None:
    """Draw loss against arc length, the transition state marked, to an svg, pdf or png file.

    Errors: ConfigError for another suffix, OutputError if the file cannot be written.
    """
    figure_format(path)
    with style():
        figure = new_figure(5.5, 3.8)
        axes = figure.add_subplot()
        axes.plot(pathway.arc_length, pathway.losses, color=INK, linewidth=1.3)
        top = pathway.losses.max()
        axes.plot([0.0], [top], marker="o", color=ACCENT, markersize=5, zorder=3)
        axes.plot(pathway.arc_length[[0, -1]], pathway.losses[[0, -1]], "o", color=INK, markersize=4)
        margin = 0.06 * (top - pathway.losses.min())
        set_loss_axis(axes, pathway.losses.min() - margin, top + margin, y_label, bottom=True)
        axes.set_xlabel("arc length from the transition state (coordinate distance)")
        axes.set_title(title)
        save_figure(figure, path)


def draw_band(
    arcs: np.ndarray, losses: np.ndarray, candidates: list[int], path: Path, *, ends: tuple[str, str]
) -> None:
    """Draw the loss of the images of a band against arc length, candidates marked, to an svg, pdf or png file.

    arcs, losses: (P + 2,), both ends included; candidates: numbers of images; ends: names of the two minima.
    Errors: ConfigError for another suffix, OutputError if the file cannot be written.
    """
    figure_format(path)
    with style():
        figure = new_figure(5.5, 3.8)
        axes = figure.add_subplot()
        axes.plot(arcs, losses, color=INK, linewidth=1.0, marker="o", markersize=3, markerfacecolor="white")
        axes.plot(arcs[candidates], losses[candidates], "o", color=ACCENT, markersize=6, zorder=3)
        axes.plot(arcs[[0, -1]], losses[[0, -1]], "o", color=INK, markersize=5, zorder=3)
        for i in candidates:
            text = f"{losses[i]:.6g}"
            axes.annotate(text, (arcs[i], losses[i]), (0, 6), textcoords="offset points", ha="center", color=ACCENT)
        low, high = losses.min(), losses.max()
        margin = 0.1 * (high - low) or 1.0
        for i, side in ((0, "left"), (-1, "right")):
            axes.annotate(ends[i], (arcs[i], losses[i]), (0, -6), textcoords="offset points", ha=side, va="top")
        set_loss_axis(axes, low - 1.3 * margin, high + margin, "loss", bottom=True)
        axes.set_xlabel("arc length along the band (coordinate distance)")
        axes.set_title(f"{ends[0]} to {ends[1]}")
        save_figure(figure, path)


def draw_spectrum(
    found: Spectrum, density: Density, participation: np.ndarray, path: Path, *, title: str
) -> None:
    """Draw density of states and, if all are known, participation of modes against eigenvalue to an svg, pdf or png.

    The axis is logarithmic on both sides of zero; eigenvalues without a certain sign, drawn hollow, lie in the linear
    part between, shaded. participation: (k,), of the modes in `found`. Errors: ConfigError for another suffix,
    OutputError if the file cannot be written.
    """
    figure_format(path)
    certain = np.abs(found.values) > found.tolerances
    smallest = float(np.abs(found.values[certain]).min(initial=found.scale)) or 1.0
    inner = 10.0 ** math.floor(math.log10(smallest))
    edges = _bin_edges(density.nodes, inner)
    with style():
        figure = new_figure(5.5, 5.0 if found.complete else 3.2)
        panels = figure.subplots(2 if found.complete else 1, 1, sharex=True, squeeze=False)[:, 0]
        _draw_density(panels[0], density, edges)
        panels[0].set_title(title)
        if found.complete:
            _draw_participation(panels[1], found.values, participation, certain)
        for axes in panels:
            axes.set_xscale("symlog", linthresh=inner, linscale=0.5)
            axes.axvspan(-inner, inner, color="0.93", linewidth=0.0, zorder=-1)
        panels[-1].set_xlabel("Hessian eigenvalue (logarithmic, in the grey part linear)")
        panels[-1].set_xlim(edges[0], edges[-1])
        save_figure(figure, path)


def _draw_density(axes: "Axes", density: Density, edges: np.ndarray) -> None:
    """Numbers of eigenvalues in bins, negative ones in the accent colour."""
    for colour, chosen in ((INK, density.nodes >= 0.0), (ACCENT, density.nodes < 0.0)):
        axes.hist(density.nodes[chosen], edges, weights=density.weights[chosen], color=colour, linewidth=0.0)
    largest = float(np.histogram(density.nodes, edges, weights=density.weights)[0].max())
    axes.set_yscale("log")
    axes.set_ylim(0.5, 1.5 * max(1.0, largest))
    ticks = _count_ticks(largest)
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel(f"eigenvalues per bin\n(from {density.probes} probes)" if density.probes else "eigenvalues per bin")


def _draw_participation(axes: "Axes", values: np.ndarray, participation: np.ndarray, certain: np.ndarray) -> None:
    """A dot for each mode, hollow if the sign of its eigenvalue is not certain."""
    for colour, chosen in ((INK, values >= 0.0), (ACCENT, values < 0.0)):
        for sure, face in ((certain, colour), (~certain, "none")):
            dots = chosen & sure
            axes.plot(values[dots], participation[dots], "o", color=colour, markerfacecolor=face, markersize=3.5)
    axes.set_ylim(0.0, 1.05 * participation.max())
    axes.set_ylabel("weights that take part")


def _count_ticks(largest: float) -> list[int]:
    """1, 2, 5, 10 and so on for a logarithmic axis up to `largest`; powers of ten alone if there are many."""
    decades = range(1 + int(math.log10(max(1.0, largest))))
    heads = (1, 2, 5) if len(decades) < 3 else (1,)
    ticks = [head * 10**decade for decade in decades for head in heads]
    return [tick for tick in ticks if tick <= 1.5 * max(1.0, largest)]


def _bin_edges(nodes: np.ndarray, inner: float) -> np.ndarray:
    """Edges of bins that cover the nodes: _BINS_PER_DECADE on both sides of [-inner, inner], which is two bins."""
    positive = float(nodes.max(initial=10.0 * inner))
    negative = float(-nodes.min(initial=0.0))
    above = _edges_up_to(positive, inner)
    below = _edges_up_to(negative, inner) if negative > inner else np.array([inner])
    if negative <= 0.0:
        return np.concatenate([[-0.5 * inner, 0.0], above])
    return np.concatenate([-below[::-1], [0.0], above])


def _edges_up_to(largest: float, inner: float) -> np.ndarray:
    """Edges from `inner` on to beyond `largest`."""
    count = max(1, math.ceil(_BINS_PER_DECADE * math.log10(largest / inner) + 0.5))
    return inner * 10.0 ** (np.arange(count + 1) / _BINS_PER_DECADE)
