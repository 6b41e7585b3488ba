"""Figures of llgmin: how a search went, in up to five panels.

However many quenches there are, a figure stays small: lines are thinned to what can be seen, points are thinned above
MOST_POINTS and become an image above MOST_VECTOR_POINTS.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from llcommon.errors import InputError
from llcommon.estimates import chao1
from llcommon.plotting import (
    ACCENT,
    CLASS_COLOURS,
    INK,
    QUIET,
    figure_format,
    new_figure,
    save_figure,
    set_loss_axis,
    style,
    tick_labels,
)
from llgmin.scales import (
    MOST_POINTS,
    count_label,
    evenly,
    is_logarithmic,
    legend_above,
    loss_window,
    set_count_ticks,
    set_log_counts,
    set_log_losses,
    set_quench_axis,
    sparse_ticks,
    thinned,
    widened,
)
from llgmin.statistics import SearchRecord, visit_frequencies
from llgmin.walker import MOVED, NEW, VERIFIED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_WALKERS = len(CLASS_COLOURS)  # with a colour of their own
MOST_LINES = 4  # of walkers in one panel
MOST_VECTOR_POINTS = 3_000
_ONE_COLOUR = CLASS_COLOURS[0]


def draw_search(
    record: SearchRecord, path: str | os.PathLike, panel: str | None = None, name: object = "landscape"
) -> list[str]:
    """Draw the panels of a search that its record allows, or the one named, to an svg, pdf or png file.

    name: of the landscape, for messages. Returns the names of what was drawn. Raises ConfigError for another suffix,
    InputError if the panel named cannot be drawn.
    """
    figure_format(path)
    possible = possible_panels(record)
    if panel is not None and panel not in possible:
        why = "has no accepted steps" if record.traced else "left no trace"
        raise InputError(f"{name}: its search {why}, so panel {panel} cannot be drawn; take {' or '.join(possible)}")
    chosen = possible if panel is None else [panel]
    with style():
        figure = new_figure(*_figure_size(chosen))
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, wspace=0.04, hspace=0.04)
        for place, axes in enumerate(_axes_of(figure, len(chosen))):
            title, draw = PANELS[chosen[place]]
            letter = f"{'abcde'[place]}   " if len(chosen) > 1 else ""
            axes.set_title(letter + title, loc="left", fontsize=9.0, fontweight="bold", pad=8.0)
            draw(axes, record)
        save_figure(figure, path)
    return chosen


def possible_panels(record: SearchRecord) -> list[str]:
    """Names of the panels for which the record has what they show."""
    names = list(PANELS)
    if not record.traced:
        return ["histogram", "visits"]
    if record.method == "multi-start" or not record.has(MOVED).any():
        names.remove("acceptance")
    return names


def _figure_size(panels: list[str]) -> tuple[float, float]:
    """Width and height in inches."""
    if len(panels) == 1:
        return (7.2 if panels == ["losses"] else 5.0), 3.2
    rows = 1 + len(panels) // 2 if len(panels) > 2 else 1
    return 7.2, 2.6 * rows


def _axes_of(figure, panels: int) -> list["Axes"]:
    """Axes in the order of reading: one, two in a row, or a wide one above rows of two (the last of an even number
    is wide too)."""
    if panels <= 2:
        return [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
    rows = 1 + panels // 2
    grid = figure.add_gridspec(rows, 2)
    places = [grid[0, :]] + [grid[1 + place // 2, place % 2] for place in range(panels - 1)]
    if panels % 2 == 0:
        places[-1] = grid[rows - 1, :]
    return [figure.add_subplot(place) for place in places]


# --- (a) losses -------------------------------------------------------------------------------------


def _walker_colours(walkers: np.ndarray) -> list[str]:
    """A colour for each walker, or one for all if they are many."""
    if walkers.size > MOST_WALKERS:
        return [_ONE_COLOUR] * walkers.size
    return list(CLASS_COLOURS[: walkers.size])


def running_lowest(record: SearchRecord) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (from 1) of the quenches that ended lower than all before, and their losses.

    Verified minima count; if there are none, whatever did not fail.
    """
    counted = record.has(VERIFIED) & ~record.failed
    if not counted.any():
        counted = ~record.failed
    losses = np.where(counted, record.loss, np.inf)
    before = np.concatenate([[np.inf], np.minimum.accumulate(losses)[:-1]])
    steps = np.flatnonzero(losses < before)
    return steps + 1, losses[steps]


def _draw_losses(axes: "Axes", record: SearchRecord) -> None:
    quenches = record.loss.size
    drawn = thinned(quenches)
    ended = drawn[~record.failed[drawn]]
    set_quench_axis(axes, quenches)
    higher = 0
    if not record.failed.all():
        higher = _set_loss_range(axes, record)
        _draw_loss_points(axes, record, ended)
        _draw_running_lowest(axes, record)
    else:
        axes.set_yticks([])
        axes.set_ylabel("loss")
    _draw_failed(axes, drawn[record.failed[drawn]])
    _legend_of_losses(axes, record, drawn.size, higher)


def _set_loss_range(axes: "Axes", record: SearchRecord) -> int:
    """Set the loss axis, with room at the bottom for failed quenches; number of the losses that lie above it."""
    losses = record.loss[~record.failed]
    logarithmic = is_logarithmic(losses)
    window = loss_window(losses)
    low, high = widened(*window, 0.11, 0.06, logarithmic)
    if logarithmic:
        set_log_losses(axes.yaxis, low, high)
        axes.set_ylabel("loss")
    else:
        set_loss_axis(axes, low, high, "loss", bottom=True)
    return int((losses > high).sum())


def _draw_loss_points(axes: "Axes", record: SearchRecord, drawn: np.ndarray) -> None:
    """The loss of each quench in the colour of its walker; an arrow head at the top for one above the axis."""
    walkers = np.unique(record.walker)
    colours = np.array(_walker_colours(walkers))[np.searchsorted(walkers, record.walker[drawn])]
    losses = record.loss[drawn]
    many = drawn.size > MOST_VECTOR_POINTS
    look = {"linewidths": 0.0, "alpha": 0.75 - 0.4 * drawn.size / MOST_POINTS, "rasterized": many}
    size = float(np.clip(12000.0 / (drawn.size + 1), 2.5, 12.0))
    axes.scatter(drawn + 1, losses, s=size, c=colours, zorder=2, gid="quenches", **look)
    higher = np.flatnonzero(losses > axes.get_ylim()[1])
    if higher.size:
        place = {"transform": axes.get_xaxis_transform(), "clip_on": False, "marker": "^", "s": 9.0}
        axes.scatter(drawn[higher] + 1, np.ones(higher.size), c=colours[higher], gid="higher", **place, **look)


def _draw_running_lowest(axes: "Axes", record: SearchRecord) -> None:
    steps, losses = running_lowest(record)
    numbers = np.append(steps, record.loss.size)
    axes.step(numbers, np.append(losses, losses[-1]), where="post", color=INK, linewidth=1.1, zorder=3, gid="lowest")


def _draw_failed(axes: "Axes", drawn: np.ndarray) -> None:
    """Failed quenches as ticks at the bottom, finer where they are many, so that their density shows."""
    if not drawn.size:
        return
    few = drawn.size <= 150
    look = {"color": QUIET, "markersize": 5.0, "markeredgewidth": 0.8 if few else 0.5, "alpha": 1.0 if few else 0.5}
    place = {"transform": axes.get_xaxis_transform(), "rasterized": drawn.size > MOST_VECTOR_POINTS}
    axes.plot(drawn + 1, np.full(drawn.size, 0.035), "|", gid="failed", **look, **place)


def _legend_of_losses(axes: "Axes", record: SearchRecord, drawn: int, higher: int) -> None:
    """What the colours, the line and the ticks mean, above the panel."""
    from matplotlib.lines import Line2D

    walkers = np.unique(record.walker)
    handles, labels = [], []

    def add(label: str, **look) -> None:
        handles.append(Line2D([], [], **look))
        labels.append(label)

    dot = {"linestyle": "none", "marker": "o", "markersize": 4.0, "markeredgewidth": 0.0}
    if 1 < walkers.size <= MOST_WALKERS:
        for walker, colour in zip(walkers.tolist(), _walker_colours(walkers), strict=True):
            add(f"walker {walker}" if not handles else str(walker), color=colour, **dot)
    else:
        add("quench" if walkers.size == 1 else f"{count_label(walkers.size)} walkers", color=_ONE_COLOUR, **dot)
    if not record.failed.all():
        add("lowest so far", color=INK, linewidth=1.1)
    if higher:
        add(f"{count_label(higher)} higher", linestyle="none", marker="^", markersize=4.0, color=QUIET)
    if record.failed.any():
        add("failed", linestyle="none", marker="|", markersize=5.0, color=QUIET)
    legend_above(axes, handles=handles, labels=labels)
    if drawn < record.loss.size:
        axes.set_xlabel(f"quench ({count_label(drawn)} of {count_label(record.loss.size)} drawn)")


# --- (b) acceptance ---------------------------------------------------------------------------------


def acceptance_window(quenches: int) -> int:
    """Number of quenches over which acceptance is averaged: 20 or a fiftieth of all, rounded to 1, 2 or 5 times a
    power of ten; fewer in a short search."""
    wanted = max(20.0, quenches / 50.0)
    power = 10.0 ** np.floor(np.log10(wanted))
    rounded = max(step * power for step in (1.0, 2.0, 5.0) if step * power <= wanted)
    return int(max(1, min(rounded, quenches // 2)))


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Means (q - window + 1,) of each `window` consecutive of values (q,)."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return (sums[window:] - sums[:-window]) / window


def _draw_acceptance(axes: "Axes", record: SearchRecord) -> None:
    """Of all walkers together and, if they are few, of each over the same stretch of the search."""
    quenches = record.loss.size
    moved = record.has(MOVED)
    walkers = np.unique(record.walker)
    few = 1 < walkers.size <= MOST_LINES
    window = acceptance_window(quenches // walkers.size if few else quenches)
    if few:
        for walker, colour in zip(walkers.tolist(), _walker_colours(walkers), strict=True):
            rows = np.flatnonzero(record.walker == walker)
            _draw_mean(axes, rows + 1, moved[rows], window, color=colour, linewidth=0.7, alpha=0.7, gid="walker")
    together = window * walkers.size if few else window
    _draw_mean(axes, np.arange(1, quenches + 1), moved, together, color=INK, linewidth=1.2, gid="acceptance")
    axes.set_ylim(0.0, 1.02)
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
    of_each = f"{walkers.size} \N{MULTIPLICATION SIGN} " if few else ""
    axes.set_ylabel(f"mean over {of_each}{count_label(window)} quenches")
    set_quench_axis(axes, quenches)


def _draw_mean(axes: "Axes", numbers: np.ndarray, moved: np.ndarray, window: int, **look) -> None:
    """Moving mean, each above the middle of what it is taken over."""
    if moved.size < window:
        return
    means = moving_mean(moved, window)
    middle = 0.5 * (numbers[window - 1 :] + numbers[: numbers.size - window + 1])
    shown = evenly(means.size)
    axes.plot(middle[shown], means[shown], **look)


# --- (c) distinct minima ----------------------------------------------------------------------------


def _draw_minima(axes: "Axes", record: SearchRecord) -> None:
    quenches = record.loss.size
    found = np.cumsum(record.has(NEW))
    shown = evenly(quenches)
    numbers = np.concatenate([[0], shown + 1])
    axes.step(numbers, np.concatenate([[0], found[shown]]), where="post", color=INK, gid="distinct")
    set_quench_axis(axes, quenches, 0.06)
    highest = float(found[-1])
    counts = visit_frequencies(record)
    # Where minima came from elsewhere too, the estimate is not one of this curve's.
    if counts is not None and record.draws_agree and counts.observed == found[-1]:
        highest = _draw_chao1(axes, chao1(counts), quenches, highest)
    axes.set_ylim(0.0, max(1.05 * highest, 2.0))
    set_count_ticks(axes.yaxis)
    axes.set_ylabel("distinct minima")


def _draw_chao1(axes: "Axes", total, quenches: int, highest: float) -> float:
    """The estimate and its interval beyond the last quench; the height that is to be seen."""
    from matplotlib.patches import Rectangle

    left, width = 1.02 * max(quenches, 2), 0.05 * max(quenches, 2)
    # What lies far above the curve would flatten it: it runs out of the panel, and the title tells the numbers.
    shown = total.high
    if total.high > 2.5 * highest:
        shown = 1.3 * min(total.value, 3.0 * highest)
    axes.add_patch(
        Rectangle((left, total.low), width, total.high - total.low, color=_ONE_COLOUR, alpha=0.25, linewidth=0.0)
    )
    axes.plot([left, left + width], [total.value] * 2, color=_ONE_COLOUR, linewidth=1.6, solid_capstyle="butt")
    low, high = count_label(total.low), count_label(total.high)
    if total.high > shown:
        place = {"transform": axes.get_xaxis_transform(), "clip_on": False, "color": _ONE_COLOUR}
        axes.plot([left + 0.5 * width], [1.0], "^", markersize=4.0, markeredgewidth=0.0, gid="beyond", **place)
    text = f"Chao1: {count_label(total.value)} ({low}\N{EN DASH}{high})"
    axes.set_title(text, loc="right", fontsize=7.5, color=_ONE_COLOUR, pad=8.0)
    return max(highest, shown)


# --- (d) histogram ----------------------------------------------------------------------------------


def histogram_edges(losses: np.ndarray) -> np.ndarray:
    """Edges of equal bins, about the square root of the number of losses, 10 to 40; of equal ratio on a log axis."""
    low, high = loss_window(losses)
    bins = 11 if np.ptp(losses) == 0.0 else int(np.clip(round(float(np.sqrt(losses.size))), 10, 40))
    if is_logarithmic(losses):
        return np.geomspace(low, high, bins + 1)
    return np.linspace(low, high, bins + 1)


def _draw_histogram(axes: "Axes", record: SearchRecord) -> None:
    """Shares of the minima, and of the visits, by loss."""
    edges = histogram_edges(record.minima)
    # What lies above the window counts in the last bin.
    losses = np.clip(record.minima, edges[0], edges[-1])
    minima = np.histogram(losses, edges)[0] / losses.size
    visits = np.histogram(losses, edges, weights=record.visits)[0] / max(1, record.visits.sum())
    axes.stairs(minima, edges, fill=True, color=QUIET, alpha=0.35, label="minima", gid="minima")
    axes.stairs(visits, edges, color=_ONE_COLOUR, linewidth=1.2, label="visits", gid="visits")
    higher = int((record.minima > edges[-1]).sum())
    axes.set_xlabel(f"loss (last bin: and {count_label(higher)} higher)" if higher else "loss")
    axes.set_ylabel("share in a bin")
    axes.set_ylim(0.0, 1.05 * float(max(minima.max(), visits.max())))
    logarithmic = is_logarithmic(record.minima)
    low, high = widened(edges[0], edges[-1], 0.03, 0.03, logarithmic)
    if logarithmic:
        set_log_losses(axes.xaxis, low, high)
    else:
        axes.set_xlim(low, high)
        ticks = sparse_ticks(low, high)
        axes.set_xticks(ticks, tick_labels(ticks))
    legend_above(axes)


# --- (e) visits -------------------------------------------------------------------------------------


def _draw_visits(axes: "Axes", record: SearchRecord) -> None:
    """Visits against rank, and where the lowest minimum stands."""
    order = np.argsort(-record.visits, kind="stable")
    counts = record.visits[order]
    ranks = np.unique(np.geomspace(1, counts.size, 1000).round().astype(np.int64))
    axes.plot(ranks, counts[ranks - 1], ".", color=_ONE_COLOUR, markersize=5.0, markeredgewidth=0.0, gid="ranks")
    place = int(np.flatnonzero(order == record.lowest)[0])
    hollow = {"markerfacecolor": "none", "markeredgecolor": ACCENT, "markersize": 6.5, "linestyle": "none"}
    axes.plot([place + 1], [counts[place]], marker="o", label="lowest minimum", **hollow)
    set_log_counts(axes.xaxis, counts.size)
    set_log_counts(axes.yaxis, float(counts[0]))
    axes.set_xlabel("rank of the minimum by visits")
    axes.set_ylabel("visits")
    legend_above(axes)


PANELS: dict[str, tuple[str, Callable]] = {
    "losses": ("Quenches", _draw_losses),
    "acceptance": ("Acceptance", _draw_acceptance),
    "minima": ("Minima", _draw_minima),
    "histogram": ("Losses", _draw_histogram),
    "visits": ("Visits", _draw_visits),
}
