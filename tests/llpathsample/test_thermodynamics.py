"""Curves over the temperature, peaks of the heat capacity and who makes them: laws, closed forms, naive twins."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from llpathsample.ktn import Network
from llpathsample.thermodynamics import curves as curves_module
from llpathsample.thermodynamics.convergence import convergence, numbers_of_minima
from llpathsample.thermodynamics.curves import curves, curves_of_lowest
from llpathsample.thermodynamics.features import (
    SLIGHT,
    contributions,
    heat_capacity_maxima,
    heat_capacity_peaks,
    occupation_gains,
    resolved,
    resolved_curves,
    temperature_range,
)
from llpathsample.thermodynamics.freeenergy import Superposition, free_energies
from llpathsample.thermodynamics.heatcapacity import heat_capacity
from llpathsample.thermodynamics.makers import GAINS, LOSES, peak_makers
from llpathsample.thermodynamics.observables import log_occupations
from llpathsample.thermodynamics.occupations import most_occupied, occupations
from tests.llpathsample.test_observables import NET4
from tests.reference import thermodynamics as naive


def network_of(losses, lpphe=None, orders=None) -> Network:
    """Minima without transition states."""
    losses = np.asarray(losses, dtype=np.float64)
    lpphe = np.zeros(len(losses)) if lpphe is None else np.asarray(lpphe, dtype=np.float64)
    orders = np.ones(len(losses)) if orders is None else np.asarray(orders)
    nothing = np.empty(0)
    return Network(losses, lpphe, np.log(orders), nothing, nothing, nothing, np.empty((0, 2), dtype=np.int64))


def part_of(network: Network, rows) -> Network:
    return network_of(network.losses[rows], network.lpphe[rows], np.exp(network.log_orders[rows]))


def random_minima(seed: int, count: int) -> Network:
    rng = np.random.default_rng(seed)
    return network_of(rng.gamma(3.0, 1.0, count), rng.normal(0.0, 6.0, count), rng.integers(1, 5, count))


_MINIMA = st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(-5.0, 5.0), st.integers(1, 6)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(_MINIMA, st.floats(0.05, 50.0))
def test_curves_are_sums_over_minima(minima, temperature):
    losses, lpphe, orders = zip(*minima, strict=True)
    network = network_of(losses, lpphe, orders)
    found = curves(network, [temperature])
    shares = naive.occupations(losses, lpphe, orders, temperature)
    np.testing.assert_allclose(np.exp(log_occupations(network, temperature)), shares, rtol=1e-12, atol=1e-300)
    assert found.excess[0] + min(losses) == pytest.approx(naive.mean(shares, losses), rel=1e-12, abs=1e-12)
    assert found.capacity[0] == pytest.approx(naive.capacity(losses, shares, temperature), rel=1e-10, abs=1e-20)
    assert found.entropy[0] == pytest.approx(naive.entropy(shares), rel=1e-12, abs=1e-13)
    # C_V = constant + C+ + C-, and what some gain others lose.
    parts, gains = contributions(network, temperature), occupation_gains(network, temperature)
    assert (parts >= 0.0).all()
    assert parts[gains > 0.0].sum() + parts[gains < 0.0].sum() == pytest.approx(found.capacity[0], rel=1e-12, abs=1e-30)
    assert gains.sum() == pytest.approx(0.0, abs=1e-13 * np.abs(gains).sum() + 1e-300)


@pytest.mark.parametrize("temperature", [0.07, 0.3, 2.0])
def test_capacity_and_slope_are_derivatives(temperature):
    network = random_minima(3, 30)
    step = 1e-4
    sides = curves(network, temperature * np.exp([-step, step]))
    found = curves(network, [temperature])
    width = np.diff(sides.temperatures)[0]
    assert np.diff(sides.excess)[0] / width == pytest.approx(found.capacity[0], rel=1e-6)
    assert np.diff(sides.capacity)[0] / (2.0 * step) == pytest.approx(found.slope[0], rel=1e-5, abs=1e-6)
    shares = [np.exp(log_occupations(network, t)) for t in sides.temperatures]
    gains = occupation_gains(network, temperature)
    np.testing.assert_allclose((shares[1] - shares[0]) / width, gains, rtol=1e-5, atol=1e-9)


def test_blocks_make_no_difference(monkeypatch):
    network = random_minima(4, 57)
    temperatures = np.geomspace(0.01, 100.0, 20)
    whole = curves(network, temperatures)
    counts = [1, 7, 10, 57]
    by_loss = np.argsort(network.losses)
    monkeypatch.setattr(curves_module, "_BLOCK", 10)
    parts = curves_of_lowest(network, temperatures, counts)
    for count, part in zip(counts, parts, strict=True):
        rows = by_loss[:count]
        alone = curves(part_of(network, rows), temperatures)
        for name in ("excess", "capacity", "slope", "entropy", "log_partition"):
            np.testing.assert_allclose(getattr(part, name), getattr(alone, name), rtol=1e-11, atol=1e-13)
            if count == 57:
                np.testing.assert_allclose(getattr(part, name), getattr(whole, name), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30, 1e300, 1.7e308])
def test_nothing_overflows(temperature):
    network = network_of([-1e3, 5.0, 5.0, 1e8], [-400.0, 2e4, 3.0, -1e4], [1, 2, 1, 720])
    with np.errstate(invalid="raise", divide="raise"):
        found = curves(network, [temperature])
        logs = log_occupations(network, temperature)
        parts = contributions(network, temperature)
    assert all(np.isfinite(getattr(found, name)).all() for name in ("log_partition", "excess", "capacity", "entropy"))
    assert np.isfinite(parts).all() and np.exp(logs).sum() == pytest.approx(1.0, abs=1e-12)
    if temperature < 1.0:
        assert found.capacity[0] == 0.0 and found.excess[0] == 0.0 and logs[0] == 0.0
    else:
        assert found.capacity[0] < 1e-100


def schottky(gap: float, ratio: float, temperature):
    """Heat capacity of two levels whose weights at infinite temperature are as 1 to `ratio`."""
    weight = ratio * np.exp(-gap / temperature)
    return (gap / temperature) ** 2 * weight / (1.0 + weight) ** 2


@pytest.mark.parametrize(("stiffer", "order", "high"), [(0.0, 1, 1), (-9.0, 1, 1), (4.0, 3, 2), (-300.0, 1, 1)])
def test_two_levels_have_schottkys_anomaly(stiffer, order, high):
    gap, ratio = 0.7, math.exp(-0.5 * stiffer) * order / high
    network = network_of([-2.0, -2.0 + gap], [1.0, 1.0 + stiffer], [order, high])
    temperatures = np.geomspace(*temperature_range(network), 50)
    np.testing.assert_allclose(curves(network, temperatures).capacity, schottky(gap, ratio, temperatures), rtol=1e-10)
    (peak,) = heat_capacity_peaks(network)
    # dC/dT = 0: with x = gap / T, x tanh((x - ln ratio) / 2) = 2.
    low, top = max(math.log(ratio), 0.0) + 1e-9, abs(math.log(ratio)) + 10.0
    x = brentq(lambda x: x * math.tanh(0.5 * (x - math.log(ratio))) - 2.0, low, top, xtol=1e-14)
    assert peak.temperature == pytest.approx(gap / x, rel=1e-10)
    assert peak.height == pytest.approx(float(schottky(gap, ratio, gap / x)), rel=1e-12)
    assert peak.prominence == peak.height


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_no_peak_is_missed(seed, count):
    rng = np.random.default_rng(seed)
    network = network_of(10.0 ** rng.uniform(-3.0, 1.0, count), rng.normal(0.0, 12.0, count))
    low, high = temperature_range(network)
    grid = np.geomspace(low / 10.0, high * 10.0, 1500)
    capacity = curves(network, grid).capacity
    inner = np.flatnonzero((capacity[1:-1] > capacity[:-2]) & (capacity[1:-1] >= capacity[2:])) + 1
    plain = [float(grid[k]) for k in inner if capacity[k] > 1e-8]
    found = [peak for peak in heat_capacity_maxima(network) if peak.height > 1e-8]
    assert [peak.temperature for peak in found] == pytest.approx(plain, rel=1e-2)
    assert all(low < peak.temperature < high for peak in found)
    prominences, heights = ([getattr(peak, name) for peak in found] for name in ("prominence", "height"))
    assert max(prominences, default=0.0) == max(heights, default=0.0)


def test_sharp_peaks_within_a_step_are_found():
    """Two transitions, each where weights are equal, so near that a range up to T = 1 has a step for both of them."""
    network = network_of([0.0, 1e-4, 3.6e-4, 1.0], [0.0, -80.0, -272.0, -272.0])
    first, second, third = heat_capacity_peaks(network)
    assert [first.temperature, second.temperature] == pytest.approx([1e-4 / 40.0, 2.6e-4 / 96.0], rel=2e-3)
    assert third.height == pytest.approx(0.43922884, rel=1e-6)


def test_two_peaks_far_apart():
    """A pair of near levels below a broad band: each peak is that of two levels, and each has its own makers."""
    network = network_of([0.0, 1e-6, 1.0, 1.0], [0.0, 0.0, -20.0, -20.0])
    first, second = heat_capacity_peaks(network)
    assert first.height == pytest.approx(0.43922884, rel=1e-6)  # of two levels alike
    assert second.height == pytest.approx(schottky(1.0, math.exp(10.0), second.temperature), rel=1e-5)
    assert first.prominence < first.height and second.prominence == second.height
    cold, hot = (peak_makers(network, peak, top=10) for peak in (first, second))
    assert cold.sides.tolist() == [LOSES, GAINS, -1, -1]
    assert hot.sides.tolist() == [LOSES, LOSES, GAINS, GAINS]


def test_slight_maxima_are_no_peaks():
    """Two levels high up that hardly anything occupies: a maximum, which is counted but is no peak."""
    network = network_of([0.0, 1.0, 1e3], [0.0, 0.0, 20.0])
    first, second = heat_capacity_maxima(network)
    assert 0.0 < second.prominence < SLIGHT * first.height and second.temperature > 100.0
    result = heat_capacity(network, 2.0)
    assert [makers.peak for makers in result.peaks] == [first] and result.slight == 1
    assert result.convergence.peaks.tolist() == [0, 1, 1]
    assert heat_capacity_peaks(network) == [first]


def test_a_temperature_at_the_summit_hides_no_peak():
    """Rounding makes points beside a summit as high as itself, or higher."""
    network = random_minima(7, 40)
    (peak,) = heat_capacity_peaks(network)
    near = peak.temperature * (1.0 + np.arange(-40, 41) * 1e-9)
    at = np.sort(np.concatenate([np.geomspace(*temperature_range(network), 200), near]))
    (again,) = heat_capacity_peaks(network, curves(network, at))
    assert again.temperature == pytest.approx(peak.temperature, rel=1e-8)
    assert again.prominence == pytest.approx(peak.prominence, rel=1e-8)


def test_makers_share_the_peak():
    network = random_minima(11, 200)
    peak = max(heat_capacity_peaks(network), key=lambda peak: peak.height)
    whole = contributions(network, peak.temperature)
    gains = occupation_gains(network, peak.temperature)
    makers = peak_makers(network, peak, top=5, share=0.9)
    assert makers.gaining.total + makers.losing.total == pytest.approx(peak.height, rel=1e-12)
    for side, sign, label in ((makers.gaining, 1.0, GAINS), (makers.losing, -1.0, LOSES)):
        rows = np.flatnonzero(sign * gains > 0.0)
        assert side.total == pytest.approx(whole[rows].sum(), rel=1e-12)
        assert side.contributions.sum() + side.rest == pytest.approx(side.total, rel=1e-12)
        assert side.others == len(rows) - len(side.rows)
        assert (np.diff(side.contributions) <= 0.0).all() and (sign * side.gains > 0.0).all()
        np.testing.assert_allclose(side.shares, whole[side.rows] / peak.height, rtol=1e-12)
        coloured = np.sort(whole[makers.sides == label])
        assert len(coloured) == side.needed
        assert coloured.sum() >= 0.9 * side.total > coloured[1:].sum()


def test_equal_losses_have_no_peak():
    network = network_of(np.full(6, -1.0))
    assert temperature_range(network) is None and resolved_curves(network) is None
    assert heat_capacity_peaks(network) == []
    assert curves(network, [0.1, 10.0]).entropy == pytest.approx(np.log(6.0), rel=1e-14)
    result = heat_capacity(network, 3.0)
    assert result.capacity.tolist() == [3.0] and not result.peaks and result.convergence is None


def test_cold_landscapes_keep_their_ground_states():
    network = network_of([1.0, 1.0, 1.0, 2.0], orders=[1, 2, 2, 1])
    found = curves(network, [1e-3])
    shares = [0.5, 0.25, 0.25]
    np.testing.assert_allclose(np.exp(log_occupations(network, 1e-3))[:3], shares, rtol=1e-14)
    assert found.entropy[0] == pytest.approx(naive.entropy(shares), rel=1e-14)


def test_an_order_is_a_shift_of_the_lpphe():
    """ln o counts as LPPHE / 2: a symmetric minimum has fewer copies."""
    losses, lpphe = [0.0, 0.3, 0.5], np.array([1.0, -2.0, 0.5])
    temperatures = np.geomspace(0.01, 10.0, 9)
    with_orders = curves(network_of(losses, lpphe, [6, 2, 1]), temperatures)
    shifted = curves(network_of(losses, lpphe + 2.0 * np.log([6, 2, 1])), temperatures)
    np.testing.assert_allclose(with_orders.capacity, shifted.capacity, rtol=1e-12)
    np.testing.assert_allclose(with_orders.log_partition, shifted.log_partition, rtol=1e-12)


def test_the_lowest_minima_come_to_be_all():
    network = random_minima(5, 120)
    counts = numbers_of_minima(120)
    assert counts == [1, 2, 5, 10, 20, 50, 100, 120]
    found = resolved(network, counts)
    report = convergence(counts, found)
    assert report.deviations[-1] == 0.0 and report.deviations[0] == 1.0
    settled = counts.index(report.settled)
    assert (report.deviations[settled:] <= 0.01).all() and report.deviations[settled - 1] > 0.01
    by_loss = np.argsort(network.losses)
    for place, count in enumerate(counts[1:], start=1):
        rows = by_loss[:count]
        part = part_of(network, rows)
        peaks = heat_capacity_peaks(part)
        best = max(peaks, key=lambda peak: peak.height)
        assert report.temperatures[place] == pytest.approx(best.temperature, rel=1e-3)
        assert report.heights[place] == pytest.approx(best.height, rel=1e-4)


def test_free_energies_agree_with_thermodynamics():
    network = random_minima(6, 25)
    common = Superposition(kappa=7, log_group_order=3.0)
    t = np.array([0.2, 0.2 * (1.0 + 1e-6), 5.0])
    groups = [np.array([3]), np.arange(10), np.arange(10, 25), np.empty(0, dtype=np.int64)]
    found = free_energies(network, t, common, groups)
    # S = -dF/dT, U = F + T S, C = dU/dT.
    width = t[1] - t[0]
    assert -(found.free_energy[1] - found.free_energy[0]) / width == pytest.approx(found.entropy[0], rel=1e-5)
    np.testing.assert_allclose(found.internal_energy, found.free_energy + t * found.entropy, rtol=1e-12)
    assert (found.internal_energy[1] - found.internal_energy[0]) / width == pytest.approx(found.capacity[0], rel=1e-5)
    # A minimum's: -T ln n_a (2 pi T)^(kappa / 2) + T LPPHE / 2 + L; of all groups together that of the landscape.
    one = network.losses[3] - t * (3.0 - network.log_orders[3] + 3.5 * np.log(2.0 * np.pi * t) - 0.5 * network.lpphe[3])
    np.testing.assert_allclose(found.groups[:, 0], one, rtol=1e-12)
    np.testing.assert_allclose(
        -t * np.logaddexp(-found.groups[:, 1] / t, -found.groups[:, 2] / t), found.free_energy, rtol=1e-12
    )
    own = [log_occupations(network, temperature)[3] for temperature in t.tolist()]
    np.testing.assert_allclose(found.log_shares[:, 0], own, rtol=1e-12)
    np.testing.assert_allclose(np.exp(found.log_shares[:, 1:3]).sum(axis=1), 1.0, rtol=1e-12)
    assert np.isinf(found.groups[:, 3]).all() and (found.log_shares[:, 3] == -np.inf).all()


@pytest.mark.parametrize("temperature", [5e-324, 1e-20, 1.7e308])
def test_shares_of_groups_are_exact_where_free_energies_are_not(temperature):
    network = random_minima(6, 25)
    groups = [np.argsort(network.losses)[:1], np.arange(10)]
    found = free_energies(network, [temperature], Superposition(kappa=7, log_group_order=3.0), groups)
    shares = np.exp(log_occupations(network, temperature))
    np.testing.assert_allclose(np.exp(found.log_shares[0]), [shares[rows].sum() for rows in groups], rtol=1e-12)
    assert np.isfinite(found.entropy[0])


def test_occupations_of_some_and_of_all_others():
    temperatures = [0.1, 0.5, 3.0]
    rows = most_occupied(NET4, temperatures, 2)
    shares = np.array([np.exp(log_occupations(NET4, t)) for t in temperatures])
    assert rows.tolist() == sorted(np.argsort(-shares.max(axis=0))[:2].tolist())
    found = occupations(NET4, temperatures, rows)
    np.testing.assert_allclose(found.values, shares[:, rows], rtol=1e-14)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.rest, 1.0, rtol=1e-14)
    assert (occupations(NET4, temperatures, np.arange(4)).rest == 0.0).all()
