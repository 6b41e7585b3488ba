"""What every search method is made of: walkers that advance in segments, independently of one another.

A walker is all that its next step depends on, so a search can be stopped after any segment and go on elsewhere with the
same bits. A method says how walkers begin, how one advances by some steps, and, if walkers need one another, what
happens between them when all have done the same number of steps.
"""

from dataclasses import dataclass, field

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.rng import generator, state_of
from llcommon.settings import Settings
from llcommon.store import Landscape

SEGMENT_STEPS = 20
# Bits of an outcome in the trace: ended in a verified minimum; the walker moved there; it was new.
VERIFIED, MOVED, NEW = 1, 2, 4


@dataclass(frozen=True)
class Walker:
    """The state of one chain, replica or population.

    number: from 0; done: steps so far; rng: state of its random numbers; values: further JSON-able state; arrays:
    float64 or int64 arrays of any shape.
    """

    number: int
    done: int
    rng: dict
    values: dict
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Quenched:
    """One quench. loss: where it ended, NaN if it failed; minimum: None unless verified; accepted: the walker moved."""

    loss: float
    evaluations: int
    minimum: Minimum | None
    accepted: bool = False


@dataclass(frozen=True)
class TrajectoryPoint:
    """A point of a training run. epoch: passes over the data until there; loss: of all data; coordinates: (N,); quench:
    place, among those of its segment, of the quench that began there, or None."""

    epoch: float
    loss: float
    coordinates: np.ndarray
    quench: int | None = None


@dataclass
class Segment:
    """What some steps of a walker yielded.

    walker: the state behind the last step; quenches: in order; counts: by name; hit: whether the target was reached, so
    that the search ends here; trajectory: points of a training run that are kept, in order.
    """

    walker: Walker
    quenches: list[Quenched] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    hit: bool = False
    trajectory: list[TrajectoryPoint] = field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a named count."""
        self.counts[name] = self.counts.get(name, 0) + number


class Method:
    """What a search does; one object in every process.

    Subclasses set: kind, the name in files; noun and step_noun, what walkers and steps are called; number, of walkers;
    steps, of each; segment, steps between two merges; couples, whether `couple` must see all walkers between segments.
    """

    kind: str = ""
    noun: str = "walkers"
    step_noun: str = "steps"
    couples: bool = False

    def __init__(self, model: LossModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.number = settings.search.chains
        self.steps = settings.search.steps
        self.segment = SEGMENT_STEPS

    def fresh(self, number: int, values: dict, arrays: dict[str, np.ndarray]) -> Walker:
        """Walker `number` before its first step, with a stream of random numbers of its own."""
        rng = generator(self.settings.search.seed, self.kind, number)
        return Walker(number, 0, state_of(rng), values, arrays)

    def first(self, number: int) -> Walker:
        """Walker `number` before its first step."""
        raise NotImplementedError

    def advance(self, walker: Walker, steps: int) -> Segment:
        """`steps` further steps of a walker."""
        raise NotImplementedError

    def couple(self, walkers: list[Walker], landscape: Landscape) -> list[Walker]:
        """The walkers after what happens between them; all have done the same number of steps.

        landscape: what they have found so far; its counters may be added to.
        """
        return walkers

    def merged(self, landscape: Landscape, segment: Segment, minimum_ids: list[int]) -> None:
        """Called when a segment has been added to the landscape. minimum_ids: of each of its quenches, -1 for none."""
