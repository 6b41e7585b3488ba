"""A small loss model with permutation symmetry, and landscapes of it, for the tests of the store."""

from dataclasses import dataclass

import numpy as np

from llcommon import losses
from llcommon.config import setting
from llcommon.data import Data
from llcommon.losses.base import LossModel
from llcommon.records import Minimum, TransitionState, Triple
from llcommon.settings import Settings, parse_settings
from llcommon.store import Landscape


@dataclass(frozen=True)
class StandInParameters:
    """Parameters of the stand-in."""

    size: int = setting(3, help="coordinates", minimum=1)
    strength: float = setting(1.0, help="force constant", above=0.0)


class StandIn(LossModel):
    """L(x) = strength |x|^2, of which only the symmetry is used: all permutations of coordinates."""

    name = "stand-in"
    Parameters = StandInParameters
    takes_data = False  # the data are kept and hashed, not used

    def __init__(self, parameters, data):
        self.parameters = parameters
        self.data = data
        self.dimension = parameters.size

    def align(self, reference, x):
        """Sorting both gives the nearest permutation (rearrangement inequality)."""
        image = np.empty(self.dimension)
        image[np.argsort(reference, kind="stable")] = np.sort(x)
        return image


_original_model_class = losses.model_class


def _model_class(name):
    return StandIn if name == "stand-in" else _original_model_class(name)


def install() -> None:
    """Let `llcommon.losses` know the stand-in (child processes; tests use the fixture)."""
    losses.model_class = _model_class


def make_settings(**sections) -> Settings:
    loss = {"model": "stand-in", **sections.pop("loss", {})}
    return parse_settings({"loss": loss, **sections}, "test", lambda name: _model_class(name).Parameters)


def make_data(seed: int = 0, rows: int = 5) -> Data:
    rng = np.random.default_rng(seed)
    return Data(
        feature_names=("length", "größe"),
        features=rng.normal(size=(rows, 2)),
        shift=np.array([0.5, -0.5]),
        scale=np.array([2.0, 1.0]),
        scaling="standardise",
        target_name="kind",
        class_names=("a", "b"),
        labels=rng.integers(0, 2, size=rows),
        targets=None,
        source="data.csv",
        sha256="0" * 64,
    )


def make_landscape(size: int = 3, data: Data | None = None, **sections) -> Landscape:
    settings = make_settings(loss={"size": size}, **sections)
    model = StandIn(StandInParameters(size=size), data)
    return Landscape(settings, model, data)


def minimum(loss: float, coordinates, **values) -> Minimum:
    details = {"rms": 1e-10, "lpphe": 1.5, "smallest_eigenvalue": 0.25, **values}
    return Minimum(loss, np.array(coordinates, dtype=float), **details)


def transition_state(loss: float, coordinates, **values) -> TransitionState:
    details = {"rms": 1e-11, "lpphe": 0.5, "negative_eigenvalue": -1.0, "next_eigenvalue": 0.5, **values}
    return TransitionState(loss, np.array(coordinates, dtype=float), **details)


def random_triple(rng: np.random.Generator, size: int = 3, kinds: int = 20) -> Triple:
    """Distinct points on a coarse grid of losses, each as a random permutation of itself."""

    def point(make, offset):
        kind = int(rng.integers(kinds))
        x = np.random.default_rng(kind).normal(size=size)
        return make(offset + kind // 2, rng.permutation(x))

    return Triple(point(minimum, 0.0), point(transition_state, 100.0), point(minimum, 0.0))


def filled_landscape(triples: int = 12, seed: int = 0, **arguments) -> Landscape:
    rng = np.random.default_rng(seed)
    landscape = make_landscape(**{"data": make_data(), **arguments})
    for _ in range(triples):
        added = landscape.add_triple(random_triple(rng, landscape.model.dimension))
        if added.plus_id != added.minus_id:
            landscape.mark_pair(added.plus_id, added.minus_id, bool(rng.integers(2)), int(rng.integers(11)))
    landscape.counters = {"failed: no-candidate": 3, "searches": triples}
    landscape.provenance = [{"program": "llgmin", "seed": 1}]
    return landscape
