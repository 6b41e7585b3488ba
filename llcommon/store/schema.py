"""The landscape file: the one format that passes between the programs.

A landscape file is an HDF5 file (readable by HDF5 1.10 and later). It is self-contained: the loss
model, its data, the tolerances that decide "same point?", and everything found so far.

Root attributes
    format          "loss-landscape"
    version         integer, the version of this format; a reader refuses a newer one
    program_version version of the toolchain that wrote the file
    content_sha256  SHA-256 of the text /digests, which in turn guards every dataset

Datasets are contiguous and uncompressed, little-endian; texts are fixed-length UTF-8 strings.
Sizes: N coordinates, n minima, m transition states, p pairs, r data rows, d data features, e members.
Ids are row numbers counted from 0; a growing database only appends rows, so ids stay.

Losses are in the unit of the loss model's value, coordinates in the unit of its parameters
(dimensionless for a network on scaled data), eigenvalues in loss per squared coordinate.

/settings                      text: JSON of all TOML tables, sorted keys
/model/name                    text: name of the loss model
/model/parameters              text: JSON of its parameters (the [loss] table with defaults)
/model/dimension               int64: N
/model/fingerprint             text: SHA-256 over name, parameters, dimension and data content, and a user's source
/model/user                    absent unless the model is a user's own; text: JSON of kind ("file" or "entry point"),
                               path, sha256 (of the source), and what the model says of itself, so that nothing need be
                               run to read the file: bounded, symmetric (true or false), temperature (of
                               basin-hopping, suggested), notes (list of sentences)
/model/source                  absent likewise; text: its Python source. A reader runs it only if told to
/data                          absent if the model takes no data; otherwise
    source                     text: name of the CSV file the data came from, without its folder
    sha256                     text: SHA-256 of that file
    content_sha256             text: SHA-256 over the names and the arrays below
    names                      text: JSON of class_names, feature_names, scaling, target_name ("" without target)
  and, unless the data exceed settings.data.embed_limit_mb (then the CSV file is read again),
    features                   float64 (r, d), unscaled
    shift, scale               float64 (d,): scaled feature = (feature - shift) / scale
    labels                     int64 (r,): classes of a classification; absent in a regression
    targets                    float64 (r,): targets of a regression; absent in a classification
/minima
    loss                       float64 (n,)
    coordinates                float64 (n, N)
    rms                        float64 (n,): |gradient| / sqrt(N)
    lpphe                      float64 (n,): sum of ln of the positive Hessian eigenvalues
    lpphe_error                float64 (n,): its standard error; 0 if it comes from the whole spectrum
    lpphe_probes               int64 (n,): random probes of the stochastic Lanczos quadrature that
                               estimated it; 0 if it comes from the whole spectrum
    smallest_eigenvalue        float64 (n,), declared zero modes left out
    eigenvalue_tolerance       float64 (n,): size below which an eigenvalue there has no certain sign
    active                     int8 (n, N): only for a model with bounds; -1 for a coordinate held by its
                               lower bound, 1 by its upper one, 0 for a free one. Eigenvalues, LPPHE and
                               rms are those of the free coordinates
    order                      int64 (n,): order of the stabiliser under the symmetry group, or 2^63 - 1 if larger
    log_order                  float64 (n,): its natural logarithm, however large
    visits                     int64 (n,): how often searches ended here
/transition_states
    loss, coordinates, rms, lpphe, lpphe_error, lpphe_probes, eigenvalue_tolerance, active, order,
    log_order                  as for minima, m rows
    negative_eigenvalue        float64 (m,)
    next_eigenvalue            float64 (m,): the smallest positive one, zero modes left out
    minima                     int64 (m, 2): ids of the minima on the plus and the minus side
/pairs
    ids                        int64 (p, 2): two minima, the smaller id first; equal ids: a minimum and
                               its own symmetry images
    attempts                   int64 (p,): how often a connection was tried
    connected                  uint8 (p,): 1 if an attempt connected them
    status                     int64 (p,): outcome of the latest attempt (llcommon.status.Status)
/trace                         absent if no search kept one; otherwise one row for each quench, in the order of merging
    walker                     int64 (q,): number of the chain, replica or population that asked for it
    loss                       float64 (q,): where it ended; NaN if it failed
    evaluations                int64 (q,): of loss and gradient
    outcome                    uint8 (q,): sum of 1 if it ended in a verified minimum, 2 if the walker moved there,
                               4 if that minimum was not in the landscape before
/scores                        absent until `llgmin score` has run; otherwise properties of minima by name
    names                      text: JSON list of {"name", "unit", "about"}, one for each column
    values                     float64 (n, s): NaN where a minimum has none
/training                      absent if no training runs were followed; otherwise one row for each point kept
    run                        int64 (k,): number of the training run
    epoch                      float64 (k,): passes over the data until there
    loss                       float64 (k,): of the whole training data
    coordinates                float64 (k, N)
    minimum                    int64 (k,): minimum to which a quench from this point led; -1: failed, or not tried
/ensemble                      absent unless some minima predict together (llcommon.combining); otherwise, of e members,
    about                      text: JSON of combination, neighbours (of the gate, else null), how it was made (about)
    members                    int64 (e,): ids of minima, by rising loss
    weights                    float64 (e,): their sum is 1
    stacking                   float64 (c, s): absent unless the combination is stacking; coefficients of each output
    gate_inputs                float64 (v, d): absent unless it is specialise; scaled features of validation rows
    gate_competence            float64 (v, e): absent likewise; what each member scored there
/search                        absent if there is no checkpoint; otherwise
    state                      text: JSON. Of `llgmin linear-path`, when it is complete, with `lines`: for each line
                               from the start of a training run its run, optimiser, initialisation, to ("end" or
                               "minimum"), status, height (the largest rise of the loss), rise_from, rise_to (t, 0 to
                               1), and bumps, a list of [t where a rise begins, t where it ends, height]
    arrays/<name>              float64 or int64, any shape
/counters                      text: JSON of named counts, such as failed searches by outcome
/provenance                    text: JSON list of records, oldest first
/digests                       text: JSON, name of each other dataset to the SHA-256 of its
                               type, shape and bytes

Version 2 added lpphe_error, lpphe_probes, eigenvalue_tolerance, active and log_order; files of version 1, whose
spectra were all dense, are read as if they had zeros there, and the logarithms of their orders. Version 3 added
/trace, /scores and /training. Version 4 added /model/user and /model/source, version 5 /ensemble.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FORMAT = "loss-landscape"
VERSION = 5

TEXT = "text"
FLOAT = "<f8"
INTEGER = "<i8"
FLAG = "|u1"
SIGN = "|i1"

DIGESTS = "digests"
SEARCH_STATE = "search/state"
SEARCH_ARRAYS = "search/arrays/"
# What a reader may leave out: nearly all of the bytes, and not needed for tables.
POINTS = ("minima/coordinates", "transition_states/coordinates", "training/coordinates")


@dataclass(frozen=True)
class Field:
    """One dataset: its path, element type, shape in size symbols, and whether it may be absent.

    finite: float64 values must be finite. since: the format version that brought it.
    """

    path: str
    dtype: str
    shape: tuple[str | int, ...] = ()
    optional: bool = False
    finite: bool = True
    since: int = 1

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rsplit("/", 1)[-1]


MINIMA = (
    Field("minima/loss", FLOAT, ("n",)),
    Field("minima/coordinates", FLOAT, ("n", "N")),
    Field("minima/rms", FLOAT, ("n",), finite=False),
    Field("minima/lpphe", FLOAT, ("n",), finite=False),
    Field("minima/lpphe_error", FLOAT, ("n",), since=2),
    Field("minima/lpphe_probes", INTEGER, ("n",), since=2),
    Field("minima/eigenvalue_tolerance", FLOAT, ("n",), finite=False, since=2),
    Field("minima/active", SIGN, ("n", "N"), optional=True, since=2),
    Field("minima/smallest_eigenvalue", FLOAT, ("n",), finite=False),
    Field("minima/order", INTEGER, ("n",)),
    Field("minima/log_order", FLOAT, ("n",), since=2),
    Field("minima/visits", INTEGER, ("n",)),
)
TRANSITION_STATES = (
    Field("transition_states/loss", FLOAT, ("m",)),
    Field("transition_states/coordinates", FLOAT, ("m", "N")),
    Field("transition_states/rms", FLOAT, ("m",), finite=False),
    Field("transition_states/lpphe", FLOAT, ("m",), finite=False),
    Field("transition_states/lpphe_error", FLOAT, ("m",), since=2),
    Field("transition_states/lpphe_probes", INTEGER, ("m",), since=2),
    Field("transition_states/eigenvalue_tolerance", FLOAT, ("m",), finite=False, since=2),
    Field("transition_states/active", SIGN, ("m", "N"), optional=True, since=2),
    Field("transition_states/negative_eigenvalue", FLOAT, ("m",), finite=False),
    Field("transition_states/next_eigenvalue", FLOAT, ("m",), finite=False),
    Field("transition_states/order", INTEGER, ("m",)),
    Field("transition_states/log_order", FLOAT, ("m",), since=2),
    Field("transition_states/minima", INTEGER, ("m", 2)),
)
PAIRS = (
    Field("pairs/ids", INTEGER, ("p", 2)),
    Field("pairs/attempts", INTEGER, ("p",)),
    Field("pairs/connected", FLAG, ("p",)),
    Field("pairs/status", INTEGER, ("p",)),
)
DATA = (
    Field("data/source", TEXT, optional=True),
    Field("data/sha256", TEXT, optional=True),
    Field("data/content_sha256", TEXT, optional=True),
    Field("data/names", TEXT, optional=True),
    Field("data/features", FLOAT, ("r", "d"), optional=True),
    Field("data/shift", FLOAT, ("d",), optional=True),
    Field("data/scale", FLOAT, ("d",), optional=True),
    Field("data/labels", INTEGER, ("r",), optional=True),
    Field("data/targets", FLOAT, ("r",), optional=True),
)
TRACE = (
    Field("trace/walker", INTEGER, ("q",), optional=True, since=3),
    Field("trace/loss", FLOAT, ("q",), optional=True, finite=False, since=3),
    Field("trace/evaluations", INTEGER, ("q",), optional=True, since=3),
    Field("trace/outcome", FLAG, ("q",), optional=True, since=3),
)
SCORES = (
    Field("scores/names", TEXT, optional=True, since=3),
    Field("scores/values", FLOAT, ("n", "s"), optional=True, finite=False, since=3),
)
TRAINING = (
    Field("training/run", INTEGER, ("k",), optional=True, since=3),
    Field("training/epoch", FLOAT, ("k",), optional=True, since=3),
    Field("training/loss", FLOAT, ("k",), optional=True, finite=False, since=3),
    Field("training/coordinates", FLOAT, ("k", "N"), optional=True, since=3),
    Field("training/minimum", INTEGER, ("k",), optional=True, since=3),
)
ENSEMBLE = (
    Field("ensemble/about", TEXT, optional=True, since=5),
    Field("ensemble/members", INTEGER, ("e",), optional=True, since=5),
    Field("ensemble/weights", FLOAT, ("e",), optional=True, since=5),
    Field("ensemble/stacking", FLOAT, ("c", "e_c"), optional=True, since=5),
    Field("ensemble/gate_inputs", FLOAT, ("v", "d"), optional=True, since=5),
    Field("ensemble/gate_competence", FLOAT, ("v", "e"), optional=True, since=5),
)
GENERAL = (
    Field("settings", TEXT),
    Field("model/name", TEXT),
    Field("model/parameters", TEXT),
    Field("model/dimension", INTEGER),
    Field("model/fingerprint", TEXT),
    Field("model/user", TEXT, optional=True, since=4),
    Field("model/source", TEXT, optional=True, since=4),
    Field("counters", TEXT),
    Field("provenance", TEXT),
    Field(SEARCH_STATE, TEXT, optional=True),
)
FIELDS = GENERAL + DATA + MINIMA + TRANSITION_STATES + PAIRS + TRACE + SCORES + TRAINING + ENSEMBLE
_BLOCK_ROWS = 4096
# Present together or not at all.
GROUPS = (
    ("data/source", "data/sha256", "data/content_sha256", "data/names"),
    ("data/features", "data/shift", "data/scale"),
    ("model/user", "model/source"),
    tuple(field.path for field in TRACE),
    tuple(field.path for field in SCORES),
    tuple(field.path for field in TRAINING),
    ("ensemble/about", "ensemble/members", "ensemble/weights"),
    ("ensemble/gate_inputs", "ensemble/gate_competence"),
)

Contents = Mapping[str, "np.ndarray | str"]


def upgrade(contents: dict[str, "np.ndarray | str"], version: int) -> None:
    """Give the contents of a file of an older version the datasets that came later: log_order, the others zero.

    Only columns of numbers were added so far; the length is that of the table's orders.
    """
    for field in MINIMA + TRANSITION_STATES:
        orders = contents.get(f"{field.path.split('/')[0]}/order")
        if field.since > version and not field.optional and isinstance(orders, np.ndarray):
            contents[field.path] = np.zeros(orders.shape, dtype=field.dtype)
            if field.name == "log_order":
                contents[field.path] += np.log(np.maximum(orders, 1))


def _field_problem(field: Field, value: np.ndarray | str, sizes: dict[str, int]) -> str | None:
    """What is wrong with one dataset; learns the sizes it is the first to show."""
    if field.dtype == TEXT:
        return None if isinstance(value, str) else f"/{field.path} is not a text"
    if isinstance(value, str) or value.dtype != np.dtype(field.dtype):
        return f"/{field.path} has a wrong element type"
    if value.ndim != len(field.shape):
        return f"/{field.path} has {value.ndim} dimensions instead of {len(field.shape)}"
    for expected, actual in zip(field.shape, value.shape, strict=True):
        size = expected if isinstance(expected, int) else sizes.setdefault(expected, actual)
        if actual != size:
            return f"/{field.path} has the length {actual} where {size} is expected"
    if field.finite and value.dtype.kind == "f":
        # In blocks: the answers for all of a large table would take an eighth of its memory.
        for first in range(0, len(value) if value.ndim else 0, _BLOCK_ROWS):
            wrong = ~np.isfinite(value[first : first + _BLOCK_ROWS])
            if wrong.any():
                return f"/{field.path} is not finite in row {first + int(np.argwhere(wrong)[0, 0])}"
    return None


def _ids_problem(contents: Contents) -> str | None:
    """What is wrong with the ids of minima that transition states and pairs name."""
    count = len(contents["minima/loss"])
    for path in ("transition_states/minima", "pairs/ids"):
        ids = contents[path]
        bad_rows = np.flatnonzero(((ids < 0) | (ids >= count)).any(axis=1))
        if bad_rows.size:
            return f"/{path} names a minimum that does not exist in row {int(bad_rows[0])}"
    reached = contents.get("training/minimum", np.empty(0, dtype=np.int64))
    bad_rows = np.flatnonzero((reached < -1) | (reached >= count))
    if bad_rows.size:
        return f"/training/minimum names a minimum that does not exist in row {int(bad_rows[0])}"
    members = contents.get("ensemble/members", np.empty(0, dtype=np.int64))
    if ((members < 0) | (members >= count)).any() or len(np.unique(members)) < len(members):
        return "/ensemble/members names a minimum that does not exist, or one twice"
    pairs = contents["pairs/ids"]
    if (pairs[:, 0] > pairs[:, 1]).any():
        return "/pairs/ids has a row that is not two ids in ascending order"
    # The ids are below `count` here, so that both fit into one number.
    keys = np.sort(pairs[:, 0] * count + pairs[:, 1])
    if (keys[1:] == keys[:-1]).any():
        return "/pairs/ids names a pair twice"
    return None


def _search_problem(contents: Contents) -> str | None:
    """What is wrong with the arrays of the checkpoint."""
    for path, value in contents.items():
        if not path.startswith(SEARCH_ARRAYS):
            continue
        if SEARCH_STATE not in contents:
            return f"/{SEARCH_STATE} is missing"
        if isinstance(value, str) or value.dtype.str not in (FLOAT, INTEGER):
            return f"/{path} has a wrong element type"
    return None


def find_problem(contents: Contents, points: bool = True) -> str | None:
    """What keeps `contents` (dataset path to array or text) from being a landscape, or None.

    points: whether the coordinates were read. The answer is the beginning of a sentence.
    """
    expected = [field for field in FIELDS if points or field.path not in POINTS]
    sizes: dict[str, int] = {}
    dimension = contents.get("model/dimension")
    if isinstance(dimension, np.ndarray) and dimension.shape == () and dimension.dtype.str == INTEGER:
        sizes["N"] = int(dimension)
    for field in expected:
        if field.path not in contents:
            if field.optional:
                continue
            return f"/{field.path} is missing"
        problem = _field_problem(field, contents[field.path], sizes)
        if problem:
            return problem
    for group in GROUPS:
        group = [path for path in group if points or path not in POINTS]
        missing = [path for path in group if path not in contents]
        if missing and len(missing) < len(group):
            return f"/{missing[0]} is missing"
    if "data/features" in contents and "data/source" not in contents:
        return "/data/source is missing"
    if any(path.startswith("ensemble/") for path in contents) and "ensemble/about" not in contents:
        return "/ensemble/about is missing"
    return _ids_problem(contents) or _search_problem(contents)
