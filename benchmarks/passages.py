"""The task `passages`: fastest paths, distributions of first-passage times, kinetic Monte Carlo, groups of minima."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks import table
from benchmarks.kineticnetworks import network, sets
from benchmarks.options import Options
from benchmarks.progress import say
from llpathsample.grouping import free_energy_groups
from llpathsample.kinetics.montecarlo import simulate
from llpathsample.kinetics.passage import absorbing_chain, moments, reduced_chain, spectrum
from llpathsample.kinetics.paths import fastest_paths
from llpathsample.kinetics.propagation import propagate

_MEMBERS = 10  # of A and of B
_KINDS = ("random", "geometric")
_NOBODY = np.empty(0, dtype=np.int64)


def passages(options: Options) -> table.Result:
    """CPU seconds of a call from the network's arrays."""
    figures = []

    def measure(task: str, quantity: str, call: Callable[[], object]) -> None:
        say(f"{task}, {quantity}")
        seconds = []
        for _ in range(options.repeats):
            begin = time.process_time()
            call()
            seconds.append(time.process_time() - begin)
        figures.append(
            table.Figure(f"passages, {task}", quantity, "CPU", table.duration(statistics.median(seconds)), "")
        )

    small = network("random", 100)
    fastest_paths(small, 1.0, *sets(small, 2), 3, returning=True)  # compiled code is loaded
    for kind in _KINDS:
        for count, most in ((1000, 5), (1000, 100), (10_000, 5)):
            net = network(kind, count)
            a, b = sets(net, _MEMBERS)
            name = f"{most} paths and k_SS, {kind}, {count}"
            measure("fastest paths", name, lambda net=net, a=a, b=b, most=most: fastest_paths(net, 1.0, a, b, most))
        net = network(kind, 1000)
        a, b = sets(net, _MEMBERS)
        name = f"5 paths by returns, {kind}, 1000, T = 0.3"
        measure(
            "fastest paths", name, lambda net=net, a=a, b=b: fastest_paths(net, 0.3, a, b, 5, returning=True)
        )
        for temperature in (1.0, 0.1):
            chain = absorbing_chain(net, temperature, a, b)
            exact = moments(chain)
            name = f"{kind}, 1000, T = {temperature:g}"
            measure("spectrum", name, lambda chain=chain, exact=exact: spectrum(chain, exact))
            measure("matrix powers", name, lambda chain=chain, exact=exact: propagate(chain, exact))
        large = network(kind, 10_000)
        chain = absorbing_chain(large, 1.0, *sets(large, _MEMBERS))
        exact = moments(chain)
        measure("10 000 minima reduced to 1000", kind, lambda chain=chain: reduced_chain(chain, 1000))
        measure(
            "kinetic Monte Carlo", f"1000 trajectories of at most 10 000 steps, {kind}, 10 000",
            lambda chain=chain, exact=exact: simulate(chain, exact.log_mean, 1000, 1, 10_000),
        )  # fmt: skip
        net = network(kind, 100_000)
        measure("groups", f"{kind}, 100 000", lambda net=net: free_energy_groups(net, 1.0, 2.0, _NOBODY, _NOBODY))
    return table.Result([], figures)
