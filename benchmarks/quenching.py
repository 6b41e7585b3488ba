"""The tasks `quench` and `startup`."""

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import environment, ours, pairs, processes, scipy_numpy, table
from benchmarks import problem as problems
from benchmarks import suite as original
from benchmarks.options import Options

_QUENCHES_PER_ROUND = 20
_STEPS = 100


def _check_our_quench(problem: problems.Problem, found: ours.Measured) -> None:
    """Where our quench ended the NumPy loss has the same value, and the gradient asked for.

    Raises AssertionError otherwise.
    """
    value, gradient = scipy_numpy.NumpyLoss(problem)(found.x)
    rms = np.sqrt(gradient @ gradient / problem.dimension)
    if abs(value - found.loss) > 1e-12 or rms > 1.000001e-6:
        raise AssertionError(f"our quench: {found.loss:.13f}; NumPy: {value:.13f}, gradient {rms:.2e}")


def quench(options: Options) -> table.Result:
    """CPU seconds of one quench to a root mean square gradient of 1e-6.

    GMIN: its whole process over the quenches of a walk. SciPy and ours: the same starts for both, of the
    kind a walk makes, mean over a round.
    """
    suite = environment.prepare()
    problem = problems.iris()
    minima = pairs.gmin_minima(suite, problem)

    def starts(number: int) -> list[np.ndarray]:
        return problems.hops(minima, _QUENCHES_PER_ROUND, seed=number)

    def gmin(updates: int):
        def measure(number: int) -> float:
            found = original.gmin_basin_hopping(suite, problem, _STEPS, updates, seed=number + 1)
            pairs.check_same_problem(problem, found)
            return found.seconds / found.quenches

        return measure

    def scipy(memory: int):
        def measure(number: int) -> float:
            quenches = [scipy_numpy.quench(problem, start, memory=memory) for start in starts(number)]
            if max(found.rms for found in quenches) > 1e-6:
                raise AssertionError("a SciPy quench stopped above the gradient asked for")
            return statistics.mean(found.seconds for found in quenches)

        return measure

    def house(number: int) -> float:
        quenches = [ours.quench(problem, start) for start in starts(number)]
        for found in quenches:
            _check_our_quench(problem, found)
        return statistics.mean(found.seconds for found in quenches)

    ours.quench(problem, minima[0])  # loads compiled code
    measures = {f"GMIN, UPDATES {updates}": gmin(updates) for updates in (4, 10, 100)}
    measures |= {f"SciPy L-BFGS-B + NumPy, maxcor {memory}": scipy(memory) for memory in (10, 20)}
    measures["ours"] = house
    rows = table.compare("quench, iris 4-10-3, CPU", table.interleaved(measures, options.repeats))
    return table.Result(rows, [])


def startup(options: Options) -> table.Result:
    """CPU seconds of the shortest thing a program can be asked for, as a process."""
    suite = environment.prepare()
    problem = problems.xor()

    def gmin(number: int) -> float:
        return original.gmin_basin_hopping(suite, problem, steps=0, updates=10, seed=number + 1).seconds

    def imports(number: int) -> float:
        with tempfile.TemporaryDirectory() as name:
            return processes.run([sys.executable, "-c", "import numpy, scipy.optimize"], Path(name)).seconds

    measures = {"GMIN, one quench of XOR": gmin, "python: import NumPy, SciPy": imports}
    measures["ours"] = lambda number: ours.startup()
    rows = table.compare("llgmin --help, CPU", table.interleaved(measures, options.repeats))
    return table.Result(rows, [])
