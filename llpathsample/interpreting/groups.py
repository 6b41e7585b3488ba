"""Groups of minima to be compared: funnels, monotonic sequence basins, communities, or what a file says.

Funnels: of the bottoms of monotonic sequences (`llpathsample.structure.funnels`) those with at least a barrier ratio
stay, the basins of the others go to the funnel that they escape to.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.errors import ConfigError
from llcommon.store import Landscape
from llpathsample.properties import Property, is_table, property_of
from llpathsample.structure.funnels import basins_of

_LINKED = {"basins": "basin", "communities": "community"}


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
    """The bottom of the funnel of each minimum, (n,); arguments as of `basins_of`.

    ratio: the least barrier ratio of a bottom of a funnel. Without transition states each minimum is its own.
    """
    basins = basins_of(losses, ts_losses, ends)
    if not np.isfinite(basins.step):
        return basins.labels
    funnel = {}
    # By rising loss: where a bottom escapes to has been settled before.
    rows = zip(basins.bottom.tolist(), basins.ratio.tolist(), basins.over.tolist(), strict=True)
    for bottom, own, over in rows:
        stays = own >= ratio or over < 0
        funnel[bottom] = bottom if stays else funnel[int(basins.labels[over])]
    return np.array([funnel[bottom] for bottom in basins.labels.tolist()], dtype=np.int64)


def groups_of(landscape: Landscape, kind: str, ratio: float) -> Groups:
    """Minima of a landscape by `funnels`, `basins`, `communities`, or a column of a table, FILE or FILE:COLUMN.

    ratio: of `funnel_bottoms`. Errors: ConfigError for anything else, and for a column that is a scale.
    """
    losses, states = landscape.minima.loss, landscape.transition_states
    if kind == "funnels":
        found = Property("funnel", funnel_bottoms(losses, states.loss, states.minima, ratio), "funnel")
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
