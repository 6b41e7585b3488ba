"""The choice of a setting: a row of measures for each value, and a recommendation.

The rule. Of the values whose validation score is within one standard error of the best (L. Breiman, J. H. Friedman, R.
A. Olshen, C. J. Stone, Classification and Regression Trees, 1984, section 3.4.3), that with the simplest landscape is
recommended: the fewest funnels, of equal ones the fewest minima, of equal ones the best validation score. Validation
scores are of the global minimum, on rows that its search has not seen. Test rows have no part in it. Without validation
scores nothing is recommended.
"""

import math
from dataclasses import dataclass

from llcommon.estimates import Estimate
from llpathsample.choosing.agreement import Mean
from llpathsample.choosing.measures import Measures
from llpathsample.choosing.variation import Setting


@dataclass(frozen=True)
class OnTest:
    """On rows that nothing was chosen by. measure, accuracy: of the global minimum; of_low, accuracy_of_low: mean over
    the lowest minima with its standard deviation over them. agreement: of their predictions. accuracy is None for
    numbers."""

    measure: Estimate
    of_low: Estimate
    accuracy: Estimate | None
    accuracy_of_low: Estimate | None
    agreement: Mean


@dataclass(frozen=True)
class Row:
    """What is known of one value. measures: None without a minimum. agreement: on training rows. validation: of the
    global minimum, lower is better. seconds: of the CPU."""

    setting: Setting
    measures: Measures | None
    agreement: Mean | None
    validation: Estimate | None
    test: OnTest | None
    seconds: float


@dataclass(frozen=True)
class Choice:
    """recommended, best: places of rows, None without a validation score. alike: places within one standard error of
    the best. by_measure: places that the measures of landscapes single out, the first of those alike. sentences: the
    reasons."""

    recommended: int | None
    best: int | None
    alike: list[int]
    by_measure: dict[str, int | None]
    sentences: list[str]


# A landscape of one minimum has no frustration.
_SIMPLE = {
    "fewest minima": lambda one: one.minima,
    "fewest funnels": lambda one: one.funnels,
    "least frustrated": lambda one: 0.0 if math.isnan(one.frustration) else one.frustration,
    "lowest entropy": lambda one: one.entropy,
}


def recommend(rows: list[Row]) -> Choice:
    """The choice from all rows."""
    found = [place for place, row in enumerate(rows) if row.measures is not None]
    least = {name: _least(rows, found, value) for name, value in _SIMPLE.items()}
    by_measure = {name: places[0] if places else None for name, places in least.items()}
    scored = [place for place in found if rows[place].validation is not None]
    told = [
        f"{name} {' and '.join(name_of(rows[place]) for place in places)}"
        for name, places in least.items()
        if len(places) < len(found) or len(found) == 1
    ]
    told = ", ".join(told or ["they are alike"])
    if not scored:
        return Choice(None, None, [], by_measure, [f"landscapes alone: {told}", _NOTHING])
    best = min(scored, key=lambda place: rows[place].validation.value)
    top = rows[best].validation
    limit = top.value + (top.error if math.isfinite(top.error) else 0.0)
    alike = [place for place in scored if rows[place].validation.value <= limit]
    recommended = min(alike, key=lambda place: _plainness(rows[place]))
    chosen = rows[recommended]
    simple = f"{_many(chosen.measures.funnels, 'funnel', 's')}, {_many(chosen.measures.minima, 'minim', 'a', 'um')}"
    rivals = [place for place in alike if _plainness(rows[place])[:2] == _plainness(chosen)[:2]]
    if len(alike) == 1:
        why = f"alone within that ({simple})"
    elif len(rivals) == 1:
        why = f"which of these has the simplest landscape ({simple})"
    else:
        why = f"the best score of the {len(rivals)} of these with the simplest landscapes ({simple})"
    sentences = [
        f"best validation score: {top.value:.4g} +- {top.error:.2g} of {name_of(rows[best])}",
        f"within one standard error of it: {'; '.join(name_of(rows[place]) for place in alike)}",
        f"recommended: {name_of(chosen)}, {why}",
        f"landscapes alone: {told}",
    ]
    ends = {0, len(rows) - 1}
    if len(rows[recommended].setting.values) == 1 and len(rows) > 2 and recommended in ends and best in ends:
        sentences.append("the recommended value is at the end of its range; look further")
    return Choice(recommended, best, alike, by_measure, sentences)


_NOTHING = "no value is recommended: there is no validation score, and a simple landscape alone is no reason"


def _plainness(row: Row) -> tuple[int, int, float]:
    return row.measures.funnels, row.measures.minima, row.validation.value


def _many(count: int, stem: str, plural: str, single: str = "") -> str:
    return f"{count} {stem}{single if count == 1 else plural}"


def _least(rows: list[Row], places: list[int], value) -> list[int]:
    """The places of the least value, several if they are alike."""
    values = [value(rows[place].measures) for place in places]
    return [place for place, one in zip(places, values, strict=True) if one == min(values)]


def name_of(row: Row) -> str:
    """The setting as a reader writes it."""
    return " ".join(f"{key.partition('.')[2]}={value}" for key, value in row.setting.values.items())
