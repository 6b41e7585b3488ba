"""Communities and clusters: planted ones are found, modularity is its definition, and nothing hangs on chance."""

import random

import networkx
import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from llcommon.errors import ConfigError
from llpathsample.kinetics.chain import log_rates
from llpathsample.ktn import Network
from llpathsample.structure.clusters import clusters
from llpathsample.structure.communities import (
    METHODS,
    WEIGHTS,
    agreement,
    communities,
    inner_components,
    log_edge_weights,
    modularity,
    stability,
    typical_barrier,
)
from llpathsample.structure.graph import SimpleGraph, igraph_random
from llpathsample.thermodynamics.observables import log_occupations
from tests.llpathsample.test_observables import random_network


def network_of(graph: networkx.Graph, losses=None) -> Network:
    """A network with the edges of a graph, all barriers and LPPHE alike."""
    count = graph.number_of_nodes()
    ends = np.array(graph.edges(), dtype=np.int64).reshape(-1, 2)
    losses = np.arange(count) / count if losses is None else losses
    zeros = np.zeros(len(ends))
    return Network(losses, np.zeros(count), np.zeros(count), zeros + 2.0, zeros, zeros, ends)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_planted_groups_are_found(method, weights):
    groups = networkx.planted_partition_graph(4, 12, 0.7, 0.02, seed=3)
    truth = np.repeat(np.arange(4), 12)
    labels = communities(network_of(groups, np.zeros(48)), method, weights, temperature=0.5)
    assert agreement(labels, truth) == pytest.approx(1.0)


# Brandes et al., IEEE Trans. Knowl. Data Eng. 20, 172 (2008): 0.4198 is the largest there is; Louvain stops at 0.4188.
@pytest.mark.parametrize(("method", "known"), [("leiden", 0.4197896), ("louvain", 0.4188034)])
def test_the_karate_club_comes_to_its_known_modularity(method, known):
    network = network_of(networkx.karate_club_graph())
    graph = SimpleGraph.of(34, network.ends)
    even = np.zeros(len(graph.pairs))
    best = max(modularity(graph, even, communities(network, method, "none", seed=seed)) for seed in range(5))
    assert best == pytest.approx(known, abs=1e-6)


def test_modularity_is_its_definition():
    rng = np.random.default_rng(5)
    drawn = networkx.gnm_random_graph(15, 40, seed=1)
    graph = SimpleGraph.of(15, np.array(drawn.edges()))
    values = rng.random(len(graph.pairs)) + 0.1
    drawn.add_weighted_edges_from([(*pair, value) for pair, value in zip(graph.pairs.tolist(), values, strict=True)])
    labels = rng.integers(0, 4, 15)
    parts = [set(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    for resolution in (0.5, 1.0, 2.0):
        expected = networkx.community.modularity(drawn, parts, resolution=resolution)
        assert modularity(graph, np.log(values), labels, resolution) == pytest.approx(expected)


def test_labels_go_by_the_lowest_minima():
    losses = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    network = network_of(networkx.Graph([(0, 1), (2, 3), (4, 5)]), losses)
    assert communities(network, weights="none").tolist() == [2, 2, 1, 1, 0, 0]


def test_equal_seeds_give_equal_labels_and_leave_the_random_numbers_of_others_alone():
    network = network_of(networkx.gnm_random_graph(60, 150, seed=2))
    random.seed(11)
    expected = random.random()
    random.seed(11)
    first = communities(network, seed=4)
    assert random.random() == expected
    assert np.array_equal(first, communities(network, seed=4))
    # Those of igraph are Python's again.
    import igraph

    random.seed(12)
    layout = igraph.Graph.Erdos_Renyi(20, 0.3).get_edgelist()
    random.seed(12)
    with igraph_random(99):
        igraph.Graph.Erdos_Renyi(20, 0.3)
    assert igraph.Graph.Erdos_Renyi(20, 0.3).get_edgelist() == layout


def test_weights_are_their_definitions():
    network, temperature = random_network(3), 0.4
    graph = SimpleGraph.of(7, network.ends)
    forth, back = log_rates(network, temperature)
    occupations = log_occupations(network, temperature)
    rates = np.zeros((7, 7))
    barrier = np.zeros((7, 7))
    for number, (a, b) in enumerate(network.ends.tolist()):
        if a != b:
            rates[a, b] += np.exp(forth[number])
            rates[b, a] += np.exp(back[number])
            height = network.ts_losses[number] - 0.5 * (network.losses[a] + network.losses[b])
            barrier[min(a, b), max(a, b)] += np.exp(-height / temperature)
    low, high = graph.pairs.T
    expected = {
        "rate": np.sqrt(rates[low, high] * rates[high, low]),
        "flux": rates[low, high] * np.exp(occupations[low]),
        "barrier": barrier[low, high],
        "none": np.ones(len(low)),
    }
    for name, values in expected.items():
        found = log_edge_weights(network, graph, name, temperature)
        assert found - found[0] == pytest.approx(np.log(values / values[0])), name
    edges = network.ends[:, 0] != network.ends[:, 1]
    means = network.ts_losses - network.losses[network.ends].mean(axis=1)
    assert typical_barrier(network) == np.median(means[edges])


def test_a_low_temperature_leaves_nothing_undefined():
    labels = communities(random_network(5, 30, 60), temperature=1e-5)
    assert np.isfinite(labels).all()
    assert labels.min() == 0


@pytest.mark.parametrize("graph", [networkx.empty_graph(1), networkx.empty_graph(4)])
def test_without_edges_each_minimum_is_alone(graph):
    network = network_of(graph)
    assert communities(network).tolist() == list(range(graph.number_of_nodes()))
    simple = SimpleGraph.of(graph.number_of_nodes(), network.ends)
    assert np.isnan(modularity(simple, np.empty(0), np.arange(simple.count)))


@pytest.mark.parametrize("wrong", [{"method": "guess"}, {"weights": "guess"}])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(ConfigError, match="guess must be one of"):
        communities(network_of(networkx.path_graph(3)), **wrong)


def test_stability_compares_all_pairs_of_runs():
    graph = SimpleGraph.of(5, np.array([[0, 1], [1, 2], [2, 3]]))
    runs = [np.array(labels) for labels in ([0, 0, 1, 1, 2], [1, 1, 0, 0, 2], [0, 0, 0, 1, 2])]
    found = stability(graph, np.zeros(3), runs)
    pairs = [adjusted_mutual_info_score(runs[a][:4], runs[b][:4]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert pairs[0] == pytest.approx(1.0)
    assert (found.mean, found.least) == pytest.approx((np.mean(pairs), np.min(pairs)))
    assert found.modularities == pytest.approx([modularity(graph, np.zeros(3), labels) for labels in runs])
    assert np.isnan(stability(graph, np.zeros(3), runs[:1]).mean)


def test_communities_that_fall_apart_are_counted():
    graph = SimpleGraph.of(5, np.array([[0, 1], [1, 2], [3, 4]]))
    assert inner_components(graph, np.array([0, 1, 0, 2, 2])) == 1
    assert inner_components(graph, np.array([0, 0, 0, 1, 1])) == 0


@pytest.mark.parametrize("method", ["hierarchical", "k-medoids"])
def test_clusters_are_heaps_of_near_points(method):
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 8)
    points = 10.0 * np.array([[0, 0], [1, 0], [0, 1]])[truth] + rng.normal(size=(24, 2))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert agreement(clusters(distances, 3, method), truth) == pytest.approx(1.0)
    assert clusters(distances[:1, :1], 3, method).tolist() == [0]
    assert len(np.unique(clusters(distances, 24, method))) == 24
    assert np.array_equal(clusters(distances, 5, method, seed=2), clusters(distances, 5, method, seed=2))
    # Points that coincide leave nothing to divide.
    assert len(clusters(np.zeros((4, 4)), 3, method)) == 4
