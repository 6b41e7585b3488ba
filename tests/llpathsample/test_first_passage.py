"""Distributions of first-passage times against closed forms, matrix exponentials and moments by linear algebra; kinetic
Monte Carlo against all of these."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.linalg import expm

from llcommon.status import Status
from llcommon.store import write_landscape
from llpathsample.kinetics.montecarlo import simulate
from llpathsample.kinetics.passage import absorbing_chain, moments, peaks, quantile, reduced_chain, spectrum
from llpathsample.kinetics.propagation import propagate
from llpathsample.kinetics.rates import Routes
from llpathsample.ktn import Network
from tests.driving import call
from tests.llpathsample.test_observables import NET4, random_network, rate_matrix
from tests.networks import net4

A, B = np.array([0]), np.array([5, 6])


def chain_of(losses, heights) -> Network:
    """Minima in a row, with TS of these heights between."""
    count = len(losses)
    ends = np.column_stack([np.arange(count - 1), np.arange(1, count)])
    zeros = np.zeros(count)
    return Network(np.array(losses), zeros, zeros, np.array(heights), zeros[1:], zeros[1:], ends)


def distribution(network: Network, temperature: float, a, b):
    chain = absorbing_chain(network, temperature, np.asarray(a), np.asarray(b))
    exact = moments(chain)
    return exact, spectrum(chain, exact)


def test_between_two_minima_it_is_exponential():
    network = chain_of([0.0, 0.3], [1.0])
    exact, found = distribution(network, 0.2, [0], [1])
    rate = rate_matrix(network, 0.2)[1, 0]
    assert exact.log_mean == pytest.approx(-np.log(rate))
    assert exact.variation == pytest.approx(1.0)
    assert found.rates == pytest.approx([1.0]) and found.amplitudes == pytest.approx([1.0])
    assert quantile(found, 0.5) == pytest.approx(np.log(2.0))
    assert peaks(found) == pytest.approx([1.0], rel=0.02) and found.modes() == 1


def test_two_exponentials_in_closed_form():
    network = chain_of([0.0, 0.5, 0.2], [1.0, 0.9])
    rates = rate_matrix(network, 0.3)
    exact, found = distribution(network, 0.3, [0], [2])
    # Eigenvalues of [[k_21, -k_21], [-k_12, k_12 + k_10]].
    total = rates[2, 1] + rates[1, 2] + rates[1, 0]
    root = np.sqrt(total**2 - 4.0 * rates[2, 1] * rates[1, 0])
    eigenvalues = np.array([total - root, total + root]) / 2.0
    np.testing.assert_allclose(found.rates, eigenvalues * np.exp(exact.log_mean), rtol=1e-12)
    slow, fast = eigenvalues
    np.testing.assert_allclose(found.amplitudes, [fast / (fast - slow), -slow / (fast - slow)], rtol=1e-12)


def test_a_birth_and_death_chain_in_closed_form():
    rng = np.random.default_rng(3)
    losses = rng.random(9)
    network = chain_of(losses, np.maximum(losses[1:], losses[:-1]) + rng.random(8))
    rates = rate_matrix(network, 0.15)
    weights = np.exp(-losses / 0.15)
    # From x to 0: sum over the steps down j -> j - 1 of (weight of all from j on) / (flow of that step).
    expected = sum(weights[j:].sum() / (weights[j] * rates[j, j - 1]) for j in range(1, 9))
    exact, found = distribution(network, 0.15, [0], [8])
    assert np.exp(exact.log_mean) == pytest.approx(expected, rel=1e-12)
    assert found.resolved and found.mean_error < 1e-12 and found.square_error < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_the_matrix_exponential(seed):
    network = random_network(seed)
    rates = rate_matrix(network, 0.3)
    inner = np.arange(1, 7)
    generator = rates - np.diag(rates.sum(axis=1))
    generator = generator[np.ix_(inner, inner)]
    start = np.exp(-network.losses / 0.3 - 0.5 * network.lpphe - network.log_orders)
    start[:5] = 0.0
    start = start[inner] / start.sum()
    exact, found = distribution(network, 0.3, A, B)
    inverse = np.linalg.inv(-generator)
    mean, square = start @ inverse @ np.ones(6), 2.0 * start @ inverse @ inverse @ np.ones(6)
    assert np.exp(exact.log_mean) == pytest.approx(mean, rel=1e-10)
    assert exact.variation == pytest.approx(np.sqrt(square - mean**2) / mean, rel=1e-8)
    for time in (0.01, 0.3, 1.0, 4.0):
        moved = start @ expm(generator * time * mean)
        assert found.survival(time) == pytest.approx(moved.sum(), abs=1e-10)
        assert found.density(time) == pytest.approx(time * mean * moved @ rates[inner, 0], abs=1e-10)
    for probability in (0.05, 0.5, 0.95):
        assert found.survival(quantile(found, probability)) == pytest.approx(1.0 - probability, abs=1e-9)


@pytest.mark.parametrize("temperature", [0.1, 0.03, 0.01, 0.004])
def test_cold_spectra_keep_their_digits(temperature):
    network = random_network(2, 10, 18)
    target = np.array([int(np.argmin(network.losses))])
    exact, found = distribution(network, temperature, target, [9])
    assert exact.log_mean == pytest.approx(-Routes(network, target, np.array([9])).at(temperature).forth.inverse_time)
    assert found.rates[-1] / found.rates[0] > (1e100 if temperature < 0.005 else 1e3)
    assert found.resolved and found.mean_error < 1e-9 and found.square_error < 1e-9


def test_what_is_too_cold_is_named():
    exact, found = distribution(NET4, 5e-4, [0], [1, 2, 3])
    assert found.status is Status.UNRESOLVED and not found.rates.size
    rate = Routes(NET4, np.array([0]), np.array([1, 2, 3])).at(5e-4).forth
    assert exact.log_mean == pytest.approx(rate.passage_time)


def test_lost_amplitudes_are_named(monkeypatch):
    network = random_network(2)
    chain = absorbing_chain(network, 0.3, A, B)
    exact = moments(chain)
    damaged = dataclasses.replace(exact, log_mean=exact.log_mean + 1e-5)
    monkeypatch.setattr("llpathsample.kinetics.passage.moments", lambda chain: damaged)
    found = spectrum(chain, exact)
    assert found.status is Status.UNRESOLVED and found.rounding == pytest.approx(1e-5, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.3, 0.05, 0.01])
def test_powers_of_the_transition_matrix_agree_with_the_spectrum(temperature):
    network = random_network(2, 10, 18)
    target = np.array([int(np.argmin(network.losses))])
    chain = absorbing_chain(network, temperature, target, np.array([9]))
    exact = moments(chain)
    found, exponentials = propagate(chain, exact), spectrum(chain, exact)
    times = np.exp(found.log_times)
    np.testing.assert_allclose(found.survivals, exponentials.survival(times), atol=1e-10)
    np.testing.assert_allclose(found.densities, exponentials.density(times), atol=1e-10)
    assert found.resolved and quantile(found, 0.5) == pytest.approx(quantile(exponentials, 0.5), rel=1e-4)


def test_amplitudes_that_rounding_takes_leave_powers():
    # At T = 0.03 the start is 90 T above the bottom: eigenvectors, right to 1e-16, are divided by sqrt(pi) = e^-45.
    network = chain_of([0.0, 0.3, 0.1, 2.0, 2.2, 2.5, 3.0, 2.8], [0.8, 0.7, 2.5, 2.6, 2.9, 3.2, 3.3])
    more = np.array([[4, 7], [2, 6], [1, 5]])
    network = dataclasses.replace(
        network, ends=np.vstack([network.ends, more]), ts_losses=np.append(network.ts_losses, [3.4, 3.25, 3.1]),
        ts_lpphe=np.zeros(10), ts_log_orders=np.zeros(10),
    )  # fmt: skip
    for temperature in (0.05, 0.03):
        chain = absorbing_chain(network, temperature, A, np.array([7]))
        exact = moments(chain)
        found, exponentials = propagate(chain, exact), spectrum(chain, exact)
        assert found.resolved and found.mean_error < 1e-5
        assert found.survivals[0] == pytest.approx(1.0) and np.diff(found.survivals).max() < 1e-14
        if exponentials.resolved:
            np.testing.assert_allclose(found.survivals, exponentials.survival(np.exp(found.log_times)), atol=1e-5)
        simulated = simulate(chain, exact.log_mean, 1000, 3, 10**6)
        survival = found.survival(np.sort(simulated.times))
        assert np.abs(survival - 1.0 + (np.arange(1000) + 0.5) / 1000).max() < 2.2 / np.sqrt(1000)
    assert not exponentials.resolved


@pytest.mark.parametrize(("temperature", "most"), [(0.2, 8), (0.03, 8), (0.003, 6)])
def test_a_reduced_chain_keeps_the_mean(temperature, most):
    network = random_network(4, 14, 30)
    chain = absorbing_chain(network, temperature, A, np.array([5]))
    exact = moments(chain)
    small = reduced_chain(chain, most)
    assert len(small.minima) == most and 5 in small.minima
    found = spectrum(small, exact)
    assert found.resolved and found.mean_error < 1e-9
    # What it does to the second moment is what is reported, and small when it is cold.
    own = moments(small)
    assert found.square_error == pytest.approx(abs(np.expm1(own.log_square - exact.log_square)), abs=1e-9)
    assert found.square_error < (0.3 if temperature > 0.1 else 1e-3)
    assert reduced_chain(chain, 13) is chain


def test_starts_that_are_taken_out_go_where_they_first_come_to():
    network = random_network(4, 14, 30)
    starts = np.arange(5, 14)
    chain = absorbing_chain(network, 0.2, A, starts)
    small = reduced_chain(chain, 4)
    rates = rate_matrix(network, 0.2)
    steps = rates / rates.sum(axis=1)[:, None]
    kept = small.minima
    gone = np.setdiff1d(np.arange(1, 14), kept)
    first = np.linalg.solve(np.eye(len(gone)) - steps[np.ix_(gone, gone)], steps[np.ix_(gone, kept)])
    share = np.zeros(14)
    share[chain.minima] = np.exp(chain.log_start)
    np.testing.assert_allclose(np.exp(small.log_start), share[kept] + share[gone] @ first, rtol=1e-10)


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_trajectories_agree_with_the_mean(temperature):
    network = random_network(5, 12, 25)
    chain = absorbing_chain(network, temperature, A, B)
    exact = moments(chain)
    found = simulate(chain, exact.log_mean, 4000, 7, 10**6)
    assert found.status is Status.CONVERGED
    assert abs(found.mean - 1.0) < 4.0 * found.error
    assert found.error == pytest.approx(exact.variation / np.sqrt(4000), rel=0.2)
    # Their distribution too (Kolmogorov's bound at 1e-4).
    survival = spectrum(chain, exact).survival(np.sort(found.times))
    assert np.abs(survival - 1.0 + (np.arange(4000) + 0.5) / 4000).max() < 2.2 / np.sqrt(4000)


def test_trajectories_depend_on_the_seed_alone():
    chain = absorbing_chain(random_network(5), 0.5, A, B)
    runs = [simulate(chain, 0.0, 300, seed, 10**5, jobs) for seed, jobs in ((1, 1), (1, 3), (2, 1))]
    assert (runs[0].times == runs[1].times).all() and (runs[0].steps == runs[1].steps).all()
    assert (runs[0].times != runs[2].times).any()
    assert (simulate(chain, 0.0, 100, 1, 10**5).times == runs[0].times[:100]).all()


def test_trajectories_that_do_not_arrive_are_not_averaged():
    chain = absorbing_chain(random_network(5), 0.2, A, B)
    found = simulate(chain, 0.0, 200, 1, 3)
    assert found.status is Status.STEP_LIMIT
    assert 0 < len(found.times) < 200 and found.steps.max() == 3
    assert np.isnan(found.mean) and np.isnan(found.error)


def test_the_mean_of_the_original_suite(tmp_path, capsys, monkeypatch):
    # PATHSAMPLE's MFPT of this network with B = {4}.

    file = tmp_path / "net4.h5"
    write_landscape(file, net4())
    words = ["first-passage", file, "--temperature", "0.5", "--temperature", "0.0005"]
    assert call("llpathsample", *words, "--simulate", "500", "--steps", "5000", "--json", "-o", tmp_path / "p.png") == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    cold, warm = document["rows"]
    assert np.exp(warm["ln_mean_time"]) == pytest.approx(52.73842816, rel=1e-9)
    assert warm["status"] == "resolved" and abs(warm["deviation"]) < 4.0 and warm["simulation"] == "converged"
    assert cold["status"] == "unresolved" and cold["ln_median_time"] is None
    assert len(document["curves"]) == 1 and len(document["spectra"][0]["amplitudes"]) == 3
    assert "does not resolve" in said.err
    assert (tmp_path / "p.png").stat().st_size > 1000
    assert call("llpathsample", *words[:4], "--curve", "--states", "2") == 0
    said = capsys.readouterr()
    monkeypatch.setattr("llcommon.machine.available_memory", lambda: 100)
    assert call("llpathsample", *words[:4]) == 2
    assert "keep fewer by --states" in capsys.readouterr().err
    lines = said.out.splitlines()
    assert lines[0].split("\t") == ["temperature", "ln_time", "density", "survival"] and len(lines) == 401
    assert "the 1 fastest of 3 minima" in said.err
