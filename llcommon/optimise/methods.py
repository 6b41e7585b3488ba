"""The methods of `[quench] method` by name, each called in one way.

    auto               chosen by size and bounds; see `quench.Quencher`
    lbfgs, bfgs        limited-memory and full quasi-Newton
    newton             on the dense Hessian from the start
    truncated-newton   on Hessian-vector products from the start
    conjugate-gradient Hager and Zhang
    fire               damped dynamics
    lbfgs-b            SciPy's L-BFGS-B; knows bounds, but no longest step
    sgd                gradient descent with momentum, on all data: a landscape has no mini-batches
    adam               Adam, on all data

Newton and truncated-newton go to the rounding floor by themselves. The fast ones hand over to the exact finish near
`rms`, fire at `sloppy_rms`. Sgd and adam, which take about 10^5 and 10^4 steps to get there on iris, hand over at
COARSE_RMS, after some 4000 steps each. A method that meets its limit of steps hands over what it has: the finish
converges from there or says by its status that it did not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.box import box
from llcommon.settings import QuenchSettings

# Gradient at which sgd and adam leave the rest to the exact finish.
COARSE_RMS = 1e-4
COARSE = ("sgd", "adam")
# Methods that end at the rounding floor themselves.
EXACT = ("newton", "truncated-newton")
# Methods that converge fast enough to go on below sloppy_rms.
FAST = ("lbfgs", "bfgs", "conjugate-gradient", "lbfgs-b", "projected")
# Methods that know bounds; auto takes `projected` for a model that has them.
BOUNDED = ("projected", "lbfgs-b")
# Pairs of the preconditioner of truncated-newton.
PRECONDITIONER = 20

_LEARNING_RATE = {"sgd": 0.1, "adam": 0.01, "fire": 0.1}


@dataclass(frozen=True)
class Setup:
    """What a method is called with. lower, upper: the box, (N,).

    rate: learning rate, or first time step; momentum: of sgd and adam; the rest as in `[quench]`.
    """

    model: LossModel
    lower: np.ndarray
    upper: np.ndarray
    memory: int
    rate: float
    momentum: float
    maximum_step: float
    iterations: int
    radius: float


def setup_for(method: str, model: LossModel, settings: QuenchSettings, memory: int, maximum_step: float) -> Setup:
    """The constant arguments of `method` for one model."""
    rate = settings.learning_rate or _LEARNING_RATE.get(method, 0.0)
    lower, upper = box(model)
    return Setup(
        model, lower, upper, memory, rate, settings.momentum, maximum_step,
        settings.maximum_iterations, settings.radius,
    )  # fmt: skip


# Each takes (setup, x, gradient, tolerance), moves x, (N,), in place, and returns (status, loss, rms, evaluations,
# Hessians). Loading a compiled algorithm takes 10 to 30 ms, so each is imported where it is used.


def _lbfgs(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.lbfgs import lbfgs

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *lbfgs(model.kernel, *model.packed, x, gradient, tolerance, setup.memory, *limits), 0


def _bfgs(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.bfgs import bfgs

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *bfgs(model.kernel, *model.packed, x, gradient, tolerance, *limits), 0


def _conjugate_gradient(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.conjugate import conjugate_gradient

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *conjugate_gradient(model.kernel, *model.packed, x, gradient, tolerance, *limits), 0


def _fire(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.fire import fire

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *fire(model.kernel, *model.packed, x, gradient, tolerance, setup.rate, *limits), 0


def _sgd(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.sgd import sgd

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *sgd(model.kernel, *model.packed, x, gradient, tolerance, setup.rate, setup.momentum, *limits), 0


def _adam(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.adam import adam

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    return *adam(model.kernel, *model.packed, x, gradient, tolerance, setup.rate, setup.momentum, *limits), 0


def _projected(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.projected import projected_lbfgs

    model = setup.model
    limits = (setup.maximum_step, setup.iterations, setup.radius)
    start = (model.kernel, *model.packed, setup.lower, setup.upper, x, gradient)
    return *projected_lbfgs(*start, tolerance, setup.memory, *limits), 0


def _lbfgs_b(setup: Setup, x, gradient, tolerance):
    from llcommon.optimise.lbfgsb import lbfgs_b

    model = setup.model
    start = (model.kernel, *model.packed, setup.lower, setup.upper, x, gradient)
    return *lbfgs_b(*start, tolerance, setup.memory, setup.iterations, setup.radius), 0


def _newton(setup: Setup, x, gradient, tolerance):
    return newton_from(setup, x, gradient, tolerance, setup.model.zero_modes(x), setup.iterations)


def _truncated_newton(setup: Setup, x, gradient, tolerance):
    return truncated_newton_from(setup, x, gradient, tolerance, setup.model.zero_modes(x))


def newton_from(setup: Setup, x, gradient, tolerance: float, frozen, steps: int) -> tuple:
    """Newton on the dense Hessian beside the rows of `frozen`, (number, N), of at most so many steps."""
    from llcommon.optimise.newton import newton

    model = setup.model
    start = (model.kernel, model.hessian_kernel, *model.hessian_packed(), frozen, setup.lower, setup.upper, x, gradient)
    return newton(*start, tolerance, setup.maximum_step, steps, setup.radius)


def truncated_newton_from(setup: Setup, x, gradient, tolerance: float, frozen) -> tuple:
    """Truncated Newton beside the rows of `frozen`, (number, N)."""
    from llcommon.optimise.truncated import truncated_newton

    model = setup.model
    start = (model.kernel, model.hessian_vector_kernel, *model.packed, frozen, setup.lower, setup.upper, x, gradient)
    return *truncated_newton(*start, tolerance, PRECONDITIONER, setup.maximum_step, setup.iterations, setup.radius), 0


METHODS: dict[str, Callable] = {
    "lbfgs": _lbfgs,
    "bfgs": _bfgs,
    "newton": _newton,
    "truncated-newton": _truncated_newton,
    "conjugate-gradient": _conjugate_gradient,
    "fire": _fire,
    "lbfgs-b": _lbfgs_b,
    "sgd": _sgd,
    "adam": _adam,
    "projected": _projected,
}
