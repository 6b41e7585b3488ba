"""Two analytic surfaces with very many minima, in plain NumPy, to hunt on beside the networks.

    rastrigin   sum_i 10 + x_i^2 - 10 cos(2 pi x_i) in [-5.12, 5.12]
    schwefel    sum_i 418.9829 - x_i sin(sqrt|x_i|) in [-500, 500]
"""

from dataclasses import dataclass

import numpy as np

HALF_WIDTHS = {"rastrigin": 5.12, "schwefel": 500.0}


@dataclass(frozen=True)
class Surface:
    """A surface by its name, in a box from -half_width to half_width in each of `dimension` coordinates."""

    name: str
    dimension: int

    @property
    def half_width(self) -> float:
        return HALF_WIDTHS[self.name]


class SurfaceLoss:
    """L(x) and its gradient, as `scipy_numpy.NumpyLoss`. evaluations: made so far."""

    def __init__(self, surface: Surface):
        self.surface = surface
        self.evaluations = 0

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient, (N,)."""
        self.evaluations += 1
        if self.surface.name == "rastrigin":
            angle = 2.0 * np.pi * x
            value = np.sum(10.0 + x * x - 10.0 * np.cos(angle))
            return float(value), 2.0 * x + 20.0 * np.pi * np.sin(angle)
        root = np.sqrt(np.abs(x))
        sine = np.sin(root)
        return float(np.sum(418.9829 - x * sine)), -sine - 0.5 * root * np.cos(root)
