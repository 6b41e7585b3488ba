"""A landscape in memory: minima, transition states and pairs tried of one loss model.

Ids are row numbers from 0. Points are only ever appended, and a point found again leaves the
stored one as it is, so ids and bits stay. The exceptions: `sort_minima_by_loss` and `keep_lowest`, for a landscape
of minima alone, before anything refers to ids, and `keep`, for a landscape that goes to a file of its own.

Same point: two points are one if |loss difference| < loss_tolerance and their distance, after
alignment under the model's symmetry, is < distance_tolerance (the rule of PATHSAMPLE). Of
several that fit, the one with the smallest id is taken.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from llcommon.combining import Ensemble
from llcommon.config import canonical_json, fingerprint, table_of
from llcommon.data import Data
from llcommon.errors import InputError
from llcommon.idrules import renumbered
from llcommon.losses.base import LossModel
from llcommon.records import Minimum, TransitionState, Triple
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store.columns import Columns, LossIndex, PairRows
from llcommon.store.schema import MINIMA, PAIRS, TRACE, TRAINING, TRANSITION_STATES, Contents, Field
from llcommon.store.scores import Scores
from llcommon.symmetry import same_point


@dataclass
class SearchState:
    """Checkpoint of a search. state: JSON-able without NaN or infinity. arrays: float64 or int64."""

    state: dict
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class AddedMinimum:
    """Id of a minimum, and whether it was new."""

    id: int
    is_new: bool

    def __iter__(self):
        """Unpacks as `id, is_new`."""
        return iter((self.id, self.is_new))


@dataclass(frozen=True)
class AddedState:
    """Id of a transition state, and whether it was new."""

    id: int
    is_new: bool


@dataclass(frozen=True)
class AddedTriple:
    """Ids of the points of a triple; how many of its minima, and whether its TS, were new.

    If the TS was known, it stays linked to the minima it had.
    """

    plus_id: int
    minus_id: int
    ts_id: int
    new_minima: int
    new_ts: bool


@dataclass(frozen=True)
class MergeReport:
    """What a merge brought. minimum_ids, ts_ids: id here of each point of the other landscape."""

    new_minima: int
    known_minima: int
    new_transition_states: int
    known_transition_states: int
    minimum_ids: np.ndarray
    ts_ids: np.ndarray


def model_parameters(model: LossModel) -> dict:
    """The `[loss]` table of a model, without its name."""
    return table_of(model.parameters)


def model_fingerprint(model: LossModel, data: Data | None) -> str:
    """SHA-256 (hex) over model name, parameters, dimension and content of the data, and a user's source."""
    content = None if data is None else data.content_sha256()
    identity = [model.name, model_parameters(model), int(model.dimension), content]
    if model.source is not None:
        identity.append(model.source.sha256)
    return fingerprint(identity)


class Landscape:
    """See the module's docstring.

    Attributes: settings, model, data; declared (the model, or what the file says of one whose source has not been run:
    what has its name, parameters, source, dimension, bounded, symmetric and notes); minima, transition_states, pairs
    (tables whose columns, named in `llcommon.store.schema`, are read-only arrays); trace and training (such tables,
    empty unless a search or training runs filled them); scores (further properties of minima); ensemble (minima that
    predict together, or None); search (a SearchState or None); counters (name to int); provenance (list of records);
    data_sha256, fingerprint (of data and model as they were when the landscape was made).
    """

    def __init__(
        self, settings: Settings, model: LossModel, data: Data | None = None, contents: Contents | None = None
    ) -> None:
        """model: or a StoredModel. contents: the tables of a landscape file by dataset path, already checked, whose
        arrays are taken over; empty if None."""
        contents = contents or {}
        self.settings = settings
        self.declared = model
        self.data = data
        self.data_sha256 = None if data is None else data.content_sha256()
        self.fingerprint = model_fingerprint(model, data)
        sizes = {"N": int(model.dimension)}
        bounded = model.bounded
        self.minima = Columns(_columns_of(MINIMA, bounded), sizes, contents)
        self.transition_states = Columns(_columns_of(TRANSITION_STATES, bounded), sizes, contents)
        self.pairs = Columns(PAIRS, sizes, contents)
        self.trace = Columns(TRACE, sizes, _present(TRACE, contents))
        self.training = Columns(TRAINING, sizes, _present(TRAINING, contents))
        self.scores = Scores(contents)
        self.ensemble: Ensemble | None = None
        self.search: SearchState | None = None
        self.counters: dict[str, int] = {}
        self.provenance: list[dict] = []

    # Made when they are first asked for: whoever reads tables needs none of them.

    @cached_property
    def _minimum_index(self) -> LossIndex:
        return LossIndex(self.minima.loss)

    @cached_property
    def _ts_index(self) -> LossIndex:
        return LossIndex(self.transition_states.loss)

    @cached_property
    def _pair_rows(self) -> PairRows:
        return PairRows(self.pairs.ids)

    @property
    def model(self) -> LossModel:
        """The loss model. ConfigError if it is a user's in a file, whose source there is no leave to run."""
        self.declared = self.declared.ready()
        return self.declared

    def adopt(self, other: "Landscape") -> None:
        """Take the model of `other`, which is the same by its fingerprint; a source in the file need not be run."""
        if other.fingerprint != self.fingerprint:
            raise ValueError("the models of two landscapes differ")
        self.declared = other.model

    # --- the same-point rule ------------------------------------------------------------

    def _check_point(self, loss: float, coordinates: np.ndarray) -> np.ndarray:
        """Coordinates as a float64 array; ValueError for what no search may hand over."""
        x = np.asarray(coordinates, dtype=np.float64)
        if x.shape != (self.declared.dimension,):
            raise ValueError(f"coordinates of shape {x.shape} where ({self.declared.dimension},) is needed")
        if not np.isfinite(loss) or not np.isfinite(x).all():
            raise ValueError("a stationary point must have a finite loss and finite coordinates")
        return x

    def _find(self, table: Columns, index: LossIndex, loss: float, x: np.ndarray) -> int | None:
        """Smallest id of a point of `table` that is the same as (loss, x), or None; none is without coordinates."""
        if not x.size:
            return None
        rule = self.settings.same_point
        candidates = index.within(loss, rule.loss_tolerance)
        points = table.coordinates if candidates else None
        for candidate in candidates:
            reference = points[candidate].copy()  # compiled code refuses read-only arrays
            # The identity is one of the images: what is near as it stands needs no alignment.
            if np.linalg.norm(x - reference) < rule.distance_tolerance:
                return candidate
            if self.declared.symmetric and same_point(self.model, reference, x, rule.distance_tolerance):
                return candidate
        return None

    def find_minimum(self, loss: float, coordinates: np.ndarray) -> int | None:
        """Id of the stored minimum that is the same point, or None."""
        x = self._check_point(loss, coordinates)
        return self._find(self.minima, self._minimum_index, float(loss), x)

    def find_transition_state(self, loss: float, coordinates: np.ndarray) -> int | None:
        """Id of the stored transition state that is the same point, or None."""
        x = self._check_point(loss, coordinates)
        return self._find(self.transition_states, self._ts_index, float(loss), x)

    # --- adding -------------------------------------------------------------------------

    def add_minimum(self, minimum: Minimum) -> AddedMinimum:
        """Store a minimum, or add its visits to the stored one that is the same point."""
        known = self.find_minimum(minimum.loss, minimum.coordinates)
        if known is not None:
            visits = int(self.minima.visits[known]) + minimum.visits
            self.minima.replace("visits", known, visits)
            return AddedMinimum(known, False)
        new = self.minima.append(**{name: getattr(minimum, name) for name in self.minima.names})
        self._minimum_index.insert(float(minimum.loss), new)
        return AddedMinimum(new, True)

    def _add_transition_state(self, state: TransitionState, plus_id: int, minus_id: int) -> tuple[int, bool]:
        """Id of a transition state between two stored minima, and whether it was new."""
        known = self.find_transition_state(state.loss, state.coordinates)
        if known is not None:
            return known, False
        values = {name: getattr(state, name) for name in self.transition_states.names if name != "minima"}
        new = self.transition_states.append(**values, minima=(plus_id, minus_id))
        self._ts_index.insert(float(state.loss), new)
        return new, True

    def add_transition_state(self, state: TransitionState, plus_id: int, minus_id: int) -> AddedState:
        """Store a transition state between two stored minima; one that is known stays linked to those it had."""
        self._check_point(state.loss, state.coordinates)
        return AddedState(*self._add_transition_state(state, plus_id, minus_id))

    def add_triple(self, triple: Triple) -> AddedTriple:
        """Store a minimum - transition state - minimum triple; points known already are linked to.

        A degenerate transition state, whose two sides are one minimum, is stored too.
        """
        state = triple.transition_state
        self._check_point(state.loss, state.coordinates)
        self._check_point(triple.minus.loss, triple.minus.coordinates)
        plus = self.add_minimum(triple.plus)
        minus = self.add_minimum(triple.minus)
        ts_id, new_ts = self._add_transition_state(state, plus.id, minus.id)
        return AddedTriple(plus.id, minus.id, ts_id, int(plus.is_new) + int(minus.is_new), new_ts)

    def minimum(self, minimum_id: int) -> Minimum:
        """The stored minimum of an id."""
        return Minimum(**self.minima.row(minimum_id))

    def transition_state(self, ts_id: int) -> TransitionState:
        """The stored transition state of an id."""
        values = self.transition_states.row(ts_id)
        del values["minima"]
        return TransitionState(**values)

    def global_minimum(self) -> int:
        """Id of the minimum of lowest loss (the smallest id of equal ones); ValueError if there is none."""
        if not len(self.minima):
            raise ValueError("a landscape without minima has no global minimum")
        return int(np.argmin(self.minima.loss))

    def losses_sha256(self, count: int) -> str:
        """SHA-256 (hex) of the losses of the first `count` minima: it is the same where these ids name the same."""
        return hashlib.sha256(np.ascontiguousarray(self.minima.loss[:count]).tobytes()).hexdigest()

    # --- pairs tried --------------------------------------------------------------------

    def _pair_row(self, a: int, b: int) -> tuple[tuple[int, int], int | None]:
        """The sorted pair and its row, None if it was never tried; ValueError if it is no pair."""
        ids = (int(min(a, b)), int(max(a, b)))
        if ids[0] < 0 or ids[1] >= len(self.minima):
            raise ValueError(f"({a}, {b}) is not a pair of two of the {len(self.minima)} minima")
        return ids, self._pair_rows.get(*ids)

    def mark_pair(self, a: int, b: int, connected: bool, status: Status, attempts: int = 1) -> None:
        """Note attempts to connect two minima. A pair once connected stays connected."""
        ids, row = self._pair_row(a, b)
        if row is None:
            values = {"attempts": attempts, "connected": bool(connected), "status": int(status)}
            self._pair_rows.set(*ids, self.pairs.append(ids=ids, **values))
            return
        self.pairs.replace("attempts", row, int(self.pairs.attempts[row]) + attempts)
        self.pairs.replace("connected", row, bool(connected) or bool(self.pairs.connected[row]))
        self.pairs.replace("status", row, int(status))

    def pair_attempts(self, a: int, b: int) -> int:
        """How often a connection of two minima was tried."""
        row = self._pair_row(a, b)[1]
        return 0 if row is None else int(self.pairs.attempts[row])

    def pair_connected(self, a: int, b: int) -> bool:
        """Whether an attempt to connect two minima has ended with a chain of transition states."""
        row = self._pair_row(a, b)[1]
        return row is not None and bool(self.pairs.connected[row])

    # --- keeping some ---------------------------------------------------------------------

    def keep(self, minima: np.ndarray, transition_states: np.ndarray) -> list[str]:
        """Keep these points, ids in the order that gives them their new ones; what a user must know of it.

        Pairs tried of which both minima stay, scores, training runs and the ids in [grow] follow; a point of a training
        run whose minimum goes has none afterwards. Coordinates must be there. ValueError, with nothing changed, if a
        transition state that is kept joins a minimum that is not, or an id comes twice.
        """
        had = self.ensemble is not None
        places = self._take(minima, transition_states)
        grow, notes = renumbered(self.settings.grow, places)
        self.settings = replace(self.settings, grow=grow)
        if had and self.ensemble is None:
            notes.append("the ensemble is gone, of which not all members are kept")
        return notes

    def _take(self, minima: np.ndarray, transition_states: np.ndarray) -> np.ndarray:
        """`keep`, but for the settings; new ids of the minima of before, -1 for those that are gone, (n,)."""
        minima = np.asarray(minima, dtype=np.int64)
        transition_states = np.asarray(transition_states, dtype=np.int64)
        for rows in (minima, transition_states):
            if len(np.unique(rows)) != len(rows):
                raise ValueError("an id is to be kept twice")
        places = np.full(len(self.minima) + 1, -1)
        places[minima] = np.arange(len(minima))
        ends = places[self.transition_states.minima[transition_states]]
        if (ends < 0).any():
            raise ValueError("a transition state that is kept needs its two minima")
        pairs = np.sort(places[self.pairs.ids], axis=1)
        kept_pairs = np.flatnonzero((pairs >= 0).all(axis=1))
        self.scores.take(minima, len(self.minima))
        # A -1, for none, takes the last of the places, which is -1 too.
        self.training.set("minimum", places[self.training.minimum])
        if self.ensemble is not None:
            members = places[self.ensemble.members]
            self.ensemble = replace(self.ensemble, members=members) if (members >= 0).all() else None
        self.minima.take(minima)
        self.transition_states.take(transition_states)
        self.transition_states.set("minima", ends)
        self.pairs.take(kept_pairs)
        self.pairs.set("ids", pairs[kept_pairs])
        for index in ("_minimum_index", "_ts_index", "_pair_rows"):
            self.__dict__.pop(index, None)
        return places[:-1]

    def _keep_minima(self, rows: np.ndarray) -> None:
        """Keep these minima in this order; ValueError if something refers to their ids."""
        if len(self.transition_states) or len(self.pairs):
            raise ValueError("minima that transition states or pairs refer to keep their ids")
        # What [grow] says is of the ids that they will have.
        self._take(rows, np.empty(0, dtype=np.int64))

    def sort_minima_by_loss(self) -> None:
        """Number the minima by ascending loss (equal ones as found); ValueError with TS or pairs."""
        self._keep_minima(np.argsort(self.minima.loss, kind="stable"))

    def keep_lowest(self, count: int) -> None:
        """Drop all but the `count` lowest minima, in the order they have; ValueError with TS or pairs."""
        lowest = np.argsort(self.minima.loss, kind="stable")[: max(0, count)]
        self._keep_minima(np.sort(lowest))

    def forget_search(self) -> None:
        """Drop checkpoint and trace, which would tell of one of several searches only."""
        self.search = None
        self.trace.take(np.empty(0, dtype=np.int64))

    # --- merging ------------------------------------------------------------------------

    def check_same_model(self, other: "Landscape", name: str = "the other landscape") -> None:
        """Raise InputError if `other`, called `name` in the message, is of another model or other data."""
        if other.data_sha256 != self.data_sha256:
            raise InputError(f"{name} was made from other data; merge landscapes of the same data only")
        if other.fingerprint != self.fingerprint:
            raise InputError(
                f"{name} is of another loss model or of other [loss] parameters; "
                "merge landscapes of the same model only"
            )

    def merge(self, other: "Landscape", name: str = "the other landscape") -> MergeReport:
        """Add everything that `other`, called `name` in messages, holds.

        Same points are recognised by the tolerances of this landscape; visits, attempts and counters
        are added; settings, checkpoint, trace, scores, training runs and ensemble stay those of this landscape. Raises
        InputError for another model or other data, with nothing changed.
        """
        self.check_same_model(other, name)
        minima_before = len(self.minima)
        states_before = len(self.transition_states)
        minimum_ids = np.empty(len(other.minima), dtype=np.int64)
        for other_id in range(len(other.minima)):
            minimum_ids[other_id] = self.add_minimum(other.minimum(other_id)).id
        ts_ids = np.empty(len(other.transition_states), dtype=np.int64)
        for other_id, (plus_id, minus_id) in enumerate(minimum_ids[other.transition_states.minima]):
            state = other.transition_state(other_id)
            ts_ids[other_id] = self._add_transition_state(state, plus_id, minus_id)[0]
        self._merge_pairs(other, minimum_ids)
        self._merge_notes(other)
        new_minima = len(self.minima) - minima_before
        new_states = len(self.transition_states) - states_before
        return MergeReport(
            new_minima=new_minima,
            known_minima=len(minimum_ids) - new_minima,
            new_transition_states=new_states,
            known_transition_states=len(ts_ids) - new_states,
            minimum_ids=minimum_ids,
            ts_ids=ts_ids,
        )

    def _merge_pairs(self, other: "Landscape", minimum_ids: np.ndarray) -> None:
        """Add the attempts of `other`; a pair whose two minima are one point here is dropped."""
        rows = zip(*(getattr(other.pairs, name).tolist() for name in other.pairs.names), strict=True)
        for row in rows:
            values = dict(zip(other.pairs.names, row, strict=True))
            a, b = (int(minimum_ids[i]) for i in values["ids"])
            if a != b or values["ids"][0] == values["ids"][1]:
                self.mark_pair(a, b, bool(values["connected"]), values["status"], values["attempts"])

    def _merge_notes(self, other: "Landscape") -> None:
        """Add counters, and provenance records not here yet."""
        for key, count in other.counters.items():
            self.counters[key] = self.counters.get(key, 0) + count
        known = {canonical_json(item) for item in self.provenance}
        for item in other.provenance:
            text = canonical_json(item)
            if text not in known:
                self.provenance.append(item)
                known.add(text)


def _columns_of(fields: tuple[Field, ...], bounded: bool) -> list[Field]:
    """The columns of a table; `active` only for a model with bounds."""
    return [column for column in fields if bounded or column.name != "active"]


def _present(fields: tuple[Field, ...], contents: Contents) -> dict:
    """The columns of a table that a file need not have; none if it has none."""
    return {column.path: contents[column.path] for column in fields if column.path in contents}
