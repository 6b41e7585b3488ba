"""What the landscape of a posterior says before anything is integrated: how many fits compete, and how hard it is to
get from one to another."""

from dataclasses import dataclass, replace

import numpy as np

from llcommon.store import Landscape
from llpathsample.bayes.harmonic import Harmonic
from llpathsample.bayes.problem import Problem
from llpathsample.ktn import Network
from llpathsample.network import components
from llpathsample.structure.funnels import RATIOS, basins_of
from llpathsample.thermodynamics.frustration import frustration

FUNNEL_RATIO = 2.0  # the barrier ratio of `basins` from which a bottom counts as that of a funnel


@dataclass(frozen=True)
class Measures:
    """Of one landscape.

    basins: monotonic sequence basins. funnels: by the least barrier ratio. frustration: f~ at the temperature of the
    likelihood, with the weights of the basins in the box; 0 for a single minimum, NaN if no other one is connected.
    shares: (k,) of the evidence by minimum, of rising loss, harmonic. unconnected: minima that no path joins to the
    lowest.
    """

    minima: int
    transition_states: int
    basins: int
    funnels: dict[float, int]
    frustration: float
    shares: np.ndarray
    unconnected: int

    @property
    def equivalent_minima(self) -> float:
        """exp of Shannon's entropy of the shares."""
        present = self.shares[self.shares > 0.0]
        return float(np.exp(-(present * np.log(present)).sum()))


def measures(landscape: Landscape, problem: Problem, density: Harmonic) -> Measures:
    """The measures of a landscape that `problem` was made of."""
    losses, states = landscape.minima.loss, landscape.transition_states
    found = basins_of(losses, states.loss, states.minima)
    labels = components(len(losses), states.minima)
    outside = int((labels != labels[landscape.global_minimum()]).sum())
    return Measures(
        minima=len(losses),
        transition_states=len(states),
        basins=len(found.bottom),
        funnels={ratio: found.funnels(ratio) for ratio in RATIOS},
        frustration=_frustration(landscape, problem, density),
        shares=np.exp(density.log_weights),
        unconnected=outside,
    )


def _frustration(landscape: Landscape, problem: Problem, density: Harmonic) -> float:
    """f~ with occupations that know the box: an LPPHE that gives each minimum its weight stands for its own."""
    network, ids, _ = Network.complete(landscape)
    if len(ids) == 1:
        return 0.0
    order = np.argsort(network.losses, kind="stable")
    volumes = np.empty(len(ids))
    volumes[order] = density.log_weights + network.losses[order] / problem.temperature
    boxed = replace(network, lpphe=-2.0 * volumes, log_orders=np.zeros(len(ids)))
    value = frustration(boxed, problem.temperature)
    return float("nan") if value is None else value
