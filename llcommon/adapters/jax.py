"""A pure function of JAX as a loss model.

    import jax.numpy as jnp
    from llcommon.adapters.jax import JaxLoss

    def loss(x, inputs, targets):
        return jnp.mean((inputs @ x - targets) ** 2)

    class MyLine(JaxLoss):
        def __init__(self, data):
            super().__init__(loss, len(data.feature_names), data.inputs(), data.targets)

Double precision, compiled by XLA for the processor. Gradient: reverse mode; Hessian-vector product: forward over
reverse; Hessian: the same for all unit vectors at once.
"""

import os
from collections.abc import Callable

import numpy as np

os.environ.setdefault("JAX_PLATFORMS", "cpu")
try:
    import jax
except ImportError as error:
    raise ImportError("JAX is not installed: pip install 'loss-landscape-toolchain[jax]'") from error

jax.config.update("jax_enable_x64", True)


class JaxLoss:
    """L(x) = function(x, *arguments); see the module's docstring.

    A subclass may override any method, and add others of a user's loss model, such as `predict` or `images`.
    """

    def __init__(self, function: Callable, dimension: int, *arguments) -> None:
        """function: pure, of a flat x, (dimension,), and the arguments, with a scalar value. arguments: arrays, or
        pytrees of them, which it is called with every time."""
        self.dimension = dimension
        self.arguments = jax.tree_util.tree_map(jax.numpy.asarray, arguments)
        slope = jax.grad(function)

        def product(x, v, *arguments):
            return jax.jvp(lambda at: slope(at, *arguments), (x,), (v,))[1]

        self._value_and_gradient = jax.jit(jax.value_and_grad(function))
        self._product = jax.jit(product)
        self._hessian = jax.jit(jax.hessian(function))

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """L(x) and its gradient, (N,)."""
        value, gradient = self._value_and_gradient(x, *self.arguments)
        return float(value), np.asarray(gradient)

    def hessian_vector(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The Hessian at x times v, (N,)."""
        return np.asarray(self._product(x, v, *self.arguments))

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The Hessian at x, (N, N)."""
        return np.asarray(self._hessian(x, *self.arguments))
