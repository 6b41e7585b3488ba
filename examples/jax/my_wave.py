"""A sine wave fitted to noisy samples by a pure function of JAX: amplitudes a and b and an angular frequency w."""

import jax.numpy as jnp
import numpy as np

from llcommon.adapters.jax import JaxLoss


def loss(x, times, values):
    a, b, w = x
    return jnp.mean((a * jnp.sin(w * times) + b * jnp.cos(w * times) - values) ** 2)


class MyWave(JaxLoss):
    target = "numbers"

    def __init__(self, data, lowest=0.5, highest=6.0):
        super().__init__(loss, 3, data.inputs()[:, 0], data.targets)
        self.data = data
        self.bounds = ([-np.inf, -np.inf, lowest], [np.inf, np.inf, highest])

    def coordinate_names(self):
        return ["sine", "cosine", "frequency"]

    def predict(self, x, features):
        times = self.data.transform(features)[:, 0]
        return x[0] * np.sin(x[2] * times) + x[1] * np.cos(x[2] * times)
