"""Figures of llpathsample: the disconnectivity graph and the profile of a path."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from llcommon.plotting import (
    ACCENT,
    INK,
    QUIET,
    figure_format,
    new_figure,
    readable,
    round_ticks,
    save_figure,
    set_loss_axis,
    style,
    tick_labels,
)
from llpathsample.network import PathResult
from llpathsample.tree import Tree
from llpathsample.treecolours import (
    OTHER,
    Scale,
    class_colours,
    class_palette,
    draw_legend,
    draw_scale,
    is_class,
    scale_of,
    value_colours,
)
from llpathsample.treemarks import RunPath, draw_runs, highlight_leaves, label_leaves, label_roomy_leaves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Above this many leaves columns are narrower than hairlines, and what cannot be told apart is drawn once.
DENSE = 2000
# Above this many points a path profile names only its ends and its highest TS.
LABELLED_POINTS = 25


def draw_tree(
    tree: Tree,
    path: str | os.PathLike,
    *,
    title: str | None = None,
    colours: np.ndarray | None = None,
    colour_label: str | None = None,
    label_ids: Sequence[int] = (),
    y_label: str = "loss",
    size: tuple[float, float] | None = None,
) -> None:
    """Draw a disconnectivity graph to an svg, pdf or png file.

    colours: (n,) value per minimum. Floats are a scale: a branch takes the mean of what is below it and
    is black where a value is NaN. Integers are classes: a branch is coloured where all below it share one,
    black where they differ or are -1.
    colour_label: name of that value. label_ids: minima to name beside the lowest, which always is.
    size: width and height in inches; default by the number of leaves.
    Raises ConfigError for another suffix or a label that is not in the tree.
    """
    figure_format(path)
    property = None if colours is None else Colours(np.asarray(colours), colour_label)
    panel = Panel(tree, property, label_ids)
    save_figure(draw_trees([panel], title=title, y_label=y_label, size=size), path)


@dataclass(frozen=True)
class Colours:
    """What colours the branches of a tree. values: (n,) per minimum of the landscape, as in draw_tree.

    label: name of the value. diverging: the scale is centred on zero. names: of classes that have some.
    scale: of values; by itself it is logarithmic if the highest is over 100 times the median.
    """

    values: np.ndarray
    label: str | None = None
    diverging: bool = False
    names: Mapping[int, str] | None = None
    scale: Literal["auto", "linear", "log"] = "auto"


@dataclass(frozen=True)
class Panel:
    """One of the trees of a figure. label_ids: minima to name. highlight_ids: minima of which the branch stands out.

    label_all: name all leaves that have room. runs: paths of training runs to draw over it. title: over this tree.
    """

    tree: Tree
    colours: Colours | None = None
    label_ids: Sequence[int] = ()
    highlight_ids: Sequence[int] = ()
    label_all: bool = False
    runs: Sequence[RunPath] = ()
    title: str | None = None


def draw_trees(
    panels: Sequence[Panel],
    *,
    title: str | None = None,
    y_label: str = "loss",
    x_label: str | None = None,
    size: tuple[float, float] | None = None,
) -> "Figure":
    """Disconnectivity graphs side by side on one scale of loss, and of colour.

    size: width and height in inches; default by the numbers of leaves. x_label: of trees along a property.
    Raises ConfigError for a label that is not in its tree.
    """
    with style():
        figure = new_figure(*(size or trees_size(panels)))
        row = figure.subplots(1, len(panels), squeeze=False)[0] if len(panels) > 1 else [figure.add_subplot()]
        low = min(float(panel.tree.loss.min()) for panel in panels)
        scale = _common_scale(panels)
        for place, (axes, panel) in enumerate(zip(row, panels, strict=True)):
            last = place == len(panels) - 1
            coloured = {}
            if panel.colours is not None:
                found = panel.colours
                coloured = {"colours": found.values, "label": found.label, "names": found.names, "scale": scale}
                # Classes of two landscapes are not the same, even if their numbers are.
                coloured["key"] = last or scale is None
            ends = (low, max(panel.tree.top for panel in panels))
            # Pale under runs, which would hardly be seen on black.
            ink = OTHER if panel.runs else INK
            draw_branches(axes, panel.tree, y_label=y_label, x_label=x_label, y_range=ends, ink=ink, **coloured)
            if place:
                axes.spines["left"].set_visible(False)
                axes.tick_params(axis="y", left=False, labelleft=False)
                axes.set_ylabel("")
            if panel.runs:
                draw_runs(axes, panel.tree, panel.runs, _class_colours_of(panel))
            highlight_leaves(axes, panel.tree, panel.highlight_ids)
            label_leaves(axes, panel.tree, panel.label_ids)
            if panel.title:
                axes.set_title(readable(panel.title))
        if title and len(panels) > 1:
            figure.suptitle(readable(title), fontsize=10.0)
        elif title:
            row[0].set_title(readable(title), wrap=True)
        for axes, panel in zip(row, panels, strict=True):
            if panel.label_all:
                figure.draw_without_rendering()
                label_roomy_leaves(axes, panel.tree, panel.label_ids)
    return figure


def _class_colours_of(panel: Panel) -> set[str]:
    """Colours of the classes of a tree."""
    if panel.colours is None or not is_class(panel.colours.values):
        return set()
    return set(class_palette(panel.colours.values[panel.tree.minimum[panel.tree.leaves]]).values())


def _common_scale(panels: Sequence[Panel]) -> Scale | None:
    """The scale of colours of all trees; None for classes, or without values."""
    shown = [panel for panel in panels if panel.colours is not None and not is_class(panel.colours.values)]
    if not shown:
        return None
    values = np.concatenate([panel.colours.values[panel.tree.minimum[panel.tree.leaves]] for panel in shown])
    return scale_of(values, shown[0].colours.diverging, shown[0].colours.scale)


def trees_size(panels: Sequence[Panel]) -> tuple[float, float]:
    """Width and height in inches of a figure of trees, by the numbers of their leaves."""
    sizes = [_tree_size(panel.tree.leaves.size) for panel in panels]
    return sum(width for width, _ in sizes), max(height for _, height in sizes)


def draw_branches(
    axes: "Axes",
    tree: Tree,
    colours: np.ndarray | None = None,
    *,
    label: str | None = None,
    names: Mapping[int, str] | None = None,
    scale: Scale | None = None,
    y_label: str = "loss",
    x_label: str | None = None,
    y_range: tuple[float, float] | None = None,
    key: bool = True,
    ink: str = INK,
) -> None:
    """Draw a disconnectivity graph on given axes, in the style of the caller; the axes get their limits and ticks.

    colours: (n,) value per minimum of the landscape, as in draw_tree. label: name of the value. names: of classes,
    beside the label. scale: of values, by default linear over what is drawn. x_label: of the horizontal axis of a tree
    along a property. y_range: losses to be seen, by default those of the tree. key: whether a scale or a legend stands
    beside. ink: colour without values.
    """
    from matplotlib.collections import LineCollection

    lines, nodes = tree.branches()
    bottom, top = y_range or (float(tree.loss.min()), tree.top)
    margin = 0.03 * (top - bottom)
    set_loss_axis(axes, bottom - 1.6 * margin, top + 0.5 * margin, y_label, bottom=not tree.in_columns)
    _set_places(axes, tree, x_label)
    colours = None if colours is None else np.asarray(colours)
    classes = colours is not None and is_class(colours)
    palette = class_palette(colours[tree.minimum[tree.leaves]]) if classes else {}
    if classes:
        rgba = class_colours(tree, colours, palette)
    else:
        if colours is not None:
            scale = scale or scale_of(colours[tree.minimum[tree.leaves]])
        rgba = value_colours(tree, colours, scale, ink)
    if tree.leaves.size > DENSE:
        from llpathsample.densetree import DenseBranches

        axes.add_artist(DenseBranches(lines, rgba[nodes]))
    else:
        width = _line_width(tree.leaves.size)
        axes.add_collection(LineCollection(lines, linewidths=width, colors=rgba[nodes], capstyle="round"))
    if key and classes:
        draw_legend(axes, palette, label, names)
    elif key and scale is not None:
        draw_scale(axes, scale, label)


def _set_places(axes: "Axes", tree: Tree, x_label: str | None) -> None:
    """Limits of the horizontal axis, and its numbers if it shows a property."""
    if tree.in_columns:
        side = 0.02 * tree.leaves.size + 0.25
        axes.set_xlim(-side, tree.leaves.size + side)
        return
    low, high = float(tree.x.min()), float(tree.x.max())
    side = 0.04 * (high - low) or max(0.05 * abs(high), 1e-300)
    axes.set_xlim(low - side, high + side)
    ticks = round_ticks(low - side, high + side)
    axes.set_xticks(ticks, tick_labels(ticks))
    if x_label:
        axes.set_xlabel(readable(x_label))


def _tree_size(leaves: int) -> tuple[float, float]:
    """Width and height in inches: a narrow column for a few leaves, a page for thousands."""
    width = 3.4 + 3.8 * min(np.log10(max(leaves, 4) / 4.0) / 2.5, 1.0)
    return float(width), 5.0 + 0.4 * (float(width) - 3.4)


def _line_width(leaves: int) -> float:
    """Points: 1.2 for a few leaves, down to a hairline where columns are narrower than that."""
    return float(np.clip(14.0 / np.sqrt(leaves + 100.0), 0.3, 1.2))


def draw_path_profile(
    result: PathResult,
    losses: np.ndarray,
    ts_losses: np.ndarray,
    path: str | os.PathLike,
    *,
    title: str | None = None,
    y_label: str = "loss",
    smooth: bool = True,
) -> None:
    """Draw the losses along a path, minima and TS in turn, to an svg, pdf or png file.

    losses: (n,) and ts_losses: (m,) of the whole network. smooth: join the points by curves that are level at
    each of them, as stationary points are, else by straight lines. The highest TS is marked.
    """
    figure_format(path)
    points = np.empty(len(result.minima) + len(result.ts))
    points[0::2] = np.asarray(losses, dtype=np.float64)[result.minima]
    points[1::2] = np.asarray(ts_losses, dtype=np.float64)[result.ts]
    steps = np.arange(points.size)
    with style():
        figure = new_figure(float(np.clip(2.5 + 0.25 * points.size, 4.2, 7.2)), 3.2)
        axes = figure.add_subplot()
        axes.plot(*_profile_curve(points, smooth), color=INK, linewidth=1.0, zorder=1)
        dots = max(3.0, 22.0 - 0.2 * points.size)
        axes.scatter(steps[0::2], points[0::2], s=dots, color=INK, zorder=2)
        hollow = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
        axes.scatter(steps[1::2], points[1::2], s=dots, zorder=2, **hollow)
        highest = 2 * int(np.argmax(points[1::2])) + 1 if result.ts else 0
        if result.ts:
            axes.scatter(steps[highest], points[highest], s=dots, color=ACCENT, zorder=3)
        height = float(np.ptp(points)) or max(abs(float(points[0])), 1.0)
        low, high = float(points.min()) - 0.12 * height, float(points.max()) + 0.12 * height
        set_loss_axis(axes, low, high, y_label)
        axes.set_xlim(-0.5, points.size - 0.5)
        axes.set_xlabel("minima (filled) and transition states (open)")
        _label_points(axes, result, points, highest)
        if title:
            axes.set_title(title)
        save_figure(figure, path)


def _profile_curve(points: np.ndarray, smooth: bool) -> tuple[np.ndarray, np.ndarray]:
    """Steps and losses of the joining line; smooth pieces are cubics level at both ends."""
    steps = np.arange(points.size)
    if not smooth or points.size < 2:
        return steps, points
    fraction = np.linspace(0.0, 1.0, 24, endpoint=False)
    rise = fraction**2 * (3.0 - 2.0 * fraction)
    curve = points[:-1, None] + (points[1:] - points[:-1])[:, None] * rise
    fine = steps[:-1, None] + fraction
    return np.append(fine.ravel(), steps[-1]), np.append(curve.ravel(), points[-1])


def _label_points(axes: "Axes", result: PathResult, points: np.ndarray, highest: int) -> None:
    """Ids under minima and over TS; of a long path only at its ends and its highest TS."""
    named = range(points.size) if points.size <= LABELLED_POINTS else sorted({0, highest, points.size - 1})
    for step in named:
        is_ts = step % 2 == 1
        number = result.ts[step // 2] if is_ts else result.minima[step // 2]
        axes.annotate(
            str(number),
            (step, points[step]),
            xytext=(0.0, 4.0 if is_ts else -4.0),
            textcoords="offset points",
            ha="center",
            va="bottom" if is_ts else "top",
            fontsize=7.0,
            color=ACCENT if is_ts and step == highest else QUIET,
        )
