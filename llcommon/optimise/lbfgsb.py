"""SciPy's L-BFGS-B (Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16, 1190, 1995) on a compiled loss.

Its line search knows no longest step: it may leave the basin that it started in, where `projected_lbfgs` stays.
"""

import math

import numpy as np

from llcommon.optimise.projected import split
from llcommon.optimise.vectors import rms
from llcommon.status import Status


class _Watched:
    """A loss for SciPy that keeps what the stopping rule asks for; it holds the point evaluated last."""

    def __init__(self, kernel, packed, lower, upper, size: int) -> None:
        self.kernel = kernel
        self.packed = packed
        self.box = (lower, upper)
        self.point = np.empty(size)
        self.gradient = np.empty(size)
        self.loss = math.nan
        self.evaluations = 0
        self._reduced = np.empty(size)
        self._held = np.zeros(size, dtype=np.int64)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.point[:] = x
        self.loss = self.kernel(self.point, self.gradient, *self.packed)
        self.evaluations += 1
        return self.loss, self.gradient.copy()

    def rms(self) -> float:
        """Root mean square of the free part of the gradient at the last point."""
        split(self.point, self.gradient, *self.box, self._reduced, self._held)
        return rms(self._reduced)


def lbfgs_b(
    kernel, reals, integers, workspace, lower, upper, x, gradient, tolerance, memory, iterations, radius
) -> tuple[int, float, float, int]:
    """As `projected_lbfgs`, without a longest step."""
    from scipy.optimize import minimize

    np.clip(x, lower, upper, out=x)
    watched = _Watched(kernel, (reals, integers, workspace), lower, upper, x.size)
    stopped = Status.NO_DESCENT

    def look(intermediate_result) -> None:
        nonlocal stopped
        if not np.array_equal(intermediate_result.x, watched.point):
            watched(intermediate_result.x)
        if watched.rms() <= tolerance:
            stopped = Status.CONVERGED
            raise StopIteration
        if not math.isfinite(watched.loss):
            stopped = Status.NOT_FINITE
            raise StopIteration
        if np.linalg.norm(watched.point) > radius:
            stopped = Status.LEFT_RADIUS
            raise StopIteration

    options = {"maxcor": memory, "maxiter": iterations, "maxfun": 20 * iterations, "ftol": 0.0, "gtol": 0.0}
    bounds = np.column_stack([lower, upper])
    result = minimize(watched, x, jac=True, method="L-BFGS-B", bounds=bounds, callback=look, options=options)
    if not np.array_equal(result.x, watched.point):
        watched(result.x)
    x[:] = watched.point
    gradient[:] = watched.gradient
    size = watched.rms()
    if not (math.isfinite(watched.loss) and math.isfinite(size)):
        stopped = Status.NOT_FINITE
    elif size <= tolerance:
        stopped = Status.CONVERGED
    elif stopped is Status.NO_DESCENT and result.nit >= iterations:
        stopped = Status.STEP_LIMIT
    return int(stopped), watched.loss, size, watched.evaluations
