"""Axes of llgmin's figures for losses and counts of any size, and lines and points thinned to what can be seen."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import round_ticks, tick_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 20_000
MOST_VERTICES = 2_000  # of a line
LOG_RATIO = 50.0  # positive losses that span more are drawn on a logarithmic axis


# --- axes -------------------------------------------------------------------------------------------


def count_label(number: float) -> str:
    """A count with thin spaces between groups of three digits, 100 000; from ten millions in powers, 1.2e8."""
    if number >= 1e7:
        return f"{number:.2g}".replace("e+0", "e").replace("e+", "e")
    return f"{number:,.0f}".replace(",", "\N{THIN SPACE}")


def set_quench_axis(axes: "Axes", quenches: int, room: float = 0.0) -> None:
    """The horizontal axis of quenches, counted from 1; room: share of the width that is left free at the right."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(0.0, max(quenches, 2) * (1.01 + room))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_label(value)))
    axes.set_xlabel("quench")


def set_count_ticks(axis, number: int = 5) -> None:
    """Whole numbers on a linear axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=number, integer=True, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: count_label(value)))


def set_log_counts(axis, highest: float) -> None:
    """A logarithmic axis of counts from 1."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (0.8, max(10.0, highest) * 1.4)})
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: count_label(value)))
    axis.set_minor_formatter(NullFormatter())


def is_logarithmic(losses: np.ndarray) -> bool:
    """Whether losses are positive and span so much that only a logarithmic axis shows them all."""
    lowest = float(losses.min())
    return lowest > 0.0 and float(losses.max()) > LOG_RATIO * lowest


def loss_window(losses: np.ndarray) -> tuple[float, float]:
    """Between which ends some finite losses are drawn.

    A few that lie far above all others are left outside of a linear axis: it ends at twice the distance of the 98 %
    quantile from the lowest if the highest is more than five times as far.
    """
    low, high = float(losses.min()), float(losses.max())
    if is_logarithmic(losses):
        return low, high
    common = float(np.quantile(losses, 0.98)) - low
    if common > 0.0 and high - low > 5.0 * common:
        high = low + 2.0 * common
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or size == 0.0:
        # One loss, perhaps but for its last bits: these are not for the axis to show.
        half = 0.1 * size or 1.0
        return low - half, high + half
    return low, high


def widened(low: float, high: float, below: float, above: float, logarithmic: bool) -> tuple[float, float]:
    """Ends of an axis moved outwards by shares of its length."""
    if logarithmic:
        ratio = high / low
        return low / ratio**below, high * ratio**above
    return low - below * (high - low), high + above * (high - low)


def set_log_losses(axis, low: float, high: float) -> None:
    """A logarithmic axis of losses, labelled at powers of ten; of less than two and a half decades, at 3 times them
    too."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 300.0 * low else (1.0,), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_labels([value])[0]))
    axis.set_minor_formatter(NullFormatter())


def sparse_ticks(low: float, high: float) -> list[float]:
    """Round values inside [low, high], so few that their labels do not touch in half a page's width."""
    for number in (5, 4, 3, 2):
        ticks = round_ticks(low, high, number)
        if sum(len(label) + 2 for label in tick_labels(ticks)) <= 36:
            return ticks
    return ticks[:1]


def legend_above(axes: "Axes", **entries) -> None:
    """A legend in one row above the panel, at the right, on the line of the title."""
    legend = axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, borderpad=0.55, ncols=12,
        handletextpad=0.45, columnspacing=0.9, handlelength=1.1, **entries,
    )
    for text in legend.get_texts():
        text.set_fontsize(7.5)


# --- thinning ---------------------------------------------------------------------------------------


def thinned(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """Ascending rows of `count`, at most `most` of them: all, or a random choice that is always the same.

    A regular choice would favour walkers, whose quenches alternate regularly.
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(count).choice(count, most, replace=False))


def evenly(count: int, most: int = MOST_VERTICES) -> np.ndarray:
    """Ascending rows of `count` at even distances, at most `most`, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
