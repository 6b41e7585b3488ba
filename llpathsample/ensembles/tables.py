"""Scores of everything compared, their errors, and whether differences from one minimum and from bagging are sure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llcommon.estimates import holm
from llcommon.scoring import Measure
from llpathsample.ensembles.comparing import BAGGING, MEMBERS, SINGLE, TRAINED, Key
from llpathsample.ensembles.uncertainty import Differences

SURE = 0.05  # p, corrected for the number of comparisons, below which a difference is one
BETTER, WORSE, ALIKE = "better", "worse", "indistinguishable"
REFERENCES = {"single": SINGLE, "bagging": BAGGING}


@dataclass(frozen=True)
class Against:
    """A difference from a reference. low, high: 95 % interval of this one alone. p: corrected for their number (Holm).
    verdict: BETTER, WORSE or ALIKE."""

    difference: float
    low: float
    high: float
    p: float
    verdict: str


@dataclass(frozen=True)
class Line:
    """One of the compared. members: how many, None of a single minimum. scores, errors, spread: (measures,). against:
    by reference, then by measure."""

    choice: str
    combination: str
    members: int | None
    scores: np.ndarray
    errors: np.ndarray
    spread: np.ndarray
    against: dict[str, dict[str, Against]]

    @property
    def key(self) -> Key:
        return self.choice, self.combination

    @property
    def ensemble(self) -> bool:
        """Whether it is one of minima."""
        return self.choice not in (SINGLE[0], TRAINED) and self.combination != MEMBERS


@dataclass(frozen=True)
class Table:
    """measures: the columns of scores. lines: in the order of the table. how: what errors and intervals are."""

    measures: list[Measure]
    lines: list[Line]
    how: str

    def line(self, key: Key) -> Line | None:
        """That of a choice and combination."""
        return next((line for line in self.lines if line.key == key), None)


def tabulated(
    measures: list[Measure],
    compared: list[str],
    members: dict[Key, int | None],
    scores: dict[Key, np.ndarray],
    errors: dict[Key, np.ndarray],
    spread: dict[Key, np.ndarray],
    differences: Callable[[str, Key, list[Key]], Differences],
    how: str,
) -> Table:
    """The table. compared: names of the measures whose differences are told. differences(measure, reference, keys):
    of these keys from the reference."""
    keys = list(scores)
    against: dict[Key, dict[str, dict[str, Against]]] = {key: {} for key in keys}
    highest = {measure.name: measure.highest_is_best for measure in measures}
    for name, reference in REFERENCES.items():
        if reference not in scores:
            continue
        others = [key for key in keys if key != reference and key[1] != MEMBERS]
        for measure in compared:
            found = differences(measure, reference, others)
            corrected = holm(found.p)
            for place, key in enumerate(others):
                mean, p = float(found.mean[place]), float(corrected[place])
                verdict = _verdict(mean, p, highest[measure])
                told = Against(mean, float(found.low[place]), float(found.high[place]), p, verdict)
                against[key].setdefault(name, {})[measure] = told
    lines = [Line(*key, members[key], scores[key], errors[key], spread[key], against[key]) for key in keys]
    return Table(measures, lines, how)


def _verdict(difference: float, p: float, highest_is_best: bool) -> str:
    if not p < SURE:
        return ALIKE
    return BETTER if (difference > 0.0) == highest_is_best else WORSE


def summary(table: Table, measure: str, reference: str) -> str:
    """How many ensembles are better than a reference, worse, and neither; empty if there is none such."""
    verdicts = {
        line.key: line.against[reference][measure].verdict
        for line in table.lines
        if line.ensemble and reference in line.against
    }
    if not verdicts:
        return ""
    counts = {name: [key for key, verdict in verdicts.items() if verdict == name] for name in (BETTER, WORSE, ALIKE)}
    name = "the single lowest minimum" if reference == "single" else "scikit-learn's bagging"
    text = f"{measure} against {name}: of {len(verdicts)} ensembles {len(counts[BETTER])} better"
    return f"{text}, {len(counts[WORSE])} worse, {len(counts[ALIKE])} indistinguishable (Holm, 5 %)"


def best_line(table: Table, place: int) -> Line:
    """The ensemble of minima that is best by a measure; of those alike the first."""
    sign = -1.0 if table.measures[place].highest_is_best else 1.0
    lines = [line for line in table.lines if line.ensemble]
    return lines[int(np.argmin([np.nan_to_num(sign * line.scores[place], nan=np.inf) for line in lines]))]

