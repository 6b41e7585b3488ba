"""Where training runs end: which groups of minima, how often, beside what they weigh in equilibrium."""

from dataclasses import dataclass

import numpy as np

from llcommon.estimates import Interval, wilson
from llcommon.store import Landscape
from llpathsample.interpreting.groups import Groups
from llpathsample.runpaths import run_paths


@dataclass(frozen=True)
class Endings:
    """Of the runs of one file. name: of the file. method: how they trained. runs: how many. by_minimum: runs that end
    in each minimum, by id. unknown: that end in a minimum that the landscape lacks; without: in none. by_group: (g,)
    shares with their intervals; elsewhere: runs in minima of no group.
    """

    name: str
    method: str
    runs: int
    by_minimum: dict[int, int]
    unknown: int
    without: int
    counts: np.ndarray
    shares: list[Interval]
    elsewhere: int


def endings(landscape: Landscape, trained: Landscape, name: str, groups: Groups) -> Endings:
    """Errors: as of `run_paths`."""
    paths = run_paths(landscape, trained, name)
    table = trained.training
    last = [np.flatnonzero(table.run == run)[-1] for run in np.unique(table.run).tolist()]
    without = int((table.minimum[last] < 0).sum())
    ends = np.array([path.minima[-1] for path in paths], dtype=np.int64)
    found = ends[ends >= 0]
    minima, counts = np.unique(found, return_counts=True)
    label_of = dict(zip(groups.ids.tolist(), groups.labels.tolist(), strict=True))
    labels = np.array([label_of.get(minimum, -1) for minimum in found.tolist()], dtype=np.int64)
    in_group = np.bincount(labels[labels >= 0], minlength=len(groups.names))
    return Endings(
        name,
        paths[0].label,
        len(paths),
        dict(zip(minima.tolist(), counts.tolist(), strict=True)),
        int((ends < 0).sum()) - without,
        without,
        in_group,
        [wilson(int(count), len(paths)) for count in in_group],
        int((labels < 0).sum()),
    )
