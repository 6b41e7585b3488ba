"""Figures that only the report has."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, INK, new_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_over_loss(losses: np.ndarray, values: np.ndarray, label: str) -> "Figure":
    """A value of minima over their losses, (n,) each; the lowest minimum stands out."""
    with style():
        drawn = new_figure(4.8, 3.0)
        axes = drawn.add_subplot()
        size = float(np.clip(400.0 / np.sqrt(len(losses)) / 6.0, 2.0, 14.0))
        axes.scatter(losses, values, s=size, color=INK, alpha=0.6, edgecolors="none", rasterized=len(losses) > 2000)
        lowest = int(np.argmin(losses))
        axes.scatter(losses[lowest], values[lowest], s=26.0, color=ACCENT, zorder=3)
        axes.set_xlabel("loss")
        axes.set_ylabel(label)
    return drawn
