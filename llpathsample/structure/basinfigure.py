"""The figure of the monotonic sequence basins: how low their bottoms lie, and how high the way out is."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, INK, QUIET, new_figure, round_ticks, style, tick_labels
from llpathsample.structure.funnels import Basins

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELLED = 6  # of the highest escape barriers, and of the largest basins
MOST = 20_000  # bottoms drawn, those of the highest escape barriers


def draw_basins(basins: Basins, losses: np.ndarray, title: str | None = None) -> "Figure":
    """Each bottom by its loss and by that at which it meets a lower one, of an area that grows with its basin.

    losses: (n,). The farther above the diagonal, the better a funnel. Bottoms without a way to a lower minimum stand at
    the upper edge.
    """
    with style():
        figure = new_figure(4.4, 3.8)
        axes = figure.add_subplot()
        loss, escape = losses[basins.bottom], basins.escape
        finite = np.isfinite(escape)
        order = np.argsort(-np.where(finite, escape - loss, np.inf), kind="stable")[:MOST]
        low = float(loss.min())
        high = float(max(loss.max(), escape[finite].max(initial=loss.max())))
        # A single bottom stands in the middle of a range that has a scale.
        if high == low:
            half = 0.5 * max(abs(high), 1.0)
            low, high = low - half, high + half
        span = high - low
        edge = high + 0.12 * span
        heights = np.where(finite, escape, edge)
        areas = 6.0 + 150.0 * basins.size / basins.size.sum()
        axes.plot([low - 0.05 * span, edge], [low - 0.05 * span, edge], color=QUIET, linewidth=0.8, zorder=1)
        for chosen, colour, label in (
            (order[finite[order]], INK, "bottoms"),
            (order[~finite[order]], ACCENT, "no way to a lower minimum"),
        ):
            if len(chosen):
                dots = {"s": areas[chosen], "color": colour, "alpha": 0.7, "edgecolors": "none", "zorder": 2}
                axes.scatter(loss[chosen], heights[chosen], label=label, **dots)
        largest = np.argsort(-basins.size, kind="stable")[:LABELLED]
        for place in dict.fromkeys([*order[:LABELLED].tolist(), *largest.tolist()]):
            axes.annotate(
                str(basins.bottom[place]),
                (loss[place], heights[place]),
                xytext=(4.0, 3.0),
                textcoords="offset points",
                fontsize=7.0,
                color=QUIET,
            )
        axes.set_xlim(low - 0.05 * span, high + 0.05 * span)
        axes.set_ylim(low - 0.05 * span, edge + 0.05 * span)
        for axis in (axes.xaxis, axes.yaxis):
            ticks = round_ticks(low, high)
            axis.set_ticks(ticks, tick_labels(ticks))
        axes.set_xlabel("loss of the bottom")
        axes.set_ylabel("loss where it meets a lower minimum")
        axes.legend(loc="lower right")
        if title:
            axes.set_title(title)
    return figure
