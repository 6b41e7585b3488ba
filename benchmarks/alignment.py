"""How near one alignment comes to the best of many, of networks with two hidden layers of tanh.

A hundred random images of the second point are aligned besides the one alignment. Where there are few symmetry images
it is fifty, and all images are tried as well. Pairs are unrelated (two points with normal weights), or a point and a
random image of the same point with normal noise on every weight.
"""

import math

import numpy as np

from benchmarks import table
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.data import Data
from llcommon.losses import build
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.symmetry import searched_distance

PAIRS = 20
RESTARTS = 100
# Restarts of the networks small enough for all images.
FEWER = 50
# Name, layers, noise on the weights of the second point (None: an unrelated point).
CASES = (
    ("3-2-2-3, unrelated", (3, 2, 2, 3), None),
    ("3-3-2-3, unrelated", (3, 3, 2, 3), None),
    ("4-5-5-3, unrelated", (4, 5, 5, 3), None),
    ("4-10-10-3, unrelated", (4, 10, 10, 3), None),
    ("13-20-20-3, unrelated", (13, 20, 20, 3), None),
    ("4-10-10-3, noise of 1.0", (4, 10, 10, 3), 1.0),
    ("4-5-5-3, noise of 0.3", (4, 5, 5, 3), 0.3),
    ("4-10-10-3, noise of 0.3", (4, 10, 10, 3), 0.3),
    ("13-20-20-3, noise of 0.3", (13, 20, 20, 3), 0.3),
    ("13-20-20-3, noise of 0.001", (13, 20, 20, 3), 0.001),
)
MOST_IMAGES = 1000


def _model(layers: tuple[int, ...]) -> LossModel:
    """A network on 30 rows of noise, which have no symmetry of their own."""
    rng = np.random.default_rng(0)
    inputs, *hidden, outputs = layers
    names = tuple(f"x{number}" for number in range(inputs))
    classes = tuple(f"class{number}" for number in range(outputs))
    features = rng.standard_normal((30, inputs))
    labels = np.arange(30) % outputs
    scaled = np.zeros(inputs), np.ones(inputs)
    data = Data(names, features, *scaled, "none", "class", classes, labels, None, "synthetic.csv", "0" * 64)
    return build("mlp", {"hidden": list(hidden), "lambda": 1e-4}, data)


def _nearest_image(model: LossModel, reference: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> float:
    """The smallest distance over all images of x, which are drawn until the last has come."""
    number = round(math.exp(model.log_group_order()))
    images: dict[bytes, np.ndarray] = {}
    while len(images) < number:
        image = model.random_image(x, rng)
        images[image.tobytes()] = image
    return min(float(np.linalg.norm(image - reference)) for image in images.values())


def _figures(name: str, layers: tuple[int, ...], noise: float | None) -> list[table.Figure]:
    model = _model(layers)
    rng = generator(1, "alignment", name)
    few = math.exp(model.log_group_order()) <= MOST_IMAGES
    gaps, exact = [], 0
    for _ in range(PAIRS):
        first, second = rng.standard_normal((2, model.dimension))
        if noise is not None:
            second = model.random_image(first + noise * second, rng)
        found = searched_distance(model, first, second, FEWER if few else RESTARTS, rng)
        gaps.append(found.gap / found.best)
        exact += few and math.isclose(found.best, _nearest_image(model, first, second, rng), rel_tol=1e-9)
    say(f"alignment: {name}")
    best = sum(gap <= 1e-9 for gap in gaps)
    values = {
        "one alignment is the best": table.share(best, PAIRS),
        "mean gap": f"{100.0 * sum(gaps) / PAIRS:.2f} %",
        "largest gap": f"{100.0 * max(gaps):.2f} %",
        "the best is the nearest of all images": table.share(exact, PAIRS) if few else "",
    }
    return [table.Figure("alignment, two hidden layers", name, quantity, value) for quantity, value in values.items()]


def alignment(options: Options) -> table.Result:
    """Shares and gaps of twenty pairs for each kind; no times, so one round."""
    return table.Result([], [figure for case in CASES for figure in _figures(*case)])
