"""The figure of `robustness`: each measure beside a test score, and the change of the loss over the radius."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import CLASS_COLOURS, INK, QUIET, new_figure, readable, style
from llpathsample.robustness.correlations import Correlation
from llpathsample.robustness.examine import Plan, Robustness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_WIDE, _HIGH = 2.45, 2.15
_MOST_TICKS = 6
LABELS = {
    "loss": "training loss",
    "norm": "length of the weights |w|",
    "lpphe": "LPPHE",
    "trace": "tr H",
    "largest_eigenvalue": "largest eigenvalue",
    "effective_dimension": "effective dimension",
    "condition_number": "condition number",
    "soft_modes": "soft modes",
    "relative_trace": r"relative trace  $\sum w_i^2 D_{ii}$",
    "relative_curvature": r"relative curvature  $w^{T}\!D\,w$",
}


def measure_label(name: str) -> str:
    """A measure as an axis names it."""
    kind, _, radius = name.partition("_")
    if kind == "expected":
        return f"mean change, p = {radius}"
    if kind == "worst":
        return f"worst change, p = {radius}"
    return LABELS[name]


def draw_robustness(
    found: list[Robustness],
    plan: Plan,
    loss: np.ndarray,
    measures: dict[str, np.ndarray],
    score: tuple[str, np.ndarray] | None,
    correlations: list[Correlation],
    title: str | None = None,
) -> "Figure":
    """A panel for each measure beside the score, with rho and its interval, and one of changes over the radius.

    loss: (n,), the colour. measures: (n,) each. score: its name and (n,), None for the last panel alone.
    """
    shown = _shown(measures, plan) if score is not None else []
    columns = min(_COLUMNS, len(shown) + 1)
    rows = -(-(len(shown) + 1) // columns)
    size = (_WIDE * columns + 0.7, _HIGH * rows + 0.3) if shown else (5.0, 3.8)
    figure = new_figure(*size)
    with style():
        grid = figure.add_gridspec(rows, columns)
        cells = [(number // columns, number % columns) for number in range(len(shown) + 1)]
        by_name = {row.measure: row for row in correlations if score is not None and row.score == score[0]}
        points = None
        for cell, name in zip(cells, shown, strict=False):
            axes = figure.add_subplot(grid[cell])
            points = _scatter(axes, name, measures[name], score[1], loss, by_name.get(name))
            axes.tick_params(labelleft=cell[1] == 0)
            if cell[1] == 0:
                axes.set_ylabel(_score_label(score[0]))
        row, column = cells[-1]
        _changes(figure.add_subplot(grid[row, column:]), found, plan, loss)
        if points is not None:
            bar = figure.colorbar(points, ax=figure.axes, shrink=0.5, pad=0.01, aspect=30)
            bar.set_label("training loss")
            bar.outline.set_visible(False)
        if title:
            figure.suptitle(readable(title))
    return figure


def _shown(measures: dict[str, np.ndarray], plan: Plan) -> list[str]:
    """Names of the measures that have a panel: changes at the two largest radii only, as those at smaller ones go with
    the trace and the largest eigenvalue."""
    small = [f"{kind}_{radius:g}" for radius in plan.radii[:-2] for kind in ("expected", "worst")]
    return [name for name in measures if name not in small]


def _score_label(name: str) -> str:
    """`test accuracy`, or `accuracy, noise 0.5`, which may be that of training rows."""
    name, noisy, sigma = name.partition("_noise_")
    text = {"auc": "AUC", "r2": "$R^2$"}.get(name, name.replace("_", " "))
    return f"{text}, noise {sigma}" if noisy else f"test {text}"


def _scatter(
    axes: "Axes", name: str, values: np.ndarray, score: np.ndarray, loss: np.ndarray, row: Correlation | None
):
    known = np.isfinite(values) & np.isfinite(score)
    label = measure_label(name)
    exponent = _exponent(values[known])
    if exponent:
        values = values / 10.0**exponent
        label += rf"  [$10^{{{exponent}}}$]"
    points = axes.scatter(
        values[known], score[known], c=loss[known], s=14, cmap="viridis", alpha=0.85, linewidths=0.0,
        rasterized=known.sum() > 2000,
    )
    if known.any() and values[known].min() > 0.0 and values[known].max() > 20.0 * values[known].min():
        axes.set_xscale("log")
    else:
        axes.locator_params(axis="x", nbins=4, integer=bool(np.all(values[known] == np.round(values[known]))))
    axes.set_xlabel(label)
    if row is not None and np.isfinite(row.rho.value):
        text = f"ρ = {row.rho.value:+.2f}  [{row.rho.low:+.2f}, {row.rho.high:+.2f}]".replace("-", "\N{MINUS SIGN}")
        colour, weight = (INK, "bold") if row.decided else (QUIET, "normal")
        axes.set_title(text, fontsize=8.5, color=colour, fontweight=weight)
    return points


def _exponent(values: np.ndarray) -> int:
    """The power of ten that small or large values are to be divided by, 0 for ordinary ones."""
    largest = float(np.abs(values).max(initial=0.0))
    return 0 if largest == 0.0 or 1e-2 <= largest < 1e5 else int(np.floor(np.log10(largest)))


def _changes(axes: "Axes", found: list[Robustness], plan: Plan, loss: np.ndarray) -> None:
    """Mean and worst change over the radius of the lowest, the flattest and the sharpest minimum; lines by the Hessian,
    marks measured."""
    known = [place for place, one in enumerate(found) if one.changes]
    if not known:
        axes.set_axis_off()
        return
    traces = np.array([found[place].curvature.trace.value for place in known])
    chosen = {
        "lowest": known[int(np.argmin(loss[known]))],
        "flattest": known[int(np.argmin(traces))],
        "sharpest": known[int(np.argmax(traces))],
    }
    radii = np.array(plan.radii)
    for place, colour in zip(dict.fromkeys(chosen.values()), CLASS_COLOURS, strict=False):
        one = found[place]
        label = ", ".join(name for name, other in chosen.items() if other == place)
        for kind, marker, line in (("expected", "o", "-"), ("worst", "^", "--")):
            quadratic = np.array([getattr(change, f"{kind}_quadratic") for change in one.changes])
            measured = np.array([getattr(change, kind) for change in one.changes])
            axes.plot(radii, quadratic, line, color=colour, linewidth=0.9, alpha=0.8)
            fine = np.isfinite(measured) & (measured > 0.0)
            axes.plot(
                radii[fine], measured[fine], marker, color=colour, markersize=4.5, markerfacecolor="none",
                label=f"{label} ({one.minimum})" if kind == "expected" else None,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(radii) <= _MOST_TICKS:
        # Ticks at the radii themselves: within one decade the logarithmic ones would run into each other.
        axes.set_xticks(radii, [f"{radius:g}" for radius in radii])
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("radius p" + (" / |w|" if plan.relative else ""))
    axes.set_ylabel("change of the loss")
    axes.plot([], [], "o-", color=QUIET, markersize=4, markerfacecolor="none", label="mean; line: by H")
    axes.plot([], [], "^--", color=QUIET, markersize=4, markerfacecolor="none", label="worst; line: by H")
    axes.legend(fontsize=6.5, handlelength=1.6, borderaxespad=0.2)
