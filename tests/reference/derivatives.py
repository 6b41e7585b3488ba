"""Derivatives of a scalar function of a vector that shares nothing with formulas for them."""

import numpy as np

_COMPLEX_STEP = 1e-30
_REAL_STEP = 1e-4


def _slope(function, x, v):
    """Derivative of a function along v by central differences of fourth order."""
    near = function(x + _REAL_STEP * v) - function(x - _REAL_STEP * v)
    far = function(x + 2.0 * _REAL_STEP * v) - function(x - 2.0 * _REAL_STEP * v)
    return (8.0 * near - far) / (12.0 * _REAL_STEP)


def gradient(function, x) -> np.ndarray:
    """Gradient (N,) by complex steps: no subtraction, so exact to rounding. `function` takes complex x."""
    out = np.empty(len(x))
    for i in range(len(x)):
        shifted = np.array(x, dtype=complex)
        shifted[i] += 1j * _COMPLEX_STEP
        out[i] = function(shifted).imag / _COMPLEX_STEP
    return out


def hessian_vector(function, x, v) -> np.ndarray:
    """Hessian times v, (N,), by differences of the complex-step gradient: about eleven digits."""
    return _slope(lambda at: gradient(function, at), x, v)


def hessian(function, x) -> np.ndarray:
    """Hessian (N, N), column by column."""
    return np.column_stack([hessian_vector(function, x, unit) for unit in np.eye(len(x))])


def differences_of_value(function, x) -> np.ndarray:
    """Gradient (N,) by differences of a real function: about eleven digits."""
    return np.array([_slope(function, x, unit) for unit in np.eye(len(x))])


def differences_of_gradient(gradient_of, x) -> np.ndarray:
    """Hessian (N, N) by differences of a gradient function: about eleven digits."""
    return np.column_stack([_slope(gradient_of, x, unit) for unit in np.eye(len(x))])
