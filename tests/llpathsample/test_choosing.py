"""What `choose-k` and `choose` compute: agreement, criteria, measures of landscapes, and the rules of the choices."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from llcommon.data import Data, csv_of
from llcommon.errors import ConfigError
from llcommon.estimates import Estimate
from llcommon.losses import build
from llcommon.optimise.points import minimum_at
from llcommon.optimise.quench import Quencher
from llcommon.rng import generator
from llcommon.scoring import measured
from llcommon.settings import Settings
from llcommon.store import Landscape
from llpathsample.choosing.agreement import (
    Mean,
    expected_agreement,
    melting_temperature,
    pairwise_mean,
    rand_indices,
    weights_of,
)
from llpathsample.choosing.clusterings import (
    as_data,
    bic,
    gap_statistic,
    log_losses_of,
    quench_starts,
    reference_sets,
    scatter,
    silhouette,
)
from llpathsample.choosing.clusters import recommend as recommend_clusters
from llpathsample.choosing.clusterstudy import Options, study
from llpathsample.choosing.measures import Measures, by_loss_alone, funnel_of, measures_of, shannon
from llpathsample.choosing.scores import fold_numbers, mean_of, predictions, validation_rows
from llpathsample.choosing.values import Row, recommend
from llpathsample.choosing.variation import Setting, combinations, variation_of
from llpathsample.ktn import Network
from llpathsample.structure.funnels import basins_of


def data_of(points: np.ndarray) -> Data:
    """Data whose inputs are these points (n, d)."""
    number = points.shape[1]
    names = tuple(f"x{column}" for column in range(number))
    nothing, ones = np.zeros(number), np.ones(number)
    return Data(names, points, nothing, ones, "none", "", (), None, None, "points.csv", "0" * 64)


def clouds(centres, size: int, seed: int = 0) -> np.ndarray:
    """`size` points of a normal cloud of unit width about each centre."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, 1.0, (size, len(centre))) for centre in centres])


# --- agreement ------------------------------------------------------------------------------------


def test_rand_indices_are_scikit_learns():
    labels = np.random.default_rng(0).integers(0, 4, (5, 40))
    labels[4] = (labels[3] + 1) % 4  # the same clusters by other numbers
    found = rand_indices(labels)
    known = [[adjusted_rand_score(one, other) for other in labels] for one in labels]
    np.testing.assert_allclose(found, known, atol=1e-12)
    assert found[3, 4] == pytest.approx(1.0)


@pytest.mark.parametrize("labels", [np.zeros((2, 6), int), np.tile(np.arange(6), (2, 1)), np.zeros((2, 1), int)])
def test_clusterings_without_room_are_the_same(labels):
    assert np.array_equal(rand_indices(labels), np.ones((2, 2)))


def test_the_error_over_pairs_is_that_of_leaving_out_each_member():
    values = np.array([[1.0, 0.9, 0.3, 0.5], [0.9, 1.0, 0.2, 0.6], [0.3, 0.2, 1.0, 0.1], [0.5, 0.6, 0.1, 1.0]])
    found = pairwise_mean(values)
    upper = np.triu_indices(4, 1)
    without = np.array([np.delete(np.delete(values, k, 0), k, 1)[np.triu_indices(3, 1)].mean() for k in range(4)])
    assert found.value == pytest.approx(values[upper].mean())
    assert found.error == pytest.approx(math.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum()))
    assert found.pairs == 6
    assert pairwise_mean(values[:2, :2]).value == pytest.approx(0.9)
    assert math.isnan(pairwise_mean(values[:1, :1]).value)


def test_melting_is_where_the_expected_agreement_falls_below_the_level():
    losses, visits, agreements = np.array([2.0, 2.2]), np.array([3, 3]), np.eye(2)
    # p^2 + (1 - p)^2 = 0.9 at p = (1 + sqrt(0.8)) / 2, and p / (1 - p) = exp(0.1 / t) with t in units of 2.
    p = 0.5 * (1.0 + math.sqrt(0.8))
    at = 0.1 / math.log(p / (1.0 - p))
    assert melting_temperature(losses, visits, agreements, 0.9) == pytest.approx(at, rel=1e-5)
    assert expected_agreement(losses, visits, agreements, 2.0 * at) == pytest.approx(0.9)
    assert melting_temperature(losses, visits, np.array([[1.0, 0.95], [0.95, 1.0]]), 0.9) == math.inf
    assert melting_temperature(np.array([2.0, 2.0]), visits, agreements, 0.9) == 0.0
    assert melting_temperature(np.array([0.0, 1.0]), visits, agreements, 0.9) == 0.0
    assert weights_of(losses, visits, 0.0).tolist() == [1.0, 0.0]
    rare = weights_of(losses, np.array([9, 1]), 0.1)
    assert rare[0] / rare[1] == pytest.approx(9.0 * math.exp(2.0))


# --- criteria without landscapes ------------------------------------------------------------------


def test_bic_is_its_formula_and_scikit_learns_for_one_cluster():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [7.0, 5.0], [9.0, 5.0]])
    sizes, loss = np.array([3, 2]), 4.0 / 3.0 + 2.0
    variance = loss / 10.0
    likelihood = 3 * math.log(0.6) + 2 * math.log(0.4) - 5.0 * (math.log(2 * math.pi * variance) + 1.0)
    assert bic(loss, sizes, 2) == pytest.approx(6 * math.log(5) - 2 * likelihood)
    mixture = GaussianMixture(1, covariance_type="spherical", reg_covar=0.0).fit(points)
    assert bic(scatter(points), np.array([5]), 2) == pytest.approx(mixture.bic(points))
    assert bic(0.0, sizes, 2) == -math.inf


def test_the_gap_statistic_by_hand():
    references = np.log(np.array([[8.0, 4.0, 2.0], [2.0, 1.0, 1.0]]))
    own = np.log(np.array([4.0, 1.0, 0.9]))
    gap = gap_statistic([1, 2, 3], own, references)
    np.testing.assert_allclose(gap.values, references.mean(axis=0) - own)
    np.testing.assert_allclose(gap.errors, math.sqrt(1.5) * np.abs(references[0] - references[1]) / 2.0)
    assert math.isnan(gap.drops[0])
    assert gap.drops[1] == pytest.approx(math.log(2.0))  # the data fall by 4, the references by 2
    assert gap.drop_errors[1] == pytest.approx(0.0, abs=1e-12)
    # Gap(1) = 0, Gap(2) = ln 2 and s_2 = sqrt(1.5) ln 2: one standard error does not part them.
    assert gap.choice() == 1
    assert gap_statistic([1, 2], own[:2], references[:, :2] * 0.01).choice() is None


def test_reference_sets_fill_the_box_along_the_principal_components():
    points = np.random.default_rng(1).normal(size=(300, 2)) * [5.0, 0.1] @ np.array([[0.6, 0.8], [-0.8, 0.6]]) + 3.0
    first, again = (reference_sets(points, 2, seed=4) for _ in range(2))
    assert np.array_equal(first[1], again[1]) and not np.array_equal(first[0], first[1])
    directions = np.linalg.svd(points - points.mean(axis=0))[2]
    box, drawn = ((table - points.mean(axis=0)) @ directions.T for table in (points, first[0]))
    assert (drawn >= box.min(axis=0)).all() and (drawn <= box.max(axis=0)).all()
    assert np.ptp(drawn, axis=0) == pytest.approx(np.ptp(box, axis=0), rel=0.05)


def test_quenches_from_starts_tell_how_often_the_lowest_is_met():
    points = np.array([[0.0], [0.1], [5.0], [5.1], [10.0], [10.1]])
    found = quench_starts(data_of(points), 3, 30, 1)
    assert found.best_of(30) == pytest.approx(3 * 0.005)
    assert found.visits.sum() == 30 and np.all(np.diff(found.minima) > 0.0) and 0.5 < found.share.value <= 1.0
    assert quench_starts(data_of(points), 3, 30, 1, lowest=1e-3).share.value == 0.0
    assert np.array_equal(quench_starts(data_of(points), 3, 30, 1).losses, found.losses)


def test_the_silhouette_is_scikit_learns_and_none_without_two_clusters():
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    mean = (1.0 - 1.0 / 10.5 + 1.0 - 1.0 / 9.5) / 2.0
    assert silhouette(points, np.array([0, 0, 1, 1]), 1) == pytest.approx(mean)
    assert math.isnan(silhouette(points, np.zeros(4, dtype=int), 1))
    assert math.isnan(silhouette(points, np.arange(4), 1))


# --- measures of a landscape ----------------------------------------------------------------------


def network(losses, states) -> Network:
    """states: (loss, a, b)."""
    losses = np.array(losses, dtype=float)
    heights = np.array([loss for loss, *_ in states], dtype=float)
    ends = np.array([(a, b) for _, a, b in states], dtype=np.int64).reshape(-1, 2)
    nothing, none = np.zeros(len(losses)), np.zeros(len(heights))
    return Network(losses, nothing, nothing, heights, none, none, ends)


DOUBLE = network([0.0, 1.0, 0.2, 1.2], [(1.1, 0, 1), (1.3, 2, 3), (5.0, 1, 3)])


def test_minima_belong_to_the_funnel_that_they_lead_down_to():
    found = basins_of(DOUBLE.losses, DOUBLE.ts_losses, DOUBLE.ends)
    assert funnel_of(found, 5.0).tolist() == [0, 0, 2, 2]
    assert funnel_of(found, 1e6).tolist() == [0, 0, 0, 0]


def test_measures_of_a_double_funnel():
    found = measures_of(DOUBLE, 0.1, 5.0)
    weights = np.exp(-np.array([0.0, 10.0, 2.0, 12.0]))
    shares = weights / weights.sum()
    assert (found.minima, found.states, found.components, found.funnels, found.unconnected) == (4, 3, 1, 2, 0)
    assert found.entropy == pytest.approx(shannon(shares))
    assert found.competing == pytest.approx(math.exp(shannon(np.array([shares[0] + shares[1], shares[2] + shares[3]]))))
    ratios = np.array([0.1, 4.8 / 0.2, 3.8 / 1.2])
    assert found.frustration == pytest.approx(shares[1:] @ ratios / shares[1:].sum())
    assert measures_of(DOUBLE, 0.0, 5.0).entropy == 0.0


def test_a_single_minimum_is_not_frustrated():
    found = measures_of(network([3.0], []), 0.1, 5.0)
    assert math.isnan(found.frustration)
    assert (found.entropy, found.competing, found.funnels) == (0.0, 1.0, 1)


def test_by_loss_alone_all_minima_are_as_wide():
    wide = replace(DOUBLE, lpphe=np.array([100.0, 0.0, 0.0, 0.0]), log_orders=np.array([0.0, 5.0, 0.0, 0.0]))
    assert measures_of(by_loss_alone(wide), 0.3, 5.0) == measures_of(DOUBLE, 0.3, 5.0)


# --- the choice of a number of clusters -----------------------------------------------------------


def searched(data: Data, clusters: int, starts: int = 40) -> Landscape:
    """The minima that quenches of K-means end in, without transition states."""
    settings = Settings("kmeans", {"clusters": clusters})
    model = build("kmeans", {"clusters": clusters}, data)
    landscape = Landscape(settings, model, data)
    quencher, rng = Quencher(model, settings.quench), generator(5, clusters)
    for _ in range(starts):
        found = quencher.quench(model.random_start(rng))
        minimum, _ = minimum_at(model, found.coordinates, settings.quench.rms, settings.curvature)
        if minimum is not None:
            landscape.add_minimum(minimum)
    return landscape


def chosen(points: np.ndarray, clusters, known=None, references: int = 8, starts: int = 20):
    """Rows, gap and choice for these points."""
    data = data_of(points)
    options = Options(references, starts, known=known)
    rows, gap = study(data, [(searched(data, k), 1.0) for k in clusters], options)
    return rows, gap, recommend_clusters(rows, gap)


TRIANGLE = [(0.0, 0.0), (8.0, 0.0), (4.0, 7.0)]
FIVE = [*TRIANGLE, (-6.0, 7.0), (12.0, 9.0)]


def test_three_clouds_are_three_clusters():
    rows, gap, choice = chosen(clouds(TRIANGLE, 20), (4, 2, 3), known=np.repeat(np.arange(3), 20))
    assert [row.clusters for row in rows] == [1, 2, 3, 4]
    assert choice.recommended == 3
    assert choice.by_criterion["silhouette"] == choice.by_criterion["bic"] == choice.by_criterion["melting"] == 3
    assert rows[2].known == pytest.approx(1.0) and rows[0].known == pytest.approx(0.0)
    assert rows[2].starts.share.value > rows[3].starts.share.value
    assert "recommended by the landscape: K = 3" in "; ".join(choice.sentences)


def test_five_clouds_are_five_clusters():
    assert chosen(clouds(FIVE, 20), (3, 5, 6))[2].recommended == 5


def test_clouds_that_overlap_are_told_apart_still():
    close = [(0.0, 0.0), (3.4, 0.0), (1.7, 3.0)]
    assert chosen(clouds(close, 40, seed=1), (2, 3, 4))[2].recommended == 3


@pytest.mark.parametrize("dimension", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_points_without_clusters_support_no_number(dimension):
    points = np.random.default_rng(2).uniform(size=(80, dimension))
    _, _, choice = chosen(points, (2, 3, 4))
    assert choice.recommended is None
    assert "no K is supported" in "; ".join(choice.sentences)


@pytest.mark.slow
def test_what_has_no_clusters_is_hardly_ever_given_any():
    given = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        round_cloud = rng.normal(size=(120, 2))
        for points in (rng.uniform(size=(120, 2)), round_cloud, round_cloud * [3.0, 1.0]):
            given.append(chosen(points, range(2, 6), references=20, starts=60)[2].recommended)
    assert sum(number is not None for number in given) <= 1


@pytest.mark.filterwarnings("error")
def test_as_many_clusters_as_rows_have_no_gap():
    _, gap, choice = chosen(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), (2, 4))
    assert np.isnan(gap.values).tolist() == [False, False, True]
    assert not choice.verdicts[1].needed and math.isnan(choice.verdicts[1].rise)
    assert "the gap statistic tells nothing of it" in choice.sentences[1]


def test_threads_change_no_number():
    points = clouds(TRIANGLE, 10)
    data = data_of(points)
    for inputs in reference_sets(points, 1, 1):
        assert log_losses_of(as_data(data, inputs), [1, 2], 3, 1, 0)[0] == pytest.approx(math.log(scatter(inputs)))
    landscapes = [(searched(data, 2, 5), 0.0)]
    one, two = (study(data, landscapes, Options(4, 20), jobs)[1] for jobs in (1, 2))
    assert np.array_equal(one.values, two.values) and np.array_equal(one.errors, two.errors)


# --- the values of a setting ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, values",
    [
        ("loss.lambda=1e-5,1e-4", ("1e-5", "1e-4")),
        ("loss.hidden=[2],[3, 4]", ("[2]", "[3, 4]")),
        ("loss.lambda=1e-5:1e-3:3", ("1e-05", "0.0001", "0.001")),
        ("loss.clusters=2:4,7", ("2", "3", "4", "7")),
        ('data.scaling="none", standardise', ('"none"', "standardise")),
        ("search.seed=1,1,2", ("1", "2")),
    ],
)
def test_values_to_vary(text, values):
    assert variation_of(text).values == values


@pytest.mark.parametrize("text", ["lambda=1", "loss.lambda", "a.b=", "a.b=1,,2", "loss.lambda=3:1:4", "a.b=0:1:3"])
def test_values_that_make_no_sense(text):
    with pytest.raises(ConfigError, match="--vary"):
        variation_of(text)


def test_every_value_meets_every_other_in_files_of_their_own():
    found = combinations([variation_of("loss.hidden=[2],[2,2]"), variation_of("loss.lambda=1e-3,1e-2")])
    assert [each.overrides for each in found][:2] == [
        ("loss.hidden=[2]", "loss.lambda=1e-3"), ("loss.hidden=[2]", "loss.lambda=1e-2")
    ]  # fmt: skip
    assert [each.name for each in found] == [
        "hidden-2+lambda-1e-3", "hidden-2+lambda-1e-2", "hidden-2_2+lambda-1e-3", "hidden-2_2+lambda-1e-2"
    ]  # fmt: skip
    alike = combinations([variation_of('a.b="x y","x/y"')])
    assert len({each.name for each in alike}) == 2
    with pytest.raises(ConfigError, match="twice"):
        combinations([variation_of("a.b=1"), variation_of("a.b=2")])


def row(value: str, score: float | None, funnels: int, minima: int, error: float = 0.1) -> Row:
    measures = Measures(1.0, minima, 0, 1, funnels, 1.0, 0.5, 0.1 * minima, 0.1, 0)
    validation = None if score is None else Estimate(score, error)
    return Row(Setting({"loss.lambda": value}, value), measures, Mean(1.0, 0.0, 1), validation, None, 1.0)


def test_the_simplest_landscape_within_one_standard_error_is_recommended():
    rows = [row("a", 1.00, 9, 90), row("b", 1.05, 2, 30), row("c", 1.09, 2, 20), row("d", 1.11, 1, 1)]
    choice = recommend(rows)
    assert (choice.best, choice.alike, choice.recommended) == (0, [0, 1, 2], 2)
    assert choice.by_measure["fewest funnels"] == 3
    assert "recommended: lambda=c" in choice.sentences[2]


def test_of_landscapes_alike_the_better_score_is_recommended():
    tie = recommend([row("a", 1.05, 1, 1), row("b", 1.0, 1, 1)])
    assert tie.recommended == 1
    assert "the best score of the 2 of these with the simplest landscapes (1 funnel, 1 minimum)" in tie.sentences[2]


def test_nothing_is_recommended_without_scores_or_minima():
    choice = recommend([row("a", None, 1, 1), replace(row("b", 1.0, 1, 1), measures=None)])
    assert choice.recommended is None and choice.best is None
    assert "no value is recommended" in choice.sentences[-1]


def test_a_value_without_an_error_stands_alone():
    lone = recommend([row("a", 1.0, 5, 5, math.nan), row("b", 1.01, 1, 1, math.nan)])
    assert lone.recommended == 0 and "a, alone within that" in lone.sentences[2]


# --- scores and parts of the rows -----------------------------------------------------------------


def labelled(counts) -> Data:
    labels = np.repeat(np.arange(len(counts)), counts)
    points = np.random.default_rng(0).normal(size=(len(labels), 2)) / 3.0
    names = tuple("ABC"[: len(counts)])
    return replace(data_of(points), target_name="kind", class_names=names, labels=labels)


def test_folds_and_validation_parts_share_out_every_class():
    data = labelled([9, 6, 4])
    folds = fold_numbers(data, 3, seed=1)
    assert [np.bincount(folds[data.labels == label], minlength=3).tolist() for label in (0, 1)] == [[3] * 3, [2] * 3]
    assert np.ptp(np.bincount(folds)) <= 1
    part = validation_rows(data, 0.25, seed=1)
    assert [int(part[data.labels == label].sum()) for label in range(3)] == [2, 2, 1]
    assert np.array_equal(part, validation_rows(data, 0.25, seed=1))
    with pytest.raises(ConfigError, match="only 1 row of class B"):
        fold_numbers(labelled([3, 1]), 2, seed=1)
    with pytest.raises(ConfigError, match="not a single row"):
        validation_rows(labelled([2, 2]), 0.1, seed=1)


def test_parts_are_written_to_the_last_bit(tmp_path):
    from llcommon.data import read_csv
    from llcommon.settings import DataSettings

    data = labelled([4, 3])
    chosen_rows = np.array([True, False, True, True, True, False, True])
    (tmp_path / "part.csv").write_text(csv_of(data, np.flatnonzero(chosen_rows)))
    read = read_csv(tmp_path / "part.csv", DataSettings(scaling="none"), False)
    assert np.array_equal(read.features, data.features[chosen_rows])
    assert np.array_equal(read.labels, data.labels[chosen_rows])


def test_scores_and_agreements_of_predictions():
    data = labelled([5, 5])
    model = build("mlp", {"hidden": [2], "lambda": 0.1}, data)
    points = np.array([model.random_start(generator(1, k)) for k in range(3)])
    found = predictions(model, points, data.rows())
    logs = model.log_probabilities(points[1], data.features)
    losses = -logs[np.arange(10), data.labels]
    assert found.measure == "log_loss"
    assert found.score(1) == Estimate(pytest.approx(losses.mean()), pytest.approx(losses.std(ddof=1) / math.sqrt(10)))
    assert found.accuracy(1).value == pytest.approx((logs.argmax(axis=1) == data.labels).mean())
    same = [[(one == other).mean() for other in found.classes] for one in found.classes]
    np.testing.assert_allclose(found.agreements(0.0), same)
    assert math.isnan(mean_of(np.array([1.0])).error)


def test_squared_errors_of_classes_are_those_of_score():
    data = labelled([5, 5, 5])
    model = build("mlp", {"hidden": [2], "lambda": 0.1, "loss": "mse"}, data)
    point = model.random_start(generator(1, 0))
    found = predictions(model, point[None, :], data.rows())
    assert found.measure == "mse"
    assert found.score(0).value == pytest.approx(measured(model, point, data.rows())[0])


def test_numbers_agree_by_their_differences():
    data = replace(data_of(np.linspace(-1.0, 1.0, 8)[:, None]), target_name="y", targets=np.linspace(0.0, 1.0, 8) ** 2)
    model = build("mlp", {"hidden": [2], "lambda": 0.1, "loss": "mse"}, data)
    points = np.array([model.random_start(generator(1, k)) for k in range(2)])
    found = predictions(model, points, data.rows())
    first, second = (model.predict(point, data.features)[:, 0] for point in points)
    variance = data.targets.var()
    assert found.measure == "mse" and found.correct is None and found.accuracy(0) is None
    assert found.agreements(variance)[0, 1] == pytest.approx(1.0 - ((first - second) ** 2).mean() / (2.0 * variance))
    assert np.isnan(found.agreements(0.0)).all()
