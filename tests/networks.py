"""Small landscapes for tests of interchange, made without a search; not a test itself."""

from pathlib import Path

import numpy as np

from llcommon.interchange.admission import tabulate
from llcommon.interchange.models import table_landscape
from llcommon.interchange.suite import read_database
from llcommon.losses import build
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape
from llpathsample.ktn import Network

DATA = Path(__file__).parent / "suite" / "data"
NET4 = DATA / "net4"
XOR = Path(__file__).parent / "suite" / "xor"


def himmelblau() -> Landscape:
    """Four minima in a ring of four transition states, and two pairs tried."""
    model = build("himmelblau", {})
    landscape = Landscape(Settings("himmelblau", {}), model)
    points = model.known_points()
    for x, _, index in points:
        if index == 0:
            landscape.add_minimum(minimum_at(model, x, 1e-9)[0])
    for x, _, index in points:
        if index == 1:
            state = transition_state_at(model, x, 1e-9)[0]
            landscape.add_transition_state(state, *_sides(landscape, state))
    landscape.mark_pair(0, 1, True, Status.CONVERGED)
    landscape.mark_pair(2, 0, False, Status.JOB_FAILED)
    return landscape


def _sides(landscape: Landscape, state) -> list[int]:
    from llcommon.optimise.downhill import Downhill

    mode = transition_state_at(landscape.model, state.coordinates, 1e-9)[1]
    sides = Downhill(landscape.model, landscape.settings).both_sides(state, mode)
    return [landscape.find_minimum(side.minimum.loss, side.minimum.coordinates) for side in sides]


def net4() -> Landscape:
    """The tabulated network of four minima whose numbers the original programs have printed; six degrees of freedom."""
    landscape = table_landscape(6)
    tabulate(landscape, read_database(NET4, 0))
    return landscape


def random_network(seed: int, minima: int = 12, states: int = 30) -> Landscape:
    """A connected tabulated network, with parallel and degenerate transition states, orders and equal losses."""
    rng = np.random.default_rng(seed)
    landscape = table_landscape(5)
    losses = np.round(rng.normal(size=minima), 1)
    ends = [(row, int(rng.integers(row))) for row in range(1, minima)]
    ends += rng.integers(minima, size=(states - len(ends), 2)).tolist()
    database = read_database(NET4, 0)
    for points, count in ((database.minima, minima), (database.states, states)):
        points.lines = np.arange(1, count + 1)
        points.half_digit = np.full(count, 0.05)
        points.lpphe = rng.normal(size=count)
        points.order = rng.integers(1, 4, size=count)
    database.minima.loss = losses
    database.ends = np.array(ends)
    database.states.loss = losses[database.ends].max(axis=1) + rng.exponential(size=states)
    database.negative = np.full(states, np.nan)
    database.sets = {}
    tabulate(landscape, database)
    return landscape


def suite_network(folder):
    """The network of min.data and ts.data, and its sets A and B."""
    database = read_database(folder, 0)
    minima, states = database.minima, database.states
    network = Network(
        minima.loss, minima.lpphe, np.log(minima.order), states.loss, states.lpphe, np.log(states.order), database.ends
    )
    return network, database.sets["A"], database.sets["B"]
