"""Peaks of the heat capacity, and the minima that make them.

Feature analysis (D. J. Wales, Phys. Rev. E 95, 030105, 2017): with g_a(T) = dp_a / dT = p_a (L_a - <L>) / T^2 the heat
capacity is C_V = kappa + sum_a g_a (L_a - <L>). At a peak, minima with g_a > 0 gain occupation as it gets warmer and
those with g_a < 0 lose it. The constant (kappa, or kappa / 2 without kinetic energy) has no part in this module.
"""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network
from llpathsample.thermodynamics.curves import Curves, above_lowest, curves, curves_of_lowest, scaled_excess
from llpathsample.thermodynamics.observables import log_occupations

GRID = 200  # temperatures of a curve, before it is refined
_COOLING = 1.5
_MARGIN = 2.0
# A step of the grid is halved where the mean of the capacity in it, known from the mean losses at both ends, is further
# from that of both ends than this share of it: there is something in between.
_SMOOTH = 0.02
_NOTHING = 1e-6
_ROUNDS = 12
_MOST = 5000
_FLAT = 1e-9  # of a height, what may be rounding
SLIGHT = 1e-4  # of the highest peak, the prominence from which on a maximum counts as a peak


@dataclass(frozen=True)
class Peak:
    """A maximum of the heat capacity.

    temperature: in units of the loss. height: Var(L) / T^2 there. prominence: how far the capacity falls, on the
    side where it falls less, before it gets higher again.
    """

    temperature: float
    height: float
    prominence: float


def occupation_gains(network: Network, temperature: float) -> np.ndarray:
    """g_a = dp_a / dT of each minimum, (n,), in 1 / unit of the loss; their sum is 0."""
    shares, apart = _occupied(network, temperature)
    return shares * apart / temperature


def contributions(network: Network, temperature: float) -> np.ndarray:
    """g_a (L_a - <L>) of each minimum, (n,), all >= 0; their sum is Var(L) / T^2."""
    shares, apart = _occupied(network, temperature)
    return shares * apart * apart


def _occupied(network: Network, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """p_a and (L_a - <L>) / T, (n,) each."""
    shares = np.exp(log_occupations(network, temperature))
    x = scaled_excess(network.losses, temperature)
    return shares, x - (shares * x).sum()


def temperature_range(network: Network) -> tuple[float, float] | None:
    """Two temperatures between which all peaks of the heat capacity are; None if all losses are equal.

    With x = (L - L_0) / T the slope dC / d ln T is the third central moment of x less twice its variance. The third is
    at most max |x - <x>| <= (L_max - L_0) / T times the variance: from T = (L_max - L_0) / 2 on C falls. And it is at
    least <x^3> - 3 <x> <x^2> >= (x_1 - 3 <x>) <x^2>, x_1 of the lowest minimum above L_0: C rises where
    L_1 - L_0 > 2 T + 3 (<L> - L_0), and as <L> rises with T, at all lower temperatures too. The range is twice as wide
    at both ends, so that a curve shows how peaks there begin and end.
    """
    above = (network.losses - network.losses.min())[above_lowest(network)]
    if not above.size:
        return None
    gap, high = float(above.min()), 0.5 * float(above.max())
    low = gap / 2.0
    while 2.0 * low + 3.0 * float(curves(network, [low]).excess[0]) > gap:
        low /= _COOLING
    return low / _MARGIN, high * _MARGIN


def resolved_curves(network: Network) -> Curves | None:
    """Curves over the range of all peaks, at rising temperatures as dense as peaks need; None without a range."""
    found = resolved(network, [len(network.losses)])
    return None if found is None else found[0]


def resolved(network: Network, counts: list[int]) -> list[Curves] | None:
    """The same with the curves of the lowest minima at these temperatures, for each of the counts; the last is all."""
    ends = temperature_range(network)
    if ends is None:
        return None
    found = curves_of_lowest(network, np.geomspace(*ends, GRID), counts)
    for _ in range(_ROUNDS):
        more = _unresolved(found[-1])
        if not more.size or more.size + found[-1].temperatures.size > _MOST:
            break
        added = curves_of_lowest(network, more, counts)
        found = [_joined(*pair) for pair in zip(found, added, strict=True)]
    return found


def _unresolved(found: Curves) -> np.ndarray:
    """Temperatures in the middle of steps that hide something."""
    t, capacity = found.temperatures, found.capacity
    exact = np.diff(found.excess) / np.diff(t)
    ends = 0.5 * (capacity[:-1] + capacity[1:])
    scale = np.maximum(np.maximum(capacity[:-1], capacity[1:]), exact)
    rough = np.abs(exact - ends) > _SMOOTH * scale + _NOTHING
    # A curve that rises at both ends of a step, and by less than a third of what either slope makes of it, may fall in
    # between (F. N. Fritsch, R. E. Carlson, SIAM J. Numer. Anal. 17, 238, 1980).
    width, rise = np.diff(np.log(t)), np.diff(capacity)
    slopes = np.array([found.slope[:-1], found.slope[1:]]) * width
    rises, falls = (slopes > 0.0).all(axis=0), (slopes < 0.0).all(axis=0)
    turns = (rises & (3.0 * rise < slopes.max(axis=0))) | (falls & (3.0 * rise > slopes.min(axis=0)))
    steps = np.flatnonzero(rough | (turns & (scale > _NOTHING)))
    return np.sqrt(t[steps]) * np.sqrt(t[steps + 1])


def _joined(first: Curves, second: Curves) -> Curves:
    """Both, by rising temperature."""
    names = list(Curves.__dataclass_fields__)
    both = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    order = np.argsort(both["temperatures"], kind="stable")
    return Curves(**{name: values[order] for name, values in both.items()})


def heat_capacity_maxima(network: Network, found: Curves | None = None) -> list[Peak]:
    """All maxima of the heat capacity, however slight, by rising temperature; empty if all losses are equal.

    found: `resolved_curves` of the network, if they are there already. A maximum is where the slope, which is known
    exactly, changes its sign.
    """
    found = resolved_curves(network) if found is None else found
    if found is None:
        return []
    tops = np.flatnonzero((found.slope[:-1] > 0.0) & (found.slope[1:] <= 0.0))
    if not tops.size:
        return []
    places = [_summit(network, found.temperatures[k], found.temperatures[k + 1]) for k in tops.tolist()]
    summits = curves(network, np.array(places))
    whole, heights = _joined(found, summits), summits.capacity.tolist()
    maxima = [Peak(t, height, prominence(whole, t, height)) for t, height in zip(places, heights, strict=True)]
    return [peak for peak in maxima if peak.prominence > _FLAT * peak.height]


def prominent(maxima: list[Peak]) -> list[Peak]:
    """Those of the maxima whose prominence is at least SLIGHT of the highest: the others are nothing to be seen."""
    highest = max((peak.height for peak in maxima), default=0.0)
    return [peak for peak in maxima if peak.prominence >= SLIGHT * highest]


def heat_capacity_peaks(network: Network, found: Curves | None = None) -> list[Peak]:
    """The prominent maxima of the heat capacity, by rising temperature. found: as for `heat_capacity_maxima`."""
    return prominent(heat_capacity_maxima(network, found))


def highest_peak(network: Network) -> float | None:
    """Temperature of the highest peak of the heat capacity; None without any."""
    peaks = heat_capacity_peaks(network)
    return max(peaks, key=lambda peak: peak.height).temperature if peaks else None


def _summit(network: Network, low: float, high: float) -> float:
    """Where between two temperatures the slope is zero."""
    from scipy.optimize import brentq

    def slope(logarithm: float) -> float:
        return float(curves(network, [np.exp(logarithm)]).slope[0])

    a, b = np.log(low), np.log(high)
    if not slope(a) > 0.0 > slope(b):  # one end is the summit but for rounding
        return high if abs(slope(b)) < abs(slope(a)) else low
    return float(np.exp(brentq(slope, a, b, xtol=1e-13, rtol=1e-13)))


def prominence(found: Curves, temperature: float, height: float) -> float:
    """How far a maximum stands above the higher of the lowest points that part it from higher ones.

    found: curves at rising temperatures, whether the maximum's is one of them or not.
    """
    place = int(np.searchsorted(found.temperatures, temperature))
    # What is higher by rounding only is the maximum itself, met again.
    higher = np.flatnonzero(found.capacity > height * (1.0 + _FLAT))
    left, right = higher[higher < place], higher[higher >= place]
    before = found.capacity[left[-1] : place].min() if left.size else 0.0
    after = found.capacity[place : right[0] + 1].min() if right.size else 0.0
    return height - float(max(before, after))
