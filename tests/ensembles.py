"""A landscape for tests of ensembles, made without a search; not a test itself."""

from pathlib import Path

import numpy as np
from driving import IRIS_CSV as CSV

from llcommon.data import Rows, read_rows
from llcommon.problem import read_problem
from llcommon.records import Minimum, TransitionState
from llcommon.store import Landscape

TOML = """\
[loss]
model = "mlp"
hidden = [2]
lambda = 1e-2

[data]
file = "train.csv"

[search]
steps = 4
chains = 1
"""
MINIMA = 12


def written(folder: Path, toml: str = TOML, numbers: bool = False) -> Path:
    """A folder with problem.toml, and with train.csv, test.csv and validation.csv: a third of iris each. numbers: with
    the width of petals as the target, in place of the species."""
    header, *rows = [line.split(",") for line in CSV.read_text(encoding="utf-8").splitlines()]
    columns = slice(0, 4 if numbers else 5)
    for place, name in enumerate(("train", "test", "validation")):
        lines = [header[columns], *(row[columns] for row in rows[place::3])]
        (folder / f"{name}.csv").write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")
    (folder / "problem.toml").write_text(toml, encoding="utf-8")
    return folder


def landscape_of(folder: Path, states: bool = True) -> tuple[Landscape, Rows]:
    """MINIMA points near one that gradient descent comes to, as if they were minima, and test rows. Transition states
    join each but the last to an earlier one; the last is alone."""
    landscape = read_problem(folder / "problem.toml")
    model = landscape.model
    rng = np.random.default_rng(1)
    x = rng.normal(size=model.dimension)
    for _ in range(300):
        x = x - 0.3 * model.value_and_gradient(x)[1]
    for number in range(MINIMA):
        point = x + 0.15 * number * rng.normal(size=model.dimension)
        landscape.add_minimum(Minimum(model.value(point), point, 1e-9, 5.0 * rng.normal(), 1e-3))
    for number in range(1, MINIMA - 1 if states else 1):
        other = int(rng.integers(number))
        loss = float(landscape.minima.loss[[number, other]].max()) + 0.01 + 0.1 * rng.random()
        state = TransitionState(loss, rng.normal(size=model.dimension), 1e-9, 5.0 * rng.normal(), -1.0, 1.0)
        landscape.add_transition_state(state, number, other)
    return landscape, read_rows(folder / "test.csv", landscape.data)
