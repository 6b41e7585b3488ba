"""A landscape of a small network whose funnels are planted, for tests of what is made of them; not a test itself."""

import numpy as np

from llcommon.data import Data
from llcommon.losses import build
from llcommon.records import Minimum, TransitionState
from llcommon.settings import Settings
from llcommon.store import Landscape

NAMES = ("first", "second", "third")
DIFFERING = 1  # the hidden unit in which the planted funnels differ


def table(rows: int = 9, seed: int = 0) -> Data:
    """Rows of three features and two classes; the third feature has few values."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 3))
    features[:, 2] = np.round(features[:, 2])
    labels = np.arange(rows) % 2
    shift, scale = features.mean(axis=0), features.std(axis=0)
    return Data(NAMES, features, shift, scale, "standardise", "y", ("no", "yes"), labels, None, "t.csv", "0" * 64)


def planted(differ: bool = True, noise: float = 0.05, size: int = 5, seed: int = 1) -> Landscape:
    """Two funnels of `size` minima each, points of which are random images; `differ`: by the weights of one unit.

    Losses, LPPHE and transition states are made up; minimum 0 is the lowest, and the two funnels are even and odd ids.
    """
    data = table()
    model = build("mlp", {"hidden": [3], "lambda": 1e-3}, data)
    landscape = Landscape(Settings("mlp", {"hidden": [3], "lambda": 1e-3}), model, data)
    rng = np.random.default_rng(seed)
    base = 2.0 * rng.normal(size=model.dimension)
    other = base.copy()
    if differ:
        unit = model.units()[DIFFERING]
        other[unit] += 0.8 * np.sign(base[unit])
    for number in range(2 * size):
        x = (other if number % 2 else base) + noise * rng.normal(size=model.dimension)
        image = x if number == 0 else model.random_image(x, rng)
        landscape.add_minimum(Minimum(1.0 + 0.01 * number, image, 0.0, 3.0 + 0.1 * number, 0.1))
    for number in range(2, 2 * size):
        _state(landscape, rng, 1.2 + 0.001 * number, number, number - 2)
    _state(landscape, rng, 2.0, 0, 1)
    return landscape


def _state(landscape: Landscape, rng, loss: float, a: int, b: int) -> None:
    x = landscape.minima.coordinates[[a, b]].mean(axis=0) + rng.normal(size=landscape.model.dimension)
    landscape.add_transition_state(TransitionState(loss, x, 0.0, 3.0, -0.1, 0.1), a, b)


def with_runs(landscape: Landscape, length: int = 6, seed: int = 3) -> Landscape:
    """The same landscape with a training run that ends near each of the minima 0 and 3."""
    rng = np.random.default_rng(seed)
    for run, minimum in enumerate((0, 3)):
        end = landscape.minima.coordinates[minimum]
        away, aside = rng.normal(size=(2, landscape.model.dimension))
        for epoch in range(length):
            share = (length - epoch) / length
            x = end + share * away + share**2 * aside
            last = minimum if epoch == length - 1 else -1
            loss = landscape.model.value(x)
            landscape.training.append(run=run, epoch=float(epoch), loss=loss, coordinates=x, minimum=last)
    return landscape
