"""The figure of basin volumes: sampled beside harmonic, and beside the share of random starts."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import INK, QUIET, new_figure, style
from llcommon.status import Status
from llpathsample.structure.sampling import Hits, Sampled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELLED = 30


def draw_volumes(
    lpphe: np.ndarray,
    log_copies: np.ndarray,
    sampled: list[Sampled],
    temperature: float,
    hits: Hits | None = None,
    title: str | None = None,
) -> "Figure":
    """ln of the sampled integrals, with two standard errors, over what the LPPHE says; with hits a second panel, where
    all copies of a minimum count together.

    lpphe, log_copies: (n,) of all minima. temperature: inf for volumes. The line is what the harmonic approximation
    means: for volumes its slope, through the mean. Circles are unreliable. Minima that a
    bound holds are in the second panel only.
    """
    rows = [one for one in sampled if one.method is not None]
    ids = np.array([one.minimum for one in rows], dtype=np.int64)
    values = np.array([one.log_integral for one in rows])
    errors = 2.0 * np.array([one.error for one in rows])
    sure = np.array([one.status is Status.CONVERGED for one in rows], dtype=bool)
    volume = bool(np.isinf(temperature))
    harmonic = np.array([one.log_harmonic for one in rows])
    # Where a bound holds a coordinate, the LPPHE is that of the others and says nothing.
    free = ~np.isnan(harmonic)
    name = "ln of the harmonic integral"
    if volume:
        harmonic = -0.5 * lpphe[ids]
        name = "$-$LPPHE / 2"
    shown = "ln of the basin volume" if volume else "ln of the sampled integral"
    with style():
        figure = new_figure(4.2 if hits is None else 8.0, 3.6)
        axes = figure.add_subplot(1, 1 if hits is None else 2, 1)
        _points(axes, ids[free], sure[free], harmonic[free], values[free], errors[free])
        if free.any():
            ends = np.array([harmonic[free].min(), harmonic[free].max()])
            shift = float((values - harmonic)[free].mean()) if volume else 0.0
            axes.plot(ends, ends + shift, color=QUIET, linewidth=0.8, zorder=1)
        axes.set_xlabel(name)
        axes.set_ylabel(shown)
        if title:
            axes.set_title(title)
        if hits is not None:
            axes = figure.add_subplot(1, 2, 2)
            counts = hits.by_minimum[ids]
            seen = counts > 0
            share = counts[seen] / hits.starts
            deviation = 2.0 * np.sqrt((1.0 - share) / counts[seen])
            _points(
                axes, ids[seen], sure[seen], (values + log_copies[ids])[seen], np.log(share), deviation, errors[seen]
            )
            axes.set_xlabel(shown + (", all copies" if log_copies.any() else ""))
            axes.set_ylabel("ln of the share of random starts")
    return figure


def _points(
    axes: "Axes", ids: np.ndarray, sure: np.ndarray, x: np.ndarray, y: np.ndarray, up: np.ndarray, across=None
) -> None:
    """Minima with bars of these lengths, (k,), and their ids; open circles where `sure` is false."""
    axes.errorbar(x, y, up, across, fmt="none", ecolor=INK, elinewidth=0.8, zorder=2)
    axes.plot(x[sure], y[sure], "o", color=INK, markersize=3.0, zorder=3)
    axes.plot(x[~sure], y[~sure], "o", color=INK, markerfacecolor="white", markersize=4.0, zorder=3)
    for number, *place in list(zip(ids.tolist(), x.tolist(), y.tolist(), strict=True))[:LABELLED]:
        offset = {"xytext": (4.0, 3.0), "textcoords": "offset points"}
        axes.annotate(str(number), place, fontsize=7.0, color=QUIET, **offset)
