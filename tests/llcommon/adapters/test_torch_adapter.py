"""A module of PyTorch as a loss model, against the toolchain's own networks and against formulas."""

import itertools
import shutil

import numpy as np
import pytest
from driving import ROOT, XOR_CSV, call

from llcommon.data import read_csv
from llcommon.losses import build, build_user
from llcommon.losses.user.source import FILE, Source
from llcommon.settings import DataSettings
from llcommon.store import read_landscape

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")
pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "torch"


@pytest.fixture(scope="module")
def table():
    return read_csv(XOR_CSV, DataSettings(scaling="none"), numeric_target=False)


def net(table):
    """The example's model."""
    text = (EXAMPLE / "my_net.py").read_text(encoding="utf-8")
    return build_user(Source("my_net.py:MyNet", FILE, text), {"l2": 1e-3}, table)


def own_order() -> np.ndarray:
    """For each coordinate of the toolchain's 2-2-2 network its place among those of the module.

    Own: for each layer a row for each input, then the biases. PyTorch: a row for each output, then the biases.
    """
    hidden = np.arange(4).reshape(2, 2).T, np.array([4, 5])
    output = np.arange(6, 10).reshape(2, 2).T, np.array([10, 11])
    return np.concatenate([part.ravel() for part in (*hidden, *output)])


def test_it_is_the_toolchains_own_network(table):
    mine, own = net(table), build("mlp", {"hidden": [2], "lambda": 1e-3}, table)
    order = own_order()
    rng = np.random.default_rng(1)
    for _ in range(5):
        x, v = rng.standard_normal((2, 12))
        value, gradient = own.value_and_gradient(x[order])
        assert mine.value(x) == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(mine.value_and_gradient(x)[1][order], gradient, atol=1e-13)
        np.testing.assert_allclose(mine.hessian(x)[np.ix_(order, order)], own.hessian(x[order]), atol=1e-13)
        np.testing.assert_allclose(mine.hessian_vector(x, v)[order], own.hessian_vector(x[order], v[order]), atol=1e-13)
        np.testing.assert_allclose(mine.predict(x, table.features), own.predict(x[order], table.features), atol=1e-13)
        logarithms = own.log_probabilities(x[order], table.features)
        np.testing.assert_allclose(mine.log_probabilities(x, table.features), logarithms, atol=1e-13)


def test_the_start_checks_pass_and_nothing_is_by_differences(table):
    model = net(table)
    model.check(True)
    assert model.notes() == [] and model.hessian_noise == 0.0
    weights = ["0.weight[0,0]", "0.weight[0,1]", "0.weight[1,0]", "0.weight[1,1]"]
    assert model.coordinate_names()[:5] == [*weights, "0.bias[0]"]


def test_the_example_of_the_documentation(table):
    text = (ROOT / "docs" / "model-user.md").read_text(encoding="utf-8")
    code = next(block.split("```")[0] for block in text.split("```python\n") if "class MyNet(TorchLoss)" in block)
    model = build_user(Source("my_net.py:MyNet", FILE, code), {"hidden": 3}, table)
    assert model.dimension == 3 * 3 + 4 * 2
    model.check(True)


def test_starts_are_those_of_pytorch_and_follow_the_seed(table):
    model = net(table)
    starts = [model.random_start(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(starts[0], starts[1]) and not np.array_equal(starts[0], starts[2])
    # torch.nn.Linear draws weights and biases between -1 / sqrt(inputs) and 1 / sqrt(inputs).
    many = np.array([model.random_start(np.random.default_rng(seed)) for seed in range(200)])
    assert np.abs(many).max() <= 1.0 / np.sqrt(2.0)
    assert many.std() == pytest.approx(1.0 / np.sqrt(6.0), rel=0.05)


def test_drawing_starts_leaves_the_generator_of_pytorch_alone(table):
    model = net(table)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model.random_start(np.random.default_rng(1))
    assert torch.equal(torch.rand(3), expected)


class Scale(torch.nn.Module):
    """y = a x + b with a of its own kind, b frozen, and dropout that must not act."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(1))
        self.b = torch.nn.Parameter(torch.full((1,), 2.0), requires_grad=False)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.a * x + self.b)


def test_a_pair_of_arrays_frozen_parameters_and_dropout():
    from llcommon.adapters.torch import TorchLoss

    x, y = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [0.0], [1.0]])
    loss = TorchLoss(Scale(), torch.nn.functional.mse_loss, (x, y), l2=0.5)
    assert loss.dimension == 1
    point = np.array([0.3])
    error = 0.3 * x + 2.0 - y
    value, gradient = loss.value_and_gradient(point)
    assert value == pytest.approx(float(np.mean(error**2)) + 0.5 * 0.09, rel=1e-14)
    assert gradient == pytest.approx([2.0 * float(np.mean(error * x)) + 0.3], rel=1e-14)
    assert loss.hessian(point) == pytest.approx(np.array([[2.0 * float(np.mean(x * x)) + 1.0]]), rel=1e-14)
    assert loss.predict(point, x) is None
    assert loss.random_start(np.random.default_rng(1)).shape == (1,)


def test_a_linear_loss_has_no_curvature():
    from llcommon.adapters.torch import TorchLoss

    def mean(outputs, targets):
        return outputs.mean()

    loss = TorchLoss(Scale(), mean, (np.ones((2, 1)), np.ones((2, 1))))
    assert np.array_equal(loss.hessian(np.zeros(1)), [[0.0]])
    assert np.array_equal(loss.hessian_vector(np.zeros(1), np.ones(1)), [0.0])


class NoBatches(torch.autograd.Function):
    """x^2 by an operation that knows no batches of vectors."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        if torch._C._functorch.is_batchedtensor(slope):
            raise RuntimeError("no batches")
        return 2.0 * x * slope


def test_a_hessian_column_by_column():
    from llcommon.adapters.torch import TorchLoss

    class Squares(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(3))

        def forward(self, x):
            return NoBatches.apply(self.w * self.w) @ x

    loss = TorchLoss(Squares(), lambda outputs, targets: outputs.sum(), (np.array([1.0, 2.0, 3.0]), np.array(0)))
    x = np.array([0.5, 1.0, -2.0])
    np.testing.assert_allclose(loss.hessian(x), np.diag(12.0 * x * x * np.array([1.0, 2.0, 3.0])), atol=1e-12)


def test_one_output_for_two_classes_is_log_odds(table):
    from llcommon.adapters.torch import TorchLoss

    targets = table.labels[:, None].astype(float)
    loss = TorchLoss(
        torch.nn.Linear(2, 1), torch.nn.functional.binary_cross_entropy_with_logits, table, targets=targets
    )
    x = np.array([1.0, -2.0, 0.5])
    odds = table.features @ x[:2] + 0.5
    p = 1.0 / (1.0 + np.exp(-odds))
    y = table.labels
    expected = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert loss.value_and_gradient(x)[0] == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(loss.predict(x, table.features), np.column_stack([1 - p, p]), atol=1e-14)


def test_outputs_and_targets_of_other_shapes_are_refused():
    from llcommon.adapters.torch import TorchLoss

    loss = TorchLoss(torch.nn.Linear(1, 1), torch.nn.functional.mse_loss, (np.ones((3, 1)), np.ones(3)))
    with pytest.raises(ValueError, match=r"same shape, not \(3, 1\) and \(3,\)"):
        loss.value_and_gradient(np.zeros(2))


def test_the_example_finds_the_landscape_of_the_toolchains_own_network(tmp_path, monkeypatch, table):
    """The same five losses; with the data's own symmetry, which the example leaves out, two of them come once."""
    monkeypatch.chdir(tmp_path)
    for name in ("torch.toml", "my_net.py", "xor.csv"):
        shutil.copy(EXAMPLE / name, tmp_path)
    assert call("llgmin", "run", "torch.toml", "-o", "minima.h5", "-j", 2, "-q") == 0
    assert call("llpathsample", "grow", "minima.h5", "-o", "grown.h5", "--trust", "-j", 1, "-q") == 0
    grown = read_landscape("grown.h5")
    own = build("mlp", {"hidden": [2], "lambda": 1e-3}, table)
    order = own_order()
    points = grown.minima.coordinates
    distinct = {round(loss, 8) for loss in grown.minima.loss.tolist()}
    assert len(distinct) == 5 and min(distinct) == pytest.approx(0.08355759, abs=1e-8)
    for x, loss in zip(points, grown.minima.loss, strict=True):
        assert own.value(x[order].copy()) == pytest.approx(loss, rel=1e-12)
    for a, b in itertools.combinations(range(len(points)), 2):
        if abs(grown.minima.loss[a] - grown.minima.loss[b]) < 1e-9:
            aligned = own.align(points[a][order].copy(), points[b][order].copy())
            assert np.linalg.norm(aligned - points[a][order]) < 1e-5
    assert len(grown.transition_states) >= len(points) - 1
    assert call("lloptim", "check", "grown.h5", "--trust", "-q") == 0
    assert call("llgmin", "score", "grown.h5", "--trust", "-q") == 0
    assert call("llgmin", "export", "grown.h5", 0, "--format", "torch", "--trust", "-q") == 0
    layers = [torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2)]
    module = torch.nn.Sequential(*layers).double()
    module.load_state_dict(torch.load("grown-0.pt"))
    with torch.no_grad():
        outputs = torch.log_softmax(module(torch.tensor(table.features)), dim=1).numpy()
    np.testing.assert_allclose(outputs, own.log_probabilities(points[0][order].copy(), table.features), atol=1e-12)
