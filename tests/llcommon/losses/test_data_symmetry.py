"""Permutations of features and classes that leave a data set as it is, and a network's loss with it."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon import losses
from llcommon.data import read_csv
from llcommon.losses import _mlp_symmetry as symmetry
from llcommon.losses._data_symmetry import data_permutations
from llcommon.losses._mlp_relabelling import Relabelling
from llcommon.settings import DataSettings
from tests.llcommon.losses.cases import table, xor_table

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def as_pairs(found):
    return {(tuple(item.features.tolist()), tuple(item.classes.tolist())) for item in found}


def naive(inputs, labels, classes):
    """By trying every permutation of every kind, rows compared as multisets."""
    rows = sorted((*row, label) for row, label in zip(inputs.tolist(), labels.tolist(), strict=True))
    found = set()
    for features in itertools.permutations(range(inputs.shape[1])):
        for order in itertools.permutations(range(classes)):
            new_of_old = {old: new for new, old in enumerate(order)}
            image = sorted(
                (*(row[i] for i in features), new_of_old[label])
                for row, label in zip(inputs.tolist(), labels.tolist(), strict=True)
            )
            if image == rows:
                found.add((features, order))
    return found


def class_exchange():
    """Exchange of both columns exchanges the classes: neither alone is a symmetry."""
    return np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), np.array([0, 1, 0, 1])


def test_xor_is_unchanged_by_exchange_of_its_inputs():
    data = xor_table()
    found = data_permutations(data.inputs(), data.labels, 2)
    assert as_pairs(found) == {((0, 1), (0, 1)), ((1, 0), (0, 1))}


def test_iris_has_none():
    data = read_csv(EXAMPLES / "iris" / "iris.csv", DataSettings(), numeric_target=False)
    found = data_permutations(data.inputs(), data.labels, 3)
    assert as_pairs(found) == {((0, 1, 2, 3), (0, 1, 2))}


def test_duplicated_columns():
    """Columns that are the same to the bit may be exchanged; three of them in six ways."""
    rng = np.random.default_rng(0)
    column = rng.normal(size=8)
    inputs = np.column_stack([column, rng.normal(size=8), column, column])
    labels = np.array([0, 1, 1, 0, 0, 1, 0, 0])
    found = data_permutations(inputs, labels, 2)
    expected = {(p[0], 1, p[1], p[2]) for p in itertools.permutations((0, 2, 3))}
    assert as_pairs(found) == {(features, (0, 1)) for features in expected}


def test_class_exchange():
    inputs, labels = class_exchange()
    found = data_permutations(inputs, labels, 2)
    assert as_pairs(found) == {((0, 1), (0, 1)), ((1, 0), (1, 0))}


def test_three_classes_follow_three_features():
    """Class i is where feature i is one: each permutation of the features goes with the same of the classes."""
    found = data_permutations(np.eye(3), np.arange(3), 3)
    assert as_pairs(found) == {(order, order) for order in itertools.permutations(range(3))}
    assert as_pairs(found) == naive(np.eye(3), np.arange(3), 3)


def test_classes_of_unlike_size_are_not_exchanged():
    inputs, labels = class_exchange()
    inputs = np.vstack([inputs, [[3.0, 3.0]]])
    found = data_permutations(inputs, np.append(labels, 0), 2)
    assert as_pairs(found) == {((0, 1), (0, 1))}


def test_numeric_targets():
    inputs = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    symmetric = data_permutations(inputs, np.array([0.5, 0.5, -1.0]), 0)
    assert [item.features.tolist() for item in symmetric] == [[0, 1], [1, 0]]
    broken = data_permutations(inputs, np.array([0.5, 0.6, -1.0]), 0)
    assert [item.features.tolist() for item in broken] == [[0, 1]]


def test_identity_comes_first_and_wide_synthetic_tables_are_not_searched():
    found = data_permutations(np.ones((3, 12)), np.array([0, 1, 2]), 3)
    assert as_pairs(found) == {(tuple(range(12)), (0, 1, 2))}
    first = data_permutations(*class_exchange(), 2)[0]
    assert (first.features.tolist(), first.classes.tolist()) == ([0, 1], [0, 1])


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 10**6))
def test_all_and_only_the_symmetries(features, classes, rows, seed):
    """Small tables of few different values, where symmetries are frequent, against enumeration."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, 2, (rows, features)).astype(float)
    labels = rng.integers(0, classes, rows)
    found = as_pairs(data_permutations(inputs, labels, classes))
    expected = naive(inputs, labels, classes)
    if len({tuple(sorted(column)) for column in inputs.T}) == features:
        # Without two columns of the same values only the identity is looked for.
        assert found == {(tuple(range(features)), tuple(range(classes)))}
    else:
        assert found == expected


@given(st.integers(0, 10**6))
def test_they_form_a_group(seed):
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, 2, (5, 3)).astype(float)
    labels = rng.integers(0, 2, 5)
    found = data_permutations(inputs, labels, 2)
    pairs = as_pairs(found)
    for first, second in itertools.product(found, repeat=2):
        features = tuple(first.features[second.features].tolist())
        classes = tuple(first.classes[second.classes].tolist())
        assert (features, classes) in pairs


def symmetric_tables():
    column = [0.3, -1.2, 0.8, 2.0, 0.1]
    duplicated = table(np.column_stack([column, [1, 0, 0, 1, 2], column]), labels=[0, 1, 0, 1, 1])
    inputs, labels = class_exchange()
    exchange = table(inputs, labels=labels.tolist())
    return [xor_table(), duplicated, exchange, table(np.eye(3), labels=[0, 1, 2])]


@pytest.mark.parametrize("data", symmetric_tables(), ids=["xor", "duplicated", "exchange", "three-classes"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "logistic"},
        {"loss": "mse"},
        {"hidden": [2, 3]},
        {"loss": "bce"},
        {"loss": "auc"},
        {"loss": "contrastive"},
    ],
    ids=str,
)
def test_loss_is_unchanged_under_the_declared_images(data, options):
    """Loss, spectrum, canonical form and aligned distance do not tell an image of x from x."""
    if options == {"loss": "bce"} and len(data.class_names) > 2:
        pytest.skip("for two classes")
    model = losses.build("mlp", {"hidden": [3], "lambda": 1e-2, **options}, data)
    assert len(model.relabellings) > 1
    rng = np.random.default_rng(3)
    for _ in range(5):
        x = model.random_start(rng)
        loss = model.value(x)
        eigenvalues = np.linalg.eigvalsh(model.hessian(x))
        for relabelling in model.relabellings:
            image = symmetry.join(relabelling.applied(model.matrices(x)))
            assert model.value(image) == pytest.approx(loss, rel=1e-13)
            assert np.linalg.eigvalsh(model.hessian(image)) == pytest.approx(eigenvalues, abs=1e-10)
            assert np.linalg.norm(model.align(x, image) - x) < 1e-12
            assert model.canonical(image) == pytest.approx(model.canonical(x), abs=1e-12)
        moved = model.random_image(x, rng)
        assert model.value(moved) == pytest.approx(loss, rel=1e-13)
        assert np.linalg.norm(model.align(x, moved) - x) < 1e-12


def test_other_exchanges_do_change_the_loss():
    """That the tests above can fail: an exchange that the data does not have is no symmetry."""
    model = losses.build("mlp", {"hidden": [3], "lambda": 1e-2}, xor_table())
    x = model.random_start(np.random.default_rng(0))
    exchange = Relabelling(np.array([0, 1]), np.array([1, 0]))
    assert abs(model.value(symmetry.join(exchange.applied(model.matrices(x)))) - model.value(x)) > 1e-3


def test_what_an_exchange_of_classes_does_to_the_outputs():
    inputs, labels = class_exchange()
    data = table(inputs, labels=labels.tolist())
    with_two_outputs = losses.build("mlp", {"hidden": [2]}, data).relabellings
    with_one_output = losses.build("mlp", {"hidden": [2], "loss": "bce"}, data).relabellings
    assert any(one.outputs.tolist() == [1, 0] for one in with_two_outputs)
    assert [one.sign for one in with_one_output] == [1.0 if one.outputs[0] == 0 else -1.0 for one in with_two_outputs]


@pytest.mark.parametrize("positive, orders", [("0", 2), ("2", 2)])
def test_outputs_of_the_other_classes_of_an_auc_change_places(positive, orders):
    rng = np.random.default_rng(2)
    data = table(rng.standard_normal((6, 2)), labels=[0, 1, 2, 0, 1, 2])
    model = losses.build("mlp", {"hidden": [2], "loss": "auc", "positive": positive}, data)
    assert len(model.relabellings) == orders
    assert all(one.outputs[int(positive)] == int(positive) for one in model.relabellings)
    assert model.log_group_order() == pytest.approx(np.log(orders * 2 * 2**2))


def test_the_sign_of_a_single_embedding_is_a_symmetry():
    data = table(np.random.default_rng(2).standard_normal((6, 2)), labels=[0, 1, 2, 0, 1, 2])
    model = losses.build("mlp", {"hidden": [2], "loss": "contrastive"}, data)
    assert [one.sign for one in model.relabellings] == [1.0, -1.0]


def test_group_order_counts_them():
    xor = losses.build("mlp", {"hidden": [3]}, xor_table())
    assert xor.log_group_order() == pytest.approx(np.log(2 * 2**3 * 6))
    assert xor.stabiliser_order(np.zeros(xor.dimension), 1e-9) == 96
