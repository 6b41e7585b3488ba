"""The whole quench: sloppy, tight, and what the landscape may rely on afterwards."""

from pathlib import Path

import numpy as np
import pytest

from llcommon import losses
from llcommon.data import read_csv
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.settings import DataSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import table, xor_table
from tests.llcommon.optimise.models import SURFACES, Awkward, known, separable, settings, small_mlp
from tests.reference.optimise import minimum_near

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def iris(hidden, strength):
    data = read_csv(EXAMPLES / "iris" / "iris.csv", DataSettings(), numeric_target=False)
    return losses.build("mlp", {"hidden": hidden, "lambda": strength}, data)


def wine(hidden, strength):
    data = read_csv(EXAMPLES / "wine" / "wine.csv", DataSettings(), numeric_target=False)
    return losses.build("mlp", {"hidden": hidden, "lambda": strength}, data)


def digits(hidden, strength):
    """The 1797 digits of scikit-learn, 64-hidden-10."""
    features, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return losses.build("mlp", {"hidden": hidden, "lambda": strength}, table(features / 16.0, labels=labels.tolist()))


def xor(hidden, strength):
    return losses.build("mlp", {"hidden": hidden, "lambda": strength}, xor_table())


@pytest.mark.parametrize(
    ("problem", "units", "strength", "quenches"),
    [
        (xor, 1, 1e-1, 20),
        (xor, 1, 1e-3, 40),
        (xor, 2, 1e-4, 40),
        (xor, 3, 1e-6, 30),
        (iris, 1, 1e-4, 10),
        (iris, 10, 1e-2, 4),
        (iris, 10, 1e-4, 6),
        (iris, 10, 1e-6, 6),
        (wine, 20, 1e-4, 2),
        (wine, 20, 1e-6, 2),
    ],
)
def test_every_quench_of_a_regularised_network_converges_tightly(problem, units, strength, quenches):
    """RMS gradient 1e-9 or better, always, and what is there verifies as a minimum."""
    model = problem([units], strength)
    quencher = Quencher(model, settings())
    rng = np.random.default_rng(11)
    for _ in range(quenches):
        start = model.random_start(rng) * rng.choice([0.1, 1.0, 3.0])
        result = quencher.quench(start)
        assert result.status is Status.CONVERGED
        loss, gradient = model.value_and_gradient(result.coordinates)
        assert np.sqrt(gradient @ gradient / gradient.size) < 1e-9
        assert loss == result.loss < model.value(start)
        minimum, verdict = minimum_at(model, result.coordinates, 1e-9)
        assert verdict is Status.CONVERGED
        assert minimum.smallest_eigenvalue > 0.0


@pytest.mark.parametrize("model", [lambda: xor([2], 1e-3), lambda: small_mlp(**{"lambda": 1e-3})])
def test_same_loss_as_scipy(model):
    model = model()
    quencher = Quencher(model, settings())
    rng = np.random.default_rng(1)
    for _ in range(5):
        result = quencher.quench(model.random_start(rng))
        reference, _ = minimum_near(model.value_and_gradient, result.coordinates + 1e-3)
        assert result.loss == pytest.approx(reference, abs=1e-10)


@pytest.mark.parametrize("name", SURFACES)
def test_from_a_saddle_down_to_a_minimum(name):
    """A hair beside a stationary point of index one or two: a quench must not end on it."""
    model = losses.build(name, {})
    quencher = Quencher(model, settings())
    minima = [x for x, _ in known(model, 0)]
    rng = np.random.default_rng(2)
    for index in (1, 2):
        for x, loss in known(model, index):
            result = quencher.quench(x + 1e-5 * rng.standard_normal(x.size))
            assert result.status is Status.CONVERGED
            assert result.loss < loss
            assert min(np.linalg.norm(minimum - result.coordinates) for minimum in minima) < 1e-8


def test_from_beside_a_saddle_of_a_network():
    """At w = 0 the gradient of a balanced network vanishes, but for small lambda that is no minimum."""
    model = iris([3], 1e-4)
    quencher = Quencher(model, settings())
    result = quencher.quench(1e-7 * np.random.default_rng(1).standard_normal(model.dimension))
    assert result.status is Status.CONVERGED
    assert result.loss < 0.9 * np.log(3.0)
    assert minimum_at(model, result.coordinates, 1e-9)[1] is Status.CONVERGED


def test_the_start_is_left_alone():
    model = xor([2], 1e-3)
    start = model.random_start(np.random.default_rng(1))
    before = start.copy()
    quencher = Quencher(model, settings())
    first = quencher.quench(start)
    kept = first.coordinates.copy()
    quencher.quench(-2.0 * start)
    assert (start == before).all()
    assert (first.coordinates == kept).all()


def test_same_bits_again():
    model = iris([10], 1e-4)
    start = model.random_start(np.random.default_rng(7))
    first = Quencher(model, settings()).quench(start)
    again = Quencher(iris([10], 1e-4), settings()).quench(start)
    assert first.coordinates.tobytes() == again.coordinates.tobytes()
    assert (first.loss, first.evaluations, first.hessians) == (again.loss, again.evaluations, again.hessians)


def test_sloppy_stops_at_its_tolerance():
    model = xor([2], 1e-3)
    start = model.random_start(np.random.default_rng(1))
    for tolerance in (1e-3, 1e-5):
        result = Quencher(model, settings(sloppy_rms=tolerance)).sloppy(start)
        assert result.status is Status.CONVERGED
        assert 1e-2 * tolerance < result.rms <= tolerance
        assert result.hessians == 0


@pytest.mark.parametrize(
    ("kind", "start", "status"),
    [
        (Awkward.NAN, (0.0, 0.0), Status.NOT_FINITE),
        (Awkward.SLOPE, (0.0, 0.0), Status.LEFT_RADIUS),
        (Awkward.TO_INFINITY, (-2.0, 0.0), Status.NOT_FINITE),
    ],
)
def test_named_failures(kind, start, status):
    result = Quencher(Awkward(kind), settings(radius=30.0)).quench(np.array(start))
    assert result.status is status


def test_unregularised_network_runs_away():
    model = separable()
    result = Quencher(model, settings(radius=8.0)).quench(np.zeros(model.dimension))
    assert result.status is Status.LEFT_RADIUS
    assert result.loss < model.value(np.zeros(model.dimension))


def test_step_limit():
    """A search that may take few steps says so; the tight part has a limit of its own."""
    model = iris([3], 1e-4)
    start = model.random_start(np.random.default_rng(1))
    result = Quencher(model, settings(maximum_iterations=3)).sloppy(start)
    assert result.status is Status.STEP_LIMIT
    assert result.loss < model.value(start)


@pytest.mark.parametrize("options", [{"lambda": 0.0}, {"lambda": 1e-3, "regularise_biases": False}])
def test_gauge_directions_do_no_harm(options):
    """Two starts that differ along the gauge directions only: so do their ends, with one loss and LPPHE."""
    model = small_mlp(hidden=() if options["lambda"] == 0.0 else (3,), **options)
    modes = model.zero_modes(np.zeros(model.dimension))
    quencher = Quencher(model, settings())
    start = model.random_start(np.random.default_rng(3))
    shift = modes.T @ np.full(len(modes), 2.5)
    first = quencher.quench(start)
    second = quencher.quench(start + shift)
    assert first.status is second.status is Status.CONVERGED
    assert max(first.rms, second.rms) < 1e-9
    assert second.loss == pytest.approx(first.loss, abs=1e-12)
    assert modes @ (second.coordinates - first.coordinates) == pytest.approx(modes @ shift, abs=1e-7)
    minima = [minimum_at(model, result.coordinates, 1e-9)[0] for result in (first, second)]
    assert minima[0].lpphe == pytest.approx(minima[1].lpphe, abs=1e-7)


def test_the_finish_stays_in_the_basin():
    """At lambda 1e-6 Newton steps from an RMS gradient of 1e-6 would lead a sixth of the quenches elsewhere."""
    model = iris([10], 1e-6)
    quencher = Quencher(model, settings())
    rng = np.random.default_rng(11)
    for _ in range(15):
        start = model.random_start(rng)
        alone = quencher.sloppy(start, 1e-10)
        assert quencher.quench(start).loss == pytest.approx(alone.loss, abs=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1e-3, 1e-4])
def test_large_network_without_dense_hessian(strength):
    """2410 weights: to the rounding floor on gradients and products alone, and downhill all the way."""
    model = digits([32], strength)
    quencher = Quencher(model, settings())
    rng = np.random.default_rng(9)
    for _ in range(2):
        start = model.random_start(rng)
        result = quencher.quench(start)
        assert result.status is Status.CONVERGED
        assert result.hessians == 0
        loss, gradient = model.value_and_gradient(result.coordinates)
        assert np.sqrt(np.mean(gradient**2)) < 1e-11
        assert loss == result.loss < model.value(start)


@pytest.mark.parametrize("dense", [True, False])
def test_with_and_without_dense_hessian(dense):
    model = xor([2], 1e-2)
    quencher = Quencher(model, settings())
    quencher.dense = dense
    start = model.random_start(np.random.default_rng(6))
    result = quencher.quench(start)
    assert result.status is Status.CONVERGED
    assert (result.hessians > 0) is dense
    assert result.rms <= 1e-9
    reference, _ = minimum_near(model.value_and_gradient, result.coordinates + 1e-3)
    assert result.loss == pytest.approx(reference, abs=1e-10)
