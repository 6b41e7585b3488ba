"""All tables of a landscape as one NumPy archive, and the network as GraphML."""

import io

import numpy as np

from llcommon.config import canonical_json
from llcommon.settings import settings_to_tables

_TABLES = ("minima", "transition_states", "pairs", "trace", "training")
_POINTS = ("coordinates", "active")  # rows of numbers, which GraphML has no type for


def npz_content(landscape) -> bytes:
    """A NumPy archive of every column as TABLE_COLUMN, such as minima_loss, and the settings as JSON text."""
    arrays: dict[str, np.ndarray] = {}
    for table_name in _TABLES:
        table = getattr(landscape, table_name)
        if len(table) or table_name in _TABLES[:3]:
            arrays |= {f"{table_name}_{name}": np.asarray(getattr(table, name)) for name in table.names}
    for score in landscape.scores.described():
        arrays[f"scores_{score.name}"] = landscape.scores.values(score.name, len(landscape.minima))
    arrays["settings"] = np.array(canonical_json(settings_to_tables(landscape.settings)))
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _attributes(table, row: int, without: tuple[str, ...] = ()) -> dict:
    """The columns of a row as Python numbers; what is not finite is left out, as GraphML lets what is not known."""
    values = {name: getattr(table, name)[row].item() for name in table.names if name not in _POINTS + without}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def graphml_content(landscape) -> bytes:
    """An undirected multigraph: minima are nodes, transition states edges; columns are attributes, but coordinates.

    A node is called by the id of its minimum, an edge by that of its transition state. The loss of an edge is that of
    the transition state; `plus` and `minus` name its sides.
    """
    import networkx

    graph = networkx.MultiGraph()
    minima, states = landscape.minima, landscape.transition_states
    scores = {
        score.name: landscape.scores.values(score.name, len(minima)).tolist()
        for score in landscape.scores.described()
    }
    for row in range(len(minima)):
        named = {name: values[row] for name, values in scores.items() if np.isfinite(values[row])}
        graph.add_node(row, **_attributes(minima, row), **named)
    for row, (plus, minus) in enumerate(states.minima.tolist()):
        attributes = _attributes(states, row, without=("minima",))
        graph.add_edge(plus, minus, key=row, plus=plus, minus=minus, **attributes)
    stream = io.BytesIO()
    networkx.write_graphml_xml(graph, stream, named_key_ids=True)
    return stream.getvalue()
