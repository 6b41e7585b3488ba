"""Sharpness-aware losses of perceptrons, compiled: the loss at the end of a step uphill.

    L(w) = L_S(w + rho u) + lambda |w|^2,   u = g / |g|,   g = grad L_S(w), of the data alone

(Foret, Kleiner, Mobahi and Neyshabur, ICLR 2021, equations 2 and 3, to first order). Its gradient is exact, with
b = grad L_S(w + rho u) and the Hessian H of L_S at w:   grad L = b + rho (du/dg H)^T b + 2 lambda w. It takes two
gradients and one Hessian-vector product of L_S.

Where g vanishes, u has no direction. Below |g| = floor it is the polynomial u = (15 - 10 t + 3 t^2) / 8 g / floor,
t = |g|^2 / floor^2, which joins g / |g| with two derivatives and is zero at g = 0: the loss is smooth, and has the
value of L_S itself at a stationary point of L_S.

Second derivatives would need third ones of L_S: they are fourth-order central differences of the exact gradient.
"""

import math

from numba import njit

from llcommon.losses._blas import vector
from llcommon.losses._mlp_columns import symmetrise
from llcommon.losses._mlp_general import WHOLE, data_hessian_vector, data_loss, general_workspace
from llcommon.losses._mlp_kernels import HEADER, _regularise
from llcommon.seam import OPTIONS, SUMMING, hessian_kernel, hessian_vector_kernel, loss_kernel

# Rounding leaves 1e-12 of a gradient of size one, the third derivative of the gradient is left out to the power four.
_STEP = 1e-4


@njit(**SUMMING)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(**OPTIONS)
def _direction(g, floor, u):
    """u from g, and the two factors of du/dg = first 1 + second g g^T."""
    size = math.sqrt(_dot(g, g))
    if size >= floor:
        first = 1.0 / size
        second = -first * first * first
    else:
        t = (size / floor) ** 2
        first = (15.0 - 10.0 * t + 3.0 * t * t) / (8.0 * floor)
        second = (6.0 * t - 10.0) / (4.0 * floor * floor * floor)
    for i in range(g.size):
        u[i] = first * g[i]
    return first, second


@njit(**WHOLE)
def _sharp_loss(x, gradient, reals, integers, work):
    """Loss and gradient without the L2 term. work: 4 N numbers more than the loss of the data needs."""
    n = x.size
    radius = reals[2]
    g = vector(work, 0, n)
    b = vector(work, n, n)
    point = vector(work, 2 * n, n)
    back = vector(work, 3 * n, n)
    rest = work[4 * n :]
    point[:] = x
    first = 0.0
    second = 0.0
    value = 0.0
    for turn in range(2):
        value = data_loss(point, b, reals, integers, rest)
        if turn == 0:
            g[:] = b
            first, second = _direction(g, reals[3], back)
            for i in range(n):
                point[i] += radius * back[i]
    along = second * _dot(g, b)
    for i in range(n):
        back[i] = radius * (first * b[i] + along * g[i])
    data_hessian_vector(x, back, gradient, reals, integers, rest)
    for i in range(n):
        gradient[i] += b[i]
    return value


@loss_kernel
def sharp_kernel(x, gradient, reals, integers, work):
    """Loss and gradient."""
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    value = _sharp_loss(x, gradient, reals, integers, work)
    return value + _regularise(x, gradient, reals[0], widths, layers, integers[4])


@njit(**WHOLE)
def _difference(x, v, out, reals, integers, work):
    """Hessian times v by differences, L2 term included. work: 2 N numbers more than the loss."""
    n = x.size
    layers = integers[1]
    point = vector(work, 0, n)
    gradient = vector(work, n, n)
    rest = work[2 * n :]
    length = math.sqrt(_dot(v, v))
    step = _STEP / length if length > 0.0 else 0.0
    share = 1.0 / (12.0 * step) if length > 0.0 else 0.0
    out[:] = 0.0
    for turn in range(4):
        # -2, -1, 1, 2 steps with the weights 1, -8, 8, -1.
        place = turn - 2 if turn < 2 else turn - 1
        weight = (1.0 if abs(place) == 2 else 8.0) * (1.0 if place in (-2, 1) else -1.0)
        for i in range(n):
            point[i] = x[i] + place * step * v[i]
        _sharp_loss(point, gradient, reals, integers, rest)
        for i in range(n):
            out[i] += weight * share * gradient[i]
    _regularise(v, out, reals[0], integers[HEADER : HEADER + layers + 1], layers, integers[4])


@hessian_vector_kernel
def sharp_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product by differences, good to about nine digits."""
    _difference(x, v, out, reals, integers, work)


@hessian_kernel
def sharp_hessian(x, hessian, reals, integers, work):
    """Dense Hessian by differences, column by column. work: N numbers more than the product."""
    n = x.size
    unit = vector(work, 0, n)
    unit[:] = 0.0
    for column in range(n):
        unit[column] = 1.0
        _difference(x, unit, hessian[column], reals, integers, work[n:])
        unit[column] = 0.0
    symmetrise(hessian)


def sharp_workspace(widths, rows, dimension):
    """The scratch (float64 count) of the Hessian-vector kernel, which is enough for the loss."""
    return 6 * dimension + general_workspace(widths, rows)
