"""The figure of `linear-path`: the loss along every line, those on which it rises marked."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, INK, QUIET, new_figure, readable, style
from llcommon.status import Status
from llgmin.linearity import Line
from llgmin.linearpaths import END, Share, TrainedLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_LEVELS = (-0.1, 1.4)  # what the vertical axis shows at least, in units of the difference of the ends
_MOST_LEVELS = (-2.0, 5.0)
_MOST_POINTS = 41
TARGETS = {END: "to the end of training", "minimum": "to the minimum below"}


def draw_linear_paths(
    lines: list[TrainedLine], shares: list[Share], nearly: float, title: str | None = None
) -> "Figure":
    """A panel for each kind of run and each of its two lines: loss less that of the end, in units of their difference,
    over t. Pale: monotonic; orange: a rise above `nearly`, with its top marked; grey: a smaller one."""
    kinds = list(dict.fromkeys(share.kind for share in shares))
    blocks = -(-len(kinds) // _COLUMNS)
    columns = -(-len(kinds) // blocks)
    figure = new_figure(2.6 * columns + 0.6, 2.3 * 2 * blocks + 0.3)
    with style():
        places = figure.subplots(2 * blocks, columns, sharex=True, sharey=True, squeeze=False)
        for axes in places.ravel():
            axes.set_axis_off()
        for number, share in enumerate(shares):
            block, column = divmod(number // 2, columns)
            axes = places[2 * block + number % 2, column]
            axes.set_axis_on()
            own = [one for one in lines if one.kind == share.kind and one.to == share.to]
            _panel(axes, own, share, nearly)
            if column == 0:
                axes.set_ylabel("(loss − end) / (start − end)")
            axes.tick_params(labelbottom=True)
        for axes in places[-1]:
            axes.set_xlabel("t, share of the way")
        low, high = _range(lines)
        places[0, 0].set_ylim(low, high)
        places[0, 0].set_xlim(-0.02, 1.02)
        if title:
            figure.suptitle(readable(title))
    return figure


def _shown(line: Line) -> np.ndarray:
    """Points of a line to draw, by their places: enough for the eye, and all ends of rises."""
    ends = [end for bump in line.bumps for end in (bump.begin, bump.end)]
    even = np.linspace(0.0, 1.0, _MOST_POINTS)
    return np.unique(np.searchsorted(line.t, np.concatenate([even, ends])))


def _scaled(one: TrainedLine, losses: np.ndarray) -> np.ndarray:
    """Losses less that of the end, in units of the difference of the ends."""
    last, drop = one.line.losses[-1], abs(one.line.losses[0] - one.line.losses[-1])
    return (losses - last) / (drop if drop > 0.0 else 1.0)


def _range(lines: list[TrainedLine]) -> tuple[float, float]:
    """What the vertical axis shows."""
    values = np.concatenate([[0.0], *(_scaled(one, one.line.losses) for one in lines)])
    values = values[np.isfinite(values)]
    low = max(min(_LEVELS[0], 1.1 * float(values.min())), _MOST_LEVELS[0])
    return low, min(max(_LEVELS[1], 1.05 * float(values.max())), _MOST_LEVELS[1])


def _panel(axes: "Axes", lines: list[TrainedLine], share: Share, nearly: float) -> None:
    axes.set_title(f"{share.kind.optimiser}, {share.kind.initialisation} starts\n{TARGETS[share.to]}", fontsize=8.5)
    axes.axhline(0.0, color=QUIET, linewidth=0.5)
    decided = [one for one in lines if one.line.status is Status.CONVERGED]
    # Counter-examples above the others, the largest on top.
    for one in sorted(decided, key=lambda one: one.line.height):
        line = one.line
        marked = not line.monotonic and line.relative_height > nearly
        colour, strength = (ACCENT, 0.9) if marked else ("#7AA6C2" if line.monotonic else QUIET, 0.45)
        shown = _shown(line)
        values = _scaled(one, line.losses[shown])
        axes.plot(line.t[shown], values, color=colour, linewidth=1.0 if marked else 0.7, alpha=strength)
        if marked:
            top = line.losses[np.searchsorted(line.t, line.rise_to)]
            axes.plot(line.rise_to, _scaled(one, np.array([top])), "v", color=INK, markersize=4, zorder=3)
    if share.monotonic is None:
        axes.text(0.97, 0.95, "no line", transform=axes.transAxes, ha="right", va="top", fontsize=8, color=QUIET)
        return
    count = share.lines - len(share.heights)
    found = share.monotonic
    text = f"monotonic {count} of {share.lines}\n[{found.low:.0%}, {found.high:.0%}]"
    axes.text(0.97, 0.95, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)
