"""Basin-hopping parallel tempering: chains at a geometric ladder of temperatures that exchange minima.

After every `exchange_every` steps neighbours on the ladder, in turns those of even and of odd place, exchange their
minima with probability min(1, exp((L_i - L_j) (1/T_i - 1/T_j))) (Strodel, Lee, Whittleston and Wales, J. Am. Chem. Soc.
132, 13300, 2010). Each keeps its temperature, step size and random numbers.
"""

import math
from dataclasses import replace

from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.settings import Settings
from llcommon.store import Landscape
from llgmin.hopping import BasinHopping
from llgmin.walker import Walker

# The ladder where the settings leave it to the model: these multiples of its suggested temperature.
_LOWEST = 0.1
_HIGHEST = 10.0
# What stays with the minimum when two walkers exchange theirs.
_EXCHANGED = ("point", "levels", "best_point")


def ladder(lowest: float, highest: float, replicas: int) -> list[float]:
    """`replicas` temperatures in geometric progression from lowest to highest."""
    ratio = (highest / lowest) ** (1.0 / (replicas - 1))
    return [lowest * ratio**number for number in range(replicas - 1)] + [highest]


def ladder_of(model: LossModel, settings: Settings) -> list[float]:
    """The temperatures of the replicas for a model; ConfigError if they do not rise."""
    tempering = settings.tempering
    lowest = _LOWEST * model.suggested_temperature if tempering.lowest is None else tempering.lowest
    highest = _HIGHEST * model.suggested_temperature if tempering.highest is None else tempering.highest
    if highest <= lowest:
        raise ConfigError(
            f"[tempering] the ladder of temperatures must rise, but its lowest is {lowest:g} and its highest "
            f"{highest:g}: set both lowest and highest"
        )
    return ladder(lowest, highest, tempering.replicas)


class ParallelTempering(BasinHopping):
    """Replicas of basin-hopping; see the module's docstring."""

    kind = "parallel-tempering"
    noun = "replicas"

    def __init__(self, model: LossModel, settings: Settings) -> None:
        """Errors: ConfigError for a ladder that does not rise, or free energies without a temperature of their own."""
        super().__init__(model, settings)
        if self.search.objective == "free-energy" and self.search.free_energy_temperature is None:
            raise ConfigError("[search] objective free-energy with parallel-tempering needs free_energy_temperature")
        self.temperatures = ladder_of(model, settings)
        self.number = len(self.temperatures)
        self.segment = settings.tempering.exchange_every
        self.couples = True

    def base_temperature(self, number: int) -> float:
        return self.temperatures[number]

    def couple(self, walkers: list[Walker], landscape: Landscape) -> list[Walker]:
        """Exchanges between neighbours; tried and accepted ones are counted in the landscape."""
        walkers = super().couple(walkers, landscape)
        done = walkers[0].done
        if not done:
            return walkers
        rng = generator(self.search.seed, "exchange", done)
        for low in range(done // self.segment % 2, self.number - 1, 2):
            first, second = walkers[low], walkers[low + 1]
            random = rng.random()
            self._tally(landscape, low, "tried")
            if self._may_exchange(first, second, random):
                self._tally(landscape, low, "accepted")
                walkers[low] = _with_minimum_of(first, second)
                walkers[low + 1] = _with_minimum_of(second, first)
        return walkers

    @staticmethod
    def _tally(landscape: Landscape, low: int, what: str) -> None:
        name = f"exchange {low}-{low + 1} {what}"
        landscape.counters[name] = landscape.counters.get(name, 0) + 1

    def _may_exchange(self, first: Walker, second: Walker, random: float) -> bool:
        """Whether two neighbours exchange their minima."""
        values = [self._objective(*walker.arrays["levels"][:2].tolist(), 0.0) for walker in (first, second)]
        if not all(math.isfinite(value) for value in values):
            return False
        betas = [1.0 / self.temperatures[walker.number] for walker in (first, second)]
        exponent = (values[0] - values[1]) * (betas[0] - betas[1])
        return exponent >= 0.0 or math.exp(exponent) > random


def _with_minimum_of(walker: Walker, other: Walker) -> Walker:
    """`walker` at the minimum of `other`."""
    return replace(walker, arrays={**walker.arrays, **{name: other.arrays[name] for name in _EXCHANGED}})
