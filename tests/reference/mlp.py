"""Naive twin of the multilayer perceptron: row by row, by its definition; and its symmetry by enumeration."""

import itertools

import numpy as np
from scipy.special import erf

# For real or complex z.
ACTIVATIONS = {
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "relu": lambda z: np.where(z.real > 0, z, 0 * z),
    "sine": np.sin,
    "gelu": lambda z: 0.5 * z * (1 + erf(z / np.sqrt(2))),
    "silu": lambda z: z / (1 + np.exp(-z)),
}
SHAPES = {
    "sigmoid": lambda u: -1 / (1 + np.exp(-u)),
    "tanh": lambda u: -np.tanh(u),
    "squared-hinge": lambda u: (1 - u) ** 2 if (1 - u).real > 0 else 0 * u,
    "exponential": lambda u: np.exp(-u),
}


def matrices_of(x, widths):
    """[(weights (inputs, outputs), biases (outputs,))] of each layer."""
    layers = []
    for inputs, outputs in itertools.pairwise(widths):
        count = inputs * outputs
        layers.append((x[:count].reshape(inputs, outputs), x[count : count + outputs]))
        x = x[count + outputs :]
    assert len(x) == 0
    return layers


def outputs_of(x, widths, row, activation):
    """z (outputs,) of the last layer for one row of inputs."""
    layers = matrices_of(x, widths)
    below = row
    for position, (weights, biases) in enumerate(layers):
        z = biases + below @ weights
        if position == len(layers) - 1:
            return z
        below = ACTIVATIONS[activation](z)


def row_loss(z, label, target, kind, positive):
    """The loss of one row with outputs z (outputs,); target: numbers, or None for one-hot."""
    if kind == "cross-entropy":
        return -np.log(np.exp(z[label]) / np.exp(z).sum())
    if kind == "bce":
        p = 1 / (1 + np.exp(-z[0]))
        return -np.log(p if label == positive else 1 - p)
    return ((z - (np.eye(len(z))[label] if target is None else target)) ** 2).sum()


def auc_loss(outputs, labels, positive, shape, beta):
    """Mean of the shape over all pairs of a positive row and another; outputs: z (classes,) of each row."""
    p = [np.exp(z[positive]) / np.exp(z).sum() for z in outputs]
    terms = [
        SHAPES[shape](beta * (p[i] - p[j]))
        for i, first in enumerate(labels)
        for j, second in enumerate(labels)
        if first == positive and second != positive
    ]
    return sum(terms) / len(terms) if terms else 0.0


def contrastive_loss(outputs, labels, margin):
    """Mean over pairs of the squared distance, or of what is missing to the margin, squared."""
    total = 0.0
    pairs = 0
    for i, j in itertools.combinations(range(len(labels)), 2):
        pairs += 1
        distance = np.sqrt(((outputs[i] - outputs[j]) ** 2).sum())
        if labels[i] == labels[j]:
            total += distance**2
        elif distance.real < margin:
            total += (margin - distance) ** 2
    return total / pairs if pairs else 0.0


def penalty(x, widths, regularise_biases):
    """|w|^2 with or without the biases."""
    total = 0.0
    for weights, biases in matrices_of(x, widths):
        total += (weights**2).sum()
        if regularise_biases:
            total += (biases**2).sum()
    return total


def data_loss(x, widths, inputs, labels, targets, options, positive):
    """The loss without the L2 term; complex x allowed. options: the parameters of an mlp."""
    outputs = [outputs_of(x, widths, row, options.activation) for row in inputs]
    if options.loss == "auc":
        return auc_loss(outputs, labels, positive, options.shape, options.beta)
    if options.loss == "contrastive":
        return contrastive_loss(outputs, labels, options.margin)
    total = 0.0
    for d, z in enumerate(outputs):
        label = None if labels is None else labels[d]
        target = None if targets is None else targets[d]
        total += row_loss(z, label, target, options.loss, positive)
    return total / len(inputs)


def loss_of_model(model):
    """The twin of an mlp model as a function of x."""
    data = model.data
    options = model.parameters
    inputs = (data.features - data.shift) / data.scale
    positive = None
    if data.labels is not None:
        names = list(data.class_names)
        positive = names.index(names[-1] if options.positive is None else options.positive)
    outputs = 1
    if options.loss in ("cross-entropy", "auc", "mse") and data.labels is not None:
        outputs = len(data.class_names)
    if options.loss == "contrastive":
        outputs = options.embedding
    widths = [inputs.shape[1], *options.hidden, outputs]

    def function(x):
        value = data_loss(x, widths, inputs, data.labels, data.targets, options, positive)
        return value + options.lambda_ * penalty(x, widths, options.regularise_biases)

    return function


def images(x, widths, odd):
    """Every image of x under permutations (and signs, if odd) of the units of all hidden layers."""
    choices = []
    for units in widths[1:-1]:
        permutations = itertools.permutations(range(units))
        signs = list(itertools.product([1.0, -1.0] if odd else [1.0], repeat=units))
        choices.append(list(itertools.product(permutations, signs)))
    for operations in itertools.product(*choices):
        layers = [(weights.copy(), biases.copy()) for weights, biases in matrices_of(x, widths)]
        for position, (permutation, signs) in enumerate(operations):
            weights, biases = layers[position]
            weights_above, biases_above = layers[position + 1]
            order = list(permutation)
            layers[position] = (weights[:, order] * signs, biases[order] * signs)
            layers[position + 1] = (weights_above[order] * np.array(signs)[:, None], biases_above)
        yield np.concatenate([part.ravel() for layer in layers for part in layer])
