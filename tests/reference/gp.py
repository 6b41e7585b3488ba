"""The Gaussian process in plain NumPy, pair by pair, for real or complex coordinates."""

import numpy as np


def _correlation(name, difference, lengths, shape):
    """rho of two rows `difference` apart, (d,)."""
    if name == "periodic":
        return np.exp(-2.0 * np.sum((np.sin(np.pi * difference / shape) / lengths) ** 2))
    square = np.sum((difference / lengths) ** 2)
    r = np.sqrt(square)
    if name == "squared-exponential":
        return np.exp(-square / 2.0)
    if name == "matern12":
        return np.exp(-r)
    if name == "matern32":
        return (1.0 + np.sqrt(3.0) * r) * np.exp(-np.sqrt(3.0) * r)
    if name == "matern52":
        return (1.0 + np.sqrt(5.0) * r + 5.0 * square / 3.0) * np.exp(-np.sqrt(5.0) * r)
    assert name == "rational-quadratic"
    return (1.0 + square / (2.0 * shape)) ** -shape


def _take(values, name, features, ard):
    """(lengths, shape) from the front of the list `values`, which loses them."""
    lengths = np.array([values.pop(0) for _ in range(features if ard else 1)])
    shape = values.pop(0) if name in ("rational-quadratic", "periodic") else None
    return np.broadcast_to(lengths, (features,)), shape


def covariance(x, a, b, kernel, ard):
    """Covariance of rows a, (m, d), with rows b, (k, d), without noise and jitter."""
    values = list(np.exp(x))
    sign = "*" if "*" in kernel else "+"
    total = None
    for name in kernel.split(sign):
        signal = values.pop(0) if total is None or sign == "+" else 1.0
        lengths, shape = _take(values, name.strip(), a.shape[1], ard)
        rows = [[signal * _correlation(name.strip(), p - q, lengths, shape) for q in b] for p in a]
        if total is None:
            total = np.array(rows)
        else:
            total = total * np.array(rows) if sign == "*" else total + np.array(rows)
    return total


def loss(x, inputs, targets, kernel, ard, jitter, per_datum):
    """-ln of the marginal likelihood of targets (n,) at scaled inputs (n, d)."""
    k = covariance(x, inputs, inputs, kernel, ard)
    k = k + (jitter * k[0, 0] + np.exp(x[-1])) * np.eye(len(targets))
    sign, logarithm = np.linalg.slogdet(k)
    fit = targets @ np.linalg.solve(k, targets)
    value = (fit + logarithm + np.log(sign) + len(targets) * np.log(2.0 * np.pi)) / 2.0
    return value / len(targets) if per_datum else value


def loss_of_model(model):
    """The loss as a function of the coordinates alone."""
    chosen, data = model.parameters, model.data
    targets = data.targets
    if chosen.target_scaling != "none":
        targets = targets - targets.mean()
    if chosen.target_scaling == "standardise":
        targets = targets / np.sqrt(np.mean(targets**2))
    inputs = (data.features - data.shift) / data.scale
    return lambda x: loss(x, inputs, targets, chosen.kernel, chosen.ard, chosen.jitter, chosen.per_datum)
