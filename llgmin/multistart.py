"""Random multi-start: one quench from each of many starts, as [starts] describes them.

The number of quenches that end in a minimum, over all, estimates the share of its basin of attraction in the volume
that the starts fill.
"""

import math

from llcommon.losses.base import LossModel
from llcommon.settings import Settings
from llgmin.quenching import Quenches
from llgmin.starts import Starts
from llgmin.walker import Method, Quenched, Segment, Walker


class MultiStart(Method):
    """Walkers share the starts: start number n falls to walker n modulo their number."""

    kind = "multi-start"

    def __init__(self, model: LossModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self.quenches = Quenches(model, settings)
        self.starts = Starts(model, settings.starts, settings.search.seed, self.number * self.steps)

    def first(self, number: int) -> Walker:
        return self.fresh(number, {}, {})

    def advance(self, walker: Walker, steps: int) -> Segment:
        """Quenches from `steps` further starts."""
        segment = Segment(walker)
        recent = self.quenches.recent(walker.arrays)
        done = walker.done
        while done < walker.done + steps and not segment.hit:
            start = self.starts.point(done * self.number + walker.number)
            minimum, evaluations = self.quenches.whole(start, segment, recent)
            loss = math.nan if minimum is None else minimum.loss
            segment.quenches.append(Quenched(loss, evaluations, minimum))
            done += 1
        segment.count("steps", done - walker.done)
        segment.walker = Walker(walker.number, done, walker.rng, walker.values, recent.arrays())
        return segment
