"""Which minima make a peak of the heat capacity: those that gain occupation there, and those that lose it."""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network
from llpathsample.thermodynamics.features import Peak, contributions, occupation_gains
from llpathsample.thermodynamics.observables import log_occupations

GAINS, LOSES, NEITHER = 0, 1, -1
NAMES = {GAINS: "gains", LOSES: "loses"}


@dataclass(frozen=True)
class Makers:
    """The minima of one side of a peak, by falling contribution; arrays (k,).

    rows: places in the network. occupations: p_a. gains: dp_a / dT, in 1 / unit of the loss. contributions: to
    Var(L) / T^2; shares: of it. others, rest: number of minima that are not listed, and the sum of their contributions.
    total: sum of all contributions of this side, C+ or C-. needed: how many of the minima make `share` of it.
    """

    rows: np.ndarray
    occupations: np.ndarray
    gains: np.ndarray
    contributions: np.ndarray
    shares: np.ndarray
    others: int
    rest: float
    total: float
    needed: int


@dataclass(frozen=True)
class PeakMakers:
    """A peak with the minima that make it. sides: (n,) int64, GAINS or LOSES for the fewest minima that make `share` of
    their side, NEITHER for the others."""

    peak: Peak
    gaining: Makers
    losing: Makers
    sides: np.ndarray


def peak_makers(network: Network, peak: Peak, top: int, share: float = 0.99) -> PeakMakers:
    """Who makes a peak. top: how many minima of each side are listed at most."""
    temperature = peak.temperature
    occupations = np.exp(log_occupations(network, temperature))
    gains = occupation_gains(network, temperature)
    parts = contributions(network, temperature)
    sides = np.full(len(parts), NEITHER, dtype=np.int64)
    whole = float(parts.sum())
    found = []
    for side, rows in ((GAINS, np.flatnonzero(gains > 0.0)), (LOSES, np.flatnonzero(gains < 0.0))):
        rows = rows[np.argsort(-parts[rows], kind="stable")]
        sums = np.cumsum(parts[rows])
        total = float(sums[-1]) if rows.size else 0.0
        needed = min(int(np.searchsorted(sums, share * total)) + 1, rows.size)
        sides[rows[:needed]] = side
        kept = rows[:top]
        makers = Makers(
            rows=kept,
            occupations=occupations[kept],
            gains=gains[kept],
            contributions=parts[kept],
            shares=parts[kept] / whole,
            others=len(rows) - len(kept),
            rest=float(parts[rows[top:]].sum()),
            total=total,
            needed=needed,
        )
        found.append(makers)
    return PeakMakers(peak, *found, sides)
