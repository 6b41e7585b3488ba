"""Step size and temperature of a chain: steered to an acceptance, and following a schedule."""

from dataclasses import dataclass, replace

from llcommon.searchsettings import SearchSettings


@dataclass(frozen=True)
class Pace:
    """step: size; heat: what adjustments have made of the temperature; tried, accepted: since the last adjustment."""

    step: float
    heat: float = 1.0
    tried: int = 0
    accepted: int = 0


def after_step(pace: Pace, accepted: bool, search: SearchSettings) -> Pace:
    """The pace after a step; adjusted if it was the last of `adjust_every`.

    Too many accepted steps are too short or too hot (Wales and Doye, J. Phys. Chem. A 101, 5111, 1997).
    """
    tried = pace.tried + 1
    taken = pace.accepted + accepted
    if tried < search.adjust_every:
        return replace(pace, tried=tried, accepted=taken)
    factor = search.adjust_factor if taken > search.target_acceptance * tried else 1.0 / search.adjust_factor
    step = pace.step * factor if search.adjust in ("step", "both") else pace.step
    heat = pace.heat / factor if search.adjust in ("temperature", "both") else pace.heat
    return Pace(step, heat)


def temperature_at(base: float, done: int, search: SearchSettings) -> float:
    """The temperature of step number `done`, from 0, of a schedule from `base` to final_temperature at the last."""
    if search.final_temperature is None or search.steps == 1:
        return base
    share = min(1.0, done / (search.steps - 1))
    if search.schedule == "linear":
        return base + share * (search.final_temperature - base)
    return base * (search.final_temperature / base) ** share
