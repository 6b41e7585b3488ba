"""Several minima as one predictor: how the predictions of the members of an ensemble are put together.

Of e members each gives outputs for every row: ln p of K classes, or one number (K = 1). Members come in the order of
rising loss. With weights w_a of sum 1, a the member:

    vote        p_k = (v_k + pbar_k) / (e + 1),  v_k members whose most probable class is k, pbar the mean of their
                p: one vote more, shared out, breaks ties and makes ln p finite; it never overrules a majority
    mean, loss, occupation    p = sum_a w_a p_a (a linear pool), w_a = 1 / e or what loss or occupation give; numbers
                likewise
    stacking    p = softmax(C f + c), f of all members their ln p, floored at FLOOR and less its mean over the classes,
                over the root of e (D. H. Wolpert, Neural Networks 5, 241, 1992); of numbers sum_a C_a y_a (L. Breiman,
                Machine Learning 24, 49, 1996)
    specialise  one member for each row: the one that was best, on average, on the validation rows nearest to it, by
                ln p of the true class, or the squared error; among members alike the first. Dynamic classifier
                selection by local accuracy (K. Woods, W. P. Kegelmeyer and K. Bowyer, IEEE Trans. Pattern Anal. Mach.
                Intell. 19, 405, 1997), with probabilities in place of hits (G. Giacinto and F. Roli, Pattern
                Recognition 34, 1879, 2001), which leave hardly any ties

The numbers C, c, and the validation rows with what each member scored there, are part of the ensemble.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from llcommon.losses.base import LossModel

COMBINATIONS = ("vote", "mean", "loss", "occupation", "stacking", "specialise")
FITTED = ("stacking", "specialise")  # those that need validation rows
FLOOR = -20.0  # of ln p, in what stacking sees and what the gate counts: one row must not decide alone
_TIE_DECIMALS = 9  # as in `llcommon.scoring`
_BLOCK = 1 << 22  # distances at once


@dataclass(frozen=True, eq=False)
class Gate:
    """What tells which member to trust. inputs: (v, d), scaled features of validation rows. competence: (v, e), what
    each member scored there, more is better. neighbours: so many of the rows decide."""

    inputs: np.ndarray
    competence: np.ndarray
    neighbours: int

    def trusted(self, inputs: np.ndarray) -> np.ndarray:
        """Number of the member for each row, int64 (n,); inputs: (n, d), scaled."""
        return trusted(local_competence(self, inputs))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """How minima predict together.

    combination: one of COMBINATIONS. members: (e,) int64, ids of minima, by rising loss. weights: (e,), their sum 1.
    stacking: (K, e K + 1) of classes, the constants last, or (1, e) of numbers; None for other combinations. gate:
    likewise. about: how it was made, JSON-able.
    """

    combination: str
    members: np.ndarray
    weights: np.ndarray
    stacking: np.ndarray | None = None
    gate: Gate | None = None
    about: dict = field(default_factory=dict)


def member_outputs(model: LossModel, points: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
    """What members at these points say of raw feature rows, (e, n, K): ln p of classes, else numbers.

    ValueError if an output is not finite, naming the place of the point.
    """
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for place, x in enumerate(points):
            outputs = model.log_probabilities(x, features)
            if outputs is None:
                outputs = np.asarray(model.predict(x, features), dtype=np.float64).reshape(len(features), -1)
            if not np.isfinite(outputs).all():
                raise ValueError(place)
            found.append(outputs)
    return np.array(found)


def combined(ensemble: Ensemble, outputs: np.ndarray, inputs: np.ndarray, classes: bool) -> np.ndarray:
    """What an ensemble predicts, (n, K): ln p of classes, else numbers.

    outputs: (e, n, K) of its members; inputs: (n, d), scaled features; classes: whether the outputs are ln p.
    """
    if ensemble.combination == "specialise":
        chosen = ensemble.gate.trusted(inputs)
        return outputs[chosen, np.arange(len(chosen))]
    if ensemble.combination == "stacking":
        return stacked(ensemble.stacking, outputs) if classes else np.tensordot(ensemble.stacking[0], outputs, axes=1)
    if ensemble.combination == "vote":
        return log_votes(outputs)
    return log_pool(ensemble.weights, outputs) if classes else np.tensordot(ensemble.weights, outputs, axes=1)


def ensemble_outputs(
    ensemble: Ensemble, model: LossModel, coordinates: np.ndarray, features: np.ndarray
) -> np.ndarray:
    """What an ensemble predicts for raw feature rows, (n, K), see `combined`; NaN if an output of a member is not
    finite. coordinates: (k, N) of the minima whose ids its members are."""
    try:
        outputs = member_outputs(model, [coordinates[member] for member in ensemble.members], features)
    except ValueError:
        return np.full((len(features), len(model.output_names())), np.nan)
    return combined(ensemble, outputs, model.data.transform(features), bool(model.data.class_names))


def log_pool(weights: np.ndarray, logarithms: np.ndarray) -> np.ndarray:
    """ln of the weighted mean of p, (n, K), without a p that rounds to zero. logarithms: (e, n, K)."""
    with np.errstate(divide="ignore"):
        terms = logarithms + np.log(weights)[:, None, None]
    highest = terms.max(axis=0)
    # What is -inf for all members, as with a class that none has met, stays so.
    base = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return base + np.log(np.exp(terms - base).sum(axis=0))


def log_votes(logarithms: np.ndarray) -> np.ndarray:
    """ln p of a majority vote, (n, K), see the module. logarithms: (e, n, K)."""
    members, _, classes = logarithms.shape
    votes = np.round(logarithms, _TIE_DECIMALS).argmax(axis=2)
    counts = np.stack([(votes == k).sum(axis=0) for k in range(classes)], axis=1)
    mean = np.exp(log_pool(np.full(members, 1.0 / members), logarithms))
    with np.errstate(divide="ignore"):
        return np.log((counts + mean) / (members + 1))


def stacking_features(logarithms: np.ndarray) -> np.ndarray:
    """What stacking sees, (n, e K): ln p of the first member, then of the next.

    Over the root of e, a penalty on coefficients does not depend on how many equal members there are. Without the mean
    over classes, which tells nothing of them, a fit takes a fifth of the steps.
    """
    members, rows, classes = logarithms.shape
    floored = np.maximum(logarithms, FLOOR)
    centred = (floored - floored.mean(axis=2, keepdims=True)) / np.sqrt(members)
    return centred.transpose(1, 0, 2).reshape(rows, members * classes)


def stacked(matrix: np.ndarray, logarithms: np.ndarray) -> np.ndarray:
    """ln p, (n, K), by a stacking matrix."""
    values = stacking_features(logarithms) @ matrix[:, :-1].T + matrix[:, -1]
    below = values - values.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


# --- which member for which row -------------------------------------------------------------------


def local_competence(gate: Gate, inputs: np.ndarray) -> np.ndarray:
    """Mean competence of each member on the validation rows nearest to each row, (n, e)."""
    if gate.neighbours >= len(gate.inputs):
        return np.tile(gate.competence.mean(axis=0), (len(inputs), 1))
    found = np.empty((len(inputs), gate.competence.shape[1]))
    block = max(1, _BLOCK // max(1, gate.inputs.size))
    for first in range(0, len(inputs), block):
        rows = inputs[first : first + block]
        squares = ((rows[:, None, :] - gate.inputs[None, :, :]) ** 2).sum(axis=2)
        found[first : first + block] = competence_nearby(gate.competence, squares, gate.neighbours)
    return found


def competence_nearby(competence: np.ndarray, distances: np.ndarray, neighbours: int) -> np.ndarray:
    """The mean of the competence, (v, e), over the nearest of v rows, (n, e). distances: (n, v), or their squares; of
    rows at equal distances the first count."""
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    return competence[nearest].mean(axis=1)


def trusted(competence: np.ndarray) -> np.ndarray:
    """The most competent member for each row, the first of those alike, int64 (n,). competence: (n, e)."""
    return np.round(competence, _TIE_DECIMALS).argmax(axis=1)
