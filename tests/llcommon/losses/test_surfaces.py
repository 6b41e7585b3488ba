"""Analytic surfaces: their stationary points are those of the literature, and no others."""

import numpy as np
import pytest

from llcommon.errors import ConfigError
from llcommon.losses import build
from tests.llcommon.losses.cases import SURFACE_CASES

# Losses as printed in the literature, for each index.
PRINTED = {
    "mueller-brown": {
        0: [-146.6995172100, -108.1667241169, -80.7678181297],
        1: [-72.2489401123, -40.6648435087],
    },
    "six-hump-camel": {
        0: sorted([-1.0316284535, -0.2154638244, 2.1042503103] * 2),
        1: sorted([0.0, *[0.5437186010, 2.2293571975, 2.2294708180] * 2]),
        2: [2.4962953510] * 2,
    },
    "himmelblau": {
        0: [0.0] * 4,
        1: [13.3119262704, 67.7191500875, 104.0151629176, 178.3372392019],
        2: [181.6165215226],
    },
    "double-well": {0: [0.0, 0.0], 1: [1.0]},
}


@pytest.fixture(params=SURFACE_CASES, ids=str)
def surface(request):
    return request.param.build()


def test_known_losses_are_the_printed_ones(surface):
    for index, printed in PRINTED[surface.name].items():
        losses = sorted(loss for _, loss, i in surface.known_points() if i == index)
        assert losses == pytest.approx(printed, abs=6e-11)
    assert len(surface.known_points()) == sum(map(len, PRINTED[surface.name].values()))


def test_newton_from_everywhere_finds_exactly_the_known_points(surface):
    # Newton's method converges to stationary points of any index: an independent enumeration.
    rng = np.random.default_rng(5)
    known = np.array([x for x, _, _ in surface.known_points()])
    lower = known.min(axis=0) - 0.6
    upper = known.max(axis=0) + 0.6
    met = set()
    for _ in range(1000):
        x = rng.uniform(lower, upper)
        for _ in range(60):
            gradient = surface.value_and_gradient(x)[1]
            step = np.linalg.lstsq(surface.hessian(x), gradient)[0]
            x = x - step
            if not np.all((lower <= x) & (x <= upper)) or np.abs(step).max() < 1e-13:
                break
        if np.all((lower <= x) & (x <= upper)) and np.abs(gradient).max() < 1e-10:
            nearest = int(np.linalg.norm(known - x, axis=1).argmin())
            assert np.abs(known[nearest] - x).max() < 1e-8
            met.add(nearest)
    assert met == set(range(len(known)))


def test_known_points_lie_among_the_random_starts(surface):
    rng = np.random.default_rng(6)
    starts = np.array([surface.random_start(rng) for _ in range(400)])
    for x, _, _ in surface.known_points():
        assert np.all(x > starts.min(axis=0))
        assert np.all(x < starts.max(axis=0))


def test_no_symmetry_is_declared(surface):
    rng = np.random.default_rng(7)
    x = surface.random_start(rng)
    assert surface.log_group_order() == 0.0
    assert np.array_equal(surface.align(-x, x), x)
    assert surface.zero_modes(x).shape == (0, surface.dimension)
    assert surface.bounds() is None
    assert surface.predict(x, np.zeros((3, 2))) is None


def test_double_well_takes_its_parameters():
    model = build("double-well", {"dimension": 3, "stiffness": 5.0})
    assert model.dimension == 3
    assert np.linalg.eigvalsh(model.hessian(np.zeros(3))).tolist() == [-4.0, 5.0, 5.0]
    assert model.value(np.array([2.0, 1.0, -1.0])) == 9.0 + 5.0


@pytest.mark.parametrize(
    "name, parameters, message",
    [
        ("double-well", {"dimension": 0}, "at least 1"),
        ("double-well", {"stiffness": 0.0}, "above 0"),
        ("himmelblau", {"dimension": 2}, "dimension is not a known key"),
        ("himmelblau", {"lower": [0.0] * 3}, "lower must hold one number, or one for each of the 2 coordinates, not 3"),
        ("himmelblau", {"upper": []}, "upper must hold one number, or one for each of the 2 coordinates, not 0"),
        ("himmelblau", {"lower": [0.0], "upper": [1.0, 0.0]}, "coordinate 2 has 0.0 and 0.0"),
        ("double-well", {"lower": [1.0], "upper": [-1.0]}, "lower must be below upper, but coordinate 1"),
        ("mueller-brown", {"lower": 1.0}, "must be a list of numbers"),
    ],
)
def test_wrong_parameters_are_refused(name, parameters, message):
    with pytest.raises(ConfigError, match=message):
        build(name, parameters)


@pytest.mark.parametrize(
    ("parameters", "lower", "upper"),
    [
        ({"lower": [0.5]}, [0.5, 0.5], [np.inf, np.inf]),
        ({"upper": [1.0, 2.0]}, [-np.inf, -np.inf], [1.0, 2.0]),
        ({"lower": [-1.0], "upper": [1.0, 2.0]}, [-1.0, -1.0], [1.0, 2.0]),
        ({"lower": [10.0]}, [10.0, 10.0], [np.inf, np.inf]),
        ({"upper": [-10.0]}, [-np.inf, -np.inf], [-10.0, -10.0]),
        ({"lower": [7.0, -9.0], "upper": [7.5, -8.0]}, [7.0, -9.0], [7.5, -8.0]),
    ],
)
def test_a_box_around_a_surface(parameters, lower, upper):
    """The bounds are those given; starts lie inside, all over the box and not in one place."""
    model = build("himmelblau", parameters)
    assert [side.tolist() for side in model.bounds()] == [lower, upper]
    rng = np.random.default_rng(8)
    starts = np.array([model.random_start(rng) for _ in range(100)])
    assert np.all(starts >= lower) and np.all(starts <= upper)
    assert np.isfinite(starts).all()
    room = np.minimum(np.array(upper) - np.array(lower), 10.0)
    assert np.all(np.ptp(starts, axis=0) > 0.3 * np.minimum(room, 4.0))


def test_known_points_are_those_within_the_box():
    model = build("himmelblau", {"lower": [0.0], "upper": [4.0]})
    points = [x.round(3).tolist() for x, _, _ in model.known_points()]
    assert points == [[3.0, 2.0], [3.385, 0.074], [0.087, 2.884]]


def test_a_box_does_not_change_the_loss():
    free = build("mueller-brown", {})
    boxed = build("mueller-brown", {"lower": [-0.5], "upper": [0.5]})
    x = np.array([0.3, -0.2])
    assert boxed.value(x) == free.value(x)
    assert np.array_equal(boxed.hessian(x), free.hessian(x))
