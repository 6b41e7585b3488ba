"""Naive twin of the quadratic multinomial: row by row, polynomials written out; and the order of the original suite."""

import numpy as np


def number_of_terms(features):
    return 1 + features + features * (features + 1) // 2


def polynomial(constant, linear, quadratic, row):
    """c + sum_i b_i x_i + sum_{i <= j} a_ij x_i x_j; quadratic: (d, d), its upper triangle."""
    value = constant
    for i, x_i in enumerate(row):
        value += linear[i] * x_i
        for j in range(i, len(row)):
            value += quadratic[i, j] * x_i * row[j]
    return value


def polynomials_of(x, features, classes):
    """(constant, linear, quadratic) of each class from house coordinates: terms outer, classes inner."""
    found = []
    for k in range(classes):
        column = list(x[k::classes])
        linear = column[:features]
        quadratic = np.zeros((features, features), dtype=np.asarray(x).dtype)
        place = features
        for i in range(features):
            for j in range(i, features):
                quadratic[i, j] = column[place]
                place += 1
        assert place == len(column) - 1
        found.append((column[-1], linear, quadratic))
    return found


def loss_of_model(model):
    """The twin of an mlq model as a function of x, real or complex."""
    data = model.data
    inputs = (data.features - data.shift) / data.scale
    classes = len(data.class_names)
    options = model.parameters

    def function(x):
        polynomials = polynomials_of(x, inputs.shape[1], classes)
        total = 0.0
        for row, label in zip(inputs, data.labels, strict=True):
            z = np.array([polynomial(*one, row) for one in polynomials])
            total += np.log(np.exp(z).sum()) - z[label]
        penalty = 0.0
        for constant, linear, quadratic in polynomials:
            penalty += sum(b**2 for b in linear) + (quadratic**2).sum()
            if options.regularise_biases:
                penalty += constant**2
        return total / len(inputs) + options.lambda_ * penalty

    return function


def from_suite(x, features, classes):
    """House coordinates of the suite's: class outer; constant, linear, quadratic with k >= j inner."""
    blocks = np.asarray(x).reshape(classes, number_of_terms(features))
    return np.roll(blocks, -1, axis=1).T.ravel()
