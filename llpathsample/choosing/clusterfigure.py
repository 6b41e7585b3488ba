"""The figure of `choose-k`: measures of landscapes and classical criteria over the number of clusters."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, CLASS_COLOURS, INK, QUIET, new_figure, style
from llpathsample.choosing.agreement import HIGHEST
from llpathsample.choosing.clusterings import Gap
from llpathsample.choosing.clusters import DETERMINED, LEVEL, NEEDED, Choice, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SECOND = CLASS_COLOURS[0]
_NEVER = 1.6 * HIGHEST  # where what does not melt stands


def draw_choice_of_clusters(rows: list[Row], gap: Gap, choice: Choice) -> "Figure":
    """Twelve panels: eight of the landscape, four of classical criteria. The recommended K is shaded in all; in the
    panel of a criterion a ring marks its own choice."""
    with style():
        figure = new_figure(9.6, 6.6)
        panels = figure.subplots(3, 4, sharex=True)
        k = np.array([row.clusters for row in rows])
        of_landscape = [
            (_loss, None), (_counts, None), (_funnels, "funnels"), (_frustration, "frustration"),
            (_entropy, "entropy"), (_agreement, "agreement"), (_melting, "melting"),
            (_reproducibility, "reproducibility"),
        ]
        for axes, (draw, name) in zip(panels.flat, of_landscape, strict=False):
            _mark(axes, k, draw(axes, k, rows), choice, name)
        for axes, (draw, name) in zip(panels[2], ((_silhouette, "silhouette"), (_bic, "bic")), strict=False):
            _mark(axes, k, draw(axes, k, rows), choice, name)
        _mark(panels[2, 2], k, _gap(panels[2, 2], k, gap), choice, "gap")
        _mark(panels[2, 3], k, _rise(panels[2, 3], k, gap), choice, None)
        for axes in panels[2]:
            axes.set_xlabel("number of clusters K")
            axes.set_xticks(k if len(k) <= 12 else k[:: -(-len(k) // 12)])
        chosen = choice.recommended
        told = "no K is supported" if chosen is None else f"recommended: K = {chosen} (shaded)"
        figure.suptitle(f"{told}; a ring marks what each criterion would choose by itself", fontsize=10.0)
    return figure


def _mark(axes: "Axes", k: np.ndarray, values: np.ndarray, choice: Choice, name: str | None) -> None:
    """Shade the recommended K, and ring that of the panel's criterion."""
    if choice.recommended is not None:
        half = 0.4 * float(np.diff(k).min(initial=1))
        axes.axvspan(choice.recommended - half, choice.recommended + half, color=ACCENT, alpha=0.13, linewidth=0.0)
    own = None if name is None else choice.by_criterion[name]
    if own is not None:
        place = int(np.flatnonzero(k == own)[0])
        if np.isfinite(values[place]):
            ring = {"s": 90.0, "facecolors": "none", "edgecolors": ACCENT, "linewidths": 1.6, "zorder": 4}
            axes.scatter([own], [values[place]], **ring)


def _line(axes: "Axes", k: np.ndarray, values, title: str, errors=None, colour: str = INK, label: str | None = None):
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    axes.plot(k[known], values[known], "o-", color=colour, markersize=4.0, label=label)
    if errors is not None:
        errors = np.asarray(errors, dtype=np.float64)[..., known]
        drawn = np.where(np.isfinite(errors), errors, 0.0)
        axes.errorbar(k[known], values[known], drawn, fmt="none", ecolor=colour, elinewidth=1.0, capsize=2.0)
    if title:
        axes.set_title(title)
    return values


def _loss(axes, k, rows):
    axes.set_yscale("log")
    return _line(axes, k, [max(row.measures.lowest, 1e-300) for row in rows], "lowest loss (SSE)")


def _counts(axes, k, rows):
    _line(axes, k, [row.measures.minima for row in rows], "points found", label="minima")
    axes.set_yscale("symlog", linthresh=1.0)
    values = _line(axes, k, [row.measures.states for row in rows], "", colour=_SECOND, label="transition states")
    axes.legend(loc="upper left")
    axes.set_ylim(0.0, 20.0 * max(1.0, float(np.nanmax(values))))
    return values


def _funnels(axes, k, rows):
    _line(axes, k, [row.measures.funnels for row in rows], "funnels", colour=QUIET, label="all")
    values = _line(axes, k, [row.measures.competing for row in rows], "", label="competing")
    axes.legend(loc="upper left")
    axes.set_ylim(0.0, 1.4 * max(row.measures.funnels for row in rows))
    axes.yaxis.get_major_locator().set_params(integer=True)
    return values


def _frustration(axes, k, rows):
    values = [0.0 if np.isnan(row.measures.frustration) else row.measures.frustration for row in rows]
    return _line(axes, k, values, "frustration")


def _entropy(axes, k, rows):
    return _line(axes, k, [row.measures.entropy for row in rows], "landscape entropy")


def _agreement(axes, k, rows):
    axes.axhline(LEVEL, color=QUIET, linewidth=0.8, linestyle=":")
    pairs = [row.pairwise for row in rows]
    means, errors = [pair.value for pair in pairs], [pair.error for pair in pairs]
    _line(axes, k, means, "agreement (ARI)", errors, QUIET, "lowest 20, alike")
    values = _line(axes, k, [row.agreement for row in rows], "", label="by weight")
    axes.legend(loc="best")
    shown = [value for value in [*means, *values] if np.isfinite(value)]
    axes.set_ylim(min(0.2, min(shown) - 0.25), 1.06)
    return values


def _melting(axes, k, rows):
    axes.axhline(DETERMINED, color=QUIET, linewidth=0.8, linestyle=":")
    values = np.array([min(max(row.melting, 1e-5), _NEVER) for row in rows])
    never = np.array([np.isinf(row.melting) for row in rows])
    _line(axes, k, values, "melting temperature")
    axes.plot(k[never], values[never], "^", color=INK, markersize=7.0)
    if never.any():
        axes.annotate("never", (k[never][0], _NEVER), xytext=(-4.0, 7.0), textcoords="offset points", fontsize=7.0)
    axes.set_yscale("log")
    axes.set_ylim(0.4 * min(values.min(), DETERMINED), 5.0 * _NEVER)
    return values


def _reproducibility(axes, k, rows):
    shares = [row.starts.share if row.starts is not None else None for row in rows]
    values = np.array([np.nan if share is None else share.value for share in shares])
    errors = np.array([(0.0, 0.0) if s is None else (s.value - s.low, s.high - s.value) for s in shares]).T
    axes.set_ylim(-0.04, 1.08)
    return _line(axes, k, values, "starts that end in the lowest", errors)


def _silhouette(axes, k, rows):
    return _line(axes, k, [row.silhouette for row in rows], "silhouette", colour=_SECOND)


def _bic(axes, k, rows):
    return _line(axes, k, [row.bic for row in rows], "BIC (lowest is best)", colour=_SECOND)


def _gap(axes, k, gap):
    return _line(axes, k, gap.values, "gap statistic", gap.errors, _SECOND)


def _rise(axes, k, gap):
    axes.axhline(0.0, color=QUIET, linewidth=0.8, linestyle=":")
    return _line(axes, k, gap.drops, f"rise of the gap, {NEEDED:g} errors", NEEDED * gap.drop_errors, _SECOND)
