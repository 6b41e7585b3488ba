"""A perceptron in plain NumPy, for predictions and for kinks, where no kernel is worth compiling."""

import numpy as np
from scipy.special import expit, ndtr

VALUES = {
    "tanh": np.tanh,
    "logistic": lambda z: 0.5 + 0.5 * np.tanh(0.5 * z),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "sine": np.sin,
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "relu": lambda z: np.maximum(z, 0.0),
}


def layers_of(
    matrices: list[np.ndarray], inputs: np.ndarray, activation: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of every layer what comes in, (n, units below), and the arguments z, (n, units); inputs: (n, d)."""
    layers = []
    below = inputs
    for matrix in matrices:
        if layers:
            below = VALUES[activation](layers[-1][1])
        layers.append((below, below @ matrix[:-1] + matrix[-1]))
    return layers


def sign_changes_near(layers: list[tuple[np.ndarray, np.ndarray]], tolerance: float) -> bool:
    """Whether the argument of a hidden unit for some row changes sign when the unit's weights move by `tolerance`."""
    for below, arguments in layers[:-1]:
        reach = tolerance * np.sqrt(np.square(below).sum(axis=1) + 1.0)
        if (np.abs(arguments) <= reach[:, None]).any():
            return True
    return False


def classes_meet(
    layers: list[tuple[np.ndarray, np.ndarray]], inputs: np.ndarray, labels: np.ndarray, tolerance: float
) -> bool:
    """Whether outputs of two rows of different class and inputs meet when the last weights move by `tolerance`."""
    below, outputs = layers[-1]
    for row in range(len(labels) - 1):
        others = slice(row + 1, None)
        apart = np.linalg.norm(outputs[others] - outputs[row], axis=1)
        reach = tolerance * np.maximum(1.0, np.linalg.norm(below[others] - below[row], axis=1))
        different = (labels[others] != labels[row]) & (inputs[others] != inputs[row]).any(axis=1)
        if (different & (apart <= reach)).any():
            return True
    return False
