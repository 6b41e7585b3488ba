"""The network as a graph: closed forms of stars, rings, complete graphs; the karate club beside networkx; fits."""

import networkx
import numpy as np
import pytest
from scipy.special import zeta

from llcommon.plotting import save_figure
from llpathsample.structure import measures
from llpathsample.structure.basinfigure import draw_basins
from llpathsample.structure.degrees import _Synthetic, fitted_share, power_law
from llpathsample.structure.figures import draw_degrees, draw_network, graph_layout
from llpathsample.structure.funnels import basins_of
from llpathsample.structure.graph import SimpleGraph
from llpathsample.structure.measures import Compared, default_rewired, network_measures


def ends_of(graph: networkx.Graph) -> np.ndarray:
    return np.array(graph.edges(), dtype=np.int64).reshape(-1, 2)


def measured(graph: networkx.Graph, **options):
    count = graph.number_of_nodes()
    return network_measures(np.arange(count, dtype=float), ends_of(graph), **{"samples": 0, "rewired": 0, **options})


# --- known graphs ---------------------------------------------------------------------------------


def test_a_star():
    found = measured(networkx.star_graph(9))
    assert found.degrees.tolist() == [9] + [1] * 9
    assert found.hubs[0] == 0
    assert found.transitivity.value == 0.0
    assert found.assortativity.value == pytest.approx(-1.0)
    # 9 pairs at distance 1 and 36 at distance 2.
    assert (found.path_lengths.average, found.path_lengths.diameter) == (pytest.approx((9 + 72) / 45), 2)


def test_a_ring():
    found = measured(networkx.cycle_graph(10))
    assert found.clustering.value == 0.0
    assert np.isnan(found.assortativity.value)
    assert found.path_lengths.average == pytest.approx((2 * (1 + 2 + 3 + 4) + 5) / 9)
    assert found.path_lengths.diameter == 5
    assert found.fit is None
    assert np.isnan(found.loss_correlation)


def test_a_complete_graph():
    found = measured(networkx.complete_graph(6))
    assert (found.clustering.value, found.transitivity.value) == (1.0, 1.0)
    assert found.local_clustering.tolist() == [1.0] * 6
    assert (found.path_lengths.average, found.path_lengths.diameter, found.path_lengths.error) == (1.0, 1, 0.0)


def test_the_karate_club_beside_networkx():
    club = networkx.karate_club_graph()
    found = measured(club, rewired=12, hubs=3)
    assert found.degrees.tolist() == [degree for _, degree in club.degree()]
    assert found.hubs.tolist() == [33, 0, 32]
    assert found.transitivity.value == pytest.approx(networkx.transitivity(club))
    assert found.assortativity.value == pytest.approx(networkx.degree_assortativity_coefficient(club))
    assert found.path_lengths.average == pytest.approx(networkx.average_shortest_path_length(club))
    assert found.path_lengths.diameter == networkx.diameter(club)
    local = networkx.clustering(club)
    several = [node for node, degree in club.degree() if degree > 1]
    assert found.local_clustering[several] == pytest.approx([local[node] for node in several])
    assert found.clustering.value == pytest.approx(np.mean([local[node] for node in several]))
    # Most of its negative correlation is that of its degrees.
    assert found.assortativity.mean == pytest.approx(-0.3, abs=0.1)
    assert found.assortativity.z < 0.0
    assert found.small_world > 1.0


def test_nothing_but_the_seed_decides():
    club = networkx.karate_club_graph()
    first, again, other = (measured(club, rewired=4, samples=20, seed=seed) for seed in (1, 1, 2))
    assert (first.assortativity, first.fit) == (again.assortativity, again.fit)
    assert first.assortativity.mean != other.assortativity.mean


def test_parallel_and_degenerate_states_and_components():
    ends = np.array([[1, 0], [0, 1], [2, 2], [1, 3], [4, 5]])
    found = network_measures(np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), ends, samples=0, rewired=0)
    assert found.degrees.tolist() == [1, 2, 0, 1, 1, 1]
    assert found.connections.tolist() == [2, 3, 0, 1, 1, 1]
    assert found.components.tolist() == [0, 0, 1, 0, 2, 2]
    assert found.path_lengths.minima == 3
    assert found.graph.pairs.tolist() == [[0, 1], [1, 3], [4, 5]]
    assert found.graph.place.tolist() == [0, 0, -1, 1, 2]
    part = found.graph.induced(np.array([1, 3, 4]))
    assert (part.pairs.tolist(), part.place.tolist()) == ([[0, 1]], [-1, -1, -1, 0, -1])


@pytest.mark.parametrize("count", [1, 3])
def test_without_transition_states(count):
    found = network_measures(np.arange(count, dtype=float), np.empty((0, 2), dtype=np.int64))
    assert found.path_lengths is None
    assert found.fit is None
    assert not found.hubs.size
    assert np.isnan(found.clustering.value)
    assert len(np.unique(found.components)) == count


def test_sampled_path_lengths_are_right_within_their_error(monkeypatch):
    graph = networkx.connected_watts_strogatz_graph(300, 4, 0.1, seed=1)
    exact = measured(graph).path_lengths
    monkeypatch.setattr(measures, "EXACT_PATHS", 100)
    monkeypatch.setattr(measures, "_SAMPLED_WORK", 300 * 60)
    sampled = measured(graph).path_lengths
    assert (exact.exact, sampled.exact, sampled.sources) == (True, False, 60)
    assert sampled.error > 0.0
    assert abs(sampled.average - exact.average) < 4.0 * sampled.error
    assert sampled.diameter <= exact.diameter
    monkeypatch.setattr(measures, "_SAMPLED_WORK", 300 * 300)
    everyone = measured(graph).path_lengths
    assert (everyone.average, everyone.error) == (pytest.approx(exact.average), 0.0)


def test_fewer_rewired_graphs_of_large_networks():
    assert [default_rewired(edges) for edges in (0, 100, 50_000, 3_000_000)] == [20, 20, 4, 0]


# --- degree distributions -------------------------------------------------------------------------


def test_a_power_law_gives_its_exponent_back():
    drawn = _Synthetic(np.array([3]), np.array([1]), 3, 2.5).tail(4000, np.random.default_rng(1))
    assert np.mean(drawn == 3) == pytest.approx(3.0**-2.5 / zeta(2.5, 3), abs=0.02)
    fit = power_law(drawn, samples=40)
    assert abs(fit.alpha - 2.5) < 4.0 * fit.error
    assert fit.error == pytest.approx(1.5 / np.sqrt(fit.tail), rel=0.2)  # of the continuous law, (alpha - 1) / sqrt(n)
    assert fit.p > 0.1
    assert fit.verdict.startswith("a power law is possible")
    others = {other.name: other for other in fit.alternatives}
    assert others["exponential"].log_ratio > 0.0 > -others["exponential"].p
    assert others["exponential"].p < 0.01


@pytest.mark.parametrize("kind", ["geometric", "poisson"])
def test_other_laws_are_no_power_laws(kind):
    rng = np.random.default_rng(1)
    drawn = rng.geometric(0.1, 3000) if kind == "geometric" else rng.poisson(12.0, 3000)
    fit = power_law(drawn, samples=40)
    assert fit.verdict.startswith("not a power law")


def test_few_minima_decide_nothing():
    fit = power_law(np.array([1, 1, 1, 2, 2, 3, 7]), samples=10)
    assert fit.verdict.startswith("not decidable from")
    assert power_law(np.array([0, 2, 2])) is None


def test_the_distance_is_that_of_all_degrees():
    degrees = np.array([1] * 30 + [2] * 10 + [3] * 4 + [5] * 2 + [9])
    fit = power_law(degrees, samples=0)
    tail = degrees[degrees >= fit.xmin]
    every = np.arange(fit.xmin, fit.largest + 1)
    seen = np.array([(tail >= k).mean() for k in every])
    assert fit.distance == pytest.approx(np.abs(fitted_share(fit, "power law", every) - seen).max(), abs=5e-3)
    assert np.isnan(fit.p)
    for other in fit.alternatives:
        shares = fitted_share(fit, other.name, every)
        assert shares[0] == pytest.approx(1.0)
        assert (np.diff(shares) < 0.0).all()


# --- figures --------------------------------------------------------------------------------------


def test_layouts_keep_components_apart():
    graph = SimpleGraph.of(9, np.array([[0, 1], [1, 2], [2, 0], [3, 4], [5, 6], [6, 7]]))
    places = graph_layout(graph)
    assert np.array_equal(places, graph_layout(graph))
    assert np.isfinite(places).all()
    parts = [[0, 1, 2], [3, 4], [5, 6, 7], [8]]
    boxes = [(places[part].min(axis=0), places[part].max(axis=0)) for part in parts]
    for k, (low, high) in enumerate(boxes):
        for lower, upper in boxes[:k]:
            assert (low > upper).any() or (high < lower).any()


def test_figures_have_the_same_bytes(tmp_path):
    count, losses = 34, np.linspace(0.0, 1.0, 34)
    graph = SimpleGraph.of(count, ends_of(networkx.karate_club_graph()))
    classes = np.arange(count) % 11
    for name in ("a.svg", "b.svg"):
        save_figure(draw_network(graph, losses, np.arange(count), classes), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("joined", [True, False])
def test_figures_of_little_have_room_and_ticks(count, joined):
    ends = ends_of(networkx.path_graph(count)) if joined else np.empty((0, 2), dtype=np.int64)
    graph = SimpleGraph.of(count, ends)
    axes = draw_network(graph, np.zeros(count), np.arange(count), np.zeros(count)).axes[0]
    # Points on a line or all in one: each dot lies within limits that are apart.
    places = axes.collections[-1].get_offsets()
    assert len(places) == count
    for limits, values in zip((axes.get_xlim(), axes.get_ylim()), places.T, strict=True):
        assert limits[0] + 0.2 < values.min() <= values.max() < limits[1] - 0.2
    degrees = graph.degrees()
    (axes,) = draw_degrees(degrees, power_law(degrees, 0)).axes
    if degrees.any():
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2"]


def test_a_single_bottom_has_ticks():
    losses = np.array([23.9, 24.0])
    (axes,) = draw_basins(basins_of(losses, np.array([25.0]), np.array([[0, 1]])), losses).axes
    assert len(axes.get_xticks()) > 2
    assert axes.get_xlim()[0] < 23.9 < axes.get_xlim()[1]


def test_measures_that_differ_by_rounding_have_no_z():
    assert np.isnan(Compared(4 / 3, 1.333333333333333, 2e-16).z)
    assert Compared(2.0, 1.0, 0.5).z == 2.0


def test_the_largest_classes_are_named_in_the_legend():
    graph = SimpleGraph.of(12, ends_of(networkx.path_graph(12)))
    classes = np.array([7, 7, 7, 3, 3, *range(20, 27)])
    figure = draw_network(graph, np.arange(12.0), np.arange(12), classes, "basin")
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts[:2] == ["basin 7 (3)", "basin 3 (2)"]
    assert texts[-1] == "1 more (1)"
