"""Naive twins of the local searches: definitions in loops, and SciPy where it has the method."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import null_space
from scipy.optimize import brentq, minimize


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


def band_gradient(images, gradients, losses, springs, double=True, climber=0) -> np.ndarray:
    """Nudged gradient of all images, zero at both ends.

    springs: a force constant for each gap, or one for all. double: the part of the spring force across the band stays
    too, unless it works against the true gradient. climber: the image that climbs, 0 for none.
    """
    out = np.zeros_like(images)
    springs = np.broadcast_to(springs, len(images) - 1)
    for i in range(1, len(images) - 1):
        along = tangent(*images[i - 1 : i + 2], losses[i - 1 : i + 2])
        if i == climber:
            reflection = np.eye(along.size) - 2.0 * np.outer(along, along)
            out[i] = reflection @ gradients[i]
            continue
        true_across = gradients[i] - (gradients[i] @ along) * along
        forward = images[i + 1] - images[i]
        backward = images[i] - images[i - 1]
        spring_along = springs[i - 1] * np.linalg.norm(backward) - springs[i] * np.linalg.norm(forward)
        out[i] = true_across + spring_along * along
        if not double:
            continue
        spring_gradient = springs[i - 1] * backward - springs[i] * forward
        spring_across = spring_gradient - (spring_gradient @ along) * along
        size = np.linalg.norm(true_across)
        if size > 0.0:
            unit = true_across / size
            if spring_across @ unit < 0.0:
                spring_across = spring_across - (spring_across @ unit) * unit
        out[i] += spring_across
    return out


def adjusted_springs(images, springs) -> np.ndarray:
    """Springs of gaps longer than 1.1 of the mean times 1.05, at most 100 times the softest; the others as before."""
    gaps = [np.linalg.norm(after - before) for before, after in zip(images[:-1], images[1:], strict=True)]
    found = np.array(springs)
    for i, gap in enumerate(gaps):
        if gap > 1.1 * np.mean(gaps):
            found[i] = min(1.05 * springs[i], 100.0 * min(springs))
    return found


def mode_to_climb(values, vectors, previous) -> int:
    """Number of the eigenvector (rows) most like `previous`, positive curvature only if there is no other."""
    allowed = [i for i in range(len(values)) if values[i] < 0.0] or range(len(values))
    return max(allowed, key=lambda i: abs(vectors[i] @ previous))


def turned(start, end, fraction) -> np.ndarray:
    """`start` turned in the plane of both towards `end` by this fraction of their angle, its length in proportion."""
    first, second = start / np.linalg.norm(start), end / np.linalg.norm(end)
    across = second - (second @ first) * first
    angle = math.atan2(np.linalg.norm(across), first @ second)
    across /= np.linalg.norm(across)
    length = (1.0 - fraction) * np.linalg.norm(start) + fraction * np.linalg.norm(end)
    return length * (math.cos(fraction * angle) * first + math.sin(fraction * angle) * across)


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


def minimum_in_box(value_and_gradient, x, lower, upper) -> tuple[float, np.ndarray]:
    """Loss and place (N,) of the minimum in a box that SciPy's TNC reaches from x."""
    result = minimize(
        value_and_gradient,
        x,
        jac=True,
        method="TNC",
        bounds=list(zip(lower, upper, strict=True)),
        options={"gtol": 1e-12, "ftol": 0.0, "xtol": 0.0, "maxfun": 5000},
    )
    return float(result.fun), result.x


@dataclass(frozen=True)
class Stationary:
    """A stationary point in a box: its place, loss, number of negative curvatures, and the bounds that hold it."""

    x: np.ndarray
    loss: float
    index: int
    active: list[int]


def stationary_on_the_sides(value_and_gradient, lower, upper, cells=4000) -> list[Stationary]:
    """All stationary points on the sides and corners of a box in two dimensions.

    Along each side the zeros of the slope, between neighbouring points of a grid where its sign changes; they count if
    the loss falls outwards, as it must at a corner along both coordinates.
    """
    found = []
    for held, side in itertools.product((0, 1), (-1, 1)):
        free = 1 - held

        def point(t, held=held, free=free, side=side):
            x = np.empty(2)
            x[held] = lower[held] if side < 0 else upper[held]
            x[free] = t
            return x

        def slope(t, point=point, free=free):
            return float(value_and_gradient(point(t))[1][free])

        grid = np.linspace(lower[free], upper[free], cells)
        slopes = [slope(t) for t in grid]
        for i in np.flatnonzero(np.diff(np.sign(slopes))):
            x = point(brentq(slope, grid[i], grid[i + 1], xtol=1e-14, rtol=1e-14))
            loss, gradient = value_and_gradient(x)
            if side * gradient[held] < 0.0:
                active = [0, 0]
                active[held] = side
                found.append(Stationary(x, loss, int(slopes[i] > 0.0), active))
    for active in itertools.product((-1, 1), repeat=2):
        x = np.where(np.array(active) < 0, lower, upper)
        loss, gradient = value_and_gradient(x)
        if (np.array(active) * gradient < 0.0).all():
            found.append(Stationary(x, loss, 0, list(active)))
    return found


def stationary_in_the_box(known_points, value_and_gradient, lower, upper) -> list[Stationary]:
    """All stationary points of a boxed surface: the known free ones, (x, loss, index), and those on its sides.

    Errors: AssertionError if minima - saddles + maxima is not 1, as it is on every box.
    """
    found = [Stationary(x, loss, index, [0, 0]) for x, loss, index in known_points]
    found += stationary_on_the_sides(value_and_gradient, lower, upper)
    assert sum((-1) ** point.index for point in found) == 1
    return found


def projector_off(rows) -> np.ndarray:
    """The matrix that takes components along orthonormal rows out."""
    rows = np.asarray(rows)
    return np.eye(rows.shape[1]) - rows.T @ rows


# RODAS in the form of textbooks (Hairer and Wanner, Solving ODE II, ch. IV.7): nothing of the compiled form is used but
# its coefficients, here turned back by alpha = A G and gamma = G^-1, G = (diag(1/g) - C)^-1.
RODAS_GAMMA = 0.25
RODAS_A = [
    [],
    [1.544],
    [0.9466785280815826, 0.2557011698983284],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0],
]
RODAS_C = [
    [],
    [-5.6688],
    [-2.430093356833875, -0.2063599157091915],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
]


def rodas_step(gradient, hessian, x, time):
    """(x after one step of dx/dt = -gradient, length of the difference to the embedded solution)."""
    stages = 6
    a, c = np.zeros((stages, stages)), np.zeros((stages, stages))
    for i in range(stages):
        a[i, :i] = RODAS_A[i]
        c[i, :i] = RODAS_C[i]
    inverse = np.eye(stages) / RODAS_GAMMA - c
    gamma = np.linalg.inv(inverse)
    alpha = a @ gamma
    weights = np.append(a[-1, :-1], 1.0) @ gamma
    embedded = a[-1] @ gamma
    k = np.zeros((stages, x.size))
    for i in range(stages):
        place = x + time * alpha[i] @ k
        right = -gradient(place) - time * hessian @ (gamma[i, :i] @ k[:i])
        k[i] = np.linalg.solve(np.eye(x.size) + RODAS_GAMMA * time * hessian, right)
    return x + time * weights @ k, time * np.linalg.norm((weights - embedded) @ k)
