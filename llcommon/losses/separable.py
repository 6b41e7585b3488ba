"""Analytic surfaces in any number of dimensions that are sums over coordinates: as many minima as one wants.

    rastrigin         L = sum_i 10 + x_i^2 - 10 cos(2 pi x_i), in [-5.12, 5.12] unless told otherwise
                      (Rastrigin, Systems of Extremal Control, Nauka, Moscow 1974); 11^N minima,
                      10 N 11^(N - 1) saddles of index one, each near integers and half-integers
    schwefel          L = sum_i 418.9829 - x_i sin(sqrt|x_i|), in [-500, 500] unless told otherwise
                      (Schwefel, Numerical Optimization of Computer Models, Wiley 1981); global minimum at
                      420.9687 for all i, far from the next best. The constant is the printed one, which
                      leaves 1.27e-5 N there.
    styblinski-tang   L = sum_i (x_i^4 - 16 x_i^2 + 5 x_i) / 2
                      (Styblinski and Tang, Neural Networks 3, 467, 1990); 2^N minima, N 2^(N - 1) saddles

A point is stationary if each coordinate is; its loss is the sum, its index the number of coordinates at a maximum.

Schwefel's function has traps. At x_i = 0 the slope vanishes as sqrt|x_i| does but the loss goes on falling: no
extremum, and the second derivative there runs to plus infinity from below and minus infinity from above. The Hessian
holds their mean, 0, at x_i = 0 itself, so that such a point is neither a verified minimum nor a verified saddle. At
the default lower bound -500 each coordinate has a minimum on the bound: with it there are 8 minima and 7 maxima a
coordinate, so 8^N minima. Outside of the box the function has no lower limit.

The permutations of the coordinates (and their signs, rastrigin) are not declared as symmetry: all minima count,
as they do in the literature. All surfaces are dimensionless.

Packing: integers = which surface; no reals and no workspace. The Hessian is diagonal.
"""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from llcommon.config import setting
from llcommon.losses._surface import BOUND_HELP, BoxedSurface, ManyParameters, ManySurface
from llcommon.seam import OPTIONS, hessian_kernel, hessian_vector_kernel, loss_kernel

_RASTRIGIN = 0
_SCHWEFEL = 1
_STYBLINSKI_TANG = 2

_TURN = 2.0 * np.pi
_SCHWEFEL_CONSTANT = 418.9829
_MOST_KNOWN_POINTS = 1000


# --- kernels: what one coordinate adds to the loss, its slope and its curvature -------------------


@njit(**OPTIONS)
def _value_and_slope(surface, x):
    if surface == _RASTRIGIN:
        angle = _TURN * x
        return 10.0 + x * x - 10.0 * np.cos(angle), 2.0 * x + 10.0 * _TURN * np.sin(angle)
    if surface == _SCHWEFEL:
        root = np.sqrt(np.abs(x))
        sine = np.sin(root)
        return _SCHWEFEL_CONSTANT - x * sine, -sine - 0.5 * root * np.cos(root)
    xx = x * x
    return 0.5 * x * (x * (xx - 16.0) + 5.0), x * (2.0 * xx - 16.0) + 2.5


@njit(**OPTIONS)
def _curvature(surface, x):
    if surface == _RASTRIGIN:
        return 2.0 + 10.0 * _TURN * _TURN * np.cos(_TURN * x)
    if surface == _SCHWEFEL:
        if x == 0.0:
            return 0.0
        root = np.sqrt(np.abs(x))
        return np.sign(x) * (0.25 * np.sin(root) - 0.75 * np.cos(root) / root)
    return 6.0 * x * x - 16.0


@loss_kernel
def separable_kernel(x, gradient, reals, integers, work):
    """Loss and gradient of the surface that `integers` names."""
    total = 0.0
    for i in range(x.size):
        value, slope = _value_and_slope(integers[0], x[i])
        total += value
        gradient[i] = slope
    return total


@hessian_kernel
def separable_hessian(x, hessian, reals, integers, work):
    """Dense Hessian of the surface that `integers` names: a diagonal."""
    hessian[:] = 0.0
    for i in range(x.size):
        hessian[i, i] = _curvature(integers[0], x[i])


@hessian_vector_kernel
def separable_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product, coordinate by coordinate."""
    for i in range(x.size):
        out[i] = _curvature(integers[0], x[i]) * v[i]


# --- models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RastriginParameters(ManyParameters):
    """The `[loss]` table of Rastrigin's function."""

    lower: list[float] = setting([-5.12], help=f"lower {BOUND_HELP}")
    upper: list[float] = setting([5.12], help=f"upper {BOUND_HELP}")


@dataclass(frozen=True)
class SchwefelParameters(ManyParameters):
    """The `[loss]` table of Schwefel's function."""

    lower: list[float] = setting([-500.0], help=f"lower {BOUND_HELP}")
    upper: list[float] = setting([500.0], help=f"upper {BOUND_HELP}")


class _Separable:
    """Kernels and known points of the surfaces of this file.

    Subclasses set `_stationary`: (x, loss, index) of the stationary points of one coordinate, the lowest first.
    """

    _kernels = (separable_kernel, separable_hessian, separable_hessian_vector)
    _stationary: ClassVar[tuple[tuple[float, float, int], ...]]

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """All if they are few; else the global minimum, and the points where only the first coordinate leaves it."""
        if len(self._stationary) ** self.dimension <= _MOST_KNOWN_POINTS:
            choices = itertools.product(self._stationary, repeat=self.dimension)
        else:
            others = (self._stationary[0],) * (self.dimension - 1)
            choices = ((first, *others) for first in self._stationary)
        points = []
        for choice in choices:
            x, losses, indices = zip(*choice, strict=True)
            points.append((np.array(x), float(np.sum(losses)), sum(indices)))
        return points


class Rastrigin(_Separable, BoxedSurface):
    """Rastrigin's function; see the module's docstring."""

    name = "rastrigin"
    Parameters = RastriginParameters
    suggested_step = 1.5
    suggested_temperature = 2.0
    _surface = _RASTRIGIN
    # Newton's method in 50 digits; each but the first with its mirror image, in the box [-5.12, 5.12].
    _positive = (
        (0.50254603655467463, 20.25127299099011299, 1),
        (0.99495863765233480, 0.99495905709329339, 0),
        (1.50764073187035838, 22.26145888480591947, 1),
        (1.98991223370854956, 3.97983119055408746, 0),
        (2.51274331820008491, 26.28184117751223125, 1),
        (2.98485570103948125, 8.95460124148701064, 0),
        (3.51785913817044085, 32.31244097726039505, 1),
        (3.97978386030075381, 15.91924379246153142, 0),
        (4.52299365958451877, 40.35329019383895560, 1),
        (4.97469139089505130, 24.87372293454222413, 0),
    )
    _stationary = (
        (0.0, 0.0, 0),
        *_positive,
        *((-x, loss, index) for x, loss, index in _positive),
    )


class Schwefel(_Separable, BoxedSurface):
    """Schwefel's function (2.26); see the module's docstring. Once differentiable at x_i = 0, smooth elsewhere."""

    name = "schwefel"
    Parameters = SchwefelParameters
    suggested_step = 150.0
    suggested_temperature = 100.0
    _surface = _SCHWEFEL
    # Newton's method in 50 digits; in the box [-500, 500]. Not those on its sides, nor x = 0, which is none.
    _stationary = (
        (420.96874635998202731, 0.00001272756629373, 0),
        (-302.52493561191178377, 118.43834734200418980, 0),
        (203.81425264889446279, 217.13968211813920784, 0),
        (-124.82935642021526899, 296.10672648608413947, 0),
        (65.54786509015154201, 355.34791804844554183, 0),
        (-25.87741734761868525, 394.89993977693166887, 0),
        (5.23919930019552463, 415.03759837471567444, 0),
        (-5.23919930019552463, 422.92820162528432556, 1),
        (25.87741734761868525, 443.06586022306833113, 1),
        (-65.54786509015154201, 482.61788195155445817, 1),
        (124.82935642021526899, 541.85907351391586053, 1),
        (-203.81425264889446279, 620.82611788186079216, 1),
        (302.52493561191178377, 719.52745265799581020, 1),
        (-420.96874635998202731, 837.96578727243370627, 1),
    )


class StyblinskiTang(_Separable, ManySurface):
    """The function of Styblinski and Tang; see the module's docstring."""

    name = "styblinski-tang"
    suggested_step = 4.0
    suggested_temperature = 10.0
    _surface = _STYBLINSKI_TANG
    _interval = (-5.0, 5.0)
    # Newton's method in 50 digits.
    _stationary = (
        (-2.90353402777117710, -39.16616570377141546, 0),
        (2.74680277099083699, -25.02944665528394261, 0),
        (0.15673125678034010, 0.19561235905535807, 1),
    )
