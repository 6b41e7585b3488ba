"""What a box does to a search: which coordinates are held, what is left of a matrix, how far a step may go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon import losses
from llcommon.optimise.box import active_set, box, clip, frozen_directions, restrict, room
from tests.llcommon.optimise.models import Rosenbrock, small_mlp
from tests.reference.optimise import projector_off, spectrum_without


def himmelblau(**bounds):
    return losses.build("himmelblau", bounds)


def test_no_bounds_are_infinite_ones():
    lower, upper = box(himmelblau())
    assert (lower == -np.inf).all() and (upper == np.inf).all()
    assert lower.shape == upper.shape == (2,)


def test_the_box_is_a_copy():
    model = himmelblau(lower=[0.0], upper=[1.0])
    box(model)[0][0] = 7.0
    assert box(model)[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("x", "gradient", "held"),
    [
        ([0.0, 1.0], [1.0, -1.0], [-1, 1]),
        ([0.0, 1.0], [-1.0, 1.0], [0, 0]),  # drawn inwards
        ([0.0, 1.0], [0.0, 0.0], [0, 0]),  # the minimum lies on the bound by itself
        ([0.5, 0.5], [1.0, -1.0], [0, 0]),  # not on a bound
        ([1.0, 0.0], [1.0, -1.0], [0, 0]),
        ([1.0, 0.0], [-2.0, 2.0], [1, -1]),
    ],
)
def test_active_set(x, gradient, held):
    model = himmelblau(lower=[0.0], upper=[1.0])
    found = active_set(model, np.array(x), np.array(gradient))
    assert found.dtype == np.int8
    assert found.tolist() == held


def test_nothing_is_held_without_bounds():
    assert not active_set(himmelblau(), np.zeros(2), np.array([1e9, -1e9])).any()


def test_frozen_directions_without_modes():
    model = Rosenbrock(4)
    assert frozen_directions(model, np.zeros(4), None).shape == (0, 4)
    assert frozen_directions(model, np.zeros(4), np.zeros(4, dtype=np.int8)).shape == (0, 4)
    rows = frozen_directions(model, np.zeros(4), np.array([0, -1, 0, 1], dtype=np.int8))
    assert rows.tolist() == [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]


def test_frozen_directions_keep_the_zero_modes_that_are_left():
    """A gauge mode moves all output biases of one row: holding one of them ends it, holding another weight does not."""
    model = small_mlp(hidden=(), **{"lambda": 0.0})
    modes = model.zero_modes(np.zeros(model.dimension))
    assert len(modes) > 1
    held = np.zeros(model.dimension, dtype=np.int8)
    held[int(np.flatnonzero(modes[0])[0])] = 1
    rows = frozen_directions(model, np.zeros(model.dimension), held)
    assert len(rows) == len(modes)
    assert rows @ rows.T == pytest.approx(np.eye(len(rows)), abs=1e-14)
    assert rows[:-1] == pytest.approx(modes[1:], abs=0.0)


@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 2**32 - 1), st.floats(0.1, 100.0))
def test_restrict_is_the_projected_matrix(n, number, seed, strength):
    rng = np.random.default_rng(seed)
    number = min(number, n)
    frozen = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(n, n)))[0][:number])
    matrix = rng.normal(size=(n, n))
    matrix = matrix + matrix.T
    expected = projector_off(frozen) @ matrix @ projector_off(frozen) + strength * frozen.T @ frozen
    found = matrix.copy()
    restrict(frozen, found, strength, np.empty(n))
    assert found == pytest.approx(expected, abs=1e-12 * (1.0 + strength))
    assert found == pytest.approx(found.T, abs=1e-13 * (1.0 + strength))


def test_restrict_leaves_the_spectrum_of_the_rest():
    rng = np.random.default_rng(1)
    frozen = np.ascontiguousarray(np.linalg.qr(rng.normal(size=(6, 6)))[0][:2])
    matrix = rng.normal(size=(6, 6))
    matrix = matrix + matrix.T
    rest = spectrum_without(matrix, frozen)
    restrict(frozen, matrix, 1e3, np.empty(6))
    values = np.linalg.eigvalsh(matrix)
    assert values[:4] == pytest.approx(rest, abs=1e-10)
    assert values[4:] == pytest.approx([1e3, 1e3], abs=1e-9)


finite = st.floats(-10.0, 10.0)


@given(st.lists(st.tuples(finite, finite, st.floats(0.0, 5.0), st.floats(0.0, 5.0)), min_size=1, max_size=5))
def test_room_goes_to_the_first_bound(rows):
    """The step ends in the box, on the bound named, and nothing but that bound keeps it from going on."""
    x, move, below, above = (np.array(column) for column in zip(*rows, strict=True))
    lower, upper = x - below, x + above
    share, stopping = room(x, move, lower, upper)
    assert 0.0 <= share <= 1.0
    end = x + share * move
    assert (end >= lower - 1e-9).all() and (end <= upper + 1e-9).all()
    if stopping == -1:
        assert share == 1.0
    else:
        outside = x[stopping] + move[stopping]
        assert outside > upper[stopping] or outside < lower[stopping]
        clip(end, lower, upper, stopping)
        assert end[stopping] in (lower[stopping], upper[stopping])
        assert end[stopping] == (upper if move[stopping] > 0 else lower)[stopping] or share * abs(move[stopping]) < 1e-9
    clip(end, lower, upper, -1)
    assert (end >= lower).all() and (end <= upper).all()


def test_room_without_bounds():
    free = np.full(3, np.inf)
    assert room(np.zeros(3), np.array([1e300, -1e300, 0.0]), -free, free) == (1.0, -1)


def test_no_room_on_the_bound():
    share, stopping = room(np.array([1.0, 0.0]), np.array([0.3, 0.1]), np.zeros(2) - 1.0, np.ones(2))
    assert (share, stopping) == (0.0, 0)
