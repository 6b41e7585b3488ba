"""Compare this house with its peers: `python benchmarks/run.py [quench] [connect] [startup]`.

Without arguments all three are run. All figures of a ratio are taken in one run, in turns, as medians.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# Before NumPy is loaded: one thread, as the peers have.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"

import tempfile  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks import environment, processes, scipy_numpy, table  # noqa: E402
from benchmarks import problem as problems  # noqa: E402
from benchmarks import suite as original  # noqa: E402

try:
    from benchmarks import ours
except ImportError as error:
    print(f"our side is left out: {error}", file=sys.stderr)
    ours = None

QUENCHES_PER_ROUND = 20
STEPS = 100
LOWEST_KNOWN = 0.02254296086


def our(name: str):
    """A function of our side, or None if it is not written yet."""
    return getattr(ours, name, None)


def check_same_problem(problem: problems.Problem, found: original.BasinHopping) -> None:
    """The NumPy loss of GMIN's coordinates is GMIN's energy to all ten digits it prints.

    Raises AssertionError otherwise: the programs would not be solving the same problem.
    """
    loss = scipy_numpy.NumpyLoss(problem)
    for printed, minimum in zip(found.losses, found.minima, strict=True):
        value, _ = loss(minimum)
        last_digit = 10.0 ** (np.floor(np.log10(printed)) - 9)
        if abs(value - printed) > 0.6 * last_digit:
            raise AssertionError(f"GMIN prints {printed:.11f} where the NumPy loss is {value:.13f}")


def check_our_quench(problem: problems.Problem, found) -> None:
    """Where our quench ended the NumPy loss has the same value, and the gradient asked for.

    Raises AssertionError otherwise.
    """
    value, gradient = scipy_numpy.NumpyLoss(problem)(found.x)
    rms = np.sqrt(gradient @ gradient / problem.dimension)
    if abs(value - found.loss) > 1e-12 or rms > 1.000001e-6:
        raise AssertionError(f"our quench: {found.loss:.13f}; NumPy: {value:.13f}, gradient {rms:.2e}")


def reference_minima(suite: environment.Suite, problem: problems.Problem) -> list[np.ndarray]:
    """Distinct minima in increasing loss, from one long GMIN walk that must reach the lowest loss known."""
    found = original.gmin_basin_hopping(suite, problem, steps=300, updates=100, seed=3, final_tolerance=1e-9)
    check_same_problem(problem, found)
    if abs(found.lowest - LOWEST_KNOWN) > 1e-10:
        raise AssertionError(f"GMIN's lowest loss is {found.lowest:.11f}, not {LOWEST_KNOWN}")
    return found.distinct()


def quench(suite: environment.Suite, repeats: int) -> list[table.Row]:
    """CPU seconds of one quench to a root mean square gradient of 1e-6.

    GMIN: its whole process over the quenches of a walk. SciPy and ours: the same starts for both, of the
    kind a walk makes, mean over a round.
    """
    problem = problems.iris()
    minima = reference_minima(suite, problem)

    def starts(number: int) -> list[np.ndarray]:
        return problems.hops(minima, QUENCHES_PER_ROUND, seed=number)

    def gmin(updates: int):
        def measure(number: int) -> float:
            found = original.gmin_basin_hopping(suite, problem, STEPS, updates, seed=number + 1)
            check_same_problem(problem, found)
            return found.seconds / found.quenches

        return measure

    def scipy(memory: int):
        def measure(number: int) -> float:
            quenches = [scipy_numpy.quench(problem, start, memory=memory) for start in starts(number)]
            if max(quench.rms for quench in quenches) > 1e-6:
                raise AssertionError("a SciPy quench stopped above the gradient asked for")
            return statistics.mean(quench.seconds for quench in quenches)

        return measure

    measures = {f"GMIN, UPDATES {updates}": gmin(updates) for updates in (4, 10, 100)}
    measures |= {f"SciPy L-BFGS-B + NumPy, maxcor {memory}": scipy(memory) for memory in (10, 20)}
    own = our("quench")
    if own:
        own(problem, minima[0])  # loads compiled code

        def house(number: int) -> float:
            quenches = [own(problem, start) for start in starts(number)]
            for found in quenches:
                check_our_quench(problem, found)
            return statistics.mean(found.seconds for found in quenches)

        measures["ours"] = house
    return table.compare("quench, iris 4-10-3", table.interleaved(measures, repeats))


def pairs_of(problem: problems.Problem, minima: list[np.ndarray], number: int) -> list[tuple]:
    """Pairs of minima, a lower one first, the other aligned onto it; drawn with a fixed seed."""
    rng = np.random.default_rng(0)
    chosen = []
    for _ in range(number):
        first, second = sorted(rng.choice(len(minima), size=2, replace=False))
        chosen.append((minima[first], problem.align(minima[first], minima[second])))
    return chosen


def connect(suite: environment.Suite, repeats: int) -> list[table.Row]:
    """CPU seconds of a pair (median) and of a TS (all seconds over all TS, distinct in each pair)."""
    problem = problems.iris()
    minima = reference_minima(suite, problem)
    pairs = pairs_of(problem, minima, 2 * repeats)
    outcomes: dict[str, list] = {}

    def measure(name: str, job):
        def of_pair(number: int) -> float:
            outcome = job(problem, *pairs[number])
            outcomes.setdefault(name, []).append(outcome)
            return outcome.seconds

        return of_pair

    def optim(settings: str):
        return lambda *arguments: original.optim_newconnect(suite, *arguments, settings=settings)

    measures = {}
    for settings in original.SETTINGS:
        name = f"OPTIM, {settings} settings"
        measures[name] = measure(name, optim(settings))
    own = our("connect")
    if own:
        own(problem, *pairs[0])  # loads compiled code
        measures["ours"] = measure("ours", own)
    results = table.interleaved(measures, len(pairs))
    rows = table.compare("connect, a pair", results)

    cost: dict[str, float] = {}
    for name, found in outcomes.items():
        total = sum(len(outcome.distinct) for outcome in found)
        joined = sum(outcome.connected for outcome in found)
        print(f"{name}: {joined} of {len(found)} pairs joined, {total} distinct verified transition states")
        cost[name] = sum(results[name]) / total if total else float("inf")
    for name in cost:
        if name != "ours":
            rows.append(table.Row("connect, a TS (mean)", name, cost.get("ours"), cost[name], len(pairs)))
    return rows


def startup(suite: environment.Suite, repeats: int) -> list[table.Row]:
    """CPU seconds of the shortest thing a program can be asked for, as a process."""
    problem = problems.xor()

    def gmin(number: int) -> float:
        return original.gmin_basin_hopping(suite, problem, steps=0, updates=10, seed=number + 1).seconds

    def imports(number: int) -> float:
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, "-c", "import numpy, scipy.optimize"]
            return processes.run(command, Path(name)).seconds

    measures = {"GMIN, one quench of XOR": gmin, "python: import NumPy, SciPy": imports}
    own = our("startup")
    if own:
        measures["ours"] = lambda number: own()
    return table.compare("startup", table.interleaved(measures, repeats))


TASKS = {"quench": quench, "connect": connect, "startup": startup}


def main() -> int:
    """Run the tasks named on the command line and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="task", help=", ".join(TASKS) + " (default: all)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (pairs: twice as many); default 5")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.tasks if name not in TASKS]
    if unknown:
        parser.error(f"unknown task {unknown[0]}: choose from {', '.join(TASKS)}")
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    try:
        suite = environment.prepare()
    except environment.PeersMissing as error:
        print(error, file=sys.stderr)
        return 3
    rows = []
    for name in arguments.tasks or TASKS:
        rows += TASKS[name](suite, arguments.repeats)
    print(table.text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
