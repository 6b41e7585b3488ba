"""The frustration index: numbers of the original suite and by hand, a naive twin, what has no part in it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llpathsample.ktn import Network
from llpathsample.thermodynamics.features import temperature_range
from llpathsample.thermodynamics.frustration import (
    FROM_GLOBAL,
    FROM_MINIMUM,
    frustration,
    frustration_curves,
    global_barriers,
)
from tests.llpathsample.test_observables import NET4
from tests.reference import thermodynamics as naive

# Columns of Shannon.out of PATHSAMPLE (SHANNON 0.25 0.75 0.25 0.01): T, S, f, f~, p of the global minimum. Its
# thresholds 0.01 n include the barriers of this network, so that it rounds none of them.
PRINTED = np.array(
    [[0.25, 0.72458, 0.22242, 0.94630, 0.76496], [0.5, 1.2525, 0.48132, 0.88323, 0.45505],
     [0.75, 1.3511, 0.57158, 0.85469, 0.33124]]
)  # fmt: skip


def small(minima, states) -> Network:
    """minima: (loss, LPPHE, order); states: (loss, LPPHE, order, a, b)."""
    losses, lpphe, orders = np.array(minima, dtype=np.float64).T
    heights, stiff, ts_orders, *ends = np.array(states, dtype=np.float64).reshape(-1, 5).T
    ends = np.array(ends, dtype=np.int64).T.reshape(-1, 2)
    return Network(losses, lpphe, np.log(orders), heights, stiff, np.log(ts_orders), ends)


def test_numbers_that_pathsample_printed():
    found = frustration_curves(NET4, PRINTED[:, 0])
    own = np.column_stack([found.entropy, found.index, found.scaled, found.lowest])
    assert [[float(f"{value:.5g}") for value in row] for row in own.tolist()] == PRINTED[:, 1:].tolist()
    # With thresholds 0.3 n it rounds barriers up, and printed 1.245 for f~ at 0.25.
    rounded = np.ceil(global_barriers(NET4) / 0.3 - 1e-9) * 0.3
    assert frustration_curves(NET4, [0.25], rounded).scaled[0] == pytest.approx(1.245, abs=5e-4)


def test_networks_of_the_specification():
    micro = small([(0, 0, 1), (1, 0, 1), (1.5, -1, 1)], [(2, 0, 1, 0, 1), (4, 0.5, 1, 1, 2)])
    found = frustration_curves(micro, [1.0])
    assert found.entropy[0] == pytest.approx(0.975328, abs=5e-7)
    assert found.index[0] == pytest.approx(0.5651774869788945, rel=1e-14)
    assert found.scaled[0] == pytest.approx(4.0 / 3.0, rel=1e-14)
    assert 3.0 + found.capacity[0] == pytest.approx(3.408064913, rel=1e-9)
    orders = small(
        [(0, 0, 2), (1, 0, 3), (1.5, -1, 1)],
        [(2, 0, 5, 0, 1), (4, 0.5, 7, 1, 2), (2.5, 0, 1, 0, 0), (3, 0.2, 1, 0, 1)],
    )
    found = frustration_curves(orders, [1.0])
    assert found.lowest[0] == pytest.approx(0.50479254, abs=5e-9)
    assert found.index[0] == pytest.approx(0.7428111900, rel=1e-9)
    assert found.scaled[0] == pytest.approx(1.5, rel=1e-14)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(0, 12), st.sampled_from([FROM_MINIMUM, FROM_GLOBAL]))
def test_it_is_the_sum_that_defines_it(seed, count, states, barrier_from):
    rng = np.random.default_rng(seed)
    losses = np.round(rng.random(count), 1)  # some alike
    ends = rng.integers(0, count, (states, 2))
    heights = losses[ends].max(axis=1) + rng.random(states)
    orders = rng.integers(1, 4, count)
    lpphe = rng.normal(size=count)
    network = Network(losses, lpphe, np.log(orders), heights, np.zeros(states), np.zeros(states), ends)
    listed = [(h, int(a), int(b)) for h, (a, b) in zip(heights.tolist(), ends, strict=True)]
    shares = naive.occupations(losses.tolist(), lpphe.tolist(), orders.tolist(), 0.4)
    found = frustration_curves(network, [0.4], barrier_from=barrier_from)
    root = int(np.argmin(losses))
    heights_to = [naive.barrier(losses.tolist(), listed, a, root) for a in range(count)]
    assert found.unconnected == sum(height == np.inf for height in heights_to)
    assert found.degenerate == sum(
        height < np.inf and a != root and losses[a] == losses[root] for a, height in enumerate(heights_to)
    )
    if found.unconnected + found.degenerate == count - 1:
        assert found.index[0] == 0.0 and np.isnan(found.scaled[0]) and frustration(network, 0.4) is None
        return
    f, scaled = naive.frustration(losses.tolist(), listed, shares, barrier_from == FROM_GLOBAL)
    assert found.index[0] == pytest.approx(f, rel=1e-12, abs=1e-15)
    assert found.scaled[0] == pytest.approx(scaled, rel=1e-12, abs=1e-15)
    if barrier_from == FROM_MINIMUM:
        assert frustration(network, 0.4) == found.scaled[0]


def test_an_ideal_funnel_has_none():
    """No barrier on the way down: every transition state is as high as the minimum above it."""
    losses = np.array([0.0, 1.0, 2.0, 3.0])
    ends = np.array([[0, 1], [1, 2], [2, 3]])
    funnel = Network(losses, np.zeros(4), np.zeros(4), losses[1:], np.zeros(3), np.zeros(3), ends)
    temperatures = [0.01, 1.0, 100.0]
    assert (frustration_curves(funnel, temperatures).index == 0.0).all()
    # Counted from the global minimum every ratio is one.
    assert frustration_curves(funnel, temperatures, barrier_from=FROM_GLOBAL).scaled == pytest.approx(1.0, rel=1e-14)


def test_it_is_exact_however_cold_or_hot():
    found = frustration_curves(NET4, [1e-300, 1e-3, 1e300])
    assert found.scaled[:2].tolist() == [1.0, 1.0]  # (1.0 - 0.5) / 0.5 of the second lowest
    assert found.index[0] == 0.0 and found.lowest[0] == 1.0 and np.isfinite(found.scaled[2])


def test_losses_that_rounding_tells_apart_are_the_same():
    near = replace(NET4, losses=np.array([0.3, 0.3 + 1e-15, 0.8, 1.2]))
    found = frustration_curves(near, [0.5])
    assert found.degenerate == 1 and found.index[0] < 2.0
    # Minima of zero: what is left of their losses is to be seen beside the transition states.
    zero = replace(NET4, losses=np.array([0.0, 1e-31, 8e-31, 8e-31]))
    found = frustration_curves(zero, [0.5])
    assert found.degenerate == 3 and found.index[0] == 0.0 and temperature_range(zero) is None


def test_unconnected_minima_stay_in_the_normaliser():
    lone = replace(NET4, ts_losses=NET4.ts_losses[:1], ts_lpphe=NET4.ts_lpphe[:1], ts_log_orders=np.zeros(1),
                   ends=NET4.ends[:1])  # fmt: skip
    found = frustration_curves(lone, [0.5])
    shares = naive.occupations(NET4.losses.tolist(), NET4.lpphe.tolist(), [1, 1, 2, 1], 0.5)
    assert found.unconnected == 2 and found.degenerate == 0
    assert found.scaled[0] == pytest.approx(shares[1] / (1.0 - shares[0]), rel=1e-13)
