"""The kernels of the MLP against plain NumPy and against the matrix products they cannot do without.

Three networks of one tanh layer: iris 4-10-3, wine 13-20-3, digits 64-32-10. Ours are called as the searches
call them, from compiled code; NumPy's are vectorised functions of the same coordinates, compared with ours
before anything is measured. "Its products" is the time of a kernel's matrix products at the rate that dgemm reaches
in the same round on matrices of 1024 x 1024 (`np.dot`, the best of several): the ratio of such a row is the share of
that rate. Counted are the multiplications and additions of the products only, in the formulation that needs the fewest:

    loss and gradient   forward, gradient and back-propagated error of each layer
    Hessian             (a_i a_j, i <= j) by (Q_uv, u <= v) for the pairs of a layer with itself, (a_i a'_j) by (Q_uv)
                        for two layers, each over all rows of data; a: inputs of a layer with the bias, Q: curvatures
                        of pairs of its units. What it takes to form them is not counted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine

from benchmarks import ours, table
from benchmarks.curvature import NumpyCurvature
from benchmarks.options import Options
from benchmarks.problem import Problem
from benchmarks.progress import say
from benchmarks.scipy_numpy import NumpyLoss
from llcommon.seam import F8, HESSIAN, HESSIAN_VECTOR, I8, KERNEL, MATRIX, PACKED, VECTOR, algorithm, types

_SQUARE = 1024
_ROUND_SECONDS = 0.1


@algorithm(F8, KERNEL, VECTOR, VECTOR, *PACKED, I8)
def repeat_kernel(kernel, x, gradient, reals, integers, workspace, times):
    total = 0.0
    for _ in range(times):
        total += kernel(x, gradient, reals, integers, workspace)
    return total


@algorithm(types.void, HESSIAN, VECTOR, MATRIX, *PACKED, I8)
def repeat_hessian(kernel, x, hessian, reals, integers, workspace, times):
    for _ in range(times):
        kernel(x, hessian, reals, integers, workspace)


@algorithm(types.void, HESSIAN_VECTOR, VECTOR, VECTOR, VECTOR, *PACKED, I8)
def repeat_hessian_vector(kernel, x, v, out, reals, integers, workspace, times):
    for _ in range(times):
        kernel(x, v, out, reals, integers, workspace)


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of the matrix products of a network of one hidden layer."""

    gradient: float
    hessian: float


def flops(problem: Problem) -> Flops:
    """What the module's docstring counts."""
    rows = problem.classes.size
    units, outputs = problem.hidden, problem.outputs
    inputs, inner = problem.inputs + 1, units + 1
    gradient = 2 * inputs * units + 2 * inner * outputs + units * outputs
    pairs = inputs * (inputs + 1) // 2 * (units * (units + 1) // 2)
    pairs += inner * (inner + 1) // 2 * (outputs * (outputs + 1) // 2)
    mixed = inputs * inner * units * outputs
    return Flops(2.0 * rows * gradient, 2.0 * rows * (pairs + mixed))


def _problem(loader: Callable, hidden: int) -> Problem:
    """A data set of scikit-learn, standardised; a constant feature becomes zero."""
    data = loader()
    spread = data.data.std(axis=0)
    spread[spread == 0.0] = 1.0
    features = (data.data - data.data.mean(axis=0)) / spread
    classes = data.target.astype(np.int64)
    return Problem(features, classes, hidden=hidden, outputs=int(classes.max()) + 1, regularisation=1e-4)


def problems() -> dict[str, Problem]:
    """The networks by name."""
    return {
        "iris 4-10-3": _problem(load_iris, 10),
        "wine 13-20-3": _problem(load_wine, 20),
        "digits 64-32-10": _problem(load_digits, 32),
    }


def seconds_of(work: Callable[[int], object]) -> Callable[[int], float]:
    """CPU seconds of one time of `work(times)`, from as many times as make a round; the first call is not measured."""
    work(1)
    begin = time.process_time()
    work(1)
    once = max(time.process_time() - begin, 1e-6)
    begin = time.process_time()
    tenth = max(1, int(0.1 * _ROUND_SECONDS / once))
    work(tenth)
    once = max((time.process_time() - begin) / tenth, 1e-7)
    times = max(1, int(_ROUND_SECONDS / once))

    def measure(number: int) -> float:
        begin = time.process_time()
        work(times)
        return (time.process_time() - begin) / times

    return measure


def python_loop(function: Callable, *arguments) -> Callable[[int], None]:
    def work(times: int) -> None:
        for _ in range(times):
            function(*arguments)

    return work


def _dgemm_seconds_per_flop() -> Callable[[int], float]:
    """Seconds of one multiplication or addition at the rate of a large square product; best of five."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, _SQUARE, _SQUARE))
    out = np.empty((_SQUARE, _SQUARE))
    np.dot(a, b, out=out)

    def measure(number: int) -> float:
        best = float("inf")
        for _ in range(5):
            begin = time.process_time()
            np.dot(a, b, out=out)
            best = min(best, time.process_time() - begin)
        return best / (2.0 * _SQUARE**3)

    return measure


def check_same_kernels(problem: Problem, x: np.ndarray, v: np.ndarray) -> None:
    """Loss, gradient, product and Hessian of both sides agree to rounding; raises AssertionError otherwise."""
    model = ours.model_of(problem)
    curvature = NumpyCurvature(problem)
    value, gradient = NumpyLoss(problem)(x)
    our_value, our_gradient = model.value_and_gradient(x)
    pairs = {
        "loss": (our_value, value),
        "gradient": (our_gradient, gradient),
        "Hessian-vector product": (model.hessian_vector(x, v), curvature.product(x, v)),
        "Hessian": (model.hessian(x), curvature.hessian(x)),
    }
    for name, (found, expected) in pairs.items():
        error = np.abs(found - expected).max() / np.abs(expected).max()
        if error > 1e-12:
            raise AssertionError(f"{name}: ours and NumPy's differ by {error:.1e}")


def _measures(problem: Problem) -> dict[str, Callable[[int], float]]:
    """What is timed for one network."""
    x, v = np.random.default_rng(1).standard_normal((2, problem.dimension))
    check_same_kernels(problem, x, v)
    model = ours.model_of(problem)
    packed = model.hessian_packed()
    out = np.empty(problem.dimension)
    matrix = np.empty((problem.dimension, problem.dimension))
    curvature = NumpyCurvature(problem)
    return {
        "gradient, ours": seconds_of(lambda times: repeat_kernel(model.kernel, x, out, *packed, times)),
        "gradient, NumPy": seconds_of(python_loop(NumpyLoss(problem), x)),
        "product, ours": seconds_of(
            lambda times: repeat_hessian_vector(model.hessian_vector_kernel, x, v, out, *packed, times)
        ),
        "product, NumPy": seconds_of(python_loop(curvature.product, x, v)),
        "Hessian, ours": seconds_of(lambda times: repeat_hessian(model.hessian_kernel, x, matrix, *packed, times)),
        "Hessian, NumPy": seconds_of(python_loop(curvature.hessian, x)),
        "flop": _dgemm_seconds_per_flop(),
    }


def _rows(name: str, problem: Problem, results: dict[str, list[float]]) -> list[table.Row]:
    """The table's rows of one network."""
    counts = flops(problem)
    gradient = results["gradient, ours"]
    comparisons = {
        "loss and gradient": {
            "ours": gradient,
            "NumPy": results["gradient, NumPy"],
            "its products at dgemm rate": [counts.gradient * flop for flop in results["flop"]],
        },
        "Hessian-vector product": {
            "ours": results["product, ours"],
            "NumPy": results["product, NumPy"],
            "loss and gradient of ours": gradient,
        },
        "Hessian": {
            "ours": results["Hessian, ours"],
            "NumPy": results["Hessian, NumPy"],
            "its products at dgemm rate": [counts.hessian * flop for flop in results["flop"]],
            "loss and gradient of ours": gradient,
        },
    }
    rows = []
    for quantity, times in comparisons.items():
        rows += table.compare(f"{quantity}, {name}", times)
    return rows


def _targets(rows: list[table.Row]) -> list[table.Figure]:
    """What the project has set itself, of these rows."""
    products = "its products at dgemm rate"
    wanted = {
        ("loss and gradient, iris 4-10-3", "NumPy"): ("NumPy's time / ours", ">= 5", 1),
        ("loss and gradient, wine 13-20-3", "NumPy"): ("NumPy's time / ours", ">= 4", 1),
        ("loss and gradient, digits 64-32-10", products): ("share of dgemm rate", ">= 0.45", 1),
        ("Hessian, digits 64-32-10", products): ("time / that of its products at dgemm rate", "<= 3", -1),
    }
    figures = []
    for row in rows:
        if (row.task, row.peer_name) in wanted:
            quantity, target, power = wanted[row.task, row.peer_name]
            figures.append(table.Figure(row.task, table.OURS, quantity, table.three_figures(row.ratio**power), target))
    return figures


def kernels(options: Options) -> table.Result:
    """CPU seconds of one call of each kernel, medians over rounds in which all of them take turns."""
    rows = []
    for name, problem in problems().items():
        rows += _rows(name, problem, table.interleaved(_measures(problem), options.repeats))
        say(f"kernels: {name}")
    return table.Result(rows, _targets(rows))
