"""Quenches in a box: minima inside, on a side, in a corner; the conditions of Karush, Kuhn and Tucker hold at each."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.errors import ConfigError
from llcommon.optimise.lbfgs import lbfgs
from llcommon.optimise.projected import forget_held, projected_lbfgs, split
from llcommon.optimise.quench import Quencher
from llcommon.status import Status
from tests.llcommon.optimise.models import Awkward, Rosenbrock, settings, small_mlp
from tests.reference.optimise import minimum_in_box

METHODS = ("auto", "lbfgs-b")
DENSE = (True, False)


def quencher(model, method="auto", dense=True, **values) -> Quencher:
    made = Quencher(model, settings(method=method, **values))
    made.dense = dense
    return made


class Boxed(Rosenbrock):
    """The valley of Rosenbrock in a box."""

    def __init__(self, dimension, lower, upper):
        super().__init__(dimension)
        self.sides = np.broadcast_to(lower, (dimension,)) * 1.0, np.broadcast_to(upper, (dimension,)) * 1.0

    def bounds(self):
        return self.sides


def kkt(model, result) -> None:
    """Held coordinates exactly on their bounds and pressed there, the free gradient at the rounding floor."""
    lower, upper = model.bounds()
    x = result.coordinates
    loss, gradient = model.value_and_gradient(x)
    assert result.status is Status.CONVERGED
    assert loss == result.loss
    assert (x >= lower).all() and (x <= upper).all()
    low = (x == lower) & (gradient > 0.0)
    high = (x == upper) & (gradient < 0.0)
    free = gradient[~(low | high)]
    size = np.sqrt(free @ free / x.size)
    assert result.rms == pytest.approx(size, rel=1e-12, abs=1e-300)
    assert size < 1e-9


@pytest.mark.parametrize("dense", DENSE)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("bounds", "start", "minimum"),
    [
        ({"upper": [0.5, 9.0]}, [0.1, 0.7], [0.5, 0.0]),  # double well, cut before its minimum
        ({"lower": [0.2], "upper": [0.7]}, [0.3, 0.6], [0.7, 0.2]),  # a corner: both coordinates held
        ({"lower": [-2.0], "upper": [2.0]}, [0.3, 0.6], [1.0, 0.0]),  # room enough: the free minimum
        ({"lower": [-3.0, 0.25]}, [-0.1, 3.0], [-1.0, 0.25]),
    ],
)
def test_double_well_in_a_box(bounds, start, minimum, method, dense):
    """L = (x^2 - 1)^2 + y^2 / 2: each coordinate of its own, so the minimum in a box is plain to see."""
    model = losses.build("double-well", bounds)
    result = quencher(model, method, dense).quench(np.array(start))
    kkt(model, result)
    assert result.coordinates == pytest.approx(minimum, abs=1e-9)
    held = np.isin(minimum, np.concatenate(model.bounds()))
    assert (result.coordinates[held] == np.array(minimum)[held]).all()


@pytest.mark.parametrize("dense", DENSE)
@pytest.mark.parametrize("method", METHODS)
def test_himmelblau_cut_by_a_side(method, dense):
    """With x <= 2.5 the minimum beside (3, 2) has x = 2.5 and dL/dy = 0: 4 y^3 - 16 y - ... solved as a cubic.

    dL/dy = 2 (x^2 + y - 11) + 4 y (x + y^2 - 7) = 4 y^3 + (4 x - 26) y + 2 x^2 - 22.
    """
    model = losses.build("himmelblau", {"lower": [0.0], "upper": [2.5, 5.0]})
    roots = np.roots([4.0, 0.0, 4.0 * 2.5 - 26.0, 2.0 * 2.5**2 - 22.0])
    (y,) = roots[np.isreal(roots) & (roots.real > 0.0)].real
    result = quencher(model, method, dense).quench(np.array([2.0, 2.0]))
    kkt(model, result)
    assert result.coordinates[0] == 2.5
    assert result.coordinates[1] == pytest.approx(y, abs=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("side", [{"upper": [3.0, 9.0]}, {"lower": [3.0, -9.0]}, {"lower": [3.0, 2.0]}])
def test_a_bound_through_the_minimum(side, method):
    """Its multiplier is zero, of either sign by rounding: no cycling, the minimum is found."""
    model = losses.build("himmelblau", side)
    toward = 1.0 if "lower" in side else -1.0
    result = quencher(model, method).quench(np.array([3.0, 2.0]) + toward * np.array([0.3, 0.2]))
    assert result.status is Status.CONVERGED
    assert result.coordinates == pytest.approx([3.0, 2.0], abs=1e-7)
    assert result.loss < 1e-13
    assert result.rms <= 1e-9


def test_a_coordinate_that_starts_on_the_wrong_bound_is_let_go():
    """x sits on its lower bound, from where the loss falls inwards; y on one that it is pressed to."""
    model = losses.build("double-well", {"lower": [0.1, 0.5], "upper": [2.0, 3.0]})
    for x in ([0.1, 0.5], [2.0, 3.0], [0.1, 3.0], [2.0, 0.5]):
        for part in ("quench", "tight"):
            result = getattr(quencher(model), part)(np.array(x))
            kkt(model, result)
            assert result.coordinates == pytest.approx([1.0, 0.5], abs=1e-10)


def test_a_start_outside_is_put_inside():
    model = losses.build("double-well", {"lower": [-0.5], "upper": [0.5]})
    for part in ("quench", "tight", "sloppy"):
        result = getattr(quencher(model), part)(np.array([7.0, -9.0]))
        assert result.status is Status.CONVERGED
        assert result.coordinates == pytest.approx([0.5, 0.0], abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_random_boxes_as_scipy(seed):
    """From near an end both agree: many coordinates coupled, several of them held."""
    rng = np.random.default_rng(seed)
    n = 8
    centre = rng.uniform(-0.5, 1.2, n)
    width = rng.uniform(0.1, 0.8, n)
    model = Boxed(n, centre - width, centre + width)
    result = quencher(model).quench(rng.uniform(*model.bounds()))
    kkt(model, result)
    model.forget()
    loss, place = minimum_in_box(model.value_and_gradient, result.coordinates, *model.bounds())
    assert result.loss <= loss + 1e-9
    assert result.coordinates == pytest.approx(place, abs=1e-4)


@pytest.mark.parametrize("dense", DENSE)
def test_a_network_in_a_box(dense):
    """Weights no larger than 0.6: some are held, and both methods end in the same minimum from near it."""
    model = small_mlp(**{"lambda": 1e-3})
    model.bounds = lambda: (np.full(model.dimension, -0.6), np.full(model.dimension, 0.6))
    start = model.random_start(np.random.default_rng(2))
    result = quencher(model, dense=dense).quench(start)
    kkt(model, result)
    assert 0 < (np.abs(result.coordinates) == 0.6).sum() < model.dimension
    again = quencher(model, "lbfgs-b", dense).quench(result.coordinates + 1e-3)
    kkt(model, again)
    assert again.coordinates == pytest.approx(result.coordinates, abs=1e-9)


def test_without_a_bound_in_reach_projected_lbfgs_is_lbfgs():
    model = small_mlp(**{"lambda": 1e-3})
    start = model.random_start(np.random.default_rng(2))
    wide = np.full(model.dimension, 100.0)
    ends = []
    for method, sides in ((lbfgs, ()), (projected_lbfgs, (-wide, wide))):
        x = start.copy()
        outcome = method(model.kernel, *model.packed, *sides, x, np.empty_like(x), 1e-6, 10, 0.4, 1000, 1e4)
        ends.append((outcome[0], outcome[3], x))
    assert ends[0][:2] == ends[1][:2]
    assert ends[0][2] == pytest.approx(ends[1][2], abs=1e-12)


@pytest.mark.parametrize("longest", [0.02, 0.3])
def test_projected_steps_are_short_inside_and_never_uphill(longest):
    model = Boxed(4, -0.9, 0.8)
    x = np.array([-0.8, 0.7, -0.5, 0.1])
    lower, upper = model.bounds()
    outcome = projected_lbfgs(
        model.kernel, *model.packed, lower, upper, x, np.empty(4), 1e-7, 10, longest, 5000, 1e4
    )
    points, values = model.evaluated()
    assert (outcome[0], outcome[3]) == (Status.CONVERGED, len(points))
    assert (points >= lower).all() and (points <= upper).all()
    here, value = points[0], values[0]
    for point, trial in zip(points[1:], values[1:], strict=True):
        assert np.linalg.norm(point - here) <= longest * (1 + 1e-12)
        if trial <= value + 1e-13 * (1.0 + abs(value)):
            here, value = point, trial
    assert (here == x).all()


def test_split():
    reduced = np.empty(4)
    held = np.zeros(4, dtype=np.int64)
    x = np.array([0.0, 1.0, 0.5, 0.0])
    gradient = np.array([1.0, -2.0, 3.0, -4.0])
    assert split(x, gradient, np.zeros(4), np.ones(4), reduced, held)
    assert reduced.tolist() == [0.0, 0.0, 3.0, -4.0]
    assert held.tolist() == [1, 1, 0, 0]
    assert not split(x, gradient, np.zeros(4), np.ones(4), reduced, held)


def test_forget_held_drops_what_is_left_without_curvature():
    """Three pairs in a ring; without coordinate 0 the oldest has none: two stay, their curvature renewed."""
    steps = np.array([[1.0, 1.0], [1.0, 2.0], [3.0, 0.0]])
    changes = np.array([[1.0, 2.0], [5.0, 3.0], [3.0, 0.0]])
    curvature = np.zeros(3)
    # Head 2: the newest is row 1, then row 0, the oldest row 2.
    assert forget_held(steps, changes, curvature, 3, 2, np.array([1, 0])) == 2
    assert steps[:2].tolist() == [[0.0, 1.0], [0.0, 2.0]]
    assert curvature[:2].tolist() == [1.0 / 2.0, 1.0 / 6.0]


def test_box_quenches_name_their_failures():
    class Slope(Awkward):
        def bounds(self):
            return np.array([-np.inf, 0.0]), np.array([np.inf, 1.0])

    for method in METHODS:
        assert quencher(Slope(Awkward.SLOPE), method, radius=30.0).quench(np.zeros(2)).status is Status.LEFT_RADIUS
        assert quencher(Slope(Awkward.NAN), method).quench(np.zeros(2)).status is Status.NOT_FINITE
    assert quencher(Slope(Awkward.SLOPE), maximum_iterations=3).sloppy(np.zeros(2)).status is Status.STEP_LIMIT


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton", "fire", "adam"])
def test_methods_that_know_no_bounds_are_refused(method):
    model = losses.build("himmelblau", {"lower": [0.0]})
    with pytest.raises(ConfigError, match=rf"method {method} knows no bounds.*use auto or lbfgs-b"):
        Quencher(model, settings(method=method))
