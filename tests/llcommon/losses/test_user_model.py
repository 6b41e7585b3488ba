"""User models as a library: derivatives, symmetry, bounds, failures in compiled code, pickling, what is declared."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.errors import ConfigError
from llcommon.losses import build, build_user, is_user_model, parameters_of
from llcommon.losses.user.differences import difference_hessian, difference_product
from llcommon.losses.user.failure import UserLossError
from llcommon.losses.user.source import FILE, Source, read_source
from llcommon.optimise.curvature import spectrum
from llcommon.optimise.quench import Quencher
from llcommon.settings import QuenchSettings
from llcommon.status import Status

INFINITE = (np.full(3, -np.inf), np.full(3, np.inf))


def user_model(text: str, name: str = "MyLoss", **parameters):
    """The model of a class in this text."""
    return build_user(Source(f"my_loss.py:{name}", FILE, "import numpy as np\n" + text), parameters)


def values(x):
    """A smooth function of three coordinates, not symmetric in them, with its derivatives by hand."""
    a, b, c = x
    rise = np.exp(0.3 * c)
    value = np.sin(a) * b * b + rise * a + 0.25 * c**4 + b * c
    gradient = np.array([np.cos(a) * b * b + rise, 2 * np.sin(a) * b + c, 0.3 * rise * a + c**3 + b])
    hessian = np.array(
        [
            [-np.sin(a) * b * b, 2 * np.cos(a) * b, 0.3 * rise],
            [2 * np.cos(a) * b, 2 * np.sin(a), 1.0],
            [0.3 * rise, 1.0, 0.09 * rise * a + 3 * c * c],
        ]
    )
    return value, gradient, hessian


# --- differences ----------------------------------------------------------------------------------

numbers = st.floats(-3.0, 3.0)
points = st.tuples(numbers, numbers, numbers).map(np.array)


@given(points, points)
@settings(max_examples=50, deadline=None)
def test_differences_give_the_hessian(x, v):
    expected = values(x)[2]
    found = difference_hessian(lambda at: values(at)[1], x, *INFINITE)
    assert np.array_equal(found, found.T)
    scale = 1.0 + np.abs(expected).max() + np.abs(values(x)[1]).max()
    assert np.abs(found - expected).max() <= 1e-8 * scale
    product = difference_product(lambda at: values(at)[1], x, v, *INFINITE)
    assert np.abs(product - expected @ v).max() <= 1e-8 * scale * (1.0 + np.abs(v).max())


@given(points, st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3))
@settings(max_examples=50, deadline=None)
def test_differences_stay_inside_the_box(x, sides):
    """sides: which bound, if any, each coordinate lies on."""
    sides = np.array(sides)
    lower = np.where(sides == -1, x, x - 10.0)
    upper = np.where(sides == 1, x, x + 10.0)

    def gradient(at):
        assert (at >= lower).all() and (at <= upper).all()
        return values(at)[1]

    scale = 1.0 + np.abs(values(x)[2]).max() + np.abs(values(x)[1]).max()
    assert np.abs(difference_hessian(gradient, x, lower, upper) - values(x)[2]).max() <= 1e-7 * scale
    for v in (np.ones(3), np.array([1.0, -1.0, 0.5])):
        product = difference_product(gradient, x, v, lower, upper)
        assert np.abs(product - values(x)[2] @ v).max() <= 1e-7 * scale


def test_a_coordinate_that_cannot_move_has_no_curvature():
    x = np.array([1.0, 2.0, 3.0])
    lower, upper = np.array([0.0, 2.0, 0.0]), np.array([9.0, 2.0, 9.0])
    found = difference_hessian(lambda at: values(at)[1], x, lower, upper)
    assert found[1, 1] == 0.0
    assert found[0, 2] == pytest.approx(values(x)[2][0, 2], abs=1e-8)
    assert np.array_equal(difference_product(lambda at: values(at)[1], x, np.zeros(3), *INFINITE), np.zeros(3))


# --- the model ------------------------------------------------------------------------------------

WELL = """
class MyLoss:
    dimension = 2
    def __init__(self, tilt=0.0):
        self.tilt = tilt
    def value_and_gradient(self, x):
        a, b = x
        return (a * a - 1.0) ** 2 + b * b + self.tilt * a, np.array([4.0 * a * (a * a - 1.0) + self.tilt, 2.0 * b])
"""
EXACT = "    def hessian(self, x):\n        return np.array([[12.0 * x[0] ** 2 - 4.0, 0.0], [0.0, 2.0]])\n"
PRODUCT = """
    def hessian_vector(self, x, v):
        return np.array([(12.0 * x[0] ** 2 - 4.0) * v[0], 2.0 * v[1]])
"""
MIRROR = "    def images(self, x):\n        return np.array([x, [x[0], -x[1]], [-x[0], x[1]], [-x[0], -x[1]]])\n"


@pytest.mark.parametrize("more", ["", EXACT, PRODUCT, EXACT + PRODUCT])
def test_second_derivatives_from_what_is_offered(more):
    differences = not more
    model = user_model(WELL + more, tilt=0.1)
    x, v = np.array([0.3, 0.4]), np.array([1.0, -2.0])
    exact = np.array([[12 * 0.09 - 4, 0.0], [0.0, 2.0]])
    tolerance = 1e-8 if differences else 1e-14
    np.testing.assert_allclose(model.hessian(x), exact, atol=tolerance)
    np.testing.assert_allclose(model.hessian_vector(x, v), exact @ v, atol=tolerance)
    assert bool(model.notes()) == differences
    assert (model.hessian_noise > 0.0) == differences
    model.check(True)


def test_quenches_by_every_method_end_in_the_same_minimum():
    for method in ("auto", "lbfgs", "newton", "truncated-newton", "conjugate-gradient", "fire", "lbfgs-b"):
        model = user_model(WELL, tilt=0.1)
        result = Quencher(model, QuenchSettings(method=method)).quench(np.array([-0.4, 0.3]))
        assert result.status is Status.CONVERGED
        assert 4.0 * result.coordinates[0] * (result.coordinates[0] ** 2 - 1.0) == pytest.approx(-0.1, abs=1e-9)


def test_a_flat_direction_within_the_noise_has_no_certain_sign():
    text = WELL.replace("+ b * b", "+ 1e-11 * b * b").replace("2.0 * b]", "2e-11 * b]")
    x = np.array([1.0, 0.0])
    assert spectrum(user_model(text), x).flat == 1
    exact = EXACT.replace("[0.0, 2.0]", "[0.0, 2e-11]")
    assert spectrum(user_model(text + exact), x).flat == 0


def test_every_point_is_read_where_it_lies():
    """Memory is looked at through arrays that are kept by address, far fewer than these points."""
    model = user_model(WELL + EXACT, tilt=0.1)
    rng = np.random.default_rng(0)
    points = list(rng.standard_normal((300, 2)))
    gradients = []
    for _ in range(2):
        for x in points:
            loss, gradient = model.value_and_gradient(x)
            expected = model.user.ask("value_and_gradient", x)
            assert loss == expected[0]
            assert np.array_equal(gradient, expected[1])
            assert np.array_equal(model.hessian(x), model.user.ask("hessian", x))
            gradients.append(gradient)  # keeps its memory
            x += 0.1
    assert len({gradient.ctypes.data for gradient in gradients}) == 600


def test_x_is_a_copy_that_may_be_kept():
    text = """
class MyLoss:
    dimension = 2
    def __init__(self):
        self.seen = []
    def value_and_gradient(self, x):
        self.seen.append(x)
        return float(x @ x), 2.0 * x
"""
    model = user_model(text)
    Quencher(model, QuenchSettings()).quench(np.array([1.0, 2.0]))
    seen = model.user.own("seen", None)
    assert np.array_equal(seen[0], [1.0, 2.0]) and np.abs(seen[-1]).max() < 1e-6
    assert not any(x.flags.writeable for x in seen)


def test_a_gradient_in_an_array_of_its_own_is_copied():
    text = """
class MyLoss:
    dimension = 2
    buffer = np.zeros(2)
    def value_and_gradient(self, x):
        self.buffer[:] = 2.0 * x
        return float(x @ x), self.buffer
"""
    model = user_model(text)
    model.check(True)
    first = model.value_and_gradient(np.array([1.0, 2.0]))[1]
    model.value(np.zeros(2))
    assert np.array_equal(first, [2.0, 4.0])
    np.testing.assert_allclose(model.hessian(np.ones(2)), 2.0 * np.eye(2), atol=1e-9)


def test_an_exception_leaves_compiled_code_as_one_sentence_and_keeps_its_cause():
    text = WELL.replace("        a, b = x\n", "        a, b = x\n        if a < 0.9: raise KeyError('lost')\n")
    model = user_model(text)
    quencher = Quencher(model, QuenchSettings())
    with pytest.raises(UserLossError) as failure:
        quencher.quench(np.array([0.5, 0.5]))
    sentence = "line 9 of my_loss.py: MyLoss.value_and_gradient raised KeyError: 'lost'; correct it"
    assert str(failure.value) == sentence
    assert isinstance(failure.value.__cause__, KeyError)
    assert str(pickle.loads(pickle.dumps(failure.value))) == sentence
    # The next call is not disturbed by it.
    assert model.value(np.array([1.0, 0.0])) == 0.0


def test_a_loss_that_becomes_nan_is_a_status_and_no_error():
    text = WELL.replace("        a, b = x\n", "        a, b = x if x[0] > 0.9 else (np.nan, np.nan)\n")
    result = Quencher(user_model(text), QuenchSettings()).quench(np.array([0.5, 0.5]))
    assert result.status is Status.NOT_FINITE


def test_pickling_keeps_the_bits_and_needs_no_file():
    model = user_model(WELL, tilt=0.2)
    copy = pickle.loads(pickle.dumps(model))
    x = np.array([0.3, 0.1])
    assert copy.value(x) == model.value(x)
    assert np.array_equal(copy.hessian(x), model.hessian(x))
    assert copy.source == model.source


def test_random_starts_keep_to_bounds():
    text = WELL + "    bounds = ([0.0, -np.inf], [2.0, 1.0])\n"
    model = user_model(text)
    rng = np.random.default_rng(1)
    starts = np.array([model.random_start(rng) for _ in range(200)])
    assert (starts[:, 0] >= 0.0).all() and (starts[:, 0] <= 2.0).all() and (starts[:, 1] <= 1.0).all()
    assert starts[:, 0].std() == pytest.approx(2.0 / np.sqrt(12.0), rel=0.2)
    result = Quencher(model, QuenchSettings()).quench(np.array([1.5, 0.9]))
    assert result.status is Status.CONVERGED and result.coordinates == pytest.approx([1.0, 0.0], abs=1e-9)


def test_a_minimum_on_a_bound_with_differences():
    text = WELL + "    bounds = ([1.2, -1.0], [2.0, 1.0])\n"
    result = Quencher(user_model(text), QuenchSettings()).quench(np.array([1.5, 0.9]))
    assert result.status is Status.CONVERGED
    assert result.coordinates == pytest.approx([1.2, 0.0], abs=1e-9)


# --- symmetry -------------------------------------------------------------------------------------


def test_images_give_the_whole_symmetry():
    model = user_model(WELL + MIRROR)
    model.check(True)
    assert model.symmetric
    assert model.log_group_order() == pytest.approx(np.log(4.0))
    x, reference = np.array([-0.9, 0.2]), np.array([1.0, 0.3])
    assert np.array_equal(model.align(reference, x), [0.9, 0.2])
    assert np.array_equal(model.canonical(x), [-0.9, -0.2])
    for seed in range(5):
        image = model.random_image(x, np.random.default_rng(seed))
        assert np.array_equal(np.abs(image), [0.9, 0.2])
        assert np.array_equal(model.canonical(image), model.canonical(x))
    assert model.stabiliser_order(np.array([0.9, 0.0]), 1e-5) == 2
    assert model.stabiliser_order(np.zeros(2), 1e-5) == 4
    assert model.stabiliser_order(x, 1e-5) == 1


def test_methods_of_a_symmetry_are_used():
    text = WELL + """
    log_group_order = np.log(2.0)
    def align(self, reference, x):
        return x * np.array([1.0, 1.0 if x[1] * reference[1] >= 0.0 else -1.0])
    def canonical(self, x):
        return np.array([x[0], abs(x[1])])
    def random_image(self, x, rng):
        return x * np.array([1.0, rng.choice([-1.0, 1.0])])
    def stabiliser_order(self, x, tolerance):
        return 2 if abs(x[1]) <= tolerance else 1
"""
    model = user_model(text)
    model.check(True)
    assert np.array_equal(model.align(np.array([0.0, -1.0]), np.array([1.0, 2.0])), [1.0, -2.0])
    assert model.stabiliser_order(np.array([1.0, 0.0]), 1e-5) == 2
    assert model.log_group_order() == pytest.approx(np.log(2.0))


def test_without_symmetry_nothing_moves():
    model = user_model(WELL)
    assert not model.symmetric and model.log_group_order() == 0.0
    x = np.array([-1.0, 2.0])
    assert np.array_equal(model.align(-x, x), x)


VALLEY = """
class MyLoss:
    dimension = 3
    zero_modes = np.array([[0.0, 0.0, 1.0]])
    def value_and_gradient(self, x):
        a, b, c = x
        return (a * a - 1.0) ** 2 + b * b, np.array([4.0 * a * (a * a - 1.0), 2.0 * b, 0.0])
"""


@pytest.mark.parametrize("more", ["", "    def images(self, x):\n        return np.array([x, x * [-1, 1, 1]])\n"])
def test_alignment_goes_along_zero_modes(more):
    model = user_model(VALLEY + more)
    model.check(True)
    assert model.symmetric
    reference, x = np.array([-1.0, 0.2, 5.0]), np.array([1.0, 0.1, -3.0])
    side = -1.0 if more else 1.0
    np.testing.assert_allclose(model.align(reference, x), [side, 0.1, 5.0], atol=1e-15)
    assert np.array_equal(model.canonical(x), model.canonical(x + np.array([0.0, 0.0, 7.0])))
    assert model.log_group_order() == pytest.approx(np.log(2.0) if more else 0.0)
    result = Quencher(model, QuenchSettings()).quench(np.array([0.8, 0.3, 2.0]))
    assert result.status is Status.CONVERGED and result.coordinates == pytest.approx([1.0, 0.0, 2.0], abs=1e-9)


RING = """
class MyLoss:
    dimension = 2
    log_group_order = 0.0
    def value_and_gradient(self, x):
        square = x @ x - 1.0
        return square * square, 4.0 * square * x
    def zero_modes(self, x):
        return np.array([[-x[1], x[0]]]) / np.linalg.norm(x)
"""
TURN = """
    def align(self, reference, x):
        return reference * np.linalg.norm(x) / np.linalg.norm(reference)
    def canonical(self, x):
        return np.array([np.linalg.norm(x), 0.0])
    def random_image(self, x, rng):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ x
    def stabiliser_order(self, x, tolerance):
        return 1
"""


def test_zero_modes_may_turn_with_x():
    model = user_model(RING + TURN)
    model.check(True)
    assert np.array_equal(model.zero_modes(np.array([0.0, 2.0])), [[-1.0, 0.0]])
    result = Quencher(model, QuenchSettings()).quench(np.array([0.4, 0.9]))
    assert result.status is Status.CONVERGED and np.linalg.norm(result.coordinates) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(UserLossError, match="offers log_group_order but no align"):
        user_model(RING)
    with pytest.raises(UserLossError, match="offers zero_modes that turn with x but no align"):
        user_model(RING.replace("log_group_order", "anything"))


def test_kinks_are_asked_for():
    kink = "    smooth = False\n    def on_kink(self, x, tolerance):\n        return abs(x[1]) < tolerance\n"
    model = user_model(WELL + kink)
    assert not model.smooth
    assert model.on_kink(np.array([1.0, 1e-6]), 1e-5) and not model.on_kink(np.ones(2), 1e-5)
    assert not user_model(WELL).on_kink(np.ones(2), 1e-5)


# --- names ----------------------------------------------------------------------------------------


def test_names_of_user_models():
    assert is_user_model("my_loss.py:MyLoss") and is_user_model("folder/my_loss.py:MyLoss")
    assert not is_user_model("mlp") and not is_user_model("nothing")
    with pytest.raises(KeyError):
        parameters_of("nothing")


def test_a_path_is_relative_to_the_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "my_loss.py").write_text("import numpy as np\n" + WELL, encoding="utf-8")
    source = read_source("inner/my_loss.py:MyLoss", tmp_path)
    assert build_user(source, {}).dimension == 2
    assert source.filename == "inner/my_loss.py"


def test_a_function_may_make_the_model():
    model = user_model(WELL + "def made(depth=3.0):\n    return MyLoss(tilt=depth)\n", name="made", depth=2.0)
    assert model.value(np.array([1.0, 0.0])) == 2.0


def test_same_values_as_the_toolchains_own_model():
    own = build("himmelblau", {})
    text = """
class MyLoss:
    dimension = 2
    def value_and_gradient(self, x):
        a = x[0] ** 2 + x[1] - 11.0
        b = x[0] + x[1] ** 2 - 7.0
        return a * a + b * b, np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])
"""
    mine = user_model(text)
    for x in np.random.default_rng(1).uniform(-4.0, 4.0, (5, 2)):
        assert mine.value(x) == pytest.approx(own.value(x), rel=1e-13)
        np.testing.assert_allclose(mine.hessian(x), own.hessian(x), atol=1e-7)


def test_parameters_are_not_shared_with_the_class():
    made = "    def __init__(self, list):\n        list.append(1)\n        self.tilt = 0.0\n"
    text = WELL + "class Greedy(MyLoss):\n" + made
    model = user_model(text, name="Greedy", list=[0])
    assert model.parameters.values == {"list": [0]}
    with pytest.raises(ConfigError, match="is not a parameter"):
        user_model(text, name="Greedy", list=[0], other=1)
