"""Naive twins of the local searches: definitions in loops, and SciPy where it has the method."""

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import null_space
from scipy.optimize import minimize


def upper_cholesky(matrix) -> np.ndarray | None:
    """U with matrix = U^T U, or None if the matrix is not positive definite."""
    try:
        return np.linalg.cholesky(matrix).T
    except np.linalg.LinAlgError:
        return None


def minimum_near(value_and_gradient, x) -> tuple[float, np.ndarray]:
    """Loss and place (N,) of the minimum that SciPy's BFGS, then L-BFGS-B, reach from x."""
    first = minimize(value_and_gradient, x, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 5000})
    second = minimize(
        value_and_gradient,
        first.x,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-11, "ftol": 0.0, "maxiter": 5000, "maxfun": 50000, "maxcor": 30},
    )
    best = min((first, second), key=lambda result: result.fun)
    return float(best.fun), best.x


def spectrum_without(hessian, modes) -> np.ndarray:
    """Eigenvalues, ascending, of a Hessian within the space that is orthogonal to the modes (rows)."""
    basis = null_space(modes) if len(modes) else np.eye(len(hessian))
    return np.linalg.eigvalsh(basis.T @ hessian @ basis)


def tangent(before, here, after, losses) -> np.ndarray:
    """Improved tangent of Henkelman and Jonsson, eqs. 8 to 11: x and losses of three images in a row."""
    forward = after - here
    backward = here - before
    low, middle, high = losses
    if low < middle < high:
        along = forward
    elif low > middle > high:
        along = backward
    else:
        steps = [abs(high - middle), abs(low - middle)]
        if high > low:
            along = forward * max(steps) + backward * min(steps)
        else:
            along = forward * min(steps) + backward * max(steps)
    return along / np.linalg.norm(along)


def band_gradient(images, gradients, losses, spring) -> np.ndarray:
    """Doubly nudged gradient of all images, zero at both ends; only opposing parts of the springs removed."""
    out = np.zeros_like(images)
    for i in range(1, len(images) - 1):
        along = tangent(*images[i - 1 : i + 2], losses[i - 1 : i + 2])
        true_across = gradients[i] - (gradients[i] @ along) * along
        forward = images[i + 1] - images[i]
        backward = images[i] - images[i - 1]
        spring_gradient = spring * (backward - forward)
        spring_along = -spring * (np.linalg.norm(forward) - np.linalg.norm(backward)) * along
        spring_across = spring_gradient - (spring_gradient @ along) * along
        size = np.linalg.norm(true_across)
        if size > 0.0:
            unit = true_across / size
            if spring_across @ unit < 0.0:
                spring_across = spring_across - (spring_across @ unit) * unit
        out[i] = true_across + spring_along + spring_across
    return out


def gradient_flow(gradient, start, time, rtol=1e-9):
    """SciPy's solution of dx/dt = -gradient(x) from start (N,) until `time`, or until the gradient dies out.

    An implicit method: minima with soft and stiff directions make the flow stiff.
    """

    def died_out(_, x):
        return np.linalg.norm(gradient(x)) - 1e-6

    died_out.terminal = True
    return solve_ivp(
        lambda _, x: -gradient(x), (0.0, time), start, method="LSODA", rtol=rtol, atol=1e-11, events=died_out
    )


def polyline_distance(point, line) -> float:
    """Distance of a point (N,) from the polygon through the rows of line."""
    nearest = math.inf
    for a, b in zip(line[:-1], line[1:], strict=True):
        edge = b - a
        square = edge @ edge
        share = 0.0 if square == 0.0 else min(1.0, max(0.0, (point - a) @ edge / square))
        nearest = min(nearest, float(np.linalg.norm(point - a - share * edge)))
    return nearest
