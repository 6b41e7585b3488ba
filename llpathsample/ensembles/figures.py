"""The figure of a comparison: scores of every choice and combination beside a single minimum and bagging."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import CLASS_COLOURS, INK, QUIET, new_figure, readable, style
from llpathsample.ensembles.comparing import BAGGING, MEMBERS, SINGLE, TRAINED
from llpathsample.ensembles.tables import ALIKE, BETTER, WORSE, Line, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.6  # inches
_ROW = 0.155
_EDGES = 1.25
PANELS = ("log_loss", "accuracy", "auc", "mse", "r2")
_LABELS = {"log_loss": "log loss", "accuracy": "accuracy", "auc": "AUC", "mse": "mse", "r2": "$R^2$"}
_COLOURS = {BETTER: CLASS_COLOURS[0], WORSE: CLASS_COLOURS[1], ALIKE: INK}
_BAGGING = CLASS_COLOURS[3]
_GAP = 0.9  # rows between choices


def draw_ensembles(table: Table, by: str, title: str | None = None) -> "Figure":
    """The scores of a table. by: the measure whose verdicts against the single minimum have colours."""
    shown = [line for line in table.lines if line.key not in (SINGLE, BAGGING)]
    heights, groups = _places(shown)
    panels = [place for place, measure in enumerate(table.measures) if measure.name in PANELS]
    figure = new_figure(WIDTH, _EDGES + _ROW * (heights[-1] + 1.0 if len(heights) else 1.0))
    with style():
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, place in zip(grid, panels, strict=True):
            _panel(axes, table, shown, heights, place, by)
        _name_rows(grid[0], shown, heights, groups)
        figure.legend(handles=_handles(table, by), loc="outside lower center", ncols=3, handlelength=1.6)
        if title:
            figure.suptitle(readable(title), fontsize=10.0)
    return figure


def _places(lines: list[Line]) -> tuple[np.ndarray, dict[str, float]]:
    """Heights of the lines, downwards, (l,), and those of the names of the choices."""
    heights, groups = [], {}
    height, before = 0.0, None
    for line in lines:
        if line.choice != before:
            height += _GAP if before is not None else 0.0
            groups[line.choice] = height
            height += 1.0
            before = line.choice
        heights.append(height)
        height += 1.0
    return np.array(heights), groups


def _panel(axes: "Axes", table: Table, shown: list[Line], heights: np.ndarray, place: int, by: str) -> None:
    name = table.measures[place].name
    single, bagging = table.line(SINGLE), table.line(BAGGING)
    value, error = float(single.scores[place]), float(single.errors[place])
    if np.isfinite(error):
        axes.axvspan(value - error, value + error, color=QUIET, alpha=0.15, linewidth=0.0)
    axes.axvline(value, color=INK, linewidth=1.0, zorder=1)
    if bagging is not None:
        axes.axvline(float(bagging.scores[place]), color=_BAGGING, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    for line, height in zip(shown, heights.tolist(), strict=True):
        colour, face = _look(line, by)
        axes.errorbar(
            line.scores[place], height, xerr=line.errors[place], fmt="o", color=colour, markerfacecolor=face,
            markersize=4.0, elinewidth=0.8, markeredgewidth=0.9,
        )  # fmt: skip
    better = "more is better" if table.measures[place].highest_is_best else "less is better"
    axes.set_xlabel(f"{_LABELS[name]} ({better})")
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color=QUIET, alpha=0.2, linewidth=0.5)
    axes.set_ylim(heights[-1] + 1.0, -0.8)
    axes.tick_params(axis="y", length=0.0)


def _look(line: Line, by: str) -> tuple[str, str]:
    """Colours of a point and of its inside."""
    if line.combination == MEMBERS:
        return QUIET, "white"
    told = line.against.get("single", {}).get(by)
    if told is None or told.verdict == ALIKE:
        return INK, "white"
    return _COLOURS[told.verdict], _COLOURS[told.verdict]


def _name_rows(axes: "Axes", shown: list[Line], heights: np.ndarray, groups: dict[str, float]) -> None:
    """Combinations, and above them in bold the choices with their numbers of members."""
    sizes = {line.choice: line.members for line in shown}
    names = [*(line.combination for line in shown), *(_group_name(name, sizes[name]) for name in groups)]
    places = [*heights.tolist(), *groups.values()]
    order = np.argsort(places, kind="stable")
    axes.set_yticks([places[k] for k in order], [names[k] for k in order], fontsize=7.5)
    for tick, k in zip(axes.get_yticklabels(), order.tolist(), strict=True):
        if k >= len(shown):
            tick.set_fontweight("bold")


def _group_name(choice: str, members: float | None) -> str:
    if choice == SINGLE[0]:
        return "a single minimum"
    if choice == TRAINED:
        return f"scikit-learn ({members:g})"
    return f"{choice} ({members:.3g})"


def _handles(table: Table, by: str) -> list:
    from matplotlib.lines import Line2D

    name = _LABELS.get(by, by)
    dots = {"linestyle": "none", "marker": "o", "markersize": 4.0}
    handles = [
        Line2D([], [], color=_COLOURS[BETTER], label=f"better than the lowest by {name}", **dots),
        Line2D([], [], color=_COLOURS[WORSE], label="worse", **dots),
        Line2D([], [], color=INK, markerfacecolor="white", label="indistinguishable (Holm, 5 %)", **dots),
        Line2D([], [], color=QUIET, markerfacecolor="white", label="mean of single members", **dots),
        Line2D([], [], color=INK, label="lowest minimum"),
    ]
    if table.line(BAGGING) is not None:
        handles.append(Line2D([], [], color=_BAGGING, linestyle=(0, (4, 2)), label="scikit-learn's bagging"))
    return handles

