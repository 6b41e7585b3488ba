"""Free energies by harmonic superposition, of the landscape, of minima and of groups of them.

    Z_a = n_a (2 pi T)^(kappa / 2) exp(-LPPHE_a / 2) exp(-L_a / T),    n_a = |G| / o_a,    F = -T ln sum_a Z_a

A loss has no kinetic energy: this is the configurational free energy, with the internal energy U = <L> + kappa T / 2,
the entropy S = (U - F) / T and the heat capacity kappa / 2 + Var(L) / T^2 (k_B = 1). S is the thermodynamic entropy
of all coordinates; that of the occupations alone, Shannon's, is -sum p ln p.
"""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network
from llpathsample.thermodynamics.curves import curves, minima_only


@dataclass(frozen=True)
class Superposition:
    """What all minima of a landscape have in common. kappa: degrees of freedom; log_group_order: ln |G|."""

    kappa: int
    log_group_order: float

    def log_prefactor(self, temperatures: np.ndarray) -> np.ndarray:
        """ln |G| (2 pi T)^(kappa / 2), (t,)."""
        return self.log_group_order + 0.5 * self.kappa * (np.log(2.0 * np.pi) + np.log(temperatures))


@dataclass(frozen=True)
class FreeEnergies:
    """Over temperatures (t,); all arrays (t,), in units of the loss but for entropy, shannon and capacity, which have
    none. What is too large for a number, close to T = 1e308, is inf. groups: (t, g) free energies of the groups asked
    for; of an empty group inf. log_shares: (t, g) ln of their occupations, (F - F_A) / T."""

    temperatures: np.ndarray
    free_energy: np.ndarray
    internal_energy: np.ndarray
    entropy: np.ndarray
    shannon: np.ndarray
    capacity: np.ndarray
    groups: np.ndarray
    log_shares: np.ndarray


def free_energies(
    network: Network, temperatures: np.ndarray, common: Superposition, groups: list[np.ndarray] | None = None
) -> FreeEnergies:
    """At temperatures above zero. groups: rows of the minima of each; one row is a minimum's own free energy."""
    temperatures = np.asarray(temperatures, dtype=np.float64)
    lowest = float(network.losses.min())
    whole = curves(network, temperatures)
    groups = groups or []
    prefactor = common.log_prefactor(temperatures)
    columns, log_shares = np.empty((2, len(temperatures), len(groups)))
    for place, rows in enumerate(groups):
        bottom, log_partition = _of_group(network, rows, temperatures)
        with np.errstate(over="ignore"):
            columns[:, place] = bottom - temperatures * (prefactor + log_partition)
            # Not from the difference of free energies, which may be rounding, or that of two infinite numbers.
            log_shares[:, place] = log_partition - (bottom - lowest) / temperatures - whole.log_partition
    with np.errstate(over="ignore"):
        free_energy = lowest - temperatures * (prefactor + whole.log_partition)
        internal_energy = lowest + whole.excess + 0.5 * common.kappa * temperatures
    return FreeEnergies(
        temperatures=temperatures,
        free_energy=free_energy,
        internal_energy=internal_energy,
        entropy=whole.excess / temperatures + 0.5 * common.kappa + prefactor + whole.log_partition,
        shannon=whole.entropy,
        capacity=0.5 * common.kappa + whole.capacity,
        groups=columns,
        log_shares=log_shares,
    )


def _of_group(network: Network, rows: np.ndarray, temperatures: np.ndarray) -> tuple[float, np.ndarray]:
    """The lowest loss of some minima, and ln of the sum of their weights relative to it, (t,)."""
    if not len(rows):
        return np.inf, np.full(len(temperatures), -np.inf)
    own = (array[rows] for array in (network.losses, network.lpphe, network.log_orders))
    part = minima_only(*own)
    return float(part.losses.min()), curves(part, temperatures).log_partition
