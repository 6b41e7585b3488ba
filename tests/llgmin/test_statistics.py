"""`llgmin stats`: counts by hand, what is left out without a trace, and the doubts that are said."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from searches import QUENCHES, empty_landscape, landscape_of, simulated

from llcommon.errors import InputError, NothingFound
from llcommon.estimates import chao1, frequencies, good_turing, wilson
from llcommon.store import write_landscape
from llgmin.cli import main
from llgmin.statistics import basin_shares, exchange_rates, omission, read_record, search_statistics, warnings


def record_of(landscape):
    return read_record(landscape, "file.h5")


def statistics_of(landscape):
    return search_statistics(record_of(landscape))


def stats(landscape, tmp_path, *arguments):
    file = tmp_path / "landscape.h5"
    write_landscape(file, landscape)
    return CliRunner().invoke(main, ["stats", str(file), *arguments])


# --- counts -----------------------------------------------------------------------------------------


def test_a_search_counted_by_hand():
    found = statistics_of(landscape_of(counters={"failed no convergence": 1, "failed batches": 7, "quenches": 8}))
    assert found["quenches"] == 8
    assert found["verified"] == 7
    assert found["not_verified"] == 0
    assert found["failed"] == 1
    assert found["failed_by_reason"] == {"no convergence": 1}
    assert found["evaluations"] == 400
    assert found["evaluations_per_quench"] == {"mean": 50.0, "median": 45.0}
    assert found["acceptance"] == 0.5
    assert found["acceptance_of_walker"] == {"0": 0.75, "1": 0.25}
    assert found["minima"] == 4
    assert found["lowest_loss"] == 1.0
    assert found["hits_of_lowest"] == 2
    assert found["quenches_until_lowest"] == 5
    assert found["evaluations_until_lowest"] == 150
    assert found["singletons"] == 1
    assert found["doubletons"] == 3
    assert found["next_quench_is_new"]["probability"] == pytest.approx(1 / 7)
    assert "exchanges" not in found


def test_a_quench_that_was_not_taken_to_a_minimum_is_neither_verified_nor_failed():
    landscape = landscape_of()
    landscape.trace.append(walker=0, loss=0.5, evaluations=5, outcome=2)
    found = statistics_of(landscape)
    assert (found["verified"], found["not_verified"], found["failed"]) == (7, 1, 1)
    assert found["quenches_until_lowest"] == 5


def test_estimates_are_those_of_the_visits():
    landscape = landscape_of()
    found = statistics_of(landscape)
    counts = frequencies(landscape.minima.visits)
    total = chao1(counts)
    assert found["next_quench_is_new"]["standard_error"] == good_turing(counts).error
    assert found["chao1_minima"] == {"value": total.value, "low": total.low, "high": total.high}
    assert found["unseen_minima"]["high"] == total.high - 4


def test_exchange_rates_of_neighbours():
    counters = {"exchange 1-2 tried": 4, "exchange 0-1 accepted": 2, "exchange 0-1 tried": 8, "exchanged": 3}
    assert exchange_rates(counters) == {
        "0-1": {"tried": 8, "accepted": 2, "rate": 0.25},
        "1-2": {"tried": 4, "accepted": 0, "rate": 0.0},
    }
    ten = {f"exchange {i}-{i + 1} tried": 0 for i in range(11)}
    assert list(exchange_rates(ten))[-1] == "10-11"
    assert exchange_rates(ten)["10-11"]["rate"] is None
    found = statistics_of(landscape_of(counters=counters, method="parallel-tempering"))
    assert found["exchanges"]["0-1"]["rate"] == 0.25


def test_temperatures_are_those_of_the_ladder():
    found = statistics_of(landscape_of(method="parallel-tempering"))
    temperatures = list(found["temperature_of_walker"].values())
    ratios = np.array(temperatures[1:]) / np.array(temperatures[:-1])
    assert ratios == pytest.approx(np.full(len(ratios), 100.0 ** (1.0 / len(ratios))))
    assert "temperature_of_walker" not in statistics_of(landscape_of())


def test_multi_start_has_no_acceptance():
    found = statistics_of(landscape_of(method="multi-start"))
    assert "acceptance" not in found and "acceptance_of_walker" not in found


def test_without_a_trace_counters_and_visits_speak():
    counters = {"quenches": 8, "evaluations": 400, "steps": 6, "accepted": 3, "failed too many": 1}
    landscape = landscape_of(traced=False, counters=counters)
    found = statistics_of(landscape)
    assert (found["quenches"], found["verified"], found["failed"]) == (8, 7, 1)
    assert found["evaluations_per_quench"] == {"mean": 50.0, "median": None}
    assert found["acceptance"] == 0.5
    assert found["quenches_until_lowest"] is None
    assert found["chao1_minima"] == statistics_of(landscape_of())["chao1_minima"]
    assert "file.h5 holds no trace" in omission(record_of(landscape), "file.h5")
    assert omission(record_of(landscape_of()), "file.h5") is None
    bare = statistics_of(landscape_of(traced=False))
    assert bare["quenches"] is bare["evaluations"] is bare["acceptance"] is None


# --- doubts -----------------------------------------------------------------------------------------


def test_dropped_minima_void_the_estimates():
    landscape = landscape_of(counters={"dropped minima": 3})
    found = statistics_of(landscape)
    assert found["dropped_minima"] == 3
    assert found["next_quench_is_new"] is found["chao1_minima"] is found["unseen_minima"] is None
    (warning,) = warnings(record_of(landscape))
    assert "void" in warning and "search.save" in warning


def test_a_markov_chain_is_warned_of_and_multi_start_is_not():
    assert "not independent draws" in warnings(record_of(landscape_of()))[0]
    assert warnings(record_of(landscape_of(method="multi-start"))) == []


def test_visits_from_elsewhere_are_warned_of():
    landscape = landscape_of(method="multi-start")
    landscape.merge(landscape_of([(0, 9.0, 1, True)]))
    assert "not those of the search alone" in warnings(record_of(landscape))[0]
    fewer = landscape_of(method="multi-start")
    fewer.keep_lowest(2)  # as searches did before they counted it
    assert "not those of the search alone" in warnings(record_of(fewer))[0]
    connected = landscape_of(method="multi-start")
    connected.mark_pair(0, 1, False, 0)
    assert "not those of the search alone" in warnings(record_of(connected))[0]


# --- basin shares -----------------------------------------------------------------------------------


def test_shares_of_basin_volume():
    landscape = landscape_of(method="multi-start")
    shares = basin_shares(record_of(landscape), "file.h5")
    assert shares.minimum == [0, 1, 3, 2]
    assert shares.loss == [3.0, 2.0, 1.0, 5.0]
    assert shares.visits == [2, 2, 2, 1]
    assert shares.draws == 7
    assert shares.intervals[0] == wilson(2, 7)


def test_dropped_minima_keep_their_place_in_the_shares():
    landscape = landscape_of(method="multi-start", counters={"dropped minima": 1})
    landscape.keep_lowest(2)
    shares = basin_shares(record_of(landscape), "file.h5")
    assert (shares.visits, shares.draws) == ([2, 2], 7)
    untraced = landscape_of(traced=False, method="multi-start", counters={"dropped minima": 1})
    with pytest.raises(InputError, match="not those of its own"):
        basin_shares(record_of(untraced), "file.h5")


@given(st.integers(1, 400), st.integers(1, 30), st.integers(0, 99))
def test_shares_are_at_most_ten_and_at_most_all(quenches, minima, seed):
    record = simulated(quenches, minima=minima, method="multi-start", seed=seed)
    shares = basin_shares(record, "file.h5")
    assert 1 <= len(shares.minimum) <= 10
    assert sum(shares.visits) <= shares.draws
    assert shares.visits == sorted(shares.visits, reverse=True)
    assert shares.visits[0] == record.visits.max()


def test_no_shares_of_other_searches_or_of_merged_files():
    with pytest.raises(InputError, match="of a genetic search"):
        basin_shares(record_of(landscape_of(method="genetic")), "file.h5")
    landscape = landscape_of(method="multi-start")
    landscape.merge(landscape_of())
    with pytest.raises(InputError, match="not those of its own multi-start quenches"):
        basin_shares(record_of(landscape), "file.h5")


# --- the command ------------------------------------------------------------------------------------


def test_the_table_and_the_document_agree(tmp_path):
    landscape = landscape_of(counters={"exchange 0-1 tried": 2})
    table = stats(landscape, tmp_path)
    assert table.exit_code == 0
    assert table.stdout.startswith("property\tvalue\nmethod\tbasin-hopping\nquenches\t8\n")
    assert "\nacceptance_of_walker.0\t0.75\n" in table.stdout
    assert "\nexchanges.0-1.rate\t0.0\n" in table.stdout
    assert "warning: visits of a basin-hopping search" in table.stderr
    document = json.loads(stats(landscape, tmp_path, "--json", "-q").stdout)
    assert {name: document[name] for name in ("schema_version", "quenches")} == {"schema_version": 1, "quenches": 8}
    assert document["chao1_minima"]["low"] == statistics_of(landscape)["chao1_minima"]["low"]


def test_one_sentence_about_a_missing_trace(tmp_path):
    result = stats(landscape_of(traced=False, method="multi-start"), tmp_path)
    assert result.exit_code == 0
    assert len(result.stderr.splitlines()) == 1
    assert "holds no trace of its search" in result.stderr


def test_the_table_of_shares(tmp_path):
    landscape = landscape_of(method="multi-start")
    lines = stats(landscape, tmp_path, "--shares").stdout.splitlines()
    assert lines[0] == "id\tloss\tvisits\tshare\tlow\thigh"
    assert lines[1].startswith("0\t3.0\t2\t0.2857142857142857\t0.08")
    untraced = stats(landscape_of(traced=False, method="multi-start"), tmp_path, "--shares")
    assert untraced.stdout.splitlines() == lines
    assert "holds no trace" not in untraced.stderr
    document = json.loads(stats(landscape, tmp_path, "--shares", "--json").stdout)
    assert document["quenches"] == 7 and len(document["rows"]) == 4


def test_errors_are_one_sentence(tmp_path):
    with pytest.raises(NothingFound, match="holds no minima"):
        record_of(empty_landscape())
    empty = stats(empty_landscape(), tmp_path)
    assert (empty.exit_code, len(empty.stderr.splitlines())) == (4, 1)
    other = stats(landscape_of(), tmp_path, "--shares")
    assert (other.exit_code, len(other.stderr.splitlines())) == (3, 1)
    absent = CliRunner().invoke(main, ["stats", str(tmp_path / "absent.h5")])
    assert absent.exit_code == 3


def test_one_quench_is_a_search_too(tmp_path):
    result = stats(landscape_of(QUENCHES[:1]), tmp_path, "--json")
    document = json.loads(result.stdout)
    assert document["next_quench_is_new"]["probability"] == 1.0
    assert document["unseen_minima"]["low"] == 0.0
    assert document["quenches_until_lowest"] == 1
