"""Verification of landscapes whose Hessians are not formed, or whose models have bounds."""

from dataclasses import replace

import numpy as np
import pytest

from llcommon import losses
from llcommon.data import Data
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.krylov import krylov_search
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Triple
from llcommon.settings import parse_settings
from llcommon.status import Status
from llcommon.store import Landscape
from llcommon.verification import verify
from tests.llcommon.losses.cases import table

RMS = 1e-9
CURVATURE = {"dense_limit": 0, "probes": 12}


def clouds() -> Data:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    return table(rng.normal(0.0, 1.0, (40, 3)) + 0.6 * labels[:, None], labels=labels.tolist())


def saddle_near(model, rng):
    """A transition state from a random point, or None."""
    x = model.random_start(rng)
    mode = rng.standard_normal(model.dimension)
    mode /= np.linalg.norm(mode)
    infinite = np.full(model.dimension, np.inf)
    place = (model.zero_modes(x), -infinite, infinite, x, np.empty(model.dimension), mode)
    status = krylov_search(
        model.kernel, model.hessian_vector_kernel, *model.packed, *place, RMS, 1.0, 60, 200, 1e4
    )[0]
    return x if Status(status) is Status.CONVERGED else None


@pytest.fixture(scope="module")
def found():
    """The triples of a network that counts as large."""
    tables = {"loss": {"model": "mlp", "hidden": [4], "lambda": 1e-3}, "curvature": CURVATURE}
    settings = parse_settings(tables, "test", losses.parameters_of)
    data = clouds()
    model = losses.build("mlp", settings.loss, data)
    downhill = Downhill(model, settings)
    rng = np.random.default_rng(1)
    triples = []
    while len(triples) < 4:
        x = saddle_near(model, rng)
        if x is None:
            continue
        state, mode, _ = transition_state_at(model, x, RMS, settings.curvature)
        if state is None:
            continue
        plus, minus = downhill.both_sides(state, mode)
        if plus.minimum is not None and minus.minimum is not None:
            triples.append(Triple(plus.minimum, state, minus.minimum))
    return settings, model, data, triples


@pytest.fixture
def landscape(found):
    """A fresh landscape of them."""
    settings, model, data, triples = found
    fresh = Landscape(settings, model, data)
    for triple in triples:
        fresh.add_triple(triple)
    return fresh


def problems(landscape):
    states = range(len(landscape.transition_states))
    return [str(failure) for failure in verify(landscape, states).failures]


def test_large_landscape_is_sound_without_a_dense_hessian(landscape, monkeypatch):
    assert len(landscape.transition_states) > 1
    assert (landscape.minima.lpphe_probes == CURVATURE["probes"]).all()
    assert (landscape.transition_states.lpphe_error > 0.0).all()

    def refuse(x):
        raise AssertionError("a dense Hessian was formed")

    monkeypatch.setattr(landscape.model, "hessian", refuse)
    assert problems(landscape) == []


@pytest.mark.parametrize("name", ["minima", "transition_states"])
def test_estimates_from_the_same_probes_agree_closely(landscape, name):
    """Half a standard error off is damage, where the same probes must give the same number."""
    rows = getattr(landscape, name)
    rows.replace("lpphe", 0, float(rows.lpphe[0] + 0.5 * rows.lpphe_error[0]))
    assert [problem for problem in problems(landscape) if "LPPHE" in problem]


def test_estimates_from_other_probes_agree_within_their_errors(landscape):
    curvature = replace(landscape.settings.curvature, probes=20, seed=9)
    landscape.settings = replace(landscape.settings, curvature=curvature)
    assert problems(landscape) == []
    rows = landscape.minima
    rows.replace("lpphe", 0, float(rows.lpphe[0] + 12.0 * rows.lpphe_error[0]))
    assert len(problems(landscape)) == 1


def test_an_exact_value_agrees_with_an_estimate_within_its_error(landscape):
    curvature = replace(landscape.settings.curvature, dense_limit=1000)
    landscape.settings = replace(landscape.settings, curvature=curvature)
    assert problems(landscape) == []


@pytest.mark.parametrize("name", ["negative_eigenvalue", "next_eigenvalue"])
def test_eigenvalues_agree_within_their_residual(landscape, name):
    rows = landscape.transition_states
    value = float(getattr(rows, name)[0])
    rows.replace(name, 0, value * (1.0 + 1e-4))
    assert problems(landscape) == []
    rows.replace(name, 0, value * 1.1)
    assert len(problems(landscape)) == 1


def test_a_minimum_is_no_transition_state_of_a_large_model(landscape):
    landscape.transition_states.replace("coordinates", 0, landscape.minima.coordinates[0].copy())
    assert any("0 negative eigenvalues where 1 belongs" in problem for problem in problems(landscape))


def test_held_coordinates_are_verified():
    """Himmelblau below x = 2: a minimum on the bound, stored once as it is and once as if it were free."""
    tables = {"loss": {"model": "himmelblau", "lower": [-5.0, 0.0], "upper": [2.0, 5.0]}}
    settings = parse_settings(tables, "test", losses.parameters_of)
    model = losses.build("himmelblau", settings.loss)
    result = Quencher(model, settings.quench).quench(np.array([1.0, 2.0]))
    minimum, status = minimum_at(model, result.coordinates, settings.quench.rms)
    assert status is Status.CONVERGED
    landscape = Landscape(settings, model)
    landscape.add_minimum(minimum)
    assert problems(landscape) == []
    assert landscape.minimum(0).active.tolist() == [1, 0]
    landscape.minima.replace("active", 0, np.zeros(2, dtype=np.int8))
    assert problems(landscape) == ["minimum 0: other coordinates are held by their bounds than stored"]
