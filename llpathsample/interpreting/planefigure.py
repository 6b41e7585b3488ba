"""The figure of a plane through weight space: contours of the loss, and what is projected onto it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import CLASS_COLOURS, INK, QUIET, new_figure, readable, style
from llpathsample.interpreting.plane import Plane, Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEVELS = 18
_SQUARE = 0.6  # ratio of sides from which on units are as long along both axes
_SIDE, _MARGIN = 3.9, 1.0  # inches: the horizontal side, and what stands above and below of the other one
_LEAST = 1e-6  # of the largest height, the lowest contour at least
_SIZES = (46.0, 7.0)  # square points, of what lies in the plane and of what is farthest off


@dataclass(frozen=True)
class Marked:
    """Points on the plane. places: (k, 2). distances: (k,) from the plane. ids: (k,). named: which ids are written."""

    places: np.ndarray
    distances: np.ndarray
    ids: np.ndarray
    named: tuple[int, ...] = ()


@dataclass(frozen=True)
class Path:
    """A training run on the plane. label: of its kind, which share a colour. places: (k, 2)."""

    label: str
    places: np.ndarray


def draw_plane(
    plane: Plane,
    grid: Surface,
    floor: float,
    minima: Marked,
    states: Marked,
    paths: list[Path],
    title: str | None = None,
) -> "Figure":
    """Contours of the loss above `floor`, their levels of equal ratios; minima as circles and transition states as
    triangles, the smaller the farther they are from the plane; paths of training runs."""
    with style():
        ratio = np.ptp(grid.b) / np.ptp(grid.a)
        true_to_scale = plane.orthonormal and _SQUARE < ratio < 1.0 / _SQUARE
        figure = new_figure(5.2, _MARGIN + _SIDE * ratio if true_to_scale else 4.9)
        axes = figure.add_subplot()
        _contours(axes, grid, floor)
        _runs(axes, paths)
        farthest = max([float(found.distances.max(initial=0.0)) for found in (minima, states)])
        _points(axes, states, "v", "#FFFFFF", farthest)
        _points(axes, minima, "o", "#FFD23F", farthest)
        axes.set(xlim=(grid.a[0], grid.a[-1]), ylim=(grid.b[0], grid.b[-1]))
        axes.set_xlabel(readable(plane.names[0]))
        axes.set_ylabel(readable(plane.names[1]))
        if true_to_scale:
            axes.set_aspect("equal")
        _legend(axes, minima, states, paths, farthest)
        if title:
            axes.set_title(title)
    return figure


def _contours(axes: "Axes", grid: Surface, floor: float) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogFormatterMathtext, LogLocator

    heights = grid.loss - floor
    known = heights[np.isfinite(heights)]
    axes.set_facecolor("#E8E8E8")  # where there is no loss
    if not known.size or not known.max() > 0.0:
        return
    largest = float(known.max())
    lowest = max(float(np.quantile(known, 0.002)), _LEAST * largest)
    if lowest >= largest:
        return
    levels = np.geomspace(lowest, largest, _LEVELS)
    shown = np.ma.masked_invalid(np.maximum(heights, 0.5 * lowest))
    norm = LogNorm(lowest, largest)
    filled = axes.contourf(grid.a, grid.b, shown, levels=levels, norm=norm, cmap="viridis", extend="min")
    axes.contour(grid.a, grid.b, shown, levels=levels, colors="white", linewidths=0.35, alpha=0.6)
    bar = axes.figure.colorbar(filled, ax=axes, pad=0.02, aspect=28)
    decades = np.log10(largest / lowest)
    ticks = LogLocator(subs=(1.0,) if decades > 1.5 else (1.0, 2.0, 5.0)).tick_values(lowest, largest)
    ticks = [tick for tick in ticks if lowest * (1.0 - 1e-9) <= tick <= largest * (1.0 + 1e-9)]
    label = LogFormatterMathtext() if decades > 1.5 else None
    bar.set_ticks(ticks, labels=[label(tick) if label else f"{tick:.6g}" for tick in ticks])
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label("loss above the lowest minimum")


def _runs(axes: "Axes", paths: list[Path]) -> None:
    colours = _colours(paths)
    for path in paths:
        colour = colours[path.label]
        axes.plot(*path.places.T, color="white", linewidth=2.0, alpha=0.7, zorder=3)
        axes.plot(*path.places.T, color=colour, linewidth=1.1, zorder=3.1)
        axes.plot(*path.places[:1].T, "s", color=colour, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5)
        axes.plot(*path.places[-1:].T, "D", color=colour, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5)


def _colours(paths: list[Path]) -> dict[str, str]:
    # Told from the greens and blues of the contours.
    palette = (CLASS_COLOURS[1], CLASS_COLOURS[3], INK, CLASS_COLOURS[0], CLASS_COLOURS[4])
    labels = dict.fromkeys(path.label for path in paths)
    return {label: palette[number % len(palette)] for number, label in enumerate(labels)}


def _areas(distances: np.ndarray, farthest: float) -> np.ndarray:
    near, far = _SIZES
    return near - (near - far) * distances / (farthest or 1.0)


def _points(axes: "Axes", marked: Marked, symbol: str, colour: str, farthest: float) -> None:
    from matplotlib.patheffects import withStroke

    # The nearest ones on top.
    order = np.argsort(-marked.distances, kind="stable")
    dots = {"marker": symbol, "c": colour, "edgecolors": INK, "linewidths": 0.6, "zorder": 4}
    axes.scatter(*marked.places[order].T, s=_areas(marked.distances[order], farthest), **dots)
    for place, number in zip(marked.places, marked.ids.tolist(), strict=True):
        if number in marked.named:
            axes.annotate(
                str(number), place, xytext=(5.0, 4.0), textcoords="offset points", fontsize=8.0, color=INK, zorder=5,
                path_effects=[withStroke(linewidth=2.0, foreground="white")],
            )  # fmt: skip


def _legend(axes: "Axes", minima: Marked, states: Marked, paths: list[Path], farthest: float) -> None:
    from matplotlib.lines import Line2D

    def symbol(marker: str, colour: str, distance: float, label: str) -> Line2D:
        size = float(np.sqrt(_areas(np.array(distance), farthest)))
        return Line2D(
            [], [], linestyle="", marker=marker, color=colour, markeredgecolor=INK, markeredgewidth=0.6,
            markersize=size, label=label,
        )  # fmt: skip

    handles = [symbol("o", "#FFD23F", 0.0, "minimum, in the plane")]
    if farthest > 0.0:
        handles.append(symbol("o", "#FFD23F", farthest, f"{farthest:.3g} from it"))
    if len(states.ids):
        handles.append(symbol("v", "#FFFFFF", 0.5 * farthest, "transition state"))
    if paths:
        handles.append(Line2D([], [], linestyle="", marker="s", color=QUIET, markersize=3.5, label="start of a run"))
    for label, colour in _colours(paths).items():
        handles.append(Line2D([], [], color=colour, marker="D", markersize=3.5, label=readable(label)))
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=2, columnspacing=1.2, handletextpad=0.5)
