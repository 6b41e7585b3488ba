"""Training runs that `llgmin train` has stored, as paths over the tree of a landscape."""

import numpy as np

from llcommon.errors import InputError
from llcommon.store import Landscape
from llpathsample.treemarks import RunPath


def run_paths(landscape: Landscape, trained: Landscape, name: str) -> list[RunPath]:
    """The runs of `trained`, their minima by the ids of `landscape`, whose model must be the same.

    Both with points, unless they are one and the same. name: of the file of `trained`. InputError if it holds no runs.
    """
    table = trained.training
    if not len(table):
        raise InputError(f"{name} holds no training runs; make some with llgmin train")
    number_of = {-1: -1}
    if trained is not landscape:
        landscape.check_same_model(trained, name)
    for minimum in np.unique(table.minimum[table.minimum >= 0]).tolist():
        number_of[minimum] = minimum if trained is landscape else _found(landscape, trained, minimum)
    minima = np.array([number_of[minimum] for minimum in table.minimum.tolist()], dtype=np.int64)
    settings = trained.settings.train
    label = settings.optimiser
    if settings.learning_rate is not None:
        label += f" {settings.learning_rate:g}"
    if settings.batch:
        label += f", batches of {settings.batch}"
    return [
        RunPath(label, table.loss[table.run == run], minima[table.run == run]) for run in np.unique(table.run).tolist()
    ]


def _found(landscape: Landscape, trained: Landscape, minimum: int) -> int:
    """The id that a minimum of another landscape has here, -1 for none."""
    found = landscape.find_minimum(float(trained.minima.loss[minimum]), trained.minima.coordinates[minimum])
    return -1 if found is None else found
