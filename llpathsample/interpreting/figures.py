"""Figures of `interpret`: importance of features by group, and weights by group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage

from llcommon.plotting import INK, QUIET, new_figure, readable, round_ticks, style, tick_labels
from llpathsample.interpreting.features import Measure
from llpathsample.interpreting.grouptest import GroupTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_GROUPS = 12  # columns of a heat map
_MOST_PANELS = 5  # groups whose weights are drawn beside each other
_ROW = 0.155  # inches
_LABELS = {
    "gradient_input": "|gradient x input|",
    "permuted_log_loss": "rise of log loss\nwhen permuted",
    "permuted_mse": "rise of mse\nwhen permuted",
}
_SINGULAR = {"funnels": "funnel", "basins": "basin", "communities": "community"}
_QUANTILE = 0.98  # of the sizes of weights, where their colours end


def ordered(values: np.ndarray) -> np.ndarray:
    """An order of the rows (n, k) in which like ones are beside each other: the leaves of their average linkage.

    Columns are scaled to unit variance before; ties go by the order of the rows.
    """
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    if len(values) < 3:
        return np.arange(len(values))
    return leaves_list(linkage(scaled, "average", optimal_ordering=True))


def draw_features(
    measures: Sequence[Measure],
    features: Sequence[str],
    groups: Sequence[str],
    means: Sequence[np.ndarray],
    p: Sequence[np.ndarray],
    alpha: float,
    kind: str,
    title: str | None = None,
) -> "Figure":
    """Heat maps of features over groups, one for each measure but for errors and single outputs; a dot beside a feature
    that differs between the groups at `alpha`.

    means: (g, d) of each measure. p: (d,) of each. The first `MOST_GROUPS` groups are drawn.
    """
    shown = [number for number, measure in enumerate(measures) if measure.name in _LABELS]
    tables = [means[number][:MOST_GROUPS].T for number in shown]
    order = ordered(np.hstack(tables))
    columns = tables[0].shape[1]
    width = 0.24 * columns + 0.75
    with style():
        figure = new_figure(1.6 + len(shown) * width, max(2.8, 1.5 + _ROW * len(features)))
        axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for own, number, table in zip(axes, shown, tables, strict=True):
            _map(own, table[order], groups[:MOST_GROUPS], kind)
            _dots(own, p[number][order] <= alpha, columns)
            measure = measures[number]
            own.set_title(f"{_LABELS[measure.name]}\n({measure.rows})", fontsize=8.0)
        axes[0].set_yticks(range(len(features)), [readable(features[place]) for place in order])
        _say_dots(figure, any((p[number] <= alpha).any() for number in shown), alpha, kind)
        if title:
            figure.suptitle(title)
    return figure


def _map(axes: "Axes", table: np.ndarray, groups: Sequence[str], kind: str) -> None:
    """One heat map with its scale; zero is white where there are values on both sides of it."""
    low, high = min(0.0, float(table.min())), max(0.0, float(table.max()))
    size = max(-low, high) or 1.0
    # Slightly negative values, as of features that only disturb, are no reason for a second colour: they are white.
    signed = low < -0.2 * size
    limits = {"cmap": "RdBu_r", "vmin": -size, "vmax": size} if signed else {"cmap": "Blues", "vmin": 0.0, "vmax": size}
    image = axes.imshow(table, aspect="auto", interpolation="nearest", **limits)
    axes.set_xticks(range(len(groups)), groups, rotation=90, fontsize=7.0)
    axes.set_xlabel(f"{kind} (minima)", fontsize=7.5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, location="bottom", shrink=0.9, aspect=14, pad=0.02)
    bar.outline.set_visible(False)
    ticks = round_ticks(-size if signed else 0.0, size, 2)
    bar.set_ticks(ticks, labels=tick_labels(ticks))
    bar.ax.tick_params(labelsize=7.0)


def _dots(axes: "Axes", marked: np.ndarray, columns: int) -> None:
    """Dots at the right of the marked rows."""
    from matplotlib.transforms import ScaledTranslation

    rows = np.flatnonzero(marked)
    beside = axes.transData + ScaledTranslation(4.0 / 72.0, 0.0, axes.figure.dpi_scale_trans)
    at = np.full(len(rows), columns - 0.5)
    if not len(rows):
        return  # a line without points would take room, all there is
    axes.plot(at, rows, "o", color=INK, markersize=2.5, clip_on=False, transform=beside)


def _say_dots(figure: "Figure", any_marked: bool, alpha: float, kind: str) -> None:
    text = f"dot: differs between {kind}, corrected p \N{LESS-THAN OR EQUAL TO} {alpha:g}"
    figure.supxlabel(text if any_marked else f"nothing differs between {kind} at corrected p "
                     f"\N{LESS-THAN OR EQUAL TO} {alpha:g}", fontsize=7.0, color=QUIET)  # fmt: skip


# --- weights --------------------------------------------------------------------------------------


def row_names(names: Sequence[str], units: Sequence[np.ndarray]) -> list[str]:
    """What the coordinates in the same places of all units have in common in their names."""
    found = []
    for row in zip(*units, strict=True):
        parts = [names[place].split("/") for place in row]
        common = [words[0] for words in zip(*parts, strict=True) if len(set(words)) == 1]
        found.append("/".join(common))
    return found


def most_groups(units: Sequence[np.ndarray]) -> int:
    """How many groups `draw_weights` can show."""
    return _MOST_PANELS if _alike(units) else MOST_GROUPS


def _alike(units: Sequence[np.ndarray]) -> bool:
    """Whether units can be set side by side."""
    sizes = {len(unit) for unit in units}
    return len(sizes) == 1 and sizes != {1} and len(units) > 1


def draw_weights(
    names: Sequence[str],
    units: Sequence[np.ndarray],
    groups: Sequence[str],
    test: GroupTest,
    by_unit: GroupTest | None,
    alpha: float,
    kind: str,
    title: str | None = None,
) -> "Figure":
    """Mean weights of the first groups, as a map of units or of groups, and how much of their spread is between groups.

    A dot in a map of weights: conserved in the group at `alpha`; in the last one: different between groups, and below
    a unit: the unit is. Units of unequal sizes are not set side by side: then rows are all coordinates, columns groups.
    """
    square = _alike(units)
    shown = min(len(groups), most_groups(units))
    limit = float(np.quantile(np.abs(test.mean[:shown]), _QUANTILE)) or 1.0
    if square:
        places = np.array(units).T
        rows = row_names(names, units)
        tables = [test.mean[group][places] for group in range(shown)]
        held = [test.conserved_p[group][places] <= alpha for group in range(shown)]
        columns = [str(number) for number in range(len(units))]
        titles = [readable(f"{_SINGULAR.get(kind, 'group')} {group}") for group in groups[:shown]]
    else:
        places = np.arange(len(names))[:, None]
        rows = list(names)
        tables = [test.mean[:shown].T]
        held = [test.conserved_p[:shown].T <= alpha]
        columns = list(groups[:shown])
        titles = ["mean"]
    between, differ = test.between[places], test.p[places] <= alpha
    width = 0.17 * len(columns) + 0.35
    with style():
        figure = new_figure(1.7 + len(tables) * width + 0.17 * between.shape[1] + 1.6, 1.2 + 0.13 * len(rows))
        ratios = [len(columns)] * len(tables) + [max(1.0, between.shape[1])]
        axes = figure.subplots(1, len(tables) + 1, sharey=True, squeeze=False, width_ratios=ratios)[0]
        for own, table, marked, text in zip(axes, tables, held, titles, strict=False):
            image = _weights(own, table, columns, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit})
            _mark(own, marked)
            own.set_title(text, fontsize=8.0)
        share = _weights(axes[-1], between, columns if square else [""], {"cmap": "Greys", "vmin": 0.0, "vmax": 1.0})
        _mark(axes[-1], differ)
        axes[-1].set_title("between", fontsize=8.0)
        axes[0].set_yticks(range(len(rows)), [readable(row) for row in rows], fontsize=6.0)
        axes[0].set_xlabel("unit" if square else f"{kind} (minima)", fontsize=7.5)
        if square and by_unit is not None:
            for unit in np.flatnonzero(by_unit.p <= alpha).tolist():
                axes[-1].get_xticklabels()[unit].set_fontweight("bold")
        _scale(figure, image, axes[0], axes[:-1], "mean weight", limit)
        _scale(figure, share, axes[-1], axes[-1:], "share between", None)
        figure.supxlabel(
            f"dot: conserved in the group; in the last map, and bold units: different between {kind}; "
            f"corrected p \N{LESS-THAN OR EQUAL TO} {alpha:g}",
            fontsize=7.0,
            color=QUIET,
        )
        if title:
            figure.suptitle(title)
    return figure


def _weights(axes: "Axes", table: np.ndarray, columns: Sequence[str], limits: dict):
    image = axes.imshow(table, aspect="auto", interpolation="nearest", **limits)
    long = max(map(len, columns)) > 2
    axes.set_xticks(range(table.shape[1]), columns, fontsize=7.0, rotation=90 if long else 0)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return image


def _mark(axes: "Axes", marked: np.ndarray) -> None:
    rows, columns = np.nonzero(marked)
    axes.plot(columns, rows, "o", color=INK, markersize=2.2, markeredgecolor="white", markeredgewidth=0.4)


def _scale(figure: "Figure", image, first: "Axes", axes, label: str, limit: float | None) -> None:
    bar = figure.colorbar(image, ax=list(axes), location="bottom", aspect=20, shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    ticks = [0.0, 0.5, 1.0] if limit is None else round_ticks(-limit, limit, 3)
    if limit is None:
        ticks = [0.0, 1.0]
    bar.set_ticks(ticks, labels=tick_labels(ticks))
    bar.ax.tick_params(labelsize=7.0)
    bar.set_label(label, fontsize=7.0)
