"""What the sections of a report are made of, each computed once: the network, temperatures, sets, curves."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from llcommon.errors import NothingFound
from llcommon.store import Landscape
from llpathsample.kinetics.rates import Passage, Routes, barrier_between, middle_temperature
from llpathsample.kinetics.steps import joined_sets
from llpathsample.ktn import Network
from llpathsample.network import components
from llpathsample.structure.funnels import Basins, basins_of
from llpathsample.structure.measures import NetworkMeasures, network_measures
from llpathsample.thermodynamics.curves import Curves
from llpathsample.thermodynamics.freeenergy import Superposition
from llpathsample.thermodynamics.heatcapacity import HeatCapacity, heat_capacity

# Kinetics between sets costs up to the cube of the number of minima; of more it is left to the commands.
MOST_KINETIC = 5000
SEED = 1


@dataclass(frozen=True)
class Sets:
    """Sets A (products) and B (reactants), ids ascending, and a clause that says where they are from."""

    a: np.ndarray
    b: np.ndarray
    why: str


class Missing(NothingFound):
    """A section cannot be computed, and a sentence says why."""


class Material:
    """A landscape that has minima, and what was asked for.

    landscape: read without points. file: its name, for the reader; sha256: of its bytes. freedom: degrees of freedom
    and group of symmetry, or the sentence that says why there are none. temperatures: asked for, rising, or None; grid:
    of curves, likewise. sets: given or stored, or None for those of `_default_sets`.
    """

    def __init__(
        self,
        landscape: Landscape,
        file: str,
        sha256: str,
        freedom: Superposition | str,
        temperatures: np.ndarray | None = None,
        grid: np.ndarray | None = None,
        sets: Sets | None = None,
    ) -> None:
        self.landscape = landscape
        self.file = file
        self.sha256 = sha256
        self._freedom = freedom
        self._asked = temperatures
        self.grid = grid
        self._sets = sets

    @property
    def losses(self) -> np.ndarray:
        """(n,) of all minima."""
        return self.landscape.minima.loss

    @property
    def freedom(self) -> Superposition:
        """Degrees of freedom; Missing if the model cannot be asked."""
        if isinstance(self._freedom, str):
            raise Missing(self._freedom)
        return self._freedom

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,) component of each minimum."""
        return components(len(self.losses), self.landscape.transition_states.minima)

    # --- what has an LPPHE ------------------------------------------------------------------------

    @cached_property
    def _complete(self) -> tuple[Network, np.ndarray, np.ndarray]:
        return Network.complete(self.landscape)

    @property
    def network(self) -> Network:
        """Minima with an LPPHE and TS with one between them; Missing without any."""
        if not self.ids.size:
            raise Missing("No minimum has an LPPHE; llpathsample recompute computes them where there are coordinates.")
        return self._complete[0]

    @property
    def ids(self) -> np.ndarray:
        """(k,) ids in the landscape of the network's minima."""
        return self._complete[1]

    @property
    def state_ids(self) -> np.ndarray:
        """Ids in the landscape of the network's TS."""
        return self._complete[2]

    @property
    def minima_left_out(self) -> int:
        """Minima without an LPPHE."""
        return len(self.losses) - len(self.ids)

    @property
    def states_left_out(self) -> int:
        """TS without an LPPHE, or of such a minimum."""
        return len(self.landscape.transition_states) - len(self.state_ids)

    # --- temperatures -----------------------------------------------------------------------------

    @cached_property
    def heat_capacity(self) -> HeatCapacity:
        """Configurational: kappa / 2 is the constant, or 0 if kappa is not known."""
        constant = 0.0 if isinstance(self._freedom, str) else 0.5 * self._freedom.kappa
        network = self.network
        # What differs by less than two points may is the same loss.
        if np.ptp(network.losses) < self.landscape.settings.same_point.loss_tolerance:
            network = replace(network, losses=np.full_like(network.losses, network.losses.min()))
        return heat_capacity(network, constant, self.grid, top=5)

    @property
    def curves(self) -> Curves:
        """Over the temperatures of all figures."""
        return self.heat_capacity.shown

    @property
    def peaks(self) -> list[float]:
        """Temperatures of the peaks of the heat capacity."""
        return [makers.peak.temperature for makers in self.heat_capacity.peaks]

    @cached_property
    def temperature(self) -> tuple[float, str]:
        """The temperature of tables at one temperature, and a clause that says where it is from."""
        if self._asked is not None:
            return float(self._asked[-1]), "as it was asked for"
        if self.ids.size and self.peaks:
            highest = max(self.heat_capacity.peaks, key=lambda makers: makers.peak.height)
            return highest.peak.temperature, "that of the highest peak of the heat capacity"
        return float(self.landscape.declared.suggested_temperature), "as the loss model suggests"

    @property
    def temperatures(self) -> np.ndarray:
        """Those of tables with a row for each: asked for, or the one of `temperature`."""
        return np.array([self.temperature[0]]) if self._asked is None else self._asked

    # --- structure --------------------------------------------------------------------------------

    @cached_property
    def basins(self) -> Basins:
        """Monotonic sequence basins of all minima."""
        states = self.landscape.transition_states
        return basins_of(self.losses, states.loss, states.minima)

    @cached_property
    def measures(self) -> NetworkMeasures:
        """Of the network as a graph; Missing without edges."""
        states = self.landscape.transition_states
        found = network_measures(self.losses, states.minima, SEED, samples=100)
        if not len(found.graph.pairs):
            raise Missing("No transition state joins two minima; llpathsample grow searches for some.")
        return found

    # --- kinetics ---------------------------------------------------------------------------------

    @cached_property
    def sets(self) -> Sets:
        """A and B; Missing where nothing can be chosen."""
        return self._sets or self._default_sets()

    def _default_sets(self) -> Sets:
        """A: the global minimum. B: of the bottoms that are joined to it, the one from which one must climb highest to
        come lower: the bottom of the other funnel if there are two."""
        root = int(self.ids[np.argmin(self.network.losses)])
        bottoms, escape = self.basins.bottom, self.basins.escape
        barrier = escape - self.losses[bottoms]
        able = (self.labels[bottoms] == self.labels[root]) & (bottoms != root) & np.isfinite(barrier)
        able &= np.isin(bottoms, self.ids)
        if able.any():
            best = int(bottoms[able][np.argmax(barrier[able])])
            why = "the global minimum, and the bottom with the highest barrier on the way to a lower minimum"
            return Sets(np.array([root]), np.array([best]), why)
        joined = np.flatnonzero((self.labels == self.labels[root]) & np.isin(np.arange(len(self.losses)), self.ids))
        joined = joined[joined != root]
        if not joined.size:
            raise Missing("No transition state joins another minimum to the global minimum, so there is no rate to it.")
        best = int(joined[np.argmin(self.losses[joined])])
        return Sets(np.array([root]), np.array([best]), "the two lowest minima that transition states join")

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of A and B in the network, of the minima that TS join to the other set."""
        network = self.network
        if len(network.losses) > MOST_KINETIC:
            raise Missing(
                f"Left out for its cost: the network has {len(network.losses)} minima, and this page stops at "
                f"{MOST_KINETIC}. The commands rates, fastest-paths and first-passage compute it."
            )
        chosen = [np.flatnonzero(np.isin(self.ids, ids)) for ids in (self.sets.a, self.sets.b)]
        a, b = joined_sets(network, *chosen)
        if not (a.size and b.size):
            raise Missing("No transition states join set A and set B; grow the network further, or name other sets.")
        return a, b

    @cached_property
    def routes(self) -> Routes:
        """Between A and B."""
        return Routes(self.network, *self.places)

    @cached_property
    def barrier(self) -> float:
        """How high the minimum of either set that is the deepest trap must climb to come to the other set."""
        return barrier_between(self.routes)

    @cached_property
    def kinetic_temperatures(self) -> np.ndarray:
        """Those of tables of kinetics: asked for, or a tenth of the barrier, at which it is neither frozen nor free."""
        return np.array([middle_temperature(self.barrier)]) if self._asked is None else self._asked

    @cached_property
    def passage(self) -> Passage:
        """Kinetics at the last of these."""
        return self.routes.at(float(self.kinetic_temperatures[-1]))
