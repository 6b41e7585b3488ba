"""Exponential and logarithm without branches, so that loops over them vectorise; within two units in the last place.

The library's take one number at a time, which was most of the time of elimination by logarithms.
"""

import math

import numpy as np

from llcommon.seam import OPTIONS, njit

# Multiplications and additions may become one, nothing is reordered.
_FUSED = {"fastmath": {"contract"}, **OPTIONS}
_ROUNDING = 1.5 * 2.0**52  # added to a number, it leaves the nearest integer in the last bits
_PER_LOG_2 = 1.0 / math.log(2.0)
# ln 2 in two parts, the first of them with so few digits that its multiples are exact.
_LOG_2 = float.fromhex("0x1.62e42fefa0000p-1")
_LOG_2_REST = float.fromhex("0x1.cf79abc9e3b39p-40")
_ONE = 1023 << 52  # bits of 1
_HALF_ROOT = 0x3FE6A09E667F3BCD  # bits of the root of 1/2
_LEAST = -700.0


@njit(**_FUSED)
def exponential(x):
    """e^x of x <= 700; e^-700 of anything lower."""
    x = x if x > _LEAST else _LEAST
    shifted = x * _PER_LOG_2 + _ROUNDING
    power = shifted - _ROUNDING
    r = (x - power * _LOG_2) - power * _LOG_2_REST
    value = 1.0 / 6227020800.0
    value = value * r + 1.0 / 479001600.0
    value = value * r + 1.0 / 39916800.0
    value = value * r + 1.0 / 3628800.0
    value = value * r + 1.0 / 362880.0
    value = value * r + 1.0 / 40320.0
    value = value * r + 1.0 / 5040.0
    value = value * r + 1.0 / 720.0
    value = value * r + 1.0 / 120.0
    value = value * r + 1.0 / 24.0
    value = value * r + 1.0 / 6.0
    value = value * r + 0.5
    value = value * r + 1.0
    value = value * r + 1.0
    scale = np.int64((np.float64(shifted).view(np.int64) << 52) + _ONE)
    return value * scale.view(np.float64)


@njit(**_FUSED)
def logarithm(x):
    """ln x of a normal positive number."""
    bits = np.float64(x).view(np.int64)
    power = (bits - _HALF_ROOT) >> 52
    f = np.int64(bits - (power << 52)).view(np.float64) - 1.0
    # ln (1 + f) = 2 artanh s
    s = f / (2.0 + f)
    z = s * s
    value = 1.0 / 21.0
    value = value * z + 1.0 / 19.0
    value = value * z + 1.0 / 17.0
    value = value * z + 1.0 / 15.0
    value = value * z + 1.0 / 13.0
    value = value * z + 1.0 / 11.0
    value = value * z + 1.0 / 9.0
    value = value * z + 1.0 / 7.0
    value = value * z + 1.0 / 5.0
    value = value * z + 1.0 / 3.0
    value = 2.0 * s + 2.0 * s * z * value
    return power * _LOG_2 + (value + power * _LOG_2_REST)
