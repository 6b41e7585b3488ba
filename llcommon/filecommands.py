"""`list` and `show`: alike in all three programs, on any landscape file."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    json_option,
    quiet_option,
    verbose_option,
    write_properties,
    write_table,
)
from llcommon.errors import ConfigError

# --- list -------------------------------------------------------------------------------------


@click.command("list")
@file_argument()
@click.option("--ts", "kind", flag_value="ts", help="List transition states.")
@click.option("--pairs", "kind", flag_value="pairs", help="List the pairs of minima that were tried.")
@click.option(
    "--sort", type=click.Choice(["loss", "id"]), default="id", show_default=True, help="Order of the points."
)
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="Only the N points of lowest loss.")
@json_option()
@verbose_option()
@quiet_option()
def list_points(file: Path, kind: str | None, sort: str, lowest: int | None, as_json: bool) -> None:
    """List what a landscape FILE holds: its minima, or with --ts or --pairs something else.

    Losses, eigenvalues and LPPHE (the sum of ln of the positive Hessian eigenvalues) are in the
    units of the loss model.
    """
    if kind == "pairs" and (sort != "id" or lowest is not None):
        raise ConfigError("--pairs cannot be combined with --sort or --lowest, because pairs have no loss")
    from llcommon.store import read_landscape

    landscape = read_landscape(file, points=False)
    makers = {None: minimum_columns, "ts": transition_state_columns, "pairs": pair_columns}
    columns = makers[kind](landscape)
    if kind != "pairs":
        losses = landscape.minima.loss if kind is None else landscape.transition_states.loss
        columns = _select(columns, losses, sort, lowest)
    write_table(columns, as_json)


def _select(columns: list[Column], losses, sort: str, lowest: int | None) -> list[Column]:
    """The columns with the rows that were asked for, in that order."""
    import numpy as np

    rows = np.argsort(losses, kind="stable")[:lowest]
    if sort == "id":
        rows = np.sort(rows)
    return [Column(column.name, column.unit, np.asarray(column.values)[rows]) for column in columns]


def minimum_columns(landscape) -> list[Column]:
    """The table of minima. degree: number of transition states that lead to another minimum.

    Stored scores are further columns; NaN where a minimum has none.
    """
    import numpy as np

    minima = landscape.minima
    ends = landscape.transition_states.minima
    edges = ends[ends[:, 0] != ends[:, 1]]
    return [
        Column("id", "", np.arange(len(minima))),
        Column("loss", "", minima.loss),
        Column("lpphe", "", minima.lpphe),
        Column("order", "", minima.order),
        Column("visits", "", minima.visits),
        Column("rms", "", minima.rms),
        Column("smallest_eigenvalue", "", minima.smallest_eigenvalue),
        Column("degree", "", np.bincount(edges.ravel(), minlength=len(minima))),
        Column("eigenvalue_tolerance", "", minima.eigenvalue_tolerance),
        Column("lpphe_error", "", minima.lpphe_error),
        *_score_columns(landscape),
    ]


def _score_columns(landscape) -> list[Column]:
    """What `llgmin score` has measured; empty if it was not run."""
    scores = landscape.scores
    count = len(landscape.minima)
    return [Column(score.name, score.unit, scores.values(score.name, count)) for score in scores.described()]


def transition_state_columns(landscape) -> list[Column]:
    """The table of transition states. barrier_a: its loss above that of minimum_a."""
    import numpy as np

    states = landscape.transition_states
    ends = states.minima
    losses = landscape.minima.loss
    return [
        Column("id", "", np.arange(len(states))),
        Column("loss", "", states.loss),
        Column("minimum_a", "", ends[:, 0]),
        Column("minimum_b", "", ends[:, 1]),
        Column("barrier_a", "", states.loss - losses[ends[:, 0]]),
        Column("barrier_b", "", states.loss - losses[ends[:, 1]]),
        Column("negative_eigenvalue", "", states.negative_eigenvalue),
        Column("next_eigenvalue", "", states.next_eigenvalue),
        Column("lpphe", "", states.lpphe),
        Column("order", "", states.order),
        Column("rms", "", states.rms),
        Column("eigenvalue_tolerance", "", states.eigenvalue_tolerance),
        Column("lpphe_error", "", states.lpphe_error),
    ]


def pair_columns(landscape) -> list[Column]:
    """The table of pairs tried, in the order of the first attempt."""
    pairs = landscape.pairs
    return [
        Column("minimum_a", "", pairs.ids[:, 0]),
        Column("minimum_b", "", pairs.ids[:, 1]),
        Column("attempts", "", pairs.attempts),
        Column("connected", "", pairs.connected.astype(bool)),
        Column("status", "", [_status_label(status) for status in pairs.status.tolist()]),
    ]


def _status_label(number: int) -> str:
    """The name of a stored status, or its number if this version does not know it."""
    from llcommon.status import Status

    try:
        return Status(number).label
    except ValueError:
        return str(number)


# --- show -------------------------------------------------------------------------------------


@click.command("show")
@file_argument()
@click.argument("point_id", metavar="[ID]", type=int, required=False)
@click.option("--ts", is_flag=True, help="ID is that of a transition state.")
@click.option("--source", is_flag=True, help="Write the Python source of a user's loss model that FILE holds.")
@json_option()
@verbose_option()
@quiet_option()
def show(file: Path, point_id: int | None, ts: bool, source: bool, as_json: bool) -> None:
    """Show what a landscape FILE is about, or everything that is known of its point ID."""
    if ts and point_id is None:
        raise ConfigError("--ts needs the ID of a transition state; see `list --ts` for those there are")
    if source and (point_id is not None or as_json):
        raise ConfigError("--source is shown by itself, without an ID and --json")
    from llcommon.store import read_landscape

    landscape = read_landscape(file, points=False)
    if source:
        if landscape.declared.source is None:
            name = landscape.declared.name
            raise ConfigError(f"{file} holds no source: its loss model {name} is one of the toolchain's own")
        click.echo(landscape.declared.source.text, nl=False)
        return
    if point_id is None:
        properties = file_properties(landscape)
    elif ts:
        properties = transition_state_properties(landscape, point_id, file)
    else:
        properties = minimum_properties(landscape, point_id, file)
    write_properties(properties, as_json)


def checked_id(landscape, point_id: int, file: Path, ts: bool = False) -> int:
    """The id itself; ConfigError, saying how many there are, if the landscape has no such point."""
    table = landscape.transition_states if ts else landscape.minima
    if 0 <= point_id < len(table):
        return point_id
    one, many = ("transition state", "transition states") if ts else ("minimum", "minima")
    stock = f"no {many}"
    if len(table):
        stock = f"{len(table)} {one if len(table) == 1 else many}, numbered from 0"
    listing = "list --ts" if ts else "list"
    raise ConfigError(
        f"{one} {point_id} does not exist: {file} holds {stock}; see `{listing}` for those there are"
    )


def minimum_properties(landscape, minimum_id: int, file: Path) -> dict:
    """Everything known of one minimum."""
    import numpy as np

    from llcommon.store import read_coordinates

    checked_id(landscape, minimum_id, file)
    minima = landscape.minima
    touching = (landscape.transition_states.minima == minimum_id).any(axis=1)
    properties = {
        "kind": "minimum",
        "id": minimum_id,
        "transition_states": np.flatnonzero(touching).tolist(),
        "loss": minima.loss[minimum_id],
        "coordinates": read_coordinates(file, "minima", minimum_id),
        **{name: getattr(minima, name)[minimum_id] for name in minima.names if name != "loss"},
    }
    if len(landscape.scores):
        properties["scores"] = {column.name: column.values[minimum_id] for column in _score_columns(landscape)}
    return properties


def transition_state_properties(landscape, ts_id: int, file: Path) -> dict:
    """Everything known of one transition state."""
    from llcommon.store import read_coordinates

    checked_id(landscape, ts_id, file, ts=True)
    columns = transition_state_columns(landscape)
    properties = {"kind": "transition state", **{column.name: column.values[ts_id] for column in columns}}
    properties["coordinates"] = read_coordinates(file, "transition_states", ts_id)
    states = landscape.transition_states
    for name in states.names:
        if name != "minima":
            properties.setdefault(name, getattr(states, name)[ts_id])
    return properties


def file_properties(landscape) -> dict:
    """What a landscape file is about: model, data, tolerances, contents, search, provenance."""
    from llcommon.settings import settings_to_tables

    settings = landscape.settings
    tables = settings_to_tables(settings)
    loss = dict(tables["loss"])
    declared = landscape.declared
    model = {"name": loss.pop("model"), "dimension": int(declared.dimension), "parameters": loss}
    if declared.source is not None:
        model["source"] = {"kind": declared.source.kind, "sha256": declared.source.sha256}
    if declared.notes():
        model["notes"] = declared.notes()
    properties = {"model": model}
    if landscape.data is not None:
        properties["data"] = _data_properties(landscape.data)
    properties["same_point"] = tables["same_point"]
    properties["rms"] = {"minima": settings.quench.rms, "transition_states": settings.connect.rms}
    properties.update(_network_properties(landscape))
    if len(landscape.scores):
        properties["scores"] = {score.name: score.about for score in landscape.scores.described()}
    if landscape.ensemble is not None:
        found = landscape.ensemble
        properties["ensemble"] = {
            "combination": found.combination,
            "members": found.members,
            "weights": found.weights,
            **found.about,
        }
    if landscape.search is not None:
        properties["search"] = _search_properties(landscape)
    properties["counters"] = landscape.counters
    properties["provenance"] = landscape.provenance
    return properties


def _data_properties(data) -> dict:
    properties = {
        "source": data.source,
        "sha256": data.sha256,
        "rows": len(data.features),
        "features": len(data.feature_names),
        "scaling": data.scaling,
        "target": data.target_name or None,
    }
    if data.class_names:
        properties["classes"] = list(data.class_names)
    return properties


def _network_properties(landscape) -> dict:
    """Counts of points and of the minima that are connected to the global minimum."""
    minima = landscape.minima
    states = landscape.transition_states
    counts = {"minima": len(minima), "transition_states": len(states), "pairs_tried": len(landscape.pairs)}
    if not len(minima):
        return counts
    import numpy as np

    labels = component_labels(len(minima), states.minima)
    global_minimum = landscape.global_minimum()
    counts["components"] = int(labels.max()) + 1
    counts["in_component_of_global_minimum"] = int(np.sum(labels == labels[global_minimum]))
    counts["global_minimum"] = global_minimum
    counts["lowest_loss"] = float(minima.loss.min())
    counts["highest_loss"] = float(minima.loss.max())
    return counts


def component_labels(number: int, edges):
    """Connected component, int (number,), of each minimum; edges: (m, 2) ids."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    weights = np.ones(len(edges), dtype=np.int8)
    graph = coo_array((weights, (edges[:, 0], edges[:, 1])), shape=(number, number))
    return connected_components(graph.tocsr(), directed=False)[1]


def _search_properties(landscape) -> dict:
    """How far the search that wrote the file has come."""
    state = landscape.search.state
    properties = {name: state[name] for name in ("kind", "finished") if name in state}
    if isinstance(state.get("walkers"), list):
        properties["steps_done"] = [walker.get("done") for walker in state["walkers"]]
    return properties
