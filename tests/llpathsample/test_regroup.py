"""Groups by free energy, rate and loss: their rates, detailed balance, naive twins, what the original suite wrote."""

import json

import numpy as np
import pytest

from llcommon.store import read_landscape, write_landscape
from llpathsample.grouping import free_energy_groups, loss_groups, rate_groups
from llpathsample.groupscan import grouped_rates, threshold_scale
from llpathsample.kinetics.chain import log_rates
from llpathsample.kinetics.rates import Routes
from llpathsample.thermodynamics.observables import log_weights
from tests.driving import call
from tests.llpathsample.test_observables import NET4, random_network, rate_matrix
from tests.networks import net4
from tests.networks import random_network as random_table

NOBODY = np.empty(0, dtype=np.int64)
A, B = np.array([0]), np.array([6])


def test_the_database_of_the_original_suite():
    # REGROUPFREE 0.3 at T = 0.5, PLANCK 1: min.data.regrouped and ts.data.regrouped, free energies above the lowest.
    groups = free_energy_groups(NET4, 0.5, 0.3, A, np.array([3]))
    lowest = groups.free_energies.min()
    printed = [0.0, 0.25, 0.6465735903, 0.575]
    np.testing.assert_allclose(groups.free_energies - lowest, printed, atol=1e-10)
    between = dict(zip(map(tuple, groups.ends.tolist()), groups.barriers - lowest, strict=True))
    expected = {(0, 1): 1.447364943, (1, 2): 1.697364943, (2, 3): 1.997364943, (0, 3): 2.247364943}
    assert between == pytest.approx(expected, abs=1e-9)
    assert groups.network(0.5).lpphe[0] == pytest.approx(2.289459772, abs=1e-9)
    # "intergroup ts 4 links A and B with k(B<-A) and k(A<-B)"
    forth, back = groups.log_rates(0.5)
    place = groups.ends.tolist().index([0, 3])
    assert np.exp([forth[place], back[place]]) == pytest.approx([0.5583848380e-2, 0.1763487036e-1], rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["loss", "free-energy", "rate"])
def test_rates_of_groups_are_those_of_their_minima(kind, seed):
    network = random_network(seed, 12, 26)
    threshold = threshold_scale(network, kind, 0.2, 5)[2]
    found = grouped_rates(network, kind, 0.2, threshold, A, B)
    groups = found.groups
    count = len(groups.free_energies)
    assert 1 < count < 12 and groups.labels[0] != groups.labels[6]
    member = np.eye(count)[groups.labels]
    weights = np.exp(log_weights(network, 0.2))
    total = member.T @ weights
    expected = (member.T @ (weights[:, None] * rate_matrix(network, 0.2)) @ member) / total[:, None]
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(np.exp(-groups.free_energies / 0.2), total, rtol=1e-12)
    rates = np.zeros((count, count))
    forth, back = groups.log_rates(0.2)
    rates[tuple(groups.ends.T)], rates[tuple(groups.ends[:, ::-1].T)] = np.exp(forth), np.exp(back)
    np.testing.assert_allclose(rates, expected, rtol=1e-11)
    # Detailed balance, and the same of the network that stands for the groups.
    flow = total[:, None] * rates
    np.testing.assert_allclose(flow, flow.T, rtol=1e-12)
    network_of_groups = groups.network(0.2)
    for side, values in zip(log_rates(network_of_groups, 0.2), (forth, back), strict=True):
        np.testing.assert_allclose(side, values, atol=1e-11)
    kept = Routes(network_of_groups, groups.members(A), groups.members(B)).at(0.2)
    assert found.log_forth == pytest.approx(kept.forth.steady_state, abs=1e-11)
    assert found.log_back == pytest.approx(kept.back.steady_state, abs=1e-11)


@pytest.mark.parametrize("seed", range(4))
def test_groups_by_rate_are_as_large_as_they_can_be(seed):
    network = random_network(seed, 12, 26)
    for threshold in 1.001 * threshold_scale(network, "rate", 0.2, 4):
        groups = rate_groups(network, 0.2, threshold, NOBODY, NOBODY)
        forth, back = groups.log_rates(0.2)
        assert (np.minimum(forth, back) < np.log(threshold)).all()
    single = rate_groups(network, 0.2, 1e9, NOBODY, NOBODY)
    assert single.labels.tolist() == list(range(12))


@pytest.mark.parametrize("seed", range(4))
def test_superbasins_are_components_below_a_loss(seed):
    network = random_network(seed, 12, 26)
    threshold = float(np.median(network.ts_losses))
    reached = np.eye(12, dtype=bool)
    for a, b in network.ends[network.ts_losses <= threshold].tolist():
        reached[a, b] = reached[b, a] = True
    for _ in range(4):
        reached = reached @ reached
    groups = loss_groups(network, 0.2, threshold, NOBODY, NOBODY)
    assert (groups.labels[:, None] == groups.labels).tolist() == reached.tolist()


def test_products_and_reactants_stay_apart_as_one_by_one():
    """Against a naive union, pair by pair, on a network where they would meet."""
    network = random_network(3, 40, 90)
    products, reactants = np.arange(0, 40, 5), np.arange(2, 40, 7)
    products = np.setdiff1d(products, reactants)
    groups = loss_groups(network, 0.2, 1e9, products, reactants)
    labels = list(range(40))
    for state in np.argsort(network.ts_losses, kind="stable").tolist():
        a, b = (labels[minimum] for minimum in network.ends[state].tolist())
        merged = {minimum for minimum in range(40) if labels[minimum] in (a, b)}
        if not (merged & set(products.tolist()) and merged & set(reactants.tolist())):
            labels = [min(a, b) if label in (a, b) else label for label in labels]
    assert (groups.labels[:, None] == groups.labels).tolist() == (np.array(labels)[:, None] == labels).tolist()


def test_thresholds_of_a_scan():
    network = random_network(1, 12, 26)
    scale = threshold_scale(network, "loss", 0.2, 40)
    counts = [len(loss_groups(network, 0.2, x, NOBODY, NOBODY).free_energies) for x in scale]
    assert counts == list(range(11, 0, -1))
    empty = np.zeros(12, dtype=np.int64)
    alone = random_network(1, 12, 26)
    alone.ends[:] = empty[0]
    assert not threshold_scale(alone, "loss", 0.2, 5).size and not threshold_scale(alone, "rate", 0.2, 5).size


def test_the_command(tmp_path, capsys):
    file, grouped = tmp_path / "table.h5", tmp_path / "groups.h5"
    landscape = random_table(1)
    write_landscape(file, landscape)
    words = ["regroup", file, "--temperature", "0.4", "--set-a", "0", "--set-b", "5"]
    assert call("llpathsample", *words, "--threshold", "1.5", "--network", grouped, "--json") == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    rows = document["rows"]
    assert sum(row["minima"] for row in rows) == 12 == len(document["members"]["group"])
    assert sum(row["occupation"] for row in rows) == pytest.approx(1.0)
    assert {row["set"] for row in rows} >= {"A", "B"}
    assert f"{len(rows)} groups of 12 minima" in said.err
    # The network of groups is a landscape with the sets, and gives the rates that were printed.
    stored = read_landscape(grouped)
    assert stored.minima.loss.tolist() == [row["free_energy"] for row in rows]
    assert stored.provenance[-1]["groups"] == {"temperature": 0.4, "by": "free-energy", "threshold": 1.5}
    assert call("llpathsample", "fastest-paths", grouped, "--temperature", "0.4", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["ln_k_ss"] == pytest.approx(document["ln_k_ss_of_groups"])
    assert call("llpathsample", *words, "--scan", "4", "--by", "loss", "-o", tmp_path / "scan.svg") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5 and [int(row[1]) for row in lines[1:]] == sorted(int(row[1]) for row in lines[1:])[::-1]
    assert call("llpathsample", "regroup", file, "--members", "--by", "rate", "--network", tmp_path / "g.graphml") == 0
    assert capsys.readouterr().out.splitlines()[0] == "minimum\tgroup"
    assert (tmp_path / "g.graphml").read_bytes().startswith(b"<?xml") and (tmp_path / "scan.svg").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--network", "groups.txt"], ".h5 or .graphml"),
        (["--threshold", "nan"], "finite number"),
        (["--by", "rate", "--threshold", "0"], "above zero, as rates are"),
        (["--temperature", "1", "--temperature", "2"], "one temperature"),
        (["--scan", "3", "--network", "g.h5"], "one threshold"),
    ],
)
def test_what_makes_no_sense(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_landscape(tmp_path / "net4.h5", net4())
    assert call("llpathsample", "regroup", tmp_path / "net4.h5", *words) == 2
    assert said in capsys.readouterr().err
