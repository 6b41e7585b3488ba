"""Duplicates, triples, pairs, merging; against a naive scan where the code uses an index."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_standin import (
    StandIn,
    StandInParameters,
    filled_landscape,
    make_data,
    make_landscape,
    minimum,
    random_triple,
    transition_state,
)

from llcommon.errors import InputError
from llcommon.records import Triple
from llcommon.status import Status
from llcommon.store import Landscape, model_fingerprint
from llcommon.store.columns import LossIndex

RULE = {"same_point": {"loss_tolerance": 0.01, "distance_tolerance": 0.1}}


def naive_add(stored, loss, x):
    """Twin of add_minimum: scan everything, try every permutation."""
    for row, (other_loss, other) in enumerate(stored):
        images = itertools.permutations(x)
        near = any(np.linalg.norm(np.array(image) - other) < 0.1 for image in images)
        if abs(other_loss - loss) < 0.01 and near:
            return row
    stored.append((loss, np.array(x)))
    return len(stored) - 1


coordinate = st.integers(-4, 4).map(lambda i: i * 0.04)
point = st.tuples(st.integers(0, 8).map(lambda i: i * 0.004), st.tuples(coordinate, coordinate, coordinate))


@settings(max_examples=150, deadline=None)
@given(st.lists(point, max_size=25))
def test_add_minimum_agrees_with_naive_scan(points):
    landscape = make_landscape(**RULE)
    stored = []
    for loss, x in points:
        expected_new = len(stored)
        expected = naive_add(stored, loss, x)
        row, is_new = landscape.add_minimum(minimum(loss, x))
        assert (row, is_new) == (expected, expected == expected_new)
    assert landscape.minima.loss.tolist() == [loss for loss, _ in stored]
    assert landscape.minima.visits.sum() == len(points)


@given(
    st.lists(st.floats(-1e3, 1e3), max_size=40),
    st.floats(-1e3, 1e3),
    st.floats(1e-12, 10.0),
    st.integers(0, 40),
    st.integers(0, 12),
)
def test_loss_index_agrees_with_scan(values, loss, tolerance, bulk, apart):
    index = LossIndex(np.array(values[:bulk]), apart)
    for row in range(len(values[:bulk]), len(values)):
        index.insert(values[row], row)
    expected = [row for row, value in enumerate(values) if abs(value - loss) < tolerance]
    assert index.within(loss, tolerance) == expected


def test_tolerances_are_strict_and_both_needed():
    landscape = make_landscape(same_point={"loss_tolerance": 0.25, "distance_tolerance": 0.5})
    landscape.add_minimum(minimum(1.0, [0.0, 0.0, 0.0]))
    assert landscape.find_minimum(1.125, [0.25, 0.0, 0.0]) == 0
    assert landscape.find_minimum(1.25, [0.25, 0.0, 0.0]) is None
    assert landscape.find_minimum(1.125, [0.5, 0.0, 0.0]) is None


def test_duplicate_keeps_bits_and_adds_visits():
    landscape = make_landscape(**RULE)
    landscape.add_minimum(minimum(1.0, [1.0, 2.0, 3.0], rms=1e-3, visits=2))
    row, is_new = landscape.add_minimum(minimum(1.001, [3.01, 1.0, 2.0], rms=1e-12, visits=5))
    assert (row, is_new) == (0, False)
    stored = landscape.minimum(0)
    assert stored.loss == 1.0 and stored.rms == 1e-3 and stored.visits == 7
    assert stored.coordinates.tolist() == [1.0, 2.0, 3.0]


def test_columns_are_read_only_and_records_are_copies():
    landscape = filled_landscape()
    with pytest.raises(ValueError):
        landscape.minima.loss[0] = 1.0
    landscape.minimum(0).coordinates[:] = np.nan
    assert np.isfinite(landscape.minima.coordinates).all()
    with pytest.raises(AttributeError):
        _ = landscape.minima.nonsense


@pytest.mark.parametrize("loss, x", [(np.nan, [0, 0, 0]), (1.0, [0, np.inf, 0]), (1.0, [0, 0])])
def test_nonsense_points_are_refused(loss, x):
    landscape = make_landscape()
    with pytest.raises(ValueError):
        landscape.add_minimum(minimum(loss, x))
    good = minimum(0.0, [0, 0, 0])
    with pytest.raises(ValueError):
        landscape.add_triple(Triple(good, transition_state(loss, x), good))
    assert len(landscape.minima) == 0  # nothing of the triple is left behind


def test_triple_links_new_and_known_points():
    landscape = make_landscape(**RULE)
    low, high = minimum(0.0, [1, 0, 0]), minimum(1.0, [0, 2, 0])
    first = landscape.add_triple(Triple(low, transition_state(2.0, [1, 2, 0]), high))
    assert (first.plus_id, first.minus_id, first.ts_id, first.new_minima, first.new_ts) == (0, 1, 0, 2, True)
    again = landscape.add_triple(Triple(high, transition_state(2.0, [0, 1, 2]), low))
    assert (again.plus_id, again.minus_id, again.ts_id, again.new_minima, again.new_ts) == (1, 0, 0, 0, False)
    assert landscape.transition_states.minima.tolist() == [[0, 1]]
    degenerate = landscape.add_triple(Triple(low, transition_state(3.0, [5, 5, 5]), low))
    assert degenerate.new_ts and degenerate.new_minima == 0
    assert landscape.transition_states.minima.tolist() == [[0, 1], [0, 0]]
    assert landscape.minima.visits.tolist() == [4, 2]
    assert landscape.find_transition_state(2.0, [2, 1, 0]) == 0
    assert landscape.transition_state(1).loss == 3.0


def test_pairs_count_attempts_in_either_order():
    landscape = make_landscape(**RULE)
    for k in range(3):
        landscape.add_minimum(minimum(float(k), [k, 0, 0]))
    assert landscape.pair_attempts(2, 0) == 0
    landscape.mark_pair(2, 0, False, Status.NO_CANDIDATE)
    landscape.mark_pair(0, 2, True, Status.CONVERGED)
    landscape.mark_pair(2, 0, False, Status.STEP_LIMIT)
    assert landscape.pair_attempts(0, 2) == landscape.pair_attempts(2, 0) == 3
    assert landscape.pairs.ids.tolist() == [[0, 2]]
    assert landscape.pairs.connected.tolist() == [1]  # once connected, always connected
    assert landscape.pairs.status.tolist() == [Status.STEP_LIMIT]
    for a, b in [(-1, 0), (0, 3), (3, 3)]:
        with pytest.raises(ValueError):
            landscape.mark_pair(a, b, True, Status.CONVERGED)
    assert len(landscape.pairs) == 1


def test_a_minimum_makes_a_pair_with_its_own_images():
    here = make_landscape(**RULE)
    for k in range(2):
        here.add_minimum(minimum(float(k), [k, 0, 0]))
    other = make_landscape(**RULE)
    other.add_minimum(here.minimum(1))
    other.mark_pair(0, 0, True, Status.CONVERGED)
    assert here.pair_attempts(1, 1) == 0
    here.mark_pair(1, 1, False, Status.NO_CANDIDATE)
    here.merge(other)
    assert here.pairs.ids.tolist() == [[1, 1]]
    assert here.pair_attempts(1, 1) == 2 and here.pairs.connected.tolist() == [1]


def test_sort_and_keep_lowest():
    landscape = make_landscape(**RULE)
    for k, loss in enumerate([3.0, 1.0, 2.0, 1.0, 0.5]):
        landscape.add_minimum(minimum(loss, [10 * k, 0, 0], visits=k + 1))
    assert landscape.global_minimum() == 4
    landscape.keep_lowest(4)
    assert landscape.minima.loss.tolist() == [1.0, 2.0, 1.0, 0.5]
    landscape.sort_minima_by_loss()
    assert landscape.minima.loss.tolist() == [0.5, 1.0, 1.0, 2.0]
    assert landscape.minima.visits.tolist() == [5, 2, 4, 3]  # stable
    assert landscape.find_minimum(2.0, [0, 20, 0]) == 3
    assert landscape.add_minimum(minimum(3.0, [0, 0, 0])).id == 4
    landscape.mark_pair(0, 1, False, Status.NO_CANDIDATE)
    with pytest.raises(ValueError):
        landscape.sort_minima_by_loss()
    with pytest.raises(ValueError):
        landscape.keep_lowest(1)


def test_global_minimum_of_nothing():
    with pytest.raises(ValueError):
        make_landscape().global_minimum()


def test_merge_equals_adding_everything_to_one():
    rng = np.random.default_rng(5)
    triples = [random_triple(rng) for _ in range(30)]
    whole, part, rest = (make_landscape(data=make_data()) for _ in range(3))
    for k, triple in enumerate(triples):
        whole.add_triple(triple)
        (part if k < 15 else rest).add_triple(triple)
    before = len(part.minima)
    report = part.merge(rest)
    assert report.new_minima == len(part.minima) - before
    assert report.new_minima + report.known_minima == len(rest.minima)
    assert report.known_minima > 0 and report.known_transition_states > 0
    assert part.minima.loss.tolist() == whole.minima.loss.tolist()
    assert part.minima.visits.tolist() == whole.minima.visits.tolist()
    assert part.transition_states.minima.tolist() == whole.transition_states.minima.tolist()
    for row, target in enumerate(report.minimum_ids):
        assert part.minima.loss[target] == rest.minima.loss[row]
    for row, target in enumerate(report.ts_ids):
        assert part.transition_states.loss[target] == rest.transition_states.loss[row]


def test_merge_maps_pairs_and_adds_notes():
    here, other = make_landscape(**RULE), make_landscape(**RULE)
    a, b = minimum(0.0, [1, 0, 0]), minimum(1.0, [2, 0, 0])
    for point_ in (a, b):
        here.add_minimum(point_)
    for point_ in (b, a):
        other.add_minimum(point_)
    here.mark_pair(0, 1, False, Status.NO_CANDIDATE)
    other.mark_pair(0, 1, True, Status.CONVERGED)
    other.mark_pair(0, 1, True, Status.CONVERGED)
    here.counters, other.counters = {"x": 1}, {"x": 2, "y": 3}
    here.provenance, other.provenance = [{"k": 1}], [{"k": 2}, {"k": 1}]
    here.merge(other)
    assert here.pair_attempts(0, 1) == 3 and here.pairs.connected.tolist() == [1]
    assert here.pairs.status.tolist() == [Status.CONVERGED]
    assert here.counters == {"x": 3, "y": 3}
    assert here.provenance == [{"k": 1}, {"k": 2}]


def test_merge_drops_a_pair_that_became_one_point():
    here = make_landscape(**RULE)
    other = make_landscape(same_point={"loss_tolerance": 0.001, "distance_tolerance": 0.001})
    for x in (1.0, 1.01):
        other.add_minimum(minimum(0.0, [x, 0, 0]))
    other.mark_pair(0, 1, True, Status.CONVERGED)
    here.merge(other)
    assert len(here.minima) == 1 and len(here.pairs) == 0


def test_merge_refuses_other_model_or_data():
    here = filled_landscape()
    before = len(here.minima)
    with pytest.raises(InputError, match="part.h5 was made from other data"):
        here.merge(filled_landscape(data=make_data(seed=1), seed=9), "part.h5")
    with pytest.raises(InputError, match="other loss model|another loss model"):
        here.merge(filled_landscape(size=4))
    assert len(here.minima) == before


def test_fingerprint_names_everything_that_fixes_the_loss():
    data = make_data()

    def of(size, strength, data_):
        return model_fingerprint(StandIn(StandInParameters(size, strength), data_), data_)

    models = [of(3, 1.0, data), of(4, 1.0, data), of(3, 2.0, data)]
    variants = [*models, of(3, 1.0, None), of(3, 1.0, make_data(1))]
    assert len(set(variants)) == len(variants)
    assert of(3, 1.0, make_data()) == variants[0]


def test_landscape_keeps_settings_and_model():
    landscape = make_landscape()
    copy = Landscape(landscape.settings, landscape.model)
    assert copy.fingerprint == landscape.fingerprint and len(copy.minima) == 0
