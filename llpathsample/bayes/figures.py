"""The figure of a comparison over data sets: gains with their intervals, and gains against what landscapes say."""

import math

import numpy as np

from llcommon.plotting import ACCENT, CLASS_COLOURS, QUIET, new_figure, readable, style
from llcommon.status import Status
from llpathsample.bayes.comparison import Comparison
from llpathsample.bayes.correlations import Correlation, measures_of
from llpathsample.bayes.measures import FUNNEL_RATIO

_MARGINAL, _MIXED = ACCENT, CLASS_COLOURS[0]
_PANELS = {
    "funnels": f"funnels (barrier ratio {FUNNEL_RATIO:g})",
    "basins": "monotonic sequence basins",
    "frustration": "frustration",
    "equivalent_minima": "equivalent minima",
    "rows": "training rows n",
    "rows_per_coordinate": "training rows a coordinate",
}
_COUNTS = ("funnels", "basins")
_DODGE = 0.6  # width that data sets of the same count share
LINEAR = 0.1  # gains up to this are drawn to scale, larger ones by their logarithm
_TICKS = (-10.0, -1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0, 10.0)


def draw_comparison(found: list[Comparison], correlated: list[Correlation]):
    """Left: gains over the point estimate, with 95 % intervals, a row for each data set; open symbols are unreliable.
    Right, for more than one data set: the gain of marginalising against measures of the landscape, with Spearman's rank
    correlation; where data sets share a count they stand beside each other. Gains beyond LINEAR have a logarithmic
    scale."""
    several = len(found) > 1
    height = max(2.6, 1.5 + 0.42 * len(found), 5.2 if several else 0.0)
    with style():
        figure = new_figure(11.0 if several else 5.5, height)
        if several:
            left, right = figure.subfigures(1, 2, width_ratios=[1.0, 1.45])
            _draw_gains(left.subplots(), found)
            panels = right.subplots(2, 3, sharey=True)
            for axes, measure in zip(panels.flat, _PANELS, strict=True):
                _draw_against(axes, found, measure, correlated)
            right.supylabel("gain of marginalising / nats a test row", fontsize=9.0)
        else:
            _draw_gains(figure.subplots(), found)
    return figure


def _draw_gains(axes, found: list[Comparison]) -> None:
    for row, one in enumerate(found):
        hollow = one.status != Status.CONVERGED
        _point(axes, one.of_mixing, row - 0.14, _MIXED, "s", False, horizontal=True)
        _point(axes, one.of_marginalising, row + 0.14, _MARGINAL, "o", hollow, horizontal=True)
    axes.axvline(0.0, color=QUIET, linewidth=0.8, zorder=0)
    low, high = axes.get_xlim()
    _gain_axis(axes, horizontal=True)
    axes.set_xlim(min(low, -LINEAR), max(high, LINEAR))
    names = [f"{number}  {readable(one.data.name)}" for number, one in enumerate(found, start=1)]
    axes.set_yticks(range(len(found)), names if len(found) > 1 else [readable(found[0].data.name)])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel("gain over the point estimate / nats a test row")
    axes.plot([], [], "o", color=_MARGINAL, label="marginalised")
    axes.plot([], [], "s", color=_MIXED, label="minima mixed")
    if any(one.status != Status.CONVERGED for one in found):
        axes.plot([], [], "o", color=_MARGINAL, markerfacecolor="white", label="unreliable")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, borderaxespad=0.2)


def _point(axes, gain, place: float, colour: str, symbol: str, hollow: bool, horizontal: bool) -> None:
    face = "white" if hollow else colour
    reach = 0.0 if math.isnan(gain.low) else gain.mean - gain.low
    x, y = (gain.mean, place) if horizontal else (place, gain.mean)
    spread = {"xerr" if horizontal else "yerr": reach}
    axes.errorbar(x, y, fmt=symbol, color=colour, markerfacecolor=face, markersize=4.5, elinewidth=1.0, **spread)


def _draw_against(axes, found: list[Comparison], measure: str, correlated: list[Correlation]) -> None:
    from matplotlib.ticker import MaxNLocator

    values = np.array([measures_of(one)[measure] for one in found])
    places = _dodged(values) if measure in _COUNTS else values
    for number, (one, place) in enumerate(zip(found, places, strict=True), start=1):
        if not np.isfinite(place):
            continue
        _point(axes, one.of_marginalising, place, _MARGINAL, "o", one.status != Status.CONVERGED, horizontal=False)
        axes.annotate(
            str(number), (place, one.of_marginalising.mean), xytext=(4, 2), textcoords="offset points", fontsize=7.0
        )
    axes.axhline(0.0, color=QUIET, linewidth=0.8, zorder=0)
    low, high = axes.get_ylim()
    _gain_axis(axes, horizontal=False)
    axes.set_ylim(min(low, -LINEAR), max(high, LINEAR))
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=measure in _COUNTS, min_n_ticks=1))
    axes.set_xlabel(_PANELS[measure], fontsize=8.0)
    axes.set_title(_said(measure, correlated), fontsize=8.0)


def _dodged(values: np.ndarray) -> np.ndarray:
    """Places for counts (n,): those of one value beside each other."""
    places = values.copy()
    for value in np.unique(values):
        alike = np.flatnonzero(values == value)
        places[alike] += _DODGE * ((np.arange(len(alike)) + 0.5) / len(alike) - 0.5)
    return places


def _gain_axis(axes, horizontal: bool) -> None:
    """Small gains beside large ones: a scale that is linear about zero and logarithmic beyond."""
    axis = axes.xaxis if horizontal else axes.yaxis
    set_scale = axes.set_xscale if horizontal else axes.set_yscale
    set_scale("symlog", linthresh=LINEAR, linscale=1.0)
    axis.set_ticks(_TICKS, [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in _TICKS])
    axis.set_ticks([], minor=True)


def _said(measure: str, correlated: list[Correlation]) -> str:
    """The rank correlation with its interval, as far as there is one."""
    one = next(one for one in correlated if one.measure == measure and one.gain == "marginal")
    if math.isnan(one.value):
        return "no correlation"
    ends = "" if math.isnan(one.low) else f" [{one.low:.2f}, {one.high:.2f}]"
    return f"$\\rho$ = {one.value:.2f}{ends}".replace("-", "\N{MINUS SIGN}")
