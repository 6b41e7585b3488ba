"""Landscapes as large as one likes, with invented points: for what storing, looking up and listing them costs.

Losses come in groups nearer to each other than the tolerance of the same-point rule, as those of a real network do
where many minima differ in a dead unit or so: three points share one on average, and every look-up has them to compare.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.progress import say
from llcommon.losses.base import LossModel
from llcommon.records import Minimum, TransitionState, Triple
from llcommon.settings import Settings
from llcommon.store import Landscape

_IN_GROUP = 3  # points of nearly one loss, on average
_SPREAD = 2e-9  # of their losses; the tolerance is 1e-8
_LOWEST = 0.0225  # the global minimum of iris 4-10-3 at lambda 1e-4
_HEIGHT = 0.01  # scale of the losses above it


@dataclass(frozen=True)
class Sizes:
    """Numbers of minima, transition states (TS) and pairs tried."""

    minima: int
    transition_states: int
    pairs: int


def _losses(number: int, rng: np.random.Generator) -> np.ndarray:
    """Losses (number,) in groups; gamma distributed, so that low ones are rare and most lie together."""
    groups = _LOWEST + _HEIGHT * rng.gamma(4.0, 0.5, max(1, number // _IN_GROUP))
    return rng.choice(groups, number) + _SPREAD * rng.random(number)


def _common(prefix: str, number: int, model: LossModel, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The columns that minima and TS share, by dataset path."""
    lpphe = rng.normal(-300.0, 20.0, number)
    lpphe[rng.random(number) < 0.01] = np.nan
    columns = {
        "loss": _losses(number, rng),
        "coordinates": rng.standard_normal((number, model.dimension)),
        "rms": 10.0 ** rng.uniform(-14.0, -9.0, number),
        "lpphe": lpphe,
        "lpphe_error": np.zeros(number),
        "lpphe_probes": np.zeros(number, dtype=np.int64),
        "eigenvalue_tolerance": np.full(number, 1e-12),
        "order": np.ones(number, dtype=np.int64),
        "log_order": np.zeros(number),
    }
    if model.bounded:
        columns["active"] = np.zeros((number, model.dimension), dtype=np.int8)
    return {f"{prefix}/{name}": column for name, column in columns.items()}


def _ends(number: int, minima: int, rng: np.random.Generator) -> np.ndarray:
    """Two ids, (number, 2), of each TS: half of them are of a core that has many, one in fifty is degenerate."""
    ends = rng.integers(0, minima, (number, 2))
    core = rng.random(number) < 0.5
    ends[core, 1] = rng.integers(0, max(1, minima // 100), int(core.sum()))
    degenerate = rng.random(number) < 0.02
    ends[degenerate, 1] = ends[degenerate, 0]
    return ends


def landscape_of(model: LossModel, settings: Settings, sizes: Sizes, seed: int = 1) -> Landscape:
    """A landscape of the model with invented points of these numbers, which are no stationary points."""
    rng = np.random.default_rng(seed)
    contents = _common("minima", sizes.minima, model, rng)
    contents["minima/smallest_eigenvalue"] = 10.0 ** rng.uniform(-4.0, -3.0, sizes.minima)
    contents["minima/visits"] = 1 + rng.poisson(1.0, sizes.minima)
    contents |= _common("transition_states", sizes.transition_states, model, rng)
    contents["transition_states/negative_eigenvalue"] = -(10.0 ** rng.uniform(-4.0, -2.0, sizes.transition_states))
    contents["transition_states/next_eigenvalue"] = 10.0 ** rng.uniform(-4.0, -3.0, sizes.transition_states)
    ends = _ends(sizes.transition_states, sizes.minima, rng)
    contents["transition_states/minima"] = ends
    # A TS lies above its minima.
    contents["transition_states/loss"] += contents["minima/loss"][ends].max(axis=1) - _LOWEST
    tried = np.unique(np.sort(rng.integers(0, sizes.minima, (sizes.pairs, 2)), axis=1), axis=0)
    contents["pairs/ids"] = rng.permutation(tried)
    contents["pairs/attempts"] = np.ones(len(tried), dtype=np.int64)
    contents["pairs/connected"] = (rng.random(len(tried)) < 0.7).astype(np.uint8)
    contents["pairs/status"] = np.where(contents["pairs/connected"] == 1, 0, rng.choice([1, 7, 9], len(tried)))
    say(f"synthetic: {sizes.minima} minima, {sizes.transition_states} TS")
    return Landscape(settings, model, model.data, contents)


def batch_of(landscape: Landscape, triples: int, seed: int = 2) -> Landscape:
    """What a batch of searches hands over: triples of which four TS of ten are known, and three minima of four.

    What is known comes as a random symmetry image, displaced by rounding; the losses of what is new are those of stored
    points, so that there is something to compare them with.
    """
    rng = np.random.default_rng(seed)
    model = landscape.model
    batch = Landscape(landscape.settings, model, landscape.data)

    def image(x: np.ndarray) -> np.ndarray:
        return model.random_image(x.copy(), rng) + 1e-9 * rng.standard_normal(model.dimension)

    def minimum() -> Minimum:
        chosen = int(rng.integers(len(landscape.minima)))
        stored = landscape.minimum(chosen)
        x = image(stored.coordinates) if rng.random() < 0.75 else rng.standard_normal(model.dimension)
        return Minimum(stored.loss + 1e-12 * rng.random(), x, 1e-12, stored.lpphe, stored.smallest_eigenvalue)

    for _ in range(triples):
        chosen = int(rng.integers(len(landscape.transition_states)))
        stored = landscape.transition_state(chosen)
        x = image(stored.coordinates) if rng.random() < 0.4 else rng.standard_normal(model.dimension)
        loss = stored.loss + 1e-12 * rng.random()
        state = TransitionState(loss, x, 1e-12, stored.lpphe, stored.negative_eigenvalue, stored.next_eigenvalue)
        added = batch.add_triple(Triple(minimum(), state, minimum()))
        batch.mark_pair(added.plus_id, added.minus_id, True, 0)
    return batch


def overlapping(landscape: Landscape, seed: int = 3) -> Landscape:
    """A landscape of as many points with the same losses; every second one is a random symmetry image of its like."""
    rng = np.random.default_rng(seed)
    model = landscape.model
    sizes = Sizes(len(landscape.minima), len(landscape.transition_states), len(landscape.pairs))
    other = landscape_of(model, landscape.settings, sizes, seed)
    for mine, theirs in (
        (landscape.minima, other.minima),
        (landscape.transition_states, other.transition_states),
    ):
        for row, x in enumerate(mine.coordinates):
            theirs.replace("loss", row, mine.loss[row])
            if row % 2 == 0:
                theirs.replace("coordinates", row, model.random_image(x.copy(), rng))
    return other
