"""Groups of minima to be compared: funnels, monotonic sequence basins, communities, or what a file says.

Funnels: a minimum is the bottom of one if the way to any lower minimum leads over a barrier of at least so many typical
steps down (its barrier ratio, `llpathsample.structure.funnels`); any other minimum belongs to the funnel of the minimum
that it meets first on rising, the lowest of the superbasin there. That is a cut through the disconnectivity graph by
the lengths of its branches, not at one loss. Unlike a monotonic sequence it does not mind a high transition state
straight to a lower minimum, as pairs that were connected on purpose have.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.errors import ConfigError
from llcommon.store import Landscape
from llpathsample.properties import Property, is_table, property_of
from llpathsample.structure.funnels import escapes, typical_step

BARRIER_RATIO = 5.0  # typical steps down, the least barrier of the bottom of a funnel unless told otherwise
_LINKED = {"basins": "basin", "communities": "community"}
OF_NETWORK = ("funnels", *_LINKED)  # kinds that transition states make


@dataclass(frozen=True)
class Groups:
    """ids: (n,) int64 minima, ascending. labels: (n,) number of the group of each. names: of the groups.

    Groups are numbered by their lowest minima, the lowest first.
    """

    ids: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    @property
    def sizes(self) -> np.ndarray:
        """Minima of each group, (g,)."""
        return np.bincount(self.labels, minlength=len(self.names))

    def members(self, group: int) -> np.ndarray:
        """Places in `ids` of the minima of a group, ascending."""
        return np.flatnonzero(self.labels == group)

    def of_at_least(self, size: int) -> "Groups":
        """Without the groups of fewer minima."""
        large = np.flatnonzero(self.sizes >= size)
        numbers = np.full(len(self.names), -1)
        numbers[large] = np.arange(len(large))
        kept = np.flatnonzero(numbers[self.labels] >= 0)
        names = tuple(self.names[group] for group in large)
        return Groups(self.ids[kept], numbers[self.labels[kept]], names)

    def lowest(self, losses: np.ndarray, count: int) -> "Groups":
        """Of the `count` lowest minima; losses: of all minima of the landscape."""
        kept = np.sort(np.argsort(losses[self.ids], kind="stable")[:count])
        present = np.unique(self.labels[kept])
        numbers = np.searchsorted(present, self.labels[kept])
        return Groups(self.ids[kept], numbers, tuple(self.names[group] for group in present))


def grouped(ids: np.ndarray, keys: list[str], losses: np.ndarray) -> Groups:
    """Groups of minima with equal keys; losses: of all minima of the landscape."""
    order = np.argsort(losses[ids], kind="stable")
    names = tuple(dict.fromkeys(keys[place] for place in order))
    numbers = {name: number for number, name in enumerate(names)}
    return Groups(ids, np.array([numbers[key] for key in keys], dtype=np.int64), names)


def funnel_bottoms(losses: np.ndarray, ts_losses: np.ndarray, ends: np.ndarray, ratio: float) -> np.ndarray:
    """The bottom of the funnel of each minimum, (n,); arguments as of `escapes`.

    ratio: the least barrier ratio of a bottom. Without transition states each minimum is its own.
    """
    step = typical_step(losses, ts_losses, ends)
    found = escapes(losses, ts_losses, ends)
    stays = found.over < 0
    if np.isfinite(step):
        stays |= found.escape - losses >= ratio * step
    bottom = np.arange(len(losses))
    # By rising loss: the lower minimum that one meets has been settled before.
    for minimum in np.argsort(losses, kind="stable").tolist():
        if not stays[minimum]:
            bottom[minimum] = bottom[found.over[minimum]]
    return bottom


def funnels_of(landscape: Landscape, ratio: float = BARRIER_RATIO) -> np.ndarray:
    """The bottom of the funnel of each minimum of a landscape, (n,); ratio: as of `funnel_bottoms`."""
    states = landscape.transition_states
    return funnel_bottoms(landscape.minima.loss, states.loss, states.minima, ratio)


def groups_of(landscape: Landscape, kind: str, ratio: float) -> Groups:
    """Minima of a landscape by `funnels`, `basins`, `communities`, or a column of a table, FILE or FILE:COLUMN.

    ratio: of `funnel_bottoms`. Errors: ConfigError for anything else, and for a column that is a scale.
    """
    losses = landscape.minima.loss
    if kind == "funnels":
        found = Property("funnel", funnels_of(landscape, ratio), "funnel")
    elif kind in _LINKED:
        found = property_of(landscape, _LINKED[kind])
    elif is_table(kind):
        found = property_of(landscape, kind)
    else:
        raise ConfigError(f"--groups {kind} must be funnels, basins, communities, or a file that exists")
    if not np.issubdtype(found.values.dtype, np.integer):
        raise ConfigError(f"--groups {kind}: {found.name} is a scale and makes no groups; name a column of classes")
    ids = np.flatnonzero(found.known)
    return grouped(ids, [found.names.get(value, str(value)) for value in found.values[ids].tolist()], losses)
