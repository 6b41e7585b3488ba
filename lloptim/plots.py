"""Figures of lloptim: the profile of a path."""

from pathlib import Path

from llcommon.plotting import ACCENT, INK, figure_format, new_figure, save_figure, set_loss_axis, style
from lloptim.pathway import Pathway


def draw_pathway(pathway: Pathway, path: Path, *, title: str, y_label: str = "loss") -> None:
    """Draw loss against arc length, the transition state marked, to an svg, pdf or png file.

    Errors: ConfigError for another suffix, OutputError if the file cannot be written.
    """
    figure_format(path)
    with style():
        figure = new_figure(5.5, 3.8)
        axes = figure.add_subplot()
        axes.plot(pathway.arc_length, pathway.losses, color=INK, linewidth=1.3)
        top = pathway.losses.max()
        axes.plot([0.0], [top], marker="o", color=ACCENT, markersize=5, zorder=3)
        axes.plot(pathway.arc_length[[0, -1]], pathway.losses[[0, -1]], "o", color=INK, markersize=4)
        margin = 0.06 * (top - pathway.losses.min())
        set_loss_axis(axes, pathway.losses.min() - margin, top + margin, y_label, bottom=True)
        axes.set_xlabel("arc length from the transition state (coordinate distance)")
        axes.set_title(title)
        save_figure(figure, path)
