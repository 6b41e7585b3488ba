"""Tests of a step from one minimum to another: Metropolis, threshold, Tsallis."""

import math


def metropolis(rise: float, temperature: float, random: float) -> bool:
    """Downhill always, uphill with probability exp(-rise / T) (Metropolis et al., J. Chem. Phys. 21, 1087, 1953).

    rise: of the objective; random: uniform in [0, 1).
    """
    return rise <= 0.0 or math.exp(-rise / temperature) > random


def threshold(rise: float, temperature: float) -> bool:
    """Uphill by less than T (Dueck and Scheuer, J. Comput. Phys. 90, 161, 1990)."""
    return rise < temperature


def tsallis(rise: float, temperature: float, q: float, random: float) -> bool:
    """Downhill always, uphill with probability (1 - (1 - q) rise / T)^(1 / (1 - q)), 0 where the base is not positive.

    Tsallis and Stariolo, Physica A 233, 395, 1996. The limit q -> 1 is Metropolis' rule; q > 1 climbs high barriers
    more often.
    """
    if rise <= 0.0:
        return True
    if q == 1.0:
        return metropolis(rise, temperature, random)
    base = 1.0 - (1.0 - q) * rise / temperature
    if base <= 0.0:
        return False
    return math.exp(math.log(base) / (1.0 - q)) > random


def accepts(rule: str, rise: float, temperature: float, q: float, random: float) -> bool:
    """Whether a step uphill by `rise` is taken under the rule of that name."""
    if rule == "threshold":
        return threshold(rise, temperature)
    if rule == "tsallis":
        return tsallis(rise, temperature, q, random)
    return metropolis(rise, temperature, random)
