"""The command `basins` of llpathsample: monotonic sequence basins and funnels."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save


@click.command()
@file_argument()
@output_option("Figure of the bottoms: svg, pdf or png.")
@force_option()
@click.option(
    "--descent",
    type=click.Choice(["loss", "barrier"]),
    default="loss",
    show_default=True,
    help="Where a sequence goes on: to the lowest neighbour, or over the lowest transition state that leads down.",
)
@click.option("--minima", "by_minimum", is_flag=True, help="Write the basin of each minimum in place of the bottoms.")
@click.option(
    "--pairs",
    type=click.IntRange(2),
    metavar="N",
    help="Write the barriers between the N lowest bottoms in place of the table.",
)
@click.option("--threshold", type=float, metavar="LOSS", help="Count the superbasins at this loss, too.")
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@json_option()
@verbose_option()
@quiet_option()
def basins(file: Path, output, force, descent, by_minimum, pairs, threshold, title, as_json) -> None:
    """List the monotonic sequence basins of the landscape FILE, and count its funnels.

    A bottom is a minimum that no transition state joins to a lower one; its basin are the minima whose sequence of
    lower and lower neighbours ends there. The table has a row for each bottom: how high is the lowest way out of its
    basin (exit) and to any lower minimum (escape), and the barrier to the latter in units of the typical step down.
    """
    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.structure.funnels import basins_of

    if by_minimum and pairs is not None:
        raise ConfigError("--minima and --pairs ask for two tables; give one of them")
    check_figure(output, force)
    landscape = read_landscape(file, points=False)
    require_minima(landscape, file)
    losses, states = landscape.minima.loss, landscape.transition_states
    found = basins_of(losses, states.loss, states.minima, descent)
    summary = summary_of(found, losses, states, threshold)
    if by_minimum:
        columns = _minima(found)
    elif pairs is not None:
        columns = _pairs(found, losses, states, pairs)
    else:
        columns = _bottoms(found, losses)
    write_table(columns, as_json, {"descent": descent, **summary})
    _tell(found, file, summary)
    if output is not None:
        from llpathsample.structure.basinfigure import draw_basins

        save(draw_basins(found, losses, title), output)


def summary_of(found, losses, states, threshold: float | None = None) -> dict:
    """Counts of basins and funnels, for documents."""
    import numpy as np

    from llpathsample.structure.funnels import RATIOS, superbasins

    summary = {
        "minima": len(losses),
        "basins": len(found.bottom),
        "components": len(np.unique(found.component)),
        "typical_step": found.step,
        "funnels_by_barrier_ratio": {f"{ratio:g}": found.funnels(ratio) for ratio in RATIOS},
    }
    if threshold is not None:
        labels = superbasins(losses, states.loss, states.minima, threshold)
        summary["threshold"] = threshold
        summary["superbasins_at_threshold"] = int(labels.max(initial=-1)) + 1
        summary["minima_below_threshold"] = int((labels >= 0).sum())
    return summary


def _bottoms(found, losses) -> list[Column]:
    bottom = found.bottom
    return [
        Column("bottom", "", bottom),
        Column("loss", "", losses[bottom]),
        Column("minima", "", found.size),
        Column("exit", "", found.exit),
        Column("depth", "", found.exit - losses[bottom]),
        Column("escape", "", found.escape),
        Column("escape_barrier", "", found.escape - losses[bottom]),
        Column("barrier_ratio", "", found.ratio),
        Column("escapes_to", "", [None if other < 0 else other for other in found.over.tolist()]),
        Column("component", "", found.component),
    ]


def _minima(found) -> list[Column]:
    import numpy as np

    return [Column("id", "", np.arange(len(found.labels))), Column("basin", "", found.labels)]


def _pairs(found, losses, states, most: int) -> list[Column]:
    import numpy as np

    from llpathsample.structure.funnels import barriers_between

    chosen = found.bottom[:most]
    barriers = barriers_between(losses, states.loss, states.minima, chosen)
    first, second = np.triu_indices(len(chosen), 1)
    a, b, height = chosen[first], chosen[second], barriers[first, second]
    return [
        Column("a", "", a),
        Column("b", "", b),
        Column("highest_ts", "", height),
        Column("barrier_from_a", "", height - losses[a]),
        Column("barrier_from_b", "", height - losses[b]),
    ]


def _tell(found, file: Path, summary: dict) -> None:
    basins, parts = summary["basins"], summary["components"]
    log(f"{_many(basins, 'basin')} of {_many(summary['minima'], 'minimum')} in {_many(parts, 'component')}")
    if summary["typical_step"] != summary["typical_step"]:
        log(f"note: no transition state of {file} joins two minima, so each is a bottom; there is no barrier ratio")
        return
    counts = ", ".join(f"{count} of {ratio}" for ratio, count in summary["funnels_by_barrier_ratio"].items())
    log(f"funnels by the least barrier ratio: {counts}")
    if "threshold" in summary:
        count, below = summary["superbasins_at_threshold"], summary["minima_below_threshold"]
        log(f"{count} superbasins of the {below} minima below {summary['threshold']:g}")


def _many(count: int, name: str) -> str:
    plural = "minima" if name == "minimum" else name + "s"
    return f"{count} {name if count == 1 else plural}"
