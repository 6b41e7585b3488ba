"""Loss and gradient of a Gaussian process beside scikit-learn's.

200 rows of four features, a squared exponential with a length for each, noise: six hyperparameters. scikit-learn's is
`GaussianProcessRegressor.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)`, which copies no
kernel, of ConstantKernel * RBF + WhiteKernel, compared with ours before anything is measured. Hessian and
Hessian-vector product, which it does not have, are compared with our own gradient.
"""

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from benchmarks import table
from benchmarks.kernels import python_loop, repeat_hessian, repeat_hessian_vector, repeat_kernel, seconds_of
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.data import Data
from llcommon.losses import build

_ROWS = 200
_FEATURES = 4
_POINT = np.array([0.2, 0.5, 0.7, 0.9, 1.1, -2.0])


def _data() -> Data:
    """Standard normal features, a sine of a sum of them with noise of deviation 0.1, standardised."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((_ROWS, _FEATURES))
    targets = np.sin(features @ rng.standard_normal(_FEATURES)) + 0.1 * rng.standard_normal(_ROWS)
    targets = (targets - targets.mean()) / targets.std()
    names = tuple(f"x{number}" for number in range(_FEATURES))
    none = np.zeros(_FEATURES), np.ones(_FEATURES)
    return Data(names, features, *none, "none", "y", (), None, targets, "synthetic.csv", "0" * 64)


def _peer(data: Data):
    """scikit-learn's -ln of the likelihood and its gradient as a function of no arguments."""
    kernel = ConstantKernel() * RBF(np.ones(_FEATURES)) + WhiteKernel()
    process = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(data.features, data.targets)

    def loss():
        value, gradient = process.log_marginal_likelihood(_POINT, eval_gradient=True, clone_kernel=False)
        return -value, -gradient

    return loss


def gp(options: Options) -> table.Result:
    """CPU seconds of one call, medians over rounds in which all take turns."""
    data = _data()
    model = build("gp", {"ard": True, "jitter": 0.0, "target_scaling": "none"}, data)
    peer = _peer(data)
    expected, slope = peer()
    value, gradient = model.value_and_gradient(_POINT)
    error = max(abs(value - expected) / abs(expected), np.abs(gradient - slope).max() / np.abs(slope).max())
    if error > 1e-11:
        raise AssertionError(f"ours and scikit-learn's loss and gradient differ by {error:.1e}")
    packed = model.hessian_packed()
    out = np.empty(model.dimension)
    matrix = np.empty((model.dimension, model.dimension))
    times = table.interleaved(
        {
            "ours": seconds_of(lambda times: repeat_kernel(model.kernel, _POINT, out, *packed, times)),
            "scikit-learn": seconds_of(python_loop(peer)),
            "Hessian": seconds_of(lambda times: repeat_hessian(model.hessian_kernel, _POINT, matrix, *packed, times)),
            "product": seconds_of(
                lambda times: repeat_hessian_vector(model.hessian_vector_kernel, _POINT, _POINT, out, *packed, times)
            ),
        },
        options.repeats,
    )
    task = f"{_ROWS} rows, {_FEATURES} lengths"
    own = "loss and gradient of ours"
    rows = table.compare(f"loss and gradient, {task}", {name: times[name] for name in ("ours", "scikit-learn")})
    rows += table.compare(f"Hessian, {task}", {"ours": times["Hessian"], own: times["ours"]})
    rows += table.compare(f"Hessian-vector product, {task}", {"ours": times["product"], own: times["ours"]})
    say("gp: done")
    ratio = table.three_figures(rows[0].ratio)
    figure = table.Figure(rows[0].task, table.OURS, "scikit-learn's time / ours", ratio, ">= 3")
    return table.Result(rows, [figure])
