"""Which minimum a gate trusts where: how many rows, how it does there, and what is special about them."""

from dataclasses import dataclass

import numpy as np

from llcommon.combining import Ensemble
from llcommon.data import Data
from llcommon.scoring import row_measures
from llpathsample.ensembles.comparing import Material, Plan

_NAMED = 2  # features
_APART = 0.3  # standard deviations from which on a feature is named


@dataclass(frozen=True)
class Region:
    """The test rows that one member predicts. minimum: its id. rows: how many; share: of all. score, single: mean
    accuracy, or squared error, there of the member and of the lowest minimum; NaN without rows. classes: those of the
    rows, the most frequent first, with counts. features: what is furthest from the mean of all test rows, in standard
    deviations of the training rows."""

    minimum: int
    rows: int
    share: float
    score: float
    single: float
    classes: dict[str, int]
    features: dict[str, float]


def regions(plan: Plan, ensemble: Ensemble, test: Material, data: Data) -> list[Region]:
    """One for each member of a fitted ensemble by specialisation, the members in their order."""
    chosen = ensemble.gate.trusted(test.inputs)
    outputs = test.of(ensemble.members)[chosen, np.arange(len(chosen))]
    measure = "accuracy" if plan.classes else "mse"
    own = row_measures(outputs, test.rows)[measure]
    single = row_measures(test.of([plan.lowest])[0], test.rows)[measure]
    found = []
    for place, minimum in enumerate(ensemble.members.tolist()):
        inside = chosen == place
        count = int(inside.sum())
        mean = (float(own[inside].mean()), float(single[inside].mean())) if count else (np.nan, np.nan)
        classes, features = {}, {}
        if count:
            features = _special(test.inputs, inside, data)
            if plan.classes:
                numbers = np.bincount(test.rows.labels[inside], minlength=plan.classes)
                order = np.argsort(-numbers, kind="stable")
                classes = {data.class_names[label]: int(numbers[label]) for label in order if numbers[label]}
        found.append(Region(minimum, count, count / len(chosen), *mean, classes, features))
    return found


def _special(inputs: np.ndarray, inside: np.ndarray, data: Data) -> dict[str, float]:
    """The features whose mean inside is furthest from that of all rows, if it is far at all."""
    spread = data.inputs().std(axis=0)
    apart = (inputs[inside].mean(axis=0) - inputs.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    order = np.argsort(-np.abs(apart), kind="stable")[:_NAMED]
    return {data.feature_names[place]: float(apart[place]) for place in order if abs(apart[place]) >= _APART}
