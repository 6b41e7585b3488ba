"""The Arrhenius figure: ln of rate constants over 1/T, and their slopes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import CLASS_COLOURS, INK, new_figure, style
from llpathsample.kinetics.rates import Direction, Passage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Drawn one over the other, the widest first, so that kinds that agree are all seen.
_KINDS = {
    "$k_{SS}$": ("steady_state", CLASS_COLOURS[5], 3.2, "-"),
    "$k_{NSS}$": ("non_steady_state", CLASS_COLOURS[4], 2.0, "-"),
    "$k_F$": ("first_passage", CLASS_COLOURS[0], 1.1, "-"),
    "$k^*$": ("inverse_time", INK, 0.8, (0, (4, 2))),
}


def draw_arrhenius(found: Sequence[Passage]) -> "Figure":
    """Rate constants of all kinds over 1/T, a panel for each direction, and below them their activation energies, the
    slopes -d ln k / d(1/T). found: of two temperatures at least."""
    inverse = np.array([1.0 / passage.temperature for passage in found])
    order = np.argsort(inverse)
    inverse = inverse[order]
    directions = {
        "A $\\leftarrow$ B": [found[k].forth for k in order],
        "B $\\leftarrow$ A": [found[k].back for k in order],
    }
    with style():
        figure = new_figure(7.2, 4.4)
        panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(2.2, 1.0))
        for column, (title, rates) in enumerate(directions.items()):
            upper, lower = panels[:, column]
            _draw(upper, lower, inverse, rates)
            upper.text(0.04, 0.06, title, transform=upper.transAxes, fontsize=11.0)
            _temperatures_above(upper)
            lower.set_xlabel("1 / T")
        panels[0, 0].set_ylabel("ln k")
        panels[1, 0].set_ylabel("activation\nenergy")
        panels[0, 1].legend(loc="best")
    return figure


def _draw(upper: "Axes", lower: "Axes", inverse: np.ndarray, rates: Sequence[Direction]) -> None:
    for label, (name, colour, width, dashes) in _KINDS.items():
        values = np.array([getattr(rate, name) for rate in rates])
        upper.plot(inverse, values, color=colour, linewidth=width, linestyle=dashes, label=label)
        # Of the lines between neighbours, at their middles; the ends are those of the first and the last.
        slopes = -np.diff(values) / np.diff(inverse)
        middles = 0.5 * (inverse[1:] + inverse[:-1])
        lower.plot(middles, slopes, color=colour, linewidth=width, linestyle=dashes)


def _temperatures_above(axes: "Axes") -> None:
    """A second axis with temperatures, where 1/T leaves room for them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim()
    low = max(low, 1e-3 * high)
    above = axes.secondary_xaxis("top")
    above.spines["top"].set_visible(True)
    ticks = np.linspace(low, high, 6)[1:]
    rounded = sorted({float(f"{1.0 / tick:.2g}") for tick in ticks})
    above.xaxis.set_major_locator(FixedLocator([1.0 / value for value in rounded]))
    above.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{1.0 / tick:.2g}"))
    above.xaxis.set_minor_locator(NullLocator())
    above.set_xlabel("T", labelpad=5.0)
