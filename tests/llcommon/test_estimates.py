"""Estimates of what a search has not seen: known answers, naive twins, simulation, and bounds that always hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.estimates import NORMAL_95, Frequencies, chao1, frequencies, good_turing, holm, wilson

VISITS = st.lists(st.integers(1, 10**6) | st.integers(1, 3), min_size=1, max_size=60)


# --- naive twins: straight from the papers, one draw at a time --------------------------------------


def naive_counts(visits) -> tuple[int, int, int, int]:
    draws = [minimum for minimum, number in enumerate(visits) for _ in range(number)]
    numbers = [draws.count(minimum) for minimum in set(draws)]
    return len(draws), len(numbers), numbers.count(1), numbers.count(2)


def naive_chao1(visits) -> float:
    _, observed, once, twice = naive_counts(visits)
    pairs = sum(1 for i in range(once) for _ in range(i))  # f1 (f1 - 1) / 2
    return observed + pairs / (twice + 1)


def solved_wilson(successes, trials) -> list[float]:
    """The two p where (share - p)^2 = z^2 p (1 - p) / n: Wilson's definition."""
    share = successes / trials
    square = NORMAL_95**2 / trials
    return sorted(np.roots([1.0 + square, -2.0 * share - square, share**2]).real)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_equal_to_the_naive_twins(visits):
    counts = frequencies(visits)
    assert (counts.draws, counts.observed, counts.singletons, counts.doubletons) == naive_counts(visits)
    assert chao1(counts).value == pytest.approx(naive_chao1(visits))
    assert good_turing(counts).value == pytest.approx(visits.count(1) / sum(visits))


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_solves_its_quadratic(case):
    interval = wilson(*case)
    assert [interval.low, interval.high] == pytest.approx(solved_wilson(*case), abs=1e-6)


# --- exact small cases ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visits", "total", "low", "high"),
    [
        # What the program EstimateS gives, to two decimals.
        ([1, 1, 4, 2, 5, 2, 4, 1, 2], 9.75, 9.07, 17.45),
        ([2, 2, 4, 5], 4.0, 4.0, 4.95),
        ([1, 1, 4, 5], 5.0, 4.08, 17.27),
    ],
)
def test_chao1_known_answers(visits, total, low, high):
    estimate = chao1(frequencies(visits))
    assert estimate.value == total
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.01)


def test_good_turing_known_answers():
    assert good_turing(frequencies([1, 1, 4, 2, 2])).value == 0.2
    assert good_turing(frequencies([1, 1, 4, 2, 2])).error == pytest.approx(math.sqrt(2 * 0.8 + 4) / 10)
    assert good_turing(frequencies([1, 1])).value == 1.0
    assert good_turing(frequencies([3, 7])) == good_turing(Frequencies(10, 2, 0, 0))
    assert good_turing(frequencies([3, 7])).value == good_turing(frequencies([3, 7])).error == 0.0


def test_wilson_known_answers():
    # Newcombe, Statistics in Medicine 17, 857 (1998), table I.
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]:
        interval = wilson(successes, trials)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)
    assert wilson(1, 29).low == pytest.approx(0.0061, abs=1e-4)


def test_minima_never_visited_do_not_count():
    assert frequencies([0, 1, 0, 2]) == Frequencies(draws=3, observed=2, singletons=1, doubletons=1)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="at least one draw"):
        chao1(frequencies([]))
    with pytest.raises(ValueError, match="at least one draw"):
        good_turing(frequencies([0]))
    for case in ((0, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="no share"):
            wilson(*case)


# --- what always holds ------------------------------------------------------------------------------


@given(VISITS)
def test_chao1_is_finite_and_never_below_what_was_observed(visits):
    estimate = chao1(frequencies(visits))
    assert math.isfinite(estimate.high)
    assert len(visits) <= estimate.low <= estimate.high
    assert len(visits) <= estimate.value <= estimate.high
    assert estimate.low <= estimate.value or estimate.value == len(visits)


@given(VISITS)
def test_good_turing_is_a_probability_with_a_finite_error(visits):
    estimate = good_turing(frequencies(visits))
    assert 0.0 <= estimate.value <= 1.0
    assert 0.0 <= estimate.error <= 1.0


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(case):
    successes, trials = case
    interval = wilson(successes, trials)
    assert 0.0 <= interval.low <= interval.value <= interval.high <= 1.0
    mirrored = wilson(trials - successes, trials)
    assert mirrored.high == pytest.approx(1.0 - interval.low, abs=1e-12)


@pytest.mark.parametrize("once", [0, 1, 2, 1000])
@pytest.mark.parametrize("twice", [0, 1, 1000])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_all_is_finite_at_the_edges(once, twice, more):
    visits = [1] * once + [2] * twice + [9] * more
    if not visits:
        return
    counts = frequencies(visits)
    estimate = chao1(counts)
    assert all(math.isfinite(value) for value in (estimate.value, estimate.low, estimate.high))
    assert math.isfinite(good_turing(counts).error)


# --- simulation from known distributions ------------------------------------------------------------


def simulated(probabilities, draws, trials, seed):
    """Visits of each minimum in each of some searches of `draws` draws."""
    return np.random.default_rng(seed).multinomial(draws, probabilities, size=trials)


def test_good_turing_follows_the_unseen_probability():
    """The error is that of the difference between estimate and truth, which itself varies."""
    shares = 1.0 / np.arange(1.0, 201.0)
    shares /= shares.sum()
    deviations = []
    for visits in simulated(shares, 300, 600, seed=1):
        estimate = good_turing(frequencies(visits))
        deviations.append((estimate.value - shares[visits == 0].sum()) / estimate.error)
    assert abs(np.mean(deviations)) < 0.2
    assert np.std(deviations) == pytest.approx(1.0, abs=0.15)


def test_chao1_finds_the_number_of_equally_likely_minima():
    """Where all are equally likely the lower bound is reached, and 95 % of the intervals hold the truth."""
    number = 100
    estimates = [chao1(frequencies(visits)) for visits in simulated(np.full(number, 1 / number), 150, 600, seed=2)]
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(number, rel=0.03)
    covered = np.mean([estimate.low <= number <= estimate.high for estimate in estimates])
    assert 0.9 <= covered <= 0.99


def test_chao1_is_a_lower_bound_for_unequal_minima():
    shares = 0.97 ** np.arange(300)
    shares /= shares.sum()
    estimates = [chao1(frequencies(visits)).value for visits in simulated(shares, 200, 300, seed=3)]
    observed = [frequencies(visits).observed for visits in simulated(shares, 200, 300, seed=3)]
    assert np.mean(observed) < np.mean(estimates) < 300


def test_wilson_covers():
    for share in (0.02, 0.3, 0.9):
        successes = np.random.default_rng(4).binomial(60, share, size=2000).tolist()
        intervals = [wilson(number, 60) for number in successes]
        covered = np.mean([interval.low <= share <= interval.high for interval in intervals])
        assert 0.92 <= covered <= 0.99


def test_holm_is_its_own_worked_example():
    # 0.005 x 4, 0.01 x 3, 0.03 x 2, and none smaller than the one before.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005])), [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert not len(holm(np.empty(0)))
