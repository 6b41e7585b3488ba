"""Which input features the predictions of a minimum rest on: gradient x input, and exact permutation importance.

n rows, d features. Outputs are those of `LossModel.predict`, or where it predicts classes the centred logarithms
ln p_c - mean over classes of ln p, which are those of a softmax's inputs and linear where these are.

gradient x input of a feature j:  mean over rows, and outputs, of |d output / d x_j  x_j|,  x_j scaled as the model sees
it (A. Shrikumar et al., arXiv:1605.01713, 2016). The derivative is a central difference of fourth order.

Permutation importance (L. Breiman, Mach. Learn. 45, 5, 2001; A. Fisher, C. Rudin and F. Dominici, J. Mach. Learn. Res.
20, 177, 2019, equation 3.5): how much worse a score gets on average when the column of a feature is permuted. For a
score that is a mean over rows no permutation need be drawn. Under a uniformly random permutation the value that row i
gets is that of each of the n rows with probability 1 / n, and expectations add up whatever hangs together, so

    E = (1 / n^2) sum_i sum_k loss(row i with feature j of row k)

is the exact mean over all n! permutations. Equal values are taken once, with their number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon.data import Rows
from llcommon.losses.base import LossModel
from llcommon.scoring import TIE_DECIMALS

_STEP = 1e-3  # in units of the scaled features: the error of the difference is near that of rounding
_ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True)
class Measure:
    """name: of a way to measure importance. rows: train or test. definition: for readers."""

    name: str
    rows: str
    definition: str


def outputs_of(model: LossModel, x: np.ndarray, features: np.ndarray) -> np.ndarray:
    """What gradients are taken of, (n, outputs), for raw feature rows."""
    logarithms = model.log_probabilities(x, features)
    if logarithms is None:
        return model.predict(x, features)
    return logarithms - logarithms.mean(axis=1, keepdims=True)


def gradient_input(model: LossModel, x: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Mean over rows of |d output / d feature  feature|, (outputs, d), for raw feature rows (n, d)."""
    data = model.data
    scaled = data.transform(features)
    found = []
    for j in range(features.shape[1]):
        slopes = 0.0
        for steps, factor in ((1, 2.0 / 3.0), (2, -1.0 / 12.0)):
            for sign in (1.0, -1.0):
                moved = features.copy()
                moved[:, j] += sign * steps * _STEP * data.scale[j]
                slopes = slopes + sign * factor * outputs_of(model, x, moved)
        found.append(np.abs(slopes / _STEP * scaled[:, j : j + 1]).mean(axis=0))
    return np.array(found).T


# --- permutation importance -----------------------------------------------------------------------


def loss_names(model: LossModel, rows: Rows) -> list[str]:
    """What `row_losses` has, in its order."""
    if rows.labels is None:
        return ["mse"]
    has_probabilities = model.log_probabilities(np.zeros(model.dimension), rows.features[:1]) is not None
    return ["log_loss" if has_probabilities else "mse", "error"]


def row_losses(outputs: np.ndarray, rows: Rows, probable: bool) -> np.ndarray:
    """The losses of predictions (..., n, outputs) for the n rows, (losses, ..., n), in the order of `loss_names`.

    probable: whether they are logarithms of probabilities: -ln p of the class, and whether another class is predicted.
    Otherwise the squared error, and of classes the latter too.
    """
    if rows.labels is None:
        return np.square(outputs[..., 0] - rows.targets)[None]
    labels = np.broadcast_to(rows.labels, outputs.shape[:-1])[..., None]
    if probable:
        losses = -np.take_along_axis(outputs, labels, axis=-1)[..., 0]
    else:
        losses = np.square(outputs - np.eye(outputs.shape[-1])[rows.labels]).sum(axis=-1)
    # The first of the largest is predicted, where what is equal to some decimals is a tie.
    steady = np.round(outputs, TIE_DECIMALS)
    own = np.take_along_axis(steady, labels, axis=-1)
    places = np.arange(outputs.shape[-1])
    wrong = ((steady > own) | ((steady == own) & (places < labels))).any(axis=-1)
    return np.array([losses, wrong.astype(np.float64)])


def permutation_importance(
    model: LossModel, x: np.ndarray, rows: Rows, report: Callable[[], object] = lambda: None
) -> np.ndarray:
    """The rise of each loss of `loss_names` when a column is permuted, its exact mean over all permutations,
    (losses, d). report: called after each feature."""
    number, width = rows.features.shape
    before = model.log_probabilities(x, rows.features)
    probable = before is not None
    before = row_losses(before if probable else model.predict(x, rows.features), rows, probable)
    rises = np.zeros((len(before), width))
    at_once = max(1, _ROWS_AT_A_TIME // number)
    for j in range(width):
        values, counts = np.unique(rows.features[:, j], return_counts=True)
        for first in range(0, len(values) if len(values) > 1 else 0, at_once):
            given = slice(first, first + at_once)
            outputs = model.substituted(x, rows.features, j, values[given])
            risen = row_losses(outputs, rows, probable) - before[:, None, :]
            rises[:, j] += risen.sum(axis=2) @ counts[given]
        report()
    return rises / number**2


# --- many minima ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Importances:
    """measures: m of them. values: (m, minima, d)."""

    measures: list[Measure]
    values: np.ndarray


_WORDS = {
    "log_loss": "rise of the log loss",
    "error": "rise of the share of rows whose class is not predicted",
    "mse": "rise of the mean squared error",
}


def importances(
    model: LossModel,
    points: np.ndarray,
    tables: dict[str, Rows],
    by_class: bool,
    report: Callable[[], object] = lambda: None,
) -> Importances:
    """All measures at points (n, N) on tables of rows by name, such as train. by_class: gradients of each output, too.

    report: called after each feature of each point and table.
    """
    measures: list[Measure] = []
    for kind, rows in tables.items():
        overall = "mean over rows and outputs of |d output / d feature x feature|, feature scaled"
        measures.append(Measure("gradient_input", kind, overall))
        if by_class:
            names = model.output_names()
            kinds = [Measure(f"gradient_input:{name}", kind, f"the same of the output {name}") for name in names]
            measures += kinds
        measures += [
            Measure(f"permuted_{name}", kind, f"{_WORDS[name]} when the feature is permuted, exact mean")
            for name in loss_names(model, rows)
        ]
    values = []
    for x in points:
        own = []
        for rows in tables.values():
            slopes = gradient_input(model, x, rows.features)
            own.append(slopes.mean(axis=0))
            own += list(slopes) if by_class else []
            own += list(permutation_importance(model, x, rows, report))
        values.append(own)
    return Importances(measures, np.array(values).transpose(1, 0, 2))
