"""The choice of a number of clusters: a row of measures for each K, what each criterion chooses, and a recommendation.

The rule of the landscape. K > 1 is supported if

1. it is determined: the clusterings whose loss is near the lowest agree. The melting temperature, at which the expected
   adjusted Rand index of two minima drawn by visits times exp(-L / T) falls below 0.9, is at least 0.05 of the lowest
   loss;
2. it is needed: from the next lower K of the table on, the gap statistic has risen by more than three times the error
   of that rise, so K lowers the loss by more than it does in data without clusters. Three, as several K are tried.

Recommended is the supported K with the highest melting temperature; of several that do not melt at all, the largest,
which tells most. If no K is supported, none is recommended.
"""

import math
from dataclasses import dataclass

import numpy as np

from llpathsample.choosing.agreement import Mean
from llpathsample.choosing.clusterings import Gap, Starts
from llpathsample.choosing.measures import Measures

LEVEL = 0.9
DETERMINED = 0.05
NEEDED = 3.0


@dataclass(frozen=True)
class Row:
    """What is known of one K.

    measures: of the landscape, by loss alone, at `DETERMINED` times its lowest loss. agreement: expected ARI of two
    minima there that random starts met. pairwise, mutual: mean ARI and adjusted mutual information of the lowest
    minima. starts: None for K = 1, which has one minimum. known: ARI with known classes, NaN without. seconds: of the
    CPU.
    """

    clusters: int
    measures: Measures
    agreement: float
    melting: float
    pairwise: Mean
    mutual: Mean
    starts: Starts | None
    silhouette: float
    bic: float
    known: float
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """Whether a K is supported. rise: of the gap statistic in units of its error, NaN without a K before."""

    clusters: int
    melting: float
    rise: float

    @property
    def determined(self) -> bool:
        return self.melting >= DETERMINED

    @property
    def needed(self) -> bool:
        return self.rise > NEEDED

    @property
    def supported(self) -> bool:
        return self.determined and self.needed


@dataclass(frozen=True)
class Choice:
    """recommended: K, or None if none is supported. verdicts: of all K > 1. by_criterion: the K of each criterion, None
    where it names none. sentences: the reasons."""

    recommended: int | None
    verdicts: list[Verdict]
    by_criterion: dict[str, int | None]
    sentences: list[str]


def recommend(rows: list[Row], gap: Gap) -> Choice:
    """The choice from rows of rising K, of which the first is K = 1."""
    verdicts = []
    for place, row in enumerate(rows):
        if row.clusters > 1:
            rise = _in_errors(float(gap.drops[place]), float(gap.drop_errors[place]))
            verdicts.append(Verdict(row.clusters, row.melting, rise))
    supported = [verdict for verdict in verdicts if verdict.supported]
    best = max(supported, key=lambda verdict: (verdict.melting, verdict.clusters), default=None)
    recommended = None if best is None else best.clusters
    chosen = by_criterion(rows, gap)
    sentences = _sentences(verdicts, recommended, chosen, rows)
    return Choice(recommended, verdicts, chosen, sentences)


def _in_errors(rise: float, error: float) -> float:
    """A rise in units of its error; NaN if either is."""
    if math.isnan(rise) or math.isnan(error):
        return math.nan
    return rise / error if error > 0.0 else math.copysign(math.inf, rise)


def by_criterion(rows: list[Row], gap: Gap) -> dict[str, int | None]:
    """What each criterion alone would choose; of equals the lowest K, but the landscape's by the highest."""
    above_one = [row for row in rows if row.clusters > 1]
    return {
        "silhouette": _best(above_one, lambda row: row.silhouette),
        "gap": gap.choice(),
        "bic": _best(rows, lambda row: -row.bic),
        "agreement": _best(above_one, lambda row: row.agreement, last=True),
        "melting": _best(above_one, lambda row: row.melting, last=True),
        "reproducibility": _best(above_one, lambda row: row.starts.share.value, last=True),
        "entropy": _best(above_one, lambda row: -row.measures.entropy, last=True),
        "funnels": _best(above_one, lambda row: -row.measures.competing, last=True),
        # Without a second minimum there is nothing to be frustrated by.
        "frustration": _best(
            above_one, lambda row: 0.0 if math.isnan(row.measures.frustration) else -row.measures.frustration, last=True
        ),
    }


def _best(rows: list[Row], value, last: bool = False) -> int | None:
    """K of the row with the largest value; of values equal but for rounding the first, or the last."""
    values = np.array([value(row) for row in rows], dtype=np.float64)
    if not len(values) or np.isnan(values).all():
        return None
    largest = np.nanmax(values)
    if np.isinf(largest):
        alike = np.flatnonzero(values == largest)
    else:
        alike = np.flatnonzero(values >= largest - 1e-9 * max(1.0, abs(largest)))
    return rows[int(alike[-1 if last else 0])].clusters


def _sentences(verdicts: list[Verdict], recommended: int | None, chosen: dict, rows: list[Row]) -> list[str]:
    sentences = [_of_verdict(verdict) for verdict in verdicts]
    if recommended is None:
        sentences.append(
            "no K is supported: the landscapes give no reason to divide the rows into any of these numbers of clusters"
        )
    else:
        others = [verdict.clusters for verdict in verdicts if verdict.supported and verdict.clusters != recommended]
        also = f"; also supported: {_listed(others)}" if others else ""
        sentences.append(f"recommended by the landscape: K = {recommended}{also}")
        last = rows[-1].clusters
        if recommended == last:
            sentences.append(f"K = {last} is the largest that was looked at; look at larger ones too")
    classical = {name: chosen[name] for name in ("silhouette", "gap", "bic")}
    told = ", ".join(f"{name} {_or_none(k)}" for name, k in classical.items())
    agree = len(set(classical.values())) == 1
    sentences.append(f"classical criteria: {told}; they {'agree' if agree else 'do not agree'} with each other")
    told = ", ".join(f"{name} {_or_none(k)}" for name, k in chosen.items() if name not in classical)
    sentences.append(f"measures of the landscape, each by itself: {told}")
    return sentences


def _of_verdict(verdict: Verdict) -> str:
    if math.isinf(verdict.melting):
        fact = "its low clusterings agree at all temperatures up to the lowest loss"
    else:
        fact = f"its low clusterings cease to agree at {verdict.melting:.3g} of the lowest loss"
        fact += "" if verdict.determined else f", less than {DETERMINED:g}"
    if math.isnan(verdict.rise):
        gain = "the gap statistic tells nothing of it, as its loss is zero in the reference sets too"
    else:
        need = "more" if verdict.needed else "no more"
        gain = f"it lowers the loss by {need} than in data without clusters (rise of the gap {verdict.rise:.1f} errors)"
    return f"K = {verdict.clusters} is {'' if verdict.supported else 'not '}supported: {fact}, and {gain}"


def _or_none(value: int | None) -> str:
    return "none" if value is None else str(value)


def _listed(numbers: list[int]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, numbers[:-1])), str(numbers[-1])]))
