"""Rates, passage times and committors: published numbers, ball arithmetic as judge, detailed balance, Kemeny's
constant; the command `rates`."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from llcommon.errors import NothingFound
from llcommon.store import write_landscape
from llpathsample import ratescommand
from llpathsample.kinetics import allpairs
from llpathsample.kinetics.rates import Routes, barrier_between, log_rate_constants
from llpathsample.ktn import Network
from tests import networks
from tests.reference import kinetics

KINDS = ("steady_state", "non_steady_state", "inverse_time", "first_passage")
PRINTED = 1e-9  # PATHSAMPLE prints ten digits


def ids(*numbers):
    return np.array(numbers, dtype=np.int64)


def numbers_of(direction):
    return [np.exp(getattr(direction, kind)) for kind in KINDS]


# --- numbers of others ------------------------------------------------------------------------


def test_net4_as_pathsample_printed_it():
    network = Network.unchecked(networks.net4())
    one = Routes(network, ids(0), ids(3)).at(0.5)
    assert numbers_of(one.forth) == pytest.approx([0.3308645822e-1, *[0.1896150558e-1] * 3], rel=PRINTED)
    assert numbers_of(one.back) == pytest.approx([0.1047638924e-1, *[0.6368374251e-2] * 3], rel=PRINTED)
    assert np.exp(one.forth.passage_time) == pytest.approx(52.73842816, rel=PRINTED)
    two = Routes(network, ids(0), ids(2, 3)).at(0.5)
    expected = [0.2711392416e-1, 0.1907761458e-1, 1.0 / 51.62122095, 0.1938238889e-1]
    assert numbers_of(two.forth) == pytest.approx(expected, rel=PRINTED)
    expected = [0.1602548389e-1, *[0.1163340165e-1] * 3]
    assert numbers_of(two.back) == pytest.approx(expected, rel=PRINTED)
    assert np.exp(two.log_time_to_a[2:]) == pytest.approx([50.33207596, 52.73842816], rel=PRINTED)


def test_thirty_two_states_as_interval_arithmetic_has_it():
    network, a, b = networks.suite_network(networks.DATA / "32state")
    found = Routes(network, a, b).at(1.0)
    assert np.exp(found.back.passage_time) == pytest.approx(664.582683756473307838, rel=1e-13)
    assert np.exp(found.forth.passage_time) == pytest.approx(585.793406701792197678, rel=1e-13)
    expected = [0.00277689785391269914675, 0.000886949891354688722724, 1.0 / 664.582683756473307838,
                0.00151045103423575727278]  # fmt: skip
    assert numbers_of(found.back) == pytest.approx(expected, rel=1e-13)


# --- laws -------------------------------------------------------------------------------------


def random_network(seed, minima=60, states=130):
    return Network.unchecked(networks.random_network(seed, minima, states))


def judged(logarithms, expected):
    """The largest relative error; what must be zero is."""
    np.testing.assert_array_equal(np.isinf(logarithms), np.isinf(expected))
    known = np.isfinite(expected)
    return np.abs(np.expm1(logarithms[known] - expected[known])).max(initial=0.0)


# Losses are spread over some 6: barriers of more than 700 T, and of many thousands.
@pytest.mark.parametrize(
    ("minima", "temperature", "cold", "bits"),
    [(60, 0.02, False, 2000), (25, 0.006, True, 5000), (25, 0.0007, True, 20000), (30, 1.0, False, 500)],
)
def test_ball_arithmetic_agrees_where_doubles_would_not(minima, temperature, cold, bits):
    pytest.importorskip("flint", reason="needs python-flint: pip install python-flint")
    from tests.reference.exact_kinetics import exact

    network = random_network(minima, minima, 2 * minima)
    a, b = ids(0, 5), ids(1, 7, 11)
    expected = exact(network, temperature, a, b, bits)
    found = Routes(network, a, b).at(temperature)
    assert found.logarithmic == cold
    errors = [
        judged(getattr(found, f"log_{name}"), expected[name])
        for name in ("time_to_a", "time_to_b", "committor_a", "committor_b")
    ]
    for name in ("forth", "back"):
        rates = np.array([getattr(getattr(found, name), kind) for kind in KINDS])
        errors.append(judged(rates, np.array([expected[name][kind] for kind in KINDS])))
    assert max(errors) < 3e-12


@pytest.mark.parametrize("temperature", [0.5, 0.1, 0.01, 0.001])
def test_detailed_balance_and_kemeny(temperature):
    network = random_network(3)
    found = Routes(network, ids(0, 2), ids(7, 11, 13)).at(temperature)
    flow = found.forth.steady_state + found.forth.share
    assert abs(np.expm1(flow - found.back.steady_state - found.back.share)) < 1e-12
    together = np.logaddexp(found.log_committor_a, found.log_committor_b)
    assert np.abs(together).max() < 2e-12
    pairs = allpairs.all_passage_times(network, temperature)
    assert pairs.logarithmic == (temperature < 0.02)
    constant = pairs.log_kemeny()
    assert np.abs(np.expm1(constant - constant[0])).max() < 1e-12
    single = Routes(network, ids(4), ids(9)).at(temperature)
    for target, times in ((4, single.log_time_to_a), (9, single.log_time_to_b)):
        others = np.arange(60) != target
        # What a logarithm of thousands can hold is more than the arithmetic loses.
        allowed = max(1e-12, 4.0 * np.spacing(np.abs(times[others]).max()))
        assert np.abs(np.expm1(pairs.log_times[others, target] - times[others])).max() < allowed


@pytest.mark.parametrize("sets", [([0], [5, 6]), ([0, 3, 9], [5]), ([0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11])])
def test_rates_are_those_of_linear_systems(sets):
    landscape = networks.random_network(4)
    network = Network.unchecked(landscape)
    a, b = map(np.array, sets)
    found = Routes(network, a, b).at(0.6)
    for direction, products, reactants in ((found.forth, a, b), (found.back, b, a)):
        steady, relaxing, passage = kinetics.rates_between(landscape, products, reactants, 0.6)
        values = numbers_of(direction)
        assert [values[0], values[1], values[3]] == pytest.approx([steady, relaxing, passage], rel=1e-11)


def test_a_committor_too_small_for_doubles_is_kept():
    # A chain whose every node falls back to A at once: to B ever less probable.
    chain = np.column_stack([np.arange(2, 40), np.arange(3, 41)])
    back = np.column_stack([np.zeros(38, dtype=np.int64), np.arange(2, 40)])
    ends = np.vstack([chain, back, [[40, 1]]])
    heights = np.concatenate([np.full(38, 30.0), np.full(38, 1.0), [30.0]])
    network = Network(np.zeros(41), np.zeros(41), np.zeros(41), heights, np.zeros(77), np.zeros(77), ends)
    found = Routes(network, ids(0), ids(1)).at(1.0)
    assert found.logarithmic
    assert found.log_committor_b[2] == pytest.approx(-38 * 29.0 - np.log(2.0), rel=1e-13)


def test_what_is_not_joined_is_left_out():
    network = Network.unchecked(networks.net4())
    apart = dataclasses.replace(
        network, ends=network.ends[:2], ts_losses=network.ts_losses[:2], ts_lpphe=network.ts_lpphe[:2],
        ts_log_orders=network.ts_log_orders[:2],
    )  # fmt: skip
    with pytest.raises(NothingFound):
        Routes(apart, ids(0), ids(3))
    assert log_rate_constants(apart, 0.5, ids(0), ids(3)).steady_state == -np.inf
    routes = Routes(apart, ids(0, 3), ids(2))
    assert routes.minima.tolist() == [0, 1, 2] and routes.a.tolist() == [0]
    found = routes.at(0.5)
    assert np.isnan(found.log_time_to_a[3]) and found.log_occupations[3] == -np.inf
    assert np.exp(found.log_occupations).sum() == pytest.approx(1.0)
    assert barrier_between(routes) == 1.5
    pairs = allpairs.all_passage_times(apart, 0.5)
    assert np.isposinf(pairs.log_times[3, :3]).all() and np.isfinite(pairs.log_times[0, 2])
    alone = routes.at(0.5).log_time_to_b[0]
    assert pairs.log_times[0, 2] == pytest.approx(alone, rel=1e-14)


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    write_landscape(tmp_path / "net4.h5", networks.net4())
    return tmp_path / "net4.h5"


def run(*words):
    return CliRunner().invoke(ratescommand.rates, [str(word) for word in words])


def rows_of(result):
    assert result.exit_code == 0, result.output
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    names = [name.split(" ")[0] for name in lines[0]]
    return [dict(zip(names, line, strict=True)) for line in lines[1:]]


def test_the_table_over_temperatures(file):
    (row,) = rows_of(run(file, "--temperature", 0.5))
    assert float(row["k_ss_ab"]) == pytest.approx(0.3308645822e-1, rel=PRINTED)
    assert float(row["k_nss_ba"]) == pytest.approx(0.6368374251e-2, rel=PRINTED)
    assert float(row["mfpt_ab"]) == pytest.approx(52.73842816, rel=PRINTED)
    assert np.exp(float(row["ln_k_f_ab"])) == pytest.approx(float(row["k_f_ab"]), rel=1e-14)
    assert 0.0 < float(row["best_path_ab"]) < float(row["k_ss_ab"])
    shares = float(row["share_a"]), float(row["share_b"])
    assert float(row["best_path_ab"]) * shares[1] == pytest.approx(float(row["best_path_ba"]) * shares[0], rel=1e-12)
    (cold,) = rows_of(run(file, "--temperature", 1e-3))
    assert cold["mfpt_ba"] == "" and float(cold["ln_mfpt_ba"]) > 800.0


def test_the_barrier_is_that_of_the_deepest_trap():
    # A = 0; the ways from 1, 2 and 3 to it climb 0.5, 0.7 and 0.8, that from 0 climbs 1.0 to the nearest.
    network = Network.unchecked(networks.net4())
    assert barrier_between(Routes(network, ids(0), ids(1, 2, 3))) == pytest.approx(1.0)
    # Of A itself the first hop climbs little, and another minimum is a trap all the same.
    deep = dataclasses.replace(network, losses=np.array([0.0, 0.9, -0.3, 1.2]))
    assert barrier_between(Routes(deep, ids(0), ids(1, 2, 3))) == pytest.approx(1.8)


def test_temperatures_by_the_barrier(file, tmp_path):
    figure = tmp_path / "rates.svg"
    result = run(file, "-o", figure, "--json")
    document = json.loads(result.stdout)
    temperatures = [row["temperature"] for row in document["rows"]]
    # From A to B over 2.0, by way of minima 1 and 2.
    assert len(temperatures) == 13 and temperatures[0] == pytest.approx(2.0 / 50.0)
    assert temperatures[-1] == pytest.approx(1.0)
    assert document["minima_of_a"] == document["minima_of_b"] == 1 and document["unconnected_minima_left_out"] == 0
    assert figure.stat().st_size > 5000
    assert run(file, "-o", figure).exit_code != 0  # it is there already


def test_a_row_for_each_minimum_and_all_pairs(file, tmp_path):
    archive = tmp_path / "pairs.npz"
    rows = rows_of(run(file, "--temperature", 0.5, "--minima", "--all-pairs", archive, "--set-b", "2, 3"))
    assert [row["set"] for row in rows] == ["A", "", "B", "B"]
    assert [float(row["committor_a"]) + float(row["committor_b"]) for row in rows] == pytest.approx([1.0] * 4)
    assert float(rows[3]["mfpt_to_a"]) == pytest.approx(52.73842816, rel=PRINTED)
    with np.load(archive) as content:
        assert content["minima"].tolist() == [0, 1, 2, 3]
        assert np.exp(content["log_times"][3, 0]) == pytest.approx(52.73842816, rel=PRINTED)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--minima"], "--temperature"),
        (["--all-pairs", "x.npz", "--temperature", "1", "--temperature", "2"], "--all-pairs needs one temperature"),
        (["-o", "x.svg", "--temperature", "1"], "two temperatures"),
        (["-o", "x.txt"], "svg"),
        (["--all-pairs", "x.txt", "--temperature", "1"], ".npz"),
        (["--set-a", "0-1", "--set-b", "1"], "overlap"),
        (["--temperature", "0"], "--temperature"),
    ],
)
def test_what_makes_no_sense_is_said(file, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    result = run(file, *words)
    assert result.exit_code not in (0, None)
    assert said in result.output + str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["net4.h5"]


def test_no_path_and_no_memory(file, tmp_path, monkeypatch):
    landscape = networks.net4()
    landscape.transition_states.set("lpphe", np.full(4, np.nan))
    write_landscape(tmp_path / "apart.h5", landscape)
    result = run(tmp_path / "apart.h5", "--set-a", "0", "--set-b", "1")
    assert isinstance(result.exception, NothingFound)
    assert "4 transition states are left out: no LPPHE" in result.output
    monkeypatch.setattr("llcommon.machine.available_memory", lambda: 10)
    result = run(file, "--temperature", 1.0)
    assert "memory" in str(result.exception)
