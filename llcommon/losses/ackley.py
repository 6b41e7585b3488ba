"""Ackley's function in any number of dimensions: a bowl full of egg-box minima, with a cusp at its bottom.

    L = -20 exp(-0.2 r) - exp(c) + 20 + e,   r = sqrt(sum_i x_i^2 / N),   c = sum_i cos(2 pi x_i) / N

(Ackley, A Connectionist Machine for Genetic Hillclimbing, Kluwer 1987), in [-32.768, 32.768] unless told otherwise.

Deliberately not smooth: the global minimum, L = 0 at the origin, is the tip of a cone of slope 4 / sqrt(N) in all
directions. The gradient that the kernel returns there is zero, which the subgradients of the tip hold, and the Hessian
is that of exp(c) alone. Beside it the gradient does not become small: quenches run down to the tip, to rounding, and
end there with the status no-descent, which a search counts as failed and does not store. All other stationary points
are ordinary ones; the lowest that a search keeps are those next to the tip, L = 2.5799 in two dimensions.

The permutations and signs of the coordinates are not declared as symmetry: all minima count. Dimensionless.

Packing: no reals, integers or workspace. The Hessian is a diagonal and two matrices of rank one.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from llcommon.config import setting
from llcommon.losses._surface import BOUND_HELP, BoxedSurface, ManyParameters
from llcommon.seam import OPTIONS, hessian_kernel, hessian_vector_kernel, loss_kernel

_HEIGHT = 20.0
_DECAY = 0.2
_TURN = 2.0 * np.pi


# --- kernels --------------------------------------------------------------------------------------


@njit(**OPTIONS)
def _radius_and_wave(x):
    """r, and exp(c)."""
    squares = 0.0
    cosines = 0.0
    for i in range(x.size):
        squares += x[i] * x[i]
        cosines += np.cos(_TURN * x[i])
    return np.sqrt(squares / x.size), np.exp(cosines / x.size)


@njit(**OPTIONS)
def _factors(x):
    """Of the Hessian diag(bowl + wave_diagonal cos(2 pi x_i)) - radial x x^T - wave s s^T, with s_i = sin(2 pi x_i)."""
    radius, wave = _radius_and_wave(x)
    turn = _TURN / x.size
    bowl = 0.0
    radial = 0.0
    if radius > 0.0:
        slope = _HEIGHT * _DECAY * np.exp(-_DECAY * radius)
        bowl = slope / (x.size * radius)
        radial = bowl * (1.0 / radius + _DECAY) / (x.size * radius)
    return bowl, radial, wave * turn * _TURN, wave * turn * turn


@loss_kernel
def ackley_kernel(x, gradient, reals, integers, work):
    """Loss and gradient."""
    radius, wave = _radius_and_wave(x)
    bowl = _HEIGHT * np.exp(-_DECAY * radius)
    pull = 0.0
    if radius > 0.0:
        pull = _DECAY * bowl / (x.size * radius)
    push = wave * _TURN / x.size
    for i in range(x.size):
        gradient[i] = pull * x[i] + push * np.sin(_TURN * x[i])
    return (_HEIGHT - bowl) + (np.e - wave)


@hessian_kernel
def ackley_hessian(x, hessian, reals, integers, work):
    """Dense Hessian."""
    bowl, radial, wave_diagonal, wave = _factors(x)
    for i in range(x.size):
        sine = np.sin(_TURN * x[i])
        for j in range(i):
            hessian[i, j] = -radial * (x[i] * x[j]) - wave * (sine * np.sin(_TURN * x[j]))
            hessian[j, i] = hessian[i, j]
        diagonal = bowl + wave_diagonal * np.cos(_TURN * x[i])
        hessian[i, i] = diagonal - radial * (x[i] * x[i]) - wave * (sine * sine)


@hessian_vector_kernel
def ackley_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product, from the diagonal and the two vectors of the matrices of rank one."""
    bowl, radial, wave_diagonal, wave = _factors(x)
    along = 0.0
    across = 0.0
    for i in range(x.size):
        along += x[i] * v[i]
        across += np.sin(_TURN * x[i]) * v[i]
    for i in range(x.size):
        angle = _TURN * x[i]
        diagonal = bowl + wave_diagonal * np.cos(angle)
        out[i] = diagonal * v[i] - radial * along * x[i] - wave * across * np.sin(angle)


# --- model ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AckleyParameters(ManyParameters):
    """The `[loss]` table of Ackley's function."""

    lower: list[float] = setting([-32.768], help=f"lower {BOUND_HELP}")
    upper: list[float] = setting([32.768], help=f"upper {BOUND_HELP}")


class Ackley(BoxedSurface):
    """Ackley's function; see the module's docstring."""

    name = "ackley"
    Parameters = AckleyParameters
    smooth = False
    suggested_step = 3.0
    suggested_temperature = 0.5
    _kernels = (ackley_kernel, ackley_hessian, ackley_hessian_vector)

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """The tip, and by Newton's method in 50 digits the nearest points on a diagonal, and in a plane on the axes."""
        diagonal = np.ones(self.dimension)
        points = [
            (np.zeros(self.dimension), 0.0, 0),
            (0.96847765870772438 * diagonal, 3.57445187725768007, 0),
            (0.67309652011073770 * diagonal, 4.60893240189021937, self.dimension),
        ]
        if self.dimension == 2:
            for axis in (*np.eye(2), *-np.eye(2)):
                points.append((0.95216654595017167 * axis, 2.57992755702987225, 0))
                points.append((0.62578061685646380 * axis, 3.25246924511318042, 1))
        return points
