"""Steering of step size and temperature, and schedules of the temperature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.searchsettings import SearchSettings
from llgmin.steering import Pace, after_step, temperature_at


def after(search: SearchSettings, outcomes: list[bool]) -> Pace:
    pace = Pace(1.0)
    for accepted in outcomes:
        pace = after_step(pace, accepted, search)
    return pace


@pytest.mark.parametrize(("adjust", "step", "heat"), [
    ("step", 2.0, 1.0), ("temperature", 1.0, 0.5), ("both", 2.0, 0.5), ("none", 1.0, 1.0),
])  # fmt: skip
def test_too_many_accepted_steps_are_answered(adjust, step, heat):
    search = SearchSettings(adjust=adjust, adjust_every=4, adjust_factor=2.0)
    assert after(search, [True] * 4) == Pace(step, heat)
    assert after(search, [False] * 4) == Pace(1.0 / step, 1.0 / heat)
    assert after(search, [True] * 3) == Pace(1.0, 1.0, 3, 3)


@given(st.lists(st.booleans(), max_size=60))
def test_the_step_counts_the_intervals(outcomes):
    search = SearchSettings(adjust_every=5, adjust_factor=2.0, target_acceptance=0.5)
    exponent = 0
    for first in range(0, len(outcomes) - 4, 5):
        exponent += 1 if sum(outcomes[first : first + 5]) > 2.5 else -1
    assert after(search, outcomes).step == 2.0**exponent


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.sampled_from(["geometric", "linear"]))
def test_a_schedule_goes_monotonically_from_end_to_end(base, final, schedule):
    search = SearchSettings(steps=50, final_temperature=final, schedule=schedule, adjust="step")
    temperatures = [temperature_at(base, done, search) for done in range(50)]
    assert temperatures[0] == pytest.approx(base)
    assert temperatures[-1] == pytest.approx(final)
    falls = base >= final
    for before, after_it in zip(temperatures, temperatures[1:], strict=False):
        assert (after_it <= before * (1.0 + 1e-12)) if falls else (after_it >= before * (1.0 - 1e-12))


def test_without_a_final_temperature_it_stays():
    assert temperature_at(0.3, 17, SearchSettings()) == 0.3
    assert temperature_at(0.3, 0, SearchSettings(steps=1, final_temperature=0.1)) == 0.3
