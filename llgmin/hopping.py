"""Basin-hopping: Metropolis sampling of minima (Wales and Doye, J. Phys. Chem. A 101, 5111, 1997).

A step displaces the current minimum by one of the `moves`, quenches, and accepts the new minimum by the rule of
`acceptance`. A quench that does not end in a verified minimum is never accepted. A chain that finds nothing lower may
start anew, keep away from where it was before, and be forbidden its latest minima.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.records import Minimum
from llcommon.rng import from_state, state_of
from llcommon.settings import Settings
from llcommon.store import Landscape
from llcommon.symmetry import same_point
from llgmin.acceptance import accepts
from llgmin.moves import USES_OTHERS, Moves
from llgmin.quenching import Quenches
from llgmin.recent import Recent
from llgmin.steering import Pace, after_step, temperature_at
from llgmin.walker import Method, Quenched, Segment, Walker

_MOST_STARTS = 20
_POOL = 50  # lowest minima that moves between minima choose from


@dataclass
class Place:
    """Where a chain is. point: (N,); loss: infinite before the first minimum; log_volume: what free energies add,
    LPPHE / 2 + ln order, per temperature."""

    point: np.ndarray
    loss: float = math.inf
    log_volume: float = 0.0


@dataclass
class _Chain:
    """A walker while it advances. lowest: best objective since the (re)start, at best_point; waited: steps since."""

    rng: np.random.Generator
    done: int
    place: Place
    pace: Pace
    lowest: float
    best_point: np.ndarray
    waited: int
    restarts: int
    avoided: np.ndarray
    taboo: np.ndarray
    pool: np.ndarray
    recent: Recent


@dataclass(frozen=True)
class _End:
    """Where a step ended. loss: NaN, and place None, if its quench failed; minimum: None unless verified."""

    loss: float
    evaluations: int
    minimum: Minimum | None = None
    place: Place | None = None
    accepted: bool = False


class BasinHopping(Method):
    """Independent chains; see the module's docstring."""

    kind = "basin-hopping"
    noun = "chains"

    def __init__(self, model: LossModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self.search = settings.search
        self.quenches = Quenches(model, settings)
        self.moves = Moves(model, self.search, settings.curvature)
        self.couples = bool(USES_OTHERS & set(self.moves.names))

    # --- temperatures -----------------------------------------------------------------

    def base_temperature(self, number: int) -> float:
        """The temperature that walker `number` begins with."""
        wanted = self.search.temperature
        return self.model.suggested_temperature if wanted is None else wanted

    def _temperature(self, number: int, chain: _Chain) -> float:
        return temperature_at(self.base_temperature(number), chain.done, self.search) * chain.pace.heat

    def _objective(self, loss: float, log_volume: float, temperature: float) -> float:
        """What the acceptance test compares."""
        if self.search.objective == "loss" or math.isinf(loss):
            return loss
        own = self.search.free_energy_temperature
        return loss + (temperature if own is None else own) * log_volume

    # --- walkers ----------------------------------------------------------------------

    def first(self, number: int) -> Walker:
        dimension = self.model.dimension
        step = self.model.suggested_step if self.search.step is None else self.search.step
        none = np.empty((0, dimension))
        levels = np.array([math.inf, 0.0, math.inf])
        arrays = {"point": np.zeros(dimension), "best_point": np.zeros(dimension), "levels": levels}
        arrays.update({name: none for name in ("avoided", "taboo", "pool")})
        return self.fresh(number, {"pace": asdict(Pace(step)), "waited": 0, "restarts": 0}, arrays)

    def _unpack(self, walker: Walker) -> _Chain:
        loss, log_volume, lowest = (float(value) for value in walker.arrays["levels"])
        return _Chain(
            rng=from_state(walker.rng),
            done=walker.done,
            place=Place(walker.arrays["point"], loss, log_volume),
            pace=Pace(**walker.values["pace"]),
            lowest=lowest,
            best_point=walker.arrays["best_point"],
            waited=walker.values["waited"],
            restarts=walker.values["restarts"],
            recent=self.quenches.recent(walker.arrays),
            **{name: walker.arrays[name] for name in ("avoided", "taboo", "pool")},
        )

    def _pack(self, number: int, chain: _Chain) -> Walker:
        values = {"pace": asdict(chain.pace), "waited": chain.waited, "restarts": chain.restarts}
        levels = np.array([chain.place.loss, chain.place.log_volume, chain.lowest])
        arrays = {"point": chain.place.point, "best_point": chain.best_point, "levels": levels}
        arrays.update({name: getattr(chain, name) for name in ("avoided", "taboo", "pool")})
        arrays.update(chain.recent.arrays())
        return Walker(number, chain.done, state_of(chain.rng), values, arrays)

    # --- steps ------------------------------------------------------------------------

    def advance(self, walker: Walker, steps: int) -> Segment:
        """`steps` further steps; the first of a (re)started chain also quenches a random start."""
        chain = self._unpack(walker)
        segment = Segment(walker)
        for _ in range(steps):
            started = math.isfinite(chain.place.loss) or self._start(walker.number, chain, segment)
            if started and not segment.hit:
                self._step(walker.number, chain, segment)
            chain.done += 1
            if segment.hit:
                break
        segment.count("steps", chain.done - walker.done)
        segment.walker = self._pack(walker.number, chain)
        return segment

    def _start(self, number: int, chain: _Chain, segment: Segment) -> bool:
        """Take the chain to the minimum below the first random start that has one; whether there is one.

        What lies below the model's special starts is collected on the way of the first start.
        """
        if not chain.restarts:
            for start in self.model.special_starts(chain.rng):
                minimum, evaluations = self.quenches.whole(start, segment, chain.recent)
                self._record(segment, minimum, evaluations)
        for _ in range(_MOST_STARTS):
            minimum, evaluations = self.quenches.whole(self.model.random_start(chain.rng), segment, chain.recent)
            self._record(segment, minimum, evaluations, minimum is not None)
            if minimum is not None:
                self._move(number, chain, _place_of(minimum))
                return True
        return False

    @staticmethod
    def _record(segment: Segment, minimum: Minimum | None, evaluations: int, accepted: bool = False) -> None:
        loss = math.nan if minimum is None else minimum.loss
        segment.quenches.append(Quenched(loss, evaluations, minimum, accepted))

    def _move(self, number: int, chain: _Chain, place: Place) -> None:
        """Let the chain be at `place`."""
        chain.place = place
        value = self._objective(place.loss, place.log_volume, self._temperature(number, chain))
        if value < chain.lowest - self.settings.same_point.loss_tolerance:
            chain.lowest = value
            chain.best_point = place.point
            chain.waited = 0
        if self.search.taboo:
            chain.taboo = np.vstack([chain.taboo, place.point])[-self.search.taboo :]

    def _step(self, number: int, chain: _Chain, segment: Segment) -> None:
        """One displacement, quench and test."""
        start = self.moves.propose(chain.place.point, chain.pace.step, chain.pool, chain.rng)
        random = chain.rng.random()
        chain.waited += 1
        ends = self._whole_end if self.search.finish == "all" else self._rough_end
        end = ends(number, chain, start, random, segment)
        # A chain that only comes back to a taboo minimum takes too short steps, not too long ones.
        chain.pace = after_step(chain.pace, end.accepted, self.search)
        moved = end.accepted and not self._is_taboo(end.place.point, chain)
        segment.quenches.append(Quenched(end.loss, end.evaluations, end.minimum, moved))
        if moved:
            segment.count("accepted")
            self._move(number, chain, end.place)
        self._maybe_restart(chain, moved, segment)

    def _is_taboo(self, point: np.ndarray, chain: _Chain) -> bool:
        return self._is_near(point, chain.taboo, self.settings.same_point.distance_tolerance)

    def _test(self, number: int, chain: _Chain, place: Place, random: float) -> bool:
        """Whether the rule of acceptance lets the chain go to `place`."""
        temperature = self._temperature(number, chain)
        here = self._objective(chain.place.loss, chain.place.log_volume, temperature)
        there = self._objective(place.loss, place.log_volume, temperature)
        return accepts(self.search.acceptance, there - here, temperature, self.search.tsallis_q, random)

    def _whole_end(self, number, chain, start, random, segment) -> _End:
        """The end of a step by a whole quench."""
        minimum, evaluations = self.quenches.whole(start, segment, chain.recent)
        if minimum is None:
            return _End(math.nan, evaluations)
        place = _place_of(minimum)
        return _End(minimum.loss, evaluations, minimum, place, self._test(number, chain, place, random))

    def _rough_end(self, number, chain, start, random, segment) -> _End:
        """The end of a step by a rough quench that is finished if it deserves it."""
        rough = self.quenches.rough(start, segment)
        if math.isnan(rough.loss):
            return _End(math.nan, rough.evaluations)
        place = Place(rough.result.coordinates, rough.loss)
        accepted = self._test(number, chain, place, random)
        improves = rough.loss < chain.lowest - self.settings.same_point.loss_tolerance
        if not (improves or (accepted and self.search.finish == "accepted")):
            return _End(rough.loss, rough.evaluations, None, place, accepted)
        minimum, evaluations = self.quenches.finished(rough, segment, chain.recent)
        if minimum is None:
            return _End(math.nan, evaluations)
        return _End(minimum.loss, evaluations, minimum, _place_of(minimum), accepted)

    # --- restarts ---------------------------------------------------------------------

    def _is_near(self, point: np.ndarray, others: np.ndarray, distance: float) -> bool:
        """Whether one of the `others`, (k, N), or an image of it, is within a distance."""
        return any(same_point(self.model, other.copy(), point, distance) for other in others)

    def _maybe_restart(self, chain: _Chain, moved: bool, segment: Segment) -> None:
        """Send the chain to a new random start if it has waited too long or has come to what it avoids."""
        if not self.search.reseed_after:
            return
        if moved and self._is_near(chain.place.point, chain.avoided, self.search.avoid_distance):
            segment.count("restarts by avoided minima")
        elif chain.waited >= self.search.reseed_after:
            segment.count("restarts")
            if self.search.avoid:
                chain.avoided = np.vstack([chain.avoided, chain.best_point])[-self.search.avoid :]
        else:
            return
        chain.restarts += 1
        chain.waited = 0
        chain.lowest = math.inf
        chain.place = Place(np.zeros(self.model.dimension))
        chain.taboo = chain.taboo[:0]

    # --- between walkers --------------------------------------------------------------

    def couple(self, walkers: list[Walker], landscape: Landscape) -> list[Walker]:
        """Gives all chains the lowest minima found so far, for moves between minima."""
        if not USES_OTHERS & set(self.moves.names) or not len(landscape.minima):
            return walkers
        lowest = np.argsort(landscape.minima.loss, kind="stable")[:_POOL]
        pool = landscape.minima.coordinates[lowest]
        return [
            Walker(walker.number, walker.done, walker.rng, walker.values, {**walker.arrays, "pool": pool})
            for walker in walkers
        ]


def _place_of(minimum: Minimum) -> Place:
    return Place(minimum.coordinates, minimum.loss, 0.5 * minimum.lpphe + minimum.log_order)
