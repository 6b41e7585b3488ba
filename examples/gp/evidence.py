"""The evidence of a fit of three coordinates: the weights of its minima, and what integration over the box gives.

    python evidence.py out/sine.h5

prints a row for each minimum (id, loss, harmonic weight at T = 1), ln of the sum of the weights before they are made to
add up to 1, and ln of the integral of exp(-L) over the box, by the midpoint rule on grids of 20^3 and 40^3.
"""

import itertools
import sys
from pathlib import Path

import numpy as np

from llcommon.mixing import log_volume, log_weights
from llcommon.store import read_landscape


def integral(model, points: int) -> float:
    """ln of the integral of exp(-L) over the box."""
    lower, upper = model.bounds()
    widths = (upper - lower) / points
    axes = [low + width * (np.arange(points) + 0.5) for low, width in zip(lower, widths, strict=True)]
    losses = [model.value_and_gradient(np.array(x))[0] for x in itertools.product(*axes)]
    return float(np.logaddexp.reduce(-np.array(losses)) + np.log(widths).sum())


landscape = read_landscape(Path(sys.argv[1]))
model = landscape.model
minima = [landscape.minimum(row) for row in range(len(landscape.minima))]
logarithms = [log_volume(model, minimum, 1.0) - minimum.loss for minimum in minima]
print("id\tloss\tweight")
for row, weight in enumerate(np.exp(log_weights(model, minima, 1.0))):
    print(f"{row}\t{minima[row].loss:.6f}\t{weight:.3f}")
print(f"ln of the sum\t{np.logaddexp.reduce(logarithms):.3f}")
for points in (20, 40):
    print(f"ln of the integral, {points}^3\t{integral(model, points):.3f}")
