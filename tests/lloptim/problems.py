"""Small landscapes that the tests of lloptim start from."""

from dataclasses import replace

from llcommon import losses
from llcommon.data import Data
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum
from llcommon.settings import Settings, parse_settings
from llcommon.store import Landscape


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
