"""Analytic surfaces in few dimensions whose stationary points are known: teaching, tests, demonstrations.

    mueller-brown    L = sum_k A_k exp(a_k dx_k^2 + b_k dx_k dy_k + c_k dy_k^2) over four terms, where
                     dx_k = x - X_k and dy_k = y - Y_k; 3 minima, 2 saddles
                     (Mueller and Brown, Theoretica Chimica Acta 53, 75, 1979)
    six-hump-camel   L = (4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2
                     (Dixon and Szego, Towards Global Optimisation 2, 1978); 6 minima, 7 saddles, 2 maxima
    himmelblau       L = (x^2 + y - 11)^2 + (x + y^2 - 7)^2
                     (Himmelblau, Applied Nonlinear Programming, 1972); 4 minima, 4 saddles, 1 maximum
    double-well      L = (x_0^2 - 1)^2 + (k / 2) sum_{i > 0} x_i^2 in any dimension; 2 minima, 1 saddle

The point symmetry of the camel and the double well is not declared: both members of a pair of
minima count, as they do in the literature. All surfaces are dimensionless. `lower` and `upper` put a box
around any of them: then there are minima on its sides and corners too.

Packing: integers = which surface; reals = k (double well only); workspace = N + N^2 numbers.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from llcommon.config import setting
from llcommon.losses._surface import ManyParameters, ManySurface, Surface
from llcommon.seam import OPTIONS, hessian_kernel, hessian_vector_kernel, loss_kernel

_MUELLER_BROWN = 0
_SIX_HUMP_CAMEL = 1
_HIMMELBLAU = 2
_DOUBLE_WELL = 3

# A, a, b, c, X, Y of the four terms of the Mueller-Brown surface.
_MUELLER_BROWN_TERMS = (
    (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
    (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
    (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
    (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
)


# --- kernels: value, gradient and, unless `hessian` is empty, the Hessian -------------------------


@njit(**OPTIONS)
def _mueller_brown(x, gradient, hessian):
    value = 0.0
    gradient[:] = 0.0
    hessian[:] = 0.0
    for height, a, b, c, centre_x, centre_y in _MUELLER_BROWN_TERMS:
        dx = x[0] - centre_x
        dy = x[1] - centre_y
        term = height * np.exp(a * dx * dx + b * dx * dy + c * dy * dy)
        slope_x = 2.0 * a * dx + b * dy
        slope_y = b * dx + 2.0 * c * dy
        value += term
        gradient[0] += term * slope_x
        gradient[1] += term * slope_y
        if hessian.size > 0:
            hessian[0, 0] += term * (slope_x * slope_x + 2.0 * a)
            hessian[0, 1] += term * (slope_x * slope_y + b)
            hessian[1, 1] += term * (slope_y * slope_y + 2.0 * c)
    if hessian.size > 0:
        hessian[1, 0] = hessian[0, 1]
    return value


@njit(**OPTIONS)
def _six_hump_camel(point, gradient, hessian):
    x = point[0]
    y = point[1]
    xx = x * x
    yy = y * y
    gradient[0] = x * (8.0 + xx * (2.0 * xx - 8.4)) + y
    gradient[1] = x + y * (16.0 * yy - 8.0)
    if hessian.size > 0:
        hessian[0, 0] = 8.0 + xx * (10.0 * xx - 25.2)
        hessian[0, 1] = 1.0
        hessian[1, 0] = 1.0
        hessian[1, 1] = 48.0 * yy - 8.0
    return (4.0 + xx * (xx / 3.0 - 2.1)) * xx + x * y + (4.0 * yy - 4.0) * yy


@njit(**OPTIONS)
def _himmelblau(point, gradient, hessian):
    x = point[0]
    y = point[1]
    first = x * x + y - 11.0
    second = x + y * y - 7.0
    gradient[0] = 4.0 * x * first + 2.0 * second
    gradient[1] = 2.0 * first + 4.0 * y * second
    if hessian.size > 0:
        hessian[0, 0] = 4.0 * first + 8.0 * x * x + 2.0
        hessian[0, 1] = 4.0 * (x + y)
        hessian[1, 0] = hessian[0, 1]
        hessian[1, 1] = 4.0 * second + 8.0 * y * y + 2.0
    return first * first + second * second


@njit(**OPTIONS)
def _double_well(x, gradient, hessian, stiffness):
    excess = x[0] * x[0] - 1.0
    value = excess * excess
    gradient[0] = 4.0 * x[0] * excess
    for i in range(1, x.size):
        value += 0.5 * stiffness * x[i] * x[i]
        gradient[i] = stiffness * x[i]
    if hessian.size > 0:
        hessian[:] = 0.0
        hessian[0, 0] = 12.0 * x[0] * x[0] - 4.0
        for i in range(1, x.size):
            hessian[i, i] = stiffness
    return value


@njit(**OPTIONS)
def _evaluate(x, gradient, hessian, reals, integers):
    surface = integers[0]
    if surface == _MUELLER_BROWN:
        return _mueller_brown(x, gradient, hessian)
    if surface == _SIX_HUMP_CAMEL:
        return _six_hump_camel(x, gradient, hessian)
    if surface == _HIMMELBLAU:
        return _himmelblau(x, gradient, hessian)
    return _double_well(x, gradient, hessian, reals[0])


@loss_kernel
def surface_kernel(x, gradient, reals, integers, work):
    """Loss and gradient of the surface that `integers` names."""
    return _evaluate(x, gradient, work[:0].reshape(0, 0), reals, integers)


@hessian_kernel
def surface_hessian(x, hessian, reals, integers, work):
    """Dense Hessian of the surface that `integers` names."""
    _evaluate(x, work[: x.size], hessian, reals, integers)


@hessian_vector_kernel
def surface_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product, by way of the dense Hessian."""
    n = x.size
    hessian = work[n : n + n * n].reshape(n, n)
    _evaluate(x, work[:n], hessian, reals, integers)
    for i in range(n):
        out[i] = 0.0
        for j in range(n):
            out[i] += hessian[i, j] * v[j]


# --- models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DoubleWellParameters(ManyParameters):
    """The `[loss]` table of a double well."""

    stiffness: float = setting(1.0, help="curvature k of all coordinates but the first", above=0.0)


class _Dense:
    """Kernels of the surfaces of this file, whose products go by way of the dense Hessian."""

    _kernels = (surface_kernel, surface_hessian, surface_hessian_vector)

    def _scratch(self) -> int:
        return self.dimension * (1 + self.dimension)


def _points(*rows: tuple[float, float, float, int]) -> list[tuple[np.ndarray, float, int]]:
    """Known points from rows (x, y, loss, index)."""
    return [(np.array([x, y]), loss, index) for x, y, loss, index in rows]


def _with_images(points: list[tuple[np.ndarray, float, int]]) -> list[tuple[np.ndarray, float, int]]:
    """The points, each followed by its inversion image."""
    return [(sign * x, loss, index) for x, loss, index in points for sign in (1.0, -1.0)]


class MuellerBrown(_Dense, Surface):
    """The Mueller-Brown surface; see the module's docstring."""

    name = "mueller-brown"
    suggested_step = 0.5
    suggested_temperature = 20.0
    _surface = _MUELLER_BROWN
    _region = ((-1.5, 1.2), (-0.2, 2.0))

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """Newton's method in 50 digits."""
        return _points(
            (-0.55822363463302428, 1.44172584180466866, -146.69951720995401370, 0),
            (0.62349940493087651, 0.02803775852868567, -108.16672411685235499, 0),
            (-0.05001082299820606, 0.46669410487197209, -80.76781812965902816, 0),
            (0.21248658200066201, 0.29298832510736777, -72.24894011232521151, 1),
            (-0.82200155873273210, 0.62431280281487136, -40.66484350865740429, 1),
        )


class SixHumpCamel(_Dense, Surface):
    """The six-hump camel back; see the module's docstring."""

    name = "six-hump-camel"
    suggested_step = 1.0
    suggested_temperature = 1.0
    _surface = _SIX_HUMP_CAMEL
    _region = ((-2.0, 2.0), (-1.2, 1.2))

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """Newton's method in 50 digits."""
        pairs = _points(
            (0.08984201310031806, -0.71265640302073963, -1.03162845348987735, 0),
            (1.70360671496998085, -0.79608356867262512, -0.21546382438371764, 0),
            (1.60710475292019723, 0.56865145488413137, 2.10425031031125827, 0),
            (1.10920533680478645, -0.76826809250953984, 0.54371860097818514, 1),
            (1.63806798418977856, 0.22867406904439407, 2.22935719753071472, 1),
            (1.29607026716710918, 0.60508438803865850, 2.22947081802985992, 1),
            (1.23022987651665263, 0.16233458445899497, 2.49629535102357693, 2),
        )
        return [*_with_images(pairs), (np.zeros(2), 0.0, 1)]


class Himmelblau(_Dense, Surface):
    """Himmelblau's function; see the module's docstring."""

    name = "himmelblau"
    suggested_step = 3.0
    suggested_temperature = 20.0
    _surface = _HIMMELBLAU
    _region = ((-5.0, 5.0), (-5.0, 5.0))

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """Newton's method in 50 digits."""
        return _points(
            (3.0, 2.0, 0.0, 0),
            (3.58442834033049174, -1.84812652696440355, 0.0, 0),
            (-3.77931025337774689, -3.28318599128616941, 0.0, 0),
            (-2.80511808695274485, 3.13131251825057297, 0.0, 0),
            (3.38515418360702094, 0.07385187983774929, 13.31192627040558989, 1),
            (0.08667750455539635, 2.88425470117477611, 67.71915008752614023, 1),
            (-3.07302575076438961, -0.08135304428796751, 104.01516291755810586, 1),
            (-0.12796134673068007, -1.95371498024457643, 178.33723920192745998, 1),
            (-0.27084459066734761, -0.92303855647998146, 181.61652152258270404, 2),
        )


class DoubleWell(_Dense, ManySurface):
    """Two wells along the first coordinate, harmonic along the others; see the module's docstring."""

    name = "double-well"
    Parameters = DoubleWellParameters
    suggested_step = 1.5
    suggested_temperature = 1.0
    _surface = _DOUBLE_WELL
    _interval = (-2.0, 2.0)

    def _constants(self) -> np.ndarray:
        return np.array([self.parameters.stiffness])

    def _stationary_points(self) -> list[tuple[np.ndarray, float, int]]:
        """The minima at x_0 = +-1 and the saddle between them."""
        minimum = np.zeros(self.dimension)
        minimum[0] = 1.0
        return [(minimum, 0.0, 0), (-minimum, 0.0, 0), (np.zeros(self.dimension), 1.0, 1)]
