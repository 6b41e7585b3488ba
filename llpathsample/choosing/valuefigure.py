"""The figure of `choose`: measures of landscapes, and scores, over the values of a setting."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, CLASS_COLOURS, INK, QUIET, new_figure, readable, style
from llpathsample.choosing.values import Choice, Row, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SECOND = CLASS_COLOURS[0]
_WORDS = {"log_loss": "log loss", "mse": "mean squared error"}


def draw_choice_of_value(rows: list[Row], choice: Choice, measure: str) -> "Figure":
    """Up to nine panels over the values in their order. The recommended value is shaded, the best validation score
    ringed, with its standard error as a dotted line."""
    with style():
        draws = [_loss, _counts, _funnels, _frustration, _entropy]
        if any(row.agreement is not None for row in rows):
            draws.append(_agreement)
        if any(row.validation is not None for row in rows):
            draws.append(lambda axes, rows: _validation(axes, rows, choice, measure))
        if any(row.test is not None for row in rows):
            draws.append(lambda axes, rows: _test(axes, rows, measure))
        if any(row.test is not None and row.test.accuracy is not None for row in rows):
            draws.append(_accuracy)
        columns = 3
        lines = -(-len(draws) // columns)
        figure = new_figure(8.6, 2.3 * lines + 0.5)
        panels = figure.subplots(lines, columns, squeeze=False)
        for axes, draw in zip(panels.flat, draws, strict=False):
            draw(axes, rows)
            _values(axes, rows)
            if choice.recommended is not None:
                low, high = choice.recommended - 0.4, choice.recommended + 0.4
                axes.axvspan(low, high, color=ACCENT, alpha=0.13, linewidth=0.0)
        for axes in panels.flat[len(draws) :]:
            axes.set_visible(False)
        if choice.recommended is None:
            told = "no value is recommended"
        else:
            told = f"recommended: {readable(name_of(rows[choice.recommended]))} (shaded)"
        figure.suptitle(told, fontsize=10.0)
    return figure


def _values(axes: "Axes", rows: list[Row]) -> None:
    """The values under the axis, as they were given."""
    every = -(-len(rows) // 12)
    places = np.arange(0, len(rows), every)
    labels = [readable(", ".join(rows[place].setting.values.values())) for place in places.tolist()]
    turned = sum(map(len, labels)) > 30
    axes.set_xticks(places, labels, rotation=45 if turned else 0, ha="right" if turned else "center")
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_xlabel(readable(", ".join(key.partition(".")[2] for key in rows[0].setting.values)))


def _line(axes: "Axes", values: list, title: str, errors: list | None = None, colour: str = INK, label=None) -> None:
    """Values over their places; None is left out."""
    known = [place for place, value in enumerate(values) if value is not None and np.isfinite(value)]
    heights = [values[place] for place in known]
    axes.plot(known, heights, "o-", color=colour, markersize=4.0, label=label)
    if errors is not None:
        drawn = [errors[place] if errors[place] is not None and np.isfinite(errors[place]) else 0.0 for place in known]
        axes.errorbar(known, heights, drawn, fmt="none", ecolor=colour, elinewidth=1.0, capsize=2.0)
    if title:
        axes.set_title(title)
    if not known and label is None:
        _say(axes, "no value has any")


def _say(axes: "Axes", text: str) -> None:
    """Words in an empty panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET, fontsize=8.0)
    axes.set_yticks([])


def _measured(rows: list[Row], name: str) -> list:
    return [None if row.measures is None else getattr(row.measures, name) for row in rows]


def _loss(axes, rows):
    _line(axes, _measured(rows, "lowest"), "lowest training loss")


def _counts(axes, rows):
    _line(axes, _measured(rows, "minima"), "points found", label="minima")
    states = _measured(rows, "states")
    _line(axes, states, "", colour=_SECOND, label="transition states")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(0.0, 8.0 * max(1, *(count or 1 for count in states)))
    axes.legend(loc="upper left")


def _funnels(axes, rows):
    funnels = _measured(rows, "funnels")
    _line(axes, funnels, "funnels", colour=QUIET, label="all")
    _line(axes, _measured(rows, "competing"), "", label="competing")
    axes.set_ylim(0.0, 1.5 * max(count or 1 for count in funnels))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left")


def _frustration(axes, rows):
    # Without a second minimum there is nothing to be frustrated by.
    values = [0.0 if value is not None and np.isnan(value) else value for value in _measured(rows, "frustration")]
    _line(axes, values, "frustration")


def _entropy(axes, rows):
    _line(axes, _measured(rows, "entropy"), "landscape entropy")


def _agreement(axes, rows):
    def drawn(agreements, colour, label):
        values = [None if one is None else one.value for one in agreements]
        errors = [None if one is None else one.error for one in agreements]
        _line(axes, values, "agreement of low minima", errors, colour, label)

    drawn([row.agreement for row in rows], INK, "training rows")
    if any(row.test is not None for row in rows):
        drawn([None if row.test is None else row.test.agreement for row in rows], _SECOND, "test rows")
    if any(row.agreement is not None and row.agreement.pairs for row in rows):
        axes.legend()
    else:
        _say(axes, "no value has two minima")


def _validation(axes, rows, choice: Choice, measure: str):
    values = [None if row.validation is None else row.validation.value for row in rows]
    errors = [None if row.validation is None else row.validation.error for row in rows]
    _line(axes, values, f"validation {_WORDS[measure]}", errors)
    if choice.best is not None:
        top = rows[choice.best].validation
        axes.scatter(
            [choice.best], [top.value], s=90.0, facecolors="none", edgecolors=ACCENT, linewidths=1.6, zorder=4
        )
        if np.isfinite(top.error):
            axes.axhline(top.value + top.error, color=QUIET, linewidth=0.8, linestyle=":")


def _test(axes, rows, measure: str):
    _scores(axes, rows, f"test {_WORDS[measure]}", "measure", "of_low")


def _accuracy(axes, rows):
    _scores(axes, rows, "test accuracy", "accuracy", "accuracy_of_low")


def _scores(axes, rows, title: str, lowest: str, low: str):
    """The global minimum's score with its error, and mean and deviation over the lowest minima."""
    for name, colour, label in ((low, QUIET, "lowest minima"), (lowest, INK, "global minimum")):
        scores = [None if row.test is None else getattr(row.test, name) for row in rows]
        values = [None if one is None else one.value for one in scores]
        errors = [None if one is None else one.error for one in scores]
        _line(axes, values, title, errors, colour, label)
    axes.legend()
