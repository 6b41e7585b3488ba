"""Rates of a network: against a twin that takes one step at a time, and laws."""

import io

import networks
import numpy as np
import pytest
from scipy.sparse import load_npz

from llcommon.errors import InputError
from llcommon.interchange.rates import pygt_files, rates_content, rates_of, sparse_matrix
from tests.reference import kinetics


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [0.2, 3.0])
def test_matrix_is_that_of_the_twin(seed, temperature):
    landscape = networks.random_network(seed)
    matrix = sparse_matrix(rates_of(landscape, temperature)).toarray()
    expected = kinetics.rate_matrix(landscape, temperature)
    assert matrix == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert np.abs(matrix.sum(axis=0)).max() <= 1e-13 * np.abs(matrix).max()
    rest = matrix @ np.exp(rates_of(landscape, temperature).log_occupation)
    assert np.abs(rest).max() <= 1e-13 * np.abs(matrix).max()


def test_detailed_balance_holds_where_the_numbers_underflow():
    rates = rates_of(networks.random_network(1), 1e-4)
    assert (np.exp(rates.log_rate) == 0.0).any()
    flow = rates.log_rate + rates.log_occupation[rates.source]
    back = {(a, b): value for a, b, value in zip(rates.source, rates.target, flow, strict=True)}
    for (a, b), value in back.items():
        assert value == pytest.approx(back[b, a], rel=1e-12)
    assert np.exp(rates.log_occupation).sum() == pytest.approx(1.0, rel=1e-14)
    for minimum in set(rates.source.tolist()):
        assert np.exp(rates.log_branching[rates.source == minimum]).sum() == pytest.approx(1.0, rel=1e-12)


def test_a_minimum_without_a_way_out_waits_for_ever():
    landscape = networks.net4()
    from llcommon.records import Minimum

    landscape.add_minimum(Minimum(3.0, np.empty(0), np.nan, 1.0, np.nan))
    content = np.load(io.BytesIO(rates_content(landscape, 0.5)))
    assert content["log_waiting_time"][4] == np.inf
    matrix = load_npz(io.BytesIO(rates_content(landscape, 0.5)))
    assert matrix.shape == (5, 5)
    assert not matrix.toarray()[4].any() and not matrix.toarray()[:, 4].any()
    assert content["temperature"] == 0.5
    assert np.exp(content["log_branching"]).sum() == pytest.approx(4.0)


def test_pygt_files_name_a_step_and_the_one_back():
    landscape = networks.net4()
    files = pygt_files(landscape, 0.5)
    matrix = kinetics.rate_matrix(landscape, 0.5)
    weights = [float(line) for line in files["ts_weights.dat"].split()]
    pairs = [tuple(int(word) - 1 for word in line.split()) for line in files["ts_conns.dat"].splitlines()]
    assert pairs == [(0, 1), (0, 3), (1, 2), (2, 3)]
    for place, (a, b) in enumerate(pairs):
        assert np.exp(weights[2 * place : 2 * place + 2]) == pytest.approx([matrix[b, a], matrix[a, b]], rel=1e-14)
    probabilities = np.exp([float(line) for line in files["stat_prob.dat"].split()])
    assert probabilities == pytest.approx(kinetics.occupations(landscape, 0.5), rel=1e-14)


def test_a_point_without_lpphe_has_no_rates():
    landscape = networks.net4()
    landscape.transition_states.replace("lpphe", 2, np.nan)
    with pytest.raises(InputError, match="transition state 2 has no LPPHE"):
        rates_of(landscape, 1.0)
