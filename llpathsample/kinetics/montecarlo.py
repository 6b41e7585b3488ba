"""Kinetic Monte Carlo from B to A: an independent check of first-passage times (A. B. Bortz, M. H. Kalos, J. L.
Lebowitz, J. Comput. Phys. 17, 10, 1975; D. T. Gillespie, J. Comput. Phys. 22, 403, 1976)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from llcommon.rng import generator
from llcommon.status import Status
from llcommon.superposition import log_sums
from llpathsample.kinetics._trajectories import first_passages
from llpathsample.kinetics.passage import Chain


@dataclass(frozen=True)
class Simulated:
    """log_unit: ln of the unit of times. times: (N,) first-passage times of those that came to A. steps: (N,) of all.
    status: CONVERGED, or STEP_LIMIT if some did not arrive: nothing is averaged then."""

    log_unit: float
    times: np.ndarray
    steps: np.ndarray
    status: Status

    @property
    def mean(self) -> float:
        """Mean time, in the unit; NaN unless all arrived."""
        return float(self.times.mean()) if self.status == Status.CONVERGED else float("nan")

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN unless all arrived, and of a single one."""
        if self.status != Status.CONVERGED or len(self.times) < 2:
            return float("nan")
        return float(self.times.std(ddof=1) / np.sqrt(len(self.times)))


def simulate(chain: Chain, log_unit: float, number: int, seed: int, most: int, jobs: int = 1) -> Simulated:
    """`number` trajectories, of at most `most` steps each. They depend on the seed and on nothing else.

    log_unit: ln of the unit of times, such as the mean. jobs: threads.
    """
    size = len(chain.minima)
    tails = np.concatenate([chain.pairs[:, 0], chain.pairs[:, 1]])
    heads = np.concatenate([chain.pairs[:, 1], chain.pairs[:, 0]])
    flow = np.tile(chain.log_flow, 2)
    inside = tails < size
    tails, heads, flow = tails[inside], heads[inside], flow[inside]
    order = np.lexsort((heads, -flow, tails))  # the likely steps first
    tails, heads, flow = tails[order], np.ascontiguousarray(heads[order]), flow[order]
    totals = log_sums(flow, tails, size)
    places = np.concatenate([[0], np.cumsum(np.bincount(tails, minlength=size))]).astype(np.int64)
    chances = np.exp(flow - totals[tails])
    sums = np.cumsum(chances)
    before = np.concatenate([[0.0], sums])[places[:-1]]
    cumulative = sums - np.repeat(before, np.diff(places))
    with np.errstate(under="ignore"):
        waits = np.exp(chain.log_weights - totals - log_unit)
    starts = np.cumsum(np.exp(chain.log_start))
    seeds = generator(seed, "kinetic Monte Carlo").integers(0, 2**64, number, dtype=np.uint64)
    times, steps = np.empty(number), np.empty(number, dtype=np.int64)

    def run(part: slice) -> None:
        first_passages(places, heads, cumulative, waits, starts, seeds[part], most, times[part], steps[part])

    bounds = np.linspace(0, number, jobs + 1).astype(int).tolist()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, [slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False) if a < b]))
    arrived = times >= 0.0
    arrived &= steps < most
    status = Status.CONVERGED if arrived.all() else Status.STEP_LIMIT
    return Simulated(log_unit, times[arrived], steps, status)
