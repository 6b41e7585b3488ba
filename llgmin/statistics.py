"""What a landscape file tells about the search that made it: counts, rates, estimates, and doubts about them."""

import re
from dataclasses import dataclass

import numpy as np

from llcommon.errors import InputError, NothingFound
from llcommon.estimates import Frequencies, Interval, chao1, frequencies, good_turing, wilson
from llcommon.store import Landscape
from llgmin.tempering import ladder_of
from llgmin.walker import MOVED, VERIFIED

MOST_SHARES = 10
_DROPPED = "dropped minima"
_EXCHANGE = re.compile(r"exchange (\d+)-(\d+) (tried|accepted)")
# Counters of llpathsample, and of training runs that diverged, only look like reasons why a quench failed.
_NOT_OF_QUENCHES = ("failed batches", "failed pairs", "failed training")
# Methods whose walkers do not go from minimum to minimum.
_WITHOUT_MOVES = ("multi-start", "training")


@dataclass(frozen=True)
class SearchRecord:
    """What is known of a search.

    walker, loss, evaluations, outcome: (q,) of the quenches in the order of merging, loss NaN where one failed; all
    empty without a trace. minima, visits: (n,) loss and visits of the minima. method: [search] method, or training.
    tolerance: of losses, [same_point]. temperatures: of walkers that keep theirs, by number. grown: transition states
    were searched.
    """

    walker: np.ndarray
    loss: np.ndarray
    evaluations: np.ndarray
    outcome: np.ndarray
    minima: np.ndarray
    visits: np.ndarray
    counters: dict[str, int]
    method: str
    tolerance: float
    temperatures: dict[int, float]
    grown: bool

    @property
    def traced(self) -> bool:
        """Whether there is a trace."""
        return self.loss.size > 0

    def has(self, bit: int) -> np.ndarray:
        """(q,) whether an outcome has a bit."""
        return (self.outcome & bit) != 0

    @property
    def failed(self) -> np.ndarray:
        """(q,) whether a quench failed."""
        return np.isnan(self.loss)

    @property
    def dropped(self) -> int:
        """Minima that were found and not kept."""
        return self.counters.get(_DROPPED, 0)

    @property
    def lowest(self) -> int:
        """Id of the minimum of lowest loss, the smallest of equal ones."""
        return int(np.argmin(self.minima))

    @property
    def independent(self) -> bool:
        """Whether visits are independent draws: of random starts, or of training runs of which only the end counts."""
        once = self.traced and np.unique(self.walker).size == self.walker.size
        return self.method == "multi-start" or (self.method == "training" and once)

    @property
    def draws_agree(self) -> bool:
        """Whether the visits are those of the traced quenches, no more and no fewer."""
        return not self.traced or int(self.visits.sum()) == int(self.has(VERIFIED).sum())


@dataclass(frozen=True)
class BasinShares:
    """Estimated shares of basin volume of the most visited minima: (k,) each; draws: quenches they are shares of."""

    minimum: list[int]
    loss: list[float]
    visits: list[int]
    intervals: list[Interval]
    draws: int


def read_record(landscape: Landscape, name: object) -> SearchRecord:
    """The record of the search that made a landscape, called `name` in messages; NothingFound without minima."""
    if not len(landscape.minima):
        raise NothingFound(f"{name} holds no minima, so there is nothing to tell about; make some with llgmin run")
    trace = landscape.trace
    return SearchRecord(
        walker=np.asarray(trace.walker),
        loss=np.asarray(trace.loss),
        evaluations=np.asarray(trace.evaluations),
        outcome=np.asarray(trace.outcome),
        minima=np.asarray(landscape.minima.loss),
        visits=np.asarray(landscape.minima.visits),
        counters=dict(landscape.counters),
        method="training" if len(landscape.training) else landscape.settings.search.method,
        tolerance=landscape.settings.same_point.loss_tolerance,
        temperatures=_temperatures(landscape),
        grown=bool(len(landscape.transition_states) or len(landscape.pairs)),
    )


def _temperatures(landscape: Landscape) -> dict[int, float]:
    """Temperature of each replica by walker number; none without a ladder."""
    if landscape.settings.search.method != "parallel-tempering":
        return {}
    return dict(enumerate(ladder_of(landscape.declared, landscape.settings)))


# --- counts and rates -------------------------------------------------------------------------------


def search_statistics(record: SearchRecord) -> dict:
    """Everything about a search by name, for a table of properties; None where a quantity is not known."""
    known = _traced_counts(record) if record.traced else _counted(record)
    exchanges = exchange_rates(record.counters)
    return {
        "method": record.method,
        **known,
        **({"exchanges": exchanges} if exchanges else {}),
        "minima": len(record.minima),
        "dropped_minima": record.dropped,
        "global_minimum": record.lowest,
        "lowest_loss": float(record.minima[record.lowest]),
        "hits_of_lowest": int(record.visits[record.lowest]),
        **_first_found(record),
        **_estimates(record),
    }


def _failures(counters: dict[str, int]) -> dict[str, int]:
    """Failed quenches by reason."""
    names = [name for name in counters if name.startswith("failed ") and not name.startswith(_NOT_OF_QUENCHES)]
    return {name.removeprefix("failed "): counters[name] for name in sorted(names)}


def _traced_counts(record: SearchRecord) -> dict:
    """Quenches, evaluations and acceptance from the trace."""
    verified = record.has(VERIFIED)
    counts = {
        "quenches": int(record.loss.size),
        "verified": int(verified.sum()),
        "not_verified": int((~verified & ~record.failed).sum()),
        "failed": int(record.failed.sum()),
        "failed_by_reason": _failures(record.counters),
        "evaluations": int(record.evaluations.sum()),
        "evaluations_per_quench": {
            "mean": float(record.evaluations.mean()),
            "median": float(np.median(record.evaluations)),
        },
    }
    if record.method not in _WITHOUT_MOVES:
        counts["acceptance"] = float(record.has(MOVED).mean())
        counts["acceptance_of_walker"] = walker_acceptance(record)
    if record.temperatures:
        counts["temperature_of_walker"] = {str(walker): value for walker, value in record.temperatures.items()}
    return counts


def walker_acceptance(record: SearchRecord) -> dict[str, float]:
    """Share of each walker's quenches after which it moved, by the number of the walker."""
    walkers, places = np.unique(record.walker, return_inverse=True)
    quenches = np.bincount(places, minlength=walkers.size)
    moves = np.bincount(places, weights=record.has(MOVED), minlength=walkers.size)
    return {str(walker): float(share) for walker, share in zip(walkers.tolist(), moves / quenches, strict=True)}


def _counted(record: SearchRecord) -> dict:
    """The same from counters, where there is no trace."""
    counters = record.counters
    failures = _failures(counters)
    quenches = counters.get("quenches")
    evaluations = counters.get("evaluations")
    steps = counters.get("steps")
    mean = evaluations / quenches if quenches and evaluations is not None else None
    counts = {
        "quenches": quenches,
        "verified": int(record.visits.sum()),
        "failed": sum(failures.values()),
        "failed_by_reason": failures,
        "evaluations": evaluations,
        "evaluations_per_quench": {"mean": mean, "median": None},
    }
    if record.method not in _WITHOUT_MOVES:
        counts["acceptance"] = counters.get("accepted", 0) / steps if steps else None
    return counts


def exchange_rates(counters: dict[str, int]) -> dict[str, dict]:
    """Tried and accepted exchanges of neighbouring replicas, and their ratio, by the pair "I-J"."""
    pairs: dict[tuple[int, int], dict] = {}
    for name, count in counters.items():
        match = _EXCHANGE.fullmatch(name)
        if match:
            pair = pairs.setdefault((int(match[1]), int(match[2])), {"tried": 0, "accepted": 0})
            pair[match[3]] = count
    for pair in pairs.values():
        pair["rate"] = pair["accepted"] / pair["tried"] if pair["tried"] else None
    return {f"{first}-{second}": pairs[first, second] for first, second in sorted(pairs)}


def _first_found(record: SearchRecord) -> dict:
    """Quenches and evaluations, up to and with the one that first ended in the lowest minimum.

    The trace tells losses, not ids: it is the first verified quench whose loss is that of the lowest minimum within
    the tolerance of the same-point rule.
    """
    names = ("quenches_until_lowest", "evaluations_until_lowest")
    near = np.abs(record.loss - record.minima[record.lowest]) < record.tolerance
    hits = np.flatnonzero(near & record.has(VERIFIED))
    if hits.size == 0:
        return dict.fromkeys(names)
    first = int(hits[0])
    return dict(zip(names, (first + 1, int(record.evaluations[: first + 1].sum())), strict=True))


# --- estimates --------------------------------------------------------------------------------------


def visit_frequencies(record: SearchRecord) -> Frequencies | None:
    """Singletons, doubletons and so on, if estimates can be made from them: not when minima were dropped."""
    counts = frequencies(record.visits)
    return None if record.dropped or not counts.draws else counts


def _estimates(record: SearchRecord) -> dict:
    counts = frequencies(record.visits)
    found: dict = {"singletons": counts.singletons, "doubletons": counts.doubletons}
    usable = visit_frequencies(record)
    if usable is None:
        return {**found, "next_quench_is_new": None, "chao1_minima": None, "unseen_minima": None}
    probability = good_turing(usable)
    total = chao1(usable)
    unseen = {
        "value": total.value - usable.observed,
        "low": total.low - usable.observed,
        "high": total.high - usable.observed,
    }
    return {
        **found,
        "next_quench_is_new": {"probability": probability.value, "standard_error": probability.error},
        "chao1_minima": {"value": total.value, "low": total.low, "high": total.high},
        "unseen_minima": unseen,
    }


def basin_shares(record: SearchRecord, name: object) -> BasinShares:
    """Shares of basin volume of the most visited minima, ties by id, with 95 % intervals.

    They are shares of what the starts cover, failed quenches left out. Raises InputError for a search that is not
    multi-start, whose visits are no measure of volume, or whose visits have been added to.
    """
    if record.method != "multi-start":
        raise InputError(
            f"{name} is of a {record.method} search, whose visits tell nothing of basin volumes; "
            'search with [search] method = "multi-start" for --shares'
        )
    visits = int(record.visits.sum())
    draws = int(record.has(VERIFIED).sum()) if record.traced else visits
    lost = record.dropped and not record.traced  # how often the dropped minima were visited is then not known
    if visits > draws or record.grown or lost or not visits:
        raise InputError(
            f"the visits in {name} are not those of its own multi-start quenches; "
            "take the file as llgmin run left it for --shares"
        )
    order = np.argsort(-record.visits, kind="stable")[:MOST_SHARES]
    ids = order[record.visits[order] > 0].tolist()
    counts = record.visits[ids].tolist()
    intervals = [wilson(count, draws) for count in counts]
    return BasinShares(ids, record.minima[ids].tolist(), counts, intervals, draws)


# --- doubts -----------------------------------------------------------------------------------------


def omission(record: SearchRecord, name: object) -> str | None:
    """What is left out for want of a trace, as a sentence; None with a trace."""
    if record.traced:
        return None
    return (
        f"{name} holds no trace of its search (an older or a merged file): what only a trace tells, such as acceptance "
        "by walker and when the lowest minimum was found, is left out"
    )


def warnings(record: SearchRecord) -> list[str]:
    """Sentences about why the estimates may be wrong."""
    if record.dropped:
        return [
            f"{record.dropped} minima above [search] save were dropped: the estimates of unseen minima are void and "
            "left out; raise search.save for them"
        ]
    found = []
    if record.grown or not record.draws_agree:
        found.append(
            "the visits are not those of the search alone (minima were dropped, merged or added to since): "
            "do not rely on the estimates of unseen minima"
        )
    if not record.independent:
        found.append(
            f"visits of a {record.method} search are not independent draws, as the estimates of unseen minima take "
            "them to be: they are indications; rigorous for multi-start only"
        )
    return found
