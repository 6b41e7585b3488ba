"""The task `structure`: what basins, communities and graph measures cost, beside networkx."""

import time
from collections.abc import Callable

import networkx
import numpy as np

from benchmarks import table
from benchmarks.options import Options
from benchmarks.progress import say
from llpathsample.ktn import Network
from llpathsample.structure.basins import sequence_basins
from llpathsample.structure.communities import METHODS, found_communities, log_edge_weights, modularity
from llpathsample.structure.funnels import basins_of
from llpathsample.structure.graph import SimpleGraph
from llpathsample.structure.measures import network_measures

_SIZES = (1_000, 100_000, 1_000_000)
_BESIDE = (1_000, 20_000)  # beside networkx
_TS_PER_MINIMUM = 3
_REACH = 100  # how many places apart the ends of a transition state are at most


def made_up(size: int) -> Network:
    """A connected network whose transition states join minima that are near to each other in some order."""
    rng = np.random.default_rng(size)
    losses = rng.random(size)
    after = np.arange(1, size)
    chain = np.column_stack([after, np.maximum(0, after - 1 - rng.integers(0, _REACH // 2, size - 1))])
    start = rng.integers(0, size, (_TS_PER_MINIMUM - 1) * size)
    further = np.column_stack([start, np.minimum(size - 1, start + rng.integers(0, _REACH, len(start)))])
    ends = np.concatenate([chain, further])
    heights = losses[ends].max(axis=1) + rng.exponential(0.1, len(ends))
    lpphe, ts_lpphe = rng.normal(size=size), rng.normal(size=len(ends))
    return Network(losses, lpphe, np.zeros(size), heights, ts_lpphe, np.zeros(len(ends)), ends)


def _seconds(function: Callable, *arguments) -> float:
    """CPU of a call."""
    begin = time.process_time()
    function(*arguments)
    return time.process_time() - begin


def _alone(size: int) -> list[table.Figure]:
    """CPU of everything at one size, once each."""
    network = made_up(size)
    arrays = (network.losses, network.ts_losses, network.ends)
    task = f"{size} minima, {len(network.ends)} TS"
    graph = SimpleGraph.of(size, network.ends)
    weights = log_edge_weights(network, graph, "rate", None)
    seconds = {
        "sequence basins": _seconds(sequence_basins, *arrays),
        "basins, escapes, funnels": _seconds(basins_of, *arrays),
        "graph measures, no rewired graphs": _seconds(network_measures, network.losses, network.ends, 1, 0, 10, 0),
    }
    figures = [table.Figure(task, table.OURS, name, table.duration(value)) for name, value in seconds.items()]
    for method in METHODS:
        begin = time.process_time()
        labels = found_communities(graph, weights, network.losses, method, 1)
        taken = table.duration(time.process_time() - begin)
        value = f"{taken}, modularity {modularity(graph, weights, labels):.4f}"
        figures.append(table.Figure(task, table.OURS, f"communities by {method}", value))
    say(f"structure: {size} minima")
    return figures


def _beside(size: int, repeats: int) -> list[table.Row]:
    """Louvain and clustering beside networkx, the same graph for both."""
    network = made_up(size)
    graph = SimpleGraph.of(size, network.ends)
    drawn = networkx.Graph(graph.pairs.tolist())
    even = np.zeros(len(graph.pairs))
    measures = {
        "communities by Louvain": (
            lambda _: _seconds(found_communities, graph, even, network.losses, "louvain", 1),
            lambda _: _seconds(lambda: networkx.community.louvain_communities(drawn, seed=1)),
        ),
        "clustering of all minima": (
            lambda _: _seconds(lambda: graph.as_igraph().transitivity_local_undirected()),
            lambda _: _seconds(networkx.clustering, drawn),
        ),
    }
    rows = []
    for name, (ours, theirs) in measures.items():
        results = table.interleaved({"ours": ours, "networkx": theirs}, repeats)
        rows += table.compare(f"{name}, {size} minima", results)
    return rows


def structure(options: Options) -> table.Result:
    """CPU of basins, communities and graph measures up to 10^6 minima, and beside networkx up to 20000."""
    rows = [row for size in _BESIDE for row in _beside(size, options.repeats)]
    figures = [figure for size in _SIZES for figure in _alone(size)]
    return table.Result(rows, figures)
