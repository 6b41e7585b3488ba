"""Naive twins of training: the textbook updates in plain NumPy, gradients of batches by complex steps."""

import numpy as np

from tests.reference import derivatives
from tests.reference import mlp as mlp_twin


def gradient_of_rows(model, x, rows) -> np.ndarray:
    """Gradient (N,) of an mlp's loss on some rows: the mean over them, and the L2 term."""
    data = model.data
    options = model.parameters
    inputs = ((data.features - data.shift) / data.scale)[rows]
    labels = None if data.labels is None else data.labels[rows]
    targets = None if data.targets is None else data.targets[rows]
    rest = (options.activation, options.loss, options.lambda_, options.regularise_biases)
    return derivatives.gradient(lambda at: mlp_twin.loss(at, model.widths, inputs, labels, targets, *rest), x)


def batches_of(order, batch):
    """The rows of an epoch, `batch` at a time; the last batch has what is left."""
    return [order[first : first + batch] for first in range(0, len(order), batch)]


def sgd(x, gradients, rate, momentum):
    """Points (steps, N) of heavy-ball descent from x; gradients: a function of x for each step."""
    velocity = np.zeros_like(x)
    points = []
    for gradient in gradients:
        velocity = momentum * velocity - rate * gradient(x)
        x = x + velocity
        points.append(x)
    return np.array(points)


def adam(x, gradients, rate, beta1, beta2=0.999, epsilon=1e-8):
    """Points (steps, N) of Adam from x, as algorithm 1 of Kingma and Ba has it."""
    mean = np.zeros_like(x)
    square = np.zeros_like(x)
    points = []
    for step, gradient in enumerate(gradients, start=1):
        g = gradient(x)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        x = x - rate * (mean / (1 - beta1**step)) / (np.sqrt(square / (1 - beta2**step)) + epsilon)
        points.append(x)
    return np.array(points)
