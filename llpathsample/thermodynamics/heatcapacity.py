"""What the heat capacity of a landscape tells: its curve and peaks, who makes them, and whether it has converged."""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network
from llpathsample.thermodynamics.convergence import Convergence, convergence, numbers_of_minima
from llpathsample.thermodynamics.curves import Curves, curves
from llpathsample.thermodynamics.features import heat_capacity_maxima, prominent, resolved
from llpathsample.thermodynamics.makers import PeakMakers, peak_makers


@dataclass(frozen=True)
class HeatCapacity:
    """See the module's docstring.

    constant: what is to be added to `capacity` of the curves and to the heights of peaks: kappa, or kappa / 2 without
    kinetic energy. shown: the curves at the temperatures asked for. peaks: all there are, by rising temperature;
    slight: number of maxima that are too slight for peaks, see `features.SLIGHT`. range: two temperatures between which
    all peaks are, and convergence: None for both if all losses are equal.
    """

    constant: float
    shown: Curves
    peaks: list[PeakMakers]
    slight: int
    range: tuple[float, float] | None
    convergence: Convergence | None

    @property
    def capacity(self) -> np.ndarray:
        """C_V at the temperatures shown, (t,)."""
        return self.constant + self.shown.capacity

    def within(self) -> list[tuple[int, PeakMakers]]:
        """The peaks between the ends of the curve, with their numbers from 1."""
        low, high = self.shown.temperatures[0], self.shown.temperatures[-1]
        numbered = enumerate(self.peaks, start=1)
        return [(number, makers) for number, makers in numbered if low <= makers.peak.temperature <= high]


def heat_capacity(
    network: Network, constant: float, temperatures: np.ndarray | None = None, top: int = 10, share: float = 0.99
) -> HeatCapacity:
    """Of a network. temperatures: where the curve is wanted, (t,); None for those that show all peaks, or for T = 1 if
    all losses are equal. top, share: as of `peak_makers`."""
    counts = numbers_of_minima(len(network.losses))
    found = resolved(network, counts)
    if found is None:
        shown = curves(network, [1.0] if temperatures is None else temperatures)
        return HeatCapacity(constant, shown, [], 0, None, None)
    whole = found[-1]
    maxima = heat_capacity_maxima(network, whole)
    peaks = prominent(maxima)
    makers = [peak_makers(network, peak, top, share) for peak in peaks]
    shown = whole if temperatures is None else curves(network, temperatures)
    ends = (float(whole.temperatures[0]), float(whole.temperatures[-1]))
    return HeatCapacity(constant, shown, makers, len(maxima) - len(peaks), ends, convergence(counts, found))
