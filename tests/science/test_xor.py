"""The exact landscapes of XOR networks, double checked by two programs, by the commands that find them.

Losses are compared in every digit listed, LPPHE within 1e-7, transition states by their loss, their negative
eigenvalue and the losses of the two minima that they join.
"""

import numpy as np
import pytest

from tests.reference import mlp as mlp_twin
from tests.science.runs import (
    KnownState,
    Problem,
    approx,
    assert_index_one,
    assert_minima,
    assert_state,
    grown,
    minima_of,
    program,
    state_rows,
)

ONE_UNIT = {
    1e-3: {
        "0.515569408241": "-29.20976778",
        "0.521157602164": "-28.74065483",
        "0.541061506967": "-27.14456603",
        "0.693147180560": "-37.97680375",
    },
    1e-2: {"0.638108042862": "", "0.654150272460": "", "0.693147180560": "", "0.699517733902": ""},
    1e-1: {"0.693147180560": ""},
}
ONE_UNIT_STATES = {
    1e-3: [
        KnownState("0.693153319942", ("0.515569408241", "0.693147180560"), "-29.90676881", "-0.00387852"),
        KnownState("0.693161747567", ("0.521157602164", "0.693147180560"), "-28.96222379", "-0.00386258"),
        KnownState("0.693200032109", ("0.541061506967", "0.693147180560"), "-27.20808820", "-0.0037768"),
    ],
    1e-2: [
        KnownState("0.693898643639", ("0.638108042862", "0.693147180560")),
        KnownState("0.694990594280", ("0.654150272460", "0.693147180560")),
        KnownState("0.701725205717", ("0.693147180560", "0.699517733902")),
    ],
    1e-1: [],
}
TWO_UNITS = {
    1e-4: {
        "0.013475830090": "-78.99473149",
        "0.014802604520": "-77.51598697",
        "0.355372602269": "-76.51045818",
        "0.359305852954": "-74.27271416",
        "0.693147180560": "-94.38187237",
    },
    1e-3: {
        "0.083557589694": "",
        "0.092673188352": "",
        "0.399090888283": "",
        "0.418712169771": "",
        "0.693147180560": "",
    },
}
_M = list(TWO_UNITS[1e-4])
TWO_UNIT_STATES = [
    KnownState("0.356991867249", (_M[1], _M[2])),
    KnownState("0.357181438127", (_M[0], _M[2]), "-66.50655805", "-0.00445069"),
    KnownState("0.359629490864", (_M[0], _M[3])),
    KnownState("0.361836546171", (_M[1], _M[3])),
    KnownState("0.484241233024", (_M[1], _M[1])),
    KnownState("0.693147240901", (_M[1], _M[4])),
    KnownState("0.693147323363", (_M[0], _M[4])),
]


def xor(units, strength, steps=200):
    return Problem(data="xor", hidden=(units,), strength=strength, steps=steps)


@pytest.mark.parametrize("strength", ONE_UNIT)
def test_one_unit(tmp_path, strength):
    """All minima and all transition states that are listed, and nothing else."""
    landscape = grown(xor(1, strength), tmp_path, "--set", "grow.pairs=all")
    assert_minima(landscape, ONE_UNIT[strength])
    assert len(landscape.transition_states) == len(ONE_UNIT_STATES[strength])
    for state in ONE_UNIT_STATES[strength]:
        assert_state(landscape, state)
    assert_index_one(landscape)
    program("llpathsample", "check", "landscape.h5", cwd=tmp_path)


def test_two_units(tmp_path):
    """All five minima, every listed transition state, and more only if they are of index one."""
    options = ("--set", "grow.pairs=all", "--set", "grow.attempts=8")
    landscape = grown(xor(2, 1e-4), tmp_path, *options)
    assert_minima(landscape, TWO_UNITS[1e-4])
    for state in TWO_UNIT_STATES:
        assert_state(landscape, state)
    assert_index_one(landscape)
    assert_original_suite(landscape)


def assert_original_suite(landscape):
    """What GMIN and OPTIM print for the lowest minimum, and for the pass between two sign images of it."""
    assert landscape.minima.loss.min() == pytest.approx(0.013475830089618, abs=2e-15)
    lowest = int(landscape.minima.loss.argmin())
    assert landscape.minima.lpphe[lowest] == pytest.approx(-78.994731602, abs=2e-7)
    between_images = KnownState("0.48545162787843", (_M[0], _M[0]))
    rows = state_rows(landscape, between_images)
    assert len(rows) == 1
    assert landscape.transition_states.lpphe[rows[0]] == pytest.approx(-68.586314702, abs=2e-6)
    assert landscape.transition_states.negative_eigenvalue[rows[0]] == approx("-0.1659793802")


def test_two_units_stronger_penalty(tmp_path):
    assert_minima(minima_of(xor(2, 1e-3), tmp_path), TWO_UNITS[1e-3])


@pytest.mark.slow
def test_dead_units(tmp_path):
    """Stationary points of one unit are stationary points of two, the second unit dead, loss unchanged."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    small = grown(xor(1, 1e-3), folders[0], "--set", "grow.pairs=all")
    large = grown(xor(2, 1e-3), folders[1], "--set", "grow.pairs=all", "--set", "grow.attempts=8")
    assert_minima(large, TWO_UNITS[1e-3])
    assert_index_one(large)
    stationary = np.concatenate([large.minima.loss, large.transition_states.loss])
    for loss in small.minima.loss:
        assert np.abs(stationary - loss).min() < 1e-11
    for table in (small.minima, small.transition_states):
        for x in table.coordinates:
            assert_dead_unit(small.model, large.model, x.copy())


def assert_dead_unit(small, large, x):
    """The point of the smaller network with a unit of zeros: same loss, no gradient, by the naive twin too."""
    hidden, output = (matrix.copy() for matrix in small.matrices(x))
    widened = np.concatenate([np.pad(hidden, ((0, 0), (0, 1))).ravel(), np.insert(output, 1, 0.0, axis=0).ravel()])
    loss, gradient = large.value_and_gradient(widened)
    assert loss == pytest.approx(small.value(x), abs=1e-14)
    assert mlp_twin.loss_of_model(large)(widened) == pytest.approx(loss, abs=1e-14)
    assert np.abs(gradient).max() < 1e-8
