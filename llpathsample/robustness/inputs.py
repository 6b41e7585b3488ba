"""How well a minimum predicts when the inputs are noisy: independent normal noise on every feature."""

from dataclasses import dataclass

import numpy as np

from llcommon import metrics
from llcommon.data import Data, Rows
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.scoring import TIE_DECIMALS

DRAWS = 16  # of the noise, each of all rows


@dataclass(frozen=True)
class InputNoise:
    """Rows to disturb, and by how much. sigmas: standard deviations, in units of the scaled features of the model."""

    rows: Rows
    sigmas: tuple[float, ...]
    seed: int


def quantity(rows: Rows) -> str:
    """What is measured: the accuracy of classes, the mean squared error of numbers."""
    return "mse" if rows.labels is None else "accuracy"


def under_noise(model: LossModel, data: Data, x: np.ndarray, noise: InputNoise) -> list[tuple[float, float]]:
    """Mean over draws of that quantity at x, (N,), and its standard error, for each sigma. The draws are the same for
    every minimum."""
    rows = noise.rows
    found = []
    for number, sigma in enumerate(noise.sigmas):
        rng = generator(noise.seed, "robustness", "inputs", number)
        values = []
        for _ in range(DRAWS):
            outputs = model.predict(x, rows.features + sigma * data.scale * rng.standard_normal(rows.features.shape))
            if rows.labels is None:
                values.append(metrics.mean_squared_error(outputs, rows.targets[:, None]))
            else:
                predicted = np.round(outputs, TIE_DECIMALS).argmax(axis=1)
                values.append(metrics.accuracy(predicted, rows.labels))
        found.append((float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(DRAWS))))
    return found
