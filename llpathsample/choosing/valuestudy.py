"""From the landscapes of several values of a setting to a table of rows."""

from dataclasses import dataclass

import numpy as np

from llcommon.data import Rows
from llcommon.estimates import Estimate
from llcommon.scoring import lowest_minima
from llcommon.store import Landscape
from llpathsample.choosing.agreement import pairwise_mean
from llpathsample.choosing.measures import Measures, measures_of
from llpathsample.choosing.scores import mean_of, predictions
from llpathsample.choosing.values import OnTest
from llpathsample.ktn import Network
from llpathsample.thermodynamics.features import highest_peak


@dataclass(frozen=True)
class Options:
    """low: lowest minima whose predictions are compared. ratio: least barrier ratio of a funnel. temperature: in units
    of the loss; None: that of the highest peak of each landscape's heat capacity."""

    low: int = 20
    ratio: float = 5.0
    temperature: float | None = None


def landscape_measures(landscape: Landscape, options: Options) -> tuple[Measures, int]:
    """Of the minima that have an LPPHE; how many have none. At temperature 0 if there is no peak and none is given."""
    network, ids, _ = Network.complete(landscape)
    temperature = options.temperature
    if temperature is None:
        temperature = highest_peak(network) or 0.0
    return measures_of(network, temperature, options.ratio), len(landscape.minima) - len(ids)


def low_points(landscape: Landscape, low: int) -> np.ndarray:
    """Coordinates of the lowest minima, (m, N), by rising loss."""
    losses = landscape.minima.loss
    chosen = lowest_minima(losses, low)
    chosen = chosen[np.argsort(losses[chosen], kind="stable")]
    return np.array(landscape.minima.coordinates[chosen])


def training_agreement(landscape: Landscape, options: Options):
    """Mean agreement of the predictions of the lowest minima on the training rows."""
    rows = landscape.data.rows()
    found = predictions(landscape.model, low_points(landscape, options.low), rows)
    return pairwise_mean(found.agreements(_variance(rows)))


def validation_score(landscape: Landscape, rows: Rows) -> Estimate:
    """Of the global minimum."""
    return predictions(landscape.model, low_points(landscape, 1), rows).score(0)


def over_folds(scores: list[Estimate]) -> Estimate:
    """The mean over folds, and its standard error from their spread."""
    return mean_of(np.array([score.value for score in scores]))


def on_test(landscape: Landscape, rows: Rows, options: Options) -> OnTest:
    """Scores and agreement of the lowest minima on test rows."""
    found = predictions(landscape.model, low_points(landscape, options.low), rows)
    return OnTest(
        measure=found.score(0),
        of_low=_spread(found.losses.mean(axis=1)),
        accuracy=found.accuracy(0),
        accuracy_of_low=None if found.correct is None else _spread(found.correct.mean(axis=1)),
        agreement=pairwise_mean(found.agreements(_variance(rows))),
    )


def _spread(values: np.ndarray) -> Estimate:
    """Mean over minima and standard deviation, NaN of a single one."""
    return Estimate(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan"))


def _variance(rows: Rows) -> float:
    return 0.0 if rows.targets is None else float(rows.targets.var())
