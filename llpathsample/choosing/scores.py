"""Scores and predictions of minima, row by row, and parts of the training rows that are kept from a search."""

from dataclasses import dataclass

import numpy as np

from llcommon.data import Data, Rows
from llcommon.errors import ConfigError
from llcommon.estimates import Estimate
from llcommon.losses.base import LossModel
from llcommon.rng import generator
from llcommon.scoring import TIE_DECIMALS
from llpathsample.splits import folds_of

LOG_LOSS, MSE = "log_loss", "mse"


@dataclass(frozen=True)
class Predictions:
    """Of minima on rows.

    losses: (m, n) of each minimum and row, -ln p of the true class or the squared error; for classes without
    probabilities the sum of the squared errors of the outputs. classes: (m, n) predicted labels, or None for numbers.
    numbers: (m, n) predicted, or None. correct: (m, n), or None for numbers. measure: name of the mean of `losses`.
    """

    losses: np.ndarray
    classes: np.ndarray | None
    numbers: np.ndarray | None
    correct: np.ndarray | None
    measure: str

    def score(self, minimum: int) -> Estimate:
        """Mean loss of a minimum."""
        return mean_of(self.losses[minimum])

    def accuracy(self, minimum: int) -> Estimate | None:
        """Share of right classes; None for numbers."""
        return None if self.correct is None else mean_of(self.correct[minimum].astype(np.float64))

    def agreements(self, variance: float) -> np.ndarray:
        """(m, m): the share of rows on which two minima name the same class; for numbers 1 less their mean squared
        difference over twice the variance of the targets, which two unrelated guesses of that variance have."""
        if self.classes is not None:
            return (self.classes[:, None, :] == self.classes[None, :, :]).mean(axis=2)
        squares = ((self.numbers[:, None, :] - self.numbers[None, :, :]) ** 2).mean(axis=2)
        return 1.0 - squares / (2.0 * variance) if variance > 0.0 else np.full_like(squares, np.nan)


def mean_of(values: np.ndarray) -> Estimate:
    """Mean of independent values, (n,); the error is NaN for a single one."""
    if len(values) < 2:
        return Estimate(float(values.mean()), float("nan"))
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def predictions(model: LossModel, points: np.ndarray, rows: Rows) -> Predictions:
    """Of the points (m, N) of a model that predicts."""
    found = [_predicted(model, point, rows) for point in points]
    losses, second = (np.array(part) for part in zip(*found, strict=True))
    if rows.labels is None:
        return Predictions(losses, None, second, None, MSE)
    has_chances = model.log_probabilities(points[0], rows.features[:1]) is not None
    return Predictions(losses, second, None, second == rows.labels, LOG_LOSS if has_chances else MSE)


def _predicted(model: LossModel, point: np.ndarray, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Losses (n,), and classes or numbers (n,), of one point."""
    if rows.labels is None:
        outputs = model.predict(point, rows.features)[:, 0]
        return (outputs - rows.targets) ** 2, outputs
    every = np.arange(len(rows.labels))
    logarithms = model.log_probabilities(point, rows.features)
    if logarithms is not None:
        return -logarithms[every, rows.labels], np.round(logarithms, TIE_DECIMALS).argmax(axis=1)
    outputs = model.predict(point, rows.features)
    squares = ((outputs - np.eye(outputs.shape[1])[rows.labels]) ** 2).sum(axis=1)
    return squares, np.round(outputs, TIE_DECIMALS).argmax(axis=1)


# --- parts ----------------------------------------------------------------------------------------


def fold_numbers(data: Data, folds: int, seed: int) -> np.ndarray:
    """A fold, from 0, for each row, (n,): at random, and alike in number for each class.

    ConfigError if that leaves a fold without rows, or the other folds without a class.
    """
    rows = len(data.features)
    if folds > rows:
        raise ConfigError(f"--folds {folds} is more than the {rows} rows of {data.source}")
    if data.labels is not None:
        for label, name in enumerate(data.class_names):
            count = int(np.count_nonzero(data.labels == label))
            if count < 2:
                raise ConfigError(f"{data.source} has only {count} row of class {name}, which no fold can spare")
    return folds_of(data.rows(), folds, seed, "folds")


def validation_rows(data: Data, share: float, seed: int) -> np.ndarray:
    """Which rows, (n,) bool, are a validation part of about this share: at random, of each class its share."""
    rows = len(data.features)
    chosen = np.zeros(rows, dtype=bool)
    rng = generator(seed, "validation")
    strata = np.zeros(rows, dtype=np.int64) if data.labels is None else data.labels
    for label in range(int(strata.max()) + 1):
        places = rng.permutation(np.flatnonzero(strata == label))
        # One row of each class at least stays in the training part.
        chosen[places[: min(round(share * len(places)), len(places) - 1)]] = True
    if not chosen.any():
        raise ConfigError(f"--validation {share:g} of the {rows} rows of {data.source} is not a single row; give more")
    return chosen
