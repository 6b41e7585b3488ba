"""Empty landscapes to import into: of a TOML file, like a landscape file, or of a folder of the original suite."""

import hashlib
from pathlib import Path

import numpy as np

from llcommon.config import read_bytes
from llcommon.data import Data
from llcommon.errors import ConfigError, InputError
from llcommon.interchange.fortran import Line, lines_of
from llcommon.losses import build, known_models, parameters_of
from llcommon.settings import parse_settings
from llcommon.store import Landscape

# Files of keywords, those of PATHSAMPLE, OPTIM and GMIN, in the order in which they are looked through.
KEYWORD_FILES = ("pathdata", "odata", "odata.connect", "odata.tspath", "odata.start", "data")
MLP_DATA = "MLPdata"
_COMMENTS = ("!", "#", "\\", "NOTE", "COMMENT")
# Keywords of other networks than ours, which must not be taken for MLPVB3.
_OTHERS = ("MLP3", "MLPB3", "MLPB3NEW", "MLPVB3NN", "MLPVB3SAM", "AUCMLPVB3", "MLQ", "DL")


def table_landscape(degrees_of_freedom: int) -> Landscape:
    """An empty landscape of points that are known by a table only."""
    tables = {"loss": {"model": "tabulated", "degrees_of_freedom": degrees_of_freedom}}
    return _landscape(tables, None, "the command line")


def suite_landscape(folder: Path) -> Landscape:
    """An empty landscape of the MLPVB3 network that a folder of the original suite is about.

    ConfigError if it does not say so, InputError for what is wrong in its files.
    """
    line, others = _network_line(folder)
    if line is None:
        raise ConfigError(
            f"{folder} does not say what loss it is of: no MLPVB3 line is in {', '.join(KEYWORD_FILES[:2])} or data; "
            "give the loss model by --model FILE.toml or --like FILE.h5, or --table N for a network without coordinates"
        )
    if len(line.words) != 7:
        raise line.fault("has no six numbers behind MLPVB3: inputs, first column, hidden, outputs, rows, lambda")
    inputs, first, hidden, outputs, rows = (line.whole(place) for place in range(1, 6))
    scaling = "mean-abs" if "MLPNORM" in others else "none"
    data = _mlp_data(folder / MLP_DATA, inputs, first, outputs, rows, scaling)
    loss = {
        "model": "mlp",
        "hidden": [hidden],
        "lambda": line.real(6),
        "regularise_biases": "NOREGBIAS" not in others,
    }
    tables = {"loss": loss, "data": {"file": MLP_DATA, "target": data.target_name, "scaling": scaling}}
    return _landscape(tables, data, str(line.path))


def _landscape(tables: dict, data: Data | None, source: str) -> Landscape:
    settings = parse_settings(tables, source, parameters_of, known_models())
    return Landscape(settings, build(settings.loss_model, settings.loss, data), data)


def _network_line(folder: Path) -> tuple[Line | None, set[str]]:
    """The line of the first MLPVB3 in the keyword files of a folder, and the other keywords of that file."""
    for name in KEYWORD_FILES:
        if not (folder / name).is_file():
            continue
        found, others = None, set()
        for line in lines_of(folder / name):
            word = line.words[0].upper()
            if word.startswith(_COMMENTS):
                continue
            if word in ("STOP", "VARIABLES", "POINTS"):
                break
            if word == "MLPVB3":
                found = line
            others.add(word)
        strange = sorted(others.intersection(_OTHERS))
        if strange:
            raise ConfigError(
                f"{folder / name} is of the potential {strange[0]}, and only MLPVB3 can be read from there: give the "
                "loss model by --model FILE.toml or --like FILE.h5"
            )
        if found:
            return found, others
    return None, set()


def _mlp_data(path: Path, inputs: int, first: int, outputs: int, rows: int, scaling: str) -> Data:
    """MLPdata: a row of an outcome, counted from 0, and features, of which those from column `first` on are used."""
    features, labels = [], []
    for line in lines_of(path):
        if len(labels) == rows:
            break
        if len(line.words) < first + inputs:
            raise line.fault(f"has {len(line.words) - 1} features where {first + inputs - 1} are needed; correct it")
        label = line.whole(0)
        if not 0 <= label < outputs:
            raise line.fault(f"has the outcome {label}, which is not one of 0 to {outputs - 1}; correct it")
        labels.append(label)
        features.append([line.real(place) for place in range(first, first + inputs)])
    if len(labels) < rows:
        raise InputError(f"{path} has {len(labels)} rows where MLPVB3 says {rows}; correct one of them")
    values = np.array(features)
    scale = np.abs(values).mean(axis=0) if scaling == "mean-abs" else np.ones(inputs)
    if not scale.all():
        raise InputError(f"{path}: a column of zeros cannot be scaled by MLPNORM; leave it out")
    return Data(
        feature_names=tuple(f"x{first + place}" for place in range(inputs)),
        features=values,
        shift=np.zeros(inputs),
        scale=scale,
        scaling=scaling,
        target_name="outcome",
        class_names=tuple(str(number) for number in range(outputs)),
        labels=np.array(labels, dtype=np.int64),
        targets=None,
        source=path.name,
        sha256=hashlib.sha256(read_bytes(path)).hexdigest(),
    )
