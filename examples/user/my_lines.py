"""Robust fit of a line y = slope x + intercept to points of which many are outliers (Geman and McClure, 1985).

L = mean of r^2 / (r^2 + width^2) over the residuals r: a far point costs 1, however far it is. So each line that many
points lie on has a minimum of its own.
"""

import numpy as np


class MyLines:
    target = "numbers"
    dimension = 2

    def __init__(self, data, width=0.25):
        self.data = data
        self.x = data.inputs()[:, 0]
        self.y = data.targets
        self.width = width

    def random_start(self, rng):
        return rng.uniform(-2.0, 2.0, 2)

    def coordinate_names(self):
        return ["slope", "intercept"]

    def value_and_gradient(self, point):
        slope, intercept = point
        residual = slope * self.x + intercept - self.y
        square = residual**2
        scale = square + self.width**2
        weight = 2.0 * residual * self.width**2 / scale**2 / len(residual)
        return np.mean(square / scale), np.array([weight @ self.x, weight.sum()])

    def predict(self, point, features):
        return point[0] * self.data.transform(features)[:, 0] + point[1]
