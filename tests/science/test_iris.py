"""Iris: the lowest losses that are known, and small landscapes with another scaling."""

import pytest

from tests.science.runs import KnownState, Problem, approx, assert_index_one, assert_state, digits, grown, minima_of

LOWEST = {1e-2: "0.28579906", 1e-3: "0.08600618", 1e-4: "0.02254296086"}
NEXT = ["0.02254606695", "0.02256190218", "0.0225749373"]


def iris(units, strength, steps, scaling="standardise"):
    return Problem(data="iris", hidden=(units,), strength=strength, steps=steps, scaling=scaling)


@pytest.mark.parametrize(("strength", "steps"), [(1e-2, 20), (1e-3, 30), (1e-4, 100)])
def test_lowest_loss(tmp_path, strength, steps):
    """Ten hidden units: every digit that is listed."""
    landscape = minima_of(iris(10, strength, steps), tmp_path)
    assert landscape.minima.loss.min() == approx(LOWEST[strength])
    assert (landscape.minima.rms <= 1e-9).all()


@pytest.mark.parametrize(
    ("strength", "steps", "listed"),
    [(1e-5, 100, "0.00360283"), pytest.param(1e-6, 1000, "0.00050582", marks=pytest.mark.slow)],
)
def test_lowest_loss_of_weak_penalties(tmp_path, strength, steps, listed):
    """The loss that is listed or a lower one: the search goes deeper than the list."""
    landscape = minima_of(iris(10, strength, steps), tmp_path)
    assert landscape.minima.loss.min() <= float(listed) + digits(listed)
    if strength == 1e-5:
        assert any(loss == approx(listed) for loss in landscape.minima.loss)


@pytest.mark.slow
def test_low_minima_of_the_demonstration(tmp_path):
    """The four lowest that the original GMIN finds are the four lowest here."""
    landscape = minima_of(iris(10, 1e-4, 1000), tmp_path)
    lowest = sorted(landscape.minima.loss)[:4]
    assert lowest == [approx(text) for text in (LOWEST[1e-4], *NEXT)]
    assert len(landscape.minima) >= 43


@pytest.mark.parametrize(
    ("units", "loss", "states"),
    [
        pytest.param(1, "0.240454551314", [], marks=pytest.mark.slow),
        (2, "0.1313364480", ["0.194362111597", "0.231544074468"]),
        pytest.param(3, "0.1266900043", [], marks=pytest.mark.slow),
    ],
)
def test_scaled_by_the_mean_absolute_value(tmp_path, units, loss, states):
    """One minimum up to symmetry; the transition states join images of it."""
    problem = iris(units, 1e-3, 20, scaling="mean-abs")
    if not states:
        landscape = minima_of(problem, tmp_path)
    else:
        landscape = grown(problem, tmp_path, "--set", "grow.pairs=all")
        assert_index_one(landscape)
    assert landscape.minima.loss.min() == approx(loss)
    for state in states:
        assert_state(landscape, KnownState(state, (loss, loss)))
    if units == 2:
        assert len(landscape.minima) == 1
