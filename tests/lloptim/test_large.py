"""Networks on digits with thousands of weights: minima, a band, a transition state, both sides, no dense Hessian."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.rng import generator
from llcommon.store import Landscape, read_landscape, write_landscape
from llcommon.verification import verify
from lloptim.bands import relaxed_band
from lloptim.saddles import SaddleSearch
from tests.llcommon.losses.cases import table
from tests.lloptim.problems import settings_of

LARGE = {"probes": 10}


def digits():
    """scikit-learn's 1797 digits without the pixels that are always blank: 61 standardised features, 10 classes."""
    datasets = pytest.importorskip("sklearn.datasets")
    raw = datasets.load_digits()
    features = raw.data[:, raw.data.std(axis=0) > 0.0]
    return table((features - features.mean(axis=0)) / features.std(axis=0), labels=raw.target.tolist())


def problem(hidden, monkeypatch):
    """Settings, and a network that refuses to form its Hessian."""
    loss = {"hidden": [hidden], "lambda": 1e-3}
    data = digits()
    model = losses.build("mlp", loss, data)

    def refuse(*arguments):
        raise AssertionError("a dense Hessian was formed")

    monkeypatch.setattr(model, "hessian", refuse)
    monkeypatch.setattr(model, "hessian_packed", refuse)
    return settings_of("mlp", loss, curvature=LARGE), model, data


def two_minima(settings, model):
    rng = np.random.default_rng(5)
    quencher = Quencher(model, settings.quench)
    minima = []
    for _ in range(2):
        result = quencher.quench(model.random_start(rng))
        minimum, status = minimum_at(model, result.coordinates, settings.quench.rms, settings.curvature)
        assert minimum is not None, status
        minima.append(minimum)
    return minima


def first_saddle(settings, model, minima):
    """The first transition state between two minima, and the search that found it."""
    first = minima[0].coordinates
    second = model.align(first, minima[1].coordinates)
    search = SaddleSearch(model, settings)
    band = relaxed_band(model, settings.connect, first, second, 0, generator(1, "band"))
    for candidate in band.candidates():
        result = search.search(candidate.coordinates, candidate.tangent)
        if result.transition_state is not None:
            return search, result
    raise AssertionError("no candidate of the band became a transition state")


def rayleigh(model, x, mode):
    return float(mode @ model.hessian_vector(x, mode))


@pytest.mark.slow
def test_digits_end_to_end_without_a_dense_hessian(monkeypatch, tmp_path):
    settings, model, data = problem(32, monkeypatch)
    assert model.dimension > settings.curvature.dense_limit
    landscape = Landscape(settings, model, data)
    minima = two_minima(settings, model)
    for minimum in minima:
        landscape.add_minimum(minimum)
    search, result = first_saddle(settings, model, minima)
    sides = search.triple(result.transition_state, result.mode)
    assert sides.triple is not None, sides.status
    added = landscape.add_triple(sides.triple)
    assert added.plus_id != added.minus_id
    path = tmp_path / "digits.h5"
    write_landscape(path, landscape)
    again = read_landscape(path)
    monkeypatch.setattr(type(again.model), "hessian_packed", model.hessian_packed)
    verification = verify(again, [0])
    assert verification.failures == []
    assert verification.checked == {"minimum": len(landscape.minima), "transition state": 1, "connection": 1}


@pytest.mark.slow
def test_ten_thousand_weights(monkeypatch):
    """A transition state, its two lowest eigenvalues by Lanczos, against products with it and with random vectors."""
    settings, model, _ = problem(141, monkeypatch)
    assert model.dimension > 10_000
    _, result = first_saddle(settings, model, two_minima(settings, model))
    state = result.transition_state
    x = state.coordinates
    gradient = model.value_and_gradient(x)[1]
    assert np.sqrt(gradient @ gradient / gradient.size) <= settings.connect.rms
    assert state.negative_eigenvalue < 0.0 < state.next_eigenvalue
    assert rayleigh(model, x, result.mode) == pytest.approx(state.negative_eigenvalue, rel=1e-3)
    image = model.hessian_vector(x, result.mode)
    assert np.linalg.norm(image - state.negative_eigenvalue * result.mode) < 2e-3 * abs(state.negative_eigenvalue)
    # Across the mode no curvature is lower than the second eigenvalue.
    rng = np.random.default_rng(0)
    for _ in range(20):
        probe = rng.standard_normal(model.dimension)
        probe -= (probe @ result.mode) * result.mode
        assert rayleigh(model, x, probe / np.linalg.norm(probe)) > 0.9 * state.next_eigenvalue
