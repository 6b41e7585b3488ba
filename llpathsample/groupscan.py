"""What a grouping makes of the rates between A and B, over thresholds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon.interchange.models import table_landscape
from llcommon.store import Landscape
from llcommon.store.scores import SET_PREFIX, Score
from llpathsample.grouping import Groups, free_energy_groups, loss_groups, lowest_members, rate_groups
from llpathsample.kinetics.rates import Routes
from llpathsample.ktn import Network
from llpathsample.network import spanning_forest

Grouping = Callable[[Network, float, float, np.ndarray, np.ndarray], Groups]
GROUPINGS: dict[str, Grouping] = {"loss": loss_groups, "free-energy": free_energy_groups, "rate": rate_groups}


@dataclass(frozen=True)
class GroupedRates:
    """Groups at a threshold. log_forth, log_back: ln k_SS from B to A and from A to B, of the groups; NaN without
    sets."""

    threshold: float
    groups: Groups
    log_forth: float
    log_back: float


def grouped_rates(
    network: Network, kind: str, temperature: float, threshold: float, products: np.ndarray, reactants: np.ndarray
) -> GroupedRates:
    """Groups by `kind`, and the rates between those of the products and of the reactants (ids; none if empty)."""
    groups = GROUPINGS[kind](network, temperature, threshold, products, reactants)
    if not len(products) or not len(reactants):
        return GroupedRates(threshold, groups, float("nan"), float("nan"))
    sets = groups.members(products), groups.members(reactants)
    found = Routes(groups.network(temperature), *sets).at(temperature)
    return GroupedRates(threshold, groups, found.forth.steady_state, found.back.steady_state)


def threshold_scale(network: Network, kind: str, temperature: float, count: int) -> np.ndarray:
    """`count` thresholds, rising, at which equal shares of the groups have become one, from the first to the last.

    Of single steps: groups by free energy and rate may go on to grow as their rates change. Empty without TS.
    """
    if kind == "loss":
        values = network.ts_losses[spanning_forest(len(network.losses), network.ts_losses, network.ends)]
    else:
        nobody = np.empty(0, dtype=np.int64)
        single = free_energy_groups(network, temperature, -np.inf, nobody, nobody)
        values = single.barriers - single.free_energies[single.ends].min(axis=1, initial=np.inf)
        values = values[spanning_forest(len(single.free_energies), values, single.ends)]
        if kind == "rate":
            # A rate must not miss the threshold that it is by its rounding.
            values = temperature * np.exp(-values / temperature) * (1.0 - 1e-12)
    if not values.size:
        return values
    return np.unique(np.quantile(values, np.linspace(0.0, 1.0, count), method="closest_observation"))


def grouped_landscape(
    network: Network, temperature: float, found: GroupedRates, sets: dict[str, np.ndarray]
) -> Landscape:
    """The groups as a landscape known by its table, whose rates are theirs at this temperature only.

    sets: ids of the minima in sets A and B by name. Further columns: how many minima a group has, and the lowest.
    """
    grouped = found.groups.network(temperature)
    contents = _points("minima", grouped.losses, grouped.lpphe)
    contents |= _points("transition_states", grouped.ts_losses, grouped.ts_lpphe)
    count, between = len(grouped.losses), len(grouped.ts_losses)
    contents["minima/smallest_eigenvalue"] = np.full(count, np.nan)
    contents["minima/visits"] = np.ones(count, dtype=np.int64)
    for name in ("negative", "next"):
        contents[f"transition_states/{name}_eigenvalue"] = np.full(between, np.nan)
    contents["transition_states/minima"] = grouped.ends
    empty = table_landscape(1)
    for name in empty.pairs.names:
        contents[f"pairs/{name}"] = getattr(empty.pairs, name)
    landscape = Landscape(empty.settings, empty.declared, None, contents)
    labels = found.groups.labels
    sizes = np.bincount(labels, minlength=count)
    landscape.scores.set(Score("members", "", "minima in the group"), sizes)
    lowest = lowest_members(network.losses, labels, count)
    landscape.scores.set(Score("lowest_member", "", "the lowest minimum of the group"), lowest)
    for name, ids in sets.items():
        values = np.full(count, np.nan)
        values[found.groups.members(ids)] = 1.0
        landscape.scores.set(Score(f"{SET_PREFIX}{name}", "", f"1 for the groups of set {name}"), values)
    return landscape


def _points(table: str, losses: np.ndarray, lpphe: np.ndarray) -> dict[str, np.ndarray]:
    count = len(losses)
    columns = {
        "loss": losses,
        "coordinates": np.empty((count, 0)),
        "rms": np.full(count, np.nan),
        "lpphe": lpphe,
        "lpphe_error": np.zeros(count),
        "lpphe_probes": np.zeros(count, dtype=np.int64),
        "eigenvalue_tolerance": np.zeros(count),
        "order": np.ones(count, dtype=np.int64),
        "log_order": np.zeros(count),
    }
    return {f"{table}/{name}": values for name, values in columns.items()}
