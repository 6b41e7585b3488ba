"""Figures of paths, first-passage times and groupings."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, CLASS_COLOURS, INK, QUIET, new_figure, set_loss_axis, style
from llpathsample.kinetics.passage import grid
from llpathsample.kinetics.paths import FastestPaths, KineticPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from llpathsample.groupscan import GroupedRates
    from llpathsample.kinetics.montecarlo import Simulated
    from llpathsample.kinetics.passage import Spectrum
    from llpathsample.kinetics.propagation import Propagated

MOST_PANELS = 6
_MOST_CURVES = 5
_FRACTION = np.linspace(0.0, 1.0, 24, endpoint=False)
_LABELLED_STEPS = 12
_LN10 = np.log(10.0)


def draw_fastest_paths(results: list[FastestPaths], losses: np.ndarray, ts_losses: np.ndarray) -> "Figure":
    """Losses along the paths of the largest contributions, a panel for each temperature (at most MOST_PANELS), and grey
    behind them the path whose highest TS is lowest. losses (n,), ts_losses (m,): of the ids in the paths."""
    results = results[:MOST_PANELS]
    shown = [path for result in results for path in (*result.paths[:_MOST_CURVES], result.lowest)]
    points = np.concatenate([_points(path, losses, ts_losses) for path in shown])
    longest = max(len(path.states) for path in shown)
    height = float(np.ptp(points)) or max(abs(float(points[0])), 1.0)
    with style():
        columns = min(len(results), 2)
        rows = -(-len(results) // columns)
        width = float(np.clip(2.4 + 0.5 * longest, 4.4, 7.4))
        figure = new_figure(min(width * columns, 7.4), 2.9 * rows + 0.3)
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for axes, result in zip(panels, results, strict=False):
            label = "loss" if axes.get_subplotspec().is_first_col() else ""
            set_loss_axis(axes, points.min() - 0.14 * height, points.max() + 0.14 * height, label)
            _draw_panel(axes, result, losses, ts_losses)
            axes.set_xlim(-0.3, longest + 0.3)
            if len(results) > 1:
                axes.set_title(f"T = {result.temperature:.4g}", loc="left")
        for axes in panels[len(results) :]:
            axes.set_visible(False)
        figure.supxlabel("steps from B to A: minima filled, transition states open", fontsize=9.0)
    return figure


def _points(path: KineticPath, losses: np.ndarray, ts_losses: np.ndarray) -> np.ndarray:
    points = np.empty(len(path.minima) + len(path.states))
    points[0::2], points[1::2] = losses[path.minima], ts_losses[path.states]
    return points


def _draw_panel(axes: "Axes", result: FastestPaths, losses: np.ndarray, ts_losses: np.ndarray) -> None:
    paths = result.paths[:_MOST_CURVES]
    curves = [(result.lowest, "#BBBBBB", "lowest barrier", 3.0)]
    for rank, path in enumerate(paths):
        share = path.log_contribution if np.isnan(path.log_with_returns) else path.log_with_returns
        colour = INK if rank == 0 else CLASS_COLOURS[rank - 1]
        curves.append((path, colour, f"{rank + 1}: {_percent(share - result.log_rate)}", 1.4 if rank == 0 else 0.9))
    for order, (path, colour, label, width) in enumerate(curves):
        points = _points(path, losses, ts_losses)
        level = 2 * len(curves) - order if order else 0
        axes.plot(*_curve(points), color=colour, linewidth=width, label=label, zorder=1 + level)
        if order:
            steps = 0.5 * np.arange(points.size)
            axes.scatter(steps[0::2], points[0::2], s=9.0, color=colour, zorder=1.4 + level)
            hollow = {"facecolor": "white", "edgecolor": colour, "linewidth": 0.8}
            axes.scatter(steps[1::2], points[1::2], s=9.0, zorder=1.4 + level, **hollow)
    best = paths[0] if paths else result.lowest
    points = _points(best, losses, ts_losses)
    top = 2 * best.states.index(best.highest) + 1
    axes.scatter(0.5 * top, points[top], s=16.0, color=ACCENT, zorder=30)
    _label(axes, best.highest, 0.5 * top, points[top], above=True, colour=ACCENT)
    named = range(len(best.minima)) if len(best.minima) <= _LABELLED_STEPS else (0, len(best.minima) - 1)
    for step in named:
        _label(axes, best.minima[step], float(step), points[2 * step], above=False, colour=QUIET)
    # Under the curves nothing is drawn on a path that ends low; the highest points are in the middle.
    alone = any(np.isnan(path.log_with_returns) for path in paths)
    title = "share of $k_{SS}$" if alone else "share of $k_{SS}$, with returns"
    axes.legend(loc="best", title=title, title_fontsize=8.0)


def _label(axes: "Axes", number: int, x: float, y: float, above: bool, colour: str) -> None:
    from matplotlib.patheffects import withStroke

    axes.annotate(
        str(number), (x, y), xytext=(0.0, 4.0 if above else -4.0), textcoords="offset points", ha="center",
        va="bottom" if above else "top", fontsize=7.0, color=colour, zorder=31,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )  # fmt: skip


def _curve(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and losses of pieces of cubics that are level at both ends, as stationary points are."""
    rise = _FRACTION**2 * (3.0 - 2.0 * _FRACTION)
    curve = points[:-1, None] + (points[1:] - points[:-1])[:, None] * rise
    fine = 0.5 * (np.arange(points.size - 1)[:, None] + _FRACTION)
    return np.append(fine.ravel(), 0.5 * (points.size - 1)), np.append(curve.ravel(), points[-1])


def _percent(logarithm: float) -> str:
    value = 100.0 * float(np.exp(logarithm))
    return f"{value:.0f} %" if value >= 99.95 else f"{value:.2g} %"


def draw_grouping(found: list["GroupedRates"], kind: str, log_rate: float) -> "Figure":
    """Numbers of groups, and what grouping makes of ln k_SS from B to A (whose exact value is `log_rate`, NaN without
    sets), by the threshold."""
    thresholds = [result.threshold for result in found]
    counts = [len(result.groups.free_energies) for result in found]
    errors = [result.log_forth - log_rate for result in found]
    names = {"loss": "largest loss of transition states", "rate": "least rate", "free-energy": "largest barrier"}
    with style():
        with_rates = bool(np.isfinite(errors).any())
        figure = new_figure(4.4, 5.0 if with_rates else 3.0)
        panels = np.atleast_1d(figure.subplots(2 if with_rates else 1, 1, sharex=True))
        panels[0].plot(thresholds, counts, color=INK, marker="o", markersize=3.0)
        panels[0].set_yscale("log")
        panels[0].set_ylabel("groups")
        if with_rates:
            panels[1].axhline(0.0, color=QUIET, linewidth=0.8)
            panels[1].plot(thresholds, errors, color=ACCENT, marker="o", markersize=3.0)
            panels[1].set_ylabel(r"error of $\ln k_{SS}$")
        if kind == "rate":
            panels[-1].set_xscale("log")
        panels[-1].set_xlabel(names[kind])
    return figure


def draw_first_passage(found: list[tuple[float, "Spectrum | Propagated", "Simulated | None"]]) -> "Figure":
    """Distributions of ln t, one for each temperature, with what was simulated as histograms; of a single temperature
    also the exponential distribution of the same mean, dashed."""
    with style():
        from matplotlib import colormaps

        figure = new_figure(5.6, 3.4)
        axes = figure.add_subplot()
        colours = [INK] if len(found) == 1 else colormaps["viridis"](np.linspace(0.0, 0.85, len(found)))
        labelled = set(np.unique(np.linspace(0, len(found) - 1, min(len(found), 8)).round().astype(int)).tolist())
        for number, ((temperature, spectrum, simulated), colour) in enumerate(zip(found, colours, strict=True)):
            times = grid(spectrum)
            shift = spectrum.log_unit
            label = f"T = {temperature:.4g}" if number in labelled else None
            axes.plot((np.log(times) + shift) / _LN10, spectrum.density(times), color=colour, label=label)
            if simulated is not None and len(simulated.times):
                bins = np.log(grid(spectrum, 31))
                heights, _ = np.histogram(np.log(simulated.times), bins)
                heights = heights / (len(simulated.steps) * np.diff(bins))
                filled = len(found) == 1
                look = {"alpha": 0.25, "fill": True} if filled else {"alpha": 0.6, "linewidth": 0.6}
                axes.stairs(heights, (bins + shift) / _LN10, color=colour, **look)
            if len(found) == 1:
                exponential = times * np.exp(-times)
                dashed = {"color": QUIET, "linewidth": 0.8, "linestyle": (0, (4, 3))}
                axes.plot((np.log(times) + shift) / _LN10, exponential, label="exponential, same mean", **dashed)
                axes.axvline(shift / _LN10, color=ACCENT, linewidth=0.8, label="mean")
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("$\\log_{10}$ first-passage time")
        axes.set_ylabel("probability density in $\\ln t$")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)
    return figure
