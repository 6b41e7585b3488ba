"""Strategies: which minima are connected next. One small file each; `STRATEGIES` names those that stand alone.

docs/growing.md tells what each chooses, by which keys of `[grow]`, and which keyword of PATHSAMPLE it mirrors.
"""

from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.allpairs import AllPairs
from llpathsample.strategies.auto import Auto
from llpathsample.strategies.base import Busy, Choice, Strategy
from llpathsample.strategies.component import ToGlobalMinimum
from llpathsample.strategies.freeenergy import FreeEnergy
from llpathsample.strategies.initialpath import InitialPath
from llpathsample.strategies.monotonic import Monotonic
from llpathsample.strategies.nearest import Nearest
from llpathsample.strategies.pairlist import PairList
from llpathsample.strategies.region import Region
from llpathsample.strategies.shortcut import Shortcut
from llpathsample.strategies.singleended import SingleEnded
from llpathsample.strategies.unconnected import Unconnected
from llpathsample.strategies.untrap import Untrap

_KINDS = (
    ToGlobalMinimum, AllPairs, InitialPath, Unconnected, Nearest, Monotonic, Untrap, Shortcut, FreeEnergy, Region,
    PairList, SingleEnded,
)
STRATEGIES: dict[str, type[Strategy]] = {kind.name: kind for kind in _KINDS}


def strategy_of(network: GrowingNetwork) -> Strategy:
    """The strategy that `[grow] strategy` names."""
    settings = network.settings
    if settings.strategy == Auto.name:
        return Auto(network, [STRATEGIES[name](network) for name in dict.fromkeys(settings.mix)])
    return STRATEGIES[settings.strategy](network)


__all__ = ["STRATEGIES", "Busy", "Choice", "Strategy", "strategy_of"]
