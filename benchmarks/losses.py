"""The activations and losses of the MLP: CPU of a value with its gradient, a Hessian-vector product, a dense Hessian.

Iris (150 rows, 10 hidden units); an embedding of one output for the contrastive loss.
"""

import statistics
from collections.abc import Callable

import numpy as np

from benchmarks import ours, table
from benchmarks import problem as problems
from benchmarks.kernels import repeat_hessian, repeat_hessian_vector, repeat_kernel, seconds_of
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.losses import build
from llcommon.losses.base import LossModel

# What is measured by the keys of [loss].
VARIANTS = {
    "tanh, cross-entropy": {},
    "relu, cross-entropy": {"activation": "relu"},
    "silu, cross-entropy": {"activation": "silu"},
    "sine, cross-entropy": {"activation": "sine"},
    "softplus, cross-entropy": {"activation": "softplus"},
    "gelu, cross-entropy": {"activation": "gelu"},
    "tanh, auc (5000 pairs)": {"loss": "auc"},
    "tanh, contrastive (11175 pairs)": {"loss": "contrastive"},
}


def _measures(model: LossModel) -> dict[str, Callable[[int], float]]:
    x, v = np.random.default_rng(1).standard_normal((2, model.dimension))
    packed = model.hessian_packed()
    out = np.empty(model.dimension)
    matrix = np.empty((model.dimension, model.dimension))
    return {
        "value and gradient": seconds_of(lambda times: repeat_kernel(model.kernel, x, out, *packed, times)),
        "Hessian times vector": seconds_of(
            lambda times: repeat_hessian_vector(model.hessian_vector_kernel, x, v, out, *packed, times)
        ),
        "dense Hessian": seconds_of(lambda times: repeat_hessian(model.hessian_kernel, x, matrix, *packed, times)),
    }


def losses(options: Options) -> table.Result:
    """Medians over rounds in which the three calls of a loss take turns."""
    data = ours.model_of(problems.iris(1e-4)).data
    figures = []
    for name, keys in VARIANTS.items():
        model = build("mlp", {"hidden": [10], "lambda": 1e-4, **keys}, data)
        times = table.interleaved(_measures(model), options.repeats)
        say(f"losses: {name}")
        figures += [
            table.Figure("losses of iris", name, call, table.duration(statistics.median(values)))
            for call, values in times.items()
        ]
    return table.Result([], figures)
