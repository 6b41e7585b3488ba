"""Ensembles of minima: who the members are, what weighs them, what is fitted on what, and how sure a difference is."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from ensembles import TOML, landscape_of, written
from scipy import stats
from scipy.spatial.distance import cdist

from llcommon.combining import COMBINATIONS, Ensemble, combined, competence_nearby, trusted
from llcommon.data import Rows, csv_of
from llcommon.errors import ConfigError, InputError
from llcommon.mixing import log_weights
from llcommon.scoring import measures_of
from llpathsample.ensembles import baselines, crossvalidation, holdout
from llpathsample.ensembles.choosing import CHOICES, basin_bottoms, chosen, peak_minima, representatives
from llpathsample.ensembles.comparing import (
    BAGGING,
    BY_VALIDATION,
    MEMBERS,
    SINGLE,
    best_by_validation,
    evaluated,
    material,
    planned,
    predictions,
)
from llpathsample.ensembles.fitting import (
    PENALTIES,
    competence_of,
    default_temperature,
    fitted_gate,
    loss_weights,
    occupation_weights,
    stacking_matrix,
)
from llpathsample.ensembles.regions import regions
from llpathsample.ensembles.tables import ALIKE, BETTER, WORSE, summary, tabulated
from llpathsample.ensembles.uncertainty import Differences, bootstrap, corrected_t, jackknife_error
from llpathsample.ktn import Network
from llpathsample.splits import folds_of, others, part_of, taken
from llpathsample.structure.basins import bottoms
from llpathsample.structure.communities import communities
from llpathsample.thermodynamics.features import contributions, heat_capacity_peaks, occupation_gains
from llpathsample.thermodynamics.observables import log_occupations


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A landscape with made-up minima and transition states, and rows that it was not trained on."""
    return landscape_of(written(tmp_path_factory.mktemp("iris")))


@pytest.fixture(scope="module")
def petal(tmp_path_factory):
    """The same of numbers."""
    folder = written(tmp_path_factory.mktemp("petal"), TOML.replace("lambda", 'loss = "mse"\nlambda'), numbers=True)
    return landscape_of(folder)


@pytest.fixture(scope="module")
def compared(iris):
    """A plan of all that there is, and what is predicted for the test rows."""
    landscape, rows = iris
    choices = [chosen(landscape, name, 4, 2, 1) for name in ("heat-capacity", "lowest", "random")]
    plan, notes = planned(landscape, choices, list(COMBINATIONS), default_temperature(landscape), 2)
    assert notes == []
    networks = {kind: baselines.trained(landscape, kind, 2, 1) for kind in baselines.KINDS}
    return plan, material(landscape, plan, rows, networks)


# --- members --------------------------------------------------------------------------------------


def test_members_of_each_rule(iris):
    landscape, _ = iris
    losses = landscape.minima.loss
    network = Network.unchecked(landscape)
    joined = np.arange(len(losses) - 1)  # the last minimum is not connected
    found = {name: chosen(landscape, name, 4, 3, 7) for name in CHOICES}
    for name, choice in found.items():
        assert len(choice.draws) == (3 if name == "random" else 1)
        for ids in choice.draws:
            assert len(set(ids.tolist())) == len(ids) <= 4
            assert (np.diff(losses[ids]) >= 0.0).all()
    assert found["lowest"].draws[0].tolist() == np.argsort(losses)[:4].tolist()
    assert set(basin_bottoms(landscape).tolist()) == set(bottoms(losses[joined], network.ends).tolist())
    labels = communities(network.among(joined))
    lowest = [joined[labels == label][np.argmin(losses[joined][labels == label])] for label in np.unique(labels)]
    assert set(representatives(landscape).tolist()) == {int(row) for row in lowest}
    again = chosen(landscape, "random", 4, 3, 7)
    assert all(np.array_equal(a, b) for a, b in zip(again.draws, found["random"].draws, strict=True))
    assert not np.array_equal(again.draws[0], again.draws[1])


def test_makers_of_peaks_come_in_turns(iris):
    landscape, _ = iris
    network = Network.unchecked(landscape)
    highest = max(heat_capacity_peaks(network), key=lambda peak: peak.height).temperature
    gains, parts = occupation_gains(network, highest), contributions(network, highest)
    first, second = peak_minima(landscape)[:2].tolist()
    assert first == np.argmax(np.where(gains > 0.0, parts, -1.0))
    assert second == np.argmax(np.where(gains < 0.0, parts, -1.0))


# --- weights --------------------------------------------------------------------------------------


def test_weights(iris):
    landscape, _ = iris
    members = np.array([0, 3, 5])
    assert default_temperature(landscape) == 1.0 / len(landscape.data.labels)
    for temperature in (1e-4, 0.02, 3.0):
        by_loss = loss_weights(landscape.minima.loss[members], temperature)
        by_occupation = occupation_weights(landscape, members, temperature)
        assert by_loss.sum() == pytest.approx(1.0, abs=1e-15) and by_occupation.sum() == pytest.approx(1.0, abs=1e-15)
        known = np.exp(log_occupations(Network.unchecked(landscape), temperature))[members]
        if known.sum() > 0.0:
            assert by_occupation == pytest.approx(known / known.sum(), rel=1e-9, abs=1e-300)
        minima = [landscape.minimum(member) for member in members]
        assert by_occupation == pytest.approx(np.exp(log_weights(landscape.model, minima, temperature)), abs=1e-12)
    ratio = by_loss[0] / by_loss[1]
    assert ratio == pytest.approx(np.exp((landscape.minima.loss[3] - landscape.minima.loss[0]) / temperature))
    assert loss_weights(np.array([1.0, 2.0]), 1e-300).tolist() == [1.0, 0.0]


def test_the_temperature_of_numbers(petal):
    landscape, _ = petal
    x = landscape.minima.coordinates[landscape.global_minimum()]
    errors = landscape.model.predict(x, landscape.data.features)[:, 0] - landscape.data.targets
    assert default_temperature(landscape) == pytest.approx(2.0 * np.mean(errors**2) / len(errors))


# --- what is fitted -------------------------------------------------------------------------------


def test_stacking_of_equal_members_is_that_of_one(compared):
    plan, held = compared
    part = held.part(np.arange(0, len(held.inputs), 2))
    one = part.of([plan.lowest])
    matrix, about = stacking_matrix(one, part.rows)
    many, about_many = stacking_matrix(np.repeat(one, 3, axis=0), part.rows)
    assert about == about_many and about["stacking_C"] in PENALTIES
    rest = held.part(np.arange(1, len(held.inputs), 2)).of([plan.lowest])
    alone = combined(Ensemble("stacking", np.arange(1), np.ones(1), matrix), rest, None, True)
    equal = Ensemble("stacking", np.arange(3), np.full(3, 1 / 3), many)
    assert combined(equal, np.repeat(rest, 3, axis=0), None, True) == pytest.approx(alone, abs=1e-4)


def test_stacking_learns_whom_to_trust():
    rng = np.random.default_rng(2)
    labels = np.arange(120) % 3
    good = np.log(np.where(np.eye(3)[labels] == 1.0, 0.8, 0.1))
    noise = np.log(rng.dirichlet(np.ones(3), size=120))
    rows = Rows(np.empty((120, 0)), labels, None, "made up", "")
    matrix, _ = stacking_matrix(np.array([noise, good]), rows)
    assert np.abs(matrix[:, 3:6]).min() > 2.0 * np.abs(matrix[:, :3]).max()
    with pytest.raises(InputError, match="no row of some classes"):
        stacking_matrix(np.array([noise, good])[:, labels > 0], taken(rows, np.flatnonzero(labels > 0)))


def test_stacked_numbers_are_a_least_squares_fit(petal):
    landscape, rows = petal
    plan, _ = planned(landscape, [chosen(landscape, "lowest", 3)], ["stacking"], 1.0)
    outputs = material(landscape, plan, rows, {}).of([0, 1, 2])
    matrix, _ = stacking_matrix(outputs, rows)
    assert matrix.shape == (1, 3) and (matrix >= 0.0).all()
    best = np.mean((np.tensordot(matrix[0], outputs, axes=1)[:, 0] - rows.targets) ** 2)
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 1e-3:
        other = np.maximum(matrix[0] + step, 0.0)
        assert np.mean((np.tensordot(other, outputs, axes=1)[:, 0] - rows.targets) ** 2) >= best - 1e-12


def test_a_gate_finds_regions_and_says_so_if_there_are_none():
    rng = np.random.default_rng(4)
    inputs = rng.uniform(-1.0, 1.0, size=(80, 1))
    labels = np.zeros(80, dtype=np.int64)
    rows = Rows(inputs, labels, None, "made up", "")
    right = np.where(inputs[:, 0] > 0.0, 0.9, 0.4)
    outputs = np.log(np.array([[right, 1.0 - right], [1.3 - right, right - 0.3]])).transpose(0, 2, 1)
    gate, about = fitted_gate(outputs, rows, inputs)
    assert about["neighbours"] < 80
    assert gate.trusted(np.array([[-0.7], [0.7]])).tolist() == [1, 0]
    worse = outputs.copy()
    worse[1] = np.log(0.5)
    worse[0] = np.log(np.array([0.7, 0.3]))
    assert fitted_gate(worse, rows, inputs)[1]["neighbours"] == 80


def test_a_gate_is_that_of_all_distances_at_once_without_holding_them():
    rng = np.random.default_rng(8)
    count, width = 900, 40
    inputs = rng.standard_normal((count, width))
    rows = Rows(inputs, None, rng.standard_normal(count) + (inputs[:, 0] > 0.0), "made up", "")
    outputs = np.stack([np.zeros((count, 1)), np.ones((count, 1))])
    tracemalloc.start()
    gate, about = fitted_gate(outputs, rows, inputs)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The differences of all pairs of rows would be 259 MB.
    assert held < 1.5e8
    squares = cdist(inputs, inputs, "sqeuclidean")
    np.fill_diagonal(squares, np.inf)
    best = {}
    for number in (count - 1, 160, 80, 40, 20, 10, 5):
        chosen = trusted(competence_nearby(gate.competence, squares, number))
        best[number] = gate.competence[np.arange(count), chosen].mean()
    assert about["neighbours"] == max(best, key=best.get)


def test_one_region_is_the_best_by_validation(compared):
    plan, held = compared
    validation = held.part(np.arange(0, len(held.inputs), 2))
    members = plan.candidates
    outputs = validation.of(members)
    gate, _ = fitted_gate(outputs, validation.rows, validation.inputs)
    everywhere = replace(gate, neighbours=len(validation.inputs))
    assert set(members[everywhere.trusted(held.inputs)].tolist()) == {best_by_validation(plan, validation)}
    losses = -outputs[:, np.arange(len(validation.inputs)), validation.rows.labels].mean(axis=1)
    assert np.argmin(losses) == everywhere.trusted(held.inputs)[0]


def test_nothing_that_is_fitted_sees_a_test_row(compared):
    plan, held = compared
    test, validation = np.arange(0, len(held.inputs), 2), np.arange(1, len(held.inputs), 2)
    first = predictions(plan, held.part(test), held.part(validation))
    labels = held.rows.labels.copy()
    labels[test] = np.roll(labels[test], 5)
    other = replace(held, rows=replace(held.rows, labels=labels))
    second = predictions(plan, other.part(test), other.part(validation))
    assert all(np.array_equal(a, b) for key in first for a, b in zip(first[key], second[key], strict=True))
    labels = np.roll(held.rows.labels, 5)
    third = predictions(plan, held.part(test), replace(held, rows=replace(held.rows, labels=labels)).part(validation))
    changed = {combination for (choice, combination) in first if not np.array_equal(
        first[choice, combination][0], third[choice, combination][0]
    )}
    assert changed <= {"stacking", "specialise", BY_VALIDATION[1]} and "stacking" in changed


def test_who_is_trusted_where(compared, iris):
    plan, held = compared
    ensemble = plan.ensembles["lowest", "specialise"][0]
    gate, _ = fitted_gate(held.of(ensemble.members), held.rows, held.inputs)
    ready = replace(ensemble, gate=replace(gate, neighbours=5))
    found = regions(plan, ready, held, iris[0].data)
    assert [each.minimum for each in found] == ensemble.members.tolist()
    assert sum(each.rows for each in found) == len(held.inputs)
    for each in found:
        assert sum(each.classes.values()) == each.rows
    right = combined(ready, held.of(ensemble.members), held.inputs, True).argmax(axis=1) == held.rows.labels
    assert sum(each.rows * each.score for each in found if each.rows) == pytest.approx(right.sum())


# --- networks of scikit-learn -----------------------------------------------------------------------


def test_networks_of_scikit_learn(compared, iris):
    landscape, rows = iris
    data = landscape.data
    network = baselines.unfitted(landscape, 1)
    assert network.alpha == pytest.approx(2.0 * 1e-2 * len(data.labels))
    assert network.hidden_layer_sizes == (2,) and network.activation == "tanh"
    trained = baselines.trained(landscape, "bagging", 2, 1)
    inputs = data.transform(rows.features)
    own = baselines.outputs_of(trained, inputs, 3)
    known = np.array([np.log(each.predict_proba(inputs)) for each in trained])
    assert own == pytest.approx(known, abs=1e-9)
    _, held = compared
    assert np.exp(held.trained["bagging"]) == pytest.approx(np.exp(known).mean(axis=0), abs=1e-12)


def test_networks_of_numbers(petal):
    landscape, rows = petal
    network = baselines.unfitted(landscape, 1)
    assert network.alpha == pytest.approx(1e-2 * len(landscape.data.targets))
    trained = baselines.trained(landscape, "independent", 1, 3)
    inputs = landscape.data.transform(rows.features)
    assert baselines.outputs_of(trained, inputs, 0)[0, :, 0] == pytest.approx(trained[0].predict(inputs))
    # The loss of scikit-learn is half of the model's, but for the biases of the L2 term.
    weights = np.concatenate([np.append(w, b[None], axis=0).ravel() for w, b in zip(
        trained[0].coefs_, trained[0].intercepts_, strict=True
    )])
    biases = sum(float(b @ b) for b in trained[0].intercepts_)
    value = landscape.model.value(weights) - landscape.model.parameters.lambda_ * biases
    assert 2.0 * trained[0].loss_ == pytest.approx(value, rel=1e-6)


def test_a_class_that_a_network_has_not_met():
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 2))
    network = MLPClassifier((2,), solver="lbfgs", max_iter=20).fit(inputs, np.where(inputs[:, 0] > 0.0, 2, 0))
    found = baselines.outputs_of([network], inputs, 3)[0]
    assert np.isneginf(found[:, 1]).all() and np.exp(found).sum(axis=1) == pytest.approx(1.0)


# --- parts ------------------------------------------------------------------------------------------


def test_parts_keep_the_proportions(iris):
    _, rows = iris
    part = part_of(rows, 0.4, 3, "x", 0)
    counts = np.bincount(rows.labels)
    assert np.array_equal(np.bincount(rows.labels[part]), np.floor(0.4 * counts + 0.5).astype(int))
    assert np.array_equal(part, part_of(rows, 0.4, 3, "x", 0))
    assert not np.array_equal(part, part_of(rows, 0.4, 3, "x", 1))
    assert np.array_equal(np.sort(np.concatenate([part, others(part, len(rows.labels))])), np.arange(len(rows.labels)))
    numbers = folds_of(rows, 4, 1, "folds", 0)
    sizes = np.array([np.bincount(rows.labels[numbers == fold], minlength=3) for fold in range(4)])
    assert np.ptp(sizes, axis=0).max() <= 1 and np.ptp(sizes.sum(axis=1)) <= 1


def test_folds_hold_each_row_once_and_keep_their_parts_apart(iris):
    data = iris[0].data
    found = crossvalidation.folds(data, 3, 2, 0.25, 1)
    assert len(found) == 6
    for fold in found:
        together = np.concatenate(list(fold.rows.values()))
        assert np.array_equal(np.sort(together), np.arange(len(data.labels)))
    tested = np.concatenate([fold.rows["test"] for fold in found[:3]])
    assert np.array_equal(np.sort(tested), np.arange(len(data.labels)))
    assert csv_of(data, np.array([1, 0])).splitlines()[0] == ",".join(
        [*data.feature_names, data.target_name]
    )
    with pytest.raises(ConfigError, match="only .* rows of the class"):
        crossvalidation.folds(replace(data, labels=np.minimum(np.arange(50), 2)), 3, 1, 0.25, 1)
    few = np.where(np.arange(50) < 2, 2, np.arange(50) % 2)
    with pytest.raises(ConfigError, match="validation part of repeat 1, fold 1 has no row of the class virginica"):
        crossvalidation.folds(replace(data, labels=few), 2, 1, 0.25, 1)
    with pytest.raises(ConfigError, match="3 for each fold"):
        crossvalidation.folds(data, 17, 1, 0.25, 1)


# --- how sure -----------------------------------------------------------------------------------------


def test_the_jackknife_of_halves_is_the_standard_error():
    """Exactly, over all halves of six numbers; the mean of halves of a sample of 200, but for their number."""
    from itertools import combinations

    values = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
    halves = np.array([[np.mean(half)] for half in combinations(values, 3)])
    assert jackknife_error(halves, 3, 3) == pytest.approx([values.std(ddof=1) / np.sqrt(6.0)])
    quarters = np.array([[np.mean(part)] for part in combinations(values, 4)])
    assert jackknife_error(quarters, 4, 2) == pytest.approx([values.std(ddof=1) / np.sqrt(6.0)])
    assert np.isnan(jackknife_error(np.ones((1, 2)), 3, 3)).all()


def test_the_bootstrap_knows_what_is_sure():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=200)
    found = bootstrap(np.column_stack([rows + 0.5, rows, np.zeros(200), np.ones(200)]), 1, resamples=2000)
    error = rows.std() / np.sqrt(200.0)
    assert found.low[0] == pytest.approx(rows.mean() + 0.5 - 1.96 * error, abs=0.02)
    assert found.p[0] < 1e-2 < found.p[1] and found.p[2] == 1.0 and found.p[3] == pytest.approx(2.0 / 2001.0)
    weights = rng.integers(1, 4, size=200).astype(float)
    assert bootstrap(rows[:, None], 1, weights, 10).mean[0] == pytest.approx(np.average(rows, weights=weights))
    # One row that decides all is not enough, although hardly any resample is on the other side.
    lone = np.full((40, 1), 1e-6)
    lone[0] = 5.0
    assert bootstrap(lone, 1, resamples=500).p[0] > 0.2


def test_the_corrected_t_is_wider_than_the_plain_one():
    values = np.array([[0.3], [0.5], [0.1], [0.4], [0.2]])
    found = corrected_t(values, 1.0, 4.0)
    error = np.sqrt((1.0 / 5.0 + 1.0 / 4.0) * values.var(ddof=1))
    assert found.high[0] - found.mean[0] == pytest.approx(stats.t.ppf(0.975, 4) * error)
    assert found.p[0] == pytest.approx(2.0 * stats.t.sf(0.3 / error, 4))
    plain = stats.ttest_1samp(values[:, 0], 0.0)
    assert plain.pvalue < found.p[0]
    assert corrected_t(np.ones((3, 1)), 1.0, 2.0).p[0] == 0.0 and corrected_t(np.zeros((3, 1)), 1.0, 2.0).p[0] == 1.0
    assert np.isnan(corrected_t(values[:1], 1.0, 4.0).p[0])


@pytest.mark.filterwarnings("error")
def test_rows_that_no_part_tests_are_not_resampled():
    differences = np.random.default_rng(6).standard_normal((5, 2))
    weights = np.array([0.0, 2.0, 0.0, 0.0, 1.0])
    found, kept = bootstrap(differences, 1, weights), bootstrap(differences[[1, 4]], 1, np.array([2.0, 1.0]))
    assert np.isfinite(found.low).all() and np.array_equal(found.low, kept.low) and np.array_equal(found.p, kept.p)


def test_verdicts_mind_which_end_is_good(iris):
    measures = measures_of(*iris)[:2]
    keys = [SINGLE, ("lowest", "vote"), ("lowest", "mean"), ("lowest", "loss")]
    scores = {key: np.zeros(2) for key in keys}

    def differences(measure, reference, others_):
        assert reference == SINGLE and others_ == keys[1:]
        return Differences(np.array([-0.1, 0.1, 0.1]), np.zeros(3), np.zeros(3), np.array([1e-4, 1e-4, 0.9]))

    table = tabulated(
        measures, ["log_loss", "accuracy"], dict.fromkeys(keys, 3), scores, scores, scores, differences, "told"
    )
    told = [[line.against["single"][name].verdict for line in table.lines[1:]] for name in ("log_loss", "accuracy")]
    assert told == [[BETTER, WORSE, ALIKE], [WORSE, BETTER, ALIKE]]
    assert "of 3 ensembles 1 better, 1 worse, 1 indistinguishable" in summary(table, "log_loss", "single")
    assert summary(table, "log_loss", "bagging") == ""


# --- whole tables ---------------------------------------------------------------------------------------


def test_a_table_by_splits(compared, iris):
    plan, held = compared
    measures = measures_of(*iris)
    table = holdout.by_splits(plan, held, measures, 0.5, 2, 1)
    again = holdout.by_splits(plan, held, measures, 0.5, 2, 1)
    assert [line.scores.tolist() for line in table.lines] == [line.scores.tolist() for line in again.lines]
    assert holdout.by_splits(plan, held, measures, 0.5, 2, 1, stopped=lambda: True) is None
    single = table.line(SINGLE)
    for place, name in enumerate(["log_loss", "accuracy"]):
        for line in table.lines:
            for reference, told in line.against.items():
                other = single if reference == "single" else table.line(BAGGING)
                assert told[name].difference == pytest.approx(line.scores[place] - other.scores[place], abs=1e-12)
    test, validation = holdout.split_of(held, 0.5, 1, 0)
    first = evaluated(plan, held.part(test), held.part(validation))
    assert len(first) == len(table.lines) == 2 + 3 * 7 + 2
    members = first["random", MEMBERS]
    plain = [measures_of_member(held.part(test), minimum) for ids in plan.ensembles["random", "mean"]
             for minimum in ids.members]
    assert members.values[1] == pytest.approx(np.mean(plain))
    assert members.spread[1] == pytest.approx(np.std(plain, ddof=1))


def measures_of_member(held, minimum):
    """Accuracy of a single minimum."""
    return np.mean(held.of([minimum])[0].argmax(axis=1) == held.rows.labels)


def test_a_table_with_validation_rows(compared, iris):
    plan, held = compared
    test, validation = holdout.split_of(held, 0.5, 1, 0)
    table = holdout.with_validation(plan, held.part(test), held.part(validation), measures_of(*iris), 20, 1)
    first = evaluated(plan, held.part(test), held.part(validation))
    assert all(np.array_equal(line.scores, first[line.key].values) for line in table.lines)
    assert all((line.errors >= 0.0).all() for line in table.lines)


def test_competence_is_floored():
    rows = Rows(np.empty((2, 0)), np.array([0, 1]), None, "", "")
    outputs = np.array([[[0.0, -1e4], [0.0, -1e4]]])
    assert competence_of(outputs, rows).tolist() == [[0.0], [-20.0]]
