"""Landscape to file and back; the format is described in `llcommon.store.schema`."""

import hashlib
import json
from pathlib import Path

import numpy as np

from llcommon import losses
from llcommon.combining import COMBINATIONS, Ensemble, Gate
from llcommon.config import FreeTable, canonical_json, read_bytes
from llcommon.data import Data, read_csv
from llcommon.errors import InputError, LandscapeError
from llcommon.losses.base import LossModel
from llcommon.losses.named import NamedModel
from llcommon.losses.user.source import ENTRY_POINT, FILE, Source
from llcommon.losses.user.stored import StoredModel
from llcommon.settings import Settings, parse_settings, settings_to_tables
from llcommon.store import container, schema
from llcommon.store.columns import Columns
from llcommon.store.landscape import Landscape, SearchState, model_fingerprint, model_parameters
from llcommon.store.replace import replace_file

MEGABYTE = 1_000_000


# --- writing --------------------------------------------------------------------------


def _table_contents(table: Columns, prefix: str) -> dict[str, np.ndarray]:
    if not table.complete:
        raise ValueError("a landscape read without points cannot be written")
    return {f"{prefix}/{name}": getattr(table, name) for name in table.names}


def _data_contents(data: Data, embed_limit_mb: float | None) -> dict[str, np.ndarray | str]:
    """What is stored of the data: all, or above the limit (None: without one) only what finds and checks the CSV."""
    names = {
        "class_names": list(data.class_names),
        "feature_names": list(data.feature_names),
        "scaling": data.scaling,
        "target_name": data.target_name,
    }
    contents: dict[str, np.ndarray | str] = {
        "data/source": data.source,
        "data/sha256": data.sha256,
        "data/content_sha256": data.content_sha256(),
        "data/names": canonical_json(names),
    }
    arrays = {name: getattr(data, name) for name in ("features", "shift", "scale", "labels", "targets")}
    arrays = {f"data/{name}": array for name, array in arrays.items() if array is not None}
    size = sum(array.nbytes for array in arrays.values())
    if embed_limit_mb is None or size <= embed_limit_mb * MEGABYTE:
        contents.update(arrays)
    return contents


def _user_contents(model) -> dict[str, str]:
    """What is stored besides of a user's loss model: its source, and what can be told without running it."""
    source = model.source
    if source is None:
        return {}
    about = {
        "kind": source.kind,
        "path": source.filename,
        "sha256": source.sha256,
        "bounded": model.bounded,
        "symmetric": model.symmetric,
        "temperature": float(model.suggested_temperature),
        "notes": model.notes(),
    }
    return {"model/user": canonical_json(about), "model/source": source.text}


def _ensemble_contents(ensemble: Ensemble) -> dict[str, np.ndarray | str]:
    """What is stored of minima that predict together."""
    gate = ensemble.gate
    about = {
        "combination": ensemble.combination,
        "neighbours": None if gate is None else gate.neighbours,
        "about": ensemble.about,
    }
    contents: dict[str, np.ndarray | str] = {
        "ensemble/about": canonical_json(about),
        "ensemble/members": ensemble.members,
        "ensemble/weights": ensemble.weights,
    }
    if ensemble.stacking is not None:
        contents["ensemble/stacking"] = ensemble.stacking
    if gate is not None:
        contents["ensemble/gate_inputs"] = gate.inputs
        contents["ensemble/gate_competence"] = gate.competence
    return contents


def landscape_contents(landscape: Landscape, embed: bool = False) -> dict[str, np.ndarray | str]:
    """All that a landscape file holds, by dataset path. ValueError for what the format forbids.

    embed: whether it holds the data however large they are.
    """
    model = landscape.declared
    contents: dict[str, np.ndarray | str] = {
        "settings": canonical_json(settings_to_tables(landscape.settings)),
        "model/name": model.name,
        "model/parameters": canonical_json(model_parameters(model)),
        "model/dimension": np.array(model.dimension),
        "model/fingerprint": landscape.fingerprint,
        "counters": canonical_json(landscape.counters),
        "provenance": canonical_json(landscape.provenance),
    }
    contents.update(_user_contents(model))
    if landscape.data is not None:
        limit = None if embed else landscape.settings.data.embed_limit_mb
        contents.update(_data_contents(landscape.data, limit))
    contents.update(_table_contents(landscape.minima, "minima"))
    contents.update(_table_contents(landscape.transition_states, "transition_states"))
    contents.update(_table_contents(landscape.pairs, "pairs"))
    for name in ("trace", "training"):
        table = getattr(landscape, name)
        if len(table):
            contents.update(_table_contents(table, name))
    contents.update(landscape.scores.contents(len(landscape.minima)))
    if landscape.ensemble is not None:
        contents.update(_ensemble_contents(landscape.ensemble))
    if landscape.search is not None:
        contents[schema.SEARCH_STATE] = canonical_json(landscape.search.state)
        for name, array in landscape.search.arrays.items():
            contents[schema.SEARCH_ARRAYS + name] = array
    contents = {path: _in_file_type(value) for path, value in contents.items()}
    problem = schema.find_problem(contents)
    if problem:
        raise ValueError(f"{problem}; this landscape must not be written")
    return contents


def _in_file_type(value: np.ndarray | str) -> np.ndarray | str:
    """Arrays little-endian and contiguous, as they are stored."""
    if isinstance(value, str):
        return value
    value = np.asarray(value)
    return np.asarray(value, dtype=value.dtype.newbyteorder("<"), order="C")


def write_landscape(path: str | Path, landscape: Landscape, *, embed: bool = False) -> None:
    """Replace (or create) the file `path` by this landscape; equal landscapes give equal bytes.

    embed: whether the file holds the data however large they are, for a reader that does not see their file. Raises
    OutputError if it cannot be written; the file that was there is then untouched.
    """
    contents = landscape_contents(landscape, embed)
    replace_file(path, lambda temporary: container.write(temporary, contents))


# --- reading --------------------------------------------------------------------------


def _json(contents: schema.Contents, path: str, kind: type) -> dict | list:
    """A JSON text of the file, of the kind (dict or list) that it must be; ValueError otherwise."""
    value = json.loads(contents[path])
    if not isinstance(value, kind):
        raise ValueError(f"/{path} is not the JSON text that belongs there")
    return value


def _embedded_data(contents: schema.Contents) -> Data:
    names = _json(contents, "data/names", dict)
    return Data(
        feature_names=tuple(names["feature_names"]),
        features=contents["data/features"],
        shift=contents["data/shift"],
        scale=contents["data/scale"],
        scaling=names["scaling"],
        target_name=names["target_name"],
        class_names=tuple(names["class_names"]),
        labels=contents.get("data/labels"),
        targets=contents.get("data/targets"),
        source=contents["data/source"],
        sha256=contents["data/sha256"],
    )


def _outside_data(contents: schema.Contents, settings: Settings, path: Path) -> Data:
    """Data too large to be embedded: the CSV file again, which must be the same bytes."""
    name = settings.data.file or contents["data/source"]
    candidates = [path.parent / name, Path(name), path.parent / contents["data/source"]]
    found = [candidate for candidate in candidates if candidate.is_file()]
    for candidate in found:
        if hashlib.sha256(read_bytes(candidate)).hexdigest() == contents["data/sha256"]:
            names = _json(contents, "data/names", dict)
            numeric_target = not names["class_names"] if names["target_name"] else None
            return read_csv(candidate, settings.data, numeric_target)
    if found:
        raise InputError(f"{path} was made from other data than {found[0]} now holds; restore that file")
    raise InputError(f"{path} needs its data file {name}, which is missing; put it beside the landscape file")


def _stored_data(contents: schema.Contents, settings: Settings, path: Path, known: Data | None) -> Data | None:
    if "data/source" not in contents:
        return None
    if "data/features" in contents:
        return _embedded_data(contents)
    if known is not None and known.content_sha256() == contents["data/content_sha256"]:
        return known
    return _outside_data(contents, settings, path)


def _ensemble(contents: schema.Contents, data: Data | None) -> Ensemble | None:
    """The minima that predict together, if there are some; ValueError for what makes no sense."""
    if "ensemble/about" not in contents:
        return None
    about = _json(contents, "ensemble/about", dict)
    gate = None
    if "ensemble/gate_inputs" in contents:
        gate = Gate(contents["ensemble/gate_inputs"], contents["ensemble/gate_competence"], int(about["neighbours"]))
    stacking = contents.get("ensemble/stacking")
    combination = about["combination"]
    fitted = {"stacking": stacking is not None, "specialise": gate is not None}
    if combination not in COMBINATIONS or not fitted.get(combination, True) or not len(contents["ensemble/members"]):
        raise ValueError("/ensemble is not whole")
    members, weights = contents["ensemble/members"], contents["ensemble/weights"]
    classes = 0 if data is None else len(data.class_names)
    shape = (classes, len(members) * classes + 1) if classes else (1, len(members))
    if stacking is not None and stacking.shape != shape:
        raise ValueError(f"/ensemble/stacking has the shape {stacking.shape} where {shape} is expected")
    if gate is not None and not 1 <= gate.neighbours <= len(gate.inputs):
        raise ValueError("/ensemble/about names a wrong number of neighbours")
    return Ensemble(combination, members, weights, stacking, gate, about["about"])


def _own_model(contents: schema.Contents, data: Data | None, path: Path) -> LossModel:
    """A model of the toolchain."""
    model = losses.build(contents["model/name"], _json(contents, "model/parameters", dict), data)
    if model.dimension != int(contents["model/dimension"]):
        raise InputError(
            f"{path} holds points of {int(contents['model/dimension'])} coordinates and its loss model "
            f"has {model.dimension}; it was made by another version of the toolchain, make it again"
        )
    return model


def _user_model(contents: schema.Contents, data: Data | None, path: Path) -> StoredModel:
    """A user's model: its source is not run."""
    about = _json(contents, "model/user", dict)
    source = Source(contents["model/name"], about["kind"], contents["model/source"])
    if source.kind not in (FILE, ENTRY_POINT) or source.sha256 != about["sha256"]:
        raise ValueError("the source of its loss model does not agree with its checksum")
    return StoredModel(
        name=contents["model/name"],
        parameters=FreeTable(_json(contents, "model/parameters", dict)),
        data=data,
        source=source,
        dimension=int(contents["model/dimension"]),
        bounded=bool(about["bounded"]),
        symmetric=bool(about["symmetric"]),
        suggested_temperature=float(about["temperature"]),
        notes_stored=tuple(str(note) for note in about["notes"]),
        place=str(path),
    )


def _named_model(contents: schema.Contents, data: Data | None) -> NamedModel:
    """A model of the toolchain that is not built before it is needed."""
    return NamedModel(
        name=contents["model/name"],
        parameters=FreeTable(_json(contents, "model/parameters", dict)),
        data=data,
        dimension=int(contents["model/dimension"]),
        bounded="minima/active" in contents,
    )


def _assemble(contents: schema.Contents, path: Path, points: bool, data: Data | None) -> Landscape:
    """A landscape from checked contents; ValueError and KeyError for texts that make no sense."""
    tables = _json(contents, "settings", dict)
    users = "model/user" in contents
    # Tables need no model of their own: what is not built is not checked either, and takes no time.
    parameters_of = losses.parameters_of if points and not users else lambda name: FreeTable
    settings = parse_settings(tables, str(path), parameters_of, losses.known_models())
    data = _stored_data(contents, settings, path, data)
    if users:
        model = _user_model(contents, data, path)
    elif points:
        model = _own_model(contents, data, path)
    else:
        model = _named_model(contents, data)
    landscape = Landscape(settings, model, data, contents)
    landscape.data_sha256 = contents.get("data/content_sha256")
    landscape.fingerprint = contents["model/fingerprint"]
    landscape.ensemble = _ensemble(contents, data)
    landscape.counters = _json(contents, "counters", dict)
    landscape.provenance = _json(contents, "provenance", list)
    if schema.SEARCH_STATE in contents:
        arrays = {
            name.removeprefix(schema.SEARCH_ARRAYS): value
            for name, value in contents.items()
            if name.startswith(schema.SEARCH_ARRAYS)
        }
        landscape.search = SearchState(_json(contents, schema.SEARCH_STATE, dict), arrays)
    return landscape


def verify_hashes(landscape: Landscape, name: str = "the landscape") -> None:
    """Raise InputError, calling the landscape `name`, if model or data are not those it was made with."""
    data = landscape.data
    if (None if data is None else data.content_sha256()) != landscape.data_sha256:
        raise InputError(f"{name} does not agree with the checksum of its data; restore it from a copy")
    if model_fingerprint(landscape.declared, data) != landscape.fingerprint:
        raise InputError(
            f"{name} does not agree with the fingerprint of its loss model; "
            "use the version of the toolchain that made it"
        )


def read_landscape(path: str | Path, *, points: bool = True, data: Data | None = None) -> Landscape:
    """The landscape in the file `path`.

    points: whether to read the coordinates; without them reading is fast and the result serves
    tables, but nothing can be added to it and it cannot be written; a model of the toolchain is built when it is
    first asked for. data: taken for those of the file if they are the same and it does not hold them; the CSV file is
    not looked for then. Raises InputError, one sentence that names the file, for a file that is missing, foreign, of a
    newer version or damaged.
    """
    path = Path(path)
    contents = container.unpack(path, skip=() if points else schema.POINTS)
    problem = schema.find_problem(contents, points)
    if problem:
        raise InputError(f"{path} is not a valid landscape file ({problem}); make it again")
    try:
        landscape = _assemble(contents, path, points, data)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a valid landscape file ({error}); make it again") from error
    except InputError:
        raise
    except LandscapeError as error:
        first_line = str(error).splitlines()[0]
        raise InputError(f"{path} describes its loss model wrongly: {first_line}") from error
    verify_hashes(landscape, str(path))
    return landscape


def read_coordinates(path: str | Path, table: str, row: int) -> np.ndarray:
    """Coordinates, (N,), of one point in the file `path`, from which a landscape was read without points.

    table: "minima" or "transition_states". All of them are read and verified, none but these are kept. Raises
    InputError if the file is damaged.
    """
    return container.unpack_row(Path(path), f"{table}/coordinates", row)
