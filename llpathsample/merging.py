"""Merging files into a landscape, so that nothing that is in it already counts again.

A file is known by its content. A part of a job array (`lloptim connect --part K/N`) may come again when more of its
pairs are done, with other content: then only what is new counts. Records of merges tell what came in before, unless
points have been taken out since.
"""

from dataclasses import dataclass, field

import numpy as np

from llcommon.status import Status
from llcommon.store import Landscape, MergeReport

_TAKE_OUT = ("prune", "remove", "retain", "extract", "check --repair")
Key = tuple[str, int, int]


@dataclass
class Known:
    """What is in a landscape. contents: SHA-256 of files; parts: of job arrays, by `part_key`, as records have them."""

    contents: set[str] = field(default_factory=set)
    parts: dict[Key, dict] = field(default_factory=dict)

    @staticmethod
    def of(landscape: Landscape) -> "Known":
        """What its records tell; what was taken out of a file before it was merged is not taken out of the others."""
        known, others = Known(), Known()
        own = _own_records(landscape.provenance)
        for place, record in enumerate(landscape.provenance):
            if record.get("command") in _TAKE_OUT:
                if place in own:
                    known = Known()
                others = Known()
            elif record.get("command") == "merge":
                found = known if place in own else others
                found.contents.update(record["inputs"].values())
                for part in record.get("parts", []):
                    found.add(part)
            if place in own:
                known.contents |= others.contents
                for part in others.parts.values():
                    known.add(part)
                others = Known()
        return known

    def add(self, part: dict) -> None:
        """Take notice of a part as `part_record` describes it."""
        key = part["of"], *part["part"]
        before = self.parts.get(key)
        if before is None or before["done"] < part["done"]:
            self.parts[key] = part


def _own_records(records: list[dict]) -> set[int]:
    """Places of the records of a landscape that did not come with files that were merged into it."""
    own = set()
    place = len(records) - 1
    while place >= 0:
        own.add(place)
        place = min(place, records[place].get("records_before", place)) - 1
    return own


def part_record(landscape: Landscape) -> dict | None:
    """What identifies a part of a job array, and how far it came; None for other landscapes."""
    state = {} if landscape.search is None else landscape.search.state
    if state.get("kind") != "connect" or "part" not in state:
        return None
    done = len(state["outcomes"])
    return {"of": state["of"], "part": list(state["part"]), "done": done, "counters": dict(landscape.counters)}


@dataclass(frozen=True)
class Try:
    """A pair, in ids of the landscape that is merged into, how often it had been tried before, and what came of it."""

    a: int
    b: int
    attempt: int
    connected: bool
    status: Status


def tries_in(found: Landscape, landscape: Landscape) -> list[Try]:
    """What a job of `lloptim connect` tried; nothing if it does not tell, or was given minima of other ids."""
    state = {} if found.search is None else found.search.state
    if state.get("kind") != "connect" or "pairs" not in state:
        return []
    count, losses = state["source"]
    if count > len(landscape.minima) or landscape.losses_sha256(count) != losses:
        return []
    rows = zip(state["pairs"], state["outcomes"], strict=False)
    return [Try(*pair, bool(connected), Status(status)) for pair, (connected, status, *_) in rows]


def merge_file(landscape: Landscape, found: Landscape, name: str, known: Known) -> tuple[MergeReport, int]:
    """Merge `found`, called `name`, and mark all pairs that it tried; also how many tries count twice because their ids
    are not known.

    `known` is of what is in the landscape, and takes notice.
    """
    part = part_record(found)
    before = None if part is None else known.parts.get((part["of"], *part["part"]))
    tries = tries_in(found, landscape)
    if part is not None:
        known.add(part)
    if before is None:
        report = landscape.merge(found, name)
        for tried in tries:
            # Where the two ends became one point in the job's file, it could not note the pair.
            if landscape.pair_attempts(tried.a, tried.b) <= tried.attempt:
                landscape.mark_pair(tried.a, tried.b, tried.connected, tried.status)
        return report, 0
    report = _merge_points(landscape, found, name, before["counters"], not tries)
    for tried in tries[before["done"] :]:
        landscape.mark_pair(tried.a, tried.b, tried.connected, tried.status)
    return report, 0 if tries else before["done"]


def _merge_points(landscape: Landscape, found: Landscape, name: str, counters: dict, pairs: bool) -> MergeReport:
    """Merge what had come with these counters before: visits of minima that are known do not count again, nor pairs
    unless wanted."""
    count = len(landscape.minima)
    visits = np.array(found.minima.visits)
    found.minima.set("visits", np.zeros_like(visits))
    found.counters = {key: max(0, number - counters.get(key, 0)) for key, number in found.counters.items()}
    if not pairs:
        found.pairs.take(np.empty(0, dtype=np.int64))
    report = landscape.merge(found, name)
    for minimum, number in zip(report.minimum_ids.tolist(), visits.tolist(), strict=True):
        if minimum >= count:
            landscape.minima.replace("visits", minimum, int(landscape.minima.visits[minimum]) + number)
    return report
