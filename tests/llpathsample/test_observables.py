"""Occupations, heat capacity, frustration, rates, best paths and free-energy groups, against definitions and the
original suite (numbers that PATHSAMPLE printed for a network of four minima)."""

import itertools

import numpy as np
import pytest

from llcommon.errors import InputError
from llpathsample.grouping import free_energy_groups
from llpathsample.kinetics import chain
from llpathsample.kinetics.rates import log_rate_constants
from llpathsample.ktn import Network
from llpathsample.thermodynamics import features, observables
from llpathsample.thermodynamics.curves import curves
from llpathsample.thermodynamics.frustration import frustration
from tests.llpathsample.growing_standin import random_landscape

NET4 = Network(
    losses=np.array([0.0, 0.5, 0.8, 1.2]),
    lpphe=np.array([3.0, 2.0, 1.0, 0.5]),
    log_orders=np.log([1.0, 1.0, 2.0, 1.0]),
    ts_losses=np.array([1.0, 1.5, 2.0, 2.2]),
    ts_lpphe=np.array([2.5, 1.5, 0.7, 0.9]),
    ts_log_orders=np.zeros(4),
    ends=np.array([[0, 1], [1, 2], [2, 3], [0, 3]]),
)


def random_network(seed: int, minima: int = 7, states: int = 11) -> Network:
    rng = np.random.default_rng(seed)
    losses = rng.random(minima)
    ends = np.vstack([np.column_stack([np.arange(1, minima), rng.integers(0, np.arange(1, minima))]),
                      rng.integers(0, minima, (states - minima + 1, 2))])
    heights = losses[ends].max(axis=1) + rng.random(states)
    return Network(
        losses, rng.random(minima), np.log(rng.integers(1, 3, minima)), heights, rng.random(states),
        np.zeros(states), ends,
    )  # fmt: skip


def rate_matrix(network, temperature):
    """k_ab from a to b, (n, n), term by term."""
    rates = np.zeros((len(network.losses),) * 2)
    for number, (a, b) in enumerate(network.ends.tolist()):
        for start, end in ((a, b), (b, a)):
            if a != b:
                factor = np.exp(network.log_orders[start] - network.ts_log_orders[number]) / (2.0 * np.pi)
                stiffness = 0.5 * (network.lpphe[start] - network.ts_lpphe[number])
                barrier = network.ts_losses[number] - network.losses[start]
                rates[start, end] += factor * np.exp(stiffness - barrier / temperature)
    return rates


def test_numbers_of_the_original_suite():
    rates = log_rate_constants(NET4, 0.5, np.array([0]), np.array([2, 3]))
    assert np.exp(rates.steady_state) == pytest.approx(0.2711392416e-1, rel=1e-9)
    assert np.exp(rates.non_steady_state) == pytest.approx(0.1907761458e-1, rel=1e-9)
    back = log_rate_constants(NET4, 0.5, np.array([2, 3]), np.array([0]))
    assert np.exp(back.steady_state) == pytest.approx(0.1602548389e-1, rel=1e-9)
    for temperature, entropy_of, index in [(0.25, 0.76496, 0.94630), (0.5, 0.45505, 0.88323), (0.75, 0.33124, 0.85469)]:
        assert np.exp(observables.log_occupations(NET4, temperature)[0]) == pytest.approx(entropy_of, abs=6e-6)
        assert frustration(NET4, temperature) == pytest.approx(index, abs=6e-6)


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_those_of_linear_algebra(seed):
    network = random_network(seed)
    temperature = 0.3
    a, b = np.array([0, 3]), np.array([5, 6])
    rates = rate_matrix(network, temperature)
    out = rates.sum(axis=1)
    steps = rates / out[:, None]
    inner = np.array([1, 2, 4])
    # Of minima that are neither: the probability to come to A before B, and of B itself after one step.
    committed = np.linalg.solve(np.eye(3) - steps[np.ix_(inner, inner)], steps[np.ix_(inner, a)].sum(axis=1))
    shares = np.exp(observables.log_weights(network, temperature)[b])
    shares /= shares.sum()
    reached = steps[np.ix_(b, a)].sum(axis=1) + steps[np.ix_(b, inner)] @ committed
    found = log_rate_constants(network, temperature, a, b)
    assert np.exp(found.steady_state) == pytest.approx(float(shares @ (reached * out[b])), rel=1e-9)
    # Detailed balance: k_AB p_B = k_BA p_A.
    back = log_rate_constants(network, temperature, b, a)
    occupied = observables.log_occupations(network, temperature)
    forth_flow = found.steady_state + np.logaddexp.reduce(occupied[b])
    assert back.steady_state + np.logaddexp.reduce(occupied[a]) == pytest.approx(forth_flow, abs=1e-9)


def test_rates_do_not_overflow_when_it_is_cold():
    forth = log_rate_constants(NET4, 1e-4, np.array([0]), np.array([3]))
    # Over the lower of the two ways, 2.0 by way of minimum 2: Arrhenius' slope.
    assert forth.steady_state * 1e-4 == pytest.approx(-0.8, abs=1e-2)
    apart = Network(NET4.losses, NET4.lpphe, NET4.log_orders, *[np.empty(0)] * 3, np.empty((0, 2), dtype=np.int64))
    assert log_rate_constants(apart, 1.0, np.array([0]), np.array([3])).steady_state == -np.inf


@pytest.mark.parametrize("seed", range(4))
def test_the_best_path_is_the_best_of_all(seed):
    network = random_network(seed, 6, 9)
    rates = rate_matrix(network, 0.2)
    steps = rates / rates.sum(axis=1)[:, None]
    best, value = None, -np.inf
    for inner in range(5):
        for order in itertools.permutations([1, 2, 3, 4], inner):
            path = [5, *order, 0]
            chance = np.prod([steps[i, j] for i, j in itertools.pairwise(path)])
            if chance > 0.0 and np.log(chance) > value:
                best, value = path, np.log(chance)
    assert chain.best_path(network, 0.2, np.array([0]), np.array([5])) == best


def test_the_peak_of_the_heat_capacity():
    peak = features.highest_peak(NET4)
    grid = np.linspace(0.05, 2.0, 4000)
    values = curves(NET4, grid).capacity
    assert peak == pytest.approx(grid[int(np.argmax(values))], abs=1e-3)
    # Var(L) / T^2 is the slope of the mean loss.
    mean = [np.exp(observables.log_occupations(NET4, t)) @ NET4.losses for t in (0.3 - 1e-5, 0.3 + 1e-5)]
    assert curves(NET4, [0.3]).capacity[0] == pytest.approx((mean[1] - mean[0]) / 2e-5, rel=1e-6)
    alone = Network(*[np.zeros(1)] * 3, *[np.empty(0)] * 3, np.empty((0, 2), dtype=np.int64))
    assert features.highest_peak(alone) is None
    assert frustration(alone, 1.0) is None


def test_a_missing_log_product_is_named():
    landscape = random_landscape(1)
    landscape.minima.replace("lpphe", 3, np.nan)
    with pytest.raises(InputError, match="minimum 3 has no log product"):
        Network.of(landscape)


NOBODY = np.empty(0, dtype=np.int64)


def test_groups_are_single_minima_or_components():
    network = random_network(2)
    single = free_energy_groups(network, 0.1, -1e9, NOBODY, NOBODY)
    assert single.labels.tolist() == list(range(7))
    np.testing.assert_allclose(single.free_energies, -0.1 * observables.log_weights(network, 0.1))
    rates = rate_matrix(network, 0.1)
    for (a, b), barrier in zip(single.ends.tolist(), single.barriers.tolist(), strict=True):
        for start, end in ((a, b), (b, a)):
            height = barrier - single.free_energies[start]
            assert 0.1 * np.exp(-height / 0.1) == pytest.approx(rates[start, end], rel=1e-9)
    whole = free_energy_groups(network, 0.1, 1e9, NOBODY, NOBODY)
    assert not whole.labels.any() and not len(whole.ends)
    total = np.logaddexp.reduce(observables.log_weights(network, 0.1))
    assert whole.free_energies[0] == pytest.approx(-0.1 * total)
    kept = free_energy_groups(network, 0.1, 1e9, np.array([0]), np.array([4]))
    assert kept.labels.max() == 1 and kept.labels[0] != kept.labels[4]


def test_groups_part_at_high_barriers():
    single = free_energy_groups(NET4, 0.1, -1e9, NOBODY, NOBODY)
    threshold = float(np.sort(single.barriers - single.free_energies[single.ends].min(axis=1))[0])
    groups = free_energy_groups(NET4, 0.1, threshold, NOBODY, NOBODY)
    larger = groups.barriers - groups.free_energies[groups.ends].min(axis=1)
    assert (larger > threshold).all() and len(groups.free_energies) == 3
