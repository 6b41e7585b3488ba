"""Weights of members, and what is fitted on validation rows: the stacking matrix and the gate.

loss        w_a proportional to exp(-(L_a - L_min) / T)
occupation  w_a proportional to p_a(T) of harmonic superposition, as `llpathsample occupations` has it: the same with
            the volume of the basin, exp(-LPPHE_a / 2) / o_a

The loss is a mean over n rows; n L is the negative logarithm of the likelihood of classes (and of a Gaussian prior, the
L2 term). At T = 1 / n, the default, the first are therefore posterior densities at the minima, and the second Laplace's
estimate of the posterior probability of each basin (D. J. C. MacKay, Information Theory, Inference, and Learning
Algorithms, 2003, chapter 27). For the mean squared error with noise of variance s^2 it is T = 2 s^2 / n, s^2 the mean
squared error of the lowest minimum on its training data. A model whose loss is no mean over rows has T = 1.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llcommon.combining import FLOOR, Ensemble, Gate, stacking_features, trusted
from llcommon.data import Rows
from llcommon.errors import InputError
from llcommon.store import Landscape
from llcommon.superposition import log_sum
from llpathsample.ktn import Network
from llpathsample.thermodynamics.observables import log_occupations

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)  # C of scikit-learn, the larger the weaker
_FOLDS = 3
_FEW = 0.1  # C where there are too few rows to choose one
_ROUGH, _FINE = 1e-4, 1e-6  # largest gradient at the end of a fit: to compare penalties, and of the one that is taken
NEIGHBOURS = (5, 10, 20, 40, 80, 160)
_BLOCK = 1 << 22  # differences at once


def default_temperature(landscape: Landscape) -> float:
    """See the module."""
    model, data = landscape.model, landscape.data
    if not model.rows:
        return 1.0
    if data.class_names:
        return 1.0 / model.rows
    x = landscape.minima.coordinates[landscape.global_minimum()]
    errors = np.asarray(model.predict(x, data.features)).reshape(-1) - data.targets
    return max(2.0 * float(np.mean(errors**2)) / model.rows, np.finfo(np.float64).tiny)


def loss_weights(losses: np.ndarray, temperature: float) -> np.ndarray:
    """Of members with these losses, (e,); their sum is 1."""
    logarithms = -(losses - losses.min()) / temperature
    return np.exp(logarithms - log_sum(logarithms))


def occupation_weights(landscape: Landscape, members: np.ndarray, temperature: float) -> np.ndarray | None:
    """Occupations of the members in equilibrium, divided by their sum, (e,); None if one has no LPPHE."""
    network, ids, _ = Network.complete(landscape)
    places = {minimum: place for place, minimum in enumerate(ids.tolist())}
    if any(member not in places for member in members.tolist()):
        return None
    logarithms = log_occupations(network, temperature)[[places[member] for member in members.tolist()]]
    return np.exp(logarithms - log_sum(logarithms))


# --- on validation rows ---------------------------------------------------------------------------


def fitted(ensemble: Ensemble, outputs: np.ndarray, rows: Rows, inputs: np.ndarray) -> Ensemble:
    """The ensemble with what its combination needs of validation rows, which must be neither training nor test rows.

    outputs: (e, v, K), of its members there; inputs: (v, d), scaled features. InputError if a class has no row.
    """
    if ensemble.combination == "stacking":
        matrix, about = stacking_matrix(outputs, rows)
        return replace(ensemble, stacking=matrix, about={**ensemble.about, **about})
    if ensemble.combination == "specialise":
        gate, about = fitted_gate(outputs, rows, inputs)
        return replace(ensemble, gate=gate, about={**ensemble.about, **about})
    return ensemble


def absent(labels: np.ndarray, classes: int) -> np.ndarray:
    """Classes that no row is of."""
    return np.flatnonzero(np.bincount(labels, minlength=classes) == 0)


def stacking_matrix(outputs: np.ndarray, rows: Rows) -> tuple[np.ndarray, dict]:
    """The matrix of `llcommon.combining`, and how it was found.

    Classes: multinomial logistic regression with an L2 penalty, whose strength has the best log loss of PENALTIES in a
    cross-validation inside the validation rows. Numbers: least squares with coefficients >= 0 (Breiman 1996).
    """
    if rows.labels is None:
        from scipy.optimize import nnls

        return nnls(outputs[:, :, 0].T, rows.targets)[0][None, :], {}
    classes = outputs.shape[2]
    if absent(rows.labels, classes).size:
        raise InputError(f"{rows.source} has no row of some classes, so stacking cannot be fitted on it")
    features = stacking_features(outputs)
    penalty = _chosen_penalty(features, rows.labels)
    return _logistic(features, rows.labels, [penalty], classes, _FINE)[0], {"stacking_C": penalty}


def _chosen_penalty(features: np.ndarray, labels: np.ndarray) -> float:
    """C of the best mean ln p of left-out rows; rows of a class go to the folds in turn."""
    counts = np.bincount(labels)
    folds = min(_FOLDS, int(counts.min()))
    if folds < 2:
        return _FEW
    order = np.argsort(labels, kind="stable")
    turns = np.empty(len(labels), dtype=np.int64)
    turns[order] = np.concatenate([np.arange(count) % folds for count in counts.tolist()])
    sums = np.zeros(len(PENALTIES))
    for fold in range(folds):
        inside, outside = turns != fold, turns == fold
        matrices = _logistic(features[inside], labels[inside], PENALTIES, len(counts), _ROUGH)
        for place, matrix in enumerate(matrices):
            sums[place] += _log_likelihood(matrix, features[outside], labels[outside])
    return PENALTIES[int(sums.argmax())]


def _log_likelihood(matrix: np.ndarray, features: np.ndarray, labels: np.ndarray) -> float:
    values = features @ matrix[:, :-1].T + matrix[:, -1]
    values -= values.max(axis=1, keepdims=True)
    logarithms = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return float(logarithms[np.arange(len(labels)), labels].sum())


def _logistic(
    features: np.ndarray, labels: np.ndarray, penalties: Sequence[float], classes: int, tolerance: float
) -> list[np.ndarray]:
    """Coefficients (K, features + 1) of scikit-learn's logistic regression, the constants last, for each penalty; each
    fit starts where the one before ended."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(max_iter=2000, tol=tolerance, warm_start=True)
    found = []
    for penalty in penalties:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.set_params(C=penalty).fit(features, labels)
        matrix = np.zeros((classes, features.shape[1] + 1))
        # Of two classes it has the log odds of the second.
        matrix[-len(regression.coef_) :, :-1] = regression.coef_
        matrix[-len(regression.coef_) :, -1] = regression.intercept_
        found.append(matrix)
    return found


def fitted_gate(outputs: np.ndarray, rows: Rows, inputs: np.ndarray) -> tuple[Gate, dict]:
    """The gate of these validation rows, and how many neighbours decide.

    Their number is that of NEIGHBOURS, or all rows, with the best mean competence of the trusted members on rows left
    out one by one; of those alike the largest. With all rows one member is trusted everywhere: no region is known.
    """
    competence = competence_of(outputs, rows)
    count = len(competence)
    numbers = [k for k in reversed(NEIGHBOURS) if k < count]
    of_all_others = trusted((competence.sum(axis=0) - competence) / max(1, count - 1))
    chosen = [of_all_others, *_trusted_without_itself(competence, inputs, numbers)]
    reached = [float(competence[np.arange(count), members].mean()) for members in chosen]
    neighbours = [count, *numbers][int(np.argmax(reached))]
    return Gate(inputs, competence, neighbours), {"neighbours": neighbours}


def _trusted_without_itself(competence: np.ndarray, inputs: np.ndarray, numbers: list[int]) -> np.ndarray:
    """The member that so many of the nearest other rows make trusted in each, (numbers, v)."""
    chosen = np.empty((len(numbers), len(inputs)), dtype=np.int64)
    block = max(1, _BLOCK // max(1, inputs.size))
    for first in range(0, len(inputs) if numbers else 0, block):
        some = inputs[first : first + block]
        squares = ((some[:, None, :] - inputs[None, :, :]) ** 2).sum(axis=2)
        squares[np.arange(len(some)), first + np.arange(len(some))] = np.inf
        nearest = np.argsort(squares, axis=1, kind="stable")[:, : max(numbers)]
        for place, number in enumerate(numbers):
            means = competence[nearest[:, :number]].mean(axis=1)
            chosen[place, first : first + block] = trusted(means)
    return chosen


def competence_of(outputs: np.ndarray, rows: Rows) -> np.ndarray:
    """What each member scored on each row, more is better, (v, e): ln p of the true class, floored, or less the squared
    error. outputs: (e, v, K)."""
    if rows.labels is None:
        return -((outputs[:, :, 0] - rows.targets) ** 2).T
    return np.maximum(outputs[:, np.arange(len(rows.labels)), rows.labels], FLOOR).T
