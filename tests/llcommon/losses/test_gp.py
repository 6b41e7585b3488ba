"""The Gaussian process: against scikit-learn, laws of its kernels, its box, and where it fails."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as peer

from llcommon.errors import ConfigError
from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import class_table, numeric_table, table
from tests.reference import gp as twin

ROWS = 15
SINGLE = ("squared-exponential", "matern12", "matern32", "matern52", "rational-quadratic", "periodic")


def data_of(features, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 2.0, (ROWS, features))
    return table(x, targets=np.sin(x.sum(axis=1)) + 0.3 * rng.standard_normal(ROWS), shift=0.3, scale=1.7)


# --- scikit-learn ---------------------------------------------------------------------------------


def peer_of(name, values):
    """A kernel of scikit-learn at `values`, lengths first, and where its parameters, in order, are among them."""
    if name == "periodic":
        return peer.ExpSineSquared(values[0], values[1]), [0, 1]
    if name == "rational-quadratic":
        return peer.RationalQuadratic(values[0], values[1]), [1, 0]
    lengths = values[0] if len(values) == 1 else values
    if name == "squared-exponential":
        return peer.RBF(lengths), list(range(len(values)))
    smoothness = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}[name]
    return peer.Matern(lengths, nu=smoothness), list(range(len(values)))


def counterpart(kernel, x, lengths):
    """scikit-learn's kernel at the coordinates x, and which coordinate each of its parameters is."""
    values = np.exp(x).tolist()
    sign = "*" if "*" in kernel else "+"
    whole, places = None, []
    place = 0
    for name in [name.strip() for name in kernel.split(sign)]:
        part = None
        if whole is None or sign == "+":
            part = peer.ConstantKernel(values[place])
            places.append(place)
            place += 1
        size = lengths + (name in ("rational-quadratic", "periodic"))
        own, order = peer_of(name, values[place : place + size])
        places += [place + number for number in order]
        place += size
        part = own if part is None else part * own
        whole = part if whole is None else (whole * part if sign == "*" else whole + part)
    return whole + peer.WhiteKernel(values[-1]), [*places, place]


KERNELS = [
    *[(kernel, False, 1) for kernel in SINGLE],
    *[(kernel, False, 3) for kernel in SINGLE if kernel != "periodic"],
    *[(kernel, True, 3) for kernel in SINGLE[:4]],
    *[(f"squared-exponential {sign} {kernel}", False, 1) for sign in "+*" for kernel in SINGLE[1:]],
    ("matern32 + matern32", True, 3),
    ("matern52 * squared-exponential", True, 2),
    ("periodic * matern12", False, 1),
    ("rational-quadratic + periodic", False, 1),
]


@pytest.mark.parametrize(("kernel", "ard", "features"), KERNELS)
def test_equals_scikit_learn(kernel, ard, features):
    """The loss, its gradient, and the predictions with their variances; only one that differs in definition is left
    out: periodic of several features, which scikit-learn makes a function of the distance."""
    data = data_of(features)
    model = build("gp", {"kernel": kernel, "ard": ard, "jitter": 0.0}, data)
    rng = np.random.default_rng(5)
    x = rng.uniform(-0.7, 0.7, model.dimension)
    covariance, places = counterpart(kernel, x, features if ard else 1)
    targets = (data.targets - data.targets.mean()) / data.targets.std()
    process = GaussianProcessRegressor(covariance, alpha=0.0, optimizer=None).fit(data.inputs(), targets)
    expected, slope = process.log_marginal_likelihood(process.kernel_.theta, eval_gradient=True)
    value, gradient = model.value_and_gradient(x)
    assert value == pytest.approx(-expected, rel=1e-12)
    assert gradient[places] == pytest.approx(-slope, abs=1e-10)
    new = rng.normal(0.0, 3.0, (7, features))
    mean, deviation = process.predict(data.transform(new), return_std=True)
    scale = data.targets.std()
    assert model.predict(x, new)[:, 0] == pytest.approx(data.targets.mean() + scale * mean, abs=1e-10)
    assert model.predictive_variance(x, new)[:, 0] == pytest.approx((scale * deviation) ** 2, abs=1e-10)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [*SINGLE, "matern32 + periodic", "periodic * squared-exponential"])
@pytest.mark.parametrize("ard", [False, True])
def test_predictions_are_those_of_the_naive_covariance(kernel, ard):
    data = data_of(2)
    model = build("gp", {"kernel": kernel, "ard": ard, "target_scaling": "none"}, data)
    x = np.random.default_rng(6).uniform(-0.5, 0.5, model.dimension)
    new = data.features[:3] + 0.4
    train = twin.covariance(x, data.inputs(), data.inputs(), kernel, ard)
    prior = train[0, 0]
    train += (1e-10 * prior + np.exp(x[-1])) * np.eye(ROWS)
    between = twin.covariance(x, data.transform(new), data.inputs(), kernel, ard)
    assert model.predict(x, new)[:, 0] == pytest.approx(between @ np.linalg.solve(train, data.targets), abs=1e-10)
    explained = np.einsum("ij,ji->i", between, np.linalg.solve(train, between.T))
    variance = prior - explained
    assert model.predictive_variance(x, new, noise=False)[:, 0] == pytest.approx(variance, abs=1e-10)
    assert model.predictive_variance(x, new)[:, 0] == pytest.approx(variance + np.exp(x[-1]), abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_units_of_features_and_target_do_not_matter(of_features, of_target):
    """Lengths and variances in the new units give the same loss, but for the volume element of the targets."""
    data = data_of(2)
    other = dataclasses.replace(data, features=data.features * of_features, targets=data.targets * of_target)
    chosen = {"kernel": "matern52", "ard": True, "target_scaling": "none"}
    model, rescaled = build("gp", chosen, data), build("gp", chosen, dataclasses.replace(other, shift=data.shift * 0.0))
    model = build("gp", chosen, dataclasses.replace(data, shift=data.shift * 0.0))
    x = np.array([0.1, 0.4, -0.2, -1.0])
    shifted = x + np.log([of_target**2, of_features, of_features, of_target**2])
    expected = model.value(x) + ROWS * np.log(of_target)
    assert rescaled.value(shifted) == pytest.approx(expected, rel=1e-10, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(ROWS)))
def test_the_order_of_rows_does_not_matter(order):
    data = data_of(1)
    other = dataclasses.replace(data, features=data.features[order], targets=data.targets[order])
    x = np.array([0.1, 0.4, -1.0])
    assert build("gp", {}, other).value(x) == pytest.approx(build("gp", {}, data).value(x), rel=1e-11)


def test_per_datum_divides_by_the_number_of_rows():
    x = np.array([0.1, 0.4, -1.0])
    whole, mean = (build("gp", {"per_datum": choice}, data_of(1)) for choice in (False, True))
    assert mean.value(x) == pytest.approx(whole.value(x) / ROWS, rel=1e-14)
    assert mean.hessian(x) == pytest.approx(whole.hessian(x) / ROWS, rel=1e-14)
    assert mean.suggested_temperature == pytest.approx(whole.suggested_temperature / ROWS)


def test_a_long_alpha_is_a_squared_exponential():
    data = data_of(2)
    x = np.array([0.1, 0.4, -1.0])
    expected = build("gp", {}, data).value(x)
    model = build("gp", {"kernel": "rational-quadratic"}, data)
    assert model.value(np.array([0.1, 0.4, 18.0, -1.0])) == pytest.approx(expected, rel=1e-6)


def test_the_periodic_covariance_of_several_features_is_positive_semidefinite():
    """That of the distance, sin^2(pi |x - x'| / p), is not for these rows."""
    rows = np.random.default_rng(2).uniform(-3.0, 3.0, (60, 3))
    x = np.array([0.0, 0.5, 0.3, 0.0])
    own = np.linalg.eigvalsh(twin.covariance(x, rows, rows, "periodic", False))
    other = np.linalg.eigvalsh(peer.ExpSineSquared(np.exp(x[1]), np.exp(x[2]))(rows))
    assert own.min() > -1e-12 * own.max()
    assert other.min() < -1e-3 * other.max()


# --- repeated rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", SINGLE)
def test_rows_that_coincide_are_no_trouble(kernel):
    data = data_of(1)
    features = data.features.copy()
    features[3] = features[4]
    features[7] = features[8] + 1e-13
    model = build("gp", {"kernel": kernel}, dataclasses.replace(data, features=features))
    x = np.full(model.dimension, -0.3)
    value, gradient = model.value_and_gradient(x)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    v = np.arange(1.0, model.dimension + 1.0)
    assert np.isfinite(model.hessian(x)).all()
    assert model.hessian_vector(x, v) == pytest.approx(model.hessian(x) @ v, rel=1e-10)


# --- coordinates and symmetry ---------------------------------------------------------------------


def test_coordinates_have_the_names_of_what_they_are():
    data = data_of(2)
    assert build("gp", {"ard": True}, data).coordinate_names() == [
        "ln_signal_variance", "ln_length/x0", "ln_length/x1", "ln_noise_variance",
    ]
    assert build("gp", {"kernel": "rational-quadratic + periodic"}, data).coordinate_names() == [
        "ln_signal_variance_1", "ln_length_1", "ln_alpha_1", "ln_signal_variance_2", "ln_length_2", "ln_period_2",
        "ln_noise_variance",
    ]
    assert build("gp", {"kernel": "matern12 * periodic"}, data).coordinate_names() == [
        "ln_signal_variance", "ln_length_1", "ln_length_2", "ln_period_2", "ln_noise_variance",
    ]


@pytest.mark.parametrize("kernel", ["matern32 + matern32", "periodic * periodic"])
def test_equal_components_change_places(kernel):
    model = build("gp", {"kernel": kernel}, data_of(1))
    assert model.log_group_order() == pytest.approx(np.log(2.0))
    first, second = model.units()[:2]
    x = np.random.default_rng(1).normal(size=model.dimension)
    image = x.copy()
    image[first], image[second] = x[second], x[first]
    assert model.value(image) == pytest.approx(model.value(x), rel=1e-12)
    assert np.array_equal(model.align(x, image), x)
    assert np.array_equal(model.canonical(x), model.canonical(image))
    assert model.stabiliser_order(x, 1e-5) == 1
    x[second] = x[first]
    assert model.stabiliser_order(x, 1e-5) == 2
    # Off the symmetric subspace there is no slope.
    assert np.abs(model.asymmetric_directions(x, 1e-5) @ model.value_and_gradient(x)[1]).max() < 1e-12
    lower, upper = model.bounds()
    assert np.array_equal(lower[first], lower[second]) and np.array_equal(upper[first], upper[second])


@pytest.mark.parametrize("kernel", ["matern32", "matern32 + matern52", "periodic * matern12"])
def test_other_kernels_have_no_symmetry(kernel):
    model = build("gp", {"kernel": kernel}, data_of(1))
    assert model.log_group_order() == 0.0
    assert len(model.units()) == model.dimension


# --- box ------------------------------------------------------------------------------------------


def test_bounds_follow_the_data():
    """Ten evenly spaced rows: the nearest is one step away, the range nine; the target has the mean square one."""
    rows = table(np.arange(10.0)[:, None], targets=np.arange(10.0) ** 2)
    lower, upper = build("gp", {"kernel": "squared-exponential * periodic"}, rows).bounds()
    assert np.exp(lower) == pytest.approx([1e-3, 0.25, 0.3, 2.0, 1e-4])
    assert np.exp(upper) == pytest.approx([1e3, 90.0, 10.0, 18.0, 10.0])


def test_bounds_follow_the_unscaled_target():
    rows = table(np.arange(4.0)[:, None], targets=[10.0, 30.0, 10.0, 30.0])
    for scaling, square in (("standardise", 1.0), ("centre", 100.0), ("none", 500.0)):
        lower, upper = build("gp", {"target_scaling": scaling}, rows).bounds()
        assert np.exp([lower[0], lower[-1]]) == pytest.approx([1e-3 * square, 1e-4 * square])
        assert np.exp([upper[0], upper[-1]]) == pytest.approx([1e3 * square, 10.0 * square])


def test_bounds_are_those_given():
    chosen = {
        "kernel": "rational-quadratic * periodic", "signal_bounds": [0.1, 2.0], "noise_bounds": [0.2, 3.0],
        "length_bounds": [0.3, 4.0], "alpha_bounds": [0.4, 5.0], "period_bounds": [0.5, 6.0],
        "periodic_length_bounds": [0.6, 7.0],
    }  # fmt: skip
    lower, upper = build("gp", chosen, data_of(1)).bounds()
    assert np.exp(lower) == pytest.approx([0.1, 0.3, 0.4, 0.6, 0.5, 0.2])
    assert np.exp(upper) == pytest.approx([2.0, 4.0, 5.0, 7.0, 6.0, 3.0])


def test_bounds_are_arrays_that_compiled_code_takes():
    lower, upper = build("gp", {"ard": True}, data_of(2)).bounds()
    assert lower.flags.c_contiguous and upper.flags.c_contiguous


def test_starts_fill_the_box():
    model = build("gp", {"ard": True}, data_of(2))
    lower, upper = model.bounds()
    rng = np.random.default_rng(1)
    starts = np.array([model.random_start(rng) for _ in range(500)])
    assert (starts >= lower).all() and (starts <= upper).all()
    assert np.ptp(starts, axis=0) == pytest.approx(upper - lower, rel=0.03)


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"kernel": "matern33"}, 'kernel "matern33": "matern33" is not a known kernel; did you mean matern3'),
        ({"kernel": "matern32 +"}, '"" is not a known kernel'),
        ({"kernel": "matern12 + matern32 + matern52"}, "one kernel, or two"),
        ({"kernel": "matern12 + matern32 * matern52"}, '"matern32 [*] matern52" is not a known kernel'),
        ({"kernel": "squared-exponential * squared-exponential"}, "leaves their lengths undetermined"),
        ({"kernel": "matern12 * matern12"}, "leaves their lengths undetermined"),
        ({"signal_bounds": [1.0]}, "signal_bounds must hold two numbers"),
        ({"noise_bounds": [2.0, 1.0]}, "noise_bounds must hold two numbers, the smaller one first"),
        ({"length_bounds": [0.0, 1.0]}, "length_bounds"),
        ({"jitter": -1.0}, "jitter"),
    ],
)
def test_wrong_parameters_are_refused(chosen, words):
    with pytest.raises(ConfigError, match=words):
        build("gp", chosen, data_of(2))


def test_a_product_of_exponentials_of_several_lengths_is_determined():
    assert build("gp", {"kernel": "matern12 * matern12", "ard": True}, data_of(2)).dimension == 6


def test_wrong_data_are_refused():
    with pytest.raises(ConfigError, match="holds classes"):
        build("gp", {}, class_table())
    constant = dataclasses.replace(numeric_table(), targets=np.full(9, 0.1))
    with pytest.raises(ConfigError, match="same value in all rows"):
        build("gp", {}, constant)
    alike = dataclasses.replace(numeric_table(), features=np.ones((9, 3)))
    with pytest.raises(ConfigError, match="all rows of table.csv have the same features"):
        build("gp", {}, alike)


# --- failures -------------------------------------------------------------------------------------


@pytest.fixture
def singular():
    """Two rows that coincide, no jitter and noise down to nothing: no Cholesky factor in half of the box."""
    data = data_of(1)
    features = data.features.copy()
    features[3] = features[4]
    chosen = {"jitter": 0.0, "noise_bounds": [1e-30, 1.0]}
    return build("gp", chosen, dataclasses.replace(data, features=features))


def test_a_covariance_without_a_factor_has_an_infinite_loss_and_a_name(singular):
    x = np.array([0.0, 0.0, np.log(1e-29)])
    value, gradient = singular.value_and_gradient(x)
    assert value == np.inf and (gradient == np.inf).all()
    assert (singular.hessian(x) == np.inf).all()
    assert (singular.hessian_vector(x, x) == np.inf).all()
    assert np.isnan(singular.predict(x, singular.data.features)).all()
    assert singular.failure(x) is Status.NOT_POSITIVE_DEFINITE
    assert singular.failure(np.array([800.0, 0.0, 0.0])) is Status.NOT_FINITE
    assert minimum_at(singular, x, 1e-9) == (None, Status.NOT_POSITIVE_DEFINITE)


def test_quenches_survive_it_or_say_so(singular):
    """One that begins there ends with the status; one that comes near turns back, or stops at the edge."""
    quencher = Quencher(singular, QuenchSettings())
    x = np.array([0.0, 0.0, np.log(1e-29)])
    assert quencher.quench(x).status is Status.NOT_POSITIVE_DEFINITE
    assert quencher.sloppy(x).status is Status.NOT_POSITIVE_DEFINITE
    assert quencher.tight(x).status is Status.NOT_POSITIVE_DEFINITE
    rng = np.random.default_rng(1)
    starts = [singular.random_start(rng) for _ in range(40)]
    outcomes = {True: [], False: []}
    for start in starts:
        outcomes[bool(np.isfinite(singular.value(start)))].append(quencher.quench(start).status)
    assert set(outcomes[False]) == {Status.NOT_POSITIVE_DEFINITE}
    assert set(outcomes[True]) == {Status.CONVERGED, Status.NO_DESCENT}
    assert outcomes[True].count(Status.CONVERGED) > 0.8 * len(outcomes[True])


def test_the_default_jitter_keeps_it_positive_definite(singular):
    model = build("gp", {"noise_bounds": [1e-30, 1.0]}, singular.data)
    rng = np.random.default_rng(1)
    assert all(np.isfinite(model.value(model.random_start(rng))) for _ in range(100))
