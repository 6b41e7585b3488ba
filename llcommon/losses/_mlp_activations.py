"""Activations of hidden units, compiled: value, slope and curvature, stable for arguments of any size.

    tanh; logistic s(z) = 1 / (1 + exp(-z)); softplus ln(1 + exp(z)); relu max(0, z); sine sin(z);
    gelu z P(z), P the normal distribution function (Hendrycks and Gimpel, arXiv:1606.08415, the exact form);
    silu z s(z)   (Elfwing, Uchibe and Doya, Neural Networks 107, 3, 2018)
"""

import math

from numba import njit

from llcommon.losses._mlp_kernels import _EXACT, LOGISTIC, TANH, _exp, _tanh
from llcommon.seam import I8, SUMMING, VECTOR, linked, types

SOFTPLUS = 2
RELU = 3
SINE = 4
GELU = 5
SILU = 6

_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)
_NO_DENSITY = 37.5  # the normal density beyond is below the smallest number


@njit(**_EXACT)
def sigmoid(z):
    """1 / (1 + exp(-z)), with all digits in both tails."""
    power = _exp(-abs(z))
    return (1.0 if z >= 0.0 else power) / (1.0 + power)


@njit(**_EXACT)
def softplus(z):
    """ln(1 + exp(z))."""
    return max(z, 0.0) + math.log1p(_exp(-abs(z)))


@njit(**_EXACT)
def _tanh_and_derivatives(z):
    value = _tanh(z)
    slope = 1.0 - value * value
    return value, slope, -2.0 * value * slope


@njit(**_EXACT)
def _logistic_and_derivatives(z):
    value = sigmoid(z)
    below_one = sigmoid(-z)
    return value, value * below_one, value * below_one * (below_one - value)


@njit(**_EXACT)
def _softplus_and_derivatives(z):
    slope = sigmoid(z)
    return softplus(z), slope, slope * sigmoid(-z)


@njit(**_EXACT)
def _relu_and_derivatives(z):
    return 0.0 if z < 0.0 else z, 1.0 if z > 0.0 else 0.0, 0.0  # NaN stays


@njit(**_EXACT)
def _gelu_and_derivatives(z):
    share = 0.5 * math.erfc(-_ROOT_HALF * z)
    near = _NO_DENSITY if z > _NO_DENSITY else z
    near = -_NO_DENSITY if near < -_NO_DENSITY else near
    density = _DENSITY_AT_ZERO * _exp(-0.5 * near * near)
    return z * share, share + near * density, density * (2.0 - near * near)


@njit(**_EXACT)
def _silu_and_derivatives(z):
    up = sigmoid(z)
    down = sigmoid(-z)
    return z * up, up * (1.0 + z * down), up * down * (2.0 + z * (down - up))


@njit(types.void(VECTOR, I8, VECTOR, types.boolean, VECTOR), **SUMMING)
def activate(a, activation, slope, second, curvature):
    """a (any number of arguments z) becomes f(z), slope f'(z) and, with `second`, curvature f''(z)."""
    for i in range(a.size):
        if activation == TANH:
            value, first, bend = _tanh_and_derivatives(a[i])
        elif activation == LOGISTIC:
            value, first, bend = _logistic_and_derivatives(a[i])
        elif activation == SOFTPLUS:
            value, first, bend = _softplus_and_derivatives(a[i])
        elif activation == RELU:
            value, first, bend = _relu_and_derivatives(a[i])
        elif activation == SINE:
            value, first, bend = math.sin(a[i]), math.cos(a[i]), -math.sin(a[i])
        elif activation == GELU:
            value, first, bend = _gelu_and_derivatives(a[i])
        else:
            value, first, bend = _silu_and_derivatives(a[i])
        a[i] = value
        slope[i] = first
        if second:
            curvature[i] = bend


activate_linked = linked(activate)
