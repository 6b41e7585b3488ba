"""The formats that an export writes, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from llcommon.errors import ConfigError, InputError
from llcommon.interchange import pathinfo, rates, runfiles, suite, tables, topsearch
from llcommon.interchange.admission import stored_set
from llcommon.interchange.folders import Content
from llcommon.interchange.lowest import lowest


@dataclass(frozen=True)
class Wishes:
    """What was asked for. temperature: in units of the loss; sets: ids of the minima in A and B, None for the usual."""

    temperature: float
    sets: dict[str, np.ndarray | None]


@dataclass(frozen=True)
class Format:
    """make(landscape, wishes): the content of the file, or of the files of a folder by name. ending: of a default
    name; names: all files that such a folder may hold, empty for a format that is one file."""

    make: Callable[[object, Wishes], Content | Mapping[str, Content]]
    ending: str
    names: tuple[str, ...] = ()


def _require_points(landscape) -> None:
    if not landscape.declared.dimension:
        raise ConfigError("this landscape was imported as a table, without the coordinates that this format is made of")


def sets_of(landscape, wishes: Wishes) -> dict[str, np.ndarray]:
    """Ids of the minima in the sets A and B: those asked for, those the landscape holds, or the usual ones.

    The usual ones are the global minimum (A) and all others that transition states connect to it (B); without any both
    are the global minimum, because PATHSAMPLE does not start without them.
    """
    best = landscape.global_minimum()
    connected = _connected(landscape, best)
    usual = {"A": np.array([best]), "B": connected[connected != best]}
    found = {}
    for name in suite.SETS:
        chosen = wishes.sets.get(name)
        if chosen is None:
            chosen = stored_set(landscape, name)
        if chosen is None:
            chosen = usual[name]
        found[name] = np.asarray(chosen, dtype=np.int64)
    if not len(found["B"]):
        return {"A": found["A"], "B": found["A"]}
    both = np.intersect1d(found["A"], found["B"])
    if both.size:
        raise ConfigError(f"minimum {both[0]} would be in set A and in set B; name other sets by --set-a and --set-b")
    return found


def _connected(landscape, root: int) -> np.ndarray:
    """Ids, ascending, of the minima that transition states connect to `root`, itself among them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    count = len(landscape.minima)
    ends = landscape.transition_states.minima
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count)).tocsr()
    return np.sort(breadth_first_order(graph, root, directed=False, return_predecessors=False))


def _network(landscape, sets: dict[str, np.ndarray]) -> dict[str, Content]:
    """What PATHSAMPLE and PyGT have in common."""
    files: dict[str, Content] = {suite.MIN_DATA: suite.min_data(landscape), suite.TS_DATA: suite.ts_data(landscape)}
    for name, ids in sets.items():
        files[suite.SETS[name]] = suite.set_text(ids.tolist())
    return files


def suite_folder(landscape, wishes: Wishes) -> dict[str, Content]:
    """A database in which PATHSAMPLE and disconnectionDPS run at once, and OPTIM and GMIN if they know the model."""
    model = landscape.declared
    minima, states = landscape.minima, landscape.transition_states
    _check_lpphe(landscape)
    sets = sets_of(landscape, wishes)
    files = _network(landscape, sets)
    files[suite.PAIRS_DATA] = suite.pairs_data(landscape)
    if model.dimension:
        files[suite.POINTS_MIN] = suite.points_bytes(landscape, minima)
        files[suite.POINTS_TS] = suite.points_bytes(landscape, states)
        best = suite.in_suite_order(landscape, minima.coordinates[landscape.global_minimum()])
        files |= runfiles.for_the_suite(model, landscape.settings, best)
    apart = not np.array_equal(sets["A"], sets["B"])
    softest = float(np.concatenate([minima.smallest_eigenvalue, states.next_eigenvalue]).min())
    files["pathdata"] = runfiles.pathdata(model, landscape.settings, wishes.temperature, apart, softest)
    files["dinfo"] = runfiles.dinfo(minima.loss, states.loss)
    return files


def _check_lpphe(landscape) -> None:
    for name, table in (("minimum", landscape.minima), ("transition state", landscape.transition_states)):
        bad = np.flatnonzero(~np.isfinite(table.lpphe))
        if bad.size:
            raise InputError(f"{name} {bad[0]} has no LPPHE, which this format needs; see `list`")


def _path_info(landscape, wishes: Wishes) -> Content:
    _require_points(landscape)
    if not len(landscape.transition_states):
        raise ConfigError("path.info is a list of transition states, and the landscape has none; use min.data.info")
    model = landscape.model
    return pathinfo.path_info(
        landscape.minima,
        landscape.transition_states,
        lambda x: suite.in_suite_order(landscape, x),
        lambda x: np.linalg.eigvalsh(model.hessian(x)),
    )


def _min_data_info(landscape, wishes: Wishes) -> Content:
    _require_points(landscape)
    _check_lpphe(landscape)
    points = suite.in_suite_order(landscape, landscape.minima.coordinates)
    return pathinfo.min_data_info(suite.min_data(landscape), points)


def _lowest(landscape, wishes: Wishes) -> Content:
    _require_points(landscape)
    return lowest(landscape.minima.loss, suite.in_suite_order(landscape, landscape.minima.coordinates))


def _topsearch(landscape, wishes: Wishes) -> dict[str, Content]:
    _require_points(landscape)
    return topsearch.topsearch_files(landscape)


def _pygt(landscape, wishes: Wishes) -> dict[str, Content]:
    return _network(landscape, sets_of(landscape, wishes)) | rates.pygt_files(landscape, wishes.temperature)


_DATABASE = (suite.MIN_DATA, suite.TS_DATA, *suite.SETS.values())
_RUN = ("pathdata", "dinfo", "odata.connect", "odata.tspath", "data", "coords", "MLPdata", "MLQdata")

FORMATS: dict[str, Format] = {
    "suite": Format(
        suite_folder, "-suite", (*_DATABASE, suite.POINTS_MIN, suite.POINTS_TS, suite.PAIRS_DATA, *_RUN)
    ),
    "path.info": Format(_path_info, ".path.info"),
    "min.data.info": Format(_min_data_info, ".min.data.info"),
    "lowest": Format(_lowest, ".lowest"),
    "topsearch": Format(_topsearch, "-topsearch", topsearch.NAMES),
    "graphml": Format(lambda landscape, wishes: tables.graphml_content(landscape), ".graphml"),
    "npz": Format(lambda landscape, wishes: tables.npz_content(landscape), ".npz"),
    "rates": Format(lambda landscape, wishes: rates.rates_content(landscape, wishes.temperature), ".rates.npz"),
    "pygt": Format(_pygt, "-pygt", (*_DATABASE, "ts_conns.dat", "ts_weights.dat", "stat_prob.dat")),
}
