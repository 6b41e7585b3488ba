"""When a growth has grown enough: rules that look at the network after every cycle of batches."""

from math import log1p

import numpy as np

from llpathsample.growing import GrowingNetwork
from llpathsample.kinetics.rates import log_rate_constants
from llpathsample.thermodynamics.features import highest_peak
from llpathsample.thermodynamics.frustration import frustration

ONE_COMPONENT, NO_NEW_MINIMA, CONVERGED = "one-component", "no-new-minima", "converged"


def observed(network: GrowingNetwork) -> float | None:
    """The observable of `[grow] observable` of the points that have an LPPHE; None if it has none yet. Of a rate its
    logarithm, which may be anything."""
    name = network.settings.observable
    arrays, ids = network.thermal()
    if not ids.size:
        return None
    if name == "heat-capacity-peak":
        return highest_peak(arrays)
    if name == "frustration":
        return frustration(arrays, network.temperature())
    products, reactants = (np.flatnonzero(np.isin(ids, members)) for members in (network.set_a(), network.set_b()))
    if not products.size or not reactants.size:
        return None
    rate = log_rate_constants(arrays, network.temperature(), products, reactants).steady_state
    return rate if rate > -float("inf") else None


class Stopping:
    """The rules of `[grow] stop`, and what they remember.

    A cycle is `cycle` batches, in their order. reason: the rule that ended the growth, None as long as none did; then
    nothing more is chosen, and what is in flight is still merged.
    """

    def __init__(self, network: GrowingNetwork) -> None:
        self.network = network
        self.settings = network.settings
        self.reason: str | None = None
        self.history: list[list] = []  # minima and observable at the start and after each cycle

    def state(self) -> dict:
        """JSON-able, for `restore`."""
        return {"reason": self.reason, "history": self.history}

    def restore(self, state: dict) -> None:
        """Go on as from a checkpoint."""
        self.reason = state["reason"]
        self.history = [list(entry) for entry in state["history"]]

    def begin(self) -> None:
        """Look at the network that the growth begins with."""
        if not self.history:
            self._remember()
            self._judge(False)

    def merged(self, batches: int) -> None:
        """Look at the network after so many batches in all."""
        whole = batches % self.settings.cycle == 0
        if whole:
            self._remember()
        if self.reason is None:
            self._judge(whole)

    def _remember(self) -> None:
        value = observed(self.network) if CONVERGED in self.settings.stop else None
        self.history.append([len(self.network.landscape.minima), value])
        # What lies further back decides nothing.
        self.history = self.history[-self.settings.quiet_cycles - 1 :]

    def _judge(self, whole: bool) -> None:
        rules = self.settings.stop
        quiet = whole and len(self.history) > self.settings.quiet_cycles
        if ONE_COMPONENT in rules and self.network.one_component():
            self.reason = ONE_COMPONENT
        elif NO_NEW_MINIMA in rules and quiet and self.history[0][0] == self.history[-1][0]:
            self.reason = NO_NEW_MINIMA
        elif CONVERGED in rules and quiet and self._steady():
            self.reason = CONVERGED

    def _steady(self) -> bool:
        """Whether the observable has kept within `percent`."""
        values = [value for _, value in self.history]
        if None in values:
            return False
        share = self.settings.percent / 100.0
        if self.settings.observable == "rate":
            return max(values) - min(values) <= log1p(share)
        return max(values) - min(values) <= share * abs(values[-1])
