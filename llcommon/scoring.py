"""How well each minimum predicts: measures on the training data and on rows that no search has seen.

Test data only score minima after a search; they never enter one. What is measured is in `llcommon.metrics`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon import metrics
from llcommon.combining import ensemble_outputs
from llcommon.data import Rows
from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel
from llcommon.store import Landscape, Score

# The outputs of a minimum are known to about twelve decimals. Beyond nine, differences between rows that the model
# cannot tell apart, as at a minimum of zero weights, are noise; left in, they would give it any accuracy and AUC.
TIE_DECIMALS = 9
_TIES = f"what is equal to {TIE_DECIMALS} decimals is a tie"


@dataclass(frozen=True)
class Measure:
    """name: without train_ or test_. definition: for readers of a file. highest_is_best: or else the lowest is."""

    name: str
    definition: str
    highest_is_best: bool


_LOG_LOSS = Measure("log_loss", "mean of -ln p of the true class, without the L2 term", False)
_ACCURACY = Measure(
    "accuracy", f"share of rows whose class has the largest output; {_TIES}, which the first class wins", True
)
_BRIER = Measure("brier", "mean over rows of the sum over classes of (p - [true class])^2", False)
_BINARY_BRIER = Measure("brier", "mean over rows of (p - y)^2, p and y of the second class", False)
_CALIBRATION = Measure(
    "calibration_error",
    f"expected calibration error: {metrics.CALIBRATION_BINS} bins of equal width of the largest p, mean over rows of "
    "|share correct - mean p| of the bin",
    False,
)
_MSE = Measure("mse", "mean of the squared error, without the L2 term", False)
_R2 = Measure("r2", "1 - sum of squared errors / sum of squared deviations from the mean of these rows", True)
_MAE = Measure("mae", "mean of the absolute error", False)


@dataclass(frozen=True)
class ScoredColumn:
    """One measure on one table of rows. values: (number of minima,), NaN where none was scored."""

    score: Score
    values: np.ndarray
    measure: Measure


@dataclass(frozen=True)
class Best:
    """Where a column is best. minimum: the lowest of those alike. count: how many are. value_at_lowest: of the
    lowest minimum of all."""

    minimum: int
    value: float
    count: int
    value_at_lowest: float


@dataclass(frozen=True)
class Scoring:
    """ids: (k,) int64, minima that were scored, ascending. columns: as ordered in tables. notes: what was left out.
    ensemble: of the minima that predict together, a value for each column; None if the landscape has no ensemble."""

    ids: np.ndarray
    columns: list[ScoredColumn]
    notes: list[str]
    ensemble: list[float] | None = None


def predicts(landscape: Landscape) -> bool:
    """Whether the model of a landscape predicts anything, which any point tells."""
    model = landscape.model
    if landscape.data is None:
        return False
    return model.predict(np.zeros(model.dimension), landscape.data.features[:1]) is not None


def has_scores(landscape: Landscape) -> bool:
    """Whether predictions can be compared with a column of the data."""
    return predicts(landscape) and bool(landscape.data.target_name)


def check_predicts(landscape: Landscape, name: str) -> None:
    """Raise ConfigError if there is nothing to score in the landscape `name`."""
    model = landscape.model
    if not predicts(landscape):
        raise ConfigError(
            f"the loss model {model.name} of {name} predicts nothing, so its minima have no scores; "
            "give a landscape of a model that is trained on data"
        )
    if not landscape.data.target_name:
        raise ConfigError(
            f"the data of {name} have no target to compare predictions of the loss model {model.name} with; "
            "give a landscape of a model that is trained on one"
        )
    if not len(landscape.minima):
        raise ConfigError(f"{name} holds no minima to score; find some with llgmin run")


# --- measures -------------------------------------------------------------------------------------


def measures_of(landscape: Landscape, rows: Rows) -> list[Measure]:
    """What is measured on these rows, in the order of `measured`."""
    if rows.labels is None:
        return [_MSE, _R2, _MAE]
    auc = _auc_measure(landscape.data.class_names, landscape.model.ranked_class, rows)
    # Any point tells whether the outputs are probabilities.
    if landscape.model.log_probabilities(np.zeros(landscape.model.dimension), rows.features[:1]) is None:
        return [_MSE, _ACCURACY, auc]
    brier = _BINARY_BRIER if len(landscape.data.class_names) == 2 else _BRIER
    return [_LOG_LOSS, _ACCURACY, auc, brier, _CALIBRATION]


def absent_classes(class_names: tuple[str, ...], rows: Rows) -> list[str]:
    """Names of the classes that no row is of."""
    present = metrics.classes_in(rows.labels)
    return [name for label, name in enumerate(class_names) if label not in present]


def _auc_measure(class_names: tuple[str, ...], ranked: int | None, rows: Rows) -> Measure:
    """The AUC, with what it leaves out."""
    kind = "area under the ROC curve"
    absent = absent_classes(class_names, rows)
    if len(class_names) > 2 and ranked is not None:
        kind = f"area under the ROC curve of {class_names[ranked]} against the rest"
        absent = []
    elif len(class_names) > 2:
        kind = "mean over classes of the area under the ROC curve of one against the rest"
    left_out = f"; without {', '.join(absent)}, of which there is no row" if absent else ""
    return Measure("auc", f"{kind}, exact, by log odds; {_TIES}, which counts one half{left_out}", True)


def measured(model: LossModel, x: np.ndarray, rows: Rows) -> list[float]:
    """All measures of one point x; NaN if an output is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        logarithms = None if rows.labels is None else model.log_probabilities(x, rows.features)
        outputs = model.predict(x, rows.features) if logarithms is None else logarithms
    if rows.labels is None:
        if not np.isfinite(outputs).all():
            return [np.nan] * 3
        return number_measures(outputs, rows.targets[:, None])
    if not np.isfinite(outputs).all():
        return [np.nan] * (3 if logarithms is None else 5)
    if logarithms is None:
        return output_measures(outputs, rows.labels)
    return probability_measures(logarithms, rows.labels, model.ranked_class)


def number_measures(outputs: np.ndarray, targets: np.ndarray) -> list[float]:
    """mse, R^2 and MAE of predicted numbers; both (n, 1)."""
    return [
        metrics.mean_squared_error(outputs, targets),
        metrics.r_squared(outputs, targets),
        metrics.mean_absolute_error(outputs, targets),
    ]


def output_measures(outputs: np.ndarray, labels: np.ndarray) -> list[float]:
    """mse, accuracy and AUC of outputs (n, classes) that are no probabilities; labels: (n,)."""
    steady = np.round(outputs, TIE_DECIMALS)
    return [
        metrics.mean_squared_error(outputs, np.eye(outputs.shape[1])[labels]),
        metrics.accuracy(steady.argmax(axis=1), labels),
        metrics.one_against_rest_auc(steady, labels),
    ]


def probability_measures(logarithms: np.ndarray, labels: np.ndarray, ranked: int | None) -> list[float]:
    """Log loss, accuracy, AUC, Brier score and calibration error of ln p, (n, classes); labels: (n,).

    ranked: the class whose AUC is taken; None: the mean of all.
    """
    probabilities = np.exp(logarithms)
    predicted = np.round(logarithms, TIE_DECIMALS).argmax(axis=1)
    odds = np.round(metrics.log_odds(logarithms), TIE_DECIMALS)
    area = metrics.one_against_rest_auc(odds, labels)
    if ranked is not None:
        area = metrics.auc(odds[:, ranked], labels == ranked)
    confidence = np.round(probabilities[np.arange(len(labels)), predicted], TIE_DECIMALS)
    return [
        metrics.log_loss(logarithms, labels),
        metrics.accuracy(predicted, labels),
        area,
        metrics.brier_score(probabilities, labels),
        metrics.calibration_error(confidence, predicted == labels),
    ]


# --- all minima -----------------------------------------------------------------------------------


def lowest_minima(losses: np.ndarray, count: int | None) -> np.ndarray:
    """Ids, ascending, of the `count` minima of lowest loss (the first of equal ones), or of all."""
    return np.sort(np.argsort(losses, kind="stable")[:count])


def score(
    landscape: Landscape, test: Rows | None, lowest: int | None, report: Callable[[int], object] = lambda done: None
) -> Scoring:
    """Score the minima of a landscape, or the `lowest` of them, on its data and on test rows.

    report: called with how many minima are done.
    """
    tables = {"train": landscape.data.rows()}
    if test is not None:
        tables["test"] = test
    ids = lowest_minima(landscape.minima.loss, lowest)
    measures = {kind: measures_of(landscape, rows) for kind, rows in tables.items()}
    values = {kind: np.full((len(landscape.minima), len(row)), np.nan) for kind, row in measures.items()}
    for done, minimum in enumerate(ids, start=1):
        for kind, rows in tables.items():
            values[kind][minimum] = measured(landscape.model, landscape.minima.coordinates[minimum], rows)
        report(done)
    columns = []
    for kind, rows in tables.items():
        origin = f"{rows.source}, {len(rows.features)} rows, SHA-256 {rows.sha256}"
        for place, measure in enumerate(measures[kind]):
            described = Score(f"{kind}_{measure.name}", "", f"{measure.definition}; {origin}")
            columns.append(ScoredColumn(described, values[kind][:, place], measure))
    together = None
    if landscape.ensemble is not None:
        together = [value for rows in tables.values() for value in _ensemble_measures(landscape, rows)]
    return Scoring(ids, columns, _notes(landscape, tables), together)


def _ensemble_measures(landscape: Landscape, rows: Rows) -> list[float]:
    """All measures of the ensemble on these rows; NaN if an output is not finite."""
    outputs = ensemble_outputs(landscape.ensemble, landscape.model, landscape.minima.coordinates, rows.features)
    if np.isnan(outputs).any():
        return [np.nan] * len(measures_of(landscape, rows))
    return measures_together(outputs, rows, landscape.model.ranked_class)


def measures_together(outputs: np.ndarray, rows: Rows, ranked: int | None) -> list[float]:
    """All measures, in the order of `measures_of`, of ln p, (n, classes), or numbers, (n, 1), that several minima
    predict together for these rows."""
    if rows.labels is None:
        return number_measures(outputs, rows.targets[:, None])
    return probability_measures(outputs, rows.labels, ranked)


def row_measures(outputs: np.ndarray, rows: Rows) -> dict[str, np.ndarray]:
    """Those measures that are means over rows, as values of each row, (n,), by name; outputs as for
    `measures_together`."""
    if rows.labels is None:
        errors = outputs[:, 0] - rows.targets
        return {"mse": errors**2, "mae": np.abs(errors)}
    places = np.arange(len(rows.labels))
    predicted = np.round(outputs, TIE_DECIMALS).argmax(axis=1)
    differences = np.exp(outputs)
    differences[places, rows.labels] -= 1.0
    if outputs.shape[1] == 2:
        differences = differences[:, 1:]
    return {
        "log_loss": -outputs[places, rows.labels],
        "accuracy": (predicted == rows.labels).astype(np.float64),
        "brier": np.sum(differences**2, axis=1),
    }


def _notes(landscape: Landscape, tables: dict[str, Rows]) -> list[str]:
    """Sentences about classes, or targets, that a table of rows lacks."""
    notes = []
    for rows in tables.values():
        if rows.labels is None:
            if np.all(rows.targets == rows.targets[0]):
                notes.append(f"all targets of {rows.source} are equal, so there is no R^2")
            continue
        absent = absent_classes(landscape.data.class_names, rows)
        ranked = landscape.model.ranked_class
        if len(absent) == len(landscape.data.class_names) - 1:
            notes.append(f"all rows of {rows.source} are of one class, so there is no AUC")
        elif ranked is not None:
            if landscape.data.class_names[ranked] in absent:
                notes.append(f"{rows.source} has no row of {landscape.data.class_names[ranked]}, so there is no AUC")
        elif absent:
            notes.append(f"{rows.source} has no row of {', '.join(absent)}, which the AUC leaves out")
    return notes


def best(column: ScoredColumn, losses: np.ndarray) -> Best | None:
    """Where a column is best; None if it has no value."""
    values = column.values
    if np.isnan(values).all():
        return None
    value = np.nanmax(values) if column.measure.highest_is_best else np.nanmin(values)
    alike = np.flatnonzero(values == value)
    lowest = int(alike[np.argmin(losses[alike])])
    return Best(lowest, float(value), len(alike), float(values[np.argmin(losses)]))


def loss_correlations(scoring: Scoring, losses: np.ndarray) -> dict[str, float]:
    """Spearman's rank correlation of the training loss with the test accuracy and AUC, or R^2, by column."""
    return {
        column.score.name: metrics.rank_correlation(losses, column.values)
        for column in scoring.columns
        if column.score.name in ("test_accuracy", "test_auc", "test_r2")
    }


def keep(landscape: Landscape, scoring: Scoring) -> None:
    """Store the columns in the landscape, in place of those of the same names."""
    for column in scoring.columns:
        landscape.scores.set(column.score, column.values)
