"""Which points of a network are kept: by their losses, barriers and connections, by their ids, by their component.

Everything here answers with a `Choice`; `Landscape.keep` makes the landscape of one. Points keep their order, so an id
only ever falls. A degenerate transition state (TS), whose two sides are one minimum, is no connection.
"""

from dataclasses import dataclass, field

import numpy as np

from llcommon.errors import ConfigError
from llcommon.store import Landscape
from llpathsample.network import components


@dataclass(frozen=True)
class Choice:
    """Ids that are kept, ascending: minima (a,), transition_states (b,), of which both minima are kept."""

    minima: np.ndarray
    transition_states: np.ndarray


@dataclass(frozen=True)
class Limits:
    """What `pruned` lets pass; None: everything.

    above: highest loss of a minimum or TS. connections: fewest connections of a minimum. barrier: how high a TS may lie
    above the higher of its minima. unconnected: minima that no TS join to the lowest one go.
    """

    above: float | None = None
    connections: int | None = None
    barrier: float | None = None
    unconnected: bool = False


@dataclass
class _Kept:
    """Masks over the points of a landscape, from which points only go."""

    landscape: Landscape
    minima: np.ndarray = field(init=False)
    states: np.ndarray = field(init=False)
    ends: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.ends = np.asarray(self.landscape.transition_states.minima)
        self.minima = np.ones(len(self.landscape.minima), dtype=bool)
        self.states = np.ones(len(self.ends), dtype=bool)

    def settle(self) -> None:
        """TS that lack a minimum go."""
        self.states &= self.minima[self.ends].all(axis=1)

    def edges(self) -> np.ndarray:
        """Ends, (e, 2), of the TS that connect."""
        kept = self.ends[self.states]
        return kept[kept[:, 0] != kept[:, 1]]

    def choice(self) -> Choice:
        self.settle()
        return Choice(np.flatnonzero(self.minima), np.flatnonzero(self.states))


def connections(landscape: Landscape) -> np.ndarray:
    """Number of TS that lead from each minimum to another, int64 (n,)."""
    ends = landscape.transition_states.minima
    edges = ends[ends[:, 0] != ends[:, 1]]
    return np.bincount(edges.ravel(), minlength=len(landscape.minima))


def pruned(landscape: Landscape, limits: Limits) -> Choice:
    """What is left when everything beyond the limits has gone, and what only these connected, and so on.

    Minima with few connections go as long as there are any, as PATHSAMPLE's NCONNMIN; what is connected is counted in
    what is left, from its lowest minimum. So pruning the result again changes nothing.
    """
    kept = _Kept(landscape)
    losses = landscape.minima.loss
    heights = landscape.transition_states.loss
    if limits.above is not None:
        kept.minima &= losses <= limits.above
        kept.states &= heights <= limits.above
    if limits.barrier is not None:
        kept.states &= heights - losses[kept.ends].max(axis=1) <= limits.barrier
    before = -1
    while before != (before := int(kept.minima.sum())):
        kept.settle()
        edges = kept.edges()
        if limits.connections is not None:
            kept.minima &= np.bincount(edges.ravel(), minlength=len(losses)) >= limits.connections
            kept.settle()
            edges = kept.edges()
        if limits.unconnected and kept.minima.any():
            labels = components(len(losses), edges)
            lowest = np.flatnonzero(kept.minima)[np.argmin(losses[kept.minima])]
            kept.minima &= labels == labels[lowest]
    return kept.choice()


def _checked(ids: np.ndarray, number: int, kind: str) -> np.ndarray:
    """The ids, without repetitions, ascending; ConfigError if there is no such point."""
    ids = np.unique(np.asarray(ids, dtype=np.int64))
    wrong = ids[(ids < 0) | (ids >= number)]
    if wrong.size:
        raise ConfigError(f"{kind} {wrong[0]} does not exist: there are {number}, numbered from 0; see `list`")
    return ids


def without(landscape: Landscape, ids: np.ndarray, ts: bool) -> Choice:
    """All but these minima and the TS that lead to them; ts: all but these TS. ConfigError for an unknown id."""
    kept = _Kept(landscape)
    mask, kind = (kept.states, "transition state") if ts else (kept.minima, "minimum")
    mask[_checked(ids, len(mask), kind)] = False
    return kept.choice()


def only(landscape: Landscape, ids: np.ndarray, ts: bool) -> Choice:
    """These minima and the TS between them; ts: these TS, and all minima. ConfigError for an unknown id."""
    kept = _Kept(landscape)
    mask, kind = (kept.states, "transition state") if ts else (kept.minima, "minimum")
    ids = _checked(ids, len(mask), kind)
    mask[:] = False
    mask[ids] = True
    return kept.choice()


def triples(landscape: Landscape, ids: np.ndarray) -> Choice:
    """These TS with the minima that they join, and nothing else. ConfigError for an unknown id."""
    kept = _Kept(landscape)
    ids = _checked(ids, len(kept.states), "transition state")
    return Choice(np.unique(kept.ends[ids]), ids)


def component(landscape: Landscape, minimum: int) -> Choice:
    """All that TS join to a minimum. ConfigError for an unknown id."""
    kept = _Kept(landscape)
    _checked(np.array([minimum]), len(kept.minima), "minimum")
    labels = components(len(kept.minima), kept.ends)
    kept.minima &= labels == labels[minimum]
    return kept.choice()


def lowest(landscape: Landscape, number: int) -> Choice:
    """The minima of lowest loss (of equal ones the first) and the TS between them."""
    order = np.argsort(landscape.minima.loss, kind="stable")
    return only(landscape, order[:number], ts=False)
