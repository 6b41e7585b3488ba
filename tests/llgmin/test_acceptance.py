"""Acceptance rules: limits, orders, and that frequencies are the probabilities they stand for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llgmin.acceptance import accepts

RULES = ("metropolis", "threshold", "tsallis")
rises = st.floats(1e-6, 10.0)
temperatures = st.floats(1e-3, 10.0)
randoms = st.floats(0.0, 1.0, exclude_max=True)


@given(st.sampled_from(RULES), st.floats(-10.0, -1e-9), temperatures, st.floats(0.1, 3.0), randoms)
def test_downhill_is_always_taken(rule, rise, temperature, q, random):
    assert accepts(rule, rise, temperature, q, random)


@given(st.sampled_from(RULES), rises, temperatures, st.floats(0.1, 3.0), randoms, st.floats(1.0, 5.0))
def test_a_lower_or_hotter_step_is_taken_where_a_higher_one_is(rule, rise, temperature, q, random, factor):
    if accepts(rule, rise, temperature, q, random):
        assert accepts(rule, rise / factor, temperature, q, random)
        assert accepts(rule, rise, temperature * factor * (1.0 + 1e-12), q, random)


@pytest.mark.parametrize(("rule", "q", "probability"), [
    ("metropolis", 1.0, math.exp(-0.5)),
    ("tsallis", 1.0, math.exp(-0.5)),
    ("tsallis", 2.0, 1.0 / 1.5),
    ("tsallis", 0.5, 0.75**2),
    ("tsallis", 1.0 + 1e-9, math.exp(-0.5)),
    ("threshold", 1.0, 1.0),
])  # fmt: skip
def test_frequencies(rule, q, probability):
    randoms = (np.arange(20000) + 0.5) / 20000
    taken = np.mean([accepts(rule, 0.2, 0.4, q, random) for random in randoms])
    assert taken == pytest.approx(probability, abs=1e-4)


def test_tsallis_below_one_has_an_end():
    assert not accepts("tsallis", 2.0, 1.0, 0.5, 0.0)


def test_threshold_is_strict():
    assert not accepts("threshold", 1.0, 1.0, 1.0, 0.0)
