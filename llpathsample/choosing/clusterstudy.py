"""From the landscapes of K-means for several K to a table of rows, and the gap statistic beside them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from llcommon.data import Data
from llcommon.store import Landscape
from llpathsample.choosing.agreement import Mean, expected_agreement, melting_temperature, pairwise_mean, rand_indices
from llpathsample.choosing.clusterings import (
    Gap,
    Starts,
    as_data,
    bic,
    gap_statistic,
    log_losses_of,
    log_of,
    quench_starts,
    reference_sets,
    scatter,
    silhouette,
)
from llpathsample.choosing.clusters import DETERMINED, LEVEL, Row
from llpathsample.choosing.measures import Measures, by_loss_alone, measures_of
from llpathsample.ktn import Network

# Quenches of which the lowest counts for the gap statistic, of the data as of each reference set.
GAP_STARTS = 20
_LOW = 20  # lowest minima that are compared pair by pair


@dataclass(frozen=True)
class Options:
    """references: B of the gap statistic, at least 2. starts: quenches of each K, at least GAP_STARTS. ratio: least
    barrier ratio of a funnel. known: class of each row, (n,), or None."""

    references: int = 20
    starts: int = 100
    ratio: float = 5.0
    known: np.ndarray | None = None
    seed: int = 1


def row_of_one(data: Data, options: Options) -> Row:
    """K = 1: the mean is its one minimum."""
    loss, rows = scatter(data.inputs()), len(data.features)
    nothing = Mean(float("nan"), float("nan"), 0)
    labels = np.zeros((1, rows), dtype=np.int64)
    return Row(
        clusters=1,
        measures=Measures(loss, 1, 0, 1, 1, 1.0, float("nan"), 0.0, DETERMINED * loss, 0),
        agreement=1.0,
        melting=float("inf"),
        pairwise=nothing,
        mutual=nothing,
        starts=None,
        silhouette=float("nan"),
        bic=bic(loss, np.array([rows]), data.features.shape[1]),
        known=_known(labels[0], options),
        seconds=0.0,
    )


def row_of(landscape: Landscape, starts: Starts, options: Options, seconds: float = 0.0) -> Row:
    """The row of a landscape of K-means, K > 1."""
    model, data = landscape.model, landscape.data
    losses = landscape.minima.loss
    order = np.argsort(losses, kind="stable")[:_LOW]
    labels = np.array([model.predict(landscape.minima.coordinates[k], data.features)[:, 0] for k in order])
    met, visits = starts.minima, starts.visits
    clusterings = np.array([model.predict(point, data.features)[:, 0] for point in starts.points])
    if starts.share.value == 0.0:
        # What no start has met counts as if one had.
        met, visits = np.append(met, losses.min()), np.append(visits, 1)
        clusterings = np.concatenate([clusterings, labels[:1]])
    agreements = rand_indices(clusterings)
    temperature = DETERMINED * float(losses.min())
    sizes = np.bincount(labels[0], minlength=model.clusters)
    return Row(
        clusters=model.clusters,
        measures=measures_of(by_loss_alone(Network.unchecked(landscape)), temperature, options.ratio),
        agreement=expected_agreement(met, visits, agreements, temperature),
        melting=melting_temperature(met, visits, agreements, LEVEL),
        pairwise=pairwise_mean(rand_indices(labels)),
        mutual=_mutual(labels),
        starts=starts,
        silhouette=silhouette(data.inputs(), labels[0], options.seed),
        bic=bic(float(losses.min()), sizes, data.features.shape[1]),
        known=_known(labels[0], options),
        seconds=seconds,
    )


def _mutual(labels: np.ndarray) -> Mean:
    """Adjusted mutual information of clusterings (m, n), over their pairs."""
    from sklearn.metrics import adjusted_mutual_info_score

    values = np.eye(len(labels))
    for one in range(len(labels)):
        for other in range(one):
            values[one, other] = values[other, one] = adjusted_mutual_info_score(labels[one], labels[other])
    return pairwise_mean(values)


def _known(labels: np.ndarray, options: Options) -> float:
    if options.known is None:
        return float("nan")
    return float(rand_indices(np.array([labels, options.known]))[0, 1])


def study(
    data: Data, landscapes: Sequence[tuple[Landscape, float]], options: Options, jobs: int = 1
) -> tuple[list[Row], Gap]:
    """Rows for K = 1 and for each landscape, by rising K; the gap statistic over these K.

    landscapes: each with the CPU seconds that it took. jobs: threads.
    """
    rows = [row_of_one(data, options)]
    losses = [rows[0].measures.lowest]
    for landscape, seconds in sorted(landscapes, key=lambda one: one[0].model.clusters):
        least = float(landscape.minima.loss.min())
        clusters = landscape.model.clusters
        starts = quench_starts(data, clusters, options.starts, options.seed, "starts", lowest=least)
        rows.append(row_of(landscape, starts, options, seconds))
        losses.append(starts.best_of(GAP_STARTS))
    clusters = [row.clusters for row in rows]
    sets = reference_sets(data.inputs(), options.references, options.seed)
    with ThreadPoolExecutor(jobs) as threads:
        tasks = [
            threads.submit(log_losses_of, as_data(data, inputs), clusters, GAP_STARTS, options.seed, number)
            for number, inputs in enumerate(sets)
        ]
        references = np.array([task.result() for task in tasks])
    return rows, gap_statistic(clusters, log_of(np.array(losses)), references)
