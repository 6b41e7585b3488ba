"""Mixtures of minima: weights against integrals, the laws of total expectation and variance."""

import math

import numpy as np
import pytest

from llcommon.losses import build
from llcommon.losses.base import LossModel
from llcommon.mixing import log_volume, log_weights, mixture
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum
from llcommon.settings import QuenchSettings
from tests.llcommon.losses.cases import numeric_table

_CURVATURES = np.array([2.0, 5.0])


class Slope(LossModel):
    """x^2 + 5/2 y^2 + slope z for z >= 0, in a box that is wide for the parabolas."""

    dimension = 3

    def __init__(self, slope=3.0):
        self.slope = slope

    def value_and_gradient(self, x):
        parabolas = 0.5 * _CURVATURES @ x[:2] ** 2
        return parabolas + self.slope * x[2], np.array([*(_CURVATURES * x[:2]), self.slope])

    def bounds(self):
        return np.array([-50.0, -50.0, 0.0]), np.full(3, 50.0)


def minimum_of(loss, coordinates, lpphe, active=None, order=1):
    held = None if active is None else np.array(active, dtype=np.int8)
    x = np.array(coordinates, dtype=np.float64)
    return Minimum(loss, x, 0.0, lpphe, 1.0, order=order, log_order=math.log(order), active=held)


def at_the_bound(order=1):
    return minimum_of(0.0, [0.0, 0.0, 0.0], np.log(_CURVATURES).sum(), [0, 0, -1], order)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("steepness", [3.0, 0.05, 1e-5])
def test_the_volume_is_the_integral_of_the_boltzmann_factor(temperature, steepness):
    """On a grid over the box, whose integrand factorises; also where the bound hardly presses."""
    t = np.linspace(-50.0, 50.0, 200_001)
    parabolas = [np.trapezoid(np.exp(-0.5 * c * t**2 / temperature), t) for c in _CURVATURES]
    z = np.linspace(0.0, 50.0, 2_000_001)
    slope = np.trapezoid(np.exp(-steepness * z / temperature), z)
    expected = math.log(math.prod(parabolas) * slope)
    assert log_volume(Slope(steepness), at_the_bound(), temperature) == pytest.approx(expected, abs=1e-8)


def test_a_symmetric_minimum_has_fewer_images():
    alone = log_volume(Slope(), at_the_bound(), 1.0)
    assert log_volume(Slope(), at_the_bound(2), 1.0) == pytest.approx(alone - math.log(2.0))


def test_weights_are_boltzmann_factors_of_equal_volumes():
    model = build("himmelblau", {})
    minima = [minimum_of(loss, [0.0, 0.0], 4.0) for loss in (0.0, 1.0, 3.0)]
    for temperature in (0.5, 1.0, 20.0):
        factors = np.exp(-np.array([0.0, 1.0, 3.0]) / temperature)
        assert np.exp(log_weights(model, minima, temperature)) == pytest.approx(factors / factors.sum(), rel=1e-13)


def test_no_temperature_overflows():
    model = build("himmelblau", {})
    minima = [minimum_of(1e5, [0.0, 0.0], 4.0), minimum_of(1e5 + 1.0, [1.0, 0.0], 4.0)]
    weights = log_weights(model, minima, 1e-6)
    assert weights == pytest.approx([0.0, -1e6])
    assert np.exp(log_weights(model, minima, 1e9)) == pytest.approx([0.5, 0.5])


def test_a_model_that_predicts_nothing_has_no_mixture():
    minimum = minimum_of(0.0, [3.0, 2.0], 8.0)
    assert mixture(build("himmelblau", {}), [minimum], np.zeros((1, 2))) is None


@pytest.mark.parametrize(("minima", "temperature"), [([], 1.0), (None, 0.0), (None, math.nan), (None, math.inf)])
def test_what_has_no_weights_is_refused(minima, temperature):
    chosen = [at_the_bound()] if minima is None else minima
    with pytest.raises(ValueError, match="at least one minimum|temperature must be positive"):
        log_weights(Slope(), chosen, temperature)


@pytest.fixture
def fits():
    """A Gaussian process and two points that stand for minima of it."""
    model = build("gp", {}, numeric_table())
    points = [np.log([1.0, 1.0, 0.1]), np.log([0.5, 4.0, 0.7])]
    return model, [minimum_of(model.value(x), x, 1.0, [0, 0, 0]) for x in points]


def test_one_minimum_is_its_own_mixture(fits):
    model, minima = fits
    features = model.data.features[:4] + 0.3
    mixed = mixture(model, minima[:1], features)
    assert mixed.weights == pytest.approx([1.0])
    assert mixed.mean == pytest.approx(model.predict(minima[0].coordinates, features))
    assert mixed.variance == pytest.approx(model.predictive_variance(minima[0].coordinates, features))
    assert mixed.between == pytest.approx(np.zeros((4, 1)))


@pytest.mark.parametrize("noise", [True, False])
def test_total_variance_is_the_second_moment_less_the_squared_mean(fits, noise):
    model, minima = fits
    features = model.data.features[:4] + 0.3
    mixed = mixture(model, minima, features, 2.0, noise)
    means = [model.predict(minimum.coordinates, features) for minimum in minima]
    variances = [model.predictive_variance(minimum.coordinates, features, noise) for minimum in minima]
    mean = sum(w * m for w, m in zip(mixed.weights, means, strict=True))
    moment = sum(w * (v + m**2) for w, v, m in zip(mixed.weights, variances, means, strict=True))
    assert mixed.mean == pytest.approx(mean, rel=1e-13)
    assert mixed.variance == pytest.approx(moment - mean**2, rel=1e-12)
    assert mixed.variance == pytest.approx(mixed.within + mixed.between)
    assert (mixed.variance >= mixed.within).all()


def test_a_network_is_mixed_without_variances():
    model = build("mlp", {"hidden": [2], "loss": "mse"}, numeric_table())
    rng = np.random.default_rng(1)
    minima = [minimum_of(0.0, model.random_start(rng), 1.0) for _ in range(2)]
    mixed = mixture(model, minima, model.data.features)
    assert mixed.variance is None and mixed.within is None
    assert mixed.between.shape == mixed.mean.shape == (9, 1)


def test_a_verified_minimum_on_bounds_has_a_weight():
    model = build("gp", {"signal_bounds": [5.0, 9.0]}, numeric_table())
    lower, _ = model.bounds()
    end = Quencher(model, QuenchSettings()).quench(lower + 1.0)
    minimum, _ = minimum_at(model, end.coordinates, 1e-9)
    assert minimum.active.any()
    assert math.isfinite(log_volume(model, minimum, 1.0))
