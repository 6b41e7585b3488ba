"""[grow]: which minima llpathsample connects next, in what portions, and when it is enough."""

from dataclasses import dataclass

from llcommon.config import setting

STRATEGIES = (
    "to-global-minimum", "all-pairs", "initial-path", "unconnected", "nearest", "monotonic", "untrap", "shortcut",
    "free-energy", "region", "list", "single-ended", "auto",
)
# What may be mixed: these need nothing but a landscape.
MIXABLE = ("to-global-minimum", "nearest", "monotonic", "untrap", "free-energy", "single-ended")
STOP_RULES = ("one-component", "no-new-minima", "converged")
# The first two strategies had a key of their own once.
_OLD_PAIRS = {"component": "to-global-minimum", "all": "all-pairs"}
FROM_B = ("initial-path", "shortcut")  # strategies that need the set B
_LOSS = "loss"
_LENGTH = "coordinate distance"


@dataclass(frozen=True)
class GrowSettings:
    """[grow]: which pairs of minima are connected, in what portions, and when it is enough."""

    strategy: str = setting(
        "to-global-minimum",
        help="which pairs are tried; docs/growing.md explains them and says which of the keys below they heed",
        choices=STRATEGIES,
    )
    budget: int = setting(0, help="pairs to try in all; 0: no limit", unit="pairs", minimum=0)
    batch: int = setting(16, help="pairs that one lloptim process connects", unit="pairs", minimum=1)
    window: int = setting(
        8, help="batches that are chosen before the result of the first must be known; "
        "independent of the number of processes, so that it does not change what is found",
        unit="batches", minimum=1,
    )
    attempts: int = setting(2, help="times that one pair is tried", minimum=1)
    neighbours: int = setting(
        3, help="nearest minima that a minimum is tried with", minimum=1
    )
    shortlist: int = setting(
        64, help="candidates that a fast lower bound of the distance picks for exact alignment; fewer candidates than "
        "this are all aligned", unit="minima", minimum=1,
    )
    set_a: str = setting(
        "lowest", help="the products A: lowest, all, rest (those of no other set), below LOSS, ids and ranges such as "
        '"0, 7, 20-25", or file NAME with ids',
    )
    set_b: str = setting("", help="the reactants B, said likewise; empty: not set")
    metric: str = setting(
        "exp", help="initial-path: weight of a missing edge. exp: exp(distance); power: distance^power; index: "
        "difference of ids", choices=("exp", "power", "index"),
    )
    power: int = setting(1, help="of metric power; 0 adds 1 to the distance", minimum=-1)
    order: str = setting(
        "lowest", help="unconnected: lowest first, to its nearest connected ones; or those nearest to `reference` in "
        "loss or in distance, to it", choices=("lowest", "loss", "distance"),
    )
    reference: int | None = setting(None, help="unconnected: a minimum; unset: the lowest of A", minimum=0)
    loss_margin: float = setting(
        1e-3, help="untrap, free-energy: a partner is at most this much higher than the trapped minimum", unit=_LOSS,
        minimum=0.0,
    )
    least_difference: float = setting(
        1e-3, help="untrap, free-energy: smaller differences to A count as this", unit=_LOSS, above=0.0
    )
    shortcut: str = setting(
        "distance", help="shortcut: pairs of the best path by distance, or around its highest barriers, or around its "
        "slowest steps", choices=("distance", "barrier", "rate"),
    )
    separation: int = setting(3, help="shortcut: steps along the path between two that are paired", minimum=1)
    temperature: float | None = setting(
        None, help="fictitious temperature of rates and occupations; unset: that of the model", unit=_LOSS, above=0.0
    )
    group_barrier: float | None = setting(
        None, help="free-energy: minima within such barriers are one group; unset: the temperature", unit=_LOSS,
        minimum=0.0,
    )
    group_ceiling: float | None = setting(
        None, help="free-energy: groups higher than this above the lowest are left alone; unset: none", unit=_LOSS,
        minimum=0.0,
    )
    radius: float | None = setting(
        None, help="region: longest distance of a pair; unset: any", unit=_LENGTH, above=0.0
    )
    pairs_file: str | None = setting(None, help="list: file with two ids a line, relative to where the command is run")
    connections: int = setting(
        3, help="single-ended: different minima that a minimum shall be joined to", minimum=1
    )
    pushes: int = setting(
        20, help="single-ended: pushes of a minimum, in portions of four, after which it is left alone", minimum=1
    )
    mix: list[str] = setting(
        ["to-global-minimum", "nearest", "monotonic", "untrap"], help="auto: the strategies to be mixed",
        choices=MIXABLE,
    )
    stop: list[str] = setting(
        [], help="rules that end the growth early, the first that holds. one-component: all minima are connected; "
        "no-new-minima: none in quiet_cycles; converged: `observable` within `percent` over quiet_cycles",
        choices=STOP_RULES,
    )
    cycle: int = setting(8, help="batches after which the rules are asked", unit="batches", minimum=1)
    quiet_cycles: int = setting(5, help="cycles over which nothing must have changed", unit="cycles", minimum=1)
    observable: str = setting(
        "frustration", help="what must have converged: frustration index, temperature of the heat capacity's highest "
        "peak, rate constant from B to A", choices=("frustration", "heat-capacity-peak", "rate"),
    )
    percent: float = setting(1.0, help="change of the observable that is none", above=0.0)

    def __post_init__(self):
        if self.strategy in FROM_B and not self.set_b.strip():
            raise ValueError(f'strategy "{self.strategy}" leads from one set of minima to another: give set_b too')
        if "converged" in self.stop and self.observable == "rate" and not self.set_b.strip():
            raise ValueError("observable \"rate\" is of the way from one set of minima to another: give set_b too")
        if self.strategy == "list" and self.pairs_file is None:
            raise ValueError('strategy "list" needs pairs_file, a file with two ids a line')
        if not self.mix:
            raise ValueError("mix must name a strategy at least")


def modern(table: dict, where: str, problems: list[str]) -> dict:
    """The table [grow] with `strategy` in place of `pairs`, as it was called before there were more than two; ids in
    place of a rule are one."""
    table = {name: _rule(value) if name in ("set_a", "set_b") else value for name, value in table.items()}
    if "pairs" not in table:
        return table
    renewed = {name: value for name, value in table.items() if name != "pairs"}
    old = table["pairs"]
    if not isinstance(old, str) or old not in _OLD_PAIRS:
        problems.append(f'{where} pairs is the old name of strategy, and must be "component" or "all"')
        return renewed
    strategy = _OLD_PAIRS[old]
    if renewed.get("strategy", strategy) not in (strategy, STRATEGIES[0]):
        problems.append(f"{where} pairs is the old name of strategy; leave it out")
        return renewed
    return {**renewed, "strategy": strategy}


def _rule(value):
    """A number, or a list of them, as the rule that names these ids; anything else as it is."""
    ids = value if isinstance(value, list) else [value]
    return ", ".join(map(str, ids)) if ids and all(type(number) is int for number in ids) else value
