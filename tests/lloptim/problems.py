"""Small landscapes that the tests of lloptim start from."""

from dataclasses import replace

import numpy as np

from llcommon import losses
from llcommon.data import Data
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum
from llcommon.settings import Settings, parse_settings
from llcommon.store import Landscape
from tests.reference.optimise import Stationary, stationary_in_the_box

# Surfaces with a box that cuts minima and saddles off: on its sides and corners there are others.
BOXED = [
    ("himmelblau", [-6.0, -6.0], [6.0, 2.5]),
    ("himmelblau", [-2.5, -2.5], [6.0, 2.8]),
    ("himmelblau", [-1.0, -1.0], [6.0, 6.0]),
    ("mueller-brown", [-1.0, -0.2], [1.2, 1.2]),
    ("mueller-brown", [-1.5, 0.1], [0.5, 2.0]),
    ("six-hump-camel", [-2.0, -0.5], [2.0, 0.5]),
    ("six-hump-camel", [-2.0, 0.1], [2.0, 1.2]),
]


def stationary_of(name: str, lower: list[float], upper: list[float]) -> tuple[list[Stationary], list[Stationary]]:
    """Minima and saddles of a boxed surface, from its known points and by brute force along the sides."""
    free = losses.build(name, {})
    low, high = np.array(lower), np.array(upper)
    known = [point for point in free.known_points() if (low < point[0]).all() and (point[0] < high).all()]
    points = stationary_in_the_box(known, free.value_and_gradient, low, high)
    return [point for point in points if point.index == 0], [point for point in points if point.index == 1]


def settings_of(model: str, loss: dict | None = None, **sections) -> Settings:
    """Settings of a model; sections such as connect={"tries": 5}."""
    return parse_settings({"loss": {"model": model, **(loss or {})}, **sections}, "test", losses.parameters_of)


def quenched(model, settings: Settings, x) -> Minimum:
    """The verified minimum below x."""
    result = Quencher(model, settings.quench).quench(x)
    minimum, status = minimum_at(model, result.coordinates, settings.quench.rms)
    assert minimum is not None, status
    return minimum


def known_minima(model, settings: Settings) -> list[Minimum]:
    """The known minima of a surface, quenched, in the order of `known_points`."""
    points = [x for x, _, index in model.known_points() if index == 0]
    return [quenched(model, settings, x) for x in points]


def surface(name: str, **sections) -> Landscape:
    """A landscape that holds the known minima of a surface and nothing else, ids as in `known_points`."""
    settings = settings_of(name, **sections)
    model = losses.build(name, {})
    landscape = Landscape(settings, model)
    for minimum in known_minima(model, settings):
        landscape.add_minimum(replace(minimum, visits=1))
    return landscape


def network(data: Data, hidden: list[int], strength: float, **sections) -> Landscape:
    """An empty landscape of a network."""
    loss = {"hidden": hidden, "lambda": strength}
    return Landscape(settings_of("mlp", loss, **sections), losses.build("mlp", loss, data), data)
