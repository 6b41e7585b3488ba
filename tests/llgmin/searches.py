"""Landscapes and records of searches made by hand, for the tests of statistics and figures; not a test itself."""

import math

import numpy as np

from llcommon import losses
from llcommon.records import Minimum
from llcommon.settings import parse_settings
from llcommon.store import Landscape
from llgmin.statistics import SearchRecord

# walker, loss, evaluations, moved: two walkers, four minima at 1, 2, 3 and 5, one failure. The lowest is found by the
# fifth quench, after 10 + 20 + 30 + 40 + 50 evaluations.
QUENCHES = [
    (0, 3.0, 10, True),
    (0, 2.0, 20, True),
    (1, 5.0, 30, True),
    (1, math.nan, 40, False),
    (0, 1.0, 50, True),
    (0, 2.0, 60, False),
    (1, 3.0, 70, False),
    (1, 1.0, 120, False),
]


def empty_landscape(**search) -> Landscape:
    """Of the double well, whose coordinates no test here looks at."""
    tables = {"loss": {"model": "double-well"}, "search": search}
    settings = parse_settings(tables, "test", losses.parameters_of)
    return Landscape(settings, losses.build(settings.loss_model, settings.loss, None), None)


def found(loss: float, dimension: int) -> Minimum:
    """A minimum that is told from others by its loss."""
    return Minimum(loss, np.full(dimension, loss), 1e-10, 1.0, 0.5)


def landscape_of(quenches=QUENCHES, counters=None, traced: bool = True, **search) -> Landscape:
    """What a search with these quenches leaves behind."""
    landscape = empty_landscape(**search)
    for walker, loss, evaluations, moved in quenches:
        outcome = 2 * moved
        if math.isfinite(loss):
            added = landscape.add_minimum(found(loss, landscape.model.dimension))
            outcome += 1 + 4 * added.is_new
        if traced:
            landscape.trace.append(walker=walker, loss=loss, evaluations=evaluations, outcome=outcome)
    landscape.counters.update(counters or {})
    return landscape


def simulated(quenches: int, walkers: int = 1, minima: int = 50, method: str = "basin-hopping", seed: int = 1,
              failing: float = 0.05, losses=None) -> SearchRecord:
    """The record of a search whose quenches draw minima at random; walkers take turns of twenty quenches."""
    rng = np.random.default_rng(seed)
    losses = np.sort(rng.uniform(0.1, 0.2, minima)) if losses is None else np.asarray(losses, dtype=float)
    shares = rng.gamma(0.5, size=losses.size) + 1e-9
    drawn = rng.choice(losses.size, quenches, p=shares / shares.sum())
    failed = rng.random(quenches) < failing
    failed[0] = False
    moved = (rng.random(quenches) < 0.5) & ~failed
    good = np.flatnonzero(~failed)
    seen, first, visits = np.unique(drawn[good], return_index=True, return_counts=True)
    new = np.zeros(quenches, dtype=bool)
    new[good[first]] = True
    return SearchRecord(
        walker=np.arange(quenches) // 20 % walkers,
        loss=np.where(failed, np.nan, losses[drawn]),
        evaluations=rng.integers(20, 200, quenches),
        outcome=(~failed + 2 * moved + 4 * new).astype(np.uint8),
        minima=losses[seen],
        visits=visits,
        counters={},
        method=method,
        tolerance=1e-8,
        temperatures={},
        grown=False,
    )
