"""The task `clustering`: quenches of the kmeans loss against scikit-learn's Lloyd iterations, and connections."""

import statistics
import time
import warnings

import numpy as np
import threadpoolctl
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris

from benchmarks import table
from benchmarks.options import Options
from llcommon import losses
from llcommon.data import Data
from llcommon.losses._kmeans_lloyd import lloyd
from llcommon.optimise.points import minimum_at
from llcommon.settings import parse_settings
from lloptim.connect import connect

_QUENCHES_PER_ROUND = 5


def _spread() -> np.ndarray:
    """10 000 rows of 10 features without clusters, the hardest case for bounds."""
    return np.random.default_rng(0).standard_normal((10_000, 10))


def _clustered() -> np.ndarray:
    """As many in 50 overlapping clouds."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((10_000, 10)) + 2.0 * rng.standard_normal((50, 10))[rng.integers(50, size=10_000)]


# Rows, centres, and whether there is work for two threads.
_PROBLEMS = {
    "iris, K 3": (lambda: load_iris().data, 3, False),
    "iris, K 10": (lambda: load_iris().data, 10, False),
    "10^4 x 10 spread, K 50": (_spread, 50, True),
    "10^4 x 10 clustered, K 50": (_clustered, 50, True),
}


class _Ours:
    """The quench, as the loss model calls it; the rows are packed once, as they are for a search."""

    def __init__(self, rows: np.ndarray) -> None:
        points, weights = np.unique(rows, axis=0, return_counts=True)
        self.points = np.ascontiguousarray(points)
        self.weights = weights.astype(np.float64)
        self.size = float(np.abs(points).max())

    def __call__(self, centres: np.ndarray) -> float:
        """Sum of squares below some centres (K, d)."""
        centres = centres.copy()
        labels = np.empty(len(self.points), dtype=np.int64)
        members = np.empty(len(centres))
        counts = np.empty(3, dtype=np.int64)
        lloyd(self.points, self.weights, centres, labels, members, self.size, 20_000, 1, counts)
        return float(self.weights @ ((self.points - centres[labels]) ** 2).sum(axis=1))


def _peer(rows: np.ndarray, centres: np.ndarray) -> float:
    fit = KMeans(len(centres), init=centres, n_init=1, algorithm="lloyd", tol=0.0, max_iter=20_000).fit(rows)
    return float(fit.inertia_)


def _check_ends(name: str, ends: list[tuple[float, float]]) -> None:
    """Raise AssertionError unless ours and the peer's are the same, but for one: a tied row may go either way."""
    same = sum(abs(own - other) <= 1e-9 * other for own, other in ends)
    if same < len(ends) - 1:
        raise AssertionError(f"{name}: ours and scikit-learn end at {ends}")


# Minima below a random one of 10^4 clustered rows, K 50, whose coordinates were moved at random by so much each.
_SHAKES = (0.05, 0.3, 0.6)


def _connections() -> list[table.Figure]:
    """CPU seconds of connections of a minimum with those near it."""
    settings = parse_settings({"loss": {"model": "kmeans", "clusters": 50}}, "benchmark", losses.parameters_of)
    rows = _clustered()
    names = tuple(f"f{number}" for number in range(rows.shape[1]))
    data = Data(names, rows, np.zeros(10), np.ones(10), "none", "", (), None, None, "rows", "")
    model = losses.build("kmeans", settings.loss, data)

    def minimum(start: np.ndarray):
        return minimum_at(model, model.pieces.quench(start, 20_000).coordinates, settings.quench.rms)[0]

    first = minimum(model.random_start(np.random.default_rng(0)))
    figures = []
    for number, size in enumerate(_SHAKES):
        second = minimum(first.coordinates + size * np.random.default_rng(number).standard_normal(model.dimension))
        distance = np.linalg.norm(model.align(first.coordinates, second.coordinates) - first.coordinates)
        begin = time.process_time()
        connection = connect(model, settings, first, second)
        seconds = time.process_time() - begin
        case = f"10^4 x 10 clustered, K 50, minima {distance:.2f} apart"
        states = len(connection.landscape.transition_states)
        title = "k-means connection"
        figures.append(table.Figure(title, case, "CPU", table.duration(seconds)))
        figures.append(table.Figure(title, case, "transition states", str(states)))
        figures.append(table.Figure(title, case, "connected", "yes" if connection.connected else "no"))
    return figures


def clustering(options: Options) -> table.Result:
    """Wall seconds of one quench to a strict fixed point from rows as centres, mean over a round.

    scikit-learn: KMeans(n_init=1, algorithm="lloyd", tol=0) from the same centres, with one thread and with two. Ours
    is always one thread.
    """
    rows_of_table = []
    for name, (load, clusters, two) in _PROBLEMS.items():
        rows = load()
        ours = _Ours(rows)

        def starts(number: int, ours=ours, clusters=clusters) -> list[np.ndarray]:
            rng = np.random.default_rng(number)
            chosen = [rng.choice(len(ours.points), clusters, replace=False) for _ in range(_QUENCHES_PER_ROUND)]
            return [ours.points[rows] for rows in chosen]

        def timed(quench, threads: int, starts=starts):
            def measure(number: int) -> float:
                seconds = []
                with threadpoolctl.threadpool_limits(threads), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of strict convergence before the tolerance
                    for start in starts(number):
                        begin = time.perf_counter()
                        quench(start)
                        seconds.append(time.perf_counter() - begin)
                return statistics.mean(seconds)

            return measure

        _check_ends(name, [(ours(start), _peer(rows, start)) for start in starts(0)])
        measures = {"ours": timed(ours, 1)}
        for threads in (1, 2) if two else (1,):
            peer = f"scikit-learn KMeans, {threads} thread{'s' * (threads > 1)}"
            measures[peer] = timed(lambda start, rows=rows: _peer(rows, start), threads)
        rows_of_table += table.compare(f"k-means quench, {name}", table.interleaved(measures, options.repeats))
    return table.Result(rows_of_table, _connections())
