"""Strategies: which minima are connected next. One small file each; `STRATEGIES` names them.

docs/growing.md tells what each chooses, by which keys of `[grow]`, and which keyword of PATHSAMPLE it mirrors.
"""

from llpathsample.growing import GrowingNetwork
from llpathsample.strategies.allpairs import AllPairs
from llpathsample.strategies.base import Busy, Choice, Strategy
from llpathsample.strategies.component import ToGlobalMinimum

STRATEGIES: dict[str, type[Strategy]] = {kind.name: kind for kind in (ToGlobalMinimum, AllPairs)}


def strategy_of(network: GrowingNetwork) -> Strategy:
    """The strategy that `[grow] strategy` names."""
    return STRATEGIES[network.settings.strategy](network)


__all__ = ["STRATEGIES", "Busy", "Choice", "Strategy", "strategy_of"]
