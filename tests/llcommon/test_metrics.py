"""Measures of predictions: against naive twins, scikit-learn and SciPy, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn import metrics as sklearn

from llcommon import metrics
from tests.reference import metrics as twin

SEEDS = range(5)


def predictions(seed: int, rows: int = 60, classes: int = 3, spread: float = 2.0):
    """Random outputs' ln p (n, K) and labels (n,) that have every class."""
    rng = np.random.default_rng(seed)
    outputs = spread * rng.standard_normal((rows, classes))
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=rows - classes)])
    below = outputs - outputs.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True)), labels


# Few different values, so that ties are common.
SCORES = st.integers(-4, 4).map(float)
BINARY = st.lists(st.tuples(SCORES, st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({positive for _, positive in rows}) == 2
)


def columns(rows):
    scores, positive = zip(*rows, strict=True)
    return np.array(scores), np.array(positive)


# --- twins and scikit-learn -----------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_classification_measures_are_those_of_their_twins(seed, classes):
    logarithms, labels = predictions(seed, classes=classes)
    probabilities = np.exp(logarithms)
    predicted = logarithms.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    assert metrics.log_loss(logarithms, labels) == pytest.approx(twin.log_loss(probabilities, labels), rel=1e-12)
    expected = twin.brier_score(probabilities, labels)
    assert metrics.brier_score(probabilities, labels) == pytest.approx(expected, rel=1e-12)
    odds = metrics.log_odds(logarithms)
    assert odds == pytest.approx(np.log(probabilities / (1 - probabilities)), rel=1e-9)
    expected = twin.one_against_rest_auc(odds, labels)
    assert metrics.one_against_rest_auc(odds, labels) == pytest.approx(expected, rel=1e-12)
    error = metrics.calibration_error(confidence, predicted == labels)
    assert error == pytest.approx(twin.calibration_error(confidence, predicted == labels, 15), rel=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_classification_measures_are_those_of_scikit_learn(seed, classes):
    logarithms, labels = predictions(seed, classes=classes)
    probabilities = np.exp(logarithms)
    odds = metrics.log_odds(logarithms)
    assert metrics.log_loss(logarithms, labels) == pytest.approx(sklearn.log_loss(labels, probabilities), rel=1e-12)
    predicted = logarithms.argmax(axis=1)
    assert metrics.accuracy(predicted, labels) == sklearn.accuracy_score(labels, predicted)
    area = metrics.one_against_rest_auc(odds, labels)
    if classes == 2:
        assert area == pytest.approx(sklearn.roc_auc_score(labels, probabilities[:, 1]), rel=1e-12)
        assert area == pytest.approx(metrics.auc(odds[:, 1], labels == 1), rel=1e-12)
        expected = sklearn.brier_score_loss(labels, probabilities[:, 1])
    else:
        ovr = sklearn.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
        assert area == pytest.approx(ovr, rel=1e-12)
        # Older versions of scikit-learn know the Brier score of two classes only.
        one_class = [sklearn.brier_score_loss(labels == k, probabilities[:, k]) for k in range(classes)]
        expected = sum(one_class)
    assert metrics.brier_score(probabilities, labels) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_measures_of_numbers_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((40, 1))
    outputs = targets + 0.3 * rng.standard_normal((40, 1))
    assert metrics.mean_squared_error(outputs, targets) == pytest.approx(sklearn.mean_squared_error(targets, outputs))
    assert metrics.mean_absolute_error(outputs, targets) == pytest.approx(sklearn.mean_absolute_error(targets, outputs))
    assert metrics.r_squared(outputs, targets) == pytest.approx(sklearn.r2_score(targets, outputs))


def test_squared_errors_add_up_over_outputs():
    assert metrics.mean_squared_error(np.array([[1.0, 2.0], [0.0, 0.0]]), np.zeros((2, 2))) == 2.5


@given(BINARY)
def test_auc_with_ties_is_that_of_its_twin_and_of_scikit_learn(rows):
    scores, positive = columns(rows)
    assert metrics.auc(scores, positive) == twin.auc(scores, positive)
    assert metrics.auc(scores, positive) == pytest.approx(sklearn.roc_auc_score(positive, scores), abs=1e-14)


@given(st.lists(SCORES, min_size=1, max_size=30))
def test_ranks_are_those_of_their_twin_and_of_scipy(values):
    values = np.array(values)
    ranks = metrics.average_ranks(values)
    assert ranks.tolist() == [twin.rank(values, value) for value in values] == rankdata(values).tolist()


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=30))
def test_rank_correlation_is_that_of_scipy(pairs):
    first, second = np.array(pairs).T
    if np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        assert np.isnan(metrics.rank_correlation(first, second))
        return
    assert metrics.rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)


# --- what must always hold ------------------------------------------------------------------------


@given(BINARY)
def test_auc_is_the_same_under_monotone_maps(rows):
    scores, positive = columns(rows)
    area = metrics.auc(scores, positive)
    for image in (np.exp(scores), scores**3, 7.0 * scores - 2.0, np.arctan(scores)):
        assert metrics.auc(image, positive) == area


@given(BINARY)
def test_auc_of_flipped_labels_or_scores_is_the_complement(rows):
    scores, positive = columns(rows)
    area = metrics.auc(scores, positive)
    assert 0.0 <= area <= 1.0
    assert metrics.auc(scores, ~positive) == pytest.approx(1.0 - area, abs=1e-14)
    assert metrics.auc(-scores, positive) == pytest.approx(1.0 - area, abs=1e-14)
    assert metrics.auc(-scores, ~positive) == pytest.approx(area, abs=1e-14)


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_calibration_error_is_a_share(rows, bins):
    confidence, correct = columns(rows)
    error = metrics.calibration_error(confidence, correct, bins)
    assert -1e-15 <= error <= 1.0 + 1e-15
    assert error == pytest.approx(twin.calibration_error(confidence, correct, bins), abs=1e-12)
    assert error >= abs(np.mean(correct - confidence)) - 1e-12  # one bin is the least


@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(0.0, 300.0))
def test_bounds_and_order_of_rows(seed, classes, spread):
    logarithms, labels = predictions(seed, 20, classes, spread)
    probabilities = np.exp(logarithms)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert metrics.log_loss(logarithms, labels) >= 0.0
    assert 0.0 <= metrics.brier_score(probabilities, labels) <= (1.0 if classes == 2 else 2.0) + 1e-12
    odds = metrics.log_odds(logarithms)
    assert np.isfinite(odds).all()
    area = metrics.one_against_rest_auc(odds, labels)
    assert 0.0 <= area <= 1.0
    assert metrics.one_against_rest_auc(odds[order], labels[order]) == pytest.approx(area, abs=1e-14)


# --- edges ----------------------------------------------------------------------------------------


def test_log_loss_where_a_probability_rounds_to_zero():
    logarithms = np.array([[0.0, -2000.0], [-1e-10, -23.02585092994]])
    assert np.exp(logarithms[0, 1]) == 0.0
    assert metrics.log_loss(logarithms, np.array([1, 0])) == pytest.approx(1000.0)


def test_log_odds_where_a_probability_rounds_to_one():
    logarithms = np.array([[0.0, -800.0, -900.0], [0.0, -50.0, -50.0], [0.0, -2000.0, -2001.0]])
    odds = metrics.log_odds(logarithms)
    expected = [800.0, 50.0 - np.log(2.0), 2000.0 - np.log1p(np.exp(-1.0))]
    assert odds[:, 0] == pytest.approx(expected, rel=1e-14)
    assert odds[:, 1] == pytest.approx([-800.0, -50.0, -2000.0], rel=1e-14)


def test_log_odds_of_two_classes_are_opposite():
    odds = metrics.log_odds(predictions(1, 200, 2, 30.0)[0])
    assert odds[:, 0] == pytest.approx(-odds[:, 1], rel=1e-12, abs=1e-12)


def test_auc_without_one_kind_of_rows_is_undefined():
    scores = np.array([1.0, 2.0])
    assert np.isnan(metrics.auc(scores, np.array([True, True])))
    assert np.isnan(metrics.auc(scores, np.array([False, False])))
    assert np.isnan(metrics.one_against_rest_auc(np.zeros((2, 3)), np.array([1, 1])))


def test_absent_classes_are_left_out():
    scores = np.array([[3.0, 0.0, 9.0], [1.0, 2.0, 9.0], [2.0, 1.0, 9.0]])
    labels = np.array([0, 1, 1])
    assert metrics.one_against_rest_auc(scores, labels) == 1.0 == twin.one_against_rest_auc(scores, labels)


def test_r_squared():
    targets = np.array([[1.0], [2.0], [3.0]])
    assert metrics.r_squared(targets, targets) == 1.0
    assert metrics.r_squared(np.full((3, 1), 2.0), targets) == 0.0
    assert metrics.r_squared(targets[::-1], targets) == -3.0
    assert np.isnan(metrics.r_squared(targets, np.full((3, 1), 0.1)))


def test_rank_correlation_leaves_out_what_is_not_known():
    first = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    second = np.array([1.0, np.nan, 0.0, -2.0, -3.0])
    assert metrics.rank_correlation(first, second) == -1.0
    assert np.isnan(metrics.rank_correlation(first[:3], second[:3]))
    assert np.isnan(metrics.rank_correlation(first[2:3], second[2:3]))


def test_calibration_bins_hold_their_upper_edge():
    # 1/3 is an edge of 15 bins: in the bin below, apart from what is just above.
    confidence = np.array([5 / 15, 5 / 15 + 1e-6])
    error = metrics.calibration_error(confidence, np.array([True, False]))
    assert error == pytest.approx(0.5 * (10 / 15) + 0.5 * (5 / 15), abs=1e-6)
