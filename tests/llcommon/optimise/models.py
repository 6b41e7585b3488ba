"""Loss models of the tests of the local searches, which only ever see the seam."""

import math

import numpy as np

from llcommon.losses import build
from llcommon.losses.base import LossModel
from llcommon.seam import hessian_kernel, loss_kernel
from llcommon.settings import QuenchSettings
from tests.llcommon.losses.cases import table


@loss_kernel
def rosenbrock_kernel(x, gradient, reals, integers, workspace):
    """sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; the workspace keeps every point that is evaluated.

    workspace[0] counts them; those that fit follow, each with its loss behind it.
    """
    n = x.size
    gradient[:] = 0.0
    loss = 0.0
    for i in range(n - 1):
        bend = x[i + 1] - x[i] * x[i]
        loss += 100.0 * bend * bend + (1.0 - x[i]) ** 2
        gradient[i] += -400.0 * bend * x[i] - 2.0 * (1.0 - x[i])
        gradient[i + 1] += 200.0 * bend
    place = 1 + int(workspace[0]) * (n + 1)
    if place + n < workspace.size:
        workspace[place : place + n] = x
        workspace[place + n] = loss
    workspace[0] += 1.0
    return loss


@hessian_kernel
def rosenbrock_hessian(x, hessian, reals, integers, workspace):
    """Second derivatives of rosenbrock_kernel."""
    hessian[:] = 0.0
    for i in range(x.size - 1):
        hessian[i, i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        hessian[i, i + 1] += -400.0 * x[i]
        hessian[i + 1, i] += -400.0 * x[i]
        hessian[i + 1, i + 1] += 200.0


@loss_kernel
def awkward_kernel(x, gradient, reals, integers, workspace):
    """integers[0] chooses: a slope without end, NaN, a slope that ends in infinity, x^4 + y^2, sum x - ln x."""
    kind = integers[0]
    gradient[:] = 0.0
    gradient[0] = 1.0
    if kind == 1:
        return math.nan
    if kind == 2:
        return math.inf if x[0] < -1.0 else x[0]
    if kind == 3:
        gradient[0] = 4.0 * x[0] ** 3
        gradient[1] = 2.0 * x[1]
        return x[0] ** 4 + x[1] ** 2
    if kind == 4:
        loss = 0.0
        for i in range(x.size):
            gradient[i] = 1.0 - 1.0 / x[i]
            loss += x[i] - math.log(x[i]) if x[i] > 0.0 else math.nan
        return loss
    return x[0]


@hessian_kernel
def awkward_hessian(x, hessian, reals, integers, workspace):
    """Second derivatives of awkward_kernel."""
    hessian[:] = 0.0
    if integers[0] == 3:
        hessian[0, 0] = 12.0 * x[0] ** 2
        hessian[1, 1] = 2.0
    if integers[0] == 4:
        for i in range(x.size):
            hessian[i, i] = 1.0 / x[i] ** 2


class Rosenbrock(LossModel):
    """The valley of Rosenbrock in N dimensions; minimum 0 at (1, .., 1)."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.kernel = rosenbrock_kernel
        self.hessian_kernel = rosenbrock_hessian
        self.reals = np.empty(0)
        self.integers = np.zeros(1, dtype=np.int64)
        self.workspace = np.zeros(1 + 4000 * (dimension + 1))

    def evaluated(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (k, N) and losses (k,) in the order of evaluation since the last `forget`."""
        width = self.dimension + 1
        rows = self.workspace[1 : 1 + int(self.workspace[0]) * width].reshape(-1, width)
        return rows[:, :-1].copy(), rows[:, -1].copy()

    def forget(self) -> None:
        self.workspace[0] = 0.0


class Awkward(LossModel):
    """What a quench must not choke on; see awkward_kernel."""

    SLOPE, NAN, TO_INFINITY, QUARTIC, BARRIER = range(5)

    def __init__(self, kind: int, dimension: int = 2) -> None:
        self.dimension = dimension
        self.kernel = awkward_kernel
        self.hessian_kernel = awkward_hessian
        self.reals = np.empty(0)
        self.integers = np.array([kind], dtype=np.int64)
        self.workspace = np.zeros(1)


def settings(**values) -> QuenchSettings:
    """[quench] with the values given."""
    return QuenchSettings(**values)


SURFACES = ("mueller-brown", "six-hump-camel", "himmelblau", "double-well")


def known(model: LossModel, index: int) -> list[tuple[np.ndarray, float]]:
    """(x, loss) of the known stationary points of this index."""
    return [(x, loss) for x, loss, points_index in model.known_points() if points_index == index]


def small_mlp(hidden=(3,), rows=40, features=2, seed=0, **parameters) -> LossModel:
    """A network on two overlapping clouds of points, which no network separates by a straight line."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    inputs = rng.normal(0.0, 1.0, (rows, features)) + 0.6 * labels[:, None]
    return build("mlp", {"hidden": list(hidden), **parameters}, table(inputs, labels=labels.tolist()))


def separable() -> LossModel:
    """No hidden units, no L2 term, and two clouds that a line separates: the loss falls for ever."""
    rows = [[-1.0, 0.3], [-1.5, -1.0], [-0.8, 0.0], [1.0, 0.1], [2.0, -0.7]]
    return build("mlp", {"hidden": [], "lambda": 0.0}, table(rows, labels=[0, 0, 0, 1, 1]))
