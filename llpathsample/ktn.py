"""The kinetic transition network of a landscape as arrays: what thermodynamics and kinetics are computed from."""

from dataclasses import dataclass

import numpy as np

from llcommon.rateconstants import Harmonic, harmonic
from llcommon.store import Landscape


@dataclass(frozen=True)
class Network:
    """Arrays of a landscape. minima: losses, lpphe, log_orders, (n,); TS likewise with ends (m, 2)."""

    losses: np.ndarray
    lpphe: np.ndarray
    log_orders: np.ndarray
    ts_losses: np.ndarray
    ts_lpphe: np.ndarray
    ts_log_orders: np.ndarray
    ends: np.ndarray

    @staticmethod
    def unchecked(landscape: Landscape) -> "Network":
        """The arrays of a landscape, for what does not need every LPPHE: those that are missing are NaN."""
        minima, states = landscape.minima, landscape.transition_states
        return Network(
            minima.loss, minima.lpphe, minima.log_order, states.loss, states.lpphe, states.log_order, states.minima
        )

    @staticmethod
    def complete(landscape: Landscape) -> tuple["Network", np.ndarray, np.ndarray]:
        """The arrays of the minima with an LPPHE and of the TS with one between them; ids of these minima, (n,), and of
        these TS, (m,)."""
        minima, states = landscape.minima, landscape.transition_states
        ids = np.flatnonzero(np.isfinite(minima.lpphe))
        places = np.full(len(minima), -1)
        places[ids] = np.arange(len(ids))
        ends = places[states.minima]
        kept = np.flatnonzero(np.isfinite(states.lpphe) & (ends >= 0).all(axis=1))
        own = (table[ids] for table in (minima.loss, minima.lpphe, minima.log_order))
        network = Network(*own, states.loss[kept], states.lpphe[kept], states.log_order[kept], ends[kept])
        return network, ids, kept

    def among(self, minima: np.ndarray) -> "Network":
        """The minima of these places, ascending, numbered anew, and the TS between them."""
        places = np.full(len(self.losses), -1)
        places[minima] = np.arange(len(minima))
        ends = places[self.ends]
        kept = np.flatnonzero((ends >= 0).all(axis=1))
        own = (values[minima] for values in (self.losses, self.lpphe, self.log_orders))
        states = (values[kept] for values in (self.ts_losses, self.ts_lpphe, self.ts_log_orders))
        return Network(*own, *states, ends[kept])

    def harmonic(self, temperature: float) -> Harmonic:
        """Weights of the minima and conductances of the TS."""
        return harmonic(
            (self.losses, self.lpphe, self.log_orders),
            (self.ts_losses, self.ts_lpphe, self.ts_log_orders),
            temperature,
        )
