"""Connections between two minima: the transition states that are known to lie between them."""

import itertools

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.status import Status
from lloptim.connect import connect
from tests.llcommon.losses.cases import xor_table
from tests.lloptim.problems import known_minima, network, quenched, settings_of

# Loss of each saddle and the losses of the minima it joins, by ids of `known_points`.
HIMMELBLAU = {13.3119262704: {0, 1}, 67.7191500875: {0, 3}, 104.0151629176: {2, 3}, 178.3372392019: {1, 2}}


def surface(name, **sections):
    settings = settings_of(name, **sections)
    model = losses.build(name, {})
    return model, settings, known_minima(model, settings)


def joined(landscape, minima):
    """{loss of a TS: set of the known minima it joins}."""
    found = {}
    for row, ids in enumerate(landscape.transition_states.minima.tolist()):
        ends = set()
        for minimum_id in ids:
            x = landscape.minima.coordinates[minimum_id]
            distances = [np.linalg.norm(x - minimum.coordinates) for minimum in minima]
            assert min(distances) < 1e-6
            ends.add(int(np.argmin(distances)))
        found[float(landscape.transition_states.loss[row])] = ends
    return found


def assert_all_verified(model, settings, landscape):
    """Everything found passes verification anew, from its coordinates alone."""
    for x, loss in zip(landscape.minima.coordinates, landscape.minima.loss, strict=True):
        minimum, status = minimum_at(model, x.copy(), settings.quench.rms)
        assert status is Status.CONVERGED
        assert minimum.loss == loss
    for x, loss in zip(landscape.transition_states.coordinates, landscape.transition_states.loss, strict=True):
        state, _, status = transition_state_at(model, x.copy(), settings.connect.rms)
        assert status is Status.CONVERGED
        assert state.loss == loss


def test_mueller_brown_through_both_saddles():
    """The two deep minima are joined through the shallow one, which is found on the way."""
    model, settings, minima = surface("mueller-brown")
    connection = connect(model, settings, minima[0], minima[1])
    assert connection.connected
    assert connection.status is Status.CONVERGED
    found = joined(connection.landscape, minima)
    assert sorted(found) == pytest.approx([-72.2489401123, -40.6648435087], abs=5e-10)
    assert [found[loss] for loss in sorted(found)] == [{1, 2}, {0, 2}]
    expected = [-146.6995172100, -108.1667241169, -80.7678181297]
    assert sorted(connection.landscape.minima.loss) == pytest.approx(expected, abs=5e-10)
    ends = connection.landscape.minima.loss[list(connection.ends)]
    assert ends.tolist() == [minima[0].loss, minima[1].loss]
    assert_all_verified(model, settings, connection.landscape)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(4), 2)))
def test_himmelblau_all_pairs(first, second):
    model, settings, minima = surface("himmelblau")
    connection = connect(model, settings, minima[first], minima[second])
    assert connection.connected
    found = joined(connection.landscape, minima)
    for loss, ends in found.items():
        nearest = min(HIMMELBLAU, key=lambda known: abs(known - loss))
        assert loss == pytest.approx(nearest, abs=5e-10)
        assert ends == HIMMELBLAU[nearest]
    if {first, second} in HIMMELBLAU.values():
        assert {first, second} in found.values()
    assert_all_verified(model, settings, connection.landscape)


def test_six_hump_camel_global_minima():
    """The two global minima are images under inversion; the saddle at the origin joins them directly."""
    model, settings, minima = surface("six-hump-camel")
    connection = connect(model, settings, minima[0], minima[1])
    assert connection.connected
    found = joined(connection.landscape, minima)
    assert {0, 1} in [ends for loss, ends in found.items() if abs(loss) < 1e-12]


def test_order_of_the_pair_does_not_change_what_is_found():
    model, settings, minima = surface("mueller-brown")
    forward = connect(model, settings, minima[0], minima[1]).landscape
    backward = connect(model, settings, minima[1], minima[0]).landscape
    losses_of = [sorted(landscape.transition_states.loss) for landscape in (forward, backward)]
    assert losses_of[0] == pytest.approx(losses_of[1], abs=1e-10)


def test_same_bits_again():
    results = []
    for _ in range(2):
        landscape = network(xor_table(), [2], 1e-3)
        model, settings = landscape.model, landscape.settings
        rng = np.random.default_rng(2)
        ends = [quenched(model, settings, model.random_start(rng)) for _ in range(6)]
        ends.sort(key=lambda minimum: minimum.loss)
        results.append(connect(model, settings, ends[0], ends[-1]).landscape)
    for table in ("minima", "transition_states"):
        first, again = (getattr(result, table) for result in results)
        assert len(first)
        assert first.coordinates.tobytes() == again.coordinates.tobytes()
    assert results[0].counters == results[1].counters


def test_a_minimum_with_images_of_itself():
    """XOR, two units: the degenerate rearrangements of the lowest minimum."""
    landscape = network(xor_table(), [2], 1e-4, connect={"tries": 6})
    model, settings = landscape.model, landscape.settings
    rng = np.random.default_rng(0)
    minima = [quenched(model, settings, model.random_start(rng)) for _ in range(8)]
    lowest = min(minima, key=lambda minimum: minimum.loss)
    assert lowest.loss == pytest.approx(0.013475830090, abs=5e-13)
    connection = connect(model, settings, lowest, lowest)
    assert connection.connected
    assert connection.ends[0] == connection.ends[1]
    states = connection.landscape.transition_states
    degenerate = [loss for loss, (a, b) in zip(states.loss, states.minima.tolist(), strict=True) if a == b]
    # Between two sign images, as the original suite finds it too.
    assert any(loss == pytest.approx(0.485451627878, abs=1e-11) for loss in degenerate)
    assert_all_verified(model, settings, connection.landscape)


def test_nothing_is_left_to_try():
    """Two minima between which no band has a maximum that leads to a saddle: a named status, no made-up TS."""
    model, settings, minima = surface("double-well", connect={"saddle_steps": 1, "tries": 2})
    connection = connect(model, settings, minima[0], minima[1])
    assert not connection.connected
    assert connection.status in (Status.NO_CANDIDATE, Status.STEP_LIMIT)
    assert not len(connection.landscape.transition_states)
    assert connection.landscape.counters["bands"] == 2
    assert any(name.startswith("saddle ") for name in connection.landscape.counters)


def test_the_ends_are_not_found_here():
    """A connection adds no visits to the two minima it was asked to connect."""
    model, settings, minima = surface("double-well")
    landscape = connect(model, settings, minima[0], minima[1]).landscape
    assert len(landscape.minima) == 2
    assert landscape.transition_states.loss.tolist() == pytest.approx([1.0], abs=1e-12)
    counters = landscape.counters
    assert counters["transition states"] == 1
    assert counters["saddle searches"] >= 1


WAYS = [
    {"interpolation": "rotation"},
    {"double_nudging": False, "climb_after": 5, "iterations": 60},
    {"adjust_springs_every": 2, "iterations": 30, "iteration_density": 0.5},
    {"saddle_search": "krylov"},
    {"downhill": "steepest-descent"},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way))
def test_every_way_to_connect_ends_in_verified_transition_states(way):
    """A band drawn, relaxed and refined in another way: the pair is connected, by saddles that plain ones meet too."""
    model, settings, minima = surface("himmelblau", connect=way)
    connection = connect(model, settings, minima[0], minima[3])
    assert connection.connected
    for loss, ends in joined(connection.landscape, minima).items():
        nearest = min(HIMMELBLAU, key=lambda known: abs(known - loss))
        assert loss == pytest.approx(nearest, abs=5e-10)
        assert ends == HIMMELBLAU[nearest]
    landscape = network(xor_table(), [2], 1e-3, connect=way)
    model, settings = landscape.model, landscape.settings
    rng = np.random.default_rng(2)
    ends = sorted((quenched(model, settings, model.random_start(rng)) for _ in range(6)), key=lambda end: end.loss)
    connection = connect(model, settings, ends[0], ends[-1])
    assert connection.connected
    assert len(connection.landscape.transition_states)
    assert_all_verified(model, settings, connection.landscape)
