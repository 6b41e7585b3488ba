"""Equilibrium occupations of chosen minima over temperatures."""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network
from llpathsample.thermodynamics.observables import log_occupations


@dataclass(frozen=True)
class Occupations:
    """p_a(T). temperatures: (t,). rows: (k,) places of the minima in the network. values: (t, k). rest: (t,) of all
    other minima together."""

    temperatures: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    rest: np.ndarray


def occupations(network: Network, temperatures: np.ndarray, rows: np.ndarray) -> Occupations:
    """Of the minima at these places, at temperatures above zero."""
    temperatures = np.asarray(temperatures, dtype=np.float64)
    values = np.empty((len(temperatures), len(rows)))
    rest = np.empty(len(temperatures))
    for place, temperature in enumerate(temperatures.tolist()):
        shares = np.exp(log_occupations(network, temperature))
        values[place] = shares[rows]
        # A sum over the others: one less the chosen would be nothing but rounding where these are all.
        shares[rows] = 0.0
        rest[place] = shares.sum()
    return Occupations(temperatures, np.asarray(rows), values, rest)


def most_occupied(network: Network, temperatures: np.ndarray, count: int) -> np.ndarray:
    """Places of the minima whose occupation at one of the temperatures is highest; (k,), by rising loss."""
    highest = np.zeros(len(network.losses))
    for temperature in temperatures:
        np.maximum(highest, np.exp(log_occupations(network, float(temperature))), out=highest)
    rows = np.argsort(-highest, kind="stable")[:count]
    return rows[np.argsort(network.losses[rows], kind="stable")]
