"""Ensembles: laws of every combination, and known answers beside scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from llcommon.combining import (
    COMBINATIONS,
    FLOOR,
    Ensemble,
    Gate,
    combined,
    competence_nearby,
    local_competence,
    log_pool,
    log_votes,
    stacked,
    stacking_features,
    trusted,
)


def log_softmax(values):
    below = values - values.max(axis=-1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=-1, keepdims=True))


def drawn(seed, members=5, rows=40, classes=3, scale=2.0):
    """ln p of members, labels that they tend to, and inputs."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(rows) % classes)
    values = scale * rng.normal(size=(members, rows, classes)) + 2.0 * np.eye(classes)[labels]
    return log_softmax(values), labels, rng.normal(size=(rows, 2))


def ensemble(combination, members, gate=None, stacking=None):
    return Ensemble(combination, np.arange(members), np.full(members, 1.0 / members), stacking, gate)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(2, 4), st.sampled_from([0.1, 2.0, 300.0]))
def test_what_is_combined_is_a_distribution(seed, members, classes, scale):
    logarithms, _, inputs = drawn(seed, members, 12, classes, scale)
    rng = np.random.default_rng(seed)
    gate = Gate(inputs[:6], logarithms[:, :6, 0].T, 3)
    matrix = rng.normal(size=(classes, members * classes + 1))
    for combination in COMBINATIONS:
        made = combined(ensemble(combination, members, gate, matrix), logarithms, inputs, True)
        assert made.shape == (12, classes)
        assert np.exp(made).sum(axis=1) == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_equal_members_are_one(seed, members):
    logarithms, _, inputs = drawn(seed, 1)
    equal = np.repeat(logarithms, members, axis=0)
    weights = np.random.default_rng(seed).dirichlet(np.ones(members))
    assert log_pool(weights, equal) == pytest.approx(logarithms[0], abs=1e-12)
    assert np.array_equal(log_votes(equal).argmax(axis=1), logarithms[0].argmax(axis=1))
    gate = Gate(inputs, np.zeros((40, members)), 5)
    assert np.array_equal(combined(ensemble("specialise", members, gate), equal, inputs, True), logarithms[0])


def test_the_pool_keeps_what_rounds_to_zero():
    logarithms = np.array([[[0.0, -900.0]], [[0.0, -1000.0]]])
    pooled = log_pool(np.array([0.5, 0.5]), logarithms)[0]
    assert pooled == pytest.approx([0.0, -900.0 - np.log(2.0)])
    # A member of no weight has no say, even where all others are far below it.
    assert log_pool(np.array([0.0, 1.0]), logarithms)[0] == pytest.approx([0.0, -1000.0])
    nobody = log_pool(np.array([0.5, 0.5]), np.array([[[0.0, -np.inf]], [[0.0, -np.inf]]]))
    assert nobody.tolist() == [[0.0, -np.inf]]


class Prefit:
    """An estimator whose probabilities are those of one member, the rows being numbers of rows."""

    _estimator_type = "classifier"

    def __init__(self, logarithms=None):
        self.logarithms = logarithms
        self.classes_ = np.arange(logarithms.shape[1])

    def __sklearn_tags__(self):
        return LogisticRegression().__sklearn_tags__()

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, x, y):
        return self

    def get_params(self, deep=True):
        return {"logarithms": self.logarithms}

    def set_params(self, **_):
        return self

    def predict(self, x):
        return self.logarithms[x[:, 0].astype(int)].argmax(axis=1)

    def predict_proba(self, x):
        return np.exp(self.logarithms[x[:, 0].astype(int)])

    def decision_function(self, x):
        """What stacking sees of this member, of four."""
        floored = np.maximum(self.logarithms[x[:, 0].astype(int)], FLOOR)
        return (floored - floored.mean(axis=1, keepdims=True)) / 2.0


def voting(logarithms, labels, kind):
    found = VotingClassifier([(str(k), Prefit(each)) for k, each in enumerate(logarithms)], voting=kind)
    found.estimators_ = [estimator for _, estimator in found.estimators]
    found.classes_ = np.unique(labels)
    found.le_ = type("Identity", (), {"inverse_transform": staticmethod(lambda values: values), "classes_": None})()
    return found


def test_votes_and_means_are_those_of_scikit_learn():
    logarithms, labels, _ = drawn(3, members=5)
    numbers = np.arange(len(labels))[:, None]
    soft = voting(logarithms, labels, "soft")
    assert np.exp(log_pool(np.full(5, 0.2), logarithms)) == pytest.approx(soft.predict_proba(numbers), abs=1e-14)
    votes = np.stack([(logarithms.argmax(axis=2) == k).sum(axis=0) for k in range(3)], axis=1)
    clear = np.sort(votes, axis=1)[:, -1] > np.sort(votes, axis=1)[:, -2]
    hard = voting(logarithms, labels, "hard").predict(numbers)
    assert clear.sum() > 20 and not clear.all()
    assert np.array_equal(log_votes(logarithms).argmax(axis=1)[clear], hard[clear])
    # Ties go to the larger mean among those that tie.
    mean = np.exp(logarithms).mean(axis=0)
    for row in np.flatnonzero(~clear):
        tied = np.flatnonzero(votes[row] == votes[row].max())
        assert log_votes(logarithms)[row].argmax() == tied[mean[row, tied].argmax()]


@pytest.mark.parametrize("classes", [2, 3])
def test_stacking_is_that_of_scikit_learn(classes):
    logarithms, labels, _ = drawn(5, members=4, classes=classes)
    numbers = np.arange(len(labels))[:, None]
    members = [(str(k), Prefit(each)) for k, each in enumerate(logarithms)]
    final = LogisticRegression(C=0.1, tol=1e-8)
    known = StackingClassifier(members, final, cv="prefit", stack_method="decision_function").fit(numbers, labels)
    matrix = np.zeros((classes, 4 * classes + 1))
    own = known.final_estimator_
    matrix[-len(own.coef_) :] = np.column_stack([own.coef_, own.intercept_])
    assert np.exp(stacked(matrix, logarithms)) == pytest.approx(known.predict_proba(numbers), abs=1e-12)


def test_the_floor_bounds_what_one_row_tells():
    sure = np.array([[[0.0, -1e6]]])
    assert stacking_features(sure).tolist() == [[-FLOOR / 2.0, FLOOR / 2.0]]


# --- the gate -------------------------------------------------------------------------------------


def test_each_region_has_its_member():
    inputs = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    competence = np.array([[0.0, -3.0], [0.0, -3.0], [-3.0, 0.0], [-3.0, 0.0]])
    gate = Gate(inputs, competence, 2)
    assert gate.trusted(np.array([[-5.0], [-0.6], [0.6], [9.0]])).tolist() == [0, 0, 1, 1]
    # With all rows there is one region, and one member, the best of all, the first of those alike.
    assert Gate(inputs, competence, 4).trusted(inputs).tolist() == [0, 0, 0, 0]
    assert Gate(inputs, competence - [[1.0, 0.0]], 9).trusted(inputs).tolist() == [1, 1, 1, 1]


def test_nearest_rows_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    gate = Gate(rng.normal(size=(30, 3)), rng.normal(size=(30, 4)), 7)
    points = rng.normal(size=(11, 3))
    plain = []
    for point in points:
        order = sorted(range(30), key=lambda row: float(np.linalg.norm(gate.inputs[row] - point)))
        plain.append(np.mean([gate.competence[row] for row in order[:7]], axis=0))
    assert local_competence(gate, points) == pytest.approx(np.array(plain), abs=1e-14)
    assert np.array_equal(gate.trusted(points), np.argmax(plain, axis=1))


def test_rows_at_equal_distances_count_in_their_order():
    found = competence_nearby(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0, 1.0, 1.0]]), 2)
    assert found.tolist() == [[1.5]]
    assert trusted(np.array([[0.1 + 1e-13, 0.1 + 2e-13]])).tolist() == [0]


def test_numbers_are_weighed():
    outputs = np.array([[[1.0], [2.0]], [[3.0], [6.0]]])
    weighted = Ensemble("loss", np.arange(2), np.array([0.25, 0.75]))
    assert combined(weighted, outputs, None, False).tolist() == [[2.5], [5.0]]
    matrix = ensemble("stacking", 2, stacking=np.array([[2.0, 0.5]]))
    assert combined(matrix, outputs, None, False).tolist() == [[3.5], [7.0]]
