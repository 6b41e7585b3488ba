"""Competing fits of 20 points of 0.5 sin 3x with noise: what SciPy finds from many starts, one llgmin run finds too.

SciPy's L-BFGS-B minimises scikit-learn's likelihood in the same box, so that nothing but the box is shared.
"""

import shutil

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from llcommon.mixing import log_volume
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.points import minimum_at
from llcommon.problem import read_problem
from llcommon.store import Landscape, read_landscape
from lloptim.saddles import SaddleSearch
from tests.science.runs import EXAMPLES, program, run_and_grow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the minima that a search with all settings at their defaults finds, in minima.h5."""
    folder = tmp_path_factory.mktemp("gp")
    for name in ("sine.csv", "sine.toml"):
        shutil.copy(EXAMPLES / "gp" / name, folder)
    run_and_grow(folder, "sine.toml", growth=None)
    return folder


@pytest.fixture(scope="module")
def landscape(folder):
    return read_landscape(folder / "minima.h5")


def scikit_learn_loss(landscape: Landscape):
    """-ln of the likelihood and its gradient by scikit-learn, with the coordinates of the model."""
    features = landscape.data.features
    inputs = (features - features.mean(axis=0)) / features.std(axis=0)
    targets = (landscape.data.targets - landscape.data.targets.mean()) / landscape.data.targets.std()
    kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(1.0)
    process = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(inputs, targets)

    def loss(x):
        value, gradient = process.log_marginal_likelihood(x, eval_gradient=True, clone_kernel=False)
        return -value, -gradient

    return loss


def minima_by_restarts(landscape: Landscape, restarts: int) -> list[tuple[float, np.ndarray]]:
    """(loss, coordinates) of every end of L-BFGS-B, from log-uniform starts in the box, that is a minimum: some stop on
    the plateau of noise alone or, within rounding, at a saddle of it."""
    lower, upper = landscape.model.bounds()
    loss = scikit_learn_loss(landscape)
    rng = np.random.default_rng(11)
    ends = []
    for _ in range(restarts):
        start = rng.uniform(lower, upper)
        bounds = list(zip(lower, upper, strict=True))
        end = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 0.0, "gtol": 1e-8})
        if minimum_at(landscape.model, end.x, 1e-8)[0] is not None:
            ends.append((float(end.fun), end.x))
    return ends


def assert_all_found(landscape: Landscape, ends: list[tuple[float, np.ndarray]]) -> None:
    """Every end is a stored minimum, and every stored minimum is one of the ends."""
    reached = set()
    for loss, x in ends:
        distances = np.linalg.norm(landscape.minima.coordinates - x, axis=1)
        nearest = int(np.argmin(distances))
        assert distances[nearest] < 1e-3, f"{loss} at {x} was not found"
        assert loss == pytest.approx(landscape.minima.loss[nearest], abs=1e-6)
        reached.add(nearest)
    assert reached == set(range(len(landscape.minima)))


def test_a_search_finds_what_restarts_find(landscape):
    ends = minima_by_restarts(landscape, 100)
    assert len(ends) > 60
    assert_all_found(landscape, ends)


def test_the_fits_are_a_sine_an_interpolation_and_noise_alone(landscape):
    """By their hyperparameters and what they make of the points."""
    table, model = landscape.minima, landscape.model
    assert len(table) == 3
    signal, length, noise = np.exp(table.coordinates.T)
    assert table.active.tolist() == [[0, 0, 0], [0, 0, -1], [-1, 1, 0]]
    # The noise that the points were made with has the standard deviation 0.3.
    assert np.sqrt(noise[0]) * model.target_scale == pytest.approx(0.3, abs=0.1)
    # Without noise a fit goes through the points, without a signal through none.
    targets = landscape.data.targets[:, None]
    residuals = [model.predict(x, landscape.data.features) - targets for x in table.coordinates]
    deviations = [float(np.std(residual)) for residual in residuals]
    assert deviations[1] < 0.02 < deviations[0] < deviations[2]
    assert deviations[2] == pytest.approx(targets.std(), rel=0.01)
    # Noise alone: ln of the likelihood of independent normal numbers of variance 1.
    assert table.loss[2] == pytest.approx(10.0 * (1.0 + np.log(2.0 * np.pi)), abs=0.02)
    # The best fit is nearer to the sine than the points are.
    sine = 0.5 * np.sin(3.0 * landscape.data.features)
    assert np.std(residuals[0] + targets - sine) < 0.7 * np.std(targets - sine)


def test_laplace_weights_add_up_to_the_evidence(landscape):
    """ln of the integral of exp(-L) over the box, by the midpoint rule, beside the sum over the three minima."""
    model = landscape.model
    lower, upper = model.bounds()
    number = 40
    axes = lower + (upper - lower) * (np.arange(number)[:, None] + 0.5) / number
    points = np.stack(np.meshgrid(*axes.T, indexing="ij"), axis=-1).reshape(-1, 3)
    factors = [np.exp(-model.value(x)) for x in points]
    evidence = np.log(np.mean(factors) * np.prod(upper - lower))
    minima = [landscape.minimum(number) for number in range(len(landscape.minima))]
    sum_of_basins = sum(np.exp(log_volume(model, minimum, 1.0) - minimum.loss) for minimum in minima)
    assert np.log(sum_of_basins) == pytest.approx(evidence, abs=0.3)


@pytest.mark.slow
def test_a_search_finds_what_a_thousand_restarts_find(landscape):
    ends = minima_by_restarts(landscape, 1000)
    assert len(ends) > 600
    assert_all_found(landscape, ends)


@pytest.mark.slow
def test_the_fits_are_connected(folder):
    program("llpathsample", "grow", "minima.h5", "-o", "landscape.h5", "-q", "-j", 1, cwd=folder)
    program("llpathsample", "check", "landscape.h5", cwd=folder)
    grown = read_landscape(folder / "landscape.h5")
    assert len(grown.minima) == 3
    joined = {tuple(sorted(ids)) for ids in grown.transition_states.minima.tolist()}
    assert len(joined) == 2
    assert (grown.transition_states.negative_eigenvalue < 0.0).all()
    free = grown.transition_states.active == 0
    for row, x in enumerate(grown.transition_states.coordinates):
        hessian = grown.model.hessian(x.copy())[np.ix_(free[row], free[row])]
        assert (np.linalg.eigvalsh(hessian) < 0.0).sum() == 1


@pytest.fixture(scope="module")
def periodic():
    """An empty landscape of the periodic covariance."""
    return read_problem(EXAMPLES / "gp" / "periodic.toml")


def test_a_path_stays_in_its_valley_of_the_period(periodic):
    """Down from a saddle into a valley that is 0.02 wide in ln p; where short projected Euler steps end too."""
    model = periodic.model
    lower, upper = model.bounds()
    near = np.array([lower[0], lower[1], -0.5946, 0.0])
    found = SaddleSearch(model, periodic.settings).search(near, np.array([0.0, 0.0, 1.0, 0.0]))
    state, mode = found.transition_state, found.mode
    assert abs(mode[2]) > 0.99
    towards_longer = mode * np.sign(mode[2])
    side = Downhill(model, periodic.settings).side(state, towards_longer)
    x = state.coordinates + 1e-3 * towards_longer
    for _ in range(6000):
        x = np.clip(x - 1e-3 * model.value_and_gradient(x)[1], lower, upper)
    assert x[2] - state.coordinates[2] < 0.05
    assert side.minimum.coordinates == pytest.approx(x, abs=1e-3)


@pytest.mark.slow
def test_all_periods_are_connected(tmp_path):
    for name in ("sine.csv", "periodic.toml"):
        shutil.copy(EXAMPLES / "gp" / name, tmp_path)
    program("llgmin", "run", "periodic.toml", "-o", "minima.h5", "-q", cwd=tmp_path)
    program("llpathsample", "grow", "minima.h5", "-o", "landscape.h5", "-q", "-j", 1, cwd=tmp_path)
    program("llpathsample", "check", "landscape.h5", cwd=tmp_path)
    grown = read_landscape(tmp_path / "landscape.h5")
    assert len(grown.minima) >= 24
    joined = {0}
    for _ in range(len(grown.minima)):
        joined |= {b for pair in grown.transition_states.minima.tolist() for b in pair if joined & set(pair)}
    assert len(joined) == len(grown.minima)
    # The best period is that of the sine, another the double of it.
    scale = grown.data.scale[0]
    periods = scale * np.exp(grown.minima.coordinates[:, 2])
    lowest = np.argsort(grown.minima.loss)[:5]
    assert periods[lowest[0]] == pytest.approx(2.0 * np.pi / 3.0, rel=0.05)
    assert np.abs(periods[lowest] - 4.0 * np.pi / 3.0).min() < 0.1
