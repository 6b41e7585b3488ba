"""Numbers that describe a network as a whole."""

import numpy as np

from llcommon.status import Status
from llcommon.store import Landscape
from llpathsample.administration import connections
from llpathsample.network import components


def summary_of(landscape: Landscape) -> dict:
    """Counts, losses and outcomes of a landscape that has minima, ready for a table; coordinates are not needed.

    A connection is a transition state (TS) between two different minima; the main component is that of the global
    minimum.
    """
    minima = landscape.minima
    states = landscape.transition_states
    labels = components(len(minima), states.minima)
    sizes = np.bincount(labels)
    root = landscape.global_minimum()
    edges = np.sort(states.minima[states.minima[:, 0] != states.minima[:, 1]], axis=1)
    distinct = len(np.unique(edges[:, 0] * len(minima) + edges[:, 1]))
    degrees = connections(landscape)
    inside = int(sizes[labels[root]])
    connected = np.asarray(landscape.pairs.connected, dtype=bool)
    return {
        "minima": len(minima),
        "transition_states": len(states),
        "degenerate_transition_states": len(states) - len(edges),
        "connected_pairs": distinct,
        "components": len(sizes),
        "minima_in_main_component": inside,
        "minima_outside": len(minima) - inside,
        "isolated_minima": int((sizes == 1).sum()),
        "global_minimum": root,
        "lowest_loss": float(minima.loss[root]),
        "highest_minimum_loss": float(minima.loss.max()),
        "highest_ts_loss": float(states.loss.max()) if len(states) else None,
        "largest_degree": int(degrees.max()),
        "minima_by_degree": by_size(degrees),
        "minima_without_lpphe": int(np.isnan(minima.lpphe).sum()),
        "transition_states_without_lpphe": int(np.isnan(states.lpphe).sum()),
        "symmetric_minima": int((minima.log_order > 0.0).sum()),
        "visits": int(minima.visits.sum()),
        "minima_visited_once": int((minima.visits == 1).sum()),
        "pairs_tried": len(landscape.pairs),
        "attempts": int(landscape.pairs.attempts.sum()),
        "pairs_connected": int(connected.sum()),
        "pairs_not_connected": _by_status(landscape.pairs.status[~connected]),
    }


def by_size(numbers: np.ndarray) -> dict[str, int]:
    """How many of the non-negative numbers are 0, 1, 2, 3 to 4, 5 to 8, and so on, each range twice as long."""
    counts = {}
    low, high = 0, 0
    while low <= int(numbers.max(initial=0)):
        name = str(low) if low == high else f"{low}-{high}"
        counts[name] = int(((numbers >= low) & (numbers <= high)).sum())
        low, high = high + 1, max(1, 2 * high)
    return counts


def _by_status(statuses: np.ndarray) -> dict[str, int]:
    """How many have each status, by its name."""
    known = {int(status): status.label for status in Status}
    found = zip(*(values.tolist() for values in np.unique(statuses, return_counts=True)), strict=True)
    return {known.get(status, str(status)): count for status, count in found}
