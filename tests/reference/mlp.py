"""Naive twin of the multilayer perceptron: row by row, by its definition; and its symmetry by enumeration."""

import itertools

import numpy as np


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
        below = np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-z))


def loss(x, widths, inputs, labels, targets, activation, kind, strength, regularise_biases):
    """Mean over rows of -ln softmax(z)_label or |z - target|^2, and the L2 term; complex x allowed."""
    total = 0.0
    for d, row in enumerate(inputs):
        z = outputs_of(x, widths, row, activation)
        if kind == "cross-entropy":
            total += -np.log(np.exp(z[labels[d]]) / np.exp(z).sum())
        else:
            target = targets[d] if labels is None else np.eye(widths[-1])[labels[d]]
            total += ((z - target) ** 2).sum()
    penalty = 0.0
    for weights, biases in matrices_of(x, widths):
        penalty += (weights**2).sum()
        if regularise_biases:
            penalty += (biases**2).sum()
    return total / len(inputs) + strength * penalty


def loss_of_model(model):
    """The twin of an mlp model as a function of x."""
    data = model.data
    inputs = (data.features - data.shift) / data.scale
    outputs = 1 if data.labels is None else len(data.class_names)
    widths = [inputs.shape[1], *model.parameters.hidden, outputs]
    options = model.parameters

    def function(x):
        return loss(
            x,
            widths,
            inputs,
            data.labels,
            data.targets,
            options.activation,
            options.loss,
            options.lambda_,
            options.regularise_biases,
        )

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
