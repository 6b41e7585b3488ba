"""Rosenbrock's function in any number of dimensions: one long curved valley.

    L = sum_{i < N} 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2

(Rosenbrock, The Computer Journal 3, 175, 1960, in two dimensions). The global minimum is L = 0 at all x_i = 1. Up to
three dimensions it is the only stationary point; from four on there is another minimum near (-1, 1, ..., 1), and
saddles (Kok and Sandrock, Evolutionary Computation 17, 437, 2009). No symmetry. Dimensionless.

Packing: no reals, integers or workspace. The Hessian is tridiagonal.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from llcommon.config import setting
from llcommon.losses._surface import ManyParameters, ManySurface
from llcommon.seam import OPTIONS, hessian_kernel, hessian_vector_kernel, loss_kernel

_STIFFNESS = 100.0


# --- kernels --------------------------------------------------------------------------------------


@loss_kernel
def rosenbrock_kernel(x, gradient, reals, integers, work):
    """Loss and gradient."""
    value = 0.0
    gradient[0] = 0.0
    for i in range(x.size - 1):
        beside = x[i + 1] - x[i] * x[i]
        short = 1.0 - x[i]
        value += _STIFFNESS * beside * beside + short * short
        gradient[i] -= 4.0 * _STIFFNESS * x[i] * beside + 2.0 * short
        gradient[i + 1] = 2.0 * _STIFFNESS * beside
    return value


@njit(**OPTIONS)
def _diagonal(x, i):
    diagonal = 0.0
    if i > 0:
        diagonal += 2.0 * _STIFFNESS
    if i < x.size - 1:
        diagonal += 2.0 + 4.0 * _STIFFNESS * (3.0 * x[i] * x[i] - x[i + 1])
    return diagonal


@hessian_kernel
def rosenbrock_hessian(x, hessian, reals, integers, work):
    """Dense Hessian."""
    hessian[:] = 0.0
    for i in range(x.size):
        hessian[i, i] = _diagonal(x, i)
        if i > 0:
            hessian[i, i - 1] = -4.0 * _STIFFNESS * x[i - 1]
            hessian[i - 1, i] = hessian[i, i - 1]


@hessian_vector_kernel
def rosenbrock_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product, along the three diagonals."""
    for i in range(x.size):
        total = _diagonal(x, i) * v[i]
        if i > 0:
            total -= 4.0 * _STIFFNESS * x[i - 1] * v[i - 1]
        if i < x.size - 1:
            total -= 4.0 * _STIFFNESS * x[i] * v[i + 1]
        out[i] = total


# --- model ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RosenbrockParameters(ManyParameters):
    """The `[loss]` table of Rosenbrock's function."""

    dimension: int = setting(2, help="number of coordinates", minimum=2, maximum=1000)


class Rosenbrock(ManySurface):
    """Rosenbrock's function; see the module's docstring."""

    name = "rosenbrock"
    Parameters = RosenbrockParameters
    suggested_step = 1.0
    suggested_temperature = 1.0
    _kernels = (rosenbrock_kernel, rosenbrock_hessian, rosenbrock_hessian_vector)
    _interval = (-2.048, 2.048)

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """The global minimum, in four dimensions also the other two; Newton's method in 50 digits."""
        points = [(np.ones(self.dimension), 0.0, 0)]
        if self.dimension == 4:
            minimum = [-0.77565922656535262, 0.61309336548504346, 0.38206284633839315, 0.14597201855219461]
            saddle = [-0.65612463571944590, 0.44312004097157237, 0.20431224822836433, 0.04174349477612876]
            points.append((np.array(minimum), 3.70142861043001730, 0))
            points.append((np.array(saddle), 3.70824199664726151, 1))
        return points
