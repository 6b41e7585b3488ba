"""K shortest paths, and the paths that contribute most to k_SS, against enumeration."""

import itertools

import numpy as np
import pytest

from llcommon.store import write_landscape
from llpathsample.kinetics.paths import fastest_paths, lowest_path
from llpathsample.kinetics.rates import Routes
from llpathsample.kinetics.reduction import log_committor, log_mesh
from llpathsample.kinetics.shortest import Graph, lengths_to, shortest_paths
from llpathsample.kinetics.steps import joined_sets, steps_of
from llpathsample.ktn import Network
from tests.driving import call
from tests.llpathsample.test_observables import NET4, random_network, rate_matrix
from tests.networks import net4

A, B = np.array([0, 3]), np.array([5, 6])


def simple_paths(steps: dict, start: int, goal: int) -> list[list[int]]:
    """All paths without loops in a graph of dictionaries."""
    found, waiting = [], [[start]]
    while waiting:
        path = waiting.pop()
        if path[-1] == goal:
            found.append(path)
            continue
        waiting += [[*path, head] for head in steps.get(path[-1], {}) if head not in path]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_shortest_paths_are_those_of_enumeration(seed):
    rng = np.random.default_rng(seed)
    edges = np.unique(rng.integers(0, 8, (24, 2)), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    costs = rng.choice([0.0, 0.5, 1.0, 2.0], len(edges)) if seed % 2 else rng.random(len(edges))
    steps: dict = {}
    for (tail, head), cost in zip(edges.tolist(), costs.tolist(), strict=True):
        steps.setdefault(tail, {})[head] = cost

    def length(path) -> float:
        return sum(steps[a][b] for a, b in itertools.pairwise(path))

    everything = sorted(length(path) for path in simple_paths(steps, 0, 7))
    found = shortest_paths(Graph.of(8, edges[:, 0], edges[:, 1], costs), 0, 7, 10)
    assert len(set(found)) == len(found)
    np.testing.assert_allclose([length(path) for path in found], everything[:10])


def test_where_no_path_leads():
    graph = Graph.of(3, np.array([1]), np.array([2]), np.array([1.0]))
    assert shortest_paths(graph, 0, 2, 3) == []
    assert lengths_to(graph, 2).tolist() == [np.inf, 1.0, 0.0]


@pytest.mark.parametrize("seed", range(6))
def test_contributions_are_products_of_branching_probabilities(seed):
    network = random_network(seed)
    rates = rate_matrix(network, 0.3)
    out = rates.sum(axis=1)
    weights = np.exp(steps_of(network, 0.3).log_weights)
    steps = {}
    for tail, head in zip(*np.nonzero(rates), strict=True):
        if tail not in A and head not in B:
            steps.setdefault(int(tail), {})[int(head)] = rates[tail, head] / out[tail]
    expected = {}
    for b, a in itertools.product(B.tolist(), A.tolist()):
        for path in simple_paths(steps, b, a):
            if not set(path[1:-1]) & set(A.tolist()):
                chance = np.prod([steps[i][j] for i, j in itertools.pairwise(path)])
                expected[tuple(path)] = weights[b] / weights[B].sum() * out[b] * chance
    found = fastest_paths(network, 0.3, A, B, 1000)
    assert {tuple(path.minima) for path in found.paths} == set(expected)
    values = [path.log_contribution for path in found.paths]
    assert values == sorted(values, reverse=True)
    for path in found.paths:
        assert np.exp(path.log_contribution) == pytest.approx(expected[tuple(path.minima)], rel=1e-9)
        for state, step in zip(path.states, itertools.pairwise(path.minima), strict=True):
            parallel = np.flatnonzero((np.sort(network.ends, axis=1) == sorted(step)).all(axis=1))
            alone = [rate_matrix(_only(network, number), 0.3)[step] for number in parallel]
            assert state == parallel[np.argmax(alone)]
    # k_SS is the sum over all walks, and every walk becomes one path when its loops are erased.
    rate = Routes(network, A, B).at(0.3).forth.steady_state
    assert found.log_rate == pytest.approx(rate, abs=1e-12)
    assert np.logaddexp.reduce([path.log_with_returns for path in found.paths]) == pytest.approx(rate, abs=1e-12)
    assert all(path.log_with_returns >= path.log_contribution - 1e-12 for path in found.paths)
    # By returns: the same paths in the other order, whatever number is asked for.
    ranked = sorted(found.paths, key=lambda path: -path.log_with_returns)
    for most in (2, 1000):
        returning = fastest_paths(network, 0.3, A, B, most, returning=True).paths
        assert [path.minima for path in returning] == [path.minima for path in ranked[:most]]


def _only(network: Network, state: int) -> Network:
    """The network with one of its TS."""
    states = (network.ts_losses, network.ts_lpphe, network.ts_log_orders, network.ends)
    return Network(network.losses, network.lpphe, network.log_orders, *(column[[state]] for column in states))


def test_a_share_with_returns_by_walks():
    # B = 3, A = 0 in the ring of four: ln G of loops by the linear system of the walks between.
    rates = rate_matrix(NET4, 0.5)
    steps = rates / rates.sum(axis=1)[:, None]
    found = fastest_paths(NET4, 0.5, np.array([0]), np.array([3]), 9)
    (long,) = (path for path in found.paths if path.minima == [3, 2, 1, 0])
    visits_2 = 1.0 / (1.0 - steps[2, 1] * steps[1, 2])
    expected = rates[3, 2] * visits_2 * steps[2, 1] * steps[1, 0]
    assert np.exp(long.log_with_returns) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_path_between_sets(seed):
    network = random_network(seed)
    minima, states = lowest_path(network, A, B)
    assert minima[0] in B and minima[-1] in A and not set(minima[1:-1]) & {*A.tolist(), *B.tolist()}
    for state, step in zip(states, itertools.pairwise(minima), strict=True):
        assert sorted(network.ends[state].tolist()) == sorted(step)
    barrier = network.ts_losses[states].max()
    # Without the TS from there on up nothing joins the sets.
    kept = network.ts_losses < barrier
    below = Network(
        network.losses, network.lpphe, network.log_orders, network.ts_losses[kept], network.ts_lpphe[kept],
        network.ts_log_orders[kept], network.ends[kept],
    )  # fmt: skip
    assert not joined_sets(below, A, B)[0].size


def test_a_mesh_without_minima_between_is_the_network():
    steps = steps_of(NET4, 0.5)
    mesh = log_mesh(steps, np.arange(4), [])
    np.testing.assert_allclose(mesh[tuple(steps.ends.T)], steps.log_flow, rtol=1e-14)
    assert mesh[0, 2] == -np.inf


def test_too_many_minima_on_the_paths_leave_returns_out(monkeypatch):
    network = random_network(1)
    whole = fastest_paths(network, 0.3, A, B, 3)
    monkeypatch.setattr("llpathsample.kinetics.paths._MOST_WORK", 0.0)
    found = fastest_paths(network, 0.3, A, B, 3)
    assert found.log_rate == pytest.approx(whole.log_rate, abs=1e-12)
    assert np.isnan([path.log_with_returns for path in found.paths]).all()


def test_searches_that_do_not_suffice(monkeypatch):
    target, start = np.array([0]), np.array([6])
    network = random_network(0, 12, 20)
    whole = fastest_paths(network, 0.1, target, start, 1, returning=True).paths
    assert len(whole[0].states) > 1
    monkeypatch.setattr("llpathsample.kinetics.paths.MOST_SEARCHES", 0)
    found = fastest_paths(network, 0.1, target, start, 1, returning=True)
    assert not found.paths and np.isfinite(found.log_rate)


def test_committors_are_those_of_the_rates():
    network = random_network(3)
    for temperature in (0.3, 2e-3):
        passage = Routes(network, A, B).at(temperature)
        found = log_committor(steps_of(network, temperature), A, B)
        np.testing.assert_allclose(found, passage.log_committor_a, atol=1e-10)


def test_the_command(tmp_path, capsys):
    landscape = net4()
    landscape.minima.replace("lpphe", 1, np.nan)
    write_landscape(tmp_path / "net4.h5", landscape)
    words = ["fastest-paths", tmp_path / "net4.h5", "--temperature", "0.5", "--temperature", "2"]
    assert call("llpathsample", *words, "-o", tmp_path / "paths.svg") == 0
    said = capsys.readouterr()
    rows = [line.split("\t") for line in said.out.splitlines()]
    assert rows[0][-2:] == ["minima", "transition_states"] and len(rows) == 1 + 2 * 2
    assert rows[1][-2:] == ["3 0", "3"] and float(rows[1][4]) == pytest.approx(1.0)
    assert "1 minima and 2 transition states are left out: no LPPHE" in said.err
    assert (tmp_path / "paths.svg").stat().st_size > 1000
    assert call("llpathsample", "fastest-paths", tmp_path / "net4.h5", "--set-a", "0", "--set-b", "1") == 4
    assert "join sets A and B" in capsys.readouterr().err
