"""Landscapes made up for tests of strategies: points of a model, with transition states as they are wanted."""

import numpy as np

from llcommon.growsettings import GrowSettings
from llcommon.losses import build
from llcommon.records import Minimum, TransitionState
from llcommon.settings import Settings
from llcommon.store import Landscape
from llpathsample.growing import GrowingNetwork


def landscape_of(losses, points, model=None, **grow) -> Landscape:
    """Minima of these losses and coordinates, of Himmelblau's function unless a model is given."""
    model = model or build("himmelblau", {}, None)
    landscape = Landscape(Settings(model.name, {}, grow=GrowSettings(**grow)), model)
    for loss, x in zip(losses, points, strict=True):
        landscape.add_minimum(Minimum(float(loss), np.array(x, dtype=np.float64), 0.0, 1.0, 1.0))
    assert len(landscape.minima) == len(losses)
    return landscape


def add_states(landscape: Landscape, losses, ends) -> None:
    """Transition states of these losses between minima."""
    for loss, (a, b) in zip(losses, ends, strict=True):
        place = np.full(landscape.model.dimension, 1e3 + len(landscape.transition_states))
        state = TransitionState(float(loss), place, 0.0, 1.0, -1.0, 1.0)
        landscape._add_transition_state(state, int(a), int(b))


def network_of(landscape: Landscape) -> GrowingNetwork:
    """The network of a landscape, up to date."""
    network = GrowingNetwork(landscape)
    network.update()
    return network


def random_landscape(seed: int, minima: int = 9, states: int = 12, **grow) -> Landscape:
    """Minima in the plane with random losses, and random transition states above them."""
    rng = np.random.default_rng(seed)
    landscape = landscape_of(rng.random(minima), 10.0 * rng.random((minima, 2)), **grow)
    ends = rng.integers(0, minima, (states, 2))
    heights = landscape.minima.loss[ends].max(axis=1) + rng.random(states)
    add_states(landscape, heights, ends)
    return landscape
