"""The kmeans loss: Lloyd's algorithm, ties, empty clusters, equal rows, symmetry, data without a target."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from llcommon.data import read_csv, read_rows
from llcommon.errors import ConfigError, InputError
from llcommon.losses import build
from llcommon.optimise.quench import Quencher
from llcommon.settings import DataSettings, QuenchSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import table
from tests.reference import kmeans as twin


def model_of(rows, clusters):
    return build("kmeans", {"clusters": clusters}, table(np.asarray(rows, dtype=np.float64)))


def quenched(model, centres):
    return model.pieces.quench(np.asarray(centres, dtype=np.float64).ravel(), 1000)


# --- minima -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4))
def test_the_quench_is_lloyds_algorithm(seed, clusters, features):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, features))
    rows = np.vstack([rows, rows[rng.integers(40, size=10)]])
    model = model_of(rows, clusters)
    start = model.random_start(rng)
    end = quenched(model, start)
    assert end.status is Status.CONVERGED
    # No cluster runs empty from centres that are rows: each keeps at least that row in the first round.
    centres, labels = twin.lloyd(start.reshape(clusters, features), rows)
    assert np.abs(model.centres(end.coordinates) - centres).max() < 1e-12
    assert end.loss == pytest.approx(((rows - centres[labels]) ** 2).sum(), rel=1e-12)
    minimum, status = model.pieces.minimum_at(end.coordinates, 1e-9)
    assert status is Status.CONVERGED
    members = np.bincount(labels, minlength=clusters)
    assert minimum.lpphe == pytest.approx(features * np.log(2.0 * members).sum())
    assert minimum.smallest_eigenvalue == 2.0 * members.min()


@pytest.mark.parametrize("clusters", [1, 4, 13])
def test_many_rows_end_where_scikit_learn_ends(clusters):
    rng = np.random.default_rng(clusters)
    rows = rng.standard_normal((1500, 8)) + 2.0 * rng.standard_normal((10, 8))[rng.integers(10, size=1500)]
    model = model_of(rows, clusters)
    for _ in range(3):
        start = model.random_start(rng)
        end = quenched(model, start)
        peer = KMeans(clusters, init=model.centres(start), n_init=1, algorithm="lloyd", tol=0.0, max_iter=1000)
        assert end.loss == pytest.approx(peer.fit(rows).inertia_, rel=1e-12)


def test_a_tied_row_changes_sides():
    """At 1 and 3 Lloyd's algorithm stands still, but the row 2 lies in the middle."""
    model = model_of([[0.0], [2.0], [3.0]], 2)
    assert model.pieces.minimum_at(np.array([1.0, 3.0]), 1e-9) == (None, Status.WRONG_INDEX)
    end = quenched(model, [1.0, 3.0])
    assert end.status is Status.CONVERGED
    assert end.loss == pytest.approx(0.5)
    assert sorted(end.coordinates) == pytest.approx([0.0, 2.5])


def test_a_centre_without_rows_goes_to_the_farthest_row():
    model = model_of([[0.0], [0.5], [1.0], [4.0]], 2)
    end = quenched(model, [1.0, 1000.0])
    assert end.status is Status.CONVERGED
    assert sorted(end.coordinates) == pytest.approx([0.5, 4.0])
    assert model.pieces.minimum_at(np.array([1.375, 1000.0]), 1e-9) == (None, Status.FLAT)


def test_centres_that_coincide_part():
    model = model_of([[0.0, 1.0], [0.5, 0.0], [1.0, 3.0], [4.0, 2.0]], 3)
    end = quenched(model, np.ones((3, 2)))
    assert end.status is Status.CONVERGED
    assert model.pieces.minimum_at(end.coordinates, 1e-9)[1] is Status.CONVERGED


def test_as_many_centres_as_different_rows_and_no_more():
    rows = [[0.0], [1.0], [1.0], [5.0]]
    end = quenched(model_of(rows, 3), [0.1, 0.2, 0.3])
    assert end.status is Status.CONVERGED
    assert end.loss == 0.0
    with pytest.raises(ConfigError, match="clusters is 4, but table.csv has only 3 different rows"):
        model_of(rows, 4)


def test_equal_rows_count_as_often_as_they_are():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((12, 2))
    often = np.repeat(rows, 3, axis=0)
    once, thrice = model_of(rows, 3), model_of(often, 3)
    x = once.random_start(rng)
    assert thrice.value(x) == pytest.approx(3.0 * once.value(x), rel=1e-13)
    assert quenched(once, x).coordinates == pytest.approx(quenched(thrice, x).coordinates, rel=1e-14)
    (first,), (second,) = (
        [model.pieces.transition_state_at(p, 1e-9)[0].loss for p in model.pieces.passes_around(x)[:1]]
        for model in (once, thrice)
    )
    assert second == pytest.approx(3.0 * first, rel=1e-12)


def test_a_centre_off_its_mean_is_no_minimum():
    model = model_of([[0.0], [1.0], [5.0], [6.0]], 2)
    assert model.pieces.minimum_at(np.array([0.5, 5.5 + 1e-6]), 1e-9) == (None, Status.STEP_LIMIT)
    assert model.pieces.minimum_at(np.array([0.5, np.nan]), 1e-9) == (None, Status.NOT_FINITE)


def test_minima_of_rows_far_from_the_origin_or_large_are_verified():
    rng = np.random.default_rng(3)
    for scale, shift in ((1e6, 0.0), (1.0, 1e7), (1e-9, 0.0)):
        model = model_of(scale * rng.standard_normal((60, 3)) + shift, 4)
        end = quenched(model, model.random_start(rng))
        assert end.status is Status.CONVERGED
        assert model.pieces.minimum_at(end.coordinates, 1e-9)[1] is Status.CONVERGED


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton", "fire"])
def test_any_quench_ends_in_a_minimum(method):
    rng = np.random.default_rng(1)
    model = model_of(rng.standard_normal((30, 2)), 3)
    quencher = Quencher(model, QuenchSettings(method=method))
    for _ in range(5):
        end = quencher.quench(model.random_start(rng))
        assert end.status is Status.CONVERGED
        assert model.pieces.minimum_at(end.coordinates, 1e-9)[1] is Status.CONVERGED


def test_a_quench_leaves_its_start_alone_and_ends_at_its_limit():
    model = model_of(np.random.default_rng(2).standard_normal((200, 2)), 8)
    start = model.random_start(np.random.default_rng(3))
    kept = start.copy()
    assert model.pieces.quench(start, 1).status is Status.STEP_LIMIT
    assert np.array_equal(start, kept)


# --- symmetry -------------------------------------------------------------------------------------


def test_the_group_is_that_of_all_orders():
    model = model_of(np.random.default_rng(2).standard_normal((20, 2)), 5)
    assert model.log_group_order() == pytest.approx(math.log(120))
    centres = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    assert model.stabiliser_order(centres.ravel(), 1e-9) == 12


def test_the_loss_has_the_same_bits_for_all_orders():
    rng = np.random.default_rng(4)
    model = model_of(rng.standard_normal((50, 3)), 6)
    x = quenched(model, model.random_start(rng)).coordinates
    assert {model.value(model.random_image(x, rng)) for _ in range(20)} == {model.value(x)}


def test_redraw_takes_a_centre_from_the_rows():
    rng = np.random.default_rng(5)
    model = model_of(rng.standard_normal((50, 3)), 6)
    rows = {tuple(row) for row in model.points}
    for _ in range(20):
        centres = model.centres(model.random_start(rng))
        assert len({tuple(centre) for centre in centres} & rows) == 6
    assert [unit.size for unit in model.units()] == [3] * 6
    assert model.coordinate_names()[:4] == ["0/x0", "0/x1", "0/x2", "1/x0"]


def test_prediction_is_the_nearest_centre_of_scaled_rows():
    rows = np.array([[10.0], [11.0], [20.0], [21.0]])
    data = table(rows, shift=15.0, scale=5.0)
    model = build("kmeans", {"clusters": 2}, data)
    x = model.pieces.quench(model.random_start(np.random.default_rng(0)), 100).coordinates
    x = np.sort(x)
    assert model.predict(x, np.array([[9.0], [15.4], [15.6], [30.0]])).tolist() == [[0.0], [0.0], [1.0], [1.0]]


# --- data -----------------------------------------------------------------------------------------


def written(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_target_all_columns_are_features(tmp_path):
    path = written(tmp_path, "a,b,kind\n1,2,x\n3,4,y\n")
    data = read_csv(path, DataSettings(target="kind", scaling="none"), None)
    assert data.feature_names == ("a", "b")
    assert (data.target_name, data.labels, data.targets) == ("", None, None)
    path = written(tmp_path, "a,b\n1,2\n3,4\n")
    data = read_csv(path, DataSettings(scaling="none"), None)
    assert data.features.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    rows = read_rows(path, data)
    assert (rows.labels, rows.targets) == (None, None)


def test_a_column_of_names_must_be_left_out(tmp_path):
    path = written(tmp_path, "a,b,kind\n1,2,x\n3,4,y\n")
    with pytest.raises(InputError, match='line 2, column kind holds "x", which is not a number.*target and features'):
        read_csv(path, DataSettings(), None)


def test_one_column_suffices(tmp_path):
    assert read_csv(written(tmp_path, "a\n1\n2\n"), DataSettings(), None).feature_names == ("a",)
