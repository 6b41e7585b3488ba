"""Figures of llpathsample: the disconnectivity graph and the profile of a path."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llcommon.errors import ConfigError
from llcommon.plotting import (
    ACCENT,
    CLASS_COLOURS,
    INK,
    QUIET,
    figure_format,
    new_figure,
    round_ticks,
    save_figure,
    set_loss_axis,
    style,
    tick_labels,
)
from llpathsample.network import PathResult
from llpathsample.tree import Tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    with style():
        figure = new_figure(*(size or _tree_size(tree.leaves.size)))
        axes = figure.add_subplot()
        draw_branches(axes, tree, colours, label=colour_label, y_label=y_label)
        _label_leaves(axes, tree, label_ids)
        if title:
            axes.set_title(title)
        save_figure(figure, path)


def draw_branches(
    axes: "Axes",
    tree: Tree,
    colours: np.ndarray | None = None,
    *,
    label: str | None = None,
    diverging: bool = False,
    y_label: str = "loss",
    key: bool = True,
) -> None:
    """Draw a disconnectivity graph on given axes, in the style of the caller; the axes get their limits and ticks.

    colours: (n,) value per minimum of the landscape, as in draw_tree. diverging: the scale is centred on zero, grey
    there, blue below and red above. label: name of the value. key: whether a scale or a legend stands beside.
    """
    from matplotlib.collections import LineCollection

    leaves = tree.leaves.size
    lines, nodes = tree.branches()
    bottom = float(tree.loss.min())
    margin = 0.03 * (tree.top - bottom)
    set_loss_axis(axes, bottom - 1.6 * margin, tree.top + 0.5 * margin, y_label)
    side = 0.02 * leaves + 0.25
    axes.set_xlim(-side, leaves + side)
    collection = LineCollection(lines, linewidths=_line_width(leaves), colors=INK, capstyle="round")
    axes.add_collection(collection)
    if colours is None:
        return
    colours = np.asarray(colours)
    if np.issubdtype(colours.dtype, np.integer):
        _colour_classes(axes, collection, tree, nodes, colours, label, key)
    else:
        _colour_scale(axes, collection, tree, nodes, colours, label, diverging, key)


def branch_values(tree: Tree, values: np.ndarray) -> np.ndarray:
    """Mean over the drawn minima below each node of a value per minimum (n,), shape (k,); NaN spreads."""
    total = np.zeros(tree.loss.size)
    leaves = tree.leaves
    total[leaves] = np.asarray(values, dtype=np.float64)[tree.minimum[leaves]]
    for node in np.flatnonzero(tree.parent >= 0).tolist():
        total[tree.parent[node]] += total[node]
    return total / tree.size


def branch_classes(tree: Tree, classes: np.ndarray) -> np.ndarray:
    """Class (n,) that all drawn minima below a node share, int64 (k,); -1 where they differ or have none."""
    shared = np.full(tree.loss.size, -2, dtype=np.int64)
    leaves = tree.leaves
    shared[leaves] = np.asarray(classes, dtype=np.int64)[tree.minimum[leaves]]
    for node in np.flatnonzero(tree.parent >= 0).tolist():
        parent = tree.parent[node]
        if shared[parent] == -2:
            shared[parent] = shared[node]
        elif shared[parent] != shared[node]:
            shared[parent] = -1
    return shared


def _tree_size(leaves: int) -> tuple[float, float]:
    """Width and height in inches: a narrow column for a few leaves, a page for thousands."""
    width = 3.4 + 3.8 * min(np.log10(max(leaves, 4) / 4.0) / 2.5, 1.0)
    return float(width), 5.0 + 0.4 * (float(width) - 3.4)


def _line_width(leaves: int) -> float:
    """Points: 1.2 for a few leaves, down to a hairline where columns are narrower than that."""
    return float(np.clip(14.0 / np.sqrt(leaves + 100.0), 0.3, 1.2))


def _class_colour(number: int) -> str:
    """Colour of a class; the palette starts again where it ends."""
    return CLASS_COLOURS[number % len(CLASS_COLOURS)] if number >= 0 else INK


def _colour_classes(axes: "Axes", collection, tree: Tree, nodes, classes, label, key) -> None:
    """Colour the lines by the class their minima share, with a legend."""
    shared = branch_classes(tree, classes)
    collection.set_color([_class_colour(number) for number in shared[nodes].tolist()])
    if not key:
        return
    present = np.unique(shared[tree.leaves])
    for number in present[present >= 0].tolist():
        name = f"{label} {number}" if label else str(number)
        axes.plot([], [], color=_class_colour(number), label=name)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)


def _colour_scale(axes: "Axes", collection, tree: Tree, nodes, values, label, diverging, key) -> None:
    """Colour the lines by the mean value below them, with a scale beside the axes."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values = branch_values(tree, values)
    leaf_values = values[tree.leaves]
    known = leaf_values[np.isfinite(leaf_values)]
    if known.size == 0:
        return
    low, high = float(known.min()), float(known.max())
    if diverging:
        high = max(-low, high)
        low = -high
    scale = _diverging_scale() if diverging else _rising_scale()
    norm = Normalize(low, high)
    rgba = scale(norm(values))
    rgba[~np.isfinite(values)] = (0.1, 0.1, 0.1, 1.0)
    collection.set_color(rgba[nodes])
    if not key:
        return
    place = {"shrink": 0.4, "aspect": 18, "pad": 0.02, "anchor": (0.0, 1.0)}
    bar = axes.figure.colorbar(ScalarMappable(norm, scale), ax=axes, **place)
    bar.outline.set_visible(False)
    ticks = round_ticks(norm.vmin, norm.vmax)
    bar.set_ticks(ticks, labels=tick_labels(ticks))
    if label:
        bar.set_label(label)


def _rising_scale():
    """The palest tenth of viridis would vanish on white paper."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.9, 256)))


def _diverging_scale():
    """Blue over grey to red; the middle is dark enough for white paper."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("gains", ["#08519C", "#4292C6", "#BDBDBD", "#EF6548", "#990000"])


def _label_leaves(axes: "Axes", tree: Tree, label_ids: Sequence[int]) -> None:
    """Write the ids of the chosen leaves, and quietly that of the lowest, under their ends."""
    leaf_of = {int(tree.minimum[leaf]): int(leaf) for leaf in tree.leaves}
    lowest = int(tree.minimum[0])
    absent = [number for number in label_ids if number not in leaf_of]
    if absent:
        raise ConfigError(
            f"minimum {absent[0]} is to be labelled but is not drawn: draw more minima or drop the label"
        )
    # A white rim keeps the numbers readable where branches run behind them.
    from matplotlib.patheffects import withStroke

    for number in dict.fromkeys([lowest, *label_ids]):
        leaf = leaf_of[number]
        axes.annotate(
            str(number),
            (tree.x[leaf], tree.loss[leaf]),
            xytext=(0.0, -3.0),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7.0,
            color=ACCENT if number in label_ids else QUIET,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


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
