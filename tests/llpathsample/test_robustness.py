"""Robustness of minima: known answers on quadratic losses, grids on surfaces, dense against iterative, statistics."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from llcommon.data import Rows
from llcommon.losses import build
from llcommon.optimise.ascent import ascend
from llcommon.optimise.lanczos import highest_pair
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.problem import read_problem
from llcommon.records import TransitionState
from llcommon.rng import generator
from llcommon.settings import CurvatureSettings
from llcommon.store import Landscape, Score, read_landscape, write_landscape
from llpathsample.robustness.correlations import (
    correlate,
    interval,
    partial_correlation,
    permutation_p,
    rank_correlations,
)
from llpathsample.robustness.curvature import curvature
from llpathsample.robustness.examine import suggested_alpha, suggested_radii
from llpathsample.robustness.inputs import InputNoise, under_noise
from llpathsample.robustness.perturbation import changes
from tests.driving import ROOT, call
from tests.networks import himmelblau, net4

DENSE = CurvatureSettings()
REGRESSION = """\
[loss]
model = "mlp"
hidden = []
loss = "mse"
lambda = 0.01

[data]
file = "iris.csv"
target = "petal_width"
features = ["sepal_length", "sepal_width", "petal_length"]
"""


def quenched(landscape, seed=1):
    """A minimum of its model."""
    model = landscape.model
    end = Quencher(model, landscape.settings.quench).quench(model.random_start(generator(seed, "test")))
    return minimum_at(model, end.coordinates, landscape.settings.quench.rms, landscape.settings.curvature)[0]


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    """A linear regression, whose loss is a quadratic function, and its minimum."""
    folder = tmp_path_factory.mktemp("regression")
    shutil.copy(ROOT / "examples" / "iris" / "iris.csv", folder)
    (folder / "settings.toml").write_text(REGRESSION, encoding="utf-8")
    landscape = read_problem(folder / "settings.toml")
    return landscape.model, quenched(landscape).coordinates


@pytest.fixture(scope="module")
def network():
    """A small network on iris, and one of its minima."""
    landscape = read_problem(ROOT / "examples" / "iris" / "iris.toml", ("loss.hidden=[2]", "loss.lambda=1e-3"))
    return landscape, quenched(landscape)


def normal(count, dimension, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dimension))


# --- changes of the loss --------------------------------------------------------------------------


@pytest.mark.parametrize("gaussian", [False, True])
def test_a_quadratic_loss_changes_as_its_hessian_says(regression, gaussian):
    model, x = regression
    values = np.linalg.eigvalsh(model.hessian(x))
    found = curvature(model, x, None, values[0], 0.02, DENSE)
    for change in changes(model, x, None, found, np.array([0.1, 2.0]), normal(20, 4), gaussian):
        assert change.expected_quadratic == pytest.approx(change.radius**2 * values.sum() / 8.0, rel=1e-12)
        assert change.worst_quadratic == pytest.approx(change.radius**2 * values[-1] / 2.0, rel=1e-12)
        assert change.expected == pytest.approx(change.expected_quadratic, rel=1e-9)
        assert change.error < 1e-9 * change.expected
        assert change.worst == pytest.approx(change.worst_quadratic, rel=1e-9)


def test_an_ascent_from_anywhere_comes_to_the_top_of_a_quadratic_loss(regression):
    model, x = regression
    exact = 0.5 * np.linalg.eigvalsh(model.hessian(x))[-1] * 0.7**2
    nothing, bounds = np.empty((0, 4)), np.full(4, np.inf)
    for start in normal(5, 4):
        move = 0.1 * start
        loss, _ = ascend(model.kernel, *model.packed, nothing, -bounds, bounds, x, 0.7, move, 200, 1e-12)
        assert loss - model.value(x) == pytest.approx(exact, rel=1e-6)
        assert np.linalg.norm(move) == pytest.approx(0.7)


def disc(radius, count=801):
    """Points of a grid on a disc, and of its edge."""
    line = np.linspace(-radius, radius, count)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    angle = np.linspace(0.0, 2.0 * np.pi, 20001)
    edge = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.vstack([grid[np.linalg.norm(grid, axis=1) <= radius], edge]), edge[:-1]


def camel(points):
    """The six-hump camel function."""
    x, y = points.T
    return (4.0 - 2.1 * x**2 + x**4 / 3.0) * x**2 + x * y + (4.0 * y**2 - 4.0) * y**2


@pytest.mark.parametrize("box", [{}, {"lower": [-1.0, -0.9], "upper": [0.5, 1.5]}])
def test_mean_and_worst_change_on_a_surface_as_on_a_grid(box):
    model = build("six-hump-camel", box)
    start = np.array([-0.0898, 0.7126])
    minimum = minimum_at(model, Quencher(model, himmelblau().settings.quench).quench(start).coordinates, 1e-9)[0]
    x, active = minimum.coordinates, minimum.active
    found = curvature(model, x, active, minimum.smallest_eigenvalue, 1.0, DENSE)
    radii = np.array([0.05, 0.4, 1.2])
    rows = changes(model, x, active, found, radii, normal(400, 2))
    for change in rows:
        inside, edge = disc(change.radius, 201)
        low, high = (np.array(box[name]) for name in ("lower", "upper")) if box else (-np.inf, np.inf)
        highest = camel(np.clip(x + inside, low, high)).max() - minimum.loss
        mean = camel(np.clip(x + edge, low, high)).mean() - minimum.loss
        assert change.worst == pytest.approx(highest, rel=1e-5)
        assert 0.0 < change.error < 0.1 * change.expected
        assert abs(change.expected - mean) < 4.0 * change.error
    assert rows[0].expected == pytest.approx(rows[0].expected_quadratic, rel=0.03)


def test_standard_errors_are_what_they_say():
    landscape = himmelblau()
    model, minimum = landscape.model, landscape.minimum(0)
    found = curvature(model, minimum.coordinates, None, minimum.smallest_eigenvalue, 1.0, DENSE)
    _, edge = disc(1.0, 3)
    exact = np.mean([model.value(minimum.coordinates + move) for move in edge[::10]]) - minimum.loss
    off = []
    for seed in range(60):
        rows = changes(model, minimum.coordinates, None, found, np.array([1.0]), normal(40, 2, seed), starts=0)
        off.append((rows[0].expected - exact) / rows[0].error)
    assert 0.7 < np.std(off) < 1.4
    assert abs(np.mean(off)) < 0.5


# --- curvature ------------------------------------------------------------------------------------


def test_products_with_vectors_tell_the_same_as_the_dense_hessian(network):
    landscape, minimum = network
    x, model = minimum.coordinates, landscape.model
    exact = curvature(model, x, None, minimum.smallest_eigenvalue, 2e-3, DENSE)
    settings = dataclasses.replace(DENSE, dense_limit=1, probes=40)
    found = curvature(model, x, None, minimum.smallest_eigenvalue, 2e-3, settings)
    assert exact.probes == 0 and found.probes == 40 and found.hessian is None
    for name in ("trace", "effective_dimension", "soft_modes", "relative_trace"):
        value, estimate = getattr(exact, name).value, getattr(found, name)
        assert getattr(exact, name).error == 0.0
        assert 0.0 < estimate.error < 0.3 * value
        assert abs(estimate.value - value) < 4.0 * estimate.error, name
    assert found.largest == pytest.approx(exact.largest, rel=1e-6)
    assert found.relative_curvature == pytest.approx(exact.relative_curvature, rel=1e-9)
    assert abs(found.leading[0] @ exact.leading[0]) == pytest.approx(1.0, abs=1e-4)
    rows = [changes(model, x, None, one, np.array([0.3]), normal(60, len(x)))[0] for one in (exact, found)]
    assert rows[0].worst == pytest.approx(rows[1].worst, rel=1e-3)
    assert abs(rows[0].expected - rows[1].expected) < 4.0 * rows[1].error
    assert rows[0].error < 0.5 * rows[1].error  # what the control variate is for


def test_measures_by_their_definitions(network):
    landscape, minimum = network
    x, model = minimum.coordinates, landscape.model
    found = curvature(model, x, None, minimum.smallest_eigenvalue, 5e-3, DENSE)
    data = model.hessian(x) - 2e-3 * np.eye(len(x))  # the L2 term is 1e-3 |w|^2
    values = np.linalg.eigvalsh(data)
    positive = np.maximum(values, 0.0)
    assert found.trace.value == pytest.approx(np.trace(model.hessian(x)))
    assert found.effective_dimension.value == pytest.approx(np.sum(positive / (positive + 5e-3)))
    assert found.soft_modes.value == np.sum(values < 5e-3)
    assert found.relative_trace.value == pytest.approx(np.sum(x**2 * np.diag(data)))
    assert found.relative_curvature == pytest.approx(x @ data @ x)
    assert found.condition_number == pytest.approx((values[-1] + 2e-3) / (values[0] + 2e-3), rel=1e-8)
    value, vector, residual = highest_pair(model, x, np.empty((0, len(x))))
    assert np.linalg.norm(model.hessian_vector(x, vector) - value * vector) == pytest.approx(residual, abs=1e-10)


def test_the_penalty_is_left_out_coordinate_by_coordinate(network):
    landscape, minimum = network
    overrides = ("loss.hidden=[2]", "loss.lambda=1e-3", "loss.regularise_biases=false")
    other = read_problem(ROOT / "examples" / "iris" / "iris.toml", overrides).model
    x = minimum.coordinates
    bare = [model.hessian(x) - np.diag(model.penalty_curvature()) for model in (landscape.model, other)]
    np.testing.assert_allclose(*bare, atol=1e-12)
    assert np.sum(other.penalty_curvature() == 0.0) == 5
    found = curvature(other, x, None, 1e-3, 5e-3, DENSE)
    modes = other.zero_modes(x)
    projector = np.eye(len(x)) - modes.T @ modes
    positive = np.maximum(np.linalg.eigvalsh(projector @ bare[1] @ projector), 0.0)
    assert found.effective_dimension.value == pytest.approx(np.sum(positive / (positive + 5e-3)))


@pytest.mark.parametrize("name", ["mlp", "mlq"])
@pytest.mark.parametrize("biases", [True, False])
def test_the_penalty_is_what_lambda_adds_to_the_hessian(network, name, biases):
    data = network[0].data
    more = {"hidden": [2]} if name == "mlp" else {}
    with_it, without = (build(name, {"lambda": size, "regularise_biases": biases, **more}, data) for size in (0.1, 0.0))
    x = normal(1, with_it.dimension)[0]
    np.testing.assert_allclose(
        with_it.hessian(x) - without.hessian(x), np.diag(with_it.penalty_curvature()), atol=1e-12
    )
    assert not without.penalty_curvature().any()


def test_only_relative_measures_survive_a_rescaling_of_relu_units():
    """Dinh et al. 2017: weights into a relu unit times s, out of it divided by s, compute the same."""
    overrides = ("loss.hidden=[2]", "loss.lambda=0", 'loss.activation="relu"')
    model = read_problem(ROOT / "examples" / "iris" / "iris.toml", overrides).model
    x = 0.7 * normal(1, model.dimension, 3)[0]
    scaled = x.copy()
    matrices = model.matrices(scaled)
    matrices[0][:, 0] *= 20.0
    matrices[1][0] /= 20.0
    assert model.value(scaled) == pytest.approx(model.value(x), rel=1e-12)
    before, after = (curvature(model, point, None, 1.0, 1e-3, DENSE) for point in (x, scaled))
    assert after.trace.value > 2.0 * before.trace.value
    # Zero modes of the softmax, along which weights have a part, are not rescaled: the data Hessian is zero there.
    for point, found in ((x, before), (scaled, after)):
        hessian = model.hessian(point)
        assert found.relative_trace.value == pytest.approx(point**2 @ np.diag(hessian), rel=1e-9)
    assert after.relative_trace.value == pytest.approx(before.relative_trace.value, rel=1e-9)
    assert after.relative_curvature == pytest.approx(before.relative_curvature, rel=1e-9)


def test_held_coordinates_and_zero_modes_are_left_out():
    model = build("lj", {"atoms": 4})
    edge = 2.0 ** (1.0 / 6.0) / np.sqrt(8.0)
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    minimum = minimum_at(model, (edge * signs).ravel(), 1e-6)[0]
    found = curvature(model, minimum.coordinates, None, minimum.smallest_eigenvalue, 1.0, DENSE)
    assert found.dimension == 6
    assert found.condition_number == pytest.approx(found.largest / minimum.smallest_eigenvalue, rel=1e-6)
    (change,) = changes(model, minimum.coordinates, None, found, np.array([1e-4]), normal(20, 12))
    assert change.expected == pytest.approx(1e-8 * found.trace.value / 12.0, rel=1e-4)
    (wide,) = changes(model, minimum.coordinates, None, found, np.array([4.0]), normal(20, 12))
    assert wide.worst > 1e6  # atoms may meet


# --- statistics -----------------------------------------------------------------------------------


def test_rank_correlations_in_resamples_are_those_of_the_resampled_values():
    rng = np.random.default_rng(1)
    values = np.round(rng.standard_normal((3, 25)), 1)  # with ties
    values[2, 3] = np.inf
    weights = rng.multinomial(25, np.full(25, 1.0 / 25.0), size=20)
    found = rank_correlations(values, weights)
    for row, matrix in zip(weights, found, strict=True):
        sample = np.repeat(values, row, axis=1)
        np.testing.assert_allclose(matrix, spearmanr(sample, axis=1).statistic, atol=1e-12)
    assert np.isnan(rank_correlations(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]), np.ones((1, 3)))[0, 0, 1])


def test_partial_correlation_is_that_of_residuals():
    rng = np.random.default_rng(2)
    x, y, z = np.argsort(rng.standard_normal((3, 30)), axis=1).argsort(axis=1).astype(float)
    x += 2.0 * z
    r = np.corrcoef([x, y, z])
    residuals = [one - np.polyval(np.polyfit(z, one, 1), z) for one in (x, y)]
    found = partial_correlation(r[0, 1], r[0, 2], r[1, 2])
    assert found == pytest.approx(np.corrcoef(residuals)[0, 1])
    assert np.isnan(partial_correlation(r[0, 1], 1.0, r[1, 2]))


def test_permutations_of_few_minima_have_the_exact_share():
    order = np.arange(5.0)
    p = permutation_p(np.array([order, -order]), order, 20000, np.random.default_rng(0))
    np.testing.assert_allclose(p, 2.0 / 120.0, rtol=0.15)  # of 120 orders the two that agree wholly


def test_intervals_cover_the_true_correlation():
    true = 6.0 / np.pi * np.arcsin(0.5 * 0.6)  # Spearman's rho of a normal pair with correlation 0.6
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        a, b = rng.standard_normal((2, 40))
        table = np.array([a, 0.6 * a + 0.8 * b])
        own, drawn, without = (
            rank_correlations(table, weights)[:, 0, 1]
            for weights in (
                np.ones((1, 40)), rng.multinomial(40, np.full(40, 0.025), size=400), 1.0 - np.eye(40)
            )
        )  # fmt: skip
        found = interval(float(own[0]), drawn, without)
        hits += found.low <= true <= found.high
    assert 178 <= hits <= 199


def test_a_measure_that_only_follows_the_loss_has_no_partial_correlation():
    rng = np.random.default_rng(3)
    loss = rng.standard_normal(300)
    score = loss + 0.5 * rng.standard_normal(300)
    follower = loss + 0.5 * rng.standard_normal(300)
    rows = correlate({"loss": loss, "follower": follower}, {"accuracy": score}, loss, 300, 1)
    assert [row.decided for row in rows] == [True, True]
    assert np.isnan(rows[0].partial.value)
    assert rows[1].rho.low > 0.5
    assert rows[1].partial.low < 0.0 < rows[1].partial.high
    few = correlate({"loss": loss[:4]}, {"accuracy": score[:4]}, loss[:4], 300, 1)
    assert np.isnan(few[0].rho.value) and few[0].minima == 4 and not few[0].decided


def test_groups_are_resampled_as_one():
    """Copies of minima tell nothing new: with groups of copies the intervals are those of single ones."""
    rng = np.random.default_rng(6)
    loss, other, score = rng.standard_normal((3, 12))
    score += loss
    single = correlate({"loss": loss, "other": other}, {"auc": score}, loss, 400, 1)
    many = [np.repeat(values, 8) for values in (loss, other, score)]
    arguments = ({"loss": many[0], "other": many[1]}, {"auc": many[2]}, many[0], 400, 1)
    grouped = correlate(*arguments, np.repeat(np.arange(12), 8))
    alone = correlate(*arguments)
    for one, same, narrow in zip(single, grouped, alone, strict=True):
        assert dataclasses.astuple(same.rho) == pytest.approx(dataclasses.astuple(one.rho), abs=1e-12)
        assert narrow.rho.high - narrow.rho.low < 0.6 * (one.rho.high - one.rho.low)
    few = correlate(*arguments, np.repeat(np.arange(4), 24))
    assert few[0].rho.value == grouped[0].rho.value and np.isnan(few[0].rho.low) and not few[0].decided


# --- inputs, suggestions ----------------------------------------------------------------------------


def test_noise_on_inputs_lowers_accuracy(network):
    landscape, minimum = network
    rows = landscape.data.rows()
    noise = InputNoise(rows, (1e-9, 0.5, 50.0), 1)
    (same, zero), (less, error), (chance, _) = under_noise(landscape.model, landscape.data, minimum.coordinates, noise)
    predicted = landscape.model.predict(minimum.coordinates, rows.features).argmax(axis=1)
    assert same == np.mean(predicted == rows.labels) and zero == 0.0
    assert same > less + 3.0 * error and 0.2 < chance < 0.6
    numbers = Rows(rows.features, None, rows.labels.astype(float), "", "")
    assert under_noise(landscape.model, landscape.data, minimum.coordinates, InputNoise(numbers, (0.1,), 1))[0][0] > 0.0


def test_suggestions(network):
    landscape, minimum = network
    assert suggested_alpha(landscape) == pytest.approx(2e-3)
    surface = himmelblau()
    lowest = surface.minimum(surface.global_minimum()).coordinates.copy()
    largest = np.linalg.eigvalsh(surface.model.hessian(lowest))[-1]
    assert suggested_alpha(surface) == pytest.approx(1e-3 * largest)
    lengths = np.linalg.norm(surface.minima.coordinates, axis=1)
    assert suggested_radii(surface, np.arange(4), False)[2] == float(f"{0.2 * np.median(lengths):.2g}")
    assert suggested_radii(surface, np.arange(4), True) == (0.01, 0.05, 0.2)


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """scored.h5: minima of a network with made-up test scores; unscored.h5: the same without; plane.h5: of a surface;
    table.h5: without coordinates."""
    folder = tmp_path_factory.mktemp("robustness")
    landscape = read_problem(ROOT / "examples" / "iris" / "iris.toml")
    for seed in range(24):
        landscape.add_minimum(quenched(landscape, seed))
    assert len(landscape.minima) >= 10
    write_landscape(folder / "unscored.h5", landscape)
    count = len(landscape.minima)
    landscape.scores.set(Score("test_accuracy", "", ""), np.full(count, 0.9))
    landscape.scores.set(Score("test_log_loss", "", ""), np.argsort(np.argsort(landscape.minima.loss)) / count)
    write_landscape(folder / "scored.h5", landscape)
    write_landscape(folder / "plane.h5", himmelblau())
    write_landscape(folder / "table.h5", net4())
    shutil.copy(ROOT / "examples" / "iris" / "iris.csv", folder)
    return folder


@pytest.fixture
def folder(stock, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(stock, tmp_path / "here"))
    return tmp_path / "here"


def robustness(capsys, *arguments, code=0):
    """(standard output, standard error) of the command."""
    capsys.readouterr()
    assert call("llpathsample", "robustness", *arguments) == code
    return capsys.readouterr()


def table(text):
    """Rows of a TSV table as dictionaries."""
    header, *lines = text.rstrip("\n").split("\n")
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_correlations_and_the_figure(folder, capsys):
    said = robustness(capsys, "scored.h5", "-j", 1, "-o", "new.svg", "--resamples", 500)
    rows = table(said.out)
    assert {row["score"] for row in rows} == {"log_loss"}
    by_name = {row["measure"]: row for row in rows}
    assert list(by_name)[:4] == ["loss", "norm", "lpphe", "trace"]
    assert float(by_name["loss"]["rho"]) == pytest.approx(1.0) and by_name["loss"]["better_where"] == "low"
    assert "accuracy: 0.9 at all minima" in said.err
    assert "minima of one search are not independent" in said.err
    assert (folder / "new.svg").stat().st_size > 10_000


def test_basins_are_resampled(folder, capsys):
    landscape = read_landscape("scored.h5")
    for place in range(len(landscape.minima) - 3):  # three bottoms: 0 and the last two
        low = landscape.minimum(place)
        state = TransitionState(low.loss + 0.1, low.coordinates + 1.0 + place, 1e-12, 1.0, -1.0, 1.0)
        order = np.argsort(landscape.minima.loss)
        landscape.add_transition_state(state, int(order[place]), int(order[place + 1]))
    write_landscape("network.h5", landscape)
    said = robustness(capsys, "network.h5", "--by-basin", "-j", 1, "--resamples", 100, "--samples", 4)
    assert "intervals by resamples of 3 monotonic sequence basins" in said.err
    assert table(said.out)[0]["low"] == "nan"


def test_the_document(folder, capsys):
    options = ("unscored.h5", "--test", "iris.csv", "--json", "--input-noise", 0.5, "--resamples", 100, "--lowest", 6)
    document = json.loads(robustness(capsys, *options, "-j", 1, "--samples", 4).out)
    assert len(document["minima"]) == 6
    assert "accuracy_noise_0.5" in document["minima"][0] and document["alpha"] == pytest.approx(2e-4)
    assert {row["score"] for row in document["rows"]} >= {"log_loss", "accuracy_noise_0.5"}


def test_other_minima_change_nothing(folder, capsys):
    few, more = (
        table(robustness(capsys, "unscored.h5", "--minima", "-j", 1, "--radius", 0.2, "--lowest", count).out)
        for count in (2, 5)
    )
    by_id = {row["id"]: row for row in more}
    assert few and all(row == by_id[row["id"]] for row in few)


@pytest.mark.slow
def test_the_same_bits_by_one_process_and_two(folder, capsys):
    options = ("unscored.h5", "--test", "iris.csv", "--json", "--input-noise", 0.5, "--resamples", 200, "--lowest", 6)
    one, two = (robustness(capsys, *options, "-j", jobs).out for jobs in (1, 2))
    assert one == two


def test_without_scores_there_is_a_row_for_each_minimum(folder, capsys):
    said = robustness(capsys, "plane.h5", "-j", 1, "--radius", 0.1, "--radius", "0.2:0.4:2", "-o", "new.svg")
    rows = table(said.out)
    assert len(rows) == 4 and rows[0]["id"] == "0"
    assert {"expected_0.1", "worst_0.2_quadratic", "expected_0.4_error"} <= set(rows[0])
    assert "predicts nothing that could be scored" in said.err
    assert "no test scores" in robustness(capsys, "unscored.h5", "-j", 1, "--lowest", 2, "--samples", 4).err
    relative = table(robustness(capsys, "plane.h5", "-j", 1, "--relative", "--noise", "gaussian", "--samples", 4).out)
    model = read_landscape("plane.h5").model
    trace = [np.trace(model.hessian(point.copy())) for point in read_landscape("plane.h5").minima.coordinates]
    for row, size in zip(relative, trace, strict=True):
        expected = (0.05 * float(row["norm"])) ** 2 * size / 4.0
        assert float(row["expected_0.05_quadratic"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("code", "arguments", "sentence"),
    [
        (3, ("table.h5",), "table.h5 holds no coordinates"),
        (2, ("plane.h5", "--test", "iris.csv"), "predicts nothing"),
        (2, ("plane.h5", "--input-noise", 0.1), "predicts nothing"),
        (3, ("unscored.h5", "--test", "none.csv"), "none.csv"),
        (2, ("scored.h5", "--by-basin"), "no transition state of scored.h5 joins minima"),
        (2, ("scored.h5", "--score", "brier"), "there is no test score brier; there are accuracy, log_loss"),
        (2, ("unscored.h5", "--score", "auc"), "there are none; give --test"),
        (2, ("plane.h5", "--radius", "0"), "--radius: 0 must be above zero"),
        (2, ("plane.h5", "--radius", "1:0.5:3"), "must be above zero, and a range go to a larger length"),
        (2, ("plane.h5", "--radius", "a"), "neither a length nor LOW:HIGH:COUNT"),
        (2, ("plane.h5", "--radius", "1:2"), "neither a length nor LOW:HIGH:COUNT"),
        (2, ("plane.h5", "--alpha", "nan"), "--alpha"),
        (2, ("plane.h5", "-o", "new.txt"), "figures are written as"),
    ],
)
def test_bad_input(folder, capsys, code, arguments, sentence):
    assert sentence in robustness(capsys, *arguments, code=code).err
    assert not list(folder.glob("new*"))


def test_an_empty_landscape_is_refused(folder, capsys):
    write_landscape(folder / "empty.h5", Landscape(himmelblau().settings, build("himmelblau", {})))
    assert "holds no minima" in robustness(capsys, "empty.h5", code=3).err
