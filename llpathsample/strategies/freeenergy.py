"""free-energy: as untrap, of groups of minima by free energy (FREEPAIRS of PATHSAMPLE)."""

import numpy as np

from llpathsample.grouping import free_energy_groups, lowest_members
from llpathsample.strategies.base import Busy, Choice
from llpathsample.strategies.untrap import Untrap, barriers_to, trap_ratios


class FreeEnergy(Untrap):
    """The group of the largest ratio of free-energy barrier and difference first, by its minimum and the nearest one of
    the groups that the products reach below its barrier. It is left alone after `neighbours` partners in vain."""

    name = "free-energy"

    def choose(self, most: int, busy: Busy) -> list[Choice]:
        """Up to `most` pairs, each of another group."""
        network, ids = self.network.thermal()
        products = np.flatnonzero(np.isin(ids, self.network.set_a()))
        if not len(network.ends) or not len(products):
            return []
        temperature = self.network.temperature()
        threshold = temperature if self.settings.group_barrier is None else self.settings.group_barrier
        reactants = np.flatnonzero(np.isin(ids, self.network.set_b() if self.settings.set_b else []))
        groups = free_energy_groups(network, temperature, threshold, products, reactants)
        free = groups.free_energies
        goals = np.unique(groups.labels[products])
        barriers = barriers_to(free, groups.barriers, groups.ends, goals)
        ratios = trap_ratios(free, barriers, goals, self.settings.least_difference)
        if self.settings.group_ceiling is not None:
            ratios[free > free.min() + self.settings.group_ceiling] = -np.inf
        lowest = ids[lowest_members(network.losses, groups.labels, len(free))]
        ranked = np.lexsort((np.arange(len(ratios)), -ratios))
        ranked = ranked[np.isfinite(ratios[ranked]) & (self._in_vain()[lowest[ranked]] < self.settings.neighbours)]
        taken = {pair[0] for pair in busy} | self.left_alone(products)
        choices: list[Choice] = []
        for group in ranked.tolist():
            if len(choices) == most:
                break
            minimum = int(lowest[group])
            if minimum not in taken:
                below = (barriers < barriers[group]) & (free <= free[group] + self.settings.loss_margin)
                below[group] = False
                choice = self._partner_of(minimum, ids[below[groups.labels]], busy)
                if choice is not None:
                    choices.append(choice)
        return choices
