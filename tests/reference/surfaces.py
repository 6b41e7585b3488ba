"""Naive twins of the analytic surfaces: their formulas as the papers print them; complex x allowed."""

import numpy as np


def mueller_brown(x):
    heights = [-200.0, -100.0, -170.0, 15.0]
    a = [-1.0, -1.0, -6.5, 0.7]
    b = [0.0, 0.0, 11.0, 0.6]
    c = [-10.0, -10.0, -6.5, 0.7]
    centres_x = [1.0, 0.0, -0.5, -1.0]
    centres_y = [0.0, 0.5, 1.5, 1.0]
    total = 0.0
    for k in range(4):
        dx = x[0] - centres_x[k]
        dy = x[1] - centres_y[k]
        total += heights[k] * np.exp(a[k] * dx**2 + b[k] * dx * dy + c[k] * dy**2)
    return total


def six_hump_camel(x):
    return (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def double_well(x, stiffness):
    return (x[0] ** 2 - 1) ** 2 + stiffness / 2 * sum(coordinate**2 for coordinate in x[1:])


def rastrigin(x):
    return 10 * len(x) + sum(coordinate**2 - 10 * np.cos(2 * np.pi * coordinate) for coordinate in x)


def schwefel(x):
    # |x| by the sign of the real part, which complex steps see as the line that it is.
    return 418.9829 * len(x) - sum(t * np.sin(np.sqrt(t * np.sign(np.real(t)))) for t in x)


def styblinski_tang(x):
    return sum(coordinate**4 - 16 * coordinate**2 + 5 * coordinate for coordinate in x) / 2


def ackley(x):
    mean_square = sum(coordinate**2 for coordinate in x) / len(x)
    mean_cosine = sum(np.cos(2 * np.pi * coordinate) for coordinate in x) / len(x)
    return -20 * np.exp(-0.2 * np.sqrt(mean_square)) - np.exp(mean_cosine) + 20 + np.e


def rosenbrock(x):
    return sum(100 * (after - before**2) ** 2 + (1 - before) ** 2 for before, after in zip(x, x[1:], strict=False))
