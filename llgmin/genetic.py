"""A genetic algorithm on minima: parents are crossed unit by unit, children mutated and quenched, the lowest live on.

Deaven and Ho (Phys. Rev. Lett. 75, 288, 1995) cut and splice clusters of atoms; here the second parent is aligned to
the first under the symmetry of the model, and its units are exchanged, so that those of a child do what they did.
"""

import math

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.rng import from_state, state_of
from llcommon.settings import Settings
from llcommon.symmetry import same_point
from llgmin.moves import Moves, mixed
from llgmin.quenching import Quenches
from llgmin.recent import Recent
from llgmin.starts import Starts
from llgmin.walker import SEGMENT_STEPS, Method, Quenched, Segment, Walker

# Share of the fitness of the lowest minimum that the highest of a population has, for the roulette.
_LEAST_FITNESS = 0.05


class _Population:
    """Distinct minima, ascending in loss. points: (k, N); losses: (k,)."""

    def __init__(self, points: np.ndarray, losses: np.ndarray) -> None:
        self.points = points
        self.losses = losses

    def __len__(self) -> int:
        return len(self.losses)

    def insert(self, point: np.ndarray, loss: float) -> None:
        """Add a minimum in its place."""
        place = int(np.searchsorted(self.losses, loss, side="right"))
        self.points = np.insert(self.points, place, point, axis=0)
        self.losses = np.insert(self.losses, place, loss)

    def keep(self, number: int) -> None:
        """Only the lowest so many."""
        self.points = self.points[:number]
        self.losses = self.losses[:number]


class Genetic(Method):
    """Independent populations, one a walker; a step is a generation, the first of an epoch fills the population."""

    kind = "genetic"
    noun = "populations"

    def __init__(self, model: LossModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self.genetic = settings.genetic
        self.quenches = Quenches(model, settings)
        self.moves = Moves(model, settings.search, settings.curvature)
        self.units = model.units()
        self.step = model.suggested_step if settings.search.step is None else settings.search.step
        self.starts = Starts(model, settings.starts, settings.search.seed, self.number * self.genetic.population)
        self.segment = max(1, SEGMENT_STEPS // self.genetic.offspring)

    def first(self, number: int) -> Walker:
        arrays = {"points": np.empty((0, self.model.dimension)), "losses": np.empty(0)}
        return self.fresh(number, {"waited": 0, "epochs": 0}, arrays)

    def advance(self, walker: Walker, steps: int) -> Segment:
        """`steps` further generations."""
        segment = Segment(walker)
        rng = from_state(walker.rng)
        population = _Population(walker.arrays["points"], walker.arrays["losses"])
        recent = self.quenches.recent(walker.arrays)
        waited = walker.values["waited"]
        epochs = walker.values["epochs"]
        done = walker.done
        while done < walker.done + steps and not segment.hit:
            ends = bool(self.genetic.epoch and waited >= self.genetic.epoch)
            if ends:
                population.keep(self.genetic.survivors)
                segment.count("epochs")
                epochs += 1
            lowest = population.losses[0] if len(population) else math.inf
            if ends or not done or not len(population):
                self._fill(walker.number, epochs, population, recent, rng, segment)
            if len(population) and not segment.hit:
                self._breed(population, recent, rng, segment)
            fell = len(population) and population.losses[0] < lowest - self.settings.same_point.loss_tolerance
            waited = 0 if fell else waited + 1
            done += 1
        segment.count("steps", done - walker.done)
        arrays = {"points": population.points, "losses": population.losses, **recent.arrays()}
        values = {"waited": waited, "epochs": epochs}
        segment.walker = Walker(walker.number, done, state_of(rng), values, arrays)
        return segment

    def _quench(self, start: np.ndarray, population: _Population, recent: Recent, segment: Segment) -> None:
        """Add the minimum below start, (N,), to the population, if it is not one of it."""
        minimum, evaluations = self.quenches.whole(start, segment, recent)
        if minimum is None:
            segment.quenches.append(Quenched(math.nan, evaluations, None))
            return
        new = not self._holds(population, minimum.coordinates, minimum.loss)
        if new:
            population.insert(minimum.coordinates, minimum.loss)
        segment.quenches.append(Quenched(minimum.loss, evaluations, minimum, new))

    def _holds(self, population: _Population, point: np.ndarray, loss: float) -> bool:
        """Whether a minimum, (N,), is one of the population."""
        rule = self.settings.same_point
        alike = np.flatnonzero(np.abs(population.losses - loss) < rule.loss_tolerance)
        return any(
            same_point(self.model, population.points[place].copy(), point, rule.distance_tolerance) for place in alike
        )

    def _fill(self, number: int, epochs: int, population: _Population, recent, rng, segment: Segment) -> None:
        """Quench starts until the population is full, or a number of them in turn has brought no new minimum.

        A landscape may have fewer minima than a population.
        """
        wanted = self.genetic.population
        turn = 0
        vain = 0
        while len(population) < wanted and vain < wanted and not segment.hit:
            before = len(population)
            planned = not epochs and turn < wanted
            start = self.starts.point(number * wanted + turn) if planned else self.starts.another(rng)
            self._quench(start, population, recent, segment)
            vain = 0 if len(population) > before else vain + 1
            turn += 1

    def _breed(self, population: _Population, recent, rng: np.random.Generator, segment: Segment) -> None:
        """One generation: children of the present population, then the lowest of both."""
        parents = _Population(population.points, population.losses)
        for _ in range(self.genetic.offspring):
            child = self._child(parents, rng)
            self._quench(child, population, recent, segment)
            if segment.hit:
                break
        population.keep(self.genetic.population)

    def _child(self, parents: _Population, rng: np.random.Generator) -> np.ndarray:
        """A child of two different parents, perhaps mutated; (N,)."""
        first = self._parent(parents, rng, None)
        second = self._parent(parents, rng, first) if len(parents) > 1 else first
        child = parents.points[first].copy()
        if second != first:
            other = self.model.align(child, parents.points[second].copy())
            child = mixed(child, other, self.units, self._taken(rng))
        if second == first or rng.random() < self.genetic.mutation_rate:
            child = self.moves.propose(child, self.step, parents.points, rng)
        return child

    def _taken(self, rng: np.random.Generator) -> np.ndarray:
        """Which units, bool (units,), a child has of its second parent."""
        count = len(self.units)
        if self.genetic.crossover == "one-point" and count > 1:
            return np.arange(count) >= rng.integers(1, count)
        return rng.random(count) < 0.5

    def _parent(self, parents: _Population, rng: np.random.Generator, excluded: int | None) -> int:
        """The place of a parent; lower ones are chosen more often."""
        places = np.array([place for place in range(len(parents)) if place != excluded])
        if self.genetic.selection == "tournament":
            rivals = rng.choice(places, size=min(self.genetic.tournament, len(places)), replace=False)
            return int(rivals.min())  # ascending in loss
        losses = parents.losses[places]
        spread = losses[-1] - losses[0]
        fitness = np.ones(len(places)) if spread == 0.0 else (losses[-1] - losses) / spread
        weights = _LEAST_FITNESS + (1.0 - _LEAST_FITNESS) * fitness
        return int(rng.choice(places, p=weights / weights.sum()))
