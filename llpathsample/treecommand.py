"""The command `tree` of llpathsample: the disconnectivity graph, as a figure, a page, or numbers."""

import math
from pathlib import Path

import click

from llcommon.cli import (
    file_argument,
    force_option,
    log,
    output_option,
    quiet_option,
    trust_option,
    verbose_option,
    write_json,
)
from llpathsample.treeoptioncommands import picture_options, tree_options

_PAGES = (".html", ".htm")
_MOST_LEAVES = 200_000  # that browsers draw in a fifth of a second


@click.command()
@file_argument()
@output_option(
    "Figure (svg, pdf or png), interactive page (html) or .json file; without it JSON goes to standard output."
)
@force_option()
@tree_options
@picture_options
@click.option("--properties", is_flag=True, help="List the names of the properties, and draw nothing.")
@trust_option()
@verbose_option()
@quiet_option()
def tree(file: Path, output, force, properties, **options) -> None:
    """Draw the disconnectivity graph of the landscape FILE.

    Branches join where transition states do, and end at the losses of their minima. A page shows what is under the
    pointer, zooms and colours by any property, without a network.
    """
    from llcommon.filecommands import checked_id
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.properties import property_names

    as_figure = _check_output(output, force, options)
    # Points tell which minimum of this file is one of another file's.
    landscape = read_landscape(file, points=any(path != file for path in options["runs"]))
    require_minima(landscape, file)
    labels = _labels(landscape, file, options["labels"])
    for minimum in options["highlight"]:
        checked_id(landscape, minimum, file)
    if properties:
        click.echo("\n".join(property_names(landscape)))
        return
    if as_figure:
        _draw(landscape, file, output, options, labels)
        return
    drawn, colours, along = _one_tree(landscape, file, options)
    if output is None or output.suffix.lower() == ".json":
        _write_json(drawn, colours, output)
    else:
        _write_page(landscape, drawn, colours, along, file, output, options)
    if output is not None:
        log(f"{drawn.leaves.size} of {len(landscape.minima)} minima drawn in {output}")
    _tell_of_others(drawn, landscape, options)


def _tell_of_others(drawn, landscape, options) -> None:
    """Say how many minima are not drawn for no other reason than that nothing connects them."""
    left_out = len(landscape.minima) - drawn.leaves.size
    choosing = ("lowest", "only", "monotonic", "min_connections", "thresholds", "along")
    if left_out and options["highest_ts"] is None and not any(options[name] for name in choosing):
        log(f"note: {left_out} minima are not connected to those drawn; --unconnected draws them, too")


def _check_output(output: Path | None, force: bool, options) -> bool:
    """Whether a figure is to be written; ConfigError for an option that the output has no use for."""
    from llcommon.errors import ConfigError
    from llcommon.store import check_writable

    suffix = "" if output is None else output.suffix.lower()
    as_figure = output is not None and suffix not in (".json", *_PAGES)
    if as_figure and suffix not in (".svg", ".pdf", ".png"):
        raise ConfigError(f"{output}: trees are written as .svg, .pdf, .png, .html or .json, end the name so")
    if options["exact"] and options["thresholds"] is not None:
        raise ConfigError("--exact and --thresholds exclude each other; leave one out")
    if options["highest_ts"] is not None and math.isnan(options["highest_ts"]):
        raise ConfigError("--highest-ts is nan, above which nothing is; name a loss")
    if not as_figure and (options["beside"] or options["runs"]):
        raise ConfigError("--beside and --runs need a figure: name an .svg, .pdf or .png by -o")
    if output is not None:
        check_writable(output, force)
    return as_figure


def _one_tree(landscape, file: Path, options, thresholds=None):
    """The tree that the options ask for, what colours it (a Property or None), and what it stands along (likewise)."""
    from llcommon.filecommands import checked_id
    from llpathsample.properties import property_of
    from llpathsample.tree import superbasin_tree

    colours = along = None
    if options["colour"] is not None:
        colours = property_of(landscape, options["colour"], options["temperature"])
        _tell_of_missing(colours)
    if options["along"] is not None:
        along = property_of(landscape, options["along"], options["temperature"])
    only = _chosen(landscape, options["only"], along)
    ladder = options["thresholds"] if thresholds is None else thresholds
    drawn = superbasin_tree(
        landscape.minima.loss,
        landscape.transition_states.loss,
        landscape.transition_states.minima,
        root=None if options["root"] is None else checked_id(landscape, options["root"], file),
        levels=None if options["exact"] else options["levels"],
        thresholds=ladder,
        highest_ts=options["highest_ts"],
        lowest=options["lowest"],
        only=only,
        monotonic=options["monotonic"],
        min_connections=options["min_connections"],
        unconnected=options["unconnected"],
        straight_trunk=not options["centred"],
    )
    if along is not None:
        drawn = drawn.along(along.values, options["superbasins"])
    return drawn, colours, along


def _tell_of_missing(found) -> None:
    missing = int((~found.known).sum())
    if missing:
        log(f"note: {missing} of {found.values.size} minima have no {found.name}; branches above them are black")


def _chosen(landscape, rule: str | None, along):
    """Ids of the minima to draw, None for all; those without a place on the horizontal axis are left out."""
    import numpy as np

    from llcommon.errors import InputError
    from llpathsample.growoptions import without_file
    from llpathsample.sets import members_of

    ids = None if rule is None else members_of(landscape, without_file(rule), "", "--only")
    if along is None:
        return ids
    known = np.flatnonzero(along.known)
    if not known.size:
        raise InputError(f"no minimum has a value of {along.name}, which --x needs")
    missing = len(landscape.minima) - known.size
    if missing:
        log(f"note: {missing} of {along.values.size} minima have no {along.name} and are not drawn")
    return known if ids is None else np.intersect1d(ids, known)


def _labels(landscape, file: Path, labels) -> tuple[list[int], bool]:
    """The ids to write, and whether all that have room are."""
    from llcommon.errors import ConfigError
    from llcommon.filecommands import checked_id

    ids = []
    for label in labels:
        if label == "all":
            continue
        if not label.isdecimal():
            raise ConfigError(f"--label {label} is neither the id of a minimum nor all")
        ids.append(checked_id(landscape, int(label), file))
    return ids, "all" in labels


def _draw(landscape, file: Path, output: Path, options, labels: tuple[list[int], bool]) -> None:
    """Write the figure, of one landscape or of two. labels: ids, and whether all that have room."""
    from dataclasses import replace

    from llcommon.plotting import save_figure
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.plots import Colours, Panel, draw_trees
    from llpathsample.runpaths import run_paths

    landscapes = [(file, landscape)]
    ids, every = labels
    thresholds = None
    if options["beside"] is not None:
        other = read_landscape(options["beside"], points=False)
        require_minima(other, options["beside"])
        landscapes.append((options["beside"], other))
        if not options["exact"] and options["thresholds"] is None:
            thresholds = _common_ladder(landscapes, options)
    stems = {path.stem for path, _ in landscapes}
    titles = {path: path.stem if len(stems) == len(landscapes) else str(path) for path, _ in landscapes}
    if len(landscapes) == 1:
        titles = {file: None}
    panels = []
    said = []
    x_label = None
    for path, shown in landscapes:
        drawn, colours, along = _one_tree(shown, path, options, thresholds)
        x_label = None if along is None else along.label
        given = None
        if colours is not None:
            given = Colours(colours.values, colours.label, colours.diverging, colours.names, options["scale"])
        panels.append(Panel(drawn, given, label_all=every, title=titles[path]))
        owner = f" of {path}" if len(landscapes) > 1 else ""
        said.append(f"{drawn.leaves.size} of {len(shown.minima)} minima{owner} drawn in {output}")
        _tell_of_others(drawn, shown, options)
    runs = []
    for path in options["runs"]:
        trained = landscape if path == file else read_landscape(path)
        runs += run_paths(landscape, trained, str(path))
    panels[0] = replace(panels[0], label_ids=ids, highlight_ids=options["highlight"], runs=runs)
    _tell_of_runs(panels[0])
    save_figure(draw_trees(panels, title=options["title"], x_label=x_label, size=options["size"]), output)
    for sentence in said:
        log(sentence)


def _tell_of_runs(panel) -> None:
    """Say how many runs lead to no minimum that is drawn."""
    drawn = set(panel.tree.minimum.tolist()) - {-1}
    lost = sum(not drawn.intersection(run.minima.tolist()) for run in panel.runs)
    if lost:
        log(f"note: {lost} of {len(panel.runs)} runs lead to no minimum that is drawn, and are left out")


def _common_ladder(landscapes, options):
    """Thresholds that serve all of the landscapes."""
    from llpathsample.ladders import round_ladder

    exact = {**options, "exact": True, "colour": None}
    trees = [_one_tree(shown, path, exact)[0] for path, shown in landscapes]
    low = min(float(drawn.loss.min()) for drawn in trees)
    high = max(float(drawn.loss.max()) for drawn in trees)
    return round_ladder(low, high, options["levels"])


def _write_json(drawn, colours, output: Path | None) -> None:
    """The tree as numbers; a property is the value of each leaf."""
    import json

    from llcommon.store import replace_file
    from llpathsample.tree import tree_as_json

    document = tree_as_json(drawn)
    if colours is not None:
        document["property"] = colours.label
        for node in document["nodes"]:
            if node["minimum"] is not None:
                known = bool(colours.known[node["minimum"]])
                value = colours.values[node["minimum"]].item()
                node["value"] = colours.names.get(value, value) if known else None
    if output is None:
        write_json(document)
        return
    text = json.dumps(document, indent=1)
    replace_file(output, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def _write_page(landscape, drawn, colours, along, file: Path, output: Path, options) -> None:
    """The interactive page, with all properties that are quick to have, and those that were asked for."""
    from llcommon.errors import ConfigError
    from llcommon.store import replace_file
    from llpathsample.properties import page_properties
    from llpathsample.treepage import tree_html

    for option in ("label", "highlight", "size"):
        if options["labels" if option == "label" else option]:
            raise ConfigError(f"--{option} is for figures; a page finds minima by their ids and fits its window")
    if drawn.leaves.size > _MOST_LEAVES:
        log(f"note: {drawn.leaves.size} leaves are many for a page, which may be slow; --lowest N draws fewer")
    asked = [found for found in (colours, along) if found is not None]
    text = tree_html(
        drawn,
        page_properties(landscape, asked, options["temperature"]),
        colour=None if colours is None else colours.name,
        scale=options["scale"],
        along=None if along is None else along.label,
        title=options["title"] or f"Disconnectivity graph of {file.name}",
        note=f"{drawn.leaves.size} of {len(landscape.minima)} minima, {len(landscape.transition_states)} "
        "transition states.",
    )
    replace_file(output, lambda temporary: temporary.write_text(text, encoding="utf-8"))
