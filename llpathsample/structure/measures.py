"""Measures of the simple graph of a network (theory.md, 5): degrees, clustering, path lengths, degree correlations.

Each is compared with graphs of the same degrees and otherwise at random: edges exchange ends (S. Maslov and K. Sneppen,
Science 296, 910, 2002), 10 times as often as there are edges. Path lengths count transition states and are those inside
the largest component. All edges count alike here; `communities` weighs them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from llcommon.rng import generator
from llpathsample.network import components
from llpathsample.structure.degrees import PowerLaw, power_law
from llpathsample.structure.graph import SimpleGraph, igraph_random

EXACT_PATHS = 4000  # minima in the largest component up to which all its path lengths are counted
_SAMPLED_WORK = 2e7  # sources times minima beyond
_REWIRED_PATHS = 2000  # minima up to which those of rewired graphs are counted too
_EXCHANGES = 10  # per edge
_ROUNDING = 1e-12
_LARGEST_REWIRED = 2e6  # exchanges of all rewired graphs together, unless they are asked for


@dataclass(frozen=True)
class PathLengths:
    """average: mean number of TS on the shortest path between two minima; error: its standard error, 0 if exact.

    diameter: the longest of these, exact or, if sampled, the longest seen. sources: minima from which paths were
    counted; minima: of the largest component.
    """

    average: float
    error: float
    diameter: int
    sources: int
    minima: int

    @property
    def exact(self) -> bool:
        """Whether all pairs were counted."""
        return self.sources == self.minima


@dataclass(frozen=True)
class Compared:
    """A measure beside that of rewired graphs: mean, standard deviation over them, and z = (value - mean) / deviation.

    NaN where a graph has no such value (fewer than two rewired graphs, all degrees equal).
    """

    value: float
    mean: float
    deviation: float

    @property
    def z(self) -> float:
        """How many standard deviations the network is from rewired graphs; NaN where these differ by rounding only."""
        alike = not self.deviation > _ROUNDING * abs(self.mean)
        return float("nan") if alike else (self.value - self.mean) / self.deviation


@dataclass(frozen=True)
class NetworkMeasures:
    """Arrays by minimum, (n,): degrees (neighbours), connections (TS to others), local_clustering (NaN below two
    neighbours), components (0 is that of the lowest id). hubs: ids by falling degree.

    clustering: mean of local_clustering. transitivity: 3 triangles / pairs of edges that meet. assortativity:
    correlation of the degrees at the two ends of an edge. loss_correlation: Spearman's of degree and loss. rewired: how
    many graphs.
    """

    graph: SimpleGraph
    degrees: np.ndarray
    connections: np.ndarray
    local_clustering: np.ndarray
    components: np.ndarray
    hubs: np.ndarray
    fit: PowerLaw | None
    clustering: Compared
    transitivity: Compared
    assortativity: Compared
    path_lengths: PathLengths | None
    rewired_path_length: Compared | None
    loss_correlation: float
    rewired: int
    seed: int

    @property
    def small_world(self) -> float:
        """(C / C_rewired) / (l / l_rewired) (M. D. Humphries and K. Gurney, PLoS ONE 3, e2051, 2008), or NaN."""
        lengths = self.rewired_path_length
        if lengths is None or not self.clustering.mean > 0.0 or not lengths.value > 0.0:
            return float("nan")
        return self.clustering.value / self.clustering.mean / (lengths.value / lengths.mean)


def default_rewired(edges: int) -> int:
    """How many rewired graphs there are time for: 20, of a large network fewer."""
    return int(min(20.0, _LARGEST_REWIRED // (_EXCHANGES * max(edges, 1))))


def network_measures(
    losses: np.ndarray, ends: np.ndarray, seed: int = 1, rewired: int | None = None, hubs: int = 10, samples: int = 200
) -> NetworkMeasures:
    """Measures of minima with these losses, (n,), and TS with these ends, (m, 2).

    rewired: number of graphs to compare with; None as time allows. hubs: how many to name. samples: synthetic ones for
    the p value of the power law. Nothing depends on anything but these.
    """
    graph = SimpleGraph.of(len(losses), ends)
    drawn = graph.as_igraph()
    degrees = graph.degrees()
    labels = components(graph.count, ends)
    local = np.array(drawn.transitivity_local_undirected(mode="nan"), dtype=np.float64)
    if rewired is None:
        rewired = default_rewired(len(graph.pairs))
    inside = np.flatnonzero(labels == np.argmax(np.bincount(labels)))
    largest = drawn.induced_subgraph(inside.tolist())
    lengths = _path_lengths(largest, seed)
    counted = lengths is not None and graph.count <= _REWIRED_PATHS
    own = (*_correlations(drawn), lengths.average if counted else np.nan)
    others = np.array([(*_correlations(other), _length(other, own[3])) for other in _rewired(drawn, seed, rewired)])
    clustering, transitivity, assortativity, length = _compared(own, others.reshape(-1, 4))
    order = np.lexsort((np.arange(graph.count), losses, -degrees))
    return NetworkMeasures(
        graph=graph,
        degrees=degrees,
        connections=np.bincount(ends[graph.place >= 0].ravel(), minlength=graph.count),
        local_clustering=local,
        components=labels,
        hubs=order[:hubs][degrees[order[:hubs]] > 0],
        fit=power_law(degrees, samples, seed),
        clustering=clustering,
        transitivity=transitivity,
        assortativity=assortativity,
        path_lengths=lengths,
        rewired_path_length=length if np.isfinite(length.mean) else None,
        loss_correlation=_rank_correlation(degrees, losses),
        rewired=rewired,
        seed=seed,
    )


def _rank_correlation(degrees: np.ndarray, losses: np.ndarray) -> float:
    """Spearman's correlation, NaN if either is constant."""
    if np.ptp(degrees) == 0 or np.ptp(losses) == 0.0:
        return float("nan")
    return float(spearmanr(degrees, losses).statistic)


def _correlations(graph) -> tuple[float, float, float]:
    """Mean local clustering over minima with two neighbours or more, transitivity, assortativity."""
    return (
        graph.transitivity_avglocal_undirected(mode="nan"),
        graph.transitivity_undirected(mode="nan"),
        graph.assortativity_degree(directed=False),
    )


def _length(graph, own: float) -> float:
    """Mean path length inside the largest component; NaN where that of the network is not compared."""
    return graph.connected_components().giant().average_path_length(directed=False) if np.isfinite(own) else np.nan


def _compared(own: tuple[float, ...], others: np.ndarray) -> list[Compared]:
    """Each measure beside those of the rewired graphs, (r, 4)."""
    rows = []
    for value, column in zip(own, others.T, strict=True):
        mean = float(column.mean()) if len(column) else float("nan")
        deviation = float(column.std(ddof=1)) if len(column) > 1 else float("nan")
        rows.append(Compared(float(value), mean, deviation))
    return rows


def _rewired(graph, seed: int, count: int):
    """Graphs of the same degrees, one after another."""
    with igraph_random(seed):
        for _ in range(count):
            other = graph.copy()
            other.rewire(n=_EXCHANGES * other.ecount())
            yield other


def _path_lengths(graph, seed: int) -> PathLengths | None:
    """Of a connected graph; None if it is a single minimum."""
    count = graph.vcount()
    if count < 2:
        return None
    if count <= EXACT_PATHS:
        bins = list(graph.path_length_hist(directed=False).bins())
        numbers = np.array([number for _, _, number in bins])
        return PathLengths(float(numbers @ np.arange(1, len(bins) + 1) / numbers.sum()), 0.0, len(bins), count, count)
    sources = int(np.clip(_SAMPLED_WORK // count, 20, count))
    chosen = np.sort(generator(seed, "path lengths").choice(count, sources, replace=False))
    means, longest = [], 0
    for source in chosen.tolist():
        reached = np.array(graph.distances(source=source)[0])
        means.append(reached.sum() / (count - 1))
        longest = max(longest, int(reached.max()))
    # Sources are drawn without replacement, so the error vanishes as they become all.
    error = np.std(means, ddof=1) / np.sqrt(sources) * np.sqrt(1.0 - sources / count)
    return PathLengths(float(np.mean(means)), float(error), longest, sources, count)
