"""Posteriors whose integrals and predictions are known: harmonic, by importance sampling, quadrature and chains."""

import numpy as np
import pytest
from scipy.stats import norm

from llcommon.losses.base import LossModel
from llcommon.metrics import rank_correlation
from llcommon.records import Minimum
from llcommon.status import Status
from llpathsample.bayes import sampling
from llpathsample.bayes.comparison import gain
from llpathsample.bayes.correlations import interval
from llpathsample.bayes.harmonic import FREEDOM, UNIFORM, harmonic_of
from llpathsample.bayes.importance import importance
from llpathsample.bayes.predictions import Predictions, Scores, influence, log_density, scores
from llpathsample.bayes.problem import Problem
from llpathsample.bayes.quadrature import TOLERANCE, quadrature

CURVATURE = np.array([[4.0, 1.2], [1.2, 2.0]])
NOISE = 0.7
TARGETS = np.array([-1.1, 0.2, 0.9, 2.5])


class Wells(LossModel):
    """-ln of a sum of normal functions of the same curvature, in a box. A test target is the first coordinate with
    normal noise. symmetric: x and -x are images of one another."""

    likelihood_temperature = 1.0

    def __init__(self, centres, heights, curvature=CURVATURE, width=8.0, symmetric=False):
        self.centres, self.heights = np.atleast_2d(centres), np.atleast_1d(heights)
        self.curvature, self.dimension = np.atleast_2d(curvature), np.atleast_2d(centres).shape[1]
        self.width, self.symmetric = width, symmetric
        self.reals, self.integers, self.workspace = np.empty(0), np.empty(0, dtype=np.int64), np.empty(0)

    def kernel(self, x, gradient, *packed):
        away = x - self.centres
        terms = self.heights * np.exp(-0.5 * np.einsum("ki,ij,kj->k", away, self.curvature, away))
        gradient[:] = (terms / terms.sum()) @ away @ self.curvature
        return -np.log(terms.sum())

    def hessian(self, x):
        return self.curvature  # of a well far from the others

    def bounds(self):
        return np.full(self.dimension, -self.width), np.full(self.dimension, self.width)

    def predictive(self, x, features, noise=True):
        return np.full((len(features), 1), x[0]), np.full((len(features), 1), NOISE**2)

    def log_group_order(self):
        return np.log(2.0) if self.symmetric else 0.0

    def random_image(self, x, rng):
        return -x if self.symmetric and rng.random() < 0.5 else x


def problem(model: Wells, centres=None) -> Problem:
    """The posterior of the wells, with minima at their centres or at those given."""
    lpphe = float(np.linalg.slogdet(model.curvature)[1])
    minima = [
        Minimum(float(model.value(x)), np.array(x), 0.0, lpphe, 1.0)
        for x in (model.centres if centres is None else centres)
    ]
    minima.sort(key=lambda minimum: minimum.loss)
    return Problem(model, minima, np.zeros((len(TARGETS), 1)), TARGETS)


def exact_evidence(model: Wells) -> float:
    """ln of the integral of exp(-L) over all space."""
    one = 0.5 * (model.dimension * np.log(2.0 * np.pi) - np.linalg.slogdet(model.curvature)[1])
    return float(one + np.log(model.heights.sum()))


def exact_density(model: Wells) -> np.ndarray:
    """ln p(y_j) of the conjugate predictions."""
    deviation = np.sqrt(np.linalg.inv(model.curvature)[0, 0] + NOISE**2)
    shares = model.heights / model.heights.sum()
    return np.log(norm.pdf(TARGETS[:, None], model.centres[:, 0], deviation) @ shares)


ONE = Wells([0.4, -0.3], 3.0)
TWO = Wells([[-3.0, 2.0], [3.0, -1.0]], [1.0, 3.0])


# --- evidence and predictions that are known ------------------------------------------------------


@pytest.mark.parametrize("model", [ONE, TWO], ids=["one", "two"])
def test_harmonic_evidence_of_quadratic_wells_is_exact(model):
    density = harmonic_of(problem(model))
    assert density.log_evidence == pytest.approx(exact_evidence(model), abs=1e-8)
    assert sorted(np.exp(density.log_weights)) == pytest.approx(sorted(model.heights / model.heights.sum()), abs=1e-8)


@pytest.mark.parametrize("model", [ONE, TWO], ids=["one", "two"])
def test_importance_sampling_finds_evidence_and_predictions(model):
    posed = problem(model)
    found = importance(posed, harmonic_of(posed), 4000, 3)
    assert found.status == Status.CONVERGED and 1000.0 < found.effective < 4000.0
    assert 0.0 < found.log_error < 0.03
    assert abs(found.log_evidence - exact_evidence(model)) < 4.0 * found.log_error
    assert 0.0 < found.scores.monte_carlo_error < 0.03
    assert abs(found.scores.mean - exact_density(model).mean()) < 4.0 * found.scores.monte_carlo_error


def test_the_errors_of_importance_sampling_are_those_of_repeats():
    posed = problem(TWO)
    density = harmonic_of(posed)
    found = [importance(posed, density, 300, seed) for seed in range(40)]
    for values, errors in (
        ([one.log_evidence for one in found], [one.log_error for one in found]),
        ([one.scores.mean for one in found], [one.scores.monte_carlo_error for one in found]),
    ):
        assert np.std(values) == pytest.approx(np.mean(errors), rel=0.4)


@pytest.mark.parametrize("model", [ONE, TWO], ids=["one", "two"])
def test_quadrature_finds_evidence_and_predictions(model):
    posed = problem(model)
    found = quadrature(posed, harmonic_of(posed))
    assert found.status == Status.CONVERGED and found.log_error <= TOLERANCE
    assert found.log_evidence == pytest.approx(exact_evidence(model), abs=TOLERANCE)
    assert found.scores.mean == pytest.approx(exact_density(model).mean(), abs=3e-3)
    np.testing.assert_allclose(found.scores.log_density, exact_density(model), atol=0.01)


def test_quadrature_knows_its_limits():
    posed = problem(Wells(np.zeros(4), 1.0, np.eye(4)))
    with pytest.raises(ValueError, match="at most 3 coordinates"):
        quadrature(posed, harmonic_of(posed))


def test_chains_find_predictions_and_the_shares_of_modes_that_do_not_touch():
    pytest.importorskip("emcee")
    posed = problem(TWO)
    density = harmonic_of(posed)
    lengths = sampling.Lengths(steps=1500, ensembles=2, walkers=8, draws=1000)
    ensembles = [sampling.run_ensemble(posed, density, lengths, 5, number) for number in range(2)]
    found = sampling.sampled(posed, ensembles, lengths)
    assert found.status == Status.CONVERGED and found.r_hat < 1.01
    assert 1.0 < found.autocorrelation < 30.0
    right = np.mean([np.mean(one.points[..., 0] > 0.0) for one in ensembles])
    assert right == pytest.approx(0.75, abs=4.0 * np.sqrt(0.75 * 0.25 / found.effective))
    assert abs(found.scores.mean - exact_density(TWO).mean()) < 4.0 * found.scores.monte_carlo_error


def test_the_moves_leave_a_normal_distribution_as_it_is():
    pytest.importorskip("emcee")
    posed = problem(Wells(np.zeros(3), 1.0, np.eye(3)))
    lengths = sampling.Lengths(steps=2500, ensembles=1, walkers=12)
    points = sampling.run_ensemble(posed, harmonic_of(posed), lengths, 2, 0).points
    np.testing.assert_allclose(points.reshape(-1, 3).var(axis=0), 1.0, atol=0.1)


def test_chains_that_keep_to_their_modes_are_unreliable():
    """Two ensembles, each in a mode of its own."""
    pytest.importorskip("emcee")
    rng = np.random.default_rng(0)
    ensembles = [
        sampling.Ensemble(centre + 0.1 * rng.standard_normal((600, 8, 2)), np.zeros((600, 8)), 0.3)
        for centre in TWO.centres
    ]
    found = sampling.sampled(problem(TWO), ensembles, sampling.Lengths(draws=100))
    assert found.status == Status.UNRELIABLE


def test_chains_that_never_move_are_unreliable():
    pytest.importorskip("emcee")
    still = sampling.Ensemble(np.tile(ONE.centres[0], (100, 8, 1)), np.zeros((100, 8)), 0.0)
    found = sampling.sampled(problem(ONE), [still, still], sampling.Lengths(draws=100))
    assert found.status == Status.UNRELIABLE and np.isnan(found.autocorrelation)


def test_r_hat_of_equal_chains_is_one_and_of_shifted_ones_known():
    rng = np.random.default_rng(1)
    chains = rng.standard_normal((2, 400, 4, 1))
    assert sampling.r_hat(chains)[0] == pytest.approx(1.0, abs=0.01)
    chains[1] += 2.0
    # Means -1 and 1 of halves two by two: variance 4/3 between, 1 within.
    assert sampling.r_hat(chains)[0] == pytest.approx(np.sqrt(1.0 + 4.0 / 3.0), rel=0.05)


# --- the density of the minima --------------------------------------------------------------------


def on_a_bound(slope: float) -> Problem:
    """One free coordinate, and one that a bound holds with a slope."""

    class Held(Wells):
        def kernel(self, x, gradient, *packed):
            gradient[:] = [x[0], slope]
            return 0.5 * x[0] ** 2 + slope * (x[1] + self.width)

        def hessian(self, x):
            return np.diag([1.0, 0.0])

    model = Held([0.0, -2.0], 1.0, np.eye(2), width=2.0)
    minimum = Minimum(0.0, np.array([0.0, -2.0]), 0.0, 0.0, 1.0, active=np.array([0, -1], dtype=np.int8))
    return Problem(model, [minimum], np.zeros((4, 1)), TARGETS)


@pytest.mark.parametrize("slope", [3.0, 0.01])
def test_density_and_draws_beside_a_bound(slope):
    """Uniform in the box over the density has the mean of the box's share, and the density the integral 1."""
    posed = on_a_bound(slope)
    density = harmonic_of(posed)
    # Free: a normal function of integral sqrt(2 pi); held: an exponential one cut off at the width 4.
    exact = 0.5 * np.log(2.0 * np.pi) + np.log(-np.expm1(-4.0 * slope) / slope)
    assert density.log_evidence == pytest.approx(exact)
    x, y = np.linspace(-300.0, 300.0, 60001), np.linspace(-2.0, 2.0, 401)
    along = density.peaks[0].log_density(np.column_stack([x, np.full(len(x), -1.0)]))
    across = density.peaks[0].log_density(np.column_stack([np.zeros(len(y)), y]))
    total = np.trapezoid(np.exp(along), x) * np.trapezoid(np.exp(across - across[100]), y)
    assert total == pytest.approx(1.0, abs=2e-3)
    points = density.draw(20000, np.random.default_rng(4))
    assert (points[:, 1] >= -2.0).all() and (points[:, 1] <= 2.0).all()
    inside = np.abs(points[:, 0]) <= 2.0
    ratios = np.where(inside, 1.0 / 16.0 / np.exp(density.log_density(points)), 0.0)
    assert ratios.mean() == pytest.approx(1.0, abs=4.0 * ratios.std() / np.sqrt(20000))


def test_a_student_peak_has_its_scale():
    peak = harmonic_of(problem(ONE)).peaks[0]
    points = peak.draw(40000, np.random.default_rng(5))
    expected = np.linalg.inv(CURVATURE) * FREEDOM / (FREEDOM - 2.0)
    np.testing.assert_allclose(np.cov(points.T), expected, atol=0.08)


def test_images_are_drawn_and_counted():
    """Of two wells that are images of one another a landscape holds one."""
    symmetric = Wells([[-3.0, 2.0], [3.0, -2.0]], [1.0, 1.0], symmetric=True)
    posed = problem(symmetric, symmetric.centres[:1])
    density = harmonic_of(posed)
    assert len(density.peaks) == 2 and density.shares.sum() == pytest.approx(1.0 - UNIFORM)
    assert density.log_evidence == pytest.approx(exact_evidence(symmetric), abs=1e-8)
    found = importance(posed, density, 3000, 1)
    assert abs(found.log_evidence - exact_evidence(symmetric)) < 4.0 * found.log_error


# --- mixtures -------------------------------------------------------------------------------------


def test_mixtures_are_scored_as_by_hand():
    rng = np.random.default_rng(7)
    weights = np.array([0.2, 0.5, 0.3])
    found = Predictions(np.log(weights), rng.standard_normal((3, 4)), rng.uniform(0.2, 2.0, (3, 4)))
    deviations = np.sqrt(found.variances)
    density = weights @ norm.pdf(TARGETS, found.means, deviations)
    np.testing.assert_allclose(log_density(found, TARGETS), np.log(density), rtol=1e-12)
    scored = scores(found, TARGETS)
    mean = weights @ found.means
    variance = weights @ (found.variances + found.means**2) - mean**2
    assert scored.mean == pytest.approx(np.log(density).mean())
    assert scored.matched == pytest.approx(norm.logpdf(TARGETS, mean, np.sqrt(variance)).mean())
    assert scored.rmse == pytest.approx(np.sqrt(np.mean((mean - TARGETS) ** 2)))
    # Many draws of each mixture: where their quantiles are, the interval ends.
    chosen = rng.choice(3, size=(20000, 4), p=weights)
    draws = np.take_along_axis(found.means, chosen, 0) + np.take_along_axis(deviations, chosen, 0) * (
        rng.standard_normal((20000, 4))
    )
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert scored.coverage == np.mean((low <= TARGETS) & (high >= TARGETS))


def test_far_rows_have_a_finite_log_density():
    found = Predictions(np.log([0.5, 0.5]), np.array([[0.0], [1.0]]), np.ones((2, 1)))
    assert log_density(found, np.array([1e4]))[0] == pytest.approx(norm.logpdf(1e4, 1.0, 1.0) + np.log(0.5))


def test_the_influence_is_the_derivative_by_a_weight():
    rng = np.random.default_rng(8)
    means, variances = rng.standard_normal((3, 4)), rng.uniform(0.2, 2.0, (3, 4))
    weights = np.array([0.2, 0.5, 0.3])

    def mean(changed):
        return log_density(Predictions(np.log(changed), means, variances), TARGETS).mean()

    for number, expected in enumerate(influence(Predictions(np.log(weights), means, variances), TARGETS)):
        step = 1e-6 * np.eye(3)[number]
        assert (mean(weights + step) - mean(weights - step)) / 2e-6 == pytest.approx(expected, rel=1e-6)


def test_gains_are_paired():
    rng = np.random.default_rng(9)
    shared = 10.0 * rng.standard_normal(30)
    better = Scores(shared + 0.1 + 0.01 * rng.standard_normal(30), 0.0, 0.0, 0.0, monte_carlo_error=0.003)
    found = gain(better, Scores(shared, 0.0, 0.0, 0.0))
    assert found.mean == pytest.approx(0.1, abs=0.01) and 0.003 < found.error < 0.006
    assert found.high - found.mean == pytest.approx(2.045 * found.error, rel=1e-3)  # t of 29 degrees of freedom
    single = gain(Scores(np.array([1.0]), 0.0, 0.0, 0.0), Scores(np.array([0.5]), 0.0, 0.0, 0.0))
    assert single.mean == 0.5 and np.isnan(single.low)


# --- correlations ---------------------------------------------------------------------------------


def test_intervals_of_rank_correlations():
    first, second = np.arange(10.0), np.array([1.0, 0.0, 2.0, 5.0, 3.0, 4.0, 9.0, 6.0, 8.0, 7.0])
    value, low, high = interval(first, second)
    assert value == rank_correlation(first, second)
    reach = 1.959964 * np.sqrt((1.0 + value**2 / 2.0) / 7.0)
    assert (np.arctanh(high) - np.arctanh(low)) / 2.0 == pytest.approx(reach, rel=1e-5)
    assert np.isnan(interval(first[:3], second[:3])).all()
    assert np.isnan(interval(np.ones(10), second)).all()
    assert interval(first, first)[0] == 1.0 and np.isnan(interval(first, first)[1:]).all()


def test_intervals_hold_no_correlation_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = [low <= 0.0 <= high for _, low, high in (interval(*rng.standard_normal((2, 10))) for _ in range(400))]
    assert 0.91 < np.mean(held) < 0.99
