"""One basin-hopping chain: Metropolis sampling of minima (Wales and Doye, J. Phys. Chem. A 101, 5111, 1997).

A step displaces every coordinate of the current minimum by a uniform random number in [-step, step],
quenches, and accepts the new minimum with probability min(1, exp(-(L' - L) / T)). A quench that does not end
in a verified minimum is never accepted. The step size is steered to a target acceptance.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum
from llcommon.rng import from_state, generator, state_of
from llcommon.settings import CurvatureSettings, QuenchSettings, SearchSettings
from llcommon.status import Status

_MOST_STARTS = 20


@dataclass(frozen=True)
class ChainState:
    """Everything that the next step of a chain depends on.

    coordinates: (N,), the current minimum; loss: infinite before the first. step: present step size.
    tried, accepted: steps since the last adjustment of the step size.
    """

    number: int
    done: int
    rng: dict
    coordinates: np.ndarray
    loss: float
    step: float
    tried: int = 0
    accepted: int = 0


@dataclass
class Segment:
    """What some steps of a chain yielded: minima in order, counts by name, and the state behind the last."""

    state: ChainState
    minima: list[Minimum] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a named count."""
        self.counts[name] = self.counts.get(name, 0) + number


def first_state(model: LossModel, settings: SearchSettings, number: int) -> ChainState:
    """The state of chain `number` before its first quench."""
    rng = generator(settings.seed, "basin-hopping", number)
    step = model.suggested_step if settings.step is None else settings.step
    return ChainState(number, 0, state_of(rng), np.zeros(model.dimension), math.inf, step)


class Chain:
    """Advances chains of one model; holds what does not change from step to step."""

    def __init__(
        self,
        model: LossModel,
        quench: QuenchSettings,
        search: SearchSettings,
        curvature: CurvatureSettings | None = None,
    ) -> None:
        self.model = model
        self.curvature = curvature
        self.search = search
        self.tolerance = quench.rms
        self.quencher = Quencher(model, quench)
        self.temperature = model.suggested_temperature if search.temperature is None else search.temperature

    def _quench(self, start: np.ndarray, segment: Segment) -> Minimum | None:
        """The verified minimum below start, or None; counted either way."""
        result = self.quencher.quench(start)
        segment.count("quenches")
        segment.count("evaluations", result.evaluations)
        segment.count("hessians", result.hessians)
        if result.status is not Status.CONVERGED:
            segment.count(f"failed {result.status.label}")
            return None
        minimum, status = minimum_at(self.model, result.coordinates, self.tolerance, self.curvature)
        if minimum is None:
            segment.count(f"failed {status.label}")
            return None
        segment.minima.append(minimum)
        return minimum

    def advance(self, state: ChainState, steps: int) -> Segment:
        """`steps` further steps (the very first also quenches a random start)."""
        rng = from_state(state.rng)
        segment = Segment(state)
        coordinates = state.coordinates
        loss = state.loss
        step = state.step
        tried = state.tried
        accepted = state.accepted
        for _ in range(steps):
            if math.isinf(loss):
                minimum = self._first_minimum(rng, segment)
                if minimum is None:
                    continue
                coordinates = minimum.coordinates
                loss = minimum.loss
            displacement = rng.uniform(-step, step, size=self.model.dimension)
            threshold = rng.random()
            minimum = self._quench(coordinates + displacement, segment)
            tried += 1
            if minimum is not None and self._accepts(minimum.loss - loss, threshold):
                coordinates = minimum.coordinates
                loss = minimum.loss
                accepted += 1
                segment.count("accepted")
            if tried == self.search.adjust_every:
                above = accepted > self.search.target_acceptance * tried
                step = step * self.search.adjust_factor if above else step / self.search.adjust_factor
                tried = 0
                accepted = 0
        segment.count("steps", steps)
        segment.state = ChainState(
            state.number, state.done + steps, state_of(rng), coordinates, loss, step, tried, accepted
        )
        return segment

    def _first_minimum(self, rng: np.random.Generator, segment: Segment) -> Minimum | None:
        """A minimum from the first of some random starts whose quench converges.

        What lies below the model's special starts is collected on the way.
        """
        for start in self.model.special_starts(rng):
            self._quench(start, segment)
        for _ in range(_MOST_STARTS):
            minimum = self._quench(self.model.random_start(rng), segment)
            if minimum is not None:
                return minimum
        return None

    def _accepts(self, rise: float, threshold: float) -> bool:
        """Metropolis: downhill always, uphill if exp(-rise / T) exceeds the uniform random threshold."""
        return rise <= 0.0 or math.exp(-rise / self.temperature) > threshold
